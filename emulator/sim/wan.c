/*
 * Between the phones and headquarters: the port of the phone, the LAN, the
 * site's WAN link (the link model that both worlds use, one packet one event)
 * and the TFTP server. Downwards the switch's port is not a bottleneck: what
 * comes off a WAN is slower than any LAN port.
 *
 * The server gives each transfer a port of its own; here that is a number that
 * is not used again before all others have been.
 */
#include "emulator/sim/sim.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS_A_CHUNK 64
#define SERVER_PORTS 65536
#define SERVER_PORT_FIRST 1024
#define SERVER_PORTS_USED (SERVER_PORTS - SERVER_PORT_FIRST)
#define NO_TRANSFER 0 /* in port_transfers; else a transfer's number and 1 */
#define ICMP_QUOTE_MAX 548 /* of the packet that could not be delivered (RFC 1812 section 4.3.2.3) */

struct sim_packet *sim_packet(const struct sim_world *world, uint32_t packet)
{
	return &world->packet_chunks[packet / PACKETS_A_CHUNK][packet % PACKETS_A_CHUNK];
}

uint32_t sim_packet_new(struct sim_world *world)
{
	uint32_t packet = world->packet_free;

	if (packet != SIM_NONE) {
		world->packet_free = sim_packet(world, packet)->next_free;
	} else {
		packet = world->packet_count;
		if (packet / PACKETS_A_CHUNK == world->packet_chunk_count) {
			struct sim_packet **chunks = realloc(
				world->packet_chunks, (world->packet_chunk_count + 1) * sizeof(*chunks));
			if (chunks)
				world->packet_chunks = chunks;
			struct sim_packet *chunk = chunks ? calloc(PACKETS_A_CHUNK, sizeof(*chunk)) : NULL;
			if (!chunk) {
				sim_no_memory(world);
				return SIM_NONE;
			}
			chunks[world->packet_chunk_count++] = chunk;
		}
		world->packet_count++;
	}
	struct sim_packet *fresh = sim_packet(world, packet);
	fresh->file = SIM_NONE;
	fresh->unreachable = fresh->log = false;
	fresh->offset = 0;
	return packet;
}

void sim_packet_free(struct sim_world *world, uint32_t packet)
{
	sim_packet(world, packet)->next_free = world->packet_free;
	world->packet_free = packet;
}

/* Every firmware file by its name; where two sets share a name the first is served. */
static int collect_files(struct sim_world *world, struct tftp_file *files)
{
	for (uint32_t i = 0; i < world->plan->firmware_count; i++) {
		const struct plan_firmware *firmware = &world->plan->firmware[i];
		for (uint32_t k = 0; k < firmware->file_count; k++) {
			uint32_t same = 0;
			while (same < world->server_file_count &&
			       strcmp(files[same].name, firmware->files[k].name) != 0)
				same++;
			if (same < world->server_file_count)
				continue;
			world->server_files[world->server_file_count] = &firmware->files[k];
			files[world->server_file_count++] =
				(struct tftp_file){ firmware->files[k].name, firmware->content[k],
						    firmware->files[k].size };
		}
	}
	return 0;
}

int sim_wan_init(struct sim_world *world)
{
	const struct plan *plan = world->plan;
	size_t files_max = (size_t)plan->firmware_count * PFS_FILES_MAX + 1;
	struct tftp_file *files = calloc(files_max, sizeof(*files));
	/* Each transfer has a port. */
	uint32_t slots = plan->server.serving_max < SERVER_PORTS_USED ? plan->server.serving_max
								      : SERVER_PORTS_USED;
	struct tftp_server_config config = {
		.serving_max = slots,
		.retries_max = plan->server.retries_max,
		.timeout_us = plan->server.timeout_us,
		.timeout_max_us = plan->server.timeout_us > TFTP_TIMEOUT_MAX_US ? plan->server.timeout_us
										  : TFTP_TIMEOUT_MAX_US,
	};

	world->packet_free = SIM_NONE;
	world->server_files = calloc(files_max, sizeof(const struct pfs_file *));
	world->sites = calloc((size_t)plan->site_count + 1, sizeof(*world->sites));
	world->server_slots = slots;
	world->port_transfers = calloc(SERVER_PORTS, sizeof(*world->port_transfers));
	world->transfer_ports = calloc((size_t)slots + 1, sizeof(*world->transfer_ports));
	world->transfer_phones = calloc((size_t)slots + 1, sizeof(*world->transfer_phones));
	if (!files || !world->server_files || !world->sites || !world->port_transfers ||
	    !world->transfer_ports || !world->transfer_phones) {
		free(files);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < plan->site_count; i++) {
		/* The relay of the netns world seeds its links so: the n-th packet has the same luck there.
		 */
		link_init(&world->sites[i].down, &plan->sites[i].down, link_seed(plan->seed, plan->first_site + i, true));
		link_init(&world->sites[i].up, &plan->sites[i].up, link_seed(plan->seed, plan->first_site + i, false));
	}
	collect_files(world, files);
	world->server = tftp_server_new(&config, files, world->server_file_count);
	free(files);
	world->server_up = true;
	world->server_timer_us = PFS_TIME_NEVER;
	world->next_port = SERVER_PORT_FIRST;
	return world->server ? 0 : -ENOMEM;
}

void sim_wan_deinit(struct sim_world *world)
{
	for (uint32_t i = 0; world->sites && i < world->plan->site_count; i++) {
		link_deinit(&world->sites[i].down);
		link_deinit(&world->sites[i].up);
	}
	for (uint32_t i = 0; i < world->packet_chunk_count; i++)
		free(world->packet_chunks[i]);
	free(world->packet_chunks);
	free(world->sites);
	free(world->server_files);
	free(world->port_transfers);
	free(world->transfer_ports);
	free(world->transfer_phones);
	if (world->server)
		tftp_server_free(world->server);
}

static struct sim_site *site_of(struct sim_world *world, uint32_t phone)
{
	return &world->sites[world->plan->phones[phone].site];
}

void sim_tftp_send(struct sim_world *world, uint32_t number, const struct pfs_action *action)
{
	struct sim_phone *phone = &world->phones[number];
	uint64_t out_us = sim_port_send(world, phone, (uint32_t)action->length + SIM_UDP_BYTES);
	uint32_t packet;

	if (!phone->tftp_port) {
		sim_broken(world, number, "sends on a TFTP socket that is closed");
		return;
	}
	if (action->address != world->plan->server.address) {
		world->counters.vanished++;
		return;
	}
	packet = sim_packet_new(world);
	if (packet == SIM_NONE)
		return;
	struct sim_packet *datagram = sim_packet(world, packet);
	datagram->phone = number;
	datagram->boot = phone->boot;
	datagram->phone_port = phone->tftp_port;
	datagram->server_port = action->port;
	datagram->length = datagram->available = (uint32_t)action->length;
	memcpy(datagram->data, action->bytes, action->length);
	sim_lan_cross(world, phone->lan_switch, out_us + phone->lan_delay_us, SIM_EV_ROUTER, packet, 0);
}

static void at_router(struct sim_world *world, uint32_t packet)
{
	struct sim_packet *datagram = sim_packet(world, packet);
	const struct sim_phone *phone = &world->phones[datagram->phone];
	uint64_t arrival_us;

	if (!sim_lan_reaches_router(world, phone) || phone->boot != datagram->boot) {
		world->counters.vanished++;
		sim_packet_free(world, packet);
	} else if (link_offer(&site_of(world, datagram->phone)->up, world->now_us,
			      datagram->length + SIM_UDP_BYTES, &arrival_us) == LINK_FORWARD) {
		sim_queue_push(&world->queue, arrival_us, SIM_DELIVERY, SIM_EV_SERVER, packet, 0, 0);
	} else {
		sim_packet_free(world, packet);
	}
}

/* Offers a packet to the way down; frees it where it does not get through. */
static void send_down(struct sim_world *world, uint32_t packet, uint32_t ip_bytes)
{
	struct sim_packet *datagram = sim_packet(world, packet);
	const struct sim_phone *phone = &world->phones[datagram->phone];
	uint64_t arrival_us;

	if (link_offer(&site_of(world, datagram->phone)->down, world->now_us, ip_bytes, &arrival_us) ==
	    LINK_FORWARD)
		/* A slow storage takes its time before the phone gets to answer. */
		sim_lan_cross(world, phone->lan_switch,
			      arrival_us + phone->lan_delay_us + sim_storage_us(phone, datagram->length),
			      SIM_EV_DOWN, packet, 0);
	else
		sim_packet_free(world, packet);
}

static void close_transfer(struct sim_world *world, uint32_t transfer)
{
	if (world->transfer_ports[transfer])
		world->port_transfers[world->transfer_ports[transfer]] = NO_TRANSFER;
	world->transfer_ports[transfer] = 0;
}

static void open_transfer(struct sim_world *world, uint32_t transfer, uint32_t phone)
{
	world->transfer_phones[transfer] = phone;
	while (world->port_transfers[world->next_port] != NO_TRANSFER)
		world->next_port = world->next_port == SERVER_PORTS - 1 ? SERVER_PORT_FIRST
									: (uint16_t)(world->next_port + 1);
	world->transfer_ports[transfer] = world->next_port;
	world->port_transfers[world->next_port] = transfer + 1;
	world->next_port =
		world->next_port == SERVER_PORTS - 1 ? SERVER_PORT_FIRST : (uint16_t)(world->next_port + 1);
}

/* What the server wants sent. phone: who asked, where the output belongs to no transfer. */
static void answer(struct sim_world *world, uint32_t phone, const struct tftp_output *output)
{
	bool own_port = output->transfer != TFTP_NO_TRANSFER;

	if (own_port && !world->transfer_ports[output->transfer] && (output->send || !output->ended))
		open_transfer(world, output->transfer, phone);
	if (output->send && !world->server_silent) {
		uint32_t packet = sim_packet_new(world);
		if (packet == SIM_NONE)
			return;
		struct sim_packet *datagram = sim_packet(world, packet);
		assert(output->header_length <= sizeof(datagram->data));
		datagram->phone = own_port ? world->transfer_phones[output->transfer] : phone;
		datagram->phone_port = output->port;
		datagram->server_port = own_port ? world->transfer_ports[output->transfer] : PFS_TFTP_PORT;
		datagram->length = output->header_length + output->payload_length;
		datagram->available = output->header_length;
		memcpy(datagram->data, output->header, output->header_length);
		if (output->payload_length) {
			datagram->file = output->file;
			datagram->offset = output->offset;
		}
		send_down(world, packet, datagram->length + SIM_UDP_BYTES);
	}
	if (own_port && output->ended)
		close_transfer(world, output->transfer);
}

static void expect_server(struct sim_world *world)
{
	uint64_t deadline_us = tftp_server_deadline(world->server);

	if (deadline_us >= world->server_timer_us)
		return;
	world->server_timer_us = deadline_us < world->now_us ? world->now_us : deadline_us;
	sim_queue_push(&world->queue, world->server_timer_us, SIM_WORLD_TIMER, SIM_EV_SERVER_TIMER, 0, 0, 0);
}

/* Whoever shares the server's limit learns how many transfers are under way here. */
static void tell_served(struct sim_world *world, bool by_timer)
{
	uint64_t serving = tftp_server_counters(world->server)->serving;

	if (!world->bond || serving == world->serving_told)
		return;
	world->bond->served(world->bond->context, world->now_us, by_timer,
			    (int32_t)serving - (int32_t)world->serving_told);
	world->serving_told = serving;
}

bool sim_is_request(const struct sim_world *world, const struct sim_event *event)
{
	return sim_event_kind(event) == SIM_EV_SERVER && !sim_packet(world, event->a)->log &&
	       sim_packet(world, event->a)->server_port == PFS_TFTP_PORT;
}

/* The host is up and nobody listens: ICMP, with the packet quoted. */
static void refuse(struct sim_world *world, uint32_t packet)
{
	struct sim_packet *datagram = sim_packet(world, packet);
	uint32_t quote = datagram->length + SIM_UDP_BYTES;

	datagram->unreachable = true;
	send_down(world, packet, SIM_UDP_BYTES + (quote < ICMP_QUOTE_MAX ? quote : ICMP_QUOTE_MAX));
}

static void at_log_server(struct sim_world *world, uint32_t packet)
{
	if (sim_log_listens(world))
		sim_packet_free(world, packet);
	else
		refuse(world, packet);
}

static void at_server(struct sim_world *world, uint32_t packet)
{
	struct sim_packet *datagram = sim_packet(world, packet);
	uint32_t address = world->plan->phones[datagram->phone].address, phone = datagram->phone;
	uint32_t transfer = world->port_transfers[datagram->server_port];
	struct tftp_output *output = &world->output;

	if (datagram->log) {
		at_log_server(world, packet);
		return;
	}
	if (!world->server_up || world->server_silent) {
		sim_packet_free(world, packet);
		return;
	}
	if (datagram->server_port == PFS_TFTP_PORT) {
		if (world->bond)
			tftp_server_busy(world->server, world->full);
		tftp_server_request(world->server, world->now_us, address, datagram->phone_port,
				    datagram->data, datagram->length, output);
	} else if (transfer != NO_TRANSFER) {
		tftp_server_packet(world->server, world->now_us, transfer - 1, address, datagram->phone_port,
				   datagram->data, datagram->length, output);
	} else {
		world->counters.server_unreachable++;
		refuse(world, packet);
		return;
	}
	sim_packet_free(world, packet);
	answer(world, phone, output);
	expect_server(world);
	tell_served(world, false);
}

static void at_phone(struct sim_world *world, uint32_t packet)
{
	struct sim_packet *datagram = sim_packet(world, packet);
	struct sim_phone *phone = &world->phones[datagram->phone];

	if (!sim_lan_reaches_router(world, phone) || !phone->running) {
		world->counters.vanished++;
	} else if (datagram->log) {
		phone->log_silent = true;
	} else if (phone->tftp_port != datagram->phone_port) {
		world->counters.late_tftp++;
	} else {
		struct pfs_event event = { .kind = datagram->unreachable ? PFS_EV_TFTP_REFUSED
									 : PFS_EV_TFTP };
		if (!datagram->unreachable) {
			event.address = world->plan->server.address;
			event.port = datagram->server_port;
			event.data = datagram->data;
			event.length = datagram->length;
			event.available = datagram->available;
			world->source.packet = datagram;
		}
		sim_step(world, datagram->phone, &event);
		world->source.packet = NULL;
	}
	sim_packet_free(world, packet);
}

void sim_wan_event(struct sim_world *world, const struct sim_event *event)
{
	switch (sim_event_kind(event)) {
	case SIM_EV_ROUTER:
		at_router(world, event->a);
		break;
	case SIM_EV_SERVER:
		at_server(world, event->a);
		break;
	case SIM_EV_DOWN:
		at_phone(world, event->a);
		break;
	default: /* SIM_EV_SERVER_TIMER: lazy, as the phones' */
		if (world->server_timer_us != event->at_us)
			return;
		world->server_timer_us = PFS_TIME_NEVER;
		while (tftp_server_expire(world->server, world->now_us, &world->output))
			answer(world, SIM_NONE, &world->output);
		expect_server(world);
		tell_served(world, true);
		break;
	}
}

void sim_server_stop(struct sim_world *world)
{
	world->server_up = false;
	tftp_server_reset(world->server);
	for (uint32_t i = 0; i < world->server_slots; i++)
		close_transfer(world, i);
}

void sim_server_size(struct sim_world *world, int32_t file, uint32_t served_ppm)
{
	for (uint32_t i = 0; i < world->plan->firmware_count; i++) {
		const struct plan_firmware *firmware = &world->plan->firmware[i];
		for (uint32_t k = 0; k < firmware->file_count; k++) {
			uint64_t size = firmware->files[k].size;
			for (uint32_t n = 0; n < world->server_file_count; n++)
				if ((file < 0 || (uint32_t)file == k) &&
				    strcmp(world->server_files[n]->name, firmware->files[k].name) == 0)
					tftp_server_serve_size(world->server, n, size * served_ppm / 1000000);
		}
	}
}
