/*
 * The journal's promises, on fleets in virtual time: what entered each core is
 * all there and comes out identically, whatever happened to the phones; what was
 * falsified is found at that very event; a journal that was cut is good as far as
 * it goes; a file that is no journal is refused with a line.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/plan/printable.h"
#include "tests/journal/journal_tools.h"
#include "tests/sim/sim_fleet.h"
#include "tests/tap.h"

#define SECOND UINT64_C(1000000)
#define PHONES 24

static char folder[64], path[96], other_path[96];
static struct sim_fleet fleet;
static struct journal_sum sum;

static void make_folder(void)
{
	strcpy(folder, "/tmp/pfs-journal-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/journal", folder);
	snprintf(other_path, sizeof(other_path), "%s/other", folder);
}

static void remove_folder(void)
{
	unlink(path);
	unlink(other_path);
	rmdir(folder);
}

static struct sim_fleet_spec spec_of(uint64_t seed)
{
	return (struct sim_fleet_spec){ .phones = PHONES,
					.models = 2,
					.subnets = 2,
					.seed = seed,
					.files = 3,
					.without_pfs = 1,
					.journal = path };
}

static void run(const struct sim_fleet_spec *spec)
{
	sim_fleet_run(spec, &fleet);
	ck_assert_int_eq(fleet.error, 0);
}

/* Everything that the world stepped, every boot, and nothing that differs. */
static void replays_whole(uint64_t boots)
{
	journal_replay_all(path, NULL, &sum);
	ck_assert_int_eq(sum.cut, JOURNAL_WHOLE);
	ck_assert_msg(!sum.differing, "%s: event %llu: expected %s, seen %s", sum.phone,
		      (unsigned long long)sum.difference.event, sum.difference.expected, sum.difference.seen);
	ck_assert_uint_eq(sum.phones, PHONES);
	ck_assert_uint_eq(sum.events, fleet.report.events);
	ck_assert_uint_eq(sum.entered, fleet.report.events);
	ck_assert_uint_eq(sum.traces, fleet.trace_count);
	ck_assert_uint_eq(sum.boots, boots);
}

/* What happens to phones, connections, the WAN and the server; how many phones boot again by it. */
static const struct {
	struct plan_fault fault;
	uint32_t again;
	bool traditional;
} upsets[] = {
	{ { .kind = PLAN_FAULT_KINDS }, 0, false },
	{ { .kind = PLAN_FAULT_KINDS }, 0, true },
	{ { .kind = PLAN_FAULT_KILL,
	    .role = PLAN_ROLE_ROOT,
	    .phase = PLAN_PHASE_TFTP,
	    .at_percent = 50,
	    .duration_us = 20 * SECOND },
	  1,
	  false },
	{ { .kind = PLAN_FAULT_CRASH,
	    .role = PLAN_ROLE_PARENT,
	    .phase = PLAN_PHASE_SERVING,
	    .duration_us = 5 * SECOND },
	  1,
	  false },
	{ { .kind = PLAN_FAULT_CRASH,
	    .role = PLAN_ROLE_ANY,
	    .phase = PLAN_PHASE_TFTP,
	    .at_percent = 30,
	    .duration_us = 5 * SECOND,
	    .traditional_too = true },
	  1,
	  true },
	{ { .kind = PLAN_FAULT_UNPLUG,
	    .role = PLAN_ROLE_LEAF,
	    .phase = PLAN_PHASE_RECEIVING,
	    .duration_us = 60 * SECOND },
	  0,
	  false },
	{ { .kind = PLAN_FAULT_DAMAGE_TCP,
	    .role = PLAN_ROLE_ANY,
	    .phase = PLAN_PHASE_RECEIVING,
	    .duration_us = PFS_TIME_NEVER },
	  0,
	  false },
	{ { .kind = PLAN_FAULT_WAN_CUT,
	    .role = PLAN_ROLE_ANY,
	    .phase = PLAN_PHASE_TIME,
	    .at_us = 15 * SECOND,
	    .duration_us = 90 * SECOND },
	  0,
	  false },
	{ { .kind = PLAN_FAULT_CLOCK_DRIFT,
	    .role = PLAN_ROLE_ROOT,
	    .phase = PLAN_PHASE_ROOT_WAITING,
	    .drift_ppm = -400,
	    .duration_us = 60 * SECOND },
	  0,
	  false },
};

START_TEST(whatever_happens_replays)
{
	struct sim_fleet_spec spec = spec_of(11 + (uint64_t)_i);
	struct plan_fault fault = upsets[_i].fault;

	make_folder();
	fault.site = fault.subnet = fault.model = fault.phone = fault.file = -1;
	spec.traditional = upsets[_i].traditional;
	spec.faults = &fault;
	spec.fault_count = fault.kind != PLAN_FAULT_KINDS;
	run(&spec);
	ck_assert_uint_eq(fleet.report.faults_not_struck, 0);
	replays_whole(PHONES + upsets[_i].again);
	sim_fleet_done(&fleet);
	remove_folder();
}
END_TEST

/* Same seed, same bytes; and keeping a journal changes nothing in the run. */
START_TEST(the_same_run_is_the_same_file)
{
	struct sim_fleet_spec spec = spec_of(3);
	char command[300];
	uint64_t hash;

	make_folder();
	run(&spec);
	hash = fleet.trace_hash;
	sim_fleet_done(&fleet);
	spec.journal = other_path;
	run(&spec);
	sim_fleet_done(&fleet);
	snprintf(command, sizeof(command), "cmp %s %s", path, other_path);
	ck_assert_int_eq(system(command), 0);
	spec.journal = NULL;
	run(&spec);
	ck_assert_uint_eq(fleet.trace_hash, hash);
	sim_fleet_done(&fleet);
	remove_folder();
}
END_TEST

static bool is_good_verdict(const struct journal_item *item)
{
	return !item->boot && item->event.kind == PFS_EV_VERIFIED && item->event.ok && item->event.file == 1;
}

static bool is_late_in_a_run(const struct journal_item *item)
{
	static uint32_t seen;

	return !item->boot && item->in_run && item->event.kind == PFS_EV_TFTP && ++seen == 100;
}

static bool is_start(const struct journal_item *item)
{
	return !item->boot && item->event.kind == PFS_EV_START;
}

/*
 * One octet of one record, checksums set right: an event that did not happen so
 * leads to other actions; a digest that is not the recorded one.
 */
static const struct {
	journal_wanted_fn wanted;
	bool at_end; /* the record's last octet, of its digest; else the first */
	uint8_t bits;
	const char *expected, *seen;
} falsified[] = {
	{ is_good_verdict, false, JOURNAL_OK, "TRACE verified", "TRACE verified" },
	{ is_late_in_a_run, true, 0x40, "digest", "TAKE file" },
	{ is_start, true, 0x01, "digest", "deadline" },
};

START_TEST(what_is_falsified_is_found)
{
	struct sim_fleet_spec spec = spec_of(5);
	struct journal_item item;
	char name[64];

	make_folder();
	run(&spec);
	ck_assert(journal_find(path, falsified[_i].wanted, &item, name));
	journal_flip(path, falsified[_i].at_end ? item.end - 1 : item.offset, falsified[_i].bits);
	journal_replay_all(path, NULL, &sum);
	ck_assert_uint_eq(sum.differing, 1);
	ck_assert_str_eq(sum.phone, name);
	ck_assert_uint_eq(sum.difference.event, item.number);
	ck_assert_uint_eq(sum.difference.at_us, item.event.now_us);
	ck_assert_msg(strstr(sum.difference.expected, falsified[_i].expected), "%s", sum.difference.expected);
	ck_assert_msg(strstr(sum.difference.seen, falsified[_i].seen), "%s", sum.difference.seen);
	ck_assert_str_ne(sum.difference.expected, sum.difference.seen);
	sim_fleet_done(&fleet);
	remove_folder();
}
END_TEST

static bool is_joined(const struct journal_item *item)
{
	for (uint32_t i = 0; !item->boot && i < item->expected.count; i++)
		if (item->expected.acts[i].kind == (JOURNAL_TRACE_BIT | PFS_TR_JOINED))
			return true;
	return false;
}

/* A trace record alone that says something else: a difference, but not where trace is left aside. */
START_TEST(trace_can_be_left_aside)
{
	static const struct replay_options aside = { .ignore_trace = true };
	struct sim_fleet_spec spec = spec_of(6);
	struct journal_item item;
	char name[64];
	uint32_t octets = 4; /* of the digest, before it the deadline, before it the actions: from the end */

	make_folder();
	run(&spec);
	ck_assert(journal_find(path, is_joined, &item, name));
	/* BYTES that lead to this one trace record: its hash stands before the deadline, a varint. */
	ck_assert_uint_eq(item.expected.count, 1);
	for (uint64_t code = journal_deadline_code(item.expected.deadline_us, item.event.now_us); code;
	     code >>= 7)
		octets++;
	journal_flip(path, item.end - octets - 1, 0x10);
	journal_replay_all(path, NULL, &sum);
	ck_assert_uint_eq(sum.differing, 1);
	ck_assert_uint_eq(sum.difference.event, item.number);
	ck_assert_ptr_nonnull(strstr(sum.difference.expected, "TRACE joined"));
	ck_assert_ptr_nonnull(strstr(sum.difference.seen, "TRACE joined file"));
	journal_replay_all(path, &aside, &sum);
	ck_assert_uint_eq(sum.differing, 0);
	sim_fleet_done(&fleet);
	remove_folder();
}
END_TEST

/* A build that logs more: records of kinds that the journal does not know are left out, the others
 * renumbered. */
/* What a terminal would obey, or could not show, comes out as text; the rest stays as it is. */
START_TEST(texts_are_shown_as_text)
{
	static const char *const shown[][2] = {
		{ "SEP021B", "SEP021B" },
		{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\x9e", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\x9e" },
		{ "a\x1b[2J\x7f", "a\\x1b[2J\\x7f" },
		{ "\xc2\x9b", "\\xc2\\x9b" },         /* a control character of its own */
		{ "\xc0\xaf", "\\xc0\\xaf" },         /* too long a form of a slash */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" }, /* half of a pair */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
		{ "\xe2\x82", "\\xe2\\x82" },         /* ends in mid-character */
		{ "\xff", "\\xff" },
	};
	char text[32];

	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
		ck_assert(printable(shown[i][0], text, sizeof(text)));
		ck_assert_str_eq(text, shown[i][1]);
	}
	ck_assert(!printable("abc\xff", text, 7));
	ck_assert_str_eq(text, "abc");
	ck_assert(printable("abc\xff", text, 8));
}
END_TEST

/* So do those of a file: of its first line, and of its phones. */
START_TEST(a_hostile_file_is_shown_as_text)
{
	static const char engine[] = "\"engine\":\"sim\"";
	struct sim_fleet_spec spec = spec_of(4);
	struct journal_reader *reader;
	struct journal_error error;
	static uint8_t bytes[1 << 22];
	uint8_t *name;

	make_folder();
	run(&spec);
	FILE *file = fopen(path, "r+");
	size_t size = fread(bytes, 1, sizeof(bytes), file);
	ck_assert_uint_lt(size, sizeof(bytes));
	name = memmem(bytes, size, engine, sizeof(engine) - 1);
	ck_assert_ptr_nonnull(name);
	name[11] = 0xe9;
	name = memmem(bytes, size, fleet.plan->phones[0].name, strlen(fleet.plan->phones[0].name));
	ck_assert_ptr_nonnull(name);
	name[1] = 0x9b;
	journal_mend(bytes, size);
	rewind(file);
	fwrite(bytes, 1, size, file);
	fclose(file);
	ck_assert_msg(journal_open(path, false, &reader, &error) == 0, "%s", error.line);
	ck_assert_str_eq(journal_info(reader)->engine, "s\\xe9m");
	ck_assert_mem_eq(journal_info(reader)->phones[0].name + 1, "\\x9b", 4);
	journal_reader_free(reader);
	sim_fleet_done(&fleet);
	remove_folder();
}
END_TEST

START_TEST(trace_of_unknown_kinds_does_not_count)
{
	struct pfs_actions two = { .count = 2 }, one = { .count = 1 };
	struct journal_outcome outcome, expected;
	uint8_t kinds[PFS_TR_KINDS];
	uint64_t chain = 7, plain_chain = 7;

	two.list[0].kind = two.list[1].kind = one.list[0].kind = PFS_ACT_TRACE;
	two.list[0].trace = (struct pfs_trace){ .kind = PFS_TR_CLAIM, .a = 4 };
	two.list[1].trace = (struct pfs_trace){ .kind = PFS_TR_JOINED, .a = 5 };
	one.list[0].trace = two.list[1].trace;
	one.list[0].trace.kind = PFS_TR_JOINED - 1;
	memset(kinds, 0xff, sizeof(kinds));
	kinds[PFS_TR_JOINED] = PFS_TR_JOINED - 1;
	journal_outcome(&two, 3, 100, kinds, &chain, &outcome);
	journal_outcome(&one, 3, 100, NULL, &plain_chain, &expected);
	ck_assert_uint_eq(outcome.count, 1);
	ck_assert_uint_eq(outcome.acts[0].kind, expected.acts[0].kind);
	ck_assert_uint_eq(outcome.acts[0].hash, expected.acts[0].hash);
	ck_assert_uint_eq(outcome.digest, expected.digest);
}
END_TEST

/* As far as it goes: identical; and it says how much is missing. */
static void is_good_as_far_as_it_goes(enum journal_cut cut)
{
	ck_assert_int_eq(fleet.journal.cut, cut);
	journal_replay_all(path, NULL, &sum);
	ck_assert_int_eq(sum.cut, cut);
	ck_assert_uint_eq(sum.differing, 0);
	ck_assert_uint_gt(sum.events, 0);
	ck_assert_uint_lt(sum.events, sum.entered);
	ck_assert_uint_eq(sum.entered, fleet.report.events);
	ck_assert_uint_eq(fleet.journal.events, fleet.report.events);
}

START_TEST(past_its_size_limit_it_is_cut)
{
	struct sim_fleet_spec spec = spec_of(8);
	struct stat status;

	make_folder();
	spec.journal_bytes_max = 100000;
	run(&spec);
	is_good_as_far_as_it_goes(JOURNAL_CUT_SIZE);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_lt((uint64_t)status.st_size, 110000);
	ck_assert_uint_eq(fleet.journal.events_lost, sum.entered - sum.events);
	sim_fleet_done(&fleet);
	remove_folder();
}
END_TEST

/* The run goes on, the file ends with what was whole. */
START_TEST(where_the_disk_ends_it_is_cut)
{
	struct sim_fleet_spec spec = spec_of(9);
	struct rlimit limit = { 0, RLIM_INFINITY };

	make_folder();
	spec.sizes[1] = spec.sizes[2] = 8000000;
	limit.rlim_cur = 700000;
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	run(&spec);
	is_good_as_far_as_it_goes(JOURNAL_CUT_DISK);
	ck_assert_int_eq(fleet.journal.disk_error, EFBIG);
	ck_assert_uint_eq(fleet.result->upgraded, PHONES);
	sim_fleet_done(&fleet);
	remove_folder();
}
END_TEST

START_TEST(only_the_chosen_phones_are_in_it)
{
	struct sim_fleet_spec spec = spec_of(10);
	uint8_t chosen[PHONES];
	char error[400];

	make_folder();
	/* the plan is the same for any run of the spec */
	spec.journal = NULL;
	run(&spec);
	ck_assert_int_eq(journal_choose(fleet.plan, "branch", chosen, error, sizeof(error)), 0);
	for (int i = 0; i < PHONES; i++)
		ck_assert(chosen[i]);
	ck_assert_int_eq(journal_choose(fleet.plan, "branch/subnet-1", chosen, error, sizeof(error)), 0);
	for (uint32_t i = 0; i < PHONES; i++)
		ck_assert_uint_eq(chosen[i], fleet.plan->phones[i].subnet == 1);
	ck_assert_int_eq(journal_choose(fleet.plan, "SEP020000000002..SEP020000000004,10.2.0.3", chosen,
					error, sizeof(error)),
			 0);
	for (uint32_t i = 0; i < PHONES; i++)
		ck_assert_uint_eq(chosen[i],
				  (i >= 2 && i <= 4) || fleet.plan->phones[i].address == 0x0a020003);
	static const char *const wrong[] = { "",
					     "SEP1",
					     "branch/",
					     "branch/voice",
					     "10.9.9.9",
					     "..",
					     "SEP020000000004..SEP020000000002",
					     "branch,",
					     "SEP020000000004.." };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		uint8_t unused[PHONES];
		ck_assert_int_eq(journal_choose(fleet.plan, wrong[i], unused, error, sizeof(error)), -EINVAL);
		ck_assert_ptr_nonnull(
			strstr(error, "no such phones: use a name or address of SEP020000000000 to "));
	}
	sim_fleet_done(&fleet);
	spec.journal = path;
	spec.journal_chosen = chosen;
	run(&spec);
	journal_replay_all(path, NULL, &sum);
	ck_assert_uint_eq(sum.phones, 4);
	ck_assert_uint_eq(sum.boots, 4);
	ck_assert_uint_eq(sum.differing, 0);
	sim_fleet_done(&fleet);
	remove_folder();
}
END_TEST

/* ---------------------------------------------------------- bad journals */

static uint8_t *bytes;
static size_t size;

static void read_bytes(void)
{
	FILE *file = fopen(path, "rbe");

	ck_assert_ptr_nonnull(file);
	bytes = malloc(1 << 22);
	size = fread(bytes, 1, 1 << 22, file);
	fclose(file);
}

/* Refused, and the line begins with the file's name and says that. */
static void refused(size_t length, const char *says)
{
	struct journal_reader *reader;
	struct journal_error error;
	FILE *file = fopen(path, "wbe");

	fwrite(bytes, 1, length, file);
	fclose(file);
	ck_assert_int_eq(journal_open(path, false, &reader, &error), -EINVAL);
	ck_assert_ptr_null(reader);
	ck_assert(strncmp(error.line, path, strlen(path)) == 0);
	ck_assert_msg(strstr(error.line, says), "\"%s\" not in \"%s\"", says, error.line);
}

START_TEST(what_is_no_journal_is_refused)
{
	struct sim_fleet_spec spec = spec_of(12);
	struct journal_reader *reader;
	struct journal_error error;
	uint8_t *version, *newline;

	make_folder();
	run(&spec);
	sim_fleet_done(&fleet);
	read_bytes();
	refused(0, "is empty");
	refused(20, "offset 0: is no journal");
	for (size_t length = 2000; length < size; length += 4999)
		refused(length, "ends here");
	refused(size - 1, "1 more bytes were expected");
	bytes[size / 2] ^= 1;
	refused(size, "checksum");
	bytes[size / 2] ^= 1;
	bytes[size] = 0;
	refused(size + 1, "bytes after the end");
	version = memmem(bytes, 100, "journal/1", 9);
	ck_assert_ptr_nonnull(version);
	version[8] = '2';
	refused(size, "format \"pfs-fleet/journal/2\"; this program reads \"pfs-fleet/journal/1\"");
	version[8] = '1';
	uint8_t *name = memmem(bytes, 100, "\"test\"", 6);
	ck_assert_ptr_nonnull(name);
	name[1] = 'b';
	refused(size, "the first line is damaged");
	name[1] = 't';
	newline = memchr(bytes, '\n', size);
	newline[-2] = '"'; /* no JSON any more */
	refused(size, "is no journal");
	memset(bytes, 'x', 100);
	refused(size, "is no journal");
	ck_assert_int_eq(journal_open("/", false, &reader, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.line, "is no file"));
	ck_assert_int_eq(journal_open("/nowhere", false, &reader, &error), -ENOENT);
	free(bytes);
	remove_folder();
}
END_TEST

/* What a killed run left: asked for, it is taken as far as it is good. */
START_TEST(a_journal_that_breaks_off_can_be_taken_in_part)
{
	struct sim_fleet_spec spec = spec_of(13);
	struct journal_reader *reader;
	struct journal_error error;
	struct replay_options plain = { 0 };
	uint64_t events = 0;

	make_folder();
	run(&spec);
	read_bytes();
	refused(size * 2 / 3, "ends here");
	ck_assert_int_eq(journal_open(path, true, &reader, &error), 0);
	ck_assert(journal_info(reader)->broken_off);
	ck_assert_ptr_nonnull(strstr(error.line, "ends here"));
	for (uint32_t i = 0; i < PHONES; i++) {
		struct replay_result result;

		ck_assert_int_eq(replay_phone(reader, i, &plain, &result, &error), 0);
		ck_assert(!result.differs);
		events += result.events;
	}
	ck_assert_uint_gt(events, 0);
	ck_assert_uint_lt(events, fleet.report.events);
	journal_reader_free(reader);
	sim_fleet_done(&fleet);
	free(bytes);
	remove_folder();
}
END_TEST

static struct journal *rescued;

static void on_abort(int number)
{
	(void)number;
	journal_rescue(rescued);
}

/* A core that is told what pfs.h forbids: it accepts no such connection. Does not return. */
static void break_a_core(const struct plan *plan)
{
	static struct pfs_phone core;
	static struct pfs_actions actions;
	const struct journal_options options = {
		.plan = plan, .path = path, .engine = "sim", .bytes_max = JOURNAL_BYTES_MAX_DEFAULT
	};
	struct pfs_event event = { .kind = PFS_EV_START, .now_us = 5 };
	struct pfs_config config;

	freopen("/dev/null", "w", stderr);
	signal(SIGABRT, on_abort);
	if (journal_new(&options, &rescued) < 0)
		_exit(1);
	memset(&config, 0, sizeof(config));
	plan_phone_config(plan, 3, false, 0, &config);
	journal_phone_init(rescued, 3, &core, &config);
	journal_step(rescued, 3, &core, &event, &actions);
	event = (struct pfs_event){ .kind = PFS_EV_ACCEPTED, .conn = 0x777, .now_us = 6 };
	journal_step(rescued, 3, &core, &event, &actions);
	_exit(1);
}

/* The event in which a core breaks its own assertion is the journal's last, and its replay leads there. */
START_TEST(a_broken_assertion_is_in_it)
{
	struct sim_fleet_spec spec = spec_of(14);
	int status;
	pid_t child;

	make_folder();
	spec.journal = NULL;
	run(&spec);
	child = fork();
	if (child == 0)
		break_a_core(fleet.plan);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	journal_replay_all(path, NULL, &sum);
	ck_assert_int_eq(sum.cut, JOURNAL_CUT_ASSERTION);
	ck_assert_uint_eq(sum.entered, 2);
	ck_assert_uint_eq(sum.events, 1); /* replay does not give the core what it cannot take */
	ck_assert_uint_eq(sum.differing, 1);
	ck_assert_uint_eq(sum.difference.event, 2);
	ck_assert_str_eq(sum.difference.expected, "that the core accepts connection 777");
	sim_fleet_done(&fleet);
	remove_folder();
}
END_TEST

static int threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int count = 0;

	ck_assert_ptr_nonnull(tasks);
	while (readdir(tasks))
		count++;
	closedir(tasks);
	return count;
}

/*
 * However many phones are named in it: making it makes no thread. The netns
 * world enters its user namespace after that, which a process with threads
 * may not.
 */
START_TEST(making_it_makes_no_thread)
{
	struct sim_fleet_spec spec = { .phones = 6000, .time_limit_us = 1 };
	struct journal_options options = { .path = path,
					   .engine = "sim",
					   .bytes_max = JOURNAL_BYTES_MAX_DEFAULT };
	struct journal *journal;
	struct stat status;
	int before;

	make_folder();
	sim_fleet_run(&spec, &fleet);
	options.plan = fleet.plan;
	before = threads(); /* only now: a run that takes long publishes views, whose reclaimer is a thread */
	ck_assert_int_eq(journal_new(&options, &journal), 0);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_gt((uint64_t)status.st_size, 256 * 1024); /* they are all in it */
	ck_assert_int_eq(threads(), before);
	journal_close(journal, NULL);
	journal_replay_all(path, NULL, &sum);
	ck_assert_uint_eq(sum.phones, 6000);
	sim_fleet_done(&fleet);
	remove_folder();
}
END_TEST

static Suite *journal_suite(void)
{
	Suite *suite = suite_create("journal");
	TCase *tcase = tcase_create("journal");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, whatever_happens_replays, 0, sizeof(upsets) / sizeof(*upsets));
	tcase_add_test(tcase, the_same_run_is_the_same_file);
	tcase_add_loop_test(tcase, what_is_falsified_is_found, 0, sizeof(falsified) / sizeof(*falsified));
	tcase_add_test(tcase, trace_can_be_left_aside);
	tcase_add_test(tcase, trace_of_unknown_kinds_does_not_count);
	tcase_add_test(tcase, texts_are_shown_as_text);
	tcase_add_test(tcase, a_hostile_file_is_shown_as_text);
	tcase_add_test(tcase, past_its_size_limit_it_is_cut);
	tcase_add_test(tcase, where_the_disk_ends_it_is_cut);
	tcase_add_test(tcase, only_the_chosen_phones_are_in_it);
	tcase_add_test(tcase, what_is_no_journal_is_refused);
	tcase_add_test(tcase, a_journal_that_breaks_off_can_be_taken_in_part);
	tcase_add_test(tcase, a_broken_assertion_is_in_it);
	tcase_add_test(tcase, making_it_makes_no_thread);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	/* A case may lower a limit of its process. */
	return tap_run_as(journal_suite(), CK_FORK);
}
