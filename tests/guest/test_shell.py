# SPDX-License-Identifier: MIT
"""A person at the prompt: keys arrive on the serial line, and the line is edited, recalled, run and interrupted."""
import os
import socket
import time

from quire import Failed, Guest, Image, check, test


class Terminal:
    """The guest's serial line as a socket; what it prints is also in the console log."""

    def __init__(self, image):
        self.guest = Guest(image)
        path = os.path.join(self.guest.dir, "tty")
        self.guest.start(serial=["-chardev", "socket,id=s0,path=%s,server=on,wait=off,logfile=%s" % (
            path, self.guest.console_file), "-serial", "chardev:s0"])
        self.sock = socket.socket(socket.AF_UNIX)
        for _ in range(100):
            try:
                self.sock.connect(path)
                break
            except OSError:
                time.sleep(0.05)
        self.seen = 0

    def expect(self, text, timeout=30):
        """Wait until the text appears after what was expected before."""
        end = time.monotonic() + timeout
        self.sock.settimeout(0.05)
        while time.monotonic() < end:
            try:
                self.sock.recv(4096)
            except OSError:
                pass
            at = self.guest.console().find(text, self.seen)
            if at >= 0:
                self.seen = at + len(text)
                return
        raise Failed("no %r; %s" % (text, self.guest.report()))

    def type(self, keys):
        self.sock.sendall(keys)

    def run(self, keys, answer):
        """Type, see the answer, and the prompt again."""
        self.type(keys)
        self.expect(answer)
        self.expect(b"quire$ ")


@test
def a_person_at_the_prompt():
    with Image(cmdline="norun") as img:
        t = Terminal(img.path)
        with t.guest as g:
            t.expect(b"docs/conformance.md lists all")          # the summary of the ledger
            t.expect(b"quire$ ")
            t.run(b"echo helo\x1b[Dl\r", b"\r\nhello\r\n")     # left arrow: the missing letter goes before the last
            t.run(b"\x1b[A\r", b"\r\nhello\r\n")              # up: once more
            t.run(b"echo xy\x7f\x7fz\x01\x05 w\r", b"\r\nz w\r\n")       # backspace, home, end
            t.run(b"echo one two | cat > /root/x; cat < /root/x && false || echo three\r", b"\r\none two\r\nthree\r\n")
            t.run(b"sleep 0.1 & wait; echo waited $?\r", b"\r\nwaited 0\r\n")
            t.run(b"mkdir /root/d; ls /root; ls -l /demo/persist; stat /root/x\r", b"size 8")
            t.type(b"cat\r")
            t.expect(b"cat\r\n", 10)
            t.type(b"through the line discipline\r")
            t.expect(b"discipline\r\nthrough the line discipline\r\n")
            t.run(b"\x03", b"^C")                          # interrupts cat, not the shell
            t.run(b"echo status $?\r", b"\r\nstatus 130\r\n")
            t.run(b"nonsense\r", b"nonsense: not found\r\n")
            t.run(b"abandoned\x03", b"^C")
            t.type(b"poweroff\r")
            g.wait(30)
            check(g.status() == 0, g.report())
        check(img.cat("/root/x") == b"one two\n", "the file is not on the disk")
        check(img.fsck()[0] == 0, img.fsck()[1])
