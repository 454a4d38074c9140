/* SPDX-License-Identifier: MIT */
/* fs/ttyjob.c - RING 3 - job control of the terminal (POSIX.1-2017 11.1.2 to 11.1.4): the kernel knows sessions and
 * groups, here is what they mean for a terminal.
 *
 * Path:  ttydev.c > [ttyjob.c] > facts(), signal() to a group
 * Pure:  it knows no messages; the unit test is its kernel.
 *
 * J1  The kernel says that a session's leader has ended, not which: ours is looked for then, and when it matters.
 */
#include "fs/ttyjob.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>

#include "abi/name.h"
#include "fs/procfs.h"

static bool proc_get(uint32_t pid, uint32_t tid, struct facts_proc *f)
{
	return facts(FACTS_PROC, pid, tid, f, sizeof(*f)) == sizeof(*f) && f->state != 'Z';
}

/* job_refresh: J1: the terminal of a session without its leader is nobody's.  POSIX exit(): SIGHUP to the foreground group;
 * if it is stopped it is an orphan now, and the kernel continues it. */
void job_refresh(struct tty_job *j)
{
	struct facts_proc leader;
	uint32_t group = j->foreground;

	if (!j->session || proc_get(j->session, 0, &leader)) return;
	j->session = j->foreground = 0;
	if (group) j->signal(group, SIGHUP);
}

/* Is this process of the terminal's session? */
static bool job_member(struct tty_job *j, uint32_t pid, uint32_t tid, struct facts_proc *f)
{
	job_refresh(j);
	return proc_get(pid, tid, f) && j->session && f->attr.sid == j->session;
}

/* Could nobody of the session continue this process's group?  Looked for among the process's own ancestors: the last
 * that is of its group has a parent that controls it, or the group has none. */
static bool is_orphan(struct facts_proc f)
{
	struct facts_proc parent;

	while (f.attr.ppid && proc_get(f.attr.ppid, 0, &parent)) {
		if (parent.attr.pgid != f.attr.pgid) return parent.attr.sid != f.attr.sid;
		f = parent;
	}
	return true;
}

int job_check(struct tty_job *j, uint32_t pid, uint32_t tid, int signo)
{
	struct facts_proc f;

	if (!job_member(j, pid, tid, &f) || f.attr.pgid == j->foreground) return 0;
	if ((f.sig_mask | f.ignored) >> (signo - 1) & 1) return signo == SIGTTIN ? -EIO : 0;
	if (is_orphan(f)) return -EIO;
	j->signal(f.attr.pgid, signo);
	return -DEV_RESTART;
}

int job_acquire(struct tty_job *j, uint32_t pid)
{
	struct facts_proc f;

	job_refresh(j);
	if (!proc_get(pid, 0, &f)) return -ESRCH;
	if (f.attr.sid == j->session) return 0;
	if (f.attr.sid != pid || j->session) return -EPERM;
	j->session = pid;
	j->foreground = f.attr.pgid;
	return 0;
}

/* When the leader leaves the terminal its session does (POSIX: SIGHUP to the foreground group). */
int job_release(struct tty_job *j, uint32_t pid)
{
	struct facts_proc f;

	if (!job_member(j, pid, 0, &f)) return -ENOTTY;
	if (pid != j->session) return 0;
	job_signal(j, SIGHUP);
	job_signal(j, SIGCONT);
	j->session = j->foreground = 0;
	return 0;
}

int job_get(struct tty_job *j, uint32_t pid, int32_t *pgid, int32_t *sid)
{
	struct facts_proc f;

	if (!job_member(j, pid, 0, &f)) return -ENOTTY;
	*pgid = j->foreground ? (int32_t)j->foreground : INT32_MAX;     /* POSIX: a number that is no group's */
	*sid = j->session;
	return 0;
}

/* 0: the session has such a group; -ESRCH: nobody has; -EPERM: another session */
static int group_find(uint32_t pgid, uint32_t sid)
{
	struct facts_proc f = {0};
	int rc = -ESRCH;

	while (facts(FACTS_NEXT, f.pid + 1, 0, &f, sizeof(f)) > 0) {
		if (f.attr.pgid != pgid) continue;
		if (f.attr.sid == sid) return 0;
		rc = -EPERM;
	}
	return rc;
}

int job_set(struct tty_job *j, uint32_t pid, uint32_t tid, int32_t pgid)
{
	struct facts_proc f;
	int rc;

	if (!job_member(j, pid, tid, &f)) return -ENOTTY;
	rc = job_check(j, pid, tid, SIGTTOU);
	if (!rc && pgid <= 0) rc = -EINVAL;
	if (!rc) rc = group_find(pgid, j->session);
	if (!rc) j->foreground = pgid;
	return rc;
}

void job_signal(struct tty_job *j, int signo)
{
	job_refresh(j);
	if (j->foreground) j->signal(j->foreground, signo);
}
