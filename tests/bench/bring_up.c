/*
 * How long a fleet's network takes to come up, to the last phone's UDP socket
 * and listener, and to go, to the last port: the fabric's own part of a run,
 * beside bare.c. Prints one line of JSON and judges nothing; with a third
 * argument what stands is counted too, before it is taken down.
 * Arguments: [phones, 1000] [phones on a switch, 1000] [count]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emulator/netns/fabric_internal.h"
#include "tests/bench/objects.h"
#include "tests/bench/phone_sockets.h"
#include "tests/bench/ports_gone.h"
#include "tests/netns/plan_by_hand.h"

#define SWITCHES_MAX 16

static int open_sockets(void *context)
{
	return bench_open_sockets(context);
}

static int up(struct fabric *fabric, struct bench_sockets *sockets)
{
	for (uint32_t i = 0; i < fabric->plan->phone_count; i++) {
		int error = fabric_phone_up(fabric, i, open_sockets, &sockets[i]);

		if (error)
			return error;
		fabric_phone_held_by(fabric, i, sockets[i].udp);
	}
	return fabric_settle(fabric);
}

static int open_watch(void *context)
{
	*(int *)context = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return *(int *)context < 0 ? -errno : 0;
}

/* A socket in each switch's namespace, to see its ports go. */
static int watch(struct fabric *fabric, uint32_t number)
{
	int socket = -1;

	if (namespace_enter(fabric->switches[number].ns.descriptor))
		return -1;
	open_watch(&socket);
	namespace_leave(&fabric->home);
	return socket;
}

static void count(const struct fabric *fabric, const struct bench_sockets *sockets, struct bench_objects *objects)
{
	bench_count(objects, fabric->wan.descriptor);
	bench_count(objects, fabric->hq.descriptor);
	for (uint32_t i = 0; i < fabric->plan->site_count; i++)
		bench_count(objects, fabric->routers[i].descriptor);
	for (uint32_t i = 0; i < fabric->plan->switch_count; i++)
		bench_count(objects, fabric->switches[i].ns.descriptor);
	for (uint32_t i = 0; i < fabric->plan->phone_count; i++)
		bench_count(objects, sockets[i].udp);
}

int main(int argc, char **argv)
{
	uint32_t phones = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000, each = argc > 2 ? (uint32_t)atoi(argv[2]) : 1000;
	uint32_t switches = (phones + each - 1) / each, ports[SWITCHES_MAX];
	struct plan_by_hand wanted = {.phones = phones, .subnets = switches, .port_bps = 100000000};
	struct bench_sockets *sockets = calloc(phones + 1, sizeof(*sockets));
	double begun = bench_seconds(), up_s, down_s;
	struct plan *plan = plan_by_hand(&wanted);
	struct bench_objects objects = {0};
	int watches[SWITCHES_MAX];
	struct rlimit limit;
	struct fabric *fabric;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (!plan || !sockets || switches > SWITCHES_MAX || fabric_new(plan, &fabric))
		return 4;
	if (up(fabric, sockets))
		return 4;
	up_s = bench_seconds() - begun;
	if (argc > 3)
		count(fabric, sockets, &objects);
	for (uint32_t i = 0; i < switches; i++) {
		watches[i] = watch(fabric, i);
		ports[i] = fabric->switches[i].phones;
	}
	begun = bench_seconds();
	for (uint32_t i = 0; i < phones; i++) {
		close(sockets[i].udp);
		close(sockets[i].listener);
	}
	fabric_free(fabric);
	for (uint32_t i = 0; i < switches; i++)
		bench_wait_ports_gone(watches[i], SWITCH_PORT, ports[i]);
	down_s = bench_seconds() - begun;
	printf("{\"what\": \"fleet\", \"phones\": %u, \"up_s\": %.3f, \"down_s\": %.3f", phones, up_s, down_s);
	if (argc > 3) {
		printf(", ");
		bench_print_objects(stdout, &objects);
	}
	printf("}\n");
	plan_by_hand_free(plan);
	return 0;
}
