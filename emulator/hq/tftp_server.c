/*
 * The TFTP server without I/O. What it answers is decided here; what the bytes
 * of a request mean is tftp_request.c.
 *
 * A transfer is one slot: the client's address and port (its TID), the packet
 * that waits for an ACK, and when to send it again. Only one packet is ever
 * under way (RFC 1350 section 2: lock-step), so the packet is not stored; it is
 * composed again from the file and the block's number.
 *
 * Three structures hold the slots, so that no operation depends on how many
 * there are beyond a logarithm: a stack of free slots, a hash table from TID
 * to slot, and a binary heap of deadlines.
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

enum opcode { OP_RRQ = 1, OP_WRQ, OP_DATA, OP_ACK, OP_ERROR, OP_OACK };

enum error_code {
	ERROR_UNDEFINED = 0,
	ERROR_NOT_FOUND = 1,
	ERROR_ACCESS = 2,
	ERROR_ILLEGAL = 4,
	ERROR_UNKNOWN_TID = 5,
	ERROR_OPTION = 8,
};

#define NONE UINT32_MAX
#define DATA_HEADER 4

struct transfer {
	uint64_t block;          /* waits for its ACK; 0: the OACK does */
	uint64_t block_last;
	uint64_t deadline_us;
	uint64_t wait_first_us;  /* before the first retransmission of a packet */
	uint64_t wait_us;        /* before the next one */
	uint32_t address;
	uint32_t file;
	uint32_t retries;        /* of the packet that waits */
	uint32_t heap_index;
	uint32_t bucket_next;    /* next slot of the same bucket, or NONE */
	uint16_t port;
	uint16_t blksize;
	uint8_t options;         /* enum tftp_option bits that the OACK carries */
	uint8_t timeout_s;
	uint8_t serving;
	uint8_t reserved;
};

struct tftp_server {
	struct tftp_server_config config;
	struct tftp_server_counters counters;
	struct tftp_file *files;
	size_t file_count;
	struct transfer *transfers;
	uint32_t *free_slots;    /* stack */
	uint32_t free_count;
	uint32_t *heap;          /* slots, earliest deadline first */
	uint32_t heap_count;
	uint32_t *buckets;       /* first slot of each, or NONE */
	uint32_t bucket_mask;
};

/* ------------------------------------------------------------- deadlines */

static bool heap_before(const struct tftp_server *server, uint32_t a, uint32_t b)
{
	const struct transfer *left = &server->transfers[a];
	const struct transfer *right = &server->transfers[b];

	/* The slot decides a tie: the order must not depend on the heap's history. */
	return left->deadline_us != right->deadline_us ? left->deadline_us < right->deadline_us : a < b;
}

static void heap_put(struct tftp_server *server, uint32_t index, uint32_t slot)
{
	server->heap[index] = slot;
	server->transfers[slot].heap_index = index;
}

/* Moves the slot at `index` to where its deadline belongs. */
static void heap_sift(struct tftp_server *server, uint32_t index)
{
	uint32_t slot = server->heap[index];

	while (index && heap_before(server, slot, server->heap[(index - 1) / 2])) {
		heap_put(server, index, server->heap[(index - 1) / 2]);
		index = (index - 1) / 2;
	}
	for (;;) {
		uint32_t child = 2 * index + 1;

		if (child >= server->heap_count)
			break;
		if (child + 1 < server->heap_count && heap_before(server, server->heap[child + 1], server->heap[child]))
			child++;
		if (!heap_before(server, server->heap[child], slot))
			break;
		heap_put(server, index, server->heap[child]);
		index = child;
	}
	heap_put(server, index, slot);
}

static void heap_remove(struct tftp_server *server, uint32_t slot)
{
	uint32_t index = server->transfers[slot].heap_index;
	uint32_t last = server->heap[--server->heap_count];

	if (last == slot)
		return;
	heap_put(server, index, last);
	heap_sift(server, index);
}

/* --------------------------------------------------------------- look-up */

static uint32_t bucket_of(const struct tftp_server *server, uint32_t address, uint16_t port)
{
	uint64_t hash = ((uint64_t)address << 16 | port) * 0x9e3779b97f4a7c15u;

	return (uint32_t)(hash >> 32) & server->bucket_mask;
}

static uint32_t find_transfer(const struct tftp_server *server, uint32_t address, uint16_t port)
{
	uint32_t slot = server->buckets[bucket_of(server, address, port)];

	while (slot != NONE) {
		const struct transfer *transfer = &server->transfers[slot];

		if (transfer->address == address && transfer->port == port)
			break;
		slot = transfer->bucket_next;
	}
	return slot;
}

static uint32_t find_file(const struct tftp_server *server, const char *name)
{
	while (*name == '/')
		name++;
	if (strstr(name, ".."))
		return NONE;
	for (size_t i = 0; i < server->file_count; i++)
		if (!strcmp(server->files[i].name, name))
			return (uint32_t)i;
	return NONE;
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
	output->file = NONE;
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
static void output_oack(const struct tftp_server *server, const struct transfer *transfer,
			struct tftp_output *output)
{
	put16(output->header, OP_OACK);
	output->header_length = 2;
	if (transfer->options & TFTP_OPTION_BLKSIZE)
		add_option(output, "blksize", transfer->blksize);
	if (transfer->options & TFTP_OPTION_TSIZE)
		add_option(output, "tsize", server->files[transfer->file].size);
	if (transfer->options & TFTP_OPTION_TIMEOUT)
		add_option(output, "timeout", transfer->timeout_s);
}

static void output_data(const struct tftp_server *server, const struct transfer *transfer,
			struct tftp_output *output)
{
	const struct tftp_file *file = &server->files[transfer->file];
	uint64_t offset = (transfer->block - 1) * transfer->blksize;
	uint64_t left = file->size - offset;

	put16(output->header, OP_DATA);
	put16(output->header + 2, (uint16_t)transfer->block);
	output->header_length = DATA_HEADER;
	output->payload_length = left < transfer->blksize ? (uint32_t)left : transfer->blksize;
	output->payload = output->payload_length ? file->content + offset : NULL;
	output->file = transfer->file;
	output->offset = offset;
}

/* The packet that waits for its ACK. */
static void output_packet(struct tftp_server *server, uint32_t slot, struct tftp_output *output)
{
	const struct transfer *transfer = &server->transfers[slot];

	if (transfer->block)
		output_data(server, transfer, output);
	else
		output_oack(server, transfer, output);
	output->send = 1;
}

static void send_first(struct tftp_server *server, uint64_t now_us, uint32_t slot, struct tftp_output *output)
{
	struct transfer *transfer = &server->transfers[slot];

	output_packet(server, slot, output);
	if (transfer->block) {
		server->counters.blocks++;
		server->counters.payload_bytes += output->payload_length;
	}
	transfer->retries = 0;
	transfer->wait_us = transfer->wait_first_us;
	transfer->deadline_us = now_us + transfer->wait_us;
	heap_sift(server, transfer->heap_index);
}

static void send_again(struct tftp_server *server, uint64_t now_us, uint32_t slot, struct tftp_output *output)
{
	struct transfer *transfer = &server->transfers[slot];

	output_packet(server, slot, output);
	output->retransmit = 1;
	server->counters.retransmits++;
	transfer->deadline_us = now_us + transfer->wait_us;
	heap_sift(server, transfer->heap_index);
}

/* ------------------------------------------------------------- transfers */

static void end_transfer(struct tftp_server *server, uint32_t slot, uint64_t *reason)
{
	struct transfer *transfer = &server->transfers[slot];
	uint32_t *link = &server->buckets[bucket_of(server, transfer->address, transfer->port)];

	while (*link != slot)
		link = &server->transfers[*link].bucket_next;
	*link = transfer->bucket_next;
	heap_remove(server, slot);
	transfer->serving = 0;
	server->free_slots[server->free_count++] = slot;
	server->counters.serving--;
	(*reason)++;
}

/* Takes the slot at the top of the stack and files it under its TID. */
static uint32_t begin_transfer(struct tftp_server *server, uint64_t now_us, uint32_t address, uint16_t port)
{
	uint32_t slot = server->free_slots[--server->free_count];
	struct transfer *transfer = &server->transfers[slot];
	uint32_t bucket = bucket_of(server, address, port);

	memset(transfer, 0, sizeof(*transfer));
	transfer->address = address;
	transfer->port = port;
	transfer->serving = 1;
	transfer->deadline_us = now_us;
	transfer->bucket_next = server->buckets[bucket];
	server->buckets[bucket] = slot;
	heap_put(server, server->heap_count++, slot);
	server->counters.started++;
	if (++server->counters.serving > server->counters.serving_peak)
		server->counters.serving_peak = server->counters.serving;
	return slot;
}

static void negotiate(const struct tftp_server *server, struct transfer *transfer,
		      const struct tftp_request *request)
{
	uint32_t blksize_max = server->config.blksize_max ? server->config.blksize_max : TFTP_BLKSIZE_MAX;

	transfer->options = request->options;
	transfer->blksize = TFTP_BLKSIZE_DEFAULT;
	if (request->options & TFTP_OPTION_BLKSIZE)
		transfer->blksize = (uint16_t)(request->blksize < blksize_max ? request->blksize : blksize_max);
	transfer->wait_first_us = server->config.timeout_us;
	if (request->options & TFTP_OPTION_TIMEOUT) {
		transfer->timeout_s = request->timeout_s;
		transfer->wait_first_us = request->timeout_s * UINT64_C(1000000);
	}
	transfer->block = request->options ? 0 : 1;
	transfer->block_last = server->files[transfer->file].size / transfer->blksize + 1;
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
	const struct transfer *transfer = &server->transfers[slot];

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
	slot = find_transfer(server, output->address, output->port);
	if (slot != NONE && duplicate_request(server, now_us, slot, file, output))
		return;
	if (file == NONE) {
		server->counters.not_found++;
		output_error(output, ERROR_NOT_FOUND, "file not found");
		return;
	}
	if (!server->free_count) {
		server->counters.rejected++;
		output_error(output, ERROR_UNDEFINED, TFTP_BUSY_TEXT);
		return;
	}
	slot = begin_transfer(server, now_us, output->address, output->port);
	server->transfers[slot].file = file;
	negotiate(server, &server->transfers[slot], request);
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
	struct transfer *transfer = &server->transfers[slot];
	uint16_t behind = (uint16_t)((uint16_t)transfer->block - block);

	if (behind) {
		/* RFC 1123 section 4.2.3.1: an ACK that was seen before starts nothing (Sorcerer's Apprentice). */
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

void tftp_server_packet(struct tftp_server *server, uint64_t now_us, uint32_t transfer, uint32_t address,
			uint16_t port, const uint8_t *data, size_t length, struct tftp_output *output)
{
	output_init(output, transfer, address, port);
	if (transfer >= server->config.serving_max || !server->transfers[transfer].serving)
		return;
	if (server->transfers[transfer].address != address || server->transfers[transfer].port != port) {
		server->counters.strangers++;
		/* An ERROR is not answered, or two servers could go on for ever. */
		if (length < 2 || data[0] || data[1] != OP_ERROR)
			output_error(output, ERROR_UNKNOWN_TID, "unknown transfer ID");
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

uint64_t tftp_server_deadline(const struct tftp_server *server)
{
	return server->heap_count ? server->transfers[server->heap[0]].deadline_us : UINT64_MAX;
}

uint32_t tftp_server_first_due(const struct tftp_server *server)
{
	return server->heap_count ? server->heap[0] : TFTP_NO_TRANSFER;
}

bool tftp_server_expire(struct tftp_server *server, uint64_t now_us, struct tftp_output *output)
{
	uint64_t wait_max_us = server->config.timeout_max_us;
	struct transfer *transfer;
	uint32_t slot;

	if (tftp_server_deadline(server) > now_us)
		return false;
	slot = server->heap[0];
	transfer = &server->transfers[slot];
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

void tftp_server_cancel(struct tftp_server *server, uint32_t transfer, struct tftp_output *output)
{
	assert(transfer < server->config.serving_max && server->transfers[transfer].serving);
	output_init(output, TFTP_NO_TRANSFER, server->transfers[transfer].address, server->transfers[transfer].port);
	end_transfer(server, transfer, &server->counters.aborted);
	output_error(output, ERROR_UNDEFINED, TFTP_NO_PORT_TEXT);
}

void tftp_server_reset(struct tftp_server *server)
{
	uint32_t slots = server->config.serving_max;

	memset(server->transfers, 0, slots * sizeof(*server->transfers));
	memset(server->buckets, 0xff, ((size_t)server->bucket_mask + 1) * sizeof(*server->buckets));
	/* The lowest slot is taken first. */
	for (uint32_t i = 0; i < slots; i++)
		server->free_slots[i] = slots - 1 - i;
	server->free_count = slots;
	server->heap_count = 0;
	server->counters.serving = 0;
}

const struct tftp_server_counters *tftp_server_counters(const struct tftp_server *server)
{
	return &server->counters;
}

static bool copy_files(struct tftp_server *server, const struct tftp_file *files, size_t file_count)
{
	server->files = calloc(file_count ? file_count : 1, sizeof(*server->files));
	if (!server->files)
		return false;
	for (size_t i = 0; i < file_count; i++) {
		server->files[i] = files[i];
		server->files[i].name = strdup(files[i].name);
		if (!server->files[i].name)
			return false;
		server->file_count++;
	}
	return true;
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
	uint32_t slots = config->serving_max ? config->serving_max : 1;
	uint32_t buckets = 16;

	if (!config_is_good(config)) {
		errno = EINVAL;
		return NULL;
	}
	server = calloc(1, sizeof(*server));
	if (!server)
		return NULL;
	while (buckets < 2 * slots)
		buckets *= 2;
	server->config = *config;
	server->bucket_mask = buckets - 1;
	server->transfers = calloc(slots, sizeof(*server->transfers));
	server->free_slots = calloc(slots, sizeof(*server->free_slots));
	server->heap = calloc(slots, sizeof(*server->heap));
	server->buckets = calloc(buckets, sizeof(*server->buckets));
	if (!server->transfers || !server->free_slots || !server->heap || !server->buckets ||
	    !copy_files(server, files, file_count)) {
		tftp_server_free(server);
		errno = ENOMEM;
		return NULL;
	}
	tftp_server_reset(server);
	return server;
}

void tftp_server_free(struct tftp_server *server)
{
	if (!server)
		return;
	for (size_t i = 0; i < server->file_count; i++)
		free((char *)server->files[i].name);
	free(server->files);
	free(server->transfers);
	free(server->free_slots);
	free(server->heap);
	free(server->buckets);
	free(server);
}
