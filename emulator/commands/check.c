/*
 * pfs-fleet check SCENARIO: checks a scenario and prints the plan it makes: the
 * sites, who takes part and who does not and why (F9, F10), the hierarchies
 * that follow, faults, expectations, and what all that needs beside what the
 * host gives: for namespaces, or with --engine sim for virtual time. Nothing is
 * made and nothing is changed.
 *
 * Exit status: 0 good; 2 usage or a bad scenario; 4 the host lacks something.
 */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/commands/arguments.h"
#include "emulator/commands/commands.h"
#include "emulator/commands/host_limits.h"
#include "emulator/hq/real_server.h"
#include "emulator/netns/fabric.h"
#include "emulator/processors.h"
#include "emulator/scenario/scenario.h"
#include "emulator/scenario/units.h"

/* ------------------------------------------------------------------- plan */

static void print_rate(char *text, size_t size, uint64_t bps)
{
	if (!bps)
		snprintf(text, size, "unlimited");
	else if (bps >= 1000000)
		snprintf(text, size, "%g Mb/s", (double)bps / 1e6);
	else
		snprintf(text, size, "%g kb/s", (double)bps / 1e3);
}

static void print_link(const char *direction, const struct link_config *link)
{
	char rate[32], queue[32];

	print_rate(rate, sizeof(rate), link->rate_bps);
	units_format(link->queue_bytes_max, units_size, queue, sizeof(queue));
	printf("    WAN %-5s %-12s %g ms one way", direction, rate, link->delay_us / 1e3);
	if (link->jitter_us)
		printf(", jitter %g ms", link->jitter_us / 1e3);
	if (link->loss_ppm)
		printf(", loss %g %%", link->loss_ppm / 1e4);
	printf(", queue %s\n", queue);
}

static void print_head(const struct plan *plan)
{
	char limit[32], window[32], what_if[PLAN_WHAT_IF_MAX];

	units_format(plan->time_limit_us, units_duration, limit, sizeof(limit));
	units_format(plan->reset_window_us, units_duration, window, sizeof(window));
	printf("%s (%s)\n", plan->name, plan->path);
	printf("  phones %u, subnets %u, sites %u; seed %llu, speed %g, time limit %s\n", plan->phone_count,
	       plan->subnet_count, plan->site_count, (unsigned long long)plan->seed, plan->speed_milli / 1e3, limit);
	if (plan->own_resets)
		printf("  reset at times of their own: %u phones; the others, if any:\n", plan->own_resets);
	if (plan->staggered)
		printf("  reset one after the other over %s\n", window);
	else if (plan->reset_window_us)
		printf("  reset at once, spread over %s\n", window);
	else
		printf("  reset all in the same instant\n");
	if (plan_is_what_if(&plan->what_if))
		printf("  %s: not what the phones do\n", plan_what_if_text(&plan->what_if, what_if));
	if (plan->scale_ppm != 1000000)
		printf("  firmware scaled to %g %% of its size\n", plan->scale_ppm / 1e4);
}

static void print_sites(const struct plan *plan)
{
	char address[16];

	printf("\nSites\n");
	for (uint32_t s = 0; s < plan->site_count; s++) {
		const struct plan_site *site = &plan->sites[s];
		printf("  %s\n", site->name);
		print_link("down", &site->down);
		print_link("up", &site->up);
		for (uint32_t i = 0; i < site->subnet_count; i++) {
			const struct plan_subnet *subnet = &plan->subnets[site->first_subnet + i];
			printf("    subnet %-16s %15s/%-2d  %6u phones  switch %u, %s broadcast\n", subnet->name,
			       units_format_address(subnet->network, address), __builtin_popcount(subnet->netmask),
			       subnet->phone_count, subnet->lan_switch,
			       subnet->limited_broadcast ? "limited" : "directed");
		}
	}
}

static bool alike(const struct plan_phone *a, const struct plan_phone *b)
{
	return a->subnet == b->subnet && a->model == b->model && a->firmware == b->firmware && a->part == b->part &&
	       a->origin == b->origin && a->setting == b->setting && strcmp(a->running, b->running) == 0;
}

static const char *reason_of(const struct plan_phone *phone)
{
	switch ((enum pfs_part)phone->part) {
	case PFS_PART_YES:
		return "takes part";
	case PFS_PART_DISABLED:
		return "traditional: disabled";
	case PFS_PART_MODEL:
		return "traditional: the model has no PFS";
	case PFS_PART_OLD_FIRMWARE:
		return "traditional: runs firmware before 8.3(1)";
	case PFS_PART_MODE:
		break;
	}
	return "traditional";
}

static const char *origin_of(const struct plan_phone *phone)
{
	static const char *const names[] = {
		[PFS_ORIGIN_PHONE] = "the phone's own page",
		[PFS_ORIGIN_PROFILE] = "the common phone profile",
		[PFS_ORIGIN_ENTERPRISE] = "the enterprise configuration",
		[PFS_ORIGIN_DEFAULT] = "the default",
	};

	return names[phone->origin];
}

/* One line for each run of phones that are alike. */
static void print_phones(const struct plan *plan)
{
	printf("\nPhones\n  %-16s %-16s %6s  %-12s %-18s %s\n", "subnet", "from", "count", "model", "firmware",
	       "in a PFS run");
	for (uint32_t i = 0, next; i < plan->phone_count; i = next) {
		const struct plan_phone *phone = &plan->phones[i];
		for (next = i + 1; next < plan->phone_count && alike(phone, &plan->phones[next]);)
			next++;
		printf("  %-16s %-16s %6u  %-12s %-18s %s", plan->subnets[phone->subnet].name, phone->name, next - i,
		       plan->models[phone->model].name, plan->firmware[phone->firmware].name, reason_of(phone));
		if (phone->part == PFS_PART_YES || phone->part == PFS_PART_DISABLED)
			printf(", by %s", origin_of(phone));
		if (phone->part == PFS_PART_YES && phone->profile >= 0 && phone->origin == PFS_ORIGIN_PROFILE)
			printf(" \"%s\"", plan->profiles[phone->profile].name);
		printf("\n");
	}
}

static void print_firmware(const struct plan *plan)
{
	double traditional = (double)plan_wan_payload(plan, true), pfs = (double)plan_wan_payload(plan, false);

	printf("\nFirmware\n");
	for (uint32_t i = 0; i < plan->firmware_count; i++) {
		const struct plan_firmware *firmware = &plan->firmware[i];
		printf("  %-20s %u files, %llu bytes", firmware->name, firmware->file_count,
		       (unsigned long long)firmware->total_bytes);
		if (firmware->folder)
			printf(", from %s", firmware->folder);
		printf("\n");
		if (firmware->notes[0])
			printf("    %s\n", firmware->notes);
	}
	printf("  hierarchies of a PFS run, one TFTP transfer each: %llu\n", (unsigned long long)plan_hierarchies(plan));
	printf("  files over the WAN, without faults: traditional %.1f MB, PFS %.1f MB\n", traditional / 1e6, pfs / 1e6);
}

static void print_server(const struct plan *plan)
{
	char address[16], timeout[32];

	units_format(plan->server.timeout_us, units_duration, timeout, sizeof(timeout));
	printf("\nServer\n  %s at %s, serves %u at once, time-out %s, %u retries; block size %u\n",
	       plan_server_name(plan->server.kind), units_format_address(plan->server.address, address),
	       plan->server.serving_max, timeout, plan->server.retries_max, plan->tftp_blksize);
	if (plan->server.kind != PLAN_SERVER_EMBEDDED && plan->speed_milli != 1000)
		printf("  note: the timers of %s are real ones, speed %g does not reach them\n",
		       plan_server_name(plan->server.kind), plan->speed_milli / 1e3);
	if (plan->log_server.enabled)
		printf("  log server %s\n", plan->log_server.text);
}

static void print_expectation(const char *name, const char *relation, uint64_t value)
{
	if (value != PLAN_UNSET)
		printf("  %-26s %s %llu\n", name, relation, (unsigned long long)value);
}

static void print_traced(const struct plan_expect_trace *wanted)
{
	bool exactly = wanted->min == wanted->max;

	print_expectation(wanted->name, exactly ? "= " : ">=", wanted->min);
	if (!exactly)
		print_expectation(wanted->name, "<=", wanted->max);
}

static void print_hierarchy(const struct plan *plan, const struct plan_expect_hierarchy *wanted)
{
	if (wanted->root != PLAN_UNSET)
		printf("  %s = %s\n", wanted->names[0], plan->phones[wanted->root].name);
	print_expectation(wanted->names[1], "= ", wanted->roots_confirmed);
	print_expectation(wanted->names[2], "= ", wanted->wan_copies);
	print_expectation(wanted->names[3], "= ", wanted->members);
	print_expectation(wanted->names[4], "<=", wanted->depth_max);
}

/* A share of phones in one line, from the first of them; returns how many there are. */
static uint32_t print_drawn(const struct plan *plan, uint32_t first)
{
	const struct plan_fault *faults = &plan->faults[first];
	uint64_t from_us = faults->at_us, until_us = from_us, least_us = faults->duration_us, most_us = least_us;
	uint32_t count = 0;

	for (; first + count < plan->fault_count && faults[count].entry == faults->entry; count++) {
		from_us = faults[count].at_us < from_us ? faults[count].at_us : from_us;
		until_us = faults[count].at_us > until_us ? faults[count].at_us : until_us;
		least_us = faults[count].duration_us < least_us ? faults[count].duration_us : least_us;
		most_us = faults[count].duration_us > most_us ? faults[count].duration_us : most_us;
	}
	printf("  %s of %u phone%s drawn by the seed, from %.3f to %.3f s, ", plan_fault_name(faults->kind), count,
	       count == 1 ? "" : "s", (double)from_us / 1e6, (double)until_us / 1e6);
	if (least_us == PFS_TIME_NEVER)
		printf("for good");
	else
		printf("for %.3f to %.3f s", (double)least_us / 1e6, (double)most_us / 1e6);
	printf("%s: %s%s\n", faults->traditional_too ? ", in both runs" : "", plan->phones[faults->phone].name,
	       count == 1 ? "" : " and others");
	return count;
}

static void print_faults_and_expectations(const struct plan *plan)
{
	const struct plan_expect *expect = &plan->expect;
	char text[256];

	if (plan->fault_count)
		printf("\nFaults\n");
	for (uint32_t i = 0; i < plan->fault_count; i++) {
		if (plan->faults[i].drawn) {
			i += print_drawn(plan, i) - 1;
			continue;
		}
		plan_fault_describe(plan, &plan->faults[i], text, sizeof(text));
		printf("  %s\n", text);
	}
	printf("\nExpectations\n");
	print_expectation("upgraded", ">=", expect->upgraded_min);
	print_expectation("failed", "<=", expect->failed_max);
	print_expectation("direct", "<=", expect->direct_max);
	print_expectation("WAN copies a hierarchy", "<=", expect->wan_copies_max);
	print_expectation("roots a hierarchy", "<=", expect->roots_confirmed_max);
	print_expectation("transfers by PFS phones", "= ", expect->transfers_pfs);
	print_expectation("other subnet's claims", ">=", expect->refused_other_subnet_min);
	for (uint32_t i = 0; i < expect->trace_count; i++)
		print_traced(&expect->traces[i]);
	for (uint32_t i = 0; i < expect->hierarchy_count; i++)
		print_hierarchy(plan, &expect->hierarchies[i]);
}

/* ------------------------------------------------------------------- host */

struct need {
	const char *what, *of;
	uint64_t needed, given;
	uint64_t phones_fit; /* where it does not fit: so many phones would */
	bool bytes;
	const char *where;   /* so many phones where, or NULL: in all */
};

static void print_number(uint64_t value, bool bytes)
{
	if (value == LIMITS_NONE)
		printf("%14s", "-");
	else if (bytes)
		printf("%11.0f MB", (double)value / 1e6);
	else
		printf("%14llu", (unsigned long long)value);
}

static int print_ability(const char *what, bool given, const char *mend)
{
	printf("  %-24s %14s %14s%s%s\n", what, "yes", given ? "yes" : "no", given ? "" : "  DOES NOT FIT: ",
	       given ? "" : mend);
	return !given;
}

/* What must be allowed or installed. Returns how many lines do not fit. */
static int print_abilities(const struct plan *plan)
{
	enum real_server_kind kind =
		plan->server.kind == PLAN_SERVER_DNSMASQ ? REAL_SERVER_DNSMASQ : REAL_SERVER_IN_TFTPD;
	char what[32], mend[64];
	int missing = print_ability("namespaces allowed", fabric_probe_namespaces() == 0,
				    "run as root, or allow user namespaces");

	if (plan->server.kind == PLAN_SERVER_EMBEDDED)
		return missing;
	snprintf(what, sizeof(what), "root, for %s", real_server_name(kind));
	missing += print_ability(what, real_server_allowed(), "run as root, or use the embedded server");
	snprintf(what, sizeof(what), "%s installed", real_server_name(kind));
	snprintf(mend, sizeof(mend), "apt-get install %s", real_server_package(kind));
	return missing + print_ability(what, real_server_installed(kind), mend);
}

/* How many workers there will be by PFS, and what the fullest of their descriptor tables needs at worst. */
static uint64_t fullest_table(const struct plan *plan, uint64_t given, uint32_t *workers)
{
	uint64_t each = plan->needs.descriptors_phone_worst, fullest = UINT64_MAX - 1;
	uint32_t wanted = plan_workers_wanted(plan, false, processors(PLAN_WORKERS_MAX));

	if (plan_workers(plan, given, each, wanted, workers) < 0)
		return fullest;
	if (!*workers)
		*workers = plan_workers_most(plan);
	plan_descriptors(plan, *workers, each, &fullest);
	return fullest;
}

static int print_rows(const struct need *rows, size_t count)
{
	int missing = 0;

	printf("\n%-26s %14s %14s\n", "Needs", "needed", "host gives");
	for (size_t i = 0; i < count; i++) {
		bool fits = rows[i].needed <= rows[i].given;
		missing += !fits;
		printf("  %-24s ", rows[i].what);
		print_number(rows[i].needed, rows[i].bytes);
		printf(" ");
		print_number(rows[i].given, rows[i].bytes);
		printf("%s%s", rows[i].of[0] ? "  " : "", rows[i].of);
		if (!fits && rows[i].phones_fit)
			printf(": DOES NOT FIT, %llu phone%s would%s", (unsigned long long)rows[i].phones_fit,
			       rows[i].phones_fit == 1 ? "" : "s", rows[i].where ? rows[i].where : "");
		else if (!fits)
			printf(": DOES NOT FIT, not one phone would%s", rows[i].where ? rows[i].where : "");
		printf("\n");
	}
	return missing;
}

/* Returns how many lines do not fit. */
static int print_virtual_needs(const struct plan *plan)
{
	uint64_t phones = plan->phone_count, needed = plan->needs.virtual_bytes, given = limits_memory();
	const struct need row = { "memory, estimated", "available", needed, given,
				  phones * (given >> 10) / ((needed >> 10) + 1), true, NULL };

	return print_rows(&row, 1);
}

/* Returns how many lines do not fit. */
static int print_needs(const struct plan *plan)
{
	const struct plan_needs *needs = &plan->needs;
	uint64_t phones = plan->phone_count, each = needs->descriptors_phone_worst, namespaces = limits_namespaces(),
		 table = limits_raise_descriptors(limits_descriptors_wanted(plan)), memory = limits_memory(),
		 learned = limits_neighbours();
	uint32_t workers = 1;
	uint64_t fullest = fullest_table(plan, table, &workers), fit = 0;

	if (fullest > table)
		plan_phones_fit(plan, table, each, 0, &fit);
	const struct need rows[] = {
		{"namespaces", "user.max_net_namespaces", needs->namespaces, namespaces,
		 limits_room(namespaces, needs->namespaces - phones, 1), false, NULL},
		{"workers, a table each", "", workers, LIMITS_NONE, 0, false, NULL},
		{"descriptors, at worst", "RLIMIT_NOFILE, the fullest table", fullest, table, fit, false,
		 plan->switch_count == 1 ? " on the switch" : " on each switch"},
		{"memory, estimated", "available", needs->memory_bytes, memory,
		 limits_room(memory, needs->memory_bytes - phones * needs->memory_phone_bytes,
			     needs->memory_phone_bytes), true, NULL},
		{"bridges", "", needs->bridges, LIMITS_NONE, 0, false, NULL},
		{"phones on one bridge", "ports the kernel takes", needs->ports_max, 1023, 1023, false, NULL},
		{"veth pairs", "", needs->links, LIMITS_NONE, 0, false, NULL},
		{"permanent neighbours", "", needs->neighbours, LIMITS_NONE, 0, false, NULL},
		{"neighbours learned", "gc_thresh3, for the whole host", needs->neighbours_counted, learned,
		 needs->neighbours_counted ? phones * learned / needs->neighbours_counted : phones, false, NULL},
	};

	int missing = print_rows(rows, sizeof(rows) / sizeof(*rows));

	if (needs->ports_max > limits_backlog())
		printf("  note: a broadcast is a packet for each of a bridge's %llu phones at once, and %llu may wait "
		       "(netdev_max_backlog): what is lost of them makes a run inconclusive\n",
		       (unsigned long long)needs->ports_max, (unsigned long long)limits_backlog());
	return missing + print_abilities(plan);
}

/* ---------------------------------------------------------------- command */

enum { OPT_ENGINE = 256 };

struct options {
	const char *path;
	bool sim;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPT_ENGINE:
		options->sim = argument_engine(state, argument);
		return 0;
	case ARGP_KEY_ARG:
		options->path = argument_scenario(state, argument);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which scenario?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int command_check(int argc, char **argv)
{
	static const struct argp_option option_table[] = {
		{ "engine", OPT_ENGINE, "ENGINE", 0, "What a run needs in netns (default) or in sim, virtual time",
		  0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = option_table,
		.parser = parse_option,
		.args_doc = "SCENARIO",
		.doc = "Checks a scenario and prints the plan it makes and what it needs.\v"
		       "Exit status: 0 good; 2 usage or a bad scenario; 4 the host does not have what it needs.",
	};
	struct scenario_error error;
	struct options options = { 0 };
	struct plan *plan;

	argp_err_exit_status = FLEET_EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
		return FLEET_EXIT_USAGE;
	if (scenario_load(options.path, NULL, &plan, &error) < 0) {
		fprintf(stderr, "%s\n", error.line);
		return FLEET_EXIT_USAGE;
	}
	print_head(plan);
	print_sites(plan);
	print_phones(plan);
	print_firmware(plan);
	print_server(plan);
	print_faults_and_expectations(plan);
	int missing = options.sim ? print_virtual_needs(plan) : print_needs(plan);
	plan_free(plan);
	if (missing) {
		printf("\nThe host does not have what this scenario needs; pfs-fleet doctor says what mends it.\n");
		return FLEET_EXIT_HOST;
	}
	return FLEET_EXIT_GOOD;
}
