/* SPDX-License-Identifier: MIT */
/* kernel/sys_none.c - RING 0 - calls that programs make to learn that a thing is not there, with the errno they know.
 *
 * Whatever else is not there has no line in syscalls.h and is ENOSYS.
 */
#include "kernel/syscalls.h"

#define NEVER(name, error) SYSCALL(name) { return -(error); }

/* No network, not even between processes. */
NEVER(socket, EAFNOSUPPORT)
NEVER(socketpair, EAFNOSUPPORT)

/* No file system here keeps extended attributes. */
NEVER(setxattr, EOPNOTSUPP)
NEVER(lsetxattr, EOPNOTSUPP)
NEVER(fsetxattr, EOPNOTSUPP)
NEVER(getxattr, EOPNOTSUPP)
NEVER(lgetxattr, EOPNOTSUPP)
NEVER(fgetxattr, EOPNOTSUPP)
NEVER(listxattr, EOPNOTSUPP)
NEVER(llistxattr, EOPNOTSUPP)
NEVER(flistxattr, EOPNOTSUPP)
NEVER(removexattr, EOPNOTSUPP)
NEVER(lremovexattr, EOPNOTSUPP)
NEVER(fremovexattr, EOPNOTSUPP)
