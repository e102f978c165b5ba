/*
 * One worker's deadlines: a heap in scenario time and one timerfd. libev's own
 * timers are a millisecond coarse under epoll, and at speed 10 that would be
 * ten milliseconds of every protocol timer; a timerfd with an absolute time is
 * as sharp as the kernel's hrtimers, and costs one system call when the
 * earliest deadline changes.
 *
 * The timerfd's watcher has the lowest priority, so that in one wake-up the
 * input is handled before the time-outs; who has much of it sees to them in
 * between (timers_catch_up).
 */
#ifndef FLEET_NETNS_TIMERS_H
#define FLEET_NETNS_TIMERS_H

#include <ev.h>
#include <stdint.h>

#include "emulator/netns/clock.h"

struct timer {
	uint64_t due_us;   /* scenario time; while it is set, and in fire() */
	uint32_t position; /* in the heap from 1; 0: not set */
	/* Called once it is due, after it has been taken out: set it again from there if wanted. */
	void (*fire)(struct timer *timer);
};

struct timers {
	const struct netns_clock *clock;
	struct ev_loop *loop;
	struct timer **heap; /* heap[1] is the earliest */
	uint32_t count, room;
	uint64_t armed_us;   /* what the timerfd stands at; UINT64_MAX: nothing */
	ev_io readable;
	ev_prepare prepare;
};

/*
 * room: how many timers can be set at once, so that setting one never
 * allocates. The clock is the caller's. Returns 0 or a negative errno.
 */
int timers_init(struct timers *timers, struct ev_loop *loop, const struct netns_clock *clock, uint32_t room);
void timers_deinit(struct timers *timers);

/*
 * Fires what is due by now. The loop does so once the input of a wake-up is
 * through; where that is much, who handles it does so in between. Not from
 * within fire().
 */
void timers_catch_up(struct timers *timers);

/* Sets, moves or (UINT64_MAX) takes out a timer. */
void timers_set(struct timers *timers, struct timer *timer, uint64_t due_us);

#endif
