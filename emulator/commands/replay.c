/*
 * pfs-fleet replay: steps the phones of a journal through what happened to
 * them again, and says whether the same comes of it, or where it differs. With
 * --phone the phone's console log is printed as it goes, and --stop-at hands the
 * core over to a debugger just before an event:
 *
 *   gdb --args pfs-fleet replay JOURNAL --phone P --stop-at N
 */
#include <argp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/commands/commands.h"
#include "emulator/journal/replay.h"
#include "emulator/plan/printable.h"
#include "emulator/record/record.h"

#define DAY_US (UINT64_C(86400) * 1000000)

struct options {
	const char *journal, *phone;
	bool verbose, ignore_trace, partial;
	uint64_t stop_at;
};

/* The phone that is being replayed. */
struct viewer {
	const struct options *options;
	const struct journal_info *info;
	const struct journal_phone *phone;
	struct pfs_config config;
	bool shown, stopped;
};

/* Where the replay stands: for on_abort(), which the core's own assertions lead to. */
static const char *at_phone;
static volatile uint64_t at_event;

enum { OPT_STOP_AT = 256, OPT_IGNORE_TRACE, OPT_PARTIAL };

static const struct argp_option option_table[] = {
	{ "phone", 'p', "PHONE", 0, "Only this one, a name or an address, and print its console log", 0 },
	{ "verbose", 'v', NULL, 0, "With --phone: each event as it goes in, and what comes of it", 0 },
	{ "stop-at", OPT_STOP_AT, "N", 0,
	  "With --phone: stop before its N-th event, in a debugger; without one print its state there", 0 },
	{ "ignore-trace", OPT_IGNORE_TRACE, NULL, 0, "Compare what the phones do, not what they log", 0 },
	{ "partial", OPT_PARTIAL, NULL, 0, "Take a journal that breaks off as far as it is good", 0 },
	{ 0 }
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;
	char *end;

	switch (key) {
	case 'p':
		options->phone = argument;
		return 0;
	case 'v':
		options->verbose = true;
		return 0;
	case OPT_STOP_AT:
		errno = 0;
		options->stop_at = strtoull(argument, &end, 10);
		if (errno || *argument < '0' || *argument > '9' || *end || !options->stop_at)
			argp_error(state, "--stop-at: \"%s\": not the number of an event, from 1", argument);
		return 0;
	case OPT_IGNORE_TRACE:
		options->ignore_trace = true;
		return 0;
	case OPT_PARTIAL:
		options->partial = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0)
			argp_error(state, "one journal at a time: \"%s\" is one too many", argument);
		options->journal = argument;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which JOURNAL?");
		return 0;
	case ARGP_KEY_END:
		if (!options->phone && (options->verbose || options->stop_at))
			argp_error(state,
				   "--verbose and --stop-at are about one phone: name it with --phone");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	option_table,
	parse_option,
	"JOURNAL",
	"Steps the phones of JOURNAL, which run --journal left, through what happened to them again.\v"
	"Exit status: 0 the same came of it; 1 it differs; 2 usage, or a bad journal.",
	NULL,
	NULL,
	NULL
};

/* ------------------------------------------------------------ a debugger */

/* To break on: --stop-at comes by here, with the core as it is before the event. */
void replay_stop_here(const struct pfs_phone *core, const struct pfs_event *event, uint64_t number);
__attribute__((noinline)) void replay_stop_here(const struct pfs_phone *core, const struct pfs_event *event,
						uint64_t number)
{
	__asm__ volatile("" ::"r"(core), "r"(event), "r"(number) : "memory");
}

static bool is_traced(void)
{
	char line[128];
	bool traced = false;
	FILE *status = fopen("/proc/self/status", "re");

	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, "TracerPid:", 10) == 0)
			traced = strtol(line + 10, NULL, 10) != 0;
	if (status)
		fclose(status);
	return traced;
}

/* The core's assertion has spoken: say which event it was, and let the process end as it would. */
static void on_abort(int number)
{
	char line[256];
	int length = snprintf(line, sizeof(line),
			      "pfs-fleet: %s: the core broke its own assertion in event %" PRIu64
			      "; --stop-at %" PRIu64 " stops before it\n",
			      at_phone, at_event, at_event);

	(void)number;
	(void)!write(STDERR_FILENO, line, (size_t)length);
}

static void print_state(const struct viewer *viewer, const struct journal_item *item,
			const struct pfs_phone *core)
{
	struct pfs_snapshot snapshot;
	uint64_t deadline_us = pfs_deadline(core);
	char text[160], name[4 * PFS_NAME_MAX];

	pfs_phone_snapshot(core, &snapshot);
	printf("%s before event %" PRIu64 " (%s) at %" PRIu64 ".%06" PRIu64 " s: %s", viewer->phone->name,
	       item->number, replay_describe_event(&item->event, item->payload, text, sizeof(text)),
	       item->event.now_us / 1000000, item->event.now_us % 1000000,
	       pfs_state_name((enum pfs_state)snapshot.state));
	if (snapshot.file != PFS_NO_FILE) {
		printable(core->config.files[snapshot.file].name, name, sizeof(name));
		printf(", file %u %s, level %u%s, %u children", snapshot.file, name, snapshot.level,
		       snapshot.root ? ", root" : "", snapshot.children);
	}
	if (snapshot.parent)
		printf(", parent %u.%u.%u.%u", snapshot.parent >> 24, snapshot.parent >> 16 & 0xff,
		       snapshot.parent >> 8 & 0xff, snapshot.parent & 0xff);
	if (deadline_us != PFS_TIME_NEVER)
		printf(", deadline %" PRIu64 ".%06" PRIu64 " s", deadline_us / 1000000,
		       deadline_us % 1000000);
	printf("\n");
}

/* --------------------------------------------------------------- viewing */

static void before(void *context, const struct journal_item *item, const struct pfs_phone *core)
{
	struct viewer *viewer = context;

	at_phone = viewer->phone->name;
	at_event = item->number;
	viewer->config = core->config;
	if (item->number != viewer->options->stop_at)
		return;
	viewer->stopped = true;
	fflush(stdout);
	if (is_traced())
		raise(SIGTRAP); /* break pfs_step, continue: the step of this event */
	else
		print_state(viewer, item, core);
	replay_stop_here(core, &item->event, item->number);
}

static void print_line(void *context, int severity, bool pfs, const char *line)
{
	(void)context;
	(void)severity;
	(void)pfs;
	/* It has names out of the journal. */
	char text[4 * 1024];
	printable(line, text, sizeof(text));
	puts(text);
}

static void after(void *context, const struct journal_item *item, const struct pfs_phone *core,
		  const struct pfs_actions *actions, const struct journal_outcome *seen)
{
	struct viewer *viewer = context;
	uint64_t clock_us = (viewer->info->origin_s % 86400 * 1000000 + item->event.now_us) % DAY_US;
	char text[800];

	(void)core;
	(void)seen;
	if (!viewer->shown)
		return;
	if (viewer->options->verbose)
		printf("# %" PRIu64 " %" PRIu64 ".%06" PRIu64 " %s\n", item->number,
		       item->event.now_us / 1000000, item->event.now_us % 1000000,
		       replay_describe_event(&item->event, item->payload, text, sizeof(text)));
	for (uint32_t i = 0; i < actions->count; i++) {
		if (actions->list[i].kind == PFS_ACT_TRACE)
			console_render(&viewer->config, clock_us, &actions->list[i].trace, print_line, NULL);
		else if (viewer->options->verbose)
			printf("#   %s\n", replay_describe_action(&actions->list[i], text, sizeof(text)));
	}
}

/* ---------------------------------------------------------------- replay */

static void print_difference(const struct replay_difference *difference, FILE *stream)
{
	fprintf(stream, "  event %" PRIu64 " of boot %" PRIu64 " at %" PRIu64 ".%06" PRIu64 " s: %s\n",
		difference->event, difference->boot, difference->at_us / 1000000, difference->at_us % 1000000,
		difference->entered);
	fprintf(stream, "  expected: %s\n  seen:     %s\n", difference->expected, difference->seen);
}

static void print_verdict(const struct journal_phone *phone, const struct replay_result *result, FILE *stream)
{
	fprintf(stream, "%-18s %10" PRIu64 " %6" PRIu32 " %8" PRIu64 "  ", phone->name, result->events,
		result->boots, result->traces);
	if (result->differs) {
		fprintf(stream, "differs at event %" PRIu64 "\n", result->difference.event);
		print_difference(&result->difference, stream);
	} else if (phone->entered > phone->events) {
		fprintf(stream, "identical, as far as the journal goes: of %" PRIu64 " events\n",
			phone->entered);
	} else {
		fprintf(stream, "identical\n");
	}
}

static void print_head(const struct journal_info *info, FILE *stream)
{
	fprintf(stream, "Journal of %s, %s, %s, seed %s, speed %g, scale %g: %" PRIu32 " phones, %.1f kB\n",
		info->scenario, info->engine, info->mode, info->seed, info->speed, info->scale,
		info->phone_count, (double)info->bytes / 1e3);
	if (info->cut)
		fprintf(stream, "It was cut (%s): of some phones it does not hold all.\n",
			journal_cut_name(info->cut));
	fprintf(stream, "%-18s %10s %6s %8s  %s\n", "PHONE", "EVENTS", "BOOTS", "TRACE", "VERDICT");
}

/* Index of the phone in the journal, or -1 with a line on stderr. */
static int64_t find_phone(const struct options *options, const struct journal_info *info)
{
	struct in_addr address;
	bool is_address = inet_pton(AF_INET, options->phone, &address) == 1;
	int64_t found = -1;

	for (uint32_t i = 0; i < info->phone_count; i++) {
		const struct journal_phone *phone = &info->phones[i];

		if (is_address ? phone->address != ntohl(address.s_addr)
			       : strcmp(phone->name, options->phone) != 0)
			continue;
		if (found >= 0) {
			fprintf(stderr, "pfs-fleet: %s: is both %s of %s and %s of %s: use the name\n",
				options->phone, info->phones[found].name, info->phones[found].site,
				phone->name, phone->site);
			return -1;
		}
		found = i;
	}
	if (found < 0 && info->phone_count)
		fprintf(stderr, "pfs-fleet: %s: is not in %s, which has %s to %s\n", options->phone,
			options->journal, info->phones[0].name, info->phones[info->phone_count - 1].name);
	else if (found < 0)
		fprintf(stderr, "pfs-fleet: %s: is not in %s, which has no phones\n", options->phone,
			options->journal);
	return found;
}

static int refuse(const struct journal_error *error)
{
	fflush(stdout);
	fprintf(stderr, "%s\n", error->line);
	return FLEET_EXIT_USAGE;
}

static struct replay_options options_of(struct viewer *viewer)
{
	return (struct replay_options){ .ignore_trace = viewer->options->ignore_trace,
					.before = before,
					.after = after,
					.context = viewer };
}

/* The log alone on the standard output, so that it can be compared with the run's. */
static int replay_one(const struct options *options, struct journal_reader *reader)
{
	const struct journal_info *info = journal_info(reader);
	int64_t index = find_phone(options, info);
	struct viewer viewer = { .options = options, .info = info, .shown = true };
	struct replay_options how = options_of(&viewer);
	struct replay_result result;
	struct journal_error error;

	if (index < 0)
		return FLEET_EXIT_USAGE;
	viewer.phone = &info->phones[index];
	if (options->stop_at > viewer.phone->events) {
		fprintf(stderr, "pfs-fleet: --stop-at: %" PRIu64 ": %s has %" PRIu64 " events\n",
			options->stop_at, viewer.phone->name, viewer.phone->events);
		return FLEET_EXIT_USAGE;
	}
	setvbuf(stdout, NULL, _IOLBF,
		BUFSIZ); /* all that was said before the core stops, in a debugger or by itself */
	if (replay_phone(reader, (uint32_t)index, &how, &result, &error) < 0)
		return refuse(&error);
	fflush(stdout);
	print_head(info, stderr);
	print_verdict(viewer.phone, &result, stderr);
	return result.differs ? FLEET_EXIT_FAILED : FLEET_EXIT_GOOD;
}

static int replay_all(const struct options *options, struct journal_reader *reader)
{
	const struct journal_info *info = journal_info(reader);
	struct viewer viewer = { .options = options, .info = info };
	struct replay_options how = options_of(&viewer);
	uint32_t different = 0;
	uint64_t events = 0;

	print_head(info, stdout);
	for (uint32_t i = 0; i < info->phone_count; i++) {
		struct replay_result result;
		struct journal_error error;

		viewer.phone = &info->phones[i];
		if (replay_phone(reader, i, &how, &result, &error) < 0)
			return refuse(&error);
		print_verdict(viewer.phone, &result, stdout);
		different += result.differs;
		events += result.events;
	}
	if (different)
		printf("%" PRIu32 " of %" PRIu32 " phones differ\n", different, info->phone_count);
	else
		printf("all %" PRIu32 " phones identical, %" PRIu64 " events\n", info->phone_count, events);
	return different ? FLEET_EXIT_FAILED : FLEET_EXIT_GOOD;
}

int command_replay(int argc, char **argv)
{
	struct options options = { 0 };
	struct journal_reader *reader;
	struct journal_error error;
	int status;

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if (journal_open(options.journal, options.partial, &reader, &error) < 0)
		return refuse(&error);
	if (journal_info(reader)->broken_off)
		fprintf(stderr, "%s\nas far as that:\n", error.line);
	signal(SIGABRT, on_abort);
	status = options.phone ? replay_one(&options, reader) : replay_all(&options, reader);
	signal(SIGABRT, SIG_DFL);
	journal_reader_free(reader);
	return status;
}
