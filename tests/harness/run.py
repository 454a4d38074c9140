#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make run: boot an image once, for a user or for a script (called by tests/harness/run, which builds first).

  EXTRA=dir          a folder of the host, as /extra in the guest
  CMD='...'          run this by /bin/sh in place of scenarios and prompt; its output is our stdout, nothing else is
  IMAGE=file         the disk image is kept there when the machine has ended, however it ended
  MEM=256 CPUS=2     MiB, processors
  QEMU_EXTRA='...'   more arguments for QEMU
  CMDLINE='...'      words for the kernel's command line
  TIMEOUT=600        seconds until a machine without a terminal is stopped; 0: never
  SIZE=64            MiB of the ext2 partition
  DEBIAN=1           Debian's busybox, sqlite3, fio, stress-ng, tcc and LMDB's tools in the image (debian.py); MEM=512

With a terminal and no CMD the guest's console is the terminal (Ctrl-A X ends QEMU).  Else the guest powers off by
itself, and console and kernel log are in build/run/console.log, printed on stderr if the guest had no proper end.
The exit status is the guest's (128+n for a signal), or 125 when Quire itself failed.
"""
import os
import shlex
import shutil
import signal
import sys
import tempfile
import termios

import debian
import quire

SETTINGS = {"EXTRA": "", "CMD": "", "IMAGE": "", "MEM": "", "DEBIAN": "", "CPUS": "2", "QEMU_EXTRA": "", "CMDLINE": "",
            "TIMEOUT": "600", "SIZE": "64", "DEBUG": ""}
FAILED = 125


def say(text):
    sys.stderr.write("quire: %s\n" % text)
    sys.stderr.flush()


def settings_parse(words):
    settings = dict(SETTINGS)
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in SETTINGS:
            say("unknown setting %r; known: %s" % (word, " ".join(SETTINGS)))
            sys.exit(FAILED)
        settings[name] = value or SETTINGS[name]        # make passes on empty ones
    settings["MEM"] = settings["MEM"] or ("512" if settings["DEBIAN"] else "256")
    for name in ("MEM", "CPUS", "TIMEOUT", "SIZE"):
        if not settings[name].isdigit():
            say("%s=%s is not a number" % (name, settings[name]))
            sys.exit(FAILED)
    if settings["EXTRA"] and not os.path.isdir(settings["EXTRA"]):
        say("EXTRA=%s is not a folder" % settings["EXTRA"])
        sys.exit(FAILED)
    return settings


class Copier:
    """Copies what is new in the guest's result channel to our stdout."""

    def __init__(self, guest):
        self.guest, self.done, self.open = guest, 0, True

    def step(self):
        data = self.guest.read(self.guest.result_file, self.done)
        self.done += len(data)
        while data and self.open:
            try:
                data = data[os.write(1, data):]
            except OSError:             # the reader went away: the guest still runs to its end
                self.open = False


def run_terminal(guest):
    """The console is the terminal; QEMU sets it raw, and may leave it so when it is ended by the guest."""
    saved = termios.tcgetattr(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        guest.start(["-chardev", "stdio,id=con,mux=on,signal=off,logfile=" + guest.console_file,
                     "-serial", "chardev:con", "-mon", "chardev=con,mode=readline"])
        guest.proc.wait()
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, saved)


def run_batch(guest, timeout):
    copier = Copier(guest)
    guest.start()
    guest.wait(timeout or None, step=copier.step)
    copier.step()


def run_guest(settings, image, folder):
    """One boot; the exit status."""
    terminal = not settings["CMD"] and os.isatty(0) and os.isatty(1)
    guest = quire.Guest(image, mem=int(settings["MEM"]), cpus=int(settings["CPUS"]),
                        extra=shlex.split(settings["QEMU_EXTRA"]), keep=folder, quick=False)
    failure = None
    with guest:
        try:
            if terminal:
                run_terminal(guest)
            else:
                run_batch(guest, int(settings["TIMEOUT"]))
            failure = guest.verdict()
            if terminal and guest.proc.returncode == 0:
                failure = None          # Ctrl-A X: the user's own wish
                return 0
        except quire.Failed as e:
            failure = str(e).split("; qemu")[0]
        finally:
            log = os.path.join(quire.BUILD, "run", "console.log")
            if os.path.exists(guest.console_file):
                shutil.copyfile(guest.console_file, log)
        if failure is None:
            return guest.status()
        if not terminal:
            sys.stderr.write(guest.console().decode(errors="replace") + "\n")
        said = guest.proc.stderr.read().decode(errors="replace") if guest.proc and guest.proc.stderr else ""
        sys.stderr.write(said)
        say(failure)
        return FAILED


def main():
    settings = settings_parse(sys.argv[1:])
    words = [settings["CMDLINE"]]
    if settings["CMD"]:
        words.append("cmd")
    elif not (os.isatty(0) and os.isatty(1)):
        words.append("batch")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(FAILED))
    try:
        programs = debian.tree() if settings["DEBIAN"] else None
    except debian.Missing as e:
        say(str(e))
        sys.exit(FAILED)
    with tempfile.TemporaryDirectory(prefix="run-", dir=quire.BUILD) as folder:
        image = os.path.join(folder, "disk.img")
        quire.mkimage.make_image(quire.BUILD, image, size_mib=int(settings["SIZE"]), cmdline=" ".join(words).strip(),
                                 extra=settings["EXTRA"] or None, cmd=settings["CMD"] or None, debian=programs)
        try:
            status = run_guest(settings, image, folder)
        except KeyboardInterrupt:
            say("interrupted")
            status = 130
        finally:
            if settings["IMAGE"]:
                shutil.move(image, settings["IMAGE"])
    say("exit status %d" % status)
    sys.exit(status)


if __name__ == "__main__":
    main()
