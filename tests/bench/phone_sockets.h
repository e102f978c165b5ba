/*
 * For benches of bring-up: a phone's UDP socket and its listener, in the
 * namespace that the thread is in, with the options that emulator/netns/sockets.c
 * gives them. One text for both sides of a comparison.
 */
#ifndef BENCH_PHONE_SOCKETS_H
#define BENCH_PHONE_SOCKETS_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

struct bench_sockets {
	int udp, listener;
};

/* Returns 0 or a negative errno; what was opened stays open for the process to end with. */
static inline int bench_open_sockets(struct bench_sockets *sockets)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(4051)};
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	int on = 1, receive = 1 << 20, send = 128 << 10;

	sockets->udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sockets->udp < 0 || setsockopt(sockets->udp, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) ||
	    bind(sockets->udp, (struct sockaddr *)&any, sizeof(any)))
		return -errno;
	setsockopt(sockets->udp, SOL_SOCKET, SO_RCVBUFFORCE, &receive, sizeof(receive));
	sockets->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sockets->listener < 0 || setsockopt(sockets->listener, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) ||
	    setsockopt(sockets->listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    setsockopt(sockets->listener, SOL_SOCKET, SO_SNDBUF, &send, sizeof(send)) ||
	    setsockopt(sockets->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(sockets->listener, (struct sockaddr *)&any, sizeof(any)) || listen(sockets->listener, 4096))
		return -errno;
	return 0;
}

#endif
