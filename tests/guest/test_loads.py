# SPDX-License-Identifier: MIT
"""Loads from Debian's packages, unmodified: fio, stress-ng, tcc; their data is right, in memory and on the disk."""
import glob
import json
import os
import re
import subprocess
import tempfile

from quire import Guest, Image, TOP, check, debian_tree, test

LONG = bool(os.environ.get("LONG"))


def long_test(f):
    """No part of `make test`, for which there are ten minutes: LONG=1 make test-one T=NAME."""
    f.seconds = 1000
    return test(f) if LONG else f


class Load:
    """A script run by Debian's shell in a machine of its own; it must end properly and leave a clean file system."""

    def __init__(self, script, files=(), timeout=170, mem=512, cpus=2, size_mib=64, words=""):
        self.extra = tempfile.TemporaryDirectory(prefix="load-")
        for name, text in [("run", script)] + list(files):
            with open(os.path.join(self.extra.name, name), "w") as f:
                f.write(text)
        self.image = Image(cmd="/bin/sh /extra/run", cmdline=("cmd " + words).strip(), debian=True,
                           extra=self.extra.name, size_mib=size_mib)
        with Guest(self.image.path, mem=mem, cpus=cpus) as g:
            g.start()
            g.wait(timeout)
            self.text, self.console = g.result().decode(errors="replace"), g.console().decode(errors="replace")
            check(g.status() == 0, g.report())
        status, said = self.image.fsck()
        check(status == 0, "e2fsck finds errors:\n" + said)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.image.__exit__(*exc)
        self.extra.cleanup()


def on_host(program, *args, **kw):
    """The same program of Debian, on the host's Linux."""
    root = debian_tree()
    paths = {os.path.dirname(p) for p in glob.glob(root + "/**/*.so*", recursive=True)}
    return subprocess.run([root + "/lib64/ld-linux-x86-64.so.2", "--library-path", ":".join(sorted(paths)),
                           root + program, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **kw)


# ---- fio

FIO_GLOBAL = {"bs": "4k", "size": "1m", "verify": "crc32c", "verify_fatal": 1, "randseed": 7, "directory": "/root/fio"}


def fio_sections():
    """Name and options of each job: one after the other, every engine writes in each way, then reads and verifies."""
    for engine in ("mmap", "psync", "sync", "vsync"):
        yield engine + "-seq", {"ioengine": engine, "rw": "write", "fsync": 32}
        yield engine + "-random", {"ioengine": engine, "rw": "randwrite", "fdatasync": 16}
        yield engine + "-mixed", {"ioengine": engine, "rw": "randrw", "bsrange": "1k-16k"}
    for engine in ("mmap", "psync"):
        yield engine + "-processes", {"ioengine": engine, "rw": "randwrite", "fsync": 16, "numjobs": 4}
        yield engine + "-threads", {"ioengine": engine, "rw": "randwrite", "fsync": 16, "numjobs": 4, "thread": 1}


def fio_text(sections, **others):
    lines = ["[global]"] + ["%s=%s" % x for x in dict(FIO_GLOBAL, **others).items()]
    for name, options in sections:
        lines += ["[%s]" % name, "stonewall"] + ["%s=%s" % x for x in options.items()]
    return "\n".join(lines) + "\n"


def fio_check(report, sections, size):
    """Each job did all of its work without an error, and read back what it wrote."""
    jobs = json.loads(report[report.index("{"):])["jobs"]
    check(len(jobs) == sum(o.get("numjobs", 1) for _, o in sections), report)
    for job in jobs:
        wrote, read = job["write"]["io_bytes"], job["read"]["io_bytes"]
        check(job["error"] == 0, "%s: error %d" % (job["jobname"], job["error"]))
        check(read >= wrote > 0 and (wrote == size or read + wrote > size),
              "%s: %d written, %d read" % (job["jobname"], wrote, read))


@long_test
def fio_reads_back_what_it_wrote_and_so_does_the_host():
    sections = list(fio_sections())
    with Load("mkdir /root/fio && fio --output-format=json /extra/job", [("job", fio_text(sections))]) as load, \
            tempfile.TemporaryDirectory() as d:
        fio_check(load.text, sections, 1 << 20)
        whole = [(n, o) for n, o in sections if "numjobs" not in o and o["rw"] != "randrw"]
        for name, _ in whole:
            with open(os.path.join(d, name + ".0.0"), "wb") as f:
                f.write(load.image.cat("/root/fio/%s.0.0" % name))
        with open(os.path.join(d, "job"), "w") as f:
            f.write(fio_text(whole, directory=d, verify_only=1))
        done = on_host("/usr/bin/fio", "job", cwd=d)
        check(done.returncode == 0 and b"verify:" not in done.stdout, done.stdout.decode())


# ---- stress-ng

# name, least operations, other options: each ends by its operations.
MEMORY = [
    ("mmap", 1, ["mmap-bytes 1m"]), ("mmapfork", 1, []), ("mmapmany", 20, []), ("mmapaddr", 100, []),
    ("mmapfixed", 4, []), ("msync", 50, ["msync-bytes 2m"]), ("mincore", 50, []), ("mprotect", 20, []),
    ("mlock", 10, []), ("mlockmany", 2, ["mlockmany-procs 8"]), ("mremap", 1, ["mremap-bytes 256k"]),
    ("vm", 20, ["vm-bytes 4m"]), ("fault", 100, []), ("munmap", 20, []), ("memfd", 1, ["memfd-bytes 16m"]),
    ("shm", 4, ["shm-bytes 1m"]), ("shm-sysv", 4, ["shm-sysv-bytes 1m"]), ("bigheap", 50, ["bigheap-growth 64k"]),
    ("brk", 50, []), ("stack", 1, []), ("stackmmap", 4, []), ("pageswap", 20, []), ("tlb-shootdown", 50, []),
    ("sync-file", 1, ["sync-file-bytes 1m"]), ("sigsegv", 100, []), ("malloc", 50, []),
]
PROCESSES = [
    ("fork", 50, []), ("vfork", 50, []), ("clone", 20, []), ("daemon", 20, []), ("wait", 50, []), ("zombie", 50, []),
    ("kill", 50, []), ("session", 10, []), ("pthread", 20, []), ("futex", 50, []), ("mutex", 50, []),
    ("pipe", 100, []), ("poll", 20, []), ("eventfd", 100, []), ("timer", 20, []), ("itimer", 20, []),
    ("timerfd", 20, ["timerfd-fds 64"]), ("nanosleep", 50, []), ("clock", 20, []), ("signal", 100, []),
    ("sigq", 100, []), ("sigpending", 100, []), ("sigsuspend", 2, []), ("sigfpe", 100, []), ("sigtrap", 100, []),
    ("sigabrt", 10, []), ("switch", 100, []), ("affinity", 50, []), ("set", 20, []), ("prctl", 5, []),
    ("rlimit", 20, []),
]
FILES = [
    ("hdd", 20, ["hdd-bytes 1m"]), ("seek", 100, ["seek-size 1m"]), ("iomix", 100, ["iomix-bytes 1m"]),
    ("revio", 20, ["revio-bytes 1m"]), ("readahead", 2, ["readahead-bytes 1m"]),
    ("copy-file", 2, ["copy-file-bytes 128m"]), ("sendfile", 2, ["sendfile-size 64k"]),
    ("fallocate", 1, ["fallocate-bytes 1m"]), ("flock", 50, []), ("lockf", 50, []), ("locka", 50, []),
    ("lockofd", 20, []), ("fcntl", 20, []), ("dup", 20, []), ("open", 50, []), ("getdent", 50, []),
    ("dentry", 20, ["dentries 20"]), ("dir", 10, ["dir-dirs 64"]), ("dirdeep", 20, []), ("rename", 50, []),
    ("chmod", 5, []), ("chown", 20, []), ("chdir", 1, ["chdir-dirs 64"]), ("access", 2, []), ("fstat", 1, []),
    ("touch", 20, []), ("sysinfo", 20, []), ("null", 50, []), ("zero", 20, []), ("urandom", 20, []),
    ("getrandom", 50, []),
]
# stress-ng takes privileges away from itself before some tests, and says so when it cannot; here root has them all.
EXPECTED = re.compile(r"capset on pid \d+ failed: errno=1 |no CPUs found in /sys")


def stress_job(stressors, instances, timeout, sequential):
    lines = ["run sequential"] if sequential else []
    lines += ["verify", "metrics-brief", "pathological", "temp-path /root/ng", "timeout %d" % timeout]
    for name, ops, options in stressors:
        lines += ["%s %d" % (name, instances)] + (["%s-ops %d" % (name, ops)] if sequential else []) + options
    return "\n".join(lines) + "\n"


def stress_check(text, stressors, ops=True):
    """Every stressor ran, did its operations, and found nothing wrong."""
    bad = re.compile(r" (fail|error|warn): |skip")
    wrong = [line for line in text.splitlines() if bad.search(line) and not EXPECTED.search(line)]
    done = dict(re.findall(r"metrc: \[\d+\] (\S+) +(\d+) +[\d.]+ +[\d.]+ ", text))
    idle = [name for name, _, _ in stressors if not int(done.get(name, 0)) and (ops or name not in done)]
    check(not wrong and not idle and "successful run completed" in text,
          "wrong: %s\nidle: %s\n%s" % (wrong, idle, text))


def stress_alone(stressors):
    """One after the other, until each has done its operations."""
    job = stress_job(stressors, 1, 60, True)
    with Load("mkdir /root/ng && stress-ng --job /extra/job && rmdir /root/ng", [("job", job)]) as load:
        stress_check(load.text, stressors)


@long_test
def stress_ng_memory_alone():
    stress_alone(MEMORY)


@long_test
def stress_ng_processes_and_files_alone():
    stress_alone(PROCESSES + FILES)


# Some end by time alone.
MEMORY_AT_ONCE = """mmap mmapfork mmapmany mmapaddr mmapfixed msync mincore mprotect mlock mremap vm fault munmap memfd shm
    shm-sysv brk stack sync-file sigsegv fork vforkmany sem yield""".split()
FILES_AT_ONCE = """hdd iomix copy-file sendfile fallocate flock lockf dentry dir rename chmod getdent link symlink switch
    pipe timer pthread futex fpunch procfs""".split()


def at_once(names):
    known = {s[0]: s for s in MEMORY + PROCESSES + FILES}
    return [known.get(n, (n, 0, [])) for n in names]


@long_test
def stress_ng_many_at_once():
    sets = [at_once(MEMORY_AT_ONCE), at_once(FILES_AT_ONCE)]
    jobs = [("job%d" % i, stress_job(s, 1, 60 if LONG else 4, False)) for i, s in enumerate(sets)]
    script = "mkdir /root/ng && stress-ng --job /extra/job0; echo NEXT; stress-ng --job /extra/job1 && rmdir /root/ng"
    with Load(script, jobs, timeout=900 if LONG else 170) as load:
        for text, stressors in zip(load.text.split("NEXT"), sets):
            stress_check(text, stressors, ops=False)


# ---- a C compiler

HELLO = """#include <stdio.h>
#include <string.h>
int main(int argc, char **argv)
{
	printf("%s, %d: %s\\n", "hello", argc, strchr(argv[1], 'w'));
	return 7;
}
"""


def tcc_on_host(name, folder):
    """The bytes of name.o, from the tree's own compiler and headers."""
    root = os.path.join(debian_tree(), "usr")
    include = [root + d for d in ("/lib/x86_64-linux-gnu/tcc/include", "/include/x86_64-linux-gnu", "/include")]
    done = on_host("/usr/bin/tcc", "-nostdinc", *["-I" + d for d in include], "-w", "-c", name + ".c", cwd=folder)
    check(done.returncode == 0, done.stdout.decode())
    with open(os.path.join(folder, name + ".o"), "rb") as f:
        return f.read()


TCC_SCRIPT = """set -e
cp /extra/*.[ch] /root
cd /root
for f in *.c; do tcc -w -c $f; done
tcc -o hello hello.o
mv hello.o hello.obj
tcc -o sh *.o
./hello world || echo $?
./sh -c 'for=1; echo from $for shell | cat'
tcc -run hello.c -www || echo $?
"""


@long_test
def tcc_compiles_as_on_the_host_and_the_programs_run():
    files = [("hello.c", HELLO)]
    for path in sorted(glob.glob(os.path.join(TOP, "user/sh/*.[ch]"))):
        with open(path) as f:
            files.append((os.path.basename(path), f.read().replace('"user/sh/', '"')))
    with tempfile.TemporaryDirectory() as d, Load(TCC_SCRIPT, files) as load:
        check(load.text == "hello, 2: world\n7\nfrom 1 shell\nhello, 2: www\n7\n", load.text)
        for name, text in files:
            with open(os.path.join(d, name), "w") as f:
                f.write(text)
        for name in [n[:-2] for n, _ in files if n.endswith(".c")]:
            there = load.image.cat("/root/%s.o%s" % (name, "bj" if name == "hello" else ""))
            check(there == tcc_on_host(name, d), name + ".o differs from the host's")


# ---- more than fits

@long_test
def fio_with_a_file_larger_than_memory():
    sections = [("mmap-large", {"ioengine": "mmap", "rw": "write", "bs": "64k", "size": "80m", "fsync": 256}),
                ("psync-large", {"ioengine": "psync", "rw": "randwrite", "bs": "64k", "size": "80m"})]
    job = fio_text(sections, filename="large")
    with Load("mkdir /root/fio && fio --output-format=json /extra/job", [("job", job)], mem=72, size_mib=384) as load:
        fio_check(load.text, sections, 80 << 20)


@long_test
def a_load_without_memory_is_killed_and_the_machine_goes_on():
    script = """md5sum /usr/bin/* /bin/busybox >/root/sums
stress-ng --vm 2 --vm-bytes 300m --oomable --timeout 3
stress-ng --bigheap 1 --mmap 1 --mmap-bytes 300m --malloc 1 --malloc-bytes 200m --stack 1 --shm 1 --timeout 3
md5sum -c -s /root/sums && echo all files right
"""
    with Load(script, mem=128) as load:
        check("all files right" in load.text, load.text)
        check("is killed for its" in load.console, load.console)
