// SPDX-License-Identifier: GPL-2.0-only
#include "player.h"

#include <limits.h>
#include <pwd.h>
#include <stdio.h>

#include "focus.h"
#include "log.h"
#include "own_file.h"
#include "programs.h"
#include "watch.h"

/* One user's folders are watched, and those of the next who sits down; not those of a machine room. */
#define USERS_MAX 8

/* Local accounts only: the name service may ask a network, and wait for it. */
#define PASSWD_FILE "/etc/passwd"

/* Where the kernel half cannot tell of new programs: a game is found within 5 s. */
#define LOOK_NS (3 * NSEC_PER_SEC)

/* Where there is no logind when we start: one look at a folder each time. */
#define LOGIND_NS (10 * NSEC_PER_SEC)

/* Where Steam keeps its registry and its lists of libraries, below the home folder. */
static const char *const steam_folders[] = {
	".steam",
	".local/share/Steam/config",
	".local/share/Steam/steamapps",
	".var/app/com.valvesoftware.Steam/.local/share/Steam/steamapps",
};

struct player {
	struct options opts;
	struct watch *watch;	/* borrowed; NULL: changes of folders are not seen */
	bool watches_input;	/* the folders were added */
	bool watches_games;
	struct games *games;
	struct focus *focus;	/* NULL: off */
	struct timer logind_timer;	/* armed as long as there is no logind */
	pid_t game_pid;		/* as last decided, 0: none */
	bool game_had_focus;	/* what never had it cannot lose it: its window is somebody else's process */
	char game_class[ARCADE_FOCUS_APP_MAX];	/* of the game's window */
	void (*front_fn)(void *data);
	void *front_data;
	uid_t users[USERS_MAX];	/* whose folders are watched */
	size_t nr_users;

	/* As long as there is a kernel half. */
	struct bpf *bpf;
	struct devices *devices;
	struct loop *loop;
	struct timer look_timer;	/* armed where new programs are not told */
};

/* ---- decisions ---- */

static bool game_is_in_front(const struct player *player)
{
	return !player->focus || player->opts.no_follow_focus || !player->game_had_focus || focus_in_front(player->focus);
}

static void note_front(struct player *player)
{
	if (player->front_fn)
		player->front_fn(player->front_data);
}

static void tell_in_front(struct player *player)
{
	if (player->bpf)
		bpf_set_game_in_front(player->bpf, game_is_in_front(player));
	note_front(player);
}

/* Tells the kernel half of the game, or that there is none. The scheduler is as good without. */
static void set_game(pid_t pid, void *data)
{
	struct player *player = data;
	int nr;

	/* Said again to a new kernel half, it is still the same. */
	if (pid != player->game_pid) {
		player->game_had_focus = false;
		player->game_class[0] = '\0';
	}
	player->game_pid = pid;
	note_front(player);
	if (!player->bpf)
		return;
	tell_in_front(player);
	nr = bpf_set_game(player->bpf, pid);
	if (nr < 0) {
		log_warning_errno(nr, "game: cannot mark the threads of process %d; it is scheduled like any other",
				  (int)pid);
		return;
	}
	if (pid && !nr)
		log_warning("game: process %d has no thread in this process id namespace, or is ending", (int)pid);
	if (pid)
		log_notice("game: process %d and its descendants, %d threads now", (int)pid, nr);
	/* The window may have been there before the process was known as a game. */
	if (player->focus)
		focus_recheck(player->focus);
}

static void mark_background(pid_t pid, void *data)
{
	struct player *player = data;
	int nr = player->bpf ? bpf_mark_background(player->bpf, pid) : 0;

	if (nr < 0)
		log_debug_errno(nr, "background: cannot mark the threads of process %d", (int)pid);
}

static int mark_background_group(uint64_t id, void *data)
{
	struct player *player = data;

	return player->bpf ? bpf_mark_background_group(player->bpf, id) : -ENOENT;
}

static void clear_background(void *data)
{
	struct player *player = data;

	if (player->bpf)
		bpf_clear_background(player->bpf);
}

static void identify(void *data)
{
	note_front(data);
}

static void set_in_front(void *data, bool in_front)
{
	struct player *player = data;

	tell_in_front(player);
	if (player->bpf && player->game_had_focus && games_current(player->games))
		log_info("game: process %d is %s", (int)games_current(player->games),
			 in_front || player->opts.no_follow_focus ? "in front" : "not in front: scheduled like any other");
}

/* ---- facts ---- */

static void handle_window(void *data, const struct focus_window *window)
{
	struct player *player = data;

	if (!window->known)
		log_debug("focus: not known");
	else if (!window->mapped)
		log_debug("focus: no window");
	else
		log_debug("focus: process %d%s", (int)window->process.pid, window->fullscreen ? ", full screen" : "");
	games_focus(player->games, window->process.pid, window->fullscreen);
}

/* gamescope is a window around games, and their parent: what has its window in front has the game in front. */
static bool is_game(void *data, const struct focus_window *window)
{
	struct player *player = data;
	char comm[ARCADE_COMM_LEN];

	if (!player->bpf || !games_current(player->games) ||
	    !(bpf_is_of_game(player->bpf, window->process.pid, comm) || !strncmp(comm, "gamescope", 9)))
		return false;
	player->game_had_focus = true;
	if (!streq(player->game_class, window->app)) {
		memcpy(player->game_class, window->app, sizeof(player->game_class));
		note_front(player);
	}
	return true;
}

static void handle_gamemode(void *data, const struct focus_process *process, bool registered)
{
	struct player *player = data;

	log_debug("focus: process %d %s GameMode", (int)process->pid, registered ? "registered at" : "left");
	games_gamemode(player->games, process->pid, registered);
}

static void watch_folder(struct player *player, enum watch_kind kind, const char *path)
{
	int err = watch_add(player->watch, path, kind);

	if (err)
		log_debug_errno(err, "watch: %s", path);
}

static void watch_home(struct player *player, uid_t uid)
{
	FILE *file = fopen(PASSWD_FILE, "re");
	const struct passwd *entry;
	char path[PATH_MAX];

	while (file && (entry = fgetpwent(file))) {
		if (entry->pw_uid != uid)
			continue;
		for (size_t i = 0; entry->pw_dir[0] == '/' && i < ARRAY_SIZE(steam_folders); i++) {
			snprintf(path, sizeof(path), "%s/%s", entry->pw_dir, steam_folders[i]);
			watch_folder(player, WATCH_STEAM, path);
		}
		break;
	}
	if (file)
		fclose(file);
}

static void handle_session(void *data, const struct session *session)
{
	struct player *player = data;
	char path[PATH_MAX];

	if (!session->id[0] || !player->watch)
		return;
	for (size_t i = 0; i < player->nr_users; i++)
		if (player->users[i] == session->uid)
			return;
	if (player->nr_users == USERS_MAX)
		return;
	player->users[player->nr_users++] = session->uid;
	snprintf(path, sizeof(path), "/sys/fs/cgroup/user.slice/user-%u.slice/user@%u.service/app.slice",
		 (unsigned int)session->uid, (unsigned int)session->uid);
	watch_folder(player, WATCH_APP_SLICE, path);
	watch_home(player, session->uid);
}

void player_handle_watch(struct player *player, const struct watch_event *event)
{
	static const enum games_hint hints[NR_WATCH_KINDS] = {
		[WATCH_CONFIG] = GAMES_HINT_PROGRAMS,
		[WATCH_STEAM] = GAMES_HINT_STEAM,
		[WATCH_SHM] = GAMES_HINT_MANGOHUD,
		[WATCH_APP_SLICE] = GAMES_HINT_SCOPE,
	};

	if (event->kind != WATCH_DEV_INPUT)
		games_hint(player->games, hints[event->kind], event->path);
	else if (player->devices)
		devices_handle_event(player->devices, event);
}

void player_control(struct player *player, const struct arcade_control_record *record)
{
	struct arcade_control_record current = *record;

	if (!player->bpf || !bpf_tree_is_background(player->bpf, current.tree))
		current.tree &= ~ARCADE_TREE_BACKGROUND;
	games_control(player->games, &current);
}

static int look(struct timer *timer, uint64_t now)
{
	struct player *player = container_of(timer, struct player, look_timer);

	games_rescan(player->games);
	return 0;
}

void player_records_lost(struct player *player)
{
	games_records_lost(player->games);
}

struct games *player_games(struct player *player)
{
	return player->games;
}

struct player_facts player_facts(const struct player *player)
{
	return (struct player_facts){
		.games = games_facts(player->games),
		.game_pid = (uint64_t)games_current(player->games),
		.game_in_front = game_is_in_front(player),
		.watch_events_lost = player->watch ? watch_nr_lost(player->watch) : 0,
	};
}

/* ---- life ---- */

/* Folders that matter with the options as they are; none is taken back. */
static void watch_folders(struct player *player)
{
	if (!player->watch)
		return;
	if (!player->opts.no_input && !player->watches_input) {
		watch_folder(player, WATCH_DEV_INPUT, DEVICES_DIR);
		player->watches_input = true;
	}
	if (player->opts.no_detect || player->watches_games)
		return;
	watch_folder(player, WATCH_CONFIG, PROGRAMS_DIR);
	watch_folder(player, WATCH_SHM, "/dev/shm");
	player->watches_games = true;
}

/* It may start later than we do. */
static int look_for_logind(struct timer *timer, uint64_t now)
{
	struct player *player = container_of(timer, struct player, logind_timer);
	int err = focus_follow_logind(player->focus);

	if (err == -ENOSYS)
		return 0;
	timer_disarm(timer);
	if (err)
		log_warning_errno(err, "focus: not followed");
	else
		log_info("focus: logind has started: its sessions are followed");
	return 0;
}

/* Without it we do not know which window is in front; everything else works. */
static void start_focus(struct player *player)
{
	static const struct focus_callbacks callbacks = {
		.window = handle_window,
		.is_game = is_game,
		.front = set_in_front,
		.gamemode = handle_gamemode,
		.session = handle_session,
	};
	int err;

	if (player->opts.no_focus)
		return;
	err = focus_new(player->loop, NULL, &player->focus);
	if (!err) {
		focus_set_callbacks(player->focus, &callbacks, player);
		err = focus_follow_logind(player->focus);
	}
	if (!err)
		return;
	/* The report says that there is no logind, or no way to become a user. */
	if (err == -ENOSYS) {
		timer_arm(&player->logind_timer, player->loop, now_ns() + LOGIND_NS, LOGIND_NS);
		return;
	}
	if (err != -EPERM)
		log_warning_errno(err, "focus: not followed");
	focus_free(steal_ptr(&player->focus));
}

static int start_games(struct player *player, struct games **ret)
{
	static const struct games_ops ops = {
		.set_game = set_game,
		.mark_background = mark_background,
		.mark_background_group = mark_background_group,
		.identify = identify,
		.clear_background = clear_background,
	};
	char programs_file[PATH_MAX];
	const struct games_config config = {
		.programs_file = programs_file,
		.programs_dir = PROGRAMS_DIR,
		.no_detect = player->opts.no_detect,
		.pid = (pid_t)player->opts.game_pid,
		.name = player->opts.game_name,
	};

	own_file_find(PROGRAMS_FILE, PROGRAMS_FILE, programs_file, sizeof(programs_file));
	return games_new(player->loop, &config, &ops, player, ret);
}

int player_new(struct loop *loop, const struct options *opts, struct watch *watch, struct player **ret)
{
	_cleanup_(player_freep) struct player *player = calloc(1, sizeof(*player));
	int err;

	if (!player)
		return log_error_errno(ENOMEM, "player");
	player->opts = *opts;
	player->loop = loop;
	player->watch = watch;
	timer_init(&player->look_timer, "look for games", look);
	timer_init(&player->logind_timer, "look for logind", look_for_logind);
	err = start_games(player, &player->games);
	if (err)
		return err;
	watch_folders(player);
	start_focus(player);
	*ret = steal_ptr(&player);
	return 0;
}

/* Who tells first, who is told last. */
void player_free(struct player *player)
{
	if (!player)
		return;
	timer_disarm(&player->look_timer);
	timer_disarm(&player->logind_timer);
	focus_free(player->focus);
	games_free(player->games);
	free(player);
}

/* As long as the kernel half cannot tell of new programs. */
static void set_look_timer(struct player *player)
{
	timer_disarm(&player->look_timer);
	if (player->bpf && bpf_facts(player->bpf)->hooks[BPF_HOOK_EXEC] != BPF_HOOK_ATTACHED && !player->opts.no_detect)
		timer_arm(&player->look_timer, player->loop, now_ns() + LOOK_NS, LOOK_NS);
}

/* The search begins anew, and what the old one has found is found again, or is nothing any more. */
static void change_games(struct player *player)
{
	struct games *games = NULL;

	if (start_games(player, &games)) {
		log_warning("games: the search goes on as before");
		return;
	}
	games_free(player->games);
	player->games = games;
	set_game(games_current(games), player);
	clear_background(player);
	if (player->bpf)
		games_announce(games);
	set_look_timer(player);
}

static void change_focus(struct player *player)
{
	/* What it looks for is for the focus that goes. */
	timer_disarm(&player->logind_timer);
	if (player->opts.no_focus)
		focus_free(steal_ptr(&player->focus));
	else
		start_focus(player);
	player->game_had_focus = false;
}

void player_apply(struct player *player, const struct options *opts)
{
	bool detect_changed = opts->no_detect != player->opts.no_detect, focus_changed = opts->no_focus != player->opts.no_focus;

	player->opts = *opts;
	watch_folders(player);
	if (focus_changed)
		change_focus(player);
	if (detect_changed)
		change_games(player);
	tell_in_front(player);
}

void player_set_front_fn(struct player *player, void (*fn)(void *data), void *data)
{
	player->front_fn = fn;
	player->front_data = data;
}

bool player_front(const struct player *player, struct settings_game *ret)
{
	return game_is_in_front(player) && player_game(player, ret);
}

bool player_game(const struct player *player, struct settings_game *ret)
{
	const struct games_identity *identity = games_identity(player->games);

	if (!identity)
		return false;
	*ret = (struct settings_game){
		.app_id = identity->app_id,
		.name = identity->name,
		.comm = identity->comm,
		.executable = identity->executable,
		.window_class = player->game_class,
	};
	return true;
}

void player_attach(struct player *player, struct bpf *bpf, struct devices *devices)
{
	player->bpf = bpf;
	player->devices = devices;
	tell_in_front(player);
	games_announce(player->games);
	set_look_timer(player);
}

void player_detach(struct player *player)
{
	timer_disarm(&player->look_timer);
	player->bpf = NULL;
	player->devices = NULL;
}
