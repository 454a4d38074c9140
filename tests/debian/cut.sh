#!/bin/sh
# SPDX-License-Identifier: MIT
# cut.sh DIR PROGRAM - the first time: databases that commit without end, telling each commit as soon as it is
# acknowledged, until the power is cut.  The next time: what is in them.  PROGRAM is made of lmdb.c.
dir=$1
program=$2

# With a journal to delete only EXTRA syncs the folder before COMMIT returns: sqlite.org/pragma.html#pragma_synchronous
pragmas() {
	echo ".output /dev/null"
	case $1 in
	delete) echo "PRAGMA journal_mode=delete; PRAGMA synchronous=EXTRA; PRAGMA cache_size=10;" ;;
	*) echo "PRAGMA journal_mode=$1; PRAGMA synchronous=FULL; PRAGMA cache_size=10;" ;;
	esac
	echo ".output"
}

# Each transaction changes every row of t and adds one of its own.
commits() {
	pragmas $1
	echo "CREATE TABLE own(i INTEGER PRIMARY KEY, b BLOB); CREATE TABLE t(k INTEGER PRIMARY KEY, i INT, b BLOB);"
	echo "WITH RECURSIVE c(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM c WHERE k < 40)"
	echo "	INSERT INTO t SELECT k, 0, zeroblob(500) FROM c;"
	i=0
	while [ $i -lt 3000 ]; do
		i=$((i + 1))
		echo "BEGIN; UPDATE t SET i = $i, b = zeroblob(500 + ($i + k) % 7 * 100);"
		echo "INSERT INTO own VALUES($i, zeroblob($i % 900)); DELETE FROM own WHERE i = $i - 50; COMMIT;"
		echo ".system echo ACK $1 $i"
	done
}

# LAST and the number of the last transaction that is there whole; or what is wrong.
look() {
	sqlite3 $1.db "PRAGMA integrity_check" \
		"SELECT 'mixed' FROM t, (SELECT max(i) AS last FROM own) WHERE i <> last" \
		"SELECT 'LAST $1 ' || last FROM (SELECT max(i) AS last, count(*) AS n FROM own) WHERE n = min(50, last)" \
		"SELECT 'wrong' FROM t WHERE length(b) <> 500 + (i + k) % 7 * 100"
	sqlite3 $1.db .dump >$1.dump
}

modes="delete truncate wal"
if [ -d "$dir" ]; then
	cd "$dir" || exit 1
	for mode in $modes; do
		ls $mode.db*
		look $mode
	done
	$program mdb last
	mdb_dump mdb >mdb.dump
	exit
fi
mkdir -p "$dir/mdb" && cd "$dir" || exit 1
sync
for mode in $modes; do
	commits $mode | sqlite3 -bail $mode.db &
done
$program mdb commit &
wait
