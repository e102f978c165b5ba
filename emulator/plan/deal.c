/*
 * How a fleet is dealt out to workers, and what that takes of each worker's
 * descriptor table. Whole switches: phones that talk to each other are then
 * always on one worker. The largest first, to whoever has the least so far; the
 * first worker has the WAN and headquarters besides. By PFS these count as an
 * eighth of the fleet; in the traditional way, where each block passes them, as
 * three quarters (measured: 4,000 phones on four switches, 0.57 of a processor
 * for them and 0.74 for all phones, who on two workers are the second's).
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "emulator/plan/plan.h"

#define PLAN_NOBODY UINT32_MAX
#define PHONES_A_WORKER 250 /* at least, before another has anything to gain */

/* Of the switches that are not dealt yet; PLAN_NOBODY: all are. */
static uint32_t largest_left(const struct plan *plan, const uint32_t *worker_of_switch)
{
	uint32_t found = PLAN_NOBODY;

	for (uint32_t i = 0; i < plan->switch_count; i++)
		if (worker_of_switch[i] == PLAN_NOBODY &&
		    (found == PLAN_NOBODY || plan->switches[i].ports > plan->switches[found].ports))
			found = i;
	return found;
}

int plan_deal(const struct plan *plan, bool traditional, uint32_t workers, uint32_t *worker_of_switch)
{
	uint64_t *load = calloc(workers, sizeof(*load));

	if (!load)
		return -ENOMEM;
	load[0] = (traditional ? plan->phone_count / 4 * 3 : plan->phone_count / 8) + 1;
	for (uint32_t i = 0; i < plan->switch_count; i++)
		worker_of_switch[i] = PLAN_NOBODY;
	for (uint32_t i; (i = largest_left(plan, worker_of_switch)) != PLAN_NOBODY;) {
		uint32_t least = 0;

		for (uint32_t w = 1; w < workers; w++)
			if (load[w] < load[least])
				least = w;
		worker_of_switch[i] = least;
		load[least] += plan->switches[i].ports;
	}
	free(load);
	return 0;
}

int plan_descriptors(const struct plan *plan, uint32_t workers, uint64_t each, uint64_t *fullest)
{
	const struct plan_needs *needs = &plan->needs;
	uint32_t *worker_of_switch = calloc(plan->switch_count + 1u, sizeof(*worker_of_switch));
	uint64_t *phones = calloc(workers, sizeof(*phones));
	int error = worker_of_switch && phones ? plan_deal(plan, false, workers, worker_of_switch) : -ENOMEM;

	*fullest = 0;
	for (uint32_t i = 0; i < plan->switch_count && !error; i++)
		phones[worker_of_switch[i]] += plan->switches[i].ports;
	for (uint32_t w = 0; w < workers && !error; w++) {
		/* The first keeps a descriptor of the namespace of each phone that is another's. */
		uint64_t others = w ? 0 : plan->phone_count - phones[0];
		uint64_t table = needs->descriptors_fixed + PLAN_WORKER_DESCRIPTORS * workers + phones[w] * each + others;

		*fullest = table > *fullest ? table : *fullest;
	}
	free(worker_of_switch);
	free(phones);
	return error;
}

static int fits_with(const struct plan *plan, uint64_t table_limit, uint64_t each, uint32_t workers, bool *fit)
{
	uint64_t fullest;
	int error = plan_descriptors(plan, workers, each, &fullest);

	*fit = !error && fullest <= table_limit;
	return error;
}

int plan_workers(const struct plan *plan, uint64_t table_limit, uint64_t each, uint32_t wanted, uint32_t *workers)
{
	uint32_t most = plan_workers_most(plan), first = wanted < most ? wanted : most;
	bool fit = false;
	int error = 0;

	for (*workers = first; *workers <= PLAN_WORKERS_MAX; ++*workers) {
		error = fits_with(plan, table_limit, each, *workers, &fit);
		if (error || fit)
			return error;
	}
	/* A worker takes some of every table: where phones are few, only fewer workers may fit. */
	for (*workers = first; *workers > 1;) {
		error = fits_with(plan, table_limit, each, --*workers, &fit);
		if (error || fit)
			return error;
	}
	*workers = 0;
	return 0;
}

uint32_t plan_workers_most(const struct plan *plan)
{
	return plan->switch_count < PLAN_WORKERS_MAX ? plan->switch_count + 1 : PLAN_WORKERS_MAX;
}

uint32_t plan_workers_wanted(const struct plan *plan, bool traditional, uint32_t processors)
{
	uint32_t busy = 1 + plan->phone_count / PHONES_A_WORKER, apart = traditional ? 1 : 0;
	uint32_t most = busy < plan->switch_count + apart ? busy : plan->switch_count + apart;

	return processors < most ? processors : most;
}

/* The plan with no more than so many phones on a switch: what is asked of it here is all that it is good for. */
static void cut(const struct plan *plan, uint64_t phones, struct plan_switch *switches, struct plan *smaller)
{
	*smaller = *plan;
	smaller->switches = switches;
	smaller->phone_count = 0;
	for (uint32_t i = 0; i < plan->switch_count; i++) {
		switches[i] = plan->switches[i];
		if (switches[i].ports > phones)
			switches[i].ports = (uint32_t)phones;
		smaller->phone_count += switches[i].ports;
	}
}

static int fits(const struct plan *plan, uint64_t table_limit, uint64_t each, uint32_t workers, bool *fit)
{
	int error;

	if (workers)
		return fits_with(plan, table_limit, each, workers, fit);
	error = plan_workers(plan, table_limit, each, 1, &workers);
	*fit = !error && workers;
	return error;
}

int plan_phones_fit(const struct plan *plan, uint64_t table_limit, uint64_t each, uint32_t workers, uint64_t *phones)
{
	struct plan_switch *switches = calloc(plan->switch_count + 1u, sizeof(*switches));
	uint64_t too_many = plan->needs.crowd_max + 1;
	int error = switches ? 0 : -ENOMEM;

	*phones = 0;
	while (!error && too_many - *phones > 1) {
		uint64_t middle = *phones + (too_many - *phones) / 2;
		struct plan smaller;
		bool fit;

		cut(plan, middle, switches, &smaller);
		error = fits(&smaller, table_limit, each, workers, &fit);
		if (fit)
			*phones = middle;
		else
			too_many = middle;
	}
	free(switches);
	return error;
}
