/*
 * pfs-fleet: looks the subcommand up and hands over. What a command does is in
 * commands/, one file each.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/commands/commands.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments, *summary;
} commands[] = {
	{ "run", command_run, "SCENARIO", "make the fleet and upgrade it, by PFS and in the traditional way" },
	{ "check", command_check, "SCENARIO", "check a scenario and print the plan it makes and what it needs" },
	{ "doctor", command_doctor, "", "say what this host offers, and what mends what it lacks" },
	{ "races", command_races, "", "upgrade fleets with faults drawn from a range of seeds, and shrink what breaks" },
	{ "replay", command_replay, "JOURNAL", "step the phones of a journal through what happened to them again" },
	{ "gate", command_gate, "SCENARIO", "run a scenario and judge it by its gates, a baseline, or another build" },
	{ "plan", command_plan, "[SCENARIO]", "say whether an upgrade fits its window, before anybody dares it" },
	{ "report", command_report, "RUN_FOLDER...", "tell a run from its folder, or two side by side: text, Markdown, HTML" },
	{ "exec", command_exec, "PHONE -- CMD", "run a command inside a running phone's namespace" },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *stream)
{
	fprintf(stream, "Usage: pfs-fleet COMMAND [OPTION...]\n"
			"Emulates fleets of phones that share firmware, on a real kernel or in virtual time.\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(stream, "  %-8s %-18s %s\n", commands[i].name, commands[i].arguments, commands[i].summary);
	fprintf(stream, "\n  --help, --version; 'pfs-fleet COMMAND --help' tells a command's options.\n"
			"Exit status: 0 good, 1 failed, 2 usage or a bad scenario, 3 inconclusive, 4 the host lacks something.\n");
}

/*
 * At exit, for whoever exits, argp's --help too: what nobody got is not good. A
 * full disk often shows only when the last bytes are handed over.
 */
static void hand_over_output(void)
{
	int error = fflush(stdout) != 0 ? errno : 0;

	if (!error && !ferror(stdout))
		return;
	fprintf(stderr, "pfs-fleet: cannot write to the standard output%s%s\n", error ? ": " : "",
		error ? strerror(error) : "");
	_exit(FLEET_EXIT_HOST);
}

int main(int argc, char **argv)
{
	static char name[64];

	if (atexit(hand_over_output) != 0)
		return FLEET_EXIT_HOST;
	argp_err_exit_status = FLEET_EXIT_USAGE;
	argp_program_version = "pfs-fleet " FLEET_VERSION;
	if (argc < 2) {
		usage(stderr);
		return FLEET_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return FLEET_EXIT_GOOD;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts(argp_program_version);
		return FLEET_EXIT_GOOD;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(argv[1], commands[i].name) == 0) {
			snprintf(name, sizeof(name), "pfs-fleet %s", commands[i].name);
			argv[1] = name;
			return commands[i].run(argc - 1, argv + 1);
		}
	fprintf(stderr, "pfs-fleet: %s: no such command; 'pfs-fleet --help' lists them\n", argv[1]);
	return FLEET_EXIT_USAGE;
}
