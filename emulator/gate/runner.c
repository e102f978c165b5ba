/*
 * One run as a process of its own. Its standard error is kept, since a gate has
 * to say why a run could not be made; its table goes to a file beside its folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "emulator/gate/gate.h"

#define ARGUMENTS_MAX 24
#define SUMMARY_BYTES_MAX (256u << 20)
#define NOT_BEGUN 127 /* what a shell says of a program that does not run */

static volatile sig_atomic_t child; /* the run under way, or the negative of its process group; 0: none */

void gate_run_signal(int number)
{
	if (child)
		kill((pid_t)child, number);
}

static void read_all(int fd, char *text, size_t size)
{
	ssize_t got = pread(fd, text, size - 1, 0);

	text[got < 0 ? 0 : got] = '\0';
	/* One line a message: the last line feed is the caller's to print. */
	for (size_t length = strlen(text); length && text[length - 1] == '\n'; length--)
		text[length - 1] = '\0';
}

/* The end of a file, from the beginning of a line on, as far as there is room. */
static void read_end(int fd, char *text, size_t size)
{
	struct stat status;
	off_t from = fstat(fd, &status) == 0 && status.st_size >= (off_t)size ? status.st_size - (off_t)size + 1 : 0;
	ssize_t got = pread(fd, text, size - 1, from);
	char *line = NULL;

	text[got < 0 ? 0 : got] = '\0';
	for (size_t length = strlen(text); length && text[length - 1] == '\n'; length--)
		text[length - 1] = '\0';
	if (from)
		line = strchr(text, '\n');
	if (line)
		memmove(text, line + 1, strlen(line + 1) + 1);
}

/* In the child; does not return. */
static void become(const char *program, char *const *arguments, int out, int error, bool apart)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (apart)
		setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(error, 2) == 2)
		execv(program, arguments);
	dprintf(2, "%s: %s\n", program, strerror(errno));
	_exit(NOT_BEGUN);
}

/* Whether it has ended, within the time. A host that has no such descriptors waits for it without one. */
static bool has_ended(pid_t pid, uint32_t limit_ms)
{
	struct timespec began, now;
	struct pollfd end = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	int left_ms = (int)limit_ms, ready = 1;

	clock_gettime(CLOCK_MONOTONIC, &began);
	while (end.fd >= 0 && (ready = poll(&end, 1, left_ms)) < 0 && errno == EINTR) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		int64_t gone_ms = (now.tv_sec - began.tv_sec) * 1000 + (now.tv_nsec - began.tv_nsec) / 1000000;
		left_ms = gone_ms < limit_ms ? (int)(limit_ms - gone_ms) : 0;
	}
	if (end.fd >= 0)
		close(end.fd);
	return ready != 0;
}

/*
 * Runs a program to its end. Returns its exit status, or a negative errno; a
 * signal that ended it goes to *ended_by. A signal that comes between the look
 * at `stop` and the fork finds the child in the next look. With a limit it is
 * ended, and all that it began with it, when that is over: -ETIMEDOUT.
 */
static int execute(const char *program, char *const *arguments, int out, int error,
		   const volatile sig_atomic_t *stop, uint32_t limit_ms, int *ended_by)
{
	sigset_t both, before;
	bool late = false;
	int status;

	*ended_by = 0;
	sigemptyset(&both);
	sigaddset(&both, SIGINT);
	sigaddset(&both, SIGTERM);
	sigprocmask(SIG_BLOCK, &both, &before);
	pid_t pid = stop && *stop ? -1 : fork();
	if (pid == 0)
		become(program, arguments, out, error, limit_ms);
	int why = stop && *stop ? EINTR : errno;
	if (pid > 0 && limit_ms)
		setpgid(pid, pid); /* here too: whoever comes first */
	child = pid <= 0 ? 0 : limit_ms ? -pid : pid;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return -why;
	if (limit_ms && !has_ended(pid, limit_ms)) {
		late = true;
		kill(-pid, SIGKILL);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	child = 0;
	if (late)
		return -ETIMEDOUT;
	if (WIFSIGNALED(status)) {
		*ended_by = WTERMSIG(status);
		return -ECHILD;
	}
	return WEXITSTATUS(status);
}

static cJSON *read_summary(const char *folder)
{
	char path[4200];
	cJSON *summary = NULL;

	snprintf(path, sizeof(path), "%s/summary.json", folder);
	FILE *file = fopen(path, "re");
	if (!file)
		return NULL;
	char *text = NULL;
	size_t size = 0;
	ssize_t length = getdelim(&text, &size, '\0', file);
	if (length > 0 && length < (ssize_t)SUMMARY_BYTES_MAX)
		summary = cJSON_ParseWithLength(text, (size_t)length);
	free(text);
	fclose(file);
	return summary;
}

void gate_run_make(const struct gate_job *job, struct gate_run *run)
{
	char seed[24], speed[24], workers[24], table[4200];
	char *arguments[ARGUMENTS_MAX];
	uint32_t count = 0;

	*run = (struct gate_run){ 0 };
	snprintf(seed, sizeof(seed), "%" PRIu64, job->seed);
	snprintf(speed, sizeof(speed), "%u.%03u", job->speed_milli / 1000, job->speed_milli % 1000);
	snprintf(workers, sizeof(workers), "%u", job->workers);
	const char *const given[] = {
		"pfs-fleet", "run",	job->scenario, "--engine", job->sim ? "sim" : "netns", "--mode", job->mode,
		"--seed",    seed,	"--speed",     speed,	   "--out",		       job->out, "--console",
		"none",	     "--quiet", job->workers ? "--workers" : NULL, workers,
	};
	for (size_t i = 0; i < sizeof(given) / sizeof(*given) && given[i]; i++)
		arguments[count++] = (char *)given[i];
	arguments[count] = NULL;

	snprintf(table, sizeof(table), "%s.txt", job->out);
	int out = open(table, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int error = memfd_create("stderr", MFD_CLOEXEC);
	if (out < 0 || error < 0) {
		run->status = -errno;
		snprintf(run->error, sizeof(run->error), "pfs-fleet: cannot write %.1000s: %s", table,
			 strerror(errno));
	} else {
		run->status = execute(job->program ? job->program : "/proc/self/exe", arguments, out, error, job->stop,
				      0, &run->ended_by);
		read_all(error, run->error, sizeof(run->error));
		if (run->status == 0 || run->status == 1 || run->status == 3)
			run->summary = read_summary(job->out);
		if (!run->summary)
			read_end(out, run->said, sizeof(run->said));
	}
	if (out >= 0)
		close(out);
	if (error >= 0)
		close(error);
}

void gate_run_free(struct gate_run *run)
{
	cJSON_Delete(run->summary);
	run->summary = NULL;
}

int gate_program_check(const char *program, uint32_t limit_ms, char *text, size_t size)
{
	char *arguments[] = { (char *)program, (char *)"--version", NULL };
	char said[256], complaint[256];
	int out = memfd_create("stdout", MFD_CLOEXEC), error = memfd_create("stderr", MFD_CLOEXEC);
	int status = -errno, ended_by = 0;

	said[0] = complaint[0] = '\0';
	if (out >= 0 && error >= 0) {
		status = execute(program, arguments, out, error, NULL, limit_ms, &ended_by);
		read_all(out, said, sizeof(said));
		read_all(error, complaint, sizeof(complaint));
	}
	if (out >= 0)
		close(out);
	if (error >= 0)
		close(error);
	if (ended_by)
		snprintf(text, size, "%s: --version was ended by signal %d (%s)", program, ended_by,
			 strsignal(ended_by));
	else if (status == -ETIMEDOUT)
		snprintf(text, size, "%s: --version had not ended after %g s", program, limit_ms / 1e3);
	else if (status < 0)
		snprintf(text, size, "%s: cannot be run: %s", program, strerror(-status));
	else if (status == NOT_BEGUN && complaint[0])
		snprintf(text, size, "%s", complaint);
	else if (status != 0)
		snprintf(text, size, "%s: --version ended with status %d%s%s", program, status,
			 complaint[0] ? ": " : "", complaint);
	else if (strncmp(said, "pfs-fleet ", 10) != 0)
		snprintf(text, size, "%s: is no pfs-fleet, --version says \"%.60s\"", program, said);
	else
		snprintf(text, size, "%s", said);
	return status == 0 && strncmp(said, "pfs-fleet ", 10) == 0 ? 0 : -EINVAL;
}
