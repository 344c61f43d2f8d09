// SPDX-License-Identifier: GPL-2.0
/* One check of one backend: its life, its deadline and its result, whatever its type. */
#include "check/checker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

/* ---- results --------------------------------------------------------------------------------- */

static void finish(struct checker *k, const struct check_result *result)
{
	if (!k->running)
		return;
	k->running = false;
	timers_clear(&k->checks->timers, &k->deadline.timer);
	k->type->stop(k);
	k->done(k->context, result);
}

static uint32_t latency_us(const struct checker *k)
{
	return (uint32_t)(checks_now_us() - k->begun_us);
}

void checker_passed(struct checker *k)
{
	finish(k, &(struct check_result){ CHECK_PASSED, latency_us(k), "", "" });
}

void checker_answered(struct checker *k, const char *answer)
{
	struct check_result result = { CHECK_PASSED, latency_us(k), "", "" };

	snprintf(result.answer, sizeof(result.answer), "%s", answer);
	finish(k, &result);
}

static void finish_with(struct checker *k, enum check_outcome outcome, const char *format,
			va_list arguments)
{
	struct check_result result = { outcome, latency_us(k), "", "" };

	vsnprintf(result.reason, sizeof(result.reason), format, arguments);
	finish(k, &result);
}

void checker_failed(struct checker *k, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	finish_with(k, CHECK_FAILED, format, arguments);
	va_end(arguments);
}

void checker_missed(struct checker *k, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	finish_with(k, CHECK_MISSED, format, arguments);
	va_end(arguments);
}

/* What is lacking here is not the backend's fault. A firewall of this host's is none either. */
static bool is_ours(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case ENOSPC:
	case EAGAIN:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case EPERM:
		return true;
	default:
		return false;
	}
}

void checker_errno(struct checker *k, int error)
{
	char to[ENDPOINT_TEXT_MAX];

	if (is_ours(error))
		checker_missed(k, "%s: %s on this host", target_text(k, to), strerror(error));
	else
		checker_failed(k, "%s: %s", target_text(k, to), strerror(error));
}

static void on_deadline(struct deadline *d)
{
	struct checker *k = container(d, struct checker, deadline);
	char to[ENDPOINT_TEXT_MAX];

	checker_failed(k, "%s: %s within %u ms", target_text(k, to), k->type->late,
		       k->config->timeout_ms);
}

/* ---- life ------------------------------------------------------------------------------------ */

static const struct checker_type *const types[CHECK_TYPES] = {
	[CHECK_TCP] = &checker_tcp, [CHECK_HTTP] = &checker_http, [CHECK_HTTPS] = &checker_http,
	[CHECK_UDP] = &checker_udp, [CHECK_EXEC] = &checker_exec,
};

int checker_make(struct checker **out, struct checks *c, const struct config_check *config,
		 const struct check_target *target, check_done done, void *context)
{
	struct checker *k = calloc(1, sizeof(*k));

	if (!k || timers_join(&c->timers)) {
		free(k);
		return -ENOMEM;
	}
	k->checks = c;
	k->type = types[config->type];
	k->config = config;
	k->target = *target;
	k->done = done;
	k->context = context;
	k->deadline.over = on_deadline;
	*out = k;
	return 0;
}

void checker_begin(struct checker *k)
{
	k->running = true;
	k->begun_us = checks_now_us();
	timers_set(&k->checks->timers, &k->deadline.timer,
		   k->begun_us + (uint64_t)k->config->timeout_ms * 1000);
	k->type->begin(k);
}

void checker_free(struct checker *k)
{
	if (!k)
		return;
	if (k->running)
		k->type->stop(k);
	timers_leave(&k->checks->timers, &k->deadline.timer);
	free(k);
}

/* ---- targets --------------------------------------------------------------------------------- */

const char *target_text(const struct checker *k, char text[static ENDPOINT_TEXT_MAX])
{
	return endpoint_text(&(struct endpoint){ k->target.addr, k->target.port, 0 }, text);
}

int target_connect(const struct checker *k, int type)
{
	const struct ek_addr *addr = &k->target.addr;
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(k->target.port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(k->target.port) };
	bool ipv4 = addr_is_ipv4(addr);
	const struct sockaddr *to = ipv4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	_cleanup_(close_fd) int fd = -1;

	v4.sin_addr.s_addr = addr->be32[3];
	memcpy(&v6.sin6_addr, addr->bytes, sizeof(v6.sin6_addr));
	fd = socket(to->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, to, ipv4 ? sizeof(v4) : sizeof(v6)) && errno != EINPROGRESS)
		return -errno;
	return take_fd(&fd);
}

void socket_stop(struct checker *k)
{
	int fd = k->socket.fd;

	watch_end(k->checks, &k->socket);
	close_fd(&fd);
}
