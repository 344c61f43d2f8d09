/* SPDX-License-Identifier: GPL-2.0 */
/* attach, detach, confirm. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/attachment.h"
#include "daemon/facts.h"
#include "daemon/log.h"
#include "daemon/nexthop.h"
#include "daemon/pipeline.h"
#include "daemon/request.h"
#include "lib/addr.h"
#include "lib/cleanup.h"
#include "net/net.h"

/* More than any host has NICs, and few enough for one answer. */
#define INTERFACES_MAX 64

/* One interface of an attach request. */
struct candidate {
	const char *name;
	struct link_facts facts;
	struct findings findings;
	bool present; /* attached already */
	bool stale;   /* a pin of its name is left of an interface that is gone */
	bool hold;
};

struct attach_request {
	struct candidate *candidates;
	size_t count;
	bool generic, yes;
	bool has_session;
	struct ek_addr session;
};

static void attach_request_release(struct attach_request *a)
{
	for (size_t i = 0; i < a->count; i++)
		findings_release(&a->candidates[i].findings);
	free(a->candidates);
}

/* The names of a request, each once and of a form that an interface can have. */
static bool names_read(json_t *names, const char **out, size_t *count, struct reply *reply)
{
	json_t *value;
	size_t i;

	*count = 0;
	/* An empty array means all: nothing else may be taken for one. */
	if (!json_is_array(names)) {
		reply_usage(reply, "interfaces: an array of names is needed");
		return false;
	}
	if (json_array_size(names) > INTERFACES_MAX) {
		reply_usage(reply, "more than %d interfaces", INTERFACES_MAX);
		return false;
	}
	json_array_foreach(names, i, value) {
		const char *name = json_string_value(value);
		bool known = false;

		if (!name || !*name || strlen(name) >= IF_NAMESIZE || strchr(name, '/')) {
			reply_usage(reply, "\"%.32s\" is no name of an interface",
				    name ? name : "");
			return false;
		}
		for (size_t k = 0; k < *count; k++)
			known |= strcmp(out[k], name) == 0;
		if (!known)
			out[(*count)++] = name;
	}
	return true;
}

static bool attach_arguments(struct request *r, struct attach_request *a, struct reply *reply)
{
	const char *names[INTERFACES_MAX], *session = NULL, *why;
	json_t *interfaces = NULL;
	int generic = 0, yes = 0;
	size_t count;

	if (!request_arguments(r, reply, "{s:o, s?b, s?b, s?s}", "interfaces", &interfaces,
			       "generic", &generic, "yes", &yes, "session", &session) ||
	    !names_read(interfaces, names, &count, reply))
		return false;
	if (!count) {
		reply_usage(reply, "attach: no interface named");
		return false;
	}
	if (session && *session && addr_parse(&a->session, session, &why)) {
		reply_usage(reply, "session: address %.64s %s", session, why);
		return false;
	}
	a->has_session = session && *session;
	a->generic = generic;
	a->yes = yes;
	a->candidates = calloc(count, sizeof(*a->candidates));
	if (!a->candidates) {
		reply_refuse(reply, "out of memory");
		return false;
	}
	a->count = count;
	for (size_t i = 0; i < count; i++)
		a->candidates[i].name = names[i];
	return true;
}

static void candidate_compare(struct candidate *c, const struct attachment *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].ifindex == c->facts.ifindex && list[i].ifindex)
			c->present = true;
		else if (!list[i].ifindex && strcmp(list[i].name, c->name) == 0)
			c->stale = true;
	}
	c->facts.xdp_is_ours = c->present;
}

/* Looks at every interface before touching one. */
static void attach_check(const struct daemon *d, struct attach_request *a, struct reply *reply)
{
	_cleanup_(free_ptr) struct attachment *list = NULL;
	size_t attached = 0;
	int err = attachments_list(d, &list, &attached);

	if (err)
		reply_refuse(reply, "attached interfaces cannot be listed: %s", strerror(-err));
	for (size_t i = 0; i < a->count; i++) {
		struct candidate *c = &a->candidates[i];

		err = net_link_facts(&c->facts, c->name, a->has_session ? &a->session : NULL);
		if (err) {
			reply_refuse(reply, "%s: %s", c->name,
				     err == -ENODEV ? "no such interface (ip link shows them)"
						    : strerror(-err));
			continue;
		}
		candidate_compare(c, list, attached);
		c->facts.jumbo = d->dp->sizes.jumbo;
		preflight_link(&c->findings, &c->facts, a->generic);
		c->hold = !a->yes && (c->facts.default_route || c->facts.session);
		findings_say(&c->findings, reply);
	}
}

static void attach_say_refused(const struct attach_request *a, const char *error,
			       struct reply *reply)
{
	if (a->generic)
		reply_refuse(reply, "nothing was attached: %s", error);
	else
		reply_refuse(
			reply,
			"nothing was attached: %s; if the driver has no XDP, --generic works on "
			"any interface, several times slower, as the kernel then copies each "
			"packet into a buffer first",
			error);
}

static bool attach_do(struct request *r, struct attach_request *a, struct reply *reply)
{
	struct attach_job jobs[INTERFACES_MAX];
	char error[DP_ERROR_MAX] = "";
	size_t count = 0;

	for (size_t i = 0; i < a->count; i++) {
		struct candidate *c = &a->candidates[i];

		if (c->present)
			continue;
		if (c->stale)
			attachment_remove(r->daemon, c->name);
		jobs[count++] = (struct attach_job){ .name = c->name,
						     .ifindex = c->facts.ifindex,
						     .hold = c->hold };
	}
	if (attachments_add(r->daemon, jobs, count, a->generic, error)) {
		attach_say_refused(a, error, reply);
		return false;
	}
	return true;
}

static void attach_say(struct request *r, const struct attach_request *a, const struct candidate *c,
		       struct reply *reply)
{
	const char *mode = a->generic ? "generic" : "driver";

	if (c->present) {
		reply_message(reply, "%s is attached already", c->name);
		return;
	}
	if (c->hold)
		reply_message(
			reply,
			"%s carries %s: it is detached again in %u s unless you run: evenkeel "
			"confirm",
			c->name, c->facts.session ? "your session" : "the default route",
			r->daemon->options.confirm_s);
	log_notice("interface %s attached in %s mode%s", c->name, mode,
		   c->hold ? ", to be confirmed" : "");
	daemon_event(r->daemon, "attach", &r->actor, "%s in %s mode%s", c->name, mode,
		     c->hold ? ", to be confirmed" : "");
}

/* What each interface of the request is now. */
static json_t *attach_result(const struct daemon *d, const struct attach_request *a)
{
	_cleanup_(free_ptr) struct attachment *list = NULL;
	json_t *interfaces = json_array();
	size_t count = 0;

	if (attachments_list(d, &list, &count))
		count = 0;
	for (size_t i = 0; i < a->count; i++) {
		const struct candidate *c = &a->candidates[i];
		const struct attachment *now = NULL;

		for (size_t k = 0; k < count; k++)
			if (list[k].ifindex && list[k].ifindex == c->facts.ifindex)
				now = &list[k];
		json_array_append_new(
			interfaces,
			json_pack("{s:s, s:o, s:o, s:o}", "name", c->name, "mode",
				  now ? json_string(now->generic ? "generic" : "driver")
				      : json_null(),
				  "confirm_within_s",
				  now && !now->confirmed ? json_integer(now->left_s) : json_null(),
				  "findings", findings_json(&c->findings)));
	}
	return json_pack("{s:o}", "interfaces", interfaces);
}

static void attach_say_lost(struct daemon *d, struct reply *reply)
{
	char reason[NEXTHOP_REASON_MAX];
	size_t count;

	nexthops_attached(d);
	count = nexthops_lost(d, reason);
	if (count)
		reply_message(reply, "warning: %zu backends have no next hop now: %s", count,
			      reason);
}

void request_attach(struct request *r, struct reply *reply)
{
	_cleanup_(attach_request_release) struct attach_request a = {};
	struct daemon *d = r->daemon;

	if (!attach_arguments(r, &a, reply))
		return;
	request_command(r, "attach %s%s", a.candidates[0].name, a.count > 1 ? " ..." : "");
	attach_check(d, &a, reply);
	if (!reply->exit && attach_do(r, &a, reply)) {
		for (size_t i = 0; i < a.count; i++) {
			char done[1][64];
			size_t count;

			/* --yes confirms what is waiting, too. */
			if (a.yes && a.candidates[i].present)
				attachments_confirm(d, a.candidates[i].name, done, 1, &count);
			attach_say(r, &a, &a.candidates[i], reply);
		}
	}
	attach_say_lost(d, reply);
	reply->result = attach_result(d, &a);
}

/* ---- detach ---------------------------------------------------------------------------------- */

static bool attached(const struct attachment *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].name, name) == 0)
			return true;
	return false;
}

static void detach_one(struct request *r, const char *name, json_t *detached, struct reply *reply)
{
	int err = attachment_remove(r->daemon, name);

	if (err) {
		reply_refuse(reply, "%s cannot be detached: %s", name, strerror(-err));
		return;
	}
	json_array_append_new(detached, json_clean(name));
	log_notice("interface %s detached by %s", name, r->actor.user);
	daemon_event(r->daemon, "detach", &r->actor, "%s", name);
}

void request_detach(struct request *r, struct reply *reply)
{
	_cleanup_(free_ptr) struct attachment *list = NULL;
	const char *names[INTERFACES_MAX];
	json_t *interfaces = NULL, *detached;
	size_t count = 0, named = 0;
	int err;

	if (!request_arguments(r, reply, "{s:o}", "interfaces", &interfaces) ||
	    !names_read(interfaces, names, &named, reply))
		return;
	err = attachments_list(r->daemon, &list, &count);
	if (err) {
		reply_refuse(reply, "attached interfaces cannot be listed: %s", strerror(-err));
		return;
	}
	for (size_t i = 0; i < named; i++)
		if (!attached(list, count, names[i]))
			reply_refuse(reply, "%s is not attached; nothing was detached", names[i]);
	if (reply->exit)
		return;
	request_command(r, "detach %s%s", named ? names[0] : "", named > 1 ? " ..." : "");
	detached = json_array();
	for (size_t i = 0; i < (named ? named : count); i++)
		detach_one(r, named ? names[i] : list[i].name, detached, reply);
	nexthops_attached(r->daemon);
	reply->result = json_pack("{s:o}", "detached", detached);
}

/* ---- confirm --------------------------------------------------------------------------------- */

static void confirm_refuse(const struct daemon *d, struct reply *reply)
{
	int64_t when;
	const char *undone = attachments_undone(d, &when);
	time_t t = when;
	struct tm tm = {};
	char clock[16];

	localtime_r(&t, &tm);
	strftime(clock, sizeof(clock), "%H:%M", &tm);
	if (*undone)
		reply_refuse(
			reply,
			"too late: %s was detached at %s, not confirmed within %u s; to attach "
			"again: evenkeel attach %s",
			undone, clock, d->options.confirm_s, undone);
	else
		reply_refuse(reply, "nothing waits to be confirmed (evenkeel status shows what is "
				    "attached)");
}

void request_confirm(struct request *r, struct reply *reply)
{
	char done[INTERFACES_MAX][64];
	json_t *confirmed;
	int64_t revision = 0;
	size_t count = 0;
	bool change;
	int err = 0;

	if (!request_arguments(r, reply, "{}"))
		return;
	request_command(r, "confirm");
	change = pipeline_confirm(r->daemon, &r->actor, &revision);
	if (!change && !attachments_held(r->daemon)) {
		confirm_refuse(r->daemon, reply);
		return;
	}
	if (attachments_held(r->daemon))
		err = attachments_confirm(r->daemon, NULL, done, INTERFACES_MAX, &count);
	if (err)
		reply_refuse(reply,
			     "not everything could be confirmed: %s; what is not detaches by "
			     "itself",
			     strerror(-err));
	confirmed = json_array();
	for (size_t i = 0; i < count; i++) {
		json_array_append_new(confirmed, json_clean(done[i]));
		daemon_event(r->daemon, "confirm", &r->actor, "%s", done[i]);
	}
	reply->result = json_pack("{s:o, s:o}", "confirmed", confirmed, "revision",
				  change ? json_integer(revision) : json_null());
}
