# SPDX-License-Identifier: MIT
"""/proc in the guest: a program that looks at itself, on Linux too; the text of programs in one page cache; our tools."""
import os
import re
import subprocess

from quire import BUILD, check, run_cmd, test


@test
def a_process_finds_itself_in_proc():
    status, text = run_cmd("/conformance/procfs", guest_kw={"cpus": 2})
    check(status == 0 and " 0 failed" in text, text)


@test
def a_process_finds_itself_in_linux_s_proc():
    done = subprocess.run([os.path.join(BUILD, "root/conformance/procfs")], capture_output=True, timeout=90)
    check(done.returncode == 0, done.stdout.decode())


def fields(text):
    """{name: number} of lines like `name: number kB`."""
    return {m[1]: int(m[2]) for m in re.finditer(r"^(\w[\w()]*):?\s+(\d+)", text, re.M)}


@test
def files_read_are_cached_and_files_written_are_dirty():
    status, text = run_cmd("sync; cat /proc/meminfo; echo ==; cat /conformance/posix >/tmp/x; cp /conformance/posix /root/y; "
                           "cat /proc/meminfo; echo ==; sync; cat /proc/meminfo /proc/vmstat")
    check(status == 0, text)
    before, dirty, synced = (fields(part) for part in text.split("==\n"))
    size = os.path.getsize(os.path.join(BUILD, "root/conformance/posix")) // 1024
    for m in (before, dirty, synced):
        check(m["MemFree"] + m["Cached"] + m["AnonPages"] < m["MemTotal"], "more than there is: %r" % m)
        check(m["PageTables"] > 0 and m["Slab"] > 0 and m["Mapped"] <= m["Cached"], repr(m))
    check(dirty["Cached"] - before["Cached"] >= 2 * size, "cached: %r\n%r" % (before, dirty))
    check(before["MemFree"] - dirty["MemFree"] >= 2 * size, "free: %r\n%r" % (before, dirty))
    check(dirty["Dirty"] - before["Dirty"] >= size, "dirty: %r\n%r" % (before, dirty))
    check(synced["Writeback"] == 0 and synced["pgpgin"] >= size and synced["pgpgout"] >= size, repr(synced))


@test
def every_file_of_proc_can_be_read():
    """What can be opened can be read to its end, of servers, threads and this process, in both worlds."""
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "fs", "procfs.c")) as f:
        table = re.findall(r'\{\.name = "([\w-]+)", \.in = (\w+)', f.read())
    top = {"DIR_ROOT": "/proc/", "DIR_KERNEL": "/proc/sys/kernel/", "DIR_VM": "/proc/sys/vm/", "DIR_FS": "/proc/sys/fs/",
           "DIR_RANDOM": "/proc/sys/kernel/random/"}
    names = [top[where] + name for name, where in table if where in top and name not in ("sys", "self", "thread-self", "random")]
    plain = [name for name, where in table if where == "DIR_PID" and name not in ("cwd", "root", "exe", "fd", "task")]
    names += ["/proc/%s/%s" % (pid, name) for pid in ("1", "3", "self", "thread-self") for name in plain]
    check(len(names) > 80, "the table was not understood")
    status, text = run_cmd("cat %s >/dev/null && echo all" % " ".join(names), cmdline="vm=split")
    check(status == 0 and text == "all\n", text)
