/* SPDX-License-Identifier: GPL-2.0 */
/* Rehearsal: a configuration is installed into a second instance of the data path, which nothing
 * is attached to, and packets run through its program (BPF_PROG_TEST_RUN). What comes out must be
 * what the plan says, which is worked out from the configuration, the weights and the next hops
 * alone. Three numbers must agree for each backend: the slots that it shall have, those that it
 * has in the maps, and the packets counted for it. */
#ifndef EVENKEEL_DP_REHEARSE_H
#define EVENKEEL_DP_REHEARSE_H

#include "dp/install.h"
#include "lib/path.h"

/* The next hop of a backend, as net/ knows it; false: there is none now, and its packets are
 * expected to be dropped. `source` and all behind it are filled in here. */
typedef bool (*dp_hop_of)(void *context, uint32_t backend, struct path_hop *out);

struct dp_rehearsal {
	const struct config *config; /* its services are looked at */
	dp_hop_of hop_of;
	/* May packets come in by that interface? NULL: by any. */
	bool (*comes_in)(void *context, uint32_t ifindex);
	void *context;
	uint64_t seed;    /* chooses the clients */
	uint32_t packets; /* at most, altogether */
	/* The data path in force: only packets that no rule of affinity would remember are sent,
	 * and only where a slot is settled. They are counted as traffic. */
	bool live;
};

struct dp_rehearsed {
	uint32_t services, slots;
	uint32_t packets; /* that came out as planned */
	uint32_t unready; /* that were dropped as planned, for want of a next hop */
};

/* What `live` would be with `c` in force, in maps of its own. Indexes must have been reserved in
 * `live` (dp_reserve()), which is read and not changed. Weights are asked for as live's are. The
 * caller closes *out. Takes as long as loading the programs, and as much memory as `live` without
 * its remembered flows. */
int dp_rehearse_open(struct dp **out, const struct dp *live, const struct config *c, uint32_t now_s,
		     char error[static DP_ERROR_MAX]);

/* Looks at the maps and runs packets. -EBADMSG: something is not as planned, `error` says what and
 * where; other errors: it could not be found out. */
int dp_rehearse(struct dp *dp, const struct dp_rehearsal *r, struct dp_rehearsed *result,
		char error[static DP_ERROR_MAX]);

/* Is it one of the addresses that packets of rehearsals come from? */
bool dp_rehearse_client(const struct ek_addr *a);

#endif
