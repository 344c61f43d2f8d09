// SPDX-License-Identifier: GPL-2.0
/* Predictions, against tables that the clients' flows are really sent through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <math.h>
#include <netinet/in.h>

#include "balance_case.h"
#include "evenkeel/table.h"
#include "lib/addr.h"
#include "lib/cleanup.h"
#include "lib/clients_predict.h"
#include "lib/maglev.h"

#define SLOTS 16384u
#define WEB 3
#define BACKENDS_MAX 100

static const struct ek_key key = { { 0x1234, 0x5678 } };

/* A sample, and a real table of a pool of that size. */
struct scene {
	struct clients *clients;
	struct client_index index;
	struct client_view view;
	uint32_t owners[SLOTS];
	size_t count;
	uint32_t now_s;
	struct client_load load[BACKENDS_MAX];
	struct client_sample sample[CLIENT_MEASURES];
};

static void scene_open_for(struct scene *s, size_t backends, uint32_t window_s)
{
	struct maglev_member members[BACKENDS_MAX] = {};

	*s = (struct scene){ .count = backends, .now_s = window_s };
	assert_int_equal(clients_open(&s->clients, 65536, window_s, 7), 0);
	for (size_t i = 0; i < backends; i++)
		members[i] = (struct maglev_member){ .addr = case_addr((uint32_t)i + 1),
						     .weight = 100,
						     .index = (uint32_t)i + 1 };
	assert_int_equal(maglev_fill(s->owners, SLOTS, members, backends, key), 0);
}

/* All in one second. */
static void scene_open(struct scene *s, size_t backends)
{
	scene_open_for(s, backends, 1);
}

static void scene_release(struct scene *s)
{
	clients_close(s->clients);
	client_index_release(&s->index);
}

static struct client_packet packet_of(uint32_t client, uint16_t port)
{
	return (struct client_packet){ .client = case_addr(client),
				       .dest = case_addr(1u << 20),
				       .service = WEB,
				       .backend = 1,
				       .sport = htons(port),
				       .dport = htons(443),
				       .proto = IPPROTO_TCP,
				       .syn = port % 2,
				       .at_s = 1,
				       .packets = 2,
				       .bytes = 1000 };
}

static void add(struct scene *s, uint32_t client, uint16_t port)
{
	const struct client_packet p = packet_of(client, port);

	clients_add(s->clients, &p);
}

static void predict_keeping(struct scene *s, enum ek_hash_kind hash, const uint32_t *keeps,
			    size_t keeps_count)
{
	const struct client_table t = { s->owners, SLOTS, s->count, hash, key, keeps, keeps_count };

	client_index_release(&s->index);
	assert_int_equal(client_index_make(&s->index, s->clients, s->now_s), 0);
	s->view = client_index_view(&s->index, WEB);
	client_view_sort(&s->view);
	clients_predict(s->load, s->sample, &s->view, &t);
}

static void predict(struct scene *s, enum ek_hash_kind hash)
{
	predict_keeping(s, hash, NULL, 0);
}

static size_t most_of(const struct scene *s)
{
	size_t most = 0;

	for (size_t i = 0; i < s->count; i++)
		if (s->load[i].share[CLIENT_BYTES] > s->load[most].share[CLIENT_BYTES])
			most = i;
	return most;
}

static double sum_of(const struct scene *s, enum client_measure m)
{
	double sum = 0;

	for (size_t i = 0; i < s->count; i++)
		sum += s->load[i].share[m];
	return sum;
}

/* The backend that a packet would go to, by the code of the data path. */
static uint32_t owner_of(const struct scene *s, const struct client_packet *p,
			 enum ek_hash_kind hash)
{
	const struct ek_flow_id id = { p->client, p->dest, p->sport, p->dport, p->proto, {} };
	const struct ek_key keys[2] = { key, key };
	uint64_t word = ek_table_word(0, SLOTS, ek_flavour((uint8_t)hash, 0, 0));

	return s->owners[(uint32_t)ek_table_flow_hash(word, &id, keys) & (SLOTS - 1)];
}

/* ---- one of many ----------------------------------------------------------------------------- */

static void one_proxy_is_spread_by_ports_and_not_by_addresses(void **state)
{
	_cleanup_(scene_release) struct scene s;
	const struct client_packet p = packet_of(1, 1);
	const struct client_load *most;

	scene_open(&s, 4);
	for (uint16_t port = 1; port <= 700; port++)
		add(&s, 1, port);
	for (uint32_t client = 2; client <= 301; client++)
		add(&s, client, 40001);
	predict(&s, EK_HASH_5TUPLE);
	for (size_t i = 0; i < s.count; i++)
		assert_true(fabs(s.load[i].share[CLIENT_BYTES] - 0.25) < 0.001);
	for (enum ek_hash_kind hash = EK_HASH_SOURCE; hash <= EK_HASH_SOURCE_DEST; hash++) {
		predict(&s, hash);
		most = &s.load[most_of(&s)];
		assert_int_equal(most_of(&s) + 1, owner_of(&s, &p, hash));
		for (enum client_measure m = CLIENT_PACKETS; m < CLIENT_MEASURES; m++) {
			assert_true(fabs(most->share[m] - (0.7 + 0.3 / 4)) < 0.01);
			assert_true(fabs(most->heaviest_share[m] - 0.7) < 1e-6);
			assert_true(addr_equal(&most->heaviest[m], &p.client));
		}
	}
}

/* Of a service's sum each measure has its own. */
static void shares_are_of_flows_packets_and_bytes_each(void **state)
{
	_cleanup_(scene_release) struct scene s;
	struct client_packet p;

	scene_open(&s, 4);
	for (int i = 0; i < 300; i++) {
		p = packet_of(1, 40000);
		p.bytes = 3000;
		clients_add(s.clients, &p);
		p = packet_of(2, 40001);
		p.syn = i % 2;
		p.bytes = 1000;
		clients_add(s.clients, &p);
	}
	predict(&s, EK_HASH_SOURCE);
	assert_true(fabs(s.sample[CLIENT_BYTES].all - 1200000) < 1);
	assert_true(fabs(s.sample[CLIENT_PACKETS].all - 1200) < 1e-6);
	assert_true(fabs(s.sample[CLIENT_FLOWS].all - 300) < 1e-6);
	assert_int_equal(s.sample[CLIENT_FLOWS].samples, 150);
	p = packet_of(1, 40000);
	assert_true(fabs(s.load[owner_of(&s, &p, EK_HASH_SOURCE) - 1].heaviest_share[CLIENT_BYTES] -
			 0.75) < 1e-6);
	for (enum client_measure m = 0; m < CLIENT_MEASURES; m++)
		assert_true(fabs(sum_of(&s, m) - 1) < 1e-6);
}

static void a_flow_that_lasts_stays_where_it_is(void **state)
{
	_cleanup_(scene_release) struct scene s;
	const uint32_t keeps[] = { 0, 3, 2 };
	struct client_packet p = packet_of(1, 443);

	scene_open_for(&s, 4, 180);
	for (p.at_s = 1; p.at_s <= 180; p.at_s++) {
		for (int i = 0; i < 5; i++)
			clients_add(s.clients, &p);
		clients_end_second(s.clients);
	}
	predict_keeping(&s, EK_HASH_5TUPLE, keeps, 3);
	assert_true(s.load[2].share[CLIENT_BYTES] > 0.999);
	/* A new flow is another one. */
	assert_true(fabs(s.load[2].share[CLIENT_FLOWS] - 0.25) < 0.001);
	/* Whose backend goes, goes by the table. */
	predict_keeping(&s, EK_HASH_5TUPLE, keeps, 1);
	assert_true(s.load[owner_of(&s, &p, EK_HASH_5TUPLE) - 1].share[CLIENT_BYTES] > 0.999);
	/* Where only addresses are hashed the next one does, as well. */
	predict_keeping(&s, EK_HASH_SOURCE, keeps, 3);
	assert_true(s.load[owner_of(&s, &p, EK_HASH_SOURCE) - 1].share[CLIENT_BYTES] > 0.999);
	/* One that is over had its day. */
	s.now_s = 200;
	predict_keeping(&s, EK_HASH_5TUPLE, keeps, 3);
	assert_true(fabs(s.load[2].share[CLIENT_BYTES] - 0.25) < 0.001);
}

static void short_flows_are_spread_wherever_they_were(void **state)
{
	_cleanup_(scene_release) struct scene s;
	const uint32_t keeps[] = { 0, 3 };

	scene_open_for(&s, 4, 180);
	for (uint32_t at = 1; at <= 180; at++) {
		for (int i = 0; i < 5; i++) {
			struct client_packet p = packet_of(1, (uint16_t)(1024 + at));

			p.at_s = at;
			clients_add(s.clients, &p);
		}
		clients_end_second(s.clients);
	}
	predict_keeping(&s, EK_HASH_5TUPLE, keeps, 2);
	for (size_t i = 0; i < s.count; i++)
		assert_true(fabs(s.load[i].share[CLIENT_BYTES] - 0.25) < 0.001);
}

static void who_has_no_port_is_spread_where_ports_count(void **state)
{
	_cleanup_(scene_release) struct scene s;

	scene_open(&s, 4);
	for (int i = 0; i < 200; i++)
		add(&s, 1, 0);
	predict(&s, EK_HASH_5TUPLE);
	assert_true(s.load[most_of(&s)].share[CLIENT_BYTES] < 0.26);
	assert_true(fabs(sum_of(&s, CLIENT_BYTES) - 1) < 1e-6);
	predict(&s, EK_HASH_SOURCE);
	assert_true(s.load[most_of(&s)].share[CLIENT_BYTES] > 0.999);
}

static void without_samples_there_is_nothing(void **state)
{
	_cleanup_(scene_release) struct scene s;

	scene_open(&s, 4);
	predict(&s, EK_HASH_SOURCE);
	for (enum client_measure m = 0; m < CLIENT_MEASURES; m++) {
		assert_int_equal(s.sample[m].samples, 0);
		assert_true(sum_of(&s, m) == 0);
	}
}

/* ---- against real traffic -------------------------------------------------------------------- */

/* A population of clients, each with so many packets on so many ports; of them all some are sampled.
 * What backends really get of all is known. */
struct traffic {
	size_t backends;
	enum ek_hash_kind hash;
	uint32_t clients, packets;
	double sampled; /* part of them */
};

static void simulate(struct scene *s, const struct traffic *t, uint64_t *seed, double *real)
{
	for (uint32_t i = 0; i < t->packets; i++) {
		struct client_packet p = packet_of(1 + case_zipf(seed, t->clients),
						   (uint16_t)(1024 + case_word(seed) % 60000));

		real[owner_of(s, &p, t->hash) - 1] += 1.0 / t->packets;
		if (case_random(seed) < t->sampled)
			clients_add(s->clients, &p);
	}
}

/* Zipf's clients: the first one has an eighth of all, and half of them are never seen. What is
 * predicted departs from what is by no more than chance and those who were not seen explain. */
static void zipfs_clients_are_predicted_within_chance(void **state)
{
	static const struct traffic rows[] = {
		{ 4, EK_HASH_SOURCE, 1000, 200000, 0.05 },
		{ 4, EK_HASH_SOURCE_DEST, 1000, 200000, 0.005 },
		{ 20, EK_HASH_SOURCE, 5000, 200000, 0.05 },
		{ 100, EK_HASH_SOURCE, 20000, 200000, 0.02 },
		{ 20, EK_HASH_5TUPLE, 1000, 200000, 0.02 },
	};

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		const struct traffic *t = &rows[r];
		_cleanup_(scene_release) struct scene s;
		double real[BACKENDS_MAX] = {}, off = 0, naive = 0;
		uint64_t seed = 0x5eed + r;

		scene_open(&s, t->backends);
		simulate(&s, t, &seed, real);
		predict(&s, t->hash);
		for (size_t i = 0; i < t->backends; i++) {
			double share = s.load[i].share[CLIENT_PACKETS], n = t->packets * t->sampled;
			/* Who was seen at most once has at most some 3 / n each: their slots are
			 * chosen by chance, too. */
			double deviation = sqrt(real[i] / n + 3 / n * real[i] + 1e-6);

			assert_true(fabs(share - real[i]) < 5 * deviation);
			off += (share - real[i]) * (share - real[i]);
			naive += pow(1.0 / (double)t->backends - real[i], 2);
		}
		/* Slots alone say less, where addresses are hashed. */
		if (t->hash != EK_HASH_5TUPLE)
			assert_true(off < naive / 4);
	}
}

/* Without anybody heavy there is nothing to tell, however few the samples and many the backends:
 * counting them would show one backend with five times its share. */
static void few_samples_of_many_clients_say_nothing_wrong(void **state)
{
	_cleanup_(scene_release) struct scene s;
	uint64_t seed = 1;

	scene_open(&s, 100);
	for (int i = 0; i < 200; i++)
		add(&s, (uint32_t)(case_word(&seed) % 1000000), 40001);
	predict(&s, EK_HASH_SOURCE);
	for (size_t i = 0; i < s.count; i++)
		assert_true(fabs(s.load[i].share[CLIENT_BYTES] - 0.01) < 0.005);
}

/* ---- chance ---------------------------------------------------------------------------------- */

/* Half of samples to a backend, of which a quarter is due: with ten that is chance, with a hundred it
 * is not, and with a hundred of which one has most of the bytes it may be. */
static void a_surprise_grows_with_the_samples(void **state)
{
	const struct client_sample few = { .squares = 0.1, .largest = 0.1 };
	const struct client_sample many = { .squares = 0.01, .largest = 0.01 };
	const struct client_sample uneven = { .squares = 0.5, .largest = 0.7 };

	assert_true(client_surprise(&few, 0.5, 0.25) < 3);
	assert_true(client_surprise(&many, 0.5, 0.25) > 10);
	assert_true(client_surprise(&uneven, 0.5, 0.25) < 1);
	assert_true(client_surprise(&many, 0.2, 0.25) == 0);
}

/* 20,000 samples of a backend that has its limit and no more: of those none is to surprise by 10. */
static void chance_alone_does_not_surprise(void **state)
{
	uint64_t seed = 9;

	for (int i = 0; i < 20000; i++) {
		const struct client_sample s = { .squares = 1.0 / 200, .largest = 1.0 / 200 };
		double share = (double)case_binomial(&seed, 200, 0.5) / 200;

		assert_true(client_surprise(&s, share, 0.5) < 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_proxy_is_spread_by_ports_and_not_by_addresses),
		cmocka_unit_test(shares_are_of_flows_packets_and_bytes_each),
		cmocka_unit_test(a_flow_that_lasts_stays_where_it_is),
		cmocka_unit_test(short_flows_are_spread_wherever_they_were),
		cmocka_unit_test(who_has_no_port_is_spread_where_ports_count),
		cmocka_unit_test(without_samples_there_is_nothing),
		cmocka_unit_test(zipfs_clients_are_predicted_within_chance),
		cmocka_unit_test(few_samples_of_many_clients_say_nothing_wrong),
		cmocka_unit_test(a_surprise_grows_with_the_samples),
		cmocka_unit_test(chance_alone_does_not_surprise),
	};

	return cmocka_run_group_tests_name("clients_predict", tests, NULL, NULL);
}
