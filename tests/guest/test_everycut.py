# SPDX-License-Identifier: MIT
"""The promise of durability between any two flushes: what the machine writes and flushes is logged by QEMU (blklogwrites),
and the host makes from the log disks that a power cut may leave.

The model: up to the last flush all is there; of what was written since, each sector is there or not, whatever its order.
So what a cut at any moment may leave, a cut just before the next flush may leave too.
/conformance/promises says which changes it was promised (the file `kept`); after e2fsck they have to be there, and the change
that was under way has to be there, or not, as its way allows.
LONG=1 in the environment looks at more of them, of a longer run with another seed each time:
LONG=1 make test-one T=every_promise_is_kept_at_every_cut
"""
import os
import random
import re
import struct
import subprocess
import tempfile

from quire import Guest, Image, check, test

SECTOR, BLOCK = 512, 1024
MIB = 4
LONG = bool(os.environ.get("LONG"))
CHANGES, STATES = (200, 10) if LONG else (40, 1)         # STATES: disks that are looked at, for each flush


def log_entries(path):
    """(offset, bytes) of each write, None for a flush: the format of Linux's dm-log-writes, as QEMU writes it."""
    with open(path, "rb") as f:
        magic, _, count, size = struct.unpack("<QQQI", f.read(28))
        check(magic == 0x6a736677736872 and size == SECTOR, "not a log of writes")
        at = size
        for _ in range(count):
            f.seek(at)
            sector, sectors, flags, _ = struct.unpack("<QQQQ", f.read(32))
            f.seek(at + size)
            data = f.read(sectors * SECTOR)
            at += size + len(data)
            check(flags in (0, 1, 2, 3), "a discard, which nobody asked for")
            if data:
                yield sector * SECTOR, data
            if flags & 1:
                yield None


class Disk:
    """What the power cut leaves: `base` is on it for good, `since` was written after the last flush."""

    def __init__(self, base):
        self.base, self.since = bytearray(base), []

    def step(self, entry):
        if entry:
            self.since.append(entry)
            return
        for off, data in self.since:
            self.base[off:off + len(data)] = data
        self.since = []

    def state(self, chance):
        """One of the disks that there may be: a share of the sectors written since the flush, or what was written first."""
        out, share = bytearray(self.base), chance.choice((0.1, 0.5, 0.9, 1))
        for off, data in self.since[:chance.randint(0, len(self.since)) if share == 1 else None]:
            for at in range(0, len(data), SECTOR):
                if chance.random() < share:
                    out[off + at:off + at + SECTOR] = data[at:at + SECTOR]
        return out


def fill(number, length):
    return (b"%07d\n" % number * (length // 8))


class Change:
    def __init__(self, line):
        number, self.way, self.file, off, length = line.split()
        self.number, self.off, self.length = int(number), int(off), int(length)

    def done(self, old):
        """The file's bytes afterwards; None: no such file."""
        new = fill(self.number, self.length)
        if self.way in ("new", "replace"):
            return new
        if self.way == "unlink":
            return None
        if self.way == "cut":
            return old[:self.off]
        return old[:self.off] + new + old[self.off + self.length:]

    def may_be(self, old, now):
        """Under way: is `now` what may be there, if `old` was?"""
        new = self.done(old)
        if now in (old, new) or self.way == "new":
            return True
        if now is None or self.way in ("replace", "unlink"):
            return False
        if self.way == "grow":
            return now[:len(old)] == old and len(now) <= -(-len(new) // BLOCK) * BLOCK      # e2fsck: as long as its blocks
        if self.way == "cut":
            return len(now) in (len(old), len(new)) and now[:len(new)] == new
        sectors = [(at, at + SECTOR) for at in range(0, len(now), SECTOR)]
        return len(now) == len(old) and all(now[a:b] in (old[a:b], new[a:b]) for a, b in sectors)


def files_of(folder):
    found = {}
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, "rb") as f:
                found[name] = f.read()
    return found


def repaired_files(state, folder):
    """What e2fsck makes of this disk, which has to be clean afterwards: name to bytes."""
    disk, out = os.path.join(folder, "disk"), os.path.join(folder, "out")
    with open(disk, "wb") as f:
        f.write(state)
    done = subprocess.run(["/usr/sbin/e2fsck", "-fy", disk], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(done.returncode in (0, 1), "e2fsck could not repair: " + done.stdout.decode(errors="replace"))
    again = subprocess.run(["/usr/sbin/e2fsck", "-fn", disk], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(again.returncode == 0, "not clean after repair: " + again.stdout.decode(errors="replace"))
    os.mkdir(out)
    subprocess.run(["/usr/sbin/debugfs", "-R", "rdump / " + out, disk], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    found = files_of(out)
    subprocess.run(["rm", "-rf", out], check=True)
    return found


class Model:
    """After how many changes which files are there."""

    def __init__(self, changes):
        self.changes, self.after = changes, [{}]
        for c in changes:
            files = dict(self.after[-1])
            files[c.file] = c.done(files.get(c.file))
            self.after.append(files)

    def judge(self, found):
        """Why this disk breaks a promise; None: it does not."""
        if len(found.get("kept", b"")) < 4:
            return None                                     # before the first promise
        kept = struct.unpack("<i", found["kept"][:4])[0]
        if kept > len(self.changes):
            return None                                     # not written yet: its digits
        under_way = self.changes[kept] if kept < len(self.changes) else None
        for name in sorted({c.file for c in self.changes}):
            want, now = self.after[kept].get(name), found.get(name)
            ok = want == now
            if under_way and under_way.file == name:
                ok = under_way.may_be(want, now)
            if not ok:
                return "%d changes are promised, %s under way: %s has %s bytes%s" % (
                    kept, under_way and under_way.way, name, now and len(now), difference(want, now))
        return None


def difference(want, now):
    if want is None or now is None:
        return ", not %s" % (want and len(want))
    at = next((i for i, (a, b) in enumerate(zip(want, now)) if a != b), min(len(want), len(now)))
    return " of %d, at %d there is %r, not %r" % (len(want), at, now[at:at + 8], want[at:at + 8])


def run_logged(seed, folder):
    """The machine's run: (the disk before it, log of writes, changes)"""
    data, log = os.path.join(folder, "data"), os.path.join(folder, "log")
    subprocess.run(["/usr/sbin/mke2fs", "-q", "-t", "ext2", "-b", str(BLOCK), data, "%dM" % MIB], check=True,
                   stderr=subprocess.DEVNULL)
    open(log, "wb").close()
    with open(data, "rb") as f:
        before = f.read()
    extra = ["-blockdev", "driver=file,filename=%s,node-name=data" % data, "-blockdev",
             "driver=file,filename=%s,node-name=log" % log, "-blockdev",
             "driver=blklogwrites,file=data,log=log,node-name=d1", "-device", "virtio-blk-pci,drive=d1"]
    with Image(cmd="/conformance/promises /dev/vdb /tmp/d %d %d" % (seed, CHANGES), cmdline="cmd") as img:
        with Guest(img.path, extra=extra) as g:
            g.start()
            g.wait(600 if LONG else 120)
            check(g.status() == 0, g.report())
            lines = re.findall(r"^\d+ \w+ f\d \d+ \d+$", g.result().decode().replace("\r", ""), re.M)
    check(len(lines) == CHANGES, "%d changes were told of" % len(lines))
    return before, log, [Change(line) for line in lines]


@test
def every_promise_is_kept_at_every_cut():
    """MS1 MS2 FS1 FS2"""
    seed = random.randrange(1 << 30) if LONG else 7
    chance, looked = random.Random(seed), 0
    with tempfile.TemporaryDirectory() as folder:
        before, log, changes = run_logged(seed, folder)
        model, disk = Model(changes), Disk(before)
        for i, entry in enumerate(log_entries(log)):
            for _ in range(STATES if entry is None and disk.since else 0):
                why = model.judge(repaired_files(disk.state(chance), folder))
                check(not why, "seed %d, before the flush that is entry %d of the log: %s" % (seed, i, why))
                looked += 1
            disk.step(entry)
        check(looked > 2 * STATES * CHANGES, "only %d disks were looked at" % looked)


every_promise_is_kept_at_every_cut.seconds = 3600 if LONG else 180
