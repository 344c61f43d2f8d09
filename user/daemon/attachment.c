/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/attachment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "lib/cleanup.h"
#include "net/net.h"

/* Attached, not pinned: the link lives as long as its descriptor. A crash of the daemon before
 * the confirmation therefore detaches, which is what the operator who is cut off needs. */
struct held {
	char name[64];
	unsigned int ifindex;
	bool generic;
	int link_fd;
	uint32_t deadline_s;
};

struct attachments {
	struct held *held;
	size_t count, capacity;
	char undone[256]; /* names of those last detached for lack of a confirmation */
	int64_t undone_at;
	struct attachment *known; /* as last listed */
	size_t known_count;
};

int attachments_open(struct daemon *d)
{
	d->attachments = calloc(1, sizeof(*d->attachments));
	if (!d->attachments)
		return log_err(-ENOMEM, "out of memory");
	attachments_refresh(d);
	return 0;
}

void attachments_close(struct attachments *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->count; i++)
		close_fd(&a->held[i].link_fd);
	free(a->held);
	free(a->known);
	free(a);
}

static struct held *held_find(const struct daemon *d, const char *name)
{
	struct attachments *a = d->attachments;

	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->held[i].name, name) == 0)
			return &a->held[i];
	return NULL;
}

size_t attachments_held(const struct daemon *d)
{
	return d->attachments->count;
}

/* Takes it off the list; closes its descriptor, which detaches unless it was pinned. */
static void held_drop(struct attachments *a, struct held *h)
{
	close_fd(&h->link_fd);
	*h = a->held[--a->count];
}

static int held_add(struct attachments *a, const struct held *h)
{
	if (a->count == a->capacity) {
		size_t more = a->capacity ? 2 * a->capacity : 4;
		struct held *grown = reallocarray(a->held, more, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		a->held = grown;
		a->capacity = more;
	}
	a->held[a->count++] = *h;
	return 0;
}

void attachments_adopt(struct daemon *d)
{
	_cleanup_(free_ptr) struct dp_link *links = NULL;
	size_t count = 0;
	int err = dp_links(d->options.pins, &links, &count);

	if (err)
		log_warning("attached interfaces cannot be listed: %s", strerror(-err));
	for (size_t i = 0; i < count; i++) {
		if (!links[i].ifindex) {
			log_warning(
				"interface %s was attached and is gone; when it is back: evenkeel "
				"attach %s",
				links[i].interface, links[i].interface);
			continue;
		}
		log_info("interface %s is attached in %s mode", links[i].interface,
			 links[i].generic ? "generic" : "driver");
	}
	/* A reboot takes all attachments away, and attaching is for people to decide. */
	if (d->config && d->config->service_count && !attachment_exists(d, NULL))
		log_warning("no interface is attached, so no service gets a packet: evenkeel "
			    "attach IF");
}

const char *attachments_undone(const struct daemon *d, int64_t *when)
{
	*when = d->attachments->undone_at;
	return d->attachments->undone;
}

/* Those of one moment together: they were attached by one command. */
static void undone_add(struct attachments *a, const char *name)
{
	int64_t now = clock_wall_s();
	size_t used = now == a->undone_at ? strlen(a->undone) : 0;

	snprintf(a->undone + used, sizeof(a->undone) - used, "%s%s", used ? " " : "", name);
	a->undone_at = now;
}

void attachments_tick(struct daemon *d)
{
	struct attachments *a = d->attachments;
	uint32_t now = clock_now_s();

	for (size_t i = a->count; i-- > 0;) {
		struct held *h = &a->held[i];

		if (now < h->deadline_s)
			continue;
		log_warning("interface %s was not confirmed within %u s: detached", h->name,
			    d->options.confirm_s);
		daemon_event(d, "detach", &d->self, "%s: not confirmed within %u s", h->name,
			     d->options.confirm_s);
		undone_add(a, h->name);
		held_drop(a, h);
	}
}

/* ---- listing --------------------------------------------------------------------------------- */

static uint32_t program_of(const char *interface)
{
	struct link_facts facts;

	return net_link_facts(&facts, interface, NULL) ? 0 : facts.xdp_program;
}

int attachments_list(const struct daemon *d, struct attachment **out, size_t *count)
{
	const struct attachments *a = d->attachments;
	_cleanup_(free_ptr) struct dp_link *links = NULL;
	struct attachment *list;
	uint32_t now = clock_now_s();
	size_t pinned = 0;
	int err = dp_links(d->options.pins, &links, &pinned);

	if (err)
		return err;
	list = calloc(pinned + a->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < pinned; i++) {
		list[i] = (struct attachment){ .ifindex = links[i].ifindex, .confirmed = true };
		list[i].program_id = links[i].program_id;
		list[i].generic = links[i].generic;
		memcpy(list[i].name, links[i].interface, sizeof(list[i].name));
	}
	for (size_t i = 0; i < a->count; i++) {
		const struct held *h = &a->held[i];
		struct attachment *to = &list[pinned + i];

		*to = (struct attachment){ .ifindex = h->ifindex, .generic = h->generic };
		to->program_id = program_of(h->name);
		to->left_s = h->deadline_s > now ? h->deadline_s - now : 0;
		memcpy(to->name, h->name, sizeof(to->name));
	}
	*out = list;
	*count = pinned + a->count;
	return 0;
}

bool attachment_exists(const struct daemon *d, const char *name)
{
	_cleanup_(free_ptr) struct attachment *list = NULL;
	size_t count = 0;

	if (attachments_list(d, &list, &count))
		return false;
	for (size_t i = 0; i < count; i++)
		if (list[i].ifindex && (!name || strcmp(list[i].name, name) == 0))
			return true;
	return false;
}

/* ---- as last listed -------------------------------------------------------------------------- */

static bool same_place(const struct attachment *a, const struct attachment *b)
{
	return a->ifindex == b->ifindex && a->generic == b->generic && !strcmp(a->name, b->name);
}

/* Answers of nat's backends leave by the interfaces that their clients' packets came in by. What is
 * attached in driver mode takes redirected frames; in generic mode any interface does, but not from
 * one in driver mode. Each second, as for the ways to backends (egresses_keep()); what fails goes
 * by the kernel. */
static void egresses_keep_for_nat(const struct daemon *d)
{
	const struct attachments *a = d->attachments;

	if (!(d->dp->global->flags & EK_GLOBAL_NAT))
		return;
	for (size_t i = 0; i < a->known_count; i++) {
		const struct attachment *to = &a->known[i];

		if (to->ifindex && (!to->generic || !attachment_driver_beside(d, to->ifindex)))
			dp_egress_add(d->dp, to->ifindex);
	}
}

bool attachments_refresh(struct daemon *d)
{
	struct attachments *a = d->attachments;
	_cleanup_(free_ptr) struct attachment *list = NULL;
	size_t count = 0;
	bool changed;

	if (attachments_list(d, &list, &count))
		return false;
	changed = count != a->known_count;
	for (size_t i = 0; !changed && i < count; i++)
		changed = !same_place(&list[i], &a->known[i]);
	free(a->known);
	a->known = take_ptr(list);
	a->known_count = count;
	egresses_keep_for_nat(d);
	return changed;
}

const struct attachment *attachment_driver_beside(const struct daemon *d, unsigned int ifindex)
{
	const struct attachments *a = d->attachments;

	for (size_t i = 0; i < a->known_count; i++)
		if (a->known[i].ifindex && a->known[i].ifindex != ifindex && !a->known[i].generic)
			return &a->known[i];
	return NULL;
}

bool attachment_known(const struct daemon *d, unsigned int ifindex)
{
	const struct attachments *a = d->attachments;

	for (size_t i = 0; i < a->known_count; i++)
		if (a->known[i].ifindex == ifindex)
			return true;
	return false;
}

/* ---- detaching ------------------------------------------------------------------------------- */

int attachment_remove(struct daemon *d, const char *name)
{
	struct held *h = held_find(d, name);

	if (h) {
		held_drop(d->attachments, h);
		return 0;
	}
	return dp_link_unpin(d->options.pins, name);
}

/* ---- attaching ------------------------------------------------------------------------------- */

static int keep(struct daemon *d, struct attach_job *job, bool generic,
		char error[static DP_ERROR_MAX])
{
	struct held h = { .ifindex = job->ifindex, .generic = generic, .link_fd = job->link_fd };
	int err;

	snprintf(h.name, sizeof(h.name), "%s", job->name);
	h.deadline_s = clock_now_s() + d->options.confirm_s;
	err = job->hold ? held_add(d->attachments, &h)
			: dp_link_pin(job->link_fd, d->options.pins, job->name);
	if (err) {
		snprintf(error, DP_ERROR_MAX, "%s: the attachment cannot be kept: %s", job->name,
			 strerror(-err));
		return err;
	}
	if (job->hold)
		take_fd(&job->link_fd);
	return 0;
}

static int attach_all(struct daemon *d, struct attach_job *jobs, size_t count, bool generic,
		      char error[static DP_ERROR_MAX])
{
	enum dp_mode mode = generic ? DP_MODE_GENERIC : DP_MODE_DRIVER;

	for (size_t i = 0; i < count; i++) {
		char why[DP_ERROR_MAX] = "";
		int err = dp_attach(d->dp, jobs[i].ifindex, mode, &jobs[i].link_fd, why);

		if (err) {
			snprintf(error, DP_ERROR_MAX, "%s: %.400s", jobs[i].name,
				 why[0] ? why : strerror(-err));
			return err;
		}
	}
	return 0;
}

int attachments_add(struct daemon *d, struct attach_job *jobs, size_t count, bool generic,
		    char error[static DP_ERROR_MAX])
{
	size_t kept = 0;
	int err;

	d->attachments->undone[0] = '\0';
	for (size_t i = 0; i < count; i++)
		jobs[i].link_fd = -1;
	err = attach_all(d, jobs, count, generic, error);
	for (; !err && kept < count; kept++) {
		err = keep(d, &jobs[kept], generic, error);
		if (err)
			break;
	}
	for (size_t i = 0; i < count; i++) {
		if (err && i < kept)
			attachment_remove(d, jobs[i].name);
		close_fd(&jobs[i].link_fd);
	}
	return err;
}

int attachments_confirm(struct daemon *d, const char *name, char (*done)[64], size_t room,
			size_t *count)
{
	struct attachments *a = d->attachments;

	*count = 0;
	for (size_t i = a->count; i-- > 0 && *count < room;) {
		struct held *h = &a->held[i];
		int err;

		if (name && strcmp(name, h->name) != 0)
			continue;
		err = dp_link_pin(h->link_fd, d->options.pins, h->name);
		if (err)
			return log_err(err, "interface %s cannot be pinned: %s", h->name,
				       strerror(-err));
		memcpy(done[*count], h->name, sizeof(h->name));
		++*count;
		held_drop(a, h);
	}
	return 0;
}
