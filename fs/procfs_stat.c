/* SPDX-License-Identifier: MIT */
/* fs/procfs_stat.c - RING 3 - /proc's counters of the machine: memory, processors, load (proc(5) has the formats).
 *
 * Path:  procfs_text.c > [procfs_stat.c] > the kernel's facts()
 */
#include <errno.h>
#include <string.h>

#include "fs/procfs.h"

#define CPUS 64u

static const struct facts_machine none;

/* => 0, -errno */
static int machine(struct facts_machine *f)
{
	long n = facts(FACTS_MACHINE, 0, 0, f, sizeof(*f));

	return n < 0 ? (int)n : 0;
}

/* Pages, total and free of them too. */
struct memory { struct facts_memory by; uint64_t total, free, cached; };

static int memory(struct memory *f)
{
	struct facts_machine m;
	long n = machine(&m);

	memset(f, 0, sizeof(*f));
	if (!n) n = facts(FACTS_MEMORY, 0, 0, &f->by, sizeof(f->by));
	if (n < 0) return (int)n;
	f->total = m.memory / PAGE;
	f->free = m.free / PAGE;
	for (int i = 0; i < 5; i++) f->cached += f->by.pages[FACTS_CACHED][i];
	return 0;
}

static uint64_t slabs(const struct memory *f) { return f->by.pages[FACTS_KERNEL][FACTS_SLABS]; }
static uint64_t tables(const struct memory *f) { return f->by.pages[FACTS_KERNEL][FACTS_TABLES]; }
static uint64_t anon(const struct memory *f) { return f->by.pages[FACTS_PRIVATE][0]; }
static uint64_t dirty(const struct memory *f) { return f->by.pages[FACTS_CACHED][FACTS_DIRTY]; }
static uint64_t writing(const struct memory *f) { return f->by.pages[FACTS_CACHED][FACTS_WRITING]; }

/* Of all processes.  rss: PTEs, a page that two have counts twice; locked: bytes; blocked: threads that no signal wakes */
struct sums { uint64_t rss, locked; uint32_t threads, blocked; };

static uint32_t blocked(uint32_t pid)
{
	struct facts_proc f = {0};
	uint32_t n = 0;

	while (facts(FACTS_NEXT, pid, f.tid + 1, &f, sizeof(f)) > 0) n += f.state == 'D';
	return n;
}

static struct sums sums(bool states)
{
	struct facts_proc f = {0};
	struct sums s = {0};

	while (facts(FACTS_NEXT, f.pid + 1, 0, &f, sizeof(f)) > 0) {
		s.rss += f.rss;
		s.locked += f.locked;
		s.threads += f.threads;
		if (states) s.blocked += blocked(f.pid);
	}
	return s;
}

/* Every CPU, and behind them their sum: how many there are. */
static unsigned cpus(struct facts_cpu c[CPUS + 1])
{
	unsigned count = 0;
	uint64_t *sum;

	while (count < CPUS && facts(FACTS_CPU, 0, count, &c[count], sizeof(*c)) > 0) count++;
	sum = (uint64_t *)&c[count];
	memset(sum, 0, sizeof(*c));
	for (unsigned i = 0; i < count; i++) {
		for (unsigned k = 0; k < sizeof(*c) / sizeof(*sum); k++) sum[k] += ((uint64_t *)&c[i])[k];
	}
	return count;
}

/* All file pages can go, those that are dirty when they are written.  Mapped: a page that two processes map counts
 * twice, up to what there is. */
int make_meminfo(struct text *t, const struct proc_node *n)
{
	struct memory f;
	int rc = memory(&f);
	struct sums s = sums(false);
	uint64_t mapped = s.rss > anon(&f) ? s.rss - anon(&f) : 0;

	(void)n;
	if (rc) return rc;
	if (mapped > f.cached) mapped = f.cached;
	text_add(t, "MemTotal:       %8lu kB\nMemFree:        %8lu kB\nMemAvailable:   %8lu kB\n", KIB(f.total),
	         KIB(f.free), KIB(f.free + f.cached - writing(&f)));
	text_add(t, "Buffers:        %8u kB\nCached:         %8lu kB\nSwapCached:     %8u kB\n", 0, KIB(f.cached), 0);
	text_add(t, "Active:         %8lu kB\nInactive:       %8lu kB\n", KIB(anon(&f)), KIB(f.cached));
	text_add(t, "Active(anon):   %8lu kB\nInactive(anon): %8u kB\n", KIB(anon(&f)), 0);
	text_add(t, "Active(file):   %8u kB\nInactive(file): %8lu kB\n", 0, KIB(f.cached));
	text_add(t, "Unevictable:    %8lu kB\nMlocked:        %8lu kB\n", (UL)s.locked / 1024, (UL)s.locked / 1024);
	text_add(t, "SwapTotal:      %8u kB\nSwapFree:       %8u kB\n", 0, 0);
	text_add(t, "Dirty:          %8lu kB\nWriteback:      %8lu kB\n", KIB(dirty(&f)), KIB(writing(&f)));
	text_add(t, "AnonPages:      %8lu kB\nMapped:         %8lu kB\nShmem:          %8u kB\n", KIB(anon(&f)),
	         KIB(mapped), 0);
	text_add(t, "Slab:           %8lu kB\nSReclaimable:   %8u kB\nSUnreclaim:     %8lu kB\n", KIB(slabs(&f)), 0,
	         KIB(slabs(&f)));
	text_add(t, "PageTables:     %8lu kB\nCommitLimit:    %8lu kB\n", KIB(tables(&f)), KIB(f.total));
	text_add(t, "Committed_AS:   %8lu kB\n", KIB(anon(&f)));
	return 0;
}

static void cpu_line(struct text *t, const struct facts_cpu *c)
{
	text_add(t, " %lu 0 %lu %lu 0 0 0 0 0 0\n", (UL)TICKS(c->user_ns), (UL)TICKS(c->sys_ns),
	         (UL)TICKS(c->idle_ns));
}

int make_stat(struct text *t, const struct proc_node *n)
{
	struct facts_cpu c[CPUS + 1];
	struct facts_machine f = none;
	int rc = machine(&f);
	unsigned count = cpus(c);

	(void)n;
	if (rc) return rc;
	text_add(t, "cpu ");
	cpu_line(t, &c[count]);
	for (unsigned i = 0; i < count; i++) {
		text_add(t, "cpu%u", i);
		cpu_line(t, &c[i]);
	}
	text_add(t, "intr %lu\nctxt %lu\nbtime %ld\nprocesses %lu\nprocs_running %u\nprocs_blocked %u\n",
	         (UL)c[count].irqs, (UL)c[count].switches, (long)(f.boot_ns / 1000000000), (UL)f.forks,
	         (unsigned)c[count].running, sums(true).blocked);
	text_add(t, "softirq 0 0 0 0 0 0 0 0 0 0 0\n");
	return 0;
}

/* pgpgin and pgpgout are in KiB, all others in pages or events.  The TLB's are Linux's names, and by CPU ours. */
int make_vmstat(struct text *t, const struct proc_node *n)
{
	struct facts_cpu c[CPUS + 1], *all;
	struct memory f;
	int rc = memory(&f);
	unsigned count = cpus(c);

	(void)n;
	if (rc) return rc;
	all = &c[count];
	text_add(t, "nr_free_pages %lu\nnr_anon_pages %lu\nnr_file_pages %lu\nnr_dirty %lu\nnr_writeback %lu\n",
	         (UL)f.free, (UL)anon(&f), (UL)f.cached, (UL)dirty(&f), (UL)writing(&f));
	text_add(t, "nr_mlock %lu\nnr_slab_unreclaimable %lu\nnr_page_table_pages %lu\n", (UL)(sums(false).locked / PAGE),
	         (UL)slabs(&f), (UL)tables(&f));
	text_add(t, "pgpgin %lu\npgpgout %lu\npswpin 0\npswpout 0\npgfault %lu\npgmajfault %lu\n", KIB(all->pages_in),
	         KIB(all->pages_out), (UL)all->faults, (UL)all->major);
	text_add(t, "nr_tlb_remote_flush %lu\nnr_tlb_remote_flush_received %lu\n", (UL)all->tlb_shootdowns,
	         (UL)all->tlb_flushes);
	for (unsigned i = 0; i < count; i++) {
		text_add(t, "tlb_shootdowns_cpu%u %lu\ntlb_flushes_cpu%u %lu\n", i, (UL)c[i].tlb_shootdowns, i,
		         (UL)c[i].tlb_flushes);
	}
	return 0;
}

int make_interrupts(struct text *t, const struct proc_node *n)
{
	struct facts_cpu c[CPUS + 1];
	unsigned count = cpus(c);

	(void)n;
	text_add(t, "    ");
	for (unsigned i = 0; i < count; i++) text_add(t, "       CPU%-2u", i);
	text_add(t, "\nINT:");
	for (unsigned i = 0; i < count; i++) text_add(t, " %11lu", (UL)c[i].irqs);
	text_add(t, "   Interrupts of devices\nTLB:");
	for (unsigned i = 0; i < count; i++) text_add(t, " %11lu", (UL)c[i].tlb_flushes);
	text_add(t, "   TLB shootdowns\n");
	return 0;
}

int make_uptime(struct text *t, const struct proc_node *n)
{
	struct facts_cpu c[CPUS + 1];
	struct facts_machine f = none;
	int rc = machine(&f);
	UL up = f.now_ns / 10000000, idle = c[cpus(c)].idle_ns / 10000000;

	(void)n;
	if (!rc) text_add(t, "%lu.%02lu %lu.%02lu\n", up / 100, up % 100, idle / 100, idle % 100);
	return rc;
}

/* Who is running or wants to, averaged with weights that fall by e in 1, 5 and 15 minutes.  Who
 * looks is a busy server: `then` says how long ago that was. */
static double load[3];
static uint64_t then;

void loadavg_tick(void)
{
	static const double window[3] = {60e9, 300e9, 900e9};
	struct facts_cpu c[CPUS + 1];
	struct facts_machine f = none;
	double running = (double)c[cpus(c)].running - 1;        /* we are one of them */

	if (machine(&f)) return;
	for (int i = 0; then && i < 3; i++) {
		double x = (double)(f.now_ns - then) / window[i];
		double old = 1 / (1 + x + x * x / 2 + x * x * x / 6);           /* e^-x */

		load[i] = load[i] * old + (running > 0 ? running : 0) * (1 - old);
	}
	then = f.now_ns;
}

int make_loadavg(struct text *t, const struct proc_node *n)
{
	struct facts_cpu c[CPUS + 1];
	struct facts_machine f = none;
	int rc = machine(&f);

	(void)n;
	if (rc) return rc;
	text_add(t, "%.2f %.2f %.2f %u/%u %u\n", load[0], load[1], load[2], (unsigned)c[cpus(c)].running,
	         sums(false).threads, f.last_pid);
	return 0;
}

int make_threads_max(struct text *t, const struct proc_node *n)
{
	struct facts_machine f = none;
	int rc = machine(&f);

	(void)n;
	/* as Linux: their stacks may fill an eighth of memory */
	if (!rc) text_add(t, "%lu\n", (UL)f.memory / PAGE / 16);
	return rc;
}
