/*
 * One console log a phone, on disk. A fleet has thousands of phones, so no log
 * is held open: lines wait in memory, at most BUFFER_MAX a phone and
 * TOTAL_MAX in all, and are appended by open, write, close.
 *
 * A disk that is full must not stop the fleet: the first error is said once
 * on stderr and kept, and lines are dropped from then on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/record/record_internal.h"

#define BUFFER_MIN 512u
#define BUFFER_MAX (16u * 1024)
#define TOTAL_MAX (64u * 1024 * 1024)

struct buffer {
	char *bytes;
	uint32_t length, room;
};

struct console_log {
	const struct plan *plan;
	int directory;          /* the only descriptor that stays open */
	int error;              /* of the first failure */
	size_t total;           /* room of all buffers */
	struct buffer *buffers; /* one a phone */
};

static void fail(struct console_log *log, const char *what, const char *name, int error)
{
	if (log->error)
		return;
	log->error = error;
	fprintf(stderr, "console log: %s %s: %s: logs end here\n", what, name, strerror(error));
}

struct console_log *console_log_new(const struct plan *plan, const char *out_dir, bool traditional)
{
	struct console_log *log = calloc(1, sizeof(*log));
	char *path = NULL;

	if (!log)
		return NULL;
	log->plan = plan;
	log->directory = -1;
	log->buffers = calloc((size_t)plan->phone_count + 1, sizeof(*log->buffers));
	if (!log->buffers ||
	    asprintf(&path, "%s/console%s", out_dir, traditional ? "-traditional" : "") < 0) {
		console_log_free(log);
		errno = ENOMEM;
		return NULL;
	}
	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		log->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (log->directory < 0) {
		int error = errno;

		free(path);
		console_log_free(log);
		errno = error;
		return NULL;
	}
	free(path);
	return log;
}

static int write_whole(int descriptor, const char *bytes, size_t length)
{
	while (length) {
		ssize_t written = write(descriptor, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return errno;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

/* Appends what waits for a phone; `line` too, where it has `length`. */
static void append(struct console_log *log, uint32_t phone, const char *line, size_t length)
{
	struct buffer *buffer = &log->buffers[phone];
	char name[sizeof(log->plan->phones[0].name) + 8];

	if (!log->error && (buffer->length || length)) {
		snprintf(name, sizeof(name), "%s.log", log->plan->phones[phone].name);
		int descriptor =
			openat(log->directory, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
		if (descriptor < 0) {
			fail(log, "cannot open", name, errno);
		} else {
			int error = write_whole(descriptor, buffer->bytes, buffer->length);

			if (!error)
				error = write_whole(descriptor, line, length);
			if (close(descriptor) < 0 && !error)
				error = errno;
			if (error)
				fail(log, "cannot write", name, error);
		}
	}
	buffer->length = 0;
}

static void release(struct console_log *log, struct buffer *buffer)
{
	log->total -= buffer->room;
	free(buffer->bytes);
	*buffer = (struct buffer){ 0 };
}

/* Room for `length` more bytes within the bounds; false: there is none. */
static bool make_room(struct console_log *log, struct buffer *buffer, size_t length)
{
	size_t wanted = buffer->room ? buffer->room : BUFFER_MIN;

	while (wanted < buffer->length + length)
		wanted *= 2;
	if (wanted <= buffer->room)
		return true;
	if (wanted > BUFFER_MAX || log->total - buffer->room + wanted > TOTAL_MAX)
		return false;
	char *bytes = realloc(buffer->bytes, wanted);
	if (!bytes)
		return false;
	log->total += wanted - buffer->room;
	buffer->bytes = bytes;
	buffer->room = (uint32_t)wanted;
	return true;
}

void console_log_line(struct console_log *log, uint32_t phone, const char *line)
{
	struct buffer *buffer = &log->buffers[phone];
	char ended[512];
	int length = snprintf(ended, sizeof(ended), "%s\n", line);

	if (log->error || length < 0)
		return;
	if ((size_t)length >= sizeof(ended)) {
		length = sizeof(ended) - 1;
		ended[length - 1] = '\n';
	}
	if (!make_room(log, buffer, (size_t)length)) {
		append(log, phone, ended, (size_t)length);
		return;
	}
	memcpy(buffer->bytes + buffer->length, ended, (size_t)length);
	buffer->length += (uint32_t)length;
}

int console_log_flush(struct console_log *log)
{
	for (uint32_t phone = 0; phone < log->plan->phone_count; phone++) {
		append(log, phone, NULL, 0);
		release(log, &log->buffers[phone]);
	}
	return log->error;
}

int console_log_error(const struct console_log *log)
{
	return log->error;
}

void console_log_free(struct console_log *log)
{
	if (!log)
		return;
	if (log->buffers && log->directory >= 0)
		console_log_flush(log);
	if (log->directory >= 0)
		close(log->directory);
	free(log->buffers);
	free(log);
}
