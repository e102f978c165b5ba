/*
 * The TFTP server on real sockets.
 *
 * Transfer sockets are bound and not connected: a connected one would let the
 * kernel answer a stranger with port unreachable, where RFC 1350 section 4 has
 * the server answer with ERROR 5.
 *
 * What a block costs is system calls, so they are the plainest there are: one
 * recvfrom for the ACK (lock-step: there is no second packet to batch with, and
 * recvmmsg's preparations cost a tenth of a block) and one sendto for the DATA
 * (to copy 512 bytes costs less than to have the kernel read a vector). Large
 * blocks go from the file's memory by sendmsg. A packet that the kernel does not
 * take is lost as on a wire: retransmission mends it, and it is counted.
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

struct port {
	struct ev_io io;
	struct tftp_adapter *adapter;
	uint32_t transfer;
	int fd;                /* -1: none */
	uint64_t read_in_turn; /* the timer's turn in which it was last read */
};

struct tftp_adapter {
	struct tftp_adapter_config config;
	struct tftp_adapter_counters counters;
	struct port request_port;
	struct port *ports; /* one a transfer */
	uint32_t port_count;
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
	port->fd = fd;
	ev_io_set(&port->io, fd, EV_READ);
	ev_io_start(adapter->config.loop, &port->io);
	count_descriptor(adapter);
	return 0;
}

static void port_init(struct port *port, struct tftp_adapter *adapter, uint32_t transfer,
		      void (*readable)(struct ev_loop *, struct ev_io *, int))
{
	port->adapter = adapter;
	port->transfer = transfer;
	port->fd = -1;
	ev_io_init(&port->io, readable, -1, EV_READ);
	port->io.data = port;
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

static void send_output(struct tftp_adapter *adapter, int fd, const struct tftp_output *output)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(output->port),
		.sin_addr.s_addr = htonl(output->address),
	};
	struct iovec vectors[2] = {
		{ .iov_base = (void *)output->header, .iov_len = output->header_length },
		{ .iov_base = (void *)output->payload, .iov_len = output->payload_length },
	};
	const struct msghdr message = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = vectors,
		.msg_iovlen = output->payload_length ? 2 : 1,
	};
	size_t length = (size_t)output->header_length + output->payload_length;
	ssize_t sent;

	maybe_damage(adapter, output, &vectors[1]);
	if (length <= WHOLE_MAX) {
		memcpy(adapter->whole, output->header, output->header_length);
		if (output->payload_length)
			memcpy(adapter->whole + output->header_length, vectors[1].iov_base, output->payload_length);
		sent = sendto(fd, adapter->whole, length, MSG_DONTWAIT | MSG_NOSIGNAL,
			      (const struct sockaddr *)&to, sizeof(to));
	} else {
		sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	if (sent < 0)
		adapter->counters.send_errors++;
}

/* Carries an output of the server out. */
static void apply(struct tftp_adapter *adapter, const struct tftp_output *output)
{
	struct port *port = &adapter->request_port;

	if (output->transfer != TFTP_NO_TRANSFER)
		port = &adapter->ports[output->transfer];
	if (output->started) {
		port_close(port); /* open only where the client used its port for another file */
		if (port_open(port, 0) < 0) {
			struct tftp_output refusal;

			adapter->counters.socket_errors++;
			tftp_server_cancel(adapter->config.server, output->transfer, &refusal);
			send_output(adapter, adapter->request_port.fd, &refusal);
			return;
		}
	}
	if (output->send && port->fd >= 0)
		send_output(adapter, port->fd, output);
	if (output->ended)
		port_close(port);
}

/* ------------------------------------------------------------ receiving */

/* Port 69 in batches: thousands may ask in one instant. The vectors stay as they are; the kernel writes lengths. */
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
		adapter->messages[i].msg_hdr.msg_namelen = sizeof(adapter->senders[i]);
		tftp_server_request(adapter->config.server, now_us(adapter),
				    ntohl(adapter->senders[i].sin_addr.s_addr),
				    ntohs(adapter->senders[i].sin_port), adapter->packets[i],
				    adapter->messages[i].msg_len, &output);
		apply(adapter, &output);
	}
}

/* Reads at most so many packets of a transfer's port and lets the server answer each. */
static void read_transfer(struct port *port, int packets_max)
{
	struct tftp_adapter *adapter = port->adapter;
	struct tftp_output output;

	/* Where its transfer is over, what came after the last ACK is nobody's. */
	for (int i = 0; i < packets_max && port->fd >= 0; i++) {
		struct sockaddr_in from;
		socklen_t from_length = sizeof(from);
		ssize_t got = recvfrom(port->fd, adapter->packets[0], PACKET_ROOM, MSG_DONTWAIT,
				       (struct sockaddr *)&from, &from_length);

		if (got < 0)
			return;
		tftp_server_packet(adapter->config.server, now_us(adapter), port->transfer,
				   ntohl(from.sin_addr.s_addr), ntohs(from.sin_port), adapter->packets[0],
				   (size_t)got, &output);
		apply(adapter, &output);
	}
}

/* ----------------------------------------------------------------- time */

static void set_timer(struct tftp_adapter *adapter)
{
	uint64_t deadline_us = tftp_server_deadline(adapter->config.server);
	struct itimerspec timer = { 0 };
	uint64_t now, wait_us, wait_ns;

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

static void on_transfer(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct port *port = io->data;

	(void)loop;
	(void)events;
	read_transfer(port, 1); /* what else there is the loop comes back for */
	set_timer(port->adapter);
}

static void expire(struct tftp_adapter *adapter)
{
	struct tftp_server *server = adapter->config.server;
	struct tftp_output output;
	uint64_t now = now_us(adapter);

	while (tftp_server_deadline(server) <= now) {
		struct port *port = &adapter->ports[tftp_server_first_due(server)];

		if (port->fd >= 0 && port->read_in_turn != adapter->turn) {
			port->read_in_turn = adapter->turn;
			read_transfer(port, TFTP_ADAPTER_BATCH);
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

/* Root may pass the host's limit; others get what rmem_max allows. */
static void enlarge_buffer(struct tftp_adapter *adapter, int fd)
{
	int bytes = RECEIVE_BUFFER_BYTES;
	socklen_t length = sizeof(bytes);

	if (adapter->config.receive_buffer_bytes)
		bytes = (int)adapter->config.receive_buffer_bytes;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (!getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &length))
		adapter->counters.receive_buffer_bytes = (uint64_t)bytes;
}

int tftp_adapter_start(struct tftp_adapter *adapter)
{
	struct sockaddr_in address = { 0 };
	socklen_t length = sizeof(address);
	int error;

	if (adapter->request_port.fd >= 0)
		return 0;
	error = port_open(&adapter->request_port, adapter->config.port);
	if (error < 0)
		return error;
	enlarge_buffer(adapter, adapter->request_port.fd);
	if (!getsockname(adapter->request_port.fd, (struct sockaddr *)&address, &length))
		adapter->port = ntohs(address.sin_port);
	return 0;
}

void tftp_adapter_stop(struct tftp_adapter *adapter)
{
	port_close(&adapter->request_port);
	for (uint32_t i = 0; i < adapter->port_count; i++)
		port_close(&adapter->ports[i]);
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
	for (uint32_t i = 0; i < adapter->port_count; i++)
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
	int error;

	if (!config->speed_milli)
		return -EINVAL;
	adapter = calloc(1, sizeof(*adapter));
	if (!adapter)
		return -ENOMEM;
	adapter->config = *config;
	adapter->timer_fd = -1;
	adapter->armed_us = UINT64_MAX;
	adapter->port_count = tftp_server_serving_max(config->server);
	adapter->ports = calloc(adapter->port_count ? adapter->port_count : 1, sizeof(*adapter->ports));
	if (!adapter->ports) {
		free(adapter);
		return -ENOMEM;
	}
	prepare_batch(adapter);
	port_init(&adapter->request_port, adapter, TFTP_NO_TRANSFER, on_requests);
	for (uint32_t i = 0; i < adapter->port_count; i++)
		port_init(&adapter->ports[i], adapter, i, on_transfer);
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
	free(adapter->ports);
	free(adapter);
}
