/* SPDX-License-Identifier: MIT */
/* kernel/lend.c - RING 0 - lent buffers: a server reads or writes the memory of whoever called it.
 *
 * Path:  syscall.c of the server > [lend.c] > usercopy.c, mm/fault.c;  ipc.c of the lender > lend_bring() > mm/fault.c
 * Locks: none is held while it copies; kmsg->lend_busy keeps the message, and with it the lender, where it is.
 *
 * L1  A server waits for no page that is lent: it may be the one that has to fill it.  It copies what is there; what is
 *     missing its reply says, who lent brings it, and the message goes again.
 * L2  Whoever lends sleeps in ipc_call(), and a message is over only when nobody copies (I2): so its map lives. */
#include "kernel/syscalls.h"
#include "mm/map.h"

#define BOUNCE 1024u                    /* on the kernel stack: cannot fail for want of memory */

static struct map *lent_map(const struct kmsg *k, uint64_t which) { return which && k->target ? k->target : k->lender; }

int pages_bring(struct map *m, uaddr_t addr, uint64_t len, bool write)
{
	int rc = user_range_ok(addr, len) ? 0 : -EFAULT;

	for (uaddr_t va = ROUND_DOWN(addr, PAGE_SIZE); va < addr + len && !rc; va += PAGE_SIZE)
		rc = vm_fault(m, va, write ? PROT_WRITE : PROT_READ);
	return rc ? -EFAULT : 0;
}

int lend_bring(struct kmsg *k)
{
	uint64_t which = k->lack.which % IPC_LENDS;

	if (k->lack.how == LEND_SYNC) {
		if (current_proc()->port == fs_port) return -EFAULT;    /* who writes it all cannot wait for that */
		sync_round(0, false);           /* all begin before one is waited for */
		sync_round(0, true);
		k->m.lend[which].flags |= LEND_SYNC;
		return 0;
	}
	return pages_bring(lent_map(k, which), k->m.lend[which].addr + k->lack.at, k->lack.len, k->lack.how & LEND_WRITE);
}

/* Between two address spaces. */
static int copy_lent(struct map *m, uaddr_t from, uaddr_t user, uint64_t len, bool write)
{
	char bounce[BOUNCE];

	while (len > 0) {
		uint64_t n = MIN(len, sizeof(bounce));
		int rc = write ? copy_in(bounce, user, n) : 0;

		if (!rc && map_peek(m, from, bounce, n, write) < n) rc = -EAGAIN;       /* L1 */
		if (!rc && !write) rc = copy_out(user, bounce, n);
		if (rc) return rc;
		from += n;
		user += n;
		len -= n;
	}
	return 0;
}

static int lend_check_locked(const struct kmsg *k, uint64_t which, uint64_t off, uint64_t len, bool write)
{
	const struct ipc_lend *l;

	if (which >= IPC_LENDS || !k->m.lend[which].flags) return -EINVAL;
	l = &k->m.lend[which];
	if (!(l->flags & (write ? LEND_WRITE : LEND_READ))) return -EPERM;
	return off > l->len || len > l->len - off ? -EINVAL : 0;
}

/* Copy len bytes between `user`, an address of the current process, and lent buffer `which` of a message it received.
 * => -ESRCH: no such token; -EINVAL: no such buffer, or past its end; -EPERM: lent for the other direction; -EFAULT;
 * -EAGAIN: pages of it are not there (L1) */
static int lend_copy(uint64_t token, uint64_t which, uint64_t off, uaddr_t user, uint64_t len, bool write)
{
	struct port *p = current_proc()->port;
	struct kmsg *k = kmsg_lock(p, token);
	uint64_t addr;
	int rc;

	if (!k) return -ESRCH;
	rc = lend_check_locked(k, which, off, len, write);
	if (!rc) k->lend_busy++;
	spin_unlock(&p->lock);
	if (rc) return rc;

	addr = k->m.lend[which].addr + off;
	if (k->lender) rc = copy_lent(lent_map(k, which), addr, user, len, write);
	else rc = write ? copy_in((void *)addr, user, len) : copy_out(user, (void *)addr, len);
	spin_lock(&p->lock);
	if (--k->lend_busy == 0) waitq_wake_all(&p->settled);   /* who withdraws it, or fails it, may wait for this */
	spin_unlock(&p->lock);
	return rc;
}

SYSCALL(lend_read) { return lend_copy(a0, a1, a2, a3, a4, false); }
SYSCALL(lend_write) { return lend_copy(a0, a1, a2, a3, a4, true); }
