/* See arguments.h. */
#include "emulator/commands/arguments.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/plan/plan.h"

/* UINT64_MAX stands for "not said" in a scenario, which is to take what this takes. */
#define SEED_MAX (UINT64_MAX - 1)

static bool is_number(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return !errno && *text >= '0' && *text <= '9' && !*end && *number >= least && *number <= most;
}

uint64_t argument_number(const struct argp_state *state, const char *option, const char *text, uint64_t least,
			 uint64_t most)
{
	uint64_t number;

	if (!is_number(text, least, most, &number))
		argp_error(state, "--%s: \"%s\": not a whole number from %" PRIu64 " to %" PRIu64, option,
			   text, least, most);
	return number;
}

bool argument_engine(const struct argp_state *state, const char *text)
{
	bool sim = strcmp(text, "sim") == 0;

	if (!sim && strcmp(text, "netns") != 0)
		argp_error(state, "--engine: \"%s\": use netns or sim", text);
	return sim;
}

uint32_t argument_workers(const struct argp_state *state, const char *text, bool sim)
{
	return (uint32_t)argument_number(state, "workers", text, 1, sim ? SIM_WORKERS_MAX : PLAN_WORKERS_MAX);
}

struct argument_modes argument_modes(const struct argp_state *state, const char *text)
{
	struct argument_modes modes = { .pfs = strcmp(text, "traditional") != 0,
					.traditional = strcmp(text, "pfs") != 0 };

	if (modes.pfs && modes.traditional && strcmp(text, "both") != 0)
		argp_error(state, "--mode: \"%s\": use pfs, traditional or both", text);
	return modes;
}

void argument_seed(const struct argp_state *state, const char *text, struct scenario_overrides *overrides)
{
	overrides->has_seed = true;
	if (!is_number(text, 0, SEED_MAX, &overrides->seed))
		argp_error(state, "--seed: \"%s\": not a whole number from 0 to 2^64 - 2", text);
}

void argument_speed(const struct argp_state *state, const char *text, struct scenario_overrides *overrides)
{
	if (scenario_parse_speed(text, &overrides->speed_milli) < 0)
		argp_error(state, "--speed: \"%s\": not a number from 0.01 to 1000", text);
}

const char *argument_scenario(const struct argp_state *state, const char *text)
{
	if (state->arg_num > 0)
		argp_error(state, "one scenario at a time: \"%s\" is one too many", text);
	return text;
}
