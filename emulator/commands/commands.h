/*
 * The subcommands: each is one function in a file of its own, named in the
 * table of main.c. argv[0] is "pfs-fleet COMMAND", options follow.
 */
#ifndef FLEET_COMMANDS_H
#define FLEET_COMMANDS_H

/* Exit status of every command. */
enum fleet_exit {
	FLEET_EXIT_GOOD = 0,         /* done and good */
	FLEET_EXIT_FAILED = 1,       /* the fleet, an expectation or a gate failed */
	FLEET_EXIT_USAGE = 2,        /* usage, or a bad scenario */
	FLEET_EXIT_INCONCLUSIVE = 3, /* the measurement cannot be trusted, or was interrupted */
	FLEET_EXIT_HOST = 4          /* the host lacks something; `doctor` says what */
};

/* Each returns an enum fleet_exit. */
int command_run(int argc, char **argv);
int command_check(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_races(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_gate(int argc, char **argv);
int command_plan(int argc, char **argv);
int command_report(int argc, char **argv);

/* exec's command replaces the program: it returns only where that failed. */
int command_exec(int argc, char **argv);

#endif
