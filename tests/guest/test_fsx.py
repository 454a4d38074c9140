# SPDX-License-Identifier: MIT
"""Random operations on one file against a model, and processes that disturb each other; e2fsck afterwards.

LONG=1 in the environment adds the long runs, which are no part of `make test`: LONG=1 make test-one T=fsx_long_on_ext2
"""
import os

from quire import check, run_cmd, test
from test_programs import clean_after

SHRINK = "-t 40"        # seconds to shrink a failing list in: it shall be said before the test's time is over


def fsx(args, path, said, timeout=120, **image):
    """A run with stores past the end of the file (-e): Quire promises that they never show (MM13)."""
    cmd = "/conformance/fsx -e %s %s %s" % (SHRINK, args, path)
    if path.startswith("/tmp/"):
        status, text = run_cmd(cmd, timeout=timeout, **image)
        check(status == 0 and said in text, text)
    else:
        clean_after(cmd, said, timeout=timeout, **image)


@test
def fsx_on_4k_blocks():
    fsx("-n 5000 -s 1", "/root/f", "5000 operations, seed 1: ok")


@test
def fsx_on_1k_blocks():
    fsx("-n 5000 -s 2", "/root/f", "5000 operations, seed 2: ok", block=1024)


@test
def fsx_on_tmpfs():
    fsx("-n 5000 -s 3", "/tmp/f", "5000 operations, seed 3: ok")


@test
def race_on_ext2():
    clean_after("/conformance/race -n 10000 -p 3 -s 2 /root/f", ": ok")


race_on_ext2.seconds = 240


@test
def race_on_tmpfs():
    status, text = run_cmd("/conformance/race -n 3000 -s 1 /tmp/f")
    check(status == 0 and ": ok" in text, text)


def fsx_long_on_ext2():
    fsx("-n 100000 -s 4", "/root/f", "100000 operations, seed 4: ok", timeout=280)


def fsx_long_on_1k_blocks():
    fsx("-n 100000 -s 5 -l 1000000", "/root/f", "100000 operations, seed 5: ok", timeout=280, block=1024)


def fsx_long_on_tmpfs():
    fsx("-n 100000 -s 6", "/tmp/f", "100000 operations, seed 6: ok", timeout=280)


if os.environ.get("LONG") == "1":
    for long_test in (fsx_long_on_ext2, fsx_long_on_1k_blocks, fsx_long_on_tmpfs):
        long_test.seconds = 300
        test(long_test)
