# SPDX-License-Identifier: MIT
# tests/guest/busybox.sh - what a day with busybox does, in an empty folder; run by the same busybox on Quire and on the host,
# the words have to be the same (test_debian.py).  A folder's names come in any order: sorted where that shows.
list() { ls -l "$@" | awk '/^-/ {print $1, $2, $5, $9} /^[dlp]/ {print $1, $9, $10, $11}'; }

echo "== files"
for i in 1 2 3 4 5; do echo "line $i of $((i * 7 % 5))" > f$i; done
mkdir -p a/b/c; cp f1 f2 a; cp -r a copy; mv f3 a/b; ln -s f1 sl; ln f2 hl
list; readlink sl; cat sl; rm f5; cat f5; rmdir a; ls /none

echo "== tar"
tar cf t.tar a f1; tar tvf t.tar | awk '{print $1, $3, $6}' | sort; mkdir x; tar xf t.tar -C x; find x | sort; diff -r a x/a && echo same
tar czf t.tgz a; tar tzf t.tgz | sort; find a | cpio -o -H newc 2>/dev/null | cpio -t 2>/dev/null | sort
gzip -k t.tar; gunzip -c t.tar.gz | cmp - t.tar && echo whole

echo "== find, grep"
find . -name 'f*' -type f | sort; find . -type f -name '[fh]*' -exec wc -c {} + | tail -1
find . -name 'f*' -print0 | xargs -0 grep -l 'line 1' | sort; grep -c line f1 f2; grep -rn 'of 2' a | sort
find a -depth -empty

echo "== text"
cat f1 f2 f4 | sort -k4n -k2r; sed -n 's/line \(.\)/<\1>/p' f4; sed -i 's/line/LINE/' f4; cat f4
awk '{s += $4} END {print s, NR}' f1 f2 f4; head -1 f2; tail -n 1 f2; cut -d' ' -f2 f1; tr a-z A-Z < f1; wc f1 f2
seq 1 10 | paste -s -d+ | bc; printf '%05d\n' 42; seq 100 | shuf | sort -n | md5sum; seq 5 | tac; od -c f1; hexdump -C f1
seq 20000 | sort -r | sort -n | sha1sum; diff f1 f2; echo 1 2 3 | xargs -n1 echo =

echo "== dd, sync"
dd if=/dev/zero of=z bs=4096 count=100 conv=fsync 2>/dev/null; stat -c '%s %a %F' z
seq 500 > s; dd if=s of=z bs=100 skip=1 seek=2 count=3 conv=notrunc 2>/dev/null; md5sum z; truncate -s 10 z; wc -c < z
dd if=/dev/zero of=hole bs=1 count=1 seek=100000 2>/dev/null; sync; sync hole; fsync hole 2>/dev/null; stat -c %s hole; du -k z

echo "== modes, times"
chmod 640 f1; stat -c %a f1; touch -d '2020-01-02 03:04:05' f1; TZ=UTC stat -c %Y f1; (umask 027; echo > um; stat -c %a um)
test f2 -nt f1 && echo newer; chmod u+s,a-r f2; list f2; mkdir -m 1777 sticky; list -d sticky

echo "== shell"
(exit 3); echo $?; x=$(echo a | cat | cat); echo $x; echo ${x:-d} ${y:-d} ${#x}
cat <<E
here $x
E
for i in a b; do echo $i; done | while read l; do echo "<$l>"; done
sleep 0.1 & wait $!; echo $?; trap 'echo trapped' USR1; kill -USR1 $$; { echo o; echo e >&2; } 2>&1 | sort
sh -c 'kill -9 $$'; echo $?; timeout 0.2 sleep 5; echo $?; yes | head -2; env -i A=1 env; (sleep 5 & { kill $!; wait $!; } 2>/dev/null; echo $?)
sh -c 'echo $0 $# $*' name 1 2 3; echo 'echo script $1' > script; chmod +x script; ./script word; echo '#!/none' > script; ./script
mkfifo pipe; echo through > pipe & cat pipe; wait; test -p pipe && echo fifo; exec 5> out; echo five >&5; exec 5>&-; cat out
seq 3 | { read a; cat; }; i=0; while [ $i -lt 200 ]; do /bin/true & i=$((i + 1)); done; wait; echo $i
tail -f s > followed & sleep 0.3; echo more >> s; sleep 1.5; { kill $!; wait $!; } 2>/dev/null; tail -n 1 followed
flock lock echo locked; time -p true 2>&1 | wc -l; head -c 100000 /dev/zero | tee copied | wc -c; wc -c < copied

echo "== end"
rm -rf x copy a; ls
