#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make mutants: break the kernel on purpose, one fault at a time, and see that a check notices (faults.py is the list).

  run.py                   every fault; the last line is `N caught, N missed`, the status 1 if one was missed
  run.py NAME ...          these
  run.py --list            names and sentences; runs nothing
  run.py --check           does each fault's text still match the tree exactly once?  Seconds; runs nothing

Each fault gets a copy of the tree with what is built, so that one file is compiled again.  Before the first fault the
judges have to pass on the tree as it is.  What a judge said is kept in build/mutants/NAME.log.
"""
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from faults import FAULTS

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOGS = os.path.join(TOP, "build", "mutants")
JOBS = 2                        # machines with two CPUs are common, and QEMU takes one
BUILD_SECONDS = 300
SUITE_SECONDS = 60              # a suite that takes longer hangs; more if the tree as it is needs more (main)
TEST_SECONDS = 180              # for a guest test or a unit program
SUITES = {"posix": "", "split": "vm=split"}     # judge -> words for the kernel
NOT_OK = re.compile(r"^not ok \d+ \S+ (\S+)", re.M)
PLAN = re.compile(r"^1\.\.\d+$", re.M)
LAST_OK = re.compile(r"^(?:not )?ok \d+ \S+ (\S+)", re.M)
UNIT_FAIL = re.compile(r"^FAIL (unit [^\r\n]+)", re.M)
PANIC = re.compile(r"(invariant \S+) broken|panic: ([^\r\n]{1,60})")
NOT_COPIED = re.compile(r"^(\.git|build/(run.*|coverage|mutants|.*\.img|.*\.log))$|(^|/)__pycache__$")
running = set()                 # process groups, to be ended with us


def run_limited(cmd, seconds, cwd):
    """(status, output); one that takes too long is ended with all that it started: status None."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    with subprocess.Popen(cmd, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          start_new_session=True, env=env) as p:
        running.add(p.pid)
        try:
            out, status = p.communicate(timeout=seconds)[0], p.returncode
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            out, status = p.communicate()[0], None
        running.discard(p.pid)
        return status, out.decode(errors="replace")


# ---- the tree

def fault_apply(fault, tree):
    """Put the fault's text in; why not, if it does not fit."""
    path = os.path.join(tree, fault.file)
    try:
        with open(path) as f:
            text = f.read()
    except FileNotFoundError:
        return "out of date: there is no %s" % fault.file
    if text.count(fault.old) != 1:
        return "out of date: the old text is %d times in %s" % (text.count(fault.old), fault.file)
    with open(path, "w") as f:
        f.write(text.replace(fault.old, fault.new))
    return None


def fault_check(fault):
    """Does it fit the tree?  Like fault_apply, without a change."""
    with tempfile.TemporaryDirectory() as d:
        there = os.path.join(d, fault.file)
        os.makedirs(os.path.dirname(there))
        if os.path.exists(os.path.join(TOP, fault.file)):
            shutil.copyfile(os.path.join(TOP, fault.file), there)
        return fault_apply(fault, d)


def tree_copy(tree, to):
    """Sources and what is built from them, with their times."""
    def skip(folder, names):
        rel = os.path.relpath(folder, tree)
        return [n for n in names if NOT_COPIED.search(os.path.normpath(os.path.join(rel, n)))]
    shutil.copytree(tree, to, symlinks=True, ignore=skip)


def tree_build(tree):
    os.makedirs(os.path.join(tree, "build/run"), exist_ok=True)
    return run_limited(["flock", "build/run/lock", "make", "-s", "--no-print-directory", "-j%d" % JOBS, "all"],
                       BUILD_SECONDS, tree)


# ---- judges: each returns what it noticed, a list of words, and all that was said

def suite_judge(tree, name, seconds):
    """The conformance tests in one boot."""
    status, out = run_limited(["tests/harness/run", "TIMEOUT=%d" % seconds, "CMD=/conformance/posix",
                               "CMDLINE=" + SUITES[name]], seconds + 60, tree)
    noticed = NOT_OK.findall(out)
    panic = PANIC.search(out)
    if panic:
        noticed.append("panic: " + (panic.group(1) or panic.group(2)))
    elif status is None or "no end after" in out:
        last = LAST_OK.findall(out)
        noticed.append("hang after %s" % (last[-1] if last else "nothing"))
    elif not PLAN.search(out):
        noticed.append("no proper end, status %s" % status if LAST_OK.search(out) else "no test ran, status %s" % status)
    elif status and not noticed:
        noticed.append("status %s" % status)
    return ["split: " + n for n in noticed] if name == "split" else noticed, out


def test_judge(tree, name, seconds):
    """A guest test, or a unit program or one of its cases (`unit NAME`)."""
    words = name.split()
    status, out = run_limited([sys.executable, "tests/harness/runner.py"] +
                              (words[1:] if words[0] == "unit" else ["--guest", name]), TEST_SECONDS, tree)
    if status == 0:
        return [], out
    return UNIT_FAIL.findall(out) or [name + (" (not finished)" if status is None else "")], out


def judge(tree, name, seconds):
    return (suite_judge if name in SUITES else test_judge)(tree, name, seconds)


def judge_all(tree, names, seconds):
    noticed, said = [], ""
    for name in names:
        words, out = judge(tree, name, seconds)
        noticed += words
        said += "==== %s\n%s\n" % (name, out)
    return noticed, said


# ---- one fault

def fault_try(fault, good, seconds):
    """(verdict, what noticed it): caught, missed or error.  good: the tree without a fault."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as d:
        tree = os.path.join(d, "tree")
        tree_copy(good, tree)
        why = fault_apply(fault, tree)
        if why:
            return "error", [why]
        status, said = tree_build(tree)
        noticed = ["it does not compile"] if status else []
        if not status:
            noticed, said = judge_all(tree, fault.judges, seconds)
        with open(os.path.join(LOGS, fault.name + ".log"), "w") as f:
            f.write(said)
    return ("error" if status else "caught" if noticed else "missed"), noticed


def shown(noticed):
    """The first few, and how many there are."""
    more = len(noticed) - 4
    return ", ".join(noticed[:4]) + (" and %d more" % more if more > 0 else "")


def chosen(names):
    unknown = set(names) - {f.name for f in FAULTS}
    if unknown:
        sys.exit("no fault is called %s (--list names them)" % ", ".join(sorted(unknown)))
    return [f for f in FAULTS if not names or f.name in names]


def tree_passes(faults, good):
    """Judges that fail without a fault prove nothing.  The seconds that a suite may take."""
    status, out = tree_build(good)
    if status != 0:
        sys.exit("the tree does not build:\n" + out)
    slowest = 0
    for name in sorted({j for f in faults for j in f.judges}):
        begun = time.monotonic()
        noticed, out = judge(good, name, 2 * SUITE_SECONDS)
        if noticed:
            sys.exit("%s\n%s fails without any fault: %s" % (out[-4000:], name, ", ".join(noticed)))
        if name in SUITES:
            slowest = max(slowest, time.monotonic() - begun)
    return max(SUITE_SECONDS, int(4 * slowest))


def faults_try(faults, good):
    seconds = tree_passes(faults, good)
    score = {"caught": 0, "missed": 0, "error": 0}
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        tries = pool.map(fault_try, faults, [good] * len(faults), [seconds] * len(faults))
        for f, (verdict, noticed) in zip(faults, tries):
            score[verdict] += 1
            print("%-6s %-36s %s" % (verdict, f.name, shown(noticed) or f.broken), flush=True)
    if score["error"]:
        print("%d could not be tried" % score["error"])
    print("%d caught, %d missed" % (score["caught"], score["missed"]))
    return 1 if score["missed"] or score["error"] else 0


def main():
    if len({f.name for f in FAULTS}) != len(FAULTS):
        sys.exit("two faults have one name")
    if sys.argv[1:] == ["--list"]:
        for f in FAULTS:
            print("%-36s %s: %s  [%s]" % (f.name, f.file, f.broken, ", ".join(f.judges)))
        return 0
    if sys.argv[1:] == ["--check"]:
        bad = [(f.name, why) for f in FAULTS for why in [fault_check(f)] if why]
        for name, why in bad:
            print("%s: %s" % (name, why))
        print("%d of %d faults fit the tree" % (len(FAULTS) - len(bad), len(FAULTS)))
        return 1 if bad else 0

    os.makedirs(LOGS, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mutants-") as d:
        good = os.path.join(d, "tree")          # a copy: who edits the tree meanwhile does not disturb us
        tree_copy(TOP, good)
        return faults_try(chosen(sys.argv[1:]), good)


def stop(*_):
    """SIGTERM, Ctrl-C: machines do not outlive us."""
    for pid in list(running):
        os.killpg(pid, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    sys.exit(main())
