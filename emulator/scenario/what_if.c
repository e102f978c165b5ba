/*
 * What-if: what real phones do not do. Where a value is theirs the plan says
 * nothing of it, so that a scenario that only spells out what is so anyway is no
 * what-if.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/scenario/build.h"
#include "pfs-core/timers.h"

/* In a chain each phone is a level, and a path has room for so many; some are left to whoever joins anew. */
#define CHAIN_MAX (PFS_LEVELS_MAX - 4)

/* A family (subnet, model, set) that is a chain must not be longer than a tree may be deep. */
static int check_chains(struct build *build)
{
	const struct plan *plan = build->plan;
	size_t pairs = (size_t)plan->model_count * plan->firmware_count;
	uint32_t *members = malloc((pairs + 1) * sizeof(*members)), subnet = UINT32_MAX;
	int r = 0;

	if (!members)
		return document_fail_memory(build->document);
	for (uint32_t i = 0; i < plan->phone_count && r == 0; i++) {
		const struct plan_phone *phone = &plan->phones[i];
		if (phone->subnet != subnet)
			memset(members, 0, (pairs + 1) * sizeof(*members));
		subnet = phone->subnet;
		if (phone->part == PFS_PART_YES &&
		    ++members[phone->model * plan->firmware_count + phone->firmware] > CHAIN_MAX)
			r = document_fail(
				build->document, document_member(build->spec->what_if.node, "fan_out"),
				"makes chains, which have at most %d phones; subnet \"%s\" has more of %s",
				CHAIN_MAX, plan->subnets[subnet].name, plan->models[phone->model].name);
	}
	free(members);
	return r;
}

/*
 * A claim has to come round within the margin that is left for it before anybody
 * joins, there and back: on a slower LAN shorter waits would make more roots, and
 * nothing else be learnt.
 */
static int build_waits(struct build *build)
{
	const struct spec_what_if *spec = &build->spec->what_if;
	const cJSON *node = document_member(spec->node, "waits");
	struct plan *plan = build->plan;

	if (spec->waits % 10000)
		return document_fail(build->document, node, "must be whole percents, \"10%%\" to \"100%%\"");
	plan->what_if.waits_percent = (uint8_t)(spec->waits / 10000);
	uint64_t margin_us = plan_wait_us(plan, PFS_CONFIRM_MARGIN_US);
	if (2 * build->spec->lan.delay > margin_us)
		return document_fail(
			build->document, node,
			"leaves a claim %llu us until others join: lan.delay may be half of that at most",
			(unsigned long long)margin_us);
	return 0;
}

int build_what_if(struct build *build)
{
	const struct spec_what_if *spec = &build->spec->what_if;
	struct plan_what_if *what_if = &build->plan->what_if;

	int r = 0;

	if (spec->fan_out != PFS_CHILDREN_MAX)
		what_if->fan_out = (uint8_t)spec->fan_out;
	what_if->forward_early = spec->forward_early;
	if (spec->waits != 1000000)
		r = build_waits(build);
	if (r == 0 && what_if->fan_out == 1)
		r = check_chains(build);
	return r;
}
