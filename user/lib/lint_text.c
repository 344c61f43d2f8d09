// SPDX-License-Identifier: GPL-2.0
/* Lints of the text as it is written: line ends, and characters that look like others. */
#include <stdlib.h>
#include <string.h>

#include "lib/lint_internal.h"
#include "lib/utf8.h"

/* So many words typed with another keyboard say enough. */
#define LOOK_ALIKES_MAX 10u

/* From Unicode's confusables.txt: what is drawn as an ASCII character in common fonts. By code. */
static const struct {
	uint32_t code;
	char like;
} look_alikes[] = {
	{ 0x00a0, ' ' },  { 0x0391, 'A' },  { 0x0392, 'B' }, { 0x0395, 'E' }, { 0x0396, 'Z' },
	{ 0x0397, 'H' },  { 0x0399, 'I' },  { 0x039a, 'K' }, { 0x039c, 'M' }, { 0x039d, 'N' },
	{ 0x039f, 'O' },  { 0x03a1, 'P' },  { 0x03a4, 'T' }, { 0x03a5, 'Y' }, { 0x03a7, 'X' },
	{ 0x03b1, 'a' },  { 0x03b9, 'i' },  { 0x03ba, 'k' }, { 0x03bd, 'v' }, { 0x03bf, 'o' },
	{ 0x03c1, 'p' },  { 0x03c5, 'u' },  { 0x03c7, 'x' }, { 0x03f2, 'c' }, { 0x03f3, 'j' },
	{ 0x0405, 'S' },  { 0x0406, 'I' },  { 0x0408, 'J' }, { 0x0410, 'A' }, { 0x0412, 'B' },
	{ 0x0415, 'E' },  { 0x0417, '3' },  { 0x041a, 'K' }, { 0x041c, 'M' }, { 0x041d, 'H' },
	{ 0x041e, 'O' },  { 0x0420, 'P' },  { 0x0421, 'C' }, { 0x0422, 'T' }, { 0x0423, 'Y' },
	{ 0x0425, 'X' },  { 0x0430, 'a' },  { 0x0435, 'e' }, { 0x043e, 'o' }, { 0x0440, 'p' },
	{ 0x0441, 'c' },  { 0x0443, 'y' },  { 0x0445, 'x' }, { 0x0455, 's' }, { 0x0456, 'i' },
	{ 0x0458, 'j' },  { 0x04bb, 'h' },  { 0x04cf, 'l' }, { 0x0501, 'd' }, { 0x051b, 'q' },
	{ 0x051d, 'w' },  { 0x2010, '-' },  { 0x2011, '-' }, { 0x2012, '-' }, { 0x2013, '-' },
	{ 0x2018, '\'' }, { 0x2019, '\'' }, { 0x201c, '"' }, { 0x201d, '"' }, { 0x2024, '.' },
	{ 0x2044, '/' },  { 0x2212, '-' },  { 0x2215, '/' },
};

/* The ASCII character that it is taken for; 0 if for none. */
static char looks_like(uint32_t code)
{
	if (code >= 0xff01 && code <= 0xff5e) /* full width */
		return (char)(code - 0xff01 + '!');
	for (size_t i = 0; i < sizeof(look_alikes) / sizeof(look_alikes[0]); i++)
		if (look_alikes[i].code == code)
			return look_alikes[i].like;
	return 0;
}

static bool ends_word(char c)
{
	return strchr(" \t\r\n\"',[]{}", c) != NULL;
}

struct word {
	uint32_t code; /* the first look-alike; 0: none */
	unsigned int column;
	bool foreign;  /* a character that looks like nothing in ASCII: another language */
	char text[64]; /* as it is meant to be read */
	size_t used;
};

static void word_end(struct lint_report *r, struct word *w, unsigned int line, size_t *told)
{
	if (w->code && !w->foreign && (*told)++ < LOOK_ALIKES_MAX)
		lint_add(r, LINT_LOOK_ALIKE, (struct place){ line, w->column }, NULL, NULL,
			 "U+%04X looks like '%c', and is another character: type '%.*s' anew",
			 w->code, looks_like(w->code), (int)w->used, w->text);
	*w = (struct word){};
}

static void word_add(struct word *w, uint32_t code, unsigned int column)
{
	char like = code < 0x80 ? (char)code : looks_like(code);

	if (code >= 0x80 && like && !w->code) {
		w->code = code;
		w->column = column;
	}
	w->foreign |= !like;
	if (w->used < sizeof(w->text) && like)
		w->text[w->used++] = like;
}

/* Where a comment, or a reason, begins: there people write in their own language. */
static size_t prose_begins(const char *line, size_t length)
{
	char quote = 0;

	for (size_t i = 0; i < length; i++) {
		if (quote)
			quote = line[i] == quote ? 0 : quote;
		else if (line[i] == '"' || line[i] == '\'')
			quote = line[i];
		else if ((line[i] == '#' && (!i || line[i - 1] == ' ' || line[i - 1] == '\t')) ||
			 (length - i >= 7 && !memcmp(line + i, "reason:", 7)))
			return i;
	}
	return length;
}

static void line_check(struct lint_report *r, const char *line, size_t length, unsigned int number,
		       size_t *told)
{
	size_t end = prose_begins(line, length), i = 0;
	struct word word = {};
	unsigned int column = 1;

	while (i < end) {
		uint32_t code = 0;
		size_t size = utf8_next(line + i, end - i, &code);

		if (!size)
			return; /* refused by parsing */
		if (code < 0x80 && ends_word((char)code))
			word_end(r, &word, number, told);
		else
			word_add(&word, code, column);
		i += size;
		column++;
	}
	word_end(r, &word, number, told);
}

void lint_text(struct lint_report *r, const struct lint_input *in)
{
	unsigned int number = 1, first = 0;
	size_t told = 0, returns = 0;

	for (size_t i = 0; in->text && i < in->length; number++) {
		const char *line = in->text + i;
		const char *end = memchr(line, '\n', in->length - i);
		size_t length = end ? (size_t)(end - line) : in->length - i;

		if (length && line[length - 1] == '\r' && !returns++)
			first = number;
		line_check(r, line, length, number, &told);
		i += length + 1;
	}
	if (returns)
		lint_add(r, LINT_LINE_ENDS, (struct place){ first, 1 }, NULL, NULL,
			 "%zu lines end as on Windows (CR LF): save the file with Unix line ends",
			 returns);
}
