// SPDX-License-Identifier: GPL-2.0
/* The array of tail-called programs. The kernel empties it when the last descriptor and pin of
 * it are gone, though programs still use it: it is pinned for as long as its programs run.
 *
 * Each load has an array of its own, because its programs belong together, and because an array
 * takes only programs of one kind. Its pin carries its number: while links are moved from one
 * load's program to the next one's, both are there. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dp/object.h"
#include "lib/cleanup.h"

#define TAILS_PREFIX "tails-"

static int tails_name(char name[static 32], const struct dp *dp, int *fd)
{
	struct bpf_map *map = bpf_object__find_map_by_name(dp->priv->object, EK_MAP_TAILS);
	struct bpf_map_info info = {};
	uint32_t length = sizeof(info);

	if (!map)
		return -ENOENT;
	*fd = bpf_map__fd(map);
	if (bpf_obj_get_info_by_fd(*fd, &info, &length))
		return -errno;
	snprintf(name, 32, TAILS_PREFIX "%u", info.id);
	return 0;
}

int dp_tails_pin(const struct dp *dp, const char *pins)
{
	char path[DP_PATH_MAX], name[32];
	int fd = -1;
	int err = tails_name(name, dp, &fd);

	err = err ?: dp_pin_path(path, pins, "programs", name);
	return err ?: bpf_obj_pin(fd, path);
}

static void close_dir(DIR *const *dir)
{
	if (*dir)
		closedir(*dir);
}

int dp_tails_unpin_others(const struct dp *dp, const char *pins)
{
	_cleanup_(close_dir) DIR *dir = NULL;
	char path[DP_PATH_MAX], ours[32];
	struct dirent *entry;
	int fd = -1;
	int err = tails_name(ours, dp, &fd);

	err = err ?: dp_pin_path(path, pins, "programs", "");
	if (err)
		return err;
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, TAILS_PREFIX, strlen(TAILS_PREFIX)) ||
		    !strcmp(entry->d_name, ours))
			continue;
		err = dp_pin_path(path, pins, "programs", entry->d_name);
		if (err || (unlink(path) && errno != ENOENT))
			return err ?: -errno;
	}
	return 0;
}
