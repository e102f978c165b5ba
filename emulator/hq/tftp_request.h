/*
 * What a packet to a TFTP server's port 69 says: RFC 1350 section 5 with the
 * options of RFC 2347, 2348 and 2349. Nothing past `length` is read, whatever
 * the bytes are.
 */
#ifndef FLEET_TFTP_REQUEST_H
#define FLEET_TFTP_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#define TFTP_BLKSIZE_MIN 8 /* RFC 2348 */
#define TFTP_BLKSIZE_DEFAULT 512
#define TFTP_BLKSIZE_MAX 65464

enum tftp_option { TFTP_OPTION_BLKSIZE = 1, TFTP_OPTION_TSIZE = 2, TFTP_OPTION_TIMEOUT = 4 };

enum tftp_parse {
	TFTP_PARSE_READ,    /* RRQ */
	TFTP_PARSE_WRITE,   /* WRQ */
	TFTP_PARSE_OPTION,  /* a request with an option that has no value: ERROR 8 */
	TFTP_PARSE_ILLEGAL, /* not a well-formed request: ERROR 4 */
	TFTP_PARSE_SILENT   /* too short for an opcode, or an ERROR: not to be answered */
};

struct tftp_request {
	const char *name;   /* inside the packet, NUL-terminated there */
	const char *mode;
	uint8_t options;    /* enum tftp_option bits: asked for, with a value that is allowed */
	uint8_t timeout_s;  /* 1 to 255 */
	uint32_t blksize;   /* 8 to 65464; a larger one that was asked for is 65464 */
};

/* Fills `request` for TFTP_PARSE_READ and TFTP_PARSE_WRITE; it points into `data`. */
enum tftp_parse tftp_request_parse(const uint8_t *data, size_t length, struct tftp_request *request);

#endif
