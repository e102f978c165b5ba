/*
 * The relay beside a bare one, in the same run, in turns: lock-step ping-pong
 * of 512 bytes of UDP between a phone and headquarters over a nominal round
 * trip. The bare relay has the same sockets, and for each frame a timerfd and
 * nothing of the model: it waits the delay and sends. Prints one line of
 * figures each and judges nothing.
 *
 * Arguments: [round trip in ms, 20] [exchanges a turn, 100] [turns, 5]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "emulator/netns/fabric_internal.h"
#include "tests/netns/netns_test.h"
#include "tests/netns/plan_by_hand.h"

#define PORT 4051
#define PAYLOAD 512

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int open_udp(void *context)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int *descriptor = context;

	*descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return *descriptor < 0 || bind(*descriptor, (struct sockaddr *)&own, sizeof(own)) ? -errno : 0;
}

/* ---- ping-pong ---- */

struct pong {
	struct ev_loop *loop;
	ev_io phone_io, hq_io;
	struct sockaddr_in server;
	uint64_t sent_ns, *trips_ns;
	uint32_t done, wanted;
};

static void ping(struct pong *pong)
{
	char payload[PAYLOAD] = {0};

	pong->sent_ns = now_ns();
	if (sendto(pong->phone_io.fd, payload, sizeof(payload), 0, (struct sockaddr *)&pong->server,
		   sizeof(pong->server)) < 0)
		perror("ping");
}

static void on_phone(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct pong *pong = watcher->data;
	char payload[PAYLOAD];

	(void)events;
	if (recv(watcher->fd, payload, sizeof(payload), 0) < 0)
		return;
	pong->trips_ns[pong->done++] = now_ns() - pong->sent_ns;
	if (pong->done % pong->wanted)
		ping(pong);
	else
		ev_break(loop, EVBREAK_ONE);
}

static void on_hq(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	char payload[PAYLOAD];

	(void)loop;
	(void)events;
	if (recvfrom(watcher->fd, payload, sizeof(payload), 0, (struct sockaddr *)&peer, &length) >= 0 &&
	    sendto(watcher->fd, payload, sizeof(payload), 0, (struct sockaddr *)&peer, length) < 0)
		perror("pong");
}

/* ---- the bare relay: lock-step has one frame a direction ---- */

struct bare {
	int in, out, timer;
	uint64_t delay_ns;
	uint8_t frame[FABRIC_FRAME_MAX];
	ssize_t length;
	ev_io readable, due;
};

static void on_frame(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct bare *bare = watcher->data;
	struct itimerspec setting = {0};
	uint64_t when;

	(void)loop;
	(void)events;
	bare->length = recv(bare->in, bare->frame, sizeof(bare->frame), MSG_DONTWAIT);
	if (bare->length < 0)
		return;
	when = now_ns() + bare->delay_ns;
	setting.it_value.tv_sec = (time_t)(when / 1000000000u);
	setting.it_value.tv_nsec = (long)(when % 1000000000u);
	timerfd_settime(bare->timer, TFD_TIMER_ABSTIME, &setting, NULL);
}

static void on_bare_due(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct bare *bare = watcher->data;
	uint64_t fired;

	(void)loop;
	(void)events;
	if (read(bare->timer, &fired, sizeof(fired)) > 0 &&
	    send(bare->out, bare->frame, (size_t)bare->length, 0) < 0)
		perror("bare relay");
}

static int packet_socket(int index)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = index};
	int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;

	setsockopt(descriptor, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	setsockopt(descriptor, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	return bind(descriptor, (struct sockaddr *)&address, sizeof(address)) ? -1 : descriptor;
}

static void bare_start(struct bare *bare, struct ev_loop *loop, int in, int out, uint64_t delay_ns)
{
	bare->in = in;
	bare->out = out;
	bare->delay_ns = delay_ns;
	bare->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	ev_io_init(&bare->readable, on_frame, in, EV_READ);
	ev_io_init(&bare->due, on_bare_due, bare->timer, EV_READ);
	bare->readable.data = bare->due.data = bare;
	ev_io_start(loop, &bare->readable);
	ev_io_start(loop, &bare->due);
}

/* ---- figures ---- */

static int by_size(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

static void figures(const char *name, struct pong *pong, double nominal_us)
{
	double sum = 0;

	if (!pong->done)
		return;
	for (uint32_t i = 0; i < pong->done; i++)
		sum += (double)pong->trips_ns[i] / 1e3;
	qsort(pong->trips_ns, pong->done, sizeof(*pong->trips_ns), by_size);
	printf("%s: %u exchanges, %.1f /s, mean %.1f us (%.4f of nominal), median %.1f us, p99 %.1f us\n", name,
	       pong->done, pong->done * 1e6 / sum, sum / pong->done, sum / pong->done / nominal_us,
	       (double)pong->trips_ns[pong->done / 2] / 1e3, (double)pong->trips_ns[pong->done * 99 / 100] / 1e3);
}

struct side {
	struct plan *plan;
	struct fabric *fabric;
	struct pong pong;
	struct bare up, down;
};

static int side_up(struct side *side, const struct plan_by_hand *wanted, struct ev_loop *loop, uint32_t exchanges,
		   uint32_t turns, bool bare, uint64_t delay_ns)
{
	int phone = -1, hq = -1, error;

	side->plan = plan_by_hand(wanted);
	error = side->plan ? fabric_new(side->plan, &side->fabric) : -ENOMEM;
	if (!error)
		error = fabric_phone_up(side->fabric, 0, open_udp, &phone);
	if (!error)
		error = fabric_in_hq(side->fabric, open_udp, &hq);
	if (!error)
		error = fabric_settle(side->fabric);
	if (error)
		return error;
	side->pong = (struct pong){.loop = loop,
				   .wanted = exchanges,
				   .trips_ns = calloc((size_t)exchanges * turns, sizeof(uint64_t)),
				   .server = {.sin_family = AF_INET,
					      .sin_port = htons(PORT),
					      .sin_addr.s_addr = htonl(side->plan->server.address)}};
	ev_io_init(&side->pong.phone_io, on_phone, phone, EV_READ);
	ev_io_init(&side->pong.hq_io, on_hq, hq, EV_READ);
	side->pong.phone_io.data = &side->pong;
	ev_io_start(loop, &side->pong.phone_io);
	ev_io_start(loop, &side->pong.hq_io);
	if (bare) {
		int at_router, at_hq;

		namespace_enter(side->fabric->wan.descriptor);
		at_router = packet_socket(RELAY_ROUTER);
		at_hq = packet_socket(RELAY_HQ);
		namespace_leave(&side->fabric->home);
		bare_start(&side->up, loop, at_router, at_hq, delay_ns);
		bare_start(&side->down, loop, at_hq, at_router, delay_ns);
		return at_router < 0 || at_hq < 0 ? -EIO : 0;
	}
	return fabric_wan_start(side->fabric, loop, now_ns(), NULL, NULL);
}

int main(int argc, char **argv)
{
	uint32_t trip_ms = argc > 1 ? (uint32_t)atoi(argv[1]) : 20, exchanges = argc > 2 ? (uint32_t)atoi(argv[2]) : 100;
	uint32_t turns = argc > 3 ? (uint32_t)atoi(argv[3]) : 5;
	struct link_config link = {.delay_us = trip_ms * 500};
	struct plan_by_hand wanted = {.phones = 1, .down = link, .up = link};
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct side *sides = calloc(2, sizeof(*sides));
	struct world_report report = {0};

	if (!netns_test_allowed() || !sides || side_up(&sides[0], &wanted, loop, exchanges, turns, false, 0) ||
	    side_up(&sides[1], &wanted, loop, exchanges, turns, true, trip_ms * 500000ull))
		return 4;
	for (uint32_t i = 0; i < 2 * turns; i++) {
		ping(&sides[i % 2].pong);
		ev_run(loop, 0);
	}
	figures("relay     ", &sides[0].pong, trip_ms * 1e3);
	figures("bare relay", &sides[1].pong, trip_ms * 1e3);
	fabric_wan_report(sides[0].fabric, &report);
	printf("corrections %llu, uncorrected lateness p50 %llu us, p99 %llu us, max %llu us; drops %llu\n",
	       (unsigned long long)report.relay_corrections, (unsigned long long)report.relay_late_p50_us,
	       (unsigned long long)report.relay_late_p99_us, (unsigned long long)report.relay_late_max_us,
	       (unsigned long long)report.drops);
	fabric_free(sides[0].fabric);
	fabric_free(sides[1].fabric);
	return 0;
}
