# SPDX-License-Identifier: MIT
"""Starts that must fail: each ends by itself, with the loader's status and a message that names what is wrong.

They need a loader and files to load, and no working kernel.
"""
import struct

from quire import EXIT_LOADER, BUILD, Guest, Image, NoBoot, check, test


def loader_says(words, mem=256, **image):
    """Boot an image; the loader must stop with its own status and these words."""
    with Image(**image) as disk, Guest(disk.path, mem=mem) as g:
        g.start()
        status = g.wait(60)
        check(status == EXIT_LOADER, "QEMU's status is not the loader's; " + g.report())
        check(words.encode() in g.console(), "not said: %r; %s" % (words, g.report()))


def part(name):
    with open("%s/strip/%s" % (BUILD, name), "rb") as f:
        return bytearray(f.read())


@test
def boot_names_a_missing_module():
    loader_says("modules/virtio-blk is missing", leave_out=["modules/virtio-blk"])


@test
def boot_names_a_missing_kernel():
    loader_says("kernel.elf is missing", leave_out=["kernel.elf"])


@test
def boot_names_a_damaged_module():
    data = part("fs.elf")
    data[len(data) // 2] ^= 1           # one bit: only the checksum can tell
    loader_says("modules/fs is damaged: its checksum", replace={"modules/fs": bytes(data)})


@test
def boot_names_an_empty_module():
    loader_says("modules/init is empty", replace={"modules/init": b""}, leave_out=["sums.txt"])


@test
def boot_names_a_module_that_is_no_program():
    loader_says("modules/init is damaged: not a static", replace={"modules/init": b"#!/bin/sh\n" * 100},
                leave_out=["sums.txt"])


@test
def boot_refuses_a_kernel_cut_short():
    data = part("kernel.elf")
    loader_says("kernel.elf is damaged", replace={"kernel.elf": bytes(data[:8192])}, leave_out=["sums.txt"])


@test
def boot_refuses_a_kernel_of_another_machine():
    data = part("kernel.elf")
    data[18:20] = struct.pack("<H", 183)                # e_machine: AArch64
    loader_says("kernel.elf is damaged: not a static", replace={"kernel.elf": bytes(data)}, leave_out=["sums.txt"])


@test
def boot_refuses_an_entry_outside_the_text():
    data = part("kernel.elf")
    data[24:32] = struct.pack("<Q", 0xffffffff80000000)         # e_entry
    loader_says("no entry point in its text", replace={"kernel.elf": bytes(data)}, leave_out=["sums.txt"])


@test
def boot_refuses_a_writable_text_segment():
    data = part("kernel.elf")
    data[64 + 4:64 + 8] = struct.pack("<I", 7)          # p_flags of the first segment
    loader_says("both writable and executable", replace={"kernel.elf": bytes(data)}, leave_out=["sums.txt"])


@test
def boot_refuses_a_segment_over_the_end_of_memory():
    data = part("kernel.elf")
    data[64 + 16:64 + 24] = struct.pack("<Q", 0xfffffffffffff000)       # p_vaddr
    loader_says("kernel.elf is damaged: a segment too far up", replace={"kernel.elf": bytes(data)},
                leave_out=["sums.txt"])


@test
def boot_notices_a_damaged_list_of_checksums():
    loader_says("sums.txt is damaged", replace={"sums.txt": b"not a checksum\n"})


@test
def boot_refuses_a_command_line_that_is_too_long():
    loader_says("command line is longer than 511 bytes", cmdline="x" * 600)


@test
def boot_says_how_much_memory_is_needed():
    loader_says("Quire needs at least 64 MiB; this machine has 48 MiB", mem=48)


@test
def boot_without_memory_for_the_firmware_ends():
    with Image() as disk, Guest(disk.path, mem=32) as g:
        g.start()
        try:
            g.wait(60)
        except NoBoot as e:
            check("Quire needs at least 64" in str(e), str(e))
            return
        check(False, "it booted in 32 MiB; " + g.report())


@test
def boot_without_a_disk_ends():
    with Guest(None) as g:
        g.start()
        try:
            g.wait(60)
        except NoBoot:
            return
        check(False, "it booted without a disk; " + g.report())
