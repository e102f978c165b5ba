/* See output.h. */
#include "emulator/commands/output.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* that lead to one file, as the kernel has it */

/* 0 or a negative errno; the stream is closed. `keep`: it is to be on the disk, too. */
static int put_all(FILE *stream, bool keep, output_put *put, const void *context)
{
	int error;

	errno = 0;
	error = put(context, stream);
	/* The stream has the cause in errno, if anybody has. */
	if (error == -EIO && errno)
		error = -errno;
	if (!error && (fflush(stream) != 0 || ferror(stream) || (keep && fsync(fileno(stream)) < 0)))
		error = errno ? -errno : -EIO;
	if (fclose(stream) != 0 && !error)
		error = -errno;
	return error;
}

/* A terminal, a pipe, a device: nothing is replaced there, so it is written to as it stands. */
static int write_through(const char *path, output_put *put, const void *context)
{
	FILE *stream = fopen(path, "we");

	return stream ? put_all(stream, false, put, context) : -errno;
}

static int write_beside(const char *path, char *part, bool replace, output_put *put, const void *context)
{
	int file = mkstemp(part), error = 0;
	mode_t mask = umask(0);

	umask(mask);
	if (file < 0)
		return -errno;
	FILE *stream = fdopen(file, "w");
	if (!stream) {
		error = -errno;
		close(file);
	} else {
		if (fchmod(file, 0666 & ~mask) < 0)
			error = -errno;
		int written = put_all(stream, true, put, context);
		error = error ? error : written;
	}
	/* link() takes no name that somebody else has taken meanwhile; rename() would. */
	if (!error && (replace ? rename(part, path) : link(part, path)) < 0)
		error = -errno;
	unlink(part);
	return error;
}

/*
 * Where symbolic links lead, there or not: realpath() wants the file to be there.
 * NULL with errno where they lead nowhere, or where memory lacks.
 */
static char *follow(const char *path)
{
	char *at = strdup(path);

	for (int links = 0; at; links++) {
		char target[PATH_MAX], *next = NULL;
		ssize_t length = readlink(at, target, sizeof(target) - 1);
		const char *slash = strrchr(at, '/');

		if (length < 0)
			return at; /* no link, or nothing: whoever writes there learns it */
		target[length] = '\0';
		if (links == LINKS_MAX)
			errno = ELOOP;
		else if (*target == '/' || !slash)
			next = strdup(target);
		else if (asprintf(&next, "%.*s/%s", (int)(slash - at), at, target) < 0)
			next = NULL;
		free(at);
		at = next;
	}
	return at;
}

/* A file beside it first, which then takes its name: whoever looks sees the old one, none, or all of it. */
int output_write(const char *path, bool replace, output_put *put, const void *context)
{
	struct stat status;
	sigset_t signals, before;
	bool there = stat(path, &status) == 0;
	char *part = NULL, *whole;
	int error;

	if (there && S_ISDIR(status.st_mode))
		return -EISDIR;
	if (there && !S_ISREG(status.st_mode))
		return write_through(path, put, context);
	if (there && !replace)
		return -EEXIST;
	whole = follow(path);
	if (!whole || asprintf(&part, "%s.XXXXXX", whole) < 0) {
		error = whole ? -ENOMEM : -errno;
		free(whole);
		return error;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &before);
	error = write_beside(whole, part, replace, put, context);
	sigprocmask(SIG_SETMASK, &before, NULL);
	free(part);
	free(whole);
	return error;
}
