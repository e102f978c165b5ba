/* See record_fixture.h. */
#include "tests/unit/record_fixture.h"

#include <stdio.h>
#include <string.h>

void record_fixture_init(struct record_fixture *fixture)
{
	static const char *const models[] = { "CP-7961G", "CP-7941G", "CP-7960G" };
	static const uint16_t model_of[FIXTURE_PHONES] = { 0, 0, 0, 1, 2 };
	struct plan *plan = &fixture->plan;

	memset(fixture, 0, sizeof(*fixture));
	snprintf(plan->name, sizeof(plan->name), "fixture");
	plan->seed = 7;
	plan->speed_milli = 1000;
	plan->scale_ppm = 1000000;
	plan->time_limit_us = 3600 * 1000000ull;
	plan->server.address = 0x0a000001;
	plan->server.serving_max = 500;
	plan->expect = (struct plan_expect){ PLAN_UNSET, PLAN_UNSET, PLAN_UNSET, PLAN_UNSET,
					     PLAN_UNSET, PLAN_UNSET, PLAN_UNSET };
	plan->models = fixture->models;
	plan->model_count = 3;
	for (uint32_t i = 0; i < 3; i++) {
		snprintf(fixture->models[i].name, sizeof(fixture->models[i].name), "%s", models[i]);
		snprintf(fixture->models[i].firmware, sizeof(fixture->models[i].firmware), "SCCP41");
		fixture->models[i].shares = i != 2;
	}
	plan->firmware = fixture->firmware;
	plan->firmware_count = 1;
	snprintf(fixture->firmware[0].name, sizeof(fixture->firmware[0].name), "SCCP41");
	fixture->firmware[0].file_count = FIXTURE_FILES;
	snprintf(fixture->firmware[0].files[0].name, PFS_NAME_MAX, "SCCP41.9-4-2SR3-1S.loads");
	fixture->firmware[0].files[0].size = FIXTURE_INDEX_BYTES;
	snprintf(fixture->firmware[0].files[1].name, PFS_NAME_MAX, "jar41sccp.9-4-2ES26.sbn");
	fixture->firmware[0].files[1].size = FIXTURE_JAR_BYTES;
	fixture->firmware[0].total_bytes = FIXTURE_INDEX_BYTES + FIXTURE_JAR_BYTES;
	plan->sites = fixture->sites;
	plan->site_count = 1;
	snprintf(fixture->sites[0].name, sizeof(fixture->sites[0].name), "branch");
	fixture->sites[0].subnet_count = 1;
	plan->switches = fixture->switches;
	plan->switch_count = 1;
	plan->subnets = fixture->subnets;
	plan->subnet_count = 1;
	snprintf(fixture->subnets[0].name, sizeof(fixture->subnets[0].name), "voice");
	fixture->subnets[0].netmask = 0xffffff00;
	fixture->subnets[0].network = 0x0a010100;
	fixture->subnets[0].router = 0x0a010101;
	fixture->subnets[0].phone_count = FIXTURE_PHONES;
	plan->phones = fixture->phones;
	plan->phone_count = FIXTURE_PHONES;
	for (uint32_t i = 0; i < FIXTURE_PHONES; i++) {
		struct plan_phone *phone = &fixture->phones[i];

		snprintf(phone->name, sizeof(phone->name), "SEP00000000%04X", i + 1);
		phone->model = model_of[i];
		phone->address = 0x0a010102 + i;
		phone->part = i == FIXTURE_OLD ? PFS_PART_MODEL : PFS_PART_YES;
	}
}
