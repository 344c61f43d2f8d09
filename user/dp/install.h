/* SPDX-License-Identifier: GPL-2.0 */
/* Brings the maps to what a configuration says, and lets slots settle afterwards. The only
 * writer of tables. Everything it needs to know about the present it reads from the maps, so
 * that installing after a restart is the same as installing a change. */
#ifndef EVENKEEL_DP_INSTALL_H
#define EVENKEEL_DP_INSTALL_H

#include "dp/dp.h"
#include "lib/config.h"

/* Gives every service and backend of `c` its index, so that paths can be set before any packet
 * is sent there; no traffic changes. What is reserved and never installed goes the way of a
 * leaving backend after the next dp_install(). -ENOSPC: a map is too small; nothing is reserved
 * then. */
int dp_reserve(struct dp *dp, const struct config *c, uint32_t now_s,
	       char error[static DP_ERROR_MAX]);

struct dp_install_result {
	uint32_t services_added, services_removed, services_switched;
	uint32_t services_rebuilt; /* of those switched: with another size, hash choice or key */
	uint32_t slots_moved;      /* whose owner changed in a service that was there before */
};

/* Makes `c` the configuration in force in the data path. All that can fail happens before the
 * first visible store; then each service switches by one store and the listeners by one more.
 * A backend no longer named keeps its index and path ("leaving") until its flows are gone or
 * the drain time is over. Installing what is there already changes nothing and moves nothing.
 * Calls dp_reserve() itself. Another size (the pool has outgrown its table), hash choice or key
 * unsettles all slots of a service; until they have settled, there cannot be another such change:
 * -EBUSY, and a table that should grow stays as it is.
 * -ENOSPC: a map is too small, `error` names the start option. Blocks for a few grace periods
 * (milliseconds). now_s is CLOCK_MONOTONIC, as everywhere here: a wall clock that is set
 * must neither end a drain time nor prolong it. */
int dp_install(struct dp *dp, const struct config *c, uint32_t now_s,
	       struct dp_install_result *result, char error[static DP_ERROR_MAX]);

/* Until when a change of the service is leased (evenkeel/lease.h); 0: it is none any more. */
void dp_lease_set(struct dp *dp, uint32_t service, uint32_t until_s);
/* Of all services: none is leased any more. */
void dp_leases_end(struct dp *dp);

/* Gives every service a table made with another key, `c` being in force. Every slot of every
 * service is unsettled then. -EBUSY while a service's last such change has not settled; other
 * errors as dp_install(). On failure the key stays what it was. */
int dp_rekey(struct dp *dp, struct ek_key key, const struct config *c, uint32_t now_s,
	     struct dp_install_result *result, char error[static DP_ERROR_MAX]);

/* Gently: nobody needs the new table at once. Only slots move that are settled, or that return to
 * their default, which are no less settled then; and of the settled ones not more than
 * 1 / DP_GENTLE_PART of all in one go. The others wait, with the owner that they have. */
#define DP_GENTLE_PART 10u
struct dp_weights {
	uint32_t *each; /* one for each backend */
	bool gently;
	bool before; /* said to who decides: of the table that a service being staged comes from */
};
/* Who decides the weights of a service's table: writes one for each backend of `s`, whose indexes
 * are given. Without it, or with NULL, they are the configured ones, the dead left out unless all
 * of the pool are dead. Asked for every service at each dp_install(), dp_rekey() and
 * dp_table_drift(). */
typedef void (*dp_weigh)(void *context, const struct config_service *s, const uint32_t *indexes,
			 struct dp_weights *weights);
void dp_weigh_by(struct dp *dp, dp_weigh weigh, void *context);
/* Those that a table of the service would be made with now. True: it comes gently. */
bool dp_weights(const struct dp *dp, const struct config_service *s, const uint32_t *indexes,
		uint32_t *weights);

/* The same for the table that a service being staged comes from. -ENOMEM, or 0. */
int dp_weights_before(const struct dp *dp, const struct config_service *s, const uint32_t *indexes,
		      uint32_t *weights);

/* Who has a last word on each table that would change who gets what in a service that is there
 * already, before anything is written. If it says no the service's slots stay as they are. */
struct dp_move {
	uint32_t service;
	const struct config_service *config;
	const uint32_t *indexes;    /* of its backends */
	const uint32_t *now, *then; /* slots, by backend index */
	uint32_t slots, moved;
	uint32_t unsettling; /* of those moved, settled until now */
};
typedef bool (*dp_allow)(void *context, const struct dp_move *move);
void dp_allow_by(struct dp *dp, dp_allow allow, void *context);

/* A backend's slow start (lib/start.h), kept for the controller after this one. */
void dp_backend_start(struct dp *dp, uint32_t backend, uint64_t word);

/* Indexes; 0 (EK_NO_BACKEND) or -ENOENT if there is none. A leaving backend is found too. */
int dp_service_index(const struct dp *dp, const char *name);
uint32_t dp_backend_index(const struct dp *dp, uint32_t service, const struct ek_addr *addr,
			  uint32_t port);

/* The way to a backend. */
struct dp_path_change {
	uint32_t backend;
	bool present; /* false: no next hop, its packets are dropped as no_next_hop */
	struct ek_path path;
};
/* Publishes ways to backends without a torn moment (see abi.h), with two grace periods for all of
 * them together: a router that is replaced changes every path at once. Writing what is there
 * already is no operation; where only the destination MAC address differs there is no wait. No
 * backend may be named twice. */
int dp_paths_set(struct dp *dp, const struct dp_path_change *changes, size_t count);

/* The path in use. */
const struct ek_path *dp_path(const struct dp *dp, uint32_t backend);

/* Declares a backend dead, or alive (again). Flows in unsettled slots leave it at once, those in
 * its own slots with the next dp_install() that gives it no slots. For the hold time its flows stay
 * remembered: should it come back, they are its. */
void dp_backend_down(struct dp *dp, uint32_t backend, uint32_t now_s);
void dp_backend_up(struct dp *dp, uint32_t backend);

/* Whether slots that refer to a table of another size, hash or key are to be kept from settling: a change
 * of these can be gone back from while none has (dp_install()). */
void dp_keep_old_tables(struct dp *dp, bool keep);
/* One round of settling, for about every second: sweeps remembered flows (forgets those idle
 * beyond their service's idle time), settles slots that may, ends leaving backends whose flows
 * are gone or whose drain time is over. `c` gives idle and drain times: of a service that it
 * does not name nothing is settled, forgotten or cut. */
struct dp_settled {
	uint32_t slots_settled;
	uint32_t slots_unsettled;  /* left */
	uint64_t flows_remembered; /* left */
	uint32_t backends_gone;    /* left for good in this round */
	/* Cut by the end of a drain time: remembered flows, and slots whose older, unremembered
	 * flows were cut (nobody knows how many), if any was seen within the idle time. */
	uint64_t flows_broken, slots_broken;
	uint32_t
		quic_ids_left; /* numbers of servers that are not in force any more, and are known */
	bool returns_left; /* of nat: ways back of what has gone wait for the end of its drain time */
};
int dp_settle(struct dp *dp, const struct config *c, uint32_t now_s, struct dp_settled *result);

/* Slots whose owner is not the one that the weights ask for; -errno. */
int64_t dp_table_drift(const struct dp *dp, uint32_t service, const struct config_service *s);

/* What the maps say of a service now; arrays are indexed by backend index. */
struct dp_service_view {
	uint32_t slots, unsettled;
	uint32_t of_old_table; /* slots that keep def in the table before this one */
	uint32_t unowned;      /* slots that nobody owns: the pool is empty */
	uint32_t base;
	enum ek_hash_kind hash;
};
int dp_service_view(const struct dp *dp, uint32_t service, struct dp_service_view *out);
/* Slots that stay with another owner than the weights give, for now: they did not move gently, or
 * were not allowed to. The next dp_install() tries again. */
uint32_t dp_slots_waiting(const struct dp *dp, uint32_t service);
/* What part of the service's slots is not settled, as the last round of settling left it. */
double dp_slots_unsettled(const struct dp *dp, uint32_t service);
/* The table that some slots of the service still keep def in; 0: none. */
uint64_t dp_old_table(const struct dp *dp, uint32_t service);
/* The one that was gone back from, while flows may be remembered under it; 0: none. */
uint64_t dp_undone_table(const struct dp *dp, uint32_t service);
/* Another one after each install that gave slots to another owner. */
uint64_t dp_slots_stamp(const struct dp *dp, uint32_t service);
/* Adds to owned[backend] each slot's owner, and to held[backend] each unsettled slot whose def
 * it is, and each slot of the old table where unremembered flows are its. Both have
 * dp->sizes.backends entries. *unsettled counts; any of the three may be NULL. Returns how many
 * slots the service has. */
uint32_t dp_slots_count(const struct dp *dp, uint32_t service, uint32_t *owned, uint32_t *held,
			uint32_t *unsettled);
/* What the service's table hashes. */
enum ek_hash_kind dp_service_hash(const struct dp *dp, uint32_t service);
/* Holds a backend to so many new flows a second, if it has not declared less; 0: to what it has
 * declared. Whoever says so lifts it again, or renews it: after that second of CLOCK_MONOTONIC it is over
 * by itself, and when the maps are adopted. */
void dp_cap(struct dp *dp, uint32_t backend, uint32_t flows, uint32_t until_s);

/* Adds to remembered[backend] the flows stored for it. */
void dp_flows_count(const struct dp *dp, uint64_t *remembered);

/* Is a number of the backend still known, which connection IDs may have, but not in force any
 * more? */
bool dp_quic_leaving(const struct dp *dp, uint32_t backend);

/* What the directory has for it; NULL: no service listens there. */
const struct ek_listener *dp_listener(const struct dp *dp, const struct endpoint *e);

/* Counters of one backend, or of the data path, summed over CPUs. */
struct dp_traffic {
	uint64_t packets, bytes, flows; /* as in struct ek_traffic */
	uint64_t shed;                  /* packets that were not forwarded: above its capacity */
};
void dp_traffic(const struct dp *dp, uint32_t backend, struct dp_traffic *out);
void dp_verdicts(const struct dp *dp, struct ek_verdicts *out);

/* What the data path would do with the first packet (SYN, or UDP) and with a later packet of a
 * flow, computed from the mapped tables by the code that the kernel runs. */
struct dp_explanation {
	bool for_service;
	uint32_t service;
	uint64_t flow_hash;
	uint32_t slot; /* within the service's table */
	uint64_t slot_word;
	uint32_t cur, def;      /* of the slot; def in the old table, if it is there */
	uint64_t remembered;    /* state word of the flow's entry, 0: none */
	uint32_t new_backend;   /* where a new flow goes */
	uint32_t known_backend; /* where a packet of an established flow goes */
};
int dp_explain(const struct dp *dp, const struct flow_spec *flow, uint32_t now_s,
	       struct dp_explanation *out);

#endif
