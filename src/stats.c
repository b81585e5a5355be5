// SPDX-License-Identifier: GPL-2.0-only
#include "stats.h"

#include <inttypes.h>

#include "stats_fields.h"
#include "stats_json.h"
#include "util.h"

static uint64_t sum(const uint64_t *values, uint32_t nr)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < nr; i++)
		total += values[i];
	return total;
}

uint64_t stats_hist_quantile_us(const uint64_t *buckets, uint32_t permille)
{
	uint64_t total = sum(buckets, ARCADE_HIST_BUCKETS), seen = 0;

	if (!total)
		return 0;
	for (uint32_t i = 0; i < ARCADE_HIST_BUCKETS; i++) {
		seen += buckets[i];
		if (seen * 1000 >= total * permille)
			return 1ULL << i;
	}
	return 1ULL << (ARCADE_HIST_BUCKETS - 1);
}

void stats_describe_lanes(uint32_t lanes, char *buf, size_t size)
{
	size_t len = 0;

	snprintf(buf, size, "none");
	for (int lane = 0; lane < NR_ARCADE_LANES && len < size; lane++)
		if (lanes & 1u << lane)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
						stats_lane_name((enum arcade_lane)lane));
}

#define DIFF(member) (now->member - before->member)

void stats_print_line(FILE *out, const struct stats_snapshot *now, const struct stats_snapshot *before)
{
	uint64_t ns = now->time_ns - before->time_ns;
	double seconds = ns ? (double)ns / NSEC_PER_SEC : 1;

	fprintf(out,
		"packets %.0f/s  chains %.0f %.0f %.0f/s  idle %.0f queued %.0f preempts %.0f/s  drops %" PRIu64
		"  wait max %.1f ms\n",
		DIFF(kernel.nr_packets) / seconds, DIFF(kernel.nr_chain_marks[ARCADE_ROOT_INPUT][0]) / seconds,
		DIFF(kernel.nr_chain_marks[ARCADE_ROOT_INPUT][1]) / seconds, DIFF(kernel.nr_chain_marks[ARCADE_ROOT_INPUT][2]) / seconds,
		DIFF(kernel.nr_idle_direct) / seconds, (DIFF(kernel.nr_queued_llc) + DIFF(kernel.nr_queued_cpu)) / seconds,
		(double)(sum(now->kernel.nr_preempts, NR_ARCADE_CLASSES) - sum(before->kernel.nr_preempts, NR_ARCADE_CLASSES)) / seconds,
		sum(now->kernel.nr_ring_drops, ARCADE_NR_RINGS) - sum(before->kernel.nr_ring_drops, ARCADE_NR_RINGS),
		now->kernel.wait_max_ns / 1e6);
}

void stats_print_json(FILE *out, const struct stats_snapshot *now)
{
	json_object *top = stats_json_top(now);

	if (top)
		fprintf(out, "%s\n",
			json_object_to_json_string_ext(top, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(top);
}

void stats_print_help(FILE *out)
{
	static const char *const types[NR_STATS_TYPES] = {
		[STATS_COUNTER] = "counter", [STATS_GAUGE] = "now",	   [STATS_MAXIMUM] = "maximum",	 [STATS_HISTOGRAM] = "histogram",
		[STATS_TOTAL] = "counter",   [STATS_QUANTILE] = "quantile", [STATS_TEXT] = "text",
	};

	fprintf(out, "Members of a line of --json, and of the answer \"top\" on the socket of the statistics. Counters, maxima and\n"
		     "histograms grow from the start of the scheduler; [i] of a histogram counts times from 2^(i-1) to 2^i us.\n\n");
	for (size_t i = 0; i < stats_fields_nr(); i++) {
		const struct stats_field *field = stats_field(i);
		char unit[8] = "";

		if (*field->unit)
			snprintf(unit, sizeof(unit), ", %s", field->unit);
		fprintf(out, "  %-24s %s (%s%s)\n", field->name, field->desc, types[field->type], unit);
	}
}
