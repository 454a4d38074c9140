# SPDX-License-Identifier: MIT
"""What gdb sees of the machine: a thread per CPU and what it runs; how often the locks of all CPUs are taken."""
import os
import re
import subprocess
import time

from quire import TOP, Failed, Guest, Image, check, debug_build, test


def gdb(guest, kernel, commands):
    """Start the machine stopped, with gdb attached; what gdb printed."""
    subprocess.run(["tests/harness/deps", "gdb"], cwd=TOP, check=True)
    guest.cmd += ["-S", "-chardev", "socket,id=gdb,path=%s/gdb,server=on,wait=off" % guest.dir, "-gdb", "chardev:gdb"]
    guest.start()
    while not os.path.exists(guest.dir + "/gdb"):
        time.sleep(0.01)
    path = os.path.join(guest.dir, "commands")
    with open(path, "w") as f:
        f.write("target remote %s/gdb\n%s\n" % (guest.dir, "\n".join(commands)))
    r = subprocess.run(["gdb", "-nx", "-q", "-batch", "-x", "tests/harness/gdb.cmds", "-x", path, kernel], cwd=TOP, timeout=120,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return r.stdout.decode(errors="replace")


@test
def make_gdb_shows_a_thread_per_cpu_and_what_it_runs():
    """The script of `make gdb`, its commands from a file: it stops where init starts the first program."""
    commands = "quire-boot\ntbreak sys_execve\ncontinue\ninfo threads\nquire-cpus\nquire-threads\nkill\nquit\n"
    r = subprocess.run(["tests/harness/gdb", "CPUS=4"], cwd=TOP, input=commands.encode(), timeout=120, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    text = r.stdout.decode(errors="replace")
    check(re.findall(r"Thread 1\.\d \(CPU#(\d)", text) == list("0123"), text)
    shown = re.findall(r"cpu (\d): thread \d+, (\S+), process (\d+), (\w+)", text)
    check([s[0] for s in shown] == list("0123"), text)
    check(any(name == "init" and pid != "0" and state == "THREAD_RUNNING" for _, name, pid, state in shown), text)
    check(re.search(r"thread \d+, writeback, THREAD_SLEEPING[^:]*?thread_sleep\w* \+ \d+ in section \.text\s+writeback_thread", text), text)


@test
def a_machine_whose_time_is_over_says_what_it_does():
    subprocess.run(["tests/harness/deps", "gdb"], cwd=TOP, check=True)
    with Image(cmd="echo hangs; sleep 1000 | cat", cmdline="cmd") as img, Guest(img.path, cpus=2) as g:
        g.start()
        g.wait_for(b"hangs\n")
        try:
            g.wait(1)
            text = "it ended by itself"
        except Failed as e:
            text = str(e)
    check(re.search(r"no end after 1 s\n", text) and re.findall(r"^cpu (\d): ", text, re.M) == ["0", "1"], text)
    check(re.search(r"^thread \d+, cat, process \d+, .*THREAD_SLEEPING.* < pipe_\w+ < file_rw ", text, re.M), text)
    check(re.search(r"^thread \d+, sleep, process \d+, .*SLEEPING.* < sys_(clock_)?nanosleep ", text, re.M), text)


def global_locks(kernel):
    """Address of each spinlock that is a variable of its own: all CPUs share it."""
    names = subprocess.run(["nm", kernel], stdout=subprocess.PIPE, check=True).stdout.decode()
    return [int(at, 16) for at, name in re.findall(r"^([0-9a-f]+) [bBdD] (\w*_lock|kernel_pmap|frames_all)$", names, re.M)]


PHASES = ("zero-fill faults", "cached reads", "cached writes", "calls of the file server", "pipes that a poll waits for")


def lock_counts(times=10000):
    """For each kind of work: how often each lock that all CPUs share was taken, by name.  Debug builds count it."""
    build = debug_build()
    kernel = os.path.join(build, "kernel.elf")
    look = ['printf "count %%s: %%lu\\n", ((struct spinlock *)%#x)->name, ((struct spinlock *)%#x)->taken' % (at, at)
            for at in global_locks(kernel)]
    with Image(cmd="/conformance/hotpaths %d" % times, cmdline="cmd", build=build) as img, Guest(img.path) as g:
        text = gdb(g, kernel, ["hbreak sys_umask"] + (["continue", "echo phase\\n"] + look) * (len(PHASES) + 1) + ["detach"])
        g.wait(60)
        check(g.status() == 0, g.report())
    stops = [{name: int(n) for name, n in re.findall(r"^count ([^:]+): (\d+)$", part, re.M)} for part in text.split("phase\n")[1:]]
    check(len(stops) == len(PHASES) + 1 and all(stops), text)
    return [{name: b[name] - a[name] for name in b} for a, b in zip(stops, stops[1:])]


@test
def faults_reads_writes_and_calls_take_no_lock_that_all_cpus_share():
    """A page for one fault in 32 comes with the list's lock; all other shared locks are for what happens now and then."""
    phases = lock_counts()
    check(phases[0]["frame"] > 10000 // 64, repr(phases))           # they are counted
    for phase, counts in zip(PHASES, phases):
        for name, n in counts.items():
            check(n <= 10000 // 32 + 200, "10000 %s took the lock '%s' %d times; %r" % (phase, name, n, counts))


faults_reads_writes_and_calls_take_no_lock_that_all_cpus_share.seconds = 500
