/*
 * Parses TFTP requests. A cursor walks NUL-terminated strings and stops at the
 * first that the packet does not end; every other check is on whole strings.
 *
 * RFC 2347 leaves an invalid value to the option's own RFC, which leaves it
 * open for all three; such an option is left out, as one that is not supported.
 * Only a blksize above the range has an obvious answer, the largest: RFC 2348
 * lets the server answer with less than was asked.
 */
#include "emulator/hq/tftp_request.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "emulator/hq/tftp_server.h"

struct cursor {
	const char *at;
	size_t left;
};

/* The next string, or NULL where no NUL is left. */
static const char *take_string(struct cursor *cursor)
{
	const char *string = cursor->at;
	size_t length = strnlen(string, cursor->left);

	if (length == cursor->left)
		return NULL;
	cursor->at += length + 1;
	cursor->left -= length + 1;
	return string;
}

/* A decimal number without sign or blanks; false where it is none. Stays at UINT64_MAX where it is too large.
 */
static bool parse_number(const char *text, uint64_t *number)
{
	*number = 0;
	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (*number > (UINT64_MAX - 9) / 10)
			*number = UINT64_MAX;
		else
			*number = 10 * *number + (uint64_t)(*text - '0');
	}
	return true;
}

/* RFC 2347: names in any case, each option once; of a repeated one the first counts. */
static bool is_option(const struct tftp_request *request, const char *name, const char *wanted,
		      enum tftp_option option)
{
	return !(request->options & option) && !strcasecmp(name, wanted);
}

static void take_option(struct tftp_request *request, const char *name, const char *value)
{
	uint64_t number;

	if (!parse_number(value, &number))
		return;
	if (is_option(request, name, "blksize", TFTP_OPTION_BLKSIZE) && number >= TFTP_BLKSIZE_MIN) {
		request->options |= TFTP_OPTION_BLKSIZE;
		request->blksize = number < TFTP_BLKSIZE_MAX ? (uint32_t)number : TFTP_BLKSIZE_MAX;
	} else if (is_option(request, name, "tsize", TFTP_OPTION_TSIZE)) {
		request->options |= TFTP_OPTION_TSIZE;
	} else if (is_option(request, name, "timeout", TFTP_OPTION_TIMEOUT) && number >= 1 && number <= 255) {
		request->options |= TFTP_OPTION_TIMEOUT;
		request->timeout_s = (uint8_t)number;
	}
}

enum tftp_parse tftp_request_parse(const uint8_t *data, size_t length, struct tftp_request *request)
{
	struct cursor cursor;
	uint16_t opcode;

	memset(request, 0, sizeof(*request));
	if (length < 2)
		return TFTP_PARSE_SILENT;
	opcode = (uint16_t)(data[0] << 8 | data[1]);
	if (opcode == 5)
		return TFTP_PARSE_SILENT;
	if ((opcode != 1 && opcode != 2) || length > TFTP_REQUEST_MAX)
		return TFTP_PARSE_ILLEGAL;
	cursor = (struct cursor){ .at = (const char *)data + 2, .left = length - 2 };
	request->name = take_string(&cursor);
	request->mode = request->name ? take_string(&cursor) : NULL;
	if (!request->mode)
		return TFTP_PARSE_ILLEGAL;
	/* Some clients fill a request up with zeros: an empty name ends the options. */
	while (cursor.left && *cursor.at) {
		const char *name = take_string(&cursor);
		const char *value = name ? take_string(&cursor) : NULL;

		if (!value)
			return TFTP_PARSE_OPTION;
		take_option(request, name, value);
	}
	return opcode == 1 ? TFTP_PARSE_READ : TFTP_PARSE_WRITE;
}
