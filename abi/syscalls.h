/* SPDX-License-Identifier: MIT */
/* abi/syscalls.h - BOTH RINGS - the one table of system calls: who answers each, and what its arguments are.
 *
 * X(number, name, "kinds of its arguments"): numbers and meaning are Linux's for x86-64; Quire's own (abi/ipc.h)
 * start at 0x1000.  From it come ring 0's dispatch (kernel/syscall.c), the servers' (user/pm/main.c, fs/call.c), and
 * build/calls.h for who names them (user/bin/strace.c, user/fuzz), docs/syscalls.md too.  Kinds: path, fd, int, size ...
 */
#ifndef ABI_SYSCALLS_H
#define ABI_SYSCALLS_H

/* Answered by ring 0. */
#define SYSCALLS_LINUX(X) \
	X(0, read, "fd addr size") \
	X(1, write, "fd addr size") \
	X(3, close, "fd") \
	X(7, poll, "addr size int") \
	X(8, lseek, "fd size int") \
	X(9, mmap, "addr size prot flags fd size") \
	X(10, mprotect, "addr size prot") \
	X(11, munmap, "addr size") \
	X(12, brk, "addr") \
	X(13, rt_sigaction, "int addr addr size") \
	X(14, rt_sigprocmask, "int addr addr size") \
	X(15, rt_sigreturn, "") \
	X(17, pread64, "fd addr size size") \
	X(18, pwrite64, "fd addr size size") \
	X(19, readv, "fd addr int") \
	X(20, writev, "fd addr int") \
	X(22, pipe, "addr") \
	X(23, select, "int addr addr addr addr") \
	X(24, sched_yield, "") \
	X(25, mremap, "addr size size flags addr") \
	X(26, msync, "addr size msflags") \
	X(27, mincore, "addr size addr") \
	X(28, madvise, "addr size int") \
	X(32, dup, "fd") \
	X(33, dup2, "fd fd") \
	X(34, pause, "") \
	X(35, nanosleep, "addr addr") \
	X(39, getpid, "") \
	X(40, sendfile, "fd fd addr size") \
	X(56, clone, "flags addr addr addr addr") \
	X(57, fork, "") \
	X(58, vfork, "") \
	X(59, execve, "path addr addr") \
	X(60, exit, "int") \
	X(67, shmdt, "addr") \
	X(72, fcntl, "fd int arg") \
	X(95, umask, "mode") \
	X(102, getuid, "") \
	X(104, getgid, "") \
	X(107, geteuid, "") \
	X(108, getegid, "") \
	X(110, getppid, "") \
	X(128, rt_sigtimedwait, "addr addr addr size") \
	X(130, rt_sigsuspend, "addr size") \
	X(131, sigaltstack, "addr addr") \
	X(149, mlock, "addr size") \
	X(150, munlock, "addr size") \
	X(151, mlockall, "flags") \
	X(152, munlockall, "") \
	X(158, arch_prctl, "code addr") \
	X(186, gettid, "") \
	X(202, futex, "addr int int addr addr int") \
	X(217, getdents64, "fd addr size") \
	X(218, set_tid_address, "addr") \
	X(230, clock_nanosleep, "int flags addr addr") \
	X(231, exit_group, "int") \
	X(270, pselect6, "int addr addr addr addr addr") \
	X(271, ppoll, "addr size addr addr size") \
	X(273, set_robust_list, "addr size") \
	X(292, dup3, "fd fd flags") \
	X(293, pipe2, "addr flags") \
	X(295, preadv, "fd addr int size") \
	X(296, pwritev, "fd addr int size") \
	X(325, mlock2, "addr size flags") \
	X(326, copy_file_range, "fd addr fd addr size flags") \
	X(327, preadv2, "fd addr int size size flags") \
	X(328, pwritev2, "fd addr int size size flags") \
	X(435, clone3, "addr size") \
	X(436, close_range, "fd fd flags")

/* Answered by the process manager (user/pm): kernel/forward.c sends them there. */
#define SYSCALLS_PM(X) \
	X(36, getitimer, "int addr") \
	X(37, alarm, "size") \
	X(38, setitimer, "int addr addr") \
	X(61, wait4, "int addr flags addr") \
	X(62, kill, "int int") \
	X(63, uname, "addr") \
	X(96, gettimeofday, "addr addr") \
	X(97, getrlimit, "int addr") \
	X(98, getrusage, "int addr") \
	X(99, sysinfo, "addr") \
	X(100, times, "addr") \
	X(105, setuid, "int") \
	X(106, setgid, "int") \
	X(109, setpgid, "int int") \
	X(111, getpgrp, "") \
	X(112, setsid, "") \
	X(113, setreuid, "int int") \
	X(114, setregid, "int int") \
	X(115, getgroups, "int addr") \
	X(116, setgroups, "int addr") \
	X(117, setresuid, "int int int") \
	X(118, getresuid, "addr addr addr") \
	X(119, setresgid, "int int int") \
	X(120, getresgid, "addr addr addr") \
	X(121, getpgid, "int") \
	X(122, setfsuid, "int") \
	X(123, setfsgid, "int") \
	X(124, getsid, "int") \
	X(125, capget, "addr addr") \
	X(126, capset, "addr addr") \
	X(127, rt_sigpending, "addr size") \
	X(129, rt_sigqueueinfo, "int int addr") \
	X(135, personality, "flags") \
	X(140, getpriority, "int int") \
	X(141, setpriority, "int int int") \
	X(142, sched_setparam, "int addr") \
	X(143, sched_getparam, "int addr") \
	X(144, sched_setscheduler, "int int addr") \
	X(145, sched_getscheduler, "int") \
	X(146, sched_get_priority_max, "int") \
	X(147, sched_get_priority_min, "int") \
	X(148, sched_rr_get_interval, "int addr") \
	X(157, prctl, "int arg arg") \
	X(160, setrlimit, "int addr") \
	X(164, settimeofday, "addr addr") \
	X(169, reboot, "magic magic command") \
	X(170, sethostname, "addr size") \
	X(171, setdomainname, "addr size") \
	X(200, tkill, "int int") \
	X(201, time, "addr") \
	X(203, sched_setaffinity, "int size addr") \
	X(204, sched_getaffinity, "int size addr") \
	X(222, timer_create, "int addr addr") \
	X(223, timer_settime, "int flags addr addr") \
	X(224, timer_gettime, "int addr") \
	X(225, timer_getoverrun, "int") \
	X(226, timer_delete, "int") \
	X(227, clock_settime, "int addr") \
	X(228, clock_gettime, "int addr") \
	X(229, clock_getres, "int addr") \
	X(234, tgkill, "int int int") \
	X(247, waitid, "int int addr flags addr") \
	X(274, get_robust_list, "int addr addr") \
	X(297, rt_tgsigqueueinfo, "int int int addr") \
	X(302, prlimit64, "int int addr addr") \
	X(309, getcpu, "addr addr")

/* Likewise, to be refused: programs make these to learn that a thing is not there (no network, no extended attributes). */
#define SYSCALLS_REFUSED(X) \
	X(41, socket, "int int int") \
	X(53, socketpair, "int int int addr") \
	X(188, setxattr, "path path addr size flags") \
	X(189, lsetxattr, "path path addr size flags") \
	X(190, fsetxattr, "fd path addr size flags") \
	X(191, getxattr, "path path addr size") \
	X(192, lgetxattr, "path path addr size") \
	X(193, fgetxattr, "fd path addr size") \
	X(194, listxattr, "path addr size") \
	X(195, llistxattr, "path addr size") \
	X(196, flistxattr, "fd addr size") \
	X(197, removexattr, "path path") \
	X(198, lremovexattr, "path path") \
	X(199, fremovexattr, "fd path")

/* Answered by the file server, which gets them as they are (fs/call.c). */
#define SYSCALLS_NAMES(X) \
	X(4, stat, "path addr") \
	X(5, fstat, "fd addr") \
	X(6, lstat, "path addr") \
	X(16, ioctl, "fd request addr") \
	X(21, access, "path mode") \
	X(29, shmget, "int size flags") \
	X(30, shmat, "int addr flags") \
	X(31, shmctl, "int int addr") \
	X(73, flock, "fd int") \
	X(77, ftruncate, "fd size") \
	X(74, fsync, "fd") \
	X(75, fdatasync, "fd") \
	X(79, getcwd, "addr size") \
	X(82, rename, "path path") \
	X(83, mkdir, "path mode") \
	X(84, rmdir, "path") \
	X(86, link, "path path") \
	X(87, unlink, "path") \
	X(88, symlink, "path path") \
	X(89, readlink, "path addr size") \
	X(90, chmod, "path mode") \
	X(91, fchmod, "fd mode") \
	X(92, chown, "path int int") \
	X(93, fchown, "fd int int") \
	X(94, lchown, "path int int") \
	X(132, utime, "path addr") \
	X(133, mknod, "path mode dev") \
	X(137, statfs, "path addr") \
	X(138, fstatfs, "fd addr") \
	X(162, sync, "") \
	X(165, mount, "path path path flags addr") \
	X(166, umount2, "path flags") \
	X(187, readahead, "fd size size") \
	X(221, fadvise64, "fd size size int") \
	X(235, utimes, "path addr") \
	X(258, mkdirat, "fd path mode") \
	X(259, mknodat, "fd path mode dev") \
	X(260, fchownat, "fd path int int flags") \
	X(261, futimesat, "fd path addr") \
	X(262, newfstatat, "fd path addr flags") \
	X(263, unlinkat, "fd path flags") \
	X(264, renameat, "fd path fd path") \
	X(265, linkat, "fd path fd path flags") \
	X(266, symlinkat, "path fd path") \
	X(267, readlinkat, "fd path addr size") \
	X(268, fchmodat, "fd path mode") \
	X(269, faccessat, "fd path mode") \
	X(277, sync_file_range, "fd size size flags") \
	X(280, utimensat, "fd path addr flags") \
	X(285, fallocate, "fd flags size size") \
	X(286, timerfd_settime, "fd flags addr addr") \
	X(287, timerfd_gettime, "fd addr") \
	X(306, syncfs, "fd") \
	X(316, renameat2, "fd path fd path flags") \
	X(318, getrandom, "addr size flags") \
	X(332, statx, "fd path flags mask addr") \
	X(439, faccessat2, "fd path mode flags")

/* The same; the answer is an open file, of which ring 0 makes a descriptor or a place. */
#define SYSCALLS_OPEN(X) \
	X(2, open, "path flags mode") \
	X(76, truncate, "path size") \
	X(80, chdir, "path") \
	X(81, fchdir, "fd") \
	X(85, creat, "path mode") \
	X(161, chroot, "path") \
	X(257, openat, "fd path flags mode") \
	X(283, timerfd_create, "int flags") \
	X(284, eventfd, "int") \
	X(290, eventfd2, "int flags") \
	X(319, memfd_create, "path flags")

#define SYSCALLS_QUIRE(X) \
	X(0x1000, ipc_call, "handle addr") \
	X(0x1002, ipc_reply, "addr") \
	X(0x1003, ipc_reply_recv, "addr size") \
	X(0x1004, lend_read, "token int size addr size") \
	X(0x1005, lend_write, "token int size addr size") \
	X(0x1006, handle_close, "handle") \
	X(0x1010, vmo_create, "addr") \
	X(0x1011, vmo_info, "handle addr") \
	X(0x1012, vmo_set, "handle int size") \
	X(0x1013, vmo_map, "handle size size") \
	X(0x1014, vm_write, "addr size flags") \
	X(0x1015, vmo_read, "handle size addr size") \
	X(0x1016, pipe_create, "") \
	X(0x1020, run_done, "handle size size int") \
	X(0x1034, dev_segments, "handle size size addr size") \
	X(0x1040, con_write, "int addr size") \
	X(0x1041, con_read, "addr size") \
	X(0x1043, machine_stop, "int") \
	X(0x1045, signal_post, "int int addr size") \
	X(0x1046, call_signals, "token int") \
	X(0x1048, facts, "int int addr addr size") \
	X(0x1049, poll_wake, "") \
	X(0x104b, trace, "fd") \
	X(0x104c, proc_set, "token int size addr size") \
	X(0x104d, time_set, "size") \
	X(0x104f, thread_bind, "int int size") \
	X(0x1050, proc_reap, "int")

#endif
