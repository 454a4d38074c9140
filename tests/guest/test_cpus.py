# SPDX-License-Identifier: MIT
"""What the number of CPUs could change: threads, processes that disturb each other, and stores beside msync, on 1 and 4.

All other guest tests run on two (`make test CPUS=n` changes that).
"""
import os
import re

from quire import check, debug_build, run_cmd, test

THREADS = "TH1 TH2 TH3 TH4 TH5 TH6 TH7 MP1 MU1 MS1 MS11"


def threads_on(cpus):
    status, text = run_cmd("/conformance/posix " + THREADS, guest_kw={"cpus": cpus}, timeout=150)
    check(status == 0, text)


@test
def threads_and_msync_on_one_cpu():
    threads_on(1)


@test
def threads_and_msync_on_four_cpus():
    threads_on(4)


@test
def four_processes_race_on_four_cpus():
    status, text = run_cmd("/conformance/race -n 800 -p 4 -s 7 /root/f", guest_kw={"cpus": 4}, timeout=150)
    check(status == 0 and ": ok" in text, text)


@test
def no_page_is_somebody_elses_while_a_mapping_shows_it():
    status, text = run_cmd("/conformance/cuts /root/f 12", guest_kw={"cpus": 4}, timeout=100)
    check(status == 0 and " 0 foreign words" in text, text)


@test
def every_thread_gets_its_turn():
    for cpus in (1, 2, 4):
        status, text = run_cmd("/conformance/sched", guest_kw={"cpus": cpus})
        check(status == 0 and " 0 failed" in text, text)


@test
def the_machine_has_as_many_cpus_as_qemu_says():
    for cpus in (1, 2, 4):
        status, text = run_cmd("/conformance/scale 0.05", guest_kw={"cpus": cpus})
        check(status == 0 and text.startswith("%d CPUs\n" % cpus), text)


def device_irqs(text):
    """Interrupts of devices by CPU, from /proc/interrupts."""
    return [int(n) for n in re.search(r"^INT:([ 0-9]+)", text, re.M).group(1).split()]


@test
def the_disk_interrupts_the_cpu_that_irqcpu_names():
    for cpu, word in ((0, ""), (2, "irqcpu=2"), (0, "irqcpu=9")):
        status, text = run_cmd("cat /conformance/* >/dev/null; cat /proc/interrupts", cmdline=word, guest_kw={"cpus": 4})
        irqs = device_irqs(text)
        check(status == 0 and len(irqs) == 4, text)
        others = sum(irqs) - irqs[cpu]
        check(irqs[cpu] > 20 and others < 5, "%s: %r" % (word, irqs))


def the_suite_passes_with_delays_at_locks():
    """A debug build of its own; each seed gives the CPUs other unlucky moments."""
    build = debug_build()
    for seed in range(1, 7):
        status, text = run_cmd("/conformance/posix && /conformance/race -n 500 -p 3 -s %d /root/f" % seed, timeout=400, build=build,
                               cmdline="delay=%d" % seed, guest_kw={"cpus": 2 + seed % 2 * 2})
        check(status == 0, "seed %d: %s" % (seed, text[-3000:]))


the_suite_passes_with_delays_at_locks.seconds = 3000
if os.environ.get("LONG"):
    test(the_suite_passes_with_delays_at_locks)
