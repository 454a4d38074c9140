/* SPDX-License-Identifier: MIT */
/* fs/procfs_sys.c - RING 3 - what /proc says of the machine and its file systems, without counting anything.
 *
 * Path:  procfs_text.c > [procfs_sys.c] > the mount table, disks, uname(), the CPUID instruction
 */
#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>

#include <sys/mount.h>

#include "fs/procfs.h"
#include "fs/random.h"
#include "fs/server.h"

#define WORD_ENDS " \t\n\\"             /* in mounts (getmntent(3)) */

int make_cmdline(struct text *t, const struct proc_node *n)
{
	const char *line = getenv("CMDLINE");

	(void)n;
	text_add(t, "%s\n", line ? line : "");
	return 0;
}

int make_version(struct text *t, const struct proc_node *n)
{
	struct utsname u;

	(void)n;
	uname(&u);
	text_add(t, "%s version %s %s\n", u.sysname, u.release, u.version);
	return 0;
}

int make_hostname(struct text *t, const struct proc_node *n)
{
	struct utsname u;

	(void)n;
	uname(&u);
	text_add(t, "%s\n", u.nodename);
	return 0;
}

int make_osrelease(struct text *t, const struct proc_node *n)
{
	struct utsname u;

	(void)n;
	uname(&u);
	text_add(t, "%s\n", u.release);
	return 0;
}

int make_ostype(struct text *t, const struct proc_node *n)
{
	struct utsname u;

	(void)n;
	uname(&u);
	text_add(t, "%s\n", u.sysname);
	return 0;
}

/* Random, version 4 (RFC 4122 4.4); boot_id is drawn once. */
int make_uuid(struct text *t, const struct proc_node *n)
{
	static uint8_t boot[16];
	static bool drawn;
	uint8_t now[16], *u = n->file->name[0] == 'b' ? boot : now;

	if (u == now || !drawn) random_fill(u, 16);
	if (u == boot) drawn = true;
	u[6] = (u[6] & 15) | 0x40;
	u[8] = (u[8] & 63) | 0x80;
	for (int i = 0; i < 16; i++) text_add(t, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
	text_add(t, "\n");
	return 0;
}

/* ---- processors: all are alike, and CPUID may be asked in ring 3 */

/* In the order of their bits in CPUID 1's edx and ecx, with Linux's names (SDM 2A CPUID); "-": no name. */
static const char *const edx_names =
	"fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - "
	"dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe";
static const char *const ecx_names =
	"pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - "
	"pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor";

static void flags_add(struct text *t, const char *names, uint32_t bits)
{
	for (int bit = 0; *names; bit++) {
		size_t len = strcspn(names, " ");

		if ((bits & 1u << bit) && *names != '-') text_add(t, " %.*s", (int)len, names);
		names += len + (names[len] == ' ');
	}
}

static int64_t mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return time_ns(&ts);
}

/* Against the clock, from the first time that this was called: at the mount. */
double tsc_mhz(void)
{
	static uint64_t tsc;
	static int64_t ns;

	if (!ns) {
		ns = mono();
		tsc = __builtin_ia32_rdtsc();
	}
	return (double)(__builtin_ia32_rdtsc() - tsc) * 1e3 / (double)(mono() - ns + 1);
}

static void cpu_add(struct text *t, unsigned i)
{
	uint32_t a, b, c, d, v[4] = {0}, brand[13] = {0};
	unsigned family, model;

	__cpuid(0, a, v[0], v[2], v[1]);
	__cpuid(1, a, b, c, d);
	for (uint32_t k = 0; k < 3 && __get_cpuid_max(0x80000000, NULL) >= 0x80000004; k++)
		__cpuid(0x80000002 + k, brand[4 * k], brand[4 * k + 1], brand[4 * k + 2], brand[4 * k + 3]);
	family = (a >> 8 & 15) + ((a >> 8 & 15) == 15 ? a >> 20 & 255 : 0);
	model = (a >> 4 & 15) | ((a >> 8 & 15) == 6 || (a >> 8 & 15) == 15 ? a >> 12 & 0xf0 : 0);
	text_add(t, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", i, (char *)v, family, model);
	text_add(t, "model name\t: %s\nstepping\t: %u\ncpu MHz\t\t: %.3f\n", (char *)brand, a & 15, tsc_mhz());
	text_add(t, "physical id\t: %u\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\napicid\t\t: %u\n", i, i);
	text_add(t, "fpu\t\t: yes\nfpu_exception\t: yes\nflags\t\t:");
	flags_add(t, edx_names, d);
	flags_add(t, ecx_names, c);
	text_add(t, "\nclflush size\t: %u\naddress sizes\t: 52 bits physical, 48 bits virtual\n\n", (b >> 8 & 255) * 8);
}

int make_cpuinfo(struct text *t, const struct proc_node *n)
{
	struct facts_machine f;
	long got = facts(FACTS_MACHINE, 0, 0, &f, sizeof(f));

	(void)n;
	if (got < 0) return (int)got;
	for (unsigned i = 0; i < f.cpus; i++) cpu_add(t, i);
	return 0;
}

/* ---- mounts */

static void mount_path(struct text *t, const struct mount *m)
{
	char path[PATH_MAX];

	if (vfs_path(m->root, path, sizeof(path))) snprintf(path, sizeof(path), "%s", m->target);
	text_octal(t, path, WORD_ENDS);
}

static void source_add(struct text *t, const struct mount *m)
{
	if (strcmp(m->type, "ext2") == 0) text_add(t, "/dev/");
	text_octal(t, m->source, WORD_ENDS);
}

static void options_add(struct text *t, const struct mount *m)
{
	text_add(t, " %s%s%s", m->readonly ? "ro" : "rw", m->flags & MS_NOSUID ? ",nosuid" : "",
	         m->flags & MS_NOEXEC ? ",noexec" : "");
}

int make_mounts(struct text *t, const struct proc_node *n)
{
	(void)n;
	for (const struct mount *m = vfs_mounts; m; m = m->next) {
		if (m->detached) continue;
		source_add(t, m);
		text_add(t, " ");
		mount_path(t, m);
		text_add(t, " %s", m->type);
		options_add(t, m);
		text_add(t, ",relatime 0 0\n");
	}
	return 0;
}

/* A mount's number is that of its st_dev. */
int make_mountinfo(struct text *t, const struct proc_node *n)
{
	(void)n;
	for (const struct mount *m = vfs_mounts; m; m = m->next) {
		unsigned long up = m->covers ? m->covers->mnt->dev : m->dev;

		if (m->detached) continue;
		text_add(t, "%lu %lu %u:%u / ", (unsigned long)m->dev, up, major(m->dev), minor(m->dev));
		mount_path(t, m);
		options_add(t, m);
		text_add(t, ",relatime - %s ", m->type);
		source_add(t, m);
		text_add(t, " %s\n", m->readonly ? "ro" : "rw");
	}
	return 0;
}

/* ---- disks */

int make_partitions(struct text *t, const struct proc_node *n)
{
	(void)n;
	text_add(t, "major minor  #blocks  name\n\n");
	for (unsigned i = 0; i < ndisk_nodes; i++) {
		const struct disk_node *d = &disk_nodes[i];

		text_add(t, "%4u  %7u %10lu %s\n", major(d->number), minor(d->number),
		         (unsigned long)(d->disk.len / 1024), d->name);
	}
	return 0;
}

/* Requests, merged, sectors, ms: to read, to write; three of those under way; four to discard; flushes, ms.  Nobody
 * merges or times them. */
int make_diskstats(struct text *t, const struct proc_node *node)
{
	(void)node;
	for (unsigned i = 0; i < ndisk_nodes; i++) {
		const struct disk_node *d = &disk_nodes[i];
		uint64_t n[5];

		if (!d->whole) continue;
		disk_stats(&d->disk, n);
		text_add(t, "%4u %7u %s %lu 0 %lu 0 %lu 0 %lu 0 0 0 0 0 0 0 0 %lu 0\n", major(d->number),
		         minor(d->number), d->name, (UL)n[0], (UL)n[1], (UL)n[2], (UL)n[3], (UL)n[4]);
	}
	return 0;
}
