# SPDX-License-Identifier: MIT
"""A guest that does what the test says, step by step, with disks whose errors and speed the test decides.

    with Stepped() as s:                    # /dev/vdb is the mailbox, /dev/vdc the disk under test (ext2, mounted at /m)
        s.do("open 0 /m/f wc")              # "0"
        s.break_disk("write")               # from now on QEMU's blkdebug fails every write of /dev/vdc with EIO
        s.do("fsync 0")                     # "EIO"
        s.mend_disk()

/dev/vdc is a raw node over a file; breaking it puts a blkdebug node between the two (blockdev-reopen), so that it can
be done, and undone, at any moment of the test.
"""
import os
import re
import subprocess
import tempfile

from quire import Guest, Image, check

PAGE = 4096
MIB = 1 << 20


class Stepped:
    def __init__(self, size_mib=16, block=4096, mem=256, cmdline="", trace=False, cache="writeback", mounted=True):
        self.dir = tempfile.TemporaryDirectory(prefix="quire-")
        self.mailbox = os.path.join(self.dir.name, "mailbox")
        self.disk = os.path.join(self.dir.name, "disk")
        self.trace = os.path.join(self.dir.name, "trace") if trace else None
        with open(self.mailbox, "wb") as f:
            f.truncate(64 << 10)
        with open(self.disk, "wb") as f:
            f.truncate(size_mib * MIB)
        subprocess.run(["/usr/sbin/mke2fs", "-q", "-F", "-t", "ext2", "-b", str(block), self.disk], check=True)
        self.image = Image(cmd="/conformance/steps /dev/vdb", cmdline=("cmd " + cmdline).strip())
        extra = ["-blockdev", "driver=file,node-name=box-file,filename=" + self.mailbox,
                 "-blockdev", "driver=raw,node-name=box,file=box-file",
                 "-device", "virtio-blk-pci,disable-legacy=on,drive=box,addr=0x2",
                 "-blockdev", "driver=file,node-name=disk-file,filename=" + self.disk,
                 "-blockdev", "driver=raw,node-name=disk,file=disk-file",
                 "-device", "virtio-blk-pci,disable-legacy=on,drive=disk,addr=0x3,id=vdc,werror=report,rerror=report"]
        if trace:
            extra += ["-trace", "virtio_blk_handle_write", "-trace", "virtio_blk_rw_complete", "-D", self.trace]
        self.guest = Guest(self.image.path, mem=mem, extra=extra)
        self.number = 0
        self.mounted = mounted

    def __enter__(self):
        self.guest.start()
        self.guest.wait_for(rb"R 0 ready\n")
        if self.mounted:
            self.expect("0", "mount /dev/vdc /m")
        return self

    def __exit__(self, *exc):
        self.guest.close()
        self.image.__exit__()
        self.dir.cleanup()

    def send(self, command):
        """Post the command and do not wait."""
        self.number += 1
        with open(self.mailbox, "r+b") as f:
            f.write(("%d %s\n" % (self.number, command)).encode().ljust(512, b"\0"))

    def answer(self, timeout=30):
        return self.guest.wait_for(rb"\nR %d ([^\n]*)\n" % self.number, timeout).group(1).decode()

    def do(self, command, timeout=30):
        self.send(command)
        return self.answer(timeout)

    def expect(self, want, *commands):
        for command in commands:
            got = self.do(command)
            check(got == want, "%s: %r, not %r; %s" % (command, got, want, self.guest.report()))

    def break_disk(self, kind, once=False, at=None, sector=None, errno=5):
        """kind: read, write or flush.  at: the n-th one from now on, counted from 1; sector: only there."""
        event = {"read": "pread", "write": "pwritev", "flush": "flush_to_disk"}[kind]
        rule = {"event": event if at else "none", "iotype": kind, "errno": errno, "once": once}
        options = {"driver": "blkdebug", "node-name": "bad", "image": "disk-file", "inject-error": [rule]}
        if at:
            rule.update(state=at, once=True)
            options["set-state"] = [{"event": event, "state": i, "new_state": i + 1} for i in range(1, at + 1)]
        if sector is not None:
            rule["sector"] = sector
        self.guest.qmp("blockdev-add", **options)
        self.guest.qmp("blockdev-reopen", options=[{"driver": "raw", "node-name": "disk", "file": "bad"}])

    def mend_disk(self):
        self.guest.qmp("blockdev-reopen", options=[{"driver": "raw", "node-name": "disk", "file": "disk-file"}])
        self.guest.qmp("blockdev-del", **{"node-name": "bad"})

    def slow_disk(self, iops, size=0):
        """So many requests a second, or pieces of this size in bytes; 0: as many as it can."""
        self.guest.qmp("block_set_io_throttle", id="/machine/peripheral/vdc/virtio-backend", bps=0, bps_rd=0, bps_wr=0,
                       iops=0, iops_rd=0, iops_wr=iops, iops_size=size)

    def finish(self):
        """End the machine properly; then e2fsck must like the disk."""
        self.send("quit")
        self.guest.wait(60)
        check(self.guest.status() == 0, self.guest.report())
        r = subprocess.run(["/usr/sbin/e2fsck", "-fn", self.disk], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text = r.stdout.decode(errors="replace")
        check(r.returncode == 0, "e2fsck finds errors:\n" + text)

    def sector_of(self, path, page=0):
        """Where the disk holds a page of the file (512-byte sectors), as debugfs sees it now."""
        out = subprocess.run(["/usr/sbin/debugfs", "-R", "bmap %s %d" % (path, page), self.disk], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL).stdout.decode()
        block = int(re.search(r"(\d+)\s*$", out.strip()).group(1))
        check(block > 0, "%s has no block for page %d" % (path, page))
        return block * (PAGE // 512)

    def on_disk(self, path):
        with tempfile.NamedTemporaryFile() as t:
            subprocess.run(["/usr/sbin/debugfs", "-R", "dump %s %s" % (path, t.name), self.disk], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            return open(t.name, "rb").read()
