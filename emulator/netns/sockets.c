/*
 * The sockets of a phone. Every TCP socket is born with SO_LINGER {1, 0}, the
 * listener too, from which accepted ones have it: should the process be
 * killed, no orphan stays behind that pins its namespace for a minute. Data
 * is not lost by it, since a connection that ends in good order ends by
 * shutdown.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emulator/netns/host.h"

#define BACKLOG 4096
/*
 * Enough for a mass reset's broadcasts to wait while the process is held up.
 * Without privilege over the host the kernel grants rmem_max at most.
 */
#define UDP_RECEIVE_BYTES (1024 * 1024)
/*
 * What one connection may keep in the kernel on its way out. The bandwidth
 * times delay of a LAN port is far below; without a bound, autotuning would
 * let each of thousands of parents put megabytes there.
 */
#define TCP_SEND_BYTES (128 * 1024)

static const int on = 1;

struct request {
	struct host *host;
	uint32_t address;
	uint16_t port;
	bool connecting;
	int fds[2];
};

static struct sockaddr_in endpoint(uint32_t address, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
}

static int own_address(const struct host *host, struct sockaddr_in *address)
{
	*address = endpoint(host->worker->plan->phones[host->number].address, 0);
	return 0;
}

static int close_with(int fd, int error)
{
	close(fd);
	return error;
}

void socket_tune_tcp(int fd)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	const int bytes = TCP_SEND_BYTES;

	/* None of these can fail on a TCP socket; the linger is the one that matters. */
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
		assert(!"SO_LINGER");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static void enlarge_receive_queue(int fd)
{
	const int bytes = UDP_RECEIVE_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

static int open_udp(void)
{
	struct sockaddr_in any = endpoint(INADDR_ANY, PFS_PORT);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		return close_with(fd, -errno);
	enlarge_receive_queue(fd);
	return fd;
}

static int open_listener(void)
{
	struct sockaddr_in any = endpoint(INADDR_ANY, PFS_PORT);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	socket_tune_tcp(fd);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, BACKLOG) < 0)
		return close_with(fd, -errno);
	return fd;
}

static int in_phone_peer_port(void *context)
{
	struct request *request = context;

	request->fds[0] = open_udp();
	if (request->fds[0] < 0)
		return request->fds[0];
	request->fds[1] = open_listener();
	if (request->fds[1] < 0)
		return close_with(request->fds[0], request->fds[1]);
	return 0;
}

static int in_phone_connect(void *context)
{
	struct request *request = context;
	struct sockaddr_in from, to = endpoint(request->address, PFS_PORT);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	own_address(request->host, &from);
	socket_tune_tcp(fd);
	/* the port is chosen at connect, so that it need only be unique to this peer */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0)
		return close_with(fd, -errno);
	request->connecting = false;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		if (errno != EINPROGRESS)
			return close_with(fd, -errno);
		request->connecting = true;
	}
	request->fds[0] = fd;
	return 0;
}

/* Not connected, since the server answers from a port of its own: ICMP is seen through the error queue. */
static int in_phone_tftp(void *context)
{
	struct request *request = context;
	struct sockaddr_in from;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	own_address(request->host, &from);
	if (setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0)
		return close_with(fd, -errno);
	request->fds[0] = fd;
	return 0;
}

/* Connected, so that an unreachable server shows itself as ECONNREFUSED (F14). */
static int in_phone_log(void *context)
{
	struct request *request = context;
	struct sockaddr_in from, to = endpoint(request->address, request->port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	own_address(request->host, &from);
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return close_with(fd, -errno);
	request->fds[0] = fd;
	return 0;
}

static int run(struct request *request, int (*open_there)(void *context))
{
	return fabric_in_phone(request->host->worker->fabric, request->host->number, open_there, request);
}

int socket_open_peer_port(struct host *host, int *udp, int *listener)
{
	struct request request = {.host = host};
	int error = run(&request, in_phone_peer_port);

	if (error < 0)
		return error;
	*udp = request.fds[0];
	*listener = request.fds[1];
	return 0;
}

int socket_connect(struct host *host, uint32_t address, bool *connecting)
{
	struct request request = {.host = host, .address = address};
	int error = run(&request, in_phone_connect);

	*connecting = request.connecting;
	return error < 0 ? error : request.fds[0];
}

int socket_open_tftp(struct host *host)
{
	struct request request = {.host = host};
	int error = run(&request, in_phone_tftp);

	return error < 0 ? error : request.fds[0];
}

int socket_open_log(struct host *host, uint32_t address, uint16_t port)
{
	struct request request = {.host = host, .address = address, .port = port};
	int error = run(&request, in_phone_log);

	return error < 0 ? error : request.fds[0];
}

uint64_t socket_drops(int fd)
{
	uint32_t memory[SK_MEMINFO_VARS] = {0};
	socklen_t length = sizeof(memory);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &length) < 0)
		return 0;
	return memory[SK_MEMINFO_DROPS];
}

uint64_t socket_retransmits(int fd)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
		return 0;
	return info.tcpi_total_retrans;
}

bool socket_refused(int fd)
{
	uint8_t control[512], data[64];
	bool refused = false;

	for (;;) {
		struct iovec vector = {.iov_base = data, .iov_len = sizeof(data)};
		struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control,
					 .msg_controllen = sizeof(control)};
		struct cmsghdr *part;

		if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return refused;
		for (part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
			struct sock_extended_err error;

			if (part->cmsg_level != IPPROTO_IP || part->cmsg_type != IP_RECVERR)
				continue;
			memcpy(&error, CMSG_DATA(part), sizeof(error));
			if (error.ee_origin == SO_EE_ORIGIN_ICMP && error.ee_type == ICMP_DEST_UNREACH &&
			    error.ee_code == ICMP_PORT_UNREACH)
				refused = true;
		}
	}
}
