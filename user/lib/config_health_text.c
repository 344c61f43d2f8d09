// SPDX-License-Identifier: GPL-2.0
/* Health in the canonical text. */
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/config_text.h"

static void json_release(json_t **j)
{
	json_decref(*j);
}

json_t *ms_json(uint32_t ms)
{
	return json_sprintf("%ums", ms);
}

static json_t *bytes_json(const struct check_bytes *b)
{
	char text[4 + 2 * CHECK_BYTES_MAX + 1] = "hex:";

	for (uint32_t i = 0; i < b->size; i++)
		snprintf(text + 4 + 2 * (size_t)i, 3, "%02x", b->data[i]);
	return json_string(text);
}

static json_t *statuses_json(const struct config_check *k)
{
	_cleanup_(json_release) json_t *list = json_array();

	for (size_t i = 0; i < k->status_count; i++)
		if (json_array_append_new(list, json_sprintf("%u-%u", k->statuses[i].first,
							     k->statuses[i].last)))
			return NULL;
	return take_ptr(list);
}

static json_t *command_json(const struct config_check *k)
{
	_cleanup_(json_release) json_t *list = json_array();

	for (size_t at = 0; at < k->command_size; at += strlen(k->command + at) + 1)
		if (json_array_append_new(list, json_string(k->command + at)))
			return NULL;
	return take_ptr(list);
}

static int set_text(json_t *to, const char *key, const char *text)
{
	return *text ? json_object_set_new(to, key, json_string(text)) : 0;
}

/* What belongs to the type. */
static int set_type(json_t *to, const struct config_check *k)
{
	switch (k->type) {
	case CHECK_TCP:
		return 0;
	case CHECK_HTTP:
	case CHECK_HTTPS:
		if (set_text(to, "path", k->path) || set_text(to, "host", k->host) ||
		    json_object_set_new(to, "expect", statuses_json(k)))
			return -1;
		if (k->type == CHECK_HTTP)
			return 0;
		return set_text(to, "sni", k->sni) || set_text(to, "ca", k->ca) ||
		       json_object_set_new(to, "verify", json_boolean(k->verify));
	case CHECK_UDP:
		return json_object_set_new(to, "send", bytes_json(&k->send)) ||
		       (k->expect.size &&
			json_object_set_new(to, "expect", bytes_json(&k->expect)));
	case CHECK_EXEC:
		return json_object_set_new(to, "command", command_json(k));
	}
	return -1;
}

static json_t *check_json(const struct config_check *k)
{
	static const char *const via[] = { "", "direct", "tunnel", "both" };
	_cleanup_(json_release) json_t *j = json_object();

	if (json_object_set_new(j, "type", json_string(config_check_name(k->type))) ||
	    (k->port && json_object_set_new(j, "port", json_integer(k->port))) ||
	    json_object_set_new(j, "via", json_string(via[k->via & 3])) ||
	    json_object_set_new(j, "interval", ms_json(k->interval_ms)) ||
	    json_object_set_new(j, "timeout", ms_json(k->timeout_ms)) ||
	    json_object_set_new(j, "down_interval", ms_json(k->down_interval_ms)) ||
	    json_object_set_new(j, "rise", json_integer(k->rise)) ||
	    json_object_set_new(j, "fall", json_integer(k->fall)) || set_type(j, k))
		return NULL;
	return take_ptr(j);
}

json_t *health_json(const struct config_service *s)
{
	_cleanup_(json_release) json_t *list = json_array();

	if (!s->check_count)
		return json_string("none");
	for (size_t i = 0; i < s->check_count; i++)
		if (json_array_append_new(list, check_json(&s->checks[i])))
			return NULL;
	return take_ptr(list);
}
