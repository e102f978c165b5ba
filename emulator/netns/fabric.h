/*
 * The fabric: every namespace, veth pair, bridge, address, route and neighbour
 * of a fleet, made through libnl and held by descriptors alone (DESIGN point
 * 10): nothing in the host's own network, nothing mounted, nothing left after
 * SIGKILL. And the WAN: a relay in user space on the shared link model.
 */
#ifndef FLEET_FABRIC_H
#define FLEET_FABRIC_H

#include <ev.h>
#include <stdint.h>

#include "emulator/plan/plan.h"
#include "emulator/world.h"

struct fabric;

/*
 * Makes sites, switches, routers and headquarters (not yet the phones). As an
 * ordinary user it enters a user namespace first: the process must have a
 * single thread then. Returns 0, or a negative errno after printing one line
 * on stderr that says what to do.
 */
int fabric_new(const struct plan *plan, struct fabric **fabric);

/*
 * Makes phone number `phone`: namespace, eth0 with its MAC, address, route, rate and
 * neighbours, port on its switch; link up. `in_namespace` is then called with the
 * calling thread inside the phone's namespace, to open sockets there; its negative return
 * is passed on.
 */
int fabric_phone_up(struct fabric *fabric, uint32_t phone, int (*in_namespace)(void *context), void *context);

/* Runs `in_namespace` with the calling thread inside the phone's namespace (later sockets: TFTP, reconnects). */
int fabric_in_phone(struct fabric *fabric, uint32_t phone, int (*in_namespace)(void *context), void *context);

/*
 * Two phones of a subnet that are about to talk get permanent neighbour entries
 * of each other; call it before each dial. Cheap where it was done before (some
 * 50 us else), nothing where addresses are resolved for real. Without it the
 * switch answers their ARP, and the entries count towards the host's gc_thresh3.
 */
int fabric_introduce(struct fabric *fabric, uint32_t phone, uint32_t peer);

/*
 * A socket in the phone's namespace keeps that alive as well as a descriptor
 * of the namespace does, and gives it back when it is asked. So a phone that has
 * a socket needs no descriptor beside it. fabric_phone_held_by: from here on
 * `socket` is what holds the namespace; the fabric's own descriptor is closed.
 * fabric_phone_hold: the fabric takes a descriptor again, which the caller does
 * before it closes that socket, with one descriptor free; nothing where none
 * was given. Returns 0 or a negative errno: then the namespace goes with the
 * socket.
 */
void fabric_phone_held_by(struct fabric *fabric, uint32_t phone, int socket);
int fabric_phone_hold(struct fabric *fabric, uint32_t phone);

/*
 * The phone goes to a thread with a descriptor table of its own (unshare), a
 * copy of this one. fabric_phone_give, by the thread that made the fabric,
 * before there is a copy: it keeps a descriptor of its own for
 * fabric_phone_namespace and the counters, which only that thread may ask
 * for; all else that concerns the phone's sockets is the other thread's from
 * then on. fabric_phone_leave_out, in the thread with the copy: closes what the
 * copy has of a phone that is another's. fabric_phone_return, after that thread
 * has ended and its table with it.
 */
void fabric_phone_give(struct fabric *fabric, uint32_t phone);
void fabric_phone_leave_out(const struct fabric *fabric, uint32_t phone);
void fabric_phone_return(struct fabric *fabric, uint32_t phone);

/* Like fabric_in_phone, for headquarters' namespace. */
int fabric_in_hq(struct fabric *fabric, int (*in_namespace)(void *context), void *context);

/*
 * Waits until the kernel has every link ready to carry; call it once the phones
 * are up and before the scenario's clock starts (some 10 us a phone).
 * fabric_wan_start does it where it was not done. Returns 0, or a negative errno after a
 * line on stderr.
 */
int fabric_settle(struct fabric *fabric);

/*
 * Cable in or out, at the switch's end: out, at once; in, as soon as the kernel
 * has noticed the carrier, some milliseconds later.
 */
int fabric_phone_link(struct fabric *fabric, uint32_t phone, bool up);

/* A descriptor of the phone's namespace, for exec; the caller closes it. */
int fabric_phone_namespace(struct fabric *fabric, uint32_t phone);

/* Kernel's rx_bytes of the phone's eth0. */
int fabric_phone_rx_bytes(struct fabric *fabric, uint32_t phone, uint64_t *bytes);

/*
 * Adds the packets that the kernel dropped in the fabric to *drops (those of UDP receive queues are the caller's). Where
 * a namespace's counters cannot be read it goes on with the next, and returns the first negative errno.
 */
int fabric_drops(struct fabric *fabric, uint64_t *drops);

/*
 * ARP requests that came to the switches since it was last asked. A bridge hears
 * what is broadcast on it, so one that was flooded over several counts on each.
 */
uint64_t fabric_arp_frames(struct fabric *fabric);

/*
 * The WAN relay of a site, on a loop. Its clock is the scenario's: real time
 * since `start_ns` (CLOCK_MONOTONIC) times speed. Faults: fabric_wan_configure.
 * `damage` (may be NULL) sees each frame's IP packet before it is sent on and may change
 * it, after which checksums are mended.
 */
typedef bool (*fabric_damage_fn)(void *context, uint32_t site, bool down, uint8_t *ip, uint32_t length);
int fabric_wan_start(struct fabric *fabric, struct ev_loop *loop, uint64_t start_ns,
		     fabric_damage_fn damage, void *context);
/* What has come to the WAN's links is carried now, and not at the loop's next wake-up. */
void fabric_wan_catch_up(struct fabric *fabric);
void fabric_wan_configure(struct fabric *fabric, uint32_t site, const struct link_config *down, const struct link_config *up);
const struct link *fabric_wan_link(const struct fabric *fabric, uint32_t site, bool down);
/* Fills the relay_* fields and adds to drops. */
void fabric_wan_report(const struct fabric *fabric, struct world_report *report);

/* Stops the relay, closes everything. NULL is allowed. */
void fabric_free(struct fabric *fabric);

/* What the host offers; one line each for `doctor`. */
struct fabric_probe { const char *name; int error; char found[96]; char meaning[160]; char mend[160]; bool needed; };
uint32_t fabric_probe_host(struct fabric_probe *probes, uint32_t max);

/* Tries in a child process whether namespaces can be made. Returns 0 or a negative errno; says nothing. */
int fabric_probe_namespaces(void);

#endif
