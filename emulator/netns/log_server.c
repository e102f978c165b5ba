/* The log collector of log_server.h. */
#include "emulator/netns/log_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emulator/netns/host.h"

#define BUFFER_BYTES (256 * 1024)
#define LINE_MAX_BYTES 2048 /* a datagram; a longer one is cut */
#define LINES_A_TURN 256

static void write_out(struct log_server *server)
{
	size_t done = 0;
	int fd;

	if (!server->used)
		return;
	fd = open(server->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	while (fd >= 0 && done < server->used) {
		ssize_t wrote = write(fd, server->buffer + done, server->used - done);

		if (wrote < 0 && errno != EINTR)
			break;
		if (wrote > 0)
			done += (size_t)wrote;
	}
	if (done < server->used && !server->error) {
		server->error = errno;
		fprintf(stderr, "%s: %s\n", server->path, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	server->used = 0;
}

static void keep(struct log_server *server, const struct sockaddr_in *from, const char *line, size_t length)
{
	char address[INET_ADDRSTRLEN];

	server->lines++;
	if (!server->path)
		return;
	if (server->used + length + sizeof(address) + 2 > BUFFER_BYTES)
		write_out(server);
	inet_ntop(AF_INET, &from->sin_addr, address, sizeof(address));
	server->used += (size_t)sprintf(server->buffer + server->used, "%s ", address);
	memcpy(server->buffer + server->used, line, length);
	server->used += length;
	server->buffer[server->used++] = '\n';
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct log_server *server = (struct log_server *)watcher->data;
	char line[LINE_MAX_BYTES];
	int turn;

	(void)loop;
	(void)events;
	for (turn = 0; turn < LINES_A_TURN; turn++) {
		struct sockaddr_in from;
		socklen_t length = sizeof(from);
		ssize_t got = recvfrom(watcher->fd, line, sizeof(line), MSG_DONTWAIT, (struct sockaddr *)&from, &length);

		if (got < 0)
			return;
		while (got > 0 && (line[got - 1] == '\n' || line[got - 1] == '\r'))
			got--;
		keep(server, &from, line, (size_t)got);
	}
}

int log_server_init(struct log_server *server, struct ev_loop *loop, const char *out_dir)
{
	server->loop = loop;
	ev_io_init(&server->readable, on_readable, -1, EV_READ);
	server->readable.data = server;
	if (!out_dir)
		return 0;
	server->buffer = malloc(BUFFER_BYTES);
	if (!server->buffer || asprintf(&server->path, "%s/log-server.txt", out_dir) < 0) {
		server->path = NULL;
		return -ENOMEM;
	}
	return 0;
}

struct listen_request {
	uint32_t address;
	uint16_t port;
	int fd;
};

static int listen_in_hq(void *context)
{
	struct listen_request *request = context;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(request->port),
				 .sin_addr.s_addr = htonl(request->address)};
	const int bytes = 4 * 1024 * 1024;
	int error;

	request->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (request->fd < 0)
		return -errno;
	if (setsockopt(request->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(request->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (bind(request->fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return 0;
	error = -errno;
	close(request->fd);
	return error;
}

int log_server_start(struct log_server *server, struct fabric *fabric, uint32_t address, uint16_t port)
{
	struct listen_request request = {.address = address, .port = port};
	int error = fabric_in_hq(fabric, listen_in_hq, &request);

	if (error < 0)
		return error;
	ev_io_set(&server->readable, request.fd, EV_READ);
	ev_io_start(server->loop, &server->readable);
	return 0;
}

void log_server_stop(struct log_server *server)
{
	if (!server->loop || server->readable.fd < 0)
		return;
	on_readable(server->loop, &server->readable, EV_READ); /* what has arrived has arrived */
	server->drops += socket_drops(server->readable.fd);
	ev_io_stop(server->loop, &server->readable);
	close(server->readable.fd);
	ev_io_set(&server->readable, -1, EV_READ);
}

void log_server_deinit(struct log_server *server)
{
	log_server_stop(server);
	if (server->path)
		write_out(server);
	free(server->path);
	free(server->buffer);
	*server = (struct log_server){0};
}
