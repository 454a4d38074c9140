# SPDX-License-Identifier: MIT
"""The disk fails, and everybody hears of it once; nothing acknowledged is lost, and what was not is kept and retried."""
from quire import check, test
from steps import PAGE, Stepped


def file_of_four_pages(s, name="/m/f", index=0):
    s.expect("0", "open %d %s wc" % (index, name))
    s.expect(str(4 * PAGE), "write %d 0 %d o" % (index, 4 * PAGE))
    s.expect("0", "fsync %d" % index, "map %d %d" % (index, 4 * PAGE))


def sync_reports_a_failed_write(call):
    with Stepped() as s:
        file_of_four_pages(s)
        s.expect(str(ord("x")), "store 0 0 x")
        s.break_disk("write", once=True)
        s.expect("EIO", call)
        check(s.on_disk("/f")[:1] == b"o", "the write did not fail")
        s.expect("0", call)                     # told once, and this one writes what is still owed
        check(s.on_disk("/f")[:1] == b"x", "the page was not written again")
        s.mend_disk()
        s.expect(str(ord("x")), "load 0 0", "read 0 0")
        s.finish()


@test
def ms_sync_reports_a_failed_write_once_and_the_retry_writes_it():
    """MS16"""
    sync_reports_a_failed_write("msync 0 0 4096 s")


@test
def fsync_reports_a_failed_write_once_and_the_retry_writes_it():
    """FS4 MS16"""
    sync_reports_a_failed_write("fsync 0")


@test
def fdatasync_reports_a_failed_write_once_and_the_retry_writes_it():
    """FS4 MS16"""
    sync_reports_a_failed_write("fdatasync 0")


@test
def every_descriptor_and_mapping_hears_of_a_failed_write():
    """FS4 MS16"""
    with Stepped() as s:
        file_of_four_pages(s)
        s.expect("0", "open 1 /m/f w", "open 2 /m/f r", "map 1 4096")
        s.expect(str(ord("x")), "store 0 0 x")
        s.break_disk("write", once=True)
        s.expect("EIO", "fsync 0")
        s.expect("EIO", "fsync 1", "fdatasync 2", "msync 0 0 4096 s", "msync 1 0 4096 s")
        s.expect("0", "fsync 0", "fsync 1", "fdatasync 2", "msync 0 0 4096 s", "msync 1 0 4096 s")
        s.expect("0", "open 3 /m/f w", "fsync 3")       # opened afterwards: nothing to hear of
        s.mend_disk()
        check(s.on_disk("/f")[:1] == b"x", "the page was not written again")
        s.finish()


@test
def a_disk_that_fails_for_ever_fails_every_sync_and_loses_nothing():
    """MS16 FS4"""
    with Stepped() as s:
        file_of_four_pages(s)
        s.expect(str(ord("x")), "store 0 0 x", "store 0 8192 x")
        s.break_disk("write")
        s.expect("EIO", "msync 0 0 16384 s", "msync 0 0 16384 s", "fsync 0", "fsync 0")
        s.expect(str(ord("x")), "load 0 0", "read 0 8192")
        check(s.on_disk("/f") == b"o" * 4 * PAGE, "something was written all the same")
        s.mend_disk()
        s.expect("EIO", "msync 0 0 16384 s")    # the mapping has not heard of the write that failed under fsync
        s.expect("0", "msync 0 0 16384 s", "fsync 0")
        check(s.on_disk("/f")[0::2 * PAGE] == b"xx", "the pages were not written after the disk was mended")
        s.finish()


@test
def an_error_of_the_second_write_leaves_the_first_one_done():
    """MS16 MS1"""
    with Stepped() as s:
        file_of_four_pages(s)
        s.expect(str(ord("x")), "store 0 0 x", "store 0 8192 x")
        s.break_disk("write", at=2)
        s.expect("EIO", "msync 0 0 16384 s")
        check(s.on_disk("/f")[0::2 * PAGE] in (b"xo", b"ox"), "not exactly one page was written")
        s.expect("0", "msync 0 0 16384 s")
        check(s.on_disk("/f")[0::2 * PAGE] == b"xx", "the failed page was not written again")
        s.mend_disk()
        s.finish()


@test
def another_file_hears_nothing_of_a_failed_write():
    """FS4"""
    with Stepped() as s:
        file_of_four_pages(s)
        file_of_four_pages(s, "/m/g", 1)
        s.expect(str(ord("x")), "store 0 0 x", "store 1 0 x")
        s.break_disk("write", sector=s.sector_of("/f"))
        s.expect("EIO", "fsync 0")
        s.expect("0", "fsync 1", "msync 1 0 4096 s")
        s.mend_disk()
        s.expect("0", "fsync 0")
        s.finish()


def a_failed_flush_is_reported(call, at=None):
    with Stepped() as s:
        file_of_four_pages(s)
        s.expect(str(ord("x")), "store 0 0 x")
        s.break_disk("flush", once=True, at=at)
        s.expect("EIO", call)
        s.expect(str(ord("y")), "store 0 1 y")
        s.expect("0", call)
        s.mend_disk()
        check(s.on_disk("/f")[:2] == b"xy", "the bytes are not on the disk")
        s.finish()


@test
def ms_sync_reports_a_failed_flush_and_the_retry_flushes():
    """MS2 MS16"""
    a_failed_flush_is_reported("msync 0 0 4096 s")


@test
def fsync_reports_a_failed_flush_and_the_retry_flushes():
    """FS1 FS4"""
    a_failed_flush_is_reported("fsync 0")


@test
def fdatasync_reports_a_failed_flush_and_the_retry_flushes():
    """FS2 FS4"""
    a_failed_flush_is_reported("fdatasync 0")


def flushes(s):
    return next(d for d in s.guest.qmp("query-blockstats") if "vdc" in d.get("qdev", ""))["stats"]["flush_operations"]


@test
def ms_sync_after_a_failed_flush_flushes_though_nothing_was_stored():
    """MS2 MS16: the page is written, and still not durable"""
    with Stepped() as s:
        file_of_four_pages(s)
        s.expect(str(ord("x")), "store 0 0 x")
        s.break_disk("flush", once=True)
        s.expect("EIO", "msync 0 0 4096 s")
        before = flushes(s)
        s.expect("0", "msync 0 0 4096 s")
        check(flushes(s) > before, "the second call did not flush")
        s.mend_disk()
        s.finish()


@test
def a_failed_flush_between_metadata_and_data_is_reported():
    """FS1 MS2: the new file's commit flushes more than once; the second flush fails"""
    with Stepped() as s:
        s.expect("0", "open 0 /m/new wc")
        s.expect(str(PAGE), "write 0 0 4096 n")
        s.break_disk("flush", at=2)
        s.expect("EIO", "fsync 0")
        s.expect("0", "fsync 0")
        s.mend_disk()
        check(s.on_disk("/new") == b"n" * PAGE, "the file cannot be found, or is not whole")
        s.finish()


@test
def a_write_with_o_sync_reports_a_failed_write():
    """RW3 MS16"""
    with Stepped() as s:
        file_of_four_pages(s)
        s.expect("0", "open 1 /m/f ws")
        s.break_disk("write", once=True)
        s.expect("EIO", "write 1 0 1 x")
        s.expect("1", "write 1 0 1 y")
        s.mend_disk()
        check(s.on_disk("/f")[:1] == b"y", "the byte is not on the disk")
        s.finish()


@test
def a_failed_write_of_metadata_is_reported_and_retried():
    """FS1 MS2: the new file's blocks, its inode or its name cannot be written"""
    for n in (2, 3, 4):
        with Stepped() as s:
            s.expect("0", "open 0 /m/new wc")
            s.expect(str(PAGE), "write 0 0 4096 n")
            s.break_disk("write", at=n)
            first = s.do("fsync 0")
            check(first in ("EIO", "0"), "fsync: %s" % first)
            if first == "0":
                check(n > 2, "the second write did not fail")
            s.expect("0", "fsync 0")
            s.mend_disk()
            check(s.on_disk("/new") == b"n" * PAGE, "the file cannot be found, or is not whole")
            s.finish()


@test
def a_failed_read_is_eio_and_sigbus_and_the_page_can_be_read_later():
    """MM15"""
    with Stepped() as s:
        file_of_four_pages(s)
        s.expect("0", "drop 0")
        s.break_disk("read")
        s.expect("EIO", "read 0 0")
        s.expect("SIGBUS 2", "load 0 0", "store 0 8192 x", "load 0 0")
        s.mend_disk()
        s.expect(str(ord("o")), "load 0 0", "read 0 8192", "load 0 8192")
        s.expect(str(ord("x")), "store 0 8192 x")
        s.expect("0", "msync 0 0 16384 s")
        s.finish()


@test
def invalidation_of_a_page_that_cannot_be_written_drops_nothing():
    """MS11 MS16"""
    with Stepped() as s:
        file_of_four_pages(s)
        s.expect(str(ord("x")), "store 0 0 x")
        s.break_disk("write")
        s.expect("EIO", "msync 0 0 16384 i", "msync 0 0 16384 si")
        s.expect(str(ord("x")), "load 0 0", "read 0 0")
        s.mend_disk()
        s.expect("0", "msync 0 0 16384 si")
        s.expect(str(ord("x")), "load 0 0")
        s.finish()


@test
def a_full_disk_is_told_at_the_store_and_freeing_makes_it_work():
    """MM15"""
    with Stepped(size_mib=4) as s:
        file_of_four_pages(s)
        s.expect("0", "open 1 /m/full wc", "open 2 /m/sparse wc", "truncate 2 1048576", "map 2 1048576")
        at = 0
        while (got := s.do("write 1 %d 65536 f" % at)).isdigit():
            at += int(got)
        check(got == "ENOSPC", "the write that filled the disk: %s" % got)
        while (got := s.do("write 1 %d 4096 f" % at)).isdigit():
            at += int(got)
        check(got == "ENOSPC" and at > 1 << 20, "the disk is not full: %s at %d" % (got, at))
        s.expect("SIGBUS 2", "store 2 0 x", "store 2 409600 x")
        s.expect("0", "load 2 0")
        s.expect(str(ord("x")), "store 0 0 x")                  # a page that has its block
        s.expect("0", "msync 0 0 16384 s", "fsync 1")
        s.expect("0", "truncate 1 0", "fsync 1")
        s.expect(str(ord("x")), "store 2 0 x", "store 2 409600 x")
        s.expect("0", "msync 2 0 1048576 s")
        check(s.on_disk("/sparse")[0] == ord("x") and s.on_disk("/f")[0] == ord("x"), "the stores are not on the disk")
        s.finish()
