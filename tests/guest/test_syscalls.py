# SPDX-License-Identifier: MIT
"""The table of system calls: the page is current, and the log names what a program missed."""
import os
import re
import subprocess
import sys

from quire import TOP, Guest, Image, check, run_cmd, test


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


@test
def strace_tells_the_calls_of_a_command_and_its_children():
    cmd = "strace -o /tmp/t sh -c 'cat /nope; echo hi'; echo $?; cat /tmp/t"
    status, text = run_cmd(cmd)
    lines = text.splitlines()
    check(status == 0 and lines[:3] == ["cat: /nope: No such file or directory", "hi", "0"], text)
    for wanted in (r'\d+ strace execve\("/bin/sh", 0x\w+, 0x\w+\) = 0', r'\d+ sh execve\("/bin/cat", .*\) = 0',
                   r'\d+ cat open\("/nope", O_RDONLY(\|\w+)*, \w+\) = -1 ENOENT', r"\d+ sh (fork|clone)\(.*\) = \d+",
                   r"\d+ sh rt_sigaction\(SIGINT, .*\) = 0", r"\d+ cat exit_group\(1\) = \?", r"\d+ sh exit_group\(0\) = \?"):
        check(any(re.fullmatch(wanted, line) for line in lines), "no line %s in\n%s" % (wanted, text))
    check(len({line.split()[0] for line in lines[3:]}) == 3, "three processes and no other:\n" + text)
