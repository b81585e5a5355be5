// SPDX-License-Identifier: GPL-2.0-only
#include "report.h"

#include <sys/utsname.h>

#include "kernel.h"
#include "util.h"

void report_line(report_emit_fn emit, void *data, const char *name, const char *text)
{
	char line[REPORT_LINE_MAX];

	snprintf(line, sizeof(line), "%-16s %s", name, text);
	emit(data, line);
}

static void describe_hook(const struct bpf_facts *facts, enum bpf_hook hook, const char *ok, const char *without,
			  char *buf, size_t size)
{
	switch (facts->hooks[hook]) {
	case BPF_HOOK_OFF:
		snprintf(buf, size, "off, by option: %s", without);
		break;
	case BPF_HOOK_ABSENT:
		snprintf(buf, size, "off, this kernel has no place to attach to: %s", without);
		break;
	case BPF_HOOK_REFUSED:
		snprintf(buf, size, "off, the kernel refuses it (%s): %s", strerror(facts->hook_errors[hook]), without);
		break;
	case BPF_HOOK_ATTACHED:
		snprintf(buf, size, "%s", ok);
		break;
	default:
		snprintf(buf, size, "off: %s", without);
	}
}

/* @module: as the kernel calls it. Without the hooks on modules one that comes later is not seen. */
static void describe_role(const struct bpf_facts *facts, const struct roles_facts *roles, enum role role, const char *module,
			  const char *ok, const char *without, char *buf, size_t size)
{
	bool told = facts->hooks[BPF_HOOK_MODULE_LOAD] == BPF_HOOK_ATTACHED;

	switch (roles->states[role]) {
	case BPF_HOOK_OFF:
		/* All of them are off only if that was asked for. */
		snprintf(buf, size, "off, %s: %s",
			 roles->states[ROLE_NVIDIA] == BPF_HOOK_OFF ? "by option" : "chains are not followed", without);
		break;
	case BPF_HOOK_REFUSED:
		snprintf(buf, size, "off, the kernel refuses it (%s): %s", strerror(roles->errors[role]), without);
		break;
	case BPF_HOOK_ATTACHED:
		snprintf(buf, size, "%s: %s", module, ok);
		break;
	default:
		snprintf(buf, size, "absent, no driver uses module %s%s: %s", module, told ? " yet" : "", without);
	}
}

static void report_roles(const struct bpf_facts *facts, const struct roles_facts *roles, report_emit_fn emit, void *data)
{
	char text[200];

	describe_role(facts, roles, ROLE_DISPLAY, "drm",
		      facts->hooks[BPF_HOOK_CHAIN] == BPF_HOOK_ATTACHED ?
			      "frames and flips begin chains, submits and flips end them" : "submits and flips are counted",
		      "only input begins chains, nothing ends them", text, sizeof(text));
	report_line(emit, data, "display", text);
	describe_role(facts, roles, ROLE_AUDIO, "snd_pcm", "periods begin chains", "audio threads have no chains of their own",
		      text, sizeof(text));
	report_line(emit, data, "audio", text);
	describe_role(facts, roles, ROLE_NVIDIA, "nvidia", "who uses its GPU is seen", "who uses its GPU is not seen", text,
		      sizeof(text));
	report_line(emit, data, "NVIDIA GPU", text);
}

void report_print(const struct topology *topology, const struct bpf *bpf, const struct roles *roles, report_emit_fn emit,
		  void *data)
{
	const enum kernel_sched_state state = kernel_sched_state();
	const struct bpf_facts *facts;
	struct utsname uts;
	char text[200], name[128];

	report_line(emit, data, "kernel", uname(&uts) ? "unknown" : uts.release);
	if (state == KERNEL_SCHED_ABSENT) {
		report_line(emit, data, "sched_ext", "no: needs Linux 6.16 or newer with CONFIG_SCHED_CLASS_EXT");
	} else if (state == KERNEL_SCHED_DISABLED) {
		report_line(emit, data, "sched_ext", "yes, no scheduler active");
	} else {
		kernel_sched_name(name, sizeof(name));
		snprintf(text, sizeof(text), "yes, active: %s", name);
		report_line(emit, data, "sched_ext", text);
	}
	topology_describe(topology, text, sizeof(text));
	report_line(emit, data, "machine", text);
	if (!bpf)
		return;

	facts = bpf_facts(bpf);
	describe_hook(facts, BPF_HOOK_INPUT_ENTRY, "input_event: every packet of every input device",
		      facts->hooks[BPF_HOOK_CHAIN] == BPF_HOOK_OFF ?
			      "input is not seen, no chains start" :
			      "the daemon notices input, and favours game and compositor for a moment",
		      text, sizeof(text));
	report_line(emit, data, "input", text);
	describe_hook(facts, BPF_HOOK_CHAIN,
		      facts->interrupts_told_apart ?
			      "sched_waking: wakeups of all threads, interrupts told apart" :
			      "sched_waking: wakeups of all threads; interrupts count to the thread that they interrupt",
		      "chains are not followed", text, sizeof(text));
	report_line(emit, data, "chains", text);
	describe_hook(facts, BPF_HOOK_DEVICE_GONE, "unplugged devices are forgotten at once",
		      "a new device may be taken for one that was unplugged", text, sizeof(text));
	report_line(emit, data, "devices", text);
	describe_hook(facts, BPF_HOOK_FUTEX, "futex_wait: a chain member that waits for a mutex hands on to its owner",
		      "chains end at locks", text, sizeof(text));
	report_line(emit, data, "locks", text);
	describe_hook(facts, BPF_HOOK_EXEC,
		      facts->hooks[BPF_HOOK_EXIT] == BPF_HOOK_ATTACHED ? "sched_process_exec, sched_process_exit: told at once" :
									"sched_process_exec: told at once, but not their end",
		      "new programs are looked for in /proc, every 3 s", text, sizeof(text));
	report_line(emit, data, "processes", text);
	describe_hook(facts, BPF_HOOK_THREADS, "told one by one when somebody asks", "none are told", text, sizeof(text));
	report_line(emit, data, "threads", text);
	report_roles(facts, roles_facts(roles), emit, data);
	report_line(emit, data, "idle CPUs", facts->kick ? "kicked when work is queued" :
						   "this kernel hides the kick: woken by direct inserts only");
	report_line(emit, data, "slices", facts->slice_deprecated ? "renewed in place, which this kernel's log calls deprecated" :
								    "renewed in place");
	report_line(emit, data, "frequency", kernel_uses_schedutil() ? "schedutil asks: full speed for chains and the game" :
								 "no governor asks the scheduler");
	report_line(emit, data, "control groups", facts->group_idle	? "cpu.weight and cpu.idle count" :
						facts->group_weight ? "cpu.weight counts, this kernel does not tell of cpu.idle" :
								      "this kernel does not tell of their weights");
	report_line(emit, data, "real-time", facts->cpu_release || facts->immed ?
						   "its takeover of a CPU hands waiting tasks back" :
						   "tasks put on a CPU that real-time work takes wait for it");
}
