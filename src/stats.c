// SPDX-License-Identifier: GPL-2.0-only
#include "stats.h"

#include <inttypes.h>

#include "util.h"

struct field {
	const char *name;
	const char *unit;	/* "" for a count */
	const char *help;
	size_t offset;		/* in struct stats_snapshot */
	uint32_t length;	/* of an array; 1 for a scalar */
	bool is_max;		/* a maximum since the start, not a sum */
};

#define FIELD(name_, member, help_) \
	{ .name = (name_), .unit = "", .help = (help_), .offset = offsetof(struct stats_snapshot, member), .length = 1 }
#define ARRAY(name_, member, length_, help_) \
	{ .name = (name_), .unit = "", .help = (help_), .offset = offsetof(struct stats_snapshot, member), \
	  .length = (length_) }
#define MAXIMUM(name_, member, help_) \
	{ .name = (name_), .unit = "ns", .help = (help_), .offset = offsetof(struct stats_snapshot, member), \
	  .length = 1, .is_max = true }
/* How it is now, not how often it was. */
#define GAUGE(name_, member, help_) \
	{ .name = (name_), .unit = "", .help = (help_), .offset = offsetof(struct stats_snapshot, member), \
	  .length = 1, .is_max = true }

static const struct field fields[] = {
	FIELD("packets", kernel.nr_packets, "input packets seen by the hook"),
	ARRAY("lane_packets", kernel.nr_lane_packets, NR_ARCADE_LANES,
	      "the same by lane: other, keyboard, mouse, gamepad, touch"),
	FIELD("packets_missed", input_missed, "runs of the input hook left out because it interrupted itself"),
	FIELD("devices_untracked", kernel.nr_device_untracked, "packets of devices beyond the table"),
	FIELD("rest_packets", kernel.nr_rest_packets, "packets of gamepads with nothing but the noise of resting sticks"),
	ARRAY("devices", devices.nr, NR_ARCADE_LANES, "input devices there are now, by lane as above"),
	FIELD("devices_closed", devices.nr_closed, "input devices that cannot be opened"),
	FIELD("device_disagreements", devices.nr_disagreements, "input devices that the hook took for something else"),
	FIELD("devices_used", devices.read.nr_seen, "without the hook: times that the daemon noticed input"),
	FIELD("devices_rest", devices.read.nr_rest, "without the hook: times that it was the noise of resting sticks"),
	FIELD("window_marks", kernel.nr_window_marks, "without the hook: wakeups of game and compositor that were favoured"),
	ARRAY("ring_records", kernel.nr_ring_records, ARCADE_NR_RINGS, "input records written, by ring"),
	ARRAY("ring_drops", kernel.nr_ring_drops, ARCADE_NR_RINGS, "input records lost to a full ring, by ring"),
	FIELD("ring_wakeups", kernel.nr_ring_wakeups, "wakeups of the daemon asked for by the hook"),
	FIELD("records_read", rings.nr_records, "input records read by the daemon"),
	FIELD("records_bad", rings.nr_bad_records, "input records that made no sense"),
	MAXIMUM("record_delay_max", rings.delay_max_ns, "longest time that a record lay unread"),
	FIELD("input_wakeups", rings.nr_wakeups, "wakeups of the daemon for input"),
	FIELD("chain_hop1", kernel.nr_chain_marks[ARCADE_ROOT_INPUT][0], "wakeups caused by input: readers of a device"),
	FIELD("chain_hop2", kernel.nr_chain_marks[ARCADE_ROOT_INPUT][1], "wakeups caused by these"),
	FIELD("chain_hop3", kernel.nr_chain_marks[ARCADE_ROOT_INPUT][2], "and so on"),
	FIELD("chain_hop4", kernel.nr_chain_marks[ARCADE_ROOT_INPUT][3], ""),
	FIELD("chain_hop5", kernel.nr_chain_marks[ARCADE_ROOT_INPUT][4], ""),
	FIELD("chain_hop6", kernel.nr_chain_marks[ARCADE_ROOT_INPUT][5], ""),
	FIELD("chain_hops_over", kernel.nr_chain_hops_over, "wakeups beyond the last hop: not followed"),
	FIELD("chain_fanout_over", kernel.nr_chain_fanout_over, "wakeups by a member that woke too many: not followed"),
	FIELD("chain_void", kernel.nr_chain_void, "marks that did not hold, because the task was just going to sleep"),
	FIELD("chain_expired", kernel.nr_chain_expired, "wakeups by a member whose time or budget was over: not followed"),
	FIELD("chain_budget_over", kernel.nr_chain_budget_over, "members that used up their CPU time"),
	FIELD("vblanks", kernel.nr_roots[ARCADE_ROOT_VBLANK], "frames that the display has begun, and flips that it has done"),
	FIELD("audio_periods", kernel.nr_roots[ARCADE_ROOT_AUDIO], "periods that audio devices have played or recorded"),
	ARRAY("vblank_hops", kernel.nr_chain_marks[ARCADE_ROOT_VBLANK], ARCADE_MAX_HOPS,
	      "wakeups caused by the display, by hop: compositors, and whom they wake"),
	ARRAY("audio_hops", kernel.nr_chain_marks[ARCADE_ROOT_AUDIO], ARCADE_MAX_HOPS,
	      "wakeups caused by audio devices, by hop: who fills or empties their buffers, and whom these wake"),
	FIELD("gpu_submits", kernel.nr_frame_ends[ARCADE_FRAME_SUBMIT], "times that work was given to a GPU"),
	FIELD("flips", kernel.nr_frame_ends[ARCADE_FRAME_FLIP], "times that a picture was given to the display"),
	FIELD("roles_attached", roles.nr_attached, "times that display, audio or NVIDIA programs were attached to their module"),
	FIELD("roles_released", roles.nr_released, "times that these let go of a module that went out of use"),
	FIELD("lock_handovers", kernel.nr_lock_handovers, "chain members that waited for a lock and handed on to its holder"),
	FIELD("idle_direct", kernel.nr_idle_direct, "tasks put on an idle CPU at once"),
	FIELD("queued_llc", kernel.nr_queued_llc, "tasks queued for the CPUs of a cache"),
	FIELD("queued_cpu", kernel.nr_queued_cpu, "tasks queued for one CPU"),
	FIELD("preempts_chain", kernel.nr_preempts[ARCADE_CLASS_CHAIN], "busy CPUs taken for chain members"),
	FIELD("preempts_frame", kernel.nr_preempts[ARCADE_CLASS_FRAME], "busy CPUs taken for frame-critical threads of the game"),
	FIELD("preempts_game", kernel.nr_preempts[ARCADE_CLASS_GAME], "busy CPUs taken for other threads of the game"),
	FIELD("preempts_normal", kernel.nr_preempts[ARCADE_CLASS_NORMAL], "busy CPUs taken for other threads with an earlier deadline"),
	FIELD("kthread_preempts", kernel.nr_kthread_preempts, "busy CPUs taken for their own kernel threads"),
	FIELD("preempt_no_victim", kernel.nr_preempt_no_victim, "chain members that found no CPU to take"),
	FIELD("preempt_no_token", kernel.nr_preempt_no_token, "preemptions refused by the budget"),
	FIELD("slices_renewed", kernel.nr_kept, "slices renewed because nobody was owed more"),
	FIELD("aged", kernel.nr_aged, "tasks taken out of turn because they had waited too long"),
	FIELD("steals", kernel.nr_steals, "tasks taken from the queue of another cache"),
	FIELD("kicks", kernel.nr_kicks, "idle CPUs woken after a task was queued"),
	MAXIMUM("wait_max", kernel.wait_max_ns, "longest time that a task was queued"),
	FIELD("control_records", kernel.nr_control_records, "processes that got a program or ended, as told by the kernel half"),
	FIELD("control_read", rings.nr_control_records, "the same, read by the daemon"),
	FIELD("control_lost", rings.nr_control_lost, "the same, lost to a full ring: looked for in /proc"),
	FIELD("control_wakeups", rings.nr_control_wakeups, "wakeups of the daemon for these"),
	FIELD("tasks_unknown", kernel.nr_task_ctx_failed, "tasks scheduled without state of ours"),
	FIELD("loop_wakeups", loop_wakeups, "wakeups of the daemon for anything"),
	GAUGE("game_pid", player.game_pid, "process that is the game, 0: none"),
	GAUGE("game_in_front", player.game_in_front, "whether it has the focus, as far as that is known"),
	FIELD("game_decisions", player.games.nr_decisions, "times that another process, or none, became the game"),
	GAUGE("game_candidates", player.games.nr_candidates, "processes that may be a game, now"),
	FIELD("game_probes", player.games.nr_probes, "processes read to find out"),
	FIELD("game_rescans", player.games.nr_rescans, "looks through all processes"),
	FIELD("background_trees", player.games.nr_background, "processes found to work in the background"),
	FIELD("watch_events_lost", player.watch_events_lost, "changes of folders that were not told one by one"),
	FIELD("log_lines_lost", log_lines_lost, "log lines that could not be written"),
	FIELD("frames_dropped", frames_dropped, "statistics that could not be written"),
	FIELD("restarts", restarts, "restarts of the scheduler after CPU hotplug"),
};

static const char *const lane_names[NR_ARCADE_LANES] = {
	[ARCADE_LANE_OTHER] = "other",	   [ARCADE_LANE_KEYBOARD] = "keyboard", [ARCADE_LANE_MOUSE] = "mouse",
	[ARCADE_LANE_GAMEPAD] = "gamepad", [ARCADE_LANE_TOUCH] = "touch",
};

static const uint64_t *field_values(const struct field *field, const struct stats_snapshot *snapshot)
{
	return (const uint64_t *)((const char *)snapshot + field->offset);
}

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

/* Time from the root of a chain to its end in a picture. */
static const struct frame {
	const char *name;
	const char *help;
	enum arcade_frame_end end;
	enum arcade_root root;
} frames[] = {
	{ "input_to_submit", "chains of input that led to work for a GPU", ARCADE_FRAME_SUBMIT, ARCADE_ROOT_INPUT },
	{ "input_to_flip", "chains of input that led to a picture for the display", ARCADE_FRAME_FLIP, ARCADE_ROOT_INPUT },
	{ "vblank_to_submit", "chains of the display that led to work for a GPU", ARCADE_FRAME_SUBMIT, ARCADE_ROOT_VBLANK },
	{ "vblank_to_flip", "chains of the display that led to the next picture", ARCADE_FRAME_FLIP, ARCADE_ROOT_VBLANK },
	{ "audio_to_submit", "chains of audio that led to work for a GPU", ARCADE_FRAME_SUBMIT, ARCADE_ROOT_AUDIO },
	{ "audio_to_flip", "chains of audio that led to a picture for the display", ARCADE_FRAME_FLIP, ARCADE_ROOT_AUDIO },
};

static const uint64_t *frame_hist(const struct frame *frame, const struct stats_snapshot *snapshot)
{
	return snapshot->kernel.frame_hist[frame->end][frame->root];
}

static void print_lanes(FILE *out, uint32_t lanes)
{
	const char *separator = "";

	if (!lanes)
		fprintf(out, "none");
	for (int lane = 0; lane < NR_ARCADE_LANES; lane++) {
		if (!(lanes & 1u << lane))
			continue;
		fprintf(out, "%s%s", separator, lane_names[lane]);
		separator = ", ";
	}
}

static double seconds_between(const struct stats_snapshot *now, const struct stats_snapshot *before)
{
	uint64_t ns = now->time_ns - before->time_ns;

	return ns ? (double)ns / NSEC_PER_SEC : 1;
}

#define DIFF(member) (now->member - before->member)

void stats_print_line(FILE *out, const struct stats_snapshot *now, const struct stats_snapshot *before)
{
	double seconds = seconds_between(now, before);

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
	fprintf(out, "{\"time_ns\":%" PRIu64, now->time_ns);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const uint64_t *values = field_values(&fields[i], now);

		fprintf(out, ",\"%s%s\":", fields[i].name, *fields[i].unit ? "_ns" : "");
		if (fields[i].length == 1) {
			fprintf(out, "%" PRIu64, *values);
			continue;
		}
		for (uint32_t k = 0; k < fields[i].length; k++)
			fprintf(out, "%c%" PRIu64, k ? ',' : '[', values[k]);
		fputc(']', out);
	}
	/* Root to running of the hops that a chain has had, from the log2 histograms of the kernel half. */
	for (int hop = 0; hop < ARCADE_MAX_HOPS; hop++) {
		const uint64_t *hist = now->kernel.chain_hist[ARCADE_ROOT_INPUT][hop];

		fprintf(out, ",\"chain_hop%d_p50_us\":%" PRIu64 ",\"chain_hop%d_p99_us\":%" PRIu64, hop + 1,
			stats_hist_quantile_us(hist, 500), hop + 1, stats_hist_quantile_us(hist, 990));
	}
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		const uint64_t *hist = frame_hist(&frames[i], now);

		fprintf(out, ",\"%s\":%" PRIu64 ",\"%s_p50_us\":%" PRIu64 ",\"%s_p99_us\":%" PRIu64, frames[i].name,
			sum(hist, ARCADE_HIST_BUCKETS), frames[i].name, stats_hist_quantile_us(hist, 500), frames[i].name,
			stats_hist_quantile_us(hist, 990));
	}
	fputs("}\n", out);
}

void stats_print_table(FILE *out, const struct stats_snapshot *now, const struct stats_snapshot *before)
{
	double seconds = seconds_between(now, before);

	fprintf(out, "scx_arcade %s   the player acts on: ", ARCADE_VERSION);
	print_lanes(out, now->active_lanes);
	fprintf(out, "\n\n%-24s %14s %12s\n", "", "total", "per second");
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field *field = &fields[i];
		uint64_t total = sum(field_values(field, now), field->length);
		uint64_t change = total - sum(field_values(field, before), field->length);

		if (field->is_max)
			fprintf(out, "%-24s %11.3f ms\n", field->name, total / 1e6);
		else if (total)
			fprintf(out, "%-24s %14" PRIu64 " %12.1f\n", field->name, total, change / seconds);
	}
	if (sum(now->kernel.chain_hist[ARCADE_ROOT_INPUT][0], ARCADE_HIST_BUCKETS))
		fprintf(out, "\n%-24s %14s %14s   (input to running, at most)\n", "chain", "p50", "p99");
	else
		fprintf(out, "\nno thread has been woken by input yet\n");
	for (int hop = 0; hop < ARCADE_MAX_HOPS; hop++) {
		const uint64_t *hist = now->kernel.chain_hist[ARCADE_ROOT_INPUT][hop];

		if (sum(hist, ARCADE_HIST_BUCKETS))
			fprintf(out, "hop %-20d %11" PRIu64 " us %11" PRIu64 " us\n", hop + 1,
				stats_hist_quantile_us(hist, 500), stats_hist_quantile_us(hist, 990));
	}
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		const uint64_t *hist = frame_hist(&frames[i], now);

		if (sum(hist, ARCADE_HIST_BUCKETS))
			fprintf(out, "%-24s %11" PRIu64 " us %11" PRIu64 " us\n", frames[i].name,
				stats_hist_quantile_us(hist, 500), stats_hist_quantile_us(hist, 990));
	}
	fputc('\n', out);
}

void stats_print_help(FILE *out)
{
	fprintf(out, "Members of a line of --json. Counters grow from the start of the scheduler.\n\n");
	fprintf(out, "  %-24s %s\n", "time_ns", "CLOCK_MONOTONIC of the snapshot");
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		fprintf(out, "  %s%-*s %s\n", fields[i].name, (int)(24 - strlen(fields[i].name)),
			*fields[i].unit ? "_ns" : "", fields[i].help);
	fprintf(out, "  %-24s %s\n", "chain_hopN_p50_us", "input to running of hop N, median: upper end of its power of two");
	fprintf(out, "  %-24s %s\n", "chain_hopN_p99_us", "the same, 99th percentile");
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		char name[32];

		fprintf(out, "  %-24s %s\n", frames[i].name, frames[i].help);
		snprintf(name, sizeof(name), "%s_p50_us", frames[i].name);
		fprintf(out, "  %-24s %s\n", name, "time from root to that, median: upper end of its power of two");
		snprintf(name, sizeof(name), "%s_p99_us", frames[i].name);
		fprintf(out, "  %-24s %s\n", name, "the same, 99th percentile");
	}
}
