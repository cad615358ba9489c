"""The PyPI package python-9p as a client of a node: python_9p.py HOST PORT. Prints what it found, for clients.rs."""

import sys

from py9p import Client, RemoteError, decode_dir

READ, WRITE, BOTH = 0, 1, 2
DIRECTORY = 0x80000000

client = Client.connect_tcp(sys.argv[1], int(sys.argv[2]), timeout=20)
client.negotiate()
client.attach(0, uname="root")
last = 0


def open_file(path, mode):
    global last
    last += 1
    client.walk(0, last, path)
    client.open(last, mode)
    return last


def read_all(path):
    fid, data = open_file(path, READ), b""
    while more := client.read(fid, offset=len(data)):
        data += more
    client.clunk(fid)
    return data


def entries(data):
    """The stats of a directory, each with its size in front: the package takes one apart, and no row of them."""
    while data:
        size = 2 + int.from_bytes(data[:2], "little")
        yield decode_dir(data[:size])
        data = data[size:]


print("version", client.version_string)
print("list", *sorted(entry.name for entry in entries(read_all("/"))))
print("ctl", read_all("ctl").decode().splitlines()[0])
try:
    client.walk(0, 90, "nothing")
except RemoteError as why:
    print("nothing", why)
print("net/nobody", len(client.walk(0, 90, "net/nobody")), "of 2")

# A session of its own: what is written to it is read back, and it runs a job.
ctl = open_file("clone", BOTH)
job = client.read(ctl).decode().strip()
args = open_file(f"{job}/args", BOTH)
client.write(args, b"echo member $m")
print("args", client.read(args).decode())
client.clunk(args)
for line in ("res 4", "exec", "close stdin"):
    client.write(ctl, line.encode() + b"\n")
print("stdout", *sorted(read_all(f"{job}/stdout").decode().splitlines()), sep="|")
print("wait", *sorted(line.split()[-1] for line in read_all(f"{job}/wait").decode().splitlines()))
try:
    client.write(ctl, b"exec\n")
except RemoteError as why:
    print("exec", why)
client.clunk(ctl)

# One with a name, which is made and removed as a directory.
client.walk(0, 80, "/")
client.create(80, "py", DIRECTORY | 0o755, READ)
client.clunk(80)
client.walk(0, 80, "py")
print("made", client.stat(80).name)
client.remove(80)
client.close()
