/* SPDX-License-Identifier: MIT */
/* user/lib/server.h - RING 3 - what the servers share. */
#ifndef USER_LIB_SERVER_H
#define USER_LIB_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/ipc.h"

/* say.c */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));   /* a line for the kernel's log */
bool cmdline_word(const char *name, char *value, size_t len);   /* "name" or "name=value" on the kernel's command line */

/* lent.c: memory that comes with a message, of lent buffer 0, or `which`; at: where in that.
 * 0, -EFAULT: also if a page is not there just now.  Then lent_missing() says so in the reply, which is -EAGAIN: who sent
 * the message brings the page, and the message comes again.  So a server changes something, or takes something away,
 * only when it has nothing more to read or write. */
int lent_read(uint64_t token, uint64_t at, void *to, size_t n);
int lent_write(uint64_t token, uint64_t at, const void *from, size_t n);
int lent_write_up_to(uint64_t token, int which, uint64_t at, const void *from, size_t n, uint64_t end);  /* all is missing */
int lent_text(uint64_t token, uint64_t at, char *to, size_t size);      /* length without NUL; -EFAULT, -ENAMETOOLONG */
/* All that programs wrote is written before the server goes on: likewise. */
int lent_sync(const struct ipc_msg *);
bool lent_missing(struct ipc_msg *reply);       /* was anything, for this token? */

#endif
