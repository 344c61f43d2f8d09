// SPDX-License-Identifier: GPL-2.0
#include "lib/plan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/maglev.h"
#include "lib/plan_internal.h"

/* ---- who is who ------------------------------------------------------------------------------ */

static int by_identity(const void *a, const void *b)
{
	const struct config_backend *l = *(void *const *)a, *r = *(void *const *)b;
	int order = memcmp(&l->addr, &r->addr, sizeof(l->addr));

	return order ? order : l->port < r->port ? -1 : l->port > r->port;
}

/* Pointers to the pool's backends, sorted by what makes them one to the data path. */
static const struct config_backend **sorted(const struct config_service *s)
{
	const struct config_backend **list = calloc((s ? s->backend_count : 0) + 1, sizeof(void *));

	for (size_t i = 0; list && s && i < s->backend_count; i++)
		list[i] = &s->backends[i];
	if (list && s)
		qsort(list, s->backend_count, sizeof(void *), by_identity);
	return list;
}

static const struct config_backend *find(const struct config_backend *const *list,
					 const struct config_service *s,
					 const struct config_backend *b)
{
	const struct config_backend *const *found =
		s ? bsearch(&b, list, s->backend_count, sizeof(void *), by_identity) : NULL;

	return found ? *found : NULL;
}

static int pair_up(struct plan_service *p)
{
	_cleanup_(free_ptr) const struct config_backend **olds = sorted(p->old);
	_cleanup_(free_ptr) const struct config_backend **nows = sorted(p->now);
	size_t most = (p->old ? p->old->backend_count : 0) + (p->now ? p->now->backend_count : 0);

	p->backends = calloc(most + 1, sizeof(*p->backends));
	if (!p->backends || !olds || !nows)
		return -ENOMEM;
	for (size_t i = 0; p->now && i < p->now->backend_count; i++) {
		const struct config_backend *b = &p->now->backends[i];

		p->backends[p->count++] =
			(struct plan_backend){ .now = b, .old = find(olds, p->old, b) };
	}
	for (size_t i = 0; p->old && i < p->old->backend_count; i++) {
		const struct config_backend *b = &p->old->backends[i];

		if (!find(nows, p->now, b))
			p->backends[p->count++] = (struct plan_backend){ .old = b };
	}
	return 0;
}

/* ---- facts ----------------------------------------------------------------------------------- */

bool plan_names(const char *name, const char *service, const char *backend)
{
	size_t length = strlen(service);

	return !strcmp(name, backend) || (!strncmp(name, service, length) && name[length] == '/' &&
					  !strcmp(name + length + 1, backend));
}

static bool is_lost(const struct plan_input *in, const char *service, const char *backend)
{
	for (size_t i = 0; i < in->lose_count; i++)
		if (plan_names(in->lose[i], service, backend))
			return true;
	return false;
}

const char *plan_unknown_name(const struct plan_input *in)
{
	for (size_t i = 0; i < in->lose_count; i++) {
		bool found = false;

		for (size_t k = 0; k < in->now->service_count && !found; k++) {
			const struct config_service *s = &in->now->services[k];

			for (size_t b = 0; b < s->backend_count && !found; b++)
				found = plan_names(in->lose[i], s->name, s->backends[b].name);
		}
		if (!found)
			return in->lose[i];
	}
	return NULL;
}

/* A plan in the making: what goes in, facts sorted. */
struct planning {
	const struct plan_input *in;
	const struct plan_fact **facts;
};

static int by_fact(const void *a, const void *b)
{
	const struct plan_fact *l = *(void *const *)a, *r = *(void *const *)b;
	int order = memcmp(&l->addr, &r->addr, sizeof(l->addr));

	order = order ? order : l->port < r->port ? -1 : l->port > r->port;
	return order ? order : strcmp(l->service, r->service);
}

static int facts_sort(struct planning *x)
{
	x->facts = calloc(x->in->fact_count + 1, sizeof(void *));
	if (!x->facts)
		return -ENOMEM;
	for (size_t i = 0; i < x->in->fact_count; i++)
		x->facts[i] = &x->in->facts[i];
	qsort(x->facts, x->in->fact_count, sizeof(void *), by_fact);
	return 0;
}

static const struct plan_fact *fact_of(const struct planning *x, const char *service,
				       const struct config_backend *b)
{
	const struct plan_fact key = { .service = service, .addr = b->addr, .port = b->port };
	const struct plan_fact *wanted = &key;
	const struct plan_fact *const *found =
		bsearch(&wanted, x->facts, x->in->fact_count, sizeof(void *), by_fact);

	return found ? *found : NULL;
}

static void know_service(struct plan_service *p, const struct plan_input *in)
{
	for (size_t i = 0; i < in->service_count; i++) {
		const struct plan_service_fact *f = &in->services[i];

		if (strcmp(f->service, p->name) != 0)
			continue;
		p->slots = f->slots;
		p->peak = f->peak;
		if (f->has_rate) {
			p->has_rate = true;
			p->rate = f->rate;
		}
	}
	p->rate *= in->load > 0 ? in->load : 1;
	p->peak *= in->load > 0 ? in->load : 1;
}

/* What it declares in the new configuration: new flows a second. */
static double capacity_of(const struct plan_service *p, const struct plan_backend *b)
{
	return b->now ? config_capacity(p->now, b->now).flows : 0;
}

/* What is known of the backends, and of the traffic: that of the service, or the sum of theirs. */
static void know(struct plan_service *p, const struct planning *x)
{
	double sum = 0;
	bool any = false;

	for (size_t i = 0; i < p->count; i++) {
		struct plan_backend *b = &p->backends[i];
		const struct config_backend *c = b->now ? b->now : b->old;
		const struct plan_fact *f = fact_of(x, p->name, c);

		b->capacity = capacity_of(p, b);
		b->lost = b->now && is_lost(x->in, p->name, c->name);
		if (!f)
			continue;
		b->answer = f->answer;
		b->was = f->was == PLAN_UNKNOWN ? f->answer : f->was;
		b->has_rate = f->has_rate;
		b->rate = f->rate;
		b->best = f->best;
		b->index = f->index;
		if (!b->capacity)
			b->capacity = f->capacity;
		any |= f->has_rate;
		sum += f->has_rate ? f->rate : 0;
	}
	p->has_rate = any;
	p->rate = sum;
	know_service(p, x->in);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void table_release(struct plan_table *t)
{
	free(t->weights);
	free(t->owners);
}

static const struct config_backend *side(const struct plan_backend *b, bool now)
{
	return now ? b->now : b->old;
}

/* What evenkeeld would know of it: as configured all are up. */
static struct eligible_member member_of(const struct plan_service *p, const struct plan_backend *b,
					bool now, bool answering, const struct planning *x)
{
	const struct config_backend *c = side(b, now);
	const struct plan_fact *f = c ? fact_of(x, p->name, c) : NULL;
	enum plan_answer answer = now ? b->answer : b->was;
	bool up = !answering || (answer != PLAN_DOWN && !(now && b->lost));

	if (!c)
		return (struct eligible_member){};
	return (struct eligible_member){
		.weight = config_backend_weight(c),
		.state = up ? HEALTH_UP : HEALTH_DOWN,
		.ever_up = !answering || answer != PLAN_DOWN || (f && f->ever_up),
		.had = b->old && config_backend_weight(b->old),
		.backup = c->backup,
	};
}

/* As configured, or with those that answer: by the rules that evenkeeld goes by. */
static int weigh(struct plan_table *t, const struct plan_service *p, bool now, bool answering,
		 const struct planning *x, enum eligible_mode *mode)
{
	const struct config_service *s = now ? p->now : p->old;
	const struct eligible_policy policy = { s->panic, s->backup_below, s->on_empty };
	_cleanup_(free_ptr) struct eligible_member *members =
		calloc(p->count + 1, sizeof(*members));

	t->weights = calloc(p->count + 1, sizeof(*t->weights));
	if (!members || !t->weights)
		return -ENOMEM;
	for (size_t i = 0; i < p->count; i++)
		members[i] = member_of(p, &p->backends[i], now, answering, x);
	*mode = eligible_weights(t->weights, members, p->count, &policy);
	return 0;
}

/* A table never shrinks: that would unsettle every slot for nothing. */
static uint32_t slots_of(const struct plan_service *p, bool now)
{
	uint32_t slots = p->old ? maglev_size(p->old->backend_count) : 0;
	uint32_t wanted = now ? maglev_size(p->now->backend_count) : 0;

	slots = p->slots > slots ? p->slots : slots;
	return wanted > slots ? wanted : slots;
}

static int fill(struct plan_table *t, const struct plan_service *p, bool now, struct ek_key key)
{
	_cleanup_(free_ptr) struct maglev_member *members = calloc(p->count + 1, sizeof(*members));
	size_t count = 0;

	t->slots = slots_of(p, now);
	t->owners = calloc(t->slots + 1, sizeof(*t->owners));
	if (!members || !t->owners)
		return -ENOMEM;
	for (size_t i = 0; i < p->count; i++) {
		const struct config_backend *c = side(&p->backends[i], now);

		if (c)
			members[count++] = (struct maglev_member){
				.addr = c->addr,
				.weight = t->weights[i],
				.index = (uint32_t)i + 1,
			};
	}
	return maglev_fill(t->owners, t->slots, members, count, key);
}

/* The share of each backend, written `stride` apart. */
static void shares(const struct plan_table *t, double *out, size_t stride)
{
	for (uint32_t i = 0; i < t->slots; i++)
		if (t->owners[i] != EK_NO_BACKEND)
			*(double *)((char *)out + (t->owners[i] - 1) * stride) += 1.0 / t->slots;
}

static int table_make(struct plan_table *t, struct plan_service *p, bool now, bool answering,
		      const struct planning *x, double *share)
{
	enum eligible_mode mode;
	int err;

	if (!(now ? p->now : p->old))
		return 0;
	err = weigh(t, p, now, answering, x, &mode);
	err = err ?: fill(t, p, now, x->in->key);
	if (err)
		return err;
	shares(t, share, sizeof(p->backends[0]));
	for (size_t i = 0; now && !answering && i < p->count; i++)
		p->backends[i].weight = t->weights[i];
	if (now && answering) {
		p->mode = mode;
		for (size_t i = 0; i < p->count; i++)
			p->backends[i].weight_answering = t->weights[i];
	}
	return 0;
}

static uint32_t slots_that_move(const struct plan_table *old, const struct plan_table *now)
{
	uint32_t moved = 0;

	for (uint32_t i = 0; i < now->slots; i++)
		moved += old->owners[i] != now->owners[i];
	return moved;
}

static int tables(struct plan_service *p, const struct planning *x)
{
	_cleanup_(table_release) struct plan_table old = {}, now = {}, old_up = {}, now_up = {};
	struct plan_backend *b = p->backends;
	int err;

	err = table_make(&old, p, false, false, x, &b->old_share);
	err = err ?: table_make(&old_up, p, false, true, x, &b->old_answering);
	err = err ?: table_make(&now, p, true, false, x, &b->share);
	err = err ?: table_make(&now_up, p, true, true, x, &b->answering);
	if (err)
		return err;
	p->rebuilt =
		p->old && p->now && (old_up.slots != now_up.slots || p->old->hash != p->now->hash);
	p->slots = p->now ? now_up.slots : old_up.slots;
	if (p->rebuilt)
		p->moved = p->slots;
	else if (p->old && p->now)
		p->moved = slots_that_move(&old_up, &now_up);
	return plan_predict(p, x->in, &old_up, &now_up);
}

/* ---- one service ----------------------------------------------------------------------------- */

static void judge(struct plan_service *p)
{
	for (size_t i = 0; i < p->count; i++) {
		struct plan_backend *b = &p->backends[i];

		b->new_rate = p->rate * b->answering;
		p->pool_changes |= !b->old != !b->now || (b->old && b->was != b->answer) ||
				   fabs(b->old_share - b->share) > 1e-9 ||
				   fabs(b->old_answering - b->answering) > 1e-9;
	}
	p->pool_changes |= p->rebuilt;
	plan_worst(p);
}

static int service_plan(struct plan_service *p, const struct planning *x)
{
	int err = pair_up(p);

	if (err)
		return err;
	know(p, x);
	err = tables(p, x);
	if (!err)
		judge(p);
	return err;
}

static int service_add(struct plan *p, const struct config_service *old,
		       const struct config_service *now, const struct planning *x)
{
	struct plan_service *s = &p->services[p->service_count++];

	*s = (struct plan_service){ .name = now ? now->name : old->name, .old = old, .now = now };
	return service_plan(s, x);
}

/* Every service of both that is to be looked at. */
static int services_add(struct plan *p, const struct planning *x)
{
	const struct plan_input *in = x->in;
	int err = 0;

	for (size_t i = 0; i < in->now->service_count && !err; i++) {
		const struct config_service *s = &in->now->services[i], *old = NULL;

		if (in->old)
			old = config_service(in->old, s->name);
		if (in->all || !old || !config_service_equal(old, s))
			err = service_add(p, old, s, x);
	}
	for (size_t i = 0; in->old && i < in->old->service_count && !err; i++)
		if (!config_service(in->now, in->old->services[i].name))
			err = service_add(p, &in->old->services[i], NULL, x);
	return err;
}

int plan_build(struct plan *out, const struct plan_input *in)
{
	_cleanup_(plan_clear) struct plan p = { .load = in->load > 0 ? in->load : 1 };
	size_t most = in->now->service_count + (in->old ? in->old->service_count : 0);
	struct planning x = { .in = in };
	int err = facts_sort(&x);

	p.services = calloc(most + 1, sizeof(*p.services));
	if (!p.services)
		err = -ENOMEM;
	p.services_before = in->old ? in->old->service_count : 0;
	for (size_t i = 0; i < in->fact_count; i++)
		p.probed |= in->facts[i].answer != PLAN_UNKNOWN;
	err = err ?: services_add(&p, &x);
	err = err ?: plan_hosts(&p);
	free(x.facts);
	if (err)
		return err;
	*out = p;
	p = (struct plan){};
	return 0;
}

void plan_clear(struct plan *p)
{
	for (size_t i = 0; i < p->service_count; i++) {
		free(p->services[i].backends);
		free(p->services[i].clients.before);
		free(p->services[i].clients.after);
	}
	free(p->services);
	free(p->hosts);
	*p = (struct plan){};
}
