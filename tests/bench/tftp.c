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
 * Prints one line of JSON and judges nothing.
 * Arguments: fleet|in.tftpd|dnsmasq [clients, 64] [blocks of all, 400000]
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
#define STALL_S 5
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

struct bench {
	const char *server;
	uint32_t clients, blocks; /* a client's */
	char folder[64], group[128];
	uint32_t block[CLIENTS_MAX]; /* the last that came */
	double cpu_rusage_s, cpu_group_s;
};

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

static pid_t start_server(const struct bench *bench)
{
	pid_t server = fork();

	if (server < 0)
		die("fork");
	if (server)
		return server;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (bench->group[0]) {
		char path[160], number[16];

		snprintf(path, sizeof(path), "%s/cgroup.procs", bench->group);
		write_file(path, number, (size_t)snprintf(number, sizeof(number), "%d", (int)getpid()));
	}
	become(bench);
	return 0;
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

static void await_server(pid_t server)
{
	while (!bound()) {
		if (waitpid(server, NULL, WNOHANG) == server) {
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
static void end_server(struct bench *bench, pid_t server)
{
	struct rusage usage;

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

/*
 * ---- the clients ----
 *
 * One socket for all: they have an address each (127.1.0.0/16, which needs no
 * setting up) and one port. So a whole batch is read and answered by two system
 * calls, and it is the server that is the slower one.
 */

static int open_clients(void)
{
	const struct sockaddr_in own = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1, bytes = 4 << 20;
	const struct timeval stall = {.tv_sec = STALL_S};

	if (fd < 0 || bind(fd, (const struct sockaddr *)&own, sizeof(own)) ||
	    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &stall, sizeof(stall)) ||
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
		letters->vectors[i].iov_base = letters->packets[i];
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

static void send_all(int fd, struct letters *letters, uint32_t count)
{
	uint32_t sent = 0;

	while (sent < count) {
		int done = sendmmsg(fd, letters->messages + sent, count - sent, 0);

		if (done <= 0)
			die("clients' packets");
		sent += (uint32_t)done;
	}
}

static void ask(const struct bench *bench, int fd, struct letters *letters)
{
	for (uint32_t first = 0; first < bench->clients; first += BATCH) {
		uint32_t count = bench->clients - first < BATCH ? bench->clients - first : BATCH;

		for (uint32_t i = 0; i < count; i++) {
			struct msghdr *message = &letters->messages[i].msg_hdr;
			struct cmsghdr part = {.cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO,
					       .cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo))};

			memcpy(letters->packets[i], request, sizeof(request));
			letters->vectors[i].iov_len = sizeof(request);
			letters->peers[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(PORT),
								 .sin_addr.s_addr = htonl(SERVER_ADDRESS)};
			message->msg_namelen = sizeof(letters->peers[i]);
			message->msg_controllen = sizeof(letters->control[i]);
			memcpy(letters->control[i], &part, sizeof(part));
			*whose(message) = (struct in_pktinfo){.ipi_spec_dst.s_addr = htonl(FIRST_CLIENT + first + i)};
		}
		send_all(fd, letters, count);
	}
}

/* Makes one DATA packet the ACK of it. True where it was a transfer's last. */
static bool answer(struct bench *bench, struct letters *letters, uint32_t i)
{
	struct in_pktinfo *info = whose(&letters->messages[i].msg_hdr);
	uint32_t number = ntohl(info->ipi_addr.s_addr) - FIRST_CLIENT, length = letters->messages[i].msg_len;
	uint8_t *packet = letters->packets[i];

	if (number >= bench->clients || length < 4 || packet[0] || packet[1] != 3 ||
	    ((uint32_t)packet[2] << 8 | packet[3]) != bench->block[number] + 1) {
		fprintf(stderr, "%s: not the block that was due (%u bytes, opcode %u)\n", bench->server, length, packet[1]);
		exit(1);
	}
	bench->block[number]++;
	packet[1] = 4;
	letters->vectors[i].iov_len = 4;
	info->ipi_ifindex = 0;
	info->ipi_spec_dst = info->ipi_addr;
	return length < 4 + BLOCK;
}

/*
 * in.tftpd lets the kernel reap its children, whose time would then be nobody's.
 * Once every transfer has begun the listener is not needed: it is ended, and its
 * children, which go on, are the bench's to reap.
 */
static void adopt(const struct bench *bench, pid_t server)
{
	if (!strcmp(bench->server, "in.tftpd"))
		kill(server, SIGTERM);
}

static void wait_for_whole_batches(void)
{
	const struct sched_param none = {0};

	if (sched_setscheduler(0, SCHED_BATCH, &none))
		die("SCHED_BATCH");
}

static double fetch(struct bench *bench, pid_t server)
{
	struct letters *letters = new_letters();
	uint32_t left = bench->clients, begun_count = 0;
	int fd = open_clients();
	double begun = bench_seconds();

	ask(bench, fd, letters);
	while (left) {
		int count;

		for (uint32_t i = 0; i < BATCH; i++) {
			letters->vectors[i].iov_len = 4 + BLOCK + 1;
			letters->messages[i].msg_hdr.msg_namelen = sizeof(letters->peers[i]);
			letters->messages[i].msg_hdr.msg_controllen = sizeof(letters->control[i]);
		}
		count = recvmmsg(fd, letters->messages, BATCH, MSG_WAITFORONE, NULL);
		if (count <= 0) {
			fprintf(stderr, "%s: nothing came for %d s\n", bench->server, STALL_S);
			exit(1);
		}
		for (uint32_t i = 0; i < (uint32_t)count; i++)
			left -= answer(bench, letters, i);
		send_all(fd, letters, (uint32_t)count);
		if (begun_count < bench->clients) {
			begun_count = 0;
			for (uint32_t i = 0; i < bench->clients; i++)
				begun_count += bench->block[i] > 0;
			if (begun_count == bench->clients)
				adopt(bench, server);
		}
	}
	return bench_seconds() - begun;
}

int main(int argc, char **argv)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	uint32_t all = argc > 3 ? (uint32_t)atoi(argv[3]) : 400000;
	double seconds, blocks;
	pid_t server;

	if (!bench || argc < 2)
		return 2;
	bench->server = argv[1];
	bench->clients = argc > 2 ? (uint32_t)atoi(argv[2]) : 64;
	bench->blocks = bench->clients ? all / bench->clients : 0;
	if (!bench->clients || bench->clients > CLIENTS_MAX || !bench->blocks || bench->blocks > BLOCKS_MAX)
		return 2;
	enter_network();
	make_firmware(bench);
	make_group(bench);
	server = start_server(bench);
	await_server(server);
	wait_for_whole_batches();
	seconds = fetch(bench, server);
	end_server(bench, server);
	remove_firmware(bench);
	blocks = (double)bench->blocks * bench->clients;
	printf("{\"what\": \"tftp\", \"server\": \"%s\", \"clients\": %u, \"blocks\": %.0f, \"blocks_s\": %.0f, "
	       "\"blocks_cpu_s\": %.0f, ",
	       bench->server, bench->clients, blocks, blocks / seconds, blocks / bench->cpu_rusage_s);
	if (bench->cpu_group_s > 0)
		printf("\"blocks_cpu_s_cgroup\": %.0f}\n", blocks / bench->cpu_group_s);
	else
		printf("\"blocks_cpu_s_cgroup\": null}\n");
	return 0;
}
