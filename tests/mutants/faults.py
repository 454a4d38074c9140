# SPDX-License-Identifier: MIT
"""The faults of `make mutants`: what is broken, where, and which judges have to notice.

    fault(name, what is broken,
          old text,             must be in the file exactly once
          new text,
          judge ...)            "posix" if none is named

A judge is `posix` (the conformance tests), `split` (the same, booted with vm=split), a guest test of tests/guest, or
`unit NAME` (a unit program of tests/unit, or one of its cases).
"""
import collections

Fault = collections.namedtuple("Fault", "name broken file old new judges")
FAULTS = []
current = None


def file(name):
    """The faults that follow are in this file."""
    global current              # pylint: disable=global-statement
    current = name


def fault(name, broken, old, new, *judges):
    FAULTS.append(Fault(name, broken, current, old, new, judges or ("posix",)))


# ------------------------------------------------------------------------------------------------------------------
file("mm/writeback.c")

fault("alias_left_writable", "A page stays writable in page tables while it is written, and after.",
      "\tpages_clear(v, *first, last, PTE_W);    /* W1 */\n",
      "")

fault("tail_not_zeroed_at_writeback", "Bytes stored past the end of file are written to the disk.",
      "\tpage_zero_tail_locked(p);       /* W2 */\n",
      "")

fault("msync_does_not_wait", "msync(MS_SYNC) and fsync do not wait for their writes.",
      "\trc = vmo_wait(v, first, last, err_seen);\n\tif (rc ||",
      "\trc = vmo_wait(v, 1, 0, err_seen);\n\tif (rc ||",
      "ms_sync_waits_for_the_device")

fault("msync_without_commit", "msync and fdatasync write pages, but not what finds them, and do not flush.",
      "\tif ((wb & WB_DATASYNC) && __atomic_load_n(&v->changes, __ATOMIC_RELAXED) ==\n"
      "\t                          __atomic_load_n(&v->committed, __ATOMIC_RELAXED)) return 0;\n",
      "\tif (wb & WB_DATASYNC) return 0;\n",
      "cut_ms_sync_new_file", "cut_ms_sync_overwrite")

fault("fsync_without_commit", "fsync writes pages, but not what finds them, and does not flush.",
      "\treturn vmo_commit(v, wb & WB_DATASYNC ? COMMIT_DATASYNC : 0);   /* W3 */\n",
      "\treturn wb & WB_DATASYNC ? vmo_commit(v, COMMIT_DATASYNC) : 0;\n",
      "cut_ms_async_and_fsync_new_file")

fault("store_during_write_not_settled", "A page stored to while it was written is not written again by the next msync.",
      "\tif (wb & WB_WAIT) writes_wait(v, first, last, PFL_REDIRTIED);\n",
      "")

fault("async_queues_nothing", "MS_ASYNC starts no write.",
      "\twriteback_start_range(v, first, last, NULL);\n\tif (v->split_of)",
      "\tif (wb & WB_WAIT) writeback_start_range(v, first, last, NULL);\n\tif (v->split_of)",
      "posix", "ms_async_has_queued_the_write_when_it_returns")

fault("error_never_told", "A failed write is not reported.",
      "\treturn v->wb_errno;\n",
      "\treturn 0;\n",
      "ms_sync_reports_a_failed_write_once_and_the_retry_writes_it")

fault("error_told_for_ever", "A failed write is reported by every call that follows.",
      "\t*err_seen = v->wb_err;          /* a failed write that its holder has not heard of is told once */\n",
      "",
      "fsync_reports_a_failed_write_once_and_the_retry_writes_it")

fault("error_told_to_one_alone", "A failed write is reported to the first that asks, not to each descriptor and mapping.",
      "\t*err_seen = v->wb_err;          /* a failed write that its holder has not heard of is told once */\n"
      "\treturn v->wb_errno;\n",
      "\t*err_seen = v->wb_err;\n\treturn __atomic_exchange_n(&v->wb_errno, 0, __ATOMIC_RELAXED);\n",
      "every_descriptor_and_mapping_hears_of_a_failed_write")

fault("invalidate_drops_a_late_store", "A page stored to while MS_INVALIDATE works on it is dropped unwritten.",
      "\t\tif (p->state == PG_CLEAN && !vmo_range_locked(v, i, i)) {\n",
      "\t\tif ((p->state == PG_CLEAN || p->state == PG_DIRTY) && !vmo_range_locked(v, i, i)) {\n")

fault("split_msync_stops_at_the_view", "vm=split: msync copies stores to the file's own pages and does not write those.",
      "\t\treturn vmo_sync(v->split_of, first, last, wb, err_seen);\n",
      "\t\treturn 0;\n",
      "split")

# ------------------------------------------------------------------------------------------------------------------
file("mm/mapops.c")

fault("greatest_rights_ignored", "mprotect allows stores into a shared mapping of a read-only descriptor.",
      "\t\tif (prot & ~e->max_prot) return -EACCES;\n",
      "")

fault("mprotect_leaves_page_tables", "mprotect takes no right from pages that are mapped already.",
      "\tif (!(prot & PROT_WRITE)) pte &= ~PTE_W;\n",
      "")

fault("invalidate_drops_dirty_bytes", "MS_INVALIDATE drops what was stored instead of writing it.",
      "\trc = vmo_sync(s->vmo, s->first, s->last, wb, &seen);\n",
      "\tif (invalidate) {\n\t\tspin_lock(&s->vmo->lock);\n\t\tvmo_cut_locked(s->vmo, s->first, s->last);\n"
      "\t\tspin_unlock(&s->vmo->lock);\n\t}\n"
      "\trc = vmo_sync(s->vmo, s->first, s->last, wb, &seen);\n")

fault("invalidate_keeps_clean_pages", "MS_INVALIDATE drops nothing.",
      "\tif (!rc && invalidate) rc = vmo_invalidate(s->vmo, s->first, s->last);\n",
      "")

fault("invalidate_in_one_map", "MS_INVALIDATE takes the pages out of the caller's page tables alone.",
      "\tif (!rc && invalidate) rc = vmo_invalidate(s->vmo, s->first, s->last);\n",
      "\tif (!rc && invalidate) pmap_walk(&m->pmap, s->start, s->end, NULL, NULL);\n")

fault("async_waits", "MS_ASYNC waits for the device.",
      "invalidate ? WB_WAIT : 0;\n",
      "WB_WAIT;\n",
      "ms_async_has_queued_the_write_when_it_returns")

fault("mapping_never_remembers_an_error", "Each msync of a mapping reports the same failed write again.",
      "\tif (e && e->vmo == s->vmo && (int32_t)(seen - e->err_seen) > 0) e->err_seen = seen;\n",
      "\t(void)e;\n",
      "ms_sync_reports_a_failed_write_once_and_the_retry_writes_it")

fault("busy_after_effects", "MS_INVALIDATE on a locked page is EBUSY after everything was written and dropped.",
      "\tif ((msflags & MS_INVALIDATE) && parts_for(m, start, end, false, busy_part, 0) == -EBUSY) return -EBUSY;\n\n"
      "\treturn parts_for(m, start, end, true, sync_part, msflags);\n",
      "\tbool busy = (msflags & MS_INVALIDATE) && parts_for(m, start, end, false, busy_part, 0) == -EBUSY;\n"
      "\tint rc = parts_for(m, start, end, true, sync_part, msflags);\n\n"
      "\treturn busy ? -EBUSY : rc;\n")

fault("another_mappings_lock_ignored", "MS_INVALIDATE asks for locks in the caller's own mapping alone.",
      "\tif (!s->vmo) return 0;\n",
      "\tif (s) return 0;\n")

fault("hole_not_reported", "msync over a hole returns 0.",
      "\treturn rc ? rc : s.hole ? -ENOMEM : 0;\n",
      "\treturn rc ? rc : s.hole && !all ? -ENOMEM : 0;\n")

fault("nothing_written_behind_a_hole", "msync stops at a hole.",
      "\t\terr = fn(m, &s, how);\n",
      "\t\terr = s.hole && all ? 0 : fn(m, &s, how);\n")

fault("offset_of_the_mapping_ignored", "msync of a mapping from the middle of a file writes the file's first pages.",
      "\ts.first = entry_index(e, s.start);\n",
      "\ts.first = entry_index(e, s.start) - e->vnode.start;\n")

fault("msync_writes_pages_beside", "msync writes one page more than its range.",
      "\ts.last = entry_index(e, s.end - 1);\n",
      "\ts.last = entry_index(e, s.end - 1) + 1;\n")

fault("msync_of_a_private_mapping_writes", "msync of a private mapping writes what others stored into the file.",
      "\ts.shared = e->vmo && (e->flags & ENTRY_SHARED);\n",
      "\ts.shared = e->vmo != NULL;\n")

fault("mincore_always_yes", "mincore says that every page is resident.",
      "\tif (pmap_get(&m->pmap, va)) return 1;\n",
      "\treturn 1;\n")

fault("mincore_sees_page_tables_alone", "mincore says that a page in memory is not, unless this mapping has touched it.",
      "\tif (!e->vmo) return 0;\n",
      "\tif (e) return 0;\n")

fault("dontneed_keeps_private_pages", "madvise(MADV_DONTNEED) leaves private memory as it is.",
      "\t\tpmap_walk(&m->pmap, s->start, s->end, NULL, NULL);\n",
      "")

fault("locks_are_not_counted", "mlock does not count what it locks.",
      "\tm->locked += on ? entry_bytes(e) : -entry_bytes(e);\n",
      "")

fault("lock_brings_nothing_in", "mlock does not make its pages resident.",
      "\telse rc = map_populate(m, start, end, false);\n",
      "")

fault("lock_over_a_hole", "mlock over a hole returns 0.",
      "\tif (!all && mapped < end - start) rc = -ENOMEM;\n",
      "")

fault("the_limit_of_locks_ignored", "mlock goes past RLIMIT_MEMLOCK.",
      "\tif (on && m->locked + more > map_limit(m, RLIMIT_MEMLOCK)) rc = -ENOMEM;\n",
      "\tif (on && m->locked + 0 * more > map_limit(m, RLIMIT_MEMLOCK)) rc = -ENOMEM;\n")

fault("only_the_first_mapping_protected", "Of several mappings of a page the first alone loses its right.",
      "\ttree_for(n, &v->entries, first, last) {\n\t\tstruct entry *e",
      "\tstruct tree_node *n = tree_first_overlap(&v->entries, first, last);\n\n"
      "\tif (n) {\n\t\tstruct entry *e")

fault("rmap_ignores_the_offset", "A page is looked for at the wrong address of a mapping that starts inside the file.",
      "\t\tpmap_walk(&e->map->pmap, entry_va(e, lo), entry_va(e, hi + 1), rmap_pte, &w);\n",
      "\t\tpmap_walk(&e->map->pmap, entry_va(e, lo + n->start), entry_va(e, hi + 1 + n->start), rmap_pte, &w);\n")

fault("truncation_leaves_private_copies", "Private copies past the new end of file stay mapped.",
      "\tif (p && p->use == PAGE_ANON && !(w->bits & PTE_COPIES)) return pte;\n",
      "\tif (p && p->use == PAGE_ANON) return pte;\n")

# ------------------------------------------------------------------------------------------------------------------
file("mm/fault.c")

fault("room_not_asked_for", "A store into a hole does not ask whether the disk has room.",
      "\tif (!vmo_has_room_locked(v, f->index, p)) return FAULT_ROOM;\n",
      "")

fault("store_does_not_mark_times", "A store through a mapping does not mark st_mtime and st_ctime.",
      "\telse vmo_touch(v, VMOC_MTIME | VMOC_CTIME);\n",
      "")

fault("store_does_not_dirty", "A store through a mapping leaves its page clean.",
      "\tpage_dirty_locked(v, p);\n\tif (f->map->wired)",
      "\tif (f->map->wired) page_dirty_locked(v, p);\n\tif (f->map->wired)")

fault("private_page_written_to_the_file", "A store into a private mapping goes to the file's own page.",
      "\tif (f->e->flags & ENTRY_SHARED) return fault_store_shared(f, v, p);\n",
      "\tif (f->vmo == NULL || (f->e->flags & ENTRY_SHARED)) return fault_store_shared(f, v, p);\n")

fault("neighbours_mapped_writable", "The neighbours that a read fault maps can be stored to.",
      "pte_make(e, p, false) & ~PTE_A)) break;\n",
      "pte_make(e, p, e->prot & PROT_WRITE) & ~PTE_A)) break;\n")

fault("segv_past_the_end", "A page past the end of file raises SIGSEGV, not SIGBUS.",
      "\tif (f->index >= vmo_pages_locked(v)) return -ENXIO;\n",
      "\tif (f->index >= vmo_pages_locked(v)) return -EFAULT;\n")

fault("end_before_protection", "A forbidden page past the end of file raises SIGBUS, not SIGSEGV.",
      "\tif (!prot_allows(e->prot, want) || (e->flags & ENTRY_DEVICE)) return -EACCES;\n",
      "\tif (e->vmo && entry_index(e, f->va) >= vmo_pages_locked(e->vmo)) return -ENXIO;\n"
      "\tif (!prot_allows(e->prot, want) || (e->flags & ENTRY_DEVICE)) return -EACCES;\n")

fault("no_copy_on_write", "A store into a shared private page does not copy it.",
      "\tif (!p || (f->write && __atomic_load_n(&p->refs, __ATOMIC_ACQUIRE) > 1)) return",
      "\tif (!p) return")

fault("copy_on_write_copies_nothing", "The copy of a private page is not filled.",
      "\tif (from) memcpy(page_virt(p), page_virt(from), PAGE_SIZE);\n",
      "")

fault("anonymous_memory_not_zero", "New anonymous memory holds what was there before.",
      "frame_alloc(PAGE_ANON, from ? 0 : FRAME_ZERO);\n",
      "frame_alloc(PAGE_ANON, 0);\n")

# ------------------------------------------------------------------------------------------------------------------
file("mm/tree.c")

fault("a_mark_that_nobody_above_knows", "A page becomes dirty, and the search that starts at the root passes it by.",
      "\tn->marks = marks;\n\tpath_update(n);\n",
      "\tn->marks = marks;\n",
      "unit tree")

# ------------------------------------------------------------------------------------------------------------------
file("mm/pagecache.c")

fault("store_during_write_lost", "A store into a page on its way to the disk leaves no mark.",
      "\tif (p->state == PG_WRITING) p->flags |= PFL_REDIRTIED;\n",
      "")

fault("a_page_leaves_and_stays_mapped", "Page tables still refer to a page that left its object.",
      "\tpage_clear(p, PTE_P);\n\tpage_set_state(p, PG_ABSENT);\n",
      "\tpage_set_state(p, PG_ABSENT);\n",
      "unit reclaim")

# ------------------------------------------------------------------------------------------------------------------
file("mm/pager.c")

fault("tail_not_zeroed_at_fill", "What the disk holds past the end of file is seen in a mapping.",
      "\tpage_zero_tail_locked(p);\n",
      "")

fault("failed_read_shows_a_page", "A page that could not be read is taken for valid.",
      "\tif (r->status) {\n\t\tv->fill_errno",
      "\tif (false) {\n\t\tv->fill_errno",
      "a_failed_read_is_eio_and_sigbus_and_the_page_can_be_read_later")

fault("failed_commit_forgotten", "After a failed flush the next msync finds nothing to do.",
      "\tif (!rc) v->committed = MAX(v->committed, changes);     /* not before: others rely on it (P5) */\n",
      "\tv->committed = MAX(v->committed, changes);\n\tif (!rc) { }\n",
      "ms_sync_after_a_failed_flush_flushes_though_nothing_was_stored")

fault("failed_write_counts_as_done", "A page whose write failed becomes clean.",
      "\tbool owed = r->status || (",
      "\tbool owed = (",
      "fsync_reports_a_failed_write_once_and_the_retry_writes_it")

fault("clean_before_the_write_is_done", "A run ends with the first of its parts: pages are clean before they are written.",
      "\tlast = r->left == 0;\n",
      "\tlast = true;\n")

fault("hole_counts_as_backed", "A page of a hole is taken for one that has its block: no room is asked for.",
      "\tif (!r->zeroed[i]) p->flags |= PFL_BACKED;\n",
      "\tp->flags |= PFL_BACKED;\n")

fault("unlinked_file_keeps_its_space", "The last user of an unlinked file goes, and nobody tells the file server.",
      "\tif (v->users || !v->pager || v->split_of",
      "\tif (v->users || !v->links || !v->pager || v->split_of")

# ------------------------------------------------------------------------------------------------------------------
file("mm/vmo.c")

fault("tail_not_zeroed_at_truncation", "Behind the new end of file the old bytes stay in the last page.",
      "\trc = vmo_zero(v, MIN(size, old), ",
      "\trc = vmo_zero(v, old, ")

fault("growth_shows_old_bytes", "Bytes stored past the end are seen when the file grows.",
      "\tif (from >= to) return 0;\n",
      "\tif (from >= to || from == v->size) return 0;\n")

fault("cut_bytes_stay_on_the_disk", "The zeroed rest of the last page is not owed to the disk.",
      "\tif (!v->split_of && ((p->flags & PFL_BACKED) || p->state == PG_WRITING)) page_dirty_locked(v, p);\n",
      "")

fault("truncation_keeps_pages", "Pages past the new end stay in memory.",
      "\t\tvmo_cut_locked(v, cut, ~0ull);\n",
      "")

fault("truncation_leaves_page_tables", "Private copies past the new end stay mapped.",
      "\t\tpages_clear(v, cut, ~0ull, PTE_P | PTE_COPIES);        /* POSIX mmap: a reference gets SIGBUS */\n",
      "")

fault("truncation_marks_no_times", "ftruncate does not mark st_mtime and st_ctime.",
      "\tvmo_touch(v, VMOC_SIZE | VMOC_MTIME | VMOC_CTIME);\n",
      "\tvmo_touch(v, VMOC_SIZE);\n")

fault("msync_marks_no_times", "A store into a page that was dirty already is not marked by msync.",
      "\t\tif (pages_clear(v, i, end, PTE_W)) vmo_touch(v, VMOC_MTIME | VMOC_CTIME);\n",
      "\t\tpages_clear(v, i, end, PTE_W);\n")

# ------------------------------------------------------------------------------------------------------------------
file("mm/fileio.c")

fault("append_ignores_the_end", "O_APPEND writes at the descriptor's offset.",
      "\tif (io.flags & O_APPEND) *pos = __atomic_load_n(&v->size, __ATOMIC_RELAXED);\n",
      "")

fault("write_marks_no_times", "write does not mark st_mtime and st_ctime.",
      "\tif (wrote) vmo_touch(v, VMOC_MTIME | VMOC_CTIME);\n",
      "")

fault("writers_do_not_take_turns", "Two processes write to one file at the same time.",
      "\twhile (v->writer) waitq_sleep",
      "\twhile (false) waitq_sleep")

fault("read_past_the_end", "read gives the zeros behind the end of file.",
      "\t\tn = MIN(MIN(io.len, size - at), PAGE_SIZE - (at & PAGE_MASK));\n",
      "\t\tn = MIN(io.len, PAGE_SIZE - (at & PAGE_MASK));\n")

fault("short_read_counts_in_full", "A read that stopped at bad memory says that it moved everything.",
      "\t\tdone += n - left;\n",
      "\t\tdone += n;\n")

fault("write_asks_for_no_room", "write into a hole does not ask whether the disk has room.",
      "\t\trc = vmo_room(v, at >> PAGE_SHIFT);\n",
      "\t\trc = at >> PAGE_SHIFT ? 0 : vmo_room(v, 0);\n",
      "a_full_disk_is_told_at_the_store_and_freeing_makes_it_work")

fault("fresh_page_over_an_old_one", "A short write into a page that is on the disk loses the rest of the page.",
      "\tfor (bool whole = want == PAGE_SIZE; rc",
      "\tfor (bool whole = true; rc")

fault("hole_keeps_bytes_of_its_edges", "Parts of pages in a punched hole keep their bytes.",
      "\t\tif (!rc && last >= first) rc = vmo_zero(v, MAX(last, off), end);\n",
      "")

fault("hole_keeps_pages", "Pages in a punched hole stay in memory.",
      "\tvmo_cut_locked(v, first, end - 1);\n",
      "")

fault("hole_keeps_blocks", "Blocks of a punched hole are not freed.",
      "\trc = v->split_of ? vmo_punch(v->split_of, off, len) : pager_ask(v, &k);\n",
      "\trc = off && !len ? -EINVAL : 0;\n")

fault("allocate_leaves_holes", "fallocate gives a hole no blocks.",
      "\tif (!rc && !(p->flags & PFL_BACKED)) page_dirty_locked(v, p);\n",
      "")

# ------------------------------------------------------------------------------------------------------------------
file("mm/map.c")

fault("munmap_takes_the_end_too", "munmap of a part of a shared mapping takes it to its end.",
      "\treturn rc ? rc : map_cut_at(m, end);\n",
      "\tstruct entry *e = map_find_locked(m, end);\n\n"
      "\treturn rc || (e && (e->flags & ENTRY_SHARED)) ? rc : map_cut_at(m, end);\n")

fault("munmap_takes_the_start_too", "munmap of a part of a shared mapping takes it from its start.",
      "\tint rc = map_cut_at(m, start);\n",
      "\tstruct entry *e = map_find_locked(m, start);\n"
      "\tint rc = e && (e->flags & ENTRY_SHARED) ? 0 : map_cut_at(m, start);\n")

fault("split_forgets_the_offset", "The upper part of a split mapping shows the file's first pages.",
      "\tentry_insert_locked(hi, at, e->anode.last + 1 - at, entry_index(e, at));\n",
      "\tentry_insert_locked(hi, at, e->anode.last + 1 - at, e->vnode.start);\n")

fault("munmap_leaves_page_tables", "Unmapped memory can still be used.",
      "\t\tpmap_walk(&m->pmap, e->anode.start, e->anode.last + 1, NULL, NULL);\n",
      "")

fault("map_fixed_replaces_nothing", "MAP_FIXED leaves the old mapping below the new one.",
      "\tif (!rc && (flags & MAP_FIXED)) rc = map_unmap_locked(m, *addr, *addr + len);\n",
      "")

fault("noreplace_replaces", "MAP_FIXED_NOREPLACE maps over what is there.",
      "\t\tif ((flags & MAP_FIXED_NOREPLACE) && map_first_locked(m, *addr, *addr + len - 1)) return -EEXIST;\n",
      "")

fault("locks_stay_counted", "What is unmapped still counts as locked.",
      "\tif (e->flags & ENTRY_LOCKED) e->map->locked -= entry_bytes(e);\n",
      "")

fault("fork_inherits_locks", "A child inherits memory locks.",
      "\tif (!move) n->flags &= ~ENTRY_LOCKED;   /* POSIX mlock: locks are not inherited */\n",
      "")

fault("remap_forgets_the_offset", "A moved part of a mapping shows the first pages of its file.",
      "\tentry_insert_locked(n, at, len, e->vnode.start);\n",
      "\tentry_insert_locked(n, at, len, move ? 0 : e->vnode.start);\n")

fault("remap_grows_over_neighbours", "mremap grows a mapping over what lies behind it.",
      " && !map_first_locked(m, end, end + more - 1)) {\n",
      ") {\n")

fault("fork_leaves_the_parent_writable", "After fork the parent still stores into pages that it shares with the child.",
      "\treturn c->move ? 0 : pte;\n",
      "\treturn c->move ? 0 : pte | PTE_W;\n")

fault("remap_loses_private_pages", "mremap moves a mapping without its private pages.",
      "\tif (!p || p->use != PAGE_ANON) return pte;\n",
      "\tif (!p || p->use != PAGE_ANON || c->move) return pte;\n")

fault("fork_leaves_the_child_writable", "After fork the child stores into pages that it shares with the parent.",
      "\tc->pte[(va - c->start) >> PAGE_SHIFT] = pte;\n",
      "\tc->pte[(va - c->start) >> PAGE_SHIFT] = pte | PTE_W;\n")

# ------------------------------------------------------------------------------------------------------------------
file("mm/pmap.c")

fault("no_tlb_shootdown", "Rights taken from a range of page tables stay in the TLB.",
      "\tif (w->lost.npages > 0) tlb_shootdown(&w->lost);\n",
      "")

# ------------------------------------------------------------------------------------------------------------------
file("mm/split.c")

fault("split_fsync_forgets_stores", "vm=split: fsync does not write what was stored through mappings.",
      "\tvmo_sync(view, first, last, WB_WAIT, NULL);\n",
      "\t(void)first, (void)last;\n",
      "split")

fault("split_view_keeps_its_size", "vm=split: truncation and growth are not seen in mappings.",
      "\twhile (view->size != __atomic_load_n(&file->size, __ATOMIC_ACQUIRE)) vmo_set_size(view, file->size, false);\n",
      "",
      "split")

fault("split_msync_loses_stores", "vm=split: what was stored does not get into the file's own pages.",
      "\tmemcpy(page_virt(fill ? r->page[i] : p),",
      "\tif (fill) memcpy(page_virt(r->page[i]),",
      "split")

fault("split_hole_counts_as_backed", "vm=split: a store into a hole does not ask whether the disk has room.",
      "\t\tr->zeroed[i] = !(p->flags & PFL_BACKED);\n",
      "\t\tr->zeroed[i] = 0;\n",
      "split")

# ------------------------------------------------------------------------------------------------------------------
file("kernel/sys_mem.c")

fault("rights_of_the_descriptor_ignored", "A read-only descriptor is mapped shared for writing.",
      "(prot & PROT_ALL & ~max_prot)) return -EACCES;\n",
      "(prot & PROT_ALL & ~PROT_ALL)) return -EACCES;\n")

fault("greatest_rights_not_set", "A shared mapping of a read-only descriptor may be made writable later.",
      "PROT_WRITE;\n\t\tif (!file_readable(f) || (prot & PROT_ALL & ~max_prot)) return -EACCES;\n",
      "PROT_WRITE;\n\t\tif (!file_readable(f) || (prot & PROT_ALL & ~max_prot)) return -EACCES;\n"
      "\t\tmax_prot = PROT_ALL;\n")

fault("sync_with_async_accepted", "msync takes MS_SYNC and MS_ASYNC together.",
      "\tif ((flags & MS_ASYNC) && (flags & MS_SYNC)) return -EINVAL;\n",
      "")

fault("unknown_msync_flags_accepted", "msync takes any flag.",
      "\tif (flags & ~(uint64_t)(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) return -EINVAL;\n",
      "")

# ------------------------------------------------------------------------------------------------------------------
file("kernel/sys_file.c")

fault("vector_counts_its_last_piece", "readv and writev return the bytes of the last piece.",
      "\t\tif (n > 0) done += n;\n\t\tif (n < (int64_t)io.len) break;\n",
      "\t\tif (n > 0) done = n;\n\t\tif (n < (int64_t)io.len) break;\n")

fault("vector_goes_on_after_a_short_piece", "readv and writev go on behind a piece that was not done in full.",
      "\t\tif (n < (int64_t)io.len) break;\n",
      "")

fault("vector_checked_piece_by_piece", "writev moves bytes before it finds an address that cannot be.",
      "\t\tif (!user_range_ok(v->base, v->len)) return -EFAULT;\n\t}\n\treturn total;\n",
      "\t}\n\treturn total;\n")

fault("synchronous_write_is_not", "write with O_SYNC returns before anything is written.",
      "\tif (rc || n <= 0 || !(flags & O_SYNC)) return rc ? rc : n;\n",
      "\tif (rc || n <= 0 || flags) return rc ? rc : n;\n")

fault("direct_read_asks_the_cache", "read with O_DIRECT does not ask the disk.",
      "\tif (direct && !io.write && io.len > 0) n = direct_settle(f, at, io.len);\n",
      "")

fault("copy_leaves_the_offset", "sendfile without an offset does not move the descriptor.",
      "\tif (place_give(in, from_at, from, len, done)) n = -EFAULT;\n",
      "\tif (place_give(in, from_at, from, len, from_at ? done : 0)) n = -EFAULT;\n")

# ------------------------------------------------------------------------------------------------------------------
file("fs/call_space.c")

fault("dontneed_drops_pages_beside", "posix_fadvise(DONTNEED) drops pages that its range only touches.",
      "\targ[3] = arg[1] + !!(off % PAGE);\n",
      "\targ[3] = arg[1];\n")

# ------------------------------------------------------------------------------------------------------------------
file("kernel/trap.c")

fault("bus_error_for_a_forbidden_page", "A forbidden reference raises SIGBUS, not SIGSEGV.",
      "\telse if (rc == -EACCES) signal_fault(SIGSEGV, SEGV_ACCERR, va, tf);\n",
      "\telse if (rc == -EACCES) signal_fault(SIGBUS, BUS_ADRERR, va, tf);\n")

fault("forbidden_counts_as_unmapped", "si_code of a forbidden reference says that nothing is mapped there.",
      "\telse if (rc == -EACCES) signal_fault(SIGSEGV, SEGV_ACCERR, va, tf);\n",
      "\telse if (rc == -EACCES) signal_fault(SIGSEGV, SEGV_MAPERR, va, tf);\n")

fault("si_addr_is_the_page", "si_addr is the start of the page, not the byte.",
      "\telse signal_fault(SIGBUS, BUS_ADRERR, va, tf);\n",
      "\telse signal_fault(SIGBUS, BUS_ADRERR, va & ~PAGE_MASK, tf);\n")

# ------------------------------------------------------------------------------------------------------------------
file("fs/ext2_pager.c")

fault("flush_forgotten_by_msync", "msync of a page that has its block does not flush the device.",
      "\t\treturn flush ? disk_flush(fs->disk) : 0;\n",
      "\t\treturn 0;\n",
      "one_page_costs_one_write_and_one_flush", "cut_ms_sync_overwrite")

fault("truncation_frees_no_blocks", "ftruncate leaves the blocks behind the new end.",
      "\trc = map_cut(fs, in, (size + fs->block_size - 1) / fs->block_size);\n",
      "\trc = 0;\n")

fault("punch_frees_no_blocks", "The file server leaves a punched hole its blocks.",
      "\treturn map_punch(fs, in, off / fs->block_size, end / fs->block_size);\n",
      "\treturn 0;\n")

fault("tail_beyond_the_end_not_completed", "Blocks of a page past the end of file are never completed.",
      "\t\t\tdisk_run_done(run, at, bs, rc);         /* past the end of file: nothing to write */\n",
      "",
      "files_on_1k_blocks")

# ------------------------------------------------------------------------------------------------------------------
file("fs/ext2_resv.c")

fault("reservation_promises_too_much", "The file server promises room that the disk does not have.",
      "\tif (blocks_free(fs) < cost && (!fs->npending || order_commit(fs, true) || blocks_free(fs) < cost))\n\t\treturn -ENOSPC;\n",
      "",
      "posix", "a_full_disk_is_told_at_the_store_and_freeing_makes_it_work")

# ------------------------------------------------------------------------------------------------------------------
file("fs/ext2_inode.c")

fault("size_not_written", "The size of a file that grew does not reach its inode.",
      "\tif (inode_size(in) == size) return;\n",
      "\tif (inode_size(in) <= size) return;\n",
      "cut_ms_sync_grown_file")

fault("destroyed_while_mapped", "An unlinked file is destroyed when its last descriptor goes, though it is mapped.",
      "\tif (!inode_idle(in)) return;            /* PAGER_RELEASE comes when the last user went */\n",
      "")

# ------------------------------------------------------------------------------------------------------------------
file("fs/ext2_dir.c")

fault("new_directory_block_late", "A directory's new block is written after the inode that leads to it.",
      "\tmeta_dirty(fs, b, META_MAP);            /* O1 */\n",
      "",
      "unit ext2_order")

# ------------------------------------------------------------------------------------------------------------------
file("fs/ext2_order.c")

fault("flush_forgotten_by_fsync", "fsync writes metadata and does not flush the device.",
      "\tif (!rc && (flush || (wrote && (fs->npending || fs->npending_inodes)))) rc = disk_flush(fs->disk);\n",
      "",
      "cut_ms_async_and_fsync_new_file", "cut_ms_sync_new_file")

fault("metadata_in_the_wrong_order", "Names are written first, bitmaps last.",
      "\t\tif (!rc) rc = class_write(fs, c);\n",
      "\t\tif (!rc) rc = class_write(fs, META_CLASSES - 1 - c);\n",
      "unit ext2")

fault("no_flush_between_metadata", "The device may write a name before the inode that it leads to.",
      "\t\tif (c > 0 && c != META_TIMES) rc = disk_flush(fs->disk);",
      "\t\tif (c == META_CLASSES) rc = disk_flush(fs->disk);",
      "unit ext2_order")

fault("failed_metadata_forgotten", "Metadata that could not be written is not owed any more.",
      "\tfor (uint32_t i = 0; rc && i < n; i++) {        /* still owed */\n",
      "\tfor (uint32_t i = 0; false && i < n; i++) {\n",
      "a_failed_write_of_metadata_is_reported_and_retried")

fault("neighbours_debt_forgotten", "With small blocks, a page counts as written when one of its blocks is.",
      "page_owed(fs, b) ? VMX_KEEP_DIRTY : 0};\n",
      "0};\n",
      "files_on_1k_blocks")

fault("freed_blocks_never_used_again", "What was freed stays pending when the freeing is on the disk.",
      "\t\tmemset(fs->pending, 0, fs->nblocks / 8 + 1);\n",
      "",
      "posix", "a_full_disk_is_told_at_the_store_and_freeing_makes_it_work")

# ------------------------------------------------------------------------------------------------------------------
file("fs/ext2_block.c")

fault("freed_block_used_at_once", "A freed block is used again before the freeing is on the disk.",
      "\tset_bit(fs->pending, b);\n",
      "",
      "unit ext2")

# ------------------------------------------------------------------------------------------------------------------
file("fs/ext2_name.c")

fault("rename_in_one_step", "The old name goes, and the file that is replaced, before the new name is on the disk.",
      "\t\trc = order_commit(fs_of(vn), true);\n",
      "\t\trc = 0;\n",
      "every_promise_is_kept_at_every_cut")
