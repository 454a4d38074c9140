/* SPDX-License-Identifier: MIT */
/* user/posix/msync.c - MS1 to MS19. */
#include "posix.h"

TEST(MS4, sync_with_async_is_refused)
{
	int fd = new_file("f", PAGE);
	char *p = map_file(fd, PAGE);

	p[0] = 'x';
	expect_error(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	expect_error(msync(p, PAGE, MS_SYNC | MS_ASYNC | MS_INVALIDATE), EINVAL);
	expect(p[0] == 'x');
}
