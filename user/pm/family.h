/* SPDX-License-Identifier: MIT */
/* user/pm/family.h - RING 3 - parents and children, and who waits for what became of whom. */
#ifndef PM_FAMILY_H
#define PM_FAMILY_H

#include <signal.h>

#include "abi/ipc.h"
#include "user/pm/pm.h"

/* A wait4 or waitid that waits: the call as it came, to begin again. */
struct waiter {
	struct waiter *next;
	uint64_t token, arg[IPC_ARGS];
};

#define SIGNAL_BIT(n) (1ull << ((n) - 1))

/* A process that is no server, or init: until nobody will wait for it any more. */
struct member {
	struct member *next;            /* with the same hash */
	struct member *parent, *children, *sibling;     /* the oldest child; the next younger one.  No parent: init */
	uint32_t pid, pgid, sid;
	int exit_signal;                /* what its parent gets at its end; 0: nothing */
	uint32_t parent_execs;          /* if that is not SIGCHLD: how often the parent had executed something then */
	int report;                     /* wait4's status of a stop or continuation that was not told yet; 0: none */
	bool stopped, held;             /* held: its group is no orphan, while somebody ends */
	bool dead;
	uint64_t missed;                /* signals to its group since it began to make a child, which gets them too */
	struct waiter *waiters;         /* of its threads */
};

/* family.c */
struct member *member_find(uint32_t pid);               /* NULL: there is none */
void member_free(struct member *);                      /* and its pid: nobody waits for it */
uint32_t pid_choose(void);                              /* 0: not known yet, the kernel counts on */
bool group_exists(uint32_t pgid, uint32_t sid);         /* dead members count, too; sid 0: of any session */
/* fn(member, arg) for those of this group; pgid 0: for all but init. */
void group_each(uint32_t pgid, void (*fn)(struct member *, void *), void *arg);
void family_note(const uint64_t note[2]);               /* PM_BORN, PM_ENDED */
/* What the parent hears: CLD_*, and the exit status or the signal. */
siginfo_t child_info(const struct member *, const struct facts_proc *, int code, int status);
bool family_stop(const struct ipc_msg *);               /* PM_STOPPED, PM_CONTINUED.  true: it must not */

/* wait.c */
void waiters_hold(struct member *);                     /* no signal ends their waiting before waiters_look() */
void waiters_look(struct member *);
void waiters_free(struct member *);
#define REPORT_CONTINUED 0xffff                         /* wait4's status for it */

#endif
