/*
 * The TFTP server on real sockets.
 *
 * A transfer is known by two TIDs, the client's and the server's (RFC 1350
 * section 4), so one port can serve many clients: whoever else sends to it, and
 * whoever has no transfer there any more, gets ERROR 5. Transfers share a port
 * because system calls for each client are what a block costs most beside its
 * sending: one epoll_wait and one recvmmsg now fetch the ACKs of all who answered
 * meanwhile. What the RFC wants of a TID is kept: the port is opened when a
 * transfer needs it, with a number that the kernel draws, and closed with the
 * last; and a client that asks again from the port it used before gets another
 * number than the one it had, or what is still under way from the old transfer
 * could be taken for the new one's. That is what the second port is for.
 *
 * The ports are bound and not connected: a connected one would let the kernel
 * answer a stranger with port unreachable.
 *
 * Each DATA is a sendto of its own (to copy 512 bytes costs less than to have
 * the kernel read a vector, and sendmmsg's reading of headers costs what it saves
 * in calls). Large blocks go from the file's memory by sendmsg. A packet that the
 * kernel does not take is lost as on a wire: retransmission mends it, and it is
 * counted.
 *
 * One timerfd carries the server's earliest deadline. libev's own timers are a
 * millisecond coarse, and ACKs move the deadline back much more often than it
 * falls due: so the timer is only ever set to something earlier, and set anew
 * when it has fired. When it fires, what lies in the sockets concerned is read
 * first: an ACK that has arrived must not lose to a time-out (DESIGN: input
 * goes before time-outs).
 */
#include "emulator/hq/tftp_adapter.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define RECEIVE_BUFFER_BYTES (8u << 20)
#define PACKET_ROOM (TFTP_REQUEST_MAX + 4) /* one byte too many is enough to be seen as too long */
#define WAIT_MAX_US UINT64_C(3600000000)   /* the longest wait the timer is set to; it is set again then */
#define DAMAGE_ROOM 65464
#define WHOLE_MAX 2048
#define LAST_ROOM 1024 /* a power of two */

struct port {
	struct ev_io io;
	struct tftp_adapter *adapter;
	int fd;                /* -1: none */
	uint32_t transfers;    /* that answer from it; port 69 has none */
	uint64_t read_in_turn; /* the timer's turn in which it was last read */
};

struct last {
	uint32_t address;
	uint16_t port;
	uint16_t number; /* 1 + the index of the port that this client had; 0: nobody */
};

struct tftp_adapter {
	struct tftp_adapter_config config;
	struct tftp_adapter_counters counters;
	struct port request_port;
	struct port ports[TFTP_ADAPTER_PORTS];
	struct port **port_of;       /* of each transfer; NULL where it has none */
	struct last last[LAST_ROOM]; /* who came last of each hash of a client's TID */
	struct ev_io timer_io;
	int timer_fd;
	uint64_t armed_us; /* deadline the timer is set to; UINT64_MAX: not set */
	uint64_t turn;     /* times that the timer fired */
	uint16_t port;
	struct mmsghdr messages[TFTP_ADAPTER_BATCH];
	struct iovec vectors[TFTP_ADAPTER_BATCH];
	struct sockaddr_in senders[TFTP_ADAPTER_BATCH];
	uint8_t packets[TFTP_ADAPTER_BATCH][PACKET_ROOM];
	uint8_t damaged[DAMAGE_ROOM];
	uint8_t whole[WHOLE_MAX]; /* a packet to send, header and payload in one piece */
};

static uint64_t now_us(const struct tftp_adapter *adapter)
{
	return adapter->config.now_us(adapter->config.context);
}

static uint64_t socket_drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t length = sizeof(info);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &length))
		return 0;
	return info[SK_MEMINFO_DROPS];
}

/* --------------------------------------------------------------- sockets */

static void count_descriptor(struct tftp_adapter *adapter)
{
	if (++adapter->counters.sockets_open > adapter->counters.sockets_peak)
		adapter->counters.sockets_peak = adapter->counters.sockets_open;
}

static void port_close(struct port *port)
{
	struct tftp_adapter *adapter = port->adapter;

	if (port->fd < 0)
		return;
	adapter->counters.kernel_drops += socket_drops(port->fd);
	ev_io_stop(adapter->config.loop, &port->io);
	close(port->fd);
	port->fd = -1;
	adapter->counters.sockets_open--;
}

/* Root may pass the host's limit; others get what rmem_max allows. */
static void enlarge_buffer(const struct tftp_adapter *adapter, int fd)
{
	int bytes = RECEIVE_BUFFER_BYTES;

	if (adapter->config.receive_buffer_bytes)
		bytes = (int)adapter->config.receive_buffer_bytes;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

/*
 * A packet that may not be fragmented needs no number for its fragments, which
 * the kernel draws at a thirtieth of a block's cost. Blocks of 512 bytes fit
 * everywhere; the first that does not comes back with EMSGSIZE.
 */
static void set_fragments(int fd, bool allowed)
{
	int discover = allowed ? IP_PMTUDISC_WANT : IP_PMTUDISC_DO;

	setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover));
}

static int port_open(struct port *port, uint16_t number)
{
	struct tftp_adapter *adapter = port->adapter;
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(number),
		.sin_addr.s_addr = htonl(adapter->config.address),
	};
	int fd = adapter->config.open_socket(adapter->config.context);

	if (fd < 0)
		return fd;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address))) {
		int error = -errno;

		close(fd);
		return error;
	}
	enlarge_buffer(adapter, fd);
	set_fragments(fd, false);
	port->fd = fd;
	ev_io_set(&port->io, fd, EV_READ);
	ev_io_start(adapter->config.loop, &port->io);
	count_descriptor(adapter);
	return 0;
}

static void port_init(struct port *port, struct tftp_adapter *adapter,
		      void (*readable)(struct ev_loop *, struct ev_io *, int))
{
	port->adapter = adapter;
	port->fd = -1;
	ev_io_init(&port->io, readable, -1, EV_READ);
	port->io.data = port;
}

/* ---------------------------------------------------------------- ports */

static struct last *last_of(struct tftp_adapter *adapter, uint32_t address, uint16_t port)
{
	uint64_t hash = ((uint64_t)address << 16 | port) * UINT64_C(0x9e3779b97f4a7c15);

	return &adapter->last[(uint32_t)(hash >> 32) % LAST_ROOM];
}

/* The fullest that is open and not the excepted one, or else one to open; NULL where no socket can be had. */
static struct port *choose_port(struct tftp_adapter *adapter, const struct port *except)
{
	struct port *fullest = NULL, *closed = NULL;

	for (uint32_t i = 0; i < TFTP_ADAPTER_PORTS; i++) {
		struct port *port = &adapter->ports[i];

		if (port == except)
			continue;
		if (port->fd < 0)
			closed = port;
		else if (!fullest || port->transfers > fullest->transfers)
			fullest = port;
	}
	if (fullest)
		return fullest;
	return port_open(closed, 0) < 0 ? NULL : closed;
}

static struct port *take_port(struct tftp_adapter *adapter, const struct tftp_output *output)
{
	struct last *last = last_of(adapter, output->address, output->port);
	bool came_before = last->number && last->address == output->address && last->port == output->port;
	struct port *port = choose_port(adapter, came_before ? &adapter->ports[last->number - 1] : NULL);

	if (!port)
		return NULL;
	*last = (struct last){ output->address, output->port, (uint16_t)(port - adapter->ports + 1) };
	port->transfers++;
	adapter->port_of[output->transfer] = port;
	return port;
}

static void leave_port(struct tftp_adapter *adapter, uint32_t transfer)
{
	struct port *port = adapter->port_of[transfer];

	adapter->port_of[transfer] = NULL;
	if (port && !--port->transfers)
		port_close(port);
}

/* -------------------------------------------------------------- sending */

/* Points the vector at a copy of the payload with one byte flipped, where the damage fault wants it. */
static void maybe_damage(struct tftp_adapter *adapter, const struct tftp_output *output,
			 struct iovec *payload)
{
	uint32_t index = 0;

	if (!adapter->config.damage || !output->payload_length ||
	    !adapter->config.damage(adapter->config.context, output, &index) ||
	    index >= output->payload_length)
		return;
	memcpy(adapter->damaged, output->payload, output->payload_length);
	adapter->damaged[index] ^= 0xff;
	payload->iov_base = adapter->damaged;
	adapter->counters.damaged++;
}

static ssize_t hand_over(struct tftp_adapter *adapter, int fd, const struct tftp_output *output,
			 const struct iovec *payload)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(output->port),
		.sin_addr.s_addr = htonl(output->address),
	};
	size_t length = (size_t)output->header_length + payload->iov_len;

	if (length > WHOLE_MAX) {
		struct iovec vectors[2] = { { (void *)output->header, output->header_length }, *payload };
		const struct msghdr message = {
			.msg_name = &to,
			.msg_namelen = sizeof(to),
			.msg_iov = vectors,
			.msg_iovlen = 2,
		};

		return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	memcpy(adapter->whole, output->header, output->header_length);
	if (payload->iov_len)
		memcpy(adapter->whole + output->header_length, payload->iov_base, payload->iov_len);
	return sendto(fd, adapter->whole, length, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&to,
		      sizeof(to));
}

static void send_output(struct tftp_adapter *adapter, int fd, const struct tftp_output *output)
{
	struct iovec payload = { (void *)output->payload, output->payload_length };
	ssize_t sent;

	maybe_damage(adapter, output, &payload);
	sent = hand_over(adapter, fd, output, &payload);
	if (sent < 0 && errno == EMSGSIZE) {
		set_fragments(fd, true);
		sent = hand_over(adapter, fd, output, &payload);
	}
	if (sent < 0)
		adapter->counters.send_errors++;
}

/* Carries an output of the server out. */
static void apply(struct tftp_adapter *adapter, const struct tftp_output *output)
{
	struct port *port = &adapter->request_port;

	if (output->transfer != TFTP_NO_TRANSFER)
		port = adapter->port_of[output->transfer];
	if (output->started) {
		leave_port(adapter, output->transfer); /* it has one where the client asked for another file */
		port = take_port(adapter, output);
		if (!port) {
			struct tftp_output refusal;

			adapter->counters.socket_errors++;
			tftp_server_cancel(adapter->config.server, output->transfer, &refusal);
			send_output(adapter, adapter->request_port.fd, &refusal);
			return;
		}
	}
	if (output->send && port)
		send_output(adapter, port->fd, output);
	if (output->ended)
		leave_port(adapter, output->transfer);
}

/* ------------------------------------------------------------ receiving */

/* In batches: thousands may speak in one instant. The vectors stay as they are; the kernel writes lengths. */
static void prepare_batch(struct tftp_adapter *adapter)
{
	for (int i = 0; i < TFTP_ADAPTER_BATCH; i++) {
		adapter->vectors[i] = (struct iovec){ adapter->packets[i], PACKET_ROOM };
		adapter->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &adapter->senders[i],
			.msg_namelen = sizeof(adapter->senders[i]),
			.msg_iov = &adapter->vectors[i],
			.msg_iovlen = 1,
		};
	}
}

static void read_requests(struct tftp_adapter *adapter)
{
	int count = recvmmsg(adapter->request_port.fd, adapter->messages, TFTP_ADAPTER_BATCH, MSG_DONTWAIT, NULL);
	struct tftp_output output;

	for (int i = 0; i < count; i++) {
		tftp_server_request(adapter->config.server, now_us(adapter),
				    ntohl(adapter->senders[i].sin_addr.s_addr),
				    ntohs(adapter->senders[i].sin_port), adapter->packets[i],
				    adapter->messages[i].msg_len, &output);
		apply(adapter, &output);
	}
}

/* One packet to a port of transfers: its sender's transfer answers it, if that one has this port. */
static void read_packet(struct port *port, uint64_t now, const struct sockaddr_in *from, const uint8_t *data,
			size_t length)
{
	struct tftp_adapter *adapter = port->adapter;
	struct tftp_server *server = adapter->config.server;
	uint32_t address = ntohl(from->sin_addr.s_addr);
	uint16_t number = ntohs(from->sin_port);
	uint32_t transfer = tftp_server_find(server, address, number);
	struct tftp_output output;

	if (transfer != TFTP_NO_TRANSFER && adapter->port_of[transfer] == port) {
		tftp_server_packet(server, now, transfer, address, number, data, length, &output);
		apply(adapter, &output);
		return;
	}
	tftp_server_stranger(server, address, number, data, length, &output);
	if (output.send)
		send_output(adapter, port->fd, &output);
}

/* Packets to ask for at once: each transfer has one under way (lock-step), and to look for more costs. */
static uint32_t batch_of(const struct port *port)
{
	return port->transfers < TFTP_ADAPTER_BATCH ? port->transfers : TFTP_ADAPTER_BATCH;
}

/* Reads a batch at most. Returns how many packets there were. */
static uint32_t read_port(struct port *port, uint32_t batch)
{
	struct tftp_adapter *adapter = port->adapter;
	int count = recvmmsg(port->fd, adapter->messages, batch, MSG_DONTWAIT, NULL);
	uint64_t now = now_us(adapter);

	/* Once its last transfer is over, it is closed, and what else came is nobody's. */
	for (int i = 0; i < count && port->fd >= 0; i++)
		read_packet(port, now, &adapter->senders[i], adapter->packets[i],
			    adapter->messages[i].msg_len);
	return count > 0 ? (uint32_t)count : 0;
}

/* Reads what its transfers may have sent, and a batch of what else may be among it. */
static void drain_port(struct port *port)
{
	uint32_t left = port->transfers + TFTP_ADAPTER_BATCH;

	while (port->fd >= 0) {
		uint32_t batch = batch_of(port), count = read_port(port, batch);

		if (count < batch || count >= left)
			return;
		left -= count;
	}
}

/* ----------------------------------------------------------------- time */

static void set_timer(struct tftp_adapter *adapter)
{
	struct itimerspec timer = { 0 };
	uint64_t deadline_us, now, wait_us, wait_ns;

	if (tftp_server_deadline_bound(adapter->config.server) >= adapter->armed_us)
		return;
	deadline_us = tftp_server_deadline(adapter->config.server);
	if (deadline_us >= adapter->armed_us)
		return;
	now = now_us(adapter);
	wait_us = deadline_us > now ? deadline_us - now : 0;
	if (wait_us > WAIT_MAX_US)
		wait_us = WAIT_MAX_US;
	/* Rounded up, and never 0, which would disarm the timer. */
	wait_ns = wait_us * 1000000 / adapter->config.speed_milli + 1;
	timer.it_value.tv_sec = (time_t)(wait_ns / 1000000000);
	timer.it_value.tv_nsec = (long)(wait_ns % 1000000000);
	if (timerfd_settime(adapter->timer_fd, 0, &timer, NULL))
		abort(); /* every value is in range: it is our own descriptor that is broken */
	adapter->armed_us = deadline_us;
}

static void on_requests(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct port *port = io->data;

	(void)loop;
	(void)events;
	read_requests(port->adapter);
	set_timer(port->adapter);
}

static void on_packets(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct port *port = io->data;

	(void)loop;
	(void)events;
	read_port(port, batch_of(port)); /* what else there is the loop comes back for */
	set_timer(port->adapter);
}

static void expire(struct tftp_adapter *adapter)
{
	struct tftp_server *server = adapter->config.server;
	struct tftp_output output;
	uint64_t now = now_us(adapter);

	while (tftp_server_deadline(server) <= now) {
		struct port *port = adapter->port_of[tftp_server_first_due(server)];

		if (port && port->read_in_turn != adapter->turn) {
			port->read_in_turn = adapter->turn;
			drain_port(port);
			continue;
		}
		if (tftp_server_expire(server, now, &output))
			apply(adapter, &output);
	}
}

static void on_timer(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct tftp_adapter *adapter = io->data;
	uint64_t fired;

	(void)loop;
	(void)events;
	if (read(adapter->timer_fd, &fired, sizeof(fired)) < 0)
		return; /* set to something later since it fired */
	adapter->armed_us = UINT64_MAX;
	adapter->turn++;
	if (adapter->request_port.fd >= 0)
		read_requests(adapter);
	expire(adapter);
	set_timer(adapter);
}

/* ------------------------------------------------------------ interface */

int tftp_adapter_start(struct tftp_adapter *adapter)
{
	struct sockaddr_in address = { 0 };
	socklen_t length = sizeof(address), bytes_length = sizeof(int);
	int error, bytes;

	if (adapter->request_port.fd >= 0)
		return 0;
	error = port_open(&adapter->request_port, adapter->config.port);
	if (error < 0)
		return error;
	if (!getsockopt(adapter->request_port.fd, SOL_SOCKET, SO_RCVBUF, &bytes, &bytes_length))
		adapter->counters.receive_buffer_bytes = (uint64_t)bytes;
	if (!getsockname(adapter->request_port.fd, (struct sockaddr *)&address, &length))
		adapter->port = ntohs(address.sin_port);
	return 0;
}

void tftp_adapter_stop(struct tftp_adapter *adapter)
{
	port_close(&adapter->request_port);
	for (uint32_t i = 0; i < TFTP_ADAPTER_PORTS; i++) {
		port_close(&adapter->ports[i]);
		adapter->ports[i].transfers = 0;
	}
	for (uint32_t i = 0; i < tftp_server_serving_max(adapter->config.server); i++)
		adapter->port_of[i] = NULL;
	tftp_server_reset(adapter->config.server);
	adapter->port = 0;
}

uint16_t tftp_adapter_port(const struct tftp_adapter *adapter)
{
	return adapter->port;
}

void tftp_adapter_counters(const struct tftp_adapter *adapter, struct tftp_adapter_counters *counters)
{
	*counters = adapter->counters;
	counters->kernel_drops += socket_drops(adapter->request_port.fd);
	for (uint32_t i = 0; i < TFTP_ADAPTER_PORTS; i++)
		counters->kernel_drops += socket_drops(adapter->ports[i].fd);
}

static int open_timer(struct tftp_adapter *adapter)
{
	adapter->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (adapter->timer_fd < 0)
		return -errno;
	ev_io_init(&adapter->timer_io, on_timer, adapter->timer_fd, EV_READ);
	adapter->timer_io.data = adapter;
	ev_io_start(adapter->config.loop, &adapter->timer_io);
	count_descriptor(adapter);
	return 0;
}

int tftp_adapter_new(const struct tftp_adapter_config *config, struct tftp_adapter **result)
{
	struct tftp_adapter *adapter;
	uint32_t transfers;
	int error;

	if (!config->speed_milli)
		return -EINVAL;
	adapter = calloc(1, sizeof(*adapter));
	if (!adapter)
		return -ENOMEM;
	adapter->config = *config;
	adapter->timer_fd = -1;
	adapter->armed_us = UINT64_MAX;
	transfers = tftp_server_serving_max(config->server);
	adapter->port_of = calloc(transfers ? transfers : 1, sizeof(struct port *));
	if (!adapter->port_of) {
		free(adapter);
		return -ENOMEM;
	}
	prepare_batch(adapter);
	port_init(&adapter->request_port, adapter, on_requests);
	for (uint32_t i = 0; i < TFTP_ADAPTER_PORTS; i++)
		port_init(&adapter->ports[i], adapter, on_packets);
	error = open_timer(adapter);
	if (!error)
		error = tftp_adapter_start(adapter);
	if (error < 0) {
		tftp_adapter_free(adapter);
		return error;
	}
	*result = adapter;
	return 0;
}

void tftp_adapter_free(struct tftp_adapter *adapter)
{
	if (!adapter)
		return;
	tftp_adapter_stop(adapter);
	if (adapter->timer_fd >= 0) {
		ev_io_stop(adapter->config.loop, &adapter->timer_io);
		close(adapter->timer_fd);
	}
	free(adapter->port_of);
	free(adapter);
}
