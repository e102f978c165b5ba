/*
 * A campaign: every seed of a range, dealt out to worker processes, and the
 * results taken in the order of the seeds, so that what is printed does not
 * depend on how many workers there are. Workers are processes and not threads:
 * a case that crashes the core takes one worker with it, is reported as what
 * it is, and the campaign goes on.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "emulator/races/races.h"

#define SHRINK_MAX 3 /* different invariants, the first failure of each; further failures are listed */
#define LISTED_MAX 20
#define PROGRESS_NS UINT64_C(1000000000)

struct worker {
	pid_t pid;
	int results;
};

struct failure {
	uint64_t seed;
	char broken[128];
};

struct campaign {
	const struct race_settings *settings;
	struct worker *workers;
	struct world_coverage coverage;
	uint64_t seeds, events, phone_us, faults, failures;
	struct failure shrunk[SHRINK_MAX];
	uint32_t shrunk_count;
	uint64_t begun_ns, shown_ns;
	bool interrupted;
};

static uint64_t real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Writes or reads all of it. False at the end of the pipe. */
static bool transfer(int fd, void *data, size_t size, bool out)
{
	uint8_t *at = data;

	while (size > 0) {
		ssize_t done = out ? write(fd, at, size) : read(fd, at, size);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		at += done;
		size -= (size_t)done;
	}
	return true;
}

static void work(const struct race_settings *settings, uint64_t seed, int results)
{
	for (;;) {
		struct race_outcome outcome;
		char *scenario = race_draw(settings, seed);
		int r = scenario ? race_run(scenario, settings->sabotage, NULL, false, &outcome) : -ENOMEM;

		free(scenario);
		/* What cannot be run ends the worker, and the campaign with it. */
		if (r < 0 || !transfer(results, &outcome, sizeof(outcome), true))
			_exit(1);
		if (settings->seed_last - seed < settings->workers)
			_exit(0);
		seed += settings->workers;
	}
}

static int hire(struct campaign *campaign, uint32_t number, uint64_t seed)
{
	struct worker *worker = &campaign->workers[number];
	int ends[2];

	if (pipe(ends) < 0)
		return -errno;
	fflush(NULL);
	pid_t parent = getpid();
	worker->pid = fork();
	if (worker->pid < 0) {
		int error = -errno;
		close(ends[0]);
		close(ends[1]);
		return error;
	}
	if (worker->pid == 0) {
		race_child_bind(parent);
		close(ends[0]);
		for (uint32_t i = 0; i < campaign->settings->workers; i++)
			if (i != number && campaign->workers[i].results >= 0)
				close(campaign->workers[i].results);
		work(campaign->settings, seed, ends[1]);
	}
	close(ends[1]);
	worker->results = ends[0];
	return 0;
}

static int dismiss(struct worker *worker)
{
	int status = 0;

	if (worker->results >= 0)
		close(worker->results);
	worker->results = -1;
	while (worker->pid > 0 && waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
		;
	worker->pid = 0;
	return status;
}

/* Whatever it is at: a worker that is not at its end has nothing that is still wanted. */
static void end(struct worker *worker)
{
	if (worker->pid > 0)
		kill(worker->pid, SIGKILL);
	dismiss(worker);
}

/* The outcome of a seed, from the worker that has it. -EINTR: the campaign was stopped first. */
static int take(struct campaign *campaign, uint64_t seed, struct race_outcome *outcome)
{
	const struct race_settings *settings = campaign->settings;
	uint32_t number = (uint32_t)((seed - settings->seed_first) % settings->workers);

	if (race_await(campaign->workers[number].results, settings->stop, 1) < 0)
		return -EINTR;
	if (transfer(campaign->workers[number].results, outcome, sizeof(*outcome), false))
		return 0;
	int status = dismiss(&campaign->workers[number]);
	if (!WIFSIGNALED(status))
		return -EINVAL;
	memset(outcome, 0, sizeof(*outcome));
	outcome->seed = seed;
	outcome->crashed = true;
	snprintf(outcome->broken, sizeof(outcome->broken), "the program ends in good order (%s)",
		 strsignal(WTERMSIG(status)));
	if (settings->seed_last - seed < settings->workers)
		return 0;
	return hire(campaign, number, seed + settings->workers);
}

static void progress(struct campaign *campaign, bool last)
{
	uint64_t now_ns = real_ns(), hours = campaign->phone_us / UINT64_C(3600000000);
	double real_s = (double)(now_ns - campaign->begun_ns) / 1e9;
	const struct race_settings *settings = campaign->settings;

	if (settings->quiet || (!last && now_ns - campaign->shown_ns < PROGRESS_NS))
		return;
	campaign->shown_ns = now_ns;
	fprintf(stderr,
		"races: %" PRIu64 " of %" PRIu64 " seeds, %.1f seeds/s, %" PRIu64 " phone-hours, %" PRIu64
		" failures, %.1f s\n",
		campaign->seeds, settings->seed_last - settings->seed_first + 1,
		real_s > 0 ? (double)campaign->seeds / real_s : 0.0, hours, campaign->failures, real_s);
}

static int write_case(const struct race_settings *settings, const struct race_shrunk *shrunk)
{
	char name[64], *mermaid = NULL, *text = NULL;
	int r;

	snprintf(name, sizeof(name), "seed-%" PRIu64 ".json", shrunk->outcome.seed);
	r = settings->save(settings->out_dir, name, shrunk->scenario);
	if (r == 0)
		printf("  smallest: %s/%s (%u phones, %u faults, after %u attempts)\n", settings->out_dir,
		       name, shrunk->phones, shrunk->faults, shrunk->attempts);
	/* A crash leaves no trace: its case has to be run under a debugger. */
	if (r < 0 || shrunk->outcome.crashed)
		return r;
	r = race_diagram(shrunk->scenario, settings->sabotage, &mermaid, &text);
	if (r == 0) {
		snprintf(name, sizeof(name), "seed-%" PRIu64 ".mmd", shrunk->outcome.seed);
		r = settings->save(settings->out_dir, name, mermaid);
		snprintf(name, sizeof(name), "seed-%" PRIu64 ".txt", shrunk->outcome.seed);
		r = r < 0 ? r : settings->save(settings->out_dir, name, text);
	}
	free(mermaid);
	free(text);
	return r;
}

/* The failure of the same invariant that was shrunk; NULL: none was. */
static const struct failure *shrunk_before(const struct campaign *campaign,
					   const struct race_outcome *outcome)
{
	for (uint32_t i = 0; i < campaign->shrunk_count; i++)
		if (strcmp(campaign->shrunk[i].broken, outcome->broken) == 0)
			return &campaign->shrunk[i];
	return NULL;
}

/* True where it is to be shrunk; else why it is not is said, and what shrinks it. */
static bool worth_shrinking(const struct campaign *campaign, const struct race_outcome *outcome)
{
	const struct failure *before = shrunk_before(campaign, outcome);

	if (before)
		printf("  not shrunk: the same invariant as seed %" PRIu64 "; the replay shrinks it\n",
		       before->seed);
	else if (campaign->shrunk_count == SHRINK_MAX)
		printf("  not shrunk: cases of %d other invariants were; the replay shrinks it\n",
		       SHRINK_MAX);
	return !before && campaign->shrunk_count < SHRINK_MAX;
}

static void print_failure(const struct race_settings *settings, const struct race_outcome *outcome)
{
	printf("seed %" PRIu64 ": broken: %s\n", outcome->seed, outcome->broken);
	if (*outcome->phone)
		printf("  at %" PRIu64 ".%06" PRIu64 " s, %s%s%s\n", outcome->at_us / 1000000,
		       outcome->at_us % 1000000, outcome->phone, *outcome->other ? " and " : "",
		       outcome->other);
	printf("  replay: %s --seeds %" PRIu64 "..%" PRIu64 "\n", settings->command, outcome->seed,
	       outcome->seed);
}

static int report_failure(struct campaign *campaign, const struct race_outcome *outcome)
{
	const struct race_settings *settings = campaign->settings;
	struct race_shrunk shrunk;
	int r = 0;

	if (++campaign->failures > LISTED_MAX)
		return 0;
	print_failure(settings, outcome);
	if (!worth_shrinking(campaign, outcome))
		return 0;
	struct failure *kept = &campaign->shrunk[campaign->shrunk_count++];
	kept->seed = outcome->seed;
	memcpy(kept->broken, outcome->broken, sizeof(outcome->broken));
	char *scenario = race_draw(settings, outcome->seed);
	if (!scenario)
		return -ENOMEM;
	r = race_shrink(scenario, settings, outcome, &shrunk);
	if (r == 0)
		r = write_case(settings, &shrunk);
	else if (r == -EINTR)
		printf("  not shrunk: interrupted; the replay shrinks it\n");
	free(shrunk.scenario);
	free(scenario);
	return r;
}

static int run_seeds(struct campaign *campaign)
{
	const struct race_settings *settings = campaign->settings;
	struct race_outcome outcome;
	int r = 0;

	for (uint32_t i = 0; i < settings->workers && r == 0; i++)
		if (i <= settings->seed_last - settings->seed_first)
			r = hire(campaign, i, settings->seed_first + i);
	for (uint64_t seed = settings->seed_first; r == 0; seed++) {
		r = take(campaign, seed, &outcome);
		if (r < 0)
			break;
		campaign->seeds++;
		campaign->events += outcome.events;
		campaign->phone_us += outcome.phone_us;
		campaign->faults += outcome.faults;
		race_coverage_add(&campaign->coverage, &outcome.coverage);
		if (*outcome.broken)
			r = report_failure(campaign, &outcome);
		progress(campaign, seed == settings->seed_last);
		if (seed == settings->seed_last)
			break;
	}
	campaign->interrupted = r == -EINTR;
	return r == -EINTR ? 0 : r;
}

int64_t race_campaign(const struct race_settings *settings)
{
	struct campaign campaign = { .settings = settings, .begun_ns = real_ns() };
	int r = 0;

	campaign.workers = calloc(settings->workers, sizeof(*campaign.workers));
	if (!campaign.workers)
		return -ENOMEM;
	for (uint32_t i = 0; i < settings->workers; i++)
		campaign.workers[i].results = -1;
	sigset_t ours, before;
	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	/* They come through in race_await(); and not to the workers, which a terminal sends them too. */
	sigprocmask(SIG_BLOCK, &ours, &before);
	r = run_seeds(&campaign);
	for (uint32_t i = 0; i < settings->workers; i++)
		end(&campaign.workers[i]);
	sigprocmask(SIG_SETMASK, &before, NULL);
	free(campaign.workers);
	if (r < 0)
		return r;
	if (campaign.failures > LISTED_MAX)
		printf("... and %" PRIu64 " more\n", campaign.failures - LISTED_MAX);
	race_coverage_print(&campaign.coverage, campaign.seeds, stdout);
	if (campaign.interrupted)
		printf("interrupted after %" PRIu64 " of %" PRIu64 " seeds\n", campaign.seeds,
		       settings->seed_last - settings->seed_first + 1);
	printf("%" PRIu64 " seeds, %" PRIu64 " faults, %" PRIu64 " events, %" PRIu64 " phone-hours: %" PRIu64
	       " failures\n",
	       campaign.seeds, campaign.faults, campaign.events, campaign.phone_us / UINT64_C(3600000000),
	       campaign.failures);
	return (int64_t)campaign.failures;
}
