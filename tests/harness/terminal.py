# SPDX-License-Identifier: MIT
"""A person at the guest's serial line: keys go in, and what is printed is waited for."""
import os
import socket
import threading
import time

from quire import Failed, Guest


class Terminal:
    """The guest's serial line as a socket; what it prints is also in the console log."""

    def __init__(self, image, prompt, **guest_kw):
        self.guest = Guest(image, **guest_kw)
        self.prompt = prompt
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
        threading.Thread(target=self.drain, daemon=True).start()
        self.seen = 0

    def drain(self):
        """A socket that is full of QEMU's single bytes would have it write the next ones into its log twice."""
        try:
            while self.sock.recv(65536):
                pass
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
