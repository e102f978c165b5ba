/* See progress.h. */
#include "emulator/commands/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdarg.h>
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

/*
 * Two modes may run at the same time, and a terminal has one line for it: it is
 * that of whoever came first, then of the other.
 */
static _Atomic(struct progress *) on_screen;

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
	time_t told_at, began_at;
};

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Appends like printf, as much as there is room for. */
__attribute__((format(printf, 4, 5))) static void append(char *text, size_t size, size_t *length,
							 const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int more = vsnprintf(text + *length, size - *length, format, arguments);
	va_end(arguments);
	*length = more > 0 && (size_t)more < size - *length ? *length + (size_t)more : size - 1;
}

/* Sites that are run apart are at different times: only what is done can be told, and how long it took. */
static void describe(const struct progress *progress, const struct fleet_view *view, char *text, size_t size)
{
	double share = view->bytes_wanted ? (double)view->bytes_held / (double)view->bytes_wanted : 1.0;
	double real_s = (double)(seconds_now() - progress->began_at);
	size_t length = 0;

	append(text, size, &length, "%s: %s", progress->label, view->phase);
	if (!view->apart)
		append(text, size, &length, " at %s", report_duration(view->now_us).text);
	append(text, size, &length, ", %" PRIu32 " of %" PRIu32 " phones", view->upgraded, view->phones);
	if (view->failed)
		append(text, size, &length, ", %" PRIu32 " failed", view->failed);
	append(text, size, &length, ", %.0f %%", 100 * share);
	if (!view->apart)
		append(text, size, &length, ", WAN %.2f Mb/s", (double)view->wan_down_bps / 1e6);
	if (view->apart && share > 0.02)
		append(text, size, &length, ", about %.0f s left", real_s * (1 - share) / share);
	else if (view->left_us != UINT64_MAX)
		append(text, size, &length, ", %s left", report_duration(view->left_us).text);
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
	struct progress *nobody = NULL;
	bool same_phase = progress->phase_told && strcmp(progress->phase_told, view->phase) == 0;
	time_t now = seconds_now();
	char text[240];

	if (!progress->terminal && same_phase && step == progress->step_told &&
	    now - progress->told_at < PLAIN_SECONDS)
		return;
	if (progress->terminal && !atomic_compare_exchange_strong(&on_screen, &nobody, progress) &&
	    nobody != progress)
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
	progress->told_at = progress->began_at = seconds_now();
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
	if (progress->terminal && progress->phase_told) {
		fprintf(stderr, "\r\033[K");
		atomic_store(&on_screen, NULL);
	}
	pthread_cond_destroy(&progress->wake);
	pthread_mutex_destroy(&progress->lock);
	free(progress);
}
