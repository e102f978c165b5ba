/*
 * A phone in virtual time: its core, its storage and its port. sim_step() is
 * the only place where a core is stepped; whatever an action brings about
 * comes back through the event queue, so that no step happens inside another.
 *
 * Payload is not copied. For each file the phone has a count of bytes and a
 * flag that says whether one of them is not the manifest's; that is all that
 * verification would find out.
 */
#include "emulator/sim/sim.h"

#include <stdio.h>
#include <string.h>

#define MILLION INT64_C(1000000)
#define FRAME_TYPE_OCTET 3
#define FRAME_ALIVE 33    /* docs/protocol.md, for WORLD_SABOTAGE_ALIVE_LOST */
#define LOG_DESCRIPTOR 20 /* what a phone's console log shows for its port */

uint64_t sim_port_send(struct sim_world *world, struct sim_phone *phone, uint32_t ip_bytes)
{
	uint64_t bits = (uint64_t)(ip_bytes + SIM_FRAME_EXTRA_BYTES) * 8;
	uint64_t from_us = phone->port_free_us > world->now_us ? phone->port_free_us : world->now_us;

	phone->port_free_us = from_us + (bits * 1000000 + phone->port_bps - 1) / phone->port_bps;
	return phone->port_free_us;
}

void sim_boot(struct sim_world *world, uint32_t number)
{
	struct sim_phone *phone = &world->phones[number];
	struct pfs_config config;

	plan_phone_config(world->plan, number, world->options->traditional, phone->boot, &config);
	if (phone->hostile && phone->enmity == PLAN_FAULT_HOSTILE_ROOT)
		config.strength = UINT32_MAX;
	int error = journal_phone_init(world->options->journal, number, &phone->core, &config);
	if (error) {
		/* The plan is checked before a run: this is a plan made by hand. */
		world->error = error;
		fprintf(stderr, "%s: the plan gives it what no phone can have\n",
			world->plan->phones[number].name);
		return;
	}
	memset(phone->stored, 0, sizeof(phone->stored));
	phone->timer_us = PFS_TIME_NEVER;
	phone->tftp_port = 0;
	phone->log_silent = false;
	phone->port_open = false;
	phone->running = true;
	if (phone->over)
		world->over_count--;
	phone->over = false;
	sim_queue_push(&world->queue, world->now_us, SIM_DELIVERY, SIM_EV_START, number, 0, phone->boot);
}

void sim_broadcast(struct sim_world *world, uint32_t number, const uint8_t *bytes, uint32_t length)
{
	struct sim_phone *phone = &world->phones[number];
	uint64_t out_us = sim_port_send(world, phone, length + SIM_UDP_BYTES);
	uint32_t packet = sim_packet_new(world);

	if (packet == SIM_NONE)
		return;
	struct sim_packet *datagram = sim_packet(world, packet);
	datagram->phone = number;
	datagram->boot = phone->boot;
	datagram->length = datagram->available = length;
	memcpy(datagram->data, bytes, length);
	sim_queue_push(&world->queue, out_us + phone->lan_delay_us, SIM_DELIVERY, SIM_EV_BROADCAST, packet, 0,
		       0);
}

/* PFS_ACT_TAKE: the bytes must be the next of that file; whether they are the right ones shows later. */
static void take(struct sim_world *world, uint32_t number, const struct pfs_action *action)
{
	struct sim_phone *phone = &world->phones[number];
	const struct sim_source *source = &world->source;
	const struct pfs_file *file, *origin = NULL;
	uint8_t sent_file = PFS_NO_FILE;
	uint64_t offset = 0, length = 0;

	if (action->file >= phone->firmware->file_count) {
		sim_broken(world, number, "takes bytes of a file that its upgrade does not have");
		return;
	}
	file = &phone->firmware->files[action->file];
	struct sim_stored *stored = &phone->stored[action->file];
	if (action->offset != stored->bytes || action->length > file->size - stored->bytes) {
		sim_broken(world, number, "takes bytes out of order or past the end of the file");
		return;
	}
	if (source->packet) {
		const struct sim_packet *packet = source->packet;
		if (packet->file != SIM_NONE && action->skip >= packet->available) {
			origin = world->server_files[packet->file];
			offset = packet->offset + (action->skip - packet->available);
			length = packet->length - action->skip;
		}
	} else if (source->pipe && sim_pipe_at(source->pipe, action->skip, &sent_file, &offset, &length)) {
		origin = &source->firmware->files[sent_file];
	}
	if (action->length && (!origin || length < action->length)) {
		sim_broken(world, number, "takes bytes that are no file's content");
		return;
	}
	/* Whoever forwards a file before its verdict forwards what is wrong with it. */
	if (source->pipe && action->length && !world->phones[source->sender].stored[sent_file].verified)
		stored->damaged |= world->phones[source->sender].stored[sent_file].damaged;
	if (action->length &&
	    (source->rubbish || origin->digest != file->digest || origin->size != file->size || offset != action->offset))
		stored->damaged = true;
	int32_t *damage = source->packet ? &phone->damage_tftp : &phone->damage_tcp;
	if (action->length && (*damage == -1 || *damage == action->file)) {
		stored->damaged = true;
		*damage = SIM_DAMAGE_NONE;
	}
	stored->bytes += action->length;
	if (!source->packet)
		sim_watch_taken(world, number, source->sender, action->file);
	if (source->packet)
		record_tftp_bytes(world->record, number, action->length);
	else
		record_peer_bytes(world->record, number, action->length);
	fault_engine_progress(world->faults, number, action->file, stored->bytes, world->now_us);
}

static void verify(struct sim_world *world, uint32_t number, uint8_t file)
{
	const struct sim_phone *phone = &world->phones[number];

	if (file >= phone->firmware->file_count) {
		sim_broken(world, number, "verifies a file that its upgrade does not have");
		return;
	}
	bool good = phone->stored[file].bytes == phone->firmware->files[file].size &&
		    ((phone->hostile && phone->enmity == PLAN_FAULT_HOSTILE_ROOT) || !phone->stored[file].damaged);
	good = good || world->options->sabotage == WORLD_SABOTAGE_VERIFIED_LIES;
	sim_queue_push(&world->queue, world->now_us + sim_storage_us(phone, phone->stored[file].bytes),
		       SIM_ANSWER, SIM_EV_VERIFIED, number, file | (good ? 256u : 0), phone->boot);
}

bool sim_may_leave_early(const struct sim_world *world, uint32_t number, const struct pfs_action *action)
{
	const struct sim_phone *phone = &world->phones[number];
	uint64_t size = phone->firmware->files[action->file].size, end = action->offset + action->length;

	return world->plan->what_if.forward_early && end <= phone->stored[action->file].bytes && end < size;
}

/*
 * CSCtg96408: nothing leaves a phone that it has not received whole and verified;
 * or with that what-if, nothing that has not come, nor the end of a file.
 */
static void send_file(struct sim_world *world, uint32_t number, const struct pfs_action *action)
{
	const struct sim_phone *phone = &world->phones[number];

	if (action->file >= phone->firmware->file_count ||
	    (!phone->stored[action->file].verified && !sim_may_leave_early(world, number, action)))
		sim_broken(world, number, "forwards a file that it has not verified");
	else if (action->offset > phone->firmware->files[action->file].size ||
		 action->length > phone->firmware->files[action->file].size - action->offset)
		sim_broken(world, number, "forwards a range that the file does not have");
	else
		sim_tcp_send(world, number, action);
}

static void trace(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	struct sim_phone *phone = &world->phones[number];

	if (phone->hostile)
		return;
	record_trace(world->record, number, world->now_us, trace);
	fault_engine_trace(world->faults, number, world->now_us, trace);
	sim_watch_trace(world, number, trace);
	if (world->options->tap)
		world->options->tap(world->options->tap_context, number, world->now_us, trace);
	switch (trace->kind) {
	case PFS_TR_REBOOTED:
	case PFS_TR_FAILED:
		if (!phone->over)
			world->over_count++;
		phone->over = true;
		world->all_ended = record_all_ended(world->record);
		break;
	case PFS_TR_STARTED:
	case PFS_TR_UPGRADED:
		world->all_ended = record_all_ended(world->record);
		break;
	default:
		break;
	}
	if (!world->all_ended)
		world->ended_us = PFS_TIME_NEVER;
	else if (world->ended_us == PFS_TIME_NEVER)
		world->ended_us = world->now_us;
}

static void act(struct sim_world *world, uint32_t number, struct pfs_action *action)
{
	struct sim_phone *phone = &world->phones[number];

	if (phone->hostile && phone->enmity == PLAN_FAULT_HOSTILE_LIAR)
		sim_liar_act(world, number, action);
	sim_watch_action(world, number, action);
	if (world->error)
		return;
	switch ((enum pfs_action_kind)action->kind) {
	case PFS_ACT_OPEN:
		phone->port_open = true;
		sim_queue_push(&world->queue, world->now_us, SIM_ANSWER, SIM_EV_OPENED, number, 0,
			       phone->boot);
		break;
	case PFS_ACT_CLOSE:
		phone->port_open = false;
		sim_tcp_close_port(world, number);
		break;
	case PFS_ACT_BROADCAST:
		sim_broadcast(world, number, action->bytes, (uint32_t)action->length);
		break;
	case PFS_ACT_CONNECT:
		sim_tcp_connect(world, number, action);
		break;
	case PFS_ACT_SEND:
		if (world->options->sabotage == WORLD_SABOTAGE_ALIVE_LOST &&
		    action->bytes[FRAME_TYPE_OCTET] == FRAME_ALIVE)
			break;
		sim_tcp_send(world, number, action);
		break;
	case PFS_ACT_SEND_FILE:
		send_file(world, number, action);
		break;
	case PFS_ACT_SHUTDOWN:
		sim_tcp_shutdown(world, number, action);
		break;
	case PFS_ACT_DROP:
		sim_tcp_drop(world, number, action);
		break;
	case PFS_ACT_TAKE:
		take(world, number, action);
		break;
	case PFS_ACT_VERIFY:
		verify(world, number, action->file);
		break;
	case PFS_ACT_DISCARD:
		if (action->file < PFS_FILES_MAX)
			phone->stored[action->file] = (struct sim_stored){ 0 };
		break;
	case PFS_ACT_TFTP_OPEN:
		/* A port of its own each time, as an ephemeral one is. */
		phone->tftp_port = (uint16_t)(49152 + phone->tftp_sockets++ % 16384);
		break;
	case PFS_ACT_TFTP_SEND:
		sim_tftp_send(world, number, action);
		break;
	case PFS_ACT_TFTP_CLOSE:
		phone->tftp_port = 0;
		break;
	case PFS_ACT_TRACE:
		trace(world, number, &action->trace);
		break;
	case PFS_ACT_KINDS:
		break;
	}
}

/* What a phone's clock shows when the world's stands at now_us. */
static uint64_t clock_shows(const struct sim_clock *clock, uint64_t now_us)
{
	if (!clock->drift_ppm)
		return clock->shown_us + (now_us - clock->since_us);
	return clock->shown_us +
	       (now_us - clock->since_us) * (uint64_t)(MILLION + clock->drift_ppm) / MILLION;
}

/* The first moment of the world at which the phone's clock shows that time. */
static uint64_t clock_reaches(const struct sim_clock *clock, uint64_t shown_us)
{
	uint64_t rate = (uint64_t)(MILLION + clock->drift_ppm);

	if (shown_us == PFS_TIME_NEVER)
		return PFS_TIME_NEVER;
	if (shown_us <= clock->shown_us)
		return clock->since_us;
	if (!clock->drift_ppm)
		return clock->since_us + (shown_us - clock->shown_us);
	return clock->since_us + ((shown_us - clock->shown_us) * MILLION + rate - 1) / rate;
}

static void expect_timer(struct sim_world *world, uint32_t number)
{
	struct sim_phone *phone = &world->phones[number];
	uint64_t deadline_us = clock_reaches(&phone->clock, pfs_deadline(&phone->core));

	if (deadline_us >= phone->timer_us)
		return;
	phone->timer_us = deadline_us < world->now_us ? world->now_us : deadline_us;
	sim_queue_push(&world->queue, phone->timer_us, SIM_TIMEOUT, SIM_EV_TIMEOUT, number, 0, phone->boot);
}

void sim_clock_drift(struct sim_world *world, uint32_t number, int32_t drift_ppm)
{
	struct sim_phone *phone = &world->phones[number];

	phone->clock.shown_us = clock_shows(&phone->clock, world->now_us);
	phone->clock.since_us = world->now_us;
	phone->clock.drift_ppm = drift_ppm;
	if (phone->running)
		expect_timer(world, number);
}

uint64_t sim_storage_us(const struct sim_phone *phone, uint64_t bytes)
{
	return phone->storage_bps ? (bytes * 8 * MILLION + phone->storage_bps - 1) / phone->storage_bps : 0;
}

uint32_t sim_step(struct sim_world *world, uint32_t number, struct pfs_event *event)
{
	struct sim_phone *phone = &world->phones[number];
	struct pfs_actions *actions = world->actions;

	event->now_us = clock_shows(&phone->clock, world->now_us);
	if (world->options->coverage) {
		struct pfs_snapshot before;
		pfs_phone_snapshot(&phone->core, &before);
		world->options->coverage->met[before.state][event->kind]++;
	}
	uint8_t before = phone->core.state;
	sim_watch_event(world, number, event);
	uint32_t taken = journal_step(world->options->journal, number, &phone->core, event, actions);
	for (uint32_t i = 0; i < actions->count && !world->error; i++)
		act(world, number, &actions->list[i]);
	if (world->dirty_count)
		sim_tcp_flush(world);
	if (phone->core.state != before && !phone->hostile) {
		record_state(world->record, number, world->now_us, phone->core.state, phone->core.file);
		fault_engine_state(world->faults, number, phone->core.state, phone->core.file, world->now_us);
	}
	world->report->events++;
	if (world->error)
		return taken;
	const char *broken = pfs_phone_check(&phone->core);
	if (broken) {
		sim_broken(world, number, broken);
		return taken;
	}
	/* A packet in mid-file that leads to nothing but its ACK changes nothing that is watched. */
	if (event->kind != PFS_EV_TFTP || actions->count > 2)
		sim_watch_phone(world, number);
	expect_timer(world, number);
	if (phone->queue_count && !phone->accept_due && pfs_accept_conn(&phone->core) != PFS_NO_CONN) {
		phone->accept_due = true;
		sim_queue_push(&world->queue, world->now_us, SIM_ANSWER, SIM_EV_ACCEPT, number, 0,
			       phone->boot);
	}
	return taken;
}

/* Entries are lazy: the one that counts may be early, because a step has put the deadline off since. */
static void timeout(struct sim_world *world, uint32_t number, uint64_t at_us)
{
	struct sim_phone *phone = &world->phones[number];
	struct pfs_event event = { .kind = PFS_EV_TIME };

	if (phone->timer_us != at_us)
		return;
	phone->timer_us = PFS_TIME_NEVER;
	uint64_t deadline_us = clock_reaches(&phone->clock, pfs_deadline(&phone->core));
	if (deadline_us == PFS_TIME_NEVER)
		return;
	if (deadline_us > world->now_us) {
		phone->timer_us = deadline_us;
		sim_queue_push(&world->queue, deadline_us, SIM_TIMEOUT, SIM_EV_TIMEOUT, number, 0,
			       phone->boot);
		return;
	}
	phone->spin = phone->spin_us == world->now_us ? phone->spin + 1 : 0;
	phone->spin_us = world->now_us;
	if (phone->spin > SIM_SPIN_MAX)
		sim_broken(world, number, "wants the time again and again without its passing");
	else
		sim_step(world, number, &event);
}

void sim_host_event(struct sim_world *world, const struct sim_event *queued)
{
	struct pfs_event event = { 0 };

	struct sim_phone *phone = &world->phones[queued->a];
	if (phone->boot != queued->c || !phone->running)
		return;
	switch (sim_event_kind(queued)) {
	case SIM_EV_START:
		event.kind = PFS_EV_START;
		break;
	case SIM_EV_OPENED:
		event.kind = PFS_EV_OPENED;
		event.ok = 1;
		event.descriptor = LOG_DESCRIPTOR;
		break;
	case SIM_EV_VERIFIED:
		event.kind = PFS_EV_VERIFIED;
		event.file = (uint8_t)queued->b;
		event.ok = queued->b >= 256;
		phone->stored[event.file].verified = event.ok;
		break;
	default:
		timeout(world, queued->a, queued->at_us);
		return;
	}
	sim_step(world, queued->a, &event);
}
