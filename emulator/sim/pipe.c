/*
 * The bytes of one direction of a connection: frames are real bytes, ranges of
 * files only their identity. Runs leave as they are consumed, so a pipe's
 * memory is what is under way.
 */
#include "emulator/sim/sim.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Moves what is left to the front and makes room for `more` elements. */
static int make_room(void **memory, size_t width, uint32_t *first, uint32_t count, uint32_t *size,
		     uint32_t more, uint32_t least)
{
	if (*first + count + more <= *size)
		return 0;
	if (*first)
		memmove(*memory, (uint8_t *)*memory + *first * width, count * width);
	*first = 0;
	if (count + more <= *size)
		return 0;
	uint32_t grown = *size ? *size * 2 : least;
	while (grown < count + more)
		grown *= 2;
	void *moved = realloc(*memory, grown * width);
	if (!moved)
		return -ENOMEM;
	*memory = moved;
	*size = grown;
	return 0;
}

int sim_pipe_write(struct sim_pipe *pipe, const uint8_t *bytes, uint64_t length, uint8_t file,
		   uint64_t offset)
{
	struct sim_item *last =
		pipe->item_count ? &pipe->items[pipe->item_first + pipe->item_count - 1] : NULL;
	void *memory;

	if (bytes) {
		memory = pipe->bytes;
		if (make_room(&memory, 1, &pipe->byte_first, pipe->byte_count, &pipe->byte_size,
			      (uint32_t)length, 64))
			return -ENOMEM;
		pipe->bytes = memory;
		memcpy(pipe->bytes + pipe->byte_first + pipe->byte_count, bytes, length);
		pipe->byte_count += (uint32_t)length;
		if (last && !last->payload) {
			last->end += length;
			pipe->written += length;
			return 0;
		}
	}
	memory = pipe->items;
	if (make_room(&memory, sizeof(struct sim_item), &pipe->item_first, pipe->item_count, &pipe->item_size,
		      1, 4))
		return -ENOMEM;
	pipe->items = memory;
	pipe->written += length;
	pipe->items[pipe->item_first + pipe->item_count++] = (struct sim_item){
		.end = pipe->written, .offset = offset, .payload = !bytes, .file = file, .sent = bytes != NULL
	};
	return 0;
}

void sim_pipe_peek(const struct sim_pipe *pipe, struct pfs_event *event)
{
	static const uint8_t nothing[1];
	uint64_t end = pipe->consumed;

	event->data = nothing;
	event->available = 0;
	for (uint32_t i = 0; i < pipe->item_count; i++) {
		const struct sim_item *item = &pipe->items[pipe->item_first + i];
		end = item->end;
		if (item->payload)
			break;
		event->data = pipe->bytes + pipe->byte_first;
		event->available = (uint32_t)((end < pipe->arrived ? end : pipe->arrived) - pipe->consumed);
	}
	if (end > pipe->arrived)
		end = pipe->arrived;
	event->length = (uint32_t)(end - pipe->consumed);
}

void sim_pipe_consume(struct sim_pipe *pipe, uint64_t length)
{
	assert(length <= pipe->arrived - pipe->consumed);
	while (length) {
		struct sim_item *item = &pipe->items[pipe->item_first];
		uint64_t part = item->end - pipe->consumed < length ? item->end - pipe->consumed : length;
		if (item->payload) {
			item->offset += part;
		} else {
			pipe->byte_first += (uint32_t)part;
			pipe->byte_count -= (uint32_t)part;
		}
		pipe->consumed += part;
		length -= part;
		if (pipe->consumed == item->end) {
			pipe->item_first++;
			pipe->item_count--;
		}
	}
}

bool sim_pipe_at(const struct sim_pipe *pipe, uint64_t skip, uint8_t *file, uint64_t *offset,
		 uint64_t *length)
{
	uint64_t start = pipe->consumed, position = pipe->consumed + skip;

	for (uint32_t i = 0; i < pipe->item_count; i++) {
		const struct sim_item *item = &pipe->items[pipe->item_first + i];
		if (position < item->end) {
			*file = item->file;
			*offset = item->offset + (position - start);
			*length = item->end - position;
			return item->payload;
		}
		start = item->end;
	}
	return false;
}

/* Of a slow flow no more than a second's worth: its reader hears the other end all the while. */
static uint64_t piece_bytes(uint64_t rate_bps)
{
	uint64_t bytes = rate_bps / 8;

	if (bytes > SIM_CHUNK_BYTES)
		return SIM_CHUNK_BYTES;
	return bytes > SIM_SEGMENT_BYTES ? bytes : SIM_SEGMENT_BYTES;
}

uint64_t sim_pipe_target(const struct sim_pipe *pipe, uint64_t rate_bps)
{
	/* From what was announced on: a piece that began anew with each word written behind it would never end. */
	uint64_t target = pipe->announced + piece_bytes(rate_bps);

	if (pipe->written < target)
		target = pipe->written;
	if (target < pipe->transmitted)
		target = pipe->transmitted;
	for (uint32_t i = 0; i < pipe->item_count; i++) {
		const struct sim_item *item = &pipe->items[pipe->item_first + i];
		if (!item->payload)
			continue;
		if (item->end > pipe->transmitted && item->end < target)
			target = item->end;
		if (!item->sent && item->end > pipe->transmitted + SIM_SEND_BUFFER_BYTES &&
		    item->end - SIM_SEND_BUFFER_BYTES < target)
			target = item->end - SIM_SEND_BUFFER_BYTES;
	}
	return target;
}

void sim_pipe_deinit(struct sim_pipe *pipe)
{
	free(pipe->bytes);
	free(pipe->items);
	*pipe = (struct sim_pipe){ 0 };
}
