// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "options.h"
#include "scene.h"

#define DEFAULT_DURATION_S	10.0
#define MAX_DURATION_S		3600.0
#define MAX_HZ			8000	/* the fastest mice sold */
#define MAX_FPS			1000
#define MAX_WORK_US		1000000

enum {
	OPT_SCENE = 256, OPT_NAME, OPT_WARMUP, OPT_DURATION, OPT_PACKETS, OPT_MOUSE_HZ, OPT_KEY_HZ,
	OPT_INPUT_US, OPT_SUBMIT_US, OPT_NO_INPUT, OPT_FPS, OPT_FRAME_US, OPT_AUDIO, OPT_NO_AUDIO,
	OPT_HOGS, OPT_FORKERS, OPT_GAME_NICE, OPT_CALIBRATE, OPT_ITERS, OPT_JSON, OPT_KV, OPT_SAMPLES,
	OPT_BUCKETS, OPT_PID_FILE, OPT_GO_FILE, OPT_BURST, OPT_JOBS, OPT_VIDEO, OPT_TIMER, OPT_HELP,
};

static const struct option long_options[] = {
	{ "scene", required_argument, NULL, OPT_SCENE },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "warmup", required_argument, NULL, OPT_WARMUP },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "packets", required_argument, NULL, OPT_PACKETS },
	{ "mouse-hz", required_argument, NULL, OPT_MOUSE_HZ },
	{ "key-hz", required_argument, NULL, OPT_KEY_HZ },
	{ "input-us", required_argument, NULL, OPT_INPUT_US },
	{ "submit-us", required_argument, NULL, OPT_SUBMIT_US },
	{ "no-input", no_argument, NULL, OPT_NO_INPUT },
	{ "fps", required_argument, NULL, OPT_FPS },
	{ "frame-us", required_argument, NULL, OPT_FRAME_US },
	{ "audio", no_argument, NULL, OPT_AUDIO },
	{ "no-audio", no_argument, NULL, OPT_NO_AUDIO },
	{ "hogs", required_argument, NULL, OPT_HOGS },
	{ "forkers", required_argument, NULL, OPT_FORKERS },
	{ "game-nice", required_argument, NULL, OPT_GAME_NICE },
	{ "calibrate", no_argument, NULL, OPT_CALIBRATE },
	{ "iters-per-us", required_argument, NULL, OPT_ITERS },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "kv", required_argument, NULL, OPT_KV },
	{ "samples", required_argument, NULL, OPT_SAMPLES },
	{ "buckets", required_argument, NULL, OPT_BUCKETS },
	{ "pid-file", required_argument, NULL, OPT_PID_FILE },
	{ "go-file", required_argument, NULL, OPT_GO_FILE },
	{ "burst", no_argument, NULL, OPT_BURST },
	{ "jobs", required_argument, NULL, OPT_JOBS },
	{ "video", no_argument, NULL, OPT_VIDEO },
	{ "timer", no_argument, NULL, OPT_TIMER },
	{ "help", no_argument, NULL, OPT_HELP },
	{ },
};

static const char usage[] =
"Usage: scene [OPTION]...\n"
"Play a synthetic gaming desktop and measure what the player feels.\n"
"\n"
"  --scene NAME       game-60 (default), game-240, chain, desktop or compile; the options\n"
"                     below change it\n"
"  --name LABEL       label in the results\n"
"  --warmup S         seconds that are played and not counted (1)\n"
"  --duration S       seconds that are counted (10)\n"
"  --packets N        end after N counted input packets\n"
"  --mouse-hz HZ      packets of the mouse per second (1000)\n"
"  --key-hz HZ        packets of the keyboard per second (20)\n"
"  --input-us US      the game's or application's work on a packet (20)\n"
"  --submit-us US     the render thread's work on a packet (50)\n"
"  --no-input         no input devices, no compositor\n"
"  --fps N            frames per second (60), 0: none\n"
"  --frame-us US      CPU work of a frame over all threads (4000)\n"
"  --audio            a thread with periods of 5.333 ms: the game's, or a music player (default)\n"
"  --no-audio\n"
"  --video            a player: 60 frames per second, each 2 ms of CPU work\n"
"  --timer            an ordinary thread that a timer wakes 100 times per second\n"
"  --burst            in every 3 s, the game computes in 4 threads per CPU for 1 s, at nice 0\n"
"  --jobs N           a parallel build with so many jobs (0; compile: 2 per CPU)\n"
"  --hogs N           background processes that only compute (0)\n"
"  --forkers N        background processes that fork short-lived children (0)\n"
"  --game-nice N      nice value of all threads of the game (0)\n"
"  --pid-file FILE    write the game's process id to FILE before the warm-up begins\n"
"  --go-file FILE     begin the warm-up when FILE exists\n"
"  --iters-per-us X   size of the work, as --calibrate prints it: for runs to compare\n"
"  --calibrate        print it and end\n"
"  --json             results as one JSON object\n"
"  --kv FILE          results as lines 'key value' to FILE as well\n"
"  --samples FILE     every input-to-render latency to FILE, one in ns per line\n"
"  --buckets FILE     the histogram of input to game to FILE, lines 'upper-end-in-ns count'\n"
"  --help\n";

struct preset {
	const char *name;
	unsigned int mouse_hz;
	unsigned int key_hz;
	unsigned int fps;
	unsigned int frame_us;
	bool audio;
	bool video;
	bool timer;
	bool is_game;
	unsigned int jobs_per_cpu;
};

static const struct preset presets[] = {
	{ .name = "game-60", .mouse_hz = 1000, .key_hz = 20, .fps = 60, .frame_us = 4000, .audio = true,
	  .is_game = true },
	/* less work a frame: an esports title on low settings */
	{ .name = "game-240", .mouse_hz = 1000, .key_hz = 20, .fps = 240, .frame_us = 2000, .audio = true,
	  .is_game = true },
	/* nothing but input -> compositor -> game -> render */
	{ .name = "chain", .mouse_hz = 1000, .is_game = true },
	/* nobody plays: an office mouse, an application, a video, music */
	{ .name = "desktop", .mouse_hz = 125, .key_hz = 20, .frame_us = 4000, .audio = true, .video = true,
	  .timer = true },
	/* throughput, and one thread to tell what it costs the others */
	{ .name = "compile", .frame_us = 4000, .timer = true, .jobs_per_cpu = 2 },
};

static bool __attribute__((format(printf, 1, 2))) complain(const char *format, ...)
{
	va_list args;

	fputs("scene: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return false;
}

static bool parse_long(const char *option, const char *text, long min, long max, long *ret)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < min || value > max)
		return complain("--%s: '%s' is not a whole number from %ld to %ld", option, text, min, max);
	*ret = value;
	return true;
}

static bool parse_uint(const char *option, const char *text, unsigned int max, unsigned int *ret)
{
	long value;

	if (!parse_long(option, text, 0, (long)max, &value))
		return false;
	*ret = (unsigned int)value;
	return true;
}

static bool parse_double(const char *option, const char *text, double min, double max, double *ret)
{
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (errno || end == text || *end || !isfinite(value) || value < min || value > max)
		return complain("--%s: '%s' is not a number from %g to %g", option, text, min, max);
	*ret = value;
	return true;
}

/* It goes into JSON and into lines of words as it is. */
static bool parse_label(const char *text, const char **ret)
{
	const char *c;

	for (c = text; *c; c++) {
		if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\')
			return complain("--name: '%s' has a character other than plain letters, digits and signs", text);
	}
	*ret = text;
	return true;
}

static bool apply_preset(struct scene_options *opt, const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
		if (strcmp(presets[i].name, name))
			continue;
		opt->scene = presets[i].name;
		opt->mouse_hz = presets[i].mouse_hz;
		opt->key_hz = presets[i].key_hz;
		opt->fps = presets[i].fps;
		opt->frame_us = presets[i].frame_us;
		opt->audio = presets[i].audio;
		opt->video = presets[i].video;
		opt->timer = presets[i].timer;
		opt->has_game = presets[i].is_game;
		opt->nr_jobs = presets[i].jobs_per_cpu * (unsigned int)get_nprocs();
		if (opt->nr_jobs > SCENE_MAX_BACKGROUND)
			opt->nr_jobs = SCENE_MAX_BACKGROUND;
		return true;
	}
	return complain("--scene: no scene '%s' (game-60, game-240, chain, desktop, compile)", name);
}

static bool apply_option(struct scene_options *opt, int code, const char *option, const char *arg)
{
	long value;

	switch (code) {
	case OPT_SCENE:		return true;	/* was first, wherever it stands */
	case OPT_NAME:		return parse_label(arg, &opt->label);
	case OPT_WARMUP:	return parse_double(option, arg, 0, MAX_DURATION_S, &opt->warmup_s);
	case OPT_DURATION:	return parse_double(option, arg, 0.1, MAX_DURATION_S, &opt->duration_s);
	case OPT_PACKETS:
		if (!parse_long(option, arg, 1, 10 * 1000 * 1000, &value))
			return false;
		opt->nr_packets = (uint64_t)value;
		return true;
	case OPT_MOUSE_HZ:	return parse_uint(option, arg, MAX_HZ, &opt->mouse_hz);
	case OPT_KEY_HZ:	return parse_uint(option, arg, MAX_HZ, &opt->key_hz);
	case OPT_INPUT_US:	return parse_uint(option, arg, MAX_WORK_US, &opt->input_us);
	case OPT_SUBMIT_US:	return parse_uint(option, arg, MAX_WORK_US, &opt->submit_us);
	case OPT_NO_INPUT:
		opt->mouse_hz = 0;
		opt->key_hz = 0;
		return true;
	case OPT_FPS:		return parse_uint(option, arg, MAX_FPS, &opt->fps);
	case OPT_FRAME_US:	return parse_uint(option, arg, MAX_WORK_US, &opt->frame_us);
	case OPT_AUDIO:
		opt->audio = true;
		return true;
	case OPT_NO_AUDIO:
		opt->audio = false;
		return true;
	case OPT_HOGS:		return parse_uint(option, arg, SCENE_MAX_BACKGROUND, &opt->nr_hogs);
	case OPT_FORKERS:	return parse_uint(option, arg, SCENE_MAX_BACKGROUND, &opt->nr_forkers);
	case OPT_GAME_NICE:
		if (!parse_long(option, arg, -20, 19, &value))
			return false;
		opt->game_nice = (int)value;
		return true;
	case OPT_CALIBRATE:
		opt->calibrate_only = true;
		return true;
	case OPT_ITERS:		return parse_double(option, arg, 0.01, 1e6, &opt->iters_per_us);
	case OPT_JSON:
		opt->format = SCENE_FORMAT_JSON;
		return true;
	case OPT_KV:
		opt->kv_path = arg;
		return true;
	case OPT_SAMPLES:
		opt->samples_path = arg;
		return true;
	case OPT_BUCKETS:
		opt->buckets_path = arg;
		return true;
	case OPT_GO_FILE:
		opt->go_path = arg;
		return true;
	case OPT_PID_FILE:
		opt->pid_path = arg;
		return true;
	case OPT_BURST:
		opt->burst = true;
		return true;
	case OPT_JOBS:		return parse_uint(option, arg, SCENE_MAX_BACKGROUND, &opt->nr_jobs);
	case OPT_VIDEO:
		opt->video = true;
		return true;
	case OPT_TIMER:
		opt->timer = true;
		return true;
	}
	return false;
}

static bool check(struct scene_options *opt)
{
	unsigned int packets_per_s = opt->mouse_hz + opt->key_hz;

	if (opt->nr_packets && !packets_per_s)
		return complain("--packets needs an input device");
	if (opt->samples_path && !packets_per_s)
		return complain("--samples needs an input device");
	if (opt->buckets_path && !packets_per_s)
		return complain("--buckets needs an input device");
	/* frames are a game's; an application with input alone is what the scene says it is */
	opt->has_game = opt->fps || (opt->has_game && packets_per_s);
	if (opt->pid_path && !opt->has_game)
		return complain("--pid-file needs a scene with a game");
	if (opt->game_nice && !opt->has_game)
		return complain("--game-nice needs a scene with a game");
	if (opt->burst && !opt->has_game)
		return complain("--burst needs a scene with a game");
	if (opt->duration_s <= 0) {
		opt->duration_s = DEFAULT_DURATION_S;
		/* room for every other packet to be skipped: no scene hangs for want of packets */
		if (opt->nr_packets)
			opt->duration_s += 2.0 * (double)opt->nr_packets / packets_per_s;
		if (opt->duration_s > MAX_DURATION_S)
			return complain("--packets %llu take too long at this rate",
					(unsigned long long)opt->nr_packets);
	}
	return true;
}

enum options_result options_parse(struct scene_options *opt, int argc, char **argv)
{
	int code, index;

	*opt = (struct scene_options) {
		.label = "-",
		.warmup_s = 1,
		.input_us = 20,
		.submit_us = 50,
	};
	apply_preset(opt, presets[0].name);

	/* The scene first, wherever it stands: the other options change it. */
	opterr = 0;
	while ((code = getopt_long(argc, argv, ":", long_options, &index)) != -1) {
		if (code == OPT_SCENE && !apply_preset(opt, optarg))
			return OPTIONS_ERROR;
		if (code == OPT_HELP) {
			fputs(usage, stdout);
			return OPTIONS_HELP;
		}
		if (code == ':' || code == '?') {
			complain(code == ':' ? "%s needs a value (see --help)" : "unknown option '%s' (see --help)",
				 argv[optind - 1]);
			return OPTIONS_ERROR;
		}
	}
	if (optind < argc) {
		complain("unexpected argument '%s' (see --help)", argv[optind]);
		return OPTIONS_ERROR;
	}

	optind = 1;
	while ((code = getopt_long(argc, argv, ":", long_options, &index)) != -1) {
		if (!apply_option(opt, code, long_options[index].name, optarg))
			return OPTIONS_ERROR;
	}
	return check(opt) ? OPTIONS_RUN : OPTIONS_ERROR;
}
