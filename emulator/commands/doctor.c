/*
 * pfs-fleet doctor: what the host offers, line by line, with what each thing
 * means and the one line that mends it. It changes nothing.
 */
#include <argp.h>
#include <stdio.h>

#include "emulator/commands/commands.h"
#include "emulator/netns/fabric.h"

#define PROBES_MAX 32

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	argp_error(state, "\"%s\": doctor takes no argument", argument);
	return 0;
}

static const struct argp parser = {
	NULL, parse_option, NULL,
	"Says what this host offers for fleets on a real kernel: features, limits, privileges.\v"
	"Exit status: 0 where all that is needed is there, else 4. Virtual time (--engine sim) needs none of it.",
	NULL, NULL, NULL
};

static const char *mark(const struct fabric_probe *probe)
{
	if (!probe->error)
		return "ok";
	return probe->needed ? "MISSING" : "low";
}

int command_doctor(int argc, char **argv)
{
	struct fabric_probe probes[PROBES_MAX];
	uint32_t count, missing = 0;

	argp_parse(&parser, argc, argv, 0, NULL, NULL);
	count = fabric_probe_host(probes, PROBES_MAX);
	for (uint32_t i = 0; i < count; i++) {
		const struct fabric_probe *probe = &probes[i];

		printf("%-8s %-36s %s\n         %s\n", mark(probe), probe->name, probe->found, probe->meaning);
		if (probe->error)
			printf("         mend: %s\n", probe->mend);
		missing += probe->error && probe->needed;
	}
	if (missing)
		printf("\n%u of what is needed is missing.\n", missing);
	else
		printf("\nAll that is needed is there.\n");
	return missing ? FLEET_EXIT_HOST : FLEET_EXIT_GOOD;
}
