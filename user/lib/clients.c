// SPDX-License-Identifier: GPL-2.0
#include "lib/clients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "evenkeel/hash.h"
#include "lib/cleanup.h"

/* A ring of seconds' parts: the newest takes the place of the oldest. */
struct clients {
	uint32_t capacity, window_s;
	uint32_t quota;       /* packets that a second may keep */
	uint32_t first, kept; /* of this second: where they begin, how many are kept, */
	uint32_t came;        /* and of how many */
	uint64_t chance;
	struct client_packet *packets; /* that stand for none: free, and not touched yet */
};

int clients_open(struct clients **out, uint32_t capacity, uint32_t window_s, uint64_t seed)
{
	struct clients *c;

	if (!window_s || capacity < window_s)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->capacity = capacity;
	c->window_s = window_s;
	c->quota = capacity / window_s;
	c->chance = seed;
	c->packets = calloc(capacity, sizeof(*c->packets));
	if (!c->packets) {
		free(c);
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

void clients_close(struct clients *c)
{
	if (!c)
		return;
	free(c->packets);
	free(c);
}

static struct client_packet *place(struct clients *c, uint32_t i)
{
	return &c->packets[(c->first + i) % c->capacity];
}

static uint32_t chance_below(struct clients *c, uint32_t bound)
{
	c->chance += 0x9e3779b97f4a7c15ull;
	return (uint32_t)((ek_mix(c->chance, 0) >> 32) * bound >> 32);
}

/* Each of those that came is kept with the same chance (Vitter's algorithm R, 1985). */
void clients_add(struct clients *c, const struct client_packet *p)
{
	uint32_t i = c->came++;

	if (i >= c->quota)
		i = chance_below(c, c->came);
	else
		c->kept++;
	if (i < c->quota)
		*place(c, i) = *p;
}

void clients_end_second(struct clients *c)
{
	float factor = c->kept ? (float)c->came / (float)c->kept : 1;

	for (uint32_t i = 0; i < c->kept; i++) {
		place(c, i)->packets *= factor;
		place(c, i)->bytes *= factor;
	}
	c->first = (c->first + c->kept) % c->capacity;
	c->kept = c->came = 0;
}

void clients_forget(struct clients *c, const bool services[EK_SERVICES_MAX])
{
	for (uint32_t i = 0; i < c->capacity; i++)
		if (c->packets[i].packets > 0 && services[c->packets[i].service])
			c->packets[i].packets = 0;
}

const struct client_packet *clients_next(const struct clients *c, uint32_t now_s, size_t *at)
{
	while (*at < c->capacity) {
		const struct client_packet *p = &c->packets[(*at)++];

		if (p->packets > 0 && now_s - p->at_s <= c->window_s)
			return p;
	}
	return NULL;
}

/* ---- by service ------------------------------------------------------------------------------ */

int client_index_make(struct client_index *out, const struct clients *c, uint32_t now_s)
{
	struct client_index x = { .first = calloc(EK_SERVICES_MAX + 2, sizeof(*x.first)) };
	const struct client_packet *p;
	uint32_t oldest = 1;
	size_t at = 0;

	if (!x.first)
		return -ENOMEM;
	/* Counted two places further on: filling moves each begin to where it belongs. */
	while ((p = clients_next(c, now_s, &at))) {
		x.first[p->service + 2]++;
		if (now_s - p->at_s > oldest)
			oldest = now_s - p->at_s;
	}
	for (uint32_t i = 2; i < EK_SERVICES_MAX + 2; i++)
		x.first[i] += x.first[i - 1];
	x.packets = calloc(x.first[EK_SERVICES_MAX + 1] + 1, sizeof(void *));
	if (!x.packets) {
		client_index_release(&x);
		return -ENOMEM;
	}
	for (at = 0; (p = clients_next(c, now_s, &at));)
		x.packets[x.first[p->service + 1]++] = p;
	x.now_s = now_s;
	x.seconds = oldest;
	*out = x;
	return 0;
}

void client_index_release(struct client_index *x)
{
	free(x->packets);
	free(x->first);
	*x = (struct client_index){};
}

struct client_view client_index_view(const struct client_index *x, uint32_t service)
{
	return (struct client_view){
		.packets = x->packets + x->first[service],
		.count = x->first[service + 1] - x->first[service],
		.now_s = x->now_s,
		.seconds = x->seconds,
	};
}

/* ---- the heaviest ---------------------------------------------------------------------------- */

static int by_client(const void *a, const void *b)
{
	const struct client_packet *x = *(const struct client_packet *const *)a;
	const struct client_packet *y = *(const struct client_packet *const *)b;
	int order = memcmp(&x->client, &y->client, sizeof(x->client));

	return order ? order : (x->backend > y->backend) - (x->backend < y->backend);
}

static int by_bytes(const void *a, const void *b)
{
	const struct client_sum *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return memcmp(&x->client, &y->client, sizeof(x->client));
}

/* Takes one client's packets off the front; returns how many these are. */
static size_t sum_up(const struct client_packet *const *found, size_t count, struct client_sum *sum)
{
	double here = 0; /* bytes to the backend at hand */
	size_t i;

	*sum = (struct client_sum){ .client = found[0]->client, .backend = found[0]->backend };
	for (i = 0; i < count && !memcmp(&found[i]->client, &sum->client, sizeof(sum->client));
	     i++) {
		if (!i || found[i]->backend != found[i - 1]->backend)
			here = 0;
		here += found[i]->bytes;
		sum->packets += found[i]->packets;
		sum->bytes += found[i]->bytes;
		sum->flows += found[i]->syn ? found[i]->packets : 0;
		if (here <= sum->backend_bytes)
			continue;
		sum->backend_bytes = here;
		sum->backend = found[i]->backend;
	}
	sum->samples = (uint32_t)i;
	return i;
}

static void total_add(struct client_total *total, const struct client_sum *sum)
{
	total->packets += sum->packets;
	total->bytes += sum->bytes;
	total->flows += sum->flows;
	total->samples += sum->samples;
	total->clients++;
}

int clients_heaviest(struct client_view *v, struct client_sum *out, size_t most,
		     struct client_total *total)
{
	_cleanup_(free_ptr) struct client_sum *sums = calloc(v->count + 1, sizeof(*sums));
	size_t clients = 0;

	if (!sums)
		return -ENOMEM;
	if (v->count)
		qsort(v->packets, v->count, sizeof(void *), by_client);
	*total = (struct client_total){ .seconds = v->seconds };
	for (size_t i = 0; i < v->count; clients++) {
		i += sum_up(v->packets + i, v->count - i, &sums[clients]);
		total_add(total, &sums[clients]);
	}
	qsort(sums, clients, sizeof(*sums), by_bytes);
	if (clients > most)
		clients = most;
	memcpy(out, sums, clients * sizeof(*sums));
	return (int)clients;
}
