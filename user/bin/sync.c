/* SPDX-License-Identifier: MIT */
/* user/bin/sync.c - sync: everything that is dirty goes to the disks. */
#include <unistd.h>

int main(void)
{
	sync();
	return 0;
}
