/* One case run once, here or in a process of its own, and what became of it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/races/races.h"
#include "emulator/scenario/scenario.h"

struct tapped {
	const struct race_listener *listener;
	const struct plan *plan;
};

static void tap(void *context, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	struct tapped *tapped = context;

	tapped->listener->tap(tapped->listener->context, tapped->plan, phone, now_us, trace);
}

static void tell_faults(const struct race_listener *listener, const struct run_result *result)
{
	for (uint32_t i = 0; i < result->fault_count; i++)
		listener->fault(listener->context, result->faults[i].at_us, result->faults[i].text);
}

int race_run(const char *scenario, enum world_sabotage sabotage, const struct race_listener *listener,
	     bool quiet, struct race_outcome *outcome)
{
	struct scenario_error error;
	struct world_report report;
	struct plan *plan;
	int r = scenario_load_text("race", scenario, strlen(scenario), NULL, &plan, &error);

	memset(outcome, 0, sizeof(*outcome));
	if (r < 0) {
		if (!quiet)
			fprintf(stderr, "%s\n", error.line);
		return r;
	}
	outcome->seed = plan->seed;
	outcome->faults = plan->fault_count;
	struct tapped tapped = { listener, plan };
	struct record *record = record_new(plan, false, NULL, 0);
	struct world_options options = { .plan = plan,
					 .record = record,
					 .tap = listener ? tap : NULL,
					 .tap_context = &tapped,
					 .coverage = &outcome->coverage,
					 .sabotage = sabotage,
					 .quiet = true };
	r = record ? sim_world_run(&options, &report) : -errno;
	if (r == 0 || r == -EPROTO) {
		outcome->events = report.events;
		outcome->phone_us = report.ended_us * plan->phone_count;
		if (listener)
			tell_faults(listener, record_finish(record, report.ended_us, false));
	}
	if (r == -EPROTO) {
		const struct world_violation *violation = &report.violation;
		snprintf(outcome->broken, sizeof(outcome->broken), "%s", violation->invariant);
		snprintf(outcome->phone, sizeof(outcome->phone), "%s", plan->phones[violation->phone].name);
		if (violation->other < plan->phone_count && violation->other != violation->phone)
			snprintf(outcome->other, sizeof(outcome->other), "%s",
				 plan->phones[violation->other].name);
		outcome->at_us = violation->at_us;
		r = 0;
	}
	record_free(record);
	plan_free(plan);
	return r;
}

int race_await(int fd, const volatile sig_atomic_t *stop, int enough)
{
	struct pollfd there = { .fd = fd, .events = POLLIN };
	sigset_t before, open;

	sigprocmask(SIG_SETMASK, NULL, &before);
	open = before;
	sigdelset(&open, SIGINT);
	sigdelset(&open, SIGTERM);
	/* ppoll() lets none through where there is something to be read at once, as there is with fast workers. */
	sigprocmask(SIG_SETMASK, &open, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	while (*stop < enough)
		if (ppoll(&there, 1, NULL, &open) > 0)
			return 0;
	return -EINTR;
}

void race_child_bind(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

int race_run_apart(const char *scenario, enum world_sabotage sabotage, const volatile sig_atomic_t *stop,
		   struct race_outcome *outcome)
{
	int ends[2], status;
	ssize_t got;

	if (pipe(ends) < 0)
		return -errno;
	fflush(NULL);
	pid_t parent = getpid(), child = fork();
	if (child < 0) {
		int error = -errno;
		close(ends[0]);
		close(ends[1]);
		return error;
	}
	if (child == 0) {
		race_child_bind(parent);
		int r = race_run(scenario, sabotage, NULL, true, outcome);
		/* One write below PIPE_BUF: whole or not at all. */
		_Static_assert(sizeof(*outcome) <= 4096, "an outcome is written in one piece");
		if (r == 0 && write(ends[1], outcome, sizeof(*outcome)) != sizeof(*outcome))
			r = -EIO;
		_exit(r == 0 ? 0 : 1);
	}
	close(ends[1]);
	bool stopped = race_await(ends[0], stop, 2) < 0;
	if (stopped)
		kill(child, SIGKILL);
	do
		got = read(ends[0], outcome, sizeof(*outcome));
	while (got < 0 && errno == EINTR);
	close(ends[0]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (stopped)
		return -EINTR;
	if (got == sizeof(*outcome))
		return 0;
	if (!WIFSIGNALED(status))
		return -EINVAL;
	memset(outcome, 0, sizeof(*outcome));
	outcome->crashed = true;
	snprintf(outcome->broken, sizeof(outcome->broken), "the program ends in good order (%s)",
		 strsignal(WTERMSIG(status)));
	return 0;
}
