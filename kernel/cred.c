/* SPDX-License-Identifier: MIT */
/* kernel/cred.c - RING 0 - whose a process is: user, group, supplementary groups; who may change that to what.
 *
 * Effective user 0 has all privileges, everybody else none: capabilities are told so, and cannot be split.
 *
 * Path:  syscall.c > [cred.c]; exec.c > cred_exec(); filedev.c sends fsuid and fsgid with every request
 * Locks: proc->lock around a change; who only reads one number takes none.
 */
#include "kernel/name.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "kernel/usercopy.h"

#define KEEP UINT32_MAX
#define S_ISUID 04000
#define S_ISGID 02000
#define S_IXGRP 00010

SYSCALL(getuid) { return current_proc()->uid; }
SYSCALL(geteuid) { return current_proc()->euid; }
SYSCALL(getgid) { return current_proc()->gid; }
SYSCALL(getegid) { return current_proc()->egid; }

static long three_out(const uint32_t id[3], uaddr_t a, uaddr_t b, uaddr_t c)
{
	const uaddr_t to[3] = {a, b, c};

	for (int i = 0; i < 3; i++)
		if (copy_out(to[i], &id[i], sizeof(id[i]))) return -EFAULT;
	return 0;
}

SYSCALL(getresuid)
{
	struct proc *p = current_proc();

	return three_out((uint32_t[]){p->uid, p->euid, p->suid}, a0, a1, a2);
}

SYSCALL(getresgid)
{
	struct proc *p = current_proc();

	return three_out((uint32_t[]){p->gid, p->egid, p->sgid}, a0, a1, a2);
}

/* ---- changing them: users and groups follow the same rules, and effective user 0 is free of them */

static bool privileged(void) { return current_proc()->euid == 0; }

/* Is `want` one of these, or left as it is? */
static bool one_of(uint32_t want, uint32_t a, uint32_t b, uint32_t c)
{
	return want == KEEP || want == a || want == b || want == c || privileged();
}

/* The file-system identity follows the effective one (credentials(7)).  What the process learnt with another one is not
 * for everybody who has the new one (PR_SET_DUMPABLE of prctl(2)). */
static long ids_set(bool group, uint32_t real, uint32_t effective, uint32_t saved)
{
	struct proc *p = current_proc();

	spin_lock(&p->lock);
	if (effective != KEEP && effective != (group ? p->egid : p->euid)) p->dumpable = false, p->pdeath_signal = 0;
	if (real != KEEP) *(group ? &p->gid : &p->uid) = real;
	if (effective != KEEP) *(group ? &p->egid : &p->euid) = effective;
	if (saved != KEEP) *(group ? &p->sgid : &p->suid) = saved;
	if (group) p->fsgid = p->egid;
	else p->fsuid = p->euid;
	spin_unlock(&p->lock);
	return 0;
}

/* setuid: root changes all three, others the effective one alone (POSIX). */
static long set_one(bool group, uint32_t id, uint32_t real, uint32_t saved)
{
	if (id == KEEP) return -EINVAL;
	if (!one_of(id, real, saved, saved)) return -EPERM;
	return privileged() ? ids_set(group, id, id, id) : ids_set(group, KEEP, id, KEEP);
}

SYSCALL(setuid) { return set_one(false, a0, current_proc()->uid, current_proc()->suid); }
SYSCALL(setgid) { return set_one(true, a0, current_proc()->gid, current_proc()->sgid); }

/* setreuid: the saved one becomes the effective one when the real one is set, or the effective one to another than it. */
static long set_two(bool group, uint32_t real, uint32_t effective, const uint32_t id[3])
{
	bool save = real != KEEP || (effective != KEEP && effective != id[0]);

	if (!one_of(real, id[0], id[1], id[1]) || !one_of(effective, id[0], id[1], id[2])) return -EPERM;
	return ids_set(group, real, effective, !save ? KEEP : effective != KEEP ? effective : id[1]);
}

static long set_three(bool group, uint32_t real, uint32_t effective, uint32_t saved, const uint32_t id[3])
{
	if (!one_of(real, id[0], id[1], id[2]) || !one_of(effective, id[0], id[1], id[2])) return -EPERM;
	return one_of(saved, id[0], id[1], id[2]) ? ids_set(group, real, effective, saved) : -EPERM;
}

#define UIDS(p) ((uint32_t[]){(p)->uid, (p)->euid, (p)->suid})
#define GIDS(p) ((uint32_t[]){(p)->gid, (p)->egid, (p)->sgid})

SYSCALL(setreuid) { return set_two(false, a0, a1, UIDS(current_proc())); }
SYSCALL(setregid) { return set_two(true, a0, a1, GIDS(current_proc())); }
SYSCALL(setresuid) { return set_three(false, a0, a1, a2, UIDS(current_proc())); }
SYSCALL(setresgid) { return set_three(true, a0, a1, a2, GIDS(current_proc())); }

/* setfsuid(2): the old one, whether or not it was changed. */
static long set_fs(uint32_t *fs, uint32_t want, const uint32_t id[3])
{
	uint32_t old = *fs;

	if (want != KEEP && (want == old || one_of(want, id[0], id[1], id[2]))) *fs = want;
	return old;
}

SYSCALL(setfsuid) { return set_fs(&current_proc()->fsuid, a0, UIDS(current_proc())); }
SYSCALL(setfsgid) { return set_fs(&current_proc()->fsgid, a0, GIDS(current_proc())); }

/* ---- supplementary groups */

static uint32_t cred_groups(struct proc *p, uint32_t out[PROC_GROUPS])
{
	uint32_t n;

	spin_lock(&p->lock);
	n = p->ngroups;
	memcpy(out, p->groups, n * sizeof(out[0]));
	spin_unlock(&p->lock);
	return n;
}

bool cred_in_group(struct proc *p, uint32_t gid)
{
	uint32_t groups[PROC_GROUPS], n = cred_groups(p, groups);

	while (n && groups[n - 1] != gid) n--;
	return n;
}

/* Who sent the message cannot end while its call is under way; its reference is for after that. */
static struct proc *caller_get(struct port *p, uint64_t token)
{
	struct kmsg *k;
	struct proc *caller = NULL;

	spin_lock(&p->lock);
	k = kmsg_find_locked(p, token);
	if (k && k->caller) caller = k->caller->proc;
	if (caller) proc_ref(caller);
	spin_unlock(&p->lock);
	return caller;
}

SYSCALL(caller_group)
{
	struct port *port = current_proc()->port;
	struct proc *p = port ? caller_get(port, a0) : NULL;
	bool in;

	if (!p) return -ESRCH;
	in = cred_in_group(p, a1);
	proc_unref(p);
	return in;
}

SYSCALL(getgroups)
{
	uint32_t groups[PROC_GROUPS], n = cred_groups(current_proc(), groups);

	if ((int)a0 < 0) return -EINVAL;
	if (a0 == 0) return n;
	if (a0 < n) return -EINVAL;
	return copy_out(a1, groups, n * sizeof(groups[0])) ? -EFAULT : (long)n;
}

SYSCALL(setgroups)
{
	struct proc *p = current_proc();
	uint32_t groups[PROC_GROUPS];

	if (!privileged()) return -EPERM;
	if (a0 > PROC_GROUPS) return -EINVAL;
	if (copy_in(groups, a1, a0 * sizeof(groups[0]))) return -EFAULT;

	spin_lock(&p->lock);
	p->ngroups = a0;
	memcpy(p->groups, groups, a0 * sizeof(groups[0]));
	spin_unlock(&p->lock);
	return 0;
}

/* ---- capabilities: all, or none */

#define CAP_ALL 0x1ffffffffffull        /* as many as Linux 6.1 has */
#define CAP_V1 0x19980330u              /* 32 bits of them; the others 64 */
#define CAP_V2 0x20071026u
#define CAP_V3 0x20080522u

struct cap_header { uint32_t version; int32_t pid; };
struct cap_sets { uint32_t effective, permitted, inheritable; };

static void caps_of(const struct proc *p, struct cap_sets sets[2])
{
	bool may = !p->uid || !p->euid || !p->suid;

	for (int i = 0; i < 2; i++) {
		uint32_t all = CAP_ALL >> 32 * i;

		sets[i] = (struct cap_sets){p->euid ? 0 : all, may ? all : 0, 0};
	}
}

/* Bytes of the sets in this version.  -EINVAL: none that we know, and we say which we do */
static int cap_size(uaddr_t header, struct cap_header *h)
{
	uint32_t ours = CAP_V3;

	if (copy_in(h, header, sizeof(*h))) return -EFAULT;
	if (h->version == CAP_V1) return sizeof(struct cap_sets);
	if (h->version == CAP_V2 || h->version == CAP_V3) return 2 * sizeof(struct cap_sets);
	return copy_out(header, &ours, sizeof(ours)) ? -EFAULT : -EINVAL;
}

SYSCALL(capget)
{
	struct cap_header h;
	struct cap_sets sets[2];
	int size = cap_size(a0, &h);
	struct proc *p;

	if (size < 0) return size == -EINVAL && !a1 ? 0 : size;
	if (h.pid < 0) return -EINVAL;
	p = proc_find(h.pid ? (uint32_t)h.pid : current_proc()->pid);
	if (!p) return -ESRCH;
	caps_of(p, sets);
	proc_unref(p);
	return a1 ? copy_out(a1, sets, size) : 0;
}

/* What one has may be set; less than that cannot be had here, more is not allowed. */
SYSCALL(capset)
{
	struct cap_header h;
	struct cap_sets have[2], want[2];
	int size = cap_size(a0, &h);

	if (size < 0) return size;
	if (h.pid && (uint32_t)h.pid != current_proc()->pid) return -EPERM;
	if (copy_in(want, a1, size)) return -EFAULT;
	caps_of(current_proc(), have);
	return memcmp(want, have, size) ? -EPERM : 0;
}

/* ---- exec */

/* Whose the file is, and its mode, in one answer.  0, -errno of the file server */
static int file_stat(struct file *f, struct stat *st)
{
	struct kmsg k = {.m = {.arg = {f->node, AT_EMPTY_PATH}}};

	k.m.lend[0] = (struct ipc_lend){(uint64_t)"", 0, LEND_READ};
	k.m.lend[1] = (struct ipc_lend){(uint64_t)st, sizeof(*st), LEND_WRITE};
	return name_call(&k, NAME_STAT, false);
}

int cred_exec(struct file *f, struct exec_ids *new)
{
	struct proc *p = current_proc();
	struct stat st = {0};
	int rc = 0;

	/* the mode at open lacks what the mount forbids */
	if (!p->no_new_privs && (f->mode & (S_ISUID | S_ISGID))) rc = file_stat(f, &st);
	st.mode &= f->mode;
	*new = (struct exec_ids){.uid = p->uid, .euid = p->euid, .gid = p->gid, .egid = p->egid};
	if (st.mode & S_ISUID) new->euid = st.uid;
	if ((st.mode & S_ISGID) && (st.mode & S_IXGRP)) new->egid = st.gid;
	new->secure = new->uid != new->euid || new->gid != new->egid;
	return rc;
}

void cred_commit(const struct exec_ids *new)
{
	struct proc *p = current_proc();

	spin_lock(&p->lock);
	p->euid = p->suid = p->fsuid = new->euid;
	p->egid = p->sgid = p->fsgid = new->egid;
	p->dumpable = !new->secure;
	if (new->secure) p->pdeath_signal = 0;
	spin_unlock(&p->lock);
}
