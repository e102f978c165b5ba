/*
 * in.tftpd and dnsmasq at headquarters, one a run, named by the first argument:
 * they serve what they are given, nothing of them outlives us, and what they
 * cannot do is said. Fetched with curl and with a reader of our own that can
 * hold a transfer open.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/hq/real_server.h"
#include "tests/interop/interop.h"
#include "tests/tap.h"

#define WAIT_MS 5000

static enum real_server_kind kind;
static struct real_server *server;
static struct real_server_config config;
static int netns;
static char folder[128];

static void setup(void)
{
	interop_enter();
	interop_begin();
	netns = interop_netns();
	snprintf(folder, sizeof(folder), "%s", interop_path("."));
	server = NULL;
	config = (struct real_server_config){
		.kind = kind,
		.netns = netns,
		.address = INTEROP_ADDRESS,
		.serving_max = 4,
		.timeout_us = 1000000,
		.folder = folder,
		.files = interop_files,
		.file_count = INTEROP_FILES,
		.receive_buffer_bytes = 3u << 20,
	};
}

static void teardown(void)
{
	real_server_stop(server);
	interop_leave();
	close(netns);
}

static void start(void)
{
	ck_assert_int_eq(real_server_start(&config, &server), 0);
}

static int ask_with(const char *name, const char *option, const char *value)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(69),
		.sin_addr.s_addr = htonl(INTEROP_ADDRESS),
	};
	uint8_t packet[64] = { 0, 1 };
	size_t length = strlen(name);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	memcpy(packet + 2, name, length);
	memcpy(packet + 3 + length, "octet", 6);
	length += 9;
	if (option) {
		strcpy((char *)packet + length, option);
		length += strlen(option) + 1;
		strcpy((char *)packet + length, value);
		length += strlen(value) + 1;
	}
	ck_assert_int_eq(sendto(fd, packet, length, 0, (const struct sockaddr *)&to, sizeof(to)),
			 (ssize_t)length);
	return fd;
}

static int ask(const char *name)
{
	return ask_with(name, NULL, NULL);
}

/* The answer's opcode: 3 DATA, 5 ERROR; 0: none within timeout_ms. */
static int opcode_of_answer(int fd, int timeout_ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	uint8_t packet[600];

	if (poll(&ready, 1, timeout_ms) <= 0)
		return 0;
	ck_assert_int_ge(recv(fd, packet, sizeof(packet), 0), 4);
	return packet[1];
}

static int curl(const char *name, const char *blksize)
{
	char url[64];
	const char *const arguments[] = { "curl", "-sS", "--tftp-blksize", blksize, "-o", interop_path("got"),
					  url,    NULL };
	int status = 0;
	pid_t pid;

	snprintf(url, sizeof(url), "tftp://" INTEROP_ADDRESS_TEXT "/%s", name);
	pid = interop_spawn(arguments);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return interop_status(status);
}

/* A zombie is no process any more: it waits for whoever reaps it. */
static bool is_alive(const char *pid)
{
	char path[512], line[512] = "";
	const char *state;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	stat = fopen(path, "re");
	if (!stat)
		return false;
	state = fgets(line, sizeof(line), stat) ? strrchr(line, ')') : NULL;
	fclose(stat);
	return state && state[2] != 'Z' && state[2] != 'X';
}

static int processes_in(ino_t pid_namespace)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int count = 0;

	ck_assert_ptr_nonnull(proc);
	while ((entry = readdir(proc))) {
		char path[512];
		struct stat status;

		snprintf(path, sizeof(path), "/proc/%s/ns/pid", entry->d_name);
		if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && !stat(path, &status))
			count += status.st_ino == pid_namespace && is_alive(entry->d_name);
	}
	closedir(proc);
	return count;
}

/* The inode of the PID namespace that the init behind a pidfd is in. */
static ino_t pid_namespace_of(int pidfd)
{
	char path[64], line[128];
	struct stat status = { 0 };
	FILE *info;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	info = fopen(path, "re");
	ck_assert_ptr_nonnull(info);
	while (fgets(line, sizeof(line), info))
		if (sscanf(line, "Pid: %d", &pid) == 1)
			break;
	fclose(info);
	ck_assert_int_gt(pid, 0);
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	ck_assert_int_eq(stat(path, &status), 0);
	return status.st_ino;
}

static int entries_of(const char *path, const char *prefix)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int count = 0;

	while (directory && (entry = readdir(directory)))
		count += !strncmp(entry->d_name, prefix, strlen(prefix));
	if (directory)
		closedir(directory);
	return count;
}

START_TEST(serves_its_files)
{
	start();
	/* An empty file only without options: see test_clients.c on curl. */
	for (size_t i = INTEROP_511; i < INTEROP_FILES; i++) {
		ck_assert_int_eq(curl(interop_files[i].name, i == INTEROP_WRAP ? "1428" : "512"), 0);
		ck_assert(interop_same("got", &interop_files[i]));
	}
	ck_assert_int_ne(curl("nothing", "512"), 0);
}
END_TEST

/* Firmware sets may share a file. */
START_TEST(shared_file_is_written_once)
{
	const struct tftp_file shared[] = { interop_files[INTEROP_513], interop_files[INTEROP_511],
					    interop_files[INTEROP_513] };

	config.files = shared;
	config.file_count = 3;
	start();
	ck_assert_int_eq(curl("longer", "512"), 0);
	ck_assert(interop_same("got", &interop_files[INTEROP_513]));
}
END_TEST

/* RFC 2348: the bound on blocks is passed on; below 512 no option is granted at all. */
START_TEST(block_size_is_bounded)
{
	static const char granted[] = "\0\6blksize\0001024";
	struct pollfd ready = { .events = POLLIN };
	uint8_t packet[2000];

	config.blksize_max = 1024;
	start();
	ready.fd = ask_with("wrap", "blksize", "1428");
	ck_assert_int_eq(poll(&ready, 1, WAIT_MS), 1);
	ck_assert_int_eq(recv(ready.fd, packet, sizeof(packet), 0), sizeof(granted));
	ck_assert_mem_eq(packet, granted, sizeof(granted));
	close(ready.fd);
	real_server_stop(server);
	config.blksize_max = 100;
	start();
	ready.fd = ask_with("wrap", "blksize", "1428");
	ck_assert_int_eq(poll(&ready, 1, WAIT_MS), 1);
	ck_assert_int_eq(recv(ready.fd, packet, sizeof(packet), 0), 516);
	close(ready.fd);
}
END_TEST

START_TEST(receive_buffer_is_enlarged)
{
	start();
	ck_assert_uint_eq(real_server_receive_buffer(server), 2 * config.receive_buffer_bytes);
}
END_TEST

static uint32_t lines_of(const char *path)
{
	FILE *file = fopen(path, "re");
	uint32_t lines = 0;
	int byte;

	ck_assert_ptr_nonnull(file);
	while ((byte = getc(file)) != EOF)
		lines += byte == '\n';
	fclose(file);
	return lines;
}

/* Nothing is left by a stop: no process, no directory, and port 69 is closed. */
START_TEST(stop_leaves_nothing)
{
	ino_t namespace;
	uint32_t mounts = lines_of("/proc/self/mountinfo");
	int fd;

	start();
	ck_assert_uint_eq(lines_of("/proc/self/mountinfo"), mounts); /* what it mounts is its own */
	namespace = pid_namespace_of(real_server_pidfd(server));
	fd = ask("wrap"); /* a transfer under way */
	ck_assert_int_eq(opcode_of_answer(fd, WAIT_MS), 3);
	ck_assert_int_ge(processes_in(namespace), 2);
	ck_assert_int_eq(entries_of(config.folder, "tftp-"), 1);
	real_server_stop(server);
	server = NULL;
	ck_assert_int_eq(processes_in(namespace), 0);
	ck_assert_int_eq(entries_of(config.folder, "tftp-"), 0);
	close(fd);
	start(); /* and it can come back */
	fd = ask("short");
	ck_assert_int_eq(opcode_of_answer(fd, WAIT_MS), 3);
	close(fd);
}
END_TEST

/* Passes a descriptor through a socket, or takes it. */
static void pass(int through, int *fd, bool take)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec vector = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	if (take) {
		ck_assert_int_eq(recvmsg(through, &message, MSG_CMSG_CLOEXEC), 1);
		memcpy(fd, CMSG_DATA(&control.header), sizeof(*fd));
		return;
	}
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(*fd));
	memcpy(CMSG_DATA(&control.header), fd, sizeof(*fd));
	ck_assert_int_eq(sendmsg(through, &message, 0), 1);
}

/* kill -9 of the process that started it, with a transfer under way: the kernel ends the rest. */
START_TEST(killed_with_its_maker)
{
	struct pollfd init = { .events = POLLIN };
	ino_t namespace;
	int pair[2];
	pid_t maker;
	int fd;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	maker = fork();
	if (!maker) {
		start();
		fd = real_server_pidfd(server);
		pass(pair[1], &fd, false);
		for (;;)
			pause();
	}
	close(pair[1]);
	pass(pair[0], &init.fd, true);
	namespace = pid_namespace_of(init.fd);
	fd = ask("wrap");
	ck_assert_int_eq(opcode_of_answer(fd, WAIT_MS), 3);
	ck_assert_int_ge(processes_in(namespace), 2);
	ck_assert_int_eq(kill(maker, SIGKILL), 0);
	ck_assert_int_eq(waitpid(maker, NULL, 0), maker);
	/* Readable when the init is dead, which it is when all of its namespace are. */
	ck_assert_int_eq(poll(&init, 1, WAIT_MS), 1);
	ck_assert_int_eq(processes_in(namespace), 0);
	close(init.fd);
	close(fd);
}
END_TEST

/* The owner learns that the server died by itself. */
START_TEST(death_is_seen)
{
	struct pollfd died = { .events = POLLIN };
	char command[512], path[64];
	ino_t namespace;
	DIR *proc;
	struct dirent *entry;

	start();
	died.fd = real_server_pidfd(server);
	ck_assert_int_eq(poll(&died, 1, 0), 0);
	namespace = pid_namespace_of(died.fd);
	proc = opendir("/proc");
	while ((entry = readdir(proc))) {
		struct stat status;
		ssize_t length;

		snprintf(command, sizeof(command), "/proc/%s/ns/pid", entry->d_name);
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || stat(command, &status) ||
		    status.st_ino != namespace)
			continue;
		snprintf(command, sizeof(command), "/proc/%s/exe", entry->d_name);
		length = readlink(command, path, sizeof(path) - 1);
		path[length < 0 ? 0 : length] = 0;
		if (strstr(path, real_server_name(kind)))
			kill(atoi(entry->d_name), SIGKILL);
	}
	closedir(proc);
	ck_assert_int_eq(poll(&died, 1, WAIT_MS), 1);
	ck_assert_int_eq(processes_in(namespace), 0);
}
END_TEST

/* dnsmasq obeys the limit; in.tftpd has none, and says so through real_server_limits_serving(). */
START_TEST(serving_limit)
{
	int fds[5];

	start();
	for (uint32_t i = 0; i < config.serving_max; i++) {
		fds[i] = ask("wrap");
		ck_assert_int_eq(opcode_of_answer(fds[i], WAIT_MS), 3);
	}
	fds[4] = ask("wrap");
	if (real_server_limits_serving(kind))
		ck_assert_int_ne(opcode_of_answer(fds[4], 100), 3);
	else
		ck_assert_int_eq(opcode_of_answer(fds[4], WAIT_MS), 3);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
}
END_TEST

/* What cannot be is refused with a negative errno, and nothing is left of the attempt. */
START_TEST(refusals)
{
	const struct tftp_file bad = { "a/b", (const uint8_t *)"x", 1 };
	const struct tftp_file clash[] = { { "a", (const uint8_t *)"x", 1 },
					   { "a", (const uint8_t *)"y", 1 } };
	pid_t pid;
	int status;

	config.files = &bad;
	config.file_count = 1;
	ck_assert_int_eq(real_server_start(&config, &server), -EINVAL);
	config.files = clash;
	config.file_count = 2;
	ck_assert_int_eq(real_server_start(&config, &server), -EEXIST);
	config.file_count = 0;
	config.folder = "/nonexistent";
	ck_assert_int_eq(real_server_start(&config, &server), -ENOENT);
	config.folder = folder;
	/* An address that nobody has here. */
	config.address = 0xc0a80101;
	config.ready_timeout_ms = 1000;
	ck_assert_int_lt(real_server_start(&config, &server), 0);
	ck_assert_int_eq(entries_of(config.folder, "tftp-"), 0);
	/* An ordinary user. */
	pid = fork();
	if (!pid)
		_exit(setresuid(65534, 65534, 65534) ? 99 : -real_server_start(&config, &server));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(interop_status(status), EPERM);
}
END_TEST

int main(int count, char **arguments)
{
	Suite *suite = suite_create("real_server");
	TCase *tcase;

	kind = count == 2 && !strcmp(arguments[1], "dnsmasq") ? REAL_SERVER_DNSMASQ : REAL_SERVER_IN_TFTPD;
	interop_need_root(real_server_name(kind));
	if (!real_server_installed(kind))
		interop_need(real_server_name(kind));
	interop_need("curl");
	tcase = tcase_create(real_server_name(kind));
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, serves_its_files);
	tcase_add_test(tcase, shared_file_is_written_once);
	tcase_add_test(tcase, block_size_is_bounded);
	tcase_add_test(tcase, receive_buffer_is_enlarged);
	tcase_add_test(tcase, stop_leaves_nothing);
	tcase_add_test(tcase, killed_with_its_maker);
	tcase_add_test(tcase, death_is_seen);
	tcase_add_test(tcase, serving_limit);
	tcase_add_test(tcase, refusals);
	return tap_run(suite);
}
