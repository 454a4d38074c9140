# SPDX-License-Identifier: MIT
"""Random system calls from several processes in a debug build: no panic, no hang, files and file system whole afterwards.

LONG=1 in the environment adds ten minutes: LONG=1 make test-one T=random_calls_for_long
"""
import os

from quire import Guest, Image, check, debug_build, test


def fuzz(seed, seconds, cpus=2, words="", mem=256, build=None):
    cmd = "/conformance/fuzz -R -t %d -s %d /root/fuzz && /bin/echo lives && /demo/counter" % (seconds, seed)
    with Image(cmd=cmd, cmdline=("cmd " + words).strip(), build=build or debug_build()) as img:
        with Guest(img.path, mem=mem, cpus=cpus) as g:
            g.start()
            g.wait(2 * seconds + 90)
            said = g.result()
            check(g.status() == 0 and b": ok\nlives\n" in said, "%s; %s" % (g.verdict(), g.report()))
            status, text = img.fsck()
            text = "\n".join(line for line in text.splitlines() if "not cleanly" not in line)
            check(status == 0, "e2fsck finds errors:\n" + text)


@test
def random_calls_for_half_a_minute():
    fuzz(1, 30)


random_calls_for_half_a_minute.seconds = 400            # with the debug build


def random_calls_for_long():
    for seed in range(2, 12):
        fuzz(seed, 60, cpus=(1, 2, 4)[seed % 3], words="vm=split" if seed % 2 else "")


random_calls_for_long.seconds = 2400
if os.environ.get("LONG"):
    test(random_calls_for_long)
