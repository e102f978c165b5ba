/*
 * Broadcasts of crowds. One is a packet a port in a queue that the kernel has
 * for a processor and not for an interface, of net.core.netdev_max_backlog
 * places (1,000 by default), and what finds it full is lost: with an uplink's
 * packet a whole bridge of phones loses the broadcast. So a worker sends the next
 * broadcast when the last one has been delivered, as /proc/net/softnet_stat
 * tells, which it costs microseconds to read. On a real LAN they would come one
 * after the other as well, a few microseconds of wire each.
 *
 * What a broadcast waits counts as timer lag: it leaves later than its phone
 * wanted.
 */
#ifndef FLEET_NETNS_CROWD_H
#define FLEET_NETNS_CROWD_H

#include <stdint.h>

#include "emulator/netns/timers.h"

struct host;
struct pfs_action;
struct crowd_broadcast;

/* A worker's. */
struct crowd {
	int queues; /* /proc/net/softnet_stat; -1: nothing is known, nothing waits */
	struct crowd_broadcast *first, **end;
	struct timer timer;
};

void crowd_init(struct crowd *crowd);
/* Forgets what still waits. Allowed on a zeroed struct. */
void crowd_deinit(struct crowd *crowd);

/* Sends a broadcast of the phone from its peer port, now or as soon as there is room; never out of order. */
void crowd_send(struct host *host, uint32_t address, const struct pfs_action *action);

/* Packets that wait in a text of softnet_stat's form, on the processor that has the most; 0 where it does not say. */
uint32_t crowd_waiting(const char *text);

#endif
