/* SPDX-License-Identifier: MIT */
/* kernel/lend.c - RING 0 - lent buffers: a server reads or writes the memory of whoever called it.
 *
 * Path:  sys_ipc.c of the server > [lend.c] > usercopy.c, mm/map.c
 * Locks: none is held while it copies; kmsg->lend_busy keeps the message, and with it the lender, where it is.
 *
 * L1  A server never waits for a page that it fills itself.  What a program lends may be a mapped file, so it is
 *     brought into kernel memory (staged) by the program's own thread, before the message is sent, and what the server
 *     wrote is carried out by it after the reply.  Servers' own memory is wired: copied directly.
 * L2  For a call that was passed on as it is (forward.c) a server waits for no page at all: it copies what is there
 *     (direct), and who lent brings the rest. */
#include "kernel/ipc.h"

#include "kernel/proc.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"
#include "mm/map.h"

#define STAGE_MAX 65536u                /* bytes lent by a program in one message */
#define BOUNCE    1024u                 /* on the kernel stack: cannot fail for want of memory */

static bool kmsg_is_staged(const struct kmsg *k) { return k->lender && !k->lender->wired && !k->direct; }

/* One buffer: l->addr becomes a kernel address, `user` keeps what it was. */
static int stage_in(struct map *m, struct ipc_lend *l, uaddr_t *user)
{
	void *buf;
	int rc = 0;

	if (l->len > STAGE_MAX) return -EINVAL;
	if (!user_range_ok(l->addr, l->len)) return -EFAULT;
	buf = kalloc(l->len);
	if (!buf) return -ENOMEM;

	if (l->flags & LEND_READ) rc = map_copy(m, l->addr, buf, l->len, false);
	if (rc) {
		kfree(buf);
		return rc;
	}
	*user = l->addr;
	l->addr = (uintptr_t)buf;
	return 0;
}

int lend_unstage(struct kmsg *k, int rc)
{
	if (!kmsg_is_staged(k)) return rc;
	for (int i = 0; i < IPC_LENDS; i++) {
		struct ipc_lend *l = &k->m.lend[i];
		void *buf = (void *)(uintptr_t)l->addr;

		if (!k->staged_from[i]) continue;
		if (!rc && k->wrote[i] && map_copy(k->lender, k->staged_from[i], buf, k->wrote[i], true)) rc = -EFAULT;
		kfree(buf);
		l->addr = k->staged_from[i];
		k->staged_from[i] = 0;
	}
	if (!rc) return 0;
	for (int i = 0; i < IPC_HANDLES && k->replied; i++) {   /* nobody will look at the reply */
		if (k->obj[i]) kobj_unref(k->obj[i]);
		k->obj[i] = NULL;
	}
	return rc;
}

int lend_stage(struct kmsg *k)
{
	k->replied = false;
	for (int i = 0; i < IPC_LENDS; i++) {
		struct ipc_lend *l = &k->m.lend[i];
		int rc;

		k->wrote[i] = k->staged_from[i] = 0;
		if (!kmsg_is_staged(k) || !l->flags || !l->len) continue;
		if (!l->addr) return lend_unstage(k, -EFAULT);
		rc = stage_in(k->lender, l, &k->staged_from[i]);
		if (rc) return lend_unstage(k, rc);
	}
	return 0;
}

/* Between kernel memory and the server. */
static int copy_staged(uaddr_t user, void *buf, uint64_t len, bool write)
{
	return write ? copy_in(buf, user, len) : copy_out(user, buf, len);
}

static int copy_lent(const struct kmsg *k, struct map *m, uaddr_t from, void *buf, uint64_t len, bool write)
{
	if (!k->direct) return map_copy(m, from, buf, len, write);
	return map_peek(m, from, buf, len, write) == len ? 0 : -EAGAIN;     /* L2 */
}

/* Between two address spaces. */
static int copy_direct(const struct kmsg *k, unsigned which, uaddr_t from, uaddr_t user, uint64_t len, bool write)
{
	struct map *m = which && k->target ? k->target : k->lender;
	char bounce[BOUNCE];

	while (len > 0) {
		uint64_t n = MIN(len, sizeof(bounce));
		int rc = write ? copy_in(bounce, user, n) : copy_lent(k, m, from, bounce, n, false);

		if (!rc) rc = write ? copy_lent(k, m, from, bounce, n, true) : copy_out(user, bounce, n);
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

	if (!k) return -ESRCH;
	if (which >= IPC_LENDS || !k->m.lend[which].flags) return -EINVAL;
	l = &k->m.lend[which];
	if (!(l->flags & (write ? LEND_WRITE : LEND_READ))) return -EPERM;
	return off > l->len || len > l->len - off ? -EINVAL : 0;
}

/* Let the message go again: whoever wants to withdraw it, or to fail it, may wait for this. */
static void lend_end(struct port *p, struct kmsg *k, unsigned which, uint64_t wrote)
{
	spin_lock(&p->lock);
	k->wrote[which] = MAX(k->wrote[which], wrote);
	if (--k->lend_busy == 0) waitq_wake_all(&p->settled);
	spin_unlock(&p->lock);
}

int lend_copy(uint64_t token, uint64_t which, uint64_t off, uaddr_t user, uint64_t len, bool write)
{
	struct port *p = current_proc()->port;
	struct kmsg *k;
	uint64_t addr;
	int rc;

	if (!p) return -ESRCH;
	spin_lock(&p->lock);
	k = kmsg_find_locked(p, token);
	rc = lend_check_locked(k, which, off, len, write);
	if (!rc) k->lend_busy++;
	spin_unlock(&p->lock);

	if (!rc) {
		addr = k->m.lend[which].addr + off;
		if (!k->lender || kmsg_is_staged(k)) rc = copy_staged(user, (void *)(uintptr_t)addr, len, write);
		else rc = copy_direct(k, which, addr, user, len, write);
		lend_end(p, k, which, write && !rc ? off + len : 0);
	}
	return rc;
}
