/*
 * Which states were visited. Only 76 bits of a state's hash are kept: 12 choose a shard,
 * 64 are its entry there. Among n states the chance that any two are taken for one is
 * below n^2 / 2^77: a millionth for 3 * 10^8 of them, a hundred-millionth for 3 * 10^7. (Not
 * all zero: that is a free place, so one state in 2^64 has another's hash, which is
 * less than what is stated.)
 *
 * The set is as large as it needs to be, for memory is what ends a search: each shard
 * grows by a quarter, alone, so that there never is a second copy of the whole, and
 * is filled to four fifths before: 10 to 12.5 bytes a state. An entry's place
 * is proportional to its value, so that growing goes through both copies in order.
 */
#include "emulator/search/visited.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SHARD_BITS 12 /* few enough for their heads to stay in a processor's own cache */
#define SHARDS (UINT32_C(1) << SHARD_BITS)
#define SIZE_FIRST 16
#define MAPPED_BYTES 32768 /* larger ones come from the kernel and go back to it: no heap in pieces */

struct visited_shard {
	uint64_t *entries; /* and after them, with depths, as many uint16_t */
	uint32_t size, count;
};

static size_t bytes_of(const struct visited *set, uint32_t size)
{
	return size * (sizeof(uint64_t) + (set->depths ? sizeof(uint16_t) : 0));
}

static uint64_t *entries_new(struct visited *set, uint32_t size)
{
	size_t bytes = bytes_of(set, size);
	void *entries;

	if (bytes < MAPPED_BYTES) {
		entries = calloc(1, bytes);
	} else {
		entries = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (entries == MAP_FAILED)
			entries = NULL;
	}
	if (entries)
		set->bytes += bytes;
	return entries;
}

static void entries_free(struct visited *set, uint64_t *entries, uint32_t size)
{
	size_t bytes = bytes_of(set, size);

	if (!entries)
		return;
	set->bytes -= bytes;
	if (bytes < MAPPED_BYTES)
		free(entries);
	else
		munmap(entries, bytes);
}

static uint16_t *depths_of(const struct visited_shard *shard)
{
	return (uint16_t *)(shard->entries + shard->size);
}

static uint32_t first_place(const struct visited_shard *shard, uint64_t entry)
{
	return (uint32_t)((entry >> 32) * shard->size >> 32);
}

/* Where the entry is, or the free place where it would be. */
static uint32_t place_of(const struct visited_shard *shard, uint64_t entry)
{
	uint32_t at = first_place(shard, entry);

	while (shard->entries[at] && shard->entries[at] != entry)
		at = at + 1 == shard->size ? 0 : at + 1;
	return at;
}

static int grow(struct visited *set, struct visited_shard *shard)
{
	struct visited_shard grown = { .size = shard->size + shard->size / 4, .count = shard->count };

	if (grown.size < SIZE_FIRST)
		grown.size = SIZE_FIRST;
	grown.entries = entries_new(set, grown.size);
	if (!grown.entries)
		return -ENOMEM;
	for (uint32_t i = 0; i < shard->size; i++) {
		if (!shard->entries[i])
			continue;
		uint32_t at = place_of(&grown, shard->entries[i]);
		grown.entries[at] = shard->entries[i];
		if (set->depths)
			depths_of(&grown)[at] = depths_of(shard)[i];
	}
	entries_free(set, shard->entries, shard->size);
	*shard = grown;
	return 0;
}

int visited_init(struct visited *set, bool depths)
{
	*set = (struct visited){ .depths = depths };
	set->shards = calloc(SHARDS, sizeof(*set->shards));
	set->bytes = SHARDS * sizeof(*set->shards);
	return set->shards ? 0 : -ENOMEM;
}

void visited_deinit(struct visited *set)
{
	for (uint32_t i = 0; set->shards && i < SHARDS; i++)
		entries_free(set, set->shards[i].entries, set->shards[i].size);
	free(set->shards);
	*set = (struct visited){ 0 };
}

void visited_prefetch(const struct visited *set, struct search_key key)
{
	const struct visited_shard *shard = &set->shards[key.high & (SHARDS - 1)];

	if (shard->size)
		__builtin_prefetch(&shard->entries[first_place(shard, key.low)], 1);
}

int visited_meet(struct visited *set, struct search_key key, uint32_t depth)
{
	struct visited_shard *shard = &set->shards[key.high & (SHARDS - 1)];
	uint64_t entry = key.low ? key.low : 1;
	uint32_t at;

	if (shard->count >= shard->size / 5 * 4) {
		int error = grow(set, shard);
		if (error)
			return error;
	}
	at = place_of(shard, entry);
	if (!shard->entries[at]) {
		shard->entries[at] = entry;
		if (set->depths)
			depths_of(shard)[at] = (uint16_t)depth;
		shard->count++;
		set->count++;
		return VISITED_NEW;
	}
	if (!set->depths || depths_of(shard)[at] <= depth)
		return VISITED_BEFORE;
	depths_of(shard)[at] = (uint16_t)depth;
	return VISITED_NEARER;
}
