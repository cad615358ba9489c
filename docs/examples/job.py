#!/usr/bin/env python3
"""Runs a command on 64 members of a cluster, by way of its tree of files:

    job.py DIR [COMMAND]                where the tree is mounted
    job.py tcp!HOST!PORT [COMMAND]      or where it is served; unix!PATH too

Prints their output sorted by member, then how many of them succeeded. Members that failed are named, and the
exit code is 1. Either way the same few files are opened, read and written. The class Served does what the
kernel does for a mount: it speaks 9P2000, with six kinds of request.
"""

import getpass
import os
import socket
import struct
import sys
import threading

READ, WRITE, BOTH = 0, 1, 2  # the same numbers in 9P and in open(2)


class Mounted:
    """The tree as a directory."""

    def __init__(self, directory):
        self.directory = directory

    def open(self, path, mode):
        file = os.open(os.path.join(self.directory, path), mode)
        return lambda: os.read(file, 65536), lambda data: os.write(file, data)


class Served:
    """The tree as it is served: one request and its answer at a time.

    Every message is size[4] type[1] tag[2] and its fields; integers are little-endian, strings begin with
    their length. An answer's type is that of its request plus 1.
    """

    VERSION, ATTACH, WALK, OPEN, READ, WRITE = 100, 104, 110, 112, 116, 118
    ERROR = 107
    NOTAG, NOFID, ROOT = 0xFFFF, 0xFFFFFFFF, 0

    def __init__(self, address):
        network, _, place = address.partition("!")
        if network == "unix":
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(place)
        else:
            host, _, port = place.rpartition("!")
            self.socket = socket.create_connection((host, int(port)))
        self.last = self.ROOT  # the last fid in use
        # Agree on the protocol and the largest message, then attach: fid 0 is the root from now on.
        self.ask(self.VERSION, struct.pack("<I", 65536) + self.string("9P2000"), self.NOTAG)
        user = self.string(getpass.getuser()) + self.string("")
        self.ask(self.ATTACH, struct.pack("<II", self.ROOT, self.NOFID) + user)

    @staticmethod
    def string(text):
        return struct.pack("<H", len(text.encode())) + text.encode()

    def ask(self, kind, body, tag=1):
        self.socket.sendall(struct.pack("<IBH", 7 + len(body), kind, tag) + body)
        size, answer, _ = struct.unpack("<IBH", self.receive(7))
        body = self.receive(size - 7)
        if answer == self.ERROR:
            raise OSError(body[2:].decode())
        return body

    def receive(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise OSError("the node hung up")
            data += more
        return data

    def open(self, path, mode):
        """A fid is our number for a file: walk from the root to the file, then open it."""
        self.last += 1
        fid, names = self.last, path.split("/")
        walk = struct.pack("<IIH", self.ROOT, fid, len(names)) + b"".join(map(self.string, names))
        if struct.unpack_from("<H", self.ask(self.WALK, walk))[0] < len(names):
            raise OSError(f"{path}: no such file")
        self.ask(self.OPEN, struct.pack("<IB", fid, mode))
        offset = 0

        def read():
            nonlocal offset
            data = self.ask(self.READ, struct.pack("<IQI", fid, offset, 60000))[4:]
            offset += len(data)
            return data

        def write(data):
            self.ask(self.WRITE, struct.pack("<IQI", fid, 0, len(data)) + data)

        return read, write


def dial(at):
    return Served(at) if "!" in at else Mounted(at)


def read_all(tree, path):
    read, _ = tree.open(path, READ)
    return b"".join(iter(read, b"")).decode()  # an empty read is the end


def run(at, command):
    tree = dial(at)
    # Opening clone makes a session, and the open file is then its ctl. The session ends with this program.
    read, write = tree.open("clone", BOTH)
    job = read().decode().strip()
    # Lines to the ctl are commands. If one is refused, the write fails and the file error has the reason.
    for line in ("res 64", "prefix member", "exec " + command, "close stdin"):
        try:
            write(line.encode() + b"\n")
        except OSError as why:
            sys.exit(f"{line}: {why}\n" + read_all(tree, job + "/error").strip())

    # A member waits while nobody reads its output: both are read at the same time, each on its own link.
    beside = threading.Thread(target=lambda: sys.stderr.write(read_all(dial(at), job + "/stderr")))
    beside.start()
    output = read_all(tree, job + "/stdout").splitlines()
    beside.join()
    for line in sorted(output, key=lambda line: int(line.split(":")[0])):
        print(line)

    # One line a member: number, node, process, three times, and its outcome in quotes, empty for success.
    outcomes = [line.split(" ", 6) for line in read_all(tree, job + "/wait").splitlines()]
    failed = [(int(words[0]), words[1], words[6].strip("'")) for words in outcomes if words[6] != "''"]
    for member, node, outcome in sorted(failed):
        print(f"member {member} on {node}: {outcome}", file=sys.stderr)
    print(f"{len(outcomes)} members, {len(outcomes) - len(failed)} done")
    return 0 if len(outcomes) - len(failed) == 64 else 1


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    sys.exit(run(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else "echo on $node"))
