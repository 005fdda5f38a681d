"""Problem files that look around: each raises with a list of what it reached.

`PLANTED` stands for what the test laid out for them (see `Planted` in test_reach.py).
"""

from __future__ import annotations

_HEAD = """
import glob, json, os, signal, socket
PLANTED = json.loads({planted!r})
found = []
confined = not os.path.isdir(PLANTED["home"])  # else nothing is tried that would hurt the machine

def reach(name, attempt):
    try:
        if attempt():
            found.append(name)
    except Exception:
        pass

def read(path):
    with open(path, "rb") as stream:
        return stream.read()

def write(path):
    with open(path, "w") as stream:
        stream.write("from a problem file")
    return True
"""
_TAIL = """
raise RuntimeError("reached: " + " ".join(found))
"""

REACHING = {
    "environment": """
reach("variable", lambda: PLANTED["secret"] in repr(dict(os.environ)))
for path in glob.glob("/proc/[0-9]*/environ"):
    reach("process", lambda: PLANTED["secret"].encode() in read(path))
""",
    "files": """
reach("home", lambda: PLANTED["secret"].encode() in read(PLANTED["home"] + "/.netrc"))
reach("key", lambda: PLANTED["secret"].encode() in read(PLANTED["home"] + "/.ssh/id"))
reach("directory", lambda: os.listdir(PLANTED["home"]))
reach("shadow", lambda: read("/etc/shadow"))
reach("tree", lambda: os.listdir(PLANTED["tree"]))
reach("root", lambda: os.listdir("/proc/1/root/" + PLANTED["home"]))
""",
    "sockets": """
def connect(family, address):
    with socket.socket(family) as one:
        one.settimeout(2)
        one.connect(address)
    return True

reach("loopback", lambda: connect(socket.AF_INET, ("127.0.0.1", PLANTED["port"])))
reach("abstract", lambda: connect(socket.AF_UNIX, chr(0) + PLANTED["abstract"]))
reach("file", lambda: connect(socket.AF_UNIX, PLANTED["home"] + "/socket"))
""",
    "writes": """
reach("home", lambda: write(PLANTED["home"] + "/written"))
reach("tree", lambda: write(PLANTED["tree"] + "/written"))
reach("open", lambda: write(PLANTED["open"] + "/written"))
for directory in ("/tmp", "/var/tmp", "/dev/shm") if confined else ():
    write(directory + "/" + PLANTED["secret"])  # its own: the test looks for it outside
for directory in ("/run", "/usr", "/etc", "/opt", os.path.dirname(os.__file__)):
    reach("system", lambda: confined and write(directory + "/" + PLANTED["secret"]))
""",
    "processes": """
reach("signal", lambda: os.kill(PLANTED["pid"], 0) is None)
reach("listed", lambda: PLANTED["mark"].encode() in read(f"/proc/{PLANTED['pid']}/cmdline"))
for path in glob.glob("/proc/[0-9]*/cmdline"):
    reach("caller", lambda: PLANTED["mark"].encode() in read(path))
""",
    "rights": """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    return confined and getattr(libc, name)(*arguments) == 0

reach("machine", lambda: not confined)
reach("proc", lambda: call("umount2", b"/proc", 2))
reach("tree", lambda: call("umount2", b"/tmp", 2))
reach("writable", lambda: call("mount", b"none", b"/usr", None, 0x20 | 0x1000, None))
reach("device", lambda: confined and os.mknod("/tmp/disk", 0o60600, os.makedev(254, 0)) is None)
reach("hostname", lambda: call("sethostname", b"taken", 5))
first = os.sched_param(1)
reach("priority", lambda: confined and os.sched_setscheduler(0, os.SCHED_FIFO, first) is None)
""",
}
"""What it tries → the body that tries it."""


def looking(name: str, planted: str) -> str:
    """The problem file's source; `planted` is a JSON document."""
    return _HEAD.format(planted=planted) + REACHING[name] + _TAIL
