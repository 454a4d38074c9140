# SPDX-License-Identifier: MIT
"""Processes, signals and exec in the guest: the same programs say the same on the host's Linux."""
import os
import pty
import subprocess
import tempfile

from quire import BUILD, check, run_cmd, test


def says_zero_failed(cmd, timeout=90):
    status, text = run_cmd(cmd, timeout=timeout)
    check(status == 0 and " 0 failed" in text, text)


@test
def processes_pipes_and_clocks():
    says_zero_failed("/conformance/process")


@test
def signals_masks_and_frames():
    says_zero_failed("/conformance/signals")


@test
def exec_and_damaged_programs():
    says_zero_failed("/conformance/exec /root")


@test
def children_and_who_waits_for_them():
    says_zero_failed("/conformance/children")
    says_zero_failed("/conformance/groups")


@test
def queued_signals():
    says_zero_failed("/conformance/sigqueue")


@test
def who_sleeps_is_woken_when_he_has_to_be():
    says_zero_failed("/conformance/wakeups")


@test
def timers_on_all_clocks():
    says_zero_failed("/conformance/timers && /conformance/clocks")


@test
def eventfd_and_timerfd_wait_and_wake():
    says_zero_failed("/conformance/events")


@test
def users_groups_and_settings():
    says_zero_failed("/conformance/ids")


@test
def sessions_and_their_terminal():
    says_zero_failed("/conformance/terminal /dev/console")


@test
def one_user_does_not_take_what_is_for_all():
    says_zero_failed("/conformance/shares")


@test
def process_programs_hold_on_linux_too():
    with tempfile.TemporaryDirectory() as folder:
        for words in (["process"], ["signals"], ["exec", folder], ["children"], ["groups"], ["sigqueue"], ["timers"], ["events"], ["clocks"], ["ids", folder]):
            program = os.path.join(BUILD, "root/conformance", words[0])
            done = subprocess.run([program] + words[1:], capture_output=True, timeout=90)
            check(done.returncode == 0, words[0] + ": " + done.stdout.decode())
    ends = pty.openpty()
    done = subprocess.run([os.path.join(BUILD, "root/conformance/terminal"), os.ttyname(ends[1])], capture_output=True,
                          timeout=90)
    check(done.returncode == 0, "terminal: " + done.stdout.decode())


@test
def vector_registers_are_each_threads_own():
    says_zero_failed("/conformance/vector")
