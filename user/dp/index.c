// SPDX-License-Identifier: GPL-2.0
/* Indexes of services and backends. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp/index.h"
#include "dp/install.h"
#include "dp/object.h"
#include "evenkeel/hash.h"

/* Open addressing over backend indexes; 0 (EK_NO_BACKEND) is an empty cell. */
struct backend_index {
	const struct dp *dp;
	struct taken {
		uint32_t service;
		struct ek_addr addr;
		uint16_t port;
		bool used;
	} * who; /* by backend index */
	uint32_t *cells;
	uint32_t mask;
	uint32_t next;                /* no index below it is free */
	bool served[EK_SERVICES_MAX]; /* services with backends, leaving ones included */
};

static uint32_t cell_of(const struct backend_index *x, uint32_t service, const struct ek_addr *addr)
{
	uint64_t h = ek_mix(addr->words[0] ^ service, 0);

	return (uint32_t)ek_mix(h ^ addr->words[1], 0) & x->mask;
}

static void index_insert(struct backend_index *x, uint32_t backend)
{
	const struct taken *t = &x->who[backend];
	uint32_t cell = cell_of(x, t->service, &t->addr);

	while (x->cells[cell])
		cell = (cell + 1) & x->mask;
	x->cells[cell] = backend;
}

int backend_index_make(struct backend_index **out, const struct dp *dp)
{
	struct backend_index *x = calloc(1, sizeof(*x));
	uint32_t cells = 16;

	while (cells < 2 * dp->sizes.backends)
		cells *= 2;
	if (x) {
		x->dp = dp;
		x->mask = cells - 1;
		x->next = 1;
		x->cells = calloc(cells, sizeof(*x->cells));
		x->who = calloc(dp->sizes.backends, sizeof(*x->who));
	}
	if (!x || !x->cells || !x->who) {
		backend_index_free(&x);
		return -ENOMEM;
	}
	for (uint32_t i = 1; i < dp->sizes.backends; i++) {
		const struct ek_backend_id *id = &dp->backend_ids[i];

		if (id->used == BACKEND_FREE)
			continue;
		x->who[i] = (struct taken){ id->service, id->addr, id->port, true };
		x->served[id->service % EK_SERVICES_MAX] = true;
		index_insert(x, i);
	}
	*out = x;
	return 0;
}

void backend_index_free(struct backend_index **index)
{
	struct backend_index *x = *index;

	if (!x)
		return;
	free(x->cells);
	free(x->who);
	free(x);
	*index = NULL;
}

uint32_t backend_index_find(const struct backend_index *x, uint32_t service,
			    const struct config_backend *b)
{
	const struct ek_addr *addr = &b->addr;
	uint32_t cell = cell_of(x, service, addr);

	for (; x->cells[cell]; cell = (cell + 1) & x->mask) {
		const struct taken *t = &x->who[x->cells[cell]];

		if (t->service == service && t->port == b->port &&
		    !memcmp(&t->addr, addr, sizeof(*addr)))
			return x->cells[cell];
	}
	return EK_NO_BACKEND;
}

uint32_t backend_index_take(struct backend_index *x, uint32_t service,
			    const struct config_backend *b)
{
	while (x->next < x->dp->sizes.backends && x->who[x->next].used)
		x->next++;
	if (x->next == x->dp->sizes.backends)
		return EK_NO_BACKEND;
	x->who[x->next] = (struct taken){ service, b->addr, (uint16_t)b->port, true };
	index_insert(x, x->next);
	return x->next;
}

struct service_index {
	size_t count;
	struct named {
		const char *name;
		uint32_t index;
	} by_name[EK_SERVICES_MAX];
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

int service_index_make(struct service_index **out, const struct dp *dp)
{
	struct service_index *x = malloc(sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->count = 0;
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		if (dp->service_ids[i].name[0])
			x->by_name[x->count++] = (struct named){ dp->service_ids[i].name, i };
	qsort(x->by_name, x->count, sizeof(x->by_name[0]), by_name);
	*out = x;
	return 0;
}

void service_index_free(struct service_index **index)
{
	free(*index);
	*index = NULL;
}

int service_index_find(const struct service_index *x, const char *name)
{
	struct named key = { .name = name };
	const struct named *found =
		bsearch(&key, x->by_name, x->count, sizeof(x->by_name[0]), by_name);

	return found ? (int)found->index : -ENOENT;
}

int service_index_spare(const struct backend_index *x, uint32_t from)
{
	for (uint32_t i = from; i < EK_SERVICES_MAX; i++)
		if (!x->dp->service_ids[i].name[0] && !x->served[i])
			return (int)i;
	return -ENOSPC;
}

int dp_service_index(const struct dp *dp, const char *name)
{
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		if (!strcmp(dp->service_ids[i].name, name))
			return (int)i;
	return -ENOENT;
}

static bool is_backend(const struct dp *dp, uint32_t i, uint32_t service,
		       const struct ek_addr *addr, uint32_t port)
{
	const struct ek_backend_id *id = &dp->backend_ids[i];

	return id->used != BACKEND_FREE && id->service == service && id->port == port &&
	       !memcmp(&id->addr, addr, sizeof(*addr));
}

/* Whoever asks for all of a configuration asks in the order in which they were reserved, mostly. */
uint32_t dp_backend_index(const struct dp *dp, uint32_t service, const struct ek_addr *addr,
			  uint32_t port)
{
	uint32_t count = dp->sizes.backends - 1, *last = &dp->priv->found;

	for (uint32_t n = 0; n < count; n++) {
		uint32_t i = 1 + (*last + n) % count;

		if (!is_backend(dp, i, service, addr, port))
			continue;
		*last = i;
		return i;
	}
	return EK_NO_BACKEND;
}
