// SPDX-License-Identifier: GPL-2.0
/* From text to a tree, by libyaml's events. What YAML has and a configuration must not have
 * (anchors, aliases, tags, merge keys, more documents) is refused here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/cleanup.h"
#include "lib/config_internal.h"
#include "lib/utf8.h"

/* Deeper than any configuration; keeps a hostile file's stack of open nodes small. */
#define DEPTH_MAX 16

/* So many lines in a foreign encoding say enough. */
#define ENCODING_ERRORS_MAX 10

struct level {
	uint32_t node, last;
	bool mapping, want_value;
};

struct walk {
	struct tree *tree;
	struct diag *d;
	const char *text;
	size_t length;
	size_t characters;  /* in the text: where libyaml's marks end */
	size_t loose_end;   /* character behind the last scalar without quotes */
	struct place loose; /* and where it begins */
	unsigned int documents;
	struct level level[DEPTH_MAX];
	unsigned int depth;
	bool stop;
};

static struct place place_of(yaml_mark_t mark)
{
	return (struct place){ (unsigned int)mark.line + 1, (unsigned int)mark.column + 1 };
}

/* ---- encoding -------------------------------------------------------------------------------- */

static const char *encoding_problem(const char *text, size_t length)
{
	if (length > CONFIG_TEXT_MAX)
		return "the file is larger than 64 MiB: is it a configuration?";
	if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		return "the file begins with a byte order mark: save it as UTF-8 without BOM";
	if (length >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2)))
		return "the file is UTF-16: save it as UTF-8";
	return NULL;
}

static void report_character(struct diag *d, struct place p, size_t size, uint32_t code,
			     unsigned char byte)
{
	if (!size)
		diag_error_at(d, p, "byte 0x%02x is not UTF-8: save the file as UTF-8", byte);
	else if (!code)
		diag_error_at(d, p, "a NUL character: the file is damaged or not text");
	else
		diag_error_at(d, p, "invisible character U+%04X: remove it", code);
}

/* Looks for what libyaml would refuse with less to say, or take for a line break that no editor
 * shows. At most one report a line. Returns the number of characters. */
static size_t encoding_check(const char *text, size_t length, struct diag *d)
{
	unsigned int reported_line = 0, reports = 0;
	struct place p = { 1, 1 };
	size_t characters = 0;

	for (size_t i = 0; i < length && reports < ENCODING_ERRORS_MAX; characters++) {
		uint32_t code = 0;
		size_t size = utf8_next(text + i, length - i, &code);
		bool white = code == '\n' || code == '\t' || code == '\r';

		if ((!size || (utf8_is_hidden(code) && !white)) && reported_line != p.line) {
			report_character(d, p, size, code, (unsigned char)text[i]);
			reported_line = p.line;
			reports++;
		}
		p.column++;
		if (code == '\n' && size)
			p = (struct place){ p.line + 1, 1 };
		i += size ? size : 1;
	}
	return characters;
}

/* ---- building the tree ----------------------------------------------------------------------- */

static uint32_t tree_add(struct tree *t, struct node node)
{
	if (t->count == t->capacity) {
		size_t capacity = t->capacity ? 2 * t->capacity : 256;
		struct node *grown = reallocarray(t->nodes, capacity, sizeof(*grown));

		if (!grown)
			return 0;
		t->nodes = grown;
		t->capacity = capacity;
	}
	t->nodes[t->count] = node;
	return (uint32_t)t->count++;
}

static int pool_add(struct tree *t, uint32_t *offset, const char *text, size_t length)
{
	if (t->pool_size + length + 1 > t->pool_capacity) {
		size_t capacity = 2 * t->pool_capacity + length + 4096;
		char *grown = realloc(t->pool, capacity);

		if (!grown)
			return -ENOMEM;
		t->pool = grown;
		t->pool_capacity = capacity;
	}
	memcpy(t->pool + t->pool_size, text, length);
	t->pool[t->pool_size + length] = '\0';
	*offset = (uint32_t)t->pool_size;
	t->pool_size += length + 1;
	return 0;
}

void tree_release(struct tree *t)
{
	free(t->nodes);
	free(t->pool);
	*t = (struct tree){};
}

static struct level *innermost(struct walk *w)
{
	return w->depth ? &w->level[w->depth - 1] : NULL;
}

static bool at_key(struct walk *w)
{
	const struct level *l = innermost(w);

	return l && l->mapping && !l->want_value;
}

static void mark_partial(struct walk *w)
{
	struct level *l = innermost(w);

	if (l)
		w->tree->nodes[l->node].partial = true;
}

/* Appends a node to the innermost open one. */
static int append(struct walk *w, struct node node, uint32_t *index)
{
	struct level *l = innermost(w);
	uint32_t added = tree_add(w->tree, node);

	if (!added)
		return -ENOMEM;
	*index = added;
	if (!l)
		return 0;
	if (l->last)
		w->tree->nodes[l->last].next = added;
	else
		w->tree->nodes[l->node].first = added;
	l->last = added;
	l->want_value = l->mapping && !l->want_value;
	return 0;
}

static void refuse_decoration(struct walk *w, const yaml_event_t *e, const yaml_char_t *anchor,
			      const yaml_char_t *tag)
{
	struct place p = place_of(e->start_mark);

	if (anchor)
		diag_error_at(w->d, p,
			      "anchor '&%.64s': anchors and aliases are not supported; write "
			      "the value out",
			      (const char *)anchor);
	if (tag)
		diag_error_at(w->d, p, "tag '%.64s': tags are not supported; remove it",
			      (const char *)tag);
}

static int take_alias(struct walk *w, const yaml_event_t *e)
{
	struct node node = { .kind = NODE_BROKEN, .place = place_of(e->start_mark) };
	uint32_t index;

	diag_error_at(w->d, node.place,
		      "alias '*%.64s': anchors and aliases are not supported; write the value out",
		      (const char *)e->data.alias.anchor);
	if (at_key(w))
		mark_partial(w);
	return append(w, node, &index);
}

/* True for a scalar that can mean nothing here, after saying so. */
static bool refuse_scalar(struct walk *w, const yaml_event_t *e, const struct node *node)
{
	const char *text = (const char *)e->data.scalar.value;

	if (strlen(text) != e->data.scalar.length) {
		diag_error_at(w->d, node->place,
			      "there is a NUL character in this text: remove it");
		return true;
	}
	if (node->plain && at_key(w) && !strcmp(text, "<<")) {
		diag_error_at(w->d, node->place,
			      "merge keys ('<<') are not supported; write the keys out");
		return true;
	}
	return false;
}

static int take_scalar(struct walk *w, const yaml_event_t *e)
{
	struct node node = { .kind = NODE_SCALAR, .place = place_of(e->start_mark) };
	uint32_t index;
	int err;

	node.plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	refuse_decoration(w, e, e->data.scalar.anchor, e->data.scalar.tag);
	if (refuse_scalar(w, e, &node)) {
		node.kind = NODE_BROKEN;
		if (at_key(w))
			mark_partial(w);
	}
	if (node.plain && e->data.scalar.length) {
		w->loose_end = e->end_mark.index;
		w->loose = node.place;
	}
	err = pool_add(w->tree, &node.text, (const char *)e->data.scalar.value,
		       e->data.scalar.length);
	return err ? err : append(w, node, &index);
}

static int open_node(struct walk *w, const yaml_event_t *e, enum node_kind kind)
{
	struct node node = { .kind = kind, .place = place_of(e->start_mark) };
	struct level level = { .mapping = kind == NODE_MAPPING };

	if (w->depth == DEPTH_MAX) {
		diag_error_at(w->d, node.place,
			      "nested deeper than anything in a configuration: the "
			      "rest is not read");
		w->stop = true;
		return 0;
	}
	if (at_key(w)) {
		diag_error_at(w->d, node.place,
			      "a list or mapping stands where a key is expected (quote "
			      "it if it begins with '[' or '{')");
		node.kind = NODE_BROKEN;
		mark_partial(w);
	}
	if (append(w, node, &level.node))
		return -ENOMEM;
	w->level[w->depth++] = level;
	return 0;
}

static void open_document(struct walk *w, const yaml_event_t *e)
{
	if (!w->documents++)
		return;
	diag_error_at(w->d, place_of(e->start_mark),
		      "a second document begins here: one file is one "
		      "configuration; the rest is not read");
	w->stop = true;
}

static int take_event(struct walk *w, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		open_document(w, e);
		return 0;
	case YAML_ALIAS_EVENT:
		return take_alias(w, e);
	case YAML_SCALAR_EVENT:
		return take_scalar(w, e);
	case YAML_MAPPING_START_EVENT:
		refuse_decoration(w, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
		return open_node(w, e, NODE_MAPPING);
	case YAML_SEQUENCE_START_EVENT:
		refuse_decoration(w, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
		return open_node(w, e, NODE_SEQUENCE);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		w->depth--;
		return 0;
	case YAML_STREAM_END_EVENT:
		if (!w->documents)
			diag_error(w->d, 0, 0,
				   "the file is empty: a configuration has at least the key "
				   "services");
		w->stop = true;
		return 0;
	default:
		return 0;
	}
}

/* ---- syntax errors --------------------------------------------------------------------------- */

/* The byte at libyaml's character index; NUL at the end. */
static char character_at(const struct walk *w, size_t index)
{
	size_t i = 0;
	uint32_t code;

	while (index-- && i < w->length)
		i += utf8_next(w->text + i, w->length - i, &code);
	return i < w->length ? w->text[i] : '\0';
}

static int report_syntax(struct walk *w, const yaml_parser_t *parser)
{
	struct place p = place_of(parser->problem_mark);
	struct place begin = place_of(parser->context_mark);
	const char *problem = parser->problem ? parser->problem : "unreadable";
	const char *end = "";

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	w->loose_end = 0; /* the end of the file says nothing new then */
	if (parser->problem_mark.index >= w->characters)
		end = "; the file ends here: is it truncated?";
	if (character_at(w, parser->problem_mark.index) == '\t')
		diag_error_at(w->d, p, "a tab where YAML takes only spaces: indent with spaces");
	else if (parser->context && (begin.line != p.line || begin.column != p.column))
		diag_error_at(w->d, p, "not valid YAML: %s %s that began at line %u, column %u%s",
			      problem, parser->context, begin.line, begin.column, end);
	else
		diag_error_at(w->d, p, "not valid YAML: %s%s", problem, end);
	return 0;
}

/* A value without quotes that ends where the file ends may be the first half of another one:
 * 10.0.0.1 of 10.0.0.12. */
static void check_end(struct walk *w)
{
	if (w->loose_end && w->loose_end == w->characters)
		diag_error_at(w->d, w->loose,
			      "the file ends within this line: is it truncated? If not, "
			      "end the line with a line break");
}

static int walk_events(struct walk *w, yaml_parser_t *parser)
{
	int err = 0;

	while (!w->stop && !err) {
		yaml_event_t event;

		if (!yaml_parser_parse(parser, &event)) {
			w->stop = true;
			err = report_syntax(w, parser);
			break;
		}
		err = take_event(w, &event);
		yaml_event_delete(&event);
	}
	for (unsigned int i = 0; i < w->depth; i++)
		w->tree->nodes[w->level[i].node].partial = true;
	return err;
}

int tree_read(struct tree *out, const char *text, size_t length, struct diag *d)
{
	struct walk w = { .tree = out, .d = d, .text = text, .length = length };
	_cleanup_(yaml_parser_delete) yaml_parser_t parser = {};
	const char *problem = encoding_problem(text, length);
	size_t errors = d->errors;
	int err;

	*out = (struct tree){};
	tree_add(out, (struct node){ .kind = NODE_BROKEN });
	if (!out->count)
		return -ENOMEM;
	if (problem)
		diag_error(d, 1, 1, "%s", problem);
	else
		w.characters = encoding_check(text, length, d);
	if (d->errors > errors)
		return 0;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	err = walk_events(&w, &parser);
	if (!err)
		check_end(&w);
	return err;
}
