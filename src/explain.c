// SPDX-License-Identifier: GPL-2.0-only
#include "explain.h"

#include <inttypes.h>
#include <limits.h>

#include "background_group.h"
#include "cgroup.h"
#include "log.h"
#include "own_file.h"
#include "prober.h"
#include "programs.h"
#include "util.h"

static void print_field(FILE *out, const char *name, const char *text)
{
	char safe[256];

	/* Its names are its own choice. */
	escape_text(safe, sizeof(safe), text);
	fprintf(out, "%-16s %s\n", name, safe);
}

static void print_signals(FILE *out, const struct score *score)
{
	for (int i = 0; i < NR_SCORE_SIGNALS; i++) {
		if (!(score->signals & 1u << i))
			continue;
		fprintf(out, "%-16s %+4d  %s", "", score_weight((enum score_signal)i),
			score_signal_text((enum score_signal)i));
		if (score->steam_app_id && (i == SCORE_STEAM_ENV || i == SCORE_REAPER || i == SCORE_STEAM_SCOPE))
			fprintf(out, " (%" PRIu64 ")", score->steam_app_id);
		fputc('\n', out);
	}
}

static void print_verdict(FILE *out, const struct score *score)
{
	char list[64] = "";

	if (score->reason == SCORE_REASON_LISTED)
		snprintf(list, sizeof(list), ": [%s]", programs_section_name(score->section));
	if (score->verdict == SCORE_GAME)
		fprintf(out, "%-16s game\n", "verdict");
	else
		fprintf(out, "%-16s %s: %s%s\n", "verdict", score_verdict_text(score->verdict),
			score_reason_text(score->reason), list);
}

static const char *const group_texts[] = {
	[BACKGROUND_GROUP_UNKNOWN] = "not known",
	[BACKGROUND_GROUP_ROOT] = "the root, which is everybody's",
	[BACKGROUND_GROUP_SHARED] = "others are in it, so only its descendants go with it",
	[BACKGROUND_GROUP_DIVIDED] = "groups are below it, so only its descendants go with it",
	[BACKGROUND_GROUP_CROWDED] = "too many are in it to tell, so only its descendants go with it",
	[BACKGROUND_GROUP_ALONE] = "nobody else is in it, so it goes behind as a whole",
};

/* Of a background program: who goes with it. */
static void print_group(FILE *out, int root, const struct proc_id *id, const struct programs *programs)
{
	_cleanup_close_ int cgroup_root = cgroup_open_root();
	struct background_group group;

	if (cgroup_root < 0 || background_group_read(root, cgroup_root, id, programs, NULL, &group))
		return;
	print_field(out, "control group", group.path);
	if (group.kind == BACKGROUND_GROUP_SHARED && group.other)
		fprintf(out, "%-16s %s (process %d)\n", "", group_texts[group.kind], (int)group.other);
	else
		fprintf(out, "%-16s %s\n", "", group_texts[group.kind]);
}

static int print_all(FILE *out, int root, const struct prober_probe *probe, const struct programs *programs)
{
	const struct proc_info *proc = &probe->info;
	struct score score;
	char text[256];

	score = score_process(&(struct score_facts){ .proc = proc, .ancestry = probe->ancestry }, programs);
	snprintf(text, sizeof(text), "%d, comm %s", (int)proc->id.pid, proc->comm);
	print_field(out, "process", text);
	print_field(out, "program", score.name);
	snprintf(text, sizeof(text), "%u, %" PRIu64 " MiB", proc->nr_threads, proc->rss_bytes >> 20);
	print_field(out, "threads, memory", text);
	print_verdict(out, &score);
	if (score.verdict == SCORE_BACKGROUND)
		print_group(out, root, &proc->id, programs);
	fprintf(out, "%-16s %d of %d, from %u kinds of signs of %d\n", "score", score.points, SCORE_THRESHOLD,
		score.nr_families, SCORE_FAMILIES_MIN);
	print_signals(out, &score);
	fprintf(out, "%-16s what it submits to a GPU, focus, fullscreen, GameMode's clients: the running daemon does\n",
		"not seen here");
	if (!proc->denied)
		return 0;
	fprintf(out, "%-16s missing privileges: cannot read its%s%s%s; run as root\n", "incomplete",
		proc->denied & PROC_DENIED_EXE ? " executable" : "", proc->denied & PROC_DENIED_ENV ? " environment" : "",
		proc->denied & PROC_DENIED_MAPS ? " maps" : "");
	return -EACCES;
}

enum status explain_print(pid_t pid, FILE *out)
{
	const struct proc_id id = { .pid = pid };
	_cleanup_(programs_unrefp) struct programs *programs = NULL;
	_cleanup_close_ int root = -1;
	char message[PROGRAMS_MESSAGE_MAX], programs_file[PATH_MAX];
	struct prober_probe probe;
	int err;

	own_file_find(PROGRAMS_FILE, PROGRAMS_FILE, programs_file, sizeof(programs_file));
	err = programs_new(programs_file, PROGRAMS_DIR, message, &programs);
	if (err) {
		log_error("%s", message);
		return STATUS_FAILED;
	}
	root = proc_open_root("/proc");
	if (root < 0) {
		log_error_errno(root, "/proc");
		return STATUS_FAILED;
	}
	err = prober_read(root, &id, programs, true, &probe);
	if (err) {
		if (err == -ESRCH)
			log_error("--explain %d: there is no such process", (int)pid);
		else
			log_error_errno(err, "--explain %d", (int)pid);
		return STATUS_FAILED;
	}
	close_fd(probe.pidfd);
	err = print_all(out, root, &probe, programs);
	if (fflush(out) || ferror(out)) {
		log_error_errno(errno, "standard output");
		return STATUS_FAILED;
	}
	return err ? STATUS_NO_PRIVILEGE : STATUS_OK;
}
