/* The heap and the timerfd of timers.h. */
#include "emulator/netns/timers.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Fired in one turn before the loop looks at its sockets again. */
#define FIRE_MAX 256

static void place(struct timers *timers, uint32_t position, struct timer *timer)
{
	timers->heap[position] = timer;
	timer->position = position;
}

static void sift_up(struct timers *timers, uint32_t position, struct timer *timer)
{
	while (position > 1 && timers->heap[position / 2]->due_us > timer->due_us) {
		place(timers, position, timers->heap[position / 2]);
		position /= 2;
	}
	place(timers, position, timer);
}

static void sift_down(struct timers *timers, uint32_t position, struct timer *timer)
{
	uint32_t child;

	while ((child = 2 * position) <= timers->count) {
		if (child < timers->count && timers->heap[child + 1]->due_us < timers->heap[child]->due_us)
			child++;
		if (timers->heap[child]->due_us >= timer->due_us)
			break;
		place(timers, position, timers->heap[child]);
		position = child;
	}
	place(timers, position, timer);
}

static void take_out(struct timers *timers, struct timer *timer)
{
	uint32_t position = timer->position;
	struct timer *last = timers->heap[timers->count--];

	timer->position = 0;
	if (last == timer)
		return;
	if (position > 1 && timers->heap[position / 2]->due_us > last->due_us)
		sift_up(timers, position, last);
	else
		sift_down(timers, position, last);
}

void timers_set(struct timers *timers, struct timer *timer, uint64_t due_us)
{
	if (timer->position && timer->due_us == due_us)
		return;
	if (timer->position)
		take_out(timers, timer);
	if (due_us == UINT64_MAX)
		return;
	assert(timers->count < timers->room);
	timer->due_us = due_us;
	sift_up(timers, ++timers->count, timer);
}

void timers_catch_up(struct timers *timers)
{
	int fired;

	for (fired = 0; fired < FIRE_MAX && timers->count; fired++) {
		struct timer *timer = timers->heap[1];

		if (timer->due_us > clock_now_us(timers->clock))
			return;
		take_out(timers, timer);
		timer->fire(timer);
	}
}

static void on_due(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct timers *timers = (struct timers *)watcher->data;
	uint64_t expirations;

	(void)loop;
	(void)events;
	if (read(watcher->fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		abort();
	timers->armed_us = UINT64_MAX;
	timers_catch_up(timers);
}

/* Before each sleep: the timerfd follows the earliest deadline. */
static void on_prepare(struct ev_loop *loop, ev_prepare *watcher, int events)
{
	struct timers *timers = (struct timers *)watcher->data;
	uint64_t due_us = timers->count ? timers->heap[1]->due_us : UINT64_MAX;
	struct itimerspec when = {0};

	(void)loop;
	(void)events;
	if (due_us == timers->armed_us)
		return;
	if (due_us != UINT64_MAX) {
		uint64_t due_ns = clock_due_ns(timers->clock, due_us);

		when.it_value.tv_sec = (time_t)(due_ns / 1000000000u);
		when.it_value.tv_nsec = (long)(due_ns % 1000000000u);
	}
	if (timerfd_settime(timers->readable.fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
		abort();
	timers->armed_us = due_us;
}

int timers_init(struct timers *timers, struct ev_loop *loop, const struct netns_clock *clock, uint32_t room)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	*timers = (struct timers){.clock = clock, .loop = loop, .room = room, .armed_us = UINT64_MAX};
	timers->heap = calloc((size_t)room + 1, sizeof(*timers->heap));
	if (!timers->heap) {
		close(fd);
		return -ENOMEM;
	}
	ev_io_init(&timers->readable, on_due, fd, EV_READ);
	ev_set_priority(&timers->readable, EV_MINPRI);
	timers->readable.data = timers;
	ev_io_start(loop, &timers->readable);
	ev_prepare_init(&timers->prepare, on_prepare);
	ev_set_priority(&timers->prepare, EV_MINPRI);
	timers->prepare.data = timers;
	ev_prepare_start(loop, &timers->prepare);
	return 0;
}

void timers_deinit(struct timers *timers)
{
	if (!timers->heap)
		return;
	ev_io_stop(timers->loop, &timers->readable);
	ev_prepare_stop(timers->loop, &timers->prepare);
	close(timers->readable.fd);
	free(timers->heap);
	timers->heap = NULL;
}
