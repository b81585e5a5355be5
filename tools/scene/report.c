// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <math.h>

#include "options.h"
#include "report.h"

static const struct {
	const char *key;	/* suffix of the histogram's name */
	double percent;
} percentiles[] = {
	{ "p50", 50 }, { "p90", 90 }, { "p99", 99 }, { "p999", 99.9 }, { "max", 100 },
};

#define NR_PERCENTILES	(sizeof(percentiles) / sizeof(percentiles[0]))

/* Writes fields in one of both machine formats, so that their keys can't differ. */
struct writer {
	FILE *out;
	bool is_json;
	bool has_fields;
};

static void put_key(struct writer *w, const char *key)
{
	if (w->is_json)
		fprintf(w->out, "%s\"%s\": ", w->has_fields ? ", " : "", key);
	else
		fprintf(w->out, "%s ", key);
	w->has_fields = true;
}

static void put_end(struct writer *w)
{
	if (!w->is_json)
		fputc('\n', w->out);
}

static void put_text(struct writer *w, const char *key, const char *value)
{
	put_key(w, key);
	fprintf(w->out, w->is_json ? "\"%s\"" : "%s", value);
	put_end(w);
}

static void put_count(struct writer *w, const char *key, uint64_t value)
{
	put_key(w, key);
	fprintf(w->out, "%" PRIu64, value);
	put_end(w);
}

static void put_signed(struct writer *w, const char *key, int64_t value)
{
	put_key(w, key);
	fprintf(w->out, "%" PRId64, value);
	put_end(w);
}

static void put_real(struct writer *w, const char *key, double value)
{
	put_key(w, key);
	if (isfinite(value))
		fprintf(w->out, "%.3f", value);
	else
		fputs(w->is_json ? "null" : "-", w->out);
	put_end(w);
}

static double get_percentile_us(const struct histogram *hist, double percent)
{
	if (!hist->nr)
		return NAN;
	return (double)histogram_get_percentile(hist, percent) / 1e3;
}

static void put_histogram(struct writer *w, const char *name, const struct histogram *hist)
{
	char key[64];
	size_t i;

	for (i = 0; i < NR_PERCENTILES; i++) {
		snprintf(key, sizeof(key), "%s_%s_us", name, percentiles[i].key);
		put_real(w, key, get_percentile_us(hist, percentiles[i].percent));
	}
}

static double get_percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : NAN;
}

static uint64_t get_nr_periods(const struct period_stats *stats)
{
	return stats->nr_played + stats->nr_skipped;
}

static uint64_t get_nr_missed(const struct period_stats *stats)
{
	return stats->nr_late + stats->nr_skipped;
}

static double get_missed_percent(const struct period_stats *stats)
{
	return get_percent(get_nr_missed(stats), get_nr_periods(stats));
}

static void put_suffixed(struct writer *w, const char *name, const char *suffix, uint64_t value)
{
	char key[64];

	snprintf(key, sizeof(key), "%s_%s", name, suffix);
	put_count(w, key, value);
}

/* How many there were, and what the player missed of them; @missed is NULL where none counts as missed. */
static void put_periods(struct writer *w, const char *name, const char *total, const char *missed,
			const struct period_stats *stats)
{
	char key[64];

	put_suffixed(w, name, total, get_nr_periods(stats));
	if (missed)
		put_suffixed(w, name, missed, get_nr_missed(stats));
	put_suffixed(w, name, "skipped", stats->nr_skipped);
	if (!missed)
		return;
	snprintf(key, sizeof(key), "%s_%s_percent", name, missed);
	put_real(w, key, get_missed_percent(stats));
}

static struct background_stats get_sum(const struct background_stats *stats, unsigned int nr)
{
	struct background_stats sum = { };

	while (nr--) {
		sum.nr_done += stats[nr].nr_done;
		sum.cpu_s += stats[nr].cpu_s;
		sum.nr_units += atomic_load(&stats[nr].nr_units);
	}
	return sum;
}

/* What the counts come to; one place, for all formats. */
struct totals {
	uint64_t nr_sent;
	uint64_t nr_sent_all;
	uint64_t nr_skipped;
	int64_t nr_lost;	/* below zero it would be a defect of the scene, and is to be seen */
	struct background_stats hogs;
	struct background_stats forkers;
	struct background_stats jobs;
};

static struct totals get_totals(const struct scene *scene)
{
	const struct scene_shared *sh = scene->shared;
	struct totals totals = {
		.hogs = get_sum(sh->hogs, scene->opt->nr_hogs),
		.forkers = get_sum(sh->forkers, scene->opt->nr_forkers),
		.jobs = get_sum(sh->jobs, scene->opt->nr_jobs),
	};
	int i;

	for (i = 0; i < NR_SCENE_LANES; i++) {
		totals.nr_sent += sh->lanes[i].nr_sent;
		totals.nr_sent_all += sh->lanes[i].nr_sent_all;
		totals.nr_skipped += sh->lanes[i].nr_skipped;
	}
	totals.nr_lost = (int64_t)(totals.nr_sent - sh->hops[SCENE_HOP_RENDER].nr_packets);
	return totals;
}

static void put_input(struct writer *w, const struct scene *scene, const struct totals *totals)
{
	const struct scene_shared *sh = scene->shared;
	char key[64];
	int i;

	put_count(w, "mouse_sent", sh->lanes[SCENE_LANE_MOUSE].nr_sent);
	put_count(w, "mouse_skipped", sh->lanes[SCENE_LANE_MOUSE].nr_skipped);
	put_count(w, "key_sent", sh->lanes[SCENE_LANE_KEYBOARD].nr_sent);
	put_count(w, "key_skipped", sh->lanes[SCENE_LANE_KEYBOARD].nr_skipped);
	put_count(w, "packets_sent", totals->nr_sent);
	put_count(w, "packets_sent_all", totals->nr_sent_all);
	put_count(w, "packets_skipped", totals->nr_skipped);
	put_signed(w, "packets_lost", totals->nr_lost);
	put_count(w, "syn_dropped", sh->nr_syn_dropped);
	put_count(w, "sequence_gaps", sh->nr_sequence_gaps);
	put_count(w, "handoff_full", sh->nr_handoff_full);
	put_count(w, "device_fifo", sh->device_is_fifo);
	for (i = 0; i < NR_SCENE_HOPS; i++) {
		snprintf(key, sizeof(key), "hop%d_packets", i + 1);
		put_count(w, key, sh->hops[i].nr_packets);
		snprintf(key, sizeof(key), "hop%d_wakeups", i + 1);
		put_count(w, key, sh->hops[i].nr_wakeups);
		snprintf(key, sizeof(key), "hop%d", i + 1);
		put_histogram(w, key, &sh->hops[i].latency);
	}
}

static void put_all(struct writer *w, const struct scene *scene, const struct scene_result *result)
{
	const struct scene_options *opt = scene->opt;
	const struct scene_shared *sh = scene->shared;
	struct totals totals = get_totals(scene);
	char key[64];
	int i;

	put_text(w, "name", opt->label);
	put_text(w, "scene", opt->scene);
	put_real(w, "wall_s", result->wall_s);
	put_real(w, "warmup_s", opt->warmup_s);
	put_real(w, "iters_per_us", scene->iters_per_us);
	put_count(w, "hogs", opt->nr_hogs);
	put_count(w, "forkers", opt->nr_forkers);
	put_count(w, "jobs", opt->nr_jobs);
	put_count(w, "burst", opt->burst);
	put_input(w, scene, &totals);

	put_periods(w, "frames", "total", "missed", &sh->frames);
	put_histogram(w, "frame", &sh->frames.time);
	put_periods(w, "audio", "periods", "xruns", &sh->audio);
	put_histogram(w, "audio_wake", &sh->audio.time);
	put_periods(w, "video", "total", "missed", &sh->video);
	put_histogram(w, "video", &sh->video.time);
	put_periods(w, "timer", "periods", NULL, &sh->timer);
	put_histogram(w, "timer_wake", &sh->timer.time);

	put_count(w, "hog_units", totals.hogs.nr_done);
	put_real(w, "hog_units_per_s", (double)totals.hogs.nr_done / result->wall_s);
	put_real(w, "hog_cpu_s", totals.hogs.cpu_s);
	put_count(w, "forks", totals.forkers.nr_done);
	put_real(w, "forks_per_s", (double)totals.forkers.nr_done / result->wall_s);
	put_real(w, "fork_cpu_s", totals.forkers.cpu_s);
	put_count(w, "compile_units", totals.jobs.nr_units);
	put_real(w, "compile_units_per_s", (double)totals.jobs.nr_units / result->wall_s);
	put_count(w, "compile_jobs", totals.jobs.nr_done);
	put_real(w, "compile_cpu_s", totals.jobs.cpu_s);
	put_count(w, "burst_units", atomic_load(&sh->nr_burst_units));
	put_real(w, "burst_units_per_s", (double)atomic_load(&sh->nr_burst_units) / result->wall_s);
	put_real(w, "burst_cpu_s", (double)atomic_load(&sh->burst_cpu_ns) / 1e9);
	for (i = SCENE_PART_DEVICE; i <= SCENE_PART_TIMER; i++) {
		snprintf(key, sizeof(key), "%s_cpu_s", scene_part_name((enum scene_part)i));
		put_real(w, key, result->cpu_s[i]);
	}
}

void report_print_json(FILE *out, const struct scene *scene, const struct scene_result *result)
{
	struct writer w = { .out = out, .is_json = true };

	fputc('{', out);
	put_all(&w, scene, result);
	fputs("}\n", out);
}

void report_print_kv(FILE *out, const struct scene *scene, const struct scene_result *result)
{
	struct writer w = { .out = out };

	put_all(&w, scene, result);
}

static void print_histogram(FILE *out, const char *name, const struct histogram *hist)
{
	size_t i;

	if (!hist->nr)
		return;
	fprintf(out, "%-24s", name);
	for (i = 0; i < NR_PERCENTILES; i++)
		fprintf(out, " %9.3f", get_percentile_us(hist, percentiles[i].percent) / 1e3);
	fputc('\n', out);
}

void report_print_table(FILE *out, const struct scene *scene, const struct scene_result *result)
{
	const struct scene_options *opt = scene->opt;
	const char *const hop_names[NR_SCENE_HOPS] = {
		"input to compositor", opt->has_game ? "input to game" : "input to application", "input to render",
	};
	const struct scene_shared *sh = scene->shared;
	struct totals t = get_totals(scene);
	double foreground_cpu_s = 0;
	int i;

	fprintf(out, "scene %s, %.1f s, %u hogs, %u forkers\n", opt->scene, result->wall_s, opt->nr_hogs,
		opt->nr_forkers);
	if (t.nr_sent) {
		fprintf(out, "packets: %" PRIu64 " sent, %" PRIu64 " periods skipped, %" PRId64 " lost, %" PRIu64
			" SYN_DROPPED\n", t.nr_sent, t.nr_skipped, t.nr_lost, sh->nr_syn_dropped);
		for (i = 0; i < NR_SCENE_HOPS; i++)
			fprintf(out, "  hop %d: %" PRIu64 " packets, %" PRIu64 " wakeups\n", i + 1,
				sh->hops[i].nr_packets, sh->hops[i].nr_wakeups);
	}
	if (get_nr_periods(&sh->frames))
		fprintf(out, "frames: %" PRIu64 ", missed %" PRIu64 " (%.1f %%)\n", get_nr_periods(&sh->frames),
			get_nr_missed(&sh->frames), get_missed_percent(&sh->frames));
	if (get_nr_periods(&sh->audio))
		fprintf(out, "audio: %" PRIu64 " periods, %" PRIu64 " xruns (%.1f %%)\n", get_nr_periods(&sh->audio),
			get_nr_missed(&sh->audio), get_missed_percent(&sh->audio));
	if (get_nr_periods(&sh->video))
		fprintf(out, "video: %" PRIu64 " frames, missed %" PRIu64 " (%.1f %%)\n", get_nr_periods(&sh->video),
			get_nr_missed(&sh->video), get_missed_percent(&sh->video));
	if (get_nr_periods(&sh->timer))
		fprintf(out, "timer: %" PRIu64 " periods, %" PRIu64 " skipped\n", get_nr_periods(&sh->timer),
			sh->timer.nr_skipped);
	if (opt->nr_jobs)
		fprintf(out, "compile: %.0f units/s, %" PRIu64 " files, %.2f cores\n",
			(double)t.jobs.nr_units / result->wall_s, t.jobs.nr_done,
			t.jobs.cpu_s / result->wall_s);
	if (opt->burst)
		fprintf(out, "bursts: %.0f units/s, %.2f cores\n",
			(double)atomic_load(&sh->nr_burst_units) / result->wall_s,
			(double)atomic_load(&sh->burst_cpu_ns) / 1e9 / result->wall_s);
	if (opt->nr_hogs)
		fprintf(out, "hogs: %.0f units/s, %.2f cores\n", (double)t.hogs.nr_done / result->wall_s,
			t.hogs.cpu_s / result->wall_s);
	if (opt->nr_forkers)
		fprintf(out, "forkers: %.1f forks/s, %.2f cores\n", (double)t.forkers.nr_done / result->wall_s,
			t.forkers.cpu_s / result->wall_s);
	for (i = SCENE_PART_DEVICE; i <= SCENE_PART_TIMER; i++)
		foreground_cpu_s += result->cpu_s[i];
	fprintf(out, "devices, compositor, %s: %.2f cores\n", opt->has_game ? "game" : "applications",
		foreground_cpu_s / (result->wall_s + opt->warmup_s));

	fprintf(out, "\n%-24s", "ms");
	for (i = 0; i < (int)NR_PERCENTILES; i++)
		fprintf(out, " %9s", percentiles[i].key);
	fputc('\n', out);
	for (i = 0; i < NR_SCENE_HOPS; i++)
		print_histogram(out, hop_names[i], &sh->hops[i].latency);
	print_histogram(out, "frame", &sh->frames.time);
	print_histogram(out, "audio wake", &sh->audio.time);
	print_histogram(out, "video frame", &sh->video.time);
	print_histogram(out, "timer wake", &sh->timer.time);
}

void report_print_samples(FILE *out, const struct scene *scene)
{
	uint64_t i;

	for (i = 0; i < scene->shared->nr_samples; i++)
		fprintf(out, "%" PRIu64 "\n", scene->shared->samples_ns[i]);
}

void report_print_buckets(FILE *out, const struct scene *scene)
{
	const struct histogram *hist = &scene->shared->hops[SCENE_HOP_GAME].latency;
	unsigned int bucket;

	for (bucket = 0; bucket < HISTOGRAM_NR_BUCKETS; bucket++) {
		if (hist->buckets[bucket])
			fprintf(out, "%" PRIu64 " %" PRIu32 "\n", histogram_bucket_last(bucket), hist->buckets[bucket]);
	}
}
