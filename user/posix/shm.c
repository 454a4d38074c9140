/* SPDX-License-Identifier: MIT */
/* user/posix/shm.c - SH1: shared memory objects with a name; MF1: memfd_create, without one. */
#include "posix.h"

#define RW (PROT_READ | PROT_WRITE)

static char name[32];
static pid_t owner;

static void name_remove(void)
{
	if (getpid() == owner) shm_unlink(name);
}

/* A name that no other run uses; it is gone when the test ends. */
static const char *new_name(void)
{
	owner = getpid();
	snprintf(name, sizeof(name), "/posix-%d", owner);
	shm_unlink(name);
	atexit(name_remove);
	return name;
}

/* A new object of n bytes. */
static int new_shm(size_t n)
{
	int fd = shm_open(new_name(), O_RDWR | O_CREAT | O_EXCL, 0600);

	must(fd >= 0 && ftruncate(fd, n) == 0);
	return fd;
}

static int new_memfd(const char *label, size_t n)
{
	int fd = memfd_create(label, 0);

	must(fd >= 0 && ftruncate(fd, n) == 0);
	return fd;
}

TEST(SH1, a_new_object_is_empty_and_grows_with_zeros)
{
	int fd = shm_open(new_name(), O_RDWR | O_CREAT | O_EXCL, 0600);
	char *p;

	must(fd >= 0);
	expect(size_of(fd) == 0);
	expect(ftruncate(fd, 2 * PAGE) == 0);
	expect(size_of(fd) == 2 * PAGE);
	p = map_file(fd, 2 * PAGE);
	expect_bytes(p, 0, 2 * PAGE);
}

static void store_by_name(void *at)
{
	int fd = shm_open(name, O_RDWR, 0);
	char *p;

	must(fd >= 0);
	must(munmap(at, PAGE) == 0);            /* what fork gave: only the name is left */
	p = map_file(fd, PAGE);
	expect(p[0] == 'p');
	p[1] = 'c';
}

TEST(SH1, who_knows_the_name_shares_the_memory)
{
	char *p = map_file(new_shm(PAGE), PAGE);

	p[0] = 'p';
	expect(in_child(store_by_name, p) == 0);
	expect(p[0] == 'p' && p[1] == 'c');
}

TEST(SH1, processes_see_each_others_stores_at_once)
{
	char *p = map_file(new_shm(PAGE), PAGE);
	struct turns t = turns_new();
	pid_t pid = fork();
	int st;

	must(pid >= 0);
	if (pid == 0) {
		char *q = map_file(shm_open(name, O_RDWR, 0), PAGE);

		for (int i = 0; i < 10; i++) {
			turn_wait(t.to);
			q[i + 1] = q[i] + 1;
			turn_give(t.from);
		}
		_exit(42);
	}
	p[0] = 'a';
	for (int i = 0; i < 10; i++) {
		turn_give(t.to);
		turn_wait(t.from);
		expect(p[i + 1] == 'b' + i);
	}
	must(waitpid(pid, &st, 0) == pid);
	expect(WIFEXITED(st) && WEXITSTATUS(st) == 42);
}

TEST(SH1, the_object_outlives_its_last_mapping)
{
	int fd = new_shm(PAGE);
	char *p = map_file(fd, PAGE);

	p[9] = 'x';
	must(munmap(p, PAGE) == 0 && close(fd) == 0);
	fd = shm_open(name, O_RDONLY, 0);
	must(fd >= 0);
	expect(size_of(fd) == PAGE);
	p = map_at(fd, PAGE, PROT_READ, MAP_SHARED, 0);
	expect(p[9] == 'x' && p[8] == 0);
}

TEST(SH1, unlinking_removes_the_name_and_not_the_memory)
{
	int fd = new_shm(PAGE);
	char *p = map_file(fd, PAGE), *q;

	p[0] = 'x';
	expect(shm_unlink(name) == 0);
	expect_error(shm_open(name, O_RDWR, 0), ENOENT);
	expect_error(shm_unlink(name), ENOENT);
	q = map_file(fd, PAGE);
	expect(p[0] == 'x' && q[0] == 'x');
	q[1] = 'y';
	expect(p[1] == 'y');
}

TEST(SH1, a_name_used_again_is_a_new_object)
{
	char *p = map_file(new_shm(PAGE), PAGE), *q;
	int fd;

	p[0] = 'x';
	must(shm_unlink(name) == 0);
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	must(fd >= 0 && size_of(fd) == 0 && ftruncate(fd, PAGE) == 0);
	q = map_file(fd, PAGE);
	expect(q[0] == 0);
	q[0] = 'y';
	expect(p[0] == 'x');
}

TEST(SH1, exclusive_creation_needs_a_new_name)
{
	int fd = new_shm(PAGE), again;

	expect_error(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	again = shm_open(name, O_RDWR | O_CREAT, 0600);
	must(again >= 0);
	expect(size_of(again) == PAGE);         /* the same one */
	expect(ftruncate(fd, 2 * PAGE) == 0 && size_of(again) == 2 * PAGE);
}

TEST(SH1, truncation_on_opening_empties_the_object)
{
	int fd = new_shm(PAGE), again;
	char *p = map_file(fd, PAGE);

	p[0] = 'x';
	again = shm_open(name, O_RDWR | O_TRUNC, 0);
	must(again >= 0);
	expect(size_of(fd) == 0);
	expect_fault(p, LOAD, SIGBUS, BUS_ADRERR);
	must(ftruncate(fd, PAGE) == 0);
	expect(p[0] == 0);
}

TEST(SH1, an_object_opened_for_reading_cannot_be_written)
{
	int fd = new_shm(PAGE), ro = shm_open(name, O_RDONLY, 0);
	char *p = map_file(fd, PAGE), *q;

	must(ro >= 0);
	expect_error(mmap(NULL, PAGE, RW, MAP_SHARED, ro, 0), EACCES);
	expect_error(ftruncate(ro, 0), EINVAL);
	q = map_at(ro, PAGE, PROT_READ, MAP_SHARED, 0);
	p[0] = 'x';
	expect(q[0] == 'x');
	expect_fault(q, STORE, SIGSEGV, SEGV_ACCERR);
}

static void open_anothers(void *unused)
{
	(void)unused;
	must(setuid(65534) == 0);
	expect_error(shm_open(name, O_RDWR, 0), EACCES);
	expect_error(shm_open(name, O_RDONLY, 0), EACCES);
	expect(shm_unlink(name) == -1 && (errno == EACCES || errno == EPERM));
}

TEST(SH1, permissions_keep_others_out)
{
	int fd = new_shm(PAGE);
	struct stat s;

	must(fstat(fd, &s) == 0);
	expect((s.st_mode & 0777) == 0600 && s.st_uid == geteuid());
	if (geteuid()) skip("not root");
	expect(in_child(open_anothers, NULL) == 0);
	fd = shm_open(name, O_RDWR, 0);
	expect(fd >= 0 && size_of(fd) == PAGE);
}

TEST(SH1, a_private_mapping_of_it_keeps_its_stores)
{
	int fd = new_shm(PAGE);
	char *s = map_file(fd, PAGE), *p = map_at(fd, PAGE, RW, MAP_PRIVATE, 0);

	s[0] = 's';
	expect(p[0] == 's');
	p[1] = 'p';
	expect(s[1] == 0 && p[1] == 'p' && p[0] == 's');
}

TEST(MF1, a_new_memfd_is_empty_and_grows_with_zeros)
{
	int fd = memfd_create("label", 0);
	char *p;

	must(fd >= 0);
	expect(size_of(fd) == 0);
	expect(ftruncate(fd, 3 * PAGE) == 0 && size_of(fd) == 3 * PAGE);
	p = map_file(fd, 3 * PAGE);
	expect_bytes(p, 0, 3 * PAGE);
	expect_error(mmap(NULL, PAGE, RW, MAP_SHARED, -1, 0), EBADF);
}

TEST(MF1, a_memfd_is_a_file_for_read_and_write)
{
	int fd = memfd_create("label", 0);
	char b[16] = "";

	must(fd >= 0);
	expect(write(fd, "memory", 6) == 6);
	expect(size_of(fd) == 6 && lseek(fd, 0, SEEK_CUR) == 6);
	expect(pread(fd, b, sizeof(b), 2) == 4 && !memcmp(b, "mory", 4));
	expect(pwrite(fd, "x", 1, 2 * PAGE) == 1);
	expect(size_of(fd) == 2 * PAGE + 1 && byte_at(fd, PAGE) == 0 && byte_at(fd, 2 * PAGE) == 'x');
}

TEST(MF1, what_is_stored_is_read_and_what_is_written_is_mapped)
{
	int fd = new_memfd("label", PAGE);
	char *p = map_file(fd, PAGE);

	p[0] = 'x';
	publish(p, PAGE);
	expect(byte_at(fd, 0) == 'x');
	write_at(fd, "y", 1, 1);
	refetch(p, PAGE);
	expect(p[0] == 'x' && p[1] == 'y');
}

TEST(MF1, two_of_the_same_name_are_two_objects)
{
	char *p = map_file(new_memfd("label", PAGE), PAGE), *q = map_file(new_memfd("label", PAGE), PAGE);

	p[0] = 'x';
	expect(q[0] == 0);
	q[0] = 'y';
	expect(p[0] == 'x');
}

static void map_and_store(void *fd)
{
	char *p = map_file(*(int *)fd, PAGE);

	expect(p[0] == 'p');
	p[1] = 'c';
}

TEST(MF1, a_child_shares_it_by_its_descriptor)
{
	int fd = new_memfd("label", PAGE);
	char *p = map_file(fd, PAGE);

	p[0] = 'p';
	expect(in_child(map_and_store, &fd) == 0);
	expect(p[1] == 'c');
}

TEST(MF1, the_mapping_outlives_the_descriptor)
{
	int fd = new_memfd("label", PAGE);
	char *p = map_file(fd, PAGE);

	p[0] = 'x';
	must(close(fd) == 0);
	expect(p[0] == 'x' && p[1] == 0);
	p[1] = 'y';
	expect(p[1] == 'y');
}

TEST(MF1, shrinking_it_takes_pages_away)
{
	int fd = new_memfd("label", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE);

	p[0] = p[PAGE] = 'x';
	expect(ftruncate(fd, PAGE) == 0);
	expect_fault(p + PAGE, LOAD, SIGBUS, BUS_ADRERR);
	expect(p[0] == 'x');
	expect(ftruncate(fd, 2 * PAGE) == 0);
	expect(p[PAGE] == 0);
}

TEST(MF1, close_on_exec_is_what_the_flag_says)
{
	int a = memfd_create("a", 0), b = memfd_create("b", MFD_CLOEXEC);

	must(a >= 0 && b >= 0);
	expect(fcntl(a, F_GETFD) == 0);
	expect(fcntl(b, F_GETFD) == FD_CLOEXEC);
	expect((fcntl(b, F_GETFL) & O_ACCMODE) == O_RDWR);
}

TEST(MF1, bad_arguments_are_refused)
{
	char longest[251];

	memset(longest, 'n', sizeof(longest));
	longest[250] = 0;
	expect_error(memfd_create("label", 0x4000), EINVAL);
	expect_error(memfd_create((char *)8, 0), EFAULT);
	expect_error(memfd_create(longest, 0), EINVAL);
	longest[249] = 0;
	expect(memfd_create(longest, 0) >= 0);
	expect(memfd_create("", 0) >= 0);
}
