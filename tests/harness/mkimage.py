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
MODULES = ("fs", "virtio-blk", "init")


def run(*cmd, **kw):
    env = dict(os.environ, SOURCE_DATE_EPOCH=str(TIME), E2FSPROGS_FAKE_TIME=str(TIME), MTOOLS_SKIP_CHECK="1", TZ="UTC")
    env["PATH"] += ":/usr/sbin:/sbin"
    subprocess.run(cmd, check=True, env=env, stdout=subprocess.DEVNULL, **kw)


def set_times(top):
    for folder, dirs, files in os.walk(top):
        for name in dirs + files:
            os.utime(os.path.join(folder, name), (TIME, TIME), follow_symlinks=False)
    os.utime(top, (TIME, TIME))


def make_esp(build, scratch, cmdline, leave_out):
    """The files of the ESP in a folder; sums.txt names what the loader has to check."""
    esp = os.path.join(scratch, "esp")
    os.makedirs(os.path.join(esp, "EFI/BOOT"))
    os.makedirs(os.path.join(esp, "quire/modules"))
    shutil.copy(os.path.join(build, "BOOTX64.EFI"), os.path.join(esp, "EFI/BOOT/BOOTX64.EFI"))
    parts = [("kernel.elf", "kernel.elf")] + [("%s.elf" % m, "modules/" + m) for m in MODULES]
    sums = ""
    for source, target in parts:
        data = open(os.path.join(build, "strip", source), "rb").read()
        sums += "%08x %s\n" % (binascii.crc32(data), target)
        if target not in leave_out:
            open(os.path.join(esp, "quire", target), "wb").write(data)
    open(os.path.join(esp, "quire/sums.txt"), "w").write(sums)
    open(os.path.join(esp, "quire/cmdline.txt"), "w").write(cmdline + "\n")
    set_times(esp)
    return esp


def make_root(build, scratch, extra, cmd):
    root = os.path.join(scratch, "root")
    for name in "bin demo conformance tmp dev etc root proc mnt extra".split():
        os.makedirs(os.path.join(root, name))
    for name in ("bin", "demo", "conformance"):
        source = os.path.join(build, "root", name)
        if os.path.isdir(source):
            shutil.copytree(source, os.path.join(root, name), dirs_exist_ok=True)
    if extra:
        shutil.copytree(extra, os.path.join(root, "extra"), dirs_exist_ok=True, symlinks=True)
    if cmd:
        open(os.path.join(root, "etc/quire-cmd"), "w").write(cmd + "\n")
    os.chmod(os.path.join(root, "tmp"), 0o1777)
    set_times(root)
    return root


def make_image(build, out, size_mib=64, block=4096, cmdline="", extra=None, cmd=None, leave_out=(), features=None):
    """features: extra arguments of mke2fs, for the tests of refusal."""
    ext2_start = ESP_START + ESP_SIZE
    total = ext2_start + size_mib * MIB + MIB
    with tempfile.TemporaryDirectory() as scratch:
        with open(out, "wb") as f:
            f.truncate(total)
        table = "label: gpt\nlabel-id: %s\nstart=%d,size=%d,type=U,uuid=%s\nstart=%d,size=%d,type=L,uuid=%s\n" % (
            GUID % 0, ESP_START // 512, ESP_SIZE // 512, GUID % 1, ext2_start // 512, size_mib * MIB // 512, GUID % 2)
        run("sfdisk", "-q", out, input=table.encode())
        esp = make_esp(build, scratch, cmdline, leave_out)
        target = "%s@@%d" % (out, ESP_START)
        run("mformat", "-i", target, "-T", str(ESP_SIZE // 512), "-h", "64", "-s", "32", "-N", "51554952", "::")
        run("mcopy", "-s", "-m", "-i", target, os.path.join(esp, "EFI"), os.path.join(esp, "quire"), "::")
        root = make_root(build, scratch, extra, cmd)
        run("mke2fs", "-q", "-F", "-t", "ext2", "-b", str(block), "-U", GUID % 3, "-E",
            "offset=%d,hash_seed=%s,root_owner=0:0" % (ext2_start, GUID % 4), *(features or ()), "-d", root, out,
            "%dk" % (size_mib * 1024), stderr=subprocess.DEVNULL)
    return ext2_start


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", default="build")
    p.add_argument("--out", default="build/quire.img")
    p.add_argument("--size", type=int, default=64, help="MiB of the ext2 partition")
    p.add_argument("--block", type=int, default=4096)
    p.add_argument("--cmdline", default="")
    p.add_argument("--extra")
    p.add_argument("--cmd")
    a = p.parse_args()
    make_image(a.build, a.out, a.size, a.block, a.cmdline, a.extra, a.cmd)


if __name__ == "__main__":
    main()
