/*
 * Stepping one phone and carrying its actions out. Order (DESIGN point 5):
 * before a phone is told the time, what already waits in its sockets is given
 * to it, at most 64 datagrams a socket.
 */
#include "emulator/netns/host.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_MAX 16 /* in one turn */

static const struct plan_phone *planned(const struct host *host)
{
	return &host->worker->plan->phones[host->number];
}

static void close_socket(struct host *host, ev_io *watcher)
{
	if (watcher->fd < 0)
		return;
	ev_io_stop(host->worker->loop, watcher);
	close(watcher->fd);
	ev_io_set(watcher, -1, EV_READ);
	worker_descriptor_closed(host->worker);
}

static void close_udp(struct host *host, ev_io *watcher)
{
	if (watcher->fd >= 0)
		host->worker->udp_drops += socket_drops(watcher->fd);
	close_socket(host, watcher);
}

static void watch(struct host *host, ev_io *watcher, int fd)
{
	ev_io_set(watcher, fd, EV_READ);
	ev_io_start(host->worker->loop, watcher);
	worker_descriptor_opened(host->worker);
}

/* --------------------------------------------------------------- actions */

/* Counts it where descriptors have run out; the result is then not the scenario's. */
static int note_shortage(struct host *host, int error)
{
	host->worker->shortages += error == -EMFILE || error == -ENFILE;
	return error;
}

static void open_peer_port(struct host *host)
{
	struct worker_answer answer = {.kind = PFS_EV_OPENED, .ok = 1};
	int udp, listener;

	if (host->udp.fd < 0) {
		answer.ok = note_shortage(host, socket_open_peer_port(host, &udp, &listener)) == 0;
		if (answer.ok) {
			watch(host, &host->udp, udp);
			ev_io_set(&host->listener, listener, EV_READ);
			worker_descriptor_opened(host->worker);
			fabric_phone_held_by(host->worker->fabric, host->number, udp);
			worker_descriptor_closed(host->worker); /* of the namespace */
		}
	}
	answer.descriptor = answer.ok ? host->listener.fd : -1;
	worker_answer(host->worker, &answer);
}

/* The listener goes first: the namespace's descriptor may take its place in a full table. */
static void close_peer_port(struct host *host)
{
	close_socket(host, &host->listener);
	if (host->udp.fd < 0)
		return;
	if (fabric_phone_hold(host->worker->fabric, host->number) == 0)
		worker_descriptor_opened(host->worker);
	else
		host->worker->event_errors++; /* with the socket the phone's network goes */
	close_udp(host, &host->udp);
}

void host_send_datagram(struct host *host, int fd, uint32_t address, uint16_t port, const struct pfs_action *action)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};

	if (sendto(fd, action->bytes, (size_t)action->length, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) >= 0)
		return;
	if (errno == EAGAIN || errno == ENOBUFS)
		host->worker->udp_drops++;
}

static void broadcast(struct host *host, const struct pfs_action *action)
{
	const struct plan_subnet *subnet = &host->worker->plan->subnets[planned(host)->subnet];
	uint32_t address = subnet->limited_broadcast ? INADDR_BROADCAST : subnet->network | ~subnet->netmask;

	crowd_send(host, address, action);
}

/* Failing this there is still ARP. */
static void introduce(struct host *host, uint32_t address)
{
	int64_t peer = plan_phone_at(host->worker->plan, planned(host)->subnet, address);

	if (peer >= 0)
		fabric_introduce(host->worker->fabric, host->number, (uint32_t)peer);
}

static void dial(struct host *host, const struct pfs_action *action)
{
	struct worker_answer answer = {.conn = action->conn};
	bool connecting;
	int fd = -EMFILE;

	if (worker_has_room(host->udp.fd, host->worker->connections_below)) {
		introduce(host, action->address);
		fd = socket_connect(host, action->address, &connecting);
	}
	note_shortage(host, fd);
	if (fd >= 0 && peer_new(host, fd, action->conn, action->address, connecting)) {
		worker_descriptor_opened(host->worker);
		if (connecting)
			return;
		answer.kind = PFS_EV_CONNECTED;
	} else {
		if (fd >= 0)
			close(fd);
		answer.kind = PFS_EV_LOST;
	}
	worker_answer(host->worker, &answer);
}

static void open_tftp(struct host *host)
{
	int fd;

	close_udp(host, &host->tftp);
	host->tftp_opened++;
	fd = socket_open_tftp(host);
	if (fd >= host->worker->transfers_below) {
		close(fd);
		fd = -EMFILE;
	}
	if (note_shortage(host, fd) >= 0)
		watch(host, &host->tftp, fd);
}

static void send_tftp(struct host *host, const struct pfs_action *action)
{
	const struct worker_answer refused = {.kind = PFS_EV_TFTP_REFUSED};

	if (host->tftp.fd < 0)
		open_tftp(host); /* descriptors had run out; the core's retransmissions come by here again */
	if (host->tftp.fd < 0)
		return;
	/* An ICMP that came for an earlier packet fails this call instead: take it off first. */
	if (socket_refused(host->tftp.fd))
		worker_answer(host->worker, &refused);
	host_send_datagram(host, host->tftp.fd, action->address, action->port, action);
}

/* True where a byte of file is still to be damaged on its way to this phone; asks once. */
static bool takes_damage(struct host *host, uint8_t file)
{
	uint8_t bit = (uint8_t)(1u << file);
	bool damage = host->damage_tcp & bit;

	host->damage_tcp &= (uint8_t)~bit;
	return damage;
}

/* A fault's moment may lie in the middle of a step; what it does to phones waits, damage to bytes does not. */
static void look_for_orders(struct worker *worker, uint64_t now_us)
{
	if (fault_engine_deadline(worker->ledger->faults) <= now_us)
		worker->orders_due(worker->run, worker);
}

/* The piece that an event brings, before it is stored. */
static void enter_bytes(struct host *host, const struct pfs_event *event, const struct pfs_action *action)
{
	struct worker *worker = host->worker;
	struct ledger *ledger = worker->ledger;
	uint64_t now_us = ledger_open(ledger, event->now_us);

	fault_engine_progress(ledger->faults, host->number, action->file,
			      host->store.files[action->file].have + action->length, now_us);
	look_for_orders(worker, now_us);
	if (event->kind == PFS_EV_BYTES)
		record_peer_bytes(ledger->record, host->number, action->length);
	else
		record_tftp_bytes(ledger->record, host->number, action->length);
	ledger_close(ledger);
}

/*
 * The fault engine hears first: damage that is due at so many percent falls on the
 * piece that brings them.
 */
static void take(struct host *host, const struct pfs_event *event, const struct pfs_action *action)
{
	struct worker *worker = host->worker;
	/* The data lies in one of the worker's own buffers. */
	uint8_t *data = (uint8_t *)(uintptr_t)event->data + action->skip;
	int error;

	assert(event->data && action->skip + action->length <= event->available);
	if (!action->length)
		return;
	enter_bytes(host, event, action);
	if (event->kind == PFS_EV_BYTES && takes_damage(host, action->file))
		data[0] ^= 0x01;
	error = store_take(&host->store, action->file, action->offset, data, (size_t)action->length);
	assert(error != -EINVAL);
	if (error)
		worker->event_errors++; /* no memory: the file will fail its verification */
}

static void verify(struct host *host, const struct pfs_action *action)
{
	struct worker_answer answer = {.kind = PFS_EV_VERIFIED, .file = action->file};

	answer.ok = store_verify(&host->store, action->file);
	worker_answer(host->worker, &answer);
}

static void trace(struct host *host, const struct pfs_event *event, const struct pfs_action *action)
{
	struct worker *worker = host->worker;
	struct ledger *ledger = worker->ledger;
	uint64_t now_us = ledger_open(ledger, event->now_us);

	if (action->trace.kind == PFS_TR_UPGRADED && !store_is_whole(&host->store))
		worker->installed_damaged++;
	record_trace(ledger->record, host->number, now_us, &action->trace);
	fault_engine_trace(ledger->faults, host->number, now_us, &action->trace);
	look_for_orders(worker, now_us);
	if (record_all_ended(ledger->record))
		worker->phones_ended(worker->run);
	ledger_close(ledger);
}

/* After the traces of the same step, as in the other world. */
static void enter_state(struct host *host, const struct pfs_event *event)
{
	struct worker *worker = host->worker;
	struct ledger *ledger = worker->ledger;
	uint64_t now_us = ledger_open(ledger, event->now_us);

	record_state(ledger->record, host->number, now_us, host->phone.state, host->phone.file);
	fault_engine_state(ledger->faults, host->number, host->phone.state, host->phone.file, now_us);
	look_for_orders(worker, now_us);
	ledger_close(ledger);
}

static void carry_out(struct host *host, const struct pfs_event *event, const struct pfs_action *action)
{
	switch ((enum pfs_action_kind)action->kind) {
	case PFS_ACT_OPEN:
		open_peer_port(host);
		break;
	case PFS_ACT_CLOSE:
		close_peer_port(host);
		break;
	case PFS_ACT_BROADCAST:
		broadcast(host, action);
		break;
	case PFS_ACT_CONNECT:
		dial(host, action);
		break;
	case PFS_ACT_SEND:
		peer_send(host, action->conn, action->bytes, (size_t)action->length);
		break;
	case PFS_ACT_SEND_FILE:
		peer_send_file(host, action->conn, action->file, action->offset, action->length);
		break;
	case PFS_ACT_SHUTDOWN:
		peer_shutdown(host, action->conn);
		break;
	case PFS_ACT_DROP:
		peer_drop(host, action->conn);
		break;
	case PFS_ACT_TAKE:
		take(host, event, action);
		break;
	case PFS_ACT_VERIFY:
		verify(host, action);
		break;
	case PFS_ACT_DISCARD:
		store_discard(&host->store, action->file);
		break;
	case PFS_ACT_TFTP_OPEN:
		open_tftp(host);
		break;
	case PFS_ACT_TFTP_SEND:
		send_tftp(host, action);
		break;
	case PFS_ACT_TFTP_CLOSE:
		close_udp(host, &host->tftp);
		break;
	case PFS_ACT_TRACE:
		trace(host, event, action);
		break;
	case PFS_ACT_KINDS:
		assert(!"action kind");
	}
}

/* -------------------------------------------------------------- stepping */

static uint32_t step(struct host *host, struct pfs_event *event)
{
	struct worker *worker = host->worker;
	uint32_t used, i;

	event->now_us = clock_now_us(&worker->clock);
	uint8_t before = host->phone.state;
	used = journal_step(worker->journal, host->number, &host->phone, event, &worker->actions);
	for (i = 0; i < worker->actions.count; i++)
		carry_out(host, event, &worker->actions.list[i]);
	peer_flush_all(host);
	if (host->phone.state != before)
		enter_state(host, event);
#ifdef FLEET_CHECK_PHONES
	{
		const char *broken = pfs_phone_check(&host->phone);

		if (broken) {
			fprintf(stderr, "phone %u: %s does not hold after event %d\n", host->number, broken, event->kind);
			abort();
		}
	}
#endif
	return used;
}

static bool give_answers(struct host *host)
{
	struct worker *worker = host->worker;
	bool given = false;

	while (worker->answer_count) {
		const struct worker_answer answer = worker->answers[worker->answer_first];
		struct pfs_event event = {.kind = answer.kind, .file = answer.file, .ok = answer.ok,
					  .conn = answer.conn, .descriptor = answer.descriptor};

		worker->answer_first = (worker->answer_first + 1) % WORKER_ANSWERS_MAX;
		worker->answer_count--;
		step(host, &event);
		given = true;
	}
	return given;
}

void host_give_answers(struct host *host)
{
	if (give_answers(host))
		host_settle(host);
}

uint32_t host_event(struct host *host, struct pfs_event *event)
{
	uint32_t consumed = 0, used;
	bool answered;

	do {
		used = step(host, event);
		answered = give_answers(host);
		consumed += used;
		if (event->kind != PFS_EV_BYTES)
			break;
		event->data += used;
		event->length -= used;
		event->available -= used;
	} while (event->length && (used || answered) && peer_lives(host, event->conn));
	host_settle(host);
	return consumed;
}

void host_settle(struct host *host)
{
	struct ev_loop *loop = host->worker->loop;

	if (!host->powered)
		return;
	timers_set(&host->worker->timers, &host->timer, pfs_deadline(&host->phone));
	if (host->listener.fd < 0)
		return;
	if (!host->starved && pfs_accept_conn(&host->phone) != PFS_NO_CONN)
		ev_io_start(loop, &host->listener);
	else
		ev_io_stop(loop, &host->listener);
}

/* ----------------------------------------------------------------- input */

static void read_udp(struct host *host)
{
	struct worker *worker = host->worker;
	int got = recvmmsg(host->udp.fd, worker->messages, WORKER_DATAGRAMS, MSG_DONTWAIT, NULL);
	int i;

	for (i = 0; i < got; i++) {
		const struct sockaddr_in *from = &worker->senders[i];
		struct pfs_event event = {.kind = PFS_EV_DATAGRAM, .address = ntohl(from->sin_addr.s_addr),
					  .port = ntohs(from->sin_port), .data = worker->vectors[i].iov_base,
					  .length = worker->messages[i].msg_len,
					  .available = worker->messages[i].msg_len};

		worker->messages[i].msg_hdr.msg_namelen = sizeof(*from);
		if (host->udp.fd >= 0) /* else the phone has closed its port over one of these */
			host_event(host, &event);
	}
}

static void read_tftp(struct host *host)
{
	uint32_t opened = host->tftp_opened;
	bool refused = false;
	int turn;

	for (turn = 0; turn < WORKER_DATAGRAMS && host->tftp.fd >= 0 && host->tftp_opened == opened; turn++) {
		struct pfs_event event = {.kind = PFS_EV_TFTP, .data = host->worker->read_buffer};
		struct sockaddr_in from;
		socklen_t length = sizeof(from);
		ssize_t got = recvfrom(host->tftp.fd, host->worker->read_buffer, WORKER_READ_BYTES, MSG_DONTWAIT,
				       (struct sockaddr *)&from, &length);

		if (got < 0 && turn)
			break;
		if (got < 0) {
			refused = socket_refused(host->tftp.fd);
			break;
		}
		event.address = ntohl(from.sin_addr.s_addr);
		event.port = ntohs(from.sin_port);
		event.length = event.available = (uint32_t)got;
		host_event(host, &event);
	}
	if (refused) {
		struct pfs_event event = {.kind = PFS_EV_TFTP_REFUSED};

		host_event(host, &event);
	}
}

/* No descriptor: the connection stays in the listen queue until one is free; never spun on. */
static void starve(struct host *host)
{
	host->worker->shortages++;
	host->starved = true;
	host->starved_next = host->worker->starved;
	host->worker->starved = host;
}

static void accept_all(struct host *host)
{
	int turn;

	for (turn = 0; turn < ACCEPTS_MAX && host->listener.fd >= 0; turn++) {
		struct pfs_event event = {.kind = PFS_EV_ACCEPTED, .conn = pfs_accept_conn(&host->phone)};
		struct sockaddr_in from;
		socklen_t length = sizeof(from);
		int fd;

		if (event.conn == PFS_NO_CONN)
			break;
		if (!worker_has_room(host->listener.fd, host->worker->connections_below)) {
			starve(host);
			break;
		}
		fd = accept4(host->listener.fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
			starve(host);
		if (fd < 0)
			break;
		socket_tune_tcp(fd);
		event.address = ntohl(from.sin_addr.s_addr);
		if (!peer_new(host, fd, event.conn, event.address, false)) {
			close(fd);
			break;
		}
		worker_descriptor_opened(host->worker);
		host_event(host, &event);
	}
	host_settle(host);
}

static void on_udp(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct host *host = (struct host *)watcher->data;

	(void)loop;
	(void)events;
	read_udp(host);
	worker_catch_up(host->worker);
}

static void on_tftp(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct host *host = (struct host *)watcher->data;

	(void)loop;
	(void)events;
	read_tftp(host);
	worker_catch_up(host->worker);
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct host *host = (struct host *)watcher->data;

	(void)loop;
	(void)events;
	accept_all(host);
	worker_catch_up(host->worker);
}

/* ---------------------------------------------------------- time, power */

static void start(struct host *host)
{
	struct worker *worker = host->worker;
	struct pfs_event event = {.kind = PFS_EV_START};
	struct pfs_config config;
	uint64_t late_us = clock_now_us(&worker->clock) - host->timer.due_us;
	int error;

	if (late_us > worker->start_late_max_us)
		worker->start_late_max_us = late_us;
	memset(&config, 0, sizeof(config));
	plan_phone_config(worker->plan, host->number, worker->traditional, host->boot, &config);
	error = journal_phone_init(worker->journal, host->number, &host->phone, &config);
	assert(!error);
	(void)error;
	host->powered = true;
	host->log_silent = false;
	host_event(host, &event);
}

static void tell_time(struct host *host)
{
	struct worker *worker = host->worker;
	struct pfs_event event = {.kind = PFS_EV_TIME};
	uint64_t due_us, now_us;

	if (host->udp.fd >= 0)
		read_udp(host);
	if (host->tftp.fd >= 0)
		read_tftp(host);
	peer_drain_all(host);
	if (ev_is_active(&host->listener))
		accept_all(host);
	due_us = pfs_deadline(&host->phone);
	now_us = clock_now_us(&worker->clock);
	if (due_us > now_us) {
		host_settle(host);
		return;
	}
	histogram_add(&worker->timer_lag, now_us - due_us);
	host_event(host, &event);
}

static void on_timer(struct timer *timer)
{
	struct host *host = (struct host *)((char *)timer - offsetof(struct host, timer));

	if (host->powered)
		tell_time(host);
	else
		start(host);
	worker_carry_wan(host->worker);
}

void host_init(struct host *host, struct worker *worker, uint32_t number)
{
	memset(host, 0, sizeof(*host));
	host->worker = worker;
	host->number = number;
	host->timer.fire = on_timer;
	host->log_fd = -1;
	store_init(&host->store, plan_phone_firmware(worker->plan, number));
	ev_io_init(&host->udp, on_udp, -1, EV_READ);
	ev_io_init(&host->listener, on_acceptable, -1, EV_READ);
	ev_io_init(&host->tftp, on_tftp, -1, EV_READ);
	host->udp.data = host->listener.data = host->tftp.data = host;
}

void host_start_at(struct host *host, uint64_t at_us)
{
	timers_set(&host->worker->timers, &host->timer, at_us);
}

static void leave_starved(struct host *host)
{
	struct host **link = &host->worker->starved;

	while (*link && *link != host)
		link = &(*link)->starved_next;
	if (*link)
		*link = host->starved_next;
	host->starved_next = NULL;
	host->starved = false;
}

void host_power_off(struct host *host)
{
	int slot;

	timers_set(&host->worker->timers, &host->timer, UINT64_MAX);
	for (slot = 0; slot < PFS_CONNS_MAX; slot++)
		peer_close_slot(host, slot);
	close_peer_port(host);
	close_udp(host, &host->tftp);
	leave_starved(host);
	if (host->log_fd >= 0) {
		close(host->log_fd);
		host->log_fd = -1;
		worker_descriptor_closed(host->worker);
	}
	store_clear(&host->store);
	host->damage_tcp = 0;
	if (host->powered)
		host->boot++;
	host->powered = false;
}

/* ------------------------------------------------------------------- F14 */

void host_log_line(struct host *host, int severity, bool pfs, const char *line)
{
	const struct plan_log_server *server = &host->worker->plan->log_server;

	if (host->log_silent || !plan_log_sends(server, severity, pfs))
		return;
	if (host->log_fd < 0) {
		host->log_fd = socket_open_log(host, server->address, server->port);
		if (host->log_fd < 0)
			return;
		worker_descriptor_opened(host->worker);
	}
	if (send(host->log_fd, line, strlen(line), MSG_DONTWAIT) >= 0 || errno != ECONNREFUSED)
		return;
	host->log_silent = true;
	close(host->log_fd);
	host->log_fd = -1;
	worker_descriptor_closed(host->worker);
}
