// SPDX-License-Identifier: GPL-2.0
/* Loading the data path, pinning it, and adopting what is pinned already. */
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "dp/capacity.h"
#include "dp/flows.h"
#include "dp/object.h"
#include "lib/cleanup.h"

#include "evenkeel.skel.h"

int dp_pin_path(char path[static DP_PATH_MAX], const char *pins, const char *kind, const char *name)
{
	int length = snprintf(path, DP_PATH_MAX, "%s/v%d/%s%s%s", pins, EK_ABI_VERSION, kind,
			      *name ? "/" : "", name);

	return length < DP_PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int make_folder(const char *path, char error[static DP_ERROR_MAX])
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return dp_fail(error, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

/* PINS, PINS/v2 and the folders below it; PINS must be in a bpffs. */
static int make_folders(const char *pins, char error[static DP_ERROR_MAX])
{
	static const char *const kinds[] = { "", "maps", "links", "programs" };
	struct statfs fs;
	int err = make_folder(pins, error);

	if (err)
		return err;
	if (statfs(pins, &fs) || fs.f_type != BPF_FS_MAGIC)
		return dp_fail(
			error, -EINVAL,
			"%s is not in a bpffs: mount one with `mount -t bpf bpf /sys/fs/bpf`",
			pins);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char path[DP_PATH_MAX];

		err = dp_pin_path(path, pins, kinds[i], "");
		err = err ?: make_folder(path, error);
		if (err)
			return err;
	}
	return 0;
}

/* Pins of another version would go on forwarding beside ours, with nobody to manage them. */
static int refuse_other_versions(const char *pins, char error[static DP_ERROR_MAX])
{
	DIR *dir = opendir(pins);
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return 0;
	while (!err && (entry = readdir(dir))) {
		char ours[16];

		snprintf(ours, sizeof(ours), "v%d", EK_ABI_VERSION);
		if (entry->d_name[0] == 'v' && strcmp(entry->d_name, ours))
			err = dp_fail(
				error, -EPROTO,
				"%s/%s belongs to another version of evenkeel and may be "
				"forwarding: left as it is. Run that version, or take it away "
				"with `rm -r %s/%s`, which detaches it",
				pins, entry->d_name, pins, entry->d_name);
	}
	closedir(dir);
	return err;
}

/* Gives one map of the object the pinned one. 1: there is none. */
static int reuse_map(struct bpf_map *map, const char *pins, char error[static DP_ERROR_MAX])
{
	_cleanup_(close_fd) int fd = -1;
	struct bpf_map_info info = {};
	uint32_t length = sizeof(info);
	char path[DP_PATH_MAX];
	int err = dp_pin_path(path, pins, "maps", dp_map_name(map));

	if (err)
		return dp_fail(error, err, "%s: the path is too long", pins);
	fd = bpf_obj_get(path);
	if (fd == -ENOENT)
		return 1;
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &length))
		return dp_fail(error, -EPROTO, "%s: %s", path, strerror(errno));
	if (info.type != bpf_map__type(map) || info.value_size != bpf_map__value_size(map) ||
	    info.key_size != bpf_map__key_size(map) || !info.max_entries)
		return dp_fail(error, -EPROTO,
			       "%s is not laid out as version %d of the maps is: left as it is",
			       path, EK_ABI_VERSION);
	err = bpf_map__set_max_entries(map, info.max_entries);
	return err ?: bpf_map__reuse_fd(map, fd);
}

/* Does the map belong to this load of the programs, not to the state that is adopted? */
static bool is_internal(const struct bpf_map *map)
{
	return strchr(dp_map_name(map), '.') || /* libbpf's own for .rodata */
	       bpf_map__type(map) == BPF_MAP_TYPE_PROG_ARRAY ||
	       bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY; /* what programs keep aside */
}

/* Adopts all pinned maps. *found counts them: all, or none, or a half-made set. */
static int reuse_maps(struct bpf_object *object, const char *pins, size_t *found, size_t *all,
		      char error[static DP_ERROR_MAX])
{
	struct bpf_map *map;

	*found = *all = 0;
	bpf_object__for_each_map(map, object) {
		int err;

		if (is_internal(map))
			continue;
		err = reuse_map(map, pins, error);
		if (err < 0)
			return err;
		*found += !err;
		++*all;
	}
	return 0;
}

static int pin_map(struct bpf_map *map, const char *pins, char error[static DP_ERROR_MAX])
{
	char path[DP_PATH_MAX];
	int err = dp_pin_path(path, pins, "maps", dp_map_name(map));

	err = err ?: bpf_map__pin(map, path);
	if (err)
		return dp_fail(error, err, "map %s cannot be pinned below %s: %s", dp_map_name(map),
			       pins, strerror(-err));
	return 0;
}

/* The core's map goes last: while it is missing the set is known to be half made. */
static int pin_maps(struct bpf_object *object, const char *pins, char error[static DP_ERROR_MAX])
{
	struct bpf_map *core = dp_map_find(object, EK_MAP_CORE);
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		int err = map == core || is_internal(map) ? 0 : pin_map(map, pins, error);

		if (err)
			return err;
	}
	return pin_map(core, pins, error);
}

/* The pin of the entry program is for people with bpftool; links hold it alive by themselves. */
static int pin_programs(const struct dp *dp, const char *pins, char error[static DP_ERROR_MAX])
{
	char path[DP_PATH_MAX];
	int err = dp_pin_path(path, pins, "programs", "evenkeel");

	err = err ?: dp_tails_pin(dp, pins);
	if (err)
		return dp_fail(error, err, "the programs cannot be pinned below %s: %s", pins,
			       strerror(-err));
	unlink(path);
	err = bpf_obj_pin(dp->program_fd, path);
	return err ? dp_fail(error, err, "%s: %s", path, strerror(-err)) : 0;
}

/* Puts the program just loaded on a link that runs the one before: packets see either. */
static int renew_links(const struct dp *dp, const char *pins, char error[static DP_ERROR_MAX])
{
	_cleanup_(free_ptr) struct dp_link *links = NULL;
	size_t count = 0;
	int err = dp_links(pins, &links, &count);

	for (size_t i = 0; !err && i < count; i++) {
		_cleanup_(close_fd) int fd = -1;
		char path[DP_PATH_MAX];

		if (!links[i].ifindex)
			continue;
		err = dp_link_path(path, pins, links[i].interface);
		if (err)
			return dp_fail(error, err, "the link of %s below %s: %s",
				       links[i].interface, pins, strerror(-err));
		fd = bpf_obj_get(path);
		err = fd < 0 ? fd : bpf_link_update(fd, dp->program_fd, NULL);
		if (err)
			err = dp_fail(
				error, -EPROTO,
				"%s runs a program that cannot be replaced (%s): left as it is%s",
				path, strerror(-err),
				err == -ERANGE && !dp->sizes.jumbo
					? ". Its MTU takes an evenkeeld with --jumbo"
					: "");
	}
	return err;
}

static void sizes_adopted(const struct bpf_object *object, struct dp_sizes *sizes)
{
	sizes->slots = bpf_map__max_entries(dp_map_find(object, EK_MAP_SLOTS));
	sizes->backends = bpf_map__max_entries(dp_map_find(object, EK_MAP_BACKENDS));
	sizes->flow_buckets = bpf_map__max_entries(dp_map_find(object, EK_MAP_FLOWS));
}

/* A set of maps that a dying controller left half made has no link yet: begin again. */
static int remove_half_made(const char *pins, char error[static DP_ERROR_MAX])
{
	_cleanup_(free_ptr) struct dp_link *links = NULL;
	size_t count = 0, detached;

	if (dp_links(pins, &links, &count) || count)
		return dp_fail(error, -EPROTO,
			       "%s/v%d lacks maps though interfaces are attached: left as it is. "
			       "`evenkeel --pins %s detach` takes it away",
			       pins, EK_ABI_VERSION, pins);
	return dp_detach(pins, NULL, &detached, error);
}

/* Is the record behind the pinned maps complete and of our version? */
static bool global_is_complete(const char *pins)
{
	_cleanup_(close_fd) int fd = -1;
	const struct ek_global *global;
	char path[DP_PATH_MAX];
	bool complete;

	if (dp_pin_path(path, pins, "maps", EK_MAP_CORE))
		return false;
	fd = bpf_obj_get(path);
	global = mmap(NULL, sizeof(*global), PROT_READ, MAP_SHARED, fd, 0);
	if (global == MAP_FAILED)
		return false;
	complete = global->abi == EK_ABI_VERSION;
	munmap((void *)global, sizeof(*global));
	return complete;
}

static int prepare_pins(const char *pins, char error[static DP_ERROR_MAX])
{
	char maps[DP_PATH_MAX];
	int err = refuse_other_versions(pins, error);

	err = err ?: dp_pin_path(maps, pins, "maps", "");
	if (!err && !access(maps, F_OK) && !global_is_complete(pins))
		err = remove_half_made(pins, error);
	return err ?: make_folders(pins, error);
}

static int load(struct bpf_object *object, const char *pins, struct dp_sizes *sizes, bool *adopted,
		char error[static DP_ERROR_MAX])
{
	size_t found = 0, all = 1;
	int err = pins ? reuse_maps(object, pins, &found, &all, error) : 0;

	if (err)
		return err;
	*adopted = found == all;
	if (found && !*adopted)
		return dp_fail(error, -EPROTO, "%s/v%d has %zu of %zu maps: left as it is", pins,
			       EK_ABI_VERSION, found, all);
	if (*adopted)
		sizes_adopted(object, sizes);
	err = dp_object_prepare(object, sizes, error);
	if (err)
		return err;
	err = bpf_object__load(object);
	if (err)
		return dp_fail(
			error, err,
			"the kernel refused the XDP program: %s (needs Linux 6.1, CAP_BPF and "
			"CAP_NET_ADMIN)",
			strerror(-err));
	return 0;
}

int dp_open(struct dp **out, const char *pins, const struct dp_sizes *sizes, struct ek_key key,
	    char error[static DP_ERROR_MAX])
{
	struct bpf_object *object = NULL;
	size_t elf_size = 0;
	const void *elf;
	struct dp_sizes actual = *sizes;
	struct dp *dp = NULL;
	bool adopted = false;
	int err = pins ? prepare_pins(pins, error) : 0;

	if (err)
		return err;
	elf = evenkeel_bpf__elf_bytes(&elf_size);
	object = bpf_object__open_mem(elf, elf_size, NULL);
	if (!object)
		return dp_fail(error, -errno, "the BPF object cannot be opened: %s",
			       strerror(errno));
	err = load(object, pins, &actual, &adopted, error);
	if (!err)
		err = dp_from_object(&dp, object, &actual, key, error);
	if (err) {
		bpf_object__close(object);
		return err;
	}
	dp->adopted = dp->priv->grace_owed = adopted;
	if (pins && !adopted)
		err = pin_maps(object, pins, error);
	if (pins)
		err = err ?: pin_programs(dp, pins, error);
	if (pins && adopted)
		err = err ?: renew_links(dp, pins, error);
	if (pins && !err && (err = dp_tails_unpin_others(dp, pins)))
		dp_fail(error, err, "%s: old programs cannot be unpinned: %s", pins,
			strerror(-err));
	if (!err && adopted) {
		deaths_adopt(dp);
		capacities_adopt(dp);
		flows_free_left(dp);
	}
	if (err) {
		dp_close(dp);
		return err;
	}
	*out = dp;
	return 0;
}
