// SPDX-License-Identifier: GPL-2.0
#include "lib/clients_predict.h"

#include "evenkeel/table.h"

static uint32_t owner_of(const struct client_packet *p, const struct client_table *t)
{
	const struct ek_flow_id id = { p->client, p->dest, p->sport, p->dport, p->proto, {} };
	const struct ek_key keys[2] = { t->key, t->key };
	uint64_t word = ek_table_word(0, t->slots, ek_flavour((uint8_t)t->hash, 0, 0));

	return t->owners[(uint32_t)ek_table_flow_hash(word, &id, keys) & ek_table_mask(word)];
}

uint32_t clients_predict(const struct clients *c, uint32_t service, uint32_t now_s,
			 const struct client_table *table, struct client_load *load, size_t count)
{
	const struct client_packet *p;
	uint32_t used = 0;
	size_t at = 0;

	while ((p = clients_next(c, now_s, &at))) {
		uint32_t owner;

		if (p->service != service || (!p->sport && table->hash == EK_HASH_5TUPLE))
			continue;
		owner = owner_of(p, table);
		if (owner >= count)
			continue;
		load[owner].packets += (double)p->packets;
		load[owner].bytes += (double)p->bytes;
		load[owner].flows += p->syn ? (double)p->packets : 0;
		used++;
	}
	return used;
}
