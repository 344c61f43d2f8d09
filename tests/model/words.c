// SPDX-License-Identifier: GPL-2.0
/* A way to a state, told. */
#include "search.h"

static const char *const packet_names[] = {
	[REAL_SYN] = "SYN of flow",
	[REAL_DATA] = "packet of flow",
	[REAL_UDP] = "UDP packet of flow",
	[REAL_INITIAL] = "Initial of flow",
	[REAL_RELATED] = "ICMP error or fragment of flow",
	[FORGED_SYN] = "forged SYN in the name of flow",
	[FORGED_DATA] = "forged packet behind it in the name of flow",
	[FORGED_INITIAL] = "forged Initial in the name of flow",
};

static const char *const rebuild_names[] = {
	[OTHER_SIZE] = "another size",
	[OTHER_HASH] = "another hash",
	[BACK] = "back to the hash before",
};

static char letter(uint32_t backend)
{
	return "-ABC??**"[backend & 7];
}

static void print_packet(FILE *to, const struct step *s)
{
	fprintf(to, "%s %u%s%s%s", packet_names[s->what], s->flow,
		s->late ? ", noted as of the second before" : "",
		s->full ? ", the table is full" : "", s->second ? ", second place" : "");
}

static void print_change(FILE *to, const char *what, const struct step *s)
{
	fprintf(to, "%s: slot 0 to %c", what, letter(s->flow));
	if (s->late)
		fprintf(to, ", slot 1 to %c", letter(s->late));
	fprintf(to, "%s", s->full ? ", noted as of the second before" : "");
}

static void print_control(FILE *to, const struct step *s)
{
	static const char *const names[] = {
		[STEP_SWITCH] = "the new table is switched to",
		[STEP_FINISH] = "the grace period after the switch is over",
		[STEP_ROUND] = "a settling round",
		[STEP_BEGIN] = "a settling round begins",
		[STEP_SWEEP] = "the round has swept the remembered flows",
		[STEP_SETTLE] = "the round settles what may settle",
		[STEP_CRASH] = "the controller dies and begins again",
	};

	fprintf(to, "%s%s", names[s->kind], s->late ? ", its clock read in the second before" : "");
}

static void print_step(FILE *to, const struct step *s)
{
	switch (s->kind) {
	case STEP_PACKET:
		print_packet(to, s);
		break;
	case STEP_WORD:
		fprintf(to, "under way, has read its slot: ");
		print_packet(to, s);
		break;
	case STEP_LOOK:
		fprintf(to, "the packet under way looks for its entry");
		break;
	case STEP_READ:
		fprintf(to, "under way, has read slot and entry: ");
		print_packet(to, s);
		break;
	case STEP_CLAIM:
		fprintf(to, "the packet under way claims an entry");
		break;
	case STEP_ACT:
		fprintf(to, "the packet under way goes on to its end%s",
			s->full ? ", the table is full" : "");
		break;
	case STEP_CLOSE:
		fprintf(to, "flow %u ends", s->flow);
		break;
	case STEP_TICK:
	case STEP_WAIT:
		fprintf(to, "%u s pass", s->what);
		break;
	case STEP_CHANGE:
		print_change(to, "a change", s);
		break;
	case STEP_WRITE:
		print_change(to, "a new table is written beside the old one", s);
		break;
	case STEP_REBUILD:
		print_change(to, rebuild_names[s->what], s);
		break;
	case STEP_REWRITE:
		fprintf(to, "written beside the table in force: ");
		print_change(to, rebuild_names[s->what], s);
		break;
	case STEP_DIE:
		fprintf(to, "%c dies", letter(s->what));
		break;
	case STEP_RETURN:
		fprintf(to, "%c is back", letter(s->what));
		break;
	case STEP_HOLD_OVER:
		fprintf(to, "%c has been dead for the hold time", letter(s->what));
		break;
	case STEP_REMOVE:
		fprintf(to, "%c leaves the pool", letter(s->what));
		break;
	default:
		print_control(to, s);
	}
}

static void print_world(FILE *to, const struct world *w, unsigned int slots)
{
	fprintf(to, "  [");
	for (unsigned int i = 0; i < slots; i++)
		fprintf(to, "%s%c%s%c%s", i ? " | " : "", letter(ek_slot_cur(w->slot[i])),
			w->slot[i] & EK_SLOT_UNSETTLED ? "<" : "=", letter(ek_slot_def(w->slot[i])),
			w->slot[i] & EK_SLOT_UNSETTLED ? " unsettled" : "");
	for (unsigned int i = 0; i < FLOWS; i++)
		if (w->flow[i].phase)
			fprintf(to, "; flow %u %s %c", i,
				w->flow[i].phase == FLOW_SYN ? "begins with" : "is with",
				letter(w->flow[i].owner));
	fprintf(to, "]\n");
}

void finding_print(FILE *to, const char *prefix, const struct rules *r, const struct finding *f)
{
	struct world w;

	world_begin(&w, f->slots, f->idle_s);
	for (unsigned int i = 0; i < f->length; i++) {
		fprintf(to, "%s%2u. ", prefix, i + 1);
		print_step(to, &f->path[i]);
		step_take(r, &w, &f->path[i]);
		print_world(to, &w, f->slots);
	}
	fprintf(to, "%sso: %s\n", prefix, f->wrong);
}
