// SPDX-License-Identifier: GPL-2.0-only
/*
 * scene - a synthetic gaming desktop that measures what the player feels
 *
 * It knows nothing of schedulers: it plays the same, whoever schedules it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "director.h"
#include "options.h"
#include "report.h"
#include "scene.h"
#include "work.h"

#define SAMPLES_MARGIN	1000	/* both lanes round up */

static struct scene_shared *shared_new(const struct scene_options *opt, size_t *size)
{
	uint64_t max_samples = 0;
	struct scene_shared *shared;

	if (opt->samples_path)
		max_samples = (uint64_t)(opt->duration_s * (opt->mouse_hz + opt->key_hz)) + SAMPLES_MARGIN;
	*size = sizeof(*shared) + max_samples * sizeof(shared->samples_ns[0]);
	shared = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return NULL;
	shared->max_samples = max_samples;
	return shared;
}

static int finish_file(FILE *out, const char *path)
{
	int failed = ferror(out);

	if (fclose(out) || failed) {
		fprintf(stderr, "scene: can't write %s: %s\n", path, strerror(errno ? errno : EIO));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static FILE *open_file(const char *path)
{
	FILE *out = fopen(path, "we");

	if (!out)
		fprintf(stderr, "scene: can't write %s: %s\n", path, strerror(errno));
	return out;
}

/* The files are opened before the scene is played: a bad path costs no run. */
static int play(struct scene *scene)
{
	const struct scene_options *opt = scene->opt;
	struct scene_result result;
	FILE *kv = NULL, *samples = NULL, *buckets = NULL;
	int status = EXIT_FAILURE;

	if (opt->kv_path) {
		kv = open_file(opt->kv_path);
		if (!kv)
			return EXIT_FAILURE;
	}
	if (opt->samples_path) {
		samples = open_file(opt->samples_path);
		if (!samples)
			goto out;
	}
	if (opt->buckets_path) {
		buckets = open_file(opt->buckets_path);
		if (!buckets)
			goto out;
	}

	status = director_play(scene, &result);
	if (status)
		goto out;
	if (kv)
		report_print_kv(kv, scene, &result);
	if (samples)
		report_print_samples(samples, scene);
	if (buckets)
		report_print_buckets(buckets, scene);
	if (opt->format == SCENE_FORMAT_JSON)
		report_print_json(stdout, scene, &result);
	else
		report_print_table(stdout, scene, &result);
	status = finish_file(stdout, "standard output");
out:
	if (kv && finish_file(kv, opt->kv_path))
		status = EXIT_FAILURE;
	if (samples && finish_file(samples, opt->samples_path))
		status = EXIT_FAILURE;
	if (buckets && finish_file(buckets, opt->buckets_path))
		status = EXIT_FAILURE;
	return status;
}

int main(int argc, char **argv)
{
	struct scene_options opt;
	struct scene scene = { .opt = &opt };
	size_t size;
	int status;

	switch (options_parse(&opt, argc, argv)) {
	case OPTIONS_RUN:
		break;
	case OPTIONS_HELP:
		return EXIT_SUCCESS;
	case OPTIONS_ERROR:
		return 2;
	}

	if (opt.calibrate_only) {
		printf("%.3f\n", work_calibrate());
		return finish_file(stdout, "standard output");
	}

	scene.shared = shared_new(&opt, &size);
	if (!scene.shared) {
		fprintf(stderr, "scene: no shared memory: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	scene.iters_per_us = opt.iters_per_us > 0 ? opt.iters_per_us : work_calibrate();
	status = play(&scene);
	munmap(scene.shared, size);
	return status;
}
