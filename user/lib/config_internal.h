/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the configuration share and nobody else needs. */
#ifndef EVENKEEL_LIB_CONFIG_INTERNAL_H
#define EVENKEEL_LIB_CONFIG_INTERNAL_H

#include "lib/config.h"

/* 1000 services of 100 backends are 6 MB; the limit keeps a wrong file from taking the memory. */
#define CONFIG_TEXT_MAX (64u << 20)

/* The kernel's IFNAMSIZ less the NUL. */
#define CONFIG_INTERFACE_NAME_MAX 15

/* The epoch of a slot word counts 32768 s: an idle time must end well before it comes round. */
#define CONFIG_IDLE_MIN_S 1u
#define CONFIG_IDLE_MAX_S (8u * 3600)
#define CONFIG_IDLE_DEFAULT_S 300u
/* A removal that waits longer than a week was forgotten. */
#define CONFIG_DRAIN_MAX_S (7u * 24 * 3600)
#define CONFIG_DRAIN_DEFAULT_S 3600u
/* A dead backend that is back within a minute was restarted, or its link was. */
#define CONFIG_HOLD_MAX_S (8u * 3600)
#define CONFIG_HOLD_DEFAULT_S 60u

/* Two seconds find a dead backend within seven and cost one packet in two seconds. A check that
 * is faster than the network's worst moments finds those. */
#define CONFIG_INTERVAL_DEFAULT_MS 2000u
#define CONFIG_INTERVAL_MIN_MS 100u
#define CONFIG_INTERVAL_MAX_MS (3600u * 1000)
#define CONFIG_TIMEOUT_DEFAULT_MS 1000u
#define CONFIG_TIMEOUT_MIN_MS 10u
#define CONFIG_RISE_DEFAULT 2u
#define CONFIG_FALL_DEFAULT 3u
#define CONFIG_RISE_MAX 100u
/* With less than half of a pool, what is left would get more than double its load. */
#define CONFIG_PANIC_DEFAULT 50u
/* Spares are there to keep a pool out of panic: they come where that would begin. */
#define CONFIG_BACKUP_BELOW_DEFAULT CONFIG_PANIC_DEFAULT
/* Who warms up for longer is not slow but not ready, which its health checks should say. */
#define CONFIG_SLOW_START_MAX_S 3600u

/* By default the server's number is the two bytes behind the first, whose bits QUIC-LB
 * (draft-ietf-quic-load-balancers section 3) uses for itself. */
#define CONFIG_QUIC_OFFSET_DEFAULT 1u
#define CONFIG_QUIC_LENGTH_DEFAULT 2u

/* ---- the tree: YAML's structure before it means anything ----------------------------------- */

enum node_kind {
	NODE_SCALAR,
	NODE_MAPPING, /* its children are key, value, key, value... */
	NODE_SEQUENCE,
	NODE_BROKEN, /* not usable, and already reported */
};

/* Nodes are elements of one array and refer to each other by index; 0 is none. */
struct node {
	enum node_kind kind;
	bool plain;   /* a scalar without quotes */
	bool partial; /* children are missing, and that has been reported */
	struct place place;
	uint32_t text; /* scalar: offset in tree.pool */
	uint32_t first, next;
};

struct tree {
	struct node *nodes; /* [0] is unused, [1] the root */
	size_t count, capacity;
	char *pool; /* NUL-terminated texts */
	size_t pool_size, pool_capacity;
};

/* Reads the text's structure; its mistakes go to `d`. After a syntax error the tree holds what
 * stood before it. -ENOMEM, or 0. Release the tree in either case. */
int tree_read(struct tree *out, const char *text, size_t length, struct diag *d);
void tree_release(struct tree *t);

/* ---- checks -------------------------------------------------------------------------------- */

/* config_check() of a config that was just read. What could not be read has been reported and
 * is not reported again: names are not looked at, and what has no place (addr_place or listener
 * place with line 0) could not be read, but it is there: its pool is not empty. */
void config_check_draft(const struct config *c, struct diag *d);

/* What belongs to one forwarding mode or protocol only; and the outer source addresses. */
void config_check_modes(const struct config_service *s, struct diag *d);
void config_check_tunnel_source(const struct config *c, struct diag *d);

/* That what is declared can be held to. */
void config_check_capacity(const struct config_service *s, struct diag *d);

/* That health checks can be made as they are asked for. */
void config_check_health(const struct config_service *s, struct diag *d);

/* That backends can be asked for their load. */
void config_check_rebalance(const struct config_service *s, struct diag *d);

/* That spares have somebody to stand in for. */
void config_check_spares(const struct config_service *s, struct diag *d);

/* That nat can tell the answers of its backends apart. */
void config_check_nat(const struct config *c, struct diag *d);

/* That what is said to be removed is not there. */
void config_check_removals(const struct config *c, struct diag *d);
void config_check_policy(const struct config *c, struct diag *d);

/* " (line 4, column 13)", or nothing for a model that was not read from text. */
#define OTHER_PLACE_MAX 48
const char *config_other_place(struct place p, char buf[static OTHER_PLACE_MAX]);

/* Why this cannot be a name, as text that completes "name X ..."; NULL if it can. */
const char *config_name_problem(const char *name);
const char *config_interface_problem(const char *name);

#define diag_error_at(d, place, ...) diag_error(d, (place).line, (place).column, __VA_ARGS__)

#endif
