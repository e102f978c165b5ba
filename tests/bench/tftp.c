/*
 * A TFTP server alone in a process of its own, under lock-step clients: blocks a
 * second of the server's processor time. The embedded server, in.tftpd and
 * dnsmasq are met by the same clients, over the loopback of a network namespace
 * of the bench's own; the clients' time is not the server's.
 *
 * Processor time is told twice: by getrusage (the server and all its children,
 * once they have been reaped), and by the cpu.stat of a control group (version
 * 2) that the server is started in, where such a group can be made. A server
 * that forks might leave a child uncounted by the first; the second misses none.
 *
 * Server and clients share one processor, the last that the bench may use: no
 * wake-up crosses over to another one, whose price on a virtual machine is that
 * of several blocks and differs from one round to the next.
 *
 * Prints one line of JSON and judges nothing.
 * Arguments: fleet|in.tftpd|dnsmasq [clients, 64] [blocks of all, 400000] [round trip in ms, 0]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "emulator/hq/tftp_adapter.h"
#include "tests/bench/ports_gone.h"

#define BLOCK 512
#define PORT 69
#define SERVER_ADDRESS 0xc0000245 /* 192.0.2.69 */
#define SERVER_TEXT "192.0.2.69"
#define CLIENTS_MAX 1000
#define BLOCKS_MAX 65535 /* a client's: the number on the wire is not to wrap */
#define STALL_US 5000000
#define TIMEOUT_US 10000000 /* no server is to send again here */

static const char request[] = "\0\1firmware\0octet";

#define BATCH 64
#define FIRST_CLIENT 0x7f010001 /* 127.1.0.1 */

struct letters {
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	struct sockaddr_in peers[BATCH];
	_Alignas(struct cmsghdr) char control[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
	uint8_t packets[BATCH][4 + BLOCK + 1];
};

struct waiting {
	uint64_t due_us;
	uint32_t number;
	uint16_t port;
};

struct clients {
	struct bench *bench;
	int fd;
	uint32_t begun; /* transfers */
	struct letters *in, *out;
	struct waiting queue[CLIENTS_MAX]; /* a ring: lock-step, so each has one thing to say at most */
	uint64_t said, sent;
};

struct bench {
	const char *server;
	uint32_t clients, blocks; /* a client's */
	uint32_t round_trip_us;
	pid_t pid; /* the server's; 0: not running */
	char folder[64], group[128];
	uint32_t block[CLIENTS_MAX]; /* the last that came */
	double cpu_rusage_s, cpu_group_s;
};

static struct bench *bench_of_process; /* for the way out, whichever it is */

static void die(const char *what)
{
	perror(what);
	exit(4);
}

/* ---- the embedded server ---- */

static uint64_t now_us(void *context)
{
	struct timespec now;

	(void)context;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int open_udp(void *context)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)context;
	return fd < 0 ? -errno : fd;
}

static void serve(const struct bench *bench)
{
	const struct tftp_server_config server = {
		.serving_max = CLIENTS_MAX, .retries_max = 5, .timeout_us = TIMEOUT_US, .timeout_max_us = TIMEOUT_US};
	struct tftp_file file = {.name = "firmware", .size = (uint64_t)bench->blocks * BLOCK - 1};
	struct tftp_adapter_config config = {
		.loop = ev_loop_new(EVFLAG_AUTO), .address = SERVER_ADDRESS, .port = PORT, .speed_milli = 1000,
		.now_us = now_us, .open_socket = open_udp};
	struct tftp_adapter *adapter;
	uint8_t *content = malloc(file.size);

	if (!content || !config.loop)
		_exit(4);
	memset(content, 'p', file.size);
	file.content = content;
	config.server = tftp_server_new(&server, &file, 1);
	if (!config.server || tftp_adapter_new(&config, &adapter))
		_exit(4);
	ev_run(config.loop, 0);
	_exit(4); /* SIGTERM ends it */
}

/* ---- the others, as `run` starts them ---- */

static void become(const struct bench *bench)
{
	char root[96];

	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (!strcmp(bench->server, "fleet"))
		serve(bench);
	dup2(quiet, STDERR_FILENO); /* dnsmasq writes a line a transfer */
	if (!strcmp(bench->server, "in.tftpd"))
		execl("/usr/sbin/in.tftpd", "in.tftpd", "--ipv4", "--foreground", "--secure", "--user", "nobody",
		      "--address", SERVER_TEXT ":69", "--retransmit", "10000000", bench->folder, (char *)NULL);
	snprintf(root, sizeof(root), "--tftp-root=%s", bench->folder);
	execl("/usr/sbin/dnsmasq", "dnsmasq", "--conf-file=/dev/null", "--no-daemon", "--user=root", "--pid-file=",
	      "--port=0", "--no-resolv", "--no-hosts", "--bind-interfaces", "--listen-address=" SERVER_TEXT,
	      "--enable-tftp", "--quiet-tftp", root, "--tftp-max=1000", "--tftp-no-blocksize", (char *)NULL);
	_exit(127);
}

/* ---- where it runs ---- */

static void write_file(const char *path, const char *text, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	while (fd >= 0 && length) {
		ssize_t done = write(fd, text, length);

		if (done < 0)
			die(path);
		text += done;
		length -= (size_t)done;
	}
	if (fd < 0)
		die(path);
	close(fd);
}

static void make_firmware(struct bench *bench)
{
	size_t size = (size_t)bench->blocks * BLOCK - 1; /* so many blocks, the last a short one */
	char *content = malloc(size), path[96];

	if (!content)
		die("memory");
	memset(content, 'p', size);
	snprintf(bench->folder, sizeof(bench->folder), "/tmp/bench-tftp-XXXXXX");
	if (!mkdtemp(bench->folder) || chmod(bench->folder, 0755))
		die(bench->folder);
	snprintf(path, sizeof(path), "%s/firmware", bench->folder);
	write_file(path, content, size);
	free(content);
}

static void remove_firmware(const struct bench *bench)
{
	char path[96];

	if (!bench->folder[0])
		return;
	snprintf(path, sizeof(path), "%s/firmware", bench->folder);
	unlink(path);
	rmdir(bench->folder);
}

/* A group of its own under the host's version 2 hierarchy, wherever that is mounted; "" where there is none. */
static void make_group(struct bench *bench)
{
	FILE *mounts = fopen("/proc/self/mounts", "re");
	char line[512], where[96], kind[32];

	while (mounts && fgets(line, sizeof(line), mounts)) {
		if (sscanf(line, "%*s %95s %31s", where, kind) != 2 || strcmp(kind, "cgroup2") != 0)
			continue;
		snprintf(bench->group, sizeof(bench->group), "%s/bench-tftp-%d", where, (int)getpid());
		if (mkdir(bench->group, 0755))
			bench->group[0] = 0;
		break;
	}
	if (mounts)
		fclose(mounts);
}

static double group_seconds(const struct bench *bench)
{
	unsigned long long used_us = 0;
	char path[160];
	FILE *stat;

	snprintf(path, sizeof(path), "%s/cpu.stat", bench->group);
	stat = fopen(path, "re");
	if (!stat || fscanf(stat, "usage_usec %llu", &used_us) != 1)
		used_us = 0;
	if (stat)
		fclose(stat);
	return (double)used_us / 1e6;
}

/* A network of its own, and nobody's orphans but ours. in.tftpd does not take an address of 127.0.0.0/8. */
static void enter_network(void)
{
	const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(SERVER_ADDRESS)};
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING}, alias = {.ifr_name = "lo:1"};
	int fd;

	memcpy(&alias.ifr_addr, &address, sizeof(address));

	if (unshare(CLONE_NEWNET))
		die("network namespace");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) || ioctl(fd, SIOCSIFADDR, &alias))
		die("lo");
	close(fd);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static void share_processor(void)
{
	cpu_set_t allowed, one;
	int last = CPU_SETSIZE - 1;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		die("processors");
	while (last && !CPU_ISSET(last, &allowed))
		last--;
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		die("processor");
}

static void start_server(struct bench *bench)
{
	bench->pid = fork();
	if (bench->pid < 0)
		die("fork");
	if (bench->pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (bench->group[0]) {
		char path[160], number[16];

		snprintf(path, sizeof(path), "%s/cgroup.procs", bench->group);
		write_file(path, number, (size_t)snprintf(number, sizeof(number), "%d", (int)getpid()));
	}
	become(bench);
}

static bool bound(void)
{
	FILE *sockets = fopen("/proc/self/net/udp", "re");
	char line[256];
	bool found = false;

	while (sockets && !found && fgets(line, sizeof(line), sockets))
		found = strstr(line, "450200C0:0045 ");
	if (sockets)
		fclose(sockets);
	return found;
}

static void await_server(const struct bench *bench)
{
	while (!bound()) {
		if (waitpid(bench->pid, NULL, WNOHANG) == bench->pid) {
			fprintf(stderr, "the server ended at once\n");
			exit(4);
		}
		poll(NULL, 0, 5);
	}
}

static double seconds_of(const struct rusage *usage)
{
	return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
	       (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

/*
 * in.tftpd's children ignore SIGTERM and stay for their last ACK's time-out:
 * they are killed by number, as they become ours.
 */
static void end_server(struct bench *bench)
{
	pid_t server = bench->pid;
	struct rusage usage;

	bench->pid = 0;
	kill(server, SIGTERM);
	for (;;) {
		pid_t ended = wait4(-1, NULL, 0, &usage);

		if (ended < 0 && errno == ECHILD)
			break;
		if (ended > 0)
			bench->cpu_rusage_s += seconds_of(&usage);
		if (ended == server) {
			char path[96], line[32];
			FILE *children;

			snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
			children = fopen(path, "re");
			while (children && fscanf(children, "%31s", line) == 1)
				kill((pid_t)atoi(line), SIGKILL);
			if (children)
				fclose(children);
		}
	}
	if (!bench->group[0])
		return;
	bench->cpu_group_s = group_seconds(bench);
	rmdir(bench->group);
}

static void clean_up(void)
{
	struct bench *bench = bench_of_process;

	if (bench->pid)
		end_server(bench);
	remove_firmware(bench);
}

/*
 * ---- the clients ----
 *
 * One socket for all: they have an address each (127.1.0.0/16, which needs no
 * setting up) and one port. So whole batches are read and answered by few system
 * calls, and it is the server that is the slower one. What they have to say
 * waits in one queue for half a round trip there and half back; their requests
 * are spread over one.
 */

static int open_clients(void)
{
	const struct sockaddr_in own = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1, bytes = 4 << 20;

	if (fd < 0 || bind(fd, (const struct sockaddr *)&own, sizeof(own)) ||
	    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		die("clients' socket");
	return fd;
}

static struct letters *new_letters(void)
{
	struct letters *letters = calloc(1, sizeof(*letters));

	if (!letters)
		die("memory");
	for (uint32_t i = 0; i < BATCH; i++) {
		letters->vectors[i] = (struct iovec){letters->packets[i], sizeof(letters->packets[i])};
		letters->messages[i].msg_hdr = (struct msghdr){.msg_name = &letters->peers[i], .msg_iov = &letters->vectors[i],
							       .msg_iovlen = 1, .msg_control = letters->control[i]};
	}
	return letters;
}

/* How the kernel is told, and tells, which client it is. */
static struct in_pktinfo *whose(struct msghdr *message)
{
	struct cmsghdr *part = CMSG_FIRSTHDR(message);

	if (!part || part->cmsg_level != IPPROTO_IP || part->cmsg_type != IP_PKTINFO)
		die("no address with a packet");
	return (struct in_pktinfo *)CMSG_DATA(part);
}

static void say(struct clients *clients, uint32_t number, uint16_t port, uint64_t due_us)
{
	clients->queue[clients->said++ % CLIENTS_MAX] = (struct waiting){.number = number, .port = port, .due_us = due_us};
}

/* A request to port 69, an ACK of the last block to any other. */
static void compose(const struct bench *bench, struct letters *letters, uint32_t i, const struct waiting *waiting)
{
	const struct cmsghdr part = {.cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO,
				     .cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo))};
	uint32_t block = bench->block[waiting->number];
	const uint8_t ack[] = {0, 4, (uint8_t)(block >> 8), (uint8_t)block};
	struct msghdr *message = &letters->messages[i].msg_hdr;
	bool asks = waiting->port == PORT;

	letters->peers[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(waiting->port),
						 .sin_addr.s_addr = htonl(SERVER_ADDRESS)};
	letters->vectors[i].iov_len = asks ? sizeof(request) : sizeof(ack);
	memcpy(letters->packets[i], asks ? request : (const char *)ack, letters->vectors[i].iov_len);
	message->msg_namelen = sizeof(letters->peers[i]);
	message->msg_controllen = sizeof(letters->control[i]);
	memcpy(letters->control[i], &part, sizeof(part));
	*whose(message) = (struct in_pktinfo){.ipi_spec_dst.s_addr = htonl(FIRST_CLIENT + waiting->number)};
}

static void send_due(struct clients *clients)
{
	struct letters *letters = clients->out;
	uint64_t now = now_us(NULL);
	uint32_t count = 0, sent = 0;

	while (count < BATCH && clients->sent < clients->said &&
	       clients->queue[clients->sent % CLIENTS_MAX].due_us <= now)
		compose(clients->bench, letters, count++, &clients->queue[clients->sent++ % CLIENTS_MAX]);
	while (sent < count) {
		int done = sendmmsg(clients->fd, letters->messages + sent, count - sent, 0);

		if (done <= 0)
			die("clients' packets");
		sent += (uint32_t)done;
	}
}

/* One DATA packet. True where it was a transfer's last. */
static bool take(struct clients *clients, uint32_t i)
{
	struct letters *letters = clients->in;
	struct bench *bench = clients->bench;
	uint32_t number = ntohl(whose(&letters->messages[i].msg_hdr)->ipi_addr.s_addr) - FIRST_CLIENT;
	uint32_t length = letters->messages[i].msg_len;
	const uint8_t *packet = letters->packets[i];

	if (number >= bench->clients || length < 4 || packet[0] || packet[1] != 3 ||
	    ((uint32_t)packet[2] << 8 | packet[3]) != bench->block[number] + 1) {
		fprintf(stderr, "%s: not the block that was due (%u bytes, opcode %u)\n", bench->server, length, packet[1]);
		exit(1);
	}
	clients->begun += !bench->block[number]++;
	say(clients, number, ntohs(letters->peers[i].sin_port),
	    bench->round_trip_us ? now_us(NULL) + bench->round_trip_us : 0);
	return length < 4 + BLOCK;
}

static uint32_t take_all(struct clients *clients)
{
	uint32_t ended = 0;
	int count;

	for (uint32_t i = 0; i < BATCH; i++) {
		clients->in->messages[i].msg_hdr.msg_namelen = sizeof(clients->in->peers[i]);
		clients->in->messages[i].msg_hdr.msg_controllen = sizeof(clients->in->control[i]);
	}
	count = recvmmsg(clients->fd, clients->in->messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++)
		ended += take(clients, (uint32_t)i);
	return ended;
}

/* Until something comes or something is due. */
static void sleep_on(const struct clients *clients)
{
	const struct waiting *next = &clients->queue[clients->sent % CLIENTS_MAX];
	struct pollfd readable = {.fd = clients->fd, .events = POLLIN};
	uint64_t now = now_us(NULL), wait_us = STALL_US;

	if (clients->sent < clients->said)
		wait_us = next->due_us > now ? next->due_us - now : 0;
	struct timespec wait = {.tv_sec = (time_t)(wait_us / 1000000), .tv_nsec = (long)(wait_us % 1000000 * 1000)};

	if (!ppoll(&readable, 1, &wait, NULL) && wait_us == STALL_US) {
		fprintf(stderr, "%s: nothing came for %d s\n", clients->bench->server, STALL_US / 1000000);
		exit(1);
	}
}

/*
 * in.tftpd lets the kernel reap its children, whose time would then be nobody's.
 * Once every transfer has begun the listener is not needed: it is ended, and its
 * children, which go on, are the bench's to reap.
 */
static void adopt(const struct bench *bench)
{
	if (!strcmp(bench->server, "in.tftpd"))
		kill(bench->pid, SIGTERM);
}

static double fetch(struct bench *bench)
{
	struct clients *clients = calloc(1, sizeof(*clients));
	const struct sched_param none = {0};
	uint32_t ended = 0;
	uint64_t begun_us;
	bool adopted = false;

	/* what wakes it does not make way for it: else each packet would, and no batch would ever come about */
	if (!clients || sched_setscheduler(0, SCHED_BATCH, &none))
		die("clients");
	clients->bench = bench;
	clients->fd = open_clients();
	clients->in = new_letters();
	clients->out = new_letters();
	begun_us = now_us(NULL);
	for (uint32_t i = 0; i < bench->clients; i++)
		say(clients, i, PORT, begun_us + (uint64_t)bench->round_trip_us * i / bench->clients);
	while (ended < bench->clients) {
		send_due(clients);
		sleep_on(clients);
		ended += take_all(clients);
		if (!adopted && clients->begun == bench->clients) {
			adopt(bench);
			adopted = true;
		}
	}
	while (clients->sent < clients->said) { /* the last ACKs */
		send_due(clients);
		if (clients->sent < clients->said)
			sleep_on(clients);
	}
	return (double)(now_us(NULL) - begun_us) / 1e6;
}

int main(int argc, char **argv)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	uint32_t all = argc > 3 ? (uint32_t)atoi(argv[3]) : 400000;
	double seconds, blocks;

	if (!bench || argc < 2)
		return 2;
	bench->server = argv[1];
	bench->clients = argc > 2 ? (uint32_t)atoi(argv[2]) : 64;
	bench->round_trip_us = argc > 4 ? (uint32_t)atoi(argv[4]) * 1000 : 0;
	bench->blocks = bench->clients ? all / bench->clients : 0;
	if (!bench->clients || bench->clients > CLIENTS_MAX || !bench->blocks || bench->blocks > BLOCKS_MAX)
		return 2;
	bench_of_process = bench;
	atexit(clean_up);
	share_processor();
	enter_network();
	make_firmware(bench);
	make_group(bench);
	start_server(bench);
	await_server(bench);
	seconds = fetch(bench);
	end_server(bench);
	blocks = (double)bench->blocks * bench->clients;
	printf("{\"what\": \"tftp\", \"server\": \"%s\", \"clients\": %u, \"round_trip_ms\": %u, \"blocks\": %.0f, \"blocks_s\": %.0f, "
	       "\"blocks_cpu_s\": %.0f, ",
	       bench->server, bench->clients, bench->round_trip_us / 1000, blocks, blocks / seconds, blocks / bench->cpu_rusage_s);
	if (bench->cpu_group_s > 0)
		printf("\"blocks_cpu_s_cgroup\": %.0f}\n", blocks / bench->cpu_group_s);
	else
		printf("\"blocks_cpu_s_cgroup\": null}\n");
	return 0;
}
