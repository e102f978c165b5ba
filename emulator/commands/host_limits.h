/* What the host lets this process have. */
#ifndef FLEET_COMMAND_LIMITS_H
#define FLEET_COMMAND_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/plan/plan.h"

#define LIMITS_NONE UINT64_MAX /* no limit is known */

/*
 * Raises this process's own limit of open descriptors to `wanted`, past the
 * hard limit where it may (root), else as far as it goes; never lowers it.
 * Returns the limit that holds then. For `check`, and for whoever is about to
 * make a fleet.
 */
uint64_t limits_raise_descriptors(uint64_t wanted);

/* Bytes of memory to be had without swapping, a container's limit regarded; or LIMITS_NONE. */
uint64_t limits_memory(void);

/* What net.ipv4.neigh.default.gc_thresh3 lets the whole host learn, or LIMITS_NONE. */
uint64_t limits_neighbours(void);

/* net.core.netdev_max_backlog: packets that may wait on one processor, a broadcast's copies among them; or LIMITS_NONE. */
uint64_t limits_backlog(void);

/* What all descriptor tables of a fleet could come to at worst, each phone's counted: what is asked of the host. */
uint64_t limits_descriptors_wanted(const struct plan *plan);

/*
 * Whether a fleet on the real kernel certainly cannot be made here, with so
 * many workers (0: as many as it takes). Returns
 * true, or false after one line on stderr that says why and what to do. What
 * is left to chance (descriptors at worst) is for `check` to tell.
 * Raises the limit of descriptors as limits_raise_descriptors() does.
 */
bool limits_allow(const struct plan *plan, uint32_t workers);

/* How many of `each` fit into what is given beside `fixed`. */
uint64_t limits_room(uint64_t given, uint64_t fixed, uint64_t each);

/* user.max_net_namespaces, or LIMITS_NONE. */
uint64_t limits_namespaces(void);

#endif
