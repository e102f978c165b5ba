/* Helpers of the interoperation tests; see interop.h. */
#include "tests/interop/interop.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct tftp_file interop_files[INTEROP_FILES] = {
	[INTEROP_0] = { "zero", NULL, 0 },
	[INTEROP_511] = { "short", NULL, 511 },
	[INTEROP_512] = { "block", NULL, 512 },
	[INTEROP_513] = { "longer", NULL, 513 },
	[INTEROP_WRAP] = { "wrap", NULL, INTEROP_WRAP_BYTES },
};

static char folder[64];
static uint8_t *content;

static _Noreturn void skip(const char *reason, const char *what)
{
	printf("1..0 # SKIP %s%s\n", what, reason);
	exit(EXIT_SUCCESS);
}

static bool is_installed(const char *program)
{
	char path[4096];
	char *list = strdup(getenv("PATH") ? getenv("PATH") : "");
	bool found = !access(program, X_OK);

	for (char *at = strtok(list, ":"); at && !found; at = strtok(NULL, ":")) {
		snprintf(path, sizeof(path), "%s/%s", at, program);
		found = !access(path, X_OK);
	}
	free(list);
	return found;
}

static int enter(void)
{
	return unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET) ? -errno : 0;
}

void interop_need_root(const char *what)
{
	if (geteuid())
		skip(" runs as root only", what);
}

void interop_need(const char *program)
{
	int status = 1;
	pid_t pid;

	if (!is_installed(program))
		skip(" is not installed", program);
	pid = fork();
	if (!pid)
		_exit(enter() ? 1 : 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		skip("", "this kernel gives no network namespace");
}

void interop_enter(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	struct ifreq alias = { .ifr_name = "lo:1" };
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_addr.s_addr = htonl(INTEROP_ADDRESS) };
	int fd;

	ck_assert_int_eq(enter(), 0);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags |= IFF_UP;
	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	memcpy(&alias.ifr_addr, &address, sizeof(address));
	ck_assert_int_eq(ioctl(fd, SIOCSIFADDR, &alias), 0);
	close(fd);
}

void interop_mtu(int bytes)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_mtu = bytes };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ioctl(fd, SIOCSIFMTU, &request), 0);
	close(fd);
}

void interop_begin(void)
{
	uint64_t state = 1;

	content = malloc(INTEROP_WRAP_BYTES);
	ck_assert_ptr_nonnull(content);
	for (size_t i = 0; i < INTEROP_WRAP_BYTES; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		content[i] = (uint8_t)(state >> 56);
	}
	for (size_t i = 0; i < INTEROP_FILES; i++)
		interop_files[i].content = content;
	strcpy(folder, "/tmp/pfs-fleet-interop-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	return remove(path);
}

void interop_leave(void)
{
	free(content);
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *interop_path(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

bool interop_same(const char *name, const struct tftp_file *file)
{
	int fd = open(interop_path(name), O_RDONLY | O_CLOEXEC);
	uint8_t buffer[65536];
	uint64_t at = 0;
	ssize_t got;

	if (fd < 0)
		return errno == ENOENT && !file->size;
	while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
		if (at + (uint64_t)got > file->size || memcmp(buffer, file->content + at, (size_t)got))
			break;
		at += (uint64_t)got;
	}
	close(fd);
	return !got && at == file->size;
}

pid_t interop_spawn(const char *const *arguments)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		int output = open(interop_path("output"), O_WRONLY | O_CREAT | O_APPEND, 0644);

		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(output, 1);
		dup2(output, 2);
		execvp(arguments[0], (char *const *)arguments);
		_exit(127);
	}
	return pid;
}

int interop_status(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
}

int interop_netns(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}
