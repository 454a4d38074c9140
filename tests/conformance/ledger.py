#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/conformance.md: per assertion its tests, and how Quire, Quire with vm=split and Linux do.

  ledger.py            run the suite on all three (Linux in QEMU, with Debian's kernel), write the ledger (make conformance)
  ledger.py --check    run it on Quire, twice; complain if the ledger is out of date (a test of make test)

The tests inside the guest are user/posix/: one boot runs all of them.  Tests that look from outside (power cuts, disks
that fail, the device's queue) are tests/guest/: they cite assertions in the first line of their docstring.
What Linux said is kept in tests/conformance/linux.txt; summary.txt is what `make run` shows.
"""
import ast
import difflib
import glob
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../harness"), HERE]
import quire  # noqa: E402
import linux  # noqa: E402

SYSTEMS = ("quire", "split", "linux")
LEDGER, SUMMARY = os.path.join(quire.TOP, "docs/conformance.md"), os.path.join(HERE, "summary.txt")
KEPT = os.path.join(HERE, "linux.txt")
LINE = re.compile(r"^(ok|not ok) \d+ ([A-Z]{2}\d+) (\w+)( # SKIP)?$", re.M)
CITES = re.compile(r"^((?:[A-Z]{2}\d+ ?)+)")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def rows(path):
    return [line for line in read(path).splitlines() if line and not line.startswith("#")]


def assertions():
    return dict(line.split(" ", 1) for line in rows(os.path.join(HERE, "assertions.txt")))


def reasons():
    """{(test or assertion, system): why}"""
    out = {}
    for line in rows(os.path.join(HERE, "why.txt")):
        what, system, why = line.split(" ", 2)
        out[what, system] = why
    return out


def results(tap, where):
    """{test: (assertion, passed | failed | skipped)}"""
    out = {name: (number, "skipped" if skip else "passed" if word == "ok" else "failed")
           for word, number, name, skip in LINE.findall(tap)}
    plan = re.search(r"^1\.\.(\d+)$", tap, re.M)
    quire.check(plan and int(plan.group(1)) == len(out), "%s: the suite did not run to its end\n%s" % (where, tap[-2000:]))
    return out


def run_quire(cmdline):
    world = cmdline.partition("=")[2] or "unified"
    tap = quire.run_cmd("/conformance/posix", cmdline=cmdline, timeout=170)[1]
    quire.check("# world: %s\n" % world in tap, "not the world that was booted: " + tap[:100])
    return results(tap, world)


def run_linux():
    return results(linux.run(os.path.join(quire.BUILD, "root/conformance/posix"), []), "Linux")


def kept_linux():
    return {name: (number, word) for number, name, word in (line.split() for line in rows(KEPT))}


def outside():
    """{assertion: [guest tests]}"""
    out = {}
    for path in sorted(glob.glob(os.path.join(quire.TOP, "tests/guest/*.py"))):
        for f in ast.parse(read(path)).body:
            if not isinstance(f, ast.FunctionDef) or not any(getattr(d, "id", "") == "test" for d in f.decorator_list):
                continue
            cites = CITES.match(ast.get_docstring(f) or "")
            for number in cites.group(1).split() if cites else ():
                out.setdefault(number, []).append(f.name)
    return out


class Ledger:
    def __init__(self, by_system):
        self.by_system = by_system
        self.text, self.out, self.why = assertions(), outside(), reasons()
        self.tests = {}
        for name, (number, _) in by_system["quire"].items():
            self.tests.setdefault(number, []).append(name)
        self.complaints = []
        for number in list(self.tests) + list(self.out):
            if number not in self.text:
                self.complaints.append("%s is cited, but is no assertion" % number)
        for number in self.text:
            if number not in self.tests and number not in self.out:
                self.complaints.append("%s has no test" % number)
        for name, (_, word) in by_system["quire"].items():
            if word == "failed":
                self.complaints.append("%s fails on Quire" % name)

    def word(self, system, name):
        return self.by_system[system].get(name, ("", "missing"))[1]

    def score(self, system, numbers):
        names = [n for number in numbers for n in self.tests.get(number, ())]
        return sum(self.word(system, n) == "passed" for n in names), len(names)

    def cell(self, system, number):
        good, of = self.score(system, [number])
        return "-" if of == 0 else "%d" % good if good == of else "**%d of %d**" % (good, of)

    def table(self):
        yield "| # | assertion | checks | Quire | vm=split | Linux | seen from outside |"
        yield "|---|---|---:|---:|---:|---:|---|"
        for number, text in self.text.items():
            yield "| %s | %s | %d | %s | %s | %s | %s |" % (
                number, text.replace("|", "\\|"), len(self.tests.get(number, ())), self.cell("quire", number),
                self.cell("split", number), self.cell("linux", number), len(self.out.get(number, ())) or "")

    def differences(self):
        """The tests that did not pass, by their reason, so that the reason stands once."""
        by_reason = {}
        for number, names in self.tests.items():
            for name in sorted(names):
                for system in SYSTEMS:
                    word = self.word(system, name)
                    if word == "passed":
                        continue
                    why = self.why.get((name, system)) or self.why.get((number, system))
                    if not why:
                        self.complaints.append("%s: %s on %s, and why.txt does not say why" % (name, word, system))
                        continue
                    by_reason.setdefault((system, word, why), []).append("%s `%s`" % (number, name))
        for (system, word, why), names in sorted(by_reason.items(), key=lambda x: (SYSTEMS.index(x[0][0]), x[1])):
            yield "- **%s, %s**: %s" % ({"quire": "Quire", "split": "vm=split", "linux": "Linux"}[system], word, why)
            yield from ("    - " + n for n in sorted(names))

    def listing(self):
        for number in self.text:
            yield "\n**%s**" % number
            yield from ("- `%s`" % n for n in sorted(self.tests.get(number, ())))
            yield from ("- `%s` (tests/guest)" % n for n in self.out.get(number, ()))

    def summary(self):
        yield "%-28s %7s %7s %9s %7s" % ("conformance", "checks", "Quire", "vm=split", "Linux")
        groups = [("msync", ["MS"]), ("mmap", ["MM", "MX"]), ("munmap, mprotect, mlock", ["MU", "MP", "ML"]),
                  ("fsync, truncate, fallocate", ["FS", "FT", "FL"]), ("advice, mincore, mremap, brk", ["FA", "MA", "MC", "MR", "BK"]),
                  ("shared memory, memfd", ["SH", "MF"]), ("signals, bad memory, threads", ["SG", "TH"]), ("read, write, limits", ["RW", "RL"])]
        total = [0, 0, 0, 0]
        for title, kinds in groups:
            numbers = [n for n in self.text if n[:2] in kinds]
            row = [self.score("quire", numbers)[1]] + [self.score(s, numbers)[0] for s in SYSTEMS]
            total = [a + b for a, b in zip(total, row)]
            yield "%-28s %7d %7d %9d %7d" % (title, *row)
        yield "%-28s %7d %7d %9d %7d" % ("all", *total)
        yield "seen from outside the guest: %d tests.  docs/conformance.md lists all, and says why Linux differs." % len(
            {n for names in self.out.values() for n in names})

    def render(self):
        return "\n".join([
            "# Conformance", "",
            "Generated by `make conformance`; `make test` fails when it is out of date.  The numbers are POSIX.1-2017's",
            "assertions as we count them (tests/conformance/assertions.txt); each check is a function of `user/posix/`, run by",
            "`/conformance/posix NAME` or `make test-one T=NAME`.  The same static binary ran on all three: on Quire, on Quire",
            "booted with `vm=split`, and on Debian's Linux kernel in the same QEMU with the same disk image (ext2).  Tests that",
            "look from outside the guest (`tests/guest/`) run on Quire alone.", "", "```", *self.summary(), "```", "",
            *self.table(), "", "## Differences", "", *self.differences(), "", "## The tests", *self.listing(), ""])


def complain(ledger):
    for c in sorted(set(ledger.complaints)):
        print("conformance: " + c)
    return 1 if ledger.complaints else 0


def check():
    """One line for each thing that is wrong; none: the ledger is true."""
    ledger = Ledger({"quire": run_quire(""), "split": run_quire("vm=split"), "linux": kept_linux()})
    have, want = read(LEDGER), ledger.render()
    for line in list(difflib.unified_diff(have.splitlines(), want.splitlines(), "docs/conformance.md", "now", lineterm=""))[:20]:
        ledger.complaints.append(line)
    if have == want and read(SUMMARY) != "\n".join(ledger.summary()) + "\n":
        ledger.complaints.append("tests/conformance/summary.txt is out of date")
    if have != want:
        ledger.complaints.append("docs/conformance.md is out of date: run `make conformance`")
    return ledger


def main():
    if sys.argv[1:] == ["--check"]:
        return complain(check())
    by_system = {"quire": run_quire(""), "split": run_quire("vm=split"), "linux": run_linux()}
    with open(KEPT, "w", encoding="utf-8") as f:
        f.write("# What Linux did: written by `make conformance`.\n")
        f.writelines(sorted("%s %s %s\n" % (number, name, word) for name, (number, word) in by_system["linux"].items()))
    ledger = Ledger(by_system)
    text = ledger.render()
    for path, content in ((LEDGER, text), (SUMMARY, "\n".join(ledger.summary()) + "\n")):
        with open(path, "w", encoding="utf-8") as f:
            f.write(content)
    print("\n".join(ledger.summary()))
    return complain(ledger)


if __name__ == "__main__":
    sys.exit(main())
