/* SPDX-License-Identifier: MIT */
/* user/demo/wal.c - a write-ahead log: the log page is synced before the data page, so that whatever a power cut leaves,
 * recovery ends with all transactions or without the last (MS1).  `wal write [file]`, then `wal recover [file]`.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct log { unsigned committed, account[2]; };         /* the new values, and which transaction they belong to */
struct data { unsigned applied, account[2]; };
#define TRANSACTIONS 10
#define TOTAL 1000u

static struct log *wal;
static struct data *data;
static long page;

static int transfer(unsigned n)
{
	wal->account[0] = data->account[0] - 10;
	wal->account[1] = data->account[1] + 10;
	wal->committed = n;
	if (msync(wal, page, MS_SYNC)) return perror("msync log"), 1;
	memcpy(data->account, wal->account, sizeof(data->account));
	data->applied = n;
	if (msync(data, page, MS_SYNC)) return perror("msync data"), 1;
	return 0;
}

static int recover(void)
{
	if (wal->committed != data->applied) {
		memcpy(data->account, wal->account, sizeof(data->account));
		data->applied = wal->committed;
		if (msync(data, page, MS_SYNC)) return perror("msync"), 1;
		printf("transaction %u came from the log\n", data->applied);
	}
	printf("%u + %u after %u transactions\n", data->account[0], data->account[1], data->applied);
	if (data->account[0] + data->account[1] != TOTAL) return puts("money was lost"), 1;
	return puts("wal ok"), 0;
}

int main(int argc, char **argv)
{
	int writing = argc > 1 && !strcmp(argv[1], "write"), fd, rc = 0;
	const char *path = argc > 2 ? argv[2] : "wal.db";

	page = sysconf(_SC_PAGESIZE);
	fd = open(path, writing ? O_RDWR | O_CREAT | O_TRUNC : O_RDWR, 0644);
	if (fd < 0 || (writing && ftruncate(fd, 2 * page))) return perror(path), 1;
	wal = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	data = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, page);
	if (wal == MAP_FAILED || data == MAP_FAILED) return perror("mmap"), 1;
	if (!writing) return recover();
	data->account[0] = TOTAL;
	for (unsigned n = 1; n <= TRANSACTIONS && !rc; n++) rc = transfer(n);
	if (!rc) puts("written");
	return rc;
}
