/* SPDX-License-Identifier: MIT */
/* user/bin/true.c - true: succeeds. */
int main(void)
{
	return 0;
}
