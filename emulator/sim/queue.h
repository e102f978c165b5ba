/*
 * The event queue of the virtual-time world: a 4-ary heap of small plain
 * entries, and lanes beside it. Most events come in the order in which they
 * will happen: a link never reorders, a LAN delay is the same for all, an
 * answer comes now. The kinds that do have a lane each, a ring at whose end an
 * entry is put where it is not earlier than the last one; else it goes to the
 * heap as all others do. Taken is the first of the lanes' heads and the heap's
 * top, so the order is the same with and without lanes. It is total and documented, so that a run depends on the
 * seed alone:
 *
 *   1. earlier time first;
 *   2. at equal time by class: answers to what a phone has just asked, then
 *      deliveries, then the world's own timers (server, faults), then the
 *      phones' time-outs (DESIGN: deliveries before time-outs);
 *   3. within a class by sequence number, the order of pushing; time-outs by
 *      the phone's number instead, because they are pushed lazily.
 */
#ifndef FLEET_SIM_QUEUE_H
#define FLEET_SIM_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

enum sim_class { SIM_ANSWER, SIM_DELIVERY, SIM_WORLD_TIMER, SIM_TIMEOUT };

/* One entry; a, b and c mean what its kind says. */
struct sim_event {
	uint64_t at_us;
	uint64_t order; /* class, sequence number, kind, from the highest bit down */
	uint64_t b;
	uint32_t a;
	uint32_t c;
};

#define SIM_KIND_BITS 6
#define SIM_LANES 6

struct sim_lane {
	struct sim_event *ring; /* owned; size is a power of two */
	uint32_t head, count, size;
};

struct sim_queue {
	struct sim_event *heap; /* owned */
	uint32_t count, size;   /* of the heap */
	uint8_t lane_of[1 << SIM_KIND_BITS]; /* a kind's lane and 1, set before the first push; 0: the heap */
	uint64_t head_us[SIM_LANES]; /* the lanes' first times; anything where one is empty */
	struct sim_lane lanes[SIM_LANES];
	uint64_t sequence;
	bool failed; /* memory lacked for an entry: the run cannot go on */
};

static inline uint32_t sim_event_kind(const struct sim_event *event)
{
	return (uint32_t)(event->order & ((1u << SIM_KIND_BITS) - 1));
}

/* A zeroed queue is an empty one. */
void sim_queue_deinit(struct sim_queue *queue);

/* kind: below 2^SIM_KIND_BITS. For SIM_TIMEOUT a is the phone. Where memory lacks `failed` is set. */
void sim_queue_push(struct sim_queue *queue, uint64_t at_us, enum sim_class class, uint32_t kind, uint32_t a,
		    uint64_t b, uint32_t c);

/* Takes the first entry; false where there is none. */
bool sim_queue_pop(struct sim_queue *queue, struct sim_event *event);

#endif
