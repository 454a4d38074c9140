#!/bin/sh
# SPDX-License-Identifier: MIT
# lmdb.sh DIR PROGRAM - LMDB's tools and the program made of lmdb.c in a new folder; the same words wherever it runs.
program=$2
mkdir -p "$1" && cd "$1" || exit 1

for mode in default nosync writemap mapasync; do
	echo "-- $mode"
	mkdir $mode
	$program $mode $mode 60
	mdb_stat $mode
	mdb_dump $mode >$mode.dump
	mdb_copy -c $mode >$mode.copy
	mdb_dump -n $mode.copy | cmp - $mode.dump
	md5sum <$mode.dump
done

echo "-- tools"
mkdir loaded copied packed
mdb_load -f default.dump loaded
mdb_load -n text.db <<END
VERSION=3
format=print
type=btree
mapsize=8388608
database=fruit
HEADER=END
 apple
 red \00\ff
 pear
 green
DATA=END
END
mdb_copy loaded copied
mdb_copy -c loaded packed
mdb_stat -e -f loaded | grep -v Map
mdb_stat -e -f packed | grep -v Map
mdb_stat -n -s fruit text.db
mdb_dump -n -p -s fruit text.db
for name in loaded copied packed; do
	mdb_dump $name | cmp - default.dump
done
cmp loaded/data.mdb copied/data.mdb
ls
