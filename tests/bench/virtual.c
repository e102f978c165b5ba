/*
 * How fast virtual time is, on one core: TFTP blocks a second with 100 and with
 * 1,000 phones in the traditional way (T1, 30 ms; with 1,000 the WAN's queue
 * overflows), a PFS run of 1,000 phones, and broadcasts delivered a second, on a
 * LAN of 1,000 phones with a host that floods claims. Prints a line of JSON
 * each and judges nothing.
 *
 * Arguments: [firmware's size in percent, 20]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_fleet.h"

#define FLOOD_US UINT64_C(20000000)

/* SCCP41.9-4-2SR3-1 */
static const uint64_t sizes[] = { 652, 1630052, 556833, 3157527, 562693, 2219477 };

static struct sim_fleet_spec spec_of(uint32_t phones, bool traditional, uint64_t percent)
{
	struct sim_fleet_spec spec = {
		.phones = phones, .seed = 7, .files = 6, .spread_us = 5000000, .traditional = traditional
	};

	for (uint32_t i = 0; i < 6; i++)
		spec.sizes[i] = i ? sizes[i] * percent / 100 : sizes[i];
	return spec;
}

static void must_work(const struct sim_fleet *fleet)
{
	if (!fleet->error)
		return;
	fprintf(stderr, "the run broke: %s\n", fleet->report.violation.invariant);
	exit(1);
}

static void say(const char *what, uint32_t phones, uint64_t count, double seconds)
{
	printf("{\"what\": \"%s\", \"phones\": %u, \"count\": %" PRIu64 ", \"seconds\": %.3f, \"per_s\": %.0f}\n",
	       what, phones, count, seconds, (double)count / seconds);
}

static void measure_blocks(uint32_t phones, uint64_t percent)
{
	struct sim_fleet_spec spec = spec_of(phones, true, percent);
	struct sim_fleet fleet;

	sim_fleet_run(&spec, &fleet);
	must_work(&fleet);
	uint64_t blocks = fleet.result->tftp_blocks + fleet.result->tftp_retransmits;
	say("TFTP blocks", phones, blocks, fleet.real_s);
	sim_fleet_done(&fleet);
}

static void measure_pfs(uint32_t phones, uint64_t percent)
{
	struct sim_fleet_spec spec = spec_of(phones, false, percent);
	struct sim_fleet fleet;

	sim_fleet_run(&spec, &fleet);
	must_work(&fleet);
	say("events of a PFS run", phones, fleet.report.events, fleet.real_s);
	sim_fleet_done(&fleet);
}

/* Counted in one run and timed in another one, which is the same but for the counting. */
static void measure_broadcasts(uint32_t phones)
{
	static struct world_coverage coverage;
	struct plan_fault flood =
		sim_fleet_fault(PLAN_FAULT_HOSTILE_FLOOD, PLAN_ROLE_PHONE, PLAN_PHASE_TIME, 0);
	struct sim_fleet_spec spec = spec_of(phones, false, 1);
	struct sim_fleet fleet;
	uint64_t delivered = 0;

	flood.phone = 0;
	flood.at_us = 6000000;
	flood.duration_us = FLOOD_US;
	spec.faults = &flood;
	spec.fault_count = 1;
	spec.coverage = &coverage;
	sim_fleet_run(&spec, &fleet);
	must_work(&fleet);
	sim_fleet_done(&fleet);
	for (uint32_t i = 0; i < PFS_STATES; i++)
		delivered += coverage.met[i][PFS_EV_DATAGRAM];
	spec.coverage = NULL;
	sim_fleet_run(&spec, &fleet);
	say("broadcasts heard", phones, delivered, fleet.real_s);
	sim_fleet_done(&fleet);
}

int main(int argc, char **argv)
{
	uint64_t percent = argc > 1 ? strtoul(argv[1], NULL, 10) : 20;

	if (!percent || percent > 100) {
		fprintf(stderr, "%s: the firmware's size is 1 to 100 percent\n", argv[0]);
		return 2;
	}
	measure_blocks(100, percent);
	measure_blocks(1000, percent);
	measure_pfs(1000, 100);
	measure_broadcasts(1000);
	return 0;
}
