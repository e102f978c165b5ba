/*
 * A bench, judged by nobody: how long a fabric of N phones takes to come up and
 * to go. Arguments: phones [phones a second bring-up may be compared with].
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "emulator/netns/fabric.h"
#include "tests/netns/plan_by_hand.h"

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct plan_by_hand wanted = {.phones = argc > 1 ? (uint32_t)atoi(argv[1]) : 200, .port_bps = 100000000};
	struct plan *plan = plan_by_hand(&wanted);
	struct rlimit files = {65536, 65536};
	struct fabric *fabric;
	double begun = seconds(), up, down;
	int error;

	setrlimit(RLIMIT_NOFILE, &files);
	if (!plan)
		return 1;
	error = fabric_new(plan, &fabric);
	for (uint32_t i = 0; i < plan->phone_count && !error; i++)
		error = fabric_phone_up(fabric, i, NULL, NULL);
	if (!error)
		error = fabric_settle(fabric);
	if (error)
		return 1;
	up = seconds();
	printf("%u phones: up in %.3f s (%.0f us each), drops %llu", plan->phone_count, up - begun,
	       (up - begun) * 1e6 / plan->phone_count, (unsigned long long)fabric_drops(fabric));
	up = seconds();
	fabric_free(fabric);
	down = seconds();
	printf(", down in %.3f s\n", down - up);
	plan_by_hand_free(plan);
	return 0;
}
