/*
 * The transfers of a TFTP server: slots that are found by the client's address
 * and port in O(1), and ordered by deadline in O(log n). Only tftp_server.c
 * uses it; what a transfer is about is decided there.
 */
#ifndef FLEET_TFTP_TRANSFERS_H
#define FLEET_TFTP_TRANSFERS_H

#include <stdbool.h>
#include <stdint.h>

struct tftp_transfer {
	uint64_t block;          /* waits for its ACK; 0: the OACK does */
	uint64_t block_last;
	uint64_t deadline_us;
	uint64_t heap_us;        /* where it stands in the heap: not after deadline_us */
	uint64_t size;           /* of the file when the transfer began */
	uint64_t wait_first_us;  /* before the first retransmission of a packet */
	uint64_t wait_us;        /* before the next one */
	uint64_t number;         /* of the transfer: how many were begun before it */
	uint32_t address;        /* with the port: the client's TID */
	uint32_t file;
	uint32_t retries;        /* of the packet that waits */
	uint32_t heap_index;
	uint32_t bucket_next;    /* next slot of the same bucket, or TFTP_NO_TRANSFER */
	uint16_t port;
	uint16_t blksize;
	uint8_t options;         /* enum tftp_option bits that the OACK carries */
	uint8_t timeout_s;
	uint8_t serving;
	uint8_t reserved;
};

struct tftp_transfers {
	struct tftp_transfer *list; /* one a slot */
	uint32_t slots;
	uint32_t *free_slots;       /* stack; the lowest slot is taken first */
	uint32_t free_count;
	uint32_t *heap;             /* slots, earliest heap_us first; the transfer that began first at a tie */
	uint32_t heap_count;
	uint64_t begun;             /* transfers so far */
	uint32_t *buckets;          /* first slot of each, or TFTP_NO_TRANSFER */
	uint32_t bucket_mask;
};

/* False where memory lacks; deinit is due all the same, and is allowed on a zeroed struct. */
bool tftp_transfers_init(struct tftp_transfers *transfers, uint32_t slots);
void tftp_transfers_deinit(struct tftp_transfers *transfers);

/* Forgets them all. */
void tftp_transfers_reset(struct tftp_transfers *transfers);

/* The slot of that TID, or TFTP_NO_TRANSFER. */
uint32_t tftp_transfers_find(const struct tftp_transfers *transfers, uint32_t address, uint16_t port);

/* Takes a free slot (there must be one), the last that was freed; its deadline is UINT64_MAX. */
uint32_t tftp_transfers_begin(struct tftp_transfers *transfers, uint32_t address, uint16_t port);
void tftp_transfers_end(struct tftp_transfers *transfers, uint32_t slot);

void tftp_transfers_schedule(struct tftp_transfers *transfers, uint32_t slot, uint64_t deadline_us);

/* The slot whose deadline is first, or TFTP_NO_TRANSFER. O(log n) for each that was put off and would be first. */
uint32_t tftp_transfers_first(struct tftp_transfers *transfers);

/* Not after the first deadline; UINT64_MAX: there is none. O(1). */
uint64_t tftp_transfers_bound(const struct tftp_transfers *transfers);

#endif
