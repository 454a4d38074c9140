# SPDX-License-Identifier: MIT
"""The process manager: calls that it answers, and those for names."""
import os
import subprocess
import tempfile

from quire import BUILD, check, run_cmd, test


@test
def calls_that_the_process_manager_answers():
    for cpus in (1, 4):
        status, text = run_cmd("/conformance/manager /root/m", guest_kw={"cpus": cpus})
        check(status == 0 and " 0 failed" in text, text)


@test
def names_while_directories_and_descriptors_change():
    for cpus, where in ((1, "/root"), (2, "/root"), (4, "/root"), (4, "/tmp")):
        status, text = run_cmd("/conformance/names %s/n" % where, guest_kw={"cpus": cpus})
        check(status == 0 and " 0 failed" in text, text)


names_while_directories_and_descriptors_change.seconds = 300


@test
def names_that_wait_delay_no_timer():
    status, text = run_cmd("/conformance/manager stopped")
    check(status == 0 and " 0 failed" in text, text)


@test
def calls_of_the_process_manager_on_linux_too():
    for name in ("manager", "names"):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([os.path.join(BUILD, "root/conformance", name), folder], capture_output=True, timeout=60)
            check(done.returncode == 0, done.stdout.decode())
