# SPDX-License-Identifier: MIT
"""How many instructions a machine executed, and what it asked of its disk, each time that a program comes to a place.

QEMU with -icount counts instructions; its gdb stub stops the machine at the place (an address of a static program), and
query-replay then tells the count.  Time that the machine slept is not in it.
"""
import json
import socket
import subprocess

import quire


class Gdb:
    """The few packets of gdb's remote protocol that are needed."""

    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(path)
        self.s.settimeout(300)
        self.data = b""

    def send(self, text):
        self.s.sendall(b"$%s#%02x" % (text.encode(), sum(text.encode()) % 256))

    def receive(self):
        """The next packet; acknowledgements are passed over."""
        while b"#" not in self.data or len(self.data) < self.data.index(b"#") + 3:
            piece = self.s.recv(4096)
            if not piece:
                raise EOFError
            self.data += piece
        end = self.data.index(b"#")
        packet, self.data = self.data[self.data.index(b"$") + 1:end], self.data[end + 3:]
        self.s.sendall(b"+")
        return packet.decode()

    def ask(self, text):
        self.send(text)
        return self.receive()


class Monitor:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(path)
        self.f = self.s.makefile("rw")
        self.f.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.f.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.f.flush()
        while True:
            answer = json.loads(self.f.readline())
            if "return" in answer:
                return answer["return"]


def options(folder):
    """For QEMU: to be counted."""
    return quire.rom_of_ones(folder) + ["-icount", "shift=0,sleep=on", "-S",
            "-chardev", "socket,path=%s/gdb,server=on,wait=off,id=gdb" % folder,
            "-gdb", "chardev:gdb", "-qmp", "unix:%s/count,server=on,wait=off" % folder]


def place(program, name="mark"):
    """The address of a function in a static program that still has its symbols."""
    for line in subprocess.run(["nm", program], check=True, stdout=subprocess.PIPE).stdout.decode().splitlines():
        if line.split()[-1] == name:
            return int(line.split()[0], 16)
    raise ValueError("%s has no %s()" % (program, name))


def counts(folder, at):
    """[(instructions, reads, writes, flushes)] at each visit, until the machine ends."""
    gdb, monitor, found = Gdb(folder + "/gdb"), Monitor(folder + "/count"), []
    gdb.ask("?")
    quire.no_tpm(monitor.ask)
    try:
        while True:
            gdb.ask("Z1,%x,1" % at)
            stop = gdb.ask("c")
            if stop[0] != "T" and stop[0] != "S":
                return found
            stats = monitor.ask("query-blockstats")[0]["stats"]
            found.append((monitor.ask("query-replay")["icount"], stats["rd_operations"], stats["wr_operations"],
                          stats["flush_operations"]))
            gdb.ask("z1,%x,1" % at)
            gdb.ask("s")
    except (EOFError, OSError):
        return found
