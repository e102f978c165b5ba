/*
 * The virtual-time world: one queue of events in one thread, as fast as they
 * can be handled, and the same bytes out for the same plan. Nothing here depends
 * on an address, a wall clock or the order of a hash table; the real clock is
 * looked at only to publish a view now and then. A fleet whose sites share
 * nothing but the server's limit is many such worlds: sites.c.
 *
 * The run ends when every phone has ended and nothing is under way that could
 * still count, at the plan's time limit, or when somebody says stop.
 */
#include "emulator/sim/sim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define CLOCK_EVERY 4096 /* events between two looks at the real clock */
#define PUBLISH_NS UINT64_C(250000000)

void sim_broken_by(struct sim_world *world, uint32_t phone, uint32_t other, const char *what)
{
	struct world_violation *violation = &world->report->violation;

	if (world->error)
		return;
	world->error = -EPROTO;
	snprintf(violation->invariant, sizeof(violation->invariant), "%s", what);
	violation->at_us = world->now_us;
	violation->phone = phone;
	violation->other = other;
	if (world->options->quiet)
		return;
	fprintf(stderr, "%s: at %" PRIu64 ".%06" PRIu64 " s: broken: %s\n", world->plan->phones[phone].name,
		world->now_us / 1000000, world->now_us % 1000000, what);
}

void sim_broken(struct sim_world *world, uint32_t phone, const char *what)
{
	sim_broken_by(world, phone, phone, what);
}

void sim_no_memory(struct sim_world *world)
{
	if (world->error)
		return;
	world->error = -ENOMEM;
	if (world->bond)
		return;
	fprintf(stderr, "no memory for %u phones in virtual time: make the fleet smaller\n",
		world->plan->phone_count);
}

static uint64_t real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Which subnets stand on each switch, in the order of their numbers. */
static int list_switches(struct sim_world *world)
{
	const struct plan *plan = world->plan;
	uint32_t count = 0;

	world->switch_first = calloc((size_t)plan->switch_count + 2, sizeof(uint32_t));
	world->switch_subnets = calloc((size_t)plan->subnet_count + 1, sizeof(uint32_t));
	if (!world->switch_first || !world->switch_subnets)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->subnet_count; i++)
		world->switch_first[plan->subnets[i].lan_switch + 1]++;
	for (uint32_t i = 0; i < plan->switch_count; i++)
		world->switch_first[i + 1] += world->switch_first[i];
	/* Filled through the next switch's start, which then is where it belongs. */
	for (uint32_t i = plan->switch_count + 1; i > 0; i--)
		world->switch_first[i] = world->switch_first[i - 1];
	for (; count < plan->subnet_count; count++)
		world->switch_subnets[world->switch_first[plan->subnets[count].lan_switch + 1]++] = count;
	return 0;
}

/* Kinds of events that come in the order in which they happen, or nearly so. */
static void lay_lanes(struct sim_queue *queue)
{
	static const enum sim_kind lanes[SIM_LANES][3] = {
		{ SIM_EV_ROUTER, SIM_EV_ROUTER, SIM_EV_ROUTER },
		{ SIM_EV_SERVER, SIM_EV_SERVER, SIM_EV_SERVER },
		{ SIM_EV_DOWN, SIM_EV_DOWN, SIM_EV_DOWN },
		{ SIM_EV_DELIVER, SIM_EV_DELIVER, SIM_EV_DELIVER },
		{ SIM_EV_SENT, SIM_EV_ACCEPT, SIM_EV_OPENED },
		{ SIM_EV_BROADCAST, SIM_EV_BROADCAST, SIM_EV_BROADCAST },
	};

	for (uint8_t lane = 0; lane < SIM_LANES; lane++)
		for (uint32_t i = 0; i < 3; i++)
			queue->lane_of[lanes[lane][i]] = (uint8_t)(lane + 1);
}

static int set_up(struct sim_world *world)
{
	const struct plan *plan = world->plan;

	lay_lanes(&world->queue);
	world->actions = calloc(1, sizeof(*world->actions));
	world->phones = calloc((size_t)plan->phone_count + 1, sizeof(*world->phones));
	world->faults = fault_engine_new(plan, world->options->traditional);
	if (!world->actions || !world->phones || !world->faults || list_switches(world) ||
	    sim_lan_init(world) || sim_wan_init(world))
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->phone_count; i++) {
		struct sim_phone *phone = &world->phones[i];
		phone->firmware = plan_phone_firmware(plan, i);
		phone->port_bps =
			plan->phones[i].port_bps ? plan->phones[i].port_bps : SIM_PORT_UNLIMITED_BPS;
		phone->lan_delay_us = plan->subnets[plan->phones[i].subnet].lan_delay_us;
		phone->powered = phone->plugged = true;
		phone->damage_tftp = phone->damage_tcp = SIM_DAMAGE_NONE;
		phone->timer_us = PFS_TIME_NEVER;
		phone->first_end = phone->queue_first = phone->queue_last = SIM_NONE;
		for (uint32_t k = 0; k < PFS_CONNS_MAX; k++)
			phone->slots[k] = SIM_NONE;
	}
	if (sim_tcp_init(world) || sim_watch_init(world))
		return -ENOMEM;
	sim_log_init(world);
	for (uint32_t i = 0; i < plan->phone_count && !world->error; i++) {
		world->now_us = plan->phones[i].reset_us;
		sim_boot(world, i);
	}
	world->now_us = 0;
	return world->error;
}

static void tear_down(struct sim_world *world)
{
	sim_log_deinit(world);
	sim_watch_deinit(world);
	sim_tcp_deinit(world);
	sim_wan_deinit(world);
	sim_lan_deinit(world);
	fault_engine_free(world->faults);
	sim_queue_deinit(&world->queue);
	free(world->switch_first);
	free(world->switch_subnets);
	free(world->phones);
	free(world->actions);
}

void sim_world_count(struct sim_world *world)
{
	for (uint32_t i = 0; i < world->plan->site_count; i++)
		record_wan(world->record, i, &world->sites[i].down, &world->sites[i].up);
	record_server(world->record, tftp_server_counters(world->server));
}

static void dispatch(struct sim_world *world, const struct sim_event *event)
{
	switch ((enum sim_kind)sim_event_kind(event)) {
	case SIM_EV_START:
	case SIM_EV_OPENED:
	case SIM_EV_VERIFIED:
	case SIM_EV_TIMEOUT:
		sim_host_event(world, event);
		break;
	case SIM_EV_HOSTILE:
		sim_hostile_event(world, event);
		break;
	case SIM_EV_BROADCAST:
	case SIM_EV_HEARD:
	case SIM_EV_PORT:
		sim_lan_event(world, event);
		break;
	case SIM_EV_ROUTER:
	case SIM_EV_SERVER:
	case SIM_EV_DOWN:
	case SIM_EV_SERVER_TIMER:
		sim_wan_event(world, event);
		break;
	case SIM_EV_FAULT:
		break; /* sim_faults() runs after every event */
	default:
		sim_tcp_event(world, event);
		break;
	}
}

/* True where nothing that is still to come can count. */
static bool settled(const struct sim_world *world)
{
	if (!world->all_ended)
		return false;
	/* What the server still repeats into the void, for want of a last ACK, takes one of its slots. */
	return (world->over_count == world->plan->phone_count &&
		!tftp_server_counters(world->server)->serving &&
		(!world->lines_us || world->now_us > world->lines_us)) ||
	       world->now_us >= world->ended_us + SIM_SETTLE_US;
}

static bool stopped(struct sim_world *world)
{
	if (world->options->stop && *world->options->stop)
		world->report->interrupted = true;
	return world->report->interrupted;
}

/* Now and then somebody is told how far it is. */
static void tell_progress(struct sim_world *world)
{
	if (world->bond) {
		record_tick(world->record);
		world->bond->progress(world->bond->context);
	} else if (real_ns() - world->published_ns >= PUBLISH_NS) {
		sim_world_count(world);
		record_publish(world->record, "upgrading", world->now_us, NULL);
		world->published_ns = real_ns();
	}
}

/* The others of the fleet learn how far this world is before it goes on. */
static void tell_clock(struct sim_bond *bond, uint64_t now_us)
{
	atomic_store_explicit(&bond->clock_us, now_us, memory_order_release);
	if (now_us > atomic_load_explicit(bond->alarm_us, memory_order_relaxed))
		bond->woken(bond->context);
}

static void handle(struct sim_world *world, const struct sim_event *event)
{
	world->now_us = event->at_us;
	if (world->bond)
		tell_clock(world->bond, event->at_us);
	dispatch(world, event);
	sim_faults(world);
	if (world->queue.failed)
		sim_no_memory(world);
}

enum sim_pause sim_world_go(struct sim_world *world)
{
	struct sim_event event;

	/* One of many does not begin any more. */
	if (world->error || (world->bond && stopped(world)))
		return SIM_ENDED;
	if (!world->begun)
		sim_faults(world);
	world->begun = true;
	if (world->holding)
		handle(world, &world->held);
	world->holding = false;
	while (!world->error && !settled(world) && sim_queue_pop(&world->queue, &event)) {
		if (event.at_us > world->plan->time_limit_us) {
			world->now_us = world->plan->time_limit_us;
			break;
		}
		if (world->bond && world->bond->gated && sim_is_request(world, &event)) {
			world->held = event;
			world->holding = true;
			return SIM_AT_GATE;
		}
		handle(world, &event);
		if (++world->turns % CLOCK_EVERY)
			continue;
		if (stopped(world))
			break;
		tell_progress(world);
	}
	return SIM_ENDED;
}

struct sim_world *sim_world_new(const struct world_options *options, struct sim_bond *bond,
				struct world_report *report)
{
	struct sim_world *world = calloc(1, sizeof(*world));
	uint64_t begun_ns = real_ns();

	memset(report, 0, sizeof(*report));
	if (!world)
		return NULL;
	world->options = options;
	world->bond = bond;
	world->plan = options->plan;
	world->record = options->record;
	world->report = report;
	world->fleet_phones = bond ? bond->fleet_phones : options->plan->phone_count;
	world->fault_timer_us = UINT64_MAX;
	world->ended_us = PFS_TIME_NEVER;
	world->published_ns = begun_ns;
	if (set_up(world))
		sim_no_memory(world);
	report->up_s = (double)(real_ns() - begun_ns) / 1e9;
	return world;
}

int sim_world_end(struct sim_world *world)
{
	struct world_report *report = world->report;
	uint64_t begun_ns = real_ns();
	int error;

	if (!world->error && !report->interrupted)
		sim_watch_end(world);
	error = world->error;
	/* Whoever has ended takes no slot from the others. */
	if (world->bond && world->serving_told)
		world->bond->served(world->bond->context, world->now_us, true, -(int32_t)world->serving_told);
	if (!error || error == -EPROTO) {
		report->ended_us = world->now_us;
		report->faults_not_struck = fault_engine_unfired(world->faults);
		sim_world_count(world);
		record_passes(world->record, world->now_us);
		if (!world->bond)
			record_publish(world->record, "ending", world->now_us, NULL);
	}
	tear_down(world);
	free(world);
	report->down_s = (double)(real_ns() - begun_ns) / 1e9;
	return error;
}

int sim_world_run(const struct world_options *options, struct world_report *report)
{
	struct rusage usage;
	int error;

	/* A journal is written by one thread, of phones by the fleet's numbers. */
	if (!options->together && !options->journal && sim_world_parts(options->plan, options->traditional) > 1) {
		error = sim_sites_run(options, report);
	} else {
		struct sim_world *world = sim_world_new(options, NULL, report);
		if (!world) {
			fprintf(stderr, "no memory for a world in virtual time\n");
			return -ENOMEM;
		}
		sim_world_go(world);
		error = sim_world_end(world);
	}
	if (!getrusage(RUSAGE_SELF, &usage))
		report->rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
	return error;
}
