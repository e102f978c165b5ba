/*
 * The log collector at headquarters (F14): what `log_server` names, where the
 * address is headquarters' own. It keeps what the phones send, one line each
 * behind its sender's address, in log-server.txt in the run's folder.
 */
#ifndef FLEET_NETNS_LOG_SERVER_H
#define FLEET_NETNS_LOG_SERVER_H

#include <ev.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/netns/fabric.h"

struct log_server {
	struct ev_loop *loop;
	ev_io readable;       /* .fd is -1 while it is stopped */
	uint64_t lines, drops;
	char *path;           /* NULL: lines are only counted */
	char *buffer;         /* written out when it is full and at the end: the file is not held open */
	size_t used;
	int error;            /* first errno of writing */
};

/* Fills a zeroed struct. out_dir may be NULL. Returns 0 or a negative errno; log_server_deinit either way. */
int log_server_init(struct log_server *server, struct ev_loop *loop, const char *out_dir);
void log_server_deinit(struct log_server *server);

/* Listens in headquarters' namespace; 0 or a negative errno. */
int log_server_start(struct log_server *server, struct fabric *fabric, uint32_t address, uint16_t port);

/* Closes its port: the phones get ICMP port unreachable. Idempotent. */
void log_server_stop(struct log_server *server);

#endif
