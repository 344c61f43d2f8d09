// SPDX-License-Identifier: GPL-2.0
/* tcp: a connection can be opened. */
#include <errno.h>
#include <sys/epoll.h>

#include "check/checker.h"
#include "lib/cleanup.h"

static void on_connected(struct watch *w, uint32_t events)
{
	struct checker *k = container(w, struct checker, socket);
	int error = 0;
	socklen_t size = sizeof(error);

	/* What has failed says so: of thousands of checks nearly all have not. */
	if (events & (EPOLLERR | EPOLLHUP) &&
	    getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &size))
		error = errno;
	if (error)
		checker_errno(k, error);
	else
		checker_passed(k);
}

/* Closing resets the connection: no TIME_WAIT here for each check of thousands, and the server
 * sees at once that nothing follows. */
static void reset_on_close(int fd)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

static void tcp_begin(struct checker *k)
{
	int fd = target_connect(k, SOCK_STREAM);
	int err;

	k->socket = (struct watch){ -1, on_connected };
	if (fd < 0) {
		checker_errno(k, -fd);
		return;
	}
	reset_on_close(fd);
	err = watch_begin(k->checks, &k->socket, fd, EPOLLOUT);
	if (err) {
		close_fd(&fd);
		checker_errno(k, -err);
	}
}

const struct checker_type checker_tcp = { tcp_begin, socket_stop, "no answer" };
