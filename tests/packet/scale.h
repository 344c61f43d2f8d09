/* SPDX-License-Identifier: GPL-2.0 */
/* A fixture for millions of flows, which have numbers: scale.bpf.c sends their packets, through the
 * data path's own source and in the fixture's maps; a sample goes through the very program that the
 * fixture has loaded. The service is "web", in both families, for TCP and UDP; backend N of it has
 * the address 10.1.0.N. */
#ifndef EVENKEEL_TESTS_SCALE_H
#define EVENKEEL_TESTS_SCALE_H

#include "fixture.h"
#include "scale_job.h"

#define SCALE_IDLE_S 40u
#define SCALE_HOLD_S 60u
#define SCALE_NET 10u /* of flows */
#define SCALE_NET_FLOOD 11u

/* The service's pool, by backend number. */
struct scale_pool {
	struct scale_member {
		bool present, drained;
		uint8_t weight; /* 0: the default */
	} member[SCALE_BACKENDS];
	bool by_source; /* the hash choice */
};
/* Backends 1 to `count`, all alike. */
struct scale_pool scale_pool(unsigned int count);

struct scale_bpf; /* the loop's skeleton */
struct scale {
	struct fixture x;
	uint32_t flows;
	uint32_t now_s; /* the clock of everything but the sample */
	struct scale_bpf *loop;
	struct scale_job *job;
	uint64_t *owners; /* by flow: its backend's number; 0: none */
};

/* How many of `count` this machine is to take: a share of 1 / TEST_SCALE where that is set, a power
 * of two, for emulated machines. */
uint32_t scale_share(uint32_t count);

void scale_open(struct scale *s, const struct scale_pool *pool, uint32_t flows,
		uint32_t flow_buckets);
/* For cmocka: closes what scale_open() opened last. */
int scale_teardown(void **state);

/* Brings the pool into force as the controller does: paths before traffic. Returns what
 * dp_install() says. */
int scale_install(struct scale *s, const struct scale_pool *pool);
int scale_rekey(struct scale *s, uint64_t key);
/* So many rounds of settling, so many seconds apart. Returns what the last one says. */
struct dp_settled scale_settle(struct scale *s, uint32_t rounds, uint32_t seconds);

/* A SYN and a packet that follows it of each flow, or two datagrams; owners[] says who answered. */
struct scale_tally scale_begin(struct scale *s, uint32_t first, uint32_t count);
/* A packet of each flow that has begun. */
struct scale_tally scale_ask(struct scale *s, uint32_t first, uint32_t count);
/* Packets of so many sources that have no flow: one each, or a SYN and one that fits it. */
enum scale_flood { FLOOD_SYN, FLOOD_ACK, FLOOD_UDP, FLOOD_PAIR };
struct scale_tally scale_flood(struct scale *s, enum scale_flood flood, uint32_t first,
			       uint32_t count);

/* Declares backend N dead, or alive again; no table changes by that. */
void scale_down(struct scale *s, uint32_t backend);
void scale_up(struct scale *s, uint32_t backend);

/* One flow of `every`, from `first` on, through the program itself: how many does it send elsewhere
 * than owners[] says? No backend may be dead. *asked counts them. */
uint32_t scale_sample(struct scale *s, uint32_t first, uint32_t every, uint32_t *asked);
/* One packet of the flow, a segment or a datagram, through the program itself. */
uint32_t scale_send(const struct scale *s, uint32_t flow);
/* The flow as text, for frames and dp_explain(). */
#define SCALE_TEXT 96
void scale_text(char text[static SCALE_TEXT], uint32_t flow);

/* None moved, none lost, none to the dead. */
void scale_assert_kept(const struct scale *s, struct scale_tally t);

#endif
