// SPDX-License-Identifier: GPL-2.0
#include "lib/config.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

static void service_clear(struct config_service *s)
{
	free(s->listeners);
	free(s->backends);
	free(s->checks);
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->interface_count; i++)
		free(c->interfaces[i]);
	free(c->interfaces);
	for (size_t i = 0; i < c->service_count; i++)
		service_clear(&c->services[i]);
	free(c->services);
	free(c->silences);
	free(c->removals);
	free(c);
}

struct config *config_new(void)
{
	struct config *c = calloc(1, sizeof(*c));

	if (c) {
		c->guards = config_guards_default;
		config_stage_default(&c->stage);
		config_policy_default(&c->policy);
	}
	return c;
}

static int copy_array(void *out, const void *from, size_t count, size_t size)
{
	void *copy;

	if (!count)
		return 0;
	copy = reallocarray(NULL, count, size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, from, count * size);
	*(void **)out = copy;
	return 0;
}

static int service_copy(struct config_service *out, const struct config_service *s)
{
	struct config_service copy = *s;

	copy.listeners = NULL;
	copy.backends = NULL;
	copy.checks = NULL;
	if (copy_array(&copy.listeners, s->listeners, s->listener_count, sizeof(*s->listeners)) ||
	    copy_array(&copy.backends, s->backends, s->backend_count, sizeof(*s->backends)) ||
	    copy_array(&copy.checks, s->checks, s->check_count, sizeof(*s->checks))) {
		service_clear(&copy);
		return -ENOMEM;
	}
	*out = copy;
	return 0;
}

struct config *config_copy(const struct config *c)
{
	_cleanup_(config_release) struct config *copy = calloc(1, sizeof(*copy));

	if (!copy ||
	    copy_array(&copy->silences, c->silences, c->silence_count, sizeof(*c->silences)))
		return NULL;
	copy->guards = c->guards;
	copy->echo = c->echo;
	copy->tunnel_source4 = c->tunnel_source4;
	copy->tunnel_source6 = c->tunnel_source6;
	copy->silence_count = c->silence_count;
	/* One element more than needed: calloc(0) may return NULL. */
	copy->interfaces = calloc(c->interface_count + 1, sizeof(*copy->interfaces));
	copy->services = calloc(c->service_count + 1, sizeof(*copy->services));
	if (!copy->interfaces || !copy->services)
		return NULL;
	copy->stage = c->stage;
	copy->policy = c->policy;
	for (size_t i = 0; i < c->interface_count; i++, copy->interface_count++) {
		copy->interfaces[i] = strdup(c->interfaces[i]);
		if (!copy->interfaces[i])
			return NULL;
	}
	for (size_t i = 0; i < c->service_count; i++, copy->service_count++) {
		if (service_copy(&copy->services[i], &c->services[i]))
			return NULL;
	}
	return take_ptr(copy);
}

struct config_service *config_service(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->service_count; i++) {
		if (!strcmp(c->services[i].name, name))
			return &c->services[i];
	}
	return NULL;
}

size_t config_weighty(const struct config_service *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->backend_count; i++)
		count += config_backend_weight(&s->backends[i]) > 0;
	return count;
}

struct config_backend *config_backend(const struct config_service *s, const char *name)
{
	for (size_t i = 0; i < s->backend_count; i++) {
		if (!strcmp(s->backends[i].name, name))
			return &s->backends[i];
	}
	return NULL;
}

int config_backend_add(struct config_service *s, const struct config_backend *b)
{
	struct config_backend added = *b; /* `b` may be in the array that moves */
	struct config_backend *grown =
		reallocarray(s->backends, s->backend_count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	s->backends = grown;
	s->backends[s->backend_count++] = added;
	return 0;
}

void config_backend_remove(struct config_service *s, struct config_backend *b)
{
	size_t after = s->backend_count - (size_t)(b - s->backends) - 1;

	memmove(b, b + 1, after * sizeof(*b));
	s->backend_count--;
}

const struct config_listener *config_listener_of(const struct config_service *s, uint8_t proto)
{
	for (size_t i = 0; i < s->listener_count; i++) {
		if (s->listeners[i].endpoint.proto == proto)
			return &s->listeners[i];
	}
	return NULL;
}

uint16_t config_check_port(const struct config_service *s, const struct config_backend *b,
			   const struct config_check *k)
{
	const struct config_listener *l =
		config_listener_of(s, k->type == CHECK_UDP ? IPPROTO_UDP : IPPROTO_TCP);

	if (!l && k->type == CHECK_EXEC)
		l = s->listener_count ? s->listeners : NULL;
	if (k->port)
		return (uint16_t)k->port;
	if (b->port && s->forward == EK_FORWARD_NAT)
		return (uint16_t)b->port;
	return l ? l->endpoint.port : 0;
}

const char *config_forward_name(enum ek_forward forward)
{
	switch (forward) {
	case EK_FORWARD_L2:
		return "l2";
	case EK_FORWARD_IPIP:
		return "ipip";
	case EK_FORWARD_GUE:
		return "gue";
	case EK_FORWARD_NAT:
		return "nat";
	case EK_FORWARD_NONE:
		break;
	}
	return "none";
}

const char *config_echo_name(enum ek_echo echo)
{
	switch (echo) {
	case EK_ECHO_ANSWER:
		return "answer";
	case EK_ECHO_PASS:
		return "pass";
	case EK_ECHO_DROP:
		return "drop";
	}
	return "unknown";
}

const char *config_hash_name(enum ek_hash_kind hash)
{
	switch (hash) {
	case EK_HASH_5TUPLE:
		return "5-tuple";
	case EK_HASH_SOURCE:
		return "source";
	case EK_HASH_SOURCE_DEST:
		return "source-dest";
	}
	return "unknown";
}
