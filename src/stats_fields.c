// SPDX-License-Identifier: GPL-2.0-only
#include "stats_fields.h"

#include "util.h"

#define OFFSET(member) offsetof(struct stats_snapshot, member)
#define SCALAR(type_, unit_, name_, member, desc_) \
	{ .name = (name_), .unit = (unit_), .desc = (desc_), .type = (type_), .offset = OFFSET(member), .length = 1 }
#define COUNTER(name, member, desc)	SCALAR(STATS_COUNTER, "", name, member, desc)
#define GAUGE(name, member, desc)	SCALAR(STATS_GAUGE, "", name, member, desc)
#define NANOSECONDS(name, member, desc) SCALAR(STATS_GAUGE, "ns", name, member, desc)
#define MAXIMUM(name, member, desc)	SCALAR(STATS_MAXIMUM, "ns", name, member, desc)
#define TEXT(name, member, desc)	SCALAR(STATS_TEXT, "", name, member, desc)
#define ARRAY(type_, label_, name_, member, length_, desc_) \
	{ .name = (name_), .unit = "", .desc = (desc_), .type = STATS_##type_, .label = STATS_LABEL_##label_, \
	  .offset = OFFSET(member), .length = (length_) }
#define QUANTILE(name_, permille_, member, desc_) \
	{ .name = (name_), .unit = "us", .desc = (desc_), .type = STATS_QUANTILE, .offset = OFFSET(member), .length = 1, \
	  .permille = (permille_) }
#define HOP_QUANTILES(hop) \
	QUANTILE("chain_hop" #hop "_p50_us", 500, kernel.chain_hist[ARCADE_ROOT_INPUT][(hop) - 1], \
		 "time from input to running of hop " #hop ", median: upper end of its power of two"), \
	QUANTILE("chain_hop" #hop "_p99_us", 990, kernel.chain_hist[ARCADE_ROOT_INPUT][(hop) - 1], \
		 "time from input to running of hop " #hop ", 99th percentile: upper end of its power of two")
#define FRAME(name, end, root, desc) \
	SCALAR(STATS_TOTAL, "", name, kernel.frame_hist[ARCADE_FRAME_##end][ARCADE_ROOT_##root], desc), \
	QUANTILE(name "_p50_us", 500, kernel.frame_hist[ARCADE_FRAME_##end][ARCADE_ROOT_##root], \
		 "time from the root of such a chain to that, median: upper end of its power of two"), \
	QUANTILE(name "_p99_us", 990, kernel.frame_hist[ARCADE_FRAME_##end][ARCADE_ROOT_##root], \
		 "time from the root of such a chain to that, 99th percentile: upper end of its power of two")

/* clang-format off */
static const struct stats_field fields[] = {
	TEXT("version", version, "version of scx_arcade"),
	TEXT("kernel", kernel_release, "release of the kernel"),
	TEXT("mode", mode, "auto, gaming, lowlatency, powersave or server"),
	TEXT("state", state, "scheduling, or restarting: after CPUs came or went, or for an option that needs it"),
	NANOSECONDS("time_ns", time_ns, "when this was taken: CLOCK_MONOTONIC"),
	NANOSECONDS("uptime_ns", uptime_ns, "time since the scheduler started; all counters of the scheduler begin then"),
	GAUGE("nr_cpus", nr_cpus, "CPUs that are scheduled"),
	TEXT("acting", acting, "on what the player acts now: none, or keyboard, mouse, gamepad, touch"),
	COUNTER("packets", kernel.nr_packets, "input packets seen by the hook"),
	ARRAY(COUNTER, LANE, "lane_packets", kernel.nr_lane_packets, NR_ARCADE_LANES,
	      "input packets by lane: other, keyboard, mouse, gamepad, touch"),
	COUNTER("packets_missed", input_missed, "runs of the input hook left out because it interrupted itself"),
	COUNTER("devices_untracked", kernel.nr_device_untracked, "packets of devices beyond the table"),
	COUNTER("rest_packets", kernel.nr_rest_packets, "packets of gamepads with nothing but the noise of resting sticks"),
	ARRAY(GAUGE, LANE, "devices", devices.nr, NR_ARCADE_LANES, "input devices there are now, by lane as above"),
	GAUGE("devices_closed", devices.nr_closed, "input devices that cannot be opened, or are being opened"),
	COUNTER("device_disagreements", devices.nr_disagreements, "input devices that the hook took for something else"),
	COUNTER("devices_used", devices.read.nr_seen, "without the hook: times that the daemon noticed input"),
	COUNTER("devices_rest", devices.read.nr_rest, "without the hook: times that it was the noise of resting sticks"),
	COUNTER("window_marks", kernel.nr_window_marks, "without the hook: wakeups of game and compositor that were favoured"),
	ARRAY(COUNTER, RING, "ring_records", kernel.nr_ring_records, ARCADE_NR_RINGS, "input records written, by ring"),
	ARRAY(COUNTER, RING, "ring_drops", kernel.nr_ring_drops, ARCADE_NR_RINGS, "input records lost to a full ring, by ring"),
	COUNTER("ring_wakeups", kernel.nr_ring_wakeups, "wakeups of the daemon asked for by the hook"),
	COUNTER("records_read", rings.nr_records, "input records read by the daemon"),
	COUNTER("records_bad", rings.nr_bad_records, "input records that made no sense"),
	MAXIMUM("record_delay_max_ns", rings.delay_max_ns, "longest time that a record lay unread"),
	COUNTER("input_wakeups", rings.nr_wakeups, "wakeups of the daemon for input"),
	COUNTER("chain_hop1", kernel.nr_chain_marks[ARCADE_ROOT_INPUT][0], "wakeups caused by input: readers of a device"),
	COUNTER("chain_hop2", kernel.nr_chain_marks[ARCADE_ROOT_INPUT][1], "wakeups caused by those of hop 1"),
	COUNTER("chain_hop3", kernel.nr_chain_marks[ARCADE_ROOT_INPUT][2], "wakeups caused by those of hop 2"),
	COUNTER("chain_hop4", kernel.nr_chain_marks[ARCADE_ROOT_INPUT][3], "wakeups caused by those of hop 3"),
	COUNTER("chain_hop5", kernel.nr_chain_marks[ARCADE_ROOT_INPUT][4], "wakeups caused by those of hop 4"),
	COUNTER("chain_hop6", kernel.nr_chain_marks[ARCADE_ROOT_INPUT][5], "wakeups caused by those of hop 5"),
	COUNTER("chain_hops_over", kernel.nr_chain_hops_over, "wakeups beyond the last hop: not followed"),
	COUNTER("chain_fanout_over", kernel.nr_chain_fanout_over, "wakeups by a member that woke too many: not followed"),
	COUNTER("chain_void", kernel.nr_chain_void, "marks that did not hold, because the task was just going to sleep"),
	COUNTER("chain_expired", kernel.nr_chain_expired, "wakeups by a member whose time or budget was over: not followed"),
	COUNTER("chain_budget_over", kernel.nr_chain_budget_over, "members that used up their CPU time"),
	COUNTER("vblanks", kernel.nr_roots[ARCADE_ROOT_VBLANK], "frames that the display has begun, and flips that it has done"),
	COUNTER("audio_periods", kernel.nr_roots[ARCADE_ROOT_AUDIO], "periods that audio devices have played or recorded"),
	ARRAY(COUNTER, HOP, "vblank_hops", kernel.nr_chain_marks[ARCADE_ROOT_VBLANK], ARCADE_MAX_HOPS,
	      "wakeups caused by the display, by hop: compositors, and whom they wake"),
	ARRAY(COUNTER, HOP, "audio_hops", kernel.nr_chain_marks[ARCADE_ROOT_AUDIO], ARCADE_MAX_HOPS,
	      "wakeups caused by audio devices, by hop: who fills or empties their buffers, and whom these wake"),
	COUNTER("gpu_submits", kernel.nr_frame_ends[ARCADE_FRAME_SUBMIT], "times that work was given to a GPU"),
	COUNTER("flips", kernel.nr_frame_ends[ARCADE_FRAME_FLIP], "times that a picture was given to the display"),
	COUNTER("roles_attached", roles.nr_attached, "times that display, audio or NVIDIA programs were attached to their module"),
	COUNTER("roles_released", roles.nr_released, "times that these let go of a module that went out of use"),
	COUNTER("lock_handovers", kernel.nr_lock_handovers, "chain members that waited for a lock and handed on to its holder"),
	COUNTER("chain_cpus_given", kernel.nr_chain_cpus_given, "chain members left to the CPU of their waker, which is about to sleep"),
	COUNTER("idle_direct", kernel.nr_idle_direct, "tasks put on an idle CPU at once"),
	COUNTER("queued_llc", kernel.nr_queued_llc, "tasks queued for the CPUs of a cache"),
	COUNTER("queued_cpu", kernel.nr_queued_cpu, "tasks queued for one CPU"),
	COUNTER("preempts_chain", kernel.nr_preempts[ARCADE_CLASS_CHAIN], "busy CPUs taken for chain members"),
	COUNTER("preempts_frame", kernel.nr_preempts[ARCADE_CLASS_FRAME], "busy CPUs taken for frame-critical threads of the game"),
	COUNTER("preempts_game", kernel.nr_preempts[ARCADE_CLASS_GAME], "busy CPUs taken for other threads of the game"),
	COUNTER("preempts_normal", kernel.nr_preempts[ARCADE_CLASS_NORMAL], "busy CPUs taken for other threads with an earlier deadline"),
	COUNTER("kthread_preempts", kernel.nr_kthread_preempts, "busy CPUs taken for their own kernel threads"),
	COUNTER("preempt_no_victim", kernel.nr_preempt_no_victim, "chain members that found no CPU to take"),
	COUNTER("preempt_no_token", kernel.nr_preempt_no_token, "preemptions refused by the budget"),
	COUNTER("slices_renewed", kernel.nr_kept, "slices renewed because nobody was owed more"),
	COUNTER("aged", kernel.nr_aged, "tasks taken out of turn because they had waited too long"),
	COUNTER("steals", kernel.nr_steals, "tasks taken from the queue of another cache"),
	COUNTER("kicks", kernel.nr_kicks, "idle CPUs woken after a task was queued"),
	MAXIMUM("wait_max_ns", kernel.wait_max_ns, "longest time that a task was queued"),
	COUNTER("control_records", kernel.nr_control_records, "processes that got a program or ended, as told by the kernel half"),
	COUNTER("control_read", rings.nr_control_records, "records of processes read by the daemon"),
	COUNTER("control_lost", rings.nr_control_lost,
		"records of processes and modules lost to a full ring: looked for in /proc and /sys"),
	COUNTER("control_missed", rings.nr_control_missed,
		"records of them left out by the kernel, at most: all but ends are looked for"),
	COUNTER("control_wakeups", rings.nr_control_wakeups, "wakeups of the daemon for records of processes"),
	COUNTER("tasks_unknown", kernel.nr_task_ctx_failed, "tasks scheduled without state of ours"),
	COUNTER("loop_wakeups", loop.nr_wakeups, "wakeups of the daemon for anything"),
	MAXIMUM("loop_round_max_ns", loop.round_max_ns, "longest time that the daemon worked after one wakeup"),
	{ .name = "loop_round_hist", .unit = "", .desc = "wakeups of the daemon by the time that it worked after them", .type = STATS_HISTOGRAM,
	  .label = STATS_LABEL_BUCKET, .offset = offsetof(struct stats_snapshot, loop.round_hist), .length = LOOP_HIST_BUCKETS,
	  .sum = "loop_busy_ns" },
	{ .name = "loop_busy_ns", .unit = "ns", .desc = "time that the daemon's loop worked, of all wakeups together",
	  .type = STATS_COUNTER, .offset = offsetof(struct stats_snapshot, loop.busy_ns), .length = 1 },
	GAUGE("game_pid", player.game_pid, "process that is the game, 0: none"),
	TEXT("game_name", game_name, "name of its program, empty if there is none"),
	GAUGE("game_in_front", player.game_in_front, "1: the game has the focus, as far as that is known; 0: it has not"),
	COUNTER("game_decisions", player.games.nr_decisions, "times that another process, or none, became the game"),
	GAUGE("game_candidates", player.games.nr_candidates, "processes that may be a game, now"),
	COUNTER("game_probes", player.games.nr_probes, "processes read to find out"),
	COUNTER("game_rescans", player.games.nr_rescans, "looks through all processes"),
	COUNTER("background_trees", player.games.nr_background, "processes found to work in the background"),
	COUNTER("background_groups", player.games.nr_background_groups, "control groups found to be theirs alone"),
	COUNTER("watch_events_lost", player.watch_events_lost, "changes of folders that were not told one by one"),
	COUNTER("log_lines_lost", log_lines_lost, "log lines that could not be written"),
	COUNTER("frames_dropped", frames_dropped, "statistics that could not be written"),
	COUNTER("restarts", restarts, "restarts of the scheduler after CPU hotplug"),
	GAUGE("stats_clients", servers[0].nr_clients, "connections to the socket of the statistics now"),
	COUNTER("stats_accepted", servers[0].nr_accepted, "connections to the socket of the statistics that were served"),
	COUNTER("stats_requests", servers[0].nr_requests, "requests on the socket of the statistics"),
	COUNTER("stats_errors", servers[0].nr_errors, "of these, answered with an error"),
	COUNTER("stats_denied", servers[0].nr_denied, "connections to the socket of the statistics by who may not ask"),
	COUNTER("stats_full", servers[0].nr_full, "connections to the socket of the statistics beyond their limit"),
	COUNTER("stats_dropped", servers[0].nr_dropped, "connections to the socket of the statistics that were too slow or took too much memory"),
	GAUGE("control_clients", servers[1].nr_clients, "connections to the socket of the control now"),
	COUNTER("control_accepted", servers[1].nr_accepted, "connections to the socket of the control that were served"),
	COUNTER("control_requests", servers[1].nr_requests, "requests on the socket of the control"),
	COUNTER("control_errors", servers[1].nr_errors, "of these, answered with an error"),
	COUNTER("control_denied", servers[1].nr_denied, "connections to the socket of the control by who may not ask"),
	COUNTER("control_full", servers[1].nr_full, "connections to the socket of the control beyond their limit"),
	COUNTER("control_dropped", servers[1].nr_dropped, "connections to the socket of the control that were too slow or took too much memory"),
	HOP_QUANTILES(1),
	HOP_QUANTILES(2),
	HOP_QUANTILES(3),
	HOP_QUANTILES(4),
	HOP_QUANTILES(5),
	HOP_QUANTILES(6),
	FRAME("input_to_submit", SUBMIT, INPUT, "chains of input that led to work for a GPU"),
	FRAME("input_to_flip", FLIP, INPUT, "chains of input that led to a picture for the display"),
	FRAME("vblank_to_submit", SUBMIT, VBLANK, "chains of the display that led to work for a GPU"),
	FRAME("vblank_to_flip", FLIP, VBLANK, "chains of the display that led to the next picture"),
	FRAME("audio_to_submit", SUBMIT, AUDIO, "chains of audio that led to work for a GPU"),
	FRAME("audio_to_flip", FLIP, AUDIO, "chains of audio that led to a picture for the display"),
};
/* clang-format on */

size_t stats_fields_nr(void)
{
	return ARRAY_SIZE(fields);
}

const struct stats_field *stats_field(size_t i)
{
	return &fields[i];
}

const struct stats_field *stats_field_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (streq(fields[i].name, name))
			return &fields[i];
	return NULL;
}

const uint64_t *stats_field_values(const struct stats_field *field, const struct stats_snapshot *snapshot)
{
	return (const uint64_t *)((const char *)snapshot + field->offset);
}

uint64_t stats_field_value(const struct stats_field *field, const struct stats_snapshot *snapshot)
{
	const uint64_t *values = stats_field_values(field, snapshot);
	uint64_t total = 0;

	switch (field->type) {
	case STATS_QUANTILE:
		return stats_hist_quantile_us(values, field->permille);
	case STATS_TOTAL:
		for (size_t i = 0; i < ARCADE_HIST_BUCKETS; i++)
			total += values[i];
		return total;
	default:
		return *values;
	}
}

const char *stats_field_text(const struct stats_field *field, const struct stats_snapshot *snapshot)
{
	return (const char *)snapshot + field->offset;
}

const char *stats_lane_name(enum arcade_lane lane)
{
	static const char *const names[NR_ARCADE_LANES] = {
		[ARCADE_LANE_OTHER] = "other",	   [ARCADE_LANE_KEYBOARD] = "keyboard", [ARCADE_LANE_MOUSE] = "mouse",
		[ARCADE_LANE_GAMEPAD] = "gamepad", [ARCADE_LANE_TOUCH] = "touch",
	};

	return (unsigned int)lane < NR_ARCADE_LANES ? names[lane] : "other";
}

const char *stats_label_name(enum stats_label label)
{
	static const char *const names[NR_STATS_LABELS] = {
		[STATS_LABEL_LANE] = "lane", [STATS_LABEL_RING] = "ring", [STATS_LABEL_HOP] = "hop",
	};

	return names[label];
}

const char *stats_label_value(enum stats_label label, uint32_t i, char buf[16])
{
	if (label == STATS_LABEL_LANE)
		return stats_lane_name((enum arcade_lane)i);
	snprintf(buf, 16, "%u", (unsigned int)(label == STATS_LABEL_HOP ? i + 1 : i));
	return buf;
}
