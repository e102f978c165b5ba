/*
 * The server of the search: what emulator/hq/tftp_server.c does with requests
 * for a file that it has, in octet mode and without options, with room for
 * everybody. It is written once more because that server's state cannot be
 * copied, and a state of the search must be; test_search holds the two
 * together, packet by packet and time-out by time-out.
 *
 * Each transfer answers from a port of its own, named by the client's, and
 * ends with the last ACK, an ERROR, or when its retransmissions are used up.
 */
#include "emulator/search/state.h"
#include "emulator/search/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { OP_RRQ = 1, OP_DATA = 3, OP_ACK = 4, OP_ERROR = 5 };

uint64_t search_file_size(uint32_t file)
{
	return file ? 700 : 612; /* two blocks: a full one and the rest */
}

void search_file_name(uint32_t file, char name[PFS_NAME_MAX])
{
	memset(name, 0, PFS_NAME_MAX);
	snprintf(name, PFS_NAME_MAX, file ? "jar.sbn" : "SCCP.loads");
}

static uint16_t own_port(const struct search_transfer *transfer)
{
	return (uint16_t)(SEARCH_SERVER_PORT + transfer->phone * 16 + transfer->port % 16);
}

static void data_send(struct search_step *step, struct search_transfer *transfer)
{
	struct search_flight *flight = search_flight_new(step, FLIGHT_FROM_SERVER, transfer->phone);
	uint64_t offset = (uint64_t)(transfer->block - 1) * 512,
		 left = search_file_size(transfer->file) - offset;

	transfer->deadline_us = step->state->now_us + transfer->wait_us;
	if (!flight)
		return;
	flight->port = own_port(transfer);
	flight->to_port = transfer->port;
	flight->bytes[1] = OP_DATA;
	flight->bytes[3] = transfer->block;
	flight->available = 4;
	flight->length = (uint16_t)(4 + (left < 512 ? left : 512));
}

static void first_send(struct search_step *step, struct search_transfer *transfer)
{
	transfer->retries = 0;
	transfer->wait_us = SEARCH_SERVER_TIMEOUT_US;
	data_send(step, transfer);
}

static void end(struct search_transfer *transfer)
{
	memset(transfer, 0, sizeof(*transfer));
}

static void request(struct search_step *step, uint32_t phone, uint16_t port, const uint8_t *bytes)
{
	struct search_transfer *place = NULL;
	uint32_t file = 0;
	char name[PFS_NAME_MAX];

	for (;; file++) {
		if (file == step->state->files) {
			step->broken = "only files of the upgrade are asked of the server";
			return;
		}
		search_file_name(file, name);
		if (!strcmp(name, (const char *)bytes + 2))
			break;
	}
	for (uint32_t i = 0; i < SEARCH_TRANSFERS; i++) {
		struct search_transfer *transfer = &step->state->transfers[i];
		if (!transfer->used) {
			place = place ? place : transfer;
		} else if (transfer->phone == phone && transfer->port == port) {
			/* Again: the first packet is what was lost, or the request is late and means nothing.
			 */
			if (transfer->block == 1)
				data_send(step, transfer);
			return;
		}
	}
	if (!place) {
		step->error = -EOVERFLOW;
		return;
	}
	*place = (struct search_transfer){ .used = 1,
					   .phone = (uint8_t)phone,
					   .file = (uint8_t)file,
					   .port = port,
					   .block = 1,
					   .block_last = (uint8_t)(search_file_size(file) / 512 + 1) };
	first_send(step, place);
}

void search_server_packet(struct search_step *step, uint32_t phone, uint16_t port, uint16_t to_port,
			  const uint8_t *bytes, uint32_t length)
{
	if (to_port == PFS_TFTP_PORT) {
		if (length > 2 && bytes[1] == OP_RRQ)
			request(step, phone, port, bytes);
		return;
	}
	for (uint32_t i = 0; i < SEARCH_TRANSFERS; i++) {
		struct search_transfer *transfer = &step->state->transfers[i];
		if (!transfer->used || own_port(transfer) != to_port || transfer->phone != phone ||
		    transfer->port != port)
			continue;
		if (bytes[1] == OP_ERROR)
			end(transfer);
		else if (bytes[1] != OP_ACK || bytes[3] != transfer->block)
			return; /* RFC 1123 section 4.2.3.1: an ACK that was seen before starts nothing */
		else if (transfer->block == transfer->block_last)
			end(transfer);
		else {
			transfer->block++;
			first_send(step, transfer);
		}
		return;
	}
}

void search_server_timer(struct search_step *step, uint32_t number)
{
	struct search_transfer *transfer = &step->state->transfers[number];

	if (transfer->retries == SEARCH_SERVER_RETRIES) {
		end(transfer);
		return;
	}
	transfer->retries++;
	transfer->wait_us = transfer->wait_us < SEARCH_SERVER_TIMEOUT_MAX_US / 2
				    ? 2 * transfer->wait_us
				    : SEARCH_SERVER_TIMEOUT_MAX_US;
	data_send(step, transfer);
}
