#!/bin/sh
# SPDX-License-Identifier: MIT
# sqlite.sh DIR - exercises sqlite3 in a new folder; what it prints depends on nothing but sqlite3 being right.
#
# Runs in the guest and on the host.  Every database stays in DIR, NAME.db, with its text in NAME.dump.
mkdir -p "$1" && cd "$1" || exit 1

# The words that every connection to $mode.db begins with.
init() {
	cat >$mode.init <<-END
	.timeout 60000
	.output $mode.said
	PRAGMA journal_mode=$mode; PRAGMA synchronous=FULL; PRAGMA mmap_size=$1; PRAGMA cache_size=20;
	.output
	END
}

sql() {
	sqlite3 -bail -init $mode.init $mode.db "$@"
}

# A table of 400 rows with blobs of up to 3,000 bytes, in one transaction that is larger than the cache of 20 pages.
fill() {
	sql <<-END
	CREATE TABLE t(id INTEGER PRIMARY KEY, n INT, s TEXT, b BLOB);
	BEGIN;
	WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 400)
		INSERT INTO t SELECT i, i * i % 1009, 'row ' || i,
			CAST(printf('%.*c', i * 37 % 3000, char(65 + i % 26)) AS BLOB) FROM c;
	COMMIT;
	CREATE INDEX by_n ON t(n);
	END
	cat $mode.said
	ls $mode.db*
}

# Changes of every kind, one of them taken back.
change() {
	sql <<-END
	BEGIN; UPDATE t SET b = zeroblob(2000), n = n + 1 WHERE id % 3 = 0;
	SAVEPOINT s; DELETE FROM t WHERE id % 2; ROLLBACK TO s; COMMIT;
	BEGIN; DELETE FROM t; INSERT INTO t VALUES(1, 2, 'three', x'0400ff'); ROLLBACK;
	DELETE FROM t WHERE id % 5 = 0;
	SELECT count(*), sum(n), sum(length(b)) FROM t;
	END
}

# A process dies in the middle of a transaction that is partly in the file already.
die() {
	sql "BEGIN; UPDATE t SET b = zeroblob(2500), s = 'never'" '.system kill -9 $PPID' "COMMIT" 2>/dev/null
	echo "killed: $?"
	ls $mode.db*
	sql "SELECT count(*) || ' never' FROM t WHERE s = 'never'" "PRAGMA integrity_check" "VACUUM" \
		"SELECT count(*), sum(n), sum(length(b)) FROM t"
}

# Three writers, whose transactions add nothing to the sum, and three readers who must never see part of one.
writer() {
	i=0
	while [ $i -lt 12 ]; do
		i=$((i + 1))
		echo "BEGIN IMMEDIATE; INSERT INTO p VALUES($1, $i, $i); INSERT INTO p VALUES($1, -$i, -$i);"
		echo "UPDATE total SET n = n + 2; COMMIT;"
	done | sql
}

reader() {
	i=0
	while [ $i -lt 25 ]; do
		i=$((i + 1))
		echo "BEGIN; SELECT 'torn', sum(a) FROM p, total GROUP BY n HAVING sum(a) <> 0 OR count(*) <> n;"
		echo "SELECT 'moved' FROM total WHERE n <> (SELECT count(*) FROM p); COMMIT;"
	done | sql
}

together() {
	sql "CREATE TABLE p(who, k, a); CREATE TABLE total(n); INSERT INTO total VALUES(0)"
	for who in 1 2 3; do
		writer $who &
		reader &
	done
	wait
	sql "SELECT who, count(*), sum(a), max(k) FROM p GROUP BY who" "SELECT n FROM total"
}

# Two databases change together or not at all.
attached() {
	sqlite3 one.db "ATTACH 'two.db' AS two" "CREATE TABLE a(x)" "CREATE TABLE two.b(x)" \
		"BEGIN; INSERT INTO a VALUES(1); INSERT INTO b VALUES(1); COMMIT" \
		"BEGIN; DELETE FROM a; DELETE FROM b; ROLLBACK"
	sqlite3 one.db "ATTACH 'two.db' AS two" "SELECT a.x, b.x FROM a, b"
}

for mode in delete truncate persist wal; do
	echo "-- $mode"
	case $mode in
	persist|wal) init 67108864 ;;
	*) init 0 ;;
	esac
	fill
	change
	die
	together
	sql .dump >$mode.dump
	sql "PRAGMA integrity_check"
done
echo "-- attached"
attached
ls
for mode in delete truncate persist wal; do
	sort $mode.dump | md5sum
done
