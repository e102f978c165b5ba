/*
 * Runs the TFTP server on real UDP sockets, in a libev loop: one socket on port
 * 69, and one or two whose ports are the transfers' TIDs (RFC 1350 section 4),
 * shared by all that are under way. Single-threaded: everything here belongs to
 * the loop's thread.
 */
#ifndef FLEET_TFTP_ADAPTER_H
#define FLEET_TFTP_ADAPTER_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "emulator/hq/tftp_server.h"

#define TFTP_ADAPTER_BATCH 64 /* datagrams of one socket a turn */
#define TFTP_ADAPTER_PORTS 2  /* sockets of all transfers, at most */

struct tftp_adapter_config {
	struct ev_loop *loop;
	struct tftp_server *server;    /* the caller's; outlives the adapter */
	uint32_t address;              /* of headquarters, host byte order; 0: any */
	uint16_t port;                 /* PFS_TFTP_PORT; 0: the kernel chooses (tests) */
	uint32_t speed_milli;          /* scenario time passes at speed_milli / 1000 of real time; not 0 */
	uint32_t receive_buffer_bytes; /* of each socket; 0: 8 MiB, room for thousands of packets at once */
	uint64_t (*now_us)(void *context); /* the scenario's clock; never goes back */
	/*
	 * A new UDP socket in headquarters' namespace, AF_INET, non-blocking,
	 * close-on-exec; or a negative errno. The adapter owns it.
	 */
	int (*open_socket)(void *context);
	/*
	 * May be NULL. Sees each DATA packet before it is sent; returns true to have
	 * one byte of it flipped, the one at *index below payload_length. The
	 * file's content stays as it is: a copy is sent.
	 */
	bool (*damage)(void *context, const struct tftp_output *output, uint32_t *index);
	void *context;
};

struct tftp_adapter_counters {
	uint64_t sockets_open, sockets_peak; /* descriptors, port 69 and the timer included */
	uint64_t socket_errors;  /* transfers refused because no socket could be had */
	uint64_t send_errors;    /* packets that the kernel did not take: lost, as on a wire */
	uint64_t kernel_drops;   /* packets that found a full receive buffer */
	uint64_t damaged;        /* packets sent with a byte flipped */
	uint64_t receive_buffer_bytes; /* what port 69 got, as the kernel counts it */
};

struct tftp_adapter;

/* Opens port 69 and serves. Returns 0 or a negative errno. */
int tftp_adapter_new(const struct tftp_adapter_config *config, struct tftp_adapter **adapter);

/* Stops and releases; NULL is allowed. The server's transfers are forgotten. */
void tftp_adapter_free(struct tftp_adapter *adapter);

/*
 * The server crashes: every socket is closed and every transfer forgotten
 * without a word; from then on the kernel answers with port unreachable.
 * Nothing where it is stopped already.
 */
void tftp_adapter_stop(struct tftp_adapter *adapter);

/* It comes back: port 69 is opened again. Returns 0, also where it runs already, or a negative errno. */
int tftp_adapter_start(struct tftp_adapter *adapter);

/* The port it listens on, host byte order; 0 while it is stopped. */
uint16_t tftp_adapter_port(const struct tftp_adapter *adapter);

/* Asks the kernel for the drops of the sockets that are open: not for each packet. */
void tftp_adapter_counters(const struct tftp_adapter *adapter, struct tftp_adapter_counters *counters);

#endif
