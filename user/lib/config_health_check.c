// SPDX-License-Identifier: GPL-2.0
/* Checks of health that look at the model alone. */
#include <netinet/in.h>
#include <string.h>

#include "lib/config_internal.h"

/* Where the text says it, or, where it follows from defaults, the check. */
static struct place place_or(struct place place, const struct config_check *k)
{
	return place.line ? place : k->place;
}

static void check_times(const struct config_service *s, const struct config_check *k,
			struct diag *d)
{
	if (k->timeout_ms >= k->interval_ms)
		diag_error_at(d, place_or(k->timeout_place, k),
			      "service '%s': a health check's timeout, %u ms, must be below its "
			      "interval, %u ms: one is over before the next begins",
			      s->name, k->timeout_ms, k->interval_ms);
	if (k->down_interval_ms < k->interval_ms)
		diag_error_at(d, place_or(k->down_interval_place, k),
			      "service '%s': down_interval, %u ms, is below the interval, %u ms: a "
			      "server that is down is not asked more often",
			      s->name, k->down_interval_ms, k->interval_ms);
}

static void check_way(const struct config_service *s, const struct config_check *k, struct diag *d)
{
	struct place place = place_or(k->via_place, k);

	if (!(k->via & CHECK_VIA_TUNNEL))
		return;
	if (k->type != CHECK_TCP)
		diag_error_at(d, place,
			      "service '%s': only a tcp check can go via the tunnel, not %s: list "
			      "two checks, and the second as { type: tcp, via: tunnel }",
			      s->name, config_check_name(k->type));
	else if (s->forward == EK_FORWARD_NAT)
		diag_error_at(d, place,
			      "service '%s': with 'forward: nat' there is no tunnel: packets go to "
			      "the backend's own address, as a direct check does",
			      s->name);
	else if (!config_listener_of(s, IPPROTO_TCP))
		diag_error_at(d, place,
			      "service '%s': a check via the tunnel connects to a listener with "
			      "tcp, and there is none",
			      s->name);
}

static void check_need(const struct config_service *s, const struct config_check *k, struct diag *d)
{
	uint8_t proto = k->type == CHECK_UDP ? IPPROTO_UDP : IPPROTO_TCP;

	if (k->type == CHECK_EXEC && !k->command_size)
		diag_error_at(d, k->place,
			      "service '%s': an exec check needs a command: "
			      "[/path/of/program, argument]",
			      s->name);
	if (k->type == CHECK_UDP && !k->send.size)
		diag_error_at(d, k->place,
			      "service '%s': a udp check needs send: what a server answers to",
			      s->name);
	if (k->type != CHECK_EXEC && !k->port && !config_listener_of(s, proto) && s->listener_count)
		diag_error_at(d, k->place,
			      "service '%s': a %s check needs a port: the service has no listener "
			      "with %s to take it from",
			      s->name, config_check_name(k->type),
			      proto == IPPROTO_UDP ? "udp" : "tcp");
}

static bool bytes_equal(const struct check_bytes *a, const struct check_bytes *b)
{
	return a->size == b->size && !memcmp(a->data, b->data, a->size);
}

static bool check_equal(const struct config_check *a, const struct config_check *b)
{
	return a->type == b->type && a->via == b->via && a->port == b->port &&
	       a->interval_ms == b->interval_ms && a->timeout_ms == b->timeout_ms &&
	       a->down_interval_ms == b->down_interval_ms && a->rise == b->rise &&
	       a->fall == b->fall && !strcmp(a->path, b->path) && !strcmp(a->host, b->host) &&
	       !strcmp(a->sni, b->sni) && !strcmp(a->ca, b->ca) && a->verify == b->verify &&
	       a->status_count == b->status_count &&
	       !memcmp(a->statuses, b->statuses, sizeof(a->statuses)) &&
	       bytes_equal(&a->send, &b->send) && bytes_equal(&a->expect, &b->expect) &&
	       a->command_size == b->command_size &&
	       !memcmp(a->command, b->command, a->command_size);
}

bool config_checks_equal(const struct config_service *a, const struct config_service *b)
{
	if (a->check_count != b->check_count)
		return false;
	for (size_t i = 0; i < a->check_count; i++)
		if (!check_equal(&a->checks[i], &b->checks[i]))
			return false;
	return true;
}

void config_check_health(const struct config_service *s, struct diag *d)
{
	for (size_t i = 0; i < s->check_count; i++) {
		const struct config_check *k = &s->checks[i];

		if (k->unread)
			continue;
		check_times(s, k, d);
		check_way(s, k, d);
		check_need(s, k, d);
	}
}

/* Warnings: a command may take the last spare away, or leave nothing else, and that is its right. */
void config_check_spares(const struct config_service *s, struct diag *d)
{
	size_t spares = 0;

	for (size_t i = 0; i < s->backend_count; i++)
		spares += s->backends[i].backup;
	if (s->backup_below < 1 || s->backup_below > 100)
		diag_error_at(d, s->backup_place,
			      "service '%s': backup_below %u is not a percentage from 1 to 100",
			      s->name, s->backup_below);
	else if (s->backup_place.line && s->backup_below != CONFIG_BACKUP_BELOW_DEFAULT && !spares)
		diag_warning(d, s->backup_place.line, s->backup_place.column,
			     "service '%s': backup_below does nothing: no backend has "
			     "'backup: true'",
			     s->name);
	if (spares && spares == s->backend_count)
		diag_warning(d, s->place.line, s->place.column,
			     "service '%s': every backend is a backup, so all of them are in use "
			     "all the time",
			     s->name);
	if (s->slow_start_s > CONFIG_SLOW_START_MAX_S)
		diag_error_at(d, s->place, "service '%s': slow_start %u s is above %u s", s->name,
			      s->slow_start_s, CONFIG_SLOW_START_MAX_S);
}
