/*
 * One phone of the netns world: the core, its sockets in its namespace, its
 * deadline and its firmware store. host.c steps the core and carries its
 * actions out; peer.c has the phone-to-phone connections; sockets.c opens
 * them. Nothing recurses: what an action brings about at once (a range handed
 * to TCP, a verification) is queued and stepped afterwards.
 */
#ifndef FLEET_NETNS_HOST_H
#define FLEET_NETNS_HOST_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "emulator/netns/store.h"
#include "emulator/netns/timers.h"
#include "emulator/netns/worker.h"
#include "pfs-core/pfs.h"

struct peer_conn;

struct host {
	struct worker *worker;
	uint32_t number;            /* in the plan */
	uint64_t boot;              /* starts before this one */
	struct pfs_phone phone;     /* meaningful while powered */
	struct timer timer;         /* the core's deadline, or the start */
	bool powered;               /* the core has been started and not been killed */
	bool starved;               /* its listener waits for a descriptor */
	struct host *starved_next;
	ev_io udp, listener, tftp;  /* .fd is -1 while closed */
	uint32_t tftp_opened;       /* how often: a reader sees that its socket is another one now */
	struct peer_conn *conns[PFS_CONNS_MAX]; /* by pfs_conn_slot() */
	struct store store;
	uint8_t damage_tcp;         /* bit a file: the next byte taken from a peer flips, once */
	int log_fd;                 /* to the log server (F14); -1 closed */
	bool log_silent;            /* it was unreachable: nothing more is sent until the next start */
};

/* Prepares host number `number`, off. */
void host_init(struct host *host, struct worker *worker, uint32_t number);

/*
 * Ends the process on the phone: sockets are closed (peers see RST where the
 * link is up), the core and what it stored are gone. host_start_at begins
 * anew. Idempotent; also what releases a host.
 */
void host_power_off(struct host *host);

/* Starts (again, with another boot number) at that scenario time. */
void host_start_at(struct host *host, uint64_t at_us);

/*
 * Gives the core an event (now_us is filled in), carries its actions out, then
 * the same with everything those brought about. For BYTES the rest is given
 * again until all is consumed or the connection is gone; returns what was consumed.
 */
uint32_t host_event(struct host *host, struct pfs_event *event);

/* Gives what was queued outside a step (a flush from the loop). */
void host_give_answers(struct host *host);

/* After steps: the timer follows the core's deadline, the listener whether it accepts. */
void host_settle(struct host *host);

/* What the kernel has no room for is counted as a drop. */
void host_send_datagram(struct host *host, int fd, uint32_t address, uint16_t port, const struct pfs_action *action);

/* One console line to the log server (F14), if its level is asked for. */
void host_log_line(struct host *host, int severity, bool pfs, const char *line);

/* ---- peer.c ---- */

/* Takes over a descriptor. connecting: CONNECTED or LOST is still to come. Returns NULL where memory lacks. */
struct peer_conn *peer_new(struct host *host, int fd, uint32_t handle, uint32_t address, bool connecting);
/* Closes at once; no event follows. */
void peer_drop(struct host *host, uint32_t handle);
void peer_close_slot(struct host *host, int slot);
bool peer_lives(const struct host *host, uint32_t handle);
/* Appends to the output; flushed by peer_flush_all. An output past its bound makes the connection lost. */
void peer_send(struct host *host, uint32_t handle, const uint8_t *bytes, size_t length);
void peer_send_file(struct host *host, uint32_t handle, uint8_t file, uint64_t offset, uint64_t length);
void peer_shutdown(struct host *host, uint32_t handle);
/* Hands to TCP what it takes. */
void peer_flush_all(struct host *host);
/* Reads what waits on every connection, once each. */
void peer_drain_all(struct host *host);
/* Marks the next byte of the file that is still to be handed to TCP for that connection's peer; false: none is. */
bool peer_damage(struct host *host, uint32_t to_address, uint8_t file);

/* ---- sockets.c: the calling thread goes into the phone's namespace and back ---- */

/* All return a non-blocking descriptor or a negative errno. */
int socket_open_peer_port(struct host *host, int *udp, int *listener);
int socket_connect(struct host *host, uint32_t address, bool *connecting);
int socket_open_tftp(struct host *host);
int socket_open_log(struct host *host, uint32_t address, uint16_t port);
/* Options of an accepted connection. */
void socket_tune_tcp(int fd);
/* What the kernel dropped at a UDP socket's receive queue. */
uint64_t socket_drops(int fd);
/* Segments that TCP sent more than once. */
uint64_t socket_retransmits(int fd);
/*
 * Empties the error queue. True where an ICMP port unreachable was in it.
 */
bool socket_refused(int fd);

#endif
