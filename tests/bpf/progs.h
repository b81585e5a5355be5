/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * progs - every BPF program that the kernel holds, with its whole name
 *
 * The kernel cuts names at 15 characters; the whole one is in the program's
 * type information.
 */
#ifndef ARCADE_TESTS_PROGS_H
#define ARCADE_TESTS_PROGS_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGS_MAX 512

struct prog {
	char name[64];
	uint32_t id;
	uint32_t verified;	/* instructions that the verifier looked at */
	uint32_t xlated;	/* instructions */
	uint32_t jited;		/* bytes */
	uint64_t run_ns;	/* both only with statistics on */
	uint64_t nr_runs;
};

static inline void progs_read_name(const struct bpf_prog_info *info, struct prog *prog)
{
	struct bpf_func_info func = { 0 };
	struct bpf_prog_info want = { .nr_func_info = 1, .func_info_rec_size = sizeof(func), .func_info = (uintptr_t)&func };
	uint32_t len = sizeof(want);
	const struct btf_type *type;
	struct btf *btf;
	int fd;

	snprintf(prog->name, sizeof(prog->name), "%s", info->name);
	if (!info->btf_id || !info->nr_func_info)
		return;
	fd = bpf_prog_get_fd_by_id(info->id);
	if (fd < 0)
		return;
	btf = bpf_prog_get_info_by_fd(fd, &want, &len) ? NULL : btf__load_from_kernel_by_id(info->btf_id);
	type = btf ? btf__type_by_id(btf, func.type_id) : NULL;
	if (type)
		snprintf(prog->name, sizeof(prog->name), "%s", btf__name_by_offset(btf, type->name_off));
	btf__free(btf);
	close(fd);
}

/* Return: how many of @progs (PROGS_MAX long) were filled in, by id; -errno. */
static inline int progs_read(struct prog *progs)
{
	uint32_t id = 0;
	int nr = 0;

	while (nr < PROGS_MAX && !bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id), err;

		if (fd < 0)
			continue;	/* gone meanwhile */
		err = bpf_prog_get_info_by_fd(fd, &info, &len);
		close(fd);
		if (err)
			return err;
		progs[nr] = (struct prog){
			.id = id,
			.verified = info.verified_insns,
			.xlated = info.xlated_prog_len / 8,
			.jited = info.jited_prog_len,
			.run_ns = info.run_time_ns,
			.nr_runs = info.run_cnt,
		};
		progs_read_name(&info, &progs[nr]);
		nr++;
	}
	return nr;
}

#endif
