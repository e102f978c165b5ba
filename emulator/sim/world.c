/*
 * The virtual-time world: a whole run in one thread, as fast as the events can
 * be handled, and the same bytes out for the same plan. Nothing here depends
 * on an address, a wall clock or the order of a hash table; the real clock is
 * looked at only to publish a view now and then.
 *
 * The run ends when every phone has ended and nothing is under way that could
 * still count, at the plan's time limit, or when somebody says stop.
 */
#include "emulator/sim/sim.h"

#include <errno.h>
#include <inttypes.h>
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

static int set_up(struct sim_world *world)
{
	const struct plan *plan = world->plan;

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
	for (uint32_t i = 0; i < plan->phone_count && !world->error; i++) {
		world->now_us = plan->phones[i].reset_us;
		sim_boot(world, i);
	}
	world->now_us = 0;
	return world->error;
}

static void tear_down(struct sim_world *world)
{
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

static void count(struct sim_world *world)
{
	for (uint32_t i = 0; i < world->plan->site_count; i++)
		record_wan(world->record, i, &world->sites[i].down, &world->sites[i].up);
	record_server(world->record, tftp_server_counters(world->server));
}

static int publish(struct sim_world *world, struct pfs_snapshot *snapshots, const char *phase)
{
	for (uint32_t i = 0; i < world->plan->phone_count; i++)
		pfs_phone_snapshot(&world->phones[i].core, &snapshots[i]);
	count(world);
	record_publish(world->record, phase, world->now_us, snapshots);
	return 0;
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
	return world->all_ended && (world->over_count == world->plan->phone_count ||
				    world->now_us >= world->ended_us + SIM_SETTLE_US);
}

static void run(struct sim_world *world, struct pfs_snapshot *snapshots)
{
	uint64_t published_ns = real_ns(), turns = 0;
	struct sim_event event;

	sim_faults(world);
	while (!world->error && !settled(world) && sim_queue_pop(&world->queue, &event)) {
		if (event.at_us > world->plan->time_limit_us) {
			world->now_us = world->plan->time_limit_us;
			break;
		}
		world->now_us = event.at_us;
		dispatch(world, &event);
		sim_faults(world);
		if (world->queue.failed)
			sim_no_memory(world);
		if (++turns % CLOCK_EVERY)
			continue;
		if (world->options->stop && *world->options->stop) {
			world->report->interrupted = true;
			break;
		}
		if (real_ns() - published_ns >= PUBLISH_NS) {
			publish(world, snapshots, "upgrading");
			published_ns = real_ns();
		}
	}
}

int sim_world_run(const struct world_options *options, struct world_report *report)
{
	struct sim_world world = { .options = options,
				   .plan = options->plan,
				   .record = options->record,
				   .report = report,
				   .fault_timer_us = UINT64_MAX,
				   .ended_us = PFS_TIME_NEVER };
	struct pfs_snapshot *snapshots = calloc((size_t)options->plan->phone_count + 1, sizeof(*snapshots));
	uint64_t begun_ns = real_ns();
	struct rusage usage;

	memset(report, 0, sizeof(*report));
	if (!snapshots || set_up(&world))
		sim_no_memory(&world);
	report->up_s = (double)(real_ns() - begun_ns) / 1e9;
	if (!world.error) {
		run(&world, snapshots);
		if (!world.error && !report->interrupted)
			sim_watch_end(&world);
		report->ended_us = world.now_us;
		report->faults_not_struck = fault_engine_unfired(world.faults);
		publish(&world, snapshots, "ending");
	}
	if (!getrusage(RUSAGE_SELF, &usage))
		report->rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
	begun_ns = real_ns();
	tear_down(&world);
	free(snapshots);
	report->down_s = (double)(real_ns() - begun_ns) / 1e9;
	return world.error;
}
