/* See flow.h. */
#include "emulator/sim/flow.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define MICRO_BITS_PER_BYTE 8000000u

int flow_net_init(struct flow_net *net, uint32_t port_count, flow_changed_fn changed, void *context)
{
	*net = (struct flow_net){ .port_count = port_count, .changed = changed, .context = context };
	net->ports = calloc((size_t)port_count + 1, sizeof(*net->ports));
	if (!net->ports)
		return -ENOMEM;
	for (uint32_t i = 0; i < port_count; i++)
		net->ports[i] = (struct flow_port){ .rate_bps = 1, .first_out = FLOW_NONE, .first_in = FLOW_NONE };
	return 0;
}

void flow_net_deinit(struct flow_net *net)
{
	free(net->ports);
	free(net->flows);
	*net = (struct flow_net){ 0 };
}

int flow_net_reserve(struct flow_net *net, uint32_t count)
{
	uint32_t size = net->flow_size ? net->flow_size : 64;

	if (count > net->flow_size) {
		while (size < count)
			size *= 2;
		struct flow *flows = realloc(net->flows, (size_t)size * sizeof(*flows));
		if (!flows)
			return -ENOMEM;
		net->flows = flows;
		net->flow_size = size;
	}
	for (; net->flow_count < count; net->flow_count++)
		net->flows[net->flow_count] = (struct flow){ 0 };
	return 0;
}

void flow_set(struct flow_net *net, uint32_t number, uint32_t from, uint32_t to)
{
	assert(!net->flows[number].active);
	net->flows[number] = (struct flow){ .from = from, .to = to };
}

static void advance(struct flow *flow, uint64_t now_us)
{
	uint64_t carried = (now_us - flow->updated_us) * flow->rate_bps + flow->remainder;

	assert(now_us >= flow->updated_us);
	flow->carried += carried / MICRO_BITS_PER_BYTE;
	flow->remainder = carried % MICRO_BITS_PER_BYTE;
	flow->updated_us = now_us;
}

/* Gives a flow its share anew; says so where it differs. */
static void reshare(struct flow_net *net, uint32_t number, uint64_t now_us)
{
	struct flow *flow = &net->flows[number];
	const struct flow_port *from = &net->ports[flow->from], *to = &net->ports[flow->to];
	uint64_t inwards = to->storage_bps && to->storage_bps < to->rate_bps ? to->storage_bps : to->rate_bps;
	uint64_t out = from->rate_bps / from->out_count, in = inwards / to->in_count;
	uint64_t rate = out < in ? out : in;

	if (!rate)
		rate = 1;
	if (rate == flow->rate_bps)
		return;
	advance(flow, now_us);
	flow->rate_bps = rate;
	net->changed(net->context, number);
}

static void reshare_ports(struct flow_net *net, uint32_t from, uint32_t to, uint64_t now_us)
{
	for (uint32_t i = net->ports[from].first_out; i != FLOW_NONE; i = net->flows[i].next_out)
		reshare(net, i, now_us);
	for (uint32_t i = net->ports[to].first_in; i != FLOW_NONE; i = net->flows[i].next_in)
		reshare(net, i, now_us);
}

void flow_port_changed(struct flow_net *net, uint32_t port, uint64_t now_us)
{
	reshare_ports(net, port, port, now_us);
}

void flow_start(struct flow_net *net, uint32_t number, uint64_t now_us)
{
	struct flow *flow = &net->flows[number];
	struct flow_port *from = &net->ports[flow->from], *to = &net->ports[flow->to];

	assert(!flow->active);
	flow->active = true;
	flow->rate_bps = 0;
	flow->updated_us = now_us;
	flow->previous_out = flow->previous_in = FLOW_NONE;
	flow->next_out = from->first_out;
	flow->next_in = to->first_in;
	if (flow->next_out != FLOW_NONE)
		net->flows[flow->next_out].previous_out = number;
	if (flow->next_in != FLOW_NONE)
		net->flows[flow->next_in].previous_in = number;
	from->first_out = to->first_in = number;
	from->out_count++;
	to->in_count++;
	reshare_ports(net, flow->from, flow->to, now_us);
}

void flow_stop(struct flow_net *net, uint32_t number, uint64_t now_us)
{
	struct flow *flow = &net->flows[number];
	struct flow_port *from = &net->ports[flow->from], *to = &net->ports[flow->to];

	assert(flow->active);
	advance(flow, now_us);
	flow->active = false;
	if (flow->previous_out == FLOW_NONE)
		from->first_out = flow->next_out;
	else
		net->flows[flow->previous_out].next_out = flow->next_out;
	if (flow->next_out != FLOW_NONE)
		net->flows[flow->next_out].previous_out = flow->previous_out;
	if (flow->previous_in == FLOW_NONE)
		to->first_in = flow->next_in;
	else
		net->flows[flow->previous_in].next_in = flow->next_in;
	if (flow->next_in != FLOW_NONE)
		net->flows[flow->next_in].previous_in = flow->previous_in;
	from->out_count--;
	to->in_count--;
	reshare_ports(net, flow->from, flow->to, now_us);
}

uint64_t flow_take(struct flow_net *net, uint32_t number, uint64_t now_us)
{
	struct flow *flow = &net->flows[number];

	if (flow->active)
		advance(flow, now_us);
	uint64_t carried = flow->carried;
	flow->carried = 0;
	return carried;
}

uint64_t flow_due(const struct flow_net *net, uint32_t number, uint64_t now_us, uint64_t bytes)
{
	const struct flow *flow = &net->flows[number];
	uint64_t want = bytes * MICRO_BITS_PER_BYTE;

	assert(flow->active && flow->updated_us == now_us && flow->carried == 0);
	if (want <= flow->remainder)
		return now_us;
	return now_us + (want - flow->remainder + flow->rate_bps - 1) / flow->rate_bps;
}
