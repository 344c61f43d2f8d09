// SPDX-License-Identifier: GPL-2.0
/* Shares and loads as the clients of the last minutes would make them. Slots may be even where these
 * are not: that is so where only addresses are hashed. Where ports are, a client's next flows are
 * spread, and those that it has stay where they are. */
#include <math.h>
#include <stdio.h>

#include "lib/gate_internal.h"
#include "lib/guard.h"

/* Nats: chance makes a sample look so one time in 22,000. */
#define SURPRISE_MIN 10.0

/* Below this many packets a second nobody is toppled: somebody tries something out. */
#define PACKETS_MIN 10.0

/* What is found worst by one gate. */
struct worst {
	size_t backend;
	enum client_measure measure;
	double share, limit; /* limit 0: nothing */
};

static bool is_known(const struct plan_service *s)
{
	const struct plan_clients *c = &s->clients;

	return c->after && s->now->hash != EK_HASH_5TUPLE &&
	       c->sample[CLIENT_PACKETS].all / c->seconds >= PACKETS_MIN;
}

/* A ratio that is in force was accepted by somebody, whoever has it then: adding a server may hand
 * a heavy client on. So it was borne, and somewhat more. */
static double in_force(const struct gate_judged *j, enum client_measure m)
{
	double most = 0, had = 0, has = 0;

	for (size_t i = 0; i < j->s->count; i++) {
		most = fmax(most, j->s->clients.before[i].share[m]);
		had += j->s->backends[i].old_answering > 0;
		has += j->s->backends[i].answering > 0;
	}
	return most * gate_limit(j, LIMIT_LOAD) * (has > 0 ? fmax(1, had / has) : 1);
}

/* Takes it for the worst if it is, and no matter of chance. */
static void compare(const struct plan_service *s, size_t i, enum client_measure m, double limit,
		    struct worst *w)
{
	const struct plan_clients *c = &s->clients;
	double share = c->after[i].share[m];

	if (!c->known[m] || share <= c->before[i].share[m] + GATE_ROUNDING ||
	    share <= limit * (1 + GATE_ROUNDING) ||
	    client_surprise(&c->sample[m], share, limit) < SURPRISE_MIN)
		return;
	if (!(w->limit > 0) || share / limit > w->share / w->limit)
		*w = (struct worst){ i, m, share, limit };
}

/* "client 192.0.2.7 has 71.0 % of the bytes: with hash: source one backend gets all of it", where it
 * is one client's doing. */
#define REASON_MAX 192
static void reason_text(const struct plan_service *s, const struct worst *w,
			char text[static REASON_MAX])
{
	const struct client_load *load = &s->clients.after[w->backend];
	double heaviest = load->heaviest_share[w->measure];
	const char *hash = config_hash_name(s->now->hash), *what = client_measure_name(w->measure);
	char address[ADDR_TEXT_MAX];

	if (2 * heaviest >= w->share)
		snprintf(text, REASON_MAX,
			 "client %s has %.1f %% of the %s: with hash: %s one backend gets all of "
			 "it",
			 addr_text(&load->heaviest[w->measure], address), 100 * heaviest, what,
			 hash);
	else
		snprintf(text, REASON_MAX,
			 "with hash: %s the clients of the last minutes come together", hash);
}

static void tell(const struct gate_judged *j, enum gate gate, const struct worst *w,
		 const char *numbers, double value, double limit)
{
	const struct plan_backend *b = &j->s->backends[w->backend];
	char text[GATE_TEXT_MAX], reason[REASON_MAX], name[GATE_WHO_MAX];
	struct gate_breach *x;

	reason_text(j->s, w, reason);
	snprintf(text, sizeof(text), "%s: %s: %s, by %u samples", gate_who(j, b, name), reason,
		 numbers, j->s->clients.sample[w->measure].samples);
	x = gate_breach_add(j, gate, b, value, limit, text);
	if (j->s->now->hash_place.line)
		x->place = j->s->now->hash_place;
}

static void check_share(const struct gate_judged *j)
{
	const struct plan_service *s = j->s;
	struct worst w = {};
	size_t eligible = 0;
	char numbers[128];

	for (size_t i = 0; i < s->count; i++)
		eligible += s->backends[i].weight_answering > 0;
	for (size_t i = 0; i < s->count; i++)
		for (enum client_measure m = CLIENT_MEASURES; m-- > 0;)
			compare(s, i, m,
				fmax(guard_share_limit(gate_limit(j, LIMIT_SHARE), eligible),
				     in_force(j, m)),
				&w);
	if (!(w.limit > 0))
		return;
	snprintf(numbers, sizeof(numbers), "%.1f %% -> %.1f %% of %s (limit %.1f %%)",
		 100 * s->clients.before[w.backend].share[w.measure], 100 * w.share,
		 client_measure_name(w.measure), 100 * w.limit);
	tell(j, GATE_SHARE, &w, numbers, w.share, w.limit);
}

/* New flows: of packets and bytes nobody knows what was borne. Who has too many by its slots alone is
 * told of already. */
static void check_load(const struct gate_judged *j)
{
	const struct plan_service *s = j->s;
	const struct plan_backend *b;
	struct worst w = {};
	char numbers[160];

	if (!s->has_rate || !(s->rate > 0))
		return;
	for (size_t i = 0; i < s->count; i++) {
		double limit = gate_bears(j, &s->backends[i], LIMIT_LOAD);

		if ((j->by_load || s->backends[i].capacity > 0) && limit > 0 &&
		    s->backends[i].new_rate <= limit * (1 + GATE_ROUNDING))
			compare(s, i, CLIENT_FLOWS,
				fmax(limit / s->rate, in_force(j, CLIENT_FLOWS)), &w);
	}
	if (!(w.limit > 0))
		return;
	b = &s->backends[w.backend];
	snprintf(numbers, sizeof(numbers), "%.0f -> %.0f new flows a second (limit %.0f, from %s)",
		 s->rate * s->clients.before[w.backend].share[CLIENT_FLOWS], s->rate * w.share,
		 s->rate * w.limit, gate_bears_why(j, b));
	tell(j, GATE_LOAD, &w, numbers, s->rate * w.share, s->rate * w.limit);
}

void gate_clients(const struct gate_judged *j)
{
	if (!is_known(j->s))
		return;
	check_share(j);
	check_load(j);
}
