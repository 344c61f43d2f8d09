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

void clients_forget(struct clients *c, uint32_t service)
{
	for (uint32_t i = 0; i < c->capacity; i++)
		if (c->packets[i].service == service)
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

/* The service's packets, sorted by client and backend. */
static size_t collect(const struct clients *c, uint32_t service, uint32_t now_s,
		      const struct client_packet **found)
{
	const struct client_packet *p;
	size_t count = 0, at = 0;

	while ((p = clients_next(c, now_s, &at)))
		if (p->service == service)
			found[count++] = p;
	qsort(found, count, sizeof(void *), by_client);
	return count;
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

/* How long ago anything was first seen of any service, at most the window. */
static double seconds(const struct clients *c, uint32_t now_s)
{
	const struct client_packet *p;
	uint32_t oldest = 1;
	size_t at = 0;

	while ((p = clients_next(c, now_s, &at)))
		if (now_s - p->at_s > oldest)
			oldest = now_s - p->at_s;
	return oldest;
}

int clients_heaviest(const struct clients *c, uint32_t service, uint32_t now_s,
		     struct client_sum *out, size_t most, struct client_total *total)
{
	_cleanup_(free_ptr) const struct client_packet **found =
		calloc(c->capacity, sizeof(void *));
	_cleanup_(free_ptr) struct client_sum *sums = NULL;
	size_t count, clients = 0;

	if (!found)
		return -ENOMEM;
	count = collect(c, service, now_s, found);
	sums = calloc(count + 1, sizeof(*sums));
	if (!sums)
		return -ENOMEM;
	*total = (struct client_total){ .seconds = seconds(c, now_s) };
	for (size_t i = 0; i < count; clients++) {
		i += sum_up(found + i, count - i, &sums[clients]);
		total_add(total, &sums[clients]);
	}
	qsort(sums, clients, sizeof(*sums), by_bytes);
	if (clients > most)
		clients = most;
	memcpy(out, sums, clients * sizeof(*sums));
	return (int)clients;
}
