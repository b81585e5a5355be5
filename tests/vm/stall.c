// SPDX-License-Identifier: GPL-2.0-only
/*
 * Usage: stall DIR
 *
 * A disk that does not answer: a FUSE file system over DIR whose server never says a word. Until it is killed; then
 * whoever waits gets an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char options[128];
	int fd;

	if (argc != 2) {
		fprintf(stderr, "Usage: stall DIR\n");
		return 2;
	}
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "stall: /dev/fuse: %s\n", strerror(errno));
		return 1;
	}
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (mount("stall", argv[1], "fuse", MS_NOSUID | MS_NODEV, options)) {
		fprintf(stderr, "stall: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	while (1)
		pause();
}
