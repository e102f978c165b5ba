/*
 * What a crowd costs on one switch, and where the host's own limits bite: all
 * phones say something to their neighbour at once (neighbour entries: the
 * host's gc_thresh3), then some broadcast back to back (a broadcast is a packet
 * a port: the host's netdev_max_backlog). Prints, and judges nothing.
 *
 * Arguments: [phones, 1000] [broadcasts back to back, 1] [1: introduce neighbours, 0]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "emulator/netns/fabric.h"
#include "tests/netns/netns_test.h"
#include "tests/netns/plan_by_hand.h"

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int open_udp(void *context)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(4051)};
	int *descriptor = context, one = 1;

	*descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(*descriptor, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	return bind(*descriptor, (struct sockaddr *)&own, sizeof(own)) ? -errno : 0;
}

static uint32_t say(int descriptor, uint32_t address)
{
	struct sockaddr_in peer = {
		.sin_family = AF_INET, .sin_port = htons(4051), .sin_addr.s_addr = htonl(address)};

	return sendto(descriptor, "hello", 5, 0, (struct sockaddr *)&peer, sizeof(peer)) != 5;
}

/* Reads until nothing has come for a while. */
static uint32_t heard(const int *sockets, uint32_t count)
{
	uint32_t total = 0, idle = 0;

	while (idle < 20) {
		uint32_t before = total;
		char text[64];

		for (uint32_t i = 0; i < count; i++)
			while (recv(sockets[i], text, sizeof(text), 0) > 0)
				total++;
		idle = total == before ? idle + 1 : 0;
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	return total;
}

int main(int argc, char **argv)
{
	struct plan_by_hand wanted = {.phones = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000};
	uint32_t broadcasts = argc > 2 ? (uint32_t)atoi(argv[2]) : 1, failed = 0;
	struct plan *plan = plan_by_hand(&wanted);
	int *sockets = calloc(wanted.phones + 1, sizeof(*sockets));
	struct fabric *fabric;
	uint64_t drops = 0;
	double begun;

	if (!plan || !sockets || netns_test_descriptors(wanted.phones * 2 + 64) || fabric_new(plan, &fabric))
		return 4;
	for (uint32_t i = 0; i < wanted.phones; i++)
		if (fabric_phone_up(fabric, i, open_udp, &sockets[i]))
			return 4;
	if (fabric_settle(fabric))
		return 4;
	begun = seconds();
	for (uint32_t i = 0; i < wanted.phones && argc > 3 && *argv[3] == '1'; i++)
		failed += fabric_introduce(fabric, i, (i + 1) % wanted.phones) != 0;
	if (seconds() - begun > .001)
		printf("introduced: %.1f us a pair\n", (seconds() - begun) * 1e6 / wanted.phones);
	begun = seconds();
	for (uint32_t i = 0; i < wanted.phones; i++)
		failed += say(sockets[i], plan->phones[(i + 1) % wanted.phones].address);
	printf("%u phones to their neighbour: %.1f us each, %u refused, ", wanted.phones,
	       (seconds() - begun) * 1e6 / wanted.phones, failed);
	printf("%u heard\n", heard(sockets, wanted.phones));
	begun = seconds();
	for (uint32_t i = 0; i < broadcasts; i++)
		failed += say(sockets[i], UINT32_MAX);
	printf("%u broadcasts: %.2f us a port, ", broadcasts, (seconds() - begun) * 1e6 / broadcasts / wanted.phones);
	printf("%u of %u heard, ", heard(sockets, wanted.phones), broadcasts * (wanted.phones - 1));
	if (fabric_drops(fabric, &drops))
		return 4;
	printf("drops %llu\n", (unsigned long long)drops);
	fabric_free(fabric);
	return 0;
}
