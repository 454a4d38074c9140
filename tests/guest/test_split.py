# SPDX-License-Identifier: MIT
"""vm=split: the same programs, and what POSIX promises, on a system without a unified cache."""
import re

from quire import Guest, Image, check, run_cmd, test
from test_programs import clean_after


def seen(text):
    """What the demo's lines end with: {line: byte}."""
    return dict(re.findall(r"^  (?! )(.+?) {2,}(\S)\s*$", text, re.M))


@test
def the_demo_of_two_worlds_tells_them_apart():
    """MM10"""
    one, split = (seen(run_cmd("/demo/worlds", cmdline=word)[1]) for word in ("", "vm=split"))
    check(len(one) >= 9 and one.keys() == split.keys(), "%r\n%r" % (one, split))
    differ = {line: one[line] + split[line] for line in one if one[line] != split[line]}
    check(differ == {"read() says": "Ba", "the mapping says": "Ca", "and after it": "Ea"}, repr(differ))


@test
def the_scenarios_pass_in_the_split_world():
    with Image(cmdline="batch vm=split") as img, Guest(img.path) as g:
        g.start()
        g.wait(90)
        check(g.status() == 0 and b"12 passed, 0 failed" in g.result(), g.report())


@test
def fsx_in_the_split_world():
    """MS1 MS10 MM13 MM20"""
    clean_after("/conformance/fsx -S -n 3000 -s 11 /root/f", "3000 operations, seed 11: ok", cmdline_words="vm=split")


@test
def files_in_the_split_world():
    clean_after("/conformance/files /root/f", " 0 failed", cmdline_words="vm=split")
