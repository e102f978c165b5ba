/*
 * pfs-fleet races --exhaustive: all behaviours of a fleet of two to four
 * phones (emulator/search/search.h says what is modelled), with the number of
 * states, or a counterexample as text and as a Mermaid diagram.
 *
 * Exit status: 0 every state was visited and everything held; 1 something did
 * not; 2 usage; 3 a bound was met before all was visited; 4 no memory.
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/commands/commands.h"
#include "emulator/commands/exhaustive.h"
#include "emulator/search/search.h"

#define STATES_MAX UINT64_C(300000000) /* of one order: at most 3.5 GiB of hashes, for each processor */
#define PLAIN_SECONDS 10
#define MIB (1024.0 * 1024.0)

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
	KEY_WORKERS
};

static const struct argp_option option_list[] = {
	{ "exhaustive", KEY_EXHAUSTIVE, NULL, 0, "all behaviours of a small fleet, not some of a large one",
	  0 },
	{ "phones", KEY_PHONES, "N", 0, "phones, 2 to 4 (3)", 0 },
	{ "drops", KEY_DROPS, "D", 0, "broadcasts and TFTP packets that may be lost, 0 to 9 (0)", 0 },
	{ "kills", KEY_KILLS, "K", 0, "phones that may lose their power, at any point, 0 to 3 (0)", 0 },
	{ "files", KEY_FILES, "F", 0, "files of the upgrade, 1 or 2 (1)", 0 },
	{ "order", KEY_ORDER, "O", 0, "one ordering of the phones' strengths alone, from 1; 0: all (0)", 0 },
	{ "max-states", KEY_STATES, "N", 0,
	  "give up an ordering past so many states (300000000: 3.5 GiB at most, for each worker); 0: never",
	  0 },
	{ "all-orders", KEY_ALL_ORDERS, NULL, 0, "search those orderings too that are like another one", 0 },
	{ "workers", KEY_WORKERS, "W", 0, "search so many orderings at once, 1 to 64 (one a processor)", 0 },
	{ "seconds", KEY_SECONDS, "S", 0, "give up after so long; 0: never (0)", 0 },
	{ 0 },
};

static uint64_t number(const char *text, const char *option, uint64_t least, uint64_t greatest,
		       struct argp_state *state)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text < '0' || *text > '9' || value < least || value > greatest)
		argp_error(state, "--%s %s: expected a number from %llu to %llu", option, text,
			   (unsigned long long)least, (unsigned long long)greatest);
	return value;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct search_options *options = state->input;

	switch (key) {
	case KEY_EXHAUSTIVE:
		return 0;
	case KEY_PHONES:
		options->phones =
			(uint32_t)number(argument, "phones", SEARCH_PHONES_MIN, SEARCH_PHONES_MAX, state);
		return 0;
	case KEY_DROPS:
		options->drops = (uint32_t)number(argument, "drops", 0, SEARCH_DROPS_MAX, state);
		return 0;
	case KEY_KILLS:
		options->kills = (uint32_t)number(argument, "kills", 0, SEARCH_KILLS_MAX, state);
		return 0;
	case KEY_FILES:
		options->files = (uint32_t)number(argument, "files", 1, SEARCH_FILES_MAX, state);
		return 0;
	case KEY_ORDER:
		options->only_order = (uint32_t)number(argument, "order", 0, UINT32_MAX, state);
		return 0;
	case KEY_STATES:
		options->states_max = number(argument, "max-states", 0, UINT64_MAX, state);
		return 0;
	case KEY_ALL_ORDERS:
		options->all_orders = true;
		return 0;
	case KEY_WORKERS:
		options->workers = (uint32_t)number(argument, "workers", 1, 64, state);
		return 0;
	case KEY_SECONDS:
		options->seconds_max = (uint32_t)number(argument, "seconds", 0, UINT32_MAX, state);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "\"%s\": races --exhaustive takes no argument", argument);
		return EINVAL;
	case ARGP_KEY_END:
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
	"3 a bound was met first; 4 out of memory.",
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

static int print(const struct search_options *options, const struct search_result *result)
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
	switch (result->verdict) {
	case SEARCH_HOLDS:
		printf("%s, everything held\n",
		       options->only_order ? "all states of that order visited" : "all states visited");
		return FLEET_EXIT_GOOD;
	case SEARCH_NOT_EXHAUSTED:
		printf("not exhausted: the bound of %s was met; nothing was found up to there\n",
		       result->bound);
		return FLEET_EXIT_INCONCLUSIVE;
	default:
		search_show_text(options, result, stdout);
		printf("\n");
		search_show_mermaid(options, result, stdout);
		return FLEET_EXIT_FAILED;
	}
}

int exhaustive_main(int argc, char **argv)
{
	struct teller teller = { .terminal = isatty(STDERR_FILENO), .next_s = PLAIN_SECONDS };
	struct search_options options = { .phones = 3,
					  .files = 1,
					  .states_max = STATES_MAX,
					  .progress = print_progress,
					  .context = &teller };
	struct search_result result;
	int error, status;

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	error = search_run(&options, &result);
	if (teller.terminal)
		fprintf(stderr, "\r\033[K");
	if (error) {
		fprintf(stderr, "%s: %s\n", argv[0],
			error == -EOVERFLOW ? "a state has more packets or connections than there is room for"
					    : strerror(-error));
		return error == -ENOMEM || error == -EAGAIN ? FLEET_EXIT_HOST : FLEET_EXIT_INCONCLUSIVE;
	}
	fprintf(stderr, "%.1f s, %.0f states/s, %.0f MiB of states\n", result.elapsed_s,
		(double)result.states / result.elapsed_s, (double)result.memory_bytes / MIB);
	status = print(&options, &result);
	search_result_deinit(&result);
	return status;
}
