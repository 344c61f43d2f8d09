/* SPDX-License-Identifier: GPL-2.0 */
/* version, status, metrics, services, setup: what is. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/alert.h"
#include "daemon/attachment.h"
#include "daemon/facts.h"
#include "daemon/metrics.h"
#include "daemon/nexthop.h"
#include "daemon/pipeline.h"
#include "daemon/proposals.h"
#include "daemon/request.h"
#include "dp/install.h"
#include "lib/addr.h"
#include "lib/cleanup.h"
#include "lib/path.h"

void request_version(struct request *r, struct reply *reply)
{
	const struct daemon *d = r->daemon;
	char netns[64] = "";
	ssize_t length;

	if (!request_arguments(r, reply, "{}"))
		return;
	length = readlink("/proc/self/ns/net", netns, sizeof(netns) - 1);
	netns[length > 0 ? length : 0] = '\0';
	reply->result = json_pack("{s:s, s:i, s:i, s:o, s:I}", "version", EK_VERSION, "abi",
				  EK_ABI_VERSION, "pid", (int)getpid(), "netns", json_text(netns),
				  "started", (json_int_t)d->started);
	json_put(reply->result, "state", json_string(d->options.state));
	json_put(reply->result, "pins", json_string(d->options.pins));
	json_put(reply->result, "config", json_string(d->options.config));
}

static json_t *interfaces_json(const struct daemon *d)
{
	_cleanup_(free_ptr) struct attachment *list = NULL;
	json_t *interfaces = json_array();
	size_t count = 0;

	if (attachments_list(d, &list, &count))
		return interfaces;
	for (size_t i = 0; i < count; i++) {
		const struct attachment *a = &list[i];

		json_array_append_new(interfaces,
				      json_pack("{s:o, s:i, s:s, s:I, s:b, s:o}", "name",
						json_clean(a->name), "ifindex", (int)a->ifindex,
						"mode", a->generic ? "generic" : "driver",
						"program_id", (json_int_t)a->program_id,
						"confirmed", a->confirmed, "confirm_within_s",
						a->confirmed ? json_null()
							     : json_integer(a->left_s)));
	}
	return interfaces;
}

static void verdicts_put(json_t *to, const struct dp *dp)
{
	static const char *const names[] = {
#define DROP_NAME(id, name, text) name,
		EK_DROP_REASONS(DROP_NAME)
#undef DROP_NAME
	};
	struct ek_verdicts v;
	json_t *dropped = json_object();

	dp_verdicts(dp, &v);
	json_put(to, "passed", json_integer((json_int_t)v.passed));
	json_put(to, "sent", json_integer((json_int_t)v.sent));
	json_put(to, "redirected", json_integer((json_int_t)v.redirected));
	json_put(to, "answered", json_integer((json_int_t)v.answered));
	json_put(to, "answered_too_big", json_integer((json_int_t)v.answered_too_big));
	json_put(to, "returned", json_integer((json_int_t)v.returned));
	json_put(to, "stored", json_integer((json_int_t)v.stored));
	json_put(to, "early_fragments", json_integer((json_int_t)v.early_fragments));
	for (int i = 0; i < EK_DROP_COUNT; i++)
		if (v.dropped[i])
			json_put(dropped, names[i], json_integer((json_int_t)v.dropped[i]));
	json_put(to, "dropped", dropped);
}

void request_status(struct request *r, struct reply *reply)
{
	const struct daemon *d = r->daemon;
	const struct journal_revision *rev = &d->revision;
	json_t *j;

	if (!request_arguments(r, reply, "{}"))
		return;
	j = json_pack("{s:i, s:I, s:i, s:I, s:o}", "version", 1, "revision",
		      (json_int_t)rev->number, "pid", (int)getpid(), "started",
		      (json_int_t)d->started, "trouble", json_text(d->trouble));
	json_put(j, "revision_time", rev->number ? json_integer(rev->time) : json_null());
	json_put(j, "revision_user", json_text(rev->actor.user));
	json_put(j, "revision_hash", json_text(rev->hash));
	json_put(j, "change", pipeline_json(d));
	json_put(j, "proposals", json_integer((json_int_t)proposals_waiting(d)));
	json_put(j, "interfaces", interfaces_json(d));
	json_put(j, "services", services_json(d));
	json_put(j, "alerts", alerts_json(d));
	verdicts_put(j, d->dp);
	json_put(j, "lost", lost_json(d));
	reply->result = j;
}

void request_metrics(struct request *r, struct reply *reply)
{
	_cleanup_(free_ptr) char *text = NULL;
	size_t length;

	if (!request_arguments(r, reply, "{}"))
		return;
	text = metrics_text(r->daemon, &length);
	if (text)
		reply->result = json_pack("{s:s%}", "text", text, length);
	else
		reply_refuse(reply, "out of memory: the metrics cannot be written");
}

void request_services(struct request *r, struct reply *reply)
{
	const char *name = NULL;

	if (request_arguments(r, reply, "{s?s}", "service", &name))
		reply->result = json_pack("{s:o}", "services",
					  name ? services_named_json(r->daemon, name)
					       : services_json(r->daemon));
}

/* ---- setup ----------------------------------------------------------------------------------- */

/* Adds the text once. */
static void list_add(json_t *list, const char *text)
{
	json_t *value;
	size_t i;

	json_array_foreach(list, i, value)
		if (strcmp(json_string_value(value), text) == 0)
			return;
	json_array_append_new(list, json_string(text));
}

/* Where a backend's outer packets come from: an address, or a prefix. Nat has none: this host's
 * address toward it is its gateway. */
static const char *source_text(const struct ek_global *g, enum ek_forward forward,
			       const struct hop *hop, char text[static ADDR_TEXT_MAX + 4])
{
	bool ipv4 = addr_is_ipv4(&hop->source);
	uint8_t bits = ipv4 ? g->source4_bits : g->source6_bits;

	if (!bits || forward == EK_FORWARD_NAT)
		return addr_text(&hop->source, text);
	addr_text(ipv4 ? &g->source4 : &g->source6, text);
	snprintf(text + strlen(text), 5, "/%u", bits);
	return text;
}

static json_t *setup_backend(const struct daemon *d, const struct config_service *s,
			     const struct config_backend *b, json_t *sources)
{
	int service = dp_service_index(d->dp, s->name);
	uint32_t index =
		service < 0 ? 0 : dp_backend_index(d->dp, (uint32_t)service, &b->addr, b->port);
	const struct hop *hop = nexthop_find(d, index);
	bool ready = hop && hop->state == HOP_READY;
	char addr[ADDR_TEXT_MAX], source[ADDR_TEXT_MAX + 4];

	if (ready && s->forward != EK_FORWARD_L2)
		list_add(sources, source_text(d->dp->global, s->forward, hop, source));
	return json_pack("{s:s, s:s, s:i, s:o, s:i}", "name", b->name, "address",
			 addr_text(&b->addr, addr), "port", (int)b->port, "mtu",
			 ready ? json_integer(hop->mtu) : json_null(), "overhead",
			 (int)path_overhead(s->forward, config_gue(s), &b->addr));
}

static uint32_t overhead_of(const struct config_service *s, bool ipv4)
{
	static const struct ek_addr four = { .bytes = { [10] = 0xff, [11] = 0xff, [12] = 192 } };
	static const struct ek_addr six = { .bytes = { 0x20, 0x01 } };

	return path_overhead(s->forward, config_gue(s), ipv4 ? &four : &six);
}

void request_setup(struct request *r, struct reply *reply)
{
	const struct daemon *d = r->daemon;
	const struct config_service *s;
	const char *name = "";
	json_t *listeners, *backends, *sources;

	if (!request_arguments(r, reply, "{s:s}", "service", &name))
		return;
	s = d->config ? config_service(d->config, name) : NULL;
	if (!s) {
		reply_refuse(reply,
			     "service %.64s is not in the revision in force (evenkeel service "
			     "list shows what is)",
			     name);
		return;
	}
	listeners = json_array();
	backends = json_array();
	sources = json_array();
	for (size_t i = 0; i < s->listener_count; i++) {
		char text[ENDPOINT_TEXT_MAX];

		list_add(listeners, endpoint_text(&s->listeners[i].endpoint, text));
	}
	for (size_t i = 0; i < s->backend_count; i++)
		json_array_append_new(backends, setup_backend(d, s, &s->backends[i], sources));
	reply->result =
		json_pack("{s:s, s:s, s:i, s:o, s:i, s:i, s:o, s:o}", "service", s->name, "forward",
			  config_forward_name(s->forward), "gue_variant", (int)s->gue_variant,
			  "listeners", listeners, "overhead_ipv4", (int)overhead_of(s, true),
			  "overhead_ipv6", (int)overhead_of(s, false), "backends", backends,
			  "balancer_sources", sources);
}
