// SPDX-License-Identifier: GPL-2.0
/* The keys of health. What a key means depends on the type of its check, which may come after it:
 * values are kept, and read when all are known. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config_keys.h"

#define OF(type) (1u << CHECK_##type)
#define OF_HTTP (OF(HTTP) | OF(HTTPS))
#define OF_ANY ((1u << CHECK_TYPES) - 1)

static const char *const types[CHECK_TYPES] = { "tcp", "http", "https", "udp", "exec" };

const char *config_check_name(enum config_check_type type)
{
	return types[type];
}

/* ---- text and bytes -------------------------------------------------------------------------- */

static void read_text(const struct reader *r, const struct key *key, const struct node *value,
		      char *out)
{
	const char *text;

	if (!expect_kind(r, key, value, NODE_SCALAR))
		return;
	text = node_text(r, value);
	if (strlen(text) > key->max)
		diag_error_at(r->d, value->place, "%s is longer than %u bytes", key->name,
			      key->max);
	else
		memcpy(out, text, strlen(text) + 1);
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* "hex:0d0a", or the text itself. */
static void read_bytes(const struct reader *r, const struct key *key, const struct node *value,
		       struct check_bytes *out)
{
	struct check_bytes bytes = {};
	bool hex, whole = true;
	const char *text;
	size_t length;

	if (!expect_kind(r, key, value, NODE_SCALAR))
		return;
	text = node_text(r, value);
	hex = strncmp(text, "hex:", 4) == 0;
	text += hex ? 4 : 0;
	length = strlen(text);
	bytes.size = (uint32_t)(hex ? length / 2 : length);
	if (!length || bytes.size > key->max) {
		diag_error_at(r->d, value->place, "%s must be 1 to %u bytes", key->name, key->max);
		return;
	}
	for (uint32_t i = 0; hex && i < bytes.size; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		whole &= high >= 0 && low >= 0;
		bytes.data[i] = (uint8_t)((unsigned int)high << 4 | ((unsigned int)low & 15));
	}
	if (!hex)
		memcpy(bytes.data, text, length);
	if (hex && (!whole || length % 2))
		diag_error_at(
			r->d, value->place,
			"%s 'hex:%.32s' is not pairs of hexadecimal digits, 0 to 9 and a to f",
			key->name, text);
	else
		*out = bytes;
}

/* ---- what the keys mean ---------------------------------------------------------------------- */

#define READER(name)                                                                               \
	static void read_##name(const struct reader *r, const struct key *key,                     \
				const struct node *value, struct config_check *k)

READER(type)
{
	uint32_t choice;

	if (read_choice(r, key, value, types, CHECK_TYPES, &choice))
		k->type = choice;
}

READER(port)
{
	read_number(r, key, value, &k->port);
}

READER(via)
{
	static const char *const words[] = { "direct", "tunnel", "both" };
	uint32_t choice;

	k->via_place = value->place;
	if (read_choice(r, key, value, words, ARRAY_SIZE(words), &choice))
		k->via = choice + 1;
}

READER(interval)
{
	read_duration_ms(r, key, value, &k->interval_ms);
}

READER(timeout)
{
	k->timeout_place = value->place;
	read_duration_ms(r, key, value, &k->timeout_ms);
}

READER(down_interval)
{
	k->down_interval_place = value->place;
	read_duration_ms(r, key, value, &k->down_interval_ms);
}

READER(rise)
{
	read_number(r, key, value, &k->rise);
}

READER(fall)
{
	read_number(r, key, value, &k->fall);
}

void read_url_path(const struct reader *r, const struct key *key, const struct node *value,
		   char *out)
{
	read_text(r, key, value, out);
	if (out[0] != '/' || strpbrk(out, " \t\r\n#"))
		diag_error_at(r->d, value->place,
			      "path '%.64s' must begin with '/' and have no blanks and no '#'",
			      out);
}

READER(path)
{
	read_url_path(r, key, value, k->path);
}

/* A name, an IPv6 address in brackets, perhaps with a port: nothing that ends a header or URL. */
static void check_host(const struct reader *r, const struct key *key, const struct node *value,
		       const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("/@?#\\\"'<>", *c)) {
			diag_error_at(r->d, value->place, "%s '%.64s' is not a host name",
				      key->name, text);
			return;
		}
}

READER(host)
{
	read_text(r, key, value, k->host);
	check_host(r, key, value, k->host);
}

READER(sni)
{
	read_text(r, key, value, k->sni);
	check_host(r, key, value, k->sni);
	if (strchr(k->sni, ':'))
		diag_error_at(r->d, value->place, "sni '%.64s' must be a name, without a port",
			      k->sni);
}

READER(ca)
{
	read_text(r, key, value, k->ca);
	if (k->ca[0] != '/')
		diag_error_at(r->d, value->place,
			      "ca '%.64s' must be a full path: the controller has its own folder",
			      k->ca);
}

READER(verify)
{
	read_bool(r, key, value, &k->verify);
}

READER(send)
{
	read_bytes(r, key, value, &k->send);
}

/* "200", "200-299". */
static void read_status(const struct reader *r, const struct node *item, struct config_check *k)
{
	static const struct key as_item = { .name = "expect",
					    .want = "a status, or a range of them" };
	uint32_t range[2] = {}, part = 0;
	const char *text;
	size_t i;

	if (!expect_kind(r, &as_item, item, NODE_SCALAR))
		return;
	text = node_text(r, item);
	for (i = 0; text[i] && i < strlen("200-299"); i++) {
		if (text[i] == '-' && i == 3)
			part++;
		else if (text[i] >= '0' && text[i] <= '9')
			range[part] = range[part] * 10 + (uint32_t)(text[i] - '0');
		else
			break;
	}
	if (!part)
		range[1] = range[0];
	if (text[i] || range[0] < 100 || range[1] > 599 || range[0] > range[1])
		diag_error_at(r->d, item->place,
			      "expect '%.32s' must be a status from 100 to 599, or a range: "
			      "200-299",
			      text);
	else if (k->status_count == CHECK_STATUSES_MAX)
		diag_error_at(r->d, item->place, "expect has more than %u entries",
			      CHECK_STATUSES_MAX);
	else {
		k->statuses[k->status_count].first = range[0];
		k->statuses[k->status_count++].last = range[1];
	}
}

READER(expect)
{
	if (k->type == CHECK_UDP)
		read_bytes(r, key, value, &k->expect);
	else if (value->kind != NODE_SEQUENCE)
		read_status(r, value, k);
	for (const struct node *item = NULL; k->type != CHECK_UDP && value->kind == NODE_SEQUENCE &&
					     (item = next_item(r, value, item));)
		read_status(r, item, k);
}

static bool read_argument(const struct reader *r, const struct node *item, struct config_check *k)
{
	static const struct key as_item = { .name = "command", .want = "a list of words" };
	size_t size;

	if (!expect_kind(r, &as_item, item, NODE_SCALAR))
		return false;
	size = strlen(node_text(r, item)) + 1;
	if (k->command_size + size > CHECK_COMMAND_MAX) {
		diag_error_at(r->d, item->place, "command is longer than %u bytes",
			      CHECK_COMMAND_MAX);
		return false;
	}
	memcpy(k->command + k->command_size, node_text(r, item), size);
	k->command_size += size;
	return true;
}

READER(command)
{
	if (!expect_kind(r, key, value, NODE_SEQUENCE))
		return;
	for (const struct node *item = NULL; (item = next_item(r, value, item));)
		if (!read_argument(r, item, k))
			return;
	if (k->command[0] != '/')
		diag_error_at(r->d, value->place,
			      "command must begin with the full path of a program");
}

/* ---- the keys -------------------------------------------------------------------------------- */

enum { HEALTH_TYPE, HEALTH_KEYS = 16 };

struct held {
	const struct node *values[HEALTH_KEYS];
};

static void hold(const struct reader *r, const struct key *key, const struct node *value,
		 void *object);

#define WANT_DURATION_MS "a duration: 500ms, 2s, 1m, or seconds"
static const struct key health_keys[HEALTH_KEYS] = {
	[HEALTH_TYPE] = { .name = "type", .want = "tcp, http, https, udp or exec", .read = hold },
	{ "port", "a number from 1 to 65535", hold, 1, UINT16_MAX },
	{ .name = "via", .want = "direct, tunnel or both", .read = hold },
	{ "interval", WANT_DURATION_MS, hold, CONFIG_INTERVAL_MIN_MS, CONFIG_INTERVAL_MAX_MS },
	{ "timeout", WANT_DURATION_MS, hold, CONFIG_TIMEOUT_MIN_MS, CONFIG_INTERVAL_MAX_MS },
	{ "down_interval", WANT_DURATION_MS, hold, CONFIG_INTERVAL_MIN_MS, CONFIG_INTERVAL_MAX_MS },
	{ "rise", "a number from 1 to 100", hold, 1, CONFIG_RISE_MAX },
	{ "fall", "a number from 1 to 100", hold, 1, CONFIG_RISE_MAX },
	{ "path", "a path: /healthz", hold, 0, CHECK_TEXT_MAX },
	{ "host", "a host name", hold, 0, CHECK_TEXT_MAX },
	{ "sni", "a host name", hold, 0, CHECK_TEXT_MAX },
	{ .name = "verify", .want = "true or false", .read = hold },
	{ "ca", "the path of a file of certificates", hold, 0, CHECK_TEXT_MAX },
	{ "send", "text, or hex: and hexadecimal digits", hold, 0, CHECK_BYTES_MAX },
	{ "expect", "text, or hex: and hexadecimal digits", hold, 0, CHECK_BYTES_MAX },
	{ .name = "command", .want = "a list: [/path/of/program, argument]", .read = hold },
};

/* Beside each key: the types that it belongs to, and its reader. */
static const struct {
	uint32_t types;
	const char *list;
	void (*read)(const struct reader *r, const struct key *key, const struct node *value,
		     struct config_check *k);
} meanings[HEALTH_KEYS] = {
	{ OF_ANY, "", read_type },
	{ OF_ANY, "", read_port },
	{ OF_ANY, "", read_via },
	{ OF_ANY, "", read_interval },
	{ OF_ANY, "", read_timeout },
	{ OF_ANY, "", read_down_interval },
	{ OF_ANY, "", read_rise },
	{ OF_ANY, "", read_fall },
	{ OF_HTTP, "http or https", read_path },
	{ OF_HTTP, "http or https", read_host },
	{ OF(HTTPS), "https", read_sni },
	{ OF(HTTPS), "https", read_verify },
	{ OF(HTTPS), "https", read_ca },
	{ OF(UDP), "udp", read_send },
	{ OF_HTTP | OF(UDP), "http, https or udp", read_expect },
	{ OF(EXEC), "exec", read_command },
};

const struct schema config_health_schema = {
	"in health",
	"type, port, via, interval, timeout, down_interval, rise, fall, path, host, sni, verify, "
	"ca, send, expect, command",
	health_keys,
	ARRAY_SIZE(health_keys),
};

static void hold(const struct reader *r, const struct key *key, const struct node *value,
		 void *object)
{
	struct held *held = object;

	held->values[key - health_keys] = value;
}

static void read_meaning(const struct reader *r, size_t i, const struct node *value,
			 struct config_check *k)
{
	if (meanings[i].types & 1u << k->type)
		meanings[i].read(r, &health_keys[i], value, k);
	else
		diag_error_at(r->d, value->place, "%s has a meaning with 'type: %s' only",
			      health_keys[i].name, meanings[i].list);
}

/* ---- checks ---------------------------------------------------------------------------------- */

/* Times that were not given follow from the interval, so that changing that one alone is enough. */
static void fill_defaults(struct config_check *k)
{
	if (!k->timeout_ms)
		k->timeout_ms = k->interval_ms / 2 < CONFIG_TIMEOUT_DEFAULT_MS
					? k->interval_ms / 2
					: CONFIG_TIMEOUT_DEFAULT_MS;
	if (!k->down_interval_ms)
		k->down_interval_ms = 2 * k->interval_ms < CONFIG_INTERVAL_MAX_MS
					      ? 2 * k->interval_ms
					      : CONFIG_INTERVAL_MAX_MS;
	if ((k->type == CHECK_HTTP || k->type == CHECK_HTTPS) && !k->path[0])
		memcpy(k->path, "/", 2);
	if ((k->type == CHECK_HTTP || k->type == CHECK_HTTPS) && !k->status_count) {
		k->statuses[0].first = 200;
		k->statuses[0].last = 399;
		k->status_count = 1;
	}
}

static struct config_check default_check(void)
{
	return (struct config_check){
		.type = CHECK_TCP,
		.via = CHECK_VIA_DIRECT,
		.interval_ms = CONFIG_INTERVAL_DEFAULT_MS,
		.rise = CONFIG_RISE_DEFAULT,
		.fall = CONFIG_FALL_DEFAULT,
		.verify = true,
	};
}

static void read_check(const struct reader *r, const struct node *value, struct config_service *s)
{
	static const struct key as_item = { .name = "a health check", .want = "a mapping" };
	struct config_check k = default_check();
	struct held held = {};
	size_t errors;
	bool known;

	if (!expect_kind(r, &as_item, value, NODE_MAPPING))
		return;
	k.place = value->place;
	read_mapping(r, &config_health_schema, value, &held);
	errors = r->d->errors;
	if (held.values[HEALTH_TYPE])
		read_meaning(r, HEALTH_TYPE, held.values[HEALTH_TYPE], &k);
	known = r->d->errors == errors; /* what else is there has a meaning only then */
	for (size_t i = HEALTH_TYPE + 1; i < HEALTH_KEYS; i++)
		if (held.values[i] && (known || meanings[i].types == OF_ANY))
			read_meaning(r, i, held.values[i], &k);
	fill_defaults(&k);
	k.unread = r->d->errors != errors;
	s->checks[s->check_count++] = k;
}

static void read_checks(const struct reader *r, const struct node *list, struct config_service *s)
{
	size_t count = node_count(r, list);

	if (!count || count > CONFIG_CHECKS_MAX) {
		diag_error_at(r->d, list->place,
			      "health must be 1 to %u checks; none is written 'health: none'",
			      CONFIG_CHECKS_MAX);
		return;
	}
	s->checks = read_allocate(r, count, sizeof(*s->checks));
	for (const struct node *item = NULL; s->checks && (item = next_item(r, list, item));)
		read_check(r, item, s);
}

void read_health(const struct reader *r, const struct key *key, const struct node *value,
		 void *object)
{
	static const char *const words[] = { "none" };
	struct config_service *s = object;
	uint32_t choice;

	switch (value->kind) {
	case NODE_MAPPING:
		s->checks = read_allocate(r, 1, sizeof(*s->checks));
		if (s->checks)
			read_check(r, value, s);
		return;
	case NODE_SEQUENCE:
		read_checks(r, value, s);
		return;
	default:
		read_choice(r, key, value, words, ARRAY_SIZE(words), &choice);
	}
}

void default_health(const struct reader *r, struct config_service *s)
{
	if (!config_listener_of(s, IPPROTO_TCP))
		return;
	s->checks = read_allocate(r, 1, sizeof(*s->checks));
	if (!s->checks)
		return;
	s->checks[s->check_count] = default_check();
	fill_defaults(&s->checks[s->check_count++]);
}

/* ---- when few are left ----------------------------------------------------------------------- */

void read_panic(const struct reader *r, const struct key *key, const struct node *value,
		void *object)
{
	static const struct key percent = { "panic", "off, or a percentage from 1 to 100", NULL, 1,
					    100 };
	struct config_service *s = object;

	if (value->kind == NODE_SCALAR && !strcmp(node_text(r, value), "off"))
		s->panic = 0;
	else
		read_number(r, &percent, value, &s->panic);
}

void read_on_empty(const struct reader *r, const struct key *key, const struct node *value,
		   void *object)
{
	static const char *const words[] = { "keep", "drop" };
	struct config_service *s = object;
	uint32_t choice;

	if (read_choice(r, key, value, words, ARRAY_SIZE(words), &choice))
		s->on_empty = choice;
}
