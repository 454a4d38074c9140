/* SPDX-License-Identifier: MIT */
/* fs/procfs_map.c - RING 3 - /proc/PID/maps and smaps: what is mapped where, and whose its pages are.
 *
 * Path:  procfs_text.c > [procfs_map.c] > the kernel's facts(), vfs_path()
 * smaps counts page-table entries: a page that two processes map is Shared in both, and half of it is in the Pss of
 * each.  Dirty is what is owed to a file, and every private page, since nothing else holds its contents.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "fs/procfs.h"
#include "fs/server.h"

#define NAME_COLUMN 73                  /* where Linux puts the name in a line of maps */

typedef void (*entry_fn)(struct text *, const struct facts_entry *, const struct facts_proc *, void *arg);

/* Every mapping in turn. */
static int entries(struct text *t, const struct proc_node *n, enum facts_kind kind, entry_fn fn, void *arg)
{
	struct facts_entry e = {0};
	struct facts_proc f;
	int rc = proc_facts(n, &f);

	while (!rc && facts(kind, n->pid, e.end, &e, sizeof(e)) > 0) fn(t, &e, &f, arg);
	return rc;
}

/* A disk as it is named in /dev: the kernel counts whole disks. */
static const struct disk_node *disk_of(uint64_t index)
{
	for (unsigned i = 0; i < ndisk_nodes; i++) {
		if (disk_nodes[i].whole && index-- == 0) return &disk_nodes[i];
	}
	return NULL;
}

/* What is mapped, and where it is; name "": anonymous memory. */
static void entry_name(const struct facts_entry *e, const struct facts_proc *f, struct stat *st, char *name, size_t len)
{
	struct vnode *vn = e->object == FACTS_FILE ? vnode_by_number(e->node) : NULL;
	const struct disk_node *d = e->object == FACTS_DISK ? disk_of(e->node) : NULL;

	*st = (struct stat){0};
	name[0] = 0;
	if (vn) {
		st->st_dev = vn->mnt->dev;
		st->st_ino = vn->ino;
		if (vfs_path(vn, name, len)) snprintf(name, len, "(too long)");
	} else if (d) {
		snprintf(name, len, "/dev/%s", d->name);
	} else if (e->object == FACTS_FILE || e->object == FACTS_SHARED) {
		snprintf(name, len, e->object == FACTS_FILE ? "/ (deleted)" : "/dev/zero (deleted)");
	} else if (e->start <= f->layout.program.stack && f->layout.program.stack < e->end) {
		snprintf(name, len, "[stack]");
	} else if (e->start < f->layout.program.brk && e->end > f->layout.program.brk_start) {
		snprintf(name, len, "[heap]");
	}
}

static void line_add(struct text *t, const struct facts_entry *e, const struct facts_proc *f, void *arg)
{
	char name[PATH_MAX + 16];
	size_t from = t->len;
	struct stat st;

	(void)arg;
	entry_name(e, f, &st, name, sizeof(name));
	text_add(t, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu", (UL)e->start, (UL)e->end,
	         e->prot & PROT_READ ? 'r' : '-', e->prot & PROT_WRITE ? 'w' : '-', e->prot & PROT_EXEC ? 'x' : '-',
	         e->flags & FACTSE_SHARED ? 's' : 'p', (UL)e->offset, major(st.st_dev), minor(st.st_dev),
	         (UL)st.st_ino);
	text_add(t, " ");
	if (name[0]) {
		text_pad(t, from, NAME_COLUMN);
		text_octal(t, name, "\n");
	}
	text_add(t, "\n");
}

int make_pid_maps(struct text *t, const struct proc_node *n)
{
	return entries(t, n, FACTS_MAP, line_add, NULL);
}

/* ---- pages */

/* The lines that smaps and smaps_rollup share. */
static void pages_add(struct text *t, const struct facts_pages *p, bool locked)
{
	UL pss = p->pss / 1024;

	text_add(t, "Rss:            %8lu kB\nPss:            %8lu kB\n", KIB(p->rss), pss);
	text_add(t, "Shared_Clean:   %8lu kB\nShared_Dirty:   %8lu kB\n", KIB(p->part[1][0]), KIB(p->part[1][1]));
	text_add(t, "Private_Clean:  %8lu kB\nPrivate_Dirty:  %8lu kB\n", KIB(p->part[0][0]), KIB(p->part[0][1]));
	text_add(t, "Referenced:     %8lu kB\nAnonymous:      %8lu kB\n", KIB(p->referenced), KIB(p->anon));
	text_add(t, "LazyFree:       %8u kB\nAnonHugePages:  %8u kB\nShmemPmdMapped: %8u kB\n", 0, 0, 0);
	text_add(t, "Swap:           %8u kB\nSwapPss:        %8u kB\nLocked:         %8lu kB\n", 0, 0,
	         locked ? pss : 0);
}

static void flags_add(struct text *t, const struct facts_entry *e)
{
	bool shared = e->flags & FACTSE_SHARED;

	text_add(t, "VmFlags: %s%s%s%smr %sme %s%s%s\n", e->prot & PROT_READ ? "rd " : "",
	         e->prot & PROT_WRITE ? "wr " : "", e->prot & PROT_EXEC ? "ex " : "", shared ? "sh " : "",
	         e->max_prot & PROT_WRITE ? "mw " : "", shared ? "ms " : "", e->flags & FACTSE_GROWS ? "gd " : "",
	         e->flags & FACTSE_LOCKED ? "lo " : "");
}

static void smap_add(struct text *t, const struct facts_entry *e, const struct facts_proc *f, void *arg)
{
	line_add(t, e, f, arg);
	text_add(t, "Size:           %8lu kB\nKernelPageSize: %8u kB\nMMUPageSize:    %8u kB\n",
	         (UL)(e->end - e->start) / 1024, 4, 4);
	pages_add(t, &e->pages, e->flags & FACTSE_LOCKED);
	text_add(t, "THPeligible:           0\n");
	flags_add(t, e);
}

int make_pid_smaps(struct text *t, const struct proc_node *n)
{
	return entries(t, n, FACTS_PAGES, smap_add, NULL);
}

struct rollup { struct facts_pages sum; uint64_t start, end, locked; };

static void rollup_add(struct text *t, const struct facts_entry *e, const struct facts_proc *f, void *arg)
{
	struct rollup *r = arg;
	uint64_t *sum = (uint64_t *)&r->sum;

	(void)t;
	(void)f;
	if (!r->end) r->start = e->start;
	r->end = e->end;
	for (unsigned i = 0; i < sizeof(r->sum) / sizeof(*sum); i++) sum[i] += ((const uint64_t *)&e->pages)[i];
}

int make_pid_rollup(struct text *t, const struct proc_node *n)
{
	struct rollup r = {0};
	int rc = entries(t, n, FACTS_PAGES, rollup_add, &r);
	size_t from = t->len;

	if (rc || !r.end) return rc;
	text_add(t, "%08lx-%08lx ---p 00000000 00:00 0 ", (UL)r.start, (UL)r.end);
	text_pad(t, from, NAME_COLUMN);
	text_add(t, "[rollup]\n");
	pages_add(t, &r.sum, false);
	return 0;
}
