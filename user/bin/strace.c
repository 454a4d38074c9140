/* SPDX-License-Identifier: MIT */
/* user/bin/strace.c - strace [-o file] command [argument...]: what it and its children ask of the kernel.
 *
 * The kernel writes a record of each call into a pipe (abi/trace.h); all that makes text of it is here: names and kinds
 * of arguments come from the kernel's table (build/calls.h).  On Linux use Linux's own strace.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/quire.h"
#include "abi/trace.h"

#define LENGTH(a) (sizeof(a) / sizeof(*(a)))
#define RESTART (-512) /* and below: the kernel's own */

static const struct call {
	unsigned long nr;
	const char *name, *kinds;
} call[] = {
#define LINUX_CALL(number, name, kinds) { number, #name, kinds },
#define QUIRE_CALL(number, name, kinds) { number, #name, kinds },
#include "calls.h"
};

#define E(name)                                                                                                        \
	{                                                                                                              \
		name, #name                                                                                            \
	}
struct word {
	long value;
	const char *name;
};
static const struct word errors[] = {
	E(EPERM),        E(ENOENT),    E(ESRCH),  E(EINTR),     E(EIO),       E(ENXIO),      E(E2BIG),
	E(ENOEXEC),      E(EBADF),     E(ECHILD), E(EAGAIN),    E(ENOMEM),    E(EACCES),     E(EFAULT),
	E(ENOTBLK),      E(EBUSY),     E(EEXIST), E(EXDEV),     E(ENODEV),    E(ENOTDIR),    E(EISDIR),
	E(EINVAL),       E(ENFILE),    E(EMFILE), E(ENOTTY),    E(ETXTBSY),   E(EFBIG),      E(ENOSPC),
	E(ESPIPE),       E(EROFS),     E(EMLINK), E(EPIPE),     E(EDOM),      E(ERANGE),     E(EDEADLK),
	E(ENAMETOOLONG), E(ENOLCK),    E(ENOSYS), E(ENOTEMPTY), E(ELOOP),     E(EOVERFLOW),  E(EOPNOTSUPP),
	E(EAFNOSUPPORT), E(ETIMEDOUT), E(ESTALE), E(ENODATA),   E(ECANCELED), E(EOWNERDEAD),
};
static const struct word signals[] = {
	E(SIGHUP),    E(SIGINT),  E(SIGQUIT),  E(SIGILL),  E(SIGTRAP), E(SIGABRT), E(SIGBUS),  E(SIGFPE),
	E(SIGKILL),   E(SIGUSR1), E(SIGSEGV),  E(SIGUSR2), E(SIGPIPE), E(SIGALRM), E(SIGTERM), E(SIGCHLD),
	E(SIGCONT),   E(SIGSTOP), E(SIGTSTP),  E(SIGTTIN), E(SIGTTOU), E(SIGURG),  E(SIGXCPU), E(SIGXFSZ),
	E(SIGVTALRM), E(SIGPROF), E(SIGWINCH), E(SIGIO),   E(SIGPWR),  E(SIGSYS),
};
static const struct word open_bits[] = {
	E(O_WRONLY), E(O_RDWR),  E(O_CREAT),     E(O_EXCL),     E(O_NOCTTY),  E(O_TRUNC),  E(O_APPEND), E(O_NONBLOCK),
	E(O_SYNC),   E(O_DSYNC), E(O_DIRECTORY), E(O_NOFOLLOW), E(O_CLOEXEC), E(O_DIRECT), E(O_PATH),   E(O_LARGEFILE),
};
static const struct word prot_bits[] = { E(PROT_READ), E(PROT_WRITE), E(PROT_EXEC) };
static const struct word map_bits[] = {
	E(MAP_SHARED), E(MAP_PRIVATE),   E(MAP_FIXED),    E(MAP_ANONYMOUS), E(MAP_GROWSDOWN),
	E(MAP_LOCKED), E(MAP_NORESERVE), E(MAP_POPULATE), E(MAP_STACK),     E(MAP_FIXED_NOREPLACE),
};
static const struct word sync_bits[] = { E(MS_ASYNC), E(MS_INVALIDATE), E(MS_SYNC) };
static const struct word at_bits[] = { E(AT_SYMLINK_NOFOLLOW), E(AT_REMOVEDIR), E(AT_SYMLINK_FOLLOW),
	                               E(AT_EMPTY_PATH) };

/* Arguments whose kind does not say enough: bits by name, or one value. */
static const struct {
	const char *call;
	int arg;
	const struct word *word;
	size_t n;
	int bits;
} special[] = {
	{ "open", 1, open_bits, LENGTH(open_bits), 1 }, { "openat", 2, open_bits, LENGTH(open_bits), 1 },
	{ "mmap", 3, map_bits, LENGTH(map_bits), 1 },   { "newfstatat", 3, at_bits, LENGTH(at_bits), 1 },
	{ "unlinkat", 2, at_bits, LENGTH(at_bits), 1 }, { "faccessat2", 3, at_bits, LENGTH(at_bits), 1 },
	{ "kill", 1, signals, LENGTH(signals), 0 },     { "tkill", 1, signals, LENGTH(signals), 0 },
	{ "tgkill", 2, signals, LENGTH(signals), 0 },   { "rt_sigaction", 0, signals, LENGTH(signals), 0 },
};

static FILE *out;

static const char *word_find(const struct word *w, size_t n, long value)
{
	for (size_t i = 0; i < n; i++)
		if (w[i].value == value) return w[i].name;
	return NULL;
}

/* O_RDWR|O_CREAT; what is left in hex, and 0 if there is nothing. */
static void bits_put(const struct word *w, size_t n, unsigned long v)
{
	const char *bar = "";

	if (w == open_bits && (v & O_ACCMODE) == 0) bar = "|", fputs("O_RDONLY", out);
	for (size_t i = 0; i < n; i++) {
		if ((v & w[i].value) != (unsigned long)w[i].value) continue;
		fprintf(out, "%s%s", bar, w[i].name);
		v &= ~w[i].value;
		bar = "|";
	}
	if (v || !*bar) fprintf(out, "%s%#lx", bar, v);
}

static void text_put(const char *s, size_t n, int more)
{
	putc('"', out);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = s[i];

		if (c == '\n')
			fputs("\\n", out);
		else if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ' || c > '~')
			fprintf(out, "\\%o", c);
		else
			putc(c, out);
	}
	fputs(more ? "\"..." : "\"", out);
}

/* The text that argument i points to, if the record has it. */
static const char *text_of(const struct trace_record *r, int i)
{
	static const unsigned char which[TRACE_TEXTS] = TRACE_WHICH;

	for (int k = 0; k < TRACE_TEXTS; k++)
		if (which[k] == i) return r->text[k];
	return "";
}

static int special_put(const struct call *c, int i, unsigned long v)
{
	const char *name;

	for (size_t k = 0; k < LENGTH(special); k++) {
		if (special[k].arg != i || strcmp(special[k].call, c->name)) continue;
		if (special[k].bits) return bits_put(special[k].word, special[k].n, v), 1;
		name = word_find(special[k].word, special[k].n, (int)v);
		if (name) return fputs(name, out), 1;
	}
	return 0;
}

static int is(const char *kind, const char *what)
{
	size_t n = strlen(what);

	return !strncmp(kind, what, n) && (kind[n] == ' ' || !kind[n]);
}

/* What is written is text; what is read is not there yet when the record is made. */
static int data_put(const struct trace_record *r, const struct call *c, int i)
{
	const char *s = text_of(r, i);
	size_t n = strnlen(s, 32);

	if (i != 1 || (strcmp(c->name, "write") && strcmp(c->name, "pwrite64"))) return 0;
	if (n > r->arg[2]) n = r->arg[2];
	if (!n) return 0;
	text_put(s, n, n < r->arg[2]);
	return 1;
}

static void arg_put(const struct trace_record *r, const struct call *c, const char *kind, int i)
{
	unsigned long v = r->arg[i];
	const char *s = text_of(r, i);

	if (special_put(c, i, v) || data_put(r, c, i)) return;
	if (is(kind, "path") && (*s || v > 4096))
		text_put(s, strlen(s), strlen(s) == TRACE_TEXT - 1);
	else if (is(kind, "fd") && (int)v == AT_FDCWD)
		fputs("AT_FDCWD", out);
	else if (is(kind, "fd") || is(kind, "int"))
		fprintf(out, "%d", (int)v);
	else if (is(kind, "size"))
		fprintf(out, "%ld", (long)v);
	else if (is(kind, "mode"))
		fprintf(out, "%#lo", v);
	else if (is(kind, "prot"))
		bits_put(prot_bits, LENGTH(prot_bits), v);
	else if (is(kind, "msflags"))
		bits_put(sync_bits, LENGTH(sync_bits), v);
	else if (is(kind, "addr") && !v)
		fputs("NULL", out);
	else
		fprintf(out, "%#lx", v);
}

static void result_put(const struct call *c, long r)
{
	const char *name = word_find(errors, LENGTH(errors), -r);

	if (r == TRACE_NO_RESULT)
		fputs("?\n", out);
	else if (r <= RESTART && r > -4096)
		fputs("? (interrupted)\n", out);
	else if (r < 0 && r > -4096 && name)
		fprintf(out, "-1 %s\n", name);
	else if (!strcmp(c->name, "mmap") || !strcmp(c->name, "brk") || !strcmp(c->name, "mremap"))
		fprintf(out, "%#lx\n", r);
	else
		fprintf(out, "%ld\n", r);
}

static void record_put(const struct trace_record *r)
{
	static char number[32];
	struct call other = { r->nr, number, "arg arg arg arg arg arg" };
	const struct call *c = &other;
	const char *kind;

	snprintf(number, sizeof(number), "call_%lu", (unsigned long)r->nr);
	for (size_t i = 0; i < LENGTH(call); i++)
		if (call[i].nr == r->nr) c = &call[i];
	fprintf(out, "%u %.15s %s(", r->pid, r->name, c->name);
	kind = c->kinds;
	for (int i = 0; i < 6 && *kind; i++) {
		if (i) fputs(", ", out);
		arg_put(r, c, kind, i);
		kind += strcspn(kind, " ");
		kind += *kind == ' ';
	}
	fputs(") = ", out);
	result_put(c, r->result);
}

/* Records come whole, a read may take several. */
static void follow(int from)
{
	static struct trace_record r[16];
	size_t have = 0;
	ssize_t n;

	while ((n = read(from, (char *)r + have, sizeof(r) - have)) > 0) {
		have += n;
		for (size_t i = 0; i < have / sizeof(*r); i++)
			record_put(&r[i]);
		fflush(out);
		n = have % sizeof(*r);
		memmove(r, (char *)r + have - n, n);
		have = n;
	}
}

int main(int argc, char **argv)
{
	int two[2], st, first = 1;
	pid_t pid;

	out = stderr;
	if (argc > 3 && !strcmp(argv[1], "-o")) {
		out = fopen(argv[2], "we");
		first = 3;
	}
	if (!out || first >= argc || pipe2(two, O_CLOEXEC)) {
		fprintf(stderr, "use: strace [-o file] command [argument...]\n");
		return 2;
	}
	pid = fork();
	if (pid == 0) {
		if (QUIRE(SYS_trace, two[1], 0, 0, 0, 0, 0) < 0)
			fprintf(stderr, "strace: this is not Quire\n");
		else
			execvp(argv[first], argv + first);
		fprintf(stderr, "strace: %s: %s\n", argv[first], strerror(errno));
		_exit(127);
	}
	close(two[1]);
	follow(two[0]);
	if (pid < 0 || waitpid(pid, &st, 0) != pid) return 1;
	return WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
}
