# SPDX-License-Identifier: MIT
"""Programs from Debian's packages, unmodified: what they say on Quire and on the host is the same, and the disk is clean."""
import os
import shutil
import subprocess
import tempfile
import time

import quire
from quire import HERE, Guest, Image, check, test
from terminal import Terminal

SCRIPT = os.path.join(os.path.dirname(os.path.dirname(HERE)), "tests/guest/busybox.sh")
DYNAMIC = r"""
cd /root
sqlite3 x.db 'create table t(a, b); pragma journal_mode = wal; pragma mmap_size = 1000000;' \
    'insert into t select value, value * value from generate_series(1, 1000); select sum(b), count(*) from t' 'pragma integrity_check'
cat > h.c <<E
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) { printf("%d %.3f\n", argc, sqrt(atof(argv[1]))); return 7; }
E
tcc h.c -o h -lm && ./h 2; echo $?
tcc -run h.c 9; echo $?
readlink /proc/self/exe; LD_TRACE_LOADED_OBJECTS=1 /usr/bin/sqlite3 | awk '{print $1}'
"""
DYNAMIC_SAYS = """wal
1000000
333833500|1000
ok
2 1.414
7
2 3.000
7
/bin/busybox
linux-vdso.so.1
libsqlite3.so.0
libreadline.so.8
libz.so.1
libc.so.6
libm.so.6
libtinfo.so.6
/lib64/ld-linux-x86-64.so.2
"""


def host_busybox():
    """The script's words on the host: the image's busybox alone, with links to it for whatever it starts by name."""
    busybox = os.path.join(quire.debian_tree(), "bin/busybox")
    with tempfile.TemporaryDirectory() as tools, tempfile.TemporaryDirectory() as empty:
        subprocess.run([busybox, "--install", "-s", tools], check=True)
        r = subprocess.run([busybox, "sh", SCRIPT], cwd=empty, env={"PATH": tools, "TZ": "UTC"}, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
        return r.stdout.decode(errors="replace")


def same_words(here, there):
    here, there = here.splitlines(), there.replace("/extra/busybox.sh", SCRIPT).splitlines()
    for n, (a, b) in enumerate(zip(here + ["(end)"], there + ["(end)"])):
        check(a == b, "line %d: Linux says %r, Quire %r" % (n + 1, a, b))


@test
def debians_programs_say_what_they_say_on_linux():
    """busybox does a day's work; sqlite3 and tcc come with their loader and libraries."""
    with tempfile.TemporaryDirectory() as extra:
        shutil.copy(SCRIPT, extra)
        with open(os.path.join(extra, "dynamic.sh"), "w") as f:
            f.write(DYNAMIC)
        cmd = "mkdir day; cd day; TZ=UTC sh /extra/busybox.sh 2>&1; echo == dynamic; sh /extra/dynamic.sh 2>&1"
        with Image(cmd=cmd, cmdline="cmd", debian=True, extra=extra) as img, Guest(img.path) as g:
            g.start()
            host = host_busybox()
            g.wait(150)
            check(g.status() is not None, g.report())
            day, _, dynamic = g.result().decode(errors="replace").partition("== dynamic\n")
            same_words(host, day)
            check(dynamic == DYNAMIC_SAYS, dynamic)
            check(img.fsck()[0] == 0, img.fsck()[1])


@test
def a_person_at_busyboxs_prompt():
    """Line editing, job control, a full-screen editor, and what /proc tells the tools."""
    with Image(cmdline="norun", debian=True) as img:
        t = Terminal(img.path, b" # \x1b[6n")           # it asks where the cursor is, after each prompt
        with t.guest as g:
            t.expect(t.prompt)
            t.run(b"echo helo\x1b[Dl\r", b"\r\nhello\r\n")          # left arrow
            t.run(b"\x1b[A\x7f\x7fp | wc -c\r", b"\r\n5\r\n")       # up, rub out two
            t.run(b"ls /etc/pass\t\r", b"\r\n/etc/passwd\r\n")      # completion
            t.run(b"stty size; tty\r", b"\r\n24 80\r\n/dev/console\r\n")
            jobs(t)
            editor(t)
            for command, answer in ((b"df /", b"/dev/vda2"), (b"free", b"\r\nMem:"), (b"ps", b" root     pm\r\n"),
                                    (b"mount", b"on / type ext2"), (b"top -b -n1", b"top -b -n1\r\n"),
                                    (b"kill -0 $$ && echo alive", b"\r\nalive\r\n")):
                t.run(command + b"\r", answer)
            t.type(b"sqlite3\r")
            t.expect(b"sqlite> ")
            t.type(b"select 7+8;\r")
            t.expect(b"15\r\n")
            t.expect(b"sqlite> ")
            t.run(b".exit\r", b"\r\n")
            t.type(b"poweroff\r")
            g.wait(30)
            check(g.status() == 0, g.report())
        check(img.cat("/root/v") == b"hello-vi\n", "what vi wrote is not on the disk")
        check(img.fsck()[0] == 0, img.fsck()[1])


def jobs(t):
    t.type(b"(echo on; exec sleep 100)\r")
    t.expect(b"\r\non\r\n")
    t.run(b"\x1a", b"Stopped")                          # ^Z
    t.run(b"bg\r", b"[1] ")
    t.run(b"jobs\r", b"Running")
    t.run(b"kill %1; wait; echo gone\r", b"gone\r\n")
    t.type(b"(echo on; exec cat)\r")
    t.expect(b"\r\non\r\n")
    t.run(b"\x1a", b"Stopped")
    t.type(b"fg\r")
    t.expect(b"(echo on; exec cat)\r\n")
    t.type(b"to cat\r")                                 # when it answers it is in the foreground
    t.expect(b"to cat\r\nto cat\r\n")
    t.run(b"\x03", b"^C")
    t.run(b"echo $?\r", b"\r\n130\r\n")
    t.run(b"cat &\r", b"cat &\r\n")
    t.run_until(b"jobs\r", b"Stopped (tty input)")
    t.run(b"kill -9 %%; wait; echo gone\r", b"gone\r\n")
    t.run(b"stty tostop; (echo late) &\r", b"tostop")
    t.run_until(b"jobs\r", b"Stopped (tty output)")
    t.run(b"stty -tostop\r", b"-tostop")
    t.type(b"fg\r")
    t.expect(b"\r\nlate\r\n")
    t.expect(t.prompt)
    t.run(b"(sleep 0.2; echo still) | cat\r", b"\r\nstill\r\n")


def editor(t):
    """vi takes keys that come in one piece for an escape sequence, on Linux too: a person types slower."""
    t.type(b"vi /root/v\r")
    t.expect(b"/root/v 1/1 100%")
    t.type(b"i")
    t.expect(b"I /root/v")
    for key in "hello-vi":
        t.type(key.encode())
        t.expect(key.encode())
    time.sleep(0.2)
    t.type(b"\x1b")
    t.expect(b"[Modified]")
    time.sleep(0.2)
    t.run(b":wq\r", b"1L, 9C")
