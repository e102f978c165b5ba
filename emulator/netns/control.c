/*
 * The control socket; see control.h. One packet is asked, one is answered: a
 * negative errno, and where it is 0 the descriptors of the network and of the
 * user namespace beside it (SCM_RIGHTS). Only the fleet's own user and root get
 * an answer.
 *
 * The socket is named by way of its folder's descriptor, since a socket's path
 * may have 107 bytes and a run's folder any length.
 */
#include "emulator/netns/control.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "emulator/netns/fabric_internal.h"

#define ASKING_MAX 16      /* at once; one more, and the one who has been silent longest is dropped */
#define NAME_MAX_BYTES 64
#define ANSWER_S 5         /* a fleet that is alive answers within a turn of its loop */

struct answer {
	int32_t error;
	char phones[80]; /* the first and the last; for who asks for one that is not there */
};

struct asking {
	struct control *control;
	ev_io io; /* fd -1: free */
};

struct control {
	struct ev_loop *loop;
	struct fabric *fabric;
	int folder;
	ev_io listening;
	struct asking asking[ASKING_MAX];
	uint32_t next;
};

static int open_folder(const char *run_dir, struct sockaddr_un *address)
{
	int folder = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0)
		return -errno;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/control", folder);
	return folder;
}

/* ---- the fleet's side ---- */

static int own_namespace(void *context)
{
	*(int *)context = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return *(int *)context < 0 ? -errno : 0;
}

static int find(struct fabric *fabric, const char *name)
{
	const struct plan *plan = fabric->plan;
	int found = -ENOENT, error;
	struct in_addr address;
	bool numeric = inet_pton(AF_INET, name, &address) == 1;

	if (strcmp(name, "headquarters") == 0) {
		error = fabric_in_hq(fabric, own_namespace, &found);
		return error < 0 ? error : found;
	}
	for (uint32_t i = 0; i < plan->phone_count; i++)
		if (numeric ? plan->phones[i].address == ntohl(address.s_addr) :
			      strcmp(plan->phones[i].name, name) == 0)
			return fabric_phone_namespace(fabric, i);
	return -ENOENT;
}

static bool may_ask(int descriptor)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	return !getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

static void send_answer(const struct plan *plan, int descriptor, int32_t error, const int namespaces[2])
{
	char control[CMSG_SPACE(2 * sizeof(int))] = {0};
	struct answer answer = {.error = error};
	struct iovec part = {&answer, sizeof(answer)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (plan->phone_count)
		snprintf(answer.phones, sizeof(answer.phones), "%s to %s", plan->phones[0].name,
			 plan->phones[plan->phone_count - 1].name);
	if (!error) {
		struct cmsghdr *head;

		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(2 * sizeof(int));
		memcpy(CMSG_DATA(head), namespaces, 2 * sizeof(int));
	}
	/* who asked may be gone; that is its affair */
	(void)sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void serve(struct fabric *fabric, int descriptor, const char *name)
{
	int namespaces[2] = {-1, -1};
	int32_t error = 0;

	if (!may_ask(descriptor))
		error = -EACCES;
	if (!error) {
		namespaces[0] = find(fabric, name);
		namespaces[1] = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
		if (namespaces[0] < 0)
			error = namespaces[0];
		else if (namespaces[1] < 0)
			error = -errno;
	}
	send_answer(fabric->plan, descriptor, error, namespaces);
	for (int i = 0; i < 2; i++)
		if (namespaces[i] >= 0)
			close(namespaces[i]);
}

static void forget(struct asking *asking)
{
	ev_io_stop(asking->control->loop, &asking->io);
	close(asking->io.fd);
	asking->io.fd = -1;
}

static void on_question(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct asking *asking = watcher->data;
	char name[NAME_MAX_BYTES + 1];
	ssize_t length = recv(watcher->fd, name, sizeof(name) - 1, MSG_DONTWAIT);

	(void)loop;
	(void)events;
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length > 0) {
		name[length] = '\0';
		serve(asking->control->fabric, watcher->fd, name);
	}
	forget(asking);
}

static void on_connection(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct control *control = watcher->data;
	int descriptor = accept4(watcher->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct asking *asking = &control->asking[control->next++ % ASKING_MAX];

	(void)events;
	if (descriptor < 0)
		return;
	if (asking->io.fd >= 0)
		forget(asking); /* the oldest, which has said nothing yet */
	ev_io_init(&asking->io, on_question, descriptor, EV_READ);
	asking->io.data = asking;
	ev_set_priority(&asking->io, EV_MINPRI);
	ev_io_start(loop, &asking->io);
}

static int listen_at(const struct sockaddr_un *address)
{
	int descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

	if (descriptor < 0)
		return -errno;
	if (bind(descriptor, (const struct sockaddr *)address, sizeof(*address)) || listen(descriptor, 16)) {
		error = -errno;
		close(descriptor);
		return error;
	}
	return descriptor;
}

int control_open(struct control **result, struct ev_loop *loop, const char *run_dir, struct fabric *fabric)
{
	struct control *control = calloc(1, sizeof(*control));
	struct sockaddr_un address;
	int descriptor;

	*result = NULL;
	if (!control)
		return -ENOMEM;
	control->loop = loop;
	control->fabric = fabric;
	control->folder = open_folder(run_dir, &address);
	descriptor = control->folder < 0 ? control->folder : listen_at(&address);
	if (descriptor < 0) {
		if (control->folder >= 0)
			close(control->folder);
		free(control);
		return descriptor;
	}
	for (int i = 0; i < ASKING_MAX; i++) {
		control->asking[i].control = control;
		control->asking[i].io.fd = -1;
	}
	ev_io_init(&control->listening, on_connection, descriptor, EV_READ);
	ev_set_priority(&control->listening, EV_MINPRI);
	control->listening.data = control;
	ev_io_start(loop, &control->listening);
	*result = control;
	return 0;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	unlinkat(control->folder, "control", 0);
	for (int i = 0; i < ASKING_MAX; i++)
		if (control->asking[i].io.fd >= 0)
			forget(&control->asking[i]);
	ev_io_stop(control->loop, &control->listening);
	close(control->listening.fd);
	close(control->folder);
	free(control);
}

/* ---- the asker's side ---- */

static int connect_to(const char *run_dir)
{
	struct timeval patience = {.tv_sec = ANSWER_S};
	struct sockaddr_un address;
	int folder = open_folder(run_dir, &address), descriptor, error = 0;

	if (folder < 0)
		return folder == -EACCES ? folder : -ENOTCONN;
	descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		error = -errno;
	else if (setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
		 setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) || connect(descriptor, (struct sockaddr *)&address, sizeof(address)))
		error = errno == EACCES || errno == EPERM ? -EACCES : -ENOTCONN;
	close(folder);
	if (error && descriptor >= 0)
		close(descriptor);
	return error ? error : descriptor;
}

static int take_answer(int descriptor, struct control_namespaces *namespaces)
{
	char control[CMSG_SPACE(2 * sizeof(int))] = {0};
	struct answer answer = {0};
	struct iovec part = {&answer, sizeof(answer)};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *head;
	int received[2];

	if (recvmsg(descriptor, &message, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(answer))
		return -ENOTCONN;
	answer.phones[sizeof(answer.phones) - 1] = '\0';
	memcpy(namespaces->phones, answer.phones, sizeof(answer.phones));
	if (answer.error)
		return answer.error;
	head = CMSG_FIRSTHDR(&message);
	if (!head || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof(received)))
		return -ENOTCONN;
	memcpy(received, CMSG_DATA(head), sizeof(received));
	namespaces->net = received[0];
	namespaces->user = received[1];
	return 0;
}

int control_ask(const char *run_dir, const char *phone, struct control_namespaces *namespaces)
{
	size_t length = strlen(phone);
	int descriptor, error;

	namespaces->phones[0] = '\0';
	if (!length || length > NAME_MAX_BYTES)
		return -ENOENT;
	descriptor = connect_to(run_dir);
	if (descriptor < 0)
		return descriptor;
	error = send(descriptor, phone, length, MSG_NOSIGNAL) == (ssize_t)length ?
			take_answer(descriptor, namespaces) :
			-ENOTCONN;
	close(descriptor);
	return error;
}

int control_probe(const char *run_dir)
{
	int descriptor = connect_to(run_dir);

	if (descriptor < 0)
		return descriptor;
	close(descriptor);
	return 0;
}
