// SPDX-License-Identifier: GPL-2.0
#include "daemon/macs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/attachment.h"
#include "daemon/log.h"
#include "daemon/nexthop.h"
#include "lib/cleanup.h"

struct mac_list {
	uint8_t mac[EK_MACS_MAX + 1][6]; /* one more, to see that there are too many */
	size_t count;
};

struct macs {
	struct mac_list in_force, now;
	bool known; /* in_force is what the data path has */
	int told;   /* the last error that was logged: it may stay for long */
};

int macs_open(struct macs **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void macs_close(struct macs *m)
{
	free(m);
}

/* Most frames come to an interface that is attached: the data path looks at its address first. */
static unsigned int first_attached(const struct daemon *d)
{
	_cleanup_(free_ptr) struct attachment *list = NULL;
	size_t count = 0;

	return attachments_list(d, &list, &count) || !count ? 0 : list[0].ifindex;
}

static bool differ(const struct mac_list *a, const struct mac_list *b)
{
	return a->count != b->count || memcmp(a->mac, b->mac, a->count * sizeof(a->mac[0]));
}

void macs_sync(struct daemon *d)
{
	struct macs *m = d->macs;
	size_t room = sizeof(m->now.mac) / sizeof(m->now.mac[0]), count;
	int err;

	count = hops_macs(nexthops_hops(d), first_attached(d), m->now.mac, room);
	m->now.count = count < room ? count : room;
	if (m->known && !differ(&m->now, &m->in_force))
		return;
	err = dp_macs_set(d->dp, (const uint8_t(*)[6])m->now.mac, m->now.count);
	m->known = !err || err == -E2BIG;
	m->in_force = m->now;
	if (err == m->told)
		return;
	m->told = err;
	if (err == -E2BIG)
		log_warning("this host has more than %u interfaces: frames to other hosts' MAC "
			    "addresses, should any be seen, are balanced too",
			    EK_MACS_MAX);
	else if (err)
		log_warning("the MAC addresses of this host cannot be told to the data path: %s",
			    strerror(-err));
}
