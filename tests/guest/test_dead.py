# SPDX-License-Identifier: MIT
"""Root kills the file server or a disk's driver, or writes over a disk: EIO for what it did, at once; the kernel and all else go on."""
from quire import Guest, Image, check, debug_build, run_cmd, test
from terminal import Terminal

RESIDENT = "cat /bin/sh >/dev/null; "   # so that the shell itself outlives its disk


@test
def without_the_file_server_calls_fail_and_memory_stays():
    status, text = run_cmd(RESIDENT + "/conformance/dead fs /root/d")
    check(status == 0, "the check in line %d of dead.c failed" % status)


@test
def without_the_driver_its_disk_fails_and_the_rest_works():
    status, text = run_cmd(RESIDENT + "/conformance/dead virtio-blk /root/d")
    check(status == 0, "the check in line %d of dead.c failed" % status)


@test
def without_the_process_manager_its_calls_fail_and_files_go_on():
    status, text = run_cmd(RESIDENT + "/conformance/dead pm /root/d")
    check(status == 0, "the check in line %d of dead.c failed" % status)


@test
def a_mounted_file_system_may_be_overwritten():
    status, text = run_cmd(RESIDENT + "/conformance/dead disk /dev/vda2")
    check(status == 0, "the check in line %d of dead.c failed" % status)


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
