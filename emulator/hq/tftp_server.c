/*
 * The TFTP server without I/O. What it answers is decided here; what the bytes
 * of a request mean is tftp_request.c, and how transfers are found and which of
 * them is due is tftp_transfers.c.
 *
 * Only one packet of a transfer is ever under way (RFC 1350 section 2:
 * lock-step), so the packet is not stored; it is composed again from the file
 * and the block's number.
 *
 * The block's number is 64 bits wide in here and 16 on the wire, where it wraps
 * from 65535 to 0: RFC 1350 is silent, and this is what clients in the field
 * expect.
 */
#include "emulator/hq/tftp_server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "emulator/hq/tftp_request.h"
#include "emulator/hq/tftp_transfers.h"

enum opcode { OP_RRQ = 1, OP_WRQ, OP_DATA, OP_ACK, OP_ERROR, OP_OACK };

enum error_code {
	ERROR_UNDEFINED = 0,
	ERROR_NOT_FOUND = 1,
	ERROR_ACCESS = 2,
	ERROR_ILLEGAL = 4,
	ERROR_UNKNOWN_TID = 5,
	ERROR_OPTION = 8,
};

#define DATA_HEADER 4
#define TFTP_NO_FILE UINT32_MAX

struct tftp_server {
	struct tftp_server_config config;
	struct tftp_server_counters counters;
	struct tftp_file *files;
	size_t file_count;
	uint64_t *sizes; /* as they are served */
	bool busy;
	struct tftp_transfers transfers;
};

static struct tftp_transfer *transfer_at(const struct tftp_server *server, uint32_t slot)
{
	return &server->transfers.list[slot];
}

static uint32_t find_file(const struct tftp_server *server, const char *name)
{
	while (*name == '/')
		name++;
	if (strstr(name, ".."))
		return TFTP_NO_FILE;
	for (size_t i = 0; i < server->file_count; i++)
		if (!strcmp(server->files[i].name, name))
			return (uint32_t)i;
	return TFTP_NO_FILE;
}

/* ---------------------------------------------------------------- output */

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void output_init(struct tftp_output *output, uint32_t transfer, uint32_t address, uint16_t port)
{
	memset(output, 0, offsetof(struct tftp_output, header));
	output->transfer = transfer;
	output->address = address;
	output->port = port;
	output->file = TFTP_NO_FILE;
}

static void output_error(struct tftp_output *output, enum error_code code, const char *text)
{
	size_t length = strlen(text) + 1;

	assert(4 + length <= sizeof(output->header));
	put16(output->header, OP_ERROR);
	put16(output->header + 2, code);
	memcpy(output->header + 4, text, length);
	output->header_length = (uint32_t)(4 + length);
	output->send = 1;
}

static void add_option(struct tftp_output *output, const char *name, uint64_t value)
{
	char *at = (char *)output->header + output->header_length;
	size_t room = sizeof(output->header) - output->header_length;
	int length = snprintf(at, room, "%s%c%llu", name, 0, (unsigned long long)value);

	assert(length > 0 && (size_t)length < room);
	output->header_length += (uint32_t)length + 1;
}

/* RFC 2347: what was granted, and nothing that was not asked for. */
static void output_oack(const struct tftp_transfer *transfer, struct tftp_output *output)
{
	put16(output->header, OP_OACK);
	output->header_length = 2;
	if (transfer->options & TFTP_OPTION_BLKSIZE)
		add_option(output, "blksize", transfer->blksize);
	if (transfer->options & TFTP_OPTION_TSIZE)
		add_option(output, "tsize", transfer->size);
	if (transfer->options & TFTP_OPTION_TIMEOUT)
		add_option(output, "timeout", transfer->timeout_s);
}

static void output_data(const struct tftp_server *server, const struct tftp_transfer *transfer,
			struct tftp_output *output)
{
	const struct tftp_file *file = &server->files[transfer->file];
	uint64_t offset = (transfer->block - 1) * transfer->blksize;
	uint64_t left = transfer->size - offset;
	uint64_t readable = offset < file->size ? offset : 0;

	put16(output->header, OP_DATA);
	put16(output->header + 2, (uint16_t)transfer->block);
	output->header_length = DATA_HEADER;
	output->payload_length = left < transfer->blksize ? (uint32_t)left : transfer->blksize;
	output->payload = output->payload_length ? file->content + readable : NULL;
	output->file = transfer->file;
	output->offset = offset;
}

/* The packet that waits for its ACK. */
static void output_packet(struct tftp_server *server, uint32_t slot, struct tftp_output *output)
{
	const struct tftp_transfer *transfer = transfer_at(server, slot);

	if (transfer->block)
		output_data(server, transfer, output);
	else
		output_oack(transfer, output);
	output->send = 1;
}

static void send_first(struct tftp_server *server, uint64_t now_us, uint32_t slot, struct tftp_output *output)
{
	struct tftp_transfer *transfer = transfer_at(server, slot);

	output_packet(server, slot, output);
	if (transfer->block) {
		server->counters.blocks++;
		server->counters.payload_bytes += output->payload_length;
	}
	transfer->retries = 0;
	transfer->wait_us = transfer->wait_first_us;
	tftp_transfers_schedule(&server->transfers, slot, now_us + transfer->wait_us);
}

static void send_again(struct tftp_server *server, uint64_t now_us, uint32_t slot, struct tftp_output *output)
{
	struct tftp_transfer *transfer = transfer_at(server, slot);

	output_packet(server, slot, output);
	output->retransmit = 1;
	server->counters.retransmits++;
	tftp_transfers_schedule(&server->transfers, slot, now_us + transfer->wait_us);
}

/* ------------------------------------------------------------- transfers */

static void end_transfer(struct tftp_server *server, uint32_t slot, uint64_t *reason)
{
	tftp_transfers_end(&server->transfers, slot);
	server->counters.serving--;
	(*reason)++;
}

static void negotiate(const struct tftp_server *server, struct tftp_transfer *transfer,
		      const struct tftp_request *request)
{
	uint32_t blksize_max = server->config.blksize_max ? server->config.blksize_max : TFTP_BLKSIZE_MAX;

	transfer->options = request->options;
	transfer->blksize = TFTP_BLKSIZE_DEFAULT;
	if (request->options & TFTP_OPTION_BLKSIZE)
		transfer->blksize =
			(uint16_t)(request->blksize < blksize_max ? request->blksize : blksize_max);
	transfer->wait_first_us = server->config.timeout_us;
	if (request->options & TFTP_OPTION_TIMEOUT) {
		transfer->timeout_s = request->timeout_s;
		transfer->wait_first_us = request->timeout_s * UINT64_C(1000000);
	}
	transfer->block = request->options ? 0 : 1;
	transfer->size = server->sizes[transfer->file];
	transfer->block_last = transfer->size / transfer->blksize + 1;
}

/*
 * Another request from a TID that is being served. The same file: the client
 * did not see the first packet, which goes out again, or the request was
 * delayed on its way and means nothing any more. Returns true where that was
 * all; another file means that the client has given the old transfer up.
 */
static bool duplicate_request(struct tftp_server *server, uint64_t now_us, uint32_t slot, uint32_t file,
			      struct tftp_output *output)
{
	const struct tftp_transfer *transfer = transfer_at(server, slot);

	output->transfer = slot;
	if (transfer->file != file) {
		end_transfer(server, slot, &server->counters.aborted);
		output->ended = 1;
		return false;
	}
	server->counters.duplicates++;
	if (transfer->block == (transfer->options ? 0 : 1))
		send_again(server, now_us, slot, output);
	return true;
}

static void read_request(struct tftp_server *server, uint64_t now_us, const struct tftp_request *request,
			 struct tftp_output *output)
{
	uint32_t file = find_file(server, request->name);
	uint32_t slot;

	if (strcasecmp(request->mode, "octet")) {
		server->counters.refused++;
		output_error(output, ERROR_UNDEFINED, "only mode octet is served");
		return;
	}
	slot = tftp_transfers_find(&server->transfers, output->address, output->port);
	if (slot != TFTP_NO_TRANSFER && duplicate_request(server, now_us, slot, file, output))
		return;
	if (file == TFTP_NO_FILE) {
		server->counters.not_found++;
		output_error(output, ERROR_NOT_FOUND, "file not found");
		return;
	}
	if (!server->transfers.free_count || server->busy) {
		server->counters.rejected++;
		output_error(output, ERROR_UNDEFINED, TFTP_BUSY_TEXT);
		return;
	}
	slot = tftp_transfers_begin(&server->transfers, output->address, output->port);
	transfer_at(server, slot)->file = file;
	negotiate(server, transfer_at(server, slot), request);
	server->counters.started++;
	if (++server->counters.serving > server->counters.serving_peak)
		server->counters.serving_peak = server->counters.serving;
	output->transfer = slot; /* the same as before where one was just ended: the stack's top */
	output->started = 1;
	output->ended = 0;
	send_first(server, now_us, slot, output);
}

/* ------------------------------------------------------------- interface */

void tftp_server_request(struct tftp_server *server, uint64_t now_us, uint32_t address, uint16_t port,
			 const uint8_t *data, size_t length, struct tftp_output *output)
{
	struct tftp_request request;

	output_init(output, TFTP_NO_TRANSFER, address, port);
	switch (tftp_request_parse(data, length, &request)) {
	case TFTP_PARSE_READ:
		server->counters.requests++;
		read_request(server, now_us, &request, output);
		break;
	case TFTP_PARSE_WRITE:
		server->counters.requests++;
		server->counters.refused++;
		output_error(output, ERROR_ACCESS, "this server does not take files");
		break;
	case TFTP_PARSE_OPTION:
		server->counters.malformed++;
		output_error(output, ERROR_OPTION, "option without a value");
		break;
	case TFTP_PARSE_ILLEGAL:
		server->counters.malformed++;
		output_error(output, ERROR_ILLEGAL, "not a request");
		break;
	case TFTP_PARSE_SILENT:
		/* RFC 1350 section 7: an ERROR is never answered; what has no opcode is not TFTP. */
		server->counters.malformed++;
		break;
	}
}

static void acknowledged(struct tftp_server *server, uint64_t now_us, uint32_t slot, uint16_t block,
			 struct tftp_output *output)
{
	struct tftp_transfer *transfer = transfer_at(server, slot);
	uint16_t behind = (uint16_t)((uint16_t)transfer->block - block);

	if (behind) {
		/* RFC 1123 section 4.2.3.1: an ACK that was seen before starts nothing (Sorcerer's
		 * Apprentice). */
		if (behind <= INT16_MAX && behind <= transfer->block)
			server->counters.duplicate_acks++;
		else
			server->counters.malformed++;
		return;
	}
	if (transfer->block == transfer->block_last) {
		end_transfer(server, slot, &server->counters.completed);
		output->ended = 1;
		return;
	}
	transfer->block++;
	send_first(server, now_us, slot, output);
}

/* RFC 1350 section 4. An ERROR is not answered, or two servers could go on for ever. */
static void unknown(struct tftp_server *server, const uint8_t *data, size_t length,
		    struct tftp_output *output)
{
	server->counters.strangers++;
	if (length < 2 || data[0] || data[1] != OP_ERROR)
		output_error(output, ERROR_UNKNOWN_TID, "unknown transfer ID");
}

void tftp_server_stranger(struct tftp_server *server, uint32_t address, uint16_t port, const uint8_t *data,
			  size_t length, struct tftp_output *output)
{
	output_init(output, TFTP_NO_TRANSFER, address, port);
	unknown(server, data, length, output);
}

uint32_t tftp_server_find(const struct tftp_server *server, uint32_t address, uint16_t port)
{
	return tftp_transfers_find(&server->transfers, address, port);
}

void tftp_server_packet(struct tftp_server *server, uint64_t now_us, uint32_t transfer, uint32_t address,
			uint16_t port, const uint8_t *data, size_t length, struct tftp_output *output)
{
	output_init(output, transfer, address, port);
	if (transfer >= server->config.serving_max || !transfer_at(server, transfer)->serving)
		return;
	if (transfer_at(server, transfer)->address != address ||
	    transfer_at(server, transfer)->port != port) {
		unknown(server, data, length, output);
		return;
	}
	if (length < 4 || data[0] || (data[1] != OP_ACK && data[1] != OP_ERROR)) {
		server->counters.malformed++;
		return;
	}
	if (data[1] == OP_ACK) {
		acknowledged(server, now_us, transfer, (uint16_t)(data[2] << 8 | data[3]), output);
		return;
	}
	end_transfer(server, transfer, &server->counters.aborted);
	output->ended = 1;
}

uint64_t tftp_server_deadline(struct tftp_server *server)
{
	uint32_t slot = tftp_transfers_first(&server->transfers);

	return slot == TFTP_NO_TRANSFER ? UINT64_MAX : transfer_at(server, slot)->deadline_us;
}

uint32_t tftp_server_first_due(struct tftp_server *server)
{
	return tftp_transfers_first(&server->transfers);
}

uint64_t tftp_server_deadline_bound(const struct tftp_server *server)
{
	return tftp_transfers_bound(&server->transfers);
}

bool tftp_server_expire(struct tftp_server *server, uint64_t now_us, struct tftp_output *output)
{
	uint64_t wait_max_us = server->config.timeout_max_us;
	struct tftp_transfer *transfer;
	uint32_t slot;

	if (tftp_server_deadline(server) > now_us)
		return false;
	slot = tftp_transfers_first(&server->transfers);
	transfer = transfer_at(server, slot);
	output_init(output, slot, transfer->address, transfer->port);
	if (transfer->retries == server->config.retries_max) {
		end_transfer(server, slot, &server->counters.given_up);
		output->ended = 1;
		return true;
	}
	transfer->retries++;
	if (wait_max_us < transfer->wait_first_us)
		wait_max_us = transfer->wait_first_us; /* the client asked for more by RFC 2349 */
	transfer->wait_us = transfer->wait_us < wait_max_us / 2 ? 2 * transfer->wait_us : wait_max_us;
	send_again(server, now_us, slot, output);
	return true;
}

void tftp_server_cancel(struct tftp_server *server, uint32_t slot, struct tftp_output *output)
{
	const struct tftp_transfer *transfer = transfer_at(server, slot);

	assert(slot < server->config.serving_max && transfer->serving);
	output_init(output, TFTP_NO_TRANSFER, transfer->address, transfer->port);
	end_transfer(server, slot, &server->counters.aborted);
	output_error(output, ERROR_UNDEFINED, TFTP_NO_PORT_TEXT);
}

void tftp_server_reset(struct tftp_server *server)
{
	tftp_transfers_reset(&server->transfers);
	server->counters.serving = 0;
}

void tftp_server_busy(struct tftp_server *server, bool busy)
{
	server->busy = busy;
}

void tftp_server_serve_size(struct tftp_server *server, uint32_t file, uint64_t size)
{
	assert(file < server->file_count);
	server->sizes[file] = size;
}

uint32_t tftp_server_serving_max(const struct tftp_server *server)
{
	return server->config.serving_max;
}

const struct tftp_server_counters *tftp_server_counters(const struct tftp_server *server)
{
	return &server->counters;
}

static bool copy_files(struct tftp_server *server, const struct tftp_file *files, size_t file_count)
{
	server->files = calloc(file_count ? file_count : 1, sizeof(*server->files));
	server->sizes = calloc(file_count ? file_count : 1, sizeof(*server->sizes));
	if (!server->files || !server->sizes)
		return false;
	for (size_t i = 0; i < file_count; i++) {
		server->files[i] = files[i];
		server->sizes[i] = files[i].size;
		server->files[i].name = strdup(files[i].name);
		if (!server->files[i].name)
			return false;
		server->file_count++;
	}
	return true;
}

static bool is_same(const struct tftp_file *a, const struct tftp_file *b)
{
	return a->size == b->size &&
	       (!a->size || a->content == b->content || !memcmp(a->content, b->content, a->size));
}

size_t tftp_files_clash(const struct tftp_file *files, size_t file_count)
{
	size_t i = 0;

	for (; i < file_count; i++)
		for (size_t j = 0; j < i; j++)
			if (!strcmp(files[i].name, files[j].name) && !is_same(&files[i], &files[j]))
				return i;
	return i;
}

static bool config_is_good(const struct tftp_server_config *config)
{
	if (config->serving_max > TFTP_SERVING_MAX || !config->timeout_us)
		return false;
	if (config->timeout_max_us < config->timeout_us)
		return false;
	return !config->blksize_max ||
	       (config->blksize_max >= TFTP_BLKSIZE_MIN && config->blksize_max <= TFTP_BLKSIZE_MAX);
}

struct tftp_server *tftp_server_new(const struct tftp_server_config *config, const struct tftp_file *files,
				    size_t file_count)
{
	struct tftp_server *server;

	if (!config_is_good(config)) {
		errno = EINVAL;
		return NULL;
	}
	if (tftp_files_clash(files, file_count) < file_count) {
		errno = EEXIST;
		return NULL;
	}
	server = calloc(1, sizeof(*server));
	if (!server)
		return NULL;
	server->config = *config;
	if (!tftp_transfers_init(&server->transfers, config->serving_max) ||
	    !copy_files(server, files, file_count)) {
		tftp_server_free(server);
		errno = ENOMEM;
		return NULL;
	}
	return server;
}

void tftp_server_free(struct tftp_server *server)
{
	if (!server)
		return;
	for (size_t i = 0; i < server->file_count; i++)
		free((char *)server->files[i].name);
	free(server->files);
	free(server->sizes);
	tftp_transfers_deinit(&server->transfers);
	free(server);
}
