# SPDX-License-Identifier: MIT
"""Disks that are not what they should be: a clear line on the console, status 1, no hang, no kernel fault."""
import subprocess

from quire import Guest, Image, check, test


def refused(words, spoil, cmdline="batch", **image):
    """Spoil the image, boot: the file server says these words, and the machine ends with status 1."""
    with Image(cmdline=cmdline, **image) as img:
        spoil(img)
        with Guest(img.path) as g:
            g.start()
            g.wait(60)
            check(g.status() == 1, "status %r; %s" % (g.status(), g.report()))
            check(words.encode() in g.console(), "not said: %r; %s" % (words, g.report()))


def poke(offset, data):
    """Write these bytes into the ext2 partition."""
    def spoil(img):
        with open(img.path, "r+b") as f:
            f.seek(img.ext2 + offset)
            f.write(data)
    return spoil


def nothing(img):
    pass


@test
def no_such_disk():
    refused("vdc1", nothing, cmdline="batch root=vdc1")


@test
def no_such_partition():
    refused("vda7", nothing, cmdline="batch root=vda7")


@test
def a_disk_without_ext2():
    refused("no ext2", poke(1024, bytes(1024)))


@test
def a_superblock_with_an_impossible_block_size():
    refused("damaged superblock: block size", poke(1024 + 24, b"\x40\0\0\0"))


@test
def a_superblock_with_impossible_groups():
    refused("damaged superblock: blocks per group", poke(1024 + 32, b"\0\0\0\0"))


@test
def a_group_descriptor_beyond_the_end():
    refused("damaged group descriptor", poke(4096, b"\xff\xff\xff\xff"))


@test
def a_truncated_image():
    def spoil(img):
        with open(img.path, "r+b") as f:
            f.truncate(img.ext2 + (16 << 20))
    refused("beyond the end of the disk", spoil)


@test
def an_unknown_feature_is_refused_by_its_name():
    refused("extents", nothing, features=["-O", "extents"])


@test
def an_unknown_ro_compat_feature_mounts_read_only():
    with Image(cmd="ls /demo && touch /root/x", cmdline="cmd", features=["-O", "huge_file"]) as img, Guest(img.path) as g:
        g.start()
        g.wait(60)
        check(g.status() == 1 and b"huge_file" in g.console() and b"journal" in g.result() and b"ead-only" in g.result(),
              g.report())


@test
def a_panic_names_the_invariant_and_the_functions():
    with Image(cmdline="batch panic=test") as img, Guest(img.path) as g:
        g.start()
        g.wait(60)
        text = g.console()
        check(g.proc.returncode == 171 and b"invariant" in text and b"panic_on_purpose+" in text and b"backtrace" in text, g.report())


@test
def a_kernel_stack_overflow_hits_the_guard_page():
    with Image(cmdline="batch panic=stack") as img, Guest(img.path) as g:
        g.start()
        g.wait(60)
        check(g.proc.returncode == 171 and b"stack overflow" in g.console(), g.report())
