/* See sim_fleet.h. */
#include "tests/sim/sim_fleet.h"

#include <assert.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DRAW_SPREAD 0x73707264 /* purpose of the draw that spreads the resets */
#define SERVER_ADDRESS 0x0afe0001
#define HASH_PRIME UINT64_C(0x100000001b3)

static void *need(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	if (!memory)
		abort();
	return memory;
}

static uint64_t or_else(uint64_t value, uint64_t otherwise)
{
	return value ? value : otherwise;
}

/* The content is never read in virtual time, so untouched zero pages stand for it. */
static void make_firmware(struct plan *plan, const struct sim_fleet_spec *spec)
{
	static const char *const names[PFS_FILES_MAX] = { "SCCP41.9-4-2SR3-1S.loads",
							  "jar41sccp.9-4-2ES26.sbn",
							  "cnu41.9-4-2ES26.sbn",
							  "apps41.9-4-2ES26.sbn",
							  "dsp41.9-4-2ES26.sbn",
							  "cvm41sccp.9-4-2ES26.sbn",
							  "extra1.sbn",
							  "extra2.sbn" };
	struct plan_firmware *firmware = need(1, sizeof(*firmware));
	uint64_t largest = 1;

	plan->firmware = firmware;
	plan->firmware_count = 1;
	snprintf(firmware->name, sizeof(firmware->name), "SCCP41.9-4-2SR3-1");
	firmware->file_count = (uint32_t)or_else(spec->files, 2);
	for (uint32_t i = 0; i < firmware->file_count; i++) {
		struct pfs_file *file = &firmware->files[i];
		snprintf(file->name, sizeof(file->name), "%s", names[i]);
		file->size = or_else(spec->sizes[i], i ? 200000 : 652);
		file->digest = pfs_draw(1, i, 1, file->size);
		firmware->total_bytes += file->size;
		if (file->size > largest)
			largest = file->size;
	}
	firmware->memory = need(largest, 1);
	for (uint32_t i = 0; i < firmware->file_count; i++)
		firmware->content[i] = firmware->memory;
}

static void make_models(struct plan *plan, const struct sim_fleet_spec *spec)
{
	static const char *const names[] = { "CP-7961G", "CP-7941G", "CP-7911G", "CP-7970G", "CP-7906G" };
	uint32_t count = (uint32_t)or_else(spec->models, 1);

	assert(count <= sizeof(names) / sizeof(*names));
	plan->models = need(count, sizeof(*plan->models));
	plan->model_count = count;
	for (uint32_t i = 0; i < count; i++) {
		snprintf(plan->models[i].name, sizeof(plan->models[i].name), "%s", names[i]);
		snprintf(plan->models[i].firmware, sizeof(plan->models[i].firmware), "%s",
			 plan->firmware->name);
		plan->models[i].port_bps = or_else(spec->port_bps, 100000000);
		plan->models[i].shares = true;
	}
}

static void make_network(struct plan *plan, const struct sim_fleet_spec *spec)
{
	uint32_t subnets = (uint32_t)or_else(spec->subnets, 1);
	struct link_config link = { .rate_bps = or_else(spec->wan_bps, 1536000),
				    .queue_bytes_max = or_else(spec->wan_queue_bytes, 65536),
				    .delay_us = (uint32_t)or_else(spec->wan_delay_us, 15000),
				    .loss_ppm = spec->wan_loss_ppm };

	plan->sites = need(1, sizeof(*plan->sites));
	plan->site_count = 1;
	snprintf(plan->sites->name, sizeof(plan->sites->name), "branch");
	plan->sites->down = plan->sites->up = link;
	plan->sites->subnet_count = subnets;
	plan->switch_count = spec->one_switch ? 1 : subnets;
	plan->switches = need(plan->switch_count, sizeof(*plan->switches));
	plan->subnets = need(subnets, sizeof(*plan->subnets));
	plan->subnet_count = subnets;
	for (uint32_t i = 0, first = 0; i < subnets; i++) {
		struct plan_subnet *subnet = &plan->subnets[i];
		snprintf(subnet->name, sizeof(subnet->name), "subnet-%u", i);
		subnet->lan_switch = spec->one_switch ? 0 : i;
		subnet->network = 0x0a000000 + ((i + 1) << 16);
		subnet->netmask = 0xffff0000;
		subnet->router = subnet->network + 1;
		subnet->limited_broadcast = spec->one_switch;
		subnet->lan_delay_us = (uint32_t)or_else(spec->lan_delay_us, 50);
		subnet->first_phone = first;
		subnet->phone_count = spec->phones / subnets + (i < spec->phones % subnets);
		first += subnet->phone_count;
		plan->switches[subnet->lan_switch].ports += subnet->phone_count;
	}
}

static void make_phones(struct plan *plan, const struct sim_fleet_spec *spec)
{
	plan->phones = need(spec->phones, sizeof(*plan->phones));
	plan->phone_count = spec->phones;
	for (uint32_t s = 0; s < plan->subnet_count; s++) {
		const struct plan_subnet *subnet = &plan->subnets[s];
		for (uint32_t k = 0; k < subnet->phone_count; k++) {
			uint32_t number = subnet->first_phone + k;
			struct plan_phone *phone = &plan->phones[number];
			snprintf(phone->name, sizeof(phone->name), "SEP020000%06X", number);
			phone->model = (uint16_t)(k % plan->model_count);
			phone->subnet = s;
			phone->address = subnet->router + 1 + k;
			phone->port_bps = plan->models[phone->model].port_bps;
			phone->profile = -1;
			phone->own = number < spec->without_pfs ? PFS_SETTING_DISABLED : PFS_SETTING_UNSET;
			phone->setting =
				number < spec->without_pfs ? PFS_SETTING_DISABLED : PFS_SETTING_ENABLED;
			phone->own = phone->setting; /* the invariants work out anew who takes part */
			phone->part = number < spec->without_pfs ? PFS_PART_DISABLED : PFS_PART_YES;
			phone->origin = number < spec->without_pfs ? PFS_ORIGIN_PHONE : PFS_ORIGIN_ENTERPRISE;
			snprintf(phone->running, sizeof(phone->running), "8.5(2)");
			if (spec->spread_us)
				phone->reset_us =
					pfs_draw(spec->seed, number, DRAW_SPREAD, 0) % spec->spread_us;
		}
	}
}

static struct plan *make_plan(const struct sim_fleet_spec *spec)
{
	struct plan *plan = need(1, sizeof(*plan));

	snprintf(plan->name, sizeof(plan->name), "test");
	plan->seed = spec->seed;
	plan->enterprise = PFS_SETTING_ENABLED;
	plan->speed_milli = 1000;
	plan->scale_ppm = 1000000;
	plan->time_limit_us = or_else(spec->time_limit_us, UINT64_C(86400000000));
	plan->reset_window_us = spec->spread_us;
	plan->what_if = spec->what_if;
	plan->server.address = SERVER_ADDRESS;
	plan->server.serving_max = (uint32_t)or_else(spec->serving_max, 500);
	plan->server.timeout_us = 2000000;
	plan->server.retries_max = 12;
	memset(&plan->expect, 0xff, offsetof(struct plan_expect, trace_count)); /* PLAN_UNSET, all of them */
	make_firmware(plan, spec);
	make_models(plan, spec);
	make_network(plan, spec);
	make_phones(plan, spec);
	if (spec->fault_count) {
		plan->faults = need(spec->fault_count, sizeof(*plan->faults));
		memcpy(plan->faults, spec->faults, spec->fault_count * sizeof(*plan->faults));
		plan->fault_count = spec->fault_count;
	}
	if (plan_finish(plan))
		abort();
	return plan;
}

struct plan_fault sim_fleet_fault(enum plan_fault_kind kind, enum plan_role role, enum plan_phase phase,
				  uint32_t at_percent)
{
	return (struct plan_fault){ .kind = kind,
				    .role = role,
				    .phase = phase,
				    .at_percent = at_percent,
				    .site = -1,
				    .subnet = -1,
				    .model = -1,
				    .phone = -1,
				    .file = -1,
				    .duration_us = PFS_TIME_NEVER };
}

static void mix(struct sim_fleet *fleet, uint64_t value)
{
	fleet->trace_hash = (fleet->trace_hash ^ value) * HASH_PRIME;
	fleet->trace_hash ^= fleet->trace_hash >> 29;
}

static void tap(void *context, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	struct sim_fleet *fleet = context;

	fleet->trace_count++;
	mix(fleet, phone);
	mix(fleet, now_us);
	mix(fleet, (uint64_t)trace->kind << 32 | trace->file);
	mix(fleet, (uint64_t)trace->xid << 32 | trace->address);
	mix(fleet, (uint64_t)trace->a << 32 | trace->b);
	mix(fleet, trace->c);
	if (fleet->spec->tap)
		fleet->spec->tap(fleet->spec->tap_context, phone, now_us, trace);
}

void sim_fleet_run(const struct sim_fleet_spec *spec, struct sim_fleet *fleet)
{
	struct timespec before, after;

	*fleet = (struct sim_fleet){ .spec = spec, .plan = make_plan(spec) };
	fleet->record = record_new(fleet->plan, spec->traditional, NULL, 0);
	if (!fleet->record)
		abort();
	struct journal *journal = NULL;
	const struct journal_options wanted = { .plan = fleet->plan,
						.path = spec->journal,
						.engine = "sim",
						.traditional = spec->traditional,
						.bytes_max = or_else(spec->journal_bytes_max, JOURNAL_BYTES_MAX_DEFAULT),
						.chosen = spec->journal_chosen };
	if (spec->journal && journal_new(&wanted, &journal) < 0)
		abort();
	struct world_options options = { .plan = fleet->plan,
					 .record = fleet->record,
					 .journal = journal,
					 .traditional = spec->traditional,
					 .unwatched = spec->unwatched,
					 .stop = spec->stop,
					 .coverage = spec->coverage,
					 .tap = tap,
					 .tap_context = fleet };
	clock_gettime(CLOCK_MONOTONIC, &before);
	fleet->error = sim_world_run(&options, &fleet->report);
	clock_gettime(CLOCK_MONOTONIC, &after);
	fleet->real_s =
		(double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
	journal_close(journal, &fleet->journal);
	if (!fleet->error)
		fleet->result =
			record_finish(fleet->record, fleet->report.ended_us, fleet->report.interrupted);
}

void sim_fleet_done(struct sim_fleet *fleet)
{
	record_free(fleet->record);
	plan_free(fleet->plan);
	*fleet = (struct sim_fleet){ 0 };
}
