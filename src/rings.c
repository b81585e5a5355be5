// SPDX-License-Identifier: GPL-2.0-only
#include "rings.h"

#include <bpf/libbpf.h>

#include "log.h"

#define POLL_PERIOD_NS	       (NSEC_PER_SEC / RINGS_POLL_HZ)
#define CONTROL_POLL_PERIOD_NS (NSEC_PER_SEC / RINGS_CONTROL_POLL_HZ)

/*
 * A record is lost without a trace in the ring while the writer of another one is preempted, and that one's may have been
 * read before. So much later there is a last look for what was lost, and another one if it finds something.
 */
#define CONTROL_LAST_LOOK_NS NSEC_PER_SEC

struct rings;

struct input_ring {
	struct rings *rings;
	uint32_t index;
};

struct rings {
	struct bpf *bpf;
	struct loop *loop;
	struct ring_buffer *input;
	struct ring_buffer *control;
	struct ring_buffer *end;
	struct input_ring rings[ARCADE_NR_RINGS];
	struct source input_source;
	struct source control_source;
	struct source end_source;
	struct timer poll_timer;
	struct timer control_timer;
	bool polls_control;	/* the source is detached */
	struct bpf_control_lost told_lost;
	struct rings_handler handler;
	void (*device_fn)(void *data);
	void *device_data;
	bool has_new_device;
	bool ended;
	struct rings_facts facts;
};

static int take_input(void *ctx, void *data, size_t size)
{
	const struct arcade_input_record *record = data;
	const struct input_ring *ring = ctx;
	struct rings_facts *facts = &ring->rings->facts;
	uint64_t now = now_ns();

	if (size < sizeof(*record) || record->lane >= NR_ARCADE_LANES) {
		facts->nr_bad_records++;
		return 0;
	}
	facts->nr_records++;
	facts->nr_ring_records[ring->index]++;
	facts->nr_lane_records[record->lane]++;
	if (record->device < ARCADE_MAX_DEVICES)
		facts->nr_device_records[record->device]++;
	if (record->device != ARCADE_DEVICE_UNKNOWN && record->device >= facts->nr_devices) {
		facts->nr_devices = (uint64_t)record->device + 1;
		ring->rings->has_new_device = true;
	}
	if (now > record->time_ns && now - record->time_ns > facts->delay_max_ns)
		facts->delay_max_ns = now - record->time_ns;
	return 0;
}

static int take_end(void *ctx, void *data, size_t size)
{
	const struct arcade_control_record *record = data;
	struct rings *rings = ctx;

	if (size >= sizeof(*record) && record->type == ARCADE_CONTROL_EXIT)
		rings->ended = true;
	return 0;
}

static int read_end(struct source *source, uint32_t events)
{
	struct rings *rings = container_of(source, struct rings, end_source);

	ring_buffer__consume(rings->end);
	if (!rings->ended)
		return 0;
	source_detach(source);
	return rings->handler.handle_exit(rings->handler.data);
}

static int take_control(void *ctx, void *data, size_t size)
{
	struct arcade_control_record record;
	struct rings *rings = ctx;

	rings->facts.nr_control_records++;
	if (!rings->handler.handle_control || size < sizeof(record))
		return 0;
	memcpy(&record, data, sizeof(record));
	record.comm[sizeof(record.comm) - 1] = '\0';
	if (record.type < NR_ARCADE_CONTROLS)
		rings->handler.handle_control(&record, rings->handler.data);
	return 0;
}

/* Return: how much more @all is than what was @told so far, which then holds the larger of both. */
static uint64_t take_more(uint64_t *told, uint64_t all)
{
	uint64_t more = all > *told ? all - *told : 0;

	*told += more;
	return more;
}

/* Return: were there any? */
static bool tell_lost(struct rings *rings)
{
	struct bpf_control_lost *told = &rings->told_lost, all = bpf_control_lost(rings->bpf);
	const struct bpf_control_lost more = {
		.nr_full = take_more(&told->nr_full, all.nr_full),
		.nr_missed_execs = take_more(&told->nr_missed_execs, all.nr_missed_execs),
		.nr_missed_exits = take_more(&told->nr_missed_exits, all.nr_missed_exits),
		.nr_missed_modules = take_more(&told->nr_missed_modules, all.nr_missed_modules),
	};
	uint64_t nr_missed = more.nr_missed_execs + more.nr_missed_exits + more.nr_missed_modules;

	rings->facts.nr_control_lost += more.nr_full;
	rings->facts.nr_control_missed += nr_missed;
	if (!more.nr_full && !nr_missed)
		return false;
	if (rings->handler.handle_control_lost)
		rings->handler.handle_control_lost(&more, rings->handler.data);
	return true;
}

/* Return: were there any records, or lost ones? */
static bool consume_control(struct rings *rings)
{
	bool any = ring_buffer__consume(rings->control) > 0;

	rings->facts.nr_control_wakeups++;
	return tell_lost(rings) || any;
}

static int read_control(struct source *source, uint32_t events)
{
	struct rings *rings = container_of(source, struct rings, control_source);

	source_detach(source);
	consume_control(rings);
	rings->polls_control = true;
	timer_arm(&rings->control_timer, rings->loop, now_ns() + CONTROL_POLL_PERIOD_NS, CONTROL_POLL_PERIOD_NS);
	return 0;
}

static int poll_control(struct timer *timer, uint64_t now)
{
	struct rings *rings = container_of(timer, struct rings, control_timer);

	bool any = consume_control(rings), polled = rings->polls_control;

	/* On with it, or this was the last look. */
	if (any == polled)
		return 0;
	rings->polls_control = false;
	timer_arm(timer, rings->loop, now + CONTROL_LAST_LOOK_NS, 0);
	if (!polled)
		return 0;
	return source_attach(&rings->control_source, rings->loop, ring_buffer__epoll_fd(rings->control), EPOLLIN);
}

static int consume_input(struct rings *rings)
{
	int nr = ring_buffer__consume(rings->input);

	if (rings->has_new_device && rings->device_fn)
		rings->device_fn(rings->device_data);
	rings->has_new_device = false;
	return nr;
}

static int read_input(struct source *source, uint32_t events)
{
	struct rings *rings = container_of(source, struct rings, input_source);

	rings->facts.nr_wakeups++;
	source_detach(source);
	bpf_set_reader(rings->bpf, true, true);
	consume_input(rings);
	timer_arm(&rings->poll_timer, rings->loop, now_ns() + POLL_PERIOD_NS, POLL_PERIOD_NS);
	return 0;
}

static int poll_input(struct timer *timer, uint64_t now)
{
	struct rings *rings = container_of(timer, struct rings, poll_timer);

	rings->facts.nr_wakeups++;
	if (consume_input(rings) > 0)
		return 0;
	/* A record that comes between these lines makes the ring readable, and the source fires at once. */
	timer_disarm(timer);
	bpf_set_reader(rings->bpf, true, false);
	return source_attach(&rings->input_source, rings->loop, ring_buffer__epoll_fd(rings->input), EPOLLIN);
}

static int open_input(struct rings *rings)
{
	int err;

	for (uint32_t i = 0; i < ARCADE_NR_RINGS; i++) {
		int fd = bpf_input_ring_fd(rings->bpf, i);

		rings->rings[i] = (struct input_ring){ .rings = rings, .index = i };
		if (!rings->input) {
			rings->input = ring_buffer__new(fd, take_input, &rings->rings[i], NULL);
			err = rings->input ? 0 : -errno;
		} else {
			err = ring_buffer__add(rings->input, fd, take_input, &rings->rings[i]);
		}
		if (err)
			return err;
	}
	return source_attach(&rings->input_source, rings->loop, ring_buffer__epoll_fd(rings->input), EPOLLIN);
}

int rings_new(struct bpf *bpf, struct loop *loop, const struct rings_handler *handler, struct rings **ret)
{
	_cleanup_(rings_freep) struct rings *rings = calloc(1, sizeof(*rings));
	int err;

	if (!rings)
		return log_error_errno(ENOMEM, "rings");
	rings->bpf = bpf;
	rings->loop = loop;
	rings->handler = *handler;
	source_init(&rings->input_source, "input rings", read_input);
	source_init(&rings->control_source, "control ring", read_control);
	source_init(&rings->end_source, "end ring", read_end);
	timer_init(&rings->poll_timer, "input rings", poll_input);
	timer_init(&rings->control_timer, "control ring", poll_control);

	rings->end = ring_buffer__new(bpf_end_ring_fd(bpf), take_end, rings, NULL);
	if (!rings->end)
		return log_error_errno(errno, "end ring: cannot open");
	err = source_attach(&rings->end_source, loop, ring_buffer__epoll_fd(rings->end), EPOLLIN);
	if (err)
		return log_error_errno(err, "end ring: cannot watch");
	rings->control = ring_buffer__new(bpf_control_ring_fd(bpf), take_control, rings, NULL);
	if (!rings->control)
		return log_error_errno(errno, "control ring: cannot open");
	err = source_attach(&rings->control_source, loop, ring_buffer__epoll_fd(rings->control), EPOLLIN);
	if (err)
		return log_error_errno(err, "control ring: cannot watch");
	err = open_input(rings);
	if (err)
		return log_error_errno(err, "input rings: cannot open");
	bpf_set_reader(bpf, true, false);
	*ret = steal_ptr(&rings);
	return 0;
}

void rings_free(struct rings *rings)
{
	if (!rings)
		return;
	bpf_set_reader(rings->bpf, false, false);
	timer_disarm(&rings->poll_timer);
	source_detach(&rings->input_source);
	timer_disarm(&rings->control_timer);
	source_detach(&rings->control_source);
	source_detach(&rings->end_source);
	ring_buffer__free(rings->input);
	ring_buffer__free(rings->control);
	ring_buffer__free(rings->end);
	free(rings);
}

void rings_set_device_fn(struct rings *rings, void (*fn)(void *data), void *data)
{
	rings->device_fn = fn;
	rings->device_data = data;
}

const struct rings_facts *rings_facts(const struct rings *rings)
{
	return &rings->facts;
}
