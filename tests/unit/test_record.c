/*
 * The record: counters, hierarchies, completion times, logs and views come out
 * of the trace, and out of nothing else. Traces here are synthetic.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "emulator/record/record.h"
#include "tests/tap.h"
#include "tests/unit/record_fixture.h"

#define SECOND 1000000ull

static struct record_fixture fixture;
static struct record *record;

static void set_up(void)
{
	record_fixture_init(&fixture);
	record = record_new(&fixture.plan, false, NULL, 0);
	ck_assert_ptr_nonnull(record);
}

static void tear_down(void)
{
	record_free(record);
	record = NULL;
}

static void feed(uint32_t phone, uint64_t now_us, struct pfs_trace trace)
{
	record_trace(record, phone, now_us, &trace);
}

#define FEED(phone, now, ...) feed((phone), (now), (struct pfs_trace){ __VA_ARGS__ })

static void start_all(uint64_t at_us)
{
	for (uint32_t i = 0; i < FIXTURE_PHONES; i++)
		FEED(i, at_us + i * SECOND, .kind = PFS_TR_STARTED, .file = PFS_NO_FILE);
}

static void take_as_root(uint32_t phone, uint8_t file, uint64_t from_us, uint64_t to_us)
{
	uint64_t size = fixture.firmware[0].files[file].size;

	FEED(phone, from_us, .kind = PFS_TR_TFTP_BEGUN, .file = file, .a = 1, .c = 1);
	record_tftp_bytes(record, phone, size);
	FEED(phone, to_us, .kind = PFS_TR_TFTP_DONE, .file = file, .c = size);
	FEED(phone, to_us, .kind = PFS_TR_VERIFIED, .file = file, .a = 1,
	     .address = fixture.plan.server.address);
}

static void take_from_parent(uint32_t phone, uint8_t file, uint32_t level, uint64_t to_us)
{
	FEED(phone, to_us - 2, .kind = PFS_TR_JOINED, .file = file, .address = 0x0a010102, .a = level);
	FEED(phone, to_us - 1, .kind = PFS_TR_PEER_BEGUN, .file = file, .address = 0x0a010102);
	record_peer_bytes(record, phone, fixture.firmware[0].files[file].size);
	FEED(phone, to_us, .kind = PFS_TR_PEER_DONE, .file = file, .address = 0x0a010102);
	FEED(phone, to_us, .kind = PFS_TR_VERIFIED, .file = file, .a = 1, .address = 0x0a010102);
}

static const struct run_hierarchy *hierarchy(const struct run_result *result, uint32_t model, uint8_t file)
{
	for (uint32_t i = 0; i < result->hierarchy_count; i++)
		if (result->hierarchies[i].model == model && result->hierarchies[i].file == file)
			return &result->hierarchies[i];
	ck_abort_msg("no hierarchy of model %u, file %u", model, file);
	return NULL;
}

/* F5, F6: one hierarchy a model and file, of models that take part only; times count from the first reset. */
START_TEST(hierarchies_come_out_of_the_trace)
{
	start_all(5 * SECOND);
	FEED(FIXTURE_ROOT, 6 * SECOND, .kind = PFS_TR_CLAIM, .file = FIXTURE_JAR);
	FEED(FIXTURE_CHILD, 6 * SECOND, .kind = PFS_TR_CLAIM, .file = FIXTURE_JAR);
	FEED(FIXTURE_ROOT, 7 * SECOND, .kind = PFS_TR_CONFIRMED, .file = FIXTURE_JAR);
	FEED(FIXTURE_ROOT, 8 * SECOND, .kind = PFS_TR_ANSWER, .file = FIXTURE_JAR);
	take_as_root(FIXTURE_ROOT, FIXTURE_JAR, 17 * SECOND, 19 * SECOND);
	take_from_parent(FIXTURE_CHILD, FIXTURE_JAR, 2, 20 * SECOND);
	take_from_parent(FIXTURE_LEAF, FIXTURE_JAR, 3, 21 * SECOND);

	const struct run_result *result = record_finish(record, 30 * SECOND, false);
	ck_assert_uint_eq(result->hierarchy_count, 4);
	const struct run_hierarchy *jar = hierarchy(result, 0, FIXTURE_JAR);
	ck_assert_int_eq(jar->root, FIXTURE_ROOT);
	ck_assert_uint_eq(jar->members, 3);
	ck_assert_uint_eq(jar->depth, 3);
	ck_assert_uint_eq(jar->roots_confirmed, 1);
	ck_assert_uint_eq(jar->wan_copies, 1);
	ck_assert_uint_eq(jar->broadcasts, 3);
	ck_assert_uint_eq(jar->confirmed_us, 2 * SECOND);
	ck_assert_uint_eq(jar->transfer_us, 2 * SECOND);
	ck_assert_uint_eq(jar->last_member_us, 16 * SECOND);
	ck_assert_int_eq(hierarchy(result, 1, FIXTURE_JAR)->root, -1);
	ck_assert_uint_eq(hierarchy(result, 1, FIXTURE_JAR)->last_member_us, PFS_TIME_NEVER);
	ck_assert_uint_eq(result->tftp_transfers, 1);
	ck_assert_uint_eq(result->tftp_transfers_pfs, 1);
	ck_assert_uint_eq(result->tftp_completed, 1);
	ck_assert_uint_eq(result->tftp_blocks, FIXTURE_JAR_BYTES / 512 + 1);
	ck_assert_uint_eq(result->peer_transfers, 2);
	ck_assert_uint_eq(result->peer_bytes, 2 * FIXTURE_JAR_BYTES);
	ck_assert_uint_eq(result->peer_broadcasts, 3);
}
END_TEST

/* A rejected request is a transfer begun, but no copy over the WAN; one that broke off half-way is. */
START_TEST(a_copy_needs_its_first_byte)
{
	start_all(0);
	FEED(FIXTURE_ROOT, 1, .kind = PFS_TR_TFTP_BEGUN, .file = FIXTURE_JAR, .a = 1, .c = 1);
	FEED(FIXTURE_ROOT, 2, .kind = PFS_TR_TFTP_ERROR, .file = FIXTURE_JAR, .a = 0);
	const struct run_result *result = record_finish(record, 3, true);
	ck_assert_uint_eq(hierarchy(result, 0, FIXTURE_JAR)->wan_copies, 0);
	ck_assert_uint_eq(result->tftp_transfers, 1);
	ck_assert_uint_eq(result->tftp_errors, 1);

	FEED(FIXTURE_ROOT, 4, .kind = PFS_TR_TFTP_BEGUN, .file = FIXTURE_JAR, .a = 2, .c = 1);
	record_tftp_bytes(record, FIXTURE_ROOT, 512);
	FEED(FIXTURE_ROOT, 5, .kind = PFS_TR_TFTP_ERROR, .file = FIXTURE_JAR, .a = 256);
	result = record_finish(record, 6, true);
	ck_assert_uint_eq(hierarchy(result, 0, FIXTURE_JAR)->wan_copies, 1);
}
END_TEST

/* CSCus67416: a download of its own is listed with its reason and is nobody's member. */
START_TEST(direct_downloads_are_listed)
{
	start_all(0);
	FEED(FIXTURE_LEAF, 1, .kind = PFS_TR_TFTP_BEGUN, .file = FIXTURE_JAR, .a = 1,
	     .b = PFS_DIRECT_PEERS_EXHAUSTED);
	record_tftp_bytes(record, FIXTURE_LEAF, FIXTURE_JAR_BYTES);
	FEED(FIXTURE_LEAF, 2, .kind = PFS_TR_TFTP_DONE, .file = FIXTURE_JAR, .c = FIXTURE_JAR_BYTES);
	FEED(FIXTURE_LEAF, 2, .kind = PFS_TR_VERIFIED, .file = FIXTURE_JAR, .a = 1);
	/* One that takes no part goes to the server as a matter of course. */
	FEED(FIXTURE_OLD, 3, .kind = PFS_TR_TFTP_BEGUN, .file = FIXTURE_JAR, .a = 1);

	const struct run_result *result = record_finish(record, 4, true);
	ck_assert_uint_eq(result->direct_count, 1);
	ck_assert_uint_eq(result->directs[0].phone, FIXTURE_LEAF);
	ck_assert_uint_eq(result->directs[0].file, FIXTURE_JAR);
	ck_assert_uint_eq(result->directs[0].reason, PFS_DIRECT_PEERS_EXHAUSTED);
	ck_assert_uint_eq(result->direct_by_reason[PFS_DIRECT_PEERS_EXHAUSTED], 1);
	ck_assert_uint_eq(hierarchy(result, 0, FIXTURE_JAR)->members, 0);
	ck_assert_uint_eq(hierarchy(result, 0, FIXTURE_JAR)->wan_copies, 1);
	ck_assert_uint_eq(result->tftp_transfers, 2);
	ck_assert_uint_eq(result->tftp_transfers_pfs, 1);
}
END_TEST

/* completion_s: nearest-rank, from each phone's own reset; duration_s from the first. */
START_TEST(completion_counts_from_each_reset)
{
	start_all(10 * SECOND); /* phone i at 10 + i seconds */
	for (uint32_t i = 0; i < FIXTURE_PHONES; i++) {
		ck_assert(!record_all_ended(record));
		FEED(i, (20 + 3 * i) * SECOND, .kind = PFS_TR_UPGRADED, .file = PFS_NO_FILE);
	}
	ck_assert(record_all_ended(record));
	const struct run_result *result = record_finish(record, 99 * SECOND, false);
	/* 10, 12, 14, 16, 18 s */
	ck_assert_uint_eq(result->upgraded, FIXTURE_PHONES);
	ck_assert_uint_eq(result->completion_p50_us, 14 * SECOND);
	ck_assert_uint_eq(result->completion_p90_us, 18 * SECOND);
	ck_assert_uint_eq(result->completion_p99_us, 18 * SECOND);
	ck_assert_uint_eq(result->completion_max_us, 18 * SECOND);
	ck_assert_uint_eq(result->duration_us, 22 * SECOND);
	ck_assert_uint_eq(result->ineligible, 1);
	ck_assert_uint_eq(result->ineligible_by_part[PFS_PART_MODEL], 1);
}
END_TEST

/* Every phone is upgraded, failed or gone; whoever is not upgraded is listed with its reason. */
START_TEST(every_phone_is_accounted_for)
{
	start_all(0);
	FEED(0, 5 * SECOND, .kind = PFS_TR_UPGRADED, .file = PFS_NO_FILE);
	FEED(1, 6 * SECOND, .kind = PFS_TR_FAILED, .file = FIXTURE_JAR, .a = PFS_FAIL_SERVER_SILENT);
	record_phone_gone(record, 2);
	record_phone_gone(record, 0); /* killed after it was upgraded: its firmware stands */
	FEED(3, 6 * SECOND, .kind = PFS_TR_FILE_BEGUN, .file = FIXTURE_INDEX);
	ck_assert(!record_all_ended(record));
	FEED(4, 7 * SECOND, .kind = PFS_TR_UPGRADED, .file = PFS_NO_FILE);
	FEED(4, 8 * SECOND, .kind = PFS_TR_STARTED, .file = PFS_NO_FILE, .c = 1); /* crashed: all anew */
	FEED(4, 9 * SECOND, .kind = PFS_TR_UPGRADED, .file = PFS_NO_FILE);
	ck_assert(!record_all_ended(record)); /* phone 3 has not, and nobody counts twice */

	const struct run_result *result = record_finish(record, 50 * SECOND, true);
	ck_assert(result->interrupted);
	ck_assert_uint_eq(result->upgraded, 2);
	ck_assert_uint_eq(result->failed, 2);
	ck_assert_uint_eq(result->unfinished, 1);
	ck_assert_uint_eq(result->gone, 1);
	ck_assert_uint_eq(result->failures[PFS_FAIL_SERVER_SILENT], 1);
	ck_assert_uint_eq(result->loser_count, 3);
	ck_assert_uint_eq(result->losers[0].phone, 1);
	ck_assert_uint_eq(result->losers[0].failure, PFS_FAIL_SERVER_SILENT);
	ck_assert_uint_eq(result->losers[0].file, FIXTURE_JAR);
	ck_assert_uint_eq(result->losers[1].end, RUN_END_GONE);
	ck_assert_uint_eq(result->losers[2].end, RUN_END_UNFINISHED);
	ck_assert_uint_eq(result->losers[2].file, FIXTURE_INDEX);
	ck_assert_uint_eq(result->duration_us, 50 * SECOND);
	ck_assert_uint_eq(result->phone_upgraded[4], 1);
	ck_assert_uint_eq(result->phone_upgraded[3], 0);
}
END_TEST

START_TEST(the_rest_is_counted)
{
	struct link down = {
		.forwarded_bytes = 1000, .lost_packets = 2, .queue_drops = 3, .busy_us = SECOND
	};
	struct link up = { .forwarded_bytes = 70, .lost_packets = 5, .queue_drops = 7 };
	struct tftp_server_counters server = { .requests = 9, .rejected = 4, .blocks = 77, .retransmits = 6 };

	start_all(0);
	FEED(0, 1, .kind = PFS_TR_VERIFIED, .file = FIXTURE_JAR, .a = 0);
	FEED(0, 1, .kind = PFS_TR_REDIRECTED, .file = FIXTURE_JAR);
	FEED(0, 1, .kind = PFS_TR_REFUSED, .file = FIXTURE_JAR);
	FEED(0, 1, .kind = PFS_TR_ELECTION_AGAIN, .file = FIXTURE_JAR);
	/* Told at powers of two only, with how many there were. */
	for (uint64_t dropped = 1; dropped <= 4; dropped *= 2)
		FEED(0, 1, .kind = PFS_TR_DROPPED, .file = PFS_NO_FILE, .a = PFS_DROP_SUBNET, .c = dropped);
	FEED(0, 1, .kind = PFS_TR_TFTP_RETRANSMIT, .file = FIXTURE_JAR);
	record_wan(record, 0, &down, &up);
	record_server(record, &server);
	record_fault(record, 3 * SECOND, "root killed");
	for (uint32_t i = 0; i < FIXTURE_PHONES; i++)
		FEED(i, 10 * SECOND, .kind = PFS_TR_UPGRADED, .file = PFS_NO_FILE);

	const struct run_result *result = record_finish(record, 20 * SECOND, false);
	ck_assert_uint_eq(result->damaged, 1);
	ck_assert_uint_eq(result->redirects, 1);
	ck_assert_uint_eq(result->refusals, 1);
	ck_assert_uint_eq(result->elections_again, 1);
	ck_assert_uint_eq(result->dropped[PFS_DROP_SUBNET], 4);
	ck_assert_uint_eq(result->client_retransmits, 1);
	ck_assert_uint_eq(result->wan_bytes_down, 1000);
	ck_assert_uint_eq(result->wan_bytes_up, 70);
	ck_assert_uint_eq(result->wan_frames_lost, 7);
	ck_assert_uint_eq(result->wan_queue_drops, 10);
	ck_assert_double_eq_tol(result->wan_busy_fraction, 0.1, 1e-9);
	ck_assert_uint_eq(result->tftp_rejected, 4);
	ck_assert_uint_eq(result->tftp_blocks, 77);
	ck_assert_uint_eq(result->tftp_retransmits, 6);
	ck_assert_uint_eq(result->fault_count, 1);
	ck_assert_str_eq(result->faults[0].text, "root killed");
}
END_TEST

/* F1: a traditional run has no hierarchy, and none of its downloads is PFS's. */
START_TEST(a_traditional_run_has_no_hierarchies)
{
	tear_down();
	record = record_new(&fixture.plan, true, NULL, 0);
	start_all(0);
	FEED(0, 1, .kind = PFS_TR_TFTP_BEGUN, .file = FIXTURE_JAR, .a = 1);
	const struct run_result *result = record_finish(record, 2, false);
	ck_assert(result->traditional);
	ck_assert_uint_eq(result->hierarchy_count, 0);
	ck_assert_uint_eq(result->tftp_transfers, 1);
	ck_assert_uint_eq(result->tftp_transfers_pfs, 0);
}
END_TEST

/* ------------------------------------------------------------------ logs */

static char folder[64];

static long file_size(const char *name)
{
	char path[160];
	struct stat status;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return stat(path, &status) == 0 ? (long)status.st_size : -1;
}

static int open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void remove_folder(void)
{
	static const char *const parts[] = { "console", "" };
	char path[400];

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, parts[i]);
		DIR *directory = opendir(path);
		const struct dirent *entry;
		while (directory && (entry = readdir(directory))) {
			char file[700];
			snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
			unlink(file);
		}
		if (directory)
			closedir(directory);
		rmdir(path);
	}
}

/* One log a phone; the lines that wait are bounded, and no log is held open. */
START_TEST(logs_are_whole_and_never_held_open)
{
	snprintf(folder, sizeof(folder), "/tmp/pfs-record-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	tear_down();
	record = record_new(&fixture.plan, false, folder, 2 * 3600 + 19 * 60 + 22);
	ck_assert_ptr_nonnull(record);
	int before = open_descriptors();
	int lines = 0;
	for (uint64_t i = 0; i < 2000; i++, lines++)
		FEED(FIXTURE_ROOT, i, .kind = PFS_TR_XFRCMD, .file = FIXTURE_JAR, .xid = (uint32_t)i);
	ck_assert_int_gt(file_size("console/SEP000000000001.log"), 100000);
	ck_assert_int_eq(open_descriptors(), before);
	FEED(FIXTURE_LEAF, 5000, .kind = PFS_TR_REBOOTED, .file = PFS_NO_FILE);
	ck_assert_int_eq(record_finish(record, 6000, false)->disk_error, 0);
	ck_assert_int_eq(file_size("console/SEP000000000002.log"), -1);
	ck_assert_int_gt(file_size("console/SEP000000000003.log"), 20);

	char path[160], line[300];
	snprintf(path, sizeof(path), "%s/console/SEP000000000001.log", folder);
	FILE *log = fopen(path, "r");
	ck_assert_ptr_nonnull(log);
	for (int i = 0; i < lines; i++) {
		char wanted[200];
		snprintf(wanted, sizeof(wanted),
			 "INF 02:19:22.%06d DLoad: XID%08X Root sending TFTP XfrCmd on ROOT_WAITING TO\n", i,
			 (unsigned)i);
		ck_assert_ptr_nonnull(fgets(line, sizeof(line), log));
		ck_assert_str_eq(line, wanted);
	}
	ck_assert_ptr_null(fgets(line, sizeof(line), log));
	fclose(log);
	remove_folder();
}
END_TEST

/* A disk that refuses does not stop the run, and is not kept secret. */
START_TEST(a_disk_error_is_kept)
{
	snprintf(folder, sizeof(folder), "/tmp/pfs-record-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	tear_down();
	record = record_new(&fixture.plan, false, folder, 0);
	ck_assert_ptr_nonnull(record);
	remove_folder(); /* its logs have nowhere to go now */
	FEED(FIXTURE_LEAF, 1, .kind = PFS_TR_REBOOTED, .file = PFS_NO_FILE);
	ck_assert_int_eq(record_disk_error(record), 0);
	ck_assert_int_eq(record_finish(record, 2, false)->disk_error, ENOENT);
	ck_assert_int_eq(record_disk_error(record), ENOENT);
}
END_TEST

/* ----------------------------------------------------------------- views */

static uint64_t seen; /* views that the reader has looked at */

static void *look(void *context)
{
	const bool *stop = context;
	uint64_t views = 0, last_us = 0;

	rcu_register_thread();
	while (!__atomic_load_n(stop, __ATOMIC_ACQUIRE)) {
		const struct fleet_view *view = record_view(record);

		if (view) {
			ck_assert_uint_eq(view->phones, FIXTURE_PHONES);
			ck_assert_uint_ge(view->now_us, last_us);
			ck_assert_uint_eq(view->snapshots[2].shown_kb, (uint32_t)view->now_us);
			last_us = view->now_us;
			views++;
			__atomic_store_n(&seen, views, __ATOMIC_RELEASE);
		}
		rcu_quiescent_state();
	}
	rcu_unregister_thread();
	ck_assert_uint_gt(views, 0);
	return NULL;
}

/* A reader sees whole views, in order, while they are replaced under it and freed (address sanitizer
 * watches). */
START_TEST(readers_see_whole_views)
{
	struct pfs_snapshot snapshots[FIXTURE_PHONES] = { 0 };
	bool stop = false;
	pthread_t reader;

	ck_assert_ptr_null(record_view(record));
	record_publish(record, "upgrading", 0, snapshots);
	ck_assert_int_eq(pthread_create(&reader, NULL, look, &stop), 0);
	/* And on until it has been there: on a busy host the reader begins late. */
	for (uint32_t i = 1; i < 20000 || !__atomic_load_n(&seen, __ATOMIC_ACQUIRE); i++) {
		snapshots[2].shown_kb = i;
		record_publish(record, "upgrading", i, snapshots);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(reader, NULL);
}
END_TEST

START_TEST(a_view_says_how_far_it_is)
{
	struct link down = { .forwarded_bytes = 50000 }, up = { 0 };

	start_all(0);
	record_publish(record, "bringing up", 0, NULL);
	ck_assert_uint_eq(record_view(record)->left_us, UINT64_MAX);
	record_wan(record, 0, &down, &up);
	take_as_root(FIXTURE_ROOT, FIXTURE_JAR, SECOND, 2 * SECOND);
	take_from_parent(FIXTURE_CHILD, FIXTURE_JAR, 2, 3 * SECOND);
	FEED(FIXTURE_CHILD, 4 * SECOND, .kind = PFS_TR_UPGRADED, .file = PFS_NO_FILE);
	record_publish(record, "upgrading", 4 * SECOND, NULL);
	const struct fleet_view *view = record_view(record);
	ck_assert_str_eq(view->phase, "upgrading");
	ck_assert_uint_eq(view->upgraded, 1);
	ck_assert_uint_eq(view->wan_bytes_down, 50000);
	ck_assert_uint_eq(view->wan_down_bps, 100000);
	ck_assert_uint_eq(view->bytes_held, 2 * FIXTURE_JAR_BYTES);
	ck_assert_uint_eq(view->bytes_wanted, FIXTURE_PHONES * (FIXTURE_JAR_BYTES + FIXTURE_INDEX_BYTES));
	/* 200,000 of 503,260 bytes in 4 s: 6.07 s more. */
	ck_assert_uint_eq(view->left_us / 10000, 606);
}
END_TEST

static const struct run_copy *copy_of(const struct run_result *result, uint32_t phone, uint8_t file)
{
	return &result->copies[(size_t)phone * result->copy_stride + file];
}

/* Who fed whom, as it was in the end: what did not work out is an incident, not a parent. */
START_TEST(copies_say_whom_a_file_came_from)
{
	const uint32_t gone = 0x0a010102; /* FIXTURE_ROOT's address, which take_from_parent() has too */

	ck_assert_int_eq(record_keep_copies(record), 0);
	start_all(0);
	take_as_root(FIXTURE_ROOT, FIXTURE_JAR, 10 * SECOND, 11 * SECOND);
	take_from_parent(FIXTURE_LEAF, FIXTURE_JAR, 3, 15 * SECOND);
	/* the other phone has no luck with its peers */
	FEED(FIXTURE_OTHER_MODEL, 20 * SECOND, .kind = PFS_TR_PEER_BEGUN, .file = FIXTURE_JAR, .address = gone);
	FEED(FIXTURE_OTHER_MODEL, 21 * SECOND, .kind = PFS_TR_PARENT_LOST, .file = FIXTURE_JAR, .address = gone,
	     .a = PFS_LOSS_SILENT);
	FEED(FIXTURE_OTHER_MODEL, 22 * SECOND, .kind = PFS_TR_TFTP_BEGUN, .file = FIXTURE_JAR, .a = 1,
	     .b = PFS_DIRECT_PEERS_EXHAUSTED);
	FEED(FIXTURE_OTHER_MODEL, 30 * SECOND, .kind = PFS_TR_VERIFIED, .file = FIXTURE_JAR, .a = 1,
	     .address = fixture.plan.server.address);

	const struct run_result *result = record_finish(record, 40 * SECOND, false);
	const struct run_copy *root = copy_of(result, FIXTURE_ROOT, FIXTURE_JAR);
	ck_assert_int_eq(root->from, RUN_FROM_SERVER);
	ck_assert_uint_eq(root->level, 1);
	ck_assert_uint_eq(root->begun_us, 10 * SECOND);
	ck_assert_uint_eq(root->done_us, 11 * SECOND);
	const struct run_copy *leaf = copy_of(result, FIXTURE_LEAF, FIXTURE_JAR);
	ck_assert_int_eq(leaf->from, FIXTURE_ROOT);
	ck_assert_uint_eq(leaf->level, 3);
	ck_assert_uint_eq(leaf->done_us, 15 * SECOND);
	const struct run_copy *direct = copy_of(result, FIXTURE_OTHER_MODEL, FIXTURE_JAR);
	ck_assert_int_eq(direct->from, RUN_FROM_SERVER);
	ck_assert_uint_eq(direct->level, 0);
	ck_assert_uint_eq(direct->tries, 2);
	ck_assert_uint_eq(direct->direct, PFS_DIRECT_PEERS_EXHAUSTED);
	ck_assert_int_eq(copy_of(result, FIXTURE_OLD, FIXTURE_JAR)->from, RUN_FROM_NOBODY);
	ck_assert_uint_eq(copy_of(result, FIXTURE_ROOT, FIXTURE_INDEX)->begun_us, PFS_TIME_NEVER);

	ck_assert_uint_eq(result->incidents_total, 2);
	ck_assert_uint_eq(result->incidents[0].kind, PFS_TR_PARENT_LOST);
	ck_assert_uint_eq(result->incidents[0].reason, PFS_LOSS_SILENT);
	ck_assert_int_eq(result->incidents[0].peer, FIXTURE_ROOT);
	ck_assert_uint_eq(result->incidents[1].kind, PFS_TR_TFTP_BEGUN);
}
END_TEST

/* An upgrade in which nothing goes wrong has none; of very many the earliest are kept, and all are counted. */
START_TEST(incidents_are_counted_and_the_earliest_kept)
{
	ck_assert_int_eq(record_keep_copies(record), 0);
	start_all(0);
	take_as_root(FIXTURE_ROOT, FIXTURE_JAR, 10 * SECOND, 11 * SECOND);
	FEED(FIXTURE_ROOT, 11 * SECOND, .kind = PFS_TR_CONFIRMED, .file = FIXTURE_JAR);
	FEED(FIXTURE_ROOT, 12 * SECOND, .kind = PFS_TR_CONFIRMED, .file = FIXTURE_JAR);
	ck_assert_uint_eq(record_finish(record, 20 * SECOND, false)->incidents_total, 0);
	/* a second root is one */
	FEED(FIXTURE_CHILD, 20 * SECOND, .kind = PFS_TR_CONFIRMED, .file = FIXTURE_JAR);
	for (uint32_t i = 1; i < 2 * RUN_INCIDENTS_MAX; i++)
		FEED(i % 3, 20 * SECOND + i, .kind = PFS_TR_ELECTION_AGAIN, .file = FIXTURE_JAR, .b = PFS_LOSS_EOF);

	const struct run_result *result = record_finish(record, 40 * SECOND, false);
	ck_assert_uint_eq(result->incidents_total, 2 * RUN_INCIDENTS_MAX);
	ck_assert_uint_eq(result->incident_count, RUN_INCIDENTS_MAX);
	ck_assert_uint_eq(result->incidents[0].kind, PFS_TR_CONFIRMED);
	ck_assert_uint_eq(result->incidents[RUN_INCIDENTS_MAX - 1].at_us, 20 * SECOND + RUN_INCIDENTS_MAX - 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record");
	TCase *tcase = tcase_create("record");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, hierarchies_come_out_of_the_trace);
	tcase_add_test(tcase, a_copy_needs_its_first_byte);
	tcase_add_test(tcase, direct_downloads_are_listed);
	tcase_add_test(tcase, completion_counts_from_each_reset);
	tcase_add_test(tcase, every_phone_is_accounted_for);
	tcase_add_test(tcase, the_rest_is_counted);
	tcase_add_test(tcase, a_traditional_run_has_no_hierarchies);
	tcase_add_test(tcase, logs_are_whole_and_never_held_open);
	tcase_add_test(tcase, a_disk_error_is_kept);
	tcase_add_test(tcase, readers_see_whole_views);
	tcase_add_test(tcase, a_view_says_how_far_it_is);
	tcase_add_test(tcase, copies_say_whom_a_file_came_from);
	tcase_add_test(tcase, incidents_are_counted_and_the_earliest_kept);
	suite_add_tcase(suite, tcase);

	return tap_run(suite);
}
