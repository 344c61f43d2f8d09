// SPDX-License-Identifier: GPL-2.0
/* Scalars of the tree, strictly: what a reader could take for something else is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config_read.h"

const char *node_text(const struct reader *r, const struct node *n)
{
	return r->tree->pool + n->text;
}

bool next_pair(const struct reader *r, const struct node *mapping, struct pair *p)
{
	uint32_t key = p->value ? p->value->next : mapping->first;
	uint32_t value = key ? r->tree->nodes[key].next : 0;

	if (!value)
		return false;
	p->key = &r->tree->nodes[key];
	p->value = &r->tree->nodes[value];
	return true;
}

const struct node *next_item(const struct reader *r, const struct node *sequence,
			     const struct node *item)
{
	uint32_t next = item ? item->next : sequence->first;

	return next ? &r->tree->nodes[next] : NULL;
}

size_t node_count(const struct reader *r, const struct node *n)
{
	size_t count = 0;

	for (const struct node *child = NULL; (child = next_item(r, n, child));)
		count++;
	return count;
}

static const char *kind_name(const struct node *n)
{
	return n->kind == NODE_MAPPING ? "a mapping" : n->kind == NODE_SEQUENCE ? "a list" : "text";
}

static bool is_missing(const struct reader *r, const struct node *n)
{
	return n->kind == NODE_SCALAR && n->plain && !*node_text(r, n);
}

bool expect_kind(const struct reader *r, const struct key *key, const struct node *value,
		 enum node_kind kind)
{
	if (value->kind == kind && !is_missing(r, value))
		return true;
	if (value->kind == NODE_BROKEN)
		return false;
	if (is_missing(r, value))
		diag_error_at(r->d, value->place, "%s has no value: give it %s", key->name,
			      key->want);
	else
		diag_error_at(r->d, value->place, "%s must be %s, not %s", key->name, key->want,
			      kind_name(value));
	return false;
}

/* Decimal digits only, and no leading zero: 010 is eight to some. Saturates. */
static bool decimal_parse(uint64_t *out, const char *text, size_t length)
{
	uint64_t value = 0;

	if (!length || (length > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		if (value <= UINT32_MAX)
			value = value * 10 + (uint64_t)(text[i] - '0');
	}
	*out = value;
	return true;
}

/* True for "-1": a number, but below any range here. */
static bool is_negative(const char *text)
{
	uint64_t number;

	return text[0] == '-' && decimal_parse(&number, text + 1, strlen(text + 1));
}

void read_number(const struct reader *r, const struct key *key, const struct node *value,
		 uint32_t *out)
{
	uint64_t number = 0;
	bool negative, decimal;
	const char *text;

	if (!expect_kind(r, key, value, NODE_SCALAR))
		return;
	text = node_text(r, value);
	negative = is_negative(text);
	decimal = negative || decimal_parse(&number, text, strlen(text));
	if (!value->plain)
		diag_error_at(r->d, value->place,
			      "%s is quoted text: write the number without quotes", key->name);
	else if (!decimal)
		diag_error_at(r->d, value->place,
			      "%s '%.32s' must be %s: decimal digits only, no leading zero",
			      key->name, text, key->want);
	else if (number > key->max)
		diag_error_at(r->d, value->place, "%s %.32s is above %u", key->name, text,
			      key->max);
	else if (negative || number < key->min)
		diag_error_at(r->d, value->place, "%s %.32s is below %u", key->name, text,
			      key->min);
	else
		*out = (uint32_t)number;
}

static unsigned int unit_seconds(char unit)
{
	return unit == 'h' ? 3600 : unit == 'm' ? 60 : unit == 's' ? 1 : 0;
}

void read_duration(const struct reader *r, const struct key *key, const struct node *value,
		   uint32_t *out)
{
	const char *text;
	size_t length;
	unsigned int unit;
	uint64_t number;

	if (!expect_kind(r, key, value, NODE_SCALAR))
		return;
	text = node_text(r, value);
	length = strlen(text);
	unit = length ? unit_seconds(text[length - 1]) : 0;
	if (!decimal_parse(&number, text, length - (unit != 0)))
		diag_error_at(r->d, value->place, "%s '%.32s' must be %s", key->name, text,
			      key->want);
	else if (number * (unit ? unit : 1) > key->max)
		diag_error_at(r->d, value->place, "%s %.32s is above %u s", key->name, text,
			      key->max);
	else if (number * (unit ? unit : 1) < key->min)
		diag_error_at(r->d, value->place, "%s %.32s is below %u s", key->name, text,
			      key->min);
	else
		*out = (uint32_t)number * (unit ? unit : 1);
}

void read_duration_ms(const struct reader *r, const struct key *key, const struct node *value,
		      uint32_t *out)
{
	const char *text;
	size_t length, digits;
	unsigned int unit;
	uint64_t number;

	if (!expect_kind(r, key, value, NODE_SCALAR))
		return;
	text = node_text(r, value);
	length = strlen(text);
	digits = strspn(text, "0123456789");
	unit = strcmp(text + digits, "ms") == 0 ? 1 : 1000;
	if (unit == 1000 && digits < length)
		unit = length == digits + 1 ? 1000 * unit_seconds(text[digits]) : 0;
	if (!unit || !decimal_parse(&number, text, digits))
		diag_error_at(r->d, value->place, "%s '%.32s' must be %s", key->name, text,
			      key->want);
	else if (number * unit > key->max)
		diag_error_at(r->d, value->place, "%s %.32s is above %u ms", key->name, text,
			      key->max);
	else if (number * unit < key->min)
		diag_error_at(r->d, value->place, "%s %.32s is below %u ms", key->name, text,
			      key->min);
	else
		*out = (uint32_t)number * unit;
}

void read_bool(const struct reader *r, const struct key *key, const struct node *value, bool *out)
{
	static const char *const words[] = { "false", "true" };
	uint32_t choice;

	if (!read_choice(r, key, value, words, 2, &choice))
		return;
	if (value->plain)
		*out = choice;
	else
		diag_error_at(r->d, value->place, "%s is quoted text: write %s without quotes",
			      key->name, words[choice]);
}

bool read_choice(const struct reader *r, const struct key *key, const struct node *value,
		 const char *const *words, size_t count, uint32_t *out)
{
	const char *text, *near;

	if (!expect_kind(r, key, value, NODE_SCALAR))
		return false;
	text = node_text(r, value);
	for (uint32_t i = 0; i < count; i++) {
		if (!strcmp(text, words[i])) {
			*out = i;
			return true;
		}
	}
	near = suggest(text, words, count);
	diag_error_at(r->d, value->place, "%s '%.64s' must be %s%s%s%s", key->name, text, key->want,
		      near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return false;
}

/* ---- mappings with known keys ---------------------------------------------------------------- */

static const struct key *find_key(const struct schema *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++) {
		if (!strcmp(s->keys[i].name, name))
			return &s->keys[i];
	}
	return NULL;
}

/* Reports a key that is not one of `s`; returns the one that was probably meant, or NULL. */
static const struct key *report_unknown(const struct reader *r, const struct schema *s,
					const struct node *key)
{
	const char *name = node_text(r, key);
	const char *names[SCHEMA_KEYS_MAX];
	const char *near;

	for (size_t i = 0; i < r->schema_count; i++) {
		if (find_key(r->schemas[i], name)) {
			diag_error_at(r->d, key->place,
				      "key '%s' does not belong %s: it belongs %s", name, s->where,
				      r->schemas[i]->where);
			return NULL;
		}
	}
	for (size_t i = 0; i < s->count; i++)
		names[i] = s->keys[i].name;
	near = suggest(name, names, s->count);
	if (near)
		diag_error_at(r->d, key->place, "unknown key '%.64s' %s; did you mean '%s'?", name,
			      s->where, near);
	else
		diag_error_at(r->d, key->place, "unknown key '%.64s' %s; known are: %s", name,
			      s->where, s->list);
	return near ? find_key(s, near) : NULL;
}

/* What read_mapping() has seen so far. */
struct seen {
	unsigned int keys;
	struct place at[SCHEMA_KEYS_MAX];
};

static void read_value(const struct reader *r, const struct schema *s, const struct key *key,
		       const struct pair *p, void *object, struct seen *seen)
{
	unsigned int index = (unsigned int)(key - s->keys);

	seen->keys |= 1u << index;
	seen->at[index] = p->key->place;
	if (key->read)
		key->read(r, key, p->value, object);
}

static void read_known(const struct reader *r, const struct schema *s, const struct pair *p,
		       void *object, struct seen *seen)
{
	const struct key *key = find_key(s, node_text(r, p->key));
	const struct place *first;

	if (!key)
		return;
	first = &seen->at[key - s->keys];
	if (first->line)
		diag_error_at(r->d, p->key->place,
			      "key '%s' appears twice; first at line %u, column %u", key->name,
			      first->line, first->column);
	else
		read_value(r, s, key, p, object, seen);
}

/* A mistyped key is read as the one that was meant: it must neither hide the mistakes below it
 * nor count as missing. */
static void read_unknown(const struct reader *r, const struct schema *s, const struct pair *p,
			 void *object, struct seen *seen)
{
	const struct key *key = find_key(s, node_text(r, p->key));

	if (key)
		return;
	key = report_unknown(r, s, p->key);
	if (key && !seen->at[key - s->keys].line)
		read_value(r, s, key, p, object, seen);
}

unsigned int read_mapping(const struct reader *r, const struct schema *s,
			  const struct node *mapping, void *object)
{
	struct seen seen = {};

	for (struct pair p = {}; next_pair(r, mapping, &p);) {
		if (p.key->kind != NODE_BROKEN)
			read_known(r, s, &p, object, &seen);
	}
	for (struct pair p = {}; next_pair(r, mapping, &p);) {
		if (p.key->kind != NODE_BROKEN)
			read_unknown(r, s, &p, object, &seen);
	}
	return seen.keys;
}

void *read_allocate(const struct reader *r, size_t count, size_t size)
{
	void *array = calloc(count, size);

	if (!array)
		r->d->out_of_memory = true;
	return array;
}

void read_name(const struct reader *r, const struct node *key, const char *what,
	       char name[static EK_NAME_MAX + 1])
{
	const char *text = node_text(r, key);
	const char *problem = config_name_problem(text);
	size_t length = strlen(text);

	if (problem)
		diag_error_at(r->d, key->place, "%s name '%.70s' %s", what, text, problem);
	if (length <= EK_NAME_MAX)
		memcpy(name, text, length + 1);
}
