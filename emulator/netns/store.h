/*
 * What one phone holds of its firmware. Every byte that reaches the phone is
 * digested (XXH3-64) and compared with the plan's content, but the content is
 * held once for the whole fleet: privately a phone keeps only where its bytes
 * differ, so that memory does not grow with phones times firmware. A phone
 * that forwards a file forwards what it received, differences and all.
 */
#ifndef FLEET_NETNS_STORE_H
#define FLEET_NETNS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "emulator/plan/plan.h"

/*
 * Private bytes a file may cost. A file that differs more is foreign: it fails
 * its verification, so that it never has to be forwarded, and what differs
 * need not be kept.
 */
#define STORE_PRIVATE_MAX 65536

struct store_difference {
	struct store_difference *next; /* ascending, disjoint */
	uint64_t offset;
	uint32_t length;
	uint8_t bytes[];
};

struct store_file {
	uint64_t have;      /* leading bytes stored; may pass the manifest's size */
	void *digest;       /* XXH3_state_t while it is being received */
	struct store_difference *first, *last;
	uint32_t private_bytes;
	bool foreign;       /* differs too much to be kept: cannot verify */
	bool verified;
};

struct store {
	const struct plan_firmware *firmware; /* the caller's */
	struct store_file files[PFS_FILES_MAX];
};

void store_init(struct store *store, const struct plan_firmware *firmware);
/* Forgets everything; the store can be used again. */
void store_clear(struct store *store);

/*
 * Stores `length` bytes at `offset`, which must be where the file ends now:
 * anything else is -EINVAL. -ENOMEM where memory lacks. Else 0.
 */
int store_take(struct store *store, uint8_t file, uint64_t offset, const uint8_t *data, size_t length);

/* Whether the file is complete and its digest the manifest's. Frees what only reception needs. */
bool store_verify(struct store *store, uint8_t file);

/* Whether the file's leading bytes up to `end` are held as they came. */
bool store_holds(const struct store *store, uint8_t file, uint64_t end);

/*
 * Whether every file is held to its last byte as the plan has it, whatever was
 * verified: byte for byte, not by digest. For what a phone is about to install.
 */
bool store_is_whole(const struct store *store);

void store_discard(struct store *store, uint8_t file);

/*
 * The bytes of a range as the phone holds them, as pieces of the plan's
 * content and of its own: fills at most `max` vectors, returns how many, and
 * in *covered how many bytes they hold (less than length where vectors ran
 * out). They are valid until the file is discarded. The range lies within
 * the file, and within what is held (store_holds()): but for a what-if that
 * forwards a file before its verdict. Then what was discarded since, or differs
 * too much to be kept, is the plan's bytes: whoever gets them is to begin anew and
 * never to install them.
 */
int store_range(const struct store *store, uint8_t file, uint64_t offset, uint64_t length, struct iovec *vectors,
		int max, uint64_t *covered);

/* Private bytes of all files, states included: what the phone costs beyond the plan. */
size_t store_private_bytes(const struct store *store);

#endif
