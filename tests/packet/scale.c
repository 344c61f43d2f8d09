// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "dp/object.h"
#include "lib/cleanup.h"
#include "scale.h"

#include "scale.skel.h"

#define NS_PER_S 1000000000ull
#define VIP4 "203.0.113.10"
#define VIP6 "2001:db8::10"

uint32_t scale_share(uint32_t count)
{
	const char *divisor = getenv("TEST_SCALE");
	long share = divisor ? strtol(divisor, NULL, 10) : 1;

	assert_true(share > 0);
	return count / (uint32_t)share;
}

/* ---- the pool -------------------------------------------------------------------------------- */

struct scale_pool scale_pool(unsigned int count)
{
	struct scale_pool pool = {};

	for (unsigned int i = 1; i <= count; i++)
		pool.member[i].present = true;
	return pool;
}

static char *yaml_of(const struct scale_pool *pool)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	fprintf(out,
		"services:\n  web:\n    listen: [\"" VIP4 ":443/tcp\", \"" VIP4
		":443/udp\", \"[" VIP6 "]:443/tcp\", \"[" VIP6 "]:443/udp\"]\n"
		"    forward: ipip\n    idle_time: %u\n    drain_time: 3600\n    hold_time: %u\n"
		"    hash: %s\n    backends:\n",
		SCALE_IDLE_S, SCALE_HOLD_S, pool->by_source ? "source" : "5-tuple");
	for (unsigned int i = 1; i < SCALE_BACKENDS; i++)
		if (pool->member[i].present)
			fprintf(out, "      b%u: { address: 10.1.0.%u, weight: %u%s }\n", i, i,
				pool->member[i].weight ?: EK_WEIGHT_DEFAULT,
				pool->member[i].drained ? ", drain: true" : "");
	assert_int_equal(fclose(out), 0);
	return text;
}

int scale_install(struct scale *s, const struct scale_pool *pool)
{
	_cleanup_(free_ptr) char *yaml = yaml_of(pool);
	struct config *c = fixture_parse(yaml);
	char error[DP_ERROR_MAX] = "";
	struct dp_install_result result;
	int err;

	assert_int_equal(dp_reserve(s->x.dp, c, s->now_s, error), 0);
	fixture_paths(&s->x);
	err = dp_install(s->x.dp, c, s->now_s, &result, error);
	if (err) {
		config_free(c);
		return err;
	}
	config_free(s->x.config);
	s->x.config = c;
	return 0;
}

int scale_rekey(struct scale *s, uint64_t key)
{
	char error[DP_ERROR_MAX] = "";
	struct dp_install_result result;

	return dp_rekey(s->x.dp, (struct ek_key){ { key, ~key } }, s->x.config, s->now_s, &result,
			error);
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* The map of the fixture that a map of the loop's stands for; NULL: it is the loop's own. */
static struct bpf_map *counterpart(const struct fixture *x, const struct bpf_map *map)
{
	const struct dp_private *private = x->dp->priv;
	const char *name = dp_map_name(map);

	if (strchr(name, '.') || bpf_map__type(map) == BPF_MAP_TYPE_PROG_ARRAY)
		return NULL;
	return dp_map_find(private->object, name);
}

static void *map_memory(const struct bpf_map *map, size_t length)
{
	void *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	assert_true(at != MAP_FAILED);
	return at;
}

static void load_loop(struct scale *s)
{
	char error[DP_ERROR_MAX] = "";
	struct bpf_map *map;

	s->loop = scale_bpf__open();
	assert_non_null(s->loop);
	assert_int_equal(dp_object_prepare(s->loop->obj, &s->x.dp->sizes, error), 0);
	bpf_object__for_each_map(map, s->loop->obj) {
		struct bpf_map *theirs = counterpart(&s->x, map);

		if (theirs)
			assert_int_equal(bpf_map__reuse_fd(map, bpf_map__fd(theirs)), 0);
	}
	assert_int_equal(bpf_map__set_max_entries(s->loop->maps.scale_owners, s->flows), 0);
	assert_int_equal(bpf_object__load(s->loop->obj), 0);
	s->job = map_memory(s->loop->maps.scale_jobs, sizeof(*s->job));
	s->owners = map_memory(s->loop->maps.scale_owners, s->flows * sizeof(*s->owners));
}

static void make_template(struct scale *s, uint32_t kind)
{
	char flow[SCALE_TEXT];
	struct frame f;
	bool udp = kind & SCALE_UDP, ipv6 = kind & SCALE_IPV6;

	snprintf(flow, sizeof(flow), "%s > %s:443/%s",
		 ipv6 ? "[2001:db8:1::]:1024" : "10.0.0.0:1024", ipv6 ? "[" VIP6 "]" : VIP4,
		 udp ? "udp" : "tcp");
	frame_build(&f, &(struct segment){ .flow = flow,
					   .tcp_flags = TCP_ACK,
					   .payload = SCALE_FRAME - FRAME_IP - (ipv6 ? 40 : 20) -
						      (udp ? 8 : 20) });
	assert_int_equal(f.length, SCALE_FRAME);
	memcpy(s->job->frame[kind], f.bytes, SCALE_RESTORED);
}

static void set_clock(struct scale *s, uint32_t now_s)
{
	s->now_s = now_s;
	s->job->now_ns = now_s * NS_PER_S;
}

static struct scale *opened;

void scale_open(struct scale *s, const struct scale_pool *pool, uint32_t flows,
		uint32_t flow_buckets)
{
	_cleanup_(free_ptr) char *yaml = yaml_of(pool);
	struct dp_sizes sizes = { .slots = 1u << 18,
				  .backends = 1024,
				  .flow_buckets = flow_buckets };

	*s = (struct scale){ .flows = flows };
	opened = s;
	fixture_open_sized(&s->x, yaml, &sizes);
	load_loop(s);
	for (uint32_t kind = 0; kind < SCALE_KINDS; kind++)
		make_template(s, kind);
	set_clock(s, s->x.now_s);
}

int scale_teardown(void **state)
{
	(void)state;
	munmap(opened->job, sizeof(*opened->job));
	munmap(opened->owners, opened->flows * sizeof(*opened->owners));
	scale_bpf__destroy(opened->loop);
	fixture_close(&opened->x);
	*opened = (struct scale){};
	return 0;
}

struct dp_settled scale_settle(struct scale *s, uint32_t rounds, uint32_t seconds)
{
	struct dp_settled result = {};

	for (uint32_t i = 0; i < rounds; i++) {
		set_clock(s, s->now_s + seconds);
		assert_int_equal(dp_settle(s->x.dp, s->x.config, s->now_s, &result), 0);
	}
	return result;
}

static void run(struct scale *s, enum scale_packet packet, uint32_t first, uint32_t count)
{
	uint8_t frame[SCALE_FRAME] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);

	s->job->packet = packet;
	s->job->first = first;
	s->job->count = count;
	if (bpf_prog_test_run_opts(bpf_program__fd(s->loop->progs.scale), &options))
		fail_msg("BPF_PROG_TEST_RUN of the loop: %s", strerror(errno));
}

/* Batch by batch: a SYN and what follows it are a batch apart. */
static struct scale_tally run_all(struct scale *s, const enum scale_mode *modes, uint32_t first,
				  uint32_t count)
{
	s->job->tally = (struct scale_tally){};
	for (uint32_t done = 0; done < count; done += SCALE_BATCH) {
		uint32_t batch = count - done < SCALE_BATCH ? count - done : SCALE_BATCH;

		for (int packet = SCALE_SYN; packet <= SCALE_DATA; packet++) {
			s->job->mode = modes[packet];
			if (modes[packet] <= SCALE_COUNT)
				run(s, packet, first + done, batch);
		}
	}
	assert_int_equal(s->job->tally.wrong, 0);
	return s->job->tally;
}
#define SCALE_LEFT_OUT (SCALE_COUNT + 1)

struct scale_tally scale_begin(struct scale *s, uint32_t first, uint32_t count)
{
	s->job->protocols = 2;
	s->job->net = SCALE_NET;
	return run_all(s, (const enum scale_mode[]){ SCALE_RECORD, SCALE_CHECK }, first, count);
}

struct scale_tally scale_ask(struct scale *s, uint32_t first, uint32_t count)
{
	s->job->protocols = 2;
	s->job->net = SCALE_NET;
	return run_all(s, (const enum scale_mode[]){ SCALE_LEFT_OUT, SCALE_CHECK }, first, count);
}

struct scale_tally scale_flood(struct scale *s, enum scale_flood flood, uint32_t first,
			       uint32_t count)
{
	static const enum scale_mode modes[][2] = {
		[FLOOD_SYN] = { SCALE_COUNT, SCALE_LEFT_OUT },
		[FLOOD_ACK] = { SCALE_LEFT_OUT, SCALE_COUNT },
		[FLOOD_UDP] = { SCALE_LEFT_OUT, SCALE_COUNT },
		[FLOOD_PAIR] = { SCALE_COUNT, SCALE_COUNT },
	};

	s->job->protocols = flood == FLOOD_UDP;
	s->job->net = SCALE_NET_FLOOD;
	return run_all(s, modes[flood], first, count);
}

/* ---- life and death -------------------------------------------------------------------------- */

static uint32_t index_of_number(const struct scale *s, uint32_t backend)
{
	struct ek_addr addr = { .be16 = { [5] = 0xffff } };
	uint32_t index;

	addr.be32[3] = htonl(10u << 24 | 1u << 16 | backend);
	index = dp_backend_index(s->x.dp, 0, &addr, 0);
	assert_true(index != EK_NO_BACKEND);
	return index;
}

void scale_down(struct scale *s, uint32_t backend)
{
	dp_backend_down(s->x.dp, index_of_number(s, backend), s->now_s);
	s->job->dead[backend / 64] |= 1ull << backend % 64;
}

void scale_up(struct scale *s, uint32_t backend)
{
	dp_backend_up(s->x.dp, index_of_number(s, backend));
	s->job->dead[backend / 64] &= ~(1ull << backend % 64);
}

/* ---- the program itself ---------------------------------------------------------------------- */

void scale_text(char text[static SCALE_TEXT], uint32_t flow)
{
	uint32_t kind = scale_kind(flow, 2), source = scale_source(flow);
	uint32_t a = source & 0xff, b = source >> 8 & 0xff, c = source >> 16;
	const char *proto = kind & SCALE_UDP ? "udp" : "tcp";

	if (kind & SCALE_IPV6)
		snprintf(text, SCALE_TEXT, "[2001:db8:1::%x:%x]:%u > [" VIP6 "]:443/%s",
			 SCALE_NET << 8 | a, b << 8 | c, SCALE_PORT + a, proto);
	else
		snprintf(text, SCALE_TEXT, "%u.%u.%u.%u:%u > " VIP4 ":443/%s", SCALE_NET, a, b, c,
			 SCALE_PORT + a, proto);
}

uint32_t scale_send(const struct scale *s, uint32_t flow)
{
	struct frame in, out;
	char text[SCALE_TEXT];

	scale_text(text, flow);
	frame_build(&in, &(struct segment){
				 .flow = text, .tcp_flags = TCP_ACK, .seq = scale_isn(flow) + 1 });
	assert_int_equal(fixture_run(&s->x, &in, &out), XDP_TX);
	assert_int_equal(out.length, in.length + 20);
	return out.bytes[33];
}

/* Its clock is not the tests': what it notes of a flow is put right by asking the loop too. */
uint32_t scale_sample(struct scale *s, uint32_t first, uint32_t every, uint32_t *asked)
{
	uint32_t moved = 0;

	for (uint32_t flow = first; flow < s->flows; flow += every) {
		if (!s->owners[flow])
			continue;
		moved += scale_send(s, flow) != s->owners[flow];
		scale_assert_kept(s, scale_ask(s, flow, 1));
		++*asked;
	}
	return moved;
}

void scale_assert_kept(const struct scale *s, struct scale_tally t)
{
	char text[SCALE_TEXT];

	scale_text(text, s->job->moved_flow);
	if (t.moved)
		fail_msg("%llu flows moved, the last is %s", (unsigned long long)t.moved, text);
	assert_int_equal(t.to_dead, 0);
	assert_int_equal(t.lost, 0);
}
