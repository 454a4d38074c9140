# SPDX-License-Identifier: MIT
"""Debian's sqlite3 and LMDB, unmodified: the same words as on the host's Linux, and the same data in the files
afterwards, read from the image by the host's run of the same binaries; what COMMIT promised is there after a power cut.

The scripts and the program linked with Debian's liblmdb are in tests/debian; their first lines say what they do.
"""
import contextlib
import glob
import os
import random
import re
import shutil
import subprocess
import tempfile
import time

import debian
from quire import TOP, Guest, Image, check, debian_tree, test
from test_powercut import CutDisk

SOURCE = os.path.join(TOP, "tests/debian")
LIBRARIES = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")
JOURNALS = ("delete", "truncate", "persist", "wal")
LMDB = ("default", "nosync", "writemap", "mapasync")
COMMITTERS = ("delete", "truncate", "wal", "lmdb")


class Bench:
    """A folder: extra/ goes into the image, bin/ runs the same programs on the host, with their own libraries."""

    def __init__(self, folder):
        self.folder, self.tree = folder, debian_tree()
        self.extra, self.bin = os.path.join(folder, "extra"), os.path.join(folder, "bin")
        os.mkdir(self.extra)
        os.mkdir(self.bin)
        self.program = os.path.join(self.extra, "lmdb")
        for script in glob.glob(SOURCE + "/*.sh"):
            shutil.copy(script, self.extra)
        self.compile()
        for name in ("sqlite3", "mdb_load", "mdb_dump", "mdb_stat", "mdb_copy"):
            self.wrap(name, os.path.join(self.tree, "usr/bin", name))
        self.wrap("lmdb", self.program)

    def libraries(self):
        return [os.path.join(self.tree, name) for name in LIBRARIES]

    def compile(self):
        header = os.path.join(debian.Store(os.path.join(debian.DIR, "packages")).folder("liblmdb-dev"), "usr/include")
        flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-I" + header, "-L" + self.libraries()[1]]
        r = subprocess.run(["gcc", *flags, SOURCE + "/lmdb.c", "-llmdb", "-o", self.program],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        check(r.returncode == 0, r.stdout.decode())

    def wrap(self, name, program):
        path = os.path.join(self.bin, name)
        with open(path, "w") as f:
            f.write("#!/bin/sh\nexec %s/lib64/ld-linux-x86-64.so.2 --argv0 %s --library-path %s %s \"$@\"\n" % (
                self.tree, name, ":".join(self.libraries()), program))
        os.chmod(path, 0o755)

    def host(self, *words):
        """Output of these words on the host, errors in it; they must succeed."""
        env = dict(os.environ, PATH=self.bin + ":" + os.environ["PATH"], LC_ALL="C")
        r = subprocess.run(words, env=env, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           check=False)
        check(r.returncode == 0, "%s: status %d\n%s" % (" ".join(words), r.returncode, r.stdout.decode()))
        return r.stdout

    def file(self, image, path):
        """A file of the image, as one of the host."""
        name = os.path.join(self.folder, os.path.basename(path))
        with open(name, "wb") as f:
            f.write(image.cat(path))
        return name

    def same_sqlite(self, image, name):
        """The database is whole, and its text on the host is the text that the guest wrote to NAME.dump."""
        database = self.file(image, name + ".db")
        check(self.host("sqlite3", database, "PRAGMA integrity_check") == b"ok\n", name + ": not whole")
        text = image.cat(name + ".dump")
        check(text and self.host("sqlite3", database, ".dump") == text, name + ": the host reads something else")

    def same_lmdb(self, image, name, dump):
        text = image.cat(dump)
        database = self.file(image, name + "/data.mdb")
        check(text and self.host("mdb_dump", "-n", database) == text, name + ": the host reads something else")


@contextlib.contextmanager
def bench():
    with tempfile.TemporaryDirectory(prefix="quire-") as folder:
        yield Bench(folder)


def clean(image):
    status, text = image.fsck()
    check(status == 0, "e2fsck finds errors:\n" + text)


def the_same_as_on_the_host(b, script, image_check):
    """Run it on both: the same output, a clean file system, and what image_check says of the image."""
    here = b.host("sh", os.path.join(b.extra, script), os.path.join(b.folder, "here"), "lmdb").decode()
    cmd = "sh /extra/%s /root/db /extra/lmdb 2>&1" % script
    with Image(cmd=cmd, cmdline="cmd", debian=True, extra=b.extra) as image, \
            Guest(image.path, mem=256, cache="unsafe") as g:        # no power cut here: no flush of the host's disk
        g.start()
        g.wait(150)
        check(g.status() == 0, "%s; %s" % (g.verdict(), g.report()))
        there = g.result().decode(errors="replace")
        check(here == there, "host:\n%s\nguest:\n%s" % (here, there))
        clean(image)
        image_check(image)


@test
def sqlite_as_on_the_host():
    """Every journal mode, a big transaction, deaths in the middle, several processes; -shm and mmap_size map files."""
    def look(image):
        for mode in JOURNALS:
            b.same_sqlite(image, "/root/db/" + mode)

    with bench() as b:
        the_same_as_on_the_host(b, "sqlite.sh", look)


@test
def lmdb_as_on_the_host():
    """Every way to write, snapshots in other processes, robust locks of the dead; load, dump, stat and copy."""
    def look(image):
        for name in LMDB + ("loaded", "copied", "packed"):
            b.same_lmdb(image, "/root/db/" + name, "/root/db/%s.dump" % (name if name in LMDB else "default"))

    with bench() as b:
        the_same_as_on_the_host(b, "lmdb.sh", look)


def acknowledged(text):
    """Of each committer the number of the last transaction that was said to be committed."""
    said = re.findall(rb"^ACK (\w+) (\d+)\n", text, re.M)
    return {who.decode(): int(n) for who, n in said}


def commit_until_the_cut(disk):
    """The acknowledgements that came before the power went away, at some moment after each had ten."""
    with disk.guest(mem=256) as g:
        g.start()
        for who in COMMITTERS:
            g.wait_for(b"ACK %s 10\n" % who.encode(), timeout=100)
        time.sleep(random.random())
        g.kill()
        return acknowledged(g.result())


def all_there(acks, text):
    """What the second boot said: every database whole, and at least as far as it had been acknowledged."""
    last = {who: int(n) for who, n in re.findall(r"^LAST (\w+) (\d+)$", text, re.M)}
    for who in COMMITTERS:
        check(acks[who] <= last.get(who, -1), "%s: %d was acknowledged\n%s" % (who, acks[who], text))
    check(text.count("ok\n") == 3 and "mixed" not in text and "wrong" not in text, text)


def cut_and_look(b, cmdline="cmd"):
    with CutDisk(cmd="sh /extra/cut.sh /root/db /extra/lmdb 2>&1", cmdline=cmdline, debian=True, extra=b.extra) as disk:
        acks = commit_until_the_cut(disk)
        with disk.guest(mem=256) as g:
            g.start()
            g.wait(100)
            check(g.status() == 0, "%s; %s" % (g.verdict(), g.report()))
            all_there(acks, g.result().decode(errors="replace"))
        disk.settle()
        status, words = disk.image.fsck(repair=True)
        os.unlink(disk.image.repaired)
        check(status in (0, 1), "e2fsck could not repair:\n" + words)
        for mode in COMMITTERS[:3]:
            b.same_sqlite(disk.image, "/root/db/" + mode)
        b.same_lmdb(disk.image, "/root/db/mdb", "/root/db/mdb.dump")
        return acks, words


@test
def commits_survive_a_power_cut():
    """sqlite3 with rollback journals and WAL, LMDB: all recover by themselves, and nothing acknowledged is missing."""
    with bench() as b:
        cut_and_look(b)
