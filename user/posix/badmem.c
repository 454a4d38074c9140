/* SPDX-License-Identifier: MIT */
/* user/posix/badmem.c - SG5: system calls given memory that is not there, or may not be used so: EFAULT or the short
 * count, as on Linux; never a signal.  Where the C library would look at the memory itself, the call is made by number.
 */
#include <poll.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

#include "posix.h"

#define RW (PROT_READ | PROT_WRITE)
#define KERNEL ((char *)0xffffffff80100000)     /* an address that is never a program's */

/* The address of a page with nothing mapped at it; the n pages before it hold 'g'. */
static char *edge(int n)
{
	char *p = map_at(-1, (n + 1) * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	memset(p, 'g', n * PAGE);
	must(munmap(p + n * PAGE, PAGE) == 0);
	return p + n * PAGE;
}

static char *letters(char c)
{
	char *p = map_at(-1, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	memset(p, c, PAGE);
	return p;
}

TEST(SG5, reading_into_bad_memory_fails_and_moves_nothing)
{
	int fd = new_file("f", PAGE);
	char *bad[] = {edge(1), (char *)8, KERNEL, (char *)0x7ffffffff000, (char *)-16};

	must(lseek(fd, 10, SEEK_SET) == 10);
	for (int i = 0; i < 5; i++) {
		expect_error(read(fd, bad[i], 16), EFAULT);
		expect_error(pread(fd, bad[i], 16, 0), EFAULT);
	}
	expect(lseek(fd, 0, SEEK_CUR) == 10);
}

TEST(SG5, writing_from_bad_memory_fails_and_writes_nothing)
{
	int fd = new_file("f", 100);
	char *bad[] = {edge(1), (char *)8, KERNEL, (char *)0x7ffffffff000, (char *)-16};

	must(lseek(fd, 0, SEEK_END) == 100);
	for (int i = 0; i < 5; i++) {
		expect_error(write(fd, bad[i], 16), EFAULT);
		expect_error(pwrite(fd, bad[i], 16, 0), EFAULT);
	}
	expect(lseek(fd, 0, SEEK_CUR) == 100 && size_of(fd) == 100);
	expect(byte_at(fd, 0) == (unsigned char)pattern(0) && byte_at(fd, 15) == (unsigned char)pattern(15));
}

TEST(SG5, a_read_goes_as_far_as_the_buffer_is_good)
{
	int fd = new_file("f", 3 * PAGE);
	char *end = edge(2);

	expect(read(fd, end - 100, 200) == 100);
	expect(is_pattern(end - 100, 0, 100) && end[-101] == 'g');
	expect(lseek(fd, 0, SEEK_CUR) == 100);
	expect(pread(fd, end - PAGE - 50, 3 * PAGE, 7) == PAGE + 50);
	expect(is_pattern(end - PAGE - 50, 7, PAGE + 50));
}

TEST(SG5, a_write_goes_as_far_as_the_buffer_is_good)
{
	int fd = new_file("f", 0);
	char *end = edge(2);

	expect(write(fd, end - 100, 200) == 100);
	expect(size_of(fd) == 100 && lseek(fd, 0, SEEK_CUR) == 100);
	expect(pwrite(fd, end - PAGE - 50, 3 * PAGE, PAGE) == PAGE + 50);
	expect(size_of(fd) == 2 * PAGE + 50);
	expect(byte_at(fd, 99) == 'g' && byte_at(fd, 100) == 0 && byte_at(fd, 2 * PAGE + 49) == 'g');
}

TEST(SG5, a_short_write_over_old_data_keeps_the_rest_of_it)
{
	int fd = new_file("f", 2 * PAGE);
	char *end = edge(1);

	expect(pwrite(fd, end - 100, 2 * PAGE, 0) == 100);
	expect(byte_at(fd, 99) == 'g');
	expect(byte_at(fd, 100) == (unsigned char)pattern(100));
	expect(byte_at(fd, PAGE) == (unsigned char)pattern(PAGE));
	expect(size_of(fd) == 2 * PAGE);
}

TEST(SG5, protection_counts_for_system_calls)
{
	int fd = new_file("f", PAGE);
	char *p = letters('p');

	must(mprotect(p, PAGE, PROT_READ) == 0);
	expect_error(read(fd, p, 16), EFAULT);
	expect(pwrite(fd, p, 16, 0) == 16);
	must(mprotect(p, PAGE, PROT_NONE) == 0);
	expect_error(pwrite(fd, p, 16, 0), EFAULT);
	must(mprotect(p, PAGE, PROT_READ) == 0);
	expect_bytes(p, 'p', PAGE);
}

TEST(SG5, a_buffer_past_the_end_of_its_file_is_bad_memory_and_no_sigbus)
{
	int fd = new_file("f", PAGE), other = new_file("g", 2 * PAGE);
	char *p = map_file(fd, 2 * PAGE);

	p[0] = 'x';
	expect_error(read(other, p + PAGE, 16), EFAULT);
	expect_error(write(other, p + PAGE, 16), EFAULT);
	expect(pread(other, p + PAGE - 10, 20, 0) == 10);
	expect(is_pattern(p + PAGE - 10, 0, 10) && p[0] == 'x');
}

TEST(SG5, no_bytes_need_no_memory)
{
	int fd = new_file("f", PAGE);

	expect(read(fd, NULL, 0) == 0);
	expect(write(fd, (char *)8, 0) == 0);
	expect(pread(fd, edge(0), 0, 0) == 0);
	expect(byte_at(fd, 0) == (unsigned char)pattern(0) && lseek(fd, 0, SEEK_CUR) == 0);
}

TEST(SG5, readv_stops_at_the_bad_element)
{
	int fd = new_file("f", PAGE);
	char *a = letters('a'), *c = letters('c'), *end = edge(1);
	struct iovec v[] = {{a, 100}, {end - 20, 50}, {c, 100}}, w[] = {{a, 50}, {end, 10}, {c, 100}};

	expect(readv(fd, v, 3) == 120);
	expect(is_pattern(a, 0, 100) && is_pattern(end - 20, 100, 20));
	expect_bytes(c, 'c', PAGE);
	expect(lseek(fd, 0, SEEK_CUR) == 120);
	expect(preadv(fd, w, 3, 200) == 50);
	expect(is_pattern(a, 200, 50) && a[50] == pattern(50) && c[0] == 'c');
	expect_error(readv(fd, w + 1, 2), EFAULT);
	expect(lseek(fd, 0, SEEK_CUR) == 120);
}

TEST(SG5, writev_stops_at_the_bad_element)
{
	int fd = new_file("f", 0);
	char *a = letters('a'), *c = letters('c'), *end = edge(1);
	struct iovec v[] = {{a, 100}, {end - 20, 50}, {c, 100}};

	expect(writev(fd, v, 3) == 120);
	expect(size_of(fd) == 120 && lseek(fd, 0, SEEK_CUR) == 120);
	expect(byte_at(fd, 99) == 'a' && byte_at(fd, 100) == 'g' && byte_at(fd, 119) == 'g');
	v[1].iov_base = end;
	expect(pwritev(fd, v, 3, 60) == 100);
	expect(size_of(fd) == 160 && byte_at(fd, 159) == 'a');
	expect_error(writev(fd, v + 1, 2), EFAULT);
	expect(size_of(fd) == 160 && lseek(fd, 0, SEEK_CUR) == 120);
}

TEST(SG5, a_vector_with_an_impossible_address_is_refused_before_any_byte_moves)
{
	int fd = new_file("f", PAGE);
	char *a = letters('a');
	struct iovec v[] = {{a, 100}, {KERNEL, 10}};

	expect_error(readv(fd, v, 2), EFAULT);
	expect_bytes(a, 'a', PAGE);
	expect_error(writev(fd, v, 2), EFAULT);
	expect(byte_at(fd, 0) == (unsigned char)pattern(0));
	expect_error(readv(fd, (struct iovec *)edge(1), 1), EFAULT);
	expect_error(writev(fd, (struct iovec *)(edge(1) - 8), 1), EFAULT);
	expect(lseek(fd, 0, SEEK_CUR) == 0);
}

TEST(SG5, a_pipe_keeps_what_could_not_be_delivered)
{
	char b[8] = "";
	int p[2];

	must(pipe(p) == 0 && write(p[1], "hello", 5) == 5);
	expect_error(read(p[0], edge(1), 5), EFAULT);
	expect_error(read(p[0], KERNEL, 5), EFAULT);
	expect(read(p[0], b, sizeof(b)) == 5 && !strcmp(b, "hello"));
}

TEST(SG5, a_pipe_takes_nothing_from_bad_memory)
{
	char b[8], many[15 * PAGE + 100] = {0}, *end = edge(1);
	struct iovec v[] = {{end - 50, 50}, {end, 50}, {end - 10, 10}};
	int p[2];

	must(pipe2(p, O_NONBLOCK) == 0);
	expect_error(write(p[1], end, 5), EFAULT);
	expect_error(write(p[1], end - 5, 10), EFAULT);
	expect_error(writev(p[1], v, 3), EFAULT);
	expect_error(read(p[0], b, sizeof(b)), EAGAIN);
	fcntl(p[1], F_SETPIPE_SZ, 32 * PAGE);                           /* Linux needs a whole page for each end of these */
	must(write(p[1], many, sizeof(many)) == sizeof(many) && read(p[0], many, 100) == 100);
	must(fcntl(p[1], F_SETFL, 0) == 0);
	if (write(p[1], end - (PAGE - 100), PAGE) != PAGE - 100) expect(errno == EFAULT);       /* without waiting */
}

TEST(SG5, a_failed_pipe_leaves_no_descriptors_open)
{
	int before = dup(0), after;

	must(before >= 0 && close(before) == 0);
	expect_error(syscall(SYS_pipe2, edge(1), 0), EFAULT);
	expect_error(syscall(SYS_pipe2, edge(1) - 4, 0), EFAULT);
	expect_error(syscall(SYS_pipe, KERNEL), EFAULT);
	after = dup(0);
	expect(after == before);
}

TEST(SG5, paths_in_bad_memory_are_refused)
{
	char *end = edge(1);

	expect_error(open(end, O_RDONLY), EFAULT);
	expect_error(open((char *)8, O_RDONLY), EFAULT);
	expect_error(open(KERNEL, O_RDWR | O_CREAT, 0600), EFAULT);
	expect_error(open(end - 5, O_RDONLY), EFAULT);          /* no zero byte before the memory ends */
	expect_error(mkdir(end - 5, 0700), EFAULT);
	expect_error(rename(end - 5, "b"), EFAULT);
	expect_error(unlink(end), EFAULT);
	expect_error(chdir(end), EFAULT);
	expect_error(access("ggggg", F_OK), ENOENT);
}

TEST(SG5, a_path_may_end_where_memory_ends)
{
	char *end = edge(1);
	int fd;

	memcpy(end - 4, "abc", 4);
	fd = open(end - 4, O_RDWR | O_CREAT | O_EXCL, 0600);
	expect(fd >= 0);
	expect(access("abc", F_OK) == 0);
	expect(unlink(end - 4) == 0);
	expect_error(access("abc", F_OK), ENOENT);
}

TEST(SG5, results_for_bad_memory_are_refused)
{
	char *end = edge(1);
	int fd = new_file("f", PAGE);

	expect_error(syscall(SYS_stat, "f", end), EFAULT);
	expect_error(syscall(SYS_stat, "f", end - 8), EFAULT);
	expect_error(syscall(SYS_fstat, fd, KERNEL), EFAULT);
	expect_error(syscall(SYS_newfstatat, AT_FDCWD, "f", end, 0), EFAULT);
	expect_error(syscall(SYS_getcwd, end, PAGE), EFAULT);
	expect_error(syscall(SYS_uname, end - 10), EFAULT);
	expect_error(syscall(SYS_clock_gettime, CLOCK_REALTIME, end), EFAULT);
	expect_error(syscall(SYS_getrlimit, 7, end), EFAULT);
	must(symlink("target", "l") == 0);
	expect_error(syscall(SYS_readlink, "l", end, 10l), EFAULT);
	expect_error(syscall(SYS_getdents64, open(".", O_RDONLY), KERNEL, PAGE), EFAULT);
}

TEST(SG5, a_status_for_bad_memory_is_refused)
{
	pid_t pid = fork();

	must(pid >= 0);
	if (pid == 0) _exit(0);
	expect_error(syscall(SYS_wait4, pid, edge(1), 0, NULL), EFAULT);
}

TEST(SG5, arguments_in_bad_memory_are_refused)
{
	char *end = edge(1);

	expect_error(syscall(SYS_nanosleep, end, NULL), EFAULT);
	expect_error(syscall(SYS_poll, end, 1, 0), EFAULT);
	expect_error(syscall(SYS_setitimer, 0, end, NULL), EFAULT);
	expect_error(syscall(SYS_utimensat, AT_FDCWD, ".", end, 0), EFAULT);
	expect_error(syscall(SYS_sigaltstack, end, NULL), EFAULT);
	expect_error(syscall(SYS_setrlimit, 7, KERNEL), EFAULT);
	expect_error(syscall(SYS_execve, end, NULL, NULL), EFAULT);
}

TEST(SG5, sigaction_with_bad_memory_changes_no_action)
{
	struct { void *handler; unsigned long flags; void *restorer; unsigned long mask; } now = {0};
	char *end = edge(1);

	must(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	expect_error(syscall(SYS_rt_sigaction, SIGUSR1, end, NULL, 8l), EFAULT);
	expect_error(syscall(SYS_rt_sigaction, SIGUSR1, end - 8, NULL, 8l), EFAULT);
	expect_error(syscall(SYS_rt_sigaction, SIGUSR1, KERNEL, NULL, 8l), EFAULT);
	expect_error(syscall(SYS_rt_sigaction, SIGUSR1, NULL, end - 8, 8l), EFAULT);
	expect_error(syscall(SYS_rt_sigprocmask, SIG_BLOCK, end, NULL, 8l), EFAULT);
	expect_error(syscall(SYS_rt_sigpending, end - 4, 8l), EFAULT);
	expect(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &now, 8l) == 0);
	expect(now.handler == (void *)SIG_IGN);
}
