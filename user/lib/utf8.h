/* SPDX-License-Identifier: GPL-2.0 */
/* UTF-8, strictly (RFC 3629). Pure. */
#ifndef EVENKEEL_LIB_UTF8_H
#define EVENKEEL_LIB_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the code point at the start of text[0..length). Returns its length in bytes, or 0 if
 * there is none: empty, malformed, overlong, a surrogate, beyond U+10FFFF, or cut off. */
static inline size_t utf8_next(const char *text, size_t length, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *s = (const unsigned char *)text;
	uint32_t value;
	size_t size;

	if (!length)
		return 0;
	if (s[0] < 0x80) {
		*code = s[0];
		return 1;
	}
	size = s[0] >= 0xf8 ? 0 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 0;
	if (!size || size > length)
		return 0;
	value = s[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (s[i] & 0x3f);
	}
	if (value < least[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*code = value;
	return size;
}

/* Puts '?' where there is no UTF-8. */
static inline void utf8_mend(char *text)
{
	size_t left, used;
	uint32_t code;

	for (left = 0; text[left]; left++)
		;
	for (; left; text += used, left -= used) {
		used = utf8_next(text, left, &code);
		if (used)
			continue;
		*text = '?';
		used = 1;
	}
}

/* Characters that no configuration and no terminal line should hold: controls, line breaks
 * that editors do not show as such, byte order marks, and those that reorder text on screen. */
static inline bool utf8_is_hidden(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x2028 || code == 0x2029 ||
	       (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
	       code == 0xfeff || (code & 0xfffe) == 0xfffe;
}

#endif
