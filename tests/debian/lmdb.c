/* SPDX-License-Identifier: MIT */
/* lmdb.c - writers, readers and deaths of both, each a process, on one LMDB environment; linked with Debian's liblmdb.
 *
 *   lmdb DIR MODE N    N transactions by two writers while two readers look; MODE: default, nosync, writemap, mapasync
 *   lmdb DIR commit    transactions until somebody stops the machine, each told when it is committed
 *   lmdb DIR last      the number of the last one, after a look at all of it
 *
 * Transaction t puts the value of t under each of the KEYS keys and an entry of its own for t, and takes away that of
 * t - BEHIND.  So what is in the database depends on t alone, whoever wrote it, and a reader can tell a mixture at once.
 * Each process opens the environment itself: LMDB's must not go through a fork. */
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEYS = 40, BEHIND = 30, MAP_MIB = 16 };

static const char *dir;
static unsigned int flags;
static int unsynced;            /* whoever writes has to sync by himself */

static void need(int error, const char *what)
{
	if (!error) return;
	printf("%s: %s\n", what, mdb_strerror(error));
	exit(1);
}

static MDB_env *env_open(void)
{
	MDB_env *env;

	need(mdb_env_create(&env), "create");
	need(mdb_env_set_mapsize(env, MAP_MIB << 20), "mapsize");
	need(mdb_env_open(env, dir, flags, 0644), "open");
	return env;
}

static MDB_txn *txn_begin(MDB_env *env, unsigned int how, MDB_dbi *dbi)
{
	MDB_txn *txn;

	need(mdb_txn_begin(env, NULL, how, &txn), "begin");
	need(mdb_dbi_open(txn, NULL, 0, dbi), "database");
	return txn;
}

/* The number of the last transaction, 0 in a new database. */
static unsigned int counter_get(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_val key = { 7, "counter" }, value;
	unsigned int t;
	int error = mdb_get(txn, dbi, &key, &value);

	if (error == MDB_NOTFOUND) return 0;
	need(error, "counter");
	memcpy(&t, value.mv_data, sizeof(t));
	return t;
}

static void put(MDB_txn *txn, MDB_dbi dbi, const char *name, const void *data, size_t size)
{
	MDB_val key = { strlen(name), (void *)name }, value = { size, (void *)data };

	need(mdb_put(txn, dbi, &key, &value, 0), name);
}

/* Transaction t: all of it, but for the commit. */
static void fill(MDB_txn *txn, MDB_dbi dbi, unsigned int t)
{
	unsigned char value[3000];
	char name[32];

	memset(value, t % 251, sizeof(value));
	memcpy(value, &t, sizeof(t));
	for (int i = 0; i < KEYS; i++) {
		snprintf(name, sizeof(name), "key %d", i);
		put(txn, dbi, name, value, 4 + (t + i) * 53 % 2900);
	}
	snprintf(name, sizeof(name), "own %u", t);
	put(txn, dbi, name, value, 4 + t % 500);
	if (t > BEHIND) {
		MDB_val key = { 0, name };

		key.mv_size = snprintf(name, sizeof(name), "own %u", t - BEHIND);
		need(mdb_del(txn, dbi, &key, NULL), "del");
	}
	put(txn, dbi, "counter", &t, sizeof(t));
}

/* One value: of transaction t from its first byte to its last. */
static int value_wrong(const MDB_val *value, unsigned int t, int i)
{
	const unsigned char *p = value->mv_data;

	if (value->mv_size != 4 + (t + i) * 53 % 2900 || memcmp(p, &t, 4)) return 1;
	for (size_t n = 4; n < value->mv_size; n++) {
		if (p[n] != t % 251) return 1;
	}
	return 0;
}

/* => t of the snapshot; ends the process if anything in it is of another. */
static unsigned int snapshot_check(MDB_txn *txn, MDB_dbi dbi)
{
	unsigned int t = counter_get(txn, dbi);
	char name[32];
	MDB_val value;
	MDB_stat st;

	if (!t) return 0;
	for (int i = 0; i < KEYS; i++) {
		MDB_val key = { snprintf(name, sizeof(name), "key %d", i), name };

		need(mdb_get(txn, dbi, &key, &value), name);
		if (!value_wrong(&value, t, i)) continue;
		printf("snapshot %u: %s is not of it\n", t, name);
		exit(1);
	}
	need(mdb_stat(txn, dbi, &st), "stat");
	if (st.ms_entries == KEYS + 1 + (t < BEHIND ? t : BEHIND)) return t;
	printf("snapshot %u: %zu entries\n", t, st.ms_entries);
	exit(1);
}

/* Two looks at each snapshot, while writers go on. */
static int reader(unsigned int last)
{
	MDB_env *env = env_open();
	unsigned int seen = 0, t;
	MDB_dbi dbi;

	do {
		MDB_txn *txn = txn_begin(env, MDB_RDONLY, &dbi);

		t = snapshot_check(txn, dbi);
		if (t < seen || snapshot_check(txn, dbi) != t) {
			printf("a snapshot moved: %u after %u\n", t, seen);
			return 1;
		}
		seen = t;
		mdb_txn_abort(txn);
	} while (t < last);
	mdb_env_close(env);
	return 0;
}

static int writer(unsigned int last, int told)
{
	MDB_env *env = env_open();
	unsigned int t = 0;
	MDB_dbi dbi;

	while (t < last) {
		MDB_txn *txn = txn_begin(env, 0, &dbi);

		t = counter_get(txn, dbi);
		if (t == last) {
			mdb_txn_abort(txn);
			break;
		}
		fill(txn, dbi, ++t);
		need(mdb_txn_commit(txn), "commit");
		if (unsynced && t % 10 == 0) need(mdb_env_sync(env, 1), "sync");
		if (told) printf("ACK lmdb %u\n", t);
	}
	if (unsynced) need(mdb_env_sync(env, 1), "sync");
	mdb_env_close(env);
	return 0;
}

/* Dies with a half-done transaction and the writers' mutex: the next one who wants it must be told (EOWNERDEAD). */
static int writer_killed(void)
{
	MDB_env *env = env_open();
	MDB_dbi dbi;
	MDB_txn *txn = txn_begin(env, 0, &dbi);

	fill(txn, dbi, counter_get(txn, dbi) + 1);
	return raise(SIGKILL);
}

static int reader_killed(void)
{
	MDB_dbi dbi;
	MDB_txn *txn = txn_begin(env_open(), MDB_RDONLY, &dbi);

	snapshot_check(txn, dbi);
	return raise(SIGKILL);
}

static pid_t started(int (*body)(void))
{
	pid_t pid = fork();

	if (!pid) _exit(body());
	return pid;
}

/* => the first status that is not `good` */
static int ended(int n, int good)
{
	int status, bad = 0;

	while (n-- > 0) {
		if (wait(&status) < 0) return -1;
		if (status != good && !bad) bad = status;
	}
	return bad;
}

static unsigned int upto;

static int reader_body(void) { return reader(upto); }
static int writer_body(void) { return writer(upto, 0); }

static int run(void)
{
	int dead, bad;
	MDB_env *env;

	for (int i = 0; i < 2; i++) {
		started(reader_body);
		started(writer_body);
	}
	bad = ended(4, 0);
	printf("two writers, two readers: %d\n", bad);
	env = env_open();
	started(reader_killed);
	bad |= ended(1, SIGKILL);
	need(mdb_reader_check(env, &dead), "reader_check");
	printf("a reader killed: %d, dead readers: %d\n", bad, dead);
	started(writer_killed);
	bad |= ended(1, SIGKILL);
	upto++;
	started(writer_body);
	bad |= ended(1, 0);
	printf("a writer killed, then one more transaction: %d\n", bad);
	mdb_env_close(env);
	return bad != 0;
}

static int last(void)
{
	MDB_env *env = env_open();
	MDB_dbi dbi;
	MDB_txn *txn = txn_begin(env, MDB_RDONLY, &dbi);

	printf("LAST lmdb %u\n", snapshot_check(txn, dbi));
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[2] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	dir = argv[1];
	if (!strcmp(mode, "commit")) return writer(-1, 1);
	if (!strcmp(mode, "last")) return last();
	if (argc != 4) return 2;
	if (!strcmp(mode, "nosync")) flags = MDB_NOSYNC;
	if (!strcmp(mode, "writemap")) flags = MDB_WRITEMAP;
	if (!strcmp(mode, "mapasync")) flags = MDB_WRITEMAP | MDB_MAPASYNC;
	unsynced = flags && strcmp(mode, "writemap");
	upto = atoi(argv[3]);
	return run();
}
