/* SPDX-License-Identifier: MIT */
/* user/pm/exec.c - RING 3 - execve: which file is run, as whom, and what the new program's memory looks like.
 *
 * The kernel has made the memory, with a stack and the vDSO in it; the words and the plan go there (abi/pm.h), and
 * the caller's own thread maps what the plan says and enters the program.  Until then all can fail, and nothing has happened.
 *
 * Path:  main.c > [exec.c] > elf.c, words.c  ~NAME_EXEC~>  fs/srv_name.c
 *
 * X1  A file that was opened here is closed here, unless the answer reached the caller, which then has it.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "abi/name.h"
#include "abi/vdso.h"
#include "user/pm/image.h"

#define PIE_BASE     0x0000555555554000ull      /* where Linux puts them: addresses look familiar */
#define INTERP_BASE  0x00007e0000000000ull
#define SCRIPT_DEPTH 5
#define SCRIPT_LINE  255u                       /* bytes of a #! line; both as Linux */

struct file { uint64_t node; mode_t mode; uint32_t uid, gid, object; };

static struct program {
	char path[PATH_MAX];            /* as the caller says */
	struct file file, interp_file;
	struct prefix prefix;
	struct image prog, interp;
	struct proc_attr attr;          /* that it gets */
} g;

/* ---- files */

static void file_close(struct file *f)
{
	struct ipc_msg m = {.op = NAME_CLOSE, .arg = {f->node}};

	if (f->object) q_close(f->object);
	if (f->node) q_call(HANDLE_FS, &m);
	*f = (struct file){0};
}

/* A regular file that the caller may run.  A caller that is still there was there when we looked: c->me tells of it, and
 * not of another with its number.  -ESRCH: it has been killed */
static int file_open(struct call *c, const char *path, struct file *f)
{
	struct name_caller who = {.cwd = c->me.cwd};
	struct ipc_msg m = {.op = NAME_EXEC, .lend = {{(uint64_t)path, strlen(path), LEND_READ}}};
	long rc = q_lend_read(c->token, 0, 0, &who, 0);

	m.arg[5] = c->me.root == NODE_ROOT ? 0 : c->me.root;
	m.arg[6] = c->me.pid | (uint64_t)c->tid << 32;
	m.arg[7] = c->me.attr.fsuid | (uint64_t)c->me.attr.fsgid << 32;
	memcpy(m.text, &who, sizeof(who));
	if (!rc) rc = q_call(HANDLE_FS, &m);
	if (!rc) rc = m.status;
	if (rc) return (int)rc;
	*f = (struct file){m.arg[0], (mode_t)m.arg[1], (uint32_t)m.arg[3], (uint32_t)(m.arg[3] >> 32), m.handle[0]};
	return 0;
}

/* "#! interpreter [one argument]": the words to put before, and the next file to look at in path.  1: it was a script;
 * 0: it was not */
static int script_parse(char *path)
{
	char line[SCRIPT_LINE + 1] = "", *word = line + 2, *arg, *end;
	long n = q_vmo_read(g.file.object, 0, line, SCRIPT_LINE);
	int rc = 0;

	if (n < 0) return (int)n;
	if (line[0] != '#' || line[1] != '!') return 0;
	end = strchr(line, '\n');
	if (!end && n == SCRIPT_LINE) return -ENOEXEC;  /* longer than we read */
	if (!end) end = line + n;
	while (end[-1] == ' ' || end[-1] == '\t') end--;
	*end = 0;
	word += strspn(word, " \t");
	arg = word + strcspn(word, " \t");
	while (*arg == ' ' || *arg == '\t') *arg++ = 0;
	if (!*word) return -ENOEXEC;
	if (!g.prefix.count) rc = prefix_add(&g.prefix, g.path);        /* the first script becomes an argument */
	if (!rc && *arg) rc = prefix_add(&g.prefix, arg);
	if (!rc) rc = prefix_add(&g.prefix, word);
	strcpy(path, word);
	return rc ? rc : 1;
}

/* Follow #! lines to a real program.  0: g.file is it. */
static int program_open(struct call *c)
{
	char path[SCRIPT_LINE + 1];
	int rc = file_open(c, g.path, &g.file);

	for (int depth = 0; !rc && (rc = script_parse(path)) == 1; depth++) {
		file_close(&g.file);
		rc = depth == SCRIPT_DEPTH ? -ELOOP : file_open(c, path, &g.file);
	}
	return rc;
}

/* ---- its name, and whose it is (credentials(7)) */

static void attr_plan(const struct call *c)
{
	mode_t ids = c->me.attr.no_new_privs ? 0 : g.file.mode;
	struct proc_attr *a = &g.attr;
	const char *name = g.path;

	*a = c->me.attr;
	if (ids & S_ISUID) a->euid = g.file.uid;
	if (ids & S_ISGID && ids & S_IXGRP) a->egid = g.file.gid;
	a->suid = a->fsuid = a->euid;
	a->sgid = a->fsgid = a->egid;
	a->dumpable = a->uid == a->euid && a->gid == a->egid;
	if (!a->dumpable) a->pdeath_signal = 0;
	for (const char *p = g.path; *p; p++)
		if (*p == '/' && p[1]) name = p + 1;
	memset(a->name, 0, sizeof(a->name));
	memcpy(a->name, name, strnlen(name, sizeof(a->name) - 1));
}

/* ---- the plan */

static int images_plan(struct call *c)
{
	int rc = image_plan(&g.prog, g.file.object, 0, PIE_BASE);

	g.interp.npieces = 0;
	g.interp.base = 0;
	if (rc || !g.prog.interp[0]) return rc;
	rc = file_open(c, g.prog.interp, &g.interp_file);
	return rc ? rc : image_plan(&g.interp, g.interp_file.object, 1, INTERP_BASE);
}

static uint64_t cpu_features(void)
{
	uint32_t a, b, c, d = 0;

	__get_cpuid(1, &a, &b, &c, &d);
	return d;
}

/* With the registers that ring 0 saves and enables (SDM 1 13.4.3): kernel/sigframe.c puts them there. */
static uint64_t signal_stack_min(void)
{
	uint32_t a, b, c, d, area = 512;

	if (__get_cpuid(1, &a, &b, &c, &d) && c & bit_OSXSAVE && __get_cpuid_count(13, 0, &a, &b, &c, &d)) area = b;
	return MINSIGSTKSZ + area;
}

static int words_write(const struct call *c, struct words *w, uint64_t more)
{
	const struct proc_attr *who = &g.attr;
	struct aux aux[] = {
		{AT_PHDR, g.prog.phdr}, {AT_PHENT, sizeof(Elf64_Phdr)}, {AT_PHNUM, g.prog.phnum}, {AT_PAGESZ, 4096},
		{AT_BASE, g.interp.base}, {AT_SYSINFO_EHDR, VDSO_AT}, {AT_FLAGS, 0}, {AT_ENTRY, g.prog.entry},
		{AT_UID, who->uid}, {AT_EUID, who->euid}, {AT_GID, who->gid}, {AT_EGID, who->egid},
		{AT_HWCAP, cpu_features()}, {AT_HWCAP2, 0},     /* no FSGSBASE: CR4 does not let ring 3 */
		{AT_PLATFORM, 0}, {AT_CLKTCK, 100}, {AT_SECURE, !who->dumpable},
		{AT_MINSIGSTKSZ, signal_stack_min()}, {AT_RANDOM, 0}, {AT_EXECFN, 0}, {AT_NULL, 0},
	};
	int rc = words_count(c, w);

	/* Linux since 5.18: or it would take its environment for arguments */
	if (!rc && !w->argc && !g.prefix.count) rc = prefix_add(&g.prefix, "");
	if (!rc) rc = words_room(c, w, &g.prefix, g.path, more);
	if (!rc) rc = words_copy(c, w, &g.prefix);
	return rc ? rc : words_end(c, aux, sizeof(aux) / sizeof(*aux), g.path);
}

/* Below the stack, where the new program will find nothing of use.  *at: where */
static int plan_write(const struct call *c, uint64_t *at)
{
	struct words w = {.argv = c->arg[1], .envp = c->arg[2], .top = c->arg[3]};
	uint64_t prog = g.prog.npieces * sizeof(struct exec_piece);
	uint64_t interp = g.interp.npieces * sizeof(struct exec_piece);
	uint64_t size = (sizeof(struct exec_plan) + prog + interp + 15) & ~15ull;
	struct exec_plan plan = {
		.entry = g.interp.npieces ? g.interp.entry : g.prog.entry,
		.attr = g.attr, .exec_stack = g.prog.exec_stack, .npieces = g.prog.npieces + g.interp.npieces,
	};
	int rc = words_write(c, &w, size);

	plan.program = (struct program_layout){g.prog.end, g.prog.end, w.sp, w.args, w.env, w.env_end};
	*at = w.sp - size;
	if (!rc) rc = mem_new(c, *at, &plan, sizeof(plan));
	if (!rc) rc = mem_new(c, *at + sizeof(plan), g.prog.piece, prog);
	return rc ? rc : mem_new(c, *at + sizeof(plan) + prog, g.interp.piece, interp);
}

/* ---- the answer */

/* X1.  The objects' handles are ours in any case. */
static void answer(struct call *c, uint64_t at)
{
	struct ipc_msg m = {
		.token = c->token, .arg = {0, at, g.file.node, g.interp_file.node},
		.handle = {g.file.object, g.interp_file.object},
	};

	c->answered = true;
	if (!q_reply(&m)) g.file.node = g.interp_file.node = 0;
}

long pm_execve(struct call *c)
{
	int rc = mem_text(c, g.path, c->arg[0], sizeof(g.path));
	uint64_t at = 0;

	if (rc < 0) return rc;
	g.prefix.len = g.prefix.count = 0;
	rc = program_open(c);
	if (!rc) attr_plan(c);
	if (!rc) rc = images_plan(c);
	if (!rc) rc = plan_write(c, &at);
	if (!rc) answer(c, at);
	file_close(&g.file);
	file_close(&g.interp_file);
	return rc;
}
