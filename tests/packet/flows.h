/* SPDX-License-Identifier: GPL-2.0 */
/* Numbered flows through a fixture whose service "web" has the backends a to d, and the
 * configurations to change it to. */
#ifndef EVENKEEL_TESTS_FLOWS_H
#define EVENKEEL_TESTS_FLOWS_H

#include "fixture.h"

#define FLOWS 2000u
#define IDLE_S 40u
#define DRAIN_S 100u

#define WEB_HEAD                                                                                   \
	"services:\n"                                                                              \
	"  web:\n"                                                                                 \
	"    listen: [\"203.0.113.10:443/tcp\", \"203.0.113.10:443/udp\"]\n"                       \
	"    idle_time: 40\n"                                                                      \
	"    drain_time: 100\n"
#define WEB_ABC "a: 10.0.0.1, b: 10.0.0.2, c: 10.0.0.3"

extern const char three[]; /* a, b, c */
extern const char four[];  /* and d: what the fixture begins with */
extern const char five[];  /* and e */
extern const char reordered[];
extern const char drained[]; /* d is drained */

/* For cmocka: *state is a struct fixture with `four` installed. */
int flows_setup(void **state);
int flows_teardown(void **state);

/* One packet of flow i to the service; returns the backend it went to. */
uint32_t send_packet(const struct fixture *x, unsigned int i, const char *proto, uint8_t flags,
		     uint32_t seq);
uint32_t syn(const struct fixture *x, unsigned int i);
uint32_t data(const struct fixture *x, unsigned int i);

/* What dp_explain() says of it, over TCP. */
struct dp_explanation explain_flow(const struct fixture *x, unsigned int i);

/* The first flow whose SYN goes to the backend. */
unsigned int flow_of(const struct fixture *x, uint32_t backend);

/* Begins flows; returns the backend of each, allocated. */
uint32_t *begin_flows(const struct fixture *x, unsigned int from, unsigned int count);
unsigned int flows_moved(const struct fixture *x, const uint32_t *owner, unsigned int from,
			 unsigned int count);

/* A change that may be refused: dp_install()'s result. */
int try_install(struct fixture *x, const char *yaml, char error[static DP_ERROR_MAX]);

/* The backend's index; EK_NO_BACKEND. */
uint32_t index_of(const struct fixture *x, const char *name);

struct dp_settled settle(struct fixture *x, uint32_t at_s);

/* A change of so many seconds ago, by the clock that the data path reads. */
void install_ago(struct fixture *x, const char *yaml, uint32_t seconds);

/* As if no default had been relied on for longer than the idle time. */
void quieten(struct fixture *x);

#endif
