// SPDX-License-Identifier: GPL-2.0
/* Attaches the counting of lost frames, and reads it. */
#include "dp/lost.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dp/object.h"
#include "evenkeel/lost.h"
#include "lib/cleanup.h"

#include "lost.skel.h"

/* As many as the skeleton has programs. */
#define LINKS_MAX 8

struct dp_lost {
	struct lost_bpf *object;
	struct bpf_link *links[LINKS_MAX];
	size_t link_count;
	struct dp_lost_egress list[EK_EGRESS_MAX]; /* as last read */
	size_t count;
};

void dp_lost_close(struct dp_lost *lost)
{
	if (!lost)
		return;
	for (size_t i = 0; i < lost->link_count; i++)
		bpf_link__destroy(lost->links[i]);
	if (lost->object)
		lost_bpf__destroy(lost->object);
	free(lost);
}

static void close_lost(struct dp_lost **lost)
{
	dp_lost_close(*lost);
}

/* Goes on with the counters that are pinned, if they are as this version has them. */
static int reuse_counters(struct bpf_map *map, const char *path)
{
	_cleanup_(close_fd) int fd = bpf_obj_get(path);
	struct bpf_map_info info = {};
	uint32_t length = sizeof(info);

	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &length) || info.type != bpf_map__type(map) ||
	    info.value_size != bpf_map__value_size(map) ||
	    info.max_entries != bpf_map__max_entries(map))
		return unlink(path) ? -errno : 0;
	return bpf_map__reuse_fd(map, fd);
}

static int load(struct dp_lost *lost, const char *path)
{
	int err;

	lost->object = lost_bpf__open();
	if (!lost->object)
		return -errno;
	err = path ? reuse_counters(lost->object->maps.lost, path) : 0;
	err = err ?: lost_bpf__load(lost->object);
	if (!err && path && access(path, F_OK))
		err = bpf_map__pin(lost->object->maps.lost, path);
	return err;
}

/* Whose frames are meant. */
static int watch(const struct dp_lost *lost, const struct dp *dp)
{
	struct bpf_prog_info program = {};
	struct bpf_map_info egress = {};
	uint32_t length = sizeof(program), zero = 0;
	struct ek_lost_watch w;

	if (bpf_obj_get_info_by_fd(dp->program_fd, &program, &length))
		return -errno;
	length = sizeof(egress);
	if (bpf_obj_get_info_by_fd(dp->egress_fd, &egress, &length))
		return -errno;
	w = (struct ek_lost_watch){ .program = program.id, .egress = egress.id };
	return bpf_map_update_elem(bpf_map__fd(lost->object->maps.lost_watch), &zero, &w, BPF_ANY);
}

/* The pin of the one before holds it attached: it goes first, or both would count. */
static int attach(struct dp_lost *lost, const struct bpf_program *program, const char *pins)
{
	struct bpf_link *link;
	char path[DP_PATH_MAX];
	int err = pins ? dp_pin_path(path, pins, "programs", bpf_program__name(program)) : 0;

	if (err || lost->link_count == LINKS_MAX)
		return err ?: -E2BIG;
	if (pins && unlink(path) && errno != ENOENT)
		return -errno;
	link = bpf_program__attach(program);
	if (!link)
		return -errno;
	lost->links[lost->link_count++] = link;
	return pins ? bpf_link__pin(link, path) : 0;
}

int dp_lost_open(struct dp_lost **out, const struct dp *dp, const char *pins,
		 char error[static DP_ERROR_MAX])
{
	_cleanup_(close_lost) struct dp_lost *lost = calloc(1, sizeof(*lost));
	struct bpf_program *program;
	char path[DP_PATH_MAX];
	int err = lost ? 0 : -ENOMEM;

	if (!err && pins)
		err = dp_pin_path(path, pins, "maps", EK_MAP_LOST);
	err = err ?: load(lost, pins ? path : NULL);
	if (err)
		return dp_fail(error, err, "the kernel refuses the programs that count: %s",
			       strerror(-err));
	err = watch(lost, dp);
	if (err)
		return dp_fail(error, err, "whose frames they count cannot be told them: %s",
			       strerror(-err));
	bpf_object__for_each_program(program, lost->object->obj) {
		err = attach(lost, program, pins);
		if (err)
			return dp_fail(error, err, "the kernel refuses %s: %s",
				       bpf_program__section_name(program), strerror(-err));
	}
	*out = take_ptr(lost);
	return 0;
}

static int read_egress(struct dp_lost_egress *out, int fd, uint32_t ifindex, struct ek_lost *cpus,
		       int cpu_count)
{
	*out = (struct dp_lost_egress){ .ifindex = ifindex };
	if (bpf_map_lookup_elem(fd, &ifindex, cpus))
		return -errno;
	for (int i = 0; i < cpu_count; i++) {
		out->refused += cpus[i].refused;
		out->unsent += cpus[i].unsent;
	}
	return 0;
}

int dp_lost_refresh(struct dp_lost *lost)
{
	int cpu_count = libbpf_num_possible_cpus(), fd = bpf_map__fd(lost->object->maps.lost);
	_cleanup_(free_ptr) struct ek_lost *cpus = NULL;
	uint32_t key, *last = NULL;
	size_t used = 0;
	int err;

	if (cpu_count < 1)
		return cpu_count ?: -EINVAL;
	cpus = calloc((size_t)cpu_count, sizeof(*cpus));
	if (!cpus)
		return -ENOMEM;
	while (!(err = bpf_map_get_next_key(fd, last, &key)) && used < EK_EGRESS_MAX) {
		err = read_egress(&lost->list[used], fd, key, cpus, cpu_count);
		if (err)
			return err;
		used++;
		last = &key;
	}
	if (err != -ENOENT)
		return err;
	lost->count = used;
	return 0;
}

const struct dp_lost_egress *dp_lost_list(const struct dp_lost *lost, size_t *count)
{
	*count = lost->count;
	return lost->list;
}
