// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "fixture.h"
#include "lib/addr.h"

static const struct ek_key key = { { 0x0123456789abcdefull, 0xfedcba9876543210ull } };
static const struct dp_sizes sizes = { .slots = 1u << 17,
				       .backends = 512,
				       .flow_buckets = 1u << 12 };

struct config *fixture_parse(const char *yaml)
{
	struct diag d = { .file = "test.yaml" };
	struct config *c = NULL;

	if (config_parse(&c, yaml, strlen(yaml), &d)) {
		char *line = d.count ? diag_line(&d, 0) : NULL;

		fail_msg("%s", line ? line : "the test's configuration is refused");
	}
	diag_release(&d);
	return c;
}

static void address(struct ek_addr *out, const char *text)
{
	const char *why = NULL;

	if (addr_parse(out, text, &why))
		fail_msg("%s: %s", text, why);
}

static void default_hops(struct fixture *x)
{
	struct path_hop hop = {
		.source_mac = { 2, 0xe, 0, 0, 0, 1 },
		.dest_mac = { 2, 0xb, 0, 0, 0, 0 },
		.ifindex = FIXTURE_INGRESS,
		.mtu = 1500,
	};

	x->hop4 = x->hop6 = hop;
	address(&x->hop4.source, "10.0.0.254");
	address(&x->hop6.source, "fd00::fe");
}

/* Each backend gets a MAC address of its own, so that l2 can be told apart. */
void fixture_paths(struct fixture *x)
{
	struct dp_path_change *changes = calloc(x->dp->sizes.backends, sizeof(*changes));
	size_t count = 0;

	assert_non_null(changes);
	for (uint32_t i = 1; i < x->dp->sizes.backends; i++) {
		const struct ek_backend_id *id = &x->dp->backend_ids[i];
		const struct ek_service_id *s = &x->dp->service_ids[id->service];
		struct path_hop hop = addr_is_ipv4(&id->addr) ? x->hop4 : x->hop6;
		struct dp_path_change *c = &changes[count];

		if (!id->used || !s->name[0])
			continue;
		hop.gue = s->gue;
		*c = (struct dp_path_change){ .backend = i, .present = true };
		hop.port = id->port;
		hop.vlan_strip = s->vlan_strip;
		hop.dest_mac[4] = (uint8_t)(i >> 8);
		hop.dest_mac[5] = (uint8_t)i;
		assert_int_equal(path_build(&c->path, (enum ek_forward)s->forward, &id->addr, &hop),
				 0);
		count++;
	}
	assert_int_equal(dp_paths_set(x->dp, changes, count), 0);
	free(changes);
}

void fixture_path_remove(struct fixture *x, uint32_t backend)
{
	struct dp_path_change change = { .backend = backend, .present = false };

	assert_int_equal(dp_paths_set(x->dp, &change, 1), 0);
}

uint32_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint32_t)now.tv_sec;
}

void fixture_install_at(struct fixture *x, const char *yaml, uint32_t at_s)
{
	struct config *c = fixture_parse(yaml);
	struct dp_install_result result;
	char error[DP_ERROR_MAX] = "";

	if (dp_install(x->dp, c, at_s, &result, error))
		fail_msg("%s", error);
	config_free(x->config);
	x->config = c;
	fixture_paths(x);
}

/* A test's own clock may be ahead. */
void fixture_install(struct fixture *x, const char *yaml)
{
	uint32_t now = now_s();

	fixture_install_at(x, yaml, x->now_s > now ? x->now_s : now);
}

void fixture_open_sized(struct fixture *x, const char *yaml, const struct dp_sizes *sized)
{
	char error[DP_ERROR_MAX] = "";

	*x = (struct fixture){ .now_s = now_s() };
	default_hops(x);
	if (dp_open(&x->dp, NULL, sized, key, error))
		fail_msg("%s", error);
	fixture_install(x, yaml);
}

void fixture_open(struct fixture *x, const char *yaml)
{
	fixture_open_sized(x, yaml, &sizes);
}

void fixture_open_jumbo(struct fixture *x, const char *yaml)
{
	struct dp_sizes jumbo = sizes;

	jumbo.jumbo = true;
	fixture_open_sized(x, yaml, &jumbo);
}

void fixture_close(struct fixture *x)
{
	dp_close(x->dp);
	config_free(x->config);
	*x = (struct fixture){};
}

int fixture_begin(void **state, const char *yaml)
{
	static struct fixture x;

	fixture_open(&x, yaml);
	*state = &x;
	return 0;
}

int fixture_end(void **state)
{
	fixture_close(*state);
	return 0;
}

int fixture_run(const struct fixture *x, const struct frame *in, struct frame *out)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	struct xdp_md context = { .data_end = (uint32_t)in->length, .ingress_ifindex = x->ingress };

	if (x->ingress) {
		run.ctx_in = &context;
		run.ctx_size_in = sizeof(context);
	}
	run.data_in = in->bytes;
	run.data_size_in = (uint32_t)in->length;
	run.data_out = out->bytes;
	run.data_size_out = sizeof(out->bytes);
	run.repeat = 1;
	if (bpf_prog_test_run_opts(x->dp->program_fd, &run))
		fail_msg("BPF_PROG_TEST_RUN of %zu bytes failed", in->length);
	out->length = run.data_size_out;
	return (int)run.retval;
}

static uint32_t by_address(const struct fixture *x, uint32_t service, const uint8_t *ip)
{
	struct ek_addr a = { .be16 = { [5] = 0xffff } };

	if (ip[0] >> 4 == 4)
		memcpy(a.bytes + 12, ip + 16, 4);
	else
		memcpy(a.bytes, ip + 24, 16);
	return dp_backend_index(x->dp, service, &a, 0);
}

uint32_t fixture_backend_of(const struct fixture *x, const char *service, const struct frame *out)
{
	int index = dp_service_index(x->dp, service);

	assert_true(index >= 0);
	if (x->dp->service_ids[index].forward == EK_FORWARD_L2 ||
	    x->dp->service_ids[index].forward == EK_FORWARD_NAT)
		return (uint32_t)out->bytes[4] << 8 | out->bytes[5];
	return by_address(x, (uint32_t)index, out->bytes + FRAME_IP);
}

const char *fixture_backend_name(const struct fixture *x, uint32_t backend)
{
	return x->dp->backend_ids[backend].name;
}

struct ek_verdicts fixture_verdicts(const struct fixture *x)
{
	struct ek_verdicts v;

	dp_verdicts(x->dp, &v);
	return v;
}

uint64_t fixture_dropped(const struct fixture *x, enum ek_drop reason)
{
	return fixture_verdicts(x).dropped[reason];
}
