/* SPDX-License-Identifier: MIT */
/* user/conformance/exec.c - execve: words, scripts, descriptors, and files that are not programs.  Runs on Linux too.
 *
 * It runs itself again with one argument that says what to check in the new program; the exit status tells.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOOD 42                         /* exit status of a check that held */
#define FAILED(e) (100 + (e) % 100)     /* execve itself failed with this errno */

extern char **environ;
static int failed, checks;
static char self[PATH_MAX];

static void check(int ok, const char *what)
{
	checks++;
	if (ok) return;
	failed++;
	printf("not ok: %s\n", what);
}

/* The status of a child that became argv[0]. */
static int run(char *const argv[], char *const env[])
{
	pid_t p = fork();
	int status = -1;

	if (p == 0) {
		alarm(60);
		execve(argv[0], argv, env);
		_exit(FAILED(errno));
	}
	waitpid(p, &status, 0);
	return status;
}

static int ends(char *const argv[], int code)
{
	int status = run(argv, environ);

	return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

static void put(const char *path, const void *bytes, size_t n)
{
	int fd;

	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY, 0755);
	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n) {
		perror(path);
		exit(1);
	}
	close(fd);
}

/* ---- in the new program */

static int words_arrived(int argc, char **argv)
{
	if (argc != 4 || strcmp(argv[2], "two words") || argv[3][0] || argv[4]) return 0;
	if (!environ[0] || strcmp(environ[0], "A=one value") || environ[1]) return 0;
	return getauxval(AT_PAGESZ) == 4096 && getauxval(AT_PHDR) && getauxval(AT_RANDOM);
}

/* Is this entry there?  getauxval's 0 alone does not say. */
static int has_aux(unsigned long type)
{
	errno = 0;
	return getauxval(type) || !errno;
}

static int auxv_arrived(char **argv)
{
	static const unsigned long types[] = {
		AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY, AT_UID, AT_EUID, AT_GID, AT_EGID, AT_HWCAP,
		AT_HWCAP2, AT_CLKTCK, AT_SECURE, AT_RANDOM, AT_EXECFN, AT_PLATFORM, AT_MINSIGSTKSZ,
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!has_aux(types[i])) return 0;
	if (strcmp((char *)getauxval(AT_EXECFN), argv[0]) || strcmp((char *)getauxval(AT_PLATFORM), "x86_64")) return 0;
	if (getauxval(AT_SECURE) || getauxval(AT_UID) != getuid() || getauxval(AT_EGID) != getegid()) return 0;
	/* a signal's frame: FXSAVE's 512 bytes and as many of registers and siginfo, and what else the CPU has */
	return (getauxval(AT_HWCAP) & 1) && getauxval(AT_CLKTCK) == 100 && getauxval(AT_MINSIGSTKSZ) >= 1024;
}

static int script_arrived(int argc, char **argv)
{
	return argc == 4 && !strcmp(argv[2], "./script") && !strcmp(argv[3], "word");
}

static int nested_arrived(int argc, char **argv)
{
	if (argc != 6 || strcmp(argv[3], "one argument")) return 0;
	return !strcmp(argv[4], "./nested") && !strcmp(argv[5], "word");
}

static int child(int argc, char **argv)
{
	int ok = 0;

	if (!strcmp(argv[1], "=words")) ok = words_arrived(argc, argv);
	if (!strcmp(argv[1], "=many")) ok = argc == 500 && strlen(argv[499]) == 60;
	if (!strcmp(argv[1], "=script")) ok = script_arrived(argc, argv) || nested_arrived(argc, argv);
	if (!strcmp(argv[1], "=auxv")) ok = auxv_arrived(argv);
	if (!strcmp(argv[1], "=fds")) ok = fcntl(100, F_GETFD) == -1 && fcntl(101, F_GETFD) == 0;
	if (!strcmp(argv[1], "=run")) ok = 1;
	return ok ? GOOD : 1;
}

/* ---- checks */

static void words(void)
{
	char *argv[] = {self, "=words", "two words", "", NULL}, *env[] = {"A=one value", NULL};
	char word[61], **many = calloc(40001, sizeof(*many));
	pid_t p;
	int status;

	check(WEXITSTATUS(run(argv, env)) == GOOD, "arguments, environment and auxiliary vector arrive");
	memset(word, 'w', 60);
	word[60] = 0;
	for (int i = 0; i < 40000; i++) many[i] = word;
	many[0] = self;
	many[1] = "=many";
	many[500] = NULL;
	check(ends(many, GOOD), "500 arguments arrive");
	check(posix_spawn(&p, self, NULL, NULL, argv, env) == 0, "posix_spawn");
	check(waitpid(p, &status, 0) == p && WEXITSTATUS(status) == GOOD, "posix_spawn runs a program");
	check(posix_spawn(&p, "/nonexistent", NULL, NULL, argv, env) == ENOENT, "posix_spawn tells the error");
	check(system("exit 3") == 3 << 8, "system tells the status");
	free(many);
}

/* Linux, since 5.18: a program is never without argv[0]. */
static void no_words(void)
{
	char *none[] = {NULL}, *env[] = {"EMPTY=yes", NULL};
	int status = -1;

	for (int i = 0; i < 2; i++) {
		pid_t p = fork();

		if (p == 0) _exit(execve(self, i ? NULL : none, env));
		waitpid(p, &status, 0);
		check(WIFEXITED(status) && WEXITSTATUS(status) == GOOD, i ? "argv NULL" : "an empty argv");
	}
}

/* Linux: 32 pages a word with its NUL; a quarter of the stack's limit for all, with their pointers; 128 KiB at least. */
static void limits(void)
{
	size_t longest = 32 * 4096 - 1;
	struct rlimit was, small = {256 << 10, 256 << 10};
	char *word = malloc(longest + 2), *argv[20] = {self, "=run"}, *aux[] = {self, "=auxv", NULL};
	int n = 2;

	memset(word, 'w', longest + 1);
	word[longest + 1] = 0;
	argv[2] = word + 1;
	check(ends(argv, GOOD), "a word of 128 KiB");
	argv[2] = word;
	check(ends(argv, FAILED(E2BIG)), "a longer word: E2BIG");
	while (n < 17) argv[n++] = word + 1;
	check(ends(argv, GOOD), "1.9 MiB of words");
	while (n < 19) argv[n++] = word + 1;
	check(ends(argv, FAILED(E2BIG)), "2.1 MiB of words: E2BIG");
	getrlimit(RLIMIT_STACK, &was);
	small.rlim_max = was.rlim_max;
	setrlimit(RLIMIT_STACK, &small);
	argv[3] = NULL;
	check(ends(argv, FAILED(E2BIG)), "a small stack takes fewer words");
	argv[2] = word + 16384;
	check(ends(argv, GOOD), "but 100 KiB always");
	setrlimit(RLIMIT_STACK, &was);
	check(ends(aux, GOOD), "the auxiliary vector is whole");
	free(word);
}

static void descriptors(void)
{
	char *argv[] = {self, "=fds", NULL};
	int fd = open("/dev/null", O_RDONLY);

	dup3(fd, 100, O_CLOEXEC);
	dup2(fd, 101);
	check(ends(argv, GOOD), "FD_CLOEXEC closes one, the other stays");
	close(fd), close(100), close(101);
}

static void scripts(void)
{
	char line[PATH_MAX + 32], *script[] = {"./script", "word", NULL}, *nested[] = {"./nested", "word", NULL};
	char *loop[] = {"./loop", NULL}, *chain[] = {"./chain0", NULL}, long_path[2100] = "";

	put("script", line, snprintf(line, sizeof(line), "#!%s =script\nnever read\n", self));
	check(ends(script, GOOD), "#! with an argument");
	put("nested", "#! ./script   one argument \n", 28);
	check(ends(nested, GOOD), "#! that names a script");
	put("loop", "#!./loop\n", 9);
	check(ends(loop, FAILED(ELOOP)), "#! that names itself: ELOOP");
	put("chain5", line, snprintf(line, sizeof(line), "#!%s =run\n", self));
	for (int i = 4; i >= 0; i--) {
		char name[] = {'c', 'h', 'a', 'i', 'n', '0' + i, 0};

		put(name, line, snprintf(line, sizeof(line), "#!./chain%d\n", i + 1));
	}
	check(ends(chain, FAILED(ELOOP)), "six scripts one in another: ELOOP");
	chain[0] = "./chain1";
	check(ends(chain, GOOD), "five");
	while (strlen(long_path) < 2000) strcat(long_path, "././././././././././././././././././././");
	strcat(long_path, "chain5");
	chain[0] = long_path;
	check(ends(chain, GOOD), "a script with a long path");
	put("loop", line, snprintf(line, sizeof(line), "#!%.*s%s =run\n", (int)(240 - strlen(self)), "                    "
	    "                                                                                                              "
	    "                                                                                                              ", self));
	check(ends(loop, GOOD), "a line of 247 bytes");
	for (char n[] = "chain0"; n[5] < '6'; n[5]++) unlink(n);
	put("loop", "#!/none/here\n", 13);
	check(ends(loop, FAILED(ENOENT)), "#! without an interpreter: ENOENT");
	unlink("script"), unlink("nested"), unlink("loop");
}

static void not_programs(void)
{
	char *none[] = {"/none", NULL}, *dir[] = {"/", NULL}, *text[] = {"./text", NULL},
	     *pipe[] = {"./pipe", NULL};

	check(ends(none, FAILED(ENOENT)), "ENOENT");
	check(ends(dir, FAILED(EACCES)), "a directory: EACCES");
	put("text", "hello\n", 6);
	check(ends(text, FAILED(ENOEXEC)), "a text: ENOEXEC");
	chmod("text", 0644);
	check(ends(text, FAILED(EACCES)), "no x: EACCES");
	check(mkfifo("pipe", 0755) == 0 && ends(pipe, FAILED(EACCES)), "a pipe that nobody writes to: EACCES");
	put("text", "", 0);
	check(ends(text, FAILED(ENOEXEC)), "an empty file: ENOEXEC");
	unlink("text");
	unlink("pipe");
}

/* ---- damaged images: refused, or the program dies; the system goes on */

static unsigned char *image;
static size_t image_size;
static Elf64_Ehdr *eh;
static Elf64_Phdr *load[2];             /* the first two PT_LOAD */

static void image_read(void)
{
	int fd = open(self, O_RDONLY), n = 0;
	struct stat st;
	Elf64_Phdr *ph;

	fstat(fd, &st);
	image_size = st.st_size;
	image = malloc(image_size);
	if (read(fd, image, image_size) != (ssize_t)image_size) exit(1);
	close(fd);
	eh = (void *)image;
	ph = (void *)(image + eh->e_phoff);
	for (int i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && n < 2) load[n++] = &ph[i];
}

static int damaged_runs(size_t size)
{
	char *argv[] = {"./damaged", "=run", NULL};

	put("damaged", image, size);
	return ends(argv, GOOD);
}

/* Set a field to a value, run, put it back. */
#define DAMAGE(field, value) \
	do { \
		__typeof__(field) was = field; \
		field = value; \
		check(!damaged_runs(image_size), "does not run: " #field " = " #value); \
		field = was; \
	} while (0)

static void damaged(void)
{
	image_read();
	check(damaged_runs(image_size), "the undamaged copy runs");
	DAMAGE(eh->e_machine, 3);
	DAMAGE(eh->e_type, ET_CORE);
	DAMAGE(eh->e_phentsize, 32);
	DAMAGE(eh->e_phnum, 0);
	DAMAGE(eh->e_phnum, 65535);
	DAMAGE(eh->e_phoff, image_size - 8);
	DAMAGE(eh->e_phoff, -8ul);
	DAMAGE(eh->e_entry, 0x1000);
	DAMAGE(eh->e_entry, 0xffff800000000000);
	DAMAGE(load[1]->p_offset, 1ul << 62);
	DAMAGE(load[1]->p_vaddr, 1ul << 63);
	DAMAGE(load[1]->p_vaddr, 0xffffffff80000000);
	DAMAGE(load[1]->p_vaddr, load[1]->p_vaddr + 8);
	DAMAGE(load[1]->p_memsz, 1);
	DAMAGE(load[1]->p_filesz, -4096ul);
	DAMAGE(load[0]->p_memsz, 0x700000000000);
	for (size_t n = 0; n < 64; n += 7) check(!damaged_runs(n), "does not run: a few bytes");
	check(!damaged_runs(image_size / 4), "does not run: a quarter of the file");
}

/* Random bytes in the headers: whatever happens, it happens to that program alone. */
static void random_damage(void)
{
	unsigned char saved[1024];
	unsigned r = 1;

	freopen("/dev/null", "w", stderr);
	for (int k = 0; k < 100; k++) {
		memcpy(saved, image, sizeof(saved));
		for (int j = 0; j < 4; j++) {
			r = r * 1103515245 + 12345;
			image[4 + (r >> 8) % 500] = r >> 20;
		}
		damaged_runs(image_size);
		memcpy(image, saved, sizeof(saved));
	}
	check(damaged_runs(image_size), "the undamaged copy still runs");
	unlink("damaged");
}

/* exec folder */
int main(int argc, char **argv)
{
	struct rlimit no_core = {0, 0};

	if (argc > 1 && argv[1][0] == '=') return child(argc, argv);
	if (!argv[0] || !argv[0][0]) return argc == 1 && !argv[1] && getenv("EMPTY") ? GOOD : 1;
	setrlimit(RLIMIT_CORE, &no_core);
	if (!realpath(argv[0], self) || argc != 2 || chdir(argv[1])) {
		perror("usage: /path/of/exec folder");
		return 2;
	}
	words();
	no_words();
	limits();
	descriptors();
	scripts();
	not_programs();
	damaged();
	random_damage();
	printf("%d checks, %d failed\n", checks, failed);
	return failed != 0;
}
