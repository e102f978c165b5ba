/*
 * Streams as fluid: each active flow drains at a rate that changes only when a
 * flow starts or ends at one of its two ports, so a megabyte costs a handful
 * of events instead of one a segment.
 *
 * A flow's rate is the smaller of two equal shares: the sender's port over the
 * flows that leave it, and the receiver's port over the flows that enter it.
 * What one flow cannot use because of its other end is not given to its
 * neighbours (full max-min would). All phones of a hierarchy have one model
 * and so one port rate, and a phone receives one file at a time: there the two
 * agree.
 *
 * Integer: bits times a million; the remainder is carried, so that however
 * often a flow is looked at it takes exactly as long.
 */
#ifndef FLEET_SIM_FLOW_H
#define FLEET_SIM_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#define FLOW_NONE UINT32_MAX

struct flow_port {
	uint64_t rate_bps;            /* of payload; never 0 */
	uint64_t storage_bps;         /* how fast what comes in is stored; 0: at once */
	uint32_t first_out, first_in; /* lists of active flows, by flow number; FLOW_NONE ends */
	uint32_t out_count, in_count;
};

struct flow {
	uint32_t from, to; /* ports */
	uint32_t next_out, previous_out, next_in, previous_in;
	bool active;
	uint64_t rate_bps;
	uint64_t updated_us;
	uint64_t remainder; /* of bits * 1e6, below 8e6 */
	uint64_t carried;   /* bytes since flow_take() */
};

/* Tells that a flow's rate is another one from now on; it has been advanced to now. */
typedef void (*flow_changed_fn)(void *context, uint32_t flow);

struct flow_net {
	struct flow_port *ports; /* owned; `port_count` */
	struct flow *flows;      /* owned; grown by flow_new */
	uint32_t port_count, flow_count, flow_size;
	flow_changed_fn changed;
	void *context;
};

/* Returns 0 or -ENOMEM. The ports' rates are to be set by the caller. */
int flow_net_init(struct flow_net *net, uint32_t port_count, flow_changed_fn changed, void *context);
/* A zeroed net is allowed. */
void flow_net_deinit(struct flow_net *net);

/* Makes room for flows numbered below count. Returns 0 or -ENOMEM. */
int flow_net_reserve(struct flow_net *net, uint32_t count);

/* Sets an inactive flow's ends. */
void flow_set(struct flow_net *net, uint32_t flow, uint32_t from, uint32_t to);

/* Starts or ends a flow; every flow whose share changes, this one included where it starts, is reported. */
void flow_start(struct flow_net *net, uint32_t flow, uint64_t now_us);
void flow_stop(struct flow_net *net, uint32_t flow, uint64_t now_us);

/* A port's rates have been changed by the caller. */
void flow_port_changed(struct flow_net *net, uint32_t port, uint64_t now_us);

/* Bytes carried since the last call, up to now. */
uint64_t flow_take(struct flow_net *net, uint32_t flow, uint64_t now_us);

/* When an active flow will have carried `bytes` more than it has by flow_take() just now. */
uint64_t flow_due(const struct flow_net *net, uint32_t flow, uint64_t now_us, uint64_t bytes);

#endif
