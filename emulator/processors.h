/* How many processors this process may use: what a number of threads is by default. */
#ifndef FLEET_PROCESSORS_H
#define FLEET_PROCESSORS_H

#include <sched.h>
#include <stdint.h>
#include <unistd.h>

/*
 * 1 to `most`. Fewer than are online where an affinity says so (sched_setaffinity(2): taskset, a container's cpuset);
 * quotas of time are not looked at.
 */
static inline uint32_t processors(uint32_t most)
{
	cpu_set_t allowed;
	long count = sched_getaffinity(0, sizeof(allowed), &allowed) ? sysconf(_SC_NPROCESSORS_ONLN)
								    : CPU_COUNT(&allowed);

	return count < 1 ? 1 : count > (long)most ? most : (uint32_t)count;
}

#endif
