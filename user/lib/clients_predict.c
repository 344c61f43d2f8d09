// SPDX-License-Identifier: GPL-2.0
#include "lib/clients_predict.h"

#include <stdlib.h>
#include <string.h>

#include "evenkeel/table.h"
#include "lib/chance.h"

/* ---- who is there ---------------------------------------------------------------------------- */

/* Each kind of hash depends on a beginning of this order. */
static int order(const struct client_packet *a, const struct client_packet *b,
		 enum ek_hash_kind hash)
{
	int o = memcmp(&a->client, &b->client, sizeof(a->client));

	if (!o && hash != EK_HASH_SOURCE)
		o = memcmp(&a->dest, &b->dest, sizeof(a->dest));
	if (o || hash != EK_HASH_5TUPLE)
		return o;
	o = a->proto - b->proto;
	o = o ?: a->dport - b->dport;
	return o ?: a->sport - b->sport;
}

static int by_flow(const void *a, const void *b)
{
	return order(*(const struct client_packet *const *)a,
		     *(const struct client_packet *const *)b, EK_HASH_5TUPLE);
}

void client_view_sort(struct client_view *v)
{
	if (v->count)
		qsort(v->packets, v->count, sizeof(void *), by_flow);
}

/* ---- what they would do ---------------------------------------------------------------------- */

const char *client_measure_name(enum client_measure m)
{
	static const char *const names[] = { "new flows", "packets", "bytes" };

	return names[m];
}

static double amount_of(const struct client_packet *p, enum client_measure m)
{
	if (m == CLIENT_BYTES)
		return (double)p->bytes;
	return m == CLIENT_PACKETS || p->syn ? (double)p->packets : 0;
}

/* What has one hash. */
struct item {
	const struct client_packet *packet; /* one of its */
	uint32_t begin_s, end_s;            /* when it was seen */
	uint32_t samples[CLIENT_MEASURES];
	double amount[CLIENT_MEASURES];
};

/* Takes one off; returns where the next one begins. */
static size_t item_take(struct item *out, const struct client_view *v, size_t at,
			enum ek_hash_kind hash)
{
	const struct client_packet *first = v->packets[at];

	*out = (struct item){ .packet = first, .begin_s = first->at_s, .end_s = first->at_s };
	for (; at < v->count && !order(v->packets[at], first, hash); at++) {
		const struct client_packet *p = v->packets[at];

		if (p->at_s < out->begin_s)
			out->begin_s = p->at_s;
		if (p->at_s > out->end_s)
			out->end_s = p->at_s;
		for (enum client_measure m = 0; m < CLIENT_MEASURES; m++) {
			double amount = amount_of(p, m);

			out->samples[m] += amount > 0;
			out->amount[m] += amount;
		}
	}
	return at;
}

static void samples_sum(struct client_sample sample[CLIENT_MEASURES], const struct client_view *v)
{
	for (size_t i = 0; i < v->count; i++) {
		for (enum client_measure m = 0; m < CLIENT_MEASURES; m++) {
			double amount = amount_of(v->packets[i], m);

			sample[m].samples += amount > 0;
			sample[m].all += amount;
			sample[m].squares += amount * amount;
			if (amount > sample[m].largest)
				sample[m].largest = amount;
		}
	}
	for (enum client_measure m = 0; m < CLIENT_MEASURES; m++) {
		if (!(sample[m].all > 0))
			continue;
		sample[m].squares /= sample[m].all * sample[m].all;
		sample[m].largest /= sample[m].all;
	}
}

/* So much of a sample is taken off each item: those that were not seen. */
static void discounts(double out[CLIENT_MEASURES], const struct client_view *v,
		      enum ek_hash_kind hash)
{
	uint32_t once[CLIENT_MEASURES] = {}, twice[CLIENT_MEASURES] = {};
	struct item item;

	for (size_t at = 0; at < v->count;) {
		at = item_take(&item, v, at, hash);
		for (enum client_measure m = 0; m < CLIENT_MEASURES; m++) {
			once[m] += item.samples[m] == 1;
			twice[m] += item.samples[m] == 2;
		}
	}
	for (enum client_measure m = 0; m < CLIENT_MEASURES; m++)
		out[m] = once[m] ? once[m] / (double)(once[m] + 2 * twice[m]) : 0;
}

static uint32_t owner_by_table(const struct client_packet *p, const struct client_table *t)
{
	const struct ek_flow_id id = { p->client, p->dest, p->sport, p->dport, p->proto, {} };
	const struct ek_key keys[2] = { t->key, t->key };
	uint64_t word = ek_table_word(0, t->slots, ek_flavour((uint8_t)t->hash, 0, 0));

	return t->owners[(uint32_t)ek_table_flow_hash(word, &id, keys) & (t->slots - 1)];
}

/* A flow that was seen for so long, and of late, will last. */
#define LASTING_S 60u
#define RECENT_S 10u

/* Where ports are not hashed an item is a client, whose next flow goes where the table says. Where they
 * are it is a flow. One that lasts stays where it is; of the others the next ones have other ports,
 * and go to nobody in particular. */
static uint32_t owner_of(const struct item *item, const struct client_view *v,
			 const struct client_table *t)
{
	const struct client_packet *p = item->packet;

	if (t->hash != EK_HASH_5TUPLE)
		return owner_by_table(p, t);
	if (!p->sport || item->end_s - item->begin_s < LASTING_S ||
	    v->now_s - item->end_s > RECENT_S)
		return EK_NO_BACKEND;
	return p->backend < t->keeps_count && t->keeps[p->backend] ? t->keeps[p->backend]
								   : owner_by_table(p, t);
}

static void load_add(struct client_load *load, const struct item *item, enum client_measure m,
		     double share, double whole)
{
	load->share[m] += share;
	if (whole <= load->heaviest_share[m])
		return;
	load->heaviest[m] = item->packet->client;
	load->heaviest_share[m] = whole;
}

/* A new flow is none that lasts. */
static enum client_measure first_located(const struct client_table *t)
{
	return t->hash == EK_HASH_5TUPLE ? CLIENT_PACKETS : CLIENT_FLOWS;
}

/* As slots are. */
static void spread(struct client_load *load, const double rest[CLIENT_MEASURES],
		   const struct client_table *t)
{
	for (uint32_t i = 0; i < t->slots; i++)
		for (enum client_measure m = 0; t->owners[i] && m < CLIENT_MEASURES; m++)
			load[t->owners[i] - 1].share[m] += rest[m] / t->slots;
}

void clients_predict(struct client_load *load, struct client_sample sample[CLIENT_MEASURES],
		     const struct client_view *v, const struct client_table *table)
{
	double rest[CLIENT_MEASURES], discount[CLIENT_MEASURES];
	struct item item;

	memset(load, 0, table->count * sizeof(*load));
	memset(sample, 0, CLIENT_MEASURES * sizeof(*sample));
	samples_sum(sample, v);
	discounts(discount, v, table->hash);
	for (enum client_measure m = 0; m < CLIENT_MEASURES; m++)
		rest[m] = sample[m].all > 0;
	for (size_t at = 0; at < v->count;) {
		uint32_t owner;

		at = item_take(&item, v, at, table->hash);
		owner = owner_of(&item, v, table);
		if (!owner || owner > table->count)
			continue;
		for (enum client_measure m = first_located(table); m < CLIENT_MEASURES; m++) {
			double whole, share;

			if (!item.samples[m])
				continue;
			whole = item.amount[m] / sample[m].all;
			share = whole * (1 - discount[m] / item.samples[m]);
			rest[m] -= share;
			if (share > 0)
				load_add(&load[owner - 1], &item, m, share, whole);
		}
	}
	spread(load, rest, table);
}

double client_surprise(const struct client_sample *s, double share, double limit)
{
	/* Each sample is on that backend or is not. */
	return chance_bennett(s->squares * limit * (1 - limit), share - limit,
			      s->largest * (1 - limit));
}
