/*
 * The WAN's relay, one for all sites of a fabric; fabric.h says what it does
 * for the world, relay.c how.
 */
#ifndef FLEET_NETNS_RELAY_H
#define FLEET_NETNS_RELAY_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "emulator/netns/fabric.h"

struct relay;

/* With the plan's links; no socket yet. NULL: out of memory. */
struct relay *relay_new(const struct plan *plan);

/* Opens the packet sockets; the calling thread is in the relay's namespace. Returns 0 or a negative errno. */
int relay_open(struct relay *relay);

/* Begins to carry; start_ns is scenario time 0 on CLOCK_MONOTONIC. Returns 0 or a negative errno. */
int relay_start(struct relay *relay, struct ev_loop *loop, uint64_t start_ns, fabric_damage_fn damage, void *context);

/* Takes in and releases what there is by now, which the loop does at its next wake-up. Of no effect before relay_start(). */
void relay_catch_up(struct relay *relay);

void relay_configure(struct relay *relay, uint32_t site, const struct link_config *down, const struct link_config *up);
const struct link *relay_link(const struct relay *relay, uint32_t site, bool down);

/* Frames that the sockets lost, and those that could not be kept or sent. */
uint64_t relay_drops(struct relay *relay);

/* Fills the relay's corrections, and the lateness of the site that has most for its round trip. */
void relay_report(const struct relay *relay, struct world_report *report);

void relay_free(struct relay *relay);

#endif
