/* SPDX-License-Identifier: GPL-2.0 */
/* Where a step sees too little traffic probes through the tunnel stand in: SYNs on the data path's way, to
 * those that get more and to those that do not. A backend that is silent is harm if another one of the
 * service answers, which says that such a probe can be answered at all. */
#include <errno.h>
#include <netinet/in.h>

#include "daemon/facts.h"
#include "daemon/health.h"
#include "daemon/nexthop.h"
#include "daemon/pipeline_internal.h"
#include "dp/install.h"
#include "net/net.h"

/* A SYN may get lost. */
#define PROBE_MISSES 3u
/* A second: of many that get more, and of those to compare with, so many tell enough. */
#define PROBES_MAX 64u

/* A backend that says that nothing listens there serves nobody either. */
static void on_heard(void *context, enum probe_verdict verdict)
{
	struct watched *w = context;

	if (verdict != PROBE_ANSWERED)
		return;
	w->knocking = false;
	w->misses = 0;
}

/* Where it is reached as by a client; NULL: it is not, from here. */
static const struct endpoint *target_of(const struct daemon *d, const struct watched *w)
{
	const struct config_service *s = service_config(d, d->dp->backend_ids[w->index].service);
	const struct config_listener *l = s ? config_listener_of(s, IPPROTO_TCP) : NULL;

	return l && s->forward != EK_FORWARD_NAT ? &l->endpoint : NULL;
}

/* What came of the last one. */
static void judge(struct watched *w, struct watch_backend *b, bool asked)
{
	if (w->knocking && ++w->misses >= PROBE_MISSES)
		b->answer = WATCH_SILENT;
	else if (asked && !w->knocking)
		b->answer = WATCH_ANSWERS;
	w->knocking = false;
}

/* Is it asked? Who is down is judged by health. */
static bool ask(struct daemon *d, size_t i)
{
	struct pipeline *p = d->pipeline;
	struct watched *w = &p->watched[i];
	const struct endpoint *to = target_of(d, w);
	bool asked = w->knock;
	int err;

	if (!to || !p->backends[i].is_up ||
	    (!asked && knock_make(&w->knock, health_knocks(d), on_heard, w)))
		return false;
	judge(w, &p->backends[i], asked);
	err = knock_send(w->knock, to, dp_path(d->dp, w->index), nexthop_find(d, w->index));
	w->knocking = !err || err == -EHOSTUNREACH;
	if (w->knocking)
		return true;
	knock_free(w->knock);
	w->knock = NULL;
	return false;
}

void probes_tick(struct daemon *d)
{
	struct pipeline *p = d->pipeline;
	unsigned int sent[2] = {};

	if (!health_knocks(d))
		return;
	for (size_t i = 0; i < p->count; i++) {
		const struct watch_backend *b = &p->backends[i];

		if (sent[b->touched] < PROBES_MAX && (b->touched ? b->after : b->before))
			sent[b->touched] += ask(d, i);
	}
}

void probes_count(const struct pipeline *p, size_t *asked, size_t *answer)
{
	*asked = *answer = 0;
	for (size_t i = 0; i < p->count; i++) {
		if (!p->backends[i].touched)
			continue;
		*asked += p->backends[i].answer != WATCH_NOT_ASKED;
		*answer += p->backends[i].answer == WATCH_ANSWERS;
	}
}

void probes_end(struct pipeline *p)
{
	for (size_t i = 0; i < p->count; i++)
		knock_free(p->watched[i].knock);
}
