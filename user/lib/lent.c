/* SPDX-License-Identifier: MIT */
/* user/lib/lent.c - RING 3 - for servers: the memory that is lent to them, and what of it is not there.
 *
 * Path:  fs/call.c, fs/devfs.c, user/pm/main.c ... > [lent.c]  ~lend_read, lend_write~>  kernel/carry.c (L1)
 */
#include "user/lib/server.h"

#include <errno.h>
#include <string.h>

#include "abi/quire.h"

#define PIECE 256u                      /* bytes of a text that are copied at once; divides a page */

static struct { uint64_t token, lack[4]; } missing;     /* of the message that found something missing last: abi/ipc.h */

static int copied(long rc, uint64_t token, uint64_t at, uint64_t n, uint64_t how, uint64_t which)
{
	if (rc == -EAGAIN) {
		missing.token = token;
		memcpy(missing.lack, (uint64_t[]){at, n, how, which}, sizeof(missing.lack));
	}
	return rc ? -EFAULT : 0;
}

int lent_read(uint64_t token, uint64_t at, void *to, size_t n)
{
	return n ? copied(q_lend_read(token, 0, at, to, n), token, at, n, LEND_READ, 0) : 0;
}

int lent_write(uint64_t token, uint64_t at, const void *from, size_t n)
{
	return lent_write_up_to(token, 0, at, from, n, at + n);
}

int lent_write_up_to(uint64_t token, int which, uint64_t at, const void *from, size_t n, uint64_t end)
{
	return n ? copied(q_lend_write(token, which, at, from, n), token, at, end - at, LEND_WRITE, (uint64_t)which)
	         : 0;
}

/* A text comes in pieces that end at multiples of PIECE: none reaches into a page that the text does not. */
int lent_text(uint64_t token, uint64_t at, char *to, size_t size)
{
	for (size_t done = 0, n; done < size; done += n) {
		const char *end;

		n = PIECE - (at + done) % PIECE;
		if (n > size - done) n = size - done;
		if (lent_read(token, at + done, to + done, n)) return -EFAULT;
		end = memchr(to + done, 0, n);
		if (end) return (int)(end - to);
	}
	return -ENAMETOOLONG;
}

int lent_sync(const struct ipc_msg *in)
{
	return in->lend[0].flags & LEND_SYNC ? 0 : copied(-EAGAIN, in->token, 0, 1, LEND_SYNC, 0);
}

/* Tokens do not come again, so that nothing has to be forgotten. */
bool lent_missing(struct ipc_msg *reply)
{
	if (!reply->token || reply->token != missing.token) return false;
	reply->status = -EAGAIN;
	memcpy(reply->arg, missing.lack, sizeof(missing.lack));
	return true;
}
