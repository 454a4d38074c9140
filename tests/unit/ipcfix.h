/* SPDX-License-Identifier: MIT */
/* tests/unit/ipcfix.h - HOST - a client and a server for the tests of messages.
 *
 * The test is the client's thread; where it would sleep for a reply, the hook plays the server, and the functions here
 * change who the current thread is meanwhile. */
#ifndef UNIT_IPCFIX_H
#define UNIT_IPCFIX_H

#include "kernel/ipc.h"
#include "kernel/proc.h"
#include "kernel/syscalls.h"
#include "mm/map.h"

extern struct proc client, server, stranger;
extern struct thread client_thread, server_thread, stranger_thread, *current;
extern struct map client_map, server_map;
extern struct port *port;                       /* the server's */
extern struct kobj thing;                       /* something that a message can carry */
extern int dones;                               /* calls of done_count() */
extern int copies;                              /* from and to what a process lends */
extern struct map *faulted_in;                  /* all pages of this one are there */
extern int faults;                              /* calls of vm_fault(), which brings all of a map's pages */
extern int synced;                              /* all that is dirty was written and waited for */
extern uint32_t fault_want;                     /* the last one's access */
extern bool no_memory;                          /* the heap is empty */
extern struct thread *interrupted;              /* last: looks whether it has a signal */
extern void (*during_copy)(void);               /* called in the middle of each copy */
extern struct ipc_msg got;                      /* what the server received last */
struct kobj *got_object(void);                  /* what came along with it; its handle is closed */

int ipc_setup(void **st);
int ipc_teardown(void **st);                    /* every reference was dropped */
int call(struct kmsg *, void (*serve)(void));   /* by the client; serve() runs while it sleeps */
int receive(void);                              /* by the server, into got */
int reply(int status, uint64_t arg0, struct kobj *);
int reply_with(const struct ipc_msg *);
int lend(unsigned which, uint64_t off, void *buf, uint64_t len, bool write);
void done_count(struct kmsg *);

#endif
