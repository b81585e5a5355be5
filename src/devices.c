// SPDX-License-Identifier: GPL-2.0-only
#include "devices.h"

#include <fcntl.h>
#include <libevdev/libevdev.h>
#include <linux/input.h>
#include <linux/major.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "compositor.h"
#include "log.h"
#include "util.h"
#include "worker.h"

/* 0.1 s, and twice as long each time: half a minute in all. After that only changed permissions help. */
#define RETRY_FIRST_NS (100 * NSEC_PER_MSEC)
#define RETRIES_MAX    8

/* Where we read: while the player acts, so often is the compositor looked for. */
#define COMPOSITOR_PERIOD_NS (10 * NSEC_PER_SEC)

/* Longer than any driver that works takes to open its device. */
#define OPEN_LIMIT_NS (3 * NSEC_PER_SEC)
#define STOP_NS	      (500 * NSEC_PER_MSEC)	/* for each of them */
#define LINGER_NS     (2 * NSEC_PER_SEC)

/*
 * An event device is opened and asked, and closed when this is freed: in the thread, since drivers take their time for
 * both. Who reads the device keeps it.
 */
struct opening {
	struct worker_job job;
	struct device *device;	/* for the loop */
	int dir_fd;		/* owned */
	uint32_t event;
	dev_t rdev;
	uint32_t number;
	bool is_reading;

	/* What came of it. */
	int err;
	int fd;			/* owned */
	enum arcade_lane lane;
	struct evread_pad *pad;	/* owned */
	char name[DEVICES_NAME_MAX];
};

struct device {
	struct devices *devices;
	uint32_t event;		/* of "event7" */
	bool is_known;		/* it was opened, and the next two hold */
	uint32_t number;	/* of "input7" */
	enum arcade_lane lane;
	bool disagreement_is_told;
	bool is_seen;		/* by the scan that runs */
	uint32_t nr_tries;
	uint64_t retry_ns;	/* CLOCK_MONOTONIC, 0: no more */
	struct opening *asked;	/* under way; borrowed */
	bool has_news;		/* since it was asked */
	struct evread *evread;	/* NULL unless it is read … */
	struct opening *opened;	/* … and then kept open */
	char name[DEVICES_NAME_MAX];
};

struct devices {
	struct bpf *bpf;
	struct loop *loop;
	struct worker *worker;	/* NULL without loop */
	char *dir;
	bool is_starting;	/* what is asked is answered at once */
	bool is_reading;
	bool is_there;		/* the folder */
	bool too_many_is_told;
	uint64_t compositor_ns;	/* when it was looked for */
	struct timer retry_timer;
	struct device *list[ARCADE_MAX_DEVICES];
	uint32_t nr;
	struct devices_facts facts;
};

static const char *const lane_names[NR_ARCADE_LANES] = {
	[ARCADE_LANE_OTHER] = "something else", [ARCADE_LANE_KEYBOARD] = "a keyboard",	    [ARCADE_LANE_MOUSE] = "a mouse",
	[ARCADE_LANE_GAMEPAD] = "a gamepad",	[ARCADE_LANE_TOUCH] = "a touch device",
};

static bool has_keys(const struct libevdev *evdev, unsigned int first, unsigned int last, bool all)
{
	for (unsigned int key = first; key <= last; key++)
		if (!!libevdev_has_event_code(evdev, EV_KEY, key) != all)
			return !all;
	return all;
}

enum arcade_lane devices_classify(const struct libevdev *evdev)
{
	/* Some keyboards and receivers claim a joystick's buttons; they have letters, and no stick. */
	if (has_keys(evdev, BTN_JOYSTICK, BTN_DIGI - 1, false) &&
	    !(has_keys(evdev, KEY_Q, KEY_P, true) && !libevdev_has_event_code(evdev, EV_ABS, ABS_X)))
		return ARCADE_LANE_GAMEPAD;
	if (libevdev_has_event_code(evdev, EV_KEY, BTN_TOUCH) || libevdev_has_event_code(evdev, EV_KEY, BTN_TOOL_PEN))
		return ARCADE_LANE_TOUCH;
	if (libevdev_has_event_code(evdev, EV_KEY, BTN_LEFT) || libevdev_has_event_code(evdev, EV_REL, REL_X))
		return ARCADE_LANE_MOUSE;
	if (has_keys(evdev, KEY_ESC, KEY_SPACE, false))
		return ARCADE_LANE_KEYBOARD;
	return ARCADE_LANE_OTHER;
}

/* "event7" and nothing else. */
static int parse_name(const char *name, const char *prefix, uint32_t *ret)
{
	size_t len = strlen(prefix);
	uint64_t number;
	int err;

	if (strncmp(name, prefix, len))
		return -EINVAL;
	err = parse_u64_range(name + len, 0, UINT32_MAX - 1, &number);
	if (err)
		return err;
	*ret = (uint32_t)number;
	return 0;
}

/* The number of the kernel's input device behind an event device. */
static int find_number(dev_t rdev, uint32_t *ret)
{
	char path[64], target[256], *name;
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device", major(rdev), minor(rdev));
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	name = strrchr(target, '/');
	return parse_name(name ? name + 1 : target, "input", ret);
}

static void drop_messages(const struct libevdev *evdev, enum libevdev_log_priority priority, void *data, const char *file,
			  int line, const char *func, const char *format, va_list args)
{
}

static int ask_device(int fd, enum arcade_lane *lane, char name[DEVICES_NAME_MAX])
{
	struct libevdev *evdev = libevdev_new();
	int err;

	if (!evdev)
		return -ENOMEM;
	libevdev_set_device_log_function(evdev, drop_messages, LIBEVDEV_LOG_ERROR, NULL);
	err = libevdev_set_fd(evdev, fd);
	if (!err) {
		*lane = devices_classify(evdev);
		escape_text(name, DEVICES_NAME_MAX, libevdev_get_name(evdev));
	}
	libevdev_free(evdev);
	return err;
}

/* Opens nothing. Return: 0 with the number of the event device @name, -EINVAL if it is something else, -errno. */
static int find_device_node(int dir_fd, const char *name, dev_t *rdev)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (!S_ISCHR(st.st_mode) || major(st.st_rdev) != INPUT_MAJOR)
		return -EINVAL;
	*rdev = st.st_rdev;
	return 0;
}

/* Only after find_device_node(): to open it alone may do something with a device of another kind. */
static int open_device(int dir_fd, const char *name, dev_t rdev)
{
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISCHR(st.st_mode) || st.st_rdev != rdev)
		return -EINVAL;
	return steal_fd(&fd);
}

/* ---- in the thread ---- */

static void opening_run(struct worker_job *job)
{
	struct opening *opening = container_of(job, struct opening, job);
	char name[32];

	snprintf(name, sizeof(name), "event%u", opening->event);
	opening->fd = open_device(opening->dir_fd, name, opening->rdev);
	if (opening->fd < 0) {
		opening->err = opening->fd;
		return;
	}
	opening->err = ask_device(opening->fd, &opening->lane, opening->name);
	if (!opening->err && opening->is_reading && opening->lane != ARCADE_LANE_OTHER)
		opening->err = evread_prepare(opening->fd, opening->lane, &opening->pad);
}

static void opening_free(struct worker_job *job)
{
	struct opening *opening = container_of(job, struct opening, job);

	close_fd(opening->fd);
	close_fd(opening->dir_fd);
	evread_pad_free(opening->pad);
	free(opening);
}

/* ---- in the loop ---- */

static bool is_synchronous(const struct devices *devices)
{
	return devices->is_starting || !devices->worker;
}

static void opening_unref(struct devices *devices, struct opening *opening)
{
	worker_job_unref(is_synchronous(devices) ? NULL : devices->worker, &opening->job);
}

/* As if it had never been opened. */
static void forget_facts(struct device *device)
{
	struct devices *devices = device->devices;

	evread_free(steal_ptr(&device->evread));
	if (device->opened)
		opening_unref(devices, steal_ptr(&device->opened));
	if (!device->is_known)
		return;
	devices->facts.nr[device->lane]--;
	if (devices->bpf)
		bpf_forget_device(devices->bpf, device->number);
	device->is_known = false;
	devices->facts.nr_closed++;
}

static void remove_device(struct device *device)
{
	struct devices *devices = device->devices;

	if (device->asked)
		worker_cancel(devices->worker, &device->asked->job);
	forget_facts(device);
	devices->facts.nr_closed--;
	for (uint32_t i = 0; i < devices->nr; i++)
		if (devices->list[i] == device)
			devices->list[i] = devices->list[--devices->nr];
	log_debug("devices: event%u is gone", device->event);
	free(device);
}

static struct device *find_device(const struct devices *devices, uint32_t event)
{
	for (uint32_t i = 0; i < devices->nr; i++)
		if (devices->list[i]->event == event)
			return devices->list[i];
	return NULL;
}

static void handle_use(void *data, enum arcade_lane lane)
{
	struct devices *devices = ((struct device *)data)->devices;
	uint64_t now = now_ns();

	bpf_open_window(devices->bpf, lane, now);
	if (devices->compositor_ns && now - devices->compositor_ns < COMPOSITOR_PERIOD_NS)
		return;
	devices->compositor_ns = now;
	bpf_set_compositor(devices->bpf, compositor_find("/proc"));
}

/* Gone, or not ours any more: the folder says the rest. */
static void handle_gone(void *data, struct evread *evread)
{
	struct device *device = data;

	log_debug("devices: event%u has hung up", device->event);
	/* Another one is being opened under its name. */
	if (device->asked)
		forget_facts(device);
	else
		remove_device(device);
}

static void arm_retry(struct devices *devices)
{
	uint64_t first_ns = 0;

	if (!devices->loop)
		return;
	for (uint32_t i = 0; i < devices->nr; i++) {
		uint64_t retry_ns = devices->list[i]->retry_ns;

		if (retry_ns && (!first_ns || retry_ns < first_ns))
			first_ns = retry_ns;
	}
	if (first_ns)
		timer_arm(&devices->retry_timer, devices->loop, first_ns, 0);
	else
		timer_disarm(&devices->retry_timer);
}

/* Which device the name stands for now; opens none. @dir_fd: NULL, or the caller's to close. Return: 0, -errno. */
static int find_node(const struct devices *devices, uint32_t event, int *dir_fd, dev_t *rdev, uint32_t *number)
{
	_cleanup_close_ int fd = open(devices->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[32];
	int err;

	if (fd < 0)
		return -errno;
	snprintf(name, sizeof(name), "event%u", event);
	err = find_device_node(fd, name, rdev);
	if (!err)
		err = find_number(*rdev, number);
	if (!err && dir_fd)
		*dir_fd = steal_fd(&fd);
	return err;
}

static bool is_worth_retry(int err)
{
	return err != -EINVAL && err != -ENOENT && err != -ELOOP;
}

/* @err: of the try to open it. It may be freed by that. */
static void settle(struct device *device, int err)
{
	if (!err)
		return;
	if (!is_worth_retry(err)) {
		remove_device(device);
		return;
	}
	forget_facts(device);
	if (!device->nr_tries)
		log_debug("devices: event%u cannot be opened: %s", device->event, strerror(-err));
	if (device->nr_tries < RETRIES_MAX)
		device->retry_ns = now_ns() + (RETRY_FIRST_NS << device->nr_tries++);
	else
		log_warning_errno(err, "devices: event%u cannot be opened: the kernel half judges it alone", device->event);
}

/* Return: 0, -ESTALE if the name stands for another device by now, -errno with nothing changed. */
static int take_opening(struct device *device, struct opening *opening)
{
	struct devices *devices = device->devices;
	struct evread *evread = NULL;
	uint32_t number;
	dev_t rdev;
	int err = opening->err;

	if (!err)
		err = find_node(devices, device->event, NULL, &rdev, &number);
	/* Numbers are never given twice. */
	if (!err && (rdev != opening->rdev || number != opening->number))
		err = -ESTALE;
	if (!err && opening->is_reading && opening->lane != ARCADE_LANE_OTHER)
		err = evread_new(devices->loop, opening->fd, opening->lane, opening->pad, handle_use, handle_gone, device,
				 &devices->facts.read, &evread);
	if (err)
		return err;
	forget_facts(device);
	if (evread) {
		opening->pad = NULL;
		worker_job_ref(&opening->job);
		device->opened = opening;
		device->evread = evread;
	}
	memcpy(device->name, opening->name, sizeof(device->name));
	device->number = opening->number;
	device->lane = opening->lane;
	device->is_known = true;
	device->disagreement_is_told = false;
	devices->facts.nr[device->lane]++;
	devices->facts.nr_closed--;
	if (devices->bpf) {
		err = bpf_set_device_lane(devices->bpf, device->number, device->lane);
		if (err)
			log_debug("devices: cannot tell of input%u: %s", device->number, strerror(-err));
	}
	log_debug("devices: event%u, input%u: %s", device->event, device->number, lane_names[device->lane]);
	return 0;
}

static void probe(struct devices *devices, uint32_t event, bool is_news);

static void opening_done(struct worker_job *job, int err)
{
	struct opening *opening = container_of(job, struct opening, job);
	struct device *device = opening->device;
	struct devices *devices = device->devices;
	bool has_news = device->has_news;

	device->asked = NULL;
	device->has_news = false;
	if (err == -ECANCELED)
		return;
	if (!err)
		err = take_opening(device, opening);
	if (err && has_news)
		probe(devices, device->event, true);
	else
		settle(device, err);
	arm_retry(devices);
}

static const struct worker_ops opening_ops = {
	.limit_ns = OPEN_LIMIT_NS,
	.run = opening_run,
	.done = opening_done,
	.free = opening_free,
	.free_waits = true,
};

static bool opens_number(const struct worker_job *job, const void *data)
{
	return container_of((struct worker_job *)job, struct opening, job)->number == *(const uint32_t *)data;
}

/* Opens and judges, or has that done. Return: 0, -errno. */
static int look_at(struct device *device)
{
	struct devices *devices = device->devices;
	_cleanup_close_ int dir_fd = -1;
	struct opening *opening;
	uint32_t number;
	dev_t rdev = 0;
	int err;

	err = find_node(devices, device->event, &dir_fd, &rdev, &number);
	if (err)
		return err;
	/* The same device under the same name. To open and close it takes the kernel some milliseconds. */
	if (device->is_known && device->number == number)
		return 0;
	if (devices->worker && worker_find_stuck(devices->worker, opens_number, &number))
		return -EBUSY;
	opening = calloc(1, sizeof(*opening));
	if (!opening)
		return -ENOMEM;
	worker_job_init(&opening->job, &opening_ops);
	opening->device = device;
	opening->dir_fd = steal_fd(&dir_fd);
	opening->event = device->event;
	opening->rdev = rdev;
	opening->number = number;
	opening->is_reading = devices->is_reading;
	opening->fd = -1;
	if (is_synchronous(devices)) {
		opening_run(&opening->job);
		err = take_opening(device, opening);
		opening_unref(devices, opening);
		return err;
	}
	err = worker_submit(devices->worker, &opening->job);
	if (err)
		worker_job_unref(NULL, &opening->job);
	else
		device->asked = opening;
	return err;
}

/* There may be a device event@event, or no longer. */
static void probe(struct devices *devices, uint32_t event, bool is_news)
{
	struct device *device = find_device(devices, event);

	if (!device) {
		if (devices->nr == ARCADE_MAX_DEVICES) {
			if (!devices->too_many_is_told)
				log_warning("devices: more than %d input devices: the rest is judged by the kernel half alone",
					    ARCADE_MAX_DEVICES);
			devices->too_many_is_told = true;
			return;
		}
		device = calloc(1, sizeof(*device));
		if (!device)
			return;
		device->devices = devices;
		device->event = event;
		devices->list[devices->nr++] = device;
		devices->facts.nr_closed++;
	}
	device->is_seen = true;
	if (is_news)
		device->nr_tries = 0;
	device->retry_ns = 0;
	if (device->asked)
		device->has_news |= is_news;
	else
		settle(device, look_at(device));
}

static int retry(struct timer *timer, uint64_t now)
{
	struct devices *devices = container_of(timer, struct devices, retry_timer);

	/* From the end: a device that is removed takes the last one's place. */
	for (uint32_t i = devices->nr; i-- > 0;)
		if (i < devices->nr && devices->list[i]->retry_ns && devices->list[i]->retry_ns <= now)
			probe(devices, devices->list[i]->event, false);
	arm_retry(devices);
	return 0;
}

static void scan(struct devices *devices)
{
	_cleanup_closedir_ DIR *dir = opendir(devices->dir);
	struct dirent *entry;
	uint32_t event;

	devices->is_there = dir;
	for (uint32_t i = 0; i < devices->nr; i++)
		devices->list[i]->is_seen = false;
	while (dir && (entry = readdir(dir)))
		if (!parse_name(entry->d_name, "event", &event))
			probe(devices, event, true);
	for (uint32_t i = devices->nr; i-- > 0;)
		if (!devices->list[i]->is_seen)
			remove_device(devices->list[i]);
	arm_retry(devices);
}

int devices_new(struct bpf *bpf, struct loop *loop, const char *dir, bool is_reading, struct devices **ret)
{
	const struct worker_config config = {
		.loop = loop,
		.thread = "arcade-devices",
		.what = "devices: the opening or closing of an input device",
		.linger_ns = LINGER_NS,
		.stop_ns = STOP_NS,
	};
	_cleanup_(devices_freep) struct devices *devices = calloc(1, sizeof(*devices));
	int err;

	if (!devices)
		return -ENOMEM;
	devices->dir = strdup(dir);
	if (!devices->dir)
		return -ENOMEM;
	devices->bpf = bpf;
	devices->loop = loop;
	devices->is_reading = is_reading && bpf && loop;
	timer_init(&devices->retry_timer, "devices", retry);
	err = loop ? worker_new(&config, &devices->worker) : 0;
	if (err)
		return err;
	devices->is_starting = true;
	scan(devices);
	devices->is_starting = false;
	*ret = steal_ptr(&devices);
	return 0;
}

void devices_free(struct devices *devices)
{
	if (!devices)
		return;
	timer_disarm(&devices->retry_timer);
	while (devices->nr)
		remove_device(devices->list[devices->nr - 1]);
	worker_free(devices->worker);
	free(devices->dir);
	free(devices);
}

void devices_handle_event(struct devices *devices, const struct watch_event *event)
{
	const char *name = strrchr(event->path, '/');
	struct device *device;
	uint32_t number;

	if (event->what == WATCH_RESCAN) {
		scan(devices);
		return;
	}
	if (!name || parse_name(name + 1, "event", &number)) {
		/* The folder itself. */
		if (event->what == WATCH_REMOVED)
			scan(devices);
		return;
	}
	if (event->what != WATCH_REMOVED) {
		probe(devices, number, true);
	} else {
		device = find_device(devices, number);
		if (device)
			remove_device(device);
	}
	arm_retry(devices);
}

void devices_check(struct devices *devices)
{
	struct arcade_device seen[ARCADE_MAX_DEVICES];
	uint32_t nr;

	if (!devices->bpf)
		return;
	nr = bpf_list_devices(devices->bpf, seen);
	for (uint32_t i = 0; i < nr; i++) {
		struct device *device = NULL;

		for (uint32_t k = 0; k < devices->nr && !device; k++)
			if (devices->list[k]->is_known && devices->list[k]->number == seen[i].number)
				device = devices->list[k];
		if (!device)
			continue;
		/* Its first packet and our word may have met. */
		if (seen[i].lane != device->lane)
			bpf_set_device_lane(devices->bpf, device->number, device->lane);
		if (seen[i].class == device->lane || seen[i].class >= NR_ARCADE_LANES || device->disagreement_is_told)
			continue;
		device->disagreement_is_told = true;
		devices->facts.nr_disagreements++;
		log_info("devices: event%u looks like %s to the kernel half, and is treated as %s", device->event,
			 lane_names[seen[i].class], lane_names[device->lane]);
	}
}

const struct devices_facts *devices_facts(const struct devices *devices)
{
	return &devices->facts;
}

static int compare_items(const void *a, const void *b)
{
	const struct devices_item *one = a, *other = b;

	return (one->event > other->event) - (one->event < other->event);
}

uint32_t devices_list(const struct devices *devices, struct devices_item *items)
{
	for (uint32_t i = 0; i < devices->nr; i++) {
		const struct device *device = devices->list[i];

		items[i] = (struct devices_item){
			.event = device->event,
			.number = device->is_known ? device->number : ARCADE_DEVICE_UNKNOWN,
			.lane = device->is_known ? device->lane : ARCADE_LANE_OTHER,
			.is_known = device->is_known,
		};
		memcpy(items[i].name, device->name, sizeof(device->name));
	}
	qsort(items, devices->nr, sizeof(*items), compare_items);
	return devices->nr;
}

static void print_nr(FILE *out, uint64_t nr, const char *one, const char *many, const char *separator)
{
	fprintf(out, "%lu %s%s", (unsigned long)nr, nr == 1 ? one : many, separator);
}

void devices_describe(const struct devices *devices, char *buf, size_t size)
{
	FILE *out;

	if (!devices->is_there) {
		snprintf(buf, size, "none: there is no %s", devices->dir);
		return;
	}
	*buf = '\0';
	out = fmemopen(buf, size, "w");
	if (!out)
		return;
	print_nr(out, devices->facts.nr[ARCADE_LANE_KEYBOARD], "keyboard", "keyboards", ", ");
	print_nr(out, devices->facts.nr[ARCADE_LANE_MOUSE], "mouse", "mice", ", ");
	print_nr(out, devices->facts.nr[ARCADE_LANE_GAMEPAD], "gamepad", "gamepads", ", ");
	print_nr(out, devices->facts.nr[ARCADE_LANE_TOUCH], "touch device", "touch devices", ", ");
	print_nr(out, devices->facts.nr[ARCADE_LANE_OTHER], "other", "others", "");
	if (devices->facts.nr_closed)
		fprintf(out, "; %lu not opened", (unsigned long)devices->facts.nr_closed);
	fclose(out);
}
