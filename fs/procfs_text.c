/* SPDX-License-Identifier: MIT */
/* fs/procfs_text.c - RING 3 - the text of a /proc file: made whole by a read from its start, then given in pieces.
 *
 * Path:  devfs.c (DEV_READ) > [procfs_text.c] > the file's maker
 * So what a program reads piece by piece is of one moment, and to read again from offset 0 is to ask anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include "fs/procfs.h"
#include "fs/vfs_share.h"

#define TEXT_MAX  (4u << 20)            /* of one file: some 5,000 mappings of smaps; the kernel wires our memory */

/* Room for n bytes and a NUL. */
static bool text_room(struct text *t, size_t n)
{
	size_t room = t->room ? t->room : 512, more;
	char *buf;

	if (t->full) return false;
	while (room < t->len + n + 1) room *= 2;
	if (room == t->room) return true;
	if (!t->room) t->payer = vfs_caller.cred.uid;
	more = room - t->room;
	t->full = room > TEXT_MAX || !share_take(SHARE_TEXTS, t->payer, more);
	if (t->full) return false;
	buf = realloc(t->buf, room);
	if (!buf) {
		share_give(SHARE_TEXTS, t->payer, more);
		t->full = true;
		return false;
	}
	t->buf = buf;
	t->room = room;
	return true;
}

void text_put(struct text *t, const void *bytes, size_t n)
{
	if (!text_room(t, n)) return;
	memcpy(t->buf + t->len, bytes, n);
	t->len += n;
}

void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n > 0 && text_room(t, n)) t->len += vsnprintf(t->buf + t->len, n + 1, fmt, again);
	va_end(again);
	va_end(ap);
}

void text_pad(struct text *t, size_t from, size_t width)
{
	while (t->len < from + width && !t->full) text_put(t, " ", 1);
}

void text_free(struct text *t)
{
	share_give(SHARE_TEXTS, t->payer, t->room);
	free(t->buf);
	*t = (struct text){0};
}

void text_octal(struct text *t, const char *s, const char *chars)
{
	for (; *s; s++) {
		if (strchr(chars, *s)) text_add(t, "\\%03o", *s);
		else text_put(t, s, 1);
	}
}

/* Since the open the process may have begun a program that runs as another user (execve()), or be another one: its
 * secrets are not for who was its owner then. */
static bool text_allowed(const struct vnode *vn)
{
	const struct proc_node *n = vn->fs;
	uint32_t uid = vfs_caller.cred.uid;
	struct facts_proc f;

	if (!n->pid || (vn->mode & S_IROTH) || uid == 0) return true;
	return proc_facts(n, &f) || f.attr.euid == vn->uid || f.attr.euid == uid;
}

int procfs_text(struct vnode *vn, uint64_t off, const char **at, size_t *n)
{
	struct proc_node *p = vn->fs;
	int rc = 0;

	if (off == 0 || !p->made) {
		if (!text_allowed(vn)) return -EACCES;
		p->text.len = 0;
		p->text.full = false;
		if (p->file->make) rc = p->file->make(&p->text, p);
		else text_add(&p->text, "%s", p->file->fixed);
		if (!rc && p->text.full && !p->text.len) rc = -ENOMEM;
		if (rc) return rc;
		p->made = true;
	}
	*n = off < p->text.len ? p->text.len - off : 0;
	*at = *n ? p->text.buf + off : "";
	return 0;
}
