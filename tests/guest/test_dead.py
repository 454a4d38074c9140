# SPDX-License-Identifier: MIT
"""Root kills the file server or a disk's driver, or writes over a disk: EIO for what it did, at once; the kernel and all else go on."""
from quire import Guest, Image, check, debug_build, test
from terminal import Terminal

RESIDENT = "cat /bin/sh >/dev/null; "   # so that the shell itself outlives its disk


def dead(what, says=b""):
    """Run the program; its status is the line of the first check that failed."""
    with Image(cmd=RESIDENT + "/conformance/dead " + what, cmdline="cmd") as img, Guest(img.path) as g:
        g.start()
        g.wait(90)
        check(g.status() == 0 and says in g.console(), "line %s of dead.c; %s" % (g.status(), g.report()))


@test
def without_the_file_server_calls_fail_and_memory_stays():
    dead("fs /root/d", b"server fs died: signal 9")


@test
def without_the_driver_its_disk_fails_and_the_rest_works():
    dead("virtio-blk /root/d", b"died: signal 9")


@test
def without_the_process_manager_its_calls_fail_and_files_go_on():
    cmd = "/conformance/dead pm /root/d >/dev/console"
    with Image(cmd=cmd, cmdline="cmd") as img, Guest(img.path) as g:
        g.start()
        g.wait_for(rb"first that failed: line \d+", 90, "console")
        check(b"first that failed: line 0" in g.console() and b"server pm died: signal 9" in g.console(), g.report())
        g.kill()


@test
def without_its_process_for_programs_no_program_starts():
    dead("pm:exec /root/d", b"server pm:exec died: signal 9")


@test
def a_mounted_file_system_may_be_overwritten():
    dead("disk /dev/vda2")


@test
def a_server_killed_while_others_work_takes_no_kernel_with_it():
    """Each with a debug build's checks, and two processes that write, map and sync one file."""
    for victim in (2, 3):
        cmd = RESIDENT + "/conformance/race -n 100000 -p 2 -s 1 /root/f & sleep 1; kill -9 %d; wait; exit 0" % victim
        with Image(cmd=cmd, cmdline="cmd", build=debug_build()) as img, Guest(img.path, cpus=2) as g:
            g.start()
            g.wait(60)
            check(g.status() is not None and b"died: signal 9" in g.console(), g.report())


@test
def the_machine_ends_when_nobody_can_print_any_more():
    with Image(cmdline="norun") as img:
        t = Terminal(img.path, b"quire$ ")
        with t.guest as g:
            t.expect(b"quire$ ")
            t.type(b"kill -9 3\r")
            g.wait(30)
            check(g.status() == 1, g.report())
