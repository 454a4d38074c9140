/* SPDX-License-Identifier: MIT */
/* fs/ttyjob.h - RING 3 - whose terminal it is: session, foreground group, and what a background process may do. */
#ifndef FS_TTYJOB_H
#define FS_TTYJOB_H

#include <stdint.h>

struct tty_job {
	uint32_t session;               /* whose controlling terminal it is; 0: nobody's */
	uint32_t foreground;            /* process group, 0: none */
	void (*signal)(uint32_t pgid, int signo);
};

/* May this thread read (SIGTTIN) or change the terminal (SIGTTOU)?  0; -EIO; -DEV_RESTART: its group was signalled */
int job_check(struct tty_job *, uint32_t pid, uint32_t tid, int signo);
int job_acquire(struct tty_job *, uint32_t pid);                        /* TIOCSCTTY: 0, -EPERM */
int job_release(struct tty_job *, uint32_t pid);                        /* TIOCNOTTY: 0, -ENOTTY */
int job_get(struct tty_job *, uint32_t pid, int32_t *pgid, int32_t *sid);       /* TIOCGPGRP, TIOCGSID: 0, -ENOTTY */
int job_set(struct tty_job *, uint32_t pid, uint32_t tid, int32_t pgid);       /* TIOCSPGRP: 0, -ENOTTY, -EPERM ... */
void job_refresh(struct tty_job *);                                     /* a leader of a session has ended */
void job_signal(struct tty_job *, int signo);                           /* the foreground group */

#endif
