/* SPDX-License-Identifier: MIT */
/* user/conformance/shm.c - System V shared memory: shmget(), shmat(), shmctl(), shmdt(); each check that
 * fails on a line; runs on Linux too.
 */
#include "check.h"

#include <sys/mman.h>
#include <sys/shm.h>

#define PAGE 4096
#define NOBODY 65534

static key_t key;

static unsigned long users(int id)
{
	struct shmid_ds ds = {0};

	return shmctl(id, IPC_STAT, &ds) ? ~0ul : ds.shm_nattch;
}

static void names(void)
{
	int id, other;

	FAILS(shmget(key, PAGE, 0600), ENOENT);
	FAILS(shmget(key, 0, IPC_CREAT | 0600), EINVAL);
	id = shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0600);
	OK(id >= 0);
	OK(shmget(key, 0, 0) == id);
	OK(shmget(key, 5000, IPC_CREAT | 0600) == id);
	FAILS(shmget(key, 5001, 0), EINVAL);
	FAILS(shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	other = shmget(IPC_PRIVATE, PAGE, 0600);
	OK(other >= 0 && other != id);
	OK(shmctl(other, IPC_RMID, NULL) == 0);
	FAILS(shmctl(other, IPC_RMID, NULL), EINVAL);
	FAILS((long)shmat(other, NULL, 0), EINVAL);
	OK(shmctl(id, IPC_RMID, NULL) == 0);
	FAILS(shmget(key, 0, 0), ENOENT);
}

static void bytes(void)
{
	int id = shmget(key, 2 * PAGE - 1, IPC_CREAT | 0600);
	char *p = shmat(id, NULL, 0), *q, *r;

	OK(p != (char *)-1 && p[0] == 0 && p[2 * PAGE - 1] == 0);
	strcpy(p + PAGE, "here");
	q = shmat(id, NULL, SHM_RDONLY);
	OK(q != (char *)-1 && q != p && strcmp(q + PAGE, "here") == 0);
	FAILS(mprotect(q, PAGE, PROT_READ | PROT_WRITE), EACCES);
	CHILD({
		OK(strcmp(p + PAGE, "here") == 0);              /* fork() hands attachments on */
		strcpy(p, "from the child");
		r = shmat(shmget(key, 0, 0), NULL, 0);
		OK(r != (char *)-1 && strcmp(r, "from the child") == 0);
	});
	OK(strcmp(q, "from the child") == 0);
	OK(users(id) == 2);
	FAILS(shmdt(p + PAGE), EINVAL);
	OK(shmdt(p) == 0);
	FAILS(shmdt(p), EINVAL);
	OK(users(id) == 1);
	OK(strcmp(q, "from the child") == 0);
	OK(shmdt(q) == 0 && users(id) == 0);
	q = shmat(id, NULL, 0);
	OK(strcmp(q, "from the child") == 0);                   /* it lives without users */
	OK(shmdt(q) == 0 && shmctl(id, IPC_RMID, NULL) == 0);
}

static void places(void)
{
	char *hole = mmap(NULL, 8 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int id = shmget(IPC_PRIVATE, 3 * PAGE, 0600);

	OK(munmap(hole + PAGE, 4 * PAGE) == 0);
	FAILS((long)shmat(id, hole + PAGE + 7, 0), EINVAL);
	OK(shmat(id, hole + PAGE + 7, SHM_RND) == hole + PAGE);
	FAILS((long)shmat(id, hole + 3 * PAGE, 0), EINVAL);           /* something is there */
	FAILS((long)shmat(id, NULL, SHM_REMAP), EINVAL);
	OK(shmat(id, hole + 5 * PAGE, SHM_REMAP) == hole + 5 * PAGE);
	OK(shmdt(hole + 5 * PAGE) == 0);
	strcpy(hole + 3 * PAGE, "third");
	/* Somebody else's page in the middle of it stays; the segment's own go. */
	OK(mmap(hole + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == hole + 2 * PAGE);
	OK(shmdt(hole + PAGE) == 0);
	FAILS(msync(hole + PAGE, PAGE, MS_ASYNC), ENOMEM);
	FAILS(msync(hole + 3 * PAGE, PAGE, MS_ASYNC), ENOMEM);
	OK(hole[2 * PAGE] == 0);
	FAILS(shmdt(hole + 2 * PAGE), EINVAL);
	OK(users(id) == 0 && shmctl(id, IPC_RMID, NULL) == 0);
}

/* Linux: a segment that was removed lives on for its users, and can be attached by its number until the last goes. */
static void removed(void)
{
	int id = shmget(key, PAGE, IPC_CREAT | 0600);
	char *p = shmat(id, NULL, 0), *q;
	struct shmid_ds ds;

	strcpy(p, "left");
	OK(shmctl(id, IPC_RMID, NULL) == 0);
	FAILS(shmget(key, 0, 0), ENOENT);
	OK(shmctl(id, IPC_STAT, &ds) == 0 && (ds.shm_perm.mode & SHM_DEST));
	CHILD({
		q = shmat(id, NULL, 0);
		OK(q != (char *)-1 && strcmp(q, "left") == 0);
	});
	q = shmat(id, NULL, 0);
	OK(strcmp(q, "left") == 0 && shmdt(q) == 0);
	CHILD(shmdt(p));
	OK(users(id) == 1);
	OK(shmdt(p) == 0);
	FAILS((long)shmat(id, NULL, 0), EINVAL);
}

static void rights(void)
{
	int id = shmget(key, PAGE, IPC_CREAT | 0640);
	struct shmid_ds ds;
	struct shminfo limits;
	struct shm_info sums;
	time_t now = time(NULL);

	OK(shmctl(id, IPC_STAT, &ds) == 0 && ds.shm_segsz == PAGE && (ds.shm_perm.mode & 0777) == 0640);
	OK(ds.shm_cpid == getpid() && ds.shm_perm.uid == geteuid() && ds.shm_perm.cuid == geteuid());
	OK(ds.shm_ctime <= now && ds.shm_ctime >= now - 60 && ds.shm_atime == 0);
	FAILS(shmctl(id, IPC_STAT, (void *)8), EFAULT);
	FAILS(shmctl(id, 77, &ds), EINVAL);
	OK(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits) >= 0 && limits.shmmin == 1 && limits.shmmni == 4096);
	FAILS(shmget(IPC_PRIVATE, limits.shmmax + 1, 0600), EINVAL);
	OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&sums) >= 0 && sums.__used_ids >= 1 && sums.shm_tot >= 1);
	if (geteuid() == 0) {
		CHILD({
			OK(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
			FAILS(shmget(key, 0, 0600), EACCES);
			OK(shmget(key, 0, 0) == id);
			FAILS((long)shmat(id, NULL, SHM_RDONLY), EACCES);
			FAILS(shmctl(id, IPC_STAT, &ds), EACCES);
			FAILS(shmctl(id, IPC_RMID, NULL), EPERM);
		});
		ds.shm_perm.mode = 0604;
		OK(shmctl(id, IPC_SET, &ds) == 0);
		CHILD({
			OK(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
			OK(shmat(id, NULL, SHM_RDONLY) != (void *)-1);
			FAILS((long)shmat(id, NULL, 0), EACCES);
		});
	}
	OK(shmctl(id, IPC_RMID, NULL) == 0);
}

int main(void)
{
	key = 0x51000000 + getpid();
	names();
	bytes();
	places();
	removed();
	rights();
	return checked();
}
