# SPDX-License-Identifier: MIT
"""System calls on files: locks, special files, attributes, waiting; the same programs pass on the host's Linux."""
from quire import check, run_cmd, test


def passes(cmd):
    status, text = run_cmd(cmd)
    check(status == 0 and " 0 failed" in text, text)


@test
def locks_on_ext2():
    passes("/conformance/locks /root/l")


@test
def locks_on_tmpfs():
    passes("/conformance/locks /tmp/l")


@test
def system_v_shared_memory():
    passes("/conformance/shm")


@test
def waiting_for_descriptors():
    passes("/conformance/waiting /tmp/w")


@test
def attributes_on_ext2():
    passes("/conformance/attributes /root/a")


@test
def attributes_on_tmpfs():
    passes("/conformance/attributes /tmp/a")
