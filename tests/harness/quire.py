# SPDX-License-Identifier: MIT
"""Boot Quire in QEMU and say how it ended: what guest tests and `make run` are made of.

A run is good only if QEMU ended by isa-debug-exit AND the kernel's end token `[end] status=N` is on the console.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(TOP, "build")
CPUS = int(os.environ.get("CPUS") or 2)         # `make test CPUS=n`
OVMF = "/usr/share/ovmf/OVMF.fd"
EXIT_PANIC, EXIT_LOADER = 171, 163      # (0x55, 0x51 << 1) | 1
LOOK_SECONDS = 12               # for gdb to look at a machine that hangs
NOTHING_TO_BOOT = re.compile(rb"No bootable option or device was found|starting Boot\w+ .EFI Internal Shell")
END = re.compile(rb"\[end\] status=(\d+)\s*$")

sys.path.insert(0, HERE)
import debian  # noqa: E402
import mkimage  # noqa: E402


class Failed(Exception):
    """A check of a test did not hold."""


def check(ok, why):
    if not ok:
        raise Failed(why)


GUESTS = []                     # of this process, ended ones too


class NoBoot(Failed):
    """The machine ended, or waits for ever, before the kernel ran."""


def stacks_as_lines(text):
    """gdb's words, the functions that a sleeping thread is in on one line, and not what gdb says of itself."""
    text = re.sub(r"^(The target architecture|\[Inferior).*\n", "", text, flags=re.M)
    return re.sub(r"\n(\w+) \+ \d+(?: in section .*)?$", r" < \1", text, flags=re.M)


def rom_of_ones(folder):
    """Options for QEMU: each disk has a ROM, which no_tpm() can put elsewhere."""
    path = os.path.join(folder, "ones.rom")
    with open(path, "wb") as f:
        f.write(b"\xff" * 65536)
    return ["-global", "virtio-blk-pci.romfile=" + path]


def no_tpm(qmp):
    """For a machine that has not begun: OVMF believes in a TPM where nothing answers, since without KVM that reads as 0,
    and waits 1.6 s for it.  The ROM of the disk, device 1, is put there, by its registers, until the firmware gives it
    a place."""
    for port, value in (0xcf8, 0x80000830), (0xcfc, 0xfed40001), (0xcf8, 0x80000804), (0xcfc, 2):
        qmp("human-monitor-command", **{"command-line": "o /w %#x %#x" % (port, value)})


class Guest:
    """One machine: start it, read its console and result channel, wait for its end or kill it.

    quick: without the firmware's wait for a TPM.  What a user starts has it."""

    def __init__(self, image, mem=256, cpus=CPUS, extra=(), cache="writeback", drive_opts="", keep=None, quick=True):
        self.dir = keep or tempfile.mkdtemp(prefix="quire-")
        self.keep = keep is not None
        self.mem = mem
        self.console_file = os.path.join(self.dir, "console.log")
        self.result_file = os.path.join(self.dir, "result.log")
        self.monitor_path = os.path.join(self.dir, "qmp")
        drive = [] if image is None else [
            "-drive", "if=none,id=d0,format=raw,file=%s,cache=%s%s" % (image, cache, drive_opts),
            "-device", "virtio-blk-pci,disable-legacy=on,bootindex=0,drive=d0,addr=0x1"]
        self.cmd = ["qemu-system-x86_64", "-M", "q35,sata=off,i8042=off,smbus=off,usb=off,vmport=off", "-accel", "tcg",
                    "-cpu", "max,-la57", "-bios", OVMF, "-m", str(mem), "-smp", str(cpus), "-nodefaults", "-vga", "none",
                    "-display", "none", "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
                    "-chardev", "file,id=res,path=" + self.result_file,
                    "-device", "isa-debugcon,iobase=0xe9,chardev=res",
                    "-qmp", "unix:%s,server=on,wait=off" % self.monitor_path] + drive + list(extra)
        self.quick = quick
        self.proc = None
        self.kernel = Image.kernel
        GUESTS.append(self)

    def start(self, serial=None):
        serial = serial or ["-serial", "file:" + self.console_file]
        held = ["-S"] + rom_of_ones(self.dir) if self.quick else []
        terminal = "stdio" in " ".join(serial)
        self.proc = subprocess.Popen(self.cmd + held + serial, stdin=None if terminal else subprocess.DEVNULL,
                                     stderr=None if terminal else subprocess.PIPE)
        if self.quick and self.monitor_listens():
            no_tpm(self.qmp)
            if "-S" not in self.cmd:
                self.qmp("cont")
        return self

    def monitor_listens(self):
        """Wait for it; False: QEMU ended before, which whoever waits for the machine's end will say."""
        while self.proc.poll() is None:
            with socket.socket(socket.AF_UNIX) as s:
                if s.connect_ex(self.monitor_path) == 0:
                    return True
            time.sleep(0.005)
        return False

    def read(self, path, start=0, limit=-1):
        try:
            with open(path, "rb") as f:
                f.seek(start)
                return f.read(limit)
        except FileNotFoundError:
            return b""

    def console(self):
        return self.read(self.console_file)

    def result(self):
        return self.read(self.result_file)

    def wait_for(self, pattern, timeout=60, where="result"):
        """Wait until the pattern appears; fail when the machine ends or the time is over."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            text = self.result() if where == "result" else self.console()
            m = re.search(pattern, text)
            if m:
                return m
            if self.proc.poll() is not None:
                break
            time.sleep(0.01)
        raise Failed("no %r%s; %s" % (pattern, self.look(), self.report()))

    def wait(self, timeout=60, step=None):
        """Wait for the end (timeout None: for ever); the exit status of QEMU.

        OVMF without anything to boot sits at a menu or in its shell: that is an end as well.  It happens without a disk, with a
        damaged ESP, and with so little memory that OVMF cannot load the loader (less than about 40 MiB).
        step: a function to call again and again meanwhile."""
        end = time.monotonic() + (timeout or 1e9)
        while self.proc.poll() is None:
            if step:
                step()
            if NOTHING_TO_BOOT.search(self.read(self.console_file, limit=8192)):
                self.kill()
                raise NoBoot("the firmware found nothing that it could boot (no disk, a damaged one, or too little "
                             "memory: this machine has %s MiB and Quire needs at least 64)" % self.mem)
            if time.monotonic() > end:
                seen = self.look()
                self.kill()
                raise Failed("no end after %d s%s; %s" % (timeout, seen, self.report()))
            time.sleep(0.02)
        return self.proc.returncode

    def verdict(self):
        """How a machine that ended did so, in words; None if it was a proper end (status() is a number)."""
        if self.status() is not None:
            return None
        said = re.findall(rb"quire loader: ([^\r\n]+)", self.console())
        if self.proc.returncode == EXIT_LOADER:
            return "the loader stopped: " + (said[-1].decode(errors="replace") if said else "it did not say why")
        if self.proc.returncode == EXIT_PANIC:
            return "the kernel panicked"
        if END.search(self.console()):
            return "the end token and QEMU's exit status (%d) do not fit" % self.proc.returncode
        return "QEMU ended with status %d and the kernel gave no end token" % self.proc.returncode

    def look(self):
        """What each CPU and each thread of a running machine does, in words for a person: gdb's quire-hang."""
        if not self.proc or self.proc.poll() is not None:
            return ""
        if not shutil.which("gdb"):
            return "\n(gdb, which would show what the machine does, is not installed)\n"
        try:
            stub = os.path.join(self.dir, "look")
            self.qmp("human-monitor-command", limit=LOOK_SECONDS,
                     **{"command-line": "gdbserver unix:%s,server=on,wait=off" % stub})
            r = subprocess.run(["gdb", "-nx", "-q", "-batch", "-x", "tests/harness/gdb.cmds", "-ex",
                                "target remote " + stub, "-ex", "quire-hang", "-ex", "detach", self.kernel],
                               cwd=TOP, timeout=LOOK_SECONDS,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            return "\n--- what the machine does\n%s---\n" % stacks_as_lines(r.stdout.decode(errors="replace"))
        except (Failed, OSError, ValueError, subprocess.TimeoutExpired) as e:
            return "\n(what the machine does cannot be seen: %r)\n" % e

    def kill(self):
        """The power cut: SIGKILL."""
        if self.proc and self.proc.poll() is None:
            self.proc.send_signal(signal.SIGKILL)
            self.proc.wait()

    def status(self):
        """The guest's own status, None if the end was not a proper one."""
        m = END.search(self.console())
        if not m or self.proc.returncode != ((int(m.group(1)) & 0x7f) << 1 | 1) & 0xff:
            return None
        return int(m.group(1))

    def report(self):
        err = b""
        if self.proc and self.proc.poll() is not None and self.proc.stderr and not self.proc.stderr.closed:
            err = self.proc.stderr.read()
        return "qemu %s %s\n--- result\n%s\n--- console\n%s" % (
            self.proc.returncode if self.proc else None, err.decode(errors="replace"),
            self.result()[-2000:].decode(errors="replace"), self.console()[-4000:].decode(errors="replace"))

    def close(self):
        self.kill()
        if self.proc and self.proc.stderr:
            self.proc.stderr.close()
        if not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def qmp(self, command, limit=60, **arguments):
        """One QMP command; its answer, within so many seconds."""
        import json
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(limit)
            s.connect(self.monitor_path)
            f = s.makefile("rw")
            f.readline()
            for c, a in (("qmp_capabilities", {}), (command, arguments)):
                f.write(json.dumps({"execute": c, "arguments": a}) + "\n")
                f.flush()
                while True:
                    answer = json.loads(f.readline())
                    if "return" in answer or "error" in answer:
                        break
            check("return" in answer, "QEMU refused %s: %s" % (command, answer.get("error")))
            return answer["return"]


def debian_tree():
    """The folder with Debian's programs."""
    try:
        return debian.tree()
    except debian.Missing as e:
        raise Failed(str(e)) from e


class Image:
    """A disk image for one test; removed afterwards.  debian=True: with Debian's programs."""
    kernel = os.path.join(BUILD, "kernel.elf")          # of the image made last, with its symbols

    def __init__(self, **kw):
        if kw.get("debian"):
            kw["debian"] = debian_tree()
        fd, self.path = tempfile.mkstemp(prefix="quire-", suffix=".img")
        os.close(fd)
        build = kw.pop("build", BUILD)
        Image.kernel = os.path.join(build, "kernel.elf")
        self.ext2 = mkimage.make_image(build, self.path, **kw)
        self.size_mib = (os.path.getsize(self.path) - self.ext2 >> 20) - 1

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if os.path.exists(self.path):
            os.unlink(self.path)

    def partition(self):
        """The ext2 partition as a file of its own, for debugfs and e2fsck."""
        out = self.path + ".ext2"
        with open(self.path, "rb") as f, open(out, "wb") as o:
            f.seek(self.ext2)
            o.write(f.read(self.size_mib << 20))
        return out

    def cat(self, path):
        """A file's bytes, read on the host by debugfs from the image as it is."""
        part = self.partition()
        try:
            with tempfile.NamedTemporaryFile() as t:
                subprocess.run(["/usr/sbin/debugfs", "-R", "dump %s %s" % (path, t.name), part], check=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                return open(t.name, "rb").read()
        finally:
            os.unlink(part)

    def fsck(self, repair=False):
        """e2fsck's exit status and output; repair: on a copy, then the copy's path is self.repaired."""
        part = self.partition()
        r = subprocess.run(["/usr/sbin/e2fsck", "-f", "-y" if repair else "-n", part], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
        if repair:
            self.repaired = part
        else:
            os.unlink(part)
        return r.returncode, r.stdout.decode(errors="replace")


def run_cmd(cmd, timeout=90, mem=256, image=None, cmdline="", guest_kw=None, **image_kw):
    """Run one command in a fresh guest; (status, output)."""
    with (image or Image(cmd=cmd, cmdline=("cmd " + cmdline).strip(), **image_kw)) as img:
        with Guest(img.path, mem=mem, **(guest_kw or {})) as g:
            g.start()
            g.wait(timeout)
            check(g.status() is not None, "%s; %s" % (g.verdict(), g.report()))
            return g.status(), g.result().decode(errors="replace")


def debug_build():
    """Checks of the lock order and of invariants at run time; a folder of its own."""
    build = os.path.join(BUILD, "debug")
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    os.makedirs(os.path.join(BUILD, "run"), exist_ok=True)
    subprocess.run(["flock", os.path.join(BUILD, "run/lock.debug"), "make", "-s", "-j2", "B=" + build, "DEBUG=1", "all"],
                   cwd=TOP, env=env, check=True)
    return build


TESTS = {}


def test(f):
    """Register a guest test; its name is the function's."""
    TESTS[f.__name__] = f
    return f
