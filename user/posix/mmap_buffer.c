/* SPDX-License-Identifier: MIT */
/* user/posix/mmap_buffer.c - MM22, MM23: mapped memory as a buffer of system calls; a very large file. */
#include <sys/uio.h>

#include "mmap_help.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

TEST(MM22, a_mapping_is_the_buffer_of_a_read_from_another_file)
{
	int fd = shown_file("f", 2 * PAGE), from = new_file("g", PAGE);
	char *p = map_file(fd, 2 * PAGE);

	read_at(from, p + PAGE - 100, 1000, 50);                /* across the border of two pages */
	expect(is_pattern(p, 0, PAGE - 100));
	expect(is_pattern(p + PAGE - 100, 50, 1000));
	expect(is_pattern(p + PAGE + 900, PAGE + 900, PAGE - 900));
	publish(p, 2 * PAGE);
	expect(byte_at(fd, PAGE - 100) == (unsigned char)pattern(50));
	expect(byte_at(fd, PAGE + 899) == (unsigned char)pattern(1049));
}

TEST(MM22, a_mapping_is_the_buffer_of_a_write_to_another_file)
{
	int fd = shown_file("f", 2 * PAGE), to = new_file("g", 0);
	char *p = map_at(fd, 2 * PAGE, PROT_READ, MAP_SHARED, 0), b[1000];

	write_at(to, p + PAGE - 100, 1000, 0);                  /* never referenced before: read() has to fault it in */
	read_at(to, b, 1000, 0);
	expect(is_pattern(b, PAGE - 100, 1000));
	expect(byte_at(to, 1000) == -1);
}

TEST(MM22, a_private_mapping_is_the_buffer_of_a_read)
{
	int fd = shown_file("f", PAGE), from = new_file("g", 2 * PAGE);
	char *p = map_at(fd, PAGE, RW, MAP_PRIVATE, 0);

	read_at(from, p + 10, 100, PAGE);
	expect(is_pattern(p, 0, 10) && is_pattern(p + 10, PAGE, 100) && is_pattern(p + 110, 110, PAGE - 110));
	expect(byte_at(fd, 10) == (unsigned char)pattern(10));
}

TEST(MM22, a_file_is_read_into_its_own_mapping)
{
	int fd = shown_file("f", 3 * PAGE);
	char *p = map_file(fd, 3 * PAGE);

	read_at(fd, p + 2 * PAGE, PAGE, 0);
	expect(is_pattern(p + 2 * PAGE, 0, PAGE));
	expect(is_pattern(p, 0, 2 * PAGE));
	publish(p, 3 * PAGE);
	expect(byte_at(fd, 2 * PAGE) == (unsigned char)pattern(0));
	expect(byte_at(fd, 3 * PAGE - 1) == (unsigned char)pattern(PAGE - 1));
}

TEST(MM22, a_file_is_written_from_its_own_mapping)
{
	int fd = shown_file("f", 3 * PAGE);
	char *p = map_file(fd, 3 * PAGE), b[PAGE];

	write_at(fd, p, PAGE, PAGE + 17);                       /* unaligned: two pages are written from one */
	read_at(fd, b, PAGE, PAGE + 17);
	expect(is_pattern(b, 0, PAGE));
	expect(byte_at(fd, PAGE + 16) == (unsigned char)pattern(PAGE + 16));
	refetch(p, 3 * PAGE);
	expect(is_pattern(p + PAGE + 17, 0, PAGE));
	expect(is_pattern(p, 0, PAGE));
}

TEST(MM22, a_file_is_appended_to_from_its_own_mapping)
{
	int fd = shown_file("f", PAGE + 100);
	char *p = map_file(fd, 3 * PAGE), b[PAGE];

	write_at(fd, p, PAGE, PAGE + 100);
	expect(lseek(fd, 0, SEEK_END) == 2 * PAGE + 100);
	read_at(fd, b, PAGE, PAGE + 100);
	expect(is_pattern(b, 0, PAGE));
	refetch(p, 3 * PAGE);
	expect(is_pattern(p + PAGE + 100, 0, PAGE));
}

TEST(MM22, a_page_is_read_into_itself_and_written_from_itself)
{
	int fd = shown_file("f", PAGE);
	char *p = map_file(fd, PAGE);

	read_at(fd, p, PAGE, 0);
	expect(is_pattern(p, 0, PAGE));
	publish(p, PAGE);
	write_at(fd, p, PAGE, 0);
	refetch(p, PAGE);
	expect(is_pattern(p, 0, PAGE));
	write_at(fd, p + 1000, 1000, 3000);                     /* one part of the page to another */
	refetch(p, PAGE);
	expect(is_pattern(p, 0, 3000) && is_pattern(p + 3000, 1000, 1000));
}

TEST(MM22, two_files_are_written_from_each_others_mapping)
{
	int f = shown_file("f", PAGE), g = shown_file("g", PAGE);
	char *p = map_file(f, PAGE), *q = map_file(g, PAGE);

	memset(q, 'q', PAGE);
	publish(q, PAGE);
	write_at(f, q, 100, 0);
	write_at(g, p + 200, 100, 300);
	expect(byte_at(f, 0) == 'q' && byte_at(f, 99) == 'q' && byte_at(f, 100) == (unsigned char)pattern(100));
	expect(byte_at(g, 299) == 'q' && byte_at(g, 300) == (unsigned char)pattern(200));
	expect(byte_at(g, 399) == (unsigned char)pattern(299) && byte_at(g, 400) == 'q');
}

TEST(MM22, a_mapping_is_the_buffer_of_a_pipe)
{
	int fd = shown_file("f", 2 * PAGE), end[2];
	char *p = map_file(fd, 2 * PAGE);

	must(pipe(end) == 0);
	must(write(end[1], p + 100, 1000) == 1000);
	must(read(end[0], p + PAGE, 1000) == 1000);
	expect(is_pattern(p + PAGE, 100, 1000));
	publish(p, 2 * PAGE);
	expect(byte_at(fd, PAGE + 999) == (unsigned char)pattern(1099));
}

TEST(MM22, parts_of_mappings_are_the_buffers_of_readv_and_writev)
{
	int fd = shown_file("f", 2 * PAGE), g = new_file("g", 0);
	char *p = map_file(fd, 2 * PAGE), *q = map_at(-1, PAGE, RW, ANON, 0);
	struct iovec out[2] = {{p + PAGE, 300}, {p, 200}}, in[2] = {{q + 10, 300}, {p + PAGE + 1000, 200}};

	must(writev(g, out, 2) == 500 && lseek(g, 0, SEEK_SET) == 0);
	must(readv(g, in, 2) == 500);
	expect(is_pattern(q + 10, PAGE, 300));
	expect(is_pattern(p + PAGE + 1000, 0, 200));
	expect(q[9] == 0 && q[310] == 0 && is_pattern(p + PAGE, PAGE, 1000));
}

TEST(MM23, a_file_larger_than_memory_is_mapped_whole)
{
	off_t n = (off_t)sysconf(_SC_PHYS_PAGES) * PAGE + (64l << 20), step = n / 12 / PAGE * PAGE;
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	char *p;

	must(fd >= 0 && n > 64l << 20);
	if (ftruncate(fd, n) && errno == EFBIG) skip("the file system has no files of this size");
	p = map_file(fd, n);
	for (int i = 0; i < 12; i++) p[i * step + i] = 'a' + i;
	p[n - 1] = 'z';
	publish(p, n);
	for (int i = 0; i < 12; i++) {
		expect(byte_at(fd, i * step + i) == 'a' + i && byte_at(fd, i * step + PAGE - 1) == 0);
		expect(p[i * step + PAGE] == 0 && p[i * step + i] == 'a' + i);
	}
	expect(byte_at(fd, n - 1) == 'z' && p[n - 2] == 0);
}
