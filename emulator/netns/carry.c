/*
 * Time in the relay: as of when a frame is offered to the link model, and in
 * which order frames wait.
 *
 * The model works in the scenario's time. A frame is offered with the
 * time at which the kernel got it, not that at which this loop came to read
 * it. A frame that is released late makes its receiver answer late: the phone
 * and headquarters then owe each other that much, and the next frame between
 * them, in either direction, counts as if it had come earlier by it. It never
 * arrives before it was read; what remains is owed on. What follows an answer
 * within the same turn owes the same. An answer that came sooner than the
 * site's network lets it (lan.delay, the phone's port) arrives later by that. So
 * lock-step transfers take as long as the scenario says, though no single timer
 * is exact. Where
 * other frames have been offered meanwhile, it takes its place in the time that
 * the transmitter was idle before them, if there is any left: the rate holds.
 * What could not be made good is recorded as lateness left uncorrected. Log
 * lines (F14) are left out of this, since nobody answers them.
 */
#include <netinet/in.h>

#include "emulator/netns/relay_internal.h"

/* ---- the heap ---- */

static bool earlier(const struct direction *a, const struct direction *b)
{
	return a->head->arrival_us < b->head->arrival_us;
}

static void heap_swap(struct relay *relay, uint32_t a, uint32_t b)
{
	struct direction *kept = relay->heap[a];

	relay->heap[a] = relay->heap[b];
	relay->heap[b] = kept;
	relay->heap[a]->heap_at = a;
	relay->heap[b]->heap_at = b;
}

static void heap_rise(struct relay *relay, uint32_t at)
{
	while (at && earlier(relay->heap[at], relay->heap[(at - 1) / 2])) {
		heap_swap(relay, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

static void heap_add(struct relay *relay, struct direction *direction)
{
	direction->heap_at = relay->heap_count++;
	relay->heap[direction->heap_at] = direction;
	heap_rise(relay, direction->heap_at);
}

/* The earliest direction's head has changed, or it is empty. */
void carry_settle(struct relay *relay)
{
	uint32_t at = 0;

	if (!relay->heap[0]->head) {
		relay->heap[0] = relay->heap[--relay->heap_count];
		relay->heap[0]->heap_at = 0;
	}
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= relay->heap_count)
			return;
		if (child + 1 < relay->heap_count && earlier(relay->heap[child + 1], relay->heap[child]))
			child++;
		if (!earlier(relay->heap[child], relay->heap[at]))
			return;
		heap_swap(relay, at, child);
		at = child;
	}
}

/* ---- lateness ---- */

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool is_log_line(const struct plan *plan, const uint8_t *ip, uint32_t length)
{
	uint32_t header = (ip[0] & 15u) * 4;

	return plan->log_server.enabled && ip[9] == IPPROTO_UDP && length >= header + 4 &&
	       get32(ip + 16) == plan->log_server.address &&
	       ((uint32_t)ip[header + 2] << 8 | ip[header + 3]) == plan->log_server.port;
}

/*
 * The same for both directions, and never another phone's: found from its hash on. A site of more phones than there is
 * room for leaves the last ones without one, and so what they are late by where it is.
 */
static uint32_t pair_of(struct wan *wan, const uint8_t *ip, uint32_t length)
{
	uint32_t ends = get32(ip + 12) ^ get32(ip + 16), at = (ends * 2654435769u) >> (32 - PAIRS_BITS);

	if (is_log_line(wan->relay->plan, ip, length))
		return NO_PAIR;
	for (uint32_t i = 0; i < PAIRS; i++, at = (at + 1) % PAIRS) {
		struct pair *pair = &wan->pairs[at];

		if (pair->known && pair->ends != ends)
			continue;
		pair->known = true;
		pair->ends = ends;
		return at;
	}
	return NO_PAIR;
}

/*
 * What was owed before goes: its frame had no answer between (a last ACK before
 * the next request), so nobody came later by it. A frame that is later than a
 * round trip was not held up here and now: its pair is behind. After a moment in
 * which the host was busy it catches up, within some blocks; on a host that is
 * too slow for the speed it falls behind from block to block, each as of a time
 * that is past, and nothing will make that good. relay_report() tells them apart.
 */
void carry_released(struct direction *direction, const struct frame *frame, uint64_t now_us)
{
	struct wan *wan = direction->wan;
	uint64_t late_us = now_us - frame->arrival_us;
	struct pair *pair;

	if (frame->pair == NO_PAIR)
		return;
	wan->released++;
	if (late_us > carry_round_trip_us(wan))
		histogram_add(&wan->behind, late_us);
	pair = &wan->pairs[frame->pair];
	pair->released_us = now_us;
	pair->owed_us = late_us > UINT32_MAX ? UINT32_MAX : (uint32_t)late_us;
	pair->asked = true;
	pair->answered = false;
	pair->down = direction->down;
}

/*
 * Whether a frame is of the turn that the last one handed on began: its answer,
 * or what the same side has to say right behind it (a last ACK, and the next
 * request). What took longer waited, for a time-out or a real server's disk.
 */
static bool in_turn(const struct direction *direction, const struct pair *pair, uint64_t came_us)
{
	return pair->asked && pair->down != direction->down && came_us > pair->released_us &&
	       came_us - pair->released_us <= direction->wan->relay->turn_us;
}

/*
 * What the scenario has a turn take: phones and headquarters answer at once, but for the site's network. A phone's port
 * limits what it sends, in both worlds.
 */
static uint64_t turn_lan_us(const struct direction *direction, const struct pair *pair, const struct frame *frame)
{
	const struct wan *wan = direction->wan;
	uint64_t bits = 8 * (uint64_t)(frame->length + ETHERNET_CHECK_BYTES);

	if (!pair->down)
		return 0;
	return wan->lan_us + (wan->port_bps ? bits * 1000000 / wan->port_bps : 0);
}

static void keep_gap(struct direction *direction, uint64_t from_us, uint64_t to_us)
{
	direction->gaps[direction->oldest_gap] = (struct gap){from_us, to_us};
	direction->oldest_gap = (direction->oldest_gap + 1) % GAPS;
}

/* The earliest idle moment from wanted_us on, and takes tx_us of it; UINT64_MAX: there was none. */
static uint64_t take_idle(struct direction *direction, uint64_t wanted_us, uint64_t tx_us)
{
	for (uint32_t i = 0; i < GAPS; i++) {
		struct gap *gap = &direction->gaps[(direction->oldest_gap + i) % GAPS];
		uint64_t slot_us = wanted_us > gap->from_us ? wanted_us : gap->from_us;

		if (slot_us >= gap->to_us)
			continue;
		gap->from_us = slot_us + tx_us;
		return slot_us;
	}
	return UINT64_MAX;
}

/*
 * Offers a frame as of wanted_us; *as_of_us says when it really counts. Where
 * the model has gone on since then, it is offered now, and what idle time there
 * was is taken off its arrival.
 */
static enum link_verdict offer_as_of(struct direction *direction, struct frame *frame, uint64_t wanted_us,
				     uint64_t *as_of_us)
{
	struct link *link = &direction->link;
	uint64_t offer_us = wanted_us > direction->offered_us ? wanted_us : direction->offered_us;
	uint64_t free_us = link->free_us, start_us = free_us > offer_us ? free_us : offer_us, slot_us;
	enum link_verdict verdict;

	frame->arrival_us = 0;
	verdict = link_offer(link, offer_us, frame->length - ETHERNET_BYTES, &frame->arrival_us);
	direction->offered_us = offer_us;
	*as_of_us = offer_us;
	if (offer_us == wanted_us) {
		if (start_us > free_us)
			keep_gap(direction, free_us, start_us);
		return verdict;
	}
	slot_us = wanted_us;
	if (link->config.rate_bps) {
		slot_us = take_idle(direction, wanted_us, link->free_us > start_us ? link->free_us - start_us : 0);
		if (slot_us == UINT64_MAX)
			return verdict; /* no idle time left there: it waits its turn */
	}
	*as_of_us = slot_us;
	frame->arrival_us -= start_us - slot_us;
	return verdict;
}

/* ---- offering ---- */

/* In order of arrival, and never before an earlier frame of the same pair. */
static void insert(struct relay *relay, struct direction *direction, struct frame *frame)
{
	struct frame **at = &direction->head;

	frame->next = NULL;
	if (!direction->head) {
		direction->head = direction->tail = frame;
		heap_add(relay, direction);
		return;
	}
	if (direction->tail->arrival_us <= frame->arrival_us) {
		direction->tail->next = frame;
		direction->tail = frame;
		return;
	}
	for (struct frame *other = direction->head; other; other = other->next)
		if (other->pair == frame->pair && other->arrival_us > frame->arrival_us)
			frame->arrival_us = other->arrival_us;
	while (*at && (*at)->arrival_us <= frame->arrival_us)
		at = &(*at)->next;
	frame->next = *at;
	*at = frame;
	if (!frame->next)
		direction->tail = frame;
	heap_rise(relay, direction->heap_at);
}

bool carry_offer(struct direction *direction, struct frame *frame, uint64_t came_us)
{
	struct relay *relay = direction->wan->relay;
	struct pair none = {0}, *pair;
	uint64_t own_us = 0, short_us = 0, late_us, wanted_us, as_of_us;
	enum link_verdict verdict;
	bool turn;

	frame->pair = pair_of(direction->wan, frame->bytes + ETHERNET_BYTES, frame->length - ETHERNET_BYTES);
	pair = frame->pair == NO_PAIR ? &none : &direction->wan->pairs[frame->pair];
	turn = in_turn(direction, pair, came_us);
	if (turn) {
		uint64_t took_us = came_us - pair->released_us, lan_us = turn_lan_us(direction, pair, frame);

		/* namespaces, wake-ups, other phones before it; or a kernel that is quicker than the site's network */
		own_us = took_us > lan_us ? took_us - lan_us : 0;
		short_us = lan_us > took_us ? lan_us - took_us : 0;
	}
	if (pair->answered && !turn)
		pair->owed_us = 0;
	late_us = pair->owed_us + own_us;
	wanted_us = late_us > short_us ? came_us - late_us + short_us : came_us;
	if (late_us > came_us)
		wanted_us = 0;
	verdict = offer_as_of(direction, frame, wanted_us, &as_of_us);
	if (pair->owed_us) {
		/* the relay's own lateness goes first into what could be had */
		uint64_t lost_us = as_of_us - wanted_us > own_us ? as_of_us - wanted_us - own_us : 0;

		histogram_add(&direction->wan->late, lost_us < pair->owed_us ? lost_us : pair->owed_us);
		relay->corrections += lost_us < pair->owed_us;
	}
	pair->answered = true;
	if (!turn) {
		pair->owed_us = 0;
		pair->asked = false;
	}
	if (verdict != LINK_FORWARD)
		return false;
	if (short_us > late_us)
		frame->arrival_us += short_us - late_us; /* the link has its bytes when it had them; they are under way for longer */
	insert(relay, direction, frame);
	return true;
}
