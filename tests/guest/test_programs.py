# SPDX-License-Identifier: MIT
"""Programs in the guest: files on every block size, faults, bad pointers; the scenarios say the same as on the host."""
import os
import subprocess
import tempfile

from quire import BUILD, Guest, Image, check, run_cmd, test


def clean_after(cmd, words, timeout=90, mem=256, cmdline_words="", **image):
    """Run a command; it must succeed and say `words`, and e2fsck must find nothing afterwards."""
    with Image(cmd=cmd, cmdline=("cmd " + cmdline_words).strip(), **image) as img, Guest(img.path, mem=mem) as g:
        g.start()
        g.wait(timeout)
        check(g.status() == 0 and words.encode() in g.result(), g.report())
        status, text = img.fsck()
        text = "\n".join(line for line in text.splitlines() if "not cleanly" not in line)
        check(status == 0, "e2fsck finds errors:\n" + text)


@test
def files_on_4k_blocks():
    clean_after("/conformance/files /root/f", " 0 failed")


@test
def files_on_2k_blocks():
    clean_after("/conformance/files /root/f", " 0 failed", block=2048)


@test
def files_on_1k_blocks():
    clean_after("/conformance/files /root/f", " 0 failed", block=1024)


@test
def files_on_tmpfs():
    status, text = run_cmd("/conformance/files /tmp/f")
    check(status == 0, text)


@test
def a_file_larger_than_memory():
    clean_after("/conformance/big /root/big 100", "100 MiB, 0 words wrong", timeout=180, mem=64, size_mib=160)


a_file_larger_than_memory.seconds = 240


@test
def a_file_without_a_name_is_freed_at_the_end():
    """Somebody still has it open when the machine stops."""
    clean_after("/bin/sleep 100 >/root/x & /bin/sleep 0.3; /bin/rm /root/x; /bin/echo gone", "gone")


@test
def faults_and_signals():
    status, text = run_cmd("/conformance/faults")
    check(status == 0 and " 0 failed" in text, text)


@test
def bad_pointers_in_system_calls():
    clean_after("/conformance/badcalls", "badcalls ok")


@test
def scenarios_on_1k_blocks():
    with Image(cmdline="batch", block=1024) as img, Guest(img.path) as g:
        g.start()
        g.wait(90)
        check(g.status() == 0 and b"12 passed, 0 failed" in g.result(), g.report())


@test
def scenarios_in_64_mib():
    with Image(cmdline="batch") as img, Guest(img.path, mem=64) as g:
        g.start()
        g.wait(90)
        check(g.status() == 0 and b"12 passed, 0 failed" in g.result(), g.report())


@test
def the_scenarios_say_the_same_as_on_the_host():
    names = "journal logline seewrite dbpage threeways producer onepage pingpong private counter".split()
    with tempfile.TemporaryDirectory() as d:
        here = "".join(subprocess.run([os.path.join(BUILD, "root/demo", n)], cwd=d, stdout=subprocess.PIPE).stdout.decode()
                       for n in names)
    status, there = run_cmd("; ".join("/demo/" + n for n in names))
    check(status == 0 and here == there, "host:\n%s\nguest:\n%s" % (here, there))


@test
def a_signal_gives_128_and_its_number():
    status, text = run_cmd("sh -c 'kill -9 $$'")
    check(status == 137, "status %d: %s" % (status, text))


@test
def a_bad_elf_is_refused_by_exec():
    """Cut short, wrong machine, nonsense: exec fails, the shell goes on."""
    prog = open(os.path.join(BUILD, "root/bin/true"), "rb").read()
    with tempfile.TemporaryDirectory() as d:
        for name, data in (("cut", prog[:100]), ("head", prog[:64]), ("machine", prog[:18] + b"\x28" + prog[19:]),
                           ("empty", b""), ("wild", prog[:64] + b"\xff" * 500), ("text", b"just text\n")):
            with open(os.path.join(d, name), "wb") as f:
                f.write(data)
            os.chmod(os.path.join(d, name), 0o755)
        status, text = run_cmd("for=1; /extra/cut; /extra/head; /extra/machine; /extra/empty; /extra/wild; /extra/text; "
                               "/bin/echo still here", extra=d)
    check(status == 0 and "still here" in text, "status %d: %s" % (status, text))


@test
def a_second_disk_has_its_own_driver():
    with tempfile.NamedTemporaryFile(suffix=".img") as disk, \
            Image(cmd="echo hello > /dev/vdb; sync", cmdline="cmd") as img:
        disk.truncate(1 << 20)
        extra = ["-drive", "if=none,id=d1,format=raw,file=" + disk.name, "-device", "virtio-blk-pci,drive=d1"]
        with Guest(img.path, extra=extra) as g:
            g.start()
            g.wait()
            check(g.status() == 0, g.report())
        disk.seek(0)
        check(disk.read(6) == b"hello\n", "the second disk holds something else")
