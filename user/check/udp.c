// SPDX-License-Identifier: GPL-2.0
/* udp: what is sent is answered, and the answer begins as expected. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "check/checker.h"
#include "lib/cleanup.h"

/* Of an answer that is not the expected one, as much is shown. */
#define SHOWN_MAX 16

static void answered(struct checker *k, const uint8_t *data, size_t size)
{
	const struct check_bytes *expect = &k->config->expect;
	char to[ENDPOINT_TEXT_MAX], shown[2 * SHOWN_MAX + 1] = "";

	if (size >= expect->size && memcmp(data, expect->data, expect->size) == 0) {
		checker_passed(k);
		return;
	}
	for (size_t i = 0; i < size && i < SHOWN_MAX; i++)
		snprintf(shown + 2 * i, 3, "%02x", data[i]);
	checker_failed(k, "%s: answered with hex:%s%s", target_text(k, to), shown,
		       size > SHOWN_MAX ? "..." : "");
}

static void on_answer(struct watch *w, uint32_t events)
{
	struct checker *k = container(w, struct checker, socket);
	uint8_t data[CHECK_BYTES_MAX];
	ssize_t got = recv(w->fd, data, sizeof(data), 0);

	if (got >= 0)
		answered(k, data, (size_t)got);
	else if (errno != EAGAIN && errno != EINTR)
		checker_errno(k, errno);
}

static void udp_begin(struct checker *k)
{
	const struct check_bytes *message = &k->config->send;
	int fd = target_connect(k, SOCK_DGRAM);
	int err;

	k->socket = (struct watch){ -1, on_answer };
	if (fd < 0) {
		checker_errno(k, -fd);
		return;
	}
	err = watch_begin(k->checks, &k->socket, fd, EPOLLIN);
	if (err) {
		close_fd(&fd);
		checker_errno(k, -err);
	} else if (send(fd, message->data, message->size, 0) < 0) {
		checker_errno(k, errno);
	}
}

const struct checker_type checker_udp = { udp_begin, socket_stop, "no answer" };
