// SPDX-License-Identifier: GPL-2.0
/* One controller for each folder of pins. bpffs takes no files, so the lock is on the folder
 * itself; who holds it is read from /proc/locks. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "dp/object.h"
#include "lib/cleanup.h"

/* The pid of who holds a flock on this inode, 0 if nobody visible from here does. */
static int holder(const struct stat *st)
{
	_cleanup_(close_file) FILE *f = fopen("/proc/locks", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned int major_number, minor_number;
		unsigned long long inode;
		int pid;

		/* "1: FLOCK  ADVISORY  WRITE 1234 00:1f:5678 0 EOF", numbers of the device in hex;
		 * waiting ones have "->" in front. */
		if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%llu", &pid, &major_number,
			   &minor_number, &inode) == 4 &&
		    inode == st->st_ino && major_number == major(st->st_dev) &&
		    minor_number == minor(st->st_dev))
			return pid;
	}
	return 0;
}

static int folder_open(int *out, const char *pins, char error[static DP_ERROR_MAX])
{
	bool made = mkdir(pins, 0700) == 0;
	struct statfs fs;
	int fd;

	if (!made && errno == EPERM && strchr(pins, '.'))
		return dp_fail(error, -EINVAL, "--pins %s: " DP_NO_DOTS, pins);
	if (!made && errno != EEXIST)
		return dp_fail(error, -errno,
			       "--pins %s: cannot be made: %s; its parent must be a mounted bpffs "
			       "(mount -t bpf bpf /sys/fs/bpf)",
			       pins, strerror(errno));
	fd = open(pins, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return dp_fail(error, -errno, "--pins %s: cannot be opened: %s", pins,
			       strerror(errno));
	*out = fd; /* the caller's also when it is refused */
	if (fstatfs(fd, &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (made)
		rmdir(pins);
	return dp_fail(error, -EINVAL,
		       "--pins %s is not on a bpffs; mount one (mount -t bpf bpf /sys/fs/bpf) and "
		       "name a folder below it",
		       pins);
}

int dp_lock(int *fd, const char *pins, char error[static DP_ERROR_MAX])
{
	_cleanup_(close_fd) int folder = -1;
	struct stat st;
	int pid, err = folder_open(&folder, pins, error);

	if (err)
		return err;
	if (flock(folder, LOCK_EX | LOCK_NB) == 0) {
		*fd = take_fd(&folder);
		return 0;
	}
	if (errno != EWOULDBLOCK)
		return dp_fail(error, -errno, "--pins %s: cannot be locked: %s", pins,
			       strerror(errno));
	pid = fstat(folder, &st) == 0 ? holder(&st) : 0;
	return dp_fail(error, -EBUSY,
		       "pins below %s are in use by another evenkeeld (pid %d); stop that one, or "
		       "give this one a folder of its own with --pins",
		       pins, pid);
}

int dp_lock_again(int *fd, const char *pins, char error[static DP_ERROR_MAX])
{
	struct stat locked, present;
	int err, fresh = -1;

	if (fstat(*fd, &locked) == 0 && stat(pins, &present) == 0 &&
	    locked.st_ino == present.st_ino && locked.st_dev == present.st_dev)
		return 0;
	err = dp_lock(&fresh, pins, error);
	if (err)
		return err;
	close_fd(fd);
	*fd = fresh;
	return 0;
}

bool dp_has_controller(const char *pins)
{
	_cleanup_(close_fd) int folder = open(pins, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return folder >= 0 && flock(folder, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
}
