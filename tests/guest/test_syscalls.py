# SPDX-License-Identifier: MIT
"""The table of system calls: the page is current, and the log names what a program missed."""
import subprocess
import sys
import os

from quire import TOP, Guest, Image, check, test


@test
def the_page_of_system_calls_is_up_to_date():
    done = subprocess.run([sys.executable, os.path.join(TOP, "docs/syscalls.py"), "--check"], stdout=subprocess.PIPE)
    check(done.returncode == 0, done.stdout.decode())


@test
def an_absent_call_is_logged_once_with_its_name():
    with Image(cmd="/conformance/badcalls", cmdline="cmd") as img, Guest(img.path) as g:      # asks for each many times
        g.start()
        g.wait(90)
        check(g.status() == 0, g.report())
        log = g.console().decode(errors="replace")
        for line in ("no system call 213 epoll_create (badcalls)", "no system call 64 semget (badcalls)"):
            check(log.count(line) == 1, "%r is in the log %d times\n%s" % (line, log.count(line), log))
