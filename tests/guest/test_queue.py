# SPDX-License-Identifier: MIT
"""MS_ASYNC queues and does not wait, MS_INVALIDATE fetches again: both as seen from outside the guest."""
import re
import time

from quire import check, test
from steps import PAGE, Stepped
from test_io_errors import file_of_four_pages

SLOW = 1                        # requests a second
PIECE = 1024                    # of which a page has four: four seconds


def writes(s):
    """Sectors whose write reached the device, and how many requests it has completed."""
    text = open(s.trace).read()
    return ([int(n) for n in re.findall(r"virtio_blk_handle_write.*? sector (\d+)", text)],
            len(re.findall(r"virtio_blk_rw_complete", text)))


def queued(flags):
    """The request is at the device when the call has returned, and the call returned while the device still worked."""
    with Stepped(trace=True) as s:
        file_of_four_pages(s)
        sector = s.sector_of("/f")
        s.slow_disk(SLOW, PIECE)
        s.expect(str(ord("a")), "store 0 12288 a")      # this one uses up what the throttle lets through at once
        s.expect("0", "msync 0 12288 4096 a")
        time.sleep(0.1)
        s.expect(str(ord("x")), "store 0 0 x")
        before, done = writes(s)
        check(sector not in before[-1:], "the page was written before anybody asked for it")
        s.send("msync 0 0 4096 " + flags)               # nothing else is asked for until the request is seen
        check(s.answer() == "0", s.guest.report())
        after, done_then = writes(s)
        check(after[len(before):] == [sector], "at the device: %r, not the page at %d" % (after[len(before):], sector))
        check(int(s.do("took")) < 2000000, "the call took as long as the device")
        check(s.on_disk("/f")[:1] == b"o", "the device was not slow: the page is written already")
        end = time.monotonic() + 60
        while s.on_disk("/f")[:1] != b"x":
            check(time.monotonic() < end, "the write never ended; completed %d, then %d" % (done, done_then))
            time.sleep(0.1)
        s.slow_disk(0)
        s.finish()


@test
def ms_async_has_queued_the_write_when_it_returns():
    """MS3"""
    queued("a")


@test
def msync_without_a_flag_queues_as_ms_async():
    """MS5"""
    queued("-")


@test
def ms_sync_waits_for_the_device():
    """MS2"""
    with Stepped(trace=True) as s:
        file_of_four_pages(s)
        s.slow_disk(SLOW)
        s.expect(str(ord("x")), "store 0 0 x", "store 0 8192 x")
        s.expect("0", "msync 0 0 16384 s")
        check(int(s.do("took")) > 500000, "two writes at one a second cannot have ended that soon")
        check(s.on_disk("/f")[0::2 * PAGE] == b"xx", "not on the disk")
        s.slow_disk(0)
        s.finish()


@test
def ms_async_of_clean_pages_asks_nothing_of_the_device():
    """MS17"""
    with Stepped(trace=True) as s:
        file_of_four_pages(s)
        before, _ = writes(s)
        s.expect(str(ord("o")), "load 0 0", "load 0 4096")
        s.expect("0", "msync 0 0 16384 a", "msync 0 0 16384 -")
        check(writes(s)[0] == before, "something was written")
        s.finish()


# ---- the disk changes underneath

def host_writes(s, page, char):
    """Change a page of /m/f on the disk, behind the guest's back."""
    with open(s.disk, "r+b") as f:
        f.seek(s.sector_of("/f", page) * 512)
        f.write(char.encode() * PAGE)


@test
def invalidation_shows_what_the_host_wrote_to_the_disk():
    """MS10"""
    with Stepped() as s:
        file_of_four_pages(s)
        s.expect(str(ord("o")), "load 0 0", "load 0 4096", "read 0 0")
        host_writes(s, 0, "h")
        s.expect(str(ord("o")), "load 0 0", "read 0 0")         # without the call: the old bytes
        s.expect("0", "msync 0 0 4096 i")
        s.expect(str(ord("h")), "load 0 0", "read 0 0")
        host_writes(s, 1, "H")
        s.expect(str(ord("o")), "load 0 4096")
        s.expect("0", "msync 0 0 16384 si")
        s.expect(str(ord("H")), "load 0 4096", "read 0 4096")
        s.finish()


@test
def every_mapping_and_descriptor_sees_what_was_fetched_again():
    """MS10"""
    with Stepped() as s:
        file_of_four_pages(s)
        s.expect("0", "open 1 /m/f w", "open 2 /m/f r", "map 1 16384")
        s.expect(str(ord("o")), "load 0 0", "load 1 0", "read 2 0")
        host_writes(s, 0, "h")
        s.expect(str(ord("o")), "load 0 0", "load 1 0", "read 2 0")
        s.expect("0", "msync 1 0 4096 i")
        s.expect(str(ord("h")), "load 0 0", "load 1 0", "read 2 0")
        s.finish()


@test
def invalidation_writes_our_bytes_first_and_keeps_them():
    """MS11"""
    with Stepped() as s:
        file_of_four_pages(s)
        s.expect(str(ord("x")), "store 0 0 x")
        host_writes(s, 0, "h")
        host_writes(s, 1, "h")
        s.expect("0", "msync 0 0 16384 i")
        s.expect(str(ord("x")), "load 0 0", "read 0 0")         # ours was newer: it went to the disk
        s.expect(str(ord("h")), "load 0 4096")
        check(s.on_disk("/f")[:1] == b"x", "our byte is not on the disk")
        s.finish()


@test
def a_locked_page_is_busy_and_neither_written_nor_fetched_again():
    """MS9"""
    with Stepped() as s:
        file_of_four_pages(s)
        s.expect("0", "lock 0 4096 4096")
        s.expect(str(ord("x")), "store 0 0 x")
        host_writes(s, 1, "h")
        s.expect("EBUSY", "msync 0 0 16384 si", "msync 0 0 16384 i")
        check(s.on_disk("/f")[:1] == b"o", "something was written before EBUSY")
        s.expect(str(ord("o")), "load 0 4096")
        s.expect("0", "unlock 0 4096 4096", "msync 0 0 16384 si")
        s.expect(str(ord("h")), "load 0 4096")
        s.expect(str(ord("x")), "load 0 0")
        s.finish()


@test
def o_direct_reads_the_disk_and_not_the_cache():
    """RW5"""
    with Stepped() as s:
        file_of_four_pages(s)
        s.expect("0", "open 1 /m/f rd")
        host_writes(s, 0, "h")
        s.expect(str(ord("o")), "read 0 0")
        s.expect(str(ord("h")), "read 1 0", "read 0 0")         # fetched again, for everybody
        s.expect("EINVAL", "read 1 1")                          # not aligned
        s.finish()
