/*
 * Headquarters of the netns world: the TFTP server, embedded or a real one, and
 * the log collector, in headquarters' namespace. Damage to what the server
 * sends is done at the embedded server's output, or, with a real server, to the
 * packet on the WAN.
 */
#ifndef FLEET_NETNS_HEADQUARTERS_H
#define FLEET_NETNS_HEADQUARTERS_H

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "emulator/hq/tftp_server.h"
#include "emulator/netns/clock.h"
#include "emulator/netns/fabric.h"
#include "emulator/netns/log_server.h"
#include "emulator/plan/plan.h"

struct tftp_adapter;
struct real_server;


struct headquarters {
	const struct plan *plan;
	struct fabric *fabric;
	const struct netns_clock *clock;
	struct ev_loop *loop;
	struct tftp_server *server;       /* PLAN_SERVER_EMBEDDED, and its adapter */
	struct tftp_adapter *adapter;
	struct real_server *real;         /* else; NULL while it is stopped */
	ev_io real_ended;
	const char *folder;               /* for the real server's files */
	struct tftp_file *files;          /* of every firmware set */
	uint32_t file_count;
	struct log_server log;
	bool log_here;                    /* the log server's address is ours */
	uint8_t *damage;                  /* one a phone: bit a file, flips a byte of its next DATA, once */
	uint32_t damage_count;            /* both under the lock: any worker may ask for damage */
	pthread_mutex_t damage_lock;
	uint64_t drops;
};

/*
 * Fills a zeroed struct. The embedded server does not listen yet; a real one is
 * started here, before the process has much that its copy would keep. Returns
 * 0 or a negative errno; headquarters_deinit either way.
 */
int headquarters_init(struct headquarters *headquarters, const struct plan *plan, struct fabric *fabric,
		      struct ev_loop *loop, const struct netns_clock *clock, const char *out_dir);
/* Stops and releases; what headquarters_drops() says stays. Idempotent. */
void headquarters_deinit(struct headquarters *headquarters);

/* The servers begin, or stop without a word and close their ports. 0 or a negative errno. */
int headquarters_start(struct headquarters *headquarters);
void headquarters_stop(struct headquarters *headquarters);

/* From any thread: the next DATA of the file to that phone has one byte flipped, once. */
void headquarters_damage(struct headquarters *headquarters, uint32_t phone, uint8_t file);

/* fabric_damage_fn, with a struct headquarters as its context: damage where the server is a real one. */
bool headquarters_wan_damage(void *context, uint32_t site, bool down, uint8_t *ip, uint32_t length);

/* Never NULL; zeroes with a real server, which does not say. */
const struct tftp_server_counters *headquarters_counters(const struct headquarters *headquarters);

/* Descriptors that the servers had at once, over those that they have now. */
uint64_t headquarters_descriptors_closed(const struct headquarters *headquarters);

/* What the kernel dropped at the servers' receive queues. */
uint64_t headquarters_drops(const struct headquarters *headquarters);

#endif
