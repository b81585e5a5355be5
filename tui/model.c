// SPDX-License-Identifier: GPL-2.0-only
#include "model.h"

#include <math.h>

#include "util.h"

/* Differences of counters that do not go down; one that does was begun anew. */
static uint64_t since(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

static double rate(uint64_t now, uint64_t before, double seconds)
{
	return seconds > 0 ? since(now, before) / seconds : NAN;
}

/* Two schedulers, or two sessions of one? */
static bool was_restarted(const struct top_facts *now, const struct top_facts *before)
{
	if (now->time_ns < before->time_ns || now->uptime_ns < before->uptime_ns)
		return true;
	/* Began after the last look; one that does not tell its age may be as old as it likes. */
	if (now->uptime_ns && now->time_ns - before->time_ns > now->uptime_ns)
		return true;
	for (int i = 0; i < NR_COUNTERS; i++)
		if (now->counters[i] < before->counters[i])
			return true;
	return false;
}

static uint64_t ring_value(const struct snapshot *snapshot, uint64_t ring, uint64_t *records)
{
	for (uint32_t i = 0; i < snapshot->nr_rings; i++) {
		if (snapshot->rings[i].ring != ring)
			continue;
		*records = snapshot->rings[i].records;
		return snapshot->rings[i].drops;
	}
	*records = 0;
	return 0;
}

static const struct thread_facts *find_thread(const struct snapshot *snapshot, const struct thread_facts *thread)
{
	for (uint32_t i = 0; i < snapshot->nr_threads; i++) {
		const struct thread_facts *other = &snapshot->threads[i];

		if (other->pid == thread->pid && other->tgid == thread->tgid)
			return other;
	}
	return NULL;
}

static const struct device_facts *find_device(const struct device_facts *devices, uint32_t nr, const struct device_facts *device)
{
	for (uint32_t i = 0; i < nr; i++) {
		const struct device_facts *other = &devices[i];

		if (streq(other->node, device->node) && streq(other->name, device->name))
			return other;
	}
	return NULL;
}

/* @before NULL: nothing to compare with. */
static void update_rates(struct model *model, const struct snapshot *before, double seconds)
{
	const struct snapshot *now = &model->now;

	for (int i = 0; i < NR_COUNTERS; i++)
		model->rates[i] = before ? rate(now->top.counters[i], before->top.counters[i], seconds) : NAN;
	for (int i = 0; i < NR_ARCADE_LANES; i++)
		model->lane_rates[i] = before ? rate(now->top.lane_packets[i], before->top.lane_packets[i], seconds) : NAN;
	for (int root = 0; root < NR_ROOTS; root++) {
		struct model_chain *chain = &model->chains[root];
		const struct chain_facts *facts = &now->chains[root];

		for (int i = 0; i < SNAPSHOT_MAX_HOPS; i++)
			chain->hop_rates[i] = before ? rate(facts->hop_counts[i], before->chains[root].hop_counts[i], seconds) : NAN;
		for (int i = 0; i < NR_ENDS; i++)
			chain->end_rates[i] = before ? rate(facts->end_counts[i], before->chains[root].end_counts[i], seconds) : NAN;
	}
	for (uint32_t i = 0; i < now->nr_threads; i++) {
		const struct thread_facts *thread = &now->threads[i];
		const struct thread_facts *old = before ? find_thread(before, thread) : NULL;
		/* The same number, but another thread. */
		bool same = old && old->run_ns <= thread->run_ns && old->runs <= thread->runs;

		model->thread_cpu[i] = same ? rate(thread->run_ns, old->run_ns, seconds) / NSEC_PER_SEC : NAN;
		model->thread_runs[i] = same ? rate(thread->runs, old->runs, seconds) : NAN;
	}
	for (uint32_t i = 0; i < now->nr_devices; i++) {
		const struct device_facts *device = &now->devices[i];
		const struct device_facts *old = before ? find_device(before->devices, before->nr_devices, device) : NULL;

		model->device_rates[i] = old ? rate(device->packets, old->packets, seconds) : NAN;
	}
	for (uint32_t i = 0; i < now->nr_rings; i++) {
		uint64_t records = 0;

		if (before)
			ring_value(before, now->rings[i].ring, &records);
		model->ring_rates[i] = before ? rate(now->rings[i].records, records, seconds) : NAN;
	}
}

static void update_totals(struct model *model)
{
	const struct snapshot *now = &model->now;

	for (int i = 0; i < NR_COUNTERS; i++)
		model->totals[i] = since(now->top.counters[i], model->base.counters[i]);
	for (int root = 0; root < NR_ROOTS; root++) {
		for (int i = 0; i < SNAPSHOT_MAX_HOPS; i++)
			model->chains[root].hops[i] = hist_since(&now->chains[root].hops[i], &model->base.hops[root][i]);
		for (int i = 0; i < NR_ENDS; i++)
			model->chains[root].ends[i] = hist_since(&now->chains[root].ends[i], &model->base.ends[root][i]);
	}
	for (int i = 0; i < NR_ARCADE_LANES; i++)
		model->lane_packets[i] = since(now->top.lane_packets[i], model->base.lane_packets[i]);
	for (uint32_t i = 0; i < now->nr_devices; i++) {
		const struct device_facts *old = find_device(model->base.devices, model->base.nr_devices, &now->devices[i]);

		model->device_packets[i] = since(now->devices[i].packets, old ? old->packets : 0);
	}
	for (uint32_t i = 0; i < now->nr_rings; i++) {
		uint64_t ring = now->rings[i].ring;

		model->ring_drops[i] =
			since(now->rings[i].drops, ring < SNAPSHOT_MAX_RINGS ? model->base.drops[ring] : 0);
	}
}

static double interval_p99(const struct snapshot *now, const struct snapshot *before, enum chain_end end)
{
	struct hist hist = hist_since(&now->chains[ROOT_INPUT].ends[end], &before->chains[ROOT_INPUT].ends[end]);
	uint64_t p99_us = hist_quantile_us(&hist, 990);

	return p99_us ? (double)p99_us : NAN;
}

static void update_series(struct model *model, const struct snapshot *before)
{
	series_add(&model->series[SERIES_PACKETS], model->rates[COUNTER_PACKETS]);
	series_add(&model->series[SERIES_SUBMITS], model->rates[COUNTER_GPU_SUBMITS]);
	series_add(&model->series[SERIES_FLIPS], model->rates[COUNTER_FLIPS]);
	series_add(&model->series[SERIES_CLICK_SUBMIT], interval_p99(&model->now, before, END_SUBMIT));
	series_add(&model->series[SERIES_CLICK_FLIP], interval_p99(&model->now, before, END_FLIP));
	series_add(&model->series[SERIES_PREEMPTS], model_preempt_rate(model));
	series_add(&model->series[SERIES_IDLE], model_idle_share(model));
}

static void add_gaps(struct model *model)
{
	for (int i = 0; i < NR_SERIES; i++)
		series_add_gap(&model->series[i]);
}

void model_update(struct model *model, const struct snapshot *snapshot)
{
	struct snapshot *before = &model->now;
	bool restarted = model->valid && was_restarted(&snapshot->top, &before->top);
	double seconds;

	if (!model->valid || restarted) {
		model->nr_restarts += restarted;
		if (restarted)
			add_gaps(model);
		memset(&model->base, 0, sizeof(model->base));
		model->now = *snapshot;
		model->valid = true;
		update_rates(model, NULL, 0);
		update_totals(model);
		return;
	}
	seconds = (double)(snapshot->top.time_ns - before->top.time_ns) / NSEC_PER_SEC;
	/* The daemon's snapshot of a moment ago once more: nothing can be learnt from that. */
	if (seconds <= 0)
		return;
	model->before = *before;
	model->now = *snapshot;
	update_rates(model, &model->before, seconds);
	update_totals(model);
	update_series(model, &model->before);
}

void model_lose(struct model *model)
{
	if (!model->valid)
		return;
	add_gaps(model);
	update_rates(model, NULL, 0);
}

void model_reset(struct model *model)
{
	const struct snapshot *now = &model->now;

	if (!model->valid)
		return;
	memcpy(model->base.counters, now->top.counters, sizeof(model->base.counters));
	for (int root = 0; root < NR_ROOTS; root++) {
		memcpy(model->base.hops[root], now->chains[root].hops, sizeof(model->base.hops[root]));
		memcpy(model->base.ends[root], now->chains[root].ends, sizeof(model->base.ends[root]));
	}
	for (uint32_t i = 0; i < now->nr_rings; i++)
		if (now->rings[i].ring < SNAPSHOT_MAX_RINGS)
			model->base.drops[now->rings[i].ring] = now->rings[i].drops;
	memcpy(model->base.lane_packets, now->top.lane_packets, sizeof(model->base.lane_packets));
	memcpy(model->base.devices, now->devices, now->nr_devices * sizeof(*now->devices));
	model->base.nr_devices = now->nr_devices;
	model->base.time_ns = now->top.time_ns;
	update_totals(model);
}

uint64_t model_span_ns(const struct model *model)
{
	if (!model->base.time_ns)
		return model->now.top.uptime_ns;
	return since(model->now.top.time_ns, model->base.time_ns);
}

uint64_t model_drops(const struct model *model)
{
	uint64_t drops = 0;

	for (uint32_t i = 0; i < model->now.nr_rings; i++)
		if (__builtin_add_overflow(drops, model->ring_drops[i], &drops))
			return UINT64_MAX;
	return drops;
}

double model_preempt_rate(const struct model *model)
{
	return model->rates[COUNTER_PREEMPTS_CHAIN] + model->rates[COUNTER_PREEMPTS_FRAME] +
	       model->rates[COUNTER_PREEMPTS_GAME] + model->rates[COUNTER_PREEMPTS_NORMAL];
}

double model_idle_share(const struct model *model)
{
	double idle = model->rates[COUNTER_IDLE_DIRECT];
	double all = idle + model->rates[COUNTER_QUEUED_LLC] + model->rates[COUNTER_QUEUED_CPU];

	return all > 0 ? idle / all : NAN;
}

struct sort_context {
	const struct model *model;
	enum sort sort;
};

/* What is not known comes last. */
static int compare_down(double a, double b)
{
	if (isnan(a) || isnan(b))
		return isnan(a) - isnan(b);
	return (a < b) - (a > b);
}

static int compare_threads(const void *a, const void *b, void *data)
{
	const struct sort_context *context = data;
	const struct model *model = context->model;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	int order = 0;

	switch (context->sort) {
	case SORT_CPU:
		order = compare_down(model->thread_cpu[i], model->thread_cpu[k]);
		break;
	case SORT_WAIT:
		order = compare_down((double)model->now.threads[i].wait_p99_us, (double)model->now.threads[k].wait_p99_us);
		break;
	case SORT_RUNS:
		order = compare_down(model->thread_runs[i], model->thread_runs[k]);
		break;
	case SORT_NAME:
		order = strcasecmp(model->now.threads[i].comm, model->now.threads[k].comm);
		break;
	default:
		break;
	}
	return order ? order : (i > k) - (i < k);
}

void model_sort_threads(const struct model *model, enum sort sort, uint32_t *order)
{
	struct sort_context context = { model, sort };

	for (uint32_t i = 0; i < model->now.nr_threads; i++)
		order[i] = i;
	qsort_r(order, model->now.nr_threads, sizeof(*order), compare_threads, &context);
}

const struct thread_facts *model_hop_thread(const struct model *model, enum chain_root root, uint32_t hop)
{
	static const char *const names[NR_ROOTS] = { "input", "vblank", "audio" };
	const struct thread_facts *best = NULL;
	double best_runs = -1;

	for (uint32_t i = 0; i < model->now.nr_threads; i++) {
		const struct thread_facts *thread = &model->now.threads[i];
		double runs = isnan(model->thread_runs[i]) ? 0 : model->thread_runs[i];

		if (thread->hop != hop || !streq(thread->root, names[root]) || runs <= best_runs)
			continue;
		best = thread;
		best_runs = runs;
	}
	return best;
}
