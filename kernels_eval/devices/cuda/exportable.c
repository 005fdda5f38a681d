/* Preloaded into every worker: device memory from cudaMalloc that can be shown to the judge.
 *
 * cudaMalloc's own memory cannot leave a process without a handle that anybody might forge. Blocks of
 * 2 MB and more therefore come from the driver's virtual memory calls, whose handles are file
 * descriptors: a right, not a number. torch's caching allocator sees an ordinary cudaMalloc.
 * Nothing here is believed: a candidate that tampers with it only loses its outputs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef unsigned long long word;
typedef struct { int type, id; } Location;
typedef struct {
    int type, handle_types;
    Location location;
    void *unused;
    unsigned char compression, rdma;
    unsigned short usage;
    unsigned char reserved[4];
} Properties; /* CUmemAllocationProp of cuda.h */
typedef struct { Location location; int flags; } Access; /* CUmemAccessDesc */

enum { PINNED = 1, DEVICE = 1, DESCRIPTOR = 1, READ_WRITE = 3, OUT_OF_MEMORY = 2 };
enum { GRANULE = 2 << 20, MOST = 4096 };

typedef struct { word base, size, handle, serial; } Segment;

static Segment segments[MOST];
static int count;
/* How often the table above has changed: who keeps a copy need not ask again. */
volatile word kernels_eval_changes;
static word last_serial;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int (*real_malloc)(void **, size_t);
static int (*real_free)(void *);
static int (*get_device)(int *);
static int (*synchronize)(void);
static int (*reserve)(word *, size_t, size_t, word, word);
static int (*unreserve)(word, size_t);
static int (*create)(word *, size_t, const Properties *, word);
static int (*release)(word);
static int (*map)(word, size_t, size_t, word, word);
static int (*unmap)(word, size_t);
static int (*set_access)(word, size_t, const Access *, size_t);
static int (*export_handle)(void *, word, int, word);

static void find(void) {
    real_malloc = dlsym(RTLD_NEXT, "cudaMalloc");
    real_free = dlsym(RTLD_NEXT, "cudaFree");
    get_device = dlsym(RTLD_NEXT, "cudaGetDevice");
    synchronize = dlsym(RTLD_NEXT, "cudaDeviceSynchronize");
    void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL);
    if (!driver) return;
    reserve = dlsym(driver, "cuMemAddressReserve");
    unreserve = dlsym(driver, "cuMemAddressFree");
    create = dlsym(driver, "cuMemCreate");
    release = dlsym(driver, "cuMemRelease");
    map = dlsym(driver, "cuMemMap");
    unmap = dlsym(driver, "cuMemUnmap");
    set_access = dlsym(driver, "cuMemSetAccess");
    export_handle = dlsym(driver, "cuMemExportToShareableHandle");
}

/* A mapped, exportable block, or a CUDA error. */
static int allocate(Segment *segment, size_t size, int device) {
    Properties wanted;
    memset(&wanted, 0, sizeof wanted);
    wanted.type = PINNED;
    wanted.handle_types = DESCRIPTOR;
    wanted.location.type = DEVICE;
    wanted.location.id = device;
    Access access = {{DEVICE, device}, READ_WRITE};
    int error = create(&segment->handle, size, &wanted, 0);
    if (error) return error;
    error = reserve(&segment->base, size, 0, 0, 0);
    if (!error) {
        error = map(segment->base, size, 0, segment->handle, 0);
        if (!error) {
            error = set_access(segment->base, size, &access, 1);
            if (!error) {
                segment->size = size;
                return 0;
            }
            unmap(segment->base, size);
        }
        unreserve(segment->base, size);
    }
    release(segment->handle);
    return error;
}

int cudaMalloc(void **pointer, size_t size) {
    pthread_once(&once, find);
    int device = 0;
    if (size < GRANULE || !export_handle || get_device(&device)) return real_malloc(pointer, size);
    static __thread int ready;
    if (!ready) {
        real_free(0); /* makes the primary context current */
        ready = 1;
    }
    Segment made;
    int error = allocate(&made, (size + GRANULE - 1) / GRANULE * GRANULE, device);
    if (error == OUT_OF_MEMORY) return OUT_OF_MEMORY; /* the same number in both interfaces */
    if (error) return real_malloc(pointer, size);
    pthread_mutex_lock(&lock);
    int full = count == MOST;
    if (!full) {
        made.serial = ++last_serial;
        segments[count++] = made;
        kernels_eval_changes++;
    }
    pthread_mutex_unlock(&lock);
    if (full) {
        unmap(made.base, made.size);
        unreserve(made.base, made.size);
        release(made.handle);
        return real_malloc(pointer, size);
    }
    *pointer = (void *)made.base;
    return 0;
}

int cudaFree(void *pointer) {
    pthread_once(&once, find);
    Segment found = {0, 0, 0, 0};
    pthread_mutex_lock(&lock);
    for (int index = 0; pointer && index < count; index++)
        if (segments[index].base == (word)(uintptr_t)pointer) {
            found = segments[index];
            segments[index] = segments[--count];
            kernels_eval_changes++;
            break;
        }
    pthread_mutex_unlock(&lock);
    if (!found.base) return real_free(pointer);
    int error = synchronize(); /* as cudaFree does */
    unmap(found.base, found.size);
    unreserve(found.base, found.size);
    release(found.handle);
    return error;
}

/* Base, size and serial number of every block, into three words each; how many there are. */
int kernels_eval_table(word *rows) {
    pthread_mutex_lock(&lock);
    for (int index = 0; index < count; index++) {
        rows[3 * index] = segments[index].base;
        rows[3 * index + 1] = segments[index].size;
        rows[3 * index + 2] = segments[index].serial;
    }
    int found = count;
    pthread_mutex_unlock(&lock);
    return found;
}

/* A file descriptor of that block, or -1. */
int kernels_eval_export(word serial) {
    word handle = 0;
    pthread_mutex_lock(&lock);
    for (int index = 0; index < count; index++)
        if (segments[index].serial == serial) handle = segments[index].handle;
    pthread_mutex_unlock(&lock);
    int descriptor = -1;
    if (!handle || export_handle(&descriptor, handle, DESCRIPTOR, 0)) return -1;
    return descriptor;
}
