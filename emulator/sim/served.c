/* See served.h. */
#include "emulator/sim/served.h"

#include <errno.h>
#include <stdlib.h>

void served_deinit(struct served *served)
{
	free(served->changes);
	*served = (struct served){ 0 };
}

static bool before(const struct served_change *a, const struct served_change *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static uint64_t order_of(bool by_timer, uint32_t site, uint32_t number)
{
	return (uint64_t)by_timer << 63 | (uint64_t)site << 32 | number;
}

int served_add(struct served *served, uint64_t at_us, bool by_timer, uint32_t site, int32_t more)
{
	/* Numbers of one site alone matter, and they grow. */
	struct served_change change = { at_us, order_of(by_timer, site, served->number++), more };
	struct served_change *heap = served->changes;
	uint32_t hole = served->count;

	if (served->count == served->room) {
		uint32_t room = served->room ? served->room * 2 : 1024;
		heap = realloc(heap, room * sizeof(*heap));
		if (!heap)
			return -ENOMEM;
		served->changes = heap;
		served->room = room;
	}
	served->count++;
	for (; hole && before(&change, &heap[(hole - 1) / 2]); hole = (hole - 1) / 2)
		heap[hole] = heap[(hole - 1) / 2];
	heap[hole] = change;
	return 0;
}

/* Takes the first change and counts it. */
static void count_first(struct served *served)
{
	struct served_change *heap = served->changes, last = heap[--served->count];
	uint32_t hole = 0, count = served->count;

	served->now += (uint64_t)(int64_t)heap[0].more;
	if (served->now > served->peak)
		served->peak = served->now;
	for (uint32_t child = 1; child < count; child = 2 * hole + 1) {
		if (child + 1 < count && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &last))
			break;
		heap[hole] = heap[child];
		hole = child;
	}
	heap[hole] = last;
}

uint64_t served_at(struct served *served, uint64_t at_us, uint32_t site)
{
	struct served_change limit = { at_us, order_of(false, site, UINT32_MAX), 0 };

	while (served->count && !before(&limit, &served->changes[0]))
		count_first(served);
	return served->now;
}

void served_finish(struct served *served)
{
	while (served->count)
		count_first(served);
}
