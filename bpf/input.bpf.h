/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * input - the hook on input_event()
 *
 * Runs in whatever context the driver reports in, mostly an interrupt, with no
 * lock of ours and no wait. input_event() is called for every axis and button;
 * only the end mark of a packet that holds something is acted on, because that
 * is when evdev wakes its readers.
 *
 * What leaves the hook is a record of 16 bytes: when, which device, which lane,
 * how many events. Codes and values are not read at all, but for gamepads.
 *
 * A stick that nobody touches reports its noise all the time, and may not hold
 * a chain open. So the packet of a gamepad is looked through: it counts if it
 * holds a button, a hat, or an axis that has moved (policy_axis_moved()). Kept
 * for that is one number per axis, where it was when it last counted; it goes
 * with the device, and neither it nor any code or value leaves the hook.
 *
 * Records are written only while a reader is attached, into the ring of this
 * CPU. The reader polls while records come; a wakeup is sent when it says that
 * it sleeps, at most input_wakeup_hz times a second over all rings.
 */
#ifndef ARCADE_INPUT_BPF_H
#define ARCADE_INPUT_BPF_H

/* include/uapi/linux/input-event-codes.h: numbers that never change. */
#define INPUT_EV_SYN	    0x00
#define INPUT_EV_KEY	    0x01
#define INPUT_EV_REL	    0x02
#define INPUT_EV_ABS	    0x03
#define INPUT_SYN_REPORT    0
#define INPUT_REL_X	    0x00
#define INPUT_KEY_ESC	    1
#define INPUT_KEY_SPACE	    57
#define INPUT_BTN_LEFT	    0x110
#define INPUT_BTN_JOYSTICK  0x120
#define INPUT_BTN_GAMEPAD   0x130
#define INPUT_BTN_TOOL_PEN  0x140
#define INPUT_BTN_TOUCH	    0x14a
#define INPUT_ABS_HAT0X	    0x10
#define INPUT_ABS_HAT3Y	    0x17

/* Sticks, triggers, wheels and pedals come before the hats. */
#define INPUT_MAX_AXES INPUT_ABS_HAT0X
/* A gamepad has some thirty axes and buttons; who sends more in one packet acts. */
#define INPUT_MAX_PAD_EVENTS 64

#define INPUT_MAX_DEVICES ARCADE_MAX_DEVICES

/* By address of the kernel's struct input_dev; an entry goes when the device is unregistered. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, INPUT_MAX_DEVICES);
	__type(key, u64);
	__type(value, struct arcade_device);
} input_devices SEC(".maps");

/* The daemon's word on what a device is: its number → enum arcade_lane. What is in the table above it changes there. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, INPUT_MAX_DEVICES);
	__type(key, u32);
	__type(value, u32);
} input_lanes SEC(".maps");

/* Goes up when the daemon has changed a lane: what CPUs remember is void. */
u32 input_generation;

/* Of a gamepad, by address as above. */
struct input_axes {
	s32 acted[INPUT_MAX_AXES];	/* where an axis was when it last counted */
	u32 seen;			/* bits of these */
	u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, INPUT_MAX_DEVICES);
	__type(key, u64);
	__type(value, struct input_axes);
} input_axes SEC(".maps");

/*
 * The device that last reported on a CPU, by kind of interrupt: no two of a kind nest, so nobody else writes in between.
 * In a task's context, which may be preempted, the table is asked.
 */
struct input_recent {
	u64 dev;		/* address, 0: none */
	struct arcade_device device;
	u32 generation;
	u32 pad;
};

enum { INPUT_RECENT_SOFT, INPUT_RECENT_HARD, NR_INPUT_RECENT };

static struct input_recent input_recent[ARCADE_MAX_CPUS][NR_INPUT_RECENT];

struct input_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, ARCADE_RING_BYTES);
} input_ring_0 SEC(".maps"), input_ring_1 SEC(".maps"), input_ring_2 SEC(".maps"), input_ring_3 SEC(".maps"),
  input_ring_4 SEC(".maps"), input_ring_5 SEC(".maps"), input_ring_6 SEC(".maps"), input_ring_7 SEC(".maps"),
  input_ring_8 SEC(".maps"), input_ring_9 SEC(".maps"), input_ring_10 SEC(".maps"), input_ring_11 SEC(".maps"),
  input_ring_12 SEC(".maps"), input_ring_13 SEC(".maps"), input_ring_14 SEC(".maps"), input_ring_15 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, ARCADE_NR_RINGS);
	__type(key, u32);
	__array(values, struct input_ring);
} input_rings SEC(".maps") = {
	.values = {
		&input_ring_0, &input_ring_1, &input_ring_2, &input_ring_3,
		&input_ring_4, &input_ring_5, &input_ring_6, &input_ring_7,
		&input_ring_8, &input_ring_9, &input_ring_10, &input_ring_11,
		&input_ring_12, &input_ring_13, &input_ring_14, &input_ring_15,
	},
};

/* Written by the daemon before load. */
const volatile u8 input_cpu_ring[ARCADE_MAX_CPUS];

/* Written by the daemon: is anybody reading the rings, and is the reader awake anyway? */
u32 input_reader_attached;
u32 input_reader_polling;

u64 input_last_wakeup_ns;
u32 input_next_device;

static __always_inline bool input_test_bit(const unsigned long *bits, u32 bit)
{
	return bits[bit / 64] >> (bit % 64) & 1;
}

/*
 * What a device is, from what it says it can do. A keyboard has keys of the typing block: a power button, a lid switch
 * or a headset has none. The names of the kernel's ranges are those of its documentation.
 */
static __always_inline u32 input_classify(const struct input_dev *dev)
{
	/* The typing block lies in the first word. */
	const u64 typing = (2ULL << INPUT_KEY_SPACE) - (1ULL << INPUT_KEY_ESC);
	/* Joystick and gamepad buttons share a word: 0x120 to 0x13f are its upper half. */
	const u64 pad_word = dev->keybit[INPUT_BTN_JOYSTICK / 64];

	_Static_assert(INPUT_BTN_JOYSTICK / 64 == INPUT_BTN_GAMEPAD / 64, "one word");
	if (pad_word >> (INPUT_BTN_JOYSTICK % 64))
		return ARCADE_LANE_GAMEPAD;
	if (input_test_bit(dev->keybit, INPUT_BTN_TOUCH) || input_test_bit(dev->keybit, INPUT_BTN_TOOL_PEN))
		return ARCADE_LANE_TOUCH;
	if (input_test_bit(dev->keybit, INPUT_BTN_LEFT) ||
	    (input_test_bit(dev->evbit, INPUT_EV_REL) && input_test_bit(dev->relbit, INPUT_REL_X)))
		return ARCADE_LANE_MOUSE;
	if (dev->keybit[0] & typing)
		return ARCADE_LANE_KEYBOARD;
	return ARCADE_LANE_OTHER;
}

/* The 7 of "input7". A driver may have given its device another name. */
static __always_inline u32 input_number(const struct input_dev *dev)
{
	const char prefix[] = "input";
	char name[16] = "";
	u32 number = 0, i;

	bpf_probe_read_kernel_str(name, sizeof(name), dev->dev.kobj.name);
	for (i = 0; i < sizeof(prefix) - 1; i++)
		if (name[i] != prefix[i])
			return ARCADE_DEVICE_UNKNOWN;
	for (; i < sizeof(name) && name[i]; i++) {
		if (name[i] < '0' || name[i] > '9')
			return ARCADE_DEVICE_UNKNOWN;
		number = number * 10 + name[i] - '0';
	}
	return number;
}

static __always_inline struct arcade_device input_look_up(const struct input_dev *dev)
{
	u64 key = (u64)dev;
	struct arcade_device *known = bpf_map_lookup_elem(&input_devices, &key), device;
	u32 *lane;

	if (known)
		return *known;
	device.class = input_classify(dev);
	device.number = input_number(dev);
	lane = bpf_map_lookup_elem(&input_lanes, &device.number);
	device.lane = lane ? *lane : device.class;
	device.index = __sync_fetch_and_add(&input_next_device, 1);
	if (bpf_map_update_elem(&input_devices, &key, &device, BPF_NOEXIST)) {
		/* Full, or this packet interrupted an update: it still counts, only namelessly. */
		device.index = ARCADE_DEVICE_UNKNOWN;
		stats_inc_atomic(nr_device_untracked);
	}
	return device;
}

/*
 * @level: of interrupts, on @cpu. Mostly it is the device of the last packet: a mouse's interrupt stays on its CPU. Return: of
 * those remembered, or in @found.
 */
static __always_inline const struct arcade_device *input_device_of(const struct input_dev *dev, u32 level, u32 cpu,
								   struct arcade_device *found)
{
	u32 generation = input_generation;
	struct input_recent *recent;

	if (!level) {
		*found = input_look_up(dev);
		return found;
	}
	recent = &input_recent[cpu & (ARCADE_MAX_CPUS - 1)]
			      [level == COMPAT_SERVING_SOFTIRQ ? INPUT_RECENT_SOFT : INPUT_RECENT_HARD];
	if (recent->dev != (u64)dev || recent->generation != generation) {
		recent->device = input_look_up(dev);
		recent->generation = generation;
		recent->dev = (u64)dev;
	}
	return &recent->device;
}

/* @dev is being unregistered: its address may be another's soon. */
static __always_inline void input_forget(const struct input_dev *dev)
{
	u32 nr = topo_nr_cpu_ids, cpu;
	u64 key = (u64)dev;

	bpf_map_delete_elem(&input_devices, &key);
	bpf_map_delete_elem(&input_axes, &key);
	bpf_for(cpu, 0, nr) {
		struct input_recent *recent = input_recent[cpu & (ARCADE_MAX_CPUS - 1)];

		if (recent[INPUT_RECENT_SOFT].dev == (u64)dev)
			recent[INPUT_RECENT_SOFT].dev = 0;
		if (recent[INPUT_RECENT_HARD].dev == (u64)dev)
			recent[INPUT_RECENT_HARD].dev = 0;
	}
}

/* Is a wakeup of the reader due? One caller wins. */
static __always_inline bool input_claim_wakeup(u64 now_ns)
{
	u64 last_ns = input_last_wakeup_ns;

	if (input_reader_polling || (now_ns - last_ns) * knobs.input_wakeup_hz < 1000 * POLICY_NS_PER_MS)
		return false;
	return __sync_val_compare_and_swap(&input_last_wakeup_ns, last_ns, now_ns) == last_ns;
}

static __always_inline void input_record(struct arcade_stats *stats, u32 cpu, u64 now_ns,
					 const struct arcade_device *device, u32 nr_events)
{
	u32 ring = input_cpu_ring[cpu & (ARCADE_MAX_CPUS - 1)] & (ARCADE_NR_RINGS - 1);
	struct arcade_input_record *record;
	u32 key = ring;		/* a copy, because what a pointer leads to loses its bounds */
	bool wake;
	void *map;

	map = bpf_map_lookup_elem(&input_rings, &key);
	if (!map)
		return;
	record = bpf_ringbuf_reserve(map, sizeof(*record), 0);
	if (!record) {
		__sync_fetch_and_add(&stats->nr_ring_drops[ring], 1);
		return;
	}
	record->time_ns = now_ns;
	record->device = device->index;
	record->lane = device->lane;
	record->pad = 0;
	record->nr_events = nr_events;
	wake = input_claim_wakeup(now_ns);
	bpf_ringbuf_submit(record, wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	__sync_fetch_and_add(&stats->nr_ring_records[ring], 1);
	if (wake)
		__sync_fetch_and_add(&stats->nr_ring_wakeups, 1);
}

/* Has the axis moved that @value is of? Where it is seen first is where it rests. */
static __always_inline bool input_axis_acts(const struct input_dev *dev, struct input_axes *axes,
					    const struct input_value *value)
{
	u32 axis = value->code & (INPUT_MAX_AXES - 1);
	struct input_absinfo info = { 0 };

	if (axes->seen & (1u << axis)) {
		bpf_probe_read_kernel(&info, sizeof(info), (const char *)dev->absinfo + axis * sizeof(info));
		if (!policy_axis_moved(value->value, axes->acted[axis], info.minimum, info.maximum, info.fuzz, info.flat))
			return false;
		axes->acted[axis] = value->value;
		return true;
	}
	axes->seen |= 1u << axis;
	axes->acted[axis] = value->value;
	return false;
}

/*
 * Does the packet of a gamepad that ends now hold more than the noise of its sticks? Its events are still with the device.
 * A gamepad that finds no place in the table counts whatever it says.
 */
static __noinline __attribute__((unused)) bool input_pad_acts(const struct input_dev *dev)
{
	u64 key = (u64)dev;
	struct input_axes *axes = bpf_map_lookup_elem(&input_axes, &key);
	u32 nr = dev->num_vals, i;

	if (!axes) {
		struct input_axes none = { 0 };

		bpf_map_update_elem(&input_axes, &key, &none, BPF_NOEXIST);
		axes = bpf_map_lookup_elem(&input_axes, &key);
		if (!axes)
			return true;
	}
	if (nr > INPUT_MAX_PAD_EVENTS)
		return true;
	bpf_for(i, 0, nr) {
		struct input_value value = { 0 };

		bpf_probe_read_kernel(&value, sizeof(value), (const char *)dev->vals + i * sizeof(value));
		if (value.type == INPUT_EV_KEY || value.type == INPUT_EV_REL)
			return true;
		if (value.type != INPUT_EV_ABS || value.code > INPUT_ABS_HAT3Y)
			continue;
		if (value.code >= INPUT_ABS_HAT0X || input_axis_acts(dev, axes, &value))
			return true;
	}
	return false;
}

/* A packet of @nr_events ends now, on @cpu. Return: is it a cause of what the player feels? */
static __always_inline bool input_packet(u64 now_ns, u32 cpu, const struct arcade_device *device, u32 nr_events)
{
	struct arcade_stats *stats = stats_this_cpu();
	u32 lane = device->lane & (ARCADE_MAX_LANES - 1);

	if (stats) {
		__sync_fetch_and_add(&stats->nr_lane_packets[lane], 1);
		if (input_reader_attached)
			input_record(stats, cpu, now_ns, device, nr_events);
	}
	return lane != ARCADE_LANE_OTHER;
}

/* What the end mark of a packet that holds @nr_events does. */
static __always_inline void input_packet_ends(const struct input_dev *dev, u32 nr_events)
{
	u32 level = compat_interrupt_level(), cpu = bpf_get_smp_processor_id();
	const struct arcade_device *device;
	struct arcade_device found;
	u64 now_ns = bpf_ktime_get_ns();

	device = input_device_of(dev, level, cpu, &found);
	if (device->lane == ARCADE_LANE_GAMEPAD && !input_pad_acts(dev)) {
		stats_inc_atomic(nr_rest_packets);
		return;
	}
	if (input_packet(now_ns, cpu, device, nr_events))
		chain_input_enter(now_ns, device->lane, level, cpu);
}

#endif
