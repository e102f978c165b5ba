/*
 * A real TFTP server in headquarters' namespace.
 *
 * It must not outlive us, whatever kills us (DESIGN: the host is never
 * touched). in.tftpd begins a process for each transfer, and those ignore
 * SIGTERM and would go on for their time-outs. So the server runs in a PID
 * namespace whose init is ours (real_server_init.c): the kernel kills all of a
 * PID namespace when its init dies, and the init dies with us.
 *
 * The init is made by a bare clone(), because this process may have threads: it
 * does nothing but system calls. Its exit signal is 0, so that a libev default
 * loop, which reaps every child that it hears of, leaves it to us.
 */
#include "emulator/hq/real_server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/hq/real_server_init.h"

#define RECEIVE_BUFFER_BYTES (8u << 20)
#define READY_TIMEOUT_MS 5000
#define TEXT_MAX 96
#define ARGUMENTS_MAX 24
#define NOBODY 65534

struct real_server {
	enum real_server_kind kind;
	int pidfd;
	int control; /* the init ends when this closes */
	uint32_t receive_buffer;
	char directory[PATH_MAX];
	char log[PATH_MAX];
};

struct arguments {
	char *list[ARGUMENTS_MAX + 1];
	char text[ARGUMENTS_MAX][PATH_MAX + TEXT_MAX];
	size_t count;
};

static const struct {
	const char *name, *package, *path;
	bool limits_serving;
} kinds[] = {
	[REAL_SERVER_IN_TFTPD] = { "in.tftpd", "tftpd-hpa", "/usr/sbin/in.tftpd", false },
	[REAL_SERVER_DNSMASQ] = { "dnsmasq", "dnsmasq-base", "/usr/sbin/dnsmasq", true },
};

/* ------------------------------------------------------------- arguments */

__attribute__((format(printf, 2, 3))) static void add(struct arguments *arguments, const char *format, ...)
{
	char *text = arguments->text[arguments->count];
	va_list list;

	if (arguments->count == ARGUMENTS_MAX)
		abort(); /* the lists below are shorter */
	va_start(list, format);
	vsnprintf(text, sizeof(arguments->text[0]), format, list);
	va_end(list);
	arguments->list[arguments->count++] = text;
	arguments->list[arguments->count] = NULL;
}

static void address_text(uint32_t address, char text[16])
{
	snprintf(text, 16, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
		 address & 255);
}

/* It has no serving limit of its own: its manual knows none, and it forks for each request. */
static void in_tftpd_arguments(const struct real_server_config *config, const char *directory,
			       struct arguments *arguments)
{
	uint64_t timeout_us = config->timeout_us;
	char address[16];

	address_text(config->address, address);
	add(arguments, "in.tftpd");
	add(arguments, "--ipv4");
	add(arguments, "--foreground");
	add(arguments, "--secure");
	add(arguments, "--user");
	add(arguments, "nobody");
	add(arguments, "--address");
	add(arguments, "%s:69", address);
	if (timeout_us) {
		/* The range that it accepts. */
		timeout_us = timeout_us < 10000 ? 10000 : timeout_us > 64000000 ? 64000000 : timeout_us;
		add(arguments, "--retransmit");
		add(arguments, "%llu", (unsigned long long)timeout_us);
	}
	if (config->blksize_max >= 512) {
		add(arguments, "--blocksize");
		add(arguments, "%u", config->blksize_max);
	} else if (config->blksize_max) {
		add(arguments, "--refuse");
		add(arguments, "blksize");
	}
	add(arguments, "%s", directory);
}

/* --no-daemon: no pid file, and it stays the user that it is, who may read the directory. */
static void dnsmasq_arguments(const struct real_server_config *config, const char *directory,
			      struct arguments *arguments)
{
	char address[16];

	address_text(config->address, address);
	add(arguments, "dnsmasq");
	add(arguments, "--conf-file=/dev/null");
	add(arguments, "--no-daemon");
	add(arguments, "--user=root");
	add(arguments, "--pid-file=");
	add(arguments, "--port=0");
	add(arguments, "--no-resolv");
	add(arguments, "--no-hosts");
	add(arguments, "--bind-interfaces");
	add(arguments, "--listen-address=%s", address);
	add(arguments, "--enable-tftp");
	add(arguments, "--quiet-tftp");
	add(arguments, "--tftp-root=%s", directory);
	/* It goes on listening while at most tftp-max transfers run: it serves one more than it is told. */
	add(arguments, "--tftp-max=%u", config->serving_max - 1);
	/* Its bound is the packet's size: 20 of IP, 8 of UDP, 4 of TFTP. */
	if (config->blksize_max >= 512)
		add(arguments, "--tftp-mtu=%u", config->blksize_max + 32);
	else if (config->blksize_max)
		add(arguments, "--tftp-no-blocksize");
}

/* ----------------------------------------------------------------- files */

static int write_file(int directory, const struct tftp_file *file)
{
	int fd = openat(directory, file->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	uint64_t done = 0;

	/* A file that two firmware sets share is the same, as check() has seen. */
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	while (done < file->size) {
		ssize_t got = write(fd, file->content + done, file->size - done);

		if (got < 0 && errno != EINTR) {
			int error = -errno;

			close(fd);
			return error;
		}
		done += got > 0 ? (uint64_t)got : 0;
	}
	/* Readable for the server's user, whatever our umask is. */
	if (fchmod(fd, 0644)) {
		int error = -errno;

		close(fd);
		return error;
	}
	return close(fd) ? -errno : 0;
}

static int write_files(const struct real_server_config *config, struct real_server *server)
{
	int directory = -1;
	int error = 0;

	snprintf(server->directory + strlen(server->directory),
		 sizeof(server->directory) - strlen(server->directory), "/tftp-XXXXXX");
	if (!mkdtemp(server->directory)) {
		error = -errno;
		server->directory[0] = 0;
		return error;
	}
	directory = open(server->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0 || fchmod(directory, 0755))
		error = -errno;
	for (size_t i = 0; i < config->file_count && !error; i++)
		error = write_file(directory, &config->files[i]);
	if (directory >= 0)
		close(directory);
	return error;
}

static void remove_directory(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	rmdir(path);
}

/* ---------------------------------------------------------------- checks */

/* True where `nobody` exists here: in.tftpd becomes that user, which a user namespace of one user cannot. */
static bool user_is_mapped(uint32_t user)
{
	FILE *map = fopen("/proc/self/uid_map", "re");
	unsigned inside, outside, count;
	bool mapped = false;

	if (!map)
		return true; /* no user namespaces in this kernel */
	while (!mapped && fscanf(map, "%u %u %u", &inside, &outside, &count) == 3)
		mapped = user >= inside && user - inside < count;
	fclose(map);
	return mapped;
}

bool real_server_allowed(void)
{
	return geteuid() == 0 && user_is_mapped(NOBODY);
}

static int complain(const struct real_server_config *config, int error, const char *what)
{
	fprintf(stderr, "pfs-fleet: server %s: %s\n", kinds[config->kind].name, what);
	return error;
}

static int check(const struct real_server_config *config)
{
	char text[PATH_MAX];
	size_t clash;

	if (!real_server_allowed())
		return complain(config, -EPERM, "needs root: run as root, or use the embedded server");
	if (!real_server_installed(config->kind)) {
		snprintf(text, sizeof(text), "%s is missing: apt-get install %s", kinds[config->kind].path,
			 kinds[config->kind].package);
		return complain(config, -ENOENT, text);
	}
	if (!config->serving_max)
		return complain(config, -EINVAL, "a serving limit of 0 cannot be passed on");
	clash = tftp_files_clash(config->files, config->file_count);
	if (clash < config->file_count) {
		snprintf(text, sizeof(text), "two files of different content are named \"%.100s\"",
			 config->files[clash].name);
		return complain(config, -EEXIST, text);
	}
	for (size_t i = 0; i < config->file_count; i++) {
		const char *name = config->files[i].name;

		if (*name && *name != '.' && !strchr(name, '/') && strlen(name) <= NAME_MAX)
			continue;
		snprintf(text, sizeof(text), "cannot serve a file named \"%.100s\"", name);
		return complain(config, -EINVAL, text);
	}
	return 0;
}

/* ----------------------------------------------------------------- start */

static int make_init(const struct real_server_init *init, struct real_server *server)
{
	sigset_t all, before;
	int pidfd = -1;
	long pid;
	int error;

	/* None of our handlers may run in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | CLONE_PIDFD, NULL, &pidfd, NULL, NULL);
	error = -errno;
	if (!pid)
		real_server_init_run(init);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return error;
	server->pidfd = pidfd;
	return 0;
}

/* What the init reports, or what its silence means. */
static int await_report(const struct real_server_config *config, struct real_server *server,
			uint32_t timeout_ms)
{
	static const char *const stages[] = {
		[REAL_SERVER_READY] = "",
		[REAL_SERVER_MOUNT] = "cannot have a mount namespace of its own",
		[REAL_SERVER_NETNS] = "cannot enter headquarters' namespace",
		[REAL_SERVER_EXEC] = "cannot be started",
		[REAL_SERVER_PROBE] = "cannot be asked whether it answers",
		[REAL_SERVER_SILENT] = "does not answer",
		[REAL_SERVER_ENDED] = "ended at once, see its log in the run's folder",
	};
	struct real_server_report report;
	struct pollfd ready = { .fd = server->control, .events = POLLIN };
	char text[PATH_MAX];
	int got;

	/* The init keeps the time-out itself; this one is for an init that is stuck. */
	do
		got = poll(&ready, 1, (int)timeout_ms + 5000);
	while (got < 0 && errno == EINTR);
	if (got <= 0 || recv(server->control, &report, sizeof(report), MSG_DONTWAIT) != sizeof(report))
		return complain(config, got ? -ECHILD : -ETIMEDOUT, "its init said nothing");
	if (report.stage == REAL_SERVER_READY) {
		server->receive_buffer = report.receive_buffer;
		return 0;
	}
	if (report.stage == REAL_SERVER_SILENT || report.stage == REAL_SERVER_ENDED)
		return complain(config, -report.error, stages[report.stage]);
	snprintf(text, sizeof(text), "%s: %s", stages[report.stage], strerror(report.error));
	return complain(config, -report.error, text);
}

static int launch(const struct real_server_config *config, const struct arguments *arguments, int log,
		  struct real_server *server)
{
	struct real_server_init init = {
		.path = kinds[config->kind].path,
		.arguments = arguments->list,
		.netns = config->netns,
		.log = log,
		.address = config->address,
		.receive_buffer_bytes =
			config->receive_buffer_bytes ? config->receive_buffer_bytes : RECEIVE_BUFFER_BYTES,
		.ready_timeout_ms = config->ready_timeout_ms ? config->ready_timeout_ms : READY_TIMEOUT_MS,
		/* One socket and one file a transfer, and some of its own. */
		.descriptors = 2 * (uint64_t)config->serving_max + 256,
	};
	int pair[2];
	int error;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return complain(config, -errno, strerror(errno));
	init.control = pair[1];
	server->control = pair[0];
	error = make_init(&init, server);
	close(pair[1]);
	if (error < 0) {
		char text[TEXT_MAX];

		snprintf(text, sizeof(text), "cannot have a PID namespace of its own: %s", strerror(-error));
		return complain(config, error, text);
	}
	return await_report(config, server, init.ready_timeout_ms);
}

static int prepare_and_launch(const struct real_server_config *config, struct real_server *server)
{
	struct arguments *arguments;
	int error;
	int log;

	if (!realpath(config->folder, server->directory) || strlen(server->directory) > PATH_MAX - 64) {
		server->directory[0] = 0;
		return complain(config, -ENOENT, "the run's folder does not exist");
	}
	snprintf(server->log, sizeof(server->log), "%.*s/%s.log", PATH_MAX - 64, server->directory,
		 kinds[config->kind].name);
	error = write_files(config, server);
	if (error < 0)
		return complain(config, error, "its files cannot be written into the run's folder");
	log = open(server->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (log < 0)
		return complain(config, -errno, "its log cannot be written into the run's folder");
	arguments = calloc(1, sizeof(*arguments));
	if (!arguments) {
		close(log);
		return -ENOMEM;
	}
	if (config->kind == REAL_SERVER_DNSMASQ)
		dnsmasq_arguments(config, server->directory, arguments);
	else
		in_tftpd_arguments(config, server->directory, arguments);
	error = launch(config, arguments, log, server);
	free(arguments);
	close(log);
	return error;
}

int real_server_start(const struct real_server_config *config, struct real_server **result)
{
	struct real_server *server;
	int error = check(config);

	if (error < 0)
		return error;
	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->kind = config->kind;
	server->pidfd = -1;
	server->control = -1;
	error = prepare_and_launch(config, server);
	if (error < 0) {
		real_server_stop(server);
		return error;
	}
	*result = server;
	return 0;
}

void real_server_stop(struct real_server *server)
{
	struct pollfd ended = { .events = POLLIN };
	struct stat status;
	siginfo_t info;

	if (!server)
		return;
	ended.fd = server->pidfd;
	if (server->pidfd >= 0) {
		syscall(SYS_pidfd_send_signal, server->pidfd, SIGKILL, NULL, 0);
		/* An init is gone only when all of its namespace are. Somebody else may have reaped it. */
		while (poll(&ended, 1, -1) < 0 && errno == EINTR)
			;
		while (waitid(P_PIDFD, (id_t)server->pidfd, &info, WEXITED | __WALL) && errno == EINTR)
			;
		close(server->pidfd);
	}
	if (server->control >= 0)
		close(server->control);
	if (server->directory[0])
		remove_directory(server->directory);
	if (server->log[0] && !stat(server->log, &status) && !status.st_size)
		unlink(server->log);
	free(server);
}

int real_server_pidfd(const struct real_server *server)
{
	return server->pidfd;
}

uint32_t real_server_receive_buffer(const struct real_server *server)
{
	return server->receive_buffer;
}

bool real_server_limits_serving(enum real_server_kind kind)
{
	return kinds[kind].limits_serving;
}

const char *real_server_name(enum real_server_kind kind)
{
	return kinds[kind].name;
}

const char *real_server_package(enum real_server_kind kind)
{
	return kinds[kind].package;
}

bool real_server_installed(enum real_server_kind kind)
{
	return !access(kinds[kind].path, X_OK);
}
