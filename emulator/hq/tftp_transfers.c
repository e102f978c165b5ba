/*
 * A stack of free slots, a hash table from TID to slot with chains through the
 * slots, and a binary heap of deadlines that knows where each slot stands in
 * it. An ACK puts a deadline off, which is as frequent as blocks are: such a
 * slot stays where it is, and is moved when it has come to the top and somebody
 * asks which is the first. All memory is taken at the start; nothing here can
 * fail in mid-transfer.
 */
#include "emulator/hq/tftp_transfers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/hq/tftp_server.h"

#define NONE TFTP_NO_TRANSFER

static bool is_before(const struct tftp_transfers *transfers, uint32_t a, uint32_t b)
{
	const struct tftp_transfer *left = &transfers->list[a], *right = &transfers->list[b];

	/*
	 * Nothing but the clients may decide a tie: not the heap's history, and not
	 * the slot, which depends on whoever else is being served.
	 */
	return left->heap_us != right->heap_us ? left->heap_us < right->heap_us
					       : left->number < right->number;
}

static void put(struct tftp_transfers *transfers, uint32_t index, uint32_t slot)
{
	transfers->heap[index] = slot;
	transfers->list[slot].heap_index = index;
}

/* The earlier child of a place in the heap, or NONE. */
static uint32_t earlier_child(const struct tftp_transfers *transfers, uint32_t index)
{
	uint32_t child = 2 * index + 1;

	if (child >= transfers->heap_count)
		return NONE;
	if (child + 1 < transfers->heap_count &&
	    is_before(transfers, transfers->heap[child + 1], transfers->heap[child]))
		child++;
	return child;
}

/* Moves the slot at `index` to where its deadline belongs. */
static void sift(struct tftp_transfers *transfers, uint32_t index)
{
	uint32_t slot = transfers->heap[index];
	uint32_t child;

	while (index && is_before(transfers, slot, transfers->heap[(index - 1) / 2])) {
		put(transfers, index, transfers->heap[(index - 1) / 2]);
		index = (index - 1) / 2;
	}
	while ((child = earlier_child(transfers, index)) != NONE &&
	       is_before(transfers, transfers->heap[child], slot)) {
		put(transfers, index, transfers->heap[child]);
		index = child;
	}
	put(transfers, index, slot);
}

static uint32_t *bucket_of(const struct tftp_transfers *transfers, uint32_t address, uint16_t port)
{
	uint64_t hash = ((uint64_t)address << 16 | port) * 0x9e3779b97f4a7c15u;

	return &transfers->buckets[(uint32_t)(hash >> 32) & transfers->bucket_mask];
}

uint32_t tftp_transfers_find(const struct tftp_transfers *transfers, uint32_t address, uint16_t port)
{
	uint32_t slot = *bucket_of(transfers, address, port);

	while (slot != NONE &&
	       (transfers->list[slot].address != address || transfers->list[slot].port != port))
		slot = transfers->list[slot].bucket_next;
	return slot;
}

uint32_t tftp_transfers_begin(struct tftp_transfers *transfers, uint32_t address, uint16_t port)
{
	uint32_t *bucket = bucket_of(transfers, address, port);
	struct tftp_transfer *transfer;
	uint32_t slot;

	assert(transfers->free_count);
	slot = transfers->free_slots[--transfers->free_count];
	transfer = &transfers->list[slot];
	memset(transfer, 0, sizeof(*transfer));
	transfer->number = transfers->begun++;
	transfer->address = address;
	transfer->port = port;
	transfer->serving = 1;
	transfer->deadline_us = transfer->heap_us = UINT64_MAX;
	transfer->bucket_next = *bucket;
	*bucket = slot;
	put(transfers, transfers->heap_count++, slot);
	return slot;
}

void tftp_transfers_end(struct tftp_transfers *transfers, uint32_t slot)
{
	struct tftp_transfer *transfer = &transfers->list[slot];
	uint32_t *link = bucket_of(transfers, transfer->address, transfer->port);
	uint32_t last = transfers->heap[--transfers->heap_count];

	while (*link != slot)
		link = &transfers->list[*link].bucket_next;
	*link = transfer->bucket_next;
	if (last != slot) {
		put(transfers, transfer->heap_index, last);
		sift(transfers, transfers->list[last].heap_index);
	}
	transfer->serving = 0;
	transfers->free_slots[transfers->free_count++] = slot;
}

void tftp_transfers_schedule(struct tftp_transfers *transfers, uint32_t slot, uint64_t deadline_us)
{
	struct tftp_transfer *transfer = &transfers->list[slot];

	transfer->deadline_us = deadline_us;
	if (deadline_us >= transfer->heap_us)
		return;
	transfer->heap_us = deadline_us;
	sift(transfers, transfer->heap_index);
}

uint32_t tftp_transfers_first(struct tftp_transfers *transfers)
{
	while (transfers->heap_count) {
		struct tftp_transfer *transfer = &transfers->list[transfers->heap[0]];

		if (transfer->heap_us == transfer->deadline_us)
			return transfers->heap[0];
		transfer->heap_us = transfer->deadline_us;
		sift(transfers, 0);
	}
	return NONE;
}

uint64_t tftp_transfers_bound(const struct tftp_transfers *transfers)
{
	return transfers->heap_count ? transfers->list[transfers->heap[0]].heap_us : UINT64_MAX;
}

void tftp_transfers_reset(struct tftp_transfers *transfers)
{
	uint32_t slots = transfers->slots;

	memset(transfers->list, 0, slots * sizeof(*transfers->list));
	for (uint32_t i = 0; i <= transfers->bucket_mask; i++)
		transfers->buckets[i] = NONE;
	for (uint32_t i = 0; i < slots; i++)
		transfers->free_slots[i] = slots - 1 - i;
	transfers->free_count = slots;
	transfers->heap_count = 0;
}

bool tftp_transfers_init(struct tftp_transfers *transfers, uint32_t slots)
{
	uint32_t room = slots ? slots : 1;
	uint32_t buckets = 16;

	while (buckets < 2 * room)
		buckets *= 2;
	memset(transfers, 0, sizeof(*transfers));
	transfers->slots = slots;
	transfers->bucket_mask = buckets - 1;
	transfers->list = calloc(room, sizeof(*transfers->list));
	transfers->free_slots = calloc(room, sizeof(*transfers->free_slots));
	transfers->heap = calloc(room, sizeof(*transfers->heap));
	transfers->buckets = calloc(buckets, sizeof(*transfers->buckets));
	if (!transfers->list || !transfers->free_slots || !transfers->heap || !transfers->buckets)
		return false;
	tftp_transfers_reset(transfers);
	return true;
}

void tftp_transfers_deinit(struct tftp_transfers *transfers)
{
	free(transfers->list);
	free(transfers->free_slots);
	free(transfers->heap);
	free(transfers->buckets);
	memset(transfers, 0, sizeof(*transfers));
}
