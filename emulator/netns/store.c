/* The firmware store of one phone; store.h says why it is so. */
#include "emulator/netns/store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_STATIC_LINKING_ONLY /* the size of a state */
#include <xxhash.h>

/* Equal bytes between two differences that are kept with them rather than cut out. */
#define DIFFERENCE_GAP 32

void store_init(struct store *store, const struct plan_firmware *firmware)
{
	memset(store, 0, sizeof(*store));
	store->firmware = firmware;
}

static void forget_differences(struct store_file *held)
{
	while (held->first) {
		struct store_difference *difference = held->first;

		held->first = difference->next;
		free(difference);
	}
	held->last = NULL;
	held->private_bytes = 0;
}

void store_discard(struct store *store, uint8_t file)
{
	struct store_file *held = &store->files[file];

	forget_differences(held);
	XXH3_freeState(held->digest);
	memset(held, 0, sizeof(*held));
}

void store_clear(struct store *store)
{
	uint8_t file;

	for (file = 0; file < PFS_FILES_MAX; file++)
		store_discard(store, file);
}

static int keep_difference(struct store_file *held, uint64_t offset, const uint8_t *data, size_t length)
{
	struct store_difference *difference;

	if (held->private_bytes + length > STORE_PRIVATE_MAX) {
		forget_differences(held);
		held->foreign = true;
		return 0;
	}
	difference = malloc(sizeof(*difference) + length);
	if (!difference)
		return -ENOMEM;
	difference->next = NULL;
	difference->offset = offset;
	difference->length = (uint32_t)length;
	memcpy(difference->bytes, data, length);
	if (held->last)
		held->last->next = difference;
	else
		held->first = difference;
	held->last = difference;
	held->private_bytes += (uint32_t)length;
	return 0;
}

/* Keeps each run of bytes that is not the plan's; runs less than a gap apart are one. */
static int keep_differences(struct store_file *held, uint64_t offset, const uint8_t *data, const uint8_t *content,
			    size_t length)
{
	size_t at = 0;

	while (at < length && !held->foreign) {
		size_t begin, end, i;
		int error;

		while (at < length && data[at] == content[at])
			at++;
		if (at == length)
			break;
		begin = at;
		end = begin + 1;
		for (i = end; i < length && i - end < DIFFERENCE_GAP; i++)
			if (data[i] != content[i])
				end = i + 1;
		error = keep_difference(held, offset + begin, data + begin, end - begin);
		if (error)
			return error;
		at = end;
	}
	return 0;
}

int store_take(struct store *store, uint8_t file, uint64_t offset, const uint8_t *data, size_t length)
{
	const struct pfs_file *manifest = &store->firmware->files[file];
	struct store_file *held = &store->files[file];
	size_t within = 0;
	int error = 0;

	if (offset != held->have || held->verified)
		return -EINVAL;
	if (!held->digest) {
		held->digest = XXH3_createState();
		if (!held->digest)
			return -ENOMEM;
		XXH3_64bits_reset(held->digest);
	}
	XXH3_64bits_update(held->digest, data, length);
	if (offset < manifest->size)
		within = length < manifest->size - offset ? length : (size_t)(manifest->size - offset);
	if (within && !held->foreign && memcmp(store->firmware->content[file] + offset, data, within))
		error = keep_differences(held, offset, data, store->firmware->content[file] + offset, within);
	if (error)
		return error;
	held->have += length;
	return 0;
}

bool store_verify(struct store *store, uint8_t file)
{
	const struct pfs_file *manifest = &store->firmware->files[file];
	struct store_file *held = &store->files[file];
	uint64_t digest = held->digest ? XXH3_64bits_digest(held->digest) : XXH3_64bits("", 0);

	if (!held->verified)
		held->verified = held->have == manifest->size && digest == manifest->digest && !held->foreign;
	if (held->verified) {
		XXH3_freeState(held->digest);
		held->digest = NULL;
	}
	return held->verified;
}

bool store_holds(const struct store *store, uint8_t file, uint64_t end)
{
	return end <= store->files[file].have && !store->files[file].foreign;
}

bool store_is_whole(const struct store *store)
{
	for (uint32_t file = 0; file < store->firmware->file_count; file++) {
		const struct store_file *held = &store->files[file];

		if (held->have != store->firmware->files[file].size || held->first || held->foreign)
			return false;
	}
	return true;
}

int store_range(const struct store *store, uint8_t file, uint64_t offset, uint64_t length, struct iovec *vectors,
		int max, uint64_t *covered)
{
	const struct store_file *held = &store->files[file];
	const uint8_t *content = store->firmware->content[file];
	const struct store_difference *difference = held->first;
	uint64_t end = offset + length, at = offset;
	int count = 0;

	assert(end <= store->firmware->files[file].size);
	while (difference && difference->offset + difference->length <= at)
		difference = difference->next;
	while (at < end && count < max) {
		const uint8_t *from = content + at;
		uint64_t until = end;

		if (difference && difference->offset <= at) {
			from = difference->bytes + (at - difference->offset);
			until = difference->offset + difference->length;
			difference = difference->next;
		} else if (difference) {
			until = difference->offset;
		}
		if (until > end)
			until = end;
		/* sendmsg only reads; iovec has no const */
		vectors[count].iov_base = (void *)(uintptr_t)from;
		vectors[count++].iov_len = (size_t)(until - at);
		at = until;
	}
	*covered = at - offset;
	return count;
}

size_t store_private_bytes(const struct store *store)
{
	size_t bytes = 0;
	uint8_t file;

	for (file = 0; file < PFS_FILES_MAX; file++) {
		const struct store_difference *difference = store->files[file].first;

		for (; difference; difference = difference->next)
			bytes += sizeof(*difference) + difference->length;
		if (store->files[file].digest)
			bytes += sizeof(XXH3_state_t);
	}
	return bytes;
}
