/*
 * One direction of a link, in integer time (DESIGN: one core, two worlds; the
 * link model is shared by both).
 *
 * The transmitter sends one packet after the other at the link's rate. The
 * division of bits by rate leaves a remainder below one microsecond; it is
 * carried into the next packet's division, idle time in between or not, so
 * that any number of packets uses the transmitter for exactly as long as their
 * bits take. The remainder is a numerator over the rate, so where the rate
 * changes it is scaled and not lost.
 *
 * What waits is kept packet by packet, because drop-tail in bytes needs to know
 * which packet is on the wire now: its bytes no longer count. The list grows
 * with the queue and is the only memory the model has.
 *
 * Loss and jitter are hashes of (seed, number of the packet, purpose). There is
 * no generator whose state would make one packet's fate depend on how many draws
 * others made.
 *
 * A link that flaps is down and up for half a period to one and a half, drawn
 * turn by turn. Turns of one length would be a clock, and TFTP's time-outs are
 * whole seconds: where these are a multiple of two periods a packet that was
 * lost would be sent again into the same turn, each time, and a link that is up
 * half of the time would never let it through.
 */
#include "emulator/link/link.h"

#include <stdlib.h>
#include <string.h>

#define MICROSECONDS 1000000u
#define PPM 1000000u

enum draw { DRAW_LOSS = 1, DRAW_JITTER = 2, DRAW_FLAP = 3 };

/* Mixes 64 bits so that each bit of the input sways about half of the output's. */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	x ^= x >> 32;
	return x;
}

/* Uniform in 0 to bound - 1; bound is 1 to 2^32. number: of the packet, or whatever the purpose counts. */
static uint32_t draw(uint64_t seed, uint64_t number, enum draw purpose, uint64_t bound)
{
	uint64_t bits = mix(mix(seed + 0x9e3779b97f4a7c15u * purpose) + number);

	return (uint32_t)(((bits >> 32) * bound) >> 32);
}

static struct link_packet *packet_at(const struct link *link, uint32_t index)
{
	return &link->queue[(link->queue_head + index) & (link->queue_size - 1)];
}

/* How many packets from the head on have left the transmitter by now_us. */
static uint32_t packets_sent(const struct link *link, uint64_t now_us)
{
	uint32_t sent = 0;

	if (link->free_us <= now_us)
		return link->queue_count;
	/* A packet has left when the one behind it has begun. */
	while (sent + 1 < link->queue_count && packet_at(link, sent + 1)->start_us <= now_us)
		sent++;
	return sent;
}

static void forget_sent(struct link *link, uint64_t now_us)
{
	uint32_t sent = packets_sent(link, now_us);

	for (uint32_t i = 0; i < sent; i++)
		link->queue_bytes -= packet_at(link, i)->bytes;
	if (link->queue_size)
		link->queue_head = (link->queue_head + sent) & (link->queue_size - 1);
	link->queue_count -= sent;
}

/* Room for one more packet; false where memory lacks. */
static int queue_reserve(struct link *link)
{
	uint32_t size = link->queue_size ? 2 * link->queue_size : 16;
	struct link_packet *queue;

	if (link->queue_count < link->queue_size)
		return 1;
	queue = calloc(size, sizeof(*queue));
	if (!queue)
		return 0;
	for (uint32_t i = 0; i < link->queue_count; i++)
		queue[i] = *packet_at(link, i);
	free(link->queue);
	link->queue = queue;
	link->queue_size = size;
	link->queue_head = 0;
	return 1;
}

/* True where the transmitter is busy and the packet may not wait for it. */
static int queue_is_full(const struct link *link, uint64_t now_us, uint32_t bytes)
{
	uint64_t waiting;

	if (link->free_us <= now_us || !link->queue_count)
		return 0;
	waiting = link->queue_bytes - packet_at(link, 0)->bytes;
	if (!link->config.queue_bytes_max)
		return waiting > 0;
	return waiting + bytes > link->config.queue_bytes_max;
}

/* Sends a packet; returns when its last bit leaves. */
static uint64_t transmit(struct link *link, uint64_t now_us, uint32_t bytes)
{
	uint64_t start_us = link->free_us > now_us ? link->free_us : now_us;
	uint64_t scaled_bits;
	uint64_t sending_us;

	if (!link->config.rate_bps)
		return now_us;
	scaled_bits = (uint64_t)bytes * 8 * MICROSECONDS + link->remainder;
	sending_us = scaled_bits / link->config.rate_bps;
	link->remainder = scaled_bits % link->config.rate_bps;
	*packet_at(link, link->queue_count) = (struct link_packet){.start_us = start_us, .bytes = bytes};
	link->queue_count++;
	link->queue_bytes += bytes;
	link->busy_us += sending_us;
	link->free_us = start_us + sending_us;
	return link->free_us;
}

/* A link that flaps begins by being down. */
static bool is_down(struct link *link, uint64_t now_us)
{
	const struct link_config *config = &link->config;

	if (!config->flap_us || now_us < config->flap_from_us)
		return false;
	while (link->flap_until_us <= now_us)
		link->flap_until_us += config->flap_us - config->flap_us / 2 +
				       draw(config->flap_seed, link->flap_turns++, DRAW_FLAP, (uint64_t)config->flap_us / 2 * 2 + 1);
	return link->flap_turns % 2;
}

static void begin_flapping(struct link *link)
{
	link->flap_turns = 0;
	link->flap_until_us = link->config.flap_from_us;
}

static void halve(struct link_meter *meter)
{
	const uint32_t half = LINK_METER_SLOTS / 2;

	for (uint32_t i = 0; i < half; i++)
		meter->bytes[i] = meter->bytes[2 * i] + meter->bytes[2 * i + 1];
	memset(&meter->bytes[half], 0, half * sizeof(meter->bytes[0]));
	meter->width_us *= 2;
}

void link_meter_widen(struct link_meter *meter, uint64_t width_us)
{
	if (!meter->width_us)
		meter->width_us = LINK_METER_WIDTH_US;
	while (meter->width_us < width_us)
		halve(meter);
}

void link_meter_add(struct link_meter *meter, uint64_t from_us, uint64_t bytes)
{
	if (!meter->width_us)
		meter->width_us = LINK_METER_WIDTH_US;
	while (from_us / meter->width_us >= LINK_METER_SLOTS)
		halve(meter);
	meter->bytes[from_us / meter->width_us] += bytes;
}

void link_init(struct link *link, const struct link_config *config, uint64_t seed)
{
	memset(link, 0, sizeof(*link));
	link->config = *config;
	link->seed = seed;
	begin_flapping(link);
}

void link_deinit(struct link *link)
{
	free(link->queue);
	link->queue = NULL;
	link->queue_size = link->queue_count = link->queue_head = 0;
	link->queue_bytes = 0;
}

void link_configure(struct link *link, const struct link_config *config)
{
	/* The same fraction of a microsecond in units of the new rate; what that division leaves is below one
	 * bit's millionth. */
	__extension__ unsigned __int128 scaled = link->remainder;

	if (link->config.rate_bps)
		scaled = scaled * config->rate_bps / link->config.rate_bps;
	link->remainder = (uint64_t)scaled;
	link->config = *config;
	begin_flapping(link);
}

enum link_verdict link_offer(struct link *link, uint64_t now_us, uint32_t bytes, uint64_t *arrival_us)
{
	uint64_t packet = link->packets++;
	uint64_t began_us, arrival;

	forget_sent(link, now_us);
	if (link->config.rate_bps && (queue_is_full(link, now_us, bytes) || !queue_reserve(link))) {
		link->queue_drops++;
		return LINK_QUEUE_FULL;
	}
	began_us = link->config.rate_bps && link->free_us > now_us ? link->free_us : now_us;
	arrival = transmit(link, now_us, bytes) + link->config.delay_us;
	if (is_down(link, now_us) || draw(link->seed, packet, DRAW_LOSS, PPM) < link->config.loss_ppm) {
		link->lost_packets++;
		return LINK_LOST;
	}
	if (link->config.jitter_us)
		arrival += draw(link->seed, packet, DRAW_JITTER, (uint64_t)link->config.jitter_us + 1);
	/* A path's jitter comes from queues, and queues keep the order. */
	if (arrival < link->last_arrival_us)
		arrival = link->last_arrival_us;
	link->last_arrival_us = arrival;
	link->forwarded_packets++;
	link->forwarded_bytes += bytes;
	link_meter_add(&link->meter, began_us, bytes);
	*arrival_us = arrival;
	return LINK_FORWARD;
}

uint64_t link_backlog_bytes(const struct link *link, uint64_t now_us)
{
	uint32_t sent = packets_sent(link, now_us);
	uint64_t bytes = link->queue_bytes;

	for (uint32_t i = 0; i < sent; i++)
		bytes -= packet_at(link, i)->bytes;
	return bytes;
}
