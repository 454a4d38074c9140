/* SPDX-License-Identifier: MIT */
/* fs/procfs_pid.c - RING 3 - /proc/PID: stat, status, limits and the words of a process (proc(5) has the formats).
 *
 * Path:  procfs_text.c > [procfs_pid.c] > the kernel's facts()
 */
#include <errno.h>
#include <string.h>

#include "fs/procfs.h"

#define COMM_MAX 15                     /* TASK_COMM_LEN - 1 */

/* ---- what is mapped, added up by kind */

struct sizes { uint64_t data, stack, exe, lib, anon; };         /* bytes; anon: pages, private ones */

static void sizes_add(struct sizes *s, const struct facts_entry *e, const struct facts_proc *f)
{
	uint64_t len = e->end - e->start;

	s->anon += e->pages.anon;
	if (e->start <= f->layout.program.stack && f->layout.program.stack < e->end) s->stack += len;
	else if (e->object == FACTS_FILE && (e->prot & 4)) *(e->node == f->exe ? &s->exe : &s->lib) += len;
	else if ((e->prot & 2) && !(e->flags & FACTSE_SHARED)) s->data += len;
}

/* Private pages: at most what was resident a moment ago; the rest of that are pages of files. */
static struct sizes sizes_of(const struct proc_node *n, const struct facts_proc *f)
{
	struct facts_entry e = {0};
	struct sizes s = {0};

	while (facts(FACTS_MAP, n->pid, e.end, &e, sizeof(e)) > 0) sizes_add(&s, &e, f);
	if (s.anon > f->rss) s.anon = f->rss;
	return s;
}

/* ---- numbers for programs */

int make_pid_stat(struct text *t, const struct proc_node *n)
{
	struct facts_proc f;
	int rc = proc_facts(n, &f);

	if (rc) return rc;
	/* pid comm state ppid pgrp session tty tpgid flags */
	text_add(t, "%u (%.*s) %c %u %u %u 0 -1 0", n->tid ? n->tid : f.pid, COMM_MAX, f.attr.name, f.state,
	         f.attr.ppid, f.attr.pgid, f.attr.sid);
	/* minflt cminflt majflt cmajflt utime stime cutime cstime */
	text_add(t, " %lu %lu %lu %lu", (UL)f.used.minflt, (UL)f.attr.child_used.minflt, (UL)f.used.majflt,
	         (UL)f.attr.child_used.majflt);
	text_add(t, " %lu %lu %lu %lu", (UL)TICKS(f.used.cpu_ns - f.used.sys_ns), (UL)TICKS(f.used.sys_ns),
	         (UL)TICKS(f.attr.child_used.cpu_ns - f.attr.child_used.sys_ns), (UL)TICKS(f.attr.child_used.sys_ns));
	/* priority nice threads itrealvalue starttime vsize rss rsslim */
	text_add(t, " %d %d %u 0 %lu %lu %lu %lu", 20 + f.attr.nice, f.attr.nice, f.threads, (UL)TICKS(f.start_ns),
	         (UL)f.size, (UL)f.rss, (UL)f.attr.rlimit[5][0]);
	/* startcode endcode startstack kstkesp kstkeip; the signals of this thread; wchan nswap cnswap */
	text_add(t, " 0 0 %lu 0 0 %lu %lu %lu %lu 0 0 0", (UL)f.layout.program.stack, (UL)f.pending & 0x7fffffff,
	         (UL)f.sig_mask & 0x7fffffff, (UL)f.ignored & 0x7fffffff, (UL)f.caught & 0x7fffffff);
	/* exit_signal processor rt_priority policy blkio guest cguest */
	text_add(t, " 17 %u 0 0 0 0 0", f.cpu);
	/* start_data end_data start_brk, arguments, environment, exit_code */
	text_add(t, " 0 0 %lu %lu %lu %lu %lu %d\n", (UL)f.layout.program.brk_start, (UL)f.layout.program.args,
	         (UL)f.layout.program.env, (UL)f.layout.program.env, (UL)f.layout.program.env_end, f.exit_status);
	return 0;
}

/* Pages: size, resident, of files, text, 0, data and stack, 0. */
int make_pid_statm(struct text *t, const struct proc_node *n)
{
	struct facts_proc f;
	int rc = proc_facts(n, &f);
	struct sizes s;

	if (rc) return rc;
	s = sizes_of(n, &f);
	text_add(t, "%lu %lu %lu %lu 0 %lu 0\n", (UL)(f.size / PAGE), (UL)f.rss, (UL)(f.rss - s.anon),
	         (UL)(s.exe / PAGE), (UL)((s.data + s.stack) / PAGE));
	return 0;
}

/* ---- the same for people */

static const char *state_name(char state)
{
	switch (state) {
	case 'R': return "running";
	case 'S': return "sleeping";
	case 'D': return "disk sleep";
	case 'T': return "stopped";
	case 'X': return "dead";
	case 'Z': return "zombie";
	default: return "unknown";
	}
}

/* proc(5): no lines about memory for who has none. */
static void status_memory(struct text *t, const struct proc_node *n, const struct facts_proc *f)
{
	struct sizes s = sizes_of(n, f);

	if (!f->size) return;
	text_add(t, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t%8u kB\n", (UL)f->size / 1024,
	         (UL)f->size / 1024, (UL)f->locked / 1024, 0);
	text_add(t, "VmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\nRssAnon:\t%8lu kB\nRssFile:\t%8lu kB\nRssShmem:\t%8u kB\n",
	         KIB(f->rss_peak), KIB(f->rss), KIB(s.anon), KIB(f->rss - s.anon), 0);
	text_add(t, "VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmLib:\t%8lu kB\n", (UL)s.data / 1024,
	         (UL)s.stack / 1024, (UL)s.exe / 1024, (UL)s.lib / 1024);
	text_add(t, "VmSwap:\t%8u kB\n", 0);
}

static void status_signals(struct text *t, const struct facts_proc *f)
{
	text_add(t, "SigQ:\t0/%lu\nSigPnd:\t%016lx\nShdPnd:\t%016lx\n", (UL)f->attr.rlimit[11][0], (UL)f->pending,
	         (UL)f->shared_pending);
	text_add(t, "SigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n", (UL)f->sig_mask, (UL)f->ignored,
	         (UL)f->caught);
}

/* A program chooses its name: it must not look like other lines. */
static void status_name(struct text *t, const char *name)
{
	text_add(t, "Name:\t");
	for (int i = 0; i < COMM_MAX && name[i]; i++) {
		if (name[i] == '\n') text_add(t, "\\n");
		else text_add(t, name[i] == '\\' ? "\\\\" : "%c", name[i]);
	}
}

int make_pid_status(struct text *t, const struct proc_node *n)
{
	struct facts_proc f;
	int rc = proc_facts(n, &f);

	if (rc) return rc;
	status_name(t, f.attr.name);
	text_add(t, "\nUmask:\t%04o\nState:\t%c (%s)\n", f.attr.umask, f.state, state_name(f.state));
	text_add(t, "Tgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\nTracerPid:\t0\n", f.pid, n->tid ? n->tid : f.pid,
	         f.attr.ppid);
	text_add(t, "Uid:\t%u\t%u\t%u\t%u\n", f.attr.uid, f.attr.euid, f.attr.suid, f.attr.fsuid);
	text_add(t, "Gid:\t%u\t%u\t%u\t%u\nFDSize:\t%lu\nGroups:\t", f.attr.gid, f.attr.egid, f.attr.sgid, f.attr.fsgid,
	         (UL)f.attr.rlimit[7][1]);
	for (uint32_t i = 0; i < f.attr.ngroups; i++) text_add(t, "%u ", f.attr.groups[i]);
	text_add(t, "\nNStgid:\t%u\nNSpid:\t%u\nNSpgid:\t%u\nNSsid:\t%u\n", f.pid, n->tid ? n->tid : f.pid, f.attr.pgid,
	         f.attr.sid);
	status_memory(t, n, &f);
	text_add(t, "Threads:\t%u\n", f.threads);
	status_signals(t, &f);
	text_add(t, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n", (UL)f.used.nvcsw,
	         (UL)f.used.nivcsw);
	return 0;
}

int make_pid_comm(struct text *t, const struct proc_node *n)
{
	struct facts_proc f;
	int rc = proc_facts(n, &f);

	if (!rc) text_add(t, "%.*s\n", COMM_MAX, f.attr.name);
	return rc;
}

/* ---- its words, as they lie in its memory now */

/* Pages that are not there end it: to wait for them might be to wait for ourselves. */
static void memory_add(struct text *t, uint32_t pid, uint64_t at, uint64_t end)
{
	static char buf[FACTS_MAX];

	while (at < end) {
		uint64_t want = end - at < sizeof(buf) ? end - at : sizeof(buf);
		long got = facts(FACTS_BYTES, pid, at, buf, want);

		if (got <= 0) return;
		text_put(t, buf, got);
		at += got;
	}
}

int make_pid_cmdline(struct text *t, const struct proc_node *n)
{
	struct facts_proc f;
	int rc = proc_facts(n, &f);

	if (!rc) memory_add(t, n->pid, f.layout.program.args, f.layout.program.env);
	return rc;
}

int make_pid_environ(struct text *t, const struct proc_node *n)
{
	struct facts_proc f;
	int rc = proc_facts(n, &f);

	if (!rc) memory_add(t, n->pid, f.layout.program.env, f.layout.program.env_end);
	return rc;
}

/* ---- limits */

static void limit_add(struct text *t, uint64_t v)
{
	size_t from = t->len;

	if (v == UINT64_MAX) text_add(t, "unlimited");
	else text_add(t, "%lu", (UL)v);
	text_pad(t, from, 21);
}

int make_pid_limits(struct text *t, const struct proc_node *n)
{
	static const struct { const char *name, *unit; } limit[PROC_RLIMITS] = {
		{"Max cpu time", "seconds"}, {"Max file size", "bytes"}, {"Max data size", "bytes"},
		{"Max stack size", "bytes"}, {"Max core file size", "bytes"}, {"Max resident set", "bytes"},
		{"Max processes", "processes"}, {"Max open files", "files"}, {"Max locked memory", "bytes"},
		{"Max address space", "bytes"}, {"Max file locks", "locks"}, {"Max pending signals", "signals"},
		{"Max msgqueue size", "bytes"}, {"Max nice priority", ""}, {"Max realtime priority", ""},
		{"Max realtime timeout", "us"},
	};
	struct facts_proc f;
	int rc = proc_facts(n, &f);

	if (rc) return rc;
	text_add(t, "%-26s%-21s%-21s%-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (unsigned i = 0; i < PROC_RLIMITS; i++) {
		text_add(t, "%-26s", limit[i].name);
		limit_add(t, f.attr.rlimit[i][0]);
		limit_add(t, f.attr.rlimit[i][1]);
		text_add(t, "%-10s\n", limit[i].unit);
	}
	return 0;
}

/* Nobody counts bytes by process here: the lines are there for those who look for them. */
int make_pid_io(struct text *t, const struct proc_node *n)
{
	(void)n;
	text_add(t, "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\n");
	text_add(t, "read_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n");
	return 0;
}
