/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nothing - a program that ends at once
 *
 * Linked statically: to start it nothing is looked up or read where programs
 * and libraries are, which in a guest are the host's files.
 */
int main(void)
{
	return 0;
}
