#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make test: the unit tests on the host, then the guest's tests; the last line is `N passed, N failed`.

  runner.py                everything
  runner.py NAME           one unit program (test_frame or frame), one of its cases, or one guest test
  runner.py --coverage     the unit tests, and which lines and branches of the tested files they reach
  runner.py --guest NAME   one guest test in this process (the runner calls itself so, to be able to end it)

A unit program is tests/unit/test_*.c, its sources are in a comment of its first lines: /* links: fs/ext2_*.c */.
Each cmocka case counts one; a program that crashes, hangs or does not build counts one failure.  A guest test is
a function under @test in tests/guest/*.py.  Nothing run is a failure too.
"""
import concurrent.futures
import contextlib
import glob
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import quire
from quire import BUILD, TOP

UNIT_SECONDS = 150              # for a unit program
GUEST_SECONDS = 180             # for a guest test
LAST_WORDS = 30                 # and for it to say, when they are over, what its machines do
WHOLE_SECONDS = 7200 if os.environ.get("LONG") else 780         # for everything: what has not begun by then has failed
CONFORMANCE = "conformance: "   # and the name of a check of /conformance/posix
JOBS = 2                        # machines with two CPUs are common, and QEMU takes one
CFLAGS = ["-std=gnu11", "-fms-extensions", "-g", "-O1", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-comment",
          "-Werror", "-I."]          # -Wno-comment: a links: line may say mm/*.c
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
CASE = re.compile(r"^(ok|not ok) \d+ - (\S+)(.*)$", re.M)
PLAN = re.compile(r"^\d+\.\.(\d+)$", re.M)
MEMORY_DISK, SCRATCH_BYTES = "/dev/shm", 3 << 30        # where the tests' images go, if there is room
started = time.monotonic()


class Score:
    """What passed and what failed, said as it happens."""

    def __init__(self):
        self.passed = self.failed = 0

    def add(self, ok, name, detail="", seconds=None):
        self.passed += ok
        self.failed += not ok
        print("%-4s %s%s" % ("ok" if ok else "FAIL", name, "" if seconds is None else " (%.1f s)" % seconds))
        if not ok and detail:
            print("\n".join("     | " + line for line in detail.strip().splitlines()[-200:]))
        sys.stdout.flush()

    def close(self):
        print("%d passed, %d failed" % (self.passed, self.failed))
        return 1 if self.failed or not self.passed else 0


def seconds_left(limit):
    return max(1, min(limit, WHOLE_SECONDS - (time.monotonic() - started)))


def scratch_in_memory():
    """The host's disk need not flush what no test looks for after a power cut of the host: it takes seconds."""
    with contextlib.suppress(OSError), open("/proc/meminfo") as f:
        disk = os.statvfs(MEMORY_DISK)
        memory = int(re.search(r"MemAvailable: *(\d+)", f.read()).group(1)) << 10
        if disk.f_bavail * disk.f_frsize >= SCRATCH_BYTES and memory >= 2 * SCRATCH_BYTES:
            os.environ.setdefault("TMPDIR", MEMORY_DISK)


def output_within(p, limit):
    """A program's output when it has ended; None: it runs still."""
    try:
        return p.communicate(timeout=limit)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        return None


def run_limited(cmd, limit, grace=0, **kw):
    """(status, output); a program that takes too long is ended with all that it started.  grace: after SIGTERM it has
    so many seconds to say why."""
    with subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          start_new_session=True, cwd=TOP, **kw) as p:
        out = output_within(p, limit)
        if out is not None:
            return p.returncode, out
        if grace:
            p.terminate()
            out = output_within(p, grace)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(p.pid, signal.SIGKILL)
        return -1, (out or output_within(p, None)) + "\nnot finished after %d s\n" % limit


# ---- unit tests

def unit_programs():
    return sorted(glob.glob(os.path.join(TOP, "tests/unit/test_*.c")))


def unit_sources(test):
    """The files of the links: line, and whether they are ring 0's."""
    with open(test) as f:
        head = "".join(f.readline() for _ in range(5))
    m = re.search(r"links:\s*(.*?)\s*\*/", head, re.S)
    words = m.group(1).split() if m else []
    files = [f for w in words for f in sorted(glob.glob(w, root_dir=TOP)) or [w]]
    ring0 = any(w.startswith(("mm/", "kernel/", "boot/")) for w in words)
    return [os.path.relpath(test, TOP)] + files + ["tests/harness/case_filter.c"], ring0


def is_stale(out, flags):
    """Is an object older than a file it was made from (gcc's -MMD list), or made with other flags?"""
    try:
        with open(out + ".flags") as f:
            if f.read() != " ".join(flags):
                return True
        made = os.path.getmtime(out)
        with open(out[:-2] + ".d") as f:
            words = f.read().replace("\\\n", " ").split()[1:]
        return any(os.path.getmtime(os.path.join(TOP, w)) > made for w in words)
    except OSError:
        return True


def unit_compile(source, out, flags):
    if not is_stale(out, flags):
        return 0, ""
    os.makedirs(os.path.dirname(out), exist_ok=True)
    status, text = run_limited(["gcc", *flags, "-MMD", "-c", source, "-o", out], 120)
    if status == 0:
        with open(out + ".flags", "w") as f:
            f.write(" ".join(flags))
    return status, text


def unit_build(test, coverage, pool):
    """(program, "") or (None, the compiler's words)"""
    sources, ring0 = unit_sources(test)
    # The sanitizers' checks and the optimiser's jumps are no branches of the source.
    flags = CFLAGS + (["-O0", "--coverage"] if coverage else SANITIZE)
    flags += ["-DQUIRE_RING0", "-DQUIRE_HOST", "-DQUIRE_DEBUG"] if ring0 else ["-DQUIRE_RING3"]
    folder = os.path.join(BUILD, "coverage" if coverage else "unit", "ring0" if ring0 else "ring3")
    objects = [os.path.join(folder, s + ".o") for s in sources]
    for status, text in pool.map(unit_compile, sources, objects, [flags] * len(sources)):
        if status:
            return None, text
    program = os.path.join(folder, os.path.basename(test)[:-2])
    status, text = run_limited(["gcc", *flags, *objects, "-lcmocka", "-lpthread", "-o", program], 120)
    return (None, text) if status else (program, "")


def unit_run(program, case=None):
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", ASAN_OPTIONS="detect_leaks=1:abort_on_error=0")
    if case:
        env["QUIRE_CASE"] = case
    return run_limited([program], seconds_left(UNIT_SECONDS), env=env)


def unit_score(score, program, status, out):
    name = os.path.basename(program)[5:]
    cases = CASE.findall(out)
    planned = sum(int(n) for n in PLAN.findall(out))
    for verdict, case, _ in cases:
        score.add(verdict == "ok", "unit %s: %s" % (name, case), "" if verdict == "ok" else out)
    broken = status != 0 and all(v == "ok" for v, _, _ in cases)
    if broken or len(cases) < planned or not cases:
        score.add(False, "unit %s: ended with status %d after %d of %d cases" % (name, status, len(cases), planned), out)


def unit_tests(score, tests, coverage=False, case=None):
    """Compile first, two files at a time, so that a slow test does not wait for a compiler; then run two at a time."""
    programs = []
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for test in tests:
            program, words = unit_build(test, coverage, pool)
            if program:
                programs.append(program)
            else:
                score.add(False, "unit %s: does not build" % os.path.basename(test)[5:-2], words)
        for program, (status, out) in zip(programs, pool.map(unit_run, programs, [case] * len(programs))):
            unit_score(score, program, status, out)


# ---- guest tests

def guest_names():
    """Name of each guest test -> its seconds.  A file that cannot be imported is a failed test of its name."""
    names = {}
    sys.path.insert(0, os.path.join(TOP, "tests/guest"))
    for path in sorted(glob.glob(os.path.join(TOP, "tests/guest/*.py"))):
        before = set(quire.TESTS)
        module = os.path.basename(path)[:-3]
        try:
            importlib.import_module(module)
        except Exception as e:          # pylint: disable=broad-except  (whatever it is, it must not end the run)
            names["%s cannot be imported: %r" % (module, e)] = None
        for name in quire.TESTS:
            if name not in before:
                names[name] = getattr(quire.TESTS[name], "seconds", GUEST_SECONDS)
    return names


def time_is_over(*_):
    raise quire.Failed("its time is over" + "".join(g.look() + "; " + g.report() for g in quire.GUESTS if g.proc))


def guest_one(name):
    """In a process of its own: 0 passed, 1 failed."""
    guest_names()
    signal.signal(signal.SIGTERM, time_is_over)
    try:
        if name.startswith(CONFORMANCE):
            status, text = quire.run_cmd("/conformance/posix " + name[len(CONFORMANCE):])
            quire.check(status == 0, text)
            return 0
        quire.TESTS[name]()
        return 0
    except quire.Failed as e:
        print("%s: %s" % (name, e))
        return 1


def guest_run(name, limit):
    """(status, output, seconds)"""
    if limit is None:
        return 1, name, 0
    begun = time.monotonic()
    if begun - started > WHOLE_SECONDS:
        return 1, "not begun: the whole run has taken its time", 0
    command = [sys.executable, os.path.abspath(__file__), "--guest", name]
    status, out = run_limited(command, seconds_left(limit), LAST_WORDS)
    return status, out, time.monotonic() - begun


def guest_tests(score, names):
    # A make above us must not pass on its flags to this one; two builds of one tree must not mix (as in run).
    os.makedirs(os.path.join(BUILD, "run"), exist_ok=True)
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    status, out = run_limited(["flock", os.path.join(BUILD, "run/lock"), "make", "-s", "--no-print-directory",
                               "-j%d" % JOBS, "all"], seconds_left(300), env=env)
    if status:
        score.add(False, "build of the image's parts; %d guest tests were not run" % len(names), out)
        return
    if len(names) > 1:
        with contextlib.suppress(subprocess.CalledProcessError):        # the tests that need it say so
            quire.debug_build()
    # Those that may take long begin first, so that no processor is idle while the last of them runs.
    order = sorted(names, key=lambda name: -(names[name] or 0))
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        runs = {pool.submit(guest_run, name, names[name]): name for name in order}
        for run in concurrent.futures.as_completed(runs):
            status, out, seconds = run.result()
            score.add(status == 0, "guest %s" % runs[run], out, seconds)


# ---- the lines and branches that unit tests reach

def cannot_happen(name):
    """The lines of a file whose branches end in a panic: only a broken invariant takes them."""
    with open(name) as f:
        return {n for n, line in enumerate(f, 1) if re.search(r"INVARIANT\(|\bpanic\(", line)}


def coverage_add(lines, branches, f, skipped):
    for line in f["lines"]:
        n = line["line_number"]
        lines[n] = lines.get(n, 0) + line["count"]
        for i, b in enumerate([] if n in skipped else line["branches"]):
            branches[n, i] = branches.get((n, i), 0) + b["count"]


def coverage_row(name, rows):
    """rows: of a file, or of many, the counts of lines and those of branches."""
    cells = []
    for counts in [n for lines, _ in rows for n in lines.values()], [n for _, b in rows for n in b.values()]:
        hit = sum(1 for n in counts if n)
        cells += [100 * hit / max(1, len(counts)) if counts else 100, hit, len(counts)]
    print("%5.1f %% %5d of %5d lines  %5.1f %% %5d of %5d branches  %s" % (*cells, name))


def coverage_report():
    """A branch is one outcome of a condition as gcov counts them, and counts when it was taken at least once."""
    total = {}
    for data in glob.glob(os.path.join(BUILD, "coverage/**/*.gcda"), recursive=True):
        out = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", data], cwd=TOP,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
        for f in json.loads(out or b'{"files": []}')["files"]:
            name = f["file"]
            if not name.startswith(("tests/", "/")):
                coverage_add(*total.setdefault(name, ({}, {})), f, cannot_happen(name))
    total = {name: row for name, row in sorted(total.items()) if row[0]}
    for name, row in total.items():
        coverage_row(name, [row])
    coverage_row("mm/ in total", [row for name, row in total.items() if name.startswith("mm/")])


def chosen(name):
    """(unit programs, one case or None, guest tests) that a name means; a check of the conformance suite, or the number
    of an assertion, becomes a guest test."""
    tests = [t for t in unit_programs() if os.path.basename(t)[:-2] in (name, "test_" + name)]
    if tests:
        return tests, None, {}
    names = {n: s for n, s in guest_names().items() if n == name}
    if names:
        return [], None, names
    for t in unit_programs():
        with open(t) as f:
            if re.search(r"cmocka_unit_test\w*\(\s*%s\b|\bvoid %s\(void \*\*" % (name, name), f.read()):
                return [t], name, {}
    for source in glob.glob(os.path.join(TOP, "user/posix/*.c")):
        with open(source) as f:
            if re.search(r"^TEST\((%s, \w+|\w+, %s)\)" % (name, name), f.read(), re.M):
                return [], None, {CONFORMANCE + name: GUEST_SECONDS}
    return [], None, {}


def main():
    os.chdir(TOP)
    scratch_in_memory()
    score = Score()
    if sys.argv[1:2] == ["--guest"]:
        return guest_one(sys.argv[2])
    if sys.argv[1:] == ["--coverage"]:
        for old in glob.glob(os.path.join(BUILD, "coverage/**/*.gcda"), recursive=True):
            os.unlink(old)
        unit_tests(score, unit_programs(), coverage=True)
        coverage_report()
        return score.close()
    if len(sys.argv) > 1:
        tests, case, names = chosen(sys.argv[1])
        if not tests and not names:
            print("no unit program, case or guest test is called %r" % sys.argv[1])
            return 1
    else:
        tests, case, names = unit_programs(), None, guest_names()
    # gdb and Debian's programs come over the network, which no test's own time should pay for; what fails is said by
    # the tests.
    fetch = None if len(sys.argv) > 1 else subprocess.Popen(
        ["sh", "-c", "tests/harness/deps gdb; exec %s tests/harness/debian.py" % sys.executable],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    unit_tests(score, tests, case=case)
    if fetch:
        with contextlib.suppress(subprocess.TimeoutExpired):
            fetch.wait(seconds_left(300))
    if names:
        guest_tests(score, names)
    return score.close()


if __name__ == "__main__":
    sys.exit(main())
