// SPDX-License-Identifier: GPL-2.0
/* The checks that look at the model alone. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/config_internal.h"

/* A listener and whose it is. */
struct claim {
	const struct config_listener *listener;
	const struct config_service *service;
};

struct check {
	const struct config *config;
	struct diag *d;
	bool draft;           /* see config_check_draft() */
	struct claim *claims; /* of all services, by address, port, protocol, then as in the text */
	size_t claim_count;
};

const char *config_other_place(struct place p, char buf[static OTHER_PLACE_MAX])
{
	buf[0] = '\0';
	if (p.line)
		snprintf(buf, OTHER_PLACE_MAX, " (line %u, column %u)", p.line, p.column);
	return buf;
}

/* In a draft, what could not be read has no place and was reported. */
static bool is_unread(const struct check *k, struct place p)
{
	return k->draft && !p.line;
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

const char *config_name_problem(const char *name)
{
	size_t length = strlen(name);

	if (!length)
		return "is empty";
	if (length > EK_NAME_MAX)
		return "is longer than 63 characters";
	if (!is_name_start(name[0]))
		return "must begin with a letter or digit";
	for (const char *c = name; *c; c++) {
		if (!is_name_start(*c) && !strchr("._-", *c))
			return "may hold only letters, digits, '.', '_' and '-'";
	}
	return NULL;
}

const char *config_interface_problem(const char *name)
{
	if (!*name)
		return "is empty";
	if (strlen(name) > CONFIG_INTERFACE_NAME_MAX)
		return "is longer than 15 characters, the kernel's limit";
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return "is not possible in the kernel";
	for (const char *c = name; *c; c++) {
		if (*c <= ' ' || *c > '~' || *c == '/' || *c == ':')
			return "may not hold white space, '/', ':' or anything but ASCII";
	}
	return NULL;
}

static void check_name(const struct check *k, const char *what, const char *name, struct place p)
{
	const char *problem = k->draft ? NULL : config_name_problem(name);

	if (problem)
		diag_error_at(k->d, p, "%s name '%s' %s", what, name, problem);
}

/* ---- doubles: sort pointers, look at neighbours ---------------------------------------------- */

static int by_address_in_memory(const void *a, const void *b)
{
	return a < b ? -1 : a > b;
}

static int by_service_name(const void *a, const void *b)
{
	const struct config_service *l = *(void *const *)a, *r = *(void *const *)b;
	int order = strcmp(l->name, r->name);

	return order ? order : by_address_in_memory(l, r);
}

static int by_backend_name(const void *a, const void *b)
{
	const struct config_backend *l = *(void *const *)a, *r = *(void *const *)b;
	int order = strcmp(l->name, r->name);

	return order ? order : by_address_in_memory(l, r);
}

static int by_backend_address(const void *a, const void *b)
{
	const struct config_backend *l = *(void *const *)a, *r = *(void *const *)b;
	int order = memcmp(&l->addr, &r->addr, sizeof(l->addr));

	return order ? order : by_address_in_memory(l, r);
}

/* Pointers to the elements of an array, sorted. NULL when there is none or no memory. */
static const void **sorted_pointers(const struct check *k, const void *array, size_t count,
				    size_t size, int (*compare)(const void *, const void *))
{
	const void **sorted = count ? reallocarray(NULL, count, sizeof(*sorted)) : NULL;

	if (!sorted) {
		k->d->out_of_memory |= count != 0;
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		sorted[i] = (const char *)array + i * size;
	qsort(sorted, count, sizeof(*sorted), compare);
	return sorted;
}

static void check_service_names(const struct check *k)
{
	const struct config *c = k->config;
	_cleanup_(free_ptr) const void **sorted = sorted_pointers(
		k, c->services, c->service_count, sizeof(*c->services), by_service_name);
	const struct config_service *first = NULL;
	char where[OTHER_PLACE_MAX];

	for (size_t i = 0; sorted && i < c->service_count; i++) {
		const struct config_service *s = sorted[i];

		if (first && *s->name && !strcmp(first->name, s->name))
			diag_error_at(k->d, s->place,
				      "service '%s' is there already%s: give it another name",
				      s->name, config_other_place(first->place, where));
		else
			first = s;
	}
}

static void check_backend_names(const struct check *k, const struct config_service *s)
{
	_cleanup_(free_ptr) const void **sorted = sorted_pointers(
		k, s->backends, s->backend_count, sizeof(*s->backends), by_backend_name);
	const struct config_backend *first = NULL;
	char where[OTHER_PLACE_MAX];

	for (size_t i = 0; sorted && i < s->backend_count; i++) {
		const struct config_backend *b = sorted[i];

		if (first && *b->name && !strcmp(first->name, b->name))
			diag_error_at(k->d, b->place,
				      "backend '%s' is in service '%s' already%s: give it "
				      "another name",
				      b->name, s->name, config_other_place(first->place, where));
		else
			first = b;
	}
}

static void check_backend_addresses(const struct check *k, const struct config_service *s)
{
	_cleanup_(free_ptr) const void **sorted = sorted_pointers(
		k, s->backends, s->backend_count, sizeof(*s->backends), by_backend_address);
	const struct config_backend *first = NULL;
	char where[OTHER_PLACE_MAX], text[ADDR_TEXT_MAX];

	for (size_t i = 0; sorted && i < s->backend_count; i++) {
		const struct config_backend *b = sorted[i];

		if (is_unread(k, b->addr_place))
			continue;
		if (first && addr_equal(&first->addr, &b->addr))
			diag_error_at(k->d, b->addr_place,
				      "%s/%s: address %s is that of backend '%s' "
				      "already%s: a server is in a pool once",
				      s->name, b->name, addr_text(&b->addr, text), first->name,
				      config_other_place(first->addr_place, where));
		else
			first = b;
	}
}

/* ---- listeners ------------------------------------------------------------------------------- */

static int compare_endpoints(const struct endpoint *l, const struct endpoint *r)
{
	int order = memcmp(&l->addr, &r->addr, sizeof(l->addr));

	if (order)
		return order;
	if (l->port != r->port)
		return l->port < r->port ? -1 : 1;
	return l->proto < r->proto ? -1 : l->proto > r->proto;
}

static int by_endpoint(const void *a, const void *b)
{
	const struct claim *l = a, *r = b;
	int order = compare_endpoints(&l->listener->endpoint, &r->listener->endpoint);

	if (order)
		return order;
	order = by_address_in_memory(l->service, r->service);
	return order ? order : by_address_in_memory(l->listener, r->listener);
}

static int by_address(const void *key, const void *element)
{
	const struct claim *claim = element;

	return memcmp(key, &claim->listener->endpoint.addr, sizeof(struct ek_addr));
}

static int collect_claims(struct check *k)
{
	const struct config *c = k->config;
	size_t count = 0;

	for (size_t i = 0; i < c->service_count; i++)
		count += c->services[i].listener_count;
	/* One more than needed: an allocation of nothing may be NULL. */
	k->claims = reallocarray(NULL, count + 1, sizeof(*k->claims));
	if (!k->claims)
		return -ENOMEM;
	for (size_t i = 0; i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];

		for (size_t j = 0; j < s->listener_count; j++) {
			if (!is_unread(k, s->listeners[j].place))
				k->claims[k->claim_count++] = (struct claim){ &s->listeners[j], s };
		}
	}
	qsort(k->claims, k->claim_count, sizeof(*k->claims), by_endpoint);
	return 0;
}

static void check_claims(const struct check *k)
{
	const struct claim *first = NULL;
	char text[ENDPOINT_TEXT_MAX], where[OTHER_PLACE_MAX];

	for (size_t i = 0; i < k->claim_count; i++) {
		const struct claim *claim = &k->claims[i];
		const struct config_listener *l = claim->listener;

		if (first && !compare_endpoints(&first->listener->endpoint, &l->endpoint))
			diag_error_at(k->d, l->place,
				      "listener %s is claimed by service '%s' already%s: "
				      "remove one",
				      endpoint_text(&l->endpoint, text), first->service->name,
				      config_other_place(first->listener->place, where));
		else
			first = claim;
	}
	if (k->claim_count > EK_LISTENERS_MAX)
		diag_error(k->d, 0, 0, "%zu listeners are more than the data path holds: %u",
			   k->claim_count, EK_LISTENERS_MAX);
}

static void check_listener(const struct check *k, const struct config_service *s,
			   const struct config_listener *l)
{
	const struct endpoint *e = &l->endpoint;
	char text[ADDR_TEXT_MAX];
	const char *problem;

	if (is_unread(k, l->place))
		return;
	problem = addr_unusable(&e->addr);
	if (problem)
		diag_error_at(k->d, l->place, "service '%s' cannot listen on %s: it %s", s->name,
			      addr_text(&e->addr, text), problem);
	if (!e->port || (e->proto != IPPROTO_TCP && e->proto != IPPROTO_UDP))
		diag_error_at(k->d, l->place,
			      "service '%s': a listener needs a port and the protocol tcp or udp",
			      s->name);
}

/* ---- pools ----------------------------------------------------------------------------------- */

static void check_address(const struct check *k, const struct config_service *s,
			  const struct config_backend *b)
{
	char text[ADDR_TEXT_MAX], where[OTHER_PLACE_MAX];
	const struct claim *claim;
	const char *problem;

	if (is_unread(k, b->addr_place))
		return;
	problem = addr_unusable(&b->addr);
	if (problem)
		diag_error_at(k->d, b->addr_place, "%s/%s: address %s %s: it cannot be a backend",
			      s->name, b->name, addr_text(&b->addr, text), problem);
	claim = bsearch(&b->addr, k->claims, k->claim_count, sizeof(*k->claims), by_address);
	if (claim)
		diag_error_at(k->d, b->addr_place,
			      "%s/%s: service '%s' listens on address %s%s: give the "
			      "server's own address, or its packets come back here",
			      s->name, b->name, claim->service->name, addr_text(&b->addr, text),
			      config_other_place(claim->listener->place, where));
}

static void check_backend(const struct check *k, const struct config_service *s,
			  const struct config_backend *b)
{
	check_name(k, "backend", b->name, b->place);
	check_address(k, s, b);
	if (b->weight > EK_WEIGHT_MAX)
		diag_error_at(k->d, b->weight_place, "%s/%s: weight %u is above %u", s->name,
			      b->name, b->weight, EK_WEIGHT_MAX);
}

static bool has_weight(const struct config_service *s)
{
	for (size_t i = 0; i < s->backend_count; i++) {
		if (config_backend_weight(&s->backends[i]))
			return true;
	}
	return false;
}

static void check_pool(const struct check *k, const struct config_service *s)
{
	for (size_t i = 0; i < s->backend_count; i++)
		check_backend(k, s, &s->backends[i]);
	check_backend_names(k, s);
	check_backend_addresses(k, s);
	if (!s->backend_count)
		diag_error_at(k->d, s->place,
			      "service '%s' has no backends: add at least one below 'backends:'",
			      s->name);
	else if (!has_weight(s))
		diag_error_at(k->d, s->place,
			      "service '%s': every backend is drained or has weight 0, so "
			      "nobody takes new flows",
			      s->name);
	if (s->backend_count > EK_TABLE_SLOTS_MAX)
		diag_error_at(k->d, s->place,
			      "service '%s': %zu backends are more than a table has slots: %u",
			      s->name, s->backend_count, EK_TABLE_SLOTS_MAX);
}

/* ---- services -------------------------------------------------------------------------------- */

static void check_service(const struct check *k, const struct config_service *s)
{
	check_name(k, "service", s->name, s->place);
	if (!s->listener_count)
		diag_error_at(k->d, s->place,
			      "service '%s' has no listeners: add at least one "
			      "\"address:port/protocol\" to 'listen:'",
			      s->name);
	for (size_t i = 0; i < s->listener_count; i++)
		check_listener(k, s, &s->listeners[i]);
	if (s->forward == EK_FORWARD_NONE)
		diag_error_at(k->d, s->place, "service '%s': forward must be l2, ipip, gue or nat",
			      s->name);
	if (s->idle_s < CONFIG_IDLE_MIN_S || s->idle_s > CONFIG_IDLE_MAX_S)
		diag_error_at(k->d, s->place, "service '%s': idle_time %u s is not within %u..%u s",
			      s->name, s->idle_s, CONFIG_IDLE_MIN_S, CONFIG_IDLE_MAX_S);
	if (s->drain_s > CONFIG_DRAIN_MAX_S)
		diag_error_at(k->d, s->place, "service '%s': drain_time %u s is above %u s",
			      s->name, s->drain_s, CONFIG_DRAIN_MAX_S);
	if (s->hold_s > CONFIG_HOLD_MAX_S)
		diag_error_at(k->d, s->place, "service '%s': hold_time %u s is above %u s", s->name,
			      s->hold_s, CONFIG_HOLD_MAX_S);
	check_pool(k, s);
	config_check_modes(s, k->d);
	config_check_capacity(s, k->d);
	config_check_health(s, k->d);
	config_check_spares(s, k->d);
	config_check_rebalance(s, k->d);
}

/* A draft's interfaces were checked while reading, where their places were known. */
static void check_interfaces(const struct check *k)
{
	const struct config *c = k->config;

	for (size_t i = 0; !k->draft && i < c->interface_count; i++) {
		const char *name = c->interfaces[i];
		const char *problem = config_interface_problem(name);

		if (problem)
			diag_error(k->d, 0, 0, "interface name '%s' %s", name, problem);
		for (size_t j = 0; j < i; j++) {
			if (!strcmp(c->interfaces[j], name))
				diag_error(k->d, 0, 0, "interface '%s' is listed twice", name);
		}
	}
}

static void check_run(struct check *k)
{
	const struct config *c = k->config;

	if (collect_claims(k)) {
		k->d->out_of_memory = true;
		return;
	}
	check_interfaces(k);
	config_check_tunnel_source(c, k->d);
	check_claims(k);
	check_service_names(k);
	for (size_t i = 0; i < c->service_count; i++)
		check_service(k, &c->services[i]);
	config_check_nat(c, k->d);
	config_check_removals(c, k->d);
	config_check_policy(c, k->d);
	if (c->service_count > EK_SERVICES_MAX)
		diag_error(k->d, 0, 0, "%zu services are more than the data path holds: %u",
			   c->service_count, EK_SERVICES_MAX);
	free(k->claims);
}

void config_check(const struct config *c, struct diag *d)
{
	struct check k = { .config = c, .d = d };

	check_run(&k);
}

void config_check_draft(const struct config *c, struct diag *d)
{
	struct check k = { .config = c, .d = d, .draft = true };

	check_run(&k);
}
