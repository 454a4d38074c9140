# SPDX-License-Identifier: MIT
"""The conformance suite in both worlds, one boot each, and the ledger that is made from it."""
import os
import sys

from quire import TOP, check, test

sys.path.insert(0, os.path.join(TOP, "tests/conformance"))
import ledger  # noqa: E402


@test
def the_conformance_suite_passes_in_both_worlds_and_the_ledger_is_true():
    complaints = sorted(set(ledger.check().complaints))
    check(not complaints, "\n".join(complaints))


the_conformance_suite_passes_in_both_worlds_and_the_ledger_is_true.seconds = 360
