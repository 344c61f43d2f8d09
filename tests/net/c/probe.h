/* SPDX-License-Identifier: GPL-2.0 */
/* What a probe is sent by, and to. */
#ifndef EVENKEEL_TESTS_NET_PROBE_H
#define EVENKEEL_TESTS_NET_PROBE_H

#include "lab.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/path.h"
#include "net/clock.h"
#include "net/net.h"

#define BOUND_MS 5000

static inline void ignore(void *context, const struct ek_addr *a, const struct hop *hop)
{
}

static inline struct hop ready_hop(const struct ek_addr *backend)
{
	uint64_t end_ms = clock_now_ms() + BOUND_MS;
	struct hops *h = NULL;
	struct hop hop;

	assert_int_equal(hops_open(&h, ignore, NULL), 0);
	assert_int_equal(hops_watch(h, backend), 0);
	while (hops_find(h, backend)->state != HOP_READY) {
		struct pollfd readable = { .fd = hops_fd(h), .events = POLLIN };

		assert_true(clock_now_ms() < end_ms);
		poll(&readable, 1, 50);
		assert_int_equal(hops_process(h), 0);
	}
	hop = *hops_find(h, backend);
	hops_close(h);
	return hop;
}

static inline struct endpoint endpoint(const char *address, uint16_t port)
{
	return (struct endpoint){ .addr = addr(address), .port = port, .proto = IPPROTO_TCP };
}

/* Listens in the peer; a descriptor. */
static inline int serve(const struct lab *lab, const char *address, uint16_t port)
{
	struct ek_addr a = addr(address);
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd, on = 1;

	memcpy(&at.sin6_addr, &a, sizeof(a));
	lab_visit(lab);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)))
		fail_msg("bind %s: %s", address, strerror(errno));
	assert_int_equal(listen(fd, 8), 0);
	lab_return(lab);
	return fd;
}

/* As the daemon makes it. */
static inline struct ek_path path_by(const struct hop *hop, enum ek_forward forward, uint32_t gue,
				     const struct ek_addr *backend, const char *prefix,
				     uint8_t bits)
{
	struct path_hop from = { .mtu = hop->mtu, .source = hop->source, .gue = gue };
	struct ek_path path;

	if (prefix)
		from.source = addr(prefix);
	from.source_bits = bits;
	memcpy(from.source_mac, hop->source_mac, 6);
	memcpy(from.dest_mac, hop->dest_mac, 6);
	assert_int_equal(path_build(&path, forward, backend, &from), 0);
	return path;
}

#endif
