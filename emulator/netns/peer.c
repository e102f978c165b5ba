/*
 * Phone-to-phone connections (F8). Output is a queue of small frames and of
 * ranges of files; a range is handed to TCP straight from the firmware's
 * content, and SENT says no more than that (DESIGN point 4). Input goes to the
 * core as it comes.
 *
 * Nobody closes with unread input: an ending in good order is a shutdown after
 * the last frame, then reading on to the peer's FIN, and only then PFS_ACT_DROP.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "emulator/netns/host.h"

/* Waiting pieces of output; a reader that stands still is the core's to give up long before. */
#define OUTPUT_MAX 64
#define VECTORS_MAX 64

struct piece {
	struct piece *next;
	bool is_file, flip;
	uint8_t file;
	uint64_t offset, length, sent;
	uint8_t bytes[]; /* of a frame */
};

struct peer_conn {
	struct host *host;
	uint32_t handle, address;
	ev_io readable, writable;
	struct piece *first, *last;
	uint32_t pieces;
	bool connecting, shutdown_wanted, shut, ended, broken;
};

static struct peer_conn *find(const struct host *host, uint32_t handle)
{
	struct peer_conn *conn = host->conns[pfs_conn_slot(handle)];

	return conn && conn->handle == handle ? conn : NULL;
}

static void release(struct peer_conn *conn)
{
	struct host *host = conn->host;
	struct worker *worker = host->worker;

	worker->tcp_retransmits += socket_retransmits(conn->readable.fd);
	ev_io_stop(worker->loop, &conn->readable);
	ev_io_stop(worker->loop, &conn->writable);
	close(conn->readable.fd);
	while (conn->first) {
		struct piece *piece = conn->first;

		conn->first = piece->next;
		free(piece);
	}
	host->conns[pfs_conn_slot(conn->handle)] = NULL;
	free(conn);
	worker_descriptor_closed(worker);
}

/* The connection is no more, and the core does not know yet. */
static void lose(struct peer_conn *conn)
{
	const struct worker_answer answer = {.kind = PFS_EV_LOST, .conn = conn->handle};
	struct worker *worker = conn->host->worker;

	release(conn);
	worker_answer(worker, &answer);
}

/* Outside a step: the core is told at once. */
static void lose_now(struct peer_conn *conn)
{
	struct pfs_event event = {.kind = PFS_EV_LOST, .conn = conn->handle};
	struct host *host = conn->host;

	release(conn);
	host_event(host, &event);
}

void peer_drop(struct host *host, uint32_t handle)
{
	struct peer_conn *conn = find(host, handle);

	if (conn)
		release(conn);
}

void peer_close_slot(struct host *host, int slot)
{
	if (host->conns[slot])
		release(host->conns[slot]);
}

bool peer_lives(const struct host *host, uint32_t handle)
{
	return find(host, handle);
}

/* ---------------------------------------------------------------- output */

static void append(struct peer_conn *conn, struct piece *piece)
{
	if (!piece || conn->pieces == OUTPUT_MAX || conn->shutdown_wanted) {
		conn->host->worker->event_errors++;
		free(piece);
		lose(conn);
		return;
	}
	if (conn->last)
		conn->last->next = piece;
	else
		conn->first = piece;
	conn->last = piece;
	conn->pieces++;
}

void peer_send(struct host *host, uint32_t handle, const uint8_t *bytes, size_t length)
{
	struct peer_conn *conn = find(host, handle);
	struct piece *piece;

	if (!conn)
		return;
	piece = calloc(1, sizeof(*piece) + length);
	if (piece) {
		memcpy(piece->bytes, bytes, length);
		piece->length = length;
	}
	append(conn, piece);
}

void peer_send_file(struct host *host, uint32_t handle, uint8_t file, uint64_t offset, uint64_t length)
{
	struct peer_conn *conn = find(host, handle);
	struct piece *piece;

	if (!conn)
		return;
	piece = calloc(1, sizeof(*piece));
	if (piece) {
		piece->is_file = true;
		piece->file = file;
		piece->offset = offset;
		piece->length = length;
	}
	append(conn, piece);
}

void peer_shutdown(struct host *host, uint32_t handle)
{
	struct peer_conn *conn = find(host, handle);

	if (conn)
		conn->shutdown_wanted = true;
}

bool peer_damage(struct host *host, uint32_t to_address, uint8_t file)
{
	int slot;

	for (slot = 0; slot < PFS_CONNS_MAX; slot++) {
		struct peer_conn *conn = host->conns[slot];
		struct piece *piece = conn && conn->address == to_address ? conn->first : NULL;

		for (; piece; piece = piece->next) {
			if (!piece->is_file || piece->file != file || piece->sent == piece->length)
				continue;
			piece->flip = true;
			return true;
		}
	}
	return false;
}

/* What is left of one piece as vectors; *flipped is room for a damaged byte. */
static int piece_vectors(const struct host *host, const struct piece *piece, struct iovec *vectors, int max,
			 uint8_t *flipped)
{
	uint64_t left = piece->length - piece->sent, covered;
	int count;

	if (!piece->is_file) {
		vectors[0].iov_base = (void *)(uintptr_t)(piece->bytes + piece->sent);
		vectors[0].iov_len = (size_t)left;
		return left ? 1 : 0;
	}
	assert(host->worker->plan->what_if.forward_early ||
	       store_holds(&host->store, piece->file, piece->offset + piece->length));
	if (!piece->flip || !left)
		return store_range(&host->store, piece->file, piece->offset + piece->sent, left, vectors, max, &covered);
	count = store_range(&host->store, piece->file, piece->offset + piece->sent, 1, vectors, 1, &covered);
	assert(count == 1);
	*flipped = *(const uint8_t *)vectors[0].iov_base ^ 0x01;
	vectors[0].iov_base = flipped;
	if (max > 1 && left > 1)
		count += store_range(&host->store, piece->file, piece->offset + piece->sent + 1, left - 1, vectors + 1,
				     max - 1, &covered);
	return count;
}

/* `taken` bytes are TCP's now. */
static void advance(struct peer_conn *conn, uint64_t taken)
{
	while (conn->first) {
		struct piece *piece = conn->first;
		uint64_t left = piece->length - piece->sent;

		if (taken < left) {
			piece->sent += taken;
			piece->flip = piece->flip && !taken;
			return;
		}
		taken -= left;
		if (piece->is_file) {
			const struct worker_answer answer = {.kind = PFS_EV_SENT, .conn = conn->handle};

			worker_answer(conn->host->worker, &answer);
		}
		conn->first = piece->next;
		if (!conn->first)
			conn->last = NULL;
		conn->pieces--;
		free(piece);
	}
}

/* A send failed: what the peer said before it went may still wait to be read; the reader reports the loss. */
static void break_output(struct peer_conn *conn)
{
	conn->broken = true;
	ev_io_stop(conn->host->worker->loop, &conn->writable);
	if (conn->ended)
		lose(conn);
}

static void flush(struct peer_conn *conn)
{
	struct ev_loop *loop = conn->host->worker->loop;

	while (conn->first) {
		struct iovec vectors[VECTORS_MAX];
		uint8_t flipped[OUTPUT_MAX];
		struct msghdr message = {.msg_iov = vectors};
		const struct piece *piece;
		uint64_t offered = 0;
		int count = 0, used = 0, more, i;
		ssize_t sent;

		for (piece = conn->first; piece && count < VECTORS_MAX; piece = piece->next)
			count += piece_vectors(conn->host, piece, vectors + count, VECTORS_MAX - count, &flipped[used++]);
		for (i = 0; i < count; i++)
			offered += vectors[i].iov_len;
		message.msg_iovlen = (size_t)count;
		/*
		 * The last of it goes in one packet with the FIN that follows. Two are probed for
		 * after two ticks of the kernel (RFC 8985, tail loss probes); one is given the whole
		 * time-out. And their acknowledgement may well take two ticks, where the port of the
		 * peer has a queue of files for others before it, or a broadcast to thousands is out.
		 */
		more = conn->shutdown_wanted && !piece ? MSG_MORE : 0;
		sent = offered ? sendmsg(conn->readable.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT | more) : 0;
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)) {
			ev_io_start(loop, &conn->writable);
			return;
		}
		if (sent < 0) {
			break_output(conn);
			return;
		}
		advance(conn, (uint64_t)sent);
	}
	ev_io_stop(loop, &conn->writable);
	if (conn->shutdown_wanted && !conn->shut) {
		shutdown(conn->readable.fd, SHUT_WR);
		conn->shut = true;
	}
}

void peer_flush_all(struct host *host)
{
	int slot;

	for (slot = 0; slot < PFS_CONNS_MAX; slot++) {
		struct peer_conn *conn = host->conns[slot];

		if (conn && !conn->connecting && !conn->broken && (conn->first || conn->shutdown_wanted != conn->shut) &&
		    !ev_is_active(&conn->writable))
			flush(conn);
	}
}

/* ----------------------------------------------------------------- input */

/*
 * One read. The core keeps the beginning of a frame itself, so it consumes all
 * that it is given; what it left would be lost, and with it the stream.
 */
static void read_once(struct peer_conn *conn)
{
	struct host *host = conn->host;
	uint8_t *buffer = host->worker->read_buffer;
	struct pfs_event event = {.conn = conn->handle};
	uint32_t handle = conn->handle;
	ssize_t got;

	got = recv(conn->readable.fd, buffer, WORKER_READ_BYTES, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0 || (got == 0 && conn->broken)) {
		lose_now(conn);
		return;
	}
	if (got == 0) {
		conn->ended = true;
		ev_io_stop(host->worker->loop, &conn->readable);
		event.kind = PFS_EV_EOF;
		host_event(host, &event);
		return;
	}
	event.kind = PFS_EV_BYTES;
	event.data = buffer;
	event.length = event.available = (uint32_t)got;
	if (host_event(host, &event) == (uint32_t)got)
		return;
	conn = find(host, handle);
	if (conn) {
		host->worker->event_errors++;
		lose_now(conn);
	}
}

static void connected(struct peer_conn *conn)
{
	struct pfs_event event = {.kind = PFS_EV_CONNECTED, .conn = conn->handle};
	struct host *host = conn->host;
	socklen_t length = sizeof(int);
	int error = 0;

	if (getsockopt(conn->readable.fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error) {
		lose_now(conn);
		return;
	}
	conn->connecting = false;
	ev_io_stop(host->worker->loop, &conn->writable);
	ev_io_start(host->worker->loop, &conn->readable);
	host_event(host, &event);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct peer_conn *conn = (struct peer_conn *)watcher->data;
	struct worker *worker = conn->host->worker; /* the connection may end with it */

	(void)loop;
	(void)events;
	read_once(conn);
	worker_catch_up(worker);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct peer_conn *conn = (struct peer_conn *)watcher->data;
	struct host *host = conn->host;

	(void)loop;
	(void)events;
	if (conn->connecting) {
		connected(conn);
	} else {
		flush(conn);
		host_give_answers(host);
	}
	worker_catch_up(host->worker);
}

void peer_drain_all(struct host *host)
{
	int slot;

	for (slot = 0; slot < PFS_CONNS_MAX; slot++) {
		struct peer_conn *conn = host->conns[slot];

		if (conn && !conn->connecting && !conn->ended)
			read_once(conn);
	}
}

struct peer_conn *peer_new(struct host *host, int fd, uint32_t handle, uint32_t address, bool connecting)
{
	struct peer_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	assert(handle != PFS_NO_CONN && pfs_conn_slot(handle) < PFS_CONNS_MAX && !host->conns[pfs_conn_slot(handle)]);
	conn->host = host;
	conn->handle = handle;
	conn->address = address;
	conn->connecting = connecting;
	ev_io_init(&conn->readable, on_readable, fd, EV_READ);
	ev_io_init(&conn->writable, on_writable, fd, EV_WRITE);
	conn->readable.data = conn;
	conn->writable.data = conn;
	host->conns[pfs_conn_slot(handle)] = conn;
	if (connecting)
		ev_io_start(host->worker->loop, &conn->writable);
	else
		ev_io_start(host->worker->loop, &conn->readable);
	return conn;
}
