/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/log.h"
#include "evenkeel/ctl.h"
#include "lib/cleanup.h"

#define BACKLOG 64

static int new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* The pid that listens on the socket; 0: nobody does; -errno. */
static int listener_pid(const struct sockaddr_un *addr)
{
	_cleanup_(close_fd) int fd = new_socket();
	struct ucred peer = {};
	socklen_t length = sizeof(peer);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 && errno != EAGAIN) {
		/* EAGAIN above: its backlog is full, so somebody is there. */
		return errno == ECONNREFUSED || errno == ENOENT ? 0 : -errno;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 || peer.pid <= 0)
		return 1;
	return peer.pid;
}

/* Removes a socket file that nobody listens on. Another kind of file is left alone. */
static int clear_path(const struct sockaddr_un *addr)
{
	struct stat st;
	int pid;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0
				       : log_err(-errno, "--socket %s: %s", addr->sun_path,
						 strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return log_err(-EEXIST,
			       "--socket %s: a file that is no socket is there; remove it or "
			       "name another place",
			       addr->sun_path);
	pid = listener_pid(addr);
	if (pid < 0)
		return log_err(pid, "--socket %s: %s", addr->sun_path, strerror(-pid));
	if (pid > 0)
		return log_err(
			-EBUSY,
			"the control socket %s is in use by another evenkeeld (pid %d); stop "
			"that one, or give this one another --socket",
			addr->sun_path, pid);
	if (unlink(addr->sun_path) < 0 && errno != ENOENT)
		return log_err(-errno, "--socket %s: cannot be replaced: %s", addr->sun_path,
			       strerror(errno));
	return 0;
}

/* Only the default folder is made, for /run is empty after a boot: any other that is missing is
 * more likely mistyped. */
static int folder_make(const char *path, const char *folder)
{
	char own[] = EK_DEFAULT_SOCKET;

	if (access(folder, F_OK) == 0 || errno != ENOENT)
		return 0; /* what else is wrong with it, opening it says */
	if (strcmp(folder, dirname(own)) != 0)
		return log_err(-ENOENT, "--socket %s: there is no folder %s (mkdir -p %s makes it)",
			       path, folder, folder);
	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return log_err(-errno, "--socket %s: folder %s cannot be made: %s", path, folder,
			       strerror(errno));
	return 0;
}

/* Locks the socket's folder, so that two daemons starting at once do not both find the path
 * free. */
static int folder_lock(int *out, const char *path)
{
	char copy[PATH_MAX];
	const char *folder;
	int fd, err;

	snprintf(copy, sizeof(copy), "%s", path);
	folder = dirname(copy);
	err = folder_make(path, folder);
	if (err)
		return err;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return log_err(-errno, "--socket %s: folder %s: %s", path, folder, strerror(errno));
	*out = fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return log_err(-EBUSY,
			       "--socket %s: another evenkeeld is starting there (its folder is "
			       "locked); try again",
			       path);
	return 0;
}

/* The umask makes the file 0600 from the first moment on; the group may then join. */
static int bind_and_open(int fd, const struct sockaddr_un *addr)
{
	const struct group *group;
	mode_t mask = umask(0177);
	int err = bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? -errno : 0;

	umask(mask);
	if (err)
		return log_err(err, "--socket %s: cannot be made: %s", addr->sun_path,
			       strerror(-err));
	group = getgrnam("evenkeel");
	if (group && (chown(addr->sun_path, (uid_t)-1, group->gr_gid) < 0 ||
		      chmod(addr->sun_path, 0660) < 0))
		log_warning("--socket %s: cannot be opened to group evenkeel: %s", addr->sun_path,
			    strerror(errno));
	if (listen(fd, BACKLOG) < 0) {
		err = -errno;
		unlink(addr->sun_path);
		return log_err(err, "--socket %s: %s", addr->sun_path, strerror(-err));
	}
	return 0;
}

int socket_listen(int *out, const char *path)
{
	_cleanup_(close_fd) int fd = -1, folder = -1;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return log_err(-ENAMETOOLONG,
			       "--socket %s: longer than the %zu bytes that a Unix "
			       "socket's path may have",
			       path, sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path));
	err = folder_lock(&folder, path) ?: clear_path(&addr);
	if (err)
		return err;
	fd = new_socket();
	if (fd < 0)
		return log_err(-errno, "--socket %s: %s", path, strerror(errno));
	err = bind_and_open(fd, &addr);
	if (!err)
		*out = take_fd(&fd);
	return err;
}
