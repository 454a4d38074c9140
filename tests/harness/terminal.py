# SPDX-License-Identifier: MIT
"""A person at the guest's serial line: keys go in, and what is printed is waited for."""
import os
import socket
import threading
import time

from quire import Failed, Guest


class Listened(Guest):
    """A machine whose console somebody writes down."""
    listener = None

    def wait(self, *args, **kw):
        status = super().wait(*args, **kw)
        self.listener.join(10)          # it has its last words when the machine has ended
        return status


class Terminal:
    """The guest's serial line as a socket; what comes out of it is in the console log."""

    def __init__(self, image, prompt, **guest_kw):
        self.guest = Listened(image, **guest_kw)
        self.prompt = prompt
        path = os.path.join(self.guest.dir, "tty")
        self.guest.start(serial=["-chardev", "socket,id=s0,path=%s,server=on,wait=off" % path, "-serial", "chardev:s0"])
        self.sock = socket.socket(socket.AF_UNIX)
        for _ in range(100):
            try:
                self.sock.connect(path)
                break
            except OSError:
                time.sleep(0.05)
        self.guest.listener = threading.Thread(target=self.listen, daemon=True)
        self.guest.listener.start()
        self.seen = 0

    def listen(self):
        """Not QEMU's own log: it has a byte twice that the socket did not take at once."""
        with open(self.guest.console_file, "ab", buffering=0) as f:
            try:
                while text := self.sock.recv(65536):
                    f.write(text)
            except OSError:
                pass

    def expect(self, text, timeout=30):
        """Wait until the text appears after what was expected before."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            at = self.guest.console().find(text, self.seen)
            if at >= 0:
                self.seen = at + len(text)
                return
            time.sleep(0.02)
        raise Failed("no %r%s; %s" % (text, self.guest.look(), self.guest.report()))

    def type(self, keys):
        self.sock.sendall(keys)

    def run_until(self, keys, answer, timeout=60):
        """Type it again and again, until what it says has the answer."""
        end, at = time.monotonic() + timeout, -1
        while at < 0 and time.monotonic() < end:
            before = self.seen
            self.type(keys)
            self.expect(keys[:-1])
            self.expect(self.prompt)
            at = self.guest.console().find(answer, before, self.seen)
        if at < 0:
            raise Failed("never %r; %s" % (answer, self.guest.report()))

    def run(self, keys, answer):
        """Type, see the answer, and the prompt again."""
        self.type(keys)
        self.expect(answer)
        self.expect(self.prompt)
