/* SPDX-License-Identifier: MIT */
/* user/pm/cred.c - RING 3 - whose a process is: user, group, supplementary groups; who may change that to what.
 *
 * Effective user 0 has all privileges, everybody else none: capabilities are told so, and cannot be split.
 *
 * Path:  main.c > [cred.c] > kernel's facts, proc_set.  What exec changes is exec.c's
 */
#include <errno.h>
#include <string.h>

#include "user/pm/pm.h"

#define KEEP UINT32_MAX

static long three_out(struct call *c, uint32_t a, uint32_t b, uint32_t d)
{
	const uint32_t id[3] = {a, b, d};

	for (int i = 0; i < 3; i++)
		if (mem_out(c, c->arg[i], &id[i], sizeof(id[i]))) return -EFAULT;
	return 0;
}

long pm_getresuid(struct call *c) { return three_out(c, c->me.attr.uid, c->me.attr.euid, c->me.attr.suid); }
long pm_getresgid(struct call *c) { return three_out(c, c->me.attr.gid, c->me.attr.egid, c->me.attr.sgid); }

/* ---- changing them: users and groups follow the same rules, and effective user 0 is free of them */

static bool privileged(const struct call *c) { return c->me.attr.euid == 0; }

/* Real, effective, saved, file system's. */
static uint32_t *ids_of(struct call *c, bool group) { return group ? &c->me.attr.gid : &c->me.attr.uid; }

/* Is `want` one of these, or left as it is? */
static bool one_of(const struct call *c, uint32_t want, uint32_t x, uint32_t y, uint32_t z)
{
	return want == KEEP || want == x || want == y || want == z || privileged(c);
}

/* The file-system identity follows the effective one (credentials(7)).  What the process learnt with another one is not
 * for everybody who has the new one (PR_SET_DUMPABLE of prctl(2)). */
static long ids_set(struct call *c, bool group, uint32_t real, uint32_t effective, uint32_t saved)
{
	struct proc_attr *a = &c->me.attr;
	uint32_t *id = ids_of(c, group);

	if (effective != KEEP && effective != id[1]) a->dumpable = 0, a->pdeath_signal = 0;
	if (real != KEEP) id[0] = real;
	if (effective != KEEP) id[1] = effective;
	if (saved != KEEP) id[2] = saved;
	id[3] = id[1];
	return attr_set(c, &c->me, &a->uid, offsetof(struct proc_attr, subreaper) - offsetof(struct proc_attr, uid));
}

/* setuid: root changes all three, others the effective one alone (POSIX). */
static long set_one(struct call *c, bool group)
{
	uint32_t want = (uint32_t)c->arg[0], *id = ids_of(c, group);

	if (want == KEEP) return -EINVAL;
	if (!one_of(c, want, id[0], id[2], id[2])) return -EPERM;
	return privileged(c) ? ids_set(c, group, want, want, want) : ids_set(c, group, KEEP, want, KEEP);
}

long pm_setuid(struct call *c) { return set_one(c, false); }
long pm_setgid(struct call *c) { return set_one(c, true); }

/* setreuid: the saved one becomes the effective one when the real one is set, or the effective one to another than it. */
static long set_two(struct call *c, bool group)
{
	uint32_t real = (uint32_t)c->arg[0], effective = (uint32_t)c->arg[1], *id = ids_of(c, group);
	bool save = real != KEEP || (effective != KEEP && effective != id[0]);

	if (!one_of(c, real, id[0], id[1], id[1]) || !one_of(c, effective, id[0], id[1], id[2])) return -EPERM;
	return ids_set(c, group, real, effective, !save ? KEEP : effective != KEEP ? effective : id[1]);
}

long pm_setreuid(struct call *c) { return set_two(c, false); }
long pm_setregid(struct call *c) { return set_two(c, true); }

static long set_three(struct call *c, bool group)
{
	uint32_t *id = ids_of(c, group);

	for (int i = 0; i < 3; i++)
		if (!one_of(c, (uint32_t)c->arg[i], id[0], id[1], id[2])) return -EPERM;
	return ids_set(c, group, (uint32_t)c->arg[0], (uint32_t)c->arg[1], (uint32_t)c->arg[2]);
}

long pm_setresuid(struct call *c) { return set_three(c, false); }
long pm_setresgid(struct call *c) { return set_three(c, true); }

/* setfsuid(2): the old one, whether or not it was changed. */
static long set_fs(struct call *c, bool group)
{
	uint32_t want = (uint32_t)c->arg[0], *id = ids_of(c, group), old = id[3];

	if (want == KEEP || (want != old && !one_of(c, want, id[0], id[1], id[2]))) return old;
	id[3] = want;
	attr_set(c, &c->me, &id[3], sizeof(id[3]));
	return old;
}

long pm_setfsuid(struct call *c) { return set_fs(c, false); }
long pm_setfsgid(struct call *c) { return set_fs(c, true); }

/* ---- supplementary groups */

long pm_getgroups(struct call *c)
{
	const struct proc_attr *a = &c->me.attr;
	int room = (int)c->arg[0];

	if (room < 0) return -EINVAL;
	if (room == 0) return a->ngroups;
	if ((uint32_t)room < a->ngroups) return -EINVAL;
	return mem_out(c, c->arg[1], a->groups, a->ngroups * sizeof(a->groups[0])) ? -EFAULT : (long)a->ngroups;
}

long pm_setgroups(struct call *c)
{
	struct proc_attr *a = &c->me.attr;
	uint32_t n = (uint32_t)c->arg[0];

	if (!privileged(c)) return -EPERM;
	if (n > PROC_GROUPS) return -EINVAL;
	if (mem_in(c, a->groups, c->arg[1], n * sizeof(a->groups[0]))) return -EFAULT;
	a->ngroups = n;
	return attr_set(c, &c->me, &a->ngroups, sizeof(a->ngroups) + sizeof(a->groups));
}

/* ---- capabilities: all, or none */

#define CAP_ALL 0x1ffffffffffull        /* as many as Linux 6.1 has */
#define CAP_V1 0x19980330u              /* 32 bits of them; the others 64 */
#define CAP_V2 0x20071026u
#define CAP_V3 0x20080522u

struct cap_header { uint32_t version; int32_t pid; };
struct cap_sets { uint32_t effective, permitted, inheritable; };

static void caps_of(const struct proc_attr *a, struct cap_sets sets[2])
{
	bool may = !a->uid || !a->euid || !a->suid;

	for (int i = 0; i < 2; i++) {
		uint32_t all = (uint32_t)(CAP_ALL >> 32 * i);

		sets[i] = (struct cap_sets){a->euid ? 0 : all, may ? all : 0, 0};
	}
}

/* Bytes of the sets in this version.  -EINVAL: none that we know, and we say which we do */
static int cap_size(struct call *c, struct cap_header *h)
{
	uint32_t ours = CAP_V3;

	if (mem_in(c, h, c->arg[0], sizeof(*h))) return -EFAULT;
	if (h->version == CAP_V1) return sizeof(struct cap_sets);
	if (h->version == CAP_V2 || h->version == CAP_V3) return 2 * sizeof(struct cap_sets);
	return mem_out(c, c->arg[0], &ours, sizeof(ours)) ? -EFAULT : -EINVAL;
}

long pm_capget(struct call *c)
{
	struct cap_header h;
	struct cap_sets sets[2];
	struct facts_proc f;
	int size = cap_size(c, &h);

	if (size < 0) return size == -EINVAL && !c->arg[1] ? 0 : size;
	if (h.pid < 0) return -EINVAL;
	if (proc_look(c, (uint32_t)h.pid, &f)) return -ESRCH;
	caps_of(&f.attr, sets);
	return c->arg[1] ? mem_out(c, c->arg[1], sets, (size_t)size) : 0;
}

/* What one has may be set; less than that cannot be had here, more is not allowed. */
long pm_capset(struct call *c)
{
	struct cap_header h;
	struct cap_sets have[2], want[2];
	int size = cap_size(c, &h);

	if (size < 0) return size;
	if (h.pid && (uint32_t)h.pid != c->me.pid) return -EPERM;
	if (mem_in(c, want, c->arg[1], (size_t)size)) return -EFAULT;
	caps_of(&c->me.attr, have);
	return memcmp(want, have, (size_t)size) ? -EPERM : 0;
}
