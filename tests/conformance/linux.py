# SPDX-License-Identifier: MIT
"""Run one of our static programs on Debian's own Linux, in the same QEMU and on the same disk image as Quire.

The kernel comes from Debian's package linux-image-cloud-amd64 (apt-get download into build/linux, nothing is installed).
"""
import glob
import gzip
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../harness"))
from quire import BUILD, TOP, Failed, Image  # noqa: E402

DIR = os.path.join(BUILD, "linux")
PACKAGE = "linux-image-cloud-amd64"


def fetch():
    """Download and unpack the kernel unless it is there; the path of vmlinuz."""
    have = glob.glob(os.path.join(DIR, "root/boot/vmlinuz-*"))
    if have:
        return have[0]
    os.makedirs(DIR, exist_ok=True)
    out = subprocess.run(["apt-cache", "depends", PACKAGE], check=True, stdout=subprocess.PIPE).stdout.decode()
    real = re.search(r"Depends: (linux-image-\S+)", out).group(1)
    subprocess.run(["apt-get", "download", "-q", real], check=True, cwd=DIR, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deb = glob.glob(os.path.join(DIR, "*.deb"))[0]
    subprocess.run(["dpkg-deb", "-x", deb, os.path.join(DIR, "root")], check=True)
    return glob.glob(os.path.join(DIR, "root/boot/vmlinuz-*"))[0]


def cpio(files):
    """An archive in cpio's "newc" form, which the kernel unpacks as its first root: [(name, mode, data)]."""
    out = bytearray()
    for i, (name, mode, data) in enumerate(list(files) + [("TRAILER!!!", 0, b"")]):
        fields = (i + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out += b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0"
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return bytes(out)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def initrd(program):
    init = os.path.join(DIR, "init")
    subprocess.run(["musl-gcc", "-static", "-O2", "-Wall", "-o", init, os.path.join(TOP, "tests/conformance/linux_init.c")],
                   check=True)
    files = [("init", 0o100755, read(init)), ("program", 0o100755, read(program)), ("mod", 0o40755, b"")]
    for m in ("virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk"):
        found = glob.glob(os.path.join(DIR, "root/lib/modules/*/kernel/**/%s.ko" % m), recursive=True)
        files.append(("mod/%s.ko" % m, 0o100644, read(found[0])))
    path = os.path.join(DIR, "initrd.gz")
    with open(path, "wb") as f:
        f.write(gzip.compress(cpio(files), 1))
    return path


def run(program, args=(), mem=256, timeout=300, extra=(), cpu="max,-la57", meanwhile=None):
    """The program's output.  extra: more words for QEMU; meanwhile: a function to call while the machine runs."""
    kernel = fetch()
    ram = initrd(program)
    with tempfile.TemporaryDirectory(prefix="quire-") as d, Image() as disk:
        result = os.path.join(d, "result")
        cmd = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", cpu, "-m", str(mem), "-nodefaults", "-vga",
               "none", "-display", "none", "-no-reboot", "-kernel", kernel, "-initrd", ram, "-append",
               "console=ttyS0 quiet panic=-1 mitigations=off -- " + " ".join(args), "-serial", "file:" + os.path.join(d, "console"),
               "-serial", "file:" + result, "-drive", "if=none,id=d0,format=raw,file=" + disk.path, "-device",
               "virtio-blk-pci,drive=d0", *extra]
        with subprocess.Popen(cmd) as qemu:
            try:
                if meanwhile:
                    meanwhile()
                status = qemu.wait(timeout)
            except subprocess.TimeoutExpired:
                qemu.kill()
                status = "it took too long"
        if status:
            raise Failed("Linux did not end: %s\n%s" % (status, read(os.path.join(d, "console"))[-3000:].decode(errors="replace")))
        return read(result).decode(errors="replace").replace("\r\n", "\n")


if __name__ == "__main__":
    sys.stdout.write(run(sys.argv[1], sys.argv[2:]))
