// SPDX-License-Identifier: GPL-2.0
/* Attaching, and taking everything away again. */
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dp/object.h"
#include "lib/cleanup.h"

int dp_attach(struct dp *dp, unsigned int ifindex, enum dp_mode mode, int *link_fd,
	      char error[static DP_ERROR_MAX])
{
	LIBBPF_OPTS(bpf_link_create_opts, options);
	int fd;

	options.flags = mode == DP_MODE_DRIVER ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
	fd = bpf_link_create(dp->program_fd, (int)ifindex, BPF_XDP, &options);
	if (fd < 0)
		return dp_fail(error, fd, "interface %u takes no XDP program in %s mode: %s",
			       ifindex, mode == DP_MODE_DRIVER ? "driver" : "generic",
			       strerror(-fd));
	*link_fd = fd;
	return 0;
}

/* bpffs takes no dots in names; an interface name may have them, but no colon. */
int dp_link_path(char path[static DP_PATH_MAX], const char *pins, const char *interface)
{
	char name[64];

	if (strchr(interface, '/') || strlen(interface) >= sizeof(name))
		return -ENOENT;
	snprintf(name, sizeof(name), "%s", interface);
	for (char *c = name; *c; c++)
		if (*c == '.')
			*c = ':';
	return dp_pin_path(path, pins, "links", name);
}

int dp_link_pin(int link_fd, const char *pins, const char *interface)
{
	char path[DP_PATH_MAX];
	int err = dp_link_path(path, pins, interface);

	return err ?: bpf_obj_pin(link_fd, path);
}

/* The unlinked link would be released a moment later; who attaches again at once would find
 * the interface busy. */
int dp_link_unpin(const char *pins, const char *interface)
{
	_cleanup_(close_fd) int fd = -1;
	char path[DP_PATH_MAX];
	int err = dp_link_path(path, pins, interface);

	if (err)
		return err;
	fd = bpf_obj_get(path);
	err = fd < 0 ? fd : bpf_link_detach(fd);
	/* An interface that is gone has taken its link along; the pin is still there. */
	if (fd < 0 || (err && err != -ENOLINK && err != -ENODEV))
		return err;
	return unlink(path) ? -errno : 0;
}

/* Opens the folder of pins/v<abi>/kind; NULL with errno ENOENT if there is none. */
static DIR *open_pins(const char *pins, const char *kind)
{
	char path[DP_PATH_MAX];

	if (dp_pin_path(path, pins, kind, "")) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return opendir(path);
}

static bool link_is_generic(const struct bpf_link_info *info)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	return !bpf_xdp_query((int)info->xdp.ifindex, 0, &query) &&
	       query.attach_mode == XDP_ATTACHED_SKB;
}

static int read_link(struct dp_link *out, const char *pins, const char *name)
{
	_cleanup_(close_fd) int fd = -1;
	struct bpf_link_info info = {};
	uint32_t length = sizeof(info);
	char path[DP_PATH_MAX];
	int err = dp_pin_path(path, pins, "links", name);

	if (err)
		return err;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &length);
	if (err)
		return err;
	*out = (struct dp_link){ .ifindex = info.xdp.ifindex, .program_id = info.prog_id };
	snprintf(out->interface, sizeof(out->interface), "%s", name);
	for (char *c = out->interface; *c; c++)
		if (*c == ':')
			*c = '.';
	out->generic = info.xdp.ifindex && link_is_generic(&info);
	return 0;
}

static void close_dir(DIR *const *dir)
{
	if (*dir)
		closedir(*dir);
}

int dp_links(const char *pins, struct dp_link **out, size_t *count)
{
	_cleanup_(close_dir) DIR *dir = open_pins(pins, "links");
	_cleanup_(free_ptr) struct dp_link *links = NULL;
	size_t used = 0, capacity = 0;
	struct dirent *entry;

	if (!dir && errno != ENOENT)
		return -errno;
	while (dir && (entry = readdir(dir))) {
		int err;

		if (entry->d_name[0] == '.')
			continue;
		if (used == capacity) {
			struct dp_link *more;

			capacity = capacity ? 2 * capacity : 8;
			more = reallocarray(links, capacity, sizeof(*links));
			if (!more)
				return -ENOMEM;
			links = more;
		}
		err = read_link(&links[used], pins, entry->d_name);
		if (err == -ENOENT)
			continue;
		if (err)
			return err;
		used++;
	}
	*out = take_ptr(links);
	*count = used;
	return 0;
}

int dp_egress_add(struct dp *dp, unsigned int ifindex)
{
	uint32_t key = ifindex;

	/* The kernel removes the entry of an interface that goes: one that is there is right. */
	int err = bpf_map_update_elem(dp->egress_fd, &key, &key, BPF_NOEXIST);

	return err == -EEXIST ? 0 : err;
}

int dp_egress_remove(struct dp *dp, unsigned int ifindex)
{
	uint32_t key = ifindex;
	int err = bpf_map_delete_elem(dp->egress_fd, &key);

	return err == -ENOENT ? 0 : err;
}

/* Unlinks all entries of a folder of pins, and the folder. Missing ones are no error. */
static int remove_folder(const char *pins, const char *kind, char error[static DP_ERROR_MAX])
{
	_cleanup_(close_dir) DIR *dir = open_pins(pins, kind);
	char path[DP_PATH_MAX];
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0
				       : dp_fail(error, -errno, "%s: %s", pins, strerror(errno));
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (dp_pin_path(path, pins, kind, entry->d_name))
			return -ENAMETOOLONG;
		if (unlink(path) && errno != ENOENT)
			return dp_fail(error, -errno, "%s: %s", path, strerror(errno));
	}
	if (dp_pin_path(path, pins, kind, ""))
		return -ENAMETOOLONG;
	if (rmdir(path) && errno != ENOENT)
		return dp_fail(error, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

static int detach_links(const char *pins, const char *interface, size_t *detached, size_t *left,
			char error[static DP_ERROR_MAX])
{
	_cleanup_(free_ptr) struct dp_link *links = NULL;
	size_t count = 0;
	int err = dp_links(pins, &links, &count);

	*detached = *left = 0;
	if (err)
		return dp_fail(error, err, "%s: %s", pins, strerror(-err));
	for (size_t i = 0; i < count; i++) {
		if (interface && strcmp(interface, links[i].interface)) {
			++*left;
			continue;
		}
		err = dp_link_unpin(pins, links[i].interface);
		if (err)
			return dp_fail(error, err, "%s cannot be detached: %s", links[i].interface,
				       strerror(-err));
		++*detached;
	}
	return 0;
}

int dp_detach(const char *pins, const char *interface, size_t *detached,
	      char error[static DP_ERROR_MAX])
{
	char path[DP_PATH_MAX];
	size_t left;
	int err = detach_links(pins, interface, detached, &left, error);

	if (err || left || dp_has_controller(pins))
		return err;
	err = remove_folder(pins, "links", error);
	err = err ?: remove_folder(pins, "programs", error);
	err = err ?: remove_folder(pins, "maps", error);
	if (err)
		return err;
	if (!dp_pin_path(path, pins, "", "") && rmdir(path) && errno != ENOENT)
		return dp_fail(error, -errno, "%s: %s", path, strerror(errno));
	/* PINS itself stays if something else (decap) is below it. */
	if (rmdir(pins) && errno != ENOENT && errno != ENOTEMPTY && errno != EBUSY)
		return dp_fail(error, -errno, "%s: %s", pins, strerror(errno));
	return 0;
}
