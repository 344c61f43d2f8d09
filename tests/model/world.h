/* SPDX-License-Identifier: GPL-2.0 */
/* A balancer in small: two slots, three backends, three flows with two places each in the table
 * of remembered flows, one packet under way, one change, one settling round, one old table.
 *
 * The words are those of the data path. The clock stands at NOW; a tick makes everything else a
 * second older, up to an age beyond which nothing differs, so that equal situations at different
 * times are one state. */
#ifndef EVENKEEL_MODEL_WORLD_H
#define EVENKEEL_MODEL_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules.h"

enum { BACKENDS = 3, FLOWS = 3, SLOTS = 2, PLACES = 2 };
enum { A = 1, B = 2, C = 3, WHOEVER = 6, EITHER = 7 };

#define NOW 1000u
#define DRAIN_S 2u

#define ISN_REAL 0x11110000u
#define ISN_FORGED 0x77770000u

enum flow_phase { FLOW_NONE, FLOW_SYN, FLOW_ESTABLISHED };

/* What is true of a flow, which the balancer does not know. */
struct flow {
	uint8_t phase;
	uint8_t owner; /* the backend that has it; EITHER: its first packets went apart;
			* WHOEVER: the next packet says */
	uint8_t age;   /* since its last packet */
};

enum packet_kind {
	REAL_SYN,
	REAL_DATA,
	REAL_UDP,
	REAL_INITIAL,
	REAL_RELATED,
	FORGED_SYN,
	FORGED_DATA,
	FORGED_INITIAL,
};
/* HAS_WORD: of its slot; it has not looked into other tables and for its entry yet. */
enum packet_stage { NO_PACKET, HAS_WORD, HAS_READ, HAS_CLAIMED };

/* A packet on its way through the program: what it has read, and not yet done. */
struct packet {
	uint64_t word, entry;
	uint8_t stage, kind, flow, place; /* PLACES: no entry found */
	uint8_t late;                     /* so old is the second that it notes */
	uint8_t under_way_s;
	uint8_t old_table; /* it reads the table before the switch */
	uint8_t slot;
	uint8_t def; /* the slot's, or what the old table says */
	uint8_t cur_live, def_live, entry_live;
	uint8_t claim;     /* the backend that must get it, 0: any may */
	uint8_t overtaken; /* by another packet of its flow */
	uint8_t pad[2];
};

/* ABANDONED: the controller died, a packet still reads the table before. */
enum change_stage { NO_CHANGE, WRITTEN, SWITCHED, ABANDONED };
enum round_stage { NO_ROUND, BEGUN, SWEPT };

/* What a change, or the old table, was about: its size, or what flows are remembered by as well;
 * or it goes back to what they were remembered by in the old table. */
enum rebuild { NO_REBUILD, OTHER_SIZE, OTHER_HASH, BACK };

/* What the word for the undone table says: IN_FORCE, which means none, before the way back. */
enum undone { NO_UNDONE, IN_FORCE, UNDONE };
#define ELSEWHERE 0x80u /* beside bits of slots: of another table */

struct world {
	uint64_t slot[SLOTS];
	uint64_t other[SLOTS]; /* WRITTEN: the table to come; SWITCHED: the one before */
	uint64_t old[SLOTS];   /* the old table that slots refer to */
	uint64_t entry[FLOWS][PLACES];
	struct packet packet;
	uint8_t claimed[FLOWS]; /* a bit a place: its tag is set */
	uint8_t old_tag[FLOWS]; /* and is that of the old, or the undone, table: not of this one */
	struct flow flow[FLOWS];
	uint8_t change, change_late;
	uint8_t round, round_late, foreign, named; /* bits: slots and ELSEWHERE, backends */
	uint8_t dead, leaving;                     /* bits: backends */
	uint8_t leaving_age[BACKENDS], unnamed[BACKENDS];
	uint8_t begun; /* flows that ever sent: the next one may begin */
	uint8_t changes, deaths, forged, crashes, full; /* how many there were */
	uint8_t idle_s;                                 /* the idle time, the same throughout */
	uint8_t rebuilds;                               /* how many there were */
	uint8_t rebuilding, old_table; /* enum rebuild: of the change; it is there */
	uint8_t undone;                /* enum undone */
};
_Static_assert(sizeof(struct world) == 96 + sizeof(struct packet) + 40, "no hidden padding");

/* What happens next. */
enum step_kind {
	STEP_NONE,
	STEP_PACKET,    /* a whole packet */
	STEP_WORD,      /* a packet reads its slot */
	STEP_LOOK,      /* then it looks for its entry, maybe in another table */
	STEP_READ,      /* it does both */
	STEP_CLAIM,     /* it claims an entry */
	STEP_ACT,       /* it does the rest */
	STEP_CLOSE,     /* a flow ends */
	STEP_TICK,      /* a second passes */
	STEP_WAIT,      /* several, nothing else happens */
	STEP_CHANGE,    /* a whole change */
	STEP_WRITE,     /* the new table is written beside the old one */
	STEP_REBUILD,   /* a whole change of size, or of hash */
	STEP_REWRITE,   /* that table is written beside the old one */
	STEP_SWITCH,    /* packets read it from now on */
	STEP_FINISH,    /* the grace period is over */
	STEP_ROUND,     /* a whole settling round */
	STEP_BEGIN,     /* its clock is read, its grace period over */
	STEP_SWEEP,     /* remembered flows are swept */
	STEP_SETTLE,    /* slots settle, backends go */
	STEP_DIE,       /* a backend dies */
	STEP_RETURN,    /* it is back */
	STEP_HOLD_OVER, /* it has been dead for too long */
	STEP_REMOVE,    /* it leaves the pool */
	STEP_CRASH,     /* the controller dies and is started again */
};

struct step {
	uint8_t kind;
	uint8_t what;   /* packet kind, backend, seconds, enum rebuild */
	uint8_t flow;   /* also: the owner of slot 0 */
	uint8_t late;   /* also: the owner of slot 1 */
	uint8_t full;   /* the table refuses to store */
	uint8_t second; /* the second place is taken where both are free */
	uint8_t pad[2];
};

/* Why a step must not be possible, or NULL. */
typedef const char *fault;

/* Between tables that remember flows differently. */
bool is_other_hash(uint8_t rebuild);

/* In the table that packets read now, and in the one of the other hash or size. */
unsigned int slot_of(const struct world *w, unsigned int flow);
unsigned int old_slot_of(const struct world *w, unsigned int flow);
void world_begin(struct world *w, uint8_t slots, uint8_t idle_s);
/* Everything is `seconds` older. */
void world_age(struct world *w, unsigned int seconds);
bool backend_lives(const struct world *w, uint32_t backend);
bool drain_ended(const struct world *w, uint32_t backend);

/* packets.c */
bool is_forged(uint8_t packet_kind);
void packet_word(struct world *w, const struct step *s);
void packet_look(const struct rules *r, struct world *w);
void packet_read(const struct rules *r, struct world *w, const struct step *s);
bool packet_stores(const struct rules *r, const struct world *w);
void packet_claim(struct world *w, const struct step *s);
fault packet_act(const struct rules *r, struct world *w, const struct step *s);

/* control.c */
void change_write(const struct rules *r, struct world *w, const struct step *s);
void change_switch(const struct rules *r, struct world *w);
bool may_go_back(const struct rules *r, const struct world *w);
void change_abandon(struct world *w);
fault change_finish(const struct rules *r, struct world *w);
void round_begin(const struct rules *r, struct world *w, const struct step *s);
fault round_sweep(const struct rules *r, struct world *w);
fault round_settle(const struct rules *r, struct world *w);
void backend_hold_over(const struct rules *r, struct world *w, uint32_t backend);
void controller_crash(struct world *w);
void forget(struct world *w, unsigned int flow, unsigned int place);

/* steps.c */
struct scene {
	const char *name;
	const char *claim;
	uint8_t flows, slots, backends, udp; /* udp: bits of flows */
	uint8_t quic; /* bits of flows: those of udp that begin with an Initial, and have packets
		       * behind it that name nobody */
	uint8_t changes, deaths, forged, crashes, full; /* how many there may be */
	uint8_t rebuilds, rebuild;                      /* of that kind */
	bool back;                                      /* or back, which is one of them */
	bool removal, returns, hold;
	bool related;   /* ICMP errors and fragments */
	bool empty;     /* the pool may become empty */
	bool under_way; /* packets stop on their way */
	bool looks;     /* also before they look for their entries */
	bool steps;     /* changes and rounds stop on their way */
	bool lag;       /* what is noted may be of the second before */
	bool idles;     /* settling in the end is looked at, too */
	uint8_t idle_s; /* 0: 1 */
	uint8_t slow;   /* seconds that a change may take, 0: 1 */
	uint8_t depth;
};
#define STEPS_MAX 256
unsigned int steps_of(const struct scene *c, const struct rules *r, const struct world *w,
		      struct step out[static STEPS_MAX]);
fault step_take(const struct rules *r, struct world *w, const struct step *s);
/* Left alone, every slot settles, nothing is remembered, who left is gone. */
fault left_alone(const struct rules *r, struct world w);

#endif
