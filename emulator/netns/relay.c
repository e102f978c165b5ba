/*
 * The WAN in user space: frames are read from a packet socket at one side of a
 * link, offered to the shared link model, kept until the time that it names,
 * and sent at the other side. One heap of directions and one timerfd for all
 * links; libev's own timers are a millisecond coarse.
 *
 * When a frame is offered and where it takes its place is carry.c's.
 *
 * ARP does not pass here: both ends know each other for good, and the sockets
 * take IPv4 alone.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "emulator/netns/checksum.h"
#include "emulator/netns/relay_internal.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define BUFFER_BYTES (8 << 20) /* of each socket: a turn can be long on a shared host */

static uint64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t scenario_us(const struct relay *relay, uint64_t monotonic_ns)
{
	if (monotonic_ns <= relay->start_ns)
		return 0;
	return (monotonic_ns - relay->start_ns) * relay->plan->speed_milli / 1000000;
}

static uint64_t scenario_now(const struct relay *relay)
{
	return scenario_us(relay, clock_ns(CLOCK_MONOTONIC));
}

/* The first nanosecond at which scenario_us() is at least that. */
static uint64_t monotonic_ns(const struct relay *relay, uint64_t us)
{
	uint32_t speed = relay->plan->speed_milli;

	return relay->start_ns + (us * 1000000 + speed - 1) / speed;
}

/* ---- frames ---- */

static struct frame *frame_get(struct relay *relay)
{
	struct frame *frame = relay->spare;

	if (!frame)
		return malloc(sizeof(*frame));
	relay->spare = frame->next;
	return frame;
}

static void frame_put(struct relay *relay, struct frame *frame)
{
	frame->next = relay->spare;
	relay->spare = frame;
}

static void arm(struct relay *relay)
{
	uint64_t when_us = relay->heap_count ? relay->heap[0]->head->arrival_us : UINT64_MAX;
	struct itimerspec setting = {0};
	uint64_t when_ns;

	if (when_us == relay->armed_us)
		return;
	if (when_us != UINT64_MAX) {
		when_ns = monotonic_ns(relay, when_us);
		setting.it_value.tv_sec = (time_t)(when_ns / 1000000000u);
		setting.it_value.tv_nsec = (long)(when_ns % 1000000000u);
	}
	timerfd_settime(relay->timer, TFD_TIMER_ABSTIME, &setting, NULL);
	relay->armed_us = when_us;
}

/* The kernel's stamp is of the wall clock; a stamp that a clock step made absurd is not believed. */
static uint64_t came_ns(struct msghdr *message, uint64_t now_ns, uint64_t wall_ns)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
		struct timespec stamp;
		uint64_t stamp_ns;

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SO_TIMESTAMPNS)
			continue;
		memcpy(&stamp, CMSG_DATA(part), sizeof(stamp));
		stamp_ns = (uint64_t)stamp.tv_sec * 1000000000u + (uint64_t)stamp.tv_nsec;
		if (stamp_ns <= wall_ns && wall_ns - stamp_ns < 1000000000u)
			return now_ns - (wall_ns - stamp_ns);
	}
	return now_ns;
}

static void take(struct direction *direction, struct mmsghdr *messages, int count)
{
	struct relay *relay = direction->wan->relay;
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), wall_ns = clock_ns(CLOCK_REALTIME);

	for (int i = 0; i < count; i++) {
		struct frame *frame = relay->reading[i];

		frame->length = messages[i].msg_len;
		if (frame->length < ETHERNET_BYTES + 20 || frame->length > FABRIC_FRAME_MAX) {
			relay->failed++;
			continue;
		}
		if (carry_offer(direction, frame,
				scenario_us(relay, came_ns(&messages[i].msg_hdr, now_ns, wall_ns))))
			relay->reading[i] = NULL;
	}
}

static void take_in(struct direction *direction)
{
	struct relay *relay = direction->wan->relay;
	struct mmsghdr messages[TURN_FRAMES] = {0};
	struct iovec parts[TURN_FRAMES];
	char control[TURN_FRAMES][CMSG_SPACE(sizeof(struct timespec))];
	int room = 0, got;

	for (; room < TURN_FRAMES; room++) {
		if (!relay->reading[room])
			relay->reading[room] = frame_get(relay);
		if (!relay->reading[room])
			break;
		parts[room].iov_base = relay->reading[room]->bytes;
		parts[room].iov_len = sizeof(relay->reading[room]->bytes);
		messages[room].msg_hdr.msg_iov = &parts[room];
		messages[room].msg_hdr.msg_iovlen = 1;
		messages[room].msg_hdr.msg_control = control[room];
		messages[room].msg_hdr.msg_controllen = sizeof(control[room]);
	}
	got = recvmmsg(direction->in, messages, (unsigned int)room, MSG_DONTWAIT, NULL);
	if (got > 0)
		take(direction, messages, got);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct direction *direction = watcher->data;

	(void)loop;
	(void)events;
	take_in(direction);
	arm(direction->wan->relay);
}

/* ---- out ---- */

static void release(struct relay *relay, struct direction *direction)
{
	struct frame *frame = direction->head;
	struct wan *wan = direction->wan;

	direction->head = frame->next;
	carry_settle(relay);
	if (relay->damage && relay->damage(relay->damage_context, wan->site, direction->down,
					   frame->bytes + ETHERNET_BYTES, frame->length - ETHERNET_BYTES))
		checksum_mend(frame->bytes + ETHERNET_BYTES, frame->length - ETHERNET_BYTES);
	if (send(direction->out, frame->bytes, frame->length, MSG_DONTWAIT) != (ssize_t)frame->length)
		relay->failed++;
	/* with the time that sending took: the kernel carries a frame to its receiver within that call */
	carry_released(direction, frame, scenario_now(relay));
	frame_put(relay, frame);
}

static void release_arrived(struct relay *relay)
{
	for (int turn = 0; turn < TURN_FRAMES && relay->heap_count; turn++) {
		if (relay->heap[0]->head->arrival_us > scenario_now(relay))
			break;
		release(relay, relay->heap[0]);
	}
	arm(relay);
}

static void on_due(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct relay *relay = watcher->data;
	uint64_t fired;

	(void)loop;
	(void)events;
	if (read(relay->timer, &fired, sizeof(fired)) != (ssize_t)sizeof(fired))
		return;
	relay->armed_us = UINT64_MAX;
	release_arrived(relay);
}

void relay_catch_up(struct relay *relay)
{
	uint64_t now_ns;

	if (!relay->loop)
		return;
	now_ns = clock_ns(CLOCK_MONOTONIC);
	if (now_ns - relay->looked_ns >= LOOK_NS * (relay->wan_count + 1)) {
		relay->looked_ns = now_ns;
		for (uint32_t i = 0; i < relay->wan_count; i++) {
			take_in(&relay->wans[i].down);
			take_in(&relay->wans[i].up);
		}
	}
	release_arrived(relay);
}

/* ---- life ---- */

static int enlarge(int descriptor, int force, int ordinary)
{
	int bytes = BUFFER_BYTES;

	if (!setsockopt(descriptor, SOL_SOCKET, force, &bytes, sizeof(bytes)))
		return 0;
	return setsockopt(descriptor, SOL_SOCKET, ordinary, &bytes, sizeof(bytes));
}

/* The thread is in the relay's namespace. No protocol before it is bound: else it would hear all interfaces. */
static int packet_socket(int index)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = index};
	int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, error;

	if (descriptor < 0)
		return -errno;
	/* may be refused by old kernels, which show outgoing frames to sockets of all protocols only */
	setsockopt(descriptor, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (setsockopt(descriptor, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) ||
	    setsockopt(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) ||
	    enlarge(descriptor, SO_RCVBUFFORCE, SO_RCVBUF) || enlarge(descriptor, SO_SNDBUFFORCE, SO_SNDBUF) ||
	    bind(descriptor, (struct sockaddr *)&address, sizeof(address))) {
		error = -errno;
		close(descriptor);
		return error;
	}
	return descriptor;
}

static void direction_init(struct wan *wan, struct direction *direction, bool down)
{
	const struct plan *plan = wan->relay->plan;
	const struct plan_site *site = &plan->sites[wan->site];

	direction->wan = wan;
	direction->down = down;
	direction->in = -1;
	direction->out = -1;
	link_init(&direction->link, down ? &site->down : &site->up, link_seed(plan->seed, wan->site, down));
}

/* Of a site's networks and ports the quickest: what is taken for the host's own is never more than it was. */
static void quickest_lan(struct wan *wan)
{
	const struct plan *plan = wan->relay->plan;

	bool limited = true;

	wan->lan_us = UINT64_MAX;
	for (uint32_t i = 0; i < plan->phone_count; i++) {
		const struct plan_phone *phone = &plan->phones[i];
		uint64_t lan_us = 2 * (uint64_t)plan->subnets[phone->subnet].lan_delay_us;

		if (phone->site != wan->site)
			continue;
		limited &= phone->port_bps != 0;
		if (lan_us < wan->lan_us)
			wan->lan_us = lan_us;
		if (phone->port_bps > wan->port_bps)
			wan->port_bps = phone->port_bps;
	}
	if (!limited)
		wan->port_bps = 0;
}

static void wan_init(struct wan *wan, struct relay *relay, uint32_t site)
{
	wan->relay = relay;
	wan->site = site;
	wan->router = -1;
	wan->hq = -1;
	direction_init(wan, &wan->down, true);
	direction_init(wan, &wan->up, false);
	quickest_lan(wan);
}

struct relay *relay_new(const struct plan *plan)
{
	struct relay *relay = calloc(1, sizeof(*relay));

	if (!relay)
		return NULL;
	relay->plan = plan;
	relay->timer = -1;
	relay->armed_us = UINT64_MAX;
	relay->turn_us = TURN_REAL_US * plan->speed_milli / 1000;
	relay->wan_count = plan->site_count;
	relay->wans = calloc(plan->site_count + 1u, sizeof(*relay->wans));
	relay->heap = calloc(2u * plan->site_count + 1u, sizeof(*relay->heap));
	if (!relay->wans || !relay->heap) {
		free(relay->wans);
		free(relay->heap);
		free(relay);
		return NULL;
	}
	for (uint32_t i = 0; i < plan->site_count; i++)
		wan_init(&relay->wans[i], relay, i);
	return relay;
}

int relay_open(struct relay *relay)
{
	for (uint32_t i = 0; i < relay->wan_count; i++) {
		struct wan *wan = &relay->wans[i];

		wan->router = packet_socket((int)(RELAY_ROUTER + i));
		if (wan->router < 0)
			return wan->router;
		wan->hq = packet_socket((int)(RELAY_HQ + i));
		if (wan->hq < 0)
			return wan->hq;
		wan->down.in = wan->up.out = wan->hq;
		wan->up.in = wan->down.out = wan->router;
	}
	return 0;
}

static void watch(struct relay *relay, struct direction *direction)
{
	ev_io_init(&direction->readable, on_readable, direction->in, EV_READ);
	ev_set_priority(&direction->readable, EV_MAXPRI);
	direction->readable.data = direction;
	ev_io_start(relay->loop, &direction->readable);
}

int relay_start(struct relay *relay, struct ev_loop *loop, uint64_t start_ns, fabric_damage_fn damage, void *context)
{
	relay->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (relay->timer < 0)
		return -errno;
	relay->loop = loop;
	relay->start_ns = start_ns;
	relay->damage = damage;
	relay->damage_context = context;
	ev_io_init(&relay->due, on_due, relay->timer, EV_READ);
	ev_set_priority(&relay->due, EV_MAXPRI);
	relay->due.data = relay;
	ev_io_start(loop, &relay->due);
	for (uint32_t i = 0; i < relay->wan_count; i++) {
		watch(relay, &relay->wans[i].down);
		watch(relay, &relay->wans[i].up);
	}
	return 0;
}

void relay_configure(struct relay *relay, uint32_t site, const struct link_config *down, const struct link_config *up)
{
	link_configure(&relay->wans[site].down.link, down);
	link_configure(&relay->wans[site].up.link, up);
}

const struct link *relay_link(const struct relay *relay, uint32_t site, bool down)
{
	return down ? &relay->wans[site].down.link : &relay->wans[site].up.link;
}

/* The kernel forgets its count as it is read. */
uint64_t relay_drops(struct relay *relay)
{
	for (uint32_t i = 0; i < relay->wan_count; i++) {
		const int sockets[2] = {relay->wans[i].router, relay->wans[i].hq};

		for (int side = 0; side < 2; side++) {
			struct tpacket_stats stats;
			socklen_t length = sizeof(stats);

			if (sockets[side] >= 0 &&
			    !getsockopt(sockets[side], SOL_PACKET, PACKET_STATISTICS, &stats, &length))
				relay->socket_drops += stats.tp_drops;
		}
	}
	return relay->socket_drops + relay->failed;
}

/* How much of a site's lateness at p99 is left, in parts of its own round trip. */
static double share_late(const struct world_report *of)
{
	return of->relay_round_trip_us ? (double)of->relay_late_p99_us / (double)of->relay_round_trip_us : -1;
}

static void report_site(const struct wan *wan, struct world_report *report)
{
	const struct plan_site *site = &wan->relay->plan->sites[wan->site];

	report->relay_late_p50_us = histogram_percentile(&wan->late, 500);
	report->relay_late_p99_us = histogram_percentile(&wan->late, 990);
	report->relay_late_max_us = wan->late.max;
	/* the scenario's: a fault that makes it longer is no excuse */
	report->relay_round_trip_us = (uint64_t)site->down.delay_us + site->up.delay_us;
	if (wan->behind.samples * BEHIND_SHARE > wan->released) {
		uint64_t behind_us = histogram_percentile(&wan->behind, 500);

		if (behind_us > report->relay_late_p99_us)
			report->relay_late_p99_us = behind_us;
		if (wan->behind.max > wan->late.max)
			report->relay_late_max_us = wan->behind.max;
	}
}

/* The worst site's: it has its own round trip, and a small site's frames are lost among those of a large one. */
void relay_report(const struct relay *relay, struct world_report *report)
{
	report->relay_corrections = relay->corrections;
	for (uint32_t i = 0; i < relay->wan_count; i++) {
		struct world_report site = {0};

		report_site(&relay->wans[i], &site);
		if (i && share_late(&site) <= share_late(report))
			continue;
		report->relay_late_p50_us = site.relay_late_p50_us;
		report->relay_late_p99_us = site.relay_late_p99_us;
		report->relay_late_max_us = site.relay_late_max_us;
		report->relay_round_trip_us = site.relay_round_trip_us;
	}
}

static void free_frames(struct frame *frame)
{
	while (frame) {
		struct frame *next = frame->next;

		free(frame);
		frame = next;
	}
}

static void direction_free(struct relay *relay, struct direction *direction)
{
	if (relay->loop)
		ev_io_stop(relay->loop, &direction->readable);
	free_frames(direction->head);
	link_deinit(&direction->link);
}

void relay_free(struct relay *relay)
{
	if (!relay)
		return;
	for (uint32_t i = 0; i < relay->wan_count; i++) {
		struct wan *wan = &relay->wans[i];

		direction_free(relay, &wan->down);
		direction_free(relay, &wan->up);
		if (wan->router >= 0)
			close(wan->router);
		if (wan->hq >= 0)
			close(wan->hq);
	}
	if (relay->loop)
		ev_io_stop(relay->loop, &relay->due);
	if (relay->timer >= 0)
		close(relay->timer);
	for (int i = 0; i < TURN_FRAMES; i++)
		free(relay->reading[i]);
	free_frames(relay->spare);
	free(relay->heap);
	free(relay->wans);
	free(relay);
}
