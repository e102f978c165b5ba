/*
 * One run as a process of its own. Its standard error is kept, since a gate has
 * to say why a run could not be made; its table goes to a file beside its folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/gate/gate.h"

#define ARGUMENTS_MAX 24
#define SUMMARY_BYTES_MAX (256u << 20)
#define NOT_BEGUN 127 /* what a shell says of a program that does not run */

static volatile sig_atomic_t child; /* the run under way; 0: none */

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

/* In the child; does not return. */
static void become(const char *program, char *const *arguments, int out, int error)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(error, 2) == 2)
		execv(program, arguments);
	dprintf(2, "%s: %s\n", program, strerror(errno));
	_exit(NOT_BEGUN);
}

/*
 * Runs a program to its end. Returns its exit status, or a negative errno; a
 * signal that ended it goes to *ended_by. A signal that comes between the look
 * at `stop` and the fork finds the child in the next look.
 */
static int execute(const char *program, char *const *arguments, int out, int error,
		   const volatile sig_atomic_t *stop, int *ended_by)
{
	sigset_t both, before;
	int status;

	*ended_by = 0;
	sigemptyset(&both);
	sigaddset(&both, SIGINT);
	sigaddset(&both, SIGTERM);
	sigprocmask(SIG_BLOCK, &both, &before);
	pid_t pid = stop && *stop ? -1 : fork();
	if (pid == 0)
		become(program, arguments, out, error);
	child = pid > 0 ? pid : 0;
	int why = stop && *stop ? EINTR : errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return -why;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	child = 0;
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
	int out = open(table, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int error = memfd_create("stderr", MFD_CLOEXEC);
	if (out < 0 || error < 0) {
		run->status = -errno;
		snprintf(run->error, sizeof(run->error), "pfs-fleet: cannot write %.1000s: %s", table,
			 strerror(errno));
	} else {
		run->status = execute(job->program ? job->program : "/proc/self/exe", arguments, out, error, job->stop,
				      &run->ended_by);
		read_all(error, run->error, sizeof(run->error));
		if (run->status == 0 || run->status == 1 || run->status == 3)
			run->summary = read_summary(job->out);
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

int gate_program_check(const char *program, char *text, size_t size)
{
	char *arguments[] = { (char *)program, (char *)"--version", NULL };
	char said[256], complaint[256];
	int out = memfd_create("stdout", MFD_CLOEXEC), error = memfd_create("stderr", MFD_CLOEXEC);
	int status = -errno, ended_by = 0;

	said[0] = complaint[0] = '\0';
	if (out >= 0 && error >= 0) {
		status = execute(program, arguments, out, error, NULL, &ended_by);
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
