#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs of Debian, unmodified, as a tree for the image: fetched by apt-get into build/debian, nothing is installed.

Versions are those of the host's release.  From a package in PROGRAMS everything goes into the tree but its
documentation; from all others only the shared libraries that something in the tree needs.  A second call finds the
tree ready.
"""
import fcntl
import functools
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DIR = os.path.join(os.path.dirname(os.path.dirname(HERE)), "build/debian")
PROGRAMS = ("busybox-static", "sqlite3", "lmdb-utils", "liblmdb-dev", "fio", "stress-ng", "tcc", "libc6-dev", "linux-libc-dev",
            "ncurses-base")
# What is loaded by name at run time: glibc's thread cancellation takes libgcc_s.
LOADED = {"libgcc_s.so.1": "libgcc-s1"}
# Documentation, and what is neither run nor included by a compilation for x86-64 in the machine.
DROP = ("usr/share", "usr/sbin", "var", "etc", "usr/include/drm", "usr/include/rdma", "usr/include/sound", "usr/include/xen",
        "usr/include/scsi", "usr/include/mtd", "usr/include/video", "usr/include/misc", "usr/include/linux/netfilter*",
        "usr/lib/*/libc.a", "usr/lib/*/libm-*.a", "usr/lib/*/libmvec.a", "usr/lib/*/gconv", "usr/lib/*/g?crt1.o",
        "usr/bin/fio-*", "usr/bin/fio2gnuplot", "usr/bin/genfio", "usr/bin/fio_*", "usr/bin/i386-tcc", "lib/terminfo/[!ldvx]")
LIBRARIES = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")
ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/tmp:/bin/sh\n",
    "group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
    "profile": "export PATH=/bin:/usr/bin:/sbin:/usr/sbin:/demo:/conformance:/quire USER=root TERM=linux\nPS1='\\w # '\n",
    "fstab": "/dev/vda2 / ext2 defaults 0 1\nproc /proc proc defaults 0 0\ntmpfs /tmp tmpfs defaults 0 0\n",
    "hosts": "127.0.0.1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
NO_APT = "these programs come from Debian's packages: apt-get and a way to Debian's archive are needed"


class Missing(Exception):
    """A package that cannot be had."""


def output(*cmd, **kw):
    r = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **kw)
    return r.returncode, r.stdout.decode(), r.stderr.decode()


class Store:
    """Packages as files, each unpacked in a folder of its own."""

    def __init__(self, top):
        self.top = top
        self.listed = False

    def folder(self, package):
        """Where the package is unpacked; downloads it first if need be."""
        self.fetch([package])
        return os.path.join(self.top, package)

    def fetch(self, packages):
        """Those that are not there yet, by one call of apt-get, which takes a second to read its lists."""
        packages = [p for p in packages if not os.path.isdir(os.path.join(self.top, p))]
        if not packages:
            return
        debs = os.path.join(self.top, "debs")
        shutil.rmtree(debs, ignore_errors=True)
        os.makedirs(debs)
        self.download(packages, debs)
        for deb in glob.glob(os.path.join(debs, "*.deb")):
            folder = os.path.join(self.top, os.path.basename(deb).split("_")[0])
            subprocess.run(["dpkg-deb", "-x", deb, folder + ".tmp"], check=True)
            os.rename(folder + ".tmp", folder)
        shutil.rmtree(debs)

    def download(self, packages, folder):
        if not shutil.which("apt-get"):
            raise Missing(NO_APT)
        status, _, words = output("apt-get", "download", "-q", *packages, cwd=folder)
        if status and not self.listed and os.getuid() == 0:     # a fresh machine has no lists, or old ones
            self.listed = True
            output("apt-get", "update", "-q")
            status, _, words = output("apt-get", "download", "-q", *packages, cwd=folder)
        if status:
            raise Missing("%s\n%s: %s" % (NO_APT, " ".join(packages), words.strip()))

    @functools.lru_cache(None)
    def libraries(self, package):
        """The packages of libraries that this one depends on."""
        out = output("apt-cache", "show", "--no-all-versions", package)[1]
        words = re.search(r"^Depends: (.*)$", out, re.M)
        return re.findall(r"(?:^|[,|] )(z?lib[a-z0-9.+-]+)", words.group(1)) if words else []


def is_elf(path):
    if os.path.islink(path) or not os.path.isfile(path):
        return False
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


def needed(path):
    """The names of the shared libraries that a program or library asks the dynamic loader for."""
    return re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-d", path)[1])


def package_stem(soname):
    """How the name of its package begins, by Debian's policy."""
    return re.sub(r"\.so\.?", "", soname).lower().replace("_", "-")


def find_library(folder, soname):
    for where in LIBRARIES:
        for path in glob.glob(os.path.join(folder, where, soname)) + glob.glob(os.path.join(folder, where, "*", soname)):
            return os.path.relpath(path, folder)
    return None


class Tree:
    """The tree as it grows: what is in it, from which package, and which libraries are still to be found."""

    def __init__(self, store, top):
        self.store, self.top = store, top
        self.have = set()
        self.asked = []                 # (soname, package that asks)

    def add_file(self, package, name):
        source, target = os.path.join(self.store.folder(package), name), os.path.join(self.top, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.lexists(target):
            shutil.copy2(source, target, follow_symlinks=False)
        if os.path.islink(source):
            to = os.readlink(source)
            to = to[1:] if to.startswith("/") else os.path.normpath(os.path.join(os.path.dirname(name), to))
            if os.path.lexists(os.path.join(self.store.folder(package), to)):
                self.add_file(package, to)
        elif is_elf(source):
            self.asked += [(soname, package) for soname in needed(source)]

    def add_package(self, package):
        folder = self.store.folder(package)
        dropped = {p for pattern in DROP for p in glob.glob(os.path.join(folder, pattern))}
        for at, dirs, files in os.walk(folder):
            dirs[:] = [d for d in dirs if os.path.join(at, d) not in dropped]
            for name in [os.path.join(at, f) for f in files] + [os.path.join(at, d) for d in dirs]:
                if name not in dropped and (os.path.islink(name) or os.path.isfile(name)):
                    self.add_file(package, os.path.relpath(name, folder))

    def add_library(self, soname, asker):
        """From the asking package itself, or from what it depends on: first the one whose name is the library's."""
        stem = package_stem(soname)
        depends = sorted(self.store.libraries(asker), key=lambda d: (not d.startswith(stem), d))
        for package in [asker] + depends + ["libc6"]:
            name = find_library(self.store.folder(package), soname)
            if name:
                return self.add_file(package, name)
        raise Missing("no package that %s depends on has %s" % (asker, soname))

    def close(self):
        """Until nothing in the tree needs what is not there."""
        while self.asked:
            wanted = {soname: asker for soname, asker in self.asked if soname not in self.have}
            self.asked = []
            self.have |= set(wanted)
            self.store.fetch({d for soname, asker in wanted.items() for d in self.store.libraries(asker)
                              if d.startswith(package_stem(soname))})
            for soname, asker in wanted.items():
                self.add_library(soname, asker)


def busybox_links(top):
    """Each tool of busybox under its own name and place, as a link."""
    names = output(os.path.join(top, "bin/busybox"), "--list-full")[1].split()
    for name in [n for n in names if "/" in n]:
        path = os.path.join(top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not os.path.lexists(path):
            os.symlink("/bin/busybox", path)


def build(top):
    """The tree at top, whole."""
    tree = Tree(Store(os.path.join(DIR, "packages")), top)
    tree.store.fetch(PROGRAMS)
    for package in PROGRAMS:
        tree.add_package(package)
    tree.asked += list(LOADED.items())
    tree.add_file("libc6", "lib64/ld-linux-x86-64.so.2")
    tree.close()
    busybox_links(top)
    os.makedirs(os.path.join(top, "etc"))
    os.symlink("/proc/mounts", os.path.join(top, "etc/mtab"))
    for name, text in ETC.items():
        with open(os.path.join(top, "etc", name), "w") as f:
            f.write(text)


def tree():
    """The folder, made if it is not there or was made by another edition of this file.  Missing: why not."""
    os.makedirs(DIR, exist_ok=True)
    with open(os.path.abspath(__file__), "rb") as f:
        edition = hashlib.sha256(f.read()).hexdigest()
    top, stamp = os.path.join(DIR, "root"), os.path.join(DIR, "stamp")
    with open(os.path.join(DIR, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(stamp) and open(stamp).read() == edition:
            return top
        shutil.rmtree(top, ignore_errors=True)
        os.makedirs(top)
        build(top)
        with open(stamp, "w") as f:
            f.write(edition)
    return top


if __name__ == "__main__":
    try:
        print(tree())
    except Missing as e:
        sys.exit("quire: %s" % e)
