/*
 * What several commands take in the same words: whole numbers, the engine, the
 * modes, a seed, a speed, one scenario. Each is read in one way, and what is wrong is
 * told in the same sentence: the option, what stood there, what was expected.
 * argp_error() ends the program with FLEET_EXIT_USAGE.
 */
#ifndef FLEET_COMMANDS_ARGUMENTS_H
#define FLEET_COMMANDS_ARGUMENTS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "emulator/scenario/scenario.h"

/* Digits alone, from least to most, both included; `option` is a name without dashes. */
uint64_t argument_number(const struct argp_state *state, const char *option, const char *text, uint64_t least,
			 uint64_t most);

/* netns or sim: true where it is sim. */
bool argument_engine(const struct argp_state *state, const char *text);

/* --workers of a run: the worlds take different numbers, so it is read when the engine is known. */
#define SIM_WORKERS_MAX 256
uint32_t argument_workers(const struct argp_state *state, const char *text, bool sim);

/* pfs, traditional or both. */
struct argument_modes {
	bool pfs, traditional;
};
struct argument_modes argument_modes(const struct argp_state *state, const char *text);

/* --seed and --speed, instead of the scenario's. */
void argument_seed(const struct argp_state *state, const char *text, struct scenario_overrides *overrides);
void argument_speed(const struct argp_state *state, const char *text, struct scenario_overrides *overrides);

/* The argument beside the options: returns it, once. */
const char *argument_scenario(const struct argp_state *state, const char *text);

#endif
