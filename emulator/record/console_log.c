/*
 * One console log a phone, on disk. A fleet has thousands of phones, so no log
 * is held open: lines wait in memory, at most BUFFER_MAX a phone and TOTAL_MAX
 * in all, and are appended by open, write, close. They wait a second or two at
 * most while the run goes on, so that a program that is killed leaves logs that
 * tell how far it was.
 *
 * A disk that is full must not stop the fleet: the first error is said once
 * on stderr and kept, and lines are dropped from then on.
 *
 * Where sites are run apart each has a log of its own in the same folder, in
 * the thread that runs it; they have the folder and the first error in common.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "emulator/record/record_internal.h"

#define BUFFER_MIN 512u
#define BUFFER_MAX (16u * 1024)
#define TOTAL_MAX (64u * 1024 * 1024)
#define WAIT_MS 1000    /* a line that has waited so long goes with the next that comes */
#define TICK_FILES 64   /* written at most in one console_log_tick(): a fleet's loop is waiting */
#define NONE UINT32_MAX

struct buffer {
	char *bytes;
	uint32_t length, room;
	uint32_t older, newer; /* of those in which lines wait */
	int64_t since_ms;      /* the first of them */
};

struct console_log {
	const struct plan *plan;
	struct console_log *whole; /* itself, or the one that it is a part of */
	int directory;             /* the only descriptor that stays open; the whole's */
	_Atomic int error;         /* of the first failure; the whole's */
	size_t total;              /* room of all buffers */
	struct buffer *buffers;    /* one a phone */
	uint32_t oldest, newest;   /* of those in which lines wait */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void fail(struct console_log *log, const char *what, const char *name, int error)
{
	int none = 0;

	if (atomic_compare_exchange_strong(&log->whole->error, &none, error))
		fprintf(stderr, "console log: %s %s: %s: logs end here\n", what, name, strerror(error));
}

static struct console_log *new_log(const struct plan *plan)
{
	struct console_log *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->plan = plan;
	log->whole = log;
	log->directory = -1;
	log->oldest = log->newest = NONE;
	log->buffers = calloc((size_t)plan->phone_count + 1, sizeof(*log->buffers));
	if (log->buffers)
		return log;
	free(log);
	errno = ENOMEM;
	return NULL;
}

struct console_log *console_log_new(const struct plan *plan, const char *out_dir, bool traditional)
{
	struct console_log *log = new_log(plan);
	char *path = NULL;
	int error = ENOMEM;

	if (!log)
		return NULL;
	if (asprintf(&path, "%s/console%s", out_dir, traditional ? "-traditional" : "") >= 0) {
		if (mkdir(path, 0777) == 0 || errno == EEXIST)
			log->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		error = errno;
		free(path);
	}
	if (log->directory >= 0)
		return log;
	console_log_free(log);
	errno = error;
	return NULL;
}

struct console_log *console_log_part(struct console_log *whole, const struct plan *slice)
{
	struct console_log *log = new_log(slice);

	if (log)
		log->whole = whole;
	return log;
}

/* ---- which of them wait, in the order of their first line ---- */

static void enlist(struct console_log *log, uint32_t phone)
{
	struct buffer *buffer = &log->buffers[phone];

	buffer->since_ms = now_ms();
	buffer->older = log->newest;
	buffer->newer = NONE;
	if (log->newest == NONE)
		log->oldest = phone;
	else
		log->buffers[log->newest].newer = phone;
	log->newest = phone;
}

static void unlist(struct console_log *log, uint32_t phone)
{
	struct buffer *buffer = &log->buffers[phone];

	if (buffer->older == NONE)
		log->oldest = buffer->newer;
	else
		log->buffers[buffer->older].newer = buffer->newer;
	if (buffer->newer == NONE)
		log->newest = buffer->older;
	else
		log->buffers[buffer->newer].older = buffer->older;
}

/* ---- writing ---- */

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

	if (!log->whole->error && (buffer->length || length)) {
		snprintf(name, sizeof(name), "%s.log", log->plan->phones[phone].name);
		int descriptor = openat(log->whole->directory, name,
					O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
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
	if (buffer->length)
		unlist(log, phone);
	buffer->length = 0;
}

static void release(struct console_log *log, uint32_t phone)
{
	struct buffer *buffer = &log->buffers[phone];

	append(log, phone, NULL, 0);
	log->total -= buffer->room;
	free(buffer->bytes);
	*buffer = (struct buffer){ 0 };
}

/* Room for `length` more bytes within the bounds, which may cost others theirs; false: there is none. */
static bool make_room(struct console_log *log, uint32_t phone, size_t length)
{
	struct buffer *buffer = &log->buffers[phone];
	size_t wanted = buffer->room ? buffer->room : BUFFER_MIN;

	while (wanted < buffer->length + length)
		wanted *= 2;
	if (wanted <= buffer->room)
		return true;
	if (wanted > BUFFER_MAX)
		return false;
	while (log->total - buffer->room + wanted > TOTAL_MAX && log->oldest != NONE && log->oldest != phone)
		release(log, log->oldest);
	if (log->total - buffer->room + wanted > TOTAL_MAX)
		return false;
	char *bytes = realloc(buffer->bytes, wanted);
	if (!bytes)
		return false;
	log->total += wanted - buffer->room;
	buffer->bytes = bytes;
	buffer->room = (uint32_t)wanted;
	return true;
}

/* True where one was overdue and is written. */
static bool write_overdue(struct console_log *log)
{
	if (log->oldest == NONE || now_ms() - log->buffers[log->oldest].since_ms < WAIT_MS)
		return false;
	release(log, log->oldest);
	return true;
}

void console_log_line(struct console_log *log, uint32_t phone, const char *line)
{
	struct buffer *buffer = &log->buffers[phone];
	char ended[512];
	int length = snprintf(ended, sizeof(ended), "%s\n", line);

	if (log->whole->error || length < 0)
		return;
	if ((size_t)length >= sizeof(ended)) {
		length = sizeof(ended) - 1;
		ended[length - 1] = '\n';
	}
	/* One goes for each that comes: nothing piles up. */
	write_overdue(log);
	if (!make_room(log, phone, (size_t)length)) {
		append(log, phone, ended, (size_t)length);
		return;
	}
	if (!buffer->length)
		enlist(log, phone);
	memcpy(buffer->bytes + buffer->length, ended, (size_t)length);
	buffer->length += (uint32_t)length;
}

void console_log_tick(struct console_log *log)
{
	for (int i = 0; i < TICK_FILES && write_overdue(log); i++)
		;
}

int console_log_flush(struct console_log *log)
{
	for (uint32_t phone = 0; phone < log->plan->phone_count; phone++)
		release(log, phone);
	return log->whole->error;
}

int console_log_error(const struct console_log *log)
{
	return log->whole->error;
}

void console_log_free(struct console_log *log)
{
	if (!log)
		return;
	if (log->whole->directory >= 0)
		console_log_flush(log);
	if (log->directory >= 0)
		close(log->directory);
	free(log->buffers);
	free(log);
}
