// SPDX-License-Identifier: GPL-2.0-only
#include "watch.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "notify.h"

/* Events that the loop has not taken yet. A session that starts makes some dozens at a time. */
#define QUEUE_MAX 256
/* Room for "/." of folders that come again, and for a name. */
#define PATH_LEN_MAX (PATH_MAX - NAME_MAX - 256)
#define STOP_TIMEOUT_NS (500 * NSEC_PER_MSEC)
/* Who makes more events than this in a row gets them read at leisure: at most some 50 000 a second. */
#define BURST 256
#define BURST_PAUSE_NS (5 * NSEC_PER_MSEC)
/* A folder that has just come may be mounted over a moment later (/run/user/UID), which makes no event: look again. */
#define LOOK_AGAIN_S	  1
#define LOOK_AGAIN_ROUNDS 3
/* What comes while the way to a folder is looked at makes us look again, so often. */
#define RESOLVE_TRIES 3

/* A folder that the library watches; several targets may share one. */
struct node {
	struct node *next;
	int wd;
	dev_t dev;
	ino_t ino;
};

/* A folder that somebody asked for. The thread's own, once it is taken from the requests. */
struct target {
	struct target *next;
	enum watch_kind kind;
	struct node *node;	/* the folder, or the deepest above it that is there; NULL: nothing can be watched */
	struct node *parent;	/* of a folder that is there: tells when it is replaced while somebody holds it open */
	size_t depth;		/* length of the part of path that node is */
	bool is_reached;
	const char *only;	/* the name that counts, behind the path; NULL: all */
	size_t len;
	char path[];
};

struct item {
	enum watch_kind kind;
	enum watch_what what;
	char path[];
};

/* Owned by both sides; whoever lets go last frees it. */
struct shared {
	atomic_int nr_owners;
	atomic_bool stop;
	int event_fd;
	struct notify *notify;		/* the thread's, but for waking it */

	pthread_mutex_t lock;		/* for the rest */
	bool can_wake;			/* notify is alive */
	struct target *requests;
	struct item *queue[QUEUE_MAX];
	uint32_t first, nr;
	uint32_t lost_kinds;
	uint64_t nr_lost;
};

struct watch {
	struct source source;
	watch_fn fn;
	void *data;
	struct shared *shared;
	pthread_t thread;
};

/* Of the thread. */
struct watcher {
	struct shared *shared;
	struct target *targets;
	struct node *nodes;
	int look_again;
	uint32_t nr_in_row;
};

static void free_targets(struct target *target)
{
	while (target) {
		struct target *next = target->next;

		free(target);
		target = next;
	}
}

static void shared_release(struct shared *shared)
{
	if (atomic_fetch_sub(&shared->nr_owners, 1) != 1)
		return;
	while (shared->nr)
		free(shared->queue[(shared->first + --shared->nr) % QUEUE_MAX]);
	free_targets(shared->requests);
	close_fd(shared->event_fd);
	pthread_mutex_destroy(&shared->lock);
	free(shared);
}

/* ---- the thread ---- */

static void tell_loop(struct shared *shared)
{
	const uint64_t one = 1;

	/* Fails only if it is told already, 2^64 times. */
	if (write(shared->event_fd, &one, sizeof(one)) < 0)
		return;
}

static void post_lost(struct shared *shared, uint32_t kinds, uint64_t nr)
{
	pthread_mutex_lock(&shared->lock);
	shared->lost_kinds |= kinds;
	shared->nr_lost += nr;
	pthread_mutex_unlock(&shared->lock);
	tell_loop(shared);
}

static void post(struct shared *shared, const struct target *target, enum watch_what what, const char *name)
{
	size_t name_len = strlen(name);
	struct item *item;
	bool full;

	if (what == WATCH_RESCAN) {
		post_lost(shared, 1u << target->kind, 0);
		return;
	}
	item = malloc(sizeof(*item) + target->len + 1 + name_len + 1);
	if (!item) {
		post_lost(shared, 1u << target->kind, 1);
		return;
	}
	item->kind = target->kind;
	item->what = what;
	snprintf(item->path, target->len + 1 + name_len + 1, "%s%s%s", target->path, *name ? "/" : "", name);
	pthread_mutex_lock(&shared->lock);
	full = shared->nr == QUEUE_MAX;
	if (!full)
		shared->queue[(shared->first + shared->nr++) % QUEUE_MAX] = item;
	pthread_mutex_unlock(&shared->lock);
	if (full) {
		free(item);
		post_lost(shared, 1u << target->kind, 1);
		return;
	}
	tell_loop(shared);
}

static struct node *find_node(struct watcher *watcher, int wd)
{
	for (struct node *node = watcher->nodes; node; node = node->next)
		if (node->wd == wd)
			return node;
	return NULL;
}

/* Return: the node of the folder @path, NULL with errno. */
static struct node *watch_folder(struct watcher *watcher, const char *path)
{
	struct stat before, after;
	struct node *node;
	int wd;

	if (stat(path, &before))
		return NULL;
	for (node = watcher->nodes; node; node = node->next)
		if (node->dev == before.st_dev && node->ino == before.st_ino)
			return node;
	wd = notify_add(watcher->shared->notify, path);
	if (wd < 0) {
		errno = -wd;
		return NULL;
	}
	node = find_node(watcher, wd);
	if (node)
		return node;
	node = calloc(1, sizeof(*node));
	/* Has it been exchanged meanwhile? */
	if (!node || stat(path, &after) || after.st_dev != before.st_dev || after.st_ino != before.st_ino) {
		notify_remove(watcher->shared->notify, wd);
		free(node);
		errno = EAGAIN;
		return NULL;
	}
	*node = (struct node){ .next = watcher->nodes, .wd = wd, .dev = before.st_dev, .ino = before.st_ino };
	watcher->nodes = node;
	return node;
}

/* @len of the path of the folder above the one of @len. "/" has none: 0. */
static size_t depth_above(const char *path, size_t len)
{
	while (len > 1 && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	return len;
}

/* Finds the deepest folder of the target's path that is there. Tells the kind if that is the target anew. */
static void resolve(struct watcher *watcher, struct target *target)
{
	const struct node *before = target->is_reached ? target->node : NULL;
	char path[PATH_MAX];

	target->parent = NULL;
	for (int try = 0; try < RESOLVE_TRIES; try++) {
		size_t len = target->len, next = 0;
		struct stat st;

		while (true) {
			memcpy(path, target->path, len);
			path[len] = '\0';
			target->node = watch_folder(watcher, path);
			if (target->node || len <= 1)
				break;
			next = len;
			len = depth_above(target->path, len);
		}
		target->depth = len;
		target->is_reached = target->node && len == target->len;
		if (target->is_reached || !target->node)
			break;
		/* It may have come after we had looked, and before the folder above was watched. */
		memcpy(path, target->path, next);
		path[next] = '\0';
		if (stat(path, &st) || !S_ISDIR(st.st_mode))
			break;
	}
	if (target->is_reached && target->len > 1) {
		size_t len = depth_above(target->path, target->len);

		memcpy(path, target->path, len);
		path[len] = '\0';
		target->parent = watch_folder(watcher, path);
	}
	if (!target->node)
		log_debug("watch: %s: nothing on its way can be watched", target->path);
	if (target->is_reached && target->node != before) {
		post(watcher->shared, target, WATCH_RESCAN, "");
		watcher->look_again = LOOK_AGAIN_ROUNDS;
	}
}

/* Is @name the part of the target's path that follows @len of it? */
static bool is_next(const struct target *target, size_t len, const char *name)
{
	const char *rest = target->path + len;
	size_t name_len = strlen(name);

	rest += strspn(rest, "/");
	return name_len && !strncmp(rest, name, name_len) && (rest[name_len] == '/' || !rest[name_len]);
}

static bool is_wanted(const struct target *target, const struct notify_event *event)
{
	if (target->only)
		return streq(event->name, target->only);
	switch (target->kind) {
	case WATCH_DEV_INPUT:
		return !strncmp(event->name, "event", 5);
	case WATCH_SHM:
		return !strncasecmp(event->name, "mangohud", 8);
	case WATCH_APP_SLICE:
		return event->mask & IN_ISDIR;
	default:
		return true;
	}
}

static void drop_node(struct watcher *watcher, struct node *node)
{
	struct node **link = &watcher->nodes;

	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
	notify_remove(watcher->shared->notify, node->wd);
	for (struct target *target = watcher->targets; target; target = target->next) {
		if (target->parent == node)
			target->parent = NULL;
		if (target->node != node)
			continue;
		target->node = NULL;
		if (target->is_reached)
			post(watcher->shared, target, WATCH_REMOVED, "");
		target->is_reached = false;
	}
	free(node);
}

/* Nodes that no target needs any more: a folder above one that has come. */
static void drop_unused(struct watcher *watcher)
{
	struct node *node = watcher->nodes, *next;

	for (; node; node = next) {
		bool used = false;

		next = node->next;
		for (const struct target *target = watcher->targets; target; target = target->next)
			used |= target->node == node || target->parent == node;
		if (!used)
			drop_node(watcher, node);
	}
}

static void resolve_lost(struct watcher *watcher)
{
	for (struct target *target = watcher->targets; target; target = target->next)
		if (!target->node)
			resolve(watcher, target);
	drop_unused(watcher);
}

/* The way to @target may be another now. */
static void resolve_again(struct watcher *watcher, struct target *target)
{
	bool was_reached = target->is_reached;

	resolve(watcher, target);
	if (was_reached && !target->is_reached)
		post(watcher->shared, target, WATCH_REMOVED, "");
}

static void handle_event(struct watcher *watcher, const struct notify_event *event)
{
	bool changes_way = event->mask & (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB);
	struct node *node;

	if (event->wd < 0) {
		uint32_t kinds = 0;

		for (struct target *target = watcher->targets; target; target = target->next) {
			kinds |= 1u << target->kind;
			resolve_again(watcher, target);
		}
		drop_unused(watcher);
		post_lost(watcher->shared, kinds, 1);
		return;
	}
	node = find_node(watcher, event->wd);
	if (!node)
		return;
	if (event->mask & (IN_IGNORED | IN_MOVE_SELF | IN_UNMOUNT)) {
		/* Another IN_IGNORED follows, and finds nothing. */
		drop_node(watcher, node);
		resolve_lost(watcher);
		return;
	}
	for (struct target *target = watcher->targets; target; target = target->next) {
		if (target->node == node && target->is_reached && *event->name && is_wanted(target, event)) {
			post(watcher->shared, target,
			     event->mask & (IN_CREATE | IN_MOVED_TO)	? WATCH_ADDED :
			     event->mask & (IN_DELETE | IN_MOVED_FROM) ? WATCH_REMOVED :
									 WATCH_CHANGED,
			     event->name);
		} else if (changes_way && ((target->node == node && !target->is_reached &&
					    is_next(target, target->depth, event->name)) ||
					   (target->parent == node &&
					    is_next(target, depth_above(target->path, target->len), event->name)))) {
			resolve_again(watcher, target);
		}
	}
	drop_unused(watcher);
}

static void look_again(struct watcher *watcher)
{
	watcher->look_again--;
	for (struct target *target = watcher->targets; target; target = target->next) {
		struct stat st;

		if (!target->node || (target->is_reached && (stat(target->path, &st) || st.st_dev != target->node->dev ||
							      st.st_ino != target->node->ino)))
			resolve_again(watcher, target);
	}
	drop_unused(watcher);
}

static void take_requests(struct watcher *watcher)
{
	struct target *requests;

	pthread_mutex_lock(&watcher->shared->lock);
	requests = steal_ptr(&watcher->shared->requests);
	pthread_mutex_unlock(&watcher->shared->lock);
	while (requests) {
		struct target *target = requests;

		requests = target->next;
		target->next = watcher->targets;
		watcher->targets = target;
		resolve(watcher, target);
	}
}

static void drop_all(struct watcher *watcher)
{
	struct notify *notify;

	while (watcher->nodes) {
		struct node *node = watcher->nodes;

		watcher->nodes = node->next;
		notify_remove(watcher->shared->notify, node->wd);
		free(node);
	}
	for (struct target *target = watcher->targets; target; target = target->next) {
		target->node = target->parent = NULL;
		target->is_reached = false;
	}
	pthread_mutex_lock(&watcher->shared->lock);
	watcher->shared->can_wake = false;
	notify = steal_ptr(&watcher->shared->notify);
	pthread_mutex_unlock(&watcher->shared->lock);
	notify_free(notify);
}

/* Everything from the start, with an empty library. Each target gets its WATCH_RESCAN. */
static int begin_anew(struct watcher *watcher)
{
	struct notify *notify = NULL;
	int err;

	drop_all(watcher);
	err = notify_new(&notify);
	if (err)
		return err;
	pthread_mutex_lock(&watcher->shared->lock);
	watcher->shared->notify = notify;
	watcher->shared->can_wake = true;
	pthread_mutex_unlock(&watcher->shared->lock);
	resolve_lost(watcher);
	return 0;
}

static int next_event(struct watcher *watcher)
{
	const struct timespec pause = { .tv_nsec = BURST_PAUSE_NS };
	struct notify_event event;
	int r = notify_next(watcher->shared->notify, watcher->look_again > 0 ? LOOK_AGAIN_S : 0, &event);

	if (r < 0)
		return r;
	if (r == 0) {
		watcher->nr_in_row = 0;
		if (watcher->look_again > 0)
			look_again(watcher);
		return 0;
	}
	handle_event(watcher, &event);
	if (++watcher->nr_in_row % BURST == 0)
		nanosleep(&pause, NULL);
	return 0;
}

static void *watch_run(void *arg)
{
	struct watcher watcher = { .shared = arg };
	int err = 0;

	prctl(PR_SET_NAME, "arcade-watch", 0, 0, 0);
	/* The daemon's own priority is for who decides, not for who reads. Of this thread only. */
	setpriority(PRIO_PROCESS, 0, 0);
	while (!err && !atomic_load(&watcher.shared->stop)) {
		take_requests(&watcher);
		if (notify_is_worn(watcher.shared->notify))
			err = begin_anew(&watcher);
		/* A request or a stop that came since has put a byte into the pipe. */
		if (!err && !atomic_load(&watcher.shared->stop))
			err = next_event(&watcher);
	}
	if (err)
		log_warning_errno(err, "watch: changes of folders are not seen any more");
	drop_all(&watcher);
	free_targets(watcher.targets);
	shared_release(watcher.shared);
	return NULL;
}

/* ---- the loop ---- */

static void wake_thread(struct shared *shared)
{
	pthread_mutex_lock(&shared->lock);
	if (shared->can_wake)
		notify_wake(shared->notify);
	pthread_mutex_unlock(&shared->lock);
}

static struct item *take_item(struct shared *shared, uint32_t *lost_kinds)
{
	struct item *item = NULL;

	pthread_mutex_lock(&shared->lock);
	if (shared->nr) {
		item = shared->queue[shared->first];
		shared->first = (shared->first + 1) % QUEUE_MAX;
		shared->nr--;
	} else {
		*lost_kinds = shared->lost_kinds;
		shared->lost_kinds = 0;
	}
	pthread_mutex_unlock(&shared->lock);
	return item;
}

static int read_queue(struct source *source, uint32_t events)
{
	struct watch *watch = container_of(source, struct watch, source);
	uint32_t lost_kinds = 0;
	struct item *item = NULL;
	uint64_t nr;

	if (read(source->fd, &nr, sizeof(nr)) < 0 && errno != EAGAIN)
		return -errno;
	/* No more than the queue holds: the rest of the loop must have its turn. */
	for (int i = 0; i < QUEUE_MAX; i++) {
		struct watch_event event;

		item = take_item(watch->shared, &lost_kinds);
		if (!item)
			break;
		event = (struct watch_event){ item->kind, item->what, item->path };
		watch->fn(watch->data, &event);
		free(item);
	}
	if (item) {
		tell_loop(watch->shared);
		return 0;
	}
	for (int kind = 0; kind < NR_WATCH_KINDS; kind++)
		if (lost_kinds & 1u << kind)
			watch->fn(watch->data, &(struct watch_event){ kind, WATCH_RESCAN, "" });
	return 0;
}

static int start_thread(struct watch *watch)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	atomic_fetch_add(&watch->shared->nr_owners, 1);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&watch->thread, NULL, watch_run, watch->shared);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		atomic_fetch_sub(&watch->shared->nr_owners, 1);
		return -err;
	}
	return 0;
}

int watch_new(struct loop *loop, watch_fn fn, void *data, struct watch **ret)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	struct shared *shared = calloc(1, sizeof(*shared));
	int err = -ENOMEM;

	if (!watch || !shared)
		goto fail;
	shared->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (shared->event_fd < 0) {
		err = -errno;
		goto fail;
	}
	atomic_init(&shared->nr_owners, 1);
	pthread_mutex_init(&shared->lock, NULL);
	watch->shared = shared;
	watch->fn = fn;
	watch->data = data;
	source_init(&watch->source, "watch", read_queue);
	err = source_attach(&watch->source, loop, shared->event_fd, EPOLLIN);
	if (err)
		goto fail_shared;
	/* Here, where the daemon forks: no child can be made before its descriptor is CLOEXEC. */
	err = notify_new(&shared->notify);
	if (err)
		goto fail_source;
	shared->can_wake = true;
	err = start_thread(watch);
	if (err) {
		notify_free(shared->notify);
		goto fail_source;
	}
	*ret = watch;
	return 0;

fail_source:
	source_detach(&watch->source);
fail_shared:
	shared_release(shared);
	shared = NULL;
fail:
	free(shared);
	free(watch);
	return err;
}

void watch_free(struct watch *watch)
{
	struct timespec deadline;

	if (!watch)
		return;
	source_detach(&watch->source);
	atomic_store(&watch->shared->stop, true);
	wake_thread(watch->shared);
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_nsec += STOP_TIMEOUT_NS;
	if (deadline.tv_nsec >= (long)NSEC_PER_SEC) {
		deadline.tv_nsec -= NSEC_PER_SEC;
		deadline.tv_sec++;
	}
	if (pthread_clockjoin_np(watch->thread, NULL, CLOCK_MONOTONIC, &deadline)) {
		log_warning("watch: the thread hangs in the kernel and is left behind");
		pthread_detach(watch->thread);
	}
	shared_release(watch->shared);
	free(watch);
}

/* @name is NULL, or what alone counts in the folder @path of @len bytes. */
static int add_target(struct watch *watch, const char *path, size_t len, const char *name, enum watch_kind kind)
{
	size_t name_size = name ? strlen(name) + 1 : 0;
	struct target *target;

	if (*path != '/' || kind >= NR_WATCH_KINDS)
		return -EINVAL;
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len > PATH_LEN_MAX)
		return -ENAMETOOLONG;
	target = calloc(1, sizeof(*target) + len + 1 + name_size);
	if (!target)
		return -ENOMEM;
	target->kind = kind;
	target->len = len;
	memcpy(target->path, path, len);
	if (name) {
		memcpy(target->path + len + 1, name, name_size);
		target->only = target->path + len + 1;
	}
	pthread_mutex_lock(&watch->shared->lock);
	target->next = watch->shared->requests;
	watch->shared->requests = target;
	pthread_mutex_unlock(&watch->shared->lock);
	wake_thread(watch->shared);
	return 0;
}

int watch_add(struct watch *watch, const char *path, enum watch_kind kind)
{
	return add_target(watch, path, strlen(path), NULL, kind);
}

int watch_add_file(struct watch *watch, const char *path, enum watch_kind kind)
{
	const char *slash = strrchr(path, '/');

	if (!slash || !slash[1])
		return -EINVAL;
	return add_target(watch, path, slash == path ? 1 : (size_t)(slash - path), slash + 1, kind);
}

uint64_t watch_nr_lost(const struct watch *watch)
{
	uint64_t nr;

	pthread_mutex_lock(&watch->shared->lock);
	nr = watch->shared->nr_lost;
	pthread_mutex_unlock(&watch->shared->lock);
	return nr;
}
