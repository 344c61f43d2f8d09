/* SPDX-License-Identifier: GPL-2.0 */
/* A configuration: the model, and the way from text to it. Pure: no file is opened here. */
#ifndef EVENKEEL_LIB_CONFIG_H
#define EVENKEEL_LIB_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"
#include "lib/addr.h"
#include "lib/config_guards.h"
#include "lib/config_policy.h"
#include "lib/config_rebalance.h"
#include "lib/diag.h"

/* What a backend can take in a second (evenkeel/shed.h). 0: not said. */
#define CAPACITY_NONE UINT32_MAX /* said to be without bound */
struct config_capacity {
	uint32_t flows;   /* new flows: TCP SYNs, QUIC Initials */
	uint32_t packets; /* packets of plain UDP */
	struct place flows_place, packets_place;
};

struct config_backend {
	char name[EK_NAME_MAX + 1];
	struct ek_addr addr;
	uint32_t weight;        /* 0..EK_WEIGHT_MAX */
	bool drain;             /* gets no new flows, keeps the old */
	bool drain_by_hand;     /* the same, whatever the text says, which does not have this */
	bool backup;            /* a spare: gets new flows only when too few of the others are up */
	uint32_t port;          /* nat: where packets go; 0: to the listener's */
	bool retained;          /* a change removes it, and is not known to be good yet */
	uint32_t weight_before; /* while the service is being staged: what it was; 0: nothing */
	bool has_quic_id;
	uint32_t quic_id; /* the server's number in the connection IDs that it gives */
	struct config_capacity capacity; /* what is not said is the service's: config_capacity() */
	struct place place, addr_place, weight_place, port_place, quic_id_place;
};

/* ---- health ------------------------------------------------------------------------------- */

enum config_check_type { CHECK_TCP, CHECK_HTTP, CHECK_HTTPS, CHECK_UDP, CHECK_EXEC };
#define CHECK_TYPES 5

/* Where a check goes: a set. */
#define CHECK_VIA_DIRECT 1u /* to the backend's own address */
#define CHECK_VIA_TUNNEL 2u /* to the service's address, as clients' packets go */

#define CONFIG_CHECKS_MAX 8u
#define CHECK_TEXT_MAX 255u
#define CHECK_BYTES_MAX 255u
#define CHECK_COMMAND_MAX 1023u
#define CHECK_STATUSES_MAX 8u

struct check_bytes {
	uint8_t data[CHECK_BYTES_MAX];
	uint32_t size;
};

/* One health check, made of every backend of its service. All defaults are filled in; what does not
 * belong to the type is empty. */
struct config_check {
	enum config_check_type type;
	uint32_t via;  /* CHECK_VIA_* */
	uint32_t port; /* 0: see config_check_port() */
	uint32_t interval_ms, timeout_ms;
	uint32_t down_interval_ms; /* while the backend is down */
	uint32_t rise, fall;       /* results in a row that change the state */
	/* http, https */
	char path[CHECK_TEXT_MAX + 1];
	char host[CHECK_TEXT_MAX + 1]; /* the Host header; "": the address */
	struct {
		uint32_t first, last;
	} statuses[CHECK_STATUSES_MAX]; /* that are healthy */
	size_t status_count;
	/* https */
	char sni[CHECK_TEXT_MAX + 1]; /* and the name in the certificate; "": the host */
	char ca[CHECK_TEXT_MAX + 1];  /* a file of certificates; "": the system's */
	bool verify;
	/* udp: what is sent, and what the answer must begin with */
	struct check_bytes send, expect;
	/* exec: the arguments, each with its NUL */
	char command[CHECK_COMMAND_MAX + 1];
	size_t command_size;
	bool unread; /* something of it could not be read, and has been reported */
	struct place place, timeout_place, down_interval_place, via_place;
};

/* What is done when no backend may get new flows. */
enum config_on_empty {
	ON_EMPTY_KEEP, /* those who had them last keep them */
	ON_EMPTY_DROP,
};

struct config_listener {
	struct endpoint endpoint;
	struct place place;
};

struct config_service {
	char name[EK_NAME_MAX + 1];
	struct config_listener *listeners;
	size_t listener_count;
	enum ek_forward forward;
	enum ek_hash_kind hash;
	uint32_t gue_variant; /* of draft-ietf-intarea-gue: 0 or 1, the default */
	bool gue_checksum;    /* outer UDP checksum over IPv6; default true */
	bool vlan_strip;      /* VLAN tags do not go on to the backends; default false */
	uint32_t quic_offset, quic_length; /* of the server's number in connection IDs, in bytes;
					    * length 0: it is not looked for */
	uint32_t idle_s;                   /* idle time, default 300 */
	uint32_t drain_s;                  /* drain time, default 3600 */
	uint32_t hold_s;                   /* hold time, default 60 */
	struct config_check *checks;       /* none: every backend counts as healthy */
	size_t check_count;
	uint32_t panic; /* percent of healthy weight below which health is ignored; 0: never */
	enum config_on_empty on_empty;
	struct config_rebalance rebalance;
	struct config_capacity capacity; /* of each backend that does not say another */
	uint32_t slow_start_s; /* a backend that comes grows to its weight in this time; 0: off */
	uint32_t backup_below; /* percent of healthy weight below which spares are used */
	struct config_backend *backends; /* in the order of the text */
	size_t backend_count;
	/* While a change goes to its slots in steps: so many per mille of those that differ have moved
	 * from the table of the weights before. 0: all of them, or nothing is being staged. No text
	 * has this. */
	uint32_t staged;
	struct place place, gue_place, quic_place, hash_place, backup_place;
};

struct config_prefix {
	struct ek_addr addr; /* host bits are 0 */
	uint32_t bits;       /* of the prefix, within its family: /24 is 24 */
	bool set;
	struct place place;
};

/* How changes are brought into force. */
#define CONFIG_STEPS_MAX 16u
struct config_stage {
	uint16_t
		steps[CONFIG_STEPS_MAX]; /* percent of the slots that differ; the last one is 100 */
	size_t step_count;
	uint32_t watch_s; /* after the last step; 0: it is not watched */
	bool set;         /* the text says so; false: the default */
};
void config_stage_default(struct config_stage *s);

struct config {
	char **interfaces;
	size_t interface_count;
	enum ek_echo echo; /* what is done with an echo request to a service's address */
	/* Where outer source addresses are taken from; not set: the host's own. */
	struct config_prefix tunnel_source4, tunnel_source6;
	struct config_stage stage;
	struct config_service *services;
	size_t service_count;
	struct config_guards guards; /* what the change after this one is judged by */
	struct config_policy policy; /* and whom it waits for */
	struct config_silence *silences;
	size_t silence_count;
	struct config_removal *removals;
	size_t removal_count;
};

/* Parses and checks `text` (length bytes, YAML or JSON; see evenkeel.yaml(5)). All mistakes go
 * to `d`, errors and warnings, each with its place. Returns 0 and a new config in *out, or
 * -EINVAL when there was any error (`out` untouched), or -ENOMEM. The caller owns *out. */
int config_parse(struct config **out, const char *text, size_t length, struct diag *d);

/* The part of config_parse() that looks at the model alone; also for a model changed by a
 * command, whose places are all 0. */
void config_check(const struct config *c, struct diag *d);

/* The canonical text: JSON, which config_parse() reads back to an equal model. Allocated;
 * NULL when memory runs out. Two equal models have equal texts: it identifies a revision. */
char *config_text(const struct config *c);
/* The same of one service, without its name. */
char *config_service_text(const struct config_service *s);

struct config *config_new(void); /* empty, with the default guards; NULL when memory runs out */
struct config *config_copy(const struct config *c); /* deep, but for removals: those were of one
						  * change; NULL when memory runs out */
void config_free(struct config *c);
static inline void config_release(struct config **c)
{
	config_free(*c);
}

/* Lookups by name; NULL if there is none. The result is part of `c`. */
struct config_service *config_service(const struct config *c, const char *name);
struct config_backend *config_backend(const struct config_service *s, const char *name);

/* Adds a backend at the end; the name must be new. -ENOMEM, or 0. */
int config_backend_add(struct config_service *s, const struct config_backend *b);
/* Removes the backend; its pointer is dead afterwards. */
void config_backend_remove(struct config_service *s, struct config_backend *b);

/* The capacity that counts; 0: without bound. */
struct config_capacity config_capacity(const struct config_service *s,
				       const struct config_backend *b);
/* Says that a service or a listener is meant to go: a service's name, or a listener as it is
 * written in a file. -ENOMEM, -EINVAL (it can be neither), or 0. */
int config_removal_add(struct config *c, const char *what);

/* The weight that counts: 0 while drained. */
static inline uint32_t config_backend_weight(const struct config_backend *b)
{
	return b->drain || b->drain_by_hand ? 0 : b->weight;
}

/* How many of its backends have a weight that counts. */
size_t config_weighty(const struct config_service *s);

/* How its packets go by gue: EK_GUE_*. */
static inline uint32_t config_gue(const struct config_service *s)
{
	return (s->gue_variant ? 0 : EK_GUE_VARIANT_0) | (s->gue_checksum ? 0 : EK_GUE_NO_CHECKSUM);
}

/* The port that a check of the backend goes to: its own, else that of the service's first listener
 * with its protocol; with nat, the backend's if it has one. 0: there is none. */
uint16_t config_check_port(const struct config_service *s, const struct config_backend *b,
			   const struct config_check *k);
/* Are both lists of checks made in the same way? Places do not matter. */
bool config_checks_equal(const struct config_service *a, const struct config_service *b);
/* Do both say the same? Places do not matter. When memory runs out they do not. */
bool config_service_equal(const struct config_service *a, const struct config_service *b);
/* The first listener with that protocol, or NULL. */
const struct config_listener *config_listener_of(const struct config_service *s, uint8_t proto);

const char *config_check_name(enum config_check_type type); /* "tcp" */
const char *config_forward_name(enum ek_forward forward);   /* "ipip" */
const char *config_echo_name(enum ek_echo echo);            /* "answer" */
const char *config_hash_name(enum ek_hash_kind hash);       /* "5-tuple", "source", ... */

#endif
