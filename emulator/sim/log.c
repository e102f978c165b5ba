/*
 * The phones' console by UDP to a log server (F14): a datagram a line, up the
 * site's WAN link like everything else. Nothing but its length matters here, so
 * no text goes with it. Where nobody listens at headquarters an ICMP message
 * comes back, and the phone stops sending until its next start.
 */
#include "emulator/sim/sim.h"

#include <string.h>

#define LOG_CLIENT_PORT 49151 /* below those of TFTP */

static void on_line(void *context, uint32_t number, int severity, bool pfs, const char *line)
{
	struct sim_world *world = context;
	struct sim_phone *phone = &world->phones[number];
	const struct plan_log_server *server = &world->plan->log_server;
	uint32_t length = (uint32_t)strlen(line), packet;

	if (phone->log_silent || !plan_log_sends(server, severity, pfs))
		return;
	uint64_t out_us = sim_port_send(world, phone, length + SIM_UDP_BYTES);
	packet = sim_packet_new(world);
	if (packet == SIM_NONE)
		return;
	struct sim_packet *datagram = sim_packet(world, packet);
	datagram->log = true;
	datagram->phone = number;
	datagram->boot = phone->boot;
	datagram->phone_port = LOG_CLIENT_PORT;
	datagram->server_port = server->port;
	datagram->length = length;
	datagram->available = 0;
	if (out_us + phone->lan_delay_us > world->lines_us)
		world->lines_us = out_us + phone->lan_delay_us;
	sim_lan_cross(world, phone->lan_switch, out_us + phone->lan_delay_us, SIM_EV_ROUTER, packet, 0);
}

void sim_log_init(struct sim_world *world)
{
	if (world->plan->log_server.enabled)
		record_set_line_sink(world->record, on_line, world);
}

void sim_log_deinit(struct sim_world *world)
{
	if (world->plan->log_server.enabled)
		record_set_line_sink(world->record, NULL, NULL);
}

bool sim_log_listens(const struct sim_world *world)
{
	return world->plan->log_server.here && world->server_up;
}
