#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make one GPT image without root: an EFI system partition (loader, kernel, modules) and an ext2 partition.

The same input gives the same bytes: GUIDs, UUIDs, hash seed and all times are fixed.
"""
import argparse
import binascii
import os
import shutil
import subprocess
import tempfile

TIME = 1700000000                       # of every file and file system in the image
MIB = 1 << 20
ESP_START, ESP_SIZE = 1 * MIB, 40 * MIB
GUID = "51554952-4500-4000-8000-00000000000%d"
MODULES = ("fs", "virtio-blk", "pm", "init")


def run(*cmd, **kw):
    env = dict(os.environ, SOURCE_DATE_EPOCH=str(TIME), E2FSPROGS_FAKE_TIME=str(TIME), MTOOLS_SKIP_CHECK="1", TZ="UTC")
    env["PATH"] += ":/usr/sbin:/sbin"
    subprocess.run(cmd, check=True, env=env, stdout=subprocess.DEVNULL, **kw)


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def set_times(top):
    for folder, dirs, files in os.walk(top):
        for name in dirs + files:
            os.utime(os.path.join(folder, name), (TIME, TIME), follow_symlinks=False)
    os.utime(top, (TIME, TIME))


def make_esp(build, scratch, cmdline, leave_out, replace):
    """The files of the ESP in a folder; sums.txt names what the loader has to check.

    A file in `replace` gets those bytes on the disk, while sums.txt keeps the sum of the true ones."""
    esp = os.path.join(scratch, "esp")
    os.makedirs(os.path.join(esp, "EFI/BOOT"))
    os.makedirs(os.path.join(esp, "quire/modules"))
    shutil.copy(os.path.join(build, "BOOTX64.EFI"), os.path.join(esp, "EFI/BOOT/BOOTX64.EFI"))
    parts = [("kernel.elf", "kernel.elf")] + [("%s.elf" % m, "modules/" + m) for m in MODULES]
    sums = ""
    for source, target in parts:
        with open(os.path.join(build, "strip", source), "rb") as f:
            data = f.read()
        sums += "%08x %s\n" % (binascii.crc32(data), target)
        if target not in leave_out:
            write(os.path.join(esp, "quire", target), replace.get(target, data))
    if "sums.txt" not in leave_out:
        write(os.path.join(esp, "quire/sums.txt"), replace.get("sums.txt", sums.encode()))
    write(os.path.join(esp, "quire/cmdline.txt"), cmdline.encode() + b"\n")
    set_times(esp)
    return esp


def link_or_copy(source, target):
    """A file of build/ is only read on its way into the image: a second name does where a copy takes long."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def make_root(build, scratch, extra, cmd, debian):
    root = os.path.join(scratch, "root")
    if debian:
        shutil.copytree(debian, root, symlinks=True, copy_function=link_or_copy)
    for name in "bin demo conformance tmp dev etc root proc mnt extra".split():
        os.makedirs(os.path.join(root, name), exist_ok=True)
    for name in ("bin", "demo", "conformance"):
        source = os.path.join(build, "root", name)
        if os.path.isdir(source):
            target = "quire" if debian and name == "bin" else name
            shutil.copytree(source, os.path.join(root, target), dirs_exist_ok=True)
    shutil.copy(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../conformance/summary.txt"),
                os.path.join(root, "etc/conformance"))
    if extra:
        shutil.copytree(extra, os.path.join(root, "extra"), dirs_exist_ok=True, symlinks=True)
    if cmd:
        write(os.path.join(root, "etc/quire-cmd"), cmd.encode() + b"\n")
    os.chmod(os.path.join(root, "tmp"), 0o1777)
    set_times(root)
    return root


def debugfs_quote(path):
    return '"%s"' % path.replace('"', '""')


def settle_inodes(root, target):
    """mke2fs -d copies owner, access and change time of the host's files; the same input shall give the same bytes."""
    fields = (("uid", "0"), ("gid", "0"), ("atime", "@%d" % TIME), ("ctime", "@%d" % TIME))
    names = [os.path.join(folder, name) for folder, dirs, files in os.walk(root) for name in dirs + files]
    script = "".join("sif %s %s %s\n" % (debugfs_quote("/" + os.path.relpath(name, root)), field, value)
                     for name in sorted(names) for field, value in fields)
    run("debugfs", "-w", "-f", "-", target, input=script.encode(), stderr=subprocess.DEVNULL)


def tree_mib(top):
    """What a folder takes on disk, each file rounded up to blocks."""
    total = 0
    for folder, dirs, files in os.walk(top or os.devnull):
        for name in dirs + files:
            total += (os.lstat(os.path.join(folder, name)).st_size + 8191) // 4096 * 4096
    return total // MIB + 1


def make_image(build, out, size_mib=64, block=4096, cmdline="", extra=None, cmd=None, leave_out=(), features=None,
               replace=None, debian=None):
    """The image at `out`; returns the byte at which its ext2 partition starts.

    size_mib    of the ext2 partition; it grows when `extra` or `debian` need more
    debian      the tree that debian.py makes: its busybox has /bin, our tools are in /quire
    extra       a folder of the host, as /extra
    cmd         a command, as /etc/quire-cmd (the kernel's command line needs the word cmd as well)
    leave_out   names below \\quire that are not put on the ESP; replace: {name: other bytes} for them
    features    extra arguments of mke2fs, for the tests of refusal
    """
    if extra or debian:
        size_mib = max(size_mib, 32 + (tree_mib(extra) + tree_mib(debian)) * 5 // 4 + (64 if debian else 0))
    ext2_start = ESP_START + ESP_SIZE
    total = ext2_start + size_mib * MIB + MIB
    with tempfile.TemporaryDirectory(dir=os.path.dirname(debian) if debian else None) as scratch:
        with open(out, "wb") as f:
            f.truncate(total)
        table = "label: gpt\nlabel-id: %s\nstart=%d,size=%d,type=U,uuid=%s\nstart=%d,size=%d,type=L,uuid=%s\n" % (
            GUID % 0, ESP_START // 512, ESP_SIZE // 512, GUID % 1, ext2_start // 512, size_mib * MIB // 512, GUID % 2)
        run("sfdisk", "-q", out, input=table.encode())
        esp = make_esp(build, scratch, cmdline, leave_out, replace or {})
        target = "%s@@%d" % (out, ESP_START)
        run("mformat", "-i", target, "-T", str(ESP_SIZE // 512), "-h", "64", "-s", "32", "-N", "51554952", "::")
        run("mcopy", "-s", "-m", "-i", target, os.path.join(esp, "EFI"), os.path.join(esp, "quire"), "::")
        root = make_root(build, scratch, extra, cmd, debian)
        run("mke2fs", "-q", "-F", "-t", "ext2", "-b", str(block), "-U", GUID % 3, "-E",
            "offset=%d,hash_seed=%s,root_owner=0:0" % (ext2_start, GUID % 4), *(features or ()), "-d", root, out,
            "%dk" % (size_mib * 1024), stderr=subprocess.DEVNULL)
        settle_inodes(root, "%s?offset=%d" % (out, ext2_start))
    return ext2_start


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", default="build")
    p.add_argument("--out", default="build/quire.img")
    p.add_argument("--size", type=int, default=64, help="MiB of the ext2 partition")
    p.add_argument("--block", type=int, default=4096)
    p.add_argument("--cmdline", default="")
    p.add_argument("--extra")
    p.add_argument("--debian", help="the tree that debian.py makes")
    p.add_argument("--cmd")
    a = p.parse_args()
    make_image(a.build, a.out, a.size, a.block, a.cmdline, a.extra, a.cmd, debian=a.debian)


if __name__ == "__main__":
    main()
