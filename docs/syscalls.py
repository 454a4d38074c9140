#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make syscalls: docs/syscalls.md, every system call of Linux 6.1 x86-64 and what Quire makes of it.

What is there says abi/syscalls.h, what is missing docs/syscalls.txt, what Linux has <asm/unistd_64.h>.
  syscalls.py            write the page
  syscalls.py --check    say what is wrong with it or with the remarks; status 1 if something is
  syscalls.py --calls    build/calls.h: the same for C programs
"""
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(TOP, "docs/syscalls.md")
LAST, COUNT = 450, 362          # the last number of Linux 6.1, and how many there are: a newer header has more
HEAD = """# The system calls

Made by `make syscalls` from `abi/syscalls.h` and `docs/syscalls.txt`: all of Linux 6.1 for x86-64, and Quire's own.
Done: %d. Partial: %d. Absent: %d; these answer ENOSYS, and the kernel's log names each of them at its first use.

| number | call | | what is missing, or why |
|---|---|---|---|
"""
OWN = """
## Quire's own

`abi/ipc.h` says what they do. Most are for servers alone; others get EPERM.

| number | call | arguments |
|---|---|---|
"""


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as f:
        return f.read()


def linux():
    """{name: number} of Linux 6.1."""
    text = subprocess.run(["gcc", "-E", "-dM", "-include", "asm/unistd_64.h", "-xc", "/dev/null"], check=True,
                          stdout=subprocess.PIPE).stdout.decode()
    calls = {name: int(n) for name, n in re.findall(r"#define __NR_(\w+) (\d+)", text)}
    return {name: n for name, n in calls.items() if n <= LAST}


def table():
    """{name: (number, kinds of arguments)} of abi/syscalls.h."""
    found = re.findall(r'X\((\d\w*), (\w+), "([^"]*)"\)', read("abi/syscalls.h"))
    return {name: (int(n, 0), kinds) for n, name, kinds in found}


def remarks():
    """{name: (partial or absent, words)}"""
    found = {}
    for line in read("docs/syscalls.txt").splitlines():
        m = re.fullmatch(r"(partial|absent) ([\w ]+): (.+)", line)
        if m:
            found.update({name: (m[1], m[3]) for name in m[2].split()})
        elif line and not line.startswith("#"):
            raise ValueError("docs/syscalls.txt: not understood: " + line)
    return found


def state(name, have, said):
    """(done, partial or absent, words)"""
    if name in said:
        return said[name]
    return ("done", "") if name in have else ("absent", "")


def page():
    have, said = table(), remarks()
    rows = [(n, name, *state(name, have, said)) for name, n in sorted(linux().items(), key=lambda x: x[1])]
    count = [sum(row[2] == s for row in rows) for s in ("done", "partial", "absent")]
    own = sorted((n, name, kinds) for name, (n, kinds) in have.items() if n >= 0x1000)
    return (HEAD % tuple(count) + "".join("| %d | %s | %s | %s |\n" % row for row in rows) +
            OWN + "".join("| %#x | %s | %s |\n" % row for row in own))


def wrong():
    """What is wrong, a line each."""
    have, said, names = table(), remarks(), linux()
    if len(names) != COUNT:
        yield "<asm/unistd_64.h> has %d calls of Linux 6.1, not %d" % (len(names), COUNT)
    for name, (number, _) in have.items():
        if number < 0x1000 and names.get(name) != number:
            yield "abi/syscalls.h: Linux has no %s with number %d" % (name, number)
    for name, (what, _) in said.items():
        if name not in names:
            yield "docs/syscalls.txt: Linux has no " + name
        if what == "partial" and name not in have:
            yield "docs/syscalls.txt: %s is partial, and not in abi/syscalls.h" % name
        if what == "absent" and name in have:
            yield "docs/syscalls.txt: %s is absent, and in abi/syscalls.h" % name
    if read("docs/syscalls.md") != page():
        yield "docs/syscalls.md is not up to date: make syscalls"


def calls():
    """A line of C for each: absent ones have no kinds of arguments."""
    have = table()
    lines = ['LINUX_CALL(%d, %s, "%s")' % (n, name, have.get(name, (n, ""))[1]) for name, n in linux().items()]
    lines += ['QUIRE_CALL(%#x, %s, "%s")' % (n, name, kinds) for name, (n, kinds) in have.items() if n >= 0x1000]
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        faults = list(wrong())
        print("\n".join(faults))
        sys.exit(1 if faults else 0)
    if sys.argv[1:] == ["--calls"]:
        print(calls())
        sys.exit(0)
    with open(PAGE, "w", encoding="utf-8") as out:
        out.write(page())
