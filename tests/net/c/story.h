/* SPDX-License-Identifier: GPL-2.0 */
/* One watched address, and what is told of it. */
#ifndef EVENKEEL_TESTS_NET_STORY_H
#define EVENKEEL_TESTS_NET_STORY_H

#include "lab.h"

#include <linux/neighbour.h>
#include <poll.h>
#include <string.h>

#include "net/clock.h"
#include "net/hops_internal.h"

#define BOUND_MS 10000

/* hops_refresh() looks at routes again, and would hide a notification that was not understood:
 * tests of notifications do without it. */
#ifndef STORY_REFRESHES
#define STORY_REFRESHES true
#endif

/* A test with namespaces of its own. */
#define story(name) cmocka_unit_test_setup_teardown(name, lab_up, lab_down)

/* What was reported of the one address that is watched. */
struct story {
	struct hops *hops;
	struct hop last;
	unsigned int reports;
	unsigned int in_state[HOP_NO_MAC + 1];
};

static inline void note(void *context, const struct ek_addr *a, const struct hop *hop)
{
	struct story *s = context;

	/* "differs" is the contract: never the same twice */
	if (s->reports)
		assert_memory_not_equal(&s->last, hop, sizeof(*hop));
	assert_memory_equal(hops_find(s->hops, a), hop, sizeof(*hop));
	s->last = *hop;
	s->reports++;
	s->in_state[hop->state]++;
}

static inline void begin(struct story *s, const char *address)
{
	struct ek_addr a = addr(address);

	memset(s, 0, sizeof(*s));
	assert_int_equal(hops_open(&s->hops, note, s), 0);
	assert_int_equal(hops_watch(s->hops, &a), 0);
	assert_int_equal(s->reports, 1);
}

static inline void turn(struct story *s, uint64_t *refreshed_ms)
{
	struct pollfd readable = { .fd = hops_fd(s->hops), .events = POLLIN };

	poll(&readable, 1, 20);
	assert_int_equal(hops_process(s->hops), 0);
	if (!STORY_REFRESHES || clock_now_ms() - *refreshed_ms < 200)
		return;
	*refreshed_ms = clock_now_ms();
	assert_int_equal(hops_refresh(s->hops), 0);
}

#define wait_for(s, condition)                                                                     \
	do {                                                                                       \
		uint64_t refreshed_ms = 0, end_ms = clock_now_ms() + BOUND_MS;                     \
                                                                                                   \
		while (!(condition)) {                                                             \
			if (clock_now_ms() > end_ms)                                               \
				fail_msg("not within %d ms: %s (state %s, gateway %02x, if %s)",   \
					 BOUND_MS, #condition, hop_state_name((s)->last.state),    \
					 (s)->last.gateway.bytes[15], (s)->last.interface);        \
			turn(s, &refreshed_ms);                                                    \
		}                                                                                  \
	} while (0)

static inline void wait_ready(struct story *s)
{
	wait_for(s, s->last.state == HOP_READY);
}

/* Everything that the kernel has to say about what was done so far is taken. */
static inline void catch_up(struct story *s, unsigned int ms)
{
	uint64_t refreshed_ms = 0, end_ms = clock_now_ms() + ms;

	while (clock_now_ms() < end_ms)
		turn(s, &refreshed_ms);
}

static inline void mac_of(uint8_t mac[6], const char *interface)
{
	char path[64];
	unsigned int b[6];
	char line[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "ip -br link show dev %s", interface);
	f = popen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	pclose(f);
	assert_int_equal(
		sscanf(line, "%*s %*s %x:%x:%x:%x:%x:%x", b, b + 1, b + 2, b + 3, b + 4, b + 5), 6);
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
}

static inline void peer_mac(uint8_t mac[6], const struct lab *lab, const char *interface)
{
	lab_visit(lab);
	mac_of(mac, interface);
	lab_return(lab);
}

static inline uint16_t kernel_state(struct story *s, const char *address)
{
	struct ek_addr a = addr(address);
	struct neigh_report r = {};

	return nl_neigh_get(&s->hops->query, &r, if_nametoindex("ekn0"), &a) ? 0 : r.state;
}

#endif
