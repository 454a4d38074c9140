/* SPDX-License-Identifier: MIT */
/* kernel/cred.c - RING 0 - whose a process is: asked, and after exec.  Who may change that to what says user/pm/cred.c.
 *
 * Path:  syscall.c > [cred.c]; exec.c > cred_exec(); filedev.c sends fsuid and fsgid with every request
 * Locks: proc->lock around a change; who only reads one number takes none.
 */
#include "kernel/proc.h"
#include "kernel/syscalls.h"

#define S_ISUID 04000
#define S_ISGID 02000
#define S_IXGRP 00010

SYSCALL(getuid) { return current_proc()->uid; }
SYSCALL(geteuid) { return current_proc()->euid; }
SYSCALL(getgid) { return current_proc()->gid; }
SYSCALL(getegid) { return current_proc()->egid; }

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
