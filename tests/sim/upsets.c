/*
 * Many small fleets, each with faults drawn from its seed: kills, crashes,
 * cables out and in, cut, bad and flapping links, a server that stops, is busy, silent or
 * wrong about a length, flipped bytes, disturbed and split switches, resets,
 * half-open streams, slow storage, clocks that drift, hostile hosts, by any role
 * in any phase. Whatever happens, no invariant of a phone or of
 * the world breaks (nothing unverified is forwarded, no byte is taken out of
 * order), and every phone that has power in the end is upgraded: nobody waits
 * for ever. "--seeds A B" runs others than 1 to 300; a failure names its seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_fleet.h"

#define FAULTS_MAX 5
#define SECOND UINT64_C(1000000)

static uint64_t draw(uint64_t seed, uint32_t what, uint32_t which, uint64_t below)
{
	return pfs_draw(seed, what, 0x75707365, which) % below;
}

static void draw_measure(uint64_t seed, uint32_t which, struct plan_fault *fault)
{
	fault->lan = (struct plan_disturbance){ .loss_ppm = (uint32_t)draw(seed, 40, which, 400000),
						.duplicate_ppm = (uint32_t)draw(seed, 41, which, 300000),
						.reorder_ppm = (uint32_t)draw(seed, 42, which, 500000),
						.delay_us = draw(seed, 43, which, 20000),
						.hold_us = 1 + draw(seed, 44, which, 200000) };
	fault->groups = 2 + (uint32_t)draw(seed, 45, which, 3);
	fault->router_apart = draw(seed, 46, which, 2);
	fault->flap_us = 1 + (uint32_t)draw(seed, 52, which, 20 * SECOND);
	fault->hold_us = 1 + draw(seed, 47, which, 30 * SECOND);
	fault->served_ppm = (uint32_t)draw(seed, 48, which, 2000000);
	fault->upwards = draw(seed, 49, which, 2);
	fault->rate_bps = 200000 + draw(seed, 50, which, 20000000);
	fault->drift_ppm = (int32_t)draw(seed, 51, which, 100001) - 50000;
}

/* A fault that ends: the server and the links always come back, a phone may stay away. */
static struct plan_fault draw_fault(uint64_t seed, uint32_t which, uint32_t phones)
{
	struct plan_fault fault = sim_fleet_fault(
		(enum plan_fault_kind)draw(seed, 1, which, PLAN_FAULT_KINDS),
		(enum plan_role)draw(seed, 2, which, PLAN_ROLE_PHONE + 1),
		(enum plan_phase)draw(seed, 3, which, PLAN_PHASES), (uint32_t)draw(seed, 4, which, 100));
	bool phone = fault.kind == PLAN_FAULT_KILL || fault.kind == PLAN_FAULT_CRASH ||
		     plan_fault_hostile(fault.kind);

	fault.at_us = draw(seed, 5, which, 120 * SECOND);
	fault.file = (int32_t)draw(seed, 6, which, 4) - 1;
	fault.phone = (int32_t)draw(seed, 7, which, phones);
	fault.duration_us = draw(seed, 8, which, 60 * SECOND) + 1;
	if (phone && draw(seed, 9, which, 2))
		fault.duration_us = PFS_TIME_NEVER;
	/* A server that lies about a file makes whoever asks it three times meanwhile fail, and rightly. */
	if (fault.kind == PLAN_FAULT_SERVER_SIZE)
		fault.duration_us = draw(seed, 8, which, 5 * SECOND) + 1;
	fault.traditional_too = true;
	draw_measure(seed, which, &fault);
	fault.down = fault.up = (struct link_config){ .rate_bps = 256000,
						      .queue_bytes_max = 16384,
						      .delay_us = 100000,
						      .jitter_us = 50000,
						      .loss_ppm = 50000 };
	return fault;
}

static bool run(uint64_t seed)
{
	struct plan_fault faults[FAULTS_MAX];
	struct sim_fleet_spec spec = { .phones = 1 + (uint32_t)draw(seed, 20, 0, 40),
				       .seed = seed,
				       .files = 3,
				       .sizes = { 0, draw(seed, 21, 0, 400000),
						  draw(seed, 21, 1, 3) * 512 * 100 },
				       .models = 1 + (uint32_t)draw(seed, 22, 0, 3),
				       .subnets = 1 + (uint32_t)draw(seed, 23, 0, 2),
				       .one_switch = draw(seed, 24, 0, 2),
				       .spread_us = draw(seed, 25, 0, 3) * 4 * SECOND,
				       .traditional = draw(seed, 26, 0, 8) == 0,
				       .wan_loss_ppm = (uint32_t)draw(seed, 27, 0, 3) * 5000,
				       .port_bps = draw(seed, 28, 0, 4) ? 100000000 : 2000000,
				       .serving_max = draw(seed, 29, 0, 4) ? 500 : 2,
				       .faults = faults,
				       .fault_count = (uint32_t)draw(seed, 30, 0, FAULTS_MAX + 1) };
	struct sim_fleet fleet;

	for (uint32_t i = 0; i < spec.fault_count; i++)
		faults[i] = draw_fault(seed, i, spec.phones);
	sim_fleet_run(&spec, &fleet);
	uint32_t may_fail = 0;
	for (uint32_t i = 0; i < spec.fault_count && !fleet.error; i++)
		if (faults[i].kind == PLAN_FAULT_SERVER_SIZE)
			may_fail = (uint32_t)fleet.result->failures[PFS_FAIL_DAMAGED];
	bool good = !fleet.error && fleet.result->failed <= may_fail &&
		    fleet.result->upgraded + fleet.result->gone + fleet.result->failed == spec.phones;
	if (!good)
		printf("# seed %lu: error %d, %u phones, %u upgraded, %u gone, %u failed\n",
		       (unsigned long)seed, fleet.error, spec.phones,
		       fleet.error ? 0 : fleet.result->upgraded, fleet.error ? 0 : fleet.result->gone,
		       fleet.error ? 0 : fleet.result->failed);
	sim_fleet_done(&fleet);
	return good;
}

int main(int argc, char **argv)
{
	uint64_t from = 1, to = 300;
	uint32_t bad = 0;

	if (argc == 4 && !strcmp(argv[1], "--seeds")) {
		from = strtoull(argv[2], NULL, 10);
		to = strtoull(argv[3], NULL, 10);
	}
	printf("1..1\n");
	for (uint64_t seed = from; seed <= to; seed++)
		bad += !run(seed);
	printf("%s 1 - seeds %lu to %lu: %u of %lu failed\n", bad ? "not ok" : "ok", (unsigned long)from,
	       (unsigned long)to, bad, (unsigned long)(to - from + 1));
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
