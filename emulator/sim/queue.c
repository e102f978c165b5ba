/* See queue.h. Four children a node: half the levels of a binary heap, and siblings share cache lines. */
#include "emulator/sim/queue.h"

#include <stdlib.h>

#define ARITY 4
#define CLASS_SHIFT 62

#define LANE_MIN 64

void sim_queue_deinit(struct sim_queue *queue)
{
	for (uint32_t i = 0; i < SIM_LANES; i++)
		free(queue->lanes[i].ring);
	free(queue->heap);
	*queue = (struct sim_queue){ 0 };
}

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

/* ---- lanes ---- */

static bool grow_lane(struct sim_lane *lane)
{
	uint32_t size = lane->size ? lane->size * 2 : LANE_MIN;
	struct sim_event *ring = malloc((size_t)size * sizeof(*ring));

	if (!ring)
		return false;
	for (uint32_t i = 0; i < lane->count; i++)
		ring[i] = lane->ring[(lane->head + i) & (lane->size - 1)];
	free(lane->ring);
	lane->ring = ring;
	lane->size = size;
	lane->head = 0;
	return true;
}

/* False where the entry would not be the last. Sequence numbers grow, so at one time the order is kept too. */
static bool join_lane(struct sim_queue *queue, uint32_t number, const struct sim_event *event)
{
	struct sim_lane *lane = &queue->lanes[number];

	if (lane->count && before(event, &lane->ring[(lane->head + lane->count - 1) & (lane->size - 1)]))
		return false;
	if (lane->count == lane->size && !grow_lane(lane))
		return false;
	if (!lane->count)
		queue->head_us[number] = event->at_us;
	lane->ring[(lane->head + lane->count++) & (lane->size - 1)] = *event;
	return true;
}

static void leave_lane(struct sim_queue *queue, uint32_t number, struct sim_event *event)
{
	struct sim_lane *lane = &queue->lanes[number];

	*event = lane->ring[lane->head];
	lane->head = (lane->head + 1) & (lane->size - 1);
	if (--lane->count)
		queue->head_us[number] = lane->ring[lane->head].at_us;
}

/* ---- heap ---- */

static bool push_heap(struct sim_queue *queue, const struct sim_event *event)
{
	uint32_t hole = queue->count;

	if (queue->count == queue->size) {
		uint32_t size = queue->size ? queue->size * 2 : 1024;
		struct sim_event *heap = realloc(queue->heap, (size_t)size * sizeof(*heap));
		if (!heap)
			return false;
		queue->heap = heap;
		queue->size = size;
	}
	queue->count++;
	while (hole) {
		uint32_t parent = (hole - 1) / ARITY;
		if (!before(event, &queue->heap[parent]))
			break;
		queue->heap[hole] = queue->heap[parent];
		hole = parent;
	}
	queue->heap[hole] = *event;
	return true;
}

static void pop_heap(struct sim_queue *queue, struct sim_event *event)
{
	struct sim_event *heap = queue->heap;
	uint32_t hole = 0;

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
}

/* ---- both ---- */

void sim_queue_push(struct sim_queue *queue, uint64_t at_us, enum sim_class class, uint32_t kind, uint32_t a,
		    uint64_t b, uint32_t c)
{
	uint64_t number = class == SIM_TIMEOUT ? a : queue->sequence++;
	struct sim_event event = { at_us, (uint64_t) class << CLASS_SHIFT | number << SIM_KIND_BITS | kind, b,
				   a, c };
	uint32_t lane = queue->lane_of[kind];

	if (lane && join_lane(queue, lane - 1, &event))
		return;
	if (!push_heap(queue, &event))
		queue->failed = true;
}

bool sim_queue_pop(struct sim_queue *queue, struct sim_event *event)
{
	const struct sim_event *first = queue->count ? queue->heap : NULL;
	uint32_t from = SIM_LANES;

	for (uint32_t i = 0; i < SIM_LANES; i++) {
		const struct sim_lane *lane = &queue->lanes[i];
		if (!lane->count || (first && queue->head_us[i] > first->at_us))
			continue;
		if (first && !before(&lane->ring[lane->head], first))
			continue;
		first = &lane->ring[lane->head];
		from = i;
	}
	if (!first)
		return false;
	if (from < SIM_LANES)
		leave_lane(queue, from, event);
	else
		pop_heap(queue, event);
	return true;
}
