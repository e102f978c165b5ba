/*
 * pfs-fleet races --exhaustive: all behaviours of a fleet of two to four
 * phones (emulator/search/search.h says what is modelled), with the number of
 * states, or a counterexample: shortened, printed, and written as a path that is gone along
 * again by --path, as text and as a Mermaid diagram.
 *
 * Exit status: 0 every state was visited and everything held; 1 something did
 * not; 2 usage; 3 a bound was met before all was visited, or a signal ended it; 4 no memory, or a file could not be written.
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/commands/arguments.h"
#include "emulator/commands/cases.h"
#include "emulator/commands/commands.h"
#include "emulator/commands/exhaustive.h"
#include "emulator/commands/interrupt.h"
#include "emulator/search/path.h"
#include "emulator/search/search.h"

#define STATES_MAX UINT64_C(300000000) /* of one order: at most 3.5 GiB of hashes, for each processor */
#define SHORTEN_DEFAULT UINT64_C(20000000) /* transitions: a minute or so */
#define PLAIN_SECONDS 10
#define MIB (1024.0 * 1024.0)

struct arguments {
	struct search_options options;
	uint32_t phones_max; /* options.phones is the least */
	uint64_t shorten;    /* transitions */
	const char *out_dir, *path;
	bool quiet, searches; /* an option of a search was given */
};

/* Tells how far the search is: one line that is drawn over on a terminal, else one each ten seconds. */
struct teller {
	bool terminal;
	double next_s;
};

enum {
	KEY_PHONES = 'n',
	KEY_DROPS = 'd',
	KEY_KILLS = 'k',
	KEY_FILES = 'f',
	KEY_EXHAUSTIVE = 256,
	KEY_STATES,
	KEY_SECONDS,
	KEY_ORDER,
	KEY_ALL_ORDERS,
	KEY_WORKERS,
	KEY_SHORTEN,
	KEY_OUT,
	KEY_PATH,
	KEY_PLANTED
};

static const struct argp_option option_list[] = {
	{ "exhaustive", KEY_EXHAUSTIVE, NULL, 0, "all behaviours of a small fleet, not some of a large one",
	  0 },
	{ "phones", KEY_PHONES, "N[..M]", 0, "phones, 2 to 4 (3); of a range each number in turn", 0 },
	{ "drops", KEY_DROPS, "D", 0, "broadcasts and TFTP packets that may be lost, 0 to 9 (0)", 0 },
	{ "kills", KEY_KILLS, "K", 0, "phones that may lose their power, at any point, 0 to 3 (0)", 0 },
	{ "files", KEY_FILES, "F", 0, "files of the upgrade, 1 or 2 (1)", 0 },
	{ "order", KEY_ORDER, "O", 0, "one ordering of the phones' strengths alone, from 1; 0: all (0)", 0 },
	{ "max-states", KEY_STATES, "N", 0,
	  "give up an ordering past so many states (300000000: 3.5 GiB at most, for each worker), then go on to the next; 0: never",
	  0 },
	{ "all-orders", KEY_ALL_ORDERS, NULL, 0, "search those orderings too that are like another one", 0 },
	{ "workers", KEY_WORKERS, "W", 0, "search so many orderings at once, 1 to 64 (one a processor)", 0 },
	{ "seconds", KEY_SECONDS, "S", 0, "give up after so long, with each number of phones; 0: never (0)", 0 },
	{ "shorten", KEY_SHORTEN, "N", 0,
	  "look through so many transitions for a shorter counterexample (20000000); 0: as it was found", 0 },
	{ "out", KEY_OUT, "DIR", 0, "where a counterexample goes (" CASES_OUT_DEFAULT ")", 0 },
	{ "path", KEY_PATH, "FILE", 0, "go along the path of a counterexample again, and search nothing", 0 },
	{ "quiet", 'q', NULL, 0, "no progress", 0 },
	/* For the tests: an invariant more, that does not hold. */
	{ "planted", KEY_PLANTED, NULL, OPTION_HIDDEN, NULL, 0 },
	{ 0 },
};

/* "N" or "N..M" */
static void parse_phones(struct arguments *arguments, const char *text, struct argp_state *state)
{
	const char *dots = strstr(text, "..");
	char first[16];

	snprintf(first, sizeof(first), "%.*s", dots ? (int)(dots - text) : (int)sizeof(first) - 1, text);
	arguments->options.phones =
		(uint32_t)argument_number(state, "phones", first, SEARCH_PHONES_MIN, SEARCH_PHONES_MAX);
	arguments->phones_max = (uint32_t)argument_number(state, "phones", dots ? dots + 2 : first, SEARCH_PHONES_MIN,
							  SEARCH_PHONES_MAX);
	if (arguments->phones_max < arguments->options.phones)
		argp_error(state, "--phones %s: the range ends before it begins", text);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct search_options *options = &arguments->options;

	arguments->searches |= key == KEY_PHONES || key == KEY_DROPS || key == KEY_KILLS ||
			       key == KEY_FILES || (key > KEY_EXHAUSTIVE && key <= KEY_OUT);
	switch (key) {
	case KEY_EXHAUSTIVE:
		return 0;
	case KEY_PHONES:
		parse_phones(arguments, argument, state);
		return 0;
	case KEY_DROPS:
		options->drops = (uint32_t)argument_number(state, "drops", argument, 0, SEARCH_DROPS_MAX);
		return 0;
	case KEY_KILLS:
		options->kills = (uint32_t)argument_number(state, "kills", argument, 0, SEARCH_KILLS_MAX);
		return 0;
	case KEY_FILES:
		options->files = (uint32_t)argument_number(state, "files", argument, 1, SEARCH_FILES_MAX);
		return 0;
	case KEY_ORDER:
		options->only_order = (uint32_t)argument_number(state, "order", argument, 0, UINT32_MAX);
		return 0;
	case KEY_STATES:
		options->states_max = argument_number(state, "max-states", argument, 0, UINT64_MAX);
		return 0;
	case KEY_ALL_ORDERS:
		options->all_orders = true;
		return 0;
	case KEY_WORKERS:
		options->workers = (uint32_t)argument_number(state, "workers", argument, 1, 64);
		return 0;
	case KEY_SECONDS:
		options->seconds_max = (uint32_t)argument_number(state, "seconds", argument, 0, UINT32_MAX);
		return 0;
	case KEY_SHORTEN:
		arguments->shorten = argument_number(state, "shorten", argument, 0, UINT64_MAX);
		return 0;
	case KEY_OUT:
		arguments->out_dir = argument;
		return 0;
	case KEY_PATH:
		arguments->path = argument;
		return 0;
	case KEY_PLANTED:
		options->planted = true;
		return 0;
	case 'q':
		arguments->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "\"%s\": races --exhaustive takes no argument", argument);
		return EINVAL;
	case ARGP_KEY_END:
		if (arguments->path && arguments->searches)
			argp_error(state, "--path says all itself: no option of a search goes with it");
		if (options->kills >= options->phones)
			argp_error(state, "--kills %u: one of %u phones has to live", options->kills,
				   options->phones);
		if (options->only_order > search_orders(options->phones))
			argp_error(state, "--order %u: %u phones have %u", options->only_order,
				   options->phones, search_orders(options->phones));
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	option_list,
	parse_option,
	NULL,
	"Visits every state that a fleet of two to four phones can reach, and checks all that must hold.\v"
	"Exit status: 0 all states visited, everything held; 1 something did not; 2 usage; "
	"3 a bound was met first, or interrupted; 4 out of memory, or a file could not be written.",
	NULL,
	NULL,
	NULL
};

static void print_progress(void *context, const struct search_progress *progress)
{
	struct teller *teller = context;
	double rate = progress->elapsed_s > 0 ? (double)progress->states / progress->elapsed_s : 0;

	if (!teller->terminal && progress->elapsed_s < teller->next_s)
		return;
	teller->next_s = progress->elapsed_s + PLAIN_SECONDS;
	fprintf(stderr, "%s%llu states, %u of %u searches done, %.0f s, %.0f states/s, %.0f MiB%s",
		teller->terminal ? "\r" : "", (unsigned long long)progress->states, progress->orders_done,
		progress->orders, progress->elapsed_s, rate, (double)progress->memory_bytes / MIB,
		teller->terminal ? "\033[K" : "\n");
	fflush(stderr);
}

static void print_counts(const struct search_options *options, const struct search_result *result)
{
	printf("phones %u, files %u, drops %u, kills %u: ", options->phones, options->files, options->drops,
	       options->kills);
	printf("%llu states, %llu transitions, %llu ends, longest path %u\n",
	       (unsigned long long)result->states, (unsigned long long)result->transitions,
	       (unsigned long long)result->ends, result->deepest);
	printf("%u of %u orders of strengths, %u of them searched", result->orders_done, result->orders,
	       result->orders_searched);
	if (result->verdict == SEARCH_HOLDS && result->states_all_orders > result->states)
		printf(", the others alike but for the phones' names: %llu states with theirs",
		       (unsigned long long)result->states_all_orders);
	printf("\n");
}

/* -------------------------------------------------------- counterexample */

static void print_shortened(const struct search_result *result, const struct search_shortened *shortened)
{
	printf("  %u events", result->path_length);
	if (shortened->found_length > result->path_length)
		printf(", first found with %u", shortened->found_length);
	if (!shortened->bound)
		printf("; no path with this order of strengths is shorter\n");
	else if (!strcmp(shortened->bound, SEARCH_INTERRUPTED))
		printf("; an interrupt ended the search for a shorter one\n");
	else if (shortened->none_within)
		printf("; none of up to %u breaks anything, and the bound of %s ended the search between\n",
		       shortened->none_within, shortened->bound);
	else
		printf("; the bound of %s ended the search for a shorter one\n", shortened->bound);
}

typedef void (*show_fn)(const struct search_options *options, const struct search_result *result, FILE *stream);

static int write_shown(const struct search_options *options, const struct search_result *result, show_fn show,
		       const char *folder, const char *stem, const char *end)
{
	char name[128], *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	int error = -ENOMEM;

	snprintf(name, sizeof(name), "%s.%s", stem, end);
	if (stream) {
		show(options, result, stream);
		error = fclose(stream) == 0 ? folder_write(folder, name, text) : -ENOMEM;
	}
	free(text);
	return error;
}

static int write_path(const struct search_options *options, const struct search_result *result,
		      const char *folder, const char *stem)
{
	struct search_path path;
	char name[128], *text;
	int error = search_path_of(options, result, &path);

	if (error)
		return error;
	snprintf(name, sizeof(name), "%s.json", stem);
	text = search_path_text(&path);
	error = text ? folder_write(folder, name, text) : -ENOMEM;
	free(text);
	search_path_deinit(&path);
	return error;
}

/* As a campaign shows one: the invariant, the line that replays it, the files. */
static int report(const struct arguments *arguments, struct search_result *result, const char *folder)
{
	const struct search_options *options = &arguments->options;
	struct search_shortened shortened;
	char stem[96], file[FOLDER_PATH_MAX + 128];
	int error;

	error = search_shorten(options, arguments->shorten, result, &shortened);
	if (error) /* what was found is good all the same */
		shortened.bound = error == -EOVERFLOW ? "packets under way" : "memory";
	search_show_text(options, result, stdout);
	print_shortened(result, &shortened);
	snprintf(stem, sizeof(stem), "path-%u-phones-%u-files-%u-drops-%u-kills-order-%u", options->phones,
		 options->files, options->drops, options->kills, result->order + 1);
	error = write_path(options, result, folder, stem);
	if (!error)
		error = write_shown(options, result, search_show_text, folder, stem, "txt");
	if (!error)
		error = write_shown(options, result, search_show_mermaid, folder, stem, "mmd");
	if (error)
		return FLEET_EXIT_HOST;
	printf("  replay: pfs-fleet races --exhaustive --path ");
	snprintf(file, sizeof(file), "%s/%s.json", folder, stem);
	cases_quote(stdout, file);
	printf("\n  diagrams: %s/%s.txt and .mmd\n", folder, stem);
	return FLEET_EXIT_FAILED;
}

static int print(const struct arguments *arguments, struct search_result *result, const char *folder)
{
	print_counts(&arguments->options, result);
	switch (result->verdict) {
	case SEARCH_HOLDS:
		printf("%s, everything held\n", arguments->options.only_order ? "all states of that order visited"
									     : "all states visited");
		return FLEET_EXIT_GOOD;
	case SEARCH_NOT_EXHAUSTED:
		if (!strcmp(result->bound, SEARCH_INTERRUPTED)) {
			printf("not exhausted: interrupted; nothing was found up to there\n");
			return FLEET_EXIT_INCONCLUSIVE;
		}
		printf("not exhausted: the bound of %s was met; nothing was found up to there\n",
		       result->bound);
		return FLEET_EXIT_INCONCLUSIVE;
	default:
		return report(arguments, result, folder);
	}
}

/* ---------------------------------------------------------------- replay */

static int replay(const char *file)
{
	struct search_replayed replayed;
	struct search_path path;
	char message[512];
	int error;

	if (search_path_load(file, &path, message, sizeof(message)) < 0) {
		fprintf(stderr, "%s\n", message);
		return FLEET_EXIT_USAGE;
	}
	printf("phones %u, files %u, drops %u, kills %u, order %u: a path of %u events\n", path.phones,
	       path.files, path.drops, path.kills, path.order, path.count);
	error = search_path_replay(&path, stdout, &replayed);
	if (error) {
		fprintf(stderr, "pfs-fleet: %s: %s\n", file, strerror(-error));
	} else {
		printf("%u of %u events happened as in the file", replayed.followed, path.count);
		if (replayed.skipped)
			printf(", %u could not happen any more", replayed.skipped);
		if (replayed.added)
			printf(", %u more did besides", replayed.added);
		printf("\n");
	}
	if (!error && replayed.broken)
		printf("does not hold: %s (after %u events)\n", replayed.broken, replayed.at);
	if (!error && replayed.broken && *path.broken && strcmp(replayed.broken, path.broken) != 0)
		printf("in the file it is: %s\n", path.broken);
	if (!error && !replayed.broken)
		printf("everything held%s%s\n", *path.broken ? "; in the file this did not: " : "", path.broken);
	search_path_deinit(&path);
	return error ? FLEET_EXIT_HOST : replayed.broken ? FLEET_EXIT_FAILED : FLEET_EXIT_GOOD;
}

static int search(struct arguments *arguments, const char *folder)
{
	struct teller teller = { .terminal = isatty(STDERR_FILENO), .next_s = PLAIN_SECONDS };
	struct search_result result;
	int error, status;

	arguments->options.progress = arguments->quiet ? NULL : print_progress;
	arguments->options.context = &teller;
	arguments->options.stop = &interrupt;
	error = search_run(&arguments->options, &result);
	if (teller.terminal && !arguments->quiet)
		fprintf(stderr, "\r\033[K");
	if (error) {
		fprintf(stderr, "pfs-fleet races: %s\n",
			error == -EOVERFLOW ? "a state has more packets or connections than there is room for"
					    : strerror(-error));
		return error == -ENOMEM || error == -EAGAIN ? FLEET_EXIT_HOST : FLEET_EXIT_INCONCLUSIVE;
	}
	if (!arguments->quiet)
		fprintf(stderr, "%.1f s, %.0f states/s, %.0f MiB of states\n", result.elapsed_s,
			(double)result.states / result.elapsed_s, (double)result.memory_bytes / MIB);
	status = print(arguments, &result, folder);
	search_result_deinit(&result);
	return status;
}

/* One number of phones after the other, until something does not hold or cannot be. */
static int search_all(struct arguments *arguments, const char *folder)
{
	int status = FLEET_EXIT_GOOD;

	for (; arguments->options.phones <= arguments->phones_max && !interrupt; arguments->options.phones++) {
		int one = search(arguments, folder);
		if (one != FLEET_EXIT_GOOD)
			status = one;
		if (one == FLEET_EXIT_FAILED || one == FLEET_EXIT_HOST)
			break;
	}
	return interrupt && status == FLEET_EXIT_GOOD ? FLEET_EXIT_INCONCLUSIVE : status;
}

int exhaustive_main(int argc, char **argv)
{
	struct arguments arguments = { .options = { .phones = 3, .files = 1, .states_max = STATES_MAX },
				       .phones_max = 3,
				       .shorten = SHORTEN_DEFAULT,
				       .out_dir = CASES_OUT_DEFAULT };
	struct cases cases;
	int status;

	argp_parse(&parser, argc, argv, 0, NULL, &arguments);
	if (arguments.path) {
		status = replay(arguments.path);
	} else if (cases_open(&cases, arguments.out_dir) < 0) {
		return FLEET_EXIT_USAGE;
	} else {
		interrupt_catch(NULL);
		status = search_all(&arguments, cases.path);
		cases_close(&cases);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "pfs-fleet: cannot write to the standard output: %s\n", strerror(errno));
		return FLEET_EXIT_HOST;
	}
	return status;
}
