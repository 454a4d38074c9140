#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The measures of the style guide, and its hard limits (status 1 if one is broken).

Functions come from universal-ctags.  A line counts when it is not blank, but in ring 0's size and a file's, where all do.
Ring 0 is kernel/ and mm/ (C, headers, assembly); ring 3 is fs/, drivers/ and user/.  abi/ is the door that both may use.
"""
import json
import os
import re
import statistics
import subprocess
import sys

FUNCTION_MAX, FILE_MAX, RING0_MAX, COLUMNS_MAX = 70, 450, 10000, 120
DEPTH_AIM, HEADERS_AIM = 3, 12
RING0, RING3 = ("kernel/", "mm/"), ("fs/", "drivers/", "user/")
MARKS = re.compile(r"\b(TODO|XXX|FIXME|HACK)\b|^\s*#\s*if\s+0\b|\b(Author|Written by)\s*:", re.M)
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
broken = []


def limit(ok, text):
    if not ok:
        broken.append(text)


def tracked():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], check=True, stdout=subprocess.PIPE).stdout
    return sorted(f for f in out.decode().split("\n") if f.endswith((".c", ".h", ".S", ".ld")) and os.path.exists(f))


def lines(text):
    return [line for line in text.split("\n") if line.strip()]


def comment_lines(text):
    """Lines on which a comment stands, alone or beside code."""
    covered = set()
    for m in COMMENT.finditer(text):
        if not m.group().startswith(("/*", "//")):
            continue
        first = text.count("\n", 0, m.start())
        covered.update(range(first, first + m.group().count("\n") + 1))
    all_lines = text.split("\n")
    return sum(1 for n in covered if all_lines[n].strip())


def functions(files):
    """(lines, file, name) of each function."""
    out = subprocess.run(["ctags", "--output-format=json", "--fields=+ne", "--kinds-C=f", "-f", "-", *files],
                         check=True, stdout=subprocess.PIPE).stdout.decode()
    tags = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return sorted((t["end"] - t["line"] + 1, t["path"], t["name"]) for t in tags if "end" in t)


def target(include, source, sources):
    """The file of the tree that an include means, or None."""
    beside = os.path.normpath(os.path.join(os.path.dirname(source), include))
    return include if include in sources else beside if beside in sources else None


def depth(name, graph, above=()):
    """How deep the headers below a file are nested; a cycle breaks a limit."""
    if name in above:
        limit(False, "include cycle: %s" % " > ".join(above[above.index(name):] + (name,)))
        return 0
    return max((1 + depth(n, graph, above + (name,)) for n in graph[name]), default=0)


def reached(name, graph, seen=None):
    seen = set() if seen is None else seen
    for n in graph[name]:
        if n not in seen:
            seen.add(n)
            reached(n, graph, seen)
    return seen


def ring(name):
    return 0 if name.startswith(RING0) else 3 if name.startswith(RING3) else None


def measure_functions(files):
    found = functions([f for f in files if f.endswith((".c", ".h"))])
    sizes = [n for n, _, _ in found]
    if not sizes:
        return
    print("functions: %d, lines median %d (aim 15), p95 %d (aim 45), max %d (limit %d): %s %s" % (
        len(sizes), statistics.median(sizes), sizes[int(len(sizes) * 0.95)], sizes[-1], FUNCTION_MAX, *found[-1][1:]))
    for n, path, name in found:
        limit(n <= FUNCTION_MAX, "%s: %s() has %d lines" % (path, name, n))


def measure_files(texts):
    longest = max(texts, key=lambda f: texts[f].count("\n"))
    print("files: %d, longest %s: %d lines (limit %d)" % (len(texts), longest, texts[longest].count("\n"), FILE_MAX))
    for name, text in texts.items():
        limit(text.count("\n") <= FILE_MAX, "%s has %d lines" % (name, text.count("\n")))
        for mark in MARKS.finditer(text):
            limit(False, "%s: the mark %r" % (name, mark.group().strip()))
        limit("SPDX-License-Identifier: MIT" in text[:300], "%s: no SPDX line" % name)
    wide = sorted((sum(len(line.expandtabs(8)) > COLUMNS_MAX for line in t.split("\n")), f) for f, t in texts.items())
    print("wider than %d columns: %d lines, most in %s: %d" % (COLUMNS_MAX, sum(n for n, _ in wide), *wide[-1][::-1]))


def measure_includes(texts):
    graph = {f: [t for i in INCLUDE.findall(texts[f]) if (t := target(i, f, texts))] for f in texts}
    sources = [f for f in texts if f.endswith(".c") and ring(f) is not None]
    deep = max(sources, key=lambda f: depth(f, graph), default=None)
    many = max(sources, key=lambda f: len(reached(f, graph)), default=None)
    if deep:
        print("includes: deepest %s: %d (aim %d), most headers %s: %d (aim %d)" % (
            deep, depth(deep, graph), DEPTH_AIM, many, len(reached(many, graph)), HEADERS_AIM))
    for f in texts:
        for to in graph[f]:
            crossing = ring(f) is not None and ring(to) is not None and ring(f) != ring(to)
            limit(not crossing, "%s includes %s: from one ring into the other" % (f, to))


def measure_shares(texts):
    ring0 = {f: t.count("\n") for f, t in texts.items() if ring(f) == 0}
    filled = sum(len(lines(texts[f])) for f in ring0)
    print("ring 0: %d lines in %d files (limit %d), %d of them not blank" % (sum(ring0.values()), len(ring0), RING0_MAX, filled))
    limit(sum(ring0.values()) <= RING0_MAX, "ring 0 has %d lines" % sum(ring0.values()))
    for top in sorted({f.split("/")[0] for f in texts if "/" in f}):
        mine = [t for f, t in texts.items() if f.startswith(top + "/")]
        total, comments = sum(len(lines(t)) for t in mine), sum(comment_lines(t) for t in mine)
        print("   %-8s %6d lines, %2d %% with comment (aim 25 to 35)" % (top + "/", total, 100 * comments // max(1, total)))
    tests = sum(len(lines(t)) for f, t in texts.items() if f.startswith("tests/"))
    for folder, _, names in os.walk("tests"):
        for name in names:
            if name.endswith(".py"):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    tests += len(lines(f.read()))
    print("tests: %d lines, %.2f for a line of ring 0 (aim 1)" % (tests, tests / max(1, sum(ring0.values()))))


def main():
    files = tracked()
    texts = {}
    for f in files:
        with open(f, encoding="utf-8") as source:
            texts[f] = source.read()
    measure_shares(texts)
    measure_functions(files)
    measure_files(texts)
    measure_includes(texts)
    for text in broken:
        print("LIMIT %s" % text)
    print("%d hard limits broken" % len(broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
