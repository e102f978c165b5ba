/*
 * What a phone costs for one broadcast received, beside a bare recv loop.
 *
 * A fleet on one switch holds its first election and stands as a tree whose root
 * waits for a server that is not there. Then the root's last claim is said again
 * from its namespace, over and over: to port 4051, where the phones' sockets and
 * cores are, and to port 4052, where each phone's namespace has a plain socket
 * that an epoll loop reads and forgets. What is told is the receiving thread's
 * processor time from the first wake-up to the last datagram; what the sender and
 * the switch cost is outside.
 *
 * Prints one line of JSON and judges nothing.
 * Arguments: SCENARIO of one subnet [broadcasts a round, 50] [rounds, 5]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "emulator/netns/host.h"
#include "emulator/scenario/scenario.h"
#include "tests/netns/netns_test.h"

#define BARE_PORT 4052
#define IP_UDP_BYTES 28
#define CLAIM 1 /* docs/protocol.md: the fourth octet of a broadcast */
#define EVENTS 64
#define ELECTION_US 60000000

struct bench {
	struct plan *plan;
	struct fabric *fabric;
	struct ledger ledger;
	struct worker worker;
	struct host *hosts;
	int *bare, poller;    /* plain sockets, one a phone */
	int ear;              /* hears what phone 0 hears */
	uint8_t claim[1500];
	size_t claim_length;
	uint32_t root;        /* phone */
	int voice;            /* a socket in its namespace */
};

static void die(const char *what)
{
	fprintf(stderr, "bench_broadcast: %s: %s\n", what, strerror(errno));
	exit(4);
}

static double processor_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- the fleet, without what a run needs besides ---- */

static int open_bare(void *context)
{
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(BARE_PORT)};
	int *fd = context;

	*fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return *fd < 0 || bind(*fd, (const struct sockaddr *)&any, sizeof(any)) ? -errno : 0;
}

static int open_ear(void *context)
{
	int *fd = context;

	*fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_IP));
	return *fd < 0 ? -errno : 0;
}

static int open_voice(void *context)
{
	int *fd = context, on = 1;

	*fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return *fd < 0 || setsockopt(*fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) ? -errno : 0;
}

static void no_orders(void *context, struct worker *worker)
{
	(void)context;
	(void)worker;
}

static void nobody_ended(void *context)
{
	(void)context;
}

static void bring_up(struct bench *bench)
{
	struct worker *worker = &bench->worker;

	ledger_init(&bench->ledger);
	bench->ledger.record = record_new(bench->plan, false, NULL, 0);
	bench->ledger.faults = fault_engine_new(bench->plan, false);
	bench->hosts = calloc(bench->plan->phone_count, sizeof(*bench->hosts));
	bench->bare = calloc(bench->plan->phone_count, sizeof(*bench->bare));
	bench->poller = epoll_create1(EPOLL_CLOEXEC);
	if (!bench->ledger.record || !bench->ledger.faults || !bench->hosts || !bench->bare ||
	    netns_test_descriptors(8 * bench->plan->phone_count + 64) || fabric_new(bench->plan, &bench->fabric) ||
	    worker_init(worker, bench->plan, 0))
		die("fleet");
	worker->fabric = bench->fabric;
	worker->ledger = &bench->ledger;
	worker->orders_due = no_orders;
	worker->phones_ended = nobody_ended;
	for (uint32_t i = 0; i < bench->plan->phone_count; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};

		host_init(&bench->hosts[i], worker, i);
		if (fabric_phone_up(bench->fabric, i, open_bare, &bench->bare[i]) ||
		    epoll_ctl(bench->poller, EPOLL_CTL_ADD, bench->bare[i], &event))
			die(bench->plan->phones[i].name);
		worker_descriptor_opened(worker);
	}
	if (fabric_settle(bench->fabric) || fabric_in_phone(bench->fabric, 0, open_ear, &bench->ear))
		die("fleet");
}

static void listen_in(struct bench *bench)
{
	uint8_t packet[1500];
	ssize_t got;

	while ((got = recv(bench->ear, packet, sizeof(packet), 0)) > 0) {
		if (got < IP_UDP_BYTES + 4 || packet[9] != IPPROTO_UDP || packet[IP_UDP_BYTES + 3] != CLAIM)
			continue;
		bench->claim_length = (size_t)got - IP_UDP_BYTES;
		memcpy(bench->claim, packet + IP_UDP_BYTES, bench->claim_length);
	}
}

static bool tree_stands(struct bench *bench)
{
	uint32_t members = 0, roots = 0;

	for (uint32_t i = 0; i < bench->plan->phone_count; i++) {
		uint8_t state = bench->hosts[i].phone.state;

		members += bench->hosts[i].powered && state == PFS_ST_MEMBER;
		if (!bench->hosts[i].powered || (state != PFS_ST_TFTP && state != PFS_ST_TFTP_WAITING))
			continue;
		roots++;
		bench->root = i;
	}
	return roots == 1 && members == bench->plan->phone_count - 1;
}

static void elect(struct bench *bench)
{
	bench->worker.clock.start_ns = clock_real_ns();
	for (uint32_t i = 0; i < bench->plan->phone_count; i++)
		host_start_at(&bench->hosts[i], 0);
	while (!tree_stands(bench)) {
		ev_run(bench->worker.loop, EVRUN_ONCE);
		listen_in(bench);
		if (clock_now_us(&bench->worker.clock) > ELECTION_US) {
			errno = ETIMEDOUT;
			die("no tree of all phones");
		}
	}
	close(bench->ear);
	if (!bench->claim_length || fabric_in_phone(bench->fabric, bench->root, open_voice, &bench->voice))
		die("no claim was heard");
}

/* ---- measuring ---- */

static void speak(const struct bench *bench, uint16_t port)
{
	const struct plan_subnet *subnet = &bench->plan->subnets[0];
	const struct sockaddr_in everybody = {.sin_family = AF_INET, .sin_port = htons(port),
					      .sin_addr.s_addr = htonl(subnet->network | ~subnet->netmask)};

	if (sendto(bench->voice, bench->claim, bench->claim_length, 0, (const struct sockaddr *)&everybody,
		   sizeof(everybody)) < 0)
		die("broadcast");
}

/* Phones at which a datagram waits. */
static uint32_t waiting(const struct bench *bench, bool bare)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < bench->plan->phone_count; i++) {
		int bytes = 0;

		ioctl(bare ? bench->bare[i] : bench->hosts[i].udp.fd, FIONREAD, &bytes);
		count += bytes > 0;
	}
	return count;
}

/* The switch is done in the sender's call, or moments later on another processor. */
static uint32_t await_all(const struct bench *bench, bool bare)
{
	uint32_t before = 0, count = waiting(bench, bare);

	while (count < bench->plan->phone_count && count != before) {
		before = count;
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
		count = waiting(bench, bare);
	}
	return count;
}

static double drain_bare(const struct bench *bench)
{
	struct epoll_event events[EVENTS];
	uint8_t packet[2048];
	double begun = processor_seconds();
	int count;

	while ((count = epoll_wait(bench->poller, events, EVENTS, 0)) > 0)
		for (int i = 0; i < count; i++)
			if (recv(bench->bare[events[i].data.u32], packet, sizeof(packet), 0) < 0)
				die("recv");
	return processor_seconds() - begun;
}

static double drain_fleet(struct bench *bench)
{
	double sum = 0, begun;

	while (waiting(bench, false)) {
		begun = processor_seconds();
		ev_run(bench->worker.loop, EVRUN_NOWAIT);
		sum += processor_seconds() - begun;
	}
	return sum;
}

struct broadcast_figure {
	double seconds;
	uint64_t heard;
};

static struct broadcast_figure round_of(struct bench *bench, bool bare, uint32_t broadcasts)
{
	struct broadcast_figure figure = {0};

	for (uint32_t i = 0; i < broadcasts; i++) {
		drain_fleet(bench); /* what the phones say to each other meanwhile is nobody's */
		speak(bench, bare ? BARE_PORT : PFS_PORT);
		figure.heard += await_all(bench, bare);
		figure.seconds += bare ? drain_bare(bench) : drain_fleet(bench);
	}
	return figure;
}

static int by_size(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

static double median(double *values, uint32_t count)
{
	qsort(values, count, sizeof(*values), by_size);
	return values[count / 2];
}

static void take_down(struct bench *bench)
{
	close(bench->voice);
	for (uint32_t i = 0; i < bench->plan->phone_count; i++) {
		close(bench->bare[i]);
		host_power_off(&bench->hosts[i]);
	}
	close(bench->poller);
	fabric_free(bench->fabric);
	worker_deinit(&bench->worker);
	fault_engine_free(bench->ledger.faults);
	record_free(bench->ledger.record);
	ledger_deinit(&bench->ledger);
	free(bench->hosts);
	free(bench->bare);
}

int main(int argc, char **argv)
{
	uint32_t broadcasts = argc > 2 ? (uint32_t)atoi(argv[2]) : 50, rounds = argc > 3 ? (uint32_t)atoi(argv[3]) : 5;
	struct bench *bench = calloc(1, sizeof(*bench));
	double *phone_us = calloc(rounds + 1, sizeof(double)), *bare_us = calloc(rounds + 1, sizeof(double));
	struct scenario_error error;
	uint64_t heard = 0;

	if (argc < 2 || !bench || !phone_us || !bare_us || !rounds || !broadcasts)
		return 2;
	if (scenario_load(argv[1], NULL, &bench->plan, &error) < 0) {
		fprintf(stderr, "%s\n", error.line);
		return 2;
	}
	bring_up(bench);
	elect(bench);
	for (uint32_t i = 0; i < 2 * rounds; i++) {
		struct broadcast_figure figure = round_of(bench, i % 2, broadcasts);

		(i % 2 ? bare_us : phone_us)[i / 2] = figure.seconds * 1e6 / (double)figure.heard;
		heard += figure.heard;
	}
	printf("{\"what\": \"broadcast\", \"phones\": %u, \"heard\": %llu, \"phone_us\": %.3f, \"bare_us\": %.3f, "
	       "\"tree_stands\": %s}\n",
	       bench->plan->phone_count, (unsigned long long)heard, median(phone_us, rounds), median(bare_us, rounds),
	       tree_stands(bench) ? "true" : "false");
	take_down(bench);
	plan_free(bench->plan);
	free(bench);
	free(phone_us);
	free(bare_us);
	return 0;
}
