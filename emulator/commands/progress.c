/* See progress.h. */
#include "emulator/commands/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "emulator/report/report.h"

#define LOOK_NS 250000000L
#define PLAIN_SECONDS 10
#define PLAIN_STEPS 10 /* a line at each tenth of the phones */

struct progress {
	struct record *record;
	const char *label;
	bool terminal;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop; /* under lock */

	const char *phase_told; /* the thread's own from here on */
	uint32_t step_told;
	time_t told_at;
};

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void describe(const struct progress *progress, const struct fleet_view *view, char *text, size_t size)
{
	int length =
		snprintf(text, size, "%s: %s at %s, %" PRIu32 " of %" PRIu32 " phones", progress->label,
			 view->phase, report_duration(view->now_us).text, view->upgraded, view->phones);

	if (view->failed && (size_t)length < size)
		length +=
			snprintf(text + length, size - (size_t)length, ", %" PRIu32 " failed", view->failed);
	if ((size_t)length < size)
		length += snprintf(text + length, size - (size_t)length, ", %.0f %%, WAN %.2f Mb/s",
				   view->bytes_wanted
					   ? 100.0 * (double)view->bytes_held / (double)view->bytes_wanted
					   : 100.0,
				   (double)view->wan_down_bps / 1e6);
	if (view->left_us != UINT64_MAX && (size_t)length < size)
		snprintf(text + length, size - (size_t)length, ", %s left",
			 report_duration(view->left_us).text);
}

/* A line that wraps could not be drawn over. */
static int columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
}

static void tell(struct progress *progress, const struct fleet_view *view)
{
	uint32_t step = view->phones ? (uint32_t)((uint64_t)view->upgraded * PLAIN_STEPS / view->phones) : 0;
	bool same_phase = progress->phase_told && strcmp(progress->phase_told, view->phase) == 0;
	time_t now = seconds_now();
	char text[240];

	if (!progress->terminal && same_phase && step == progress->step_told &&
	    now - progress->told_at < PLAIN_SECONDS)
		return;
	progress->phase_told = view->phase;
	progress->step_told = step;
	progress->told_at = now;
	describe(progress, view, text, sizeof(text));
	if (progress->terminal)
		fprintf(stderr, "\r%.*s\033[K", columns(), text);
	else
		fprintf(stderr, "%s\n", text);
	fflush(stderr);
}

/* True where it is time to end; else a quarter of a second has passed. */
static bool pause_until_next(struct progress *progress)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_NS;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&progress->lock);
	while (!progress->stop &&
	       pthread_cond_timedwait(&progress->wake, &progress->lock, &until) != ETIMEDOUT)
		;
	bool stop = progress->stop;
	pthread_mutex_unlock(&progress->lock);
	return stop;
}

static void *watch(void *context)
{
	struct progress *progress = context;

	rcu_register_thread();
	for (;;) {
		/* Off-line while it waits, so that no view is kept waiting for this thread. */
		rcu_thread_offline();
		bool stop = pause_until_next(progress);
		rcu_thread_online();
		if (stop)
			break;
		const struct fleet_view *view = record_view(progress->record);
		if (view)
			tell(progress, view);
	}
	rcu_unregister_thread();
	return NULL;
}

struct progress *progress_start(struct record *record, const char *label)
{
	struct progress *progress = calloc(1, sizeof(*progress));
	pthread_condattr_t attributes;
	sigset_t all, before;

	if (!progress)
		return NULL;
	progress->record = record;
	progress->label = label;
	progress->terminal = isatty(STDERR_FILENO);
	progress->told_at = seconds_now();
	pthread_mutex_init(&progress->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&progress->wake, &attributes);
	pthread_condattr_destroy(&attributes);

	/* Signals are for the thread that runs the fleet: they wake its loop. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&progress->thread, NULL, watch, progress);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		pthread_cond_destroy(&progress->wake);
		pthread_mutex_destroy(&progress->lock);
		free(progress);
		return NULL;
	}
	return progress;
}

void progress_stop(struct progress *progress)
{
	if (!progress)
		return;
	pthread_mutex_lock(&progress->lock);
	progress->stop = true;
	pthread_cond_signal(&progress->wake);
	pthread_mutex_unlock(&progress->lock);
	pthread_join(progress->thread, NULL);
	if (progress->terminal && progress->phase_told)
		fprintf(stderr, "\r\033[K");
	pthread_cond_destroy(&progress->wake);
	pthread_mutex_destroy(&progress->lock);
	free(progress);
}
