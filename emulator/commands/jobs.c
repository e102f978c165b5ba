/* See jobs.h. */
#include "emulator/commands/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "emulator/commands/progress.h"
#include "emulator/report/report.h"

static struct journal *kept[2]; /* of the runs that are under way: PFS, traditional */

void jobs_rescue(void)
{
	journal_rescue(kept[0]);
	journal_rescue(kept[1]);
}

static void begin_progress(void *context)
{
	struct one_run *run = context;

	if (!run->progress && !run->quiet)
		run->progress = progress_start(run->record, run->label);
}

/* Before a run that is to have one. Returns 0 or a negative errno (said on stderr). */
static int begin_journal(const struct job *job, int64_t origin_s, struct journal **journal)
{
	struct one_run *run = job->run;
	int error;

	*journal = NULL;
	if (!job->journal || !job->out_dir)
		return 0;
	snprintf(run->journal_path, sizeof(run->journal_path), "%s/%s.journal", job->out_dir,
		 job->traditional ? "traditional" : "pfs");
	const struct journal_options wanted = {
		.plan = job->plan,
		.path = run->journal_path,
		.engine = job->sim ? "sim" : "netns",
		.traditional = job->traditional,
		.origin_s = origin_s,
		.bytes_max = job->journal_bytes_max,
		.chosen = job->journal_chosen,
	};
	error = journal_new(&wanted, journal);
	kept[job->traditional] = *journal;
	if (error)
		fprintf(stderr, "pfs-fleet: cannot write %s: %s\n", run->journal_path, strerror(-error));
	return error;
}

static void end_journal(const struct job *job, struct journal *journal)
{
	struct one_run *run = job->run;

	kept[job->traditional] = NULL;
	journal_close(journal, &run->journal);
	if (run->journal.disk_error)
		fprintf(stderr, "pfs-fleet: cannot write %s: %s: it ends there\n", run->journal_path,
			strerror(run->journal.disk_error));
}

static void run_once(struct job *job)
{
	struct one_run *run = job->run;
	/* Virtual time has no day: its logs are to be the same for a seed. */
	int64_t origin_s = job->sim ? 0 : (int64_t)time(NULL);
	struct journal *journal;

	*run = (struct one_run){ .label = job->label, .quiet = job->quiet };
	run->record = record_new(job->plan, job->traditional, job->console ? job->out_dir : NULL, origin_s);
	if (!run->record) {
		job->error = -errno;
		fprintf(stderr, "pfs-fleet: cannot start the record: %s\n", strerror(-job->error));
		return;
	}
	/* What a report is drawn from, where there is a folder to keep it in. */
	if (job->out_dir && job->plan->phone_count <= REPORT_DETAIL_PHONES_MAX &&
	    record_keep_copies(run->record) < 0)
		fprintf(stderr, "pfs-fleet: no memory to keep who fed whom: a report will have no trees\n");
	job->error = begin_journal(job, origin_s, &journal);
	if (job->error)
		return;
	struct world_options options = {
		.plan = job->plan,
		.workers = job->workers,
		.record = run->record,
		.journal = journal,
		.traditional = job->traditional,
		.out_dir = job->out_dir,
		.stop = job->stop,
		.started = begin_progress,
		.started_context = run,
	};
	if (job->sim)
		begin_progress(run);
	int result = job->sim ? sim_world_run(&options, &run->world) : netns_world_run(&options, &run->world);
	progress_stop(run->progress);
	run->progress = NULL;
	if (result < 0 && result != -EPROTO) {
		job->error = result;
		kept[job->traditional] = NULL;
		journal_discard(journal);
		return;
	}
	end_journal(job, journal);
	run->violated = result < 0;
	run->result = record_finish(run->record, record_now(run->record),
				    *job->stop && !record_all_ended(run->record));
}

static void *run_apart(void *context)
{
	run_once(context);
	return NULL;
}

/* Both at the same time, the first one in a thread of its own. False where there is none to be had. */
static bool run_side_by_side(struct job jobs[2])
{
	uint32_t workers = jobs[0].workers;
	sigset_t all, before;
	pthread_t thread;

	jobs[0].workers = (workers + 1) / 2;
	jobs[1].workers = workers / 2;
	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&thread, NULL, run_apart, &jobs[0]);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		jobs[0].workers = jobs[1].workers = workers;
		return false;
	}
	run_once(&jobs[1]);
	pthread_join(thread, NULL);
	return true;
}

void jobs_run(struct job jobs[2])
{
	bool both = jobs[0].wanted && jobs[1].wanted;

	if (both && jobs[0].sim && jobs[0].workers > 1 &&
	    (sim_world_parts(jobs[0].plan, false) < jobs[0].workers ||
	     sim_world_parts(jobs[1].plan, true) < jobs[1].workers) &&
	    run_side_by_side(jobs))
		return;
	if (jobs[0].wanted)
		run_once(&jobs[0]);
	if (jobs[1].wanted && !*jobs[0].stop && !(jobs[0].wanted && jobs[0].error))
		run_once(&jobs[1]);
}
