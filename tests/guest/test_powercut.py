# SPDX-License-Identifier: MIT
"""The promise of durability: QEMU is killed by SIGKILL at the moment of the acknowledgement.

The disk is a qcow2 overlay with clusters of 4 KiB: QEMU keeps the overlay's tables in memory and writes them only when
the guest flushes, so a cluster written for the first time and not flushed is really lost by the kill, as in the cache
of a disk that loses power.  What is left is read on the host with debugfs, and judged by e2fsck.
"""
import os
import subprocess
import tempfile

from quire import Guest, Image, check, test

PAGE = 4096
SIZE_MIB = 64


class CutDisk:
    """An image, and an overlay on it that forgets at a kill what was not flushed."""

    def __init__(self, **image):
        self.image = Image(**image)
        self.overlay = self.image.path + ".qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", self.image.path, "-F", "raw", "-o",
                        "cluster_size=4096", self.overlay], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        os.unlink(self.overlay)
        self.image.__exit__(*exc)

    def guest(self, **kw):
        return Guest(None, extra=["-drive", "if=none,id=d0,format=qcow2,file=%s,cache=writeback" % self.overlay, "-device",
                                  "virtio-blk-pci,disable-legacy=on,bootindex=0,drive=d0,addr=0x1"], **kw)

    def settle(self):
        """After the kill: what is on the disk, as the image itself."""
        raw = self.image.path + ".raw"
        subprocess.run(["qemu-img", "convert", "-O", "raw", self.overlay, raw], check=True)
        os.replace(raw, self.image.path)


def record(number):
    return ("%8s" % number).encode() * (PAGE // 8)


def cut(way, kind, number, path="/root/record", cmdline=""):
    """Run syncmark, kill at its word.  (the record was there, what e2fsck -n said, the record was there after repair)"""
    with CutDisk(cmd="/demo/syncmark %s %s %s %s" % (way, kind, path, number), cmdline=("cmd " + cmdline).strip()) as disk:
        with disk.guest() as g:
            g.start()
            g.wait_for(rb"SYNCED %s %s %s\n" % (way.encode(), kind.encode(), number.encode()))
            g.kill()
        disk.settle()
        at = {"new": 0, "overwrite": PAGE, "grow": 4 * PAGE}[kind]
        there = disk.image.cat(path)[at:at + PAGE] == record(number)
        status, text = disk.image.fsck(repair=True)
        repaired = disk.image.repaired
        try:
            check(status in (0, 1), "e2fsck could not repair: status %d\n%s" % (status, text))
            again = subprocess.run(["/usr/sbin/e2fsck", "-fn", repaired], stdout=subprocess.PIPE)
            check(again.returncode == 0, "not clean after repair: " + again.stdout.decode())
            with tempfile.NamedTemporaryFile() as t:
                subprocess.run(["/usr/sbin/debugfs", "-R", "dump %s %s" % (path, t.name), repaired], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
                after = open(t.name, "rb").read()[at:at + PAGE] == record(number)
        finally:
            os.unlink(repaired)
        return there, text, after


def survives(way, kind, number):
    there, text, after = cut(way, kind, number)
    check(there, "the acknowledged record is not on the disk\n" + text)
    check(after, "e2fsck lost the acknowledged record\n" + text)


@test
def cut_ms_sync_overwrite():
    """MS1 MS2"""
    survives("sync", "overwrite", "1001")


@test
def cut_ms_sync_new_file():
    """MS1 MS2"""
    survives("sync", "new", "1002")


@test
def cut_ms_sync_grown_file():
    """MS1 MS2"""
    survives("sync", "grow", "1003")


@test
def cut_ms_async_and_fsync_overwrite():
    """FS1 MS2"""
    survives("async-fsync", "overwrite", "1004")


@test
def cut_ms_async_and_fsync_new_file():
    """FS1 MS2"""
    survives("async-fsync", "new", "1005")


@test
def cut_ms_async_and_fsync_grown_file():
    """FS1 MS2"""
    survives("async-fsync", "grow", "1006")


@test
def cut_ms_async_and_fdatasync_overwrite():
    """FS2 MS2"""
    survives("async-fdatasync", "overwrite", "1007")


@test
def cut_ms_async_and_fdatasync_new_file():
    """FS2 MS2"""
    survives("async-fdatasync", "new", "1008")


@test
def cut_ms_async_and_fdatasync_grown_file():
    """FS2 MS2"""
    survives("async-fdatasync", "grow", "1009")


@test
def cut_without_a_sync_promises_nothing():
    """The method can fail: an unsynced new file is not there at once; only its survival in spite of that is no error."""
    there, _, _ = cut("none", "new", "1010")
    check(not there, "a record that nobody synced was on the disk at once: the test could not tell a missing sync")


@test
def cut_with_the_flush_left_out_is_caught():
    """The driver answers flushes without sending them (command-line word noflush): the check has to notice."""
    there, _, after = cut("sync", "new", "1011", cmdline="noflush")
    check(not there and not after, "the missing flush was not noticed")


@test
def one_page_costs_one_write_and_one_flush():
    """MS17 MS1: msync(MS_SYNC) of one dirty page in an allocated block, counted from outside the guest."""
    def stats(g):
        s = next(d for d in g.qmp("query-blockstats") if d.get("qdev", "").count("virtio") or d.get("device") == "d0")["stats"]
        return s["wr_operations"], s["flush_operations"], s["wr_bytes"]

    with Image(cmd="/demo/onepage /root/mebibyte 1500", cmdline="cmd") as img, Guest(img.path) as g:
        g.start()
        g.wait_for(rb"before\n")
        before = stats(g)
        g.wait_for(rb"after\n")
        after = stats(g)
        done = tuple(b - a for a, b in zip(before, after))
        check(done == (1, 1, PAGE), "writes, flushes, bytes: %r" % (done,))
        g.wait_for(rb"ten times\n")
        done = tuple(b - a for a, b in zip(after, stats(g)))
        check(done == (10, 10, 10 * PAGE), "ten of them: writes, flushes, bytes: %r" % (done,))
        g.wait()
        check(g.status() == 0, g.report())


@test
def a_struct_survives_a_reboot():
    """persist write in one boot, persist check in the next, on the same disk."""
    with Image(cmd="/demo/persist check || /demo/persist write", cmdline="cmd") as img:
        for words in (b"written", b"persist ok"):
            with Guest(img.path) as g:
                g.start()
                g.wait()
                check(words in g.result(), g.report())
