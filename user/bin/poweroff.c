/* SPDX-License-Identifier: MIT */
/* user/bin/poweroff.c - poweroff: what is dirty goes to the disks, then the machine ends. */
#include <stdio.h>
#include <sys/reboot.h>
#include <unistd.h>

int main(void)
{
	sync();
	reboot(RB_POWER_OFF);
	perror("poweroff");
	return 1;
}
