// SPDX-License-Identifier: GPL-2.0
/* The directory of listeners. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp/listeners.h"
#include "dp/memory.h"
#include "dp/object.h"
#include "evenkeel/hash.h"
#include "lib/cleanup.h"
#include "lib/directory.h"

static size_t listeners_in(const struct draft *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->count; i++)
		n += d->services[i].config->listener_count;
	return n;
}

static struct ek_listener listener_of(const struct dp *dp, const struct draft_service *s,
				      const struct endpoint *e)
{
	struct ek_listener l = {
		.addr = e->addr,
		.port = htons(e->port),
		.proto = e->proto,
		.ipv6 = !addr_is_ipv4(&e->addr),
		.service = (uint16_t)s->index,
	};

	l.flavour = ek_table_flavour(s->new_table);
	l.salt = ek_listener_salt(dp->global->keys[ek_flavour_key(l.flavour)], &l.addr, l.port,
				  l.proto, ek_flavour_hash(l.flavour));
	if (s->config->quic_length && l.proto == IPPROTO_UDP)
		l.flavour |= EK_LISTENER_QUIC;
	return l;
}

/* An address as it stands in the directory by itself. */
static struct ek_listener address_of(const struct ek_listener *l)
{
	return (struct ek_listener){
		.addr = l->addr,
		.proto = l->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
		.ipv6 = l->ipv6,
		.service = EK_ANY_SERVICE,
	};
}

static int by_address(const void *a, const void *b)
{
	return memcmp(&((const struct ek_listener *)a)->addr,
		      &((const struct ek_listener *)b)->addr, sizeof(struct ek_addr));
}

/* Puts the addresses of `count` listeners behind them, each once; returns how many there are. */
static size_t add_addresses(struct ek_listener *listeners, size_t count)
{
	struct ek_listener *addresses = listeners + count;
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		addresses[i] = address_of(&listeners[i]);
	qsort(addresses, count, sizeof(*addresses), by_address);
	for (size_t i = 0; i < count; i++)
		if (!n || by_address(&addresses[n - 1], &addresses[i]) != 0)
			addresses[n++] = addresses[i];
	return n;
}

static size_t listeners_in_force(const struct dp *dp, uint64_t word)
{
	const struct ek_listener *at = &dp->directory[directory_first_entry(word)];
	size_t n = 0;

	for (size_t i = 0; i <= ek_directory_entry_mask(word); i++)
		n += !!at[i].proto;
	return n;
}

/* Are exactly these the listeners in force? */
static bool unchanged(const struct dp *dp, uint64_t word, const struct ek_listener *listeners,
		      size_t count)
{
	if (listeners_in_force(dp, word) != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct ek_listener *l = &listeners[i];
		const struct ek_listener *found = directory_find(dp->directory, dp->displacement,
								 word, &l->addr, l->port, l->proto);

		if (!found || memcmp(found, l, sizeof(*l)))
			return false;
	}
	return true;
}

int listeners_prepare(struct dp *dp, const struct draft *d, uint64_t *word,
		      char error[static DP_ERROR_MAX])
{
	_cleanup_(free_ptr) struct ek_listener *listeners =
		calloc(2 * listeners_in(d) + 1, sizeof(*listeners));
	uint64_t now = dp->global->directory;
	uint32_t spare = !ek_directory_region(now);
	size_t count = 0;
	int err;

	if (!listeners)
		return dp_fail(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < d->count; i++)
		for (size_t j = 0; j < d->services[i].config->listener_count; j++)
			listeners[count++] = listener_of(
				dp, &d->services[i], &d->services[i].config->listeners[j].endpoint);
	count += add_addresses(listeners, count);
	if (!dp->priv->memory->lay_out && unchanged(dp, now, listeners, count)) {
		*word = now;
		return 0;
	}
	err = directory_build(dp->directory, dp->displacement, word, listeners, count, spare);
	return err ? dp_fail(error, err, "%zu listeners: %s", count, strerror(-err)) : 0;
}
