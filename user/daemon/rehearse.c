// SPDX-License-Identifier: GPL-2.0
#include "daemon/rehearse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/attachment.h"
#include "daemon/log.h"
#include "daemon/nexthop.h"
#include "dp/rehearse.h"
#include "lib/cleanup.h"
#include "net/clock.h"

/* Altogether. One takes microseconds; and those that run through the data path in force are counted
 * there, as if clients had sent them. */
#define CANDIDATE_PACKETS 4096u
#define IN_FORCE_PACKETS 256u

/* Of a change of more services than these the first ones are rehearsed: working a thousand tables
 * out three times would take seconds, in which nothing else is done. */
#define SERVICES_MOST 128u

static void close_dp(struct dp **dp)
{
	dp_close(*dp);
}

static bool is_changed(const struct daemon *d, const struct config_service *s)
{
	const struct config_service *now = d->config ? config_service(d->config, s->name) : NULL;
	_cleanup_(free_ptr) char *before = now ? config_service_text(now) : NULL;
	_cleanup_(free_ptr) char *after = config_service_text(s);

	return !before || !after || strcmp(before, after) != 0;
}

/* The services that change, or the first of them, as a configuration that borrows from `c`: only `services` is to be
 * freed. */
static int changed_part(const struct daemon *d, const struct config *c, struct config *out)
{
	struct config part = *c;

	part.services = calloc(c->service_count + 1, sizeof(*part.services));
	part.service_count = 0;
	if (!part.services)
		return -ENOMEM;
	for (size_t i = 0; i < c->service_count && part.service_count < SERVICES_MOST; i++)
		if (is_changed(d, &c->services[i]))
			part.services[part.service_count++] = c->services[i];
	*out = part;
	return 0;
}

static void part_release(struct config *part)
{
	free(part->services);
}

static bool hop_of(void *context, uint32_t backend, struct path_hop *out)
{
	return nexthop_path_hop(context, backend, out);
}

/* So that they are counted as clients' packets would be. */
static bool comes_in(void *context, uint32_t ifindex)
{
	return attachment_known(context, ifindex);
}

static struct dp_rehearsal rehearsal_of(struct daemon *d, const struct config *part)
{
	return (struct dp_rehearsal){ .config = part,
				      .hop_of = hop_of,
				      .context = d,
				      .seed = clock_now_ms(),
				      .packets = CANDIDATE_PACKETS };
}

int rehearse_candidate(struct daemon *d, const struct config *c, char error[static DP_ERROR_MAX])
{
	_cleanup_(part_release) struct config part = {};
	_cleanup_(close_dp) struct dp *second = NULL;
	struct dp_rehearsal r = rehearsal_of(d, &part);
	struct dp_rehearsed done;
	int err = changed_part(d, c, &part);

	if (err || !part.service_count)
		return err;
	err = dp_rehearse_open(&second, d->dp, &part, clock_now_s(), error);
	err = err ?: dp_rehearse(second, &r, &done, error);
	if (!err)
		log_info("rehearsed: %u services, %u slots, %u packets as planned, %u dropped for "
			 "want of a next hop",
			 done.services, done.slots, done.packets, done.unready);
	return err;
}

int rehearse_in_force(struct daemon *d, const struct config *c, char error[static DP_ERROR_MAX])
{
	_cleanup_(part_release) struct config part = {};
	struct dp_rehearsal r = rehearsal_of(d, &part);
	struct dp_rehearsed done;
	int err = changed_part(d, c, &part);

	r.packets = IN_FORCE_PACKETS;
	r.live = true;
	r.comes_in = comes_in;
	err = err ?: dp_rehearse(d->dp, &r, &done, error);
	/* They are counted as traffic, and are none. */
	d->rehearsed = err ? IN_FORCE_PACKETS : done.packets;
	d->rehearsed_s = clock_now_s();
	return err;
}
