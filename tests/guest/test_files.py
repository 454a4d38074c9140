# SPDX-License-Identifier: MIT
"""System calls on files: locks, special files, attributes, waiting; the same programs pass on the host's Linux."""
import os
import subprocess
import tempfile

from quire import BUILD, Guest, Image, check, run_cmd, test


def passes(cmd):
    status, text = run_cmd(cmd)
    check(status == 0 and " 0 failed" in text, text)


@test
def locks_on_ext2():
    passes("/conformance/locks /root/l")


@test
def locks_on_tmpfs():
    passes("/conformance/locks /tmp/l")


@test
def system_v_shared_memory():
    passes("/conformance/shm")


@test
def waiting_for_descriptors():
    passes("/conformance/waiting /tmp/w")


@test
def attributes_on_ext2():
    passes("/conformance/attributes /root/a")


@test
def attributes_on_tmpfs():
    passes("/conformance/attributes /tmp/a")


@test
def mounts_of_tmpfs_proc_and_a_second_disk():
    with tempfile.NamedTemporaryFile(suffix=".img") as disk, \
            Image(cmd="/conformance/mounts /root/m /dev/vdb /dev/vda /dev/vda2", cmdline="cmd") as img:
        subprocess.run(["mke2fs", "-q", "-t", "ext2", "-b", "1024", disk.name, "2048"], check=True)
        extra = ["-drive", "if=none,id=d1,format=raw,file=" + disk.name, "-device", "virtio-blk-pci,drive=d1"]
        with Guest(img.path, extra=extra) as g:
            g.start()
            g.wait()
            check(g.status() == 0, g.report())
        done = subprocess.run(["e2fsck", "-fn", disk.name], capture_output=True, text=True)
        check(done.returncode == 0, done.stdout)


@test
def file_programs_hold_on_linux_too():
    """Those that need no root."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("locks", "waiting"):
            program = os.path.join(BUILD, "root/conformance", name)
            done = subprocess.run([program, os.path.join(folder, name)], capture_output=True, text=True, timeout=90)
            check(done.returncode == 0, name + ": " + done.stdout)
