/*
 * What an upgrade takes at least, by arithmetic alone: bytes over the rate,
 * round trips in lock-step, the protocol's waits, the levels of a tree. No
 * queue, no loss, no chance. It stands beside each simulated figure, so that
 * neither has to be believed by itself, and it tells the searches where to look.
 */
#ifndef FLEET_CAPACITY_BOUND_H
#define FLEET_CAPACITY_BOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/plan/plan.h"

/* What the time is made of. */
enum bound_term {
	BOUND_BYTES,   /* the WAN's rate: all bytes of a site, one after the other */
	BOUND_TRIPS,   /* one phone's own transfers: a block a round trip, each as long as it is on the wire */
	BOUND_SERVING, /* the server's limit of transfers at once: the trips of all phones in turns */
	BOUND_LAN,     /* the files of a phone that shares and is reset late, from its peers' ports */
	BOUND_TERMS
};

/* Microseconds from the first reset. */
struct capacity_bound {
	uint64_t total_us;     /* no upgrade of the whole fleet ends sooner */
	uint64_t term;         /* enum bound_term: what it is made of, with what follows */
	uint64_t bytes_us, trips_us, serving_us; /* each term by itself, of the site and family where it is longest */
	uint64_t waits_us;     /* in total_us: elections and ROOT_WAITING */
	uint64_t tree_us;      /* in total_us: the last file down the tree of its hierarchy */
	uint64_t reset_us;     /* in total_us: until that phone is reset */
	uint64_t depth;        /* levels of the deepest tree, at least */
	uint64_t bytes_down;   /* over all WANs, as IP bytes, nothing sent twice */
	uint64_t sessions;     /* transfers that want the fullest WAN at once */
	uint64_t fill_milli;   /* thousandths of a session that fill that WAN: RTT x rate and the block itself */
};

/* Works it out. Returns 0 or -ENOMEM. */
int capacity_bound(const struct plan *plan, bool traditional, struct capacity_bound *bound);

#endif
