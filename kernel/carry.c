/* SPDX-License-Identifier: MIT */
/* kernel/carry.c - RING 0 - what messages carry besides words: handles on objects, and lent memory.
 *
 * Path:  ipc.c, sys_vmo.c ... > [carry.c];  syscall.c of a server > [carry.c] > usercopy.c, mm/fault.c;  ipc.c of who lent >
 *        lend_bring() > mm/fault.c
 * Locks: handles->lock around a process's table; objects are referenced inside it and let go of outside.  None is held
 *        while lent memory is copied; kmsg->lend_busy keeps the message, and with it the lender, where it is.
 *
 * H1  A filled slot is one reference and one count in kobj->handles.
 * H2  An object hears of its last handle after the slot is empty: nobody can reach it by a handle any more.
 * L1  A server waits for no page that is lent: it may be the one that has to fill it.  It copies what is there; what is
 *     missing its reply says, who lent brings it, and the message goes again.
 * L2  Whoever lends sleeps in ipc_call(), and a message is over only when nobody copies (I2): so its map lives. */
#include "kernel/syscalls.h"
#include "mm/map.h"

#define BOUNCE 1024u                    /* on the kernel stack: cannot fail for want of memory */

/* NULL: its part was never made. */
static struct kobj **slot_of(struct handles *t, uint64_t h)
{
	return h < HANDLE_MAX && t->part[h / HANDLE_PART] ? &t->part[h / HANDLE_PART][h % HANDLE_PART] : NULL;
}

void handles_destroy(struct handles *t)
{
	for (uint32_t h = 0; slot_of(t, h); h++) handle_close(t, h);
	for (size_t i = 0; i < ARRAY_LEN(t->part); i++) kfree(t->part[i]);
	memset(t->part, 0, sizeof(t->part));
}

int handle_add(struct handles *t, struct kobj *o)
{
	struct kobj ***part, **slot;
	uint32_t h;

	SPIN_HELD(&t->lock);
	for (h = MAX(t->hint, 1u); (slot = slot_of(t, h)) && *slot; h++) { }
	if (h == HANDLE_MAX) return -EMFILE;
	part = &t->part[h / HANDLE_PART];
	if (!*part) *part = kalloc(PAGE_SIZE);
	if (!*part) return -ENOMEM;
	*slot_of(t, h) = o;
	t->hint = h + 1;
	kobj_handle(o);
	return h;
}

struct kobj *object_get(uint64_t h, enum kobj_type type)
{
	struct handles *t = &current_proc()->handles;
	struct kobj **slot;

	SPIN_HELD(&t->lock);
	slot = slot_of(t, h);
	if (!slot || !*slot || (type != KOBJ_ANY && (*slot)->type != type)) return NULL;
	kobj_ref(*slot);
	return *slot;
}

int handle_close(struct handles *t, uint64_t h)
{
	struct kobj *o = NULL, **slot;

	spin_lock(&t->lock);
	slot = slot_of(t, h);
	if (slot && (o = *slot)) {
		*slot = NULL;
		t->hint = MIN(t->hint, h);
	}
	spin_unlock(&t->lock);
	if (!o) return -EBADF;
	kobj_unhandle(o);
	return 0;
}

/* ---- lent memory */

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
		sync_round(false, false);       /* all begin before one is waited for */
		sync_round(false, true);
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

/* Copy len bytes between `user`, an address of the current process, and lent buffer `which` of a message it received.
 * => -ESRCH: no such token; -EINVAL: no such buffer, or past its end; -EPERM: lent for the other direction; -EFAULT;
 * -EAGAIN: pages of it are not there (L1) */
static int lend_copy(uint64_t token, uint64_t which, uint64_t off, uaddr_t user, uint64_t len, bool write)
{
	struct port *p = current_proc()->port;
	struct kmsg *k = kmsg_lock(p, token);
	const struct ipc_lend *l;
	uint64_t addr;
	int rc = 0;

	if (!k) return -ESRCH;
	l = &k->m.lend[which % IPC_LENDS];
	if (which >= IPC_LENDS || off > l->len || len > l->len - off) rc = -EINVAL;
	else if (!(l->flags & (write ? LEND_WRITE : LEND_READ))) rc = -EPERM;
	else k->lend_busy++;
	spin_unlock(&p->lock);
	if (rc) return rc;

	addr = l->addr + off;
	if (k->lender) rc = copy_lent(lent_map(k, which), addr, user, len, write);
	else rc = write ? copy_in((void *)addr, user, len) : copy_out(user, (void *)addr, len);
	spin_lock(&p->lock);
	if (--k->lend_busy == 0) waitq_wake_all(&p->settled);   /* who withdraws it, or fails it, may wait for this */
	spin_unlock(&p->lock);
	return rc;
}

SYSCALL(lend_read) { return lend_copy(a0, a1, a2, a3, a4, false); }
SYSCALL(lend_write) { return lend_copy(a0, a1, a2, a3, a4, true); }
