/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/skews.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "dp/install.h"
#include "lib/cleanup.h"
#include "lib/skew_sample.h"

/* Read in a tick, a few nanoseconds each: after a start, or with another key, all tables are new,
 * and the loop has other things to do. A service is judged when its slots have been read. */
#define SLOTS_A_TICK (4u << 20)
/* Services whose samples are kept at once, 36 KiB each. A second's samples are too few for more. */
#define SKETCHED_MAX 256u

struct entry {
	struct skew *skew; /* NULL: not in the revision */
	struct skew_sample sample;
	char name[EK_NAME_MAX + 1];
	bool by_client, wanted;
	uint32_t first, count; /* its rows */
	uint64_t stamp;        /* of the slots that its rows have */
	bool changed;          /* they are others than at the tick before, */
	bool known;            /* and were read */
	uint32_t wrong;
	struct skew_told told;
};

struct skews {
	uint32_t backends;
	uint64_t pools;   /* a sum over who is in which pool */
	int64_t revision; /* that services and weights are of; -1: none */
	uint64_t weights; /* their sum, see weights_sum() */
	uint64_t now_ms;
	uint32_t next;             /* service whose slots are read first */
	uint32_t sketched;         /* services whose samples are kept */
	uint64_t key;              /* of their sketches */
	struct skew_backend *rows; /* by service */
	uint32_t *slots;           /* by backend index: scratch */
	struct entry entries[EK_SERVICES_MAX];
};

static void entry_close(struct entry *e)
{
	skew_close(take_ptr(e->skew));
	skew_sample_close(&e->sample);
	e->stamp = 0;
	e->wrong = 0;
}

int skews_open(struct skews **out, const struct dp *dp, uint64_t key)
{
	struct skews *s = calloc(1, sizeof(*s));

	if (s) {
		s->backends = dp->sizes.backends;
		s->rows = calloc(s->backends, sizeof(*s->rows));
		s->slots = calloc(s->backends, sizeof(*s->slots));
		s->revision = -1;
		s->key = key;
	}
	if (!s || !s->rows || !s->slots) {
		skews_close(s);
		return log_err(-ENOMEM, "no memory for the shares of %u backends",
			       dp->sizes.backends);
	}
	*out = s;
	return 0;
}

void skews_close(struct skews *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < EK_SERVICES_MAX; i++)
		entry_close(&s->entries[i]);
	free(s->rows);
	free(s->slots);
	free(s);
}

void skews_sample(struct skews *s, const struct client_packet *p)
{
	struct entry *e = &s->entries[p->service];

	if (e->skew)
		skew_sample_add(&e->sample, p, s->sketched < SKETCHED_MAX, s->key);
}

void skews_wrong(struct skews *s, uint32_t service, uint32_t slots)
{
	s->entries[service].wrong = slots;
}

/* ---- who is in which pool, and with which weight -------------------------------------------- */

static uint64_t pools_sum(const struct dp *dp)
{
	uint64_t sum = 0;

	for (uint32_t i = 1; i < dp->sizes.backends; i++) {
		const struct ek_backend_id *id = &dp->backend_ids[i];

		if (id->used)
			sum = (sum ^ i ^ (uint64_t)id->service << 32 ^ (uint64_t)id->since << 20) *
				      0x3c79ac492ba7b653ull +
			      (sum >> 29);
	}
	return sum;
}

/* The slots of who is still in the same pool. */
static void slots_keep(struct skews *s, const struct dp *dp)
{
	memset(s->slots, 0, s->backends * sizeof(*s->slots));
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		const struct entry *e = &s->entries[i];

		for (uint32_t k = 0; k < e->count; k++) {
			const struct skew_backend *row = &s->rows[e->first + k];

			if (dp->backend_ids[row->id].service == i)
				s->slots[row->id] = row->slots;
		}
	}
}

/* Rows by service, within it by index. */
static void rows_lay_out(struct skews *s, const struct dp *dp)
{
	uint32_t next = 0;

	slots_keep(s, dp);
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		s->entries[i].count = 0;
	for (uint32_t i = 1; i < s->backends; i++)
		if (dp->backend_ids[i].used)
			s->entries[dp->backend_ids[i].service].count++;
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		s->entries[i].first = next;
		next += s->entries[i].count;
		s->entries[i].count = 0;
	}
	for (uint32_t i = 1; i < s->backends; i++) {
		struct entry *e = &s->entries[dp->backend_ids[i].service];

		if (dp->backend_ids[i].used)
			s->rows[e->first + e->count++] =
				(struct skew_backend){ .id = i, .slots = s->slots[i] };
	}
}

/* Both are in the order in which backends came, mostly: the search begins behind the last one. */
static struct skew_backend *row_of(struct skew_backend *rows, const struct entry *e,
				   const struct dp *dp, const struct config_backend *b,
				   uint32_t *hint)
{
	for (uint32_t i = 0; i < e->count; i++) {
		uint32_t at = (*hint + i) % e->count;
		const struct ek_backend_id *id = &dp->backend_ids[rows[at].id];

		if (id->port == b->port && addr_equal(&id->addr, &b->addr)) {
			*hint = at + 1;
			return &rows[at];
		}
	}
	return NULL;
}

static void weights_learn(struct skews *s, const struct entry *e, const struct dp *dp,
			  const struct config_service *c)
{
	struct skew_backend *rows = &s->rows[e->first];
	uint32_t hint = 0;

	for (uint32_t i = 0; i < e->count; i++)
		rows[i].weight = 0;
	for (size_t i = 0; i < c->backend_count; i++) {
		struct skew_backend *row = row_of(rows, e, dp, &c->backends[i], &hint);

		/* Of a spare the revision asks for nothing as long as others do without it. */
		if (row)
			row->weight =
				c->backends[i].backup ? 0 : config_backend_weight(&c->backends[i]);
	}
}

/* ---- services ------------------------------------------------------------------------------- */

static int entry_open(struct entry *e, const struct config_service *c)
{
	if (e->skew && strcmp(e->name, c->name) != 0)
		entry_close(e);
	if (!e->skew && skew_open(&e->skew, &skew_limits_default))
		return -ENOMEM;
	memcpy(e->name, c->name, sizeof(e->name));
	e->by_client = c->hash != EK_HASH_5TUPLE;
	e->wanted = true;
	return 0;
}

/* Detectors for the services of the revision, and for no others. */
static int services_follow(struct skews *s, const struct skews_view *v)
{
	int err = 0;

	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		s->entries[i].wanted = false;
	for (size_t i = 0; v->config && i < v->config->service_count; i++) {
		const struct config_service *c = &v->config->services[i];
		int service = dp_service_index(v->dp, c->name);

		if (service < 0)
			continue;
		err = entry_open(&s->entries[service], c) ?: err;
		weights_learn(s, &s->entries[service], v->dp, c);
	}
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		if (!s->entries[i].wanted)
			entry_close(&s->entries[i]);
	return err;
}

/* Another one when any weight is: drains by hand change them within a revision. */
static uint64_t weights_sum(const struct config *c)
{
	uint64_t sum = 0;

	for (size_t i = 0; c && i < c->service_count; i++)
		for (size_t k = 0; k < c->services[i].backend_count; k++)
			sum = sum * 0x9e3779b97f4a7c15ull +
			      config_backend_weight(&c->services[i].backends[k]) + 1;
	return sum;
}

static int pools_follow(struct skews *s, const struct skews_view *v)
{
	int64_t revision = v->config ? v->revision : -1;
	uint64_t pools = pools_sum(v->dp), weights = weights_sum(v->config);
	int err;

	if (pools == s->pools && revision == s->revision && weights == s->weights)
		return 0;
	s->weights = weights;
	if (pools != s->pools)
		rows_lay_out(s, v->dp);
	err = services_follow(s, v);
	s->pools = pools;
	s->revision = err ? -1 : revision;
	return err;
}

/* ---- what is there now ---------------------------------------------------------------------- */

/* Reads slots, the service's that was not read for longest first. */
static void slots_read(struct skews *s, const struct dp *dp)
{
	uint32_t first = s->next, read = 0;

	memset(s->slots, 0, s->backends * sizeof(*s->slots));
	for (uint32_t n = 0; n < EK_SERVICES_MAX && read < SLOTS_A_TICK; n++) {
		uint32_t i = (first + n) % EK_SERVICES_MAX;
		struct entry *e = &s->entries[i];

		if (!e->changed)
			continue;
		dp_slots_count(dp, i, s->slots, NULL, NULL);
		e->stamp = dp_slots_stamp(dp, i);
		e->known = true;
		read += ek_table_mask(dp->services[i].table) + 1;
		s->next = i + 1;
	}
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		const struct entry *e = &s->entries[i];

		for (uint32_t k = 0; e->changed && e->known && k < e->count; k++)
			s->rows[e->first + k].slots = s->slots[s->rows[e->first + k].id];
	}
}

static void slots_follow(struct skews *s, const struct dp *dp)
{
	bool any = false;

	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		struct entry *e = &s->entries[i];

		e->changed = e->skew && e->stamp != dp_slots_stamp(dp, i);
		e->known = !e->changed;
		any |= e->changed;
	}
	if (any)
		slots_read(s, dp);
}

static int judge(struct skews *s, uint32_t service, const struct skews_view *v)
{
	struct entry *e = &s->entries[service];
	struct skew_backend *rows = &s->rows[e->first];

	for (uint32_t i = 0; i < e->count; i++) {
		struct dp_traffic t;

		samples_second(v->samples, rows[i].id, &t);
		rows[i].delta[SKEW_FLOWS] = t.flows;
		rows[i].delta[SKEW_PACKETS] = t.packets;
		rows[i].delta[SKEW_BYTES] = t.bytes;
		/* Whoever has a weight has a slot, unless health leaves it out. */
		rows[i].eligible = rows[i].slots > 0;
	}
	return skew_tick(e->skew, &(struct skew_input){
					  .now_ms = v->now_ms,
					  /* Which of its flows met which table nobody knows. */
					  .fresh = !e->changed,
					  .backends = rows,
					  .count = e->count,
					  .unsettled = dp_slots_unsettled(v->dp, service),
					  .slots_wrong = e->wrong,
					  .by_client = e->by_client,
					  .samples = { e->sample.of[SKEW_TRACK_FLOWS_FAST],
						       e->sample.of[SKEW_TRACK_FLOWS_SLOW],
						       e->sample.of[SKEW_TRACK_PACKETS_SLOW],
						       e->sample.of[SKEW_TRACK_BYTES_SLOW] },
				  });
}

int skews_tick(struct skews *s, const struct skews_view *v)
{
	int err = pools_follow(s, v);

	slots_follow(s, v->dp);
	s->sketched = 0;
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		struct entry *e = &s->entries[i];

		if (e->skew && e->known)
			err = judge(s, i, v) ?: err;
		skew_sample_second(&e->sample, &skew_limits_default);
		s->sketched += skew_sample_is_open(&e->sample);
	}
	s->now_ms = v->now_ms;
	return err;
}

const struct skew *skews_of(const struct skews *s, uint32_t service)
{
	return s->entries[service].skew;
}

uint64_t skews_time(const struct skews *s)
{
	return s->now_ms;
}

struct skew_told *skews_told(struct skews *s, uint32_t service)
{
	return &s->entries[service].told;
}
