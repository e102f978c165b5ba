/*
 * The link model that both worlds use: one direction of a link with a rate, a
 * one-way delay, jitter, loss and a drop-tail queue in bytes. Integer time; the
 * remainder of each division is carried to the next packet, so that a million
 * packets take exactly as long as their bits. Never reorders.
 */
#ifndef FLEET_LINK_H
#define FLEET_LINK_H

#include <stdbool.h>
#include <stdint.h>

struct link_config {
	uint64_t rate_bps;        /* 0: not limited */
	uint64_t queue_bytes_max; /* waiting bytes, the one on the wire not counted; 0: one packet waits */
	uint32_t delay_us;        /* one way */
	uint32_t jitter_us;       /* 0 to this is added, uniform */
	uint32_t loss_ppm;        /* 1,000,000: everything is lost */
	uint32_t flap_us;         /* 0: steady; else everything is lost for so long on average, nothing by that ... */
	uint64_t flap_from_us;    /* since then */
	uint64_t flap_seed;       /* each turn's length; one for both directions, which are down together */
};

enum link_verdict { LINK_FORWARD, LINK_LOST, LINK_QUEUE_FULL };

/* A packet that waits or is on the wire. */
struct link_packet {
	uint64_t start_us;         /* the transmitter takes it up */
	uint32_t bytes;
	uint32_t reserved;
};

/*
 * What a link carried, and when: bytes of forwarded packets by the time their
 * transmission began, in slots of one width from scenario time 0 on. When the
 * slots do not reach far enough each two become one, twice as wide; so a run of
 * any length has at least LINK_METER_SLOTS / 2 of them but for its beginning,
 * and the meters of two links differ in width by a power of two at most.
 */
#define LINK_METER_SLOTS 256
#define LINK_METER_WIDTH_US 65536 /* at first */

struct link_meter {
	uint64_t width_us;         /* 0: nothing was ever added */
	uint64_t bytes[LINK_METER_SLOTS];
};

/* from_us: when its transmission began. */
void link_meter_add(struct link_meter *meter, uint64_t from_us, uint64_t bytes);

/* Makes the slots at least so wide: a width that a meter has or will have. */
void link_meter_widen(struct link_meter *meter, uint64_t width_us);

struct link {
	struct link_config config;
	uint64_t seed;
	uint64_t packets;          /* offered: also the draw's counter */
	uint64_t free_us;          /* the transmitter is free from then on */
	uint64_t remainder;        /* of bits * 1e6 / rate, below rate_bps */
	uint64_t last_arrival_us;
	uint64_t flap_turns;       /* that have begun: odd while it is down */
	uint64_t flap_until_us;    /* the last of them ends */
	/* counters, in IP bytes */
	uint64_t forwarded_packets, forwarded_bytes;
	uint64_t lost_packets, queue_drops;
	uint64_t busy_us;          /* time the transmitter was sending, or has promised to */
	/* what has not left the transmitter yet, oldest first: a ring of a power of two */
	struct link_packet *queue; /* owned; NULL until the first packet of a limited rate */
	uint32_t queue_size, queue_head, queue_count;
	uint32_t reserved;
	uint64_t queue_bytes;      /* of those packets, the one on the wire included */
	struct link_meter meter;   /* adds up to forwarded_bytes */
};

/* The seed of one direction of a site's WAN link: each its own, the same in both worlds. */
static inline uint64_t link_seed(uint64_t seed, uint32_t site, bool down)
{
	return seed + 2 * (uint64_t)site + down;
}

/* seed: link_seed(). Allocates nothing yet. */
void link_init(struct link *link, const struct link_config *config, uint64_t seed);

/*
 * Releases the queue's memory; counters stay readable. A zeroed link is
 * allowed. A copy of a struct link is good for its counters only.
 */
void link_deinit(struct link *link);

/* Other conditions from now on (degraded, cut: loss 1,000,000); what is under way arrives as promised. */
void link_configure(struct link *link, const struct link_config *config);

/*
 * Offers a packet of `bytes` IP bytes at now_us (never less than before). On
 * LINK_FORWARD *arrival_us says when its last bit is at the other end. A lost
 * packet has used the transmitter; one refused by the queue has not. Where
 * memory for the queue lacks the packet is refused as by a full queue.
 */
enum link_verdict link_offer(struct link *link, uint64_t now_us, uint32_t bytes, uint64_t *arrival_us);

/* Bytes that wait or are being sent at now_us. */
uint64_t link_backlog_bytes(const struct link *link, uint64_t now_us);

#endif
