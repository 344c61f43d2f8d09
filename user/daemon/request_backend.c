/* SPDX-License-Identifier: GPL-2.0 */
/* backend add, set, remove: the configuration in force, changed in one place and brought into force
 * like any other. Several backends are one change. backend drain, undrain: an overlay over it. */
#include <stdio.h>
#include <string.h>

#include "daemon/change.h"
#include "daemon/request.h"
#include "evenkeel/shed.h"
#include "lib/cleanup.h"

/* One backend as a request names it. */
struct wanted {
	const char *name, *address;
	json_int_t weight;                 /* -1: not given */
	json_int_t new_flows, udp_packets; /* -1: not given; 0: none */
	int backup;                        /* -1: not given */
};

typedef bool (*backend_action)(struct config_service *s, const struct wanted *w,
			       struct reply *reply);

static struct config_backend *find(struct config_service *s, const struct wanted *w,
				   struct reply *reply)
{
	struct config_backend *b = config_backend(s, w->name);
	const char *near, *names[256];
	size_t count = 0;

	if (b)
		return b;
	for (; count < s->backend_count && count < 256; count++)
		names[count] = s->backends[count].name;
	near = suggest(w->name, names, count);
	reply_refuse(reply, "service %s has no backend %.64s%s%s%s", s->name, w->name,
		     near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return NULL;
}

static bool weight_take(uint32_t *out, const struct wanted *w, struct reply *reply)
{
	if (w->weight < 0)
		return true;
	if (w->weight > EK_WEIGHT_MAX) {
		reply_refuse(reply, "backend %.64s: weight %lld is outside 0..%u", w->name,
			     (long long)w->weight, EK_WEIGHT_MAX);
		return false;
	}
	*out = (uint32_t)w->weight;
	return true;
}

static bool capacity_take(struct config_capacity *out, const struct wanted *w, struct reply *reply)
{
	if (w->new_flows > EK_CAPACITY_MAX || w->udp_packets > EK_CAPACITY_MAX) {
		reply_refuse(reply, "backend %.64s: a capacity is %u a second at most", w->name,
			     EK_CAPACITY_MAX);
		return false;
	}
	if (w->new_flows >= 0)
		out->flows = w->new_flows ? (uint32_t)w->new_flows : CAPACITY_NONE;
	if (w->udp_packets >= 0)
		out->packets = w->udp_packets ? (uint32_t)w->udp_packets : CAPACITY_NONE;
	return true;
}

static bool act_add(struct config_service *s, const struct wanted *w, struct reply *reply)
{
	struct config_backend b = { .weight = EK_WEIGHT_DEFAULT };
	const char *why;

	if (!w->address) {
		reply_usage(reply, "backend %.64s: an address is needed", w->name);
		return false;
	}
	if (config_backend(s, w->name)) {
		reply_refuse(reply, "service %s has a backend %s already; backend set changes it",
			     s->name, w->name);
		return false;
	}
	if (addr_parse(&b.addr, w->address, &why)) {
		reply_refuse(reply, "backend %.64s: address %.64s %s", w->name, w->address, why);
		return false;
	}
	if (strlen(w->name) > EK_NAME_MAX) {
		reply_refuse(reply, "backend %.64s...: the name is longer than %d characters",
			     w->name, EK_NAME_MAX);
		return false;
	}
	memcpy(b.name, w->name, strlen(w->name));
	b.backup = w->backup > 0;
	if (!weight_take(&b.weight, w, reply) || !capacity_take(&b.capacity, w, reply))
		return false;
	if (config_backend_add(s, &b)) {
		reply_refuse(reply, "out of memory");
		return false;
	}
	return true;
}

static bool act_set(struct config_service *s, const struct wanted *w, struct reply *reply)
{
	struct config_backend *b = find(s, w, reply);

	if (!b)
		return false;
	if (w->address ||
	    (w->weight < 0 && w->new_flows < 0 && w->udp_packets < 0 && w->backup < 0)) {
		reply_usage(reply,
			    "backend %s: weight, capacity and backup are what can be set; for "
			    "another address, add a backend and remove this one",
			    w->name);
		return false;
	}
	b->backup = w->backup < 0 ? b->backup : w->backup;
	return weight_take(&b->weight, w, reply) && capacity_take(&b->capacity, w, reply);
}

static bool act_drain(struct config_service *s, const struct wanted *w, struct reply *reply)
{
	struct config_backend *b = find(s, w, reply);

	if (b && !b->drain)
		b->drain_by_hand = true;
	return b;
}

/* By hand and by configuration: the latter is a change of that. */
static bool act_undrain(struct config_service *s, const struct wanted *w, struct reply *reply)
{
	struct config_backend *b = find(s, w, reply);

	if (b)
		b->drain = b->drain_by_hand = false;
	return b;
}

static bool act_remove(struct config_service *s, const struct wanted *w, struct reply *reply)
{
	struct config_backend *b = find(s, w, reply);

	if (b)
		config_backend_remove(s, b);
	return b;
}

static const struct {
	const char *name;
	backend_action act;
} actions[] = {
	{ "add", act_add },         { "set", act_set },       { "drain", act_drain },
	{ "undrain", act_undrain }, { "remove", act_remove },
};

static backend_action action_find(const char *name)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i].name, name) == 0)
			return actions[i].act;
	return NULL;
}

/* Every backend of the request is tried, so that all mistakes are told at once. */
static void apply_all(struct config_service *s, backend_action act, json_t *backends,
		      struct reply *reply)
{
	json_t *value;
	size_t i;

	json_array_foreach(backends, i, value) {
		struct wanted w = {
			.weight = -1, .new_flows = -1, .udp_packets = -1, .backup = -1
		};
		json_error_t error = {};

		if (json_unpack_ex(value, &error, JSON_STRICT, "{s:s, s?s, s?I, s?I, s?I, s?b}",
				   "name", &w.name, "address", &w.address, "weight", &w.weight,
				   "new_flows", &w.new_flows, "udp_packets", &w.udp_packets,
				   "backup", &w.backup)) {
			reply_usage(reply, "backends: %s", error.text);
			continue;
		}
		if (w.weight < 0 && json_object_get(value, "weight"))
			reply_refuse(reply, "backend %.64s: weight %lld is outside 0..%u", w.name,
				     (long long)w.weight, EK_WEIGHT_MAX);
		else if ((w.new_flows < 0 && json_object_get(value, "new_flows")) ||
			 (w.udp_packets < 0 && json_object_get(value, "udp_packets")))
			reply_refuse(reply, "backend %.64s: a capacity is not negative", w.name);
		else
			act(s, &w, reply);
	}
}

static struct config_service *service_choose(const struct daemon *d, struct config *c,
					     const char *name, struct reply *reply)
{
	struct config_service *s = config_service(c, name);
	const char *near, *names[256];
	size_t count = 0;

	if (s)
		return s;
	for (; count < c->service_count && count < 256; count++)
		names[count] = c->services[count].name;
	near = suggest(name, names, count);
	reply_refuse(reply, "service %.64s is not in revision %lld%s%s%s", name,
		     (long long)d->revision.number, near ? "; did you mean " : "", near ? near : "",
		     near ? "?" : "");
	return NULL;
}

/* Appends ",key=N" to a text of 96 bytes, which four of them fit. */
static void number_record(char *text, const json_t *backend, const char *key)
{
	const json_t *number = json_object_get(backend, key);
	size_t used = strlen(text);

	if (json_is_boolean(number))
		snprintf(text + used, 96 - used, ",%s=%s", key,
			 json_is_true(number) ? "yes" : "no");
	if (json_is_integer(number))
		snprintf(text + used, 96 - used, ",%s=%lld", key,
			 (long long)json_integer_value(number));
}

static void command_record(struct request *r, const char *action, const char *service,
			   json_t *backends)
{
	char names[sizeof(r->actor.command)] = "";
	size_t used = 0, i;
	json_t *value;

	json_array_foreach(backends, i, value) {
		const char *name = json_string_value(json_object_get(value, "name"));
		const char *address = json_string_value(json_object_get(value, "address"));
		char set[96] = "";

		number_record(set, value, "weight");
		number_record(set, value, "new_flows");
		number_record(set, value, "udp_packets");
		number_record(set, value, "backup");
		if (used < sizeof(names))
			used += (size_t)snprintf(names + used, sizeof(names) - used, " %s%s%s%s",
						 name ? name : "?", address ? "=" : "",
						 address ? address : "", set);
	}
	request_command(r, "backend %s %s%s", action, service, names);
}

/* Is a backend drained by configuration that shall be no more? */
static bool is_configured(const struct daemon *d, const struct config *c)
{
	for (size_t i = 0; i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];
		const struct config_service *now = config_service(d->config, s->name);

		for (size_t k = 0; k < s->backend_count; k++)
			if (now->backends[k].drain != s->backends[k].drain)
				return true;
	}
	return false;
}

/* The overlay first: the revision, if there is to be one, is laid over by what it leaves. */
static void drains_run(struct request *r, struct config *candidate, struct diag *diag,
		       struct reply *reply)
{
	_cleanup_(config_release) struct config *c = candidate,
						*overlay = config_copy(r->daemon->config);
	const struct change_options options = {};
	bool configured = is_configured(r->daemon, c);

	if (!overlay) {
		reply_refuse(reply, "out of memory");
		return;
	}
	for (size_t i = 0; i < c->service_count; i++)
		for (size_t k = 0; k < c->services[i].backend_count; k++)
			overlay->services[i].backends[k].drain_by_hand =
				c->services[i].backends[k].drain_by_hand;
	change_drains(r, take_ptr(overlay), reply);
	if (reply->exit || !configured)
		return;
	json_decref(reply->result);
	reply->result = NULL;
	change_run(r, take_ptr(c), diag, &options, reply);
}

void request_backend(struct request *r, struct reply *reply)
{
	struct daemon *d = r->daemon;
	_cleanup_(config_release) struct config *c = NULL;
	_cleanup_(diag_release) struct diag diag = {};
	const struct change_options options = {};
	const char *name = "", *action = "", *force = NULL, *reason = NULL;
	struct config_service *s;
	json_t *backends = NULL;
	backend_action act;

	if (!request_arguments(r, reply, "{s:s, s:s, s:o, s?s, s?s}", "service", &name, "action",
			       &action, "backends", &backends, "force", &force, "reason",
			       &reason) ||
	    !request_force(r, force, reason, reply))
		return;
	act = action_find(action);
	if (!act || !json_array_size(backends)) {
		reply_usage(reply, act ? "backends: at least one must be named"
				       : "action: one of add, set, drain, undrain, remove");
		return;
	}
	if (!d->config) {
		reply_refuse(reply, "%s", d->trouble);
		return;
	}
	command_record(r, action, name, backends);
	c = config_copy(d->config);
	s = c ? service_choose(d, c, name, reply) : NULL;
	if (!c)
		reply_refuse(reply, "out of memory");
	if (!s)
		return;
	apply_all(s, act, backends, reply);
	config_check(c, &diag);
	if (reply->exit || diag_failed(&diag)) {
		reply_diagnostics(reply, &diag);
		reply_message(reply, "nothing changed (revision %lld stays)",
			      (long long)d->revision.number);
		return;
	}
	if (act == act_drain || act == act_undrain)
		drains_run(r, take_ptr(c), &diag, reply);
	else
		change_run(r, take_ptr(c), &diag, &options, reply);
}
