#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench: instructions and disk requests of each operation of /conformance/bench, on Quire and on Debian's Linux.

One CPU; the same program, processor and disk image.  The bounds are those of docs/performance.md; a broken one is said
and gives status 1.
  bench.py            both systems; writes docs/performance.md
  bench.py quire      Quire alone, printed
"""
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../harness"), os.path.join(HERE, "../conformance")]
import count  # noqa: E402
import linux  # noqa: E402
from quire import BUILD, TOP, Guest, Image, check  # noqa: E402

CPU = "max,-la57,-erms"         # rep movsb runs a byte at a time under TCG
PROGRAM = os.path.join(BUILD, "root/conformance/bench")
SYMBOLS = os.path.join(BUILD, "bench.full")
PAGE = os.path.join(TOP, "docs/performance.md")
BOUNDS = {"null call": 361, "open + close": 5975, "open + close, nobody else has it open": 5975,
          "fork + exec + wait": 358000, "pipe ping-pong": 10120}
HEAD = """# What operations cost

Made by `make bench` (tests/bench/bench.py): guest instructions of one operation, ring 0 and ring 3 together, counted by QEMU
(`-icount`), and requests to the disk; the mean of many. The same program, processor (`-cpu %s`, one CPU) and disk for
both. A pause for the disk costs nothing here. "Bound" is what Quire shall not exceed.

| operation | bound | Quire | Linux 6.1 | Quire's disk: reads, writes, flushes | Linux's |
|---|---|---|---|---|---|
"""


def counted(folder, found):
    """A thread that counts; QEMU's sockets appear first."""
    def work():
        for _ in range(500):
            if os.path.exists(folder + "/gdb") and os.path.exists(folder + "/count"):
                break
            time.sleep(0.02)
        found.extend(count.counts(folder, count.place(SYMBOLS)))
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def rows(text, found):
    """{name: per operation (instructions, reads, writes, flushes)}; the first row is empty: what counting itself takes."""
    names = re.findall(r"^(\d+) (.+)$", text, re.M)
    check(len(found) == 2 * len(names), "%d visits for %d rows\n%s" % (len(found), len(names), text))
    deltas = [[b - a for a, b in zip(found[i], found[i + 1])] for i in range(0, len(found), 2)]
    return {name: [(d - e) / int(n) for d, e in zip(delta, deltas[0])] for (n, name), delta in zip(names, deltas)}


def on_quire():
    with tempfile.TemporaryDirectory(prefix="quire-") as d, \
            Image(cmd="cd /root; /conformance/bench", cmdline="cmd", size_mib=64) as img:
        with Guest(img.path, cpus=1, extra=count.options(d), quick=False) as g:
            g.cmd[g.cmd.index("-cpu") + 1] = CPU
            g.start()
            found = []
            thread = counted(d, found)
            g.wait(600)
            thread.join()
            check(g.status() == 0, g.report())
            return rows(g.result().decode(), found)


def on_linux():
    with tempfile.TemporaryDirectory(prefix="quire-") as d:
        found = []
        thread = counted(d, found)
        text = linux.run(PROGRAM, timeout=600, extra=count.options(d), cpu=CPU)
        thread.join()
        return rows(text, found)


def requests(row):
    return ", ".join("%.3g" % n for n in row[1:]) if row and any(row[1:]) else ""


def table(quire, other):
    lines = ""
    for name, row in quire.items():
        if name != "empty":
            theirs = other.get(name)
            lines += "| %s | %s | %.0f | %s | %s | %s |\n" % (
                name, BOUNDS.get(name, ""), row[0], "%.0f" % theirs[0] if theirs else "", requests(row), requests(theirs))
    return HEAD % CPU + lines


def main():
    subprocess.run(["make", "-s", "-C", TOP, "all", os.path.relpath(SYMBOLS, TOP)], check=True)
    quire = on_quire()
    other = {} if sys.argv[1:] == ["quire"] else on_linux()
    text = table(quire, other)
    print(text[text.index("| operation"):], end="")
    if other:
        with open(PAGE, "w", encoding="utf-8") as f:
            f.write(text)
    broken = ["%s: %.0f, bound %d" % (n, quire[n][0], b) for n, b in BOUNDS.items() if quire[n][0] > b]
    print("\n".join(broken) or "all bounds kept")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
