# SPDX-License-Identifier: MIT
"""/proc in the guest: a program that looks at itself, on Linux too; the text of programs in one page cache; our tools."""
import os
import re
import subprocess

from quire import BUILD, check, run_cmd, test

PROGRAMS = ("procfs", "procmem")


@test
def a_process_finds_itself_in_proc():
    for program in PROGRAMS:
        status, text = run_cmd("/conformance/" + program, guest_kw={"cpus": 2})
        check(status == 0 and " 0 failed" in text, text)


@test
def a_process_finds_itself_in_linux_s_proc():
    for program in PROGRAMS:
        done = subprocess.run([os.path.join(BUILD, "root/conformance", program)], capture_output=True, timeout=90)
        check(done.returncode == 0, done.stdout.decode())


def fields(text):
    """{name: number} of lines like `name: number kB`."""
    return {m[1]: int(m[2]) for m in re.finditer(r"^(\w[\w()]*):?\s+(\d+)", text, re.M)}


@test
def files_read_are_cached_and_files_written_are_dirty():
    status, text = run_cmd("sync; cat /proc/meminfo; echo ==; cat /conformance/posix >/tmp/x; cp /conformance/posix /root/y; "
                           "cat /proc/meminfo; echo ==; sync; cat /proc/meminfo /proc/vmstat /proc/diskstats")
    check(status == 0, text)
    before, dirty, synced = (fields(part) for part in text.split("==\n"))
    size = os.path.getsize(os.path.join(BUILD, "root/conformance/posix")) // 1024
    for m in (before, dirty, synced):
        check(m["MemFree"] + m["Cached"] + m["AnonPages"] < m["MemTotal"], "more than there is: %r" % m)
        check(m["PageTables"] > 0 and m["Slab"] > 0 and m["Mapped"] <= m["Cached"], repr(m))
    check(dirty["Cached"] - before["Cached"] >= 2 * size, "cached: %r\n%r" % (before, dirty))
    check(before["MemFree"] - dirty["MemFree"] >= 2 * size, "free: %r\n%r" % (before, dirty))
    check(dirty["Dirty"] - before["Dirty"] >= size, "dirty: %r\n%r" % (before, dirty))
    check(re.search(r"^ 254       0 vda [1-9]\d* 0 [1-9]\d* 0 [1-9]\d* 0 [1-9]\d* 0 0 0 0 0 0 0 0 [1-9]\d* 0$", text, re.M), text)
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


@test
def busybox_reads_proc():
    """free, ps, top, mount, uptime, df, pidof and kill of Debian's busybox."""
    status, text = run_cmd("sh -c 'sleep 99 & for c in free \"ps -o pid,ppid,user,stat,args\" \"top -b -n1\" mount uptime df \"pidof sleep\"; "
                           "do echo \"== $c\"; $c; done; kill $(pidof sleep); wait; echo gone=$?; ps'", debian=True, mem=512)
    part = dict(p.split("\n", 1) for p in re.split("^== ", text, flags=re.M)[1:])
    check(status == 0, text)
    check(re.search(r"^Mem: +\d{6} +\d+ +\d{6} +0 +\d+ +\d{6}$", part["free"], re.M), part["free"])
    check(re.search(r"^ +1 +0 root +S +init$", part["ps -o pid,ppid,user,stat,args"], re.M), text)
    check(re.search(r"^ +\d+ +\d+ root +S +sleep 99$", part["ps -o pid,ppid,user,stat,args"], re.M), text)
    check(re.search(r"^CPU: +\d+% usr .* \d+% idle", part["top -b -n1"], re.M), text)
    check(re.search(r"^ +\d+ +\d+ root +R .* top -b -n1$", part["top -b -n1"], re.M), text)
    check("/dev/vda2 on / type ext2 (rw,relatime)\n" in part["mount"] and "proc on /proc type proc" in part["mount"], text)
    check(re.search(r" up \d min, +0 users, +load average: \d\.\d\d, ", part["uptime"]), text)
    check(re.search(r"^/dev/vda2 +\d+ +\d+ +\d+ +\d+% /$", part["df"], re.M), text)
    check(re.match(r"\d+\ngone=0\n", part["pidof sleep"]) and not re.search(r" sleep 99$", part["pidof sleep"], re.M), text)


def libraries(smaps):
    """{mapping: {name: KiB}} of the text mappings of shared libraries."""
    found, at = {}, None
    for line in smaps.splitlines():
        m = re.match(r"[0-9a-f]+-[0-9a-f]+ (....) .*?(/\S*\.so\S*)?$", line)
        if m:
            at = found.setdefault(m[2], {}) if m[2] and m[1] == "r-xp" else None
        elif at is not None:
            name, value = line.split(":")
            at[name] = int(value.split()[0]) if value.strip()[:1].isdigit() else 0
    return found


@test
def two_programs_have_their_libraries_from_one_page_cache():
    status, text = run_cmd("for i in 1 2; do (echo .shell touch /tmp/up$i; sleep 99) | sqlite3 /tmp/$i.db & done; "
                           "until [ -e /tmp/up1 -a -e /tmp/up2 ]; do sleep 0.1; done; "
                           "for p in $(pidof sqlite3); do echo == $p; cat /proc/$p/smaps; done", debian=True, mem=512)
    check(status == 0, text)
    two = [libraries(part) for part in text.split("== ")[1:]]
    check(len(two) == 2, text)
    for found in two:
        check(len(found) >= 5 and any("libc.so.6" in name for name in found), "libraries: %r" % found)
        for name, n in found.items():
            check(n["Rss"] == n["Shared_Clean"] + n["Private_Clean"] and n["Anonymous"] == 0, "%s: %r" % (name, n))
            check(n["Pss"] <= n["Rss"], "%s: %r" % (name, n))
        libc = next(n for name, n in found.items() if "libc.so.6" in name)
        check(libc["Shared_Clean"] > 200 and libc["Pss"] < 0.7 * libc["Rss"], "libc: %r" % libc)


@test
def pages_shows_what_is_cached_dirty_and_mapped():
    status, text = run_cmd("cat /bin/ls >/dev/null; cp /bin/ls /root/x; pages /bin/ls /bin/sh /conformance/posix /root/x; sync; pages /root/x; pages $$")
    check(status == 0, text)
    whole = {m[1]: [int(n) for n in m.groups()[1:]]
             for m in re.finditer(r"^(/\S+): (\d+) pages, (\d+) in memory, (\d+) dirty, (\d+) mapped$", text, re.M)}
    n = whole["/bin/ls"][0]
    check(n > 3 and whole["/bin/ls"] == [n, n, 0, 0], "read: all in memory, clean, not mapped\n" + text)
    check(whole["/bin/sh"][3] > 3, "the shell that runs has mapped its program\n" + text)
    check(whole["/conformance/posix"][1:] == [0, 0, 0], "nobody touched it\n" + text)
    check(whole["/root/x"] == [n, n, 0, 0] and "/root/x: %d pages, %d in memory, %d dirty, 0 mapped" % (n, n, n) in text, text)
    check(re.search(r"^ +\d+ +\d+ +\d+ +\d+ +\d+  \[stack\]$", text, re.M) and re.search(r"  all$", text, re.M), text)
