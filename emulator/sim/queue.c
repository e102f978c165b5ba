/* See queue.h. Four children a node: half the levels of a binary heap, and siblings share cache lines. */
#include "emulator/sim/queue.h"

#include <stdlib.h>

#define ARITY 4
#define CLASS_SHIFT 62

void sim_queue_deinit(struct sim_queue *queue)
{
	free(queue->heap);
	*queue = (struct sim_queue){ 0 };
}

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void sim_queue_push(struct sim_queue *queue, uint64_t at_us, enum sim_class class, uint32_t kind, uint32_t a,
		    uint64_t b, uint32_t c)
{
	uint64_t number = class == SIM_TIMEOUT ? a : queue->sequence++;
	struct sim_event event = { at_us, (uint64_t) class << CLASS_SHIFT | number << SIM_KIND_BITS | kind, b,
				   a, c };
	uint32_t hole = queue->count;

	if (queue->count == queue->size) {
		uint32_t size = queue->size ? queue->size * 2 : 1024;
		struct sim_event *heap = realloc(queue->heap, (size_t)size * sizeof(*heap));
		if (!heap) {
			queue->failed = true;
			return;
		}
		queue->heap = heap;
		queue->size = size;
	}
	queue->count++;
	while (hole) {
		uint32_t parent = (hole - 1) / ARITY;
		if (!before(&event, &queue->heap[parent]))
			break;
		queue->heap[hole] = queue->heap[parent];
		hole = parent;
	}
	queue->heap[hole] = event;
}

bool sim_queue_pop(struct sim_queue *queue, struct sim_event *event)
{
	struct sim_event *heap = queue->heap;
	uint32_t hole = 0;

	if (!queue->count)
		return false;
	*event = heap[0];
	uint32_t count = --queue->count;
	struct sim_event last = heap[count];
	for (;;) {
		uint32_t child = hole * ARITY + 1;
		if (child >= count)
			break;
		uint32_t best = child, end = child + ARITY < count ? child + ARITY : count;
		for (uint32_t i = child + 1; i < end; i++)
			if (before(&heap[i], &heap[best]))
				best = i;
		if (!before(&heap[best], &last))
			break;
		heap[hole] = heap[best];
		hole = best;
	}
	heap[hole] = last;
	return true;
}
