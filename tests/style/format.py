#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where the C files differ from .clang-format in what a reader stumbles over: indentation and line breaks.

Blanks within a line are left out of the comparison: columns of tables and comments are aligned by hand, and worth
more than a tool's opinion.  Arguments: files to look at (all C files if none).  Counts, and never fails.
"""
import concurrent.futures
import difflib
import re
import subprocess
import sys

SHOWN = 8


def plain(text):
    return [re.sub(r"(?<=\S)[ \t]+", " ", line.rstrip()) for line in text.split("\n")]


def differs(name):
    """(number of lines that differ, name)"""
    with open(name, encoding="utf-8") as f:
        have = f.read()
    want = subprocess.run(["clang-format", name], check=True, stdout=subprocess.PIPE).stdout.decode()
    matcher = difflib.SequenceMatcher(None, plain(have), plain(want), autojunk=False)
    return sum(b - a for tag, a, b, _, _ in matcher.get_opcodes() if tag != "equal"), name


def main():
    names = sys.argv[1:] or subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h"], check=True,
        stdout=subprocess.PIPE).stdout.decode().split()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = sorted((n, f) for n, f in pool.map(differs, names) if n)
    print("formatting: %d lines in %d of %d files differ from .clang-format" % (
        sum(n for n, _ in found), len(found), len(names)))
    for n, name in reversed(found[-SHOWN:]):
        print("   %4d  %s" % (n, name))


if __name__ == "__main__":
    main()
