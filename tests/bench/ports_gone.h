/*
 * For benches: a fleet is down when the last port of its switch is gone, which
 * the kernel does some time after the last descriptor is closed, in a work
 * queue of its own. Asked one interface number after the other: that takes no
 * lock that the kernel needs for it.
 */
#ifndef BENCH_PORTS_GONE_H
#define BENCH_PORTS_GONE_H

#include <net/if.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <time.h>

static inline double bench_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* socket: any in the switch's namespace. Ports are numbered from `first`. */
static inline void bench_wait_ports_gone(int socket, int first, uint32_t count)
{
	uint32_t gone = 0;

	while (gone < count) {
		struct ifreq request = {.ifr_ifindex = first + (int)gone};

		if (ioctl(socket, SIOCGIFNAME, &request))
			gone++;
		else
			nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
}

#endif
