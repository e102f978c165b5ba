/*
 * What the relay's two files share: relay.c reads, keeps and sends frames,
 * carry.c says as of when each is offered to the model.
 */
#ifndef FLEET_NETNS_RELAY_INTERNAL_H
#define FLEET_NETNS_RELAY_INTERNAL_H

#include "emulator/netns/fabric_internal.h"
#include "emulator/netns/histogram.h"
#include "emulator/netns/relay.h"

#define TURN_FRAMES 64            /* read or released before others get their turn */
#define LOOK_NS 25000             /* of real time, for each link: its sockets are not read out of turn more often */
#define PAIRS_BITS 14             /* of a phone and headquarters on a link, by hash */
#define PAIRS (1u << PAIRS_BITS)
#define TURN_REAL_US 1000         /* how long hosts may take to answer, in real time */
#define BEHIND_SHARE 20           /* one frame in so many that is a round trip late, and pairs do not catch up */
#define GAPS 32                   /* so many idle times back a late frame still finds its place */
#define NO_PAIR UINT32_MAX
#define ETHERNET_BYTES 14
#define ETHERNET_CHECK_BYTES 4

struct frame {
	struct frame *next;
	uint64_t arrival_us;
	uint32_t length;
	uint32_t pair;
	uint8_t bytes[FABRIC_FRAME_MAX + 2]; /* 2 more show a frame that is too long */
};

struct wan;

/* What is between a phone and headquarters. */
struct pair {
	uint64_t released_us; /* when the last frame had been handed on, scenario time */
	uint32_t ends;        /* both addresses, of which headquarters' is always the same */
	uint32_t owed_us;     /* lateness still to be made good */
	bool asked, down;     /* its turn is not over; it went to the site */
	bool answered;        /* something came since */
	bool known;           /* it is somebody's */
};

/* A time in which a transmitter had nothing to send, as far as no late frame has been put there. */
struct gap {
	uint64_t from_us, to_us;
};

/* One way over a link. */
struct direction {
	struct wan *wan;
	struct link link;
	struct frame *head, *tail;  /* in order of arrival */
	uint64_t offered_us;        /* of the last frame */
	struct gap gaps[GAPS];      /* the last ones, a ring.. */
	uint32_t oldest_gap;        /* ..from here on */
	uint32_t heap_at;
	bool down;                  /* from headquarters to the site */
	int in, out;                /* packet sockets */
	ev_io readable;
};

struct wan {
	struct relay *relay;
	uint32_t site;
	int router, hq;             /* packet sockets at the two ends, -1 */
	struct direction down, up;
	uint64_t lan_us;            /* what the scenario has the site's network take for a frame and its answer, but for.. */
	uint64_t port_bps;          /* ..the answer's wire time in the phone's port; 0: none */
	struct histogram late;      /* left uncorrected */
	struct histogram behind;    /* lateness of frames that were later than a round trip when they were handed on */
	uint64_t released;          /* frames handed on */
	struct pair pairs[PAIRS];
};

struct relay {
	const struct plan *plan;
	struct ev_loop *loop;       /* NULL: not started */
	uint64_t looked_ns;         /* when its sockets were last read out of turn */
	uint64_t start_ns;
	uint64_t turn_us;           /* what took longer to answer waited for something of the scenario's */
	fabric_damage_fn damage;
	void *damage_context;
	int timer;
	uint64_t armed_us;          /* UINT64_MAX: not armed */
	ev_io due;
	struct wan *wans;
	uint32_t wan_count;
	struct direction **heap;    /* those that hold frames, the earliest first */
	uint32_t heap_count;
	struct frame *spare;        /* free list */
	struct frame *reading[TURN_FRAMES];
	uint64_t corrections, failed;
	uint64_t socket_drops;      /* read from the sockets so far */
};

/*
 * Offers a frame that came at came_us to the model, and where it is to go on
 * puts it in its place. False: lost or refused, and the frame is the caller's.
 */
bool carry_offer(struct direction *direction, struct frame *frame, uint64_t came_us);

/* A frame was handed to its receiver, at or after its arrival_us; scenario time. */
void carry_released(struct direction *direction, const struct frame *frame, uint64_t now_us);

/* Of a link as it is now, both ways' delays. */
static inline uint64_t carry_round_trip_us(const struct wan *wan)
{
	return (uint64_t)wan->down.link.config.delay_us + wan->up.link.config.delay_us;
}

/* The earliest direction's first frame was taken out. */
void carry_settle(struct relay *relay);

#endif
