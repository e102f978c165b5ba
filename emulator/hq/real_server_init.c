/*
 * PID 1 of a real server's namespaces. It begins as a copy of a process that may
 * have threads, whose locks may be held for ever here: nothing in this file
 * calls more than system calls do (signal-safety(7)).
 *
 * It dies with its maker twice over: by the parent-death signal, and because
 * the control socket closes. When it is gone the kernel kills the rest of the
 * namespace.
 *
 * Ready means that the server answered a request. Then its receive buffer is
 * enlarged: neither program can be told to, and net.core.rmem_default is the
 * host's own on the kernels of Debian 12, so the socket is taken out of the
 * program (pidfd_getfd) and enlarged from here.
 */
#include "emulator/hq/real_server_init.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONTROL 3 /* after the descriptors are put in order */
#define NETNS 4
#define PROBE_INTERVAL_MS 20
#define SERVER_DESCRIPTORS 64 /* of the program's, among which its port 69 is */

static void report(enum real_server_stage stage, int error, uint32_t receive_buffer)
{
	const struct real_server_report message = {
		.stage = stage,
		.error = error,
		.receive_buffer = receive_buffer,
	};

	send(CONTROL, &message, sizeof(message), MSG_NOSIGNAL);
}

static _Noreturn void fail(enum real_server_stage stage, int error)
{
	report(stage, error, 0);
	_exit(1);
}

static void reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &action, NULL); /* fails for SIGKILL and the like, which is well */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* 0 /dev/null, 1 and 2 the log, 3 the control socket, 4 the namespace; nothing else stays open. */
static void order_descriptors(const struct real_server_init *init)
{
	int control = fcntl(init->control, F_DUPFD, 16);
	int netns = fcntl(init->netns, F_DUPFD, 16);
	int log = fcntl(init->log, F_DUPFD, 16);
	int null = open("/dev/null", O_RDWR);

	if (control < 0 || netns < 0 || log < 0 || null < 0)
		_exit(1);
	dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	dup2(control, CONTROL);
	dup2(netns, NETNS);
	fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
	syscall(SYS_close_range, NETNS + 1, ~0u, 0);
}

/* True where the maker is gone: it closed its end, or died. */
static int maker_is_gone(void)
{
	struct pollfd control = { .fd = CONTROL, .events = POLLIN };

	return poll(&control, 1, 0) > 0;
}

/*
 * in.tftpd obeys the host's /etc/hosts.allow and hosts.deny; a run must not
 * depend on them, so they are empty in here.
 */
static void private_mounts(void)
{
	static const char *const hidden[] = { "/etc/hosts.allow", "/etc/hosts.deny" };

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		fail(REAL_SERVER_MOUNT, errno);
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (mount("/dev/null", hidden[i], NULL, MS_BIND, NULL) && errno != ENOENT)
			fail(REAL_SERVER_MOUNT, errno);
}

static void raise_descriptors(uint64_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted)
		limit.rlim_max = wanted;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Returns a pidfd of the program. */
static int begin_server(const struct real_server_init *init)
{
	char *const no_environment[] = { NULL };
	int pidfd = -1;
	long pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &pidfd, NULL, NULL);

	if (pid < 0)
		fail(REAL_SERVER_EXEC, errno);
	if (!pid) {
		raise_descriptors(init->descriptors);
		execve(init->path, init->arguments, no_environment);
		fail(REAL_SERVER_EXEC, errno);
	}
	return pidfd;
}

/* Waits until `fd` is readable (fd >= 0), at most timeout_ms; ends with the maker or the server. */
static int wait_for(int pidfd, int fd, int timeout_ms)
{
	struct pollfd polls[3] = {
		{ .fd = CONTROL, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};

	if (poll(polls, 3, timeout_ms) <= 0)
		return 0;
	if (polls[0].revents)
		_exit(0);
	if (polls[1].revents)
		fail(REAL_SERVER_ENDED, ECHILD);
	return polls[2].revents != 0;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Asks for a file that is not there until somebody answers, from whatever port. */
static void await_answer(const struct real_server_init *init, int pidfd)
{
	static const char request[] = "\0\1.ready\0octet";
	const struct sockaddr_in server = {
		.sin_family = AF_INET,
		.sin_port = htons(69),
		.sin_addr.s_addr = htonl(init->address),
	};
	uint64_t end_ms = now_ms() + init->ready_timeout_ms;
	int probe = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (probe < 0)
		fail(REAL_SERVER_PROBE, errno);
	do {
		if (sendto(probe, request, sizeof(request), 0, (const struct sockaddr *)&server,
			   sizeof(server)) < 0)
			fail(REAL_SERVER_PROBE, errno);
		if (wait_for(pidfd, probe, PROBE_INTERVAL_MS)) {
			close(probe);
			return;
		}
	} while (now_ms() < end_ms);
	fail(REAL_SERVER_SILENT, ETIMEDOUT);
}

static int is_port_69(int fd)
{
	struct sockaddr_in address = { 0 };
	socklen_t length = sizeof(address);
	int type = 0;
	socklen_t type_length = sizeof(type);

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) && type == SOCK_DGRAM &&
	       !getsockname(fd, (struct sockaddr *)&address, &length) && address.sin_family == AF_INET &&
	       ntohs(address.sin_port) == 69;
}

/* Returns what port 69's buffer is now, 0 where this kernel does not let us reach it. */
static uint32_t enlarge_buffer(int pidfd, uint32_t wanted)
{
	uint32_t found = 0;

	for (int number = 0; number < SERVER_DESCRIPTORS; number++) {
		int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
		int bytes = (int)wanted;
		socklen_t length = sizeof(bytes);

		if (fd < 0)
			continue;
		if (is_port_69(fd)) {
			setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
			if (!getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &length))
				found = (uint32_t)bytes;
		}
		close(fd);
	}
	return found;
}

void real_server_init_run(const struct real_server_init *init)
{
	int pidfd;

	order_descriptors(init);
	reset_signals();
	/* A Ctrl-C on our terminal is the maker's to act on. */
	setsid();
	prctl(PR_SET_NAME, "pfs-fleet-hq");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || maker_is_gone())
		_exit(1);
	private_mounts();
	if (setns(NETNS, CLONE_NEWNET))
		fail(REAL_SERVER_NETNS, errno);
	close(NETNS);
	pidfd = begin_server(init);
	await_answer(init, pidfd);
	report(REAL_SERVER_READY, 0, enlarge_buffer(pidfd, init->receive_buffer_bytes));
	/* Ends with the maker or with the server. */
	for (;;)
		wait_for(pidfd, -1, -1);
}
