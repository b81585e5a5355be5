// SPDX-License-Identifier: GPL-2.0-only
/*
 * replay - gives every file of a folder to a fuzz target, as a plain test
 *
 * Takes the place of libFuzzer's engine where that is not to be had. Each input
 * is in memory of its own size, so that a sanitizer sees who reads beyond it.
 * Prints TAP.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (4 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "re");
	uint8_t *bytes = malloc(INPUT_MAX), *input;
	size_t size;

	if (!file || !bytes)
		return -errno;
	size = fread(bytes, 1, INPUT_MAX, file);
	fclose(file);
	input = malloc(size);
	if (size && !input)
		return -ENOMEM;
	if (size)
		memcpy(input, bytes, size);
	free(bytes);
	LLVMFuzzerTestOneInput(input, size);
	free(input);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int nr = 0;
	struct dirent *entry;
	char path[4096];
	DIR *dir;

	if (argc != 2) {
		fprintf(stderr, "Usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	dir = opendir(argv[1]);
	if (!dir) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		if (replay_file(path)) {
			printf("not ok 1 - %s\n1..1\n", path);
			return 1;
		}
		nr++;
	}
	closedir(dir);
	printf("%s 1 - %u inputs of %s\n1..1\n", nr ? "ok" : "not ok", nr, argv[1]);
	return !nr;
}
