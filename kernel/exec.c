/* SPDX-License-Identifier: MIT */
/* kernel/exec.c - RING 0 - execve: a new address space is made complete beside the old one, then they are exchanged.
 *
 * So there is no point of no return: until the exchange every error leaves the old program as it was, and after it
 * nothing can fail.
 *
 * Path:  syscall.c > [exec.c] > elf.c, start.c; servers.c > proc_spawn_module()
 * Locks: none.
 */
#include "boot/bootinfo.h"
#include "kernel/proc.h"
#include "kernel/start.h"
#include "kernel/syscalls.h"
#include "kernel/time.h"
#include "kernel/usercopy.h"
#include "mm/frame.h"
#include "mm/map.h"

#define SERVER_STACK  (128ull << 10)            /* wired, so not more than needed */
#define PIE_BASE      0x0000555555554000ull     /* where Linux puts them: addresses look familiar */
#define INTERP_BASE   0x00007e0000000000ull
#define SCRIPT_DEPTH  5
#define SCRIPT_LINE   255                       /* bytes of a #! line; both as Linux */
#define MSR_FS_BASE 0xc0000100u
#define MSR_KERNEL_GS_BASE 0xc0000102u

/* What the limit says, but the words have to fit. */
static uint64_t stack_size(void)
{
	return ROUND_UP(MAX(MIN(current_proc()->rlimit[RLIMIT_STACK][0], STACK_MAX), 2 * WORDS_MIN), PAGE_SIZE);
}

static int stack_map(struct map *m, uint64_t size, bool exec)
{
	uaddr_t at = STACK_TOP - size;
	uint32_t prot = PROT_READ | PROT_WRITE | (exec ? PROT_EXEC : 0);

	return map_map(m, &at, size, prot, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
	               NULL, 0);
}

/* ---- what is run */

struct program {
	struct file *file;
	struct vmo *image;              /* the file's */
	struct prefix prefix;
	struct map *map;
	struct loaded prog, interp;
	struct exec_ids ids;
	uaddr_t entry;
};

static int file_image(const char *path, struct file **f, struct vmo **image)
{
	int rc = file_open(path, O_RDONLY | O_NONBLOCK, f);     /* of a pipe nobody waits for the other end */

	if (rc) return rc;
	*image = (*f)->vmo;
	rc = *image && ((*f)->mode & S_IFMT) == S_IFREG ? file_may_exec(*f) : -EACCES;
	if (!rc) return 0;
	file_put(*f);
	*f = NULL;
	return rc;
}

/* "#! interpreter [one argument]": the words to put before, and the next file to look at in path.  name: the first
 * script's, which becomes an argument.  1: it was a script; 0: it was not */
static int script_parse(struct program *g, const char *name, char *path, size_t size)
{
	char line[SCRIPT_LINE + 1] = "", *word = line + 2, *arg, *end;
	uint64_t n = MIN(g->image->size, (uint64_t)SCRIPT_LINE);
	int rc = image_read(g->image, 0, line, n);

	if (rc) return rc;
	if (line[0] != '#' || line[1] != '!') return 0;
	end = strchr(line, '\n');
	if (!end && n == SCRIPT_LINE) return -ENOEXEC;  /* longer than we read */
	if (!end) end = line + n;
	while (end[-1] == ' ' || end[-1] == '\t') end--;
	*end = 0;
	while (*word == ' ' || *word == '\t') word++;
	for (arg = word; *arg && *arg != ' ' && *arg != '\t'; arg++) { }
	while (*arg == ' ' || *arg == '\t') *arg++ = 0;
	if (!*word) return -ENOEXEC;
	if (!g->prefix.count) rc = prefix_add(&g->prefix, name);
	if (!rc && *arg) rc = prefix_add(&g->prefix, arg);
	if (!rc) rc = prefix_add(&g->prefix, word);
	kstrlcpy(path, word, size);
	return rc ? rc : 1;
}

/* Follow #! lines to a real program.  0: g->file and g->image are it. */
static int program_open(struct program *g, const char *name)
{
	char path[SCRIPT_LINE + 1];
	int rc = file_image(name, &g->file, &g->image);

	for (int depth = 0; !rc && (rc = script_parse(g, name, path, sizeof(path))) == 1; depth++) {
		file_put(g->file);
		g->file = NULL;
		rc = depth == SCRIPT_DEPTH ? -ELOOP : file_image(path, &g->file, &g->image);
	}
	return rc;
}

static int program_map(struct program *g)
{
	struct file *f = NULL;
	struct vmo *image;
	int rc;

	g->map = map_create();
	if (!g->map) return -ENOMEM;
	rc = elf_load(g->map, g->image, PIE_BASE, &g->prog);
	g->entry = g->prog.entry;
	if (!rc && g->prog.interp[0]) {
		rc = file_image(g->prog.interp, &f, &image);
		if (!rc) rc = elf_load(g->map, image, INTERP_BASE, &g->interp);
		g->entry = g->interp.entry;
		if (f) file_put(f);
	}
	if (!rc) rc = stack_map(g->map, stack_size(), g->prog.exec_stack);
	if (!rc) rc = vdso_map(g->map, &g->prog.vdso);
	g->map->brk_start = g->map->brk = g->prog.end;
	return rc;
}

/* Words and their addresses into the new map.  argv[0] of a program is the user's; a script's words replace it. */
static int program_words(struct program *g, const char *path, uaddr_t argv, uaddr_t envp, uaddr_t *sp)
{
	uint64_t bytes = g->prefix.len + g->prefix.count * 8;
	int64_t argc = words_count(argv, &bytes), envc = argc < 0 ? argc : words_count(envp, &bytes);
	int64_t first;
	struct start s;
	int rc;

	if (envc < 0) return envc;
	if (!argc && !g->prefix.count) {        /* Linux since 5.18: or it would take its environment for arguments */
		prefix_add(&g->prefix, "");
		bytes++;
	}
	first = MIN(g->prefix.count ? 1 : 0, argc);
	rc = start_begin(&s, g->prefix.count + argc - first + envc, bytes, path);
	if (rc) return rc;
	push_word(&s, g->prefix.count + argc - first);
	g->map->args = start_addr(&s, s.str);
	push_prefix(&s, &g->prefix);
	rc = push_user_words(&s, argv, first, argc);
	push_word(&s, 0);
	g->map->env = start_addr(&s, s.str);
	if (!rc) rc = push_user_words(&s, envp, 0, envc);
	push_word(&s, 0);
	g->map->env_end = start_addr(&s, s.str);
	if (!rc) rc = push_auxv(&s, &g->prog, g->interp.base, path, &g->ids);
	*sp = g->map->stack = start_addr(&s, 0);
	if (!rc) rc = map_copy(g->map, *sp, s.buf, s.size, true);
	start_free(&s);
	return rc;
}

static void regs_start(struct trapframe *tf, uaddr_t entry, uaddr_t sp)
{
	*tf = (struct trapframe){.rip = entry, .rsp = sp, .cs = USER_CS, .ss = USER_SS, .rflags = 0x202};
}

/* Nothing can fail any more. */
static void program_enter(struct program *g, const char *path, uaddr_t sp)
{
	struct thread *t = current_thread();
	struct proc *p = t->proc;
	struct map *old = p->map;
	struct file *exe = p->exe;
	const char *name = path;

	for (const char *c = path; *c; c++)
		if (*c == '/' && c[1]) name = c + 1;
	thread_memory_leave(t);
	kstrlcpy(p->name, name, sizeof(p->name));
	spin_lock(&p->lock);
	p->map = g->map;
	p->exe = g->file;
	map_switch(g->map);
	t->fs_base = t->gs_base = 0;
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	spin_unlock(&p->lock);
	p->used.maxrss = MAX(p->used.maxrss, old->pmap.peak);
	map_put(old);
	cred_commit(&g->ids);
	if (exe) file_put(exe);
	proc_map_release(p);
	signal_exec(p);
	files_close(p, true);           /* last: who waits for the end of a pipe sees a program that was executed */
	thread_fpu_reset();
	t->clear_tid = t->robust = 0;
	regs_start(t->tf, g->entry, sp);
}

static long exec(struct program *g, const char *path, uaddr_t argv, uaddr_t envp)
{
	int rc = program_open(g, path);
	uaddr_t sp = 0;

	if (!rc) rc = cred_exec(g->file, &g->ids);
	if (!rc) rc = program_map(g);
	if (!rc) rc = program_words(g, path, argv, envp, &sp);
	if (!rc) rc = proc_alone();
	if (!rc) program_enter(g, path, sp);
	if (rc && g->file) file_put(g->file);
	if (rc && g->map) map_put(g->map);
	return rc;
}

static long exec_try(uaddr_t name, uaddr_t argv, uaddr_t envp)
{
	struct program *g = kalloc(sizeof(*g));
	char *path = kalloc(PATH_MAX);
	long rc = -ENOMEM;

	if (g && path) rc = copy_in_str(path, name, PATH_MAX);
	if (rc >= 0) rc = exec(g, path, argv, envp);
	kfree(g);
	kfree(path);
	return rc;
}

SYSCALL(execve)
{
	long rc = exec_try(a0, a1, a2);

	for (int i = 0; rc == -ENOMEM && i < RECLAIM_AGAIN && !reclaim_wait(); i++) rc = exec_try(a0, a1, a2);
	return rc;
}

/* ---- boot modules */

static int server_files(struct proc *p)
{
	struct file *f = log_open();

	if (!f) return -ENOMEM;
	f->mode = S_IFCHR | 0600;
	f->refs = 3;
	p->fd[0] = p->fd[1] = p->fd[2] = f;
	return 0;
}

/* All is there before it runs: a server may never wait for a page. */
static int server_map(struct program *g)
{
	int rc;

	g->map = map_create();
	if (!g->map) return -ENOMEM;
	g->map->wired = true;
	g->map->lock_future = MCL_FUTURE;
	rc = elf_load(g->map, g->image, PIE_BASE, &g->prog);
	if (!rc && g->prog.interp[0]) rc = -ENOEXEC;
	g->map->brk_start = g->map->brk = g->prog.end;
	if (!rc) rc = stack_map(g->map, SERVER_STACK, false);
	g->map->lock_future = 0;
	return rc;
}

/* An object without a pager holds the image: its pages stay. */
static int server_image(struct program *g, const struct boot_module *m)
{
	int64_t n;

	g->image = vmo_create(NULL, 0, m->len, m->len, VMO_EPHEMERAL);
	if (!g->image) return -ENOMEM;
	n = pcache_write_kernel(g->image, 0, phys_to_virt(m->start), m->len, m->len);
	return n < 0 ? n : (uint64_t)n == m->len ? 0 : -ENOMEM;
}

int proc_spawn_module(const struct boot_module *m, const char *name, struct proc **out, struct thread **thread)
{
	const char *arg = strchr(name, ':');
	struct program *g = kalloc(sizeof(*g));
	struct proc *p = proc_create(name, NULL);
	struct thread *t = p ? proc_thread(p) : NULL;
	uaddr_t sp = 0;
	int rc = -ENOMEM;

	if (g && t) {
		p->server = t->reserve = true;
		rc = server_files(p);
		if (!rc) rc = server_image(g, m);
		if (!rc) rc = server_map(g);
		if (!rc && arg) rc = prefix_add(&g->prefix, arg + 1);
		if (!rc) rc = prefix_add(&g->prefix, m->name);
		if (!rc) rc = program_words(g, name, 0, 0, &sp);
	}
	if (!rc) {
		vmo_unref(g->image);
		p->map = g->map;
		regs_start(t->tf, g->prog.entry, sp);
		proc_publish(p, false);
		*out = p;
		*thread = t;
	}
	kfree(g);
	return rc;                      /* on failure the machine stops: nothing is given back */
}
