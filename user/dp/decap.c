// SPDX-License-Identifier: GPL-2.0
/* Attaches the decapsulation program and keeps it by its pins: no process has to stay. */
#include "dp/decap.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/magic.h>
#include <mntent.h>
#include <net/if.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "decap.skel.h"
#include "dp/object.h"
#include "evenkeel/decap.h"
#include "lib/cleanup.h"

#define BPFFS "/sys/fs/bpf"

/* ---- pins ---------------------------------------------------------------------------------- */

struct pins {
	char base[PATH_MAX], folder[PATH_MAX], link[PATH_MAX], counters[PATH_MAX];
};

static bool join(char out[static PATH_MAX], const char *folder, const char *name)
{
	return snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX;
}

/* Interface names hold no colon and bpffs names no dot: each stands for the other. */
static void exchange(char *name, char from, char to)
{
	for (; *name; name++) {
		if (*name == from)
			*name = to;
	}
}

static int pins_of(struct pins *p, const char *pins, const char *interface,
		   char error[static DP_ERROR_MAX])
{
	char name[IFNAMSIZ];

	if (!*interface || strlen(interface) >= sizeof(name) || strpbrk(interface, "/:"))
		return dp_fail(error, -EINVAL, "%s: not the name of an interface", interface);
	strcpy(name, interface);
	exchange(name, '.', ':');
	if (!join(p->base, pins, "decap") || !join(p->folder, p->base, name) ||
	    !join(p->link, p->folder, EK_DECAP_LINK) ||
	    !join(p->counters, p->folder, EK_DECAP_COUNTERS))
		return dp_fail(error, -ENAMETOOLONG, "%s: the path is too long", pins);
	return 0;
}

/* Folder and its parents. */
static int make_folders(const char *path)
{
	char part[PATH_MAX];

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return -ENAMETOOLONG;
	for (char *slash = part + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		if (mkdir(part, 0700) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(part, 0700) && errno != EEXIST ? -errno : 0;
}

/* The file system that `path`, or the nearest of its parents that exists, is on. */
static bool on_bpffs(const char *path)
{
	char part[PATH_MAX];
	struct statfs fs;

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return false;
	while (statfs(part, &fs)) {
		char *slash = strrchr(part, '/');

		/* EPERM is a bpffs' answer to a name with a dot: pinning will say so. */
		if ((errno != ENOENT && errno != EPERM) || !slash || slash == part)
			return false;
		*slash = 0;
	}
	return fs.f_type == BPF_FS_MAGIC;
}

/* `ip netns exec NAME` gives its command mounts of its own, with a /sys whose source is NAME: a
 * bpffs mounted there, and the program pinned in it, would be gone with the command. */
static bool below_netns_exec(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	char path[PATH_MAX] = "";
	struct mntent *m;

	while (mounts && (m = getmntent(mounts))) {
		if (!strcmp(m->mnt_dir, "/sys") && !join(path, "/run/netns", m->mnt_fsname))
			path[0] = 0;
	}
	if (mounts)
		endmntent(mounts);
	return path[0] && !access(path, F_OK);
}

static int ensure_bpffs(const char *pins, char error[static DP_ERROR_MAX])
{
	size_t length = strlen(BPFFS);

	if (on_bpffs(pins))
		return 0;
	if (strncmp(pins, BPFFS, length) || (pins[length] && pins[length] != '/'))
		return dp_fail(
			error, -EINVAL,
			"%s is not on a bpffs, pins would not last; mount one: mount -t bpf bpf %s",
			pins, pins);
	if (below_netns_exec())
		return dp_fail(error, -EINVAL,
			       "no bpffs on " BPFFS
			       ": `ip netns exec` hides it, and one mounted here "
			       "would end with this command; use nsenter --net=/run/netns/NAME");
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return dp_fail(error, -errno, "cannot mount a bpffs on " BPFFS ": %s",
			       strerror(errno));
	return 0;
}

/* The kernel frees an unlinked link some time later; the interface shall be free now. */
static int detach_link(const struct pins *p)
{
	_cleanup_(close_fd) int fd = bpf_obj_get(p->link);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return bpf_link_detach(fd) ? -errno : 0;
}

static int remove_pins(const struct pins *p)
{
	int err = detach_link(p);

	if (err)
		return err;
	if (unlink(p->link) && errno != ENOENT)
		return -errno;
	if (unlink(p->counters) && errno != ENOENT)
		return -errno;
	if (rmdir(p->folder) && errno != ENOENT)
		return -errno;
	if (rmdir(p->base) && errno != ENOENT && errno != ENOTEMPTY)
		return -errno;
	return 0;
}

/* ---- attach and detach ---------------------------------------------------------------------- */

/* The interface of a pinned link, 0 if it is gone; -ENOENT if there is no such pin. */
static int pinned_ifindex(const struct pins *p)
{
	struct bpf_link_info info = {};
	uint32_t length = sizeof(info);
	_cleanup_(close_fd) int fd = bpf_obj_get(p->link);

	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return -errno;
	return (int)info.xdp.ifindex;
}

/* Room for new pins: none are there, or only those of an interface that is gone. */
static int clear_way(const struct pins *p, const char *interface, unsigned int ifindex,
		     char error[static DP_ERROR_MAX])
{
	int pinned = pinned_ifindex(p);
	int err = 0;

	if (pinned == -EPERM && strchr(p->base, '.'))
		return dp_fail(error, -EINVAL, "%s: " DP_NO_DOTS, p->base);
	if (pinned < 0 && pinned != -ENOENT)
		return dp_fail(error, pinned, "%s: %s", p->link, strerror(-pinned));
	if (pinned > 0 && (unsigned int)pinned == ifindex)
		return dp_fail(error, -EEXIST, "%s: decapsulation is already attached", interface);
	if (pinned > 0)
		return dp_fail(error, -EEXIST,
			       "%s: %s holds the link of interface index %d, renamed or in another "
			       "network namespace; use another pin folder",
			       interface, p->link, pinned);
	err = remove_pins(p);
	if (err)
		return dp_fail(error, err, "cannot remove the stale pins in %s: %s", p->folder,
			       strerror(-err));
	return 0;
}

static int attach_link(int program, unsigned int ifindex, const char *interface, bool generic,
		       char error[static DP_ERROR_MAX])
{
	LIBBPF_OPTS(bpf_link_create_opts, options,
		    .flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	int fd = bpf_link_create(program, (int)ifindex, BPF_XDP, &options);

	if (fd >= 0)
		return fd;
	switch (errno) {
	case EBUSY:
	case EEXIST:
		return dp_fail(
			error, -EBUSY,
			"%s: another XDP program is attached and is not replaced; see: ip link "
			"show dev %s",
			interface, interface);
	case EOPNOTSUPP:
		return dp_fail(error, -EOPNOTSUPP, "%s: its driver has no XDP%s", interface,
			       generic ? "" : "; generic mode is slower and needs --generic");
	case EINVAL:
	case ERANGE:
		return dp_fail(
			error, -errno,
			"%s: its driver refuses XDP with the present MTU or offloads (%s); lower "
			"the MTU or use --generic",
			interface, strerror(errno));
	default:
		return dp_fail(error, -errno, "%s: cannot attach: %s", interface, strerror(errno));
	}
}

static int pin(const struct pins *p, int link, int counters, char error[static DP_ERROR_MAX])
{
	int err = make_folders(p->folder);

	if (err)
		return dp_fail(error, err, "cannot make %s: %s", p->folder, strerror(-err));
	if (bpf_obj_pin(counters, p->counters))
		return dp_fail(error, -errno, "cannot pin %s: %s", p->counters, strerror(errno));
	if (bpf_obj_pin(link, p->link))
		return dp_fail(error, -errno, "cannot pin %s: %s", p->link, strerror(errno));
	return 0;
}

static void decap_bpf_cleanup(struct decap_bpf **object)
{
	decap_bpf__destroy(*object);
}

int decap_attach(const char *pins, const char *interface, bool generic, enum dp_mode *mode,
		 char error[static DP_ERROR_MAX])
{
	_cleanup_(decap_bpf_cleanup) struct decap_bpf *object = NULL;
	_cleanup_(close_fd) int link = -1;
	unsigned int ifindex = if_nametoindex(interface);
	struct pins p;
	int err;

	if (!ifindex)
		return dp_fail(error, -ENODEV, "%s: no such interface", interface);
	err = pins_of(&p, pins, interface, error) ?: ensure_bpffs(pins, error) ?:
	      clear_way(&p, interface, ifindex, error);
	if (err)
		return err;
	object = decap_bpf__open_and_load();
	if (!object)
		return dp_fail(error, -errno, "cannot load the decapsulation program: %s",
			       strerror(errno));
	link = attach_link(bpf_program__fd(object->progs.decap), ifindex, interface, generic,
			   error);
	if (link < 0)
		return take_fd(&link);
	err = pin(&p, link, bpf_map__fd(object->maps.counters), error);
	if (err) {
		remove_pins(&p);
		return err;
	}
	*mode = generic ? DP_MODE_GENERIC : DP_MODE_DRIVER;
	return 0;
}

int decap_detach(const char *pins, const char *interface, char error[static DP_ERROR_MAX])
{
	struct pins p;
	int err = pins_of(&p, pins, interface, error);

	if (err)
		return err;
	if (access(p.folder, F_OK))
		return dp_fail(error, -errno, "%s: decapsulation is not attached (no %s)",
			       interface, p.folder);
	err = remove_pins(&p);
	if (err)
		return dp_fail(error, err, "cannot remove %s: %s", p.folder, strerror(-err));
	/* The balancer's pins may be there too; the folder stays then. */
	rmdir(pins);
	return 0;
}

/* ---- what it did ----------------------------------------------------------------------------- */

/* The sum over CPUs of one counter. */
static int read_counter(int map, uint32_t counter, int cpus, uint64_t *per_cpu, uint64_t *out)
{
	uint64_t sum = 0;

	if (bpf_map_lookup_elem(map, &counter, per_cpu))
		return -errno;
	for (int cpu = 0; cpu < cpus; cpu++)
		sum += per_cpu[cpu];
	*out = sum;
	return 0;
}

int decap_counters(const char *pins, const char *interface, struct decap_counters *out,
		   char error[static DP_ERROR_MAX])
{
	_cleanup_(close_fd) int map = -1;
	_cleanup_(free_ptr) uint64_t *per_cpu = NULL;
	uint64_t sums[EK_DECAP_COUNT];
	int cpus = libbpf_num_possible_cpus();
	struct pins p;
	int err = pins_of(&p, pins, interface, error);

	if (err)
		return err;
	map = bpf_obj_get(p.counters);
	if (map < 0)
		return dp_fail(error, -errno, "%s: decapsulation is not attached (%s: %s)",
			       interface, p.counters, strerror(errno));
	per_cpu = cpus > 0 ? calloc((size_t)cpus, sizeof(*per_cpu)) : NULL;
	if (!per_cpu)
		return dp_fail(error, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < EK_DECAP_COUNT; i++) {
		err = read_counter(map, i, cpus, per_cpu, &sums[i]);
		if (err)
			return dp_fail(error, err, "cannot read %s: %s", p.counters,
				       strerror(-err));
	}
#define COUNTER_TAKE(id, name, text) out->name = sums[EK_DECAP_##id];
	EK_DECAP_COUNTER_LIST(COUNTER_TAKE)
#undef COUNTER_TAKE
	return 0;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int decap_list(const char *pins, char ***names, size_t *count)
{
	_cleanup_(free_ptr) struct dirent **entries = NULL;
	char **found = NULL;
	char folder[PATH_MAX];
	int n, taken = 0;

	if (!join(folder, pins, "decap"))
		return -ENAMETOOLONG;
	n = scandir(folder, &entries, visible, alphasort);
	if (n < 0 && errno != ENOENT)
		return -errno;
	n = n < 0 ? 0 : n;
	found = calloc((size_t)n + 1, sizeof(*found));
	for (int i = 0; i < n; i++) {
		if (found)
			found[taken] = strdup(entries[i]->d_name);
		if (found && found[taken])
			exchange(found[taken++], ':', '.');
		free(entries[i]);
	}
	if (!found || taken < n) {
		for (int i = 0; found && i < taken; i++)
			free(found[i]);
		free(found);
		return -ENOMEM;
	}
	*names = found;
	*count = (size_t)n;
	return 0;
}
