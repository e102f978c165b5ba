/* See printable.h: RFC 3629, and the two blocks of control characters of ISO 8859. */
#include "emulator/plan/printable.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Octets of the character that begins there; 0: it is no UTF-8, or a control character of ISO 8859. */
static size_t character(const uint8_t *text)
{
	static const uint32_t least[] = { 0, 0, 0x80 + 0x20, 0x800, 0x10000 };
	size_t length = *text < 0x80 ? 1 : *text >> 5 == 6 ? 2 : *text >> 4 == 14 ? 3 : *text >> 3 == 30 ? 4 : 0;
	uint32_t code = length > 1 ? *text & (0x7fu >> length) : *text;

	if (length < 2)
		return length;
	for (size_t i = 1; i < length; i++) {
		if (text[i] >> 6 != 2)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	return code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : length;
}

bool printable(const char *from, char *to, size_t size)
{
	const uint8_t *text = (const uint8_t *)from;
	size_t at = 0;

	while (*text) {
		size_t length = *text < 0x20 || *text == 0x7f ? 0 : character(text);
		size_t wide = length ? length : 4;

		if (at + wide >= size)
			break;
		if (length)
			memcpy(to + at, text, length);
		else
			snprintf(to + at, size - at, "\\x%02x", *text);
		text += length ? length : 1;
		at += wide;
	}
	to[at] = '\0';
	return !*text;
}
