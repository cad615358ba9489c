"""The PyPI package p9fs, which is fsspec's way to 9P, as a client of a node: p9fs_client.py HOST PORT DIALECT."""

import os
import sys

import p9fs

host, port, dialect = sys.argv[1], int(sys.argv[2]), sys.argv[3]
fs = p9fs.P9FileSystem(host, port, "root", version=dialect)


def names(path):
    return sorted(name.strip("./") for name in fs.ls(path, detail=False))


def read_all(path):
    """By offset to the end: fs.cat reads as much as a length says, and those of a node are 0."""
    file, data = fs._open_fid(path, os.O_RDONLY), b""
    while more := fs.client._read(file.fid, len(data), 8000).data:
        data += bytes(more)
    fs._release_fid(file)
    return data.decode()


def write(file, data):
    fs._write(data, 0, file)


print("list", *names(""))
print("type", fs.info("net")["type"], fs.info("ctl")["type"], fs.info("ctl")["size"])
print("ctl", read_all("ctl").splitlines()[0])
print("cat", fs.cat("ctl"))
try:
    print("exists", fs.exists("nothing"))
except Exception as why:
    print("exists", why)

# A session with a name: made as a directory, and it runs a job.
fs.mkdir("fsspec", create_parents=False)
print("made", "fsspec" in names(""), len(names("fsspec")))
args = fs._open_fid("fsspec/args", os.O_WRONLY)
write(args, b"echo member $m")
fs._release_fid(args)
print("args", read_all("fsspec/args"))
ctl = fs._open_fid("fsspec/ctl", os.O_WRONLY)
for line in (b"res 4\n", b"exec\n", b"close stdin\n"):
    write(ctl, line)
fs._release_fid(ctl)
print("stdout", *sorted(read_all("fsspec/stdout").splitlines()), sep="|")
print("wait", *sorted(line.split()[-1] for line in read_all("fsspec/wait").splitlines()))
try:
    fs._open_fid("fsspec/status", os.O_WRONLY)
except Exception as why:
    print("status", why)
try:
    fs.rm("fsspec")
except Exception as why:
    print("rm", why)
    ctl = fs._open_fid("fsspec/ctl", os.O_WRONLY)
    write(ctl, b"wipe\n")
print("removed", "fsspec" not in names(""))
