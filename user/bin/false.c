/* SPDX-License-Identifier: MIT */
/* user/bin/false.c - false: fails. */
int main(void)
{
	return 1;
}
