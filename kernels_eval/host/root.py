"""A file system of the container's own: read-only trees, a few devices, private scratch space."""

from __future__ import annotations

import ctypes
import glob
import os
import platform
import shutil
import stat
import subprocess
from pathlib import Path

from kernels_eval.sandbox import libc

_MS_RDONLY, _MS_REMOUNT, _MS_BIND = 0x1, 0x20, 0x1000
_MNT_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_STAGE = "/tmp"
"""Where the new root is put together; what was there stays as it is for everybody else."""
_DEVICES = ("null", "zero", "full", "random", "urandom")
_GPU_DEVICES = ("/dev/nvidia*", "/dev/dxg")
_NO_EXTRAS = libc.MS_NOSUID | libc.MS_NODEV

_libc = ctypes.CDLL(None, use_errno=True)


def enter_new_root(trees: list[Path], *, fresh_proc: bool) -> None:
    """Leave this process's mount namespace with nothing but `trees`, all of it read-only.

    `fresh_proc`: with the processes of this process's own namespace; else /proc as it was.
    Only /tmp and /dev/shm can be written, and both are empty. The process must be alone in its
    mount namespace and have the right to mount. Raises OSError.
    """
    libc.mount("none", "/", "none", libc.MS_REC | libc.MS_PRIVATE)
    shown = [*trees, *device_files()]
    sources = [os.open(path, os.O_PATH | os.O_CLOEXEC) for path in shown]
    old_proc = os.open("/proc", os.O_PATH | os.O_CLOEXEC)
    libc.mount("tmpfs", _STAGE, "tmpfs", _NO_EXTRAS, "size=1m,mode=0755")
    for name in ("dev/shm", "proc", "tmp", "var", "run"):
        Path(_STAGE, name).mkdir(parents=True)
    for name in ("tmp", "dev/shm"):
        libc.mount("tmpfs", f"{_STAGE}/{name}", "tmpfs", _NO_EXTRAS, "mode=1777")
    for path, source in zip(shown, sources, strict=True):
        _show(path, source)
        os.close(source)
    Path(_STAGE, "var/tmp").symlink_to("/tmp")
    Path(_STAGE, "dev/fd").symlink_to("/proc/self/fd")
    if fresh_proc:
        libc.mount("proc", f"{_STAGE}/proc", "proc", _NO_EXTRAS | libc.MS_NOEXEC)
    else:
        libc.mount(f"/proc/self/fd/{old_proc}", f"{_STAGE}/proc", "none", _MS_BIND | libc.MS_REC)
    os.close(old_proc)
    libc.mount("none", _STAGE, "none", _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _NO_EXTRAS)
    _pivot()


def device_files() -> list[Path]:
    """Those that Python and torch use, and the GPUs'."""
    gpu = [path for pattern in _GPU_DEVICES for path in glob.glob(pattern)]  # noqa: PTH207
    return [*(Path("/dev", name) for name in _DEVICES), *map(Path, gpu)]


def make_gpu_devices() -> None:
    """Have the driver make the files it makes on first use; none can be made in the container."""
    helper = shutil.which("nvidia-modprobe")
    if helper and Path("/dev/nvidiactl").exists() and not Path("/dev/nvidia-uvm").exists():
        subprocess.run([helper, "-u", "-c", "0"], check=False, capture_output=True)


def _show(path: Path, source: int) -> None:
    """Bind what the descriptor is open on; a link at the top (such as /bin) stays a link."""
    target = Path(f"{_STAGE}{path}")
    if path.is_symlink() and path.parent == Path("/"):
        target.symlink_to(path.readlink())
        return
    if os.path.lexists(target):  # in a tree that is shown already
        return
    if stat.S_ISDIR(os.fstat(source).st_mode):
        target.mkdir(parents=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    libc.mount(f"/proc/self/fd/{source}", str(target), "none", _MS_BIND | libc.MS_REC)
    libc.remount_read_only(str(target))


def _pivot() -> None:
    number = _PIVOT_ROOT.get(platform.machine())
    if number is None:
        raise OSError(f"pivot_root has no known number on {platform.machine()}")
    os.chdir(_STAGE)
    here = ctypes.c_char_p(b".")
    libc.syscall(number, here, here)
    if _libc.umount2(here, _MNT_DETACH) < 0:
        raise OSError(ctypes.get_errno(), "cannot let go of the old root")
    os.chdir("/")
