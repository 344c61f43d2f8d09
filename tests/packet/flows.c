// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "evenkeel/affinity.h"
#include "flows.h"

const char four[] = WEB_HEAD "    backends: { " WEB_ABC ", d: 10.0.0.4 }\n";
const char three[] = WEB_HEAD "    backends: { " WEB_ABC " }\n";
const char reordered[] =
	WEB_HEAD "    backends: { d: 10.0.0.4, c: 10.0.0.3, b: 10.0.0.2, a: 10.0.0.1 }\n";
const char five[] = WEB_HEAD "    backends: { " WEB_ABC ", d: 10.0.0.4, e: 10.0.0.5 }\n";
const char drained[] =
	WEB_HEAD "    backends: { " WEB_ABC ", d: { address: 10.0.0.4, drain: true } }\n";

int flows_setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	fixture_open(x, four);
	*state = x;
	return 0;
}

int flows_teardown(void **state)
{
	fixture_close(*state);
	free(*state);
	return 0;
}

static void name_flow(char text[static 96], unsigned int i, const char *proto)
{
	snprintf(text, 96, "198.51.%u.%u:%u > 203.0.113.10:443/%s", i >> 8 & 255, i & 255,
		 1024 + i % 60000, proto);
}

uint32_t send_packet(const struct fixture *x, unsigned int i, const char *proto, uint8_t flags,
		     uint32_t seq)
{
	char flow[96];
	struct frame in, out;

	name_flow(flow, i, proto);
	frame_build(&in, &(struct segment){ .flow = flow, .tcp_flags = flags, .seq = seq });
	assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
	return fixture_backend_of(x, "web", &out);
}

struct dp_explanation explain_flow(const struct fixture *x, unsigned int i)
{
	struct dp_explanation e = {};
	struct flow_spec flow;
	const char *reason;
	char text[96];

	name_flow(text, i, "tcp");
	assert_int_equal(flow_spec_parse(&flow, text, &reason), 0);
	assert_int_equal(dp_explain(x->dp, &flow, now_s(), &e), 0);
	return e;
}

static uint32_t isn_of(unsigned int i)
{
	return i * 2654435761u;
}

uint32_t syn(const struct fixture *x, unsigned int i)
{
	return send_packet(x, i, "tcp", TCP_SYN, isn_of(i));
}

uint32_t data(const struct fixture *x, unsigned int i)
{
	return send_packet(x, i, "tcp", TCP_ACK, isn_of(i) + 1);
}

unsigned int flow_of(const struct fixture *x, uint32_t backend)
{
	unsigned int i = 0;

	while (syn(x, i) != backend)
		i++;
	return i;
}

uint32_t *begin_flows(const struct fixture *x, unsigned int from, unsigned int count)
{
	uint32_t *owner = calloc(count, sizeof(*owner));

	for (unsigned int i = 0; i < count; i++) {
		owner[i] = syn(x, from + i);
		assert_int_equal(data(x, from + i), owner[i]);
	}
	return owner;
}

unsigned int flows_moved(const struct fixture *x, const uint32_t *owner, unsigned int from,
			 unsigned int count)
{
	unsigned int moved = 0;

	for (unsigned int i = 0; i < count; i++)
		moved += data(x, from + i) != owner[i];
	return moved;
}

int try_install(struct fixture *x, const char *yaml, char error[static DP_ERROR_MAX])
{
	struct diag d = { .file = "change.yaml" };
	struct dp_install_result result;
	struct config *c = NULL;
	int err;

	assert_int_equal(config_parse(&c, yaml, strlen(yaml), &d), 0);
	err = dp_install(x->dp, c, now_s(), &result, error);
	config_free(c);
	diag_release(&d);
	return err;
}

uint32_t index_of(const struct fixture *x, const char *name)
{
	for (uint32_t i = 1; i < x->dp->sizes.backends; i++)
		if (!strcmp(x->dp->backend_ids[i].name, name))
			return i;
	return EK_NO_BACKEND;
}

struct dp_settled settle(struct fixture *x, uint32_t at_s)
{
	struct dp_settled result;

	assert_int_equal(dp_settle(x->dp, x->config, at_s, &result), 0);
	return result;
}

void install_ago(struct fixture *x, const char *yaml, uint32_t seconds)
{
	fixture_install_at(x, yaml, now_s() - seconds);
}

void quieten(struct fixture *x)
{
	struct dp_service_view view;

	assert_int_equal(dp_service_view(x->dp, 0, &view), 0);
	for (uint32_t i = 0; i < view.slots; i++) {
		uint64_t *slot = &x->dp->slots[view.base + i];

		if (*slot & EK_SLOT_UNSETTLED)
			*slot = ek_slot_touch(*slot, now_s() - 2 * IDLE_S);
	}
}
