/*
 * Phones on a real kernel: real veths, a real switch, the relay, the embedded
 * server. Judged by counts, not by time: what must be true however slow the
 * machine is.
 */
#include <dirent.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/hq/real_server.h"
#include "emulator/netns/fidelity.h"
#include "tests/netns/fleet_fixture.h"
#include "tests/netns/netns_test.h"
#include "tests/tap.h"

#define SPEED 20
#define SCALE "1/40"
#define FILES 6 /* an index and five components (F15) */
#define DAMAGED "damaged, discarded"

static struct fleet fleet;

static void run(const char *scenario, bool traditional)
{
	fleet_begin(&fleet, scenario, traditional);
	fleet_run(&fleet);
	ck_assert_int_eq(fleet.error, 0);
	ck_assert(!fleet.report.interrupted);
}

static void all_upgraded(uint32_t phones)
{
	ck_assert_uint_eq(fleet.result->upgraded, phones);
	ck_assert_uint_eq(fleet.result->failed, 0);
	ck_assert_uint_eq(fleet.result->gone, 0);
	/* the kernel's own word that the bytes arrived at each eth0 */
	ck_assert_uint_eq(fleet.report.rx_short, 0);
	ck_assert_uint_ge(fleet.report.rx_bytes_min, plan_phone_firmware(fleet.plan, 0)->total_bytes);
	/* one after the other: the second of two that are reset at once is late by the first */
	ck_assert_uint_gt(fleet.report.start_late_max_us, 0);
	ck_assert_uint_lt(fleet.report.start_late_max_us, fleet.report.ended_us);
}

/* F2, F5, F15: one root and one copy over the WAN for each file, whoever it is. */
static void one_copy_of_each_file(uint32_t phones)
{
	uint32_t i;

	ck_assert_uint_eq(fleet.result->hierarchy_count, FILES);
	for (i = 0; i < fleet.result->hierarchy_count; i++) {
		ck_assert_uint_eq(fleet.result->hierarchies[i].roots_confirmed, 1);
		ck_assert_uint_eq(fleet.result->hierarchies[i].wan_copies, 1);
		ck_assert_uint_eq(fleet.result->hierarchies[i].members, phones);
	}
	ck_assert_uint_eq(fleet.result->tftp_transfers_pfs, FILES);
	ck_assert_uint_eq(fleet.result->direct_count, 0);
	ck_assert_uint_eq(fleet.result->peer_transfers, (uint64_t)FILES * (phones - 1));
}

/* Both modes are runs of one process, and --find-speed makes many: none leaves a descriptor open in it. */
START_TEST(runs_leave_no_descriptor)
{
	uint64_t before = fidelity_descriptors(), after;

	for (int traditional = 0; traditional < 2; traditional++) {
		run(fleet_scenario(2, SCALE, SPEED, ""), traditional);
		fleet_end(&fleet);
	}
	after = fidelity_descriptors();
	ck_assert_uint_eq(after, before);
}
END_TEST

START_TEST(two_phones_share)
{
	const struct plan_firmware *firmware;

	run(fleet_scenario(2, SCALE, SPEED, ""), false);
	all_upgraded(2);
	one_copy_of_each_file(2);
	firmware = plan_phone_firmware(fleet.plan, 0);
	/* every byte was digested: nothing else makes a phone upgraded; and none came twice */
	ck_assert_uint_eq(fleet.result->peer_bytes, firmware->total_bytes);
	ck_assert_uint_eq(fleet.result->damaged, 0);
	fleet_end(&fleet);
}
END_TEST

/* F1: every phone fetches every file by itself. */
START_TEST(two_phones_fetch_traditionally)
{
	run(fleet_scenario(2, SCALE, SPEED, ""), true);
	all_upgraded(2);
	ck_assert_uint_eq(fleet.result->tftp_transfers, 2 * FILES);
	ck_assert_uint_eq(fleet.result->tftp_transfers_pfs, 0);
	ck_assert_uint_eq(fleet.result->peer_transfers, 0);
	ck_assert_uint_eq(fleet.result->peer_broadcasts, 0);
	fleet_end(&fleet);
}
END_TEST

/* F3, F4: a tree of some depth, every phone out of its parent's hands. */
START_TEST(twelve_phones_make_a_tree)
{
	uint32_t i;

	run(fleet_scenario(12, SCALE, SPEED, ""), false);
	all_upgraded(12);
	one_copy_of_each_file(12);
	for (i = 0; i < FILES; i++) {
		ck_assert_uint_ge(fleet.result->hierarchies[i].depth, 4); /* a binary tree of 12 */
		ck_assert_uint_le(fleet.result->hierarchies[i].depth, 5); /* ceil(log2(13)) + 1 */
	}
	fleet_end(&fleet);
}
END_TEST

/* What-if: three children each, on real sockets; a phone has places for them, and the run says what it is. */
START_TEST(three_children_make_a_flatter_tree)
{
	run(fleet_scenario(13, SCALE, SPEED, "\"what_if\": {\"fan_out\": 3}"), false);
	all_upgraded(13);
	one_copy_of_each_file(13);
	for (uint32_t i = 0; i < FILES; i++)
		ck_assert_uint_eq(fleet.result->hierarchies[i].depth, 3); /* 1, 3, 9 */
	ck_assert_int_gt(fleet_log_count(&fleet, 0, "What-if, not what phones do: fan-out=3 waits=100%"), 0);
	fleet_end(&fleet);
}
END_TEST

/* CSCtg96408: a byte flipped on its way is reported by the phone that received it, and by no other. */
static void only_one_reports_damage(uint32_t phones)
{
	uint32_t reporters = 0, i;

	ck_assert_uint_eq(fleet.result->damaged, 1);
	for (i = 0; i < phones; i++) {
		int lines = fleet_log_count(&fleet, i, DAMAGED);

		ck_assert_int_ge(lines, 0);
		ck_assert_int_le(lines, 1);
		if (lines)
			ck_assert_ptr_nonnull(strstr(fleet.result->faults[0].text, fleet.plan->phones[i].name));
		reporters += lines > 0;
	}
	ck_assert_uint_eq(reporters, 1);
}

/* What-if: files go on as they come, on real sockets; whoever gets damage of one is fed anew by its parent. */
START_TEST(files_are_forwarded_early)
{
	run(fleet_scenario(8, "1/4", SPEED, "\"what_if\": {\"forward_early\": true}"), false);
	all_upgraded(8);
	one_copy_of_each_file(8);
	ck_assert_uint_eq(fleet.result->peer_bytes, 7 * plan_phone_firmware(fleet.plan, 0)->total_bytes);
	fleet_end(&fleet);

	run(fleet_scenario(8, "1/4", SPEED,
			   "\"what_if\": {\"forward_early\": true},"
			   "\"faults\": [{\"kind\": \"damage_tftp\", \"phase\": \"tftp\", \"percent\": 30, \"role\": \"root\","
			   " \"file\": \"cnu\"}]"),
	    false);
	all_upgraded(8);
	only_one_reports_damage(8);
	ck_assert_uint_gt(fleet.result->peer_bytes, 7 * plan_phone_firmware(fleet.plan, 0)->total_bytes);
	fleet_end(&fleet);
}
END_TEST

START_TEST(damage_by_tftp_stays_with_its_phone)
{
	uint32_t i;

	run(fleet_scenario(4, SCALE, SPEED,
			   "\"faults\": [{\"kind\": \"damage_tftp\", \"phase\": \"tftp\", \"percent\": 30, \"role\": \"root\","
			   " \"file\": \"cnu\"}]"),
	    false);
	all_upgraded(4);
	only_one_reports_damage(4);
	for (i = 0; i < fleet.result->hierarchy_count; i++)
		ck_assert_uint_le(fleet.result->hierarchies[i].wan_copies, 2);
	fleet_end(&fleet);
}
END_TEST

START_TEST(damage_by_tcp_stays_with_its_phone)
{
	uint32_t i;

	run(fleet_scenario(4, SCALE, SPEED,
			   "\"faults\": [{\"kind\": \"damage_tcp\", \"phase\": \"receiving\", \"role\": \"any\","
			   " \"file\": \"apps\"}]"),
	    false);
	all_upgraded(4);
	only_one_reports_damage(4);
	for (i = 0; i < fleet.result->hierarchy_count; i++)
		ck_assert_uint_le(fleet.result->hierarchies[i].wan_copies, 2);
	fleet_end(&fleet);
}
END_TEST

/* F14: lines arrive at headquarters, and a phone stops sending once the log server is unreachable. */
START_TEST(console_lines_reach_the_log_server)
{
	int lines;

	run(fleet_scenario(2, SCALE, SPEED, "\"log_server\": \"10.255.255.1:514@@base=0-7;pfs=0-1\""), false);
	all_upgraded(2);
	lines = fleet_file_count(&fleet, "log-server.txt", "");
	ck_assert_int_gt(lines, 20);
	ck_assert_int_eq(fleet_file_count(&fleet, "log-server.txt", "Verified"), 2 * FILES);
	ck_assert_int_gt(fleet_file_count(&fleet, "log-server.txt", "ClaimRoot(tent)"), 0);
	fleet_end(&fleet);
}
END_TEST

START_TEST(levels_that_were_not_asked_for_are_not_sent)
{
	run(fleet_scenario(2, SCALE, SPEED, "\"log_server\": \"10.255.255.1:514@@base=0-7;pfs=0-0\""), false);
	ck_assert_int_eq(fleet_file_count(&fleet, "log-server.txt", "Verified"), 2 * FILES);
	ck_assert_int_eq(fleet_file_count(&fleet, "log-server.txt", "ClaimRoot(tent)"), 0);
	fleet_end(&fleet);
}
END_TEST

START_TEST(an_unreachable_log_server_silences_the_phones)
{
	run(fleet_scenario(2, SCALE, SPEED,
			   "\"log_server\": \"10.255.255.1:514@@base=0-7;pfs=0-1\","
			   "\"faults\": [{\"kind\": \"server_stop\", \"phase\": \"time\", \"at\": \"9s\", \"duration\": \"20s\"}]"),
	    false);
	all_upgraded(2);
	/* It was back for most of the run, but nobody speaks to it again. */
	ck_assert_int_gt(fleet_file_count(&fleet, "log-server.txt", ""), 0);
	ck_assert_int_eq(fleet_file_count(&fleet, "log-server.txt", "Verified"), 0);
	fleet_end(&fleet);
}
END_TEST

/* Faults on real links: whatever happens, every other phone is upgraded and nobody goes to the server on its own. */
static const struct {
	const char *what, *fault;
	uint32_t upgraded, gone;
	uint64_t wan_copies_max;
} upsets[] = {
	{"root killed in mid-TFTP",
	 "{\"kind\": \"kill\", \"phase\": \"tftp\", \"percent\": 50, \"role\": \"root\", \"file\": \"jar\"}", 7, 1, 2},
	{"parent killed in mid-transfer",
	 "{\"kind\": \"kill\", \"phase\": \"serving\", \"role\": \"parent\", \"file\": \"jar\"}", 7, 1, 1},
	{"root crashed, comes back",
	 "{\"kind\": \"crash\", \"phase\": \"root_waiting\", \"role\": \"root\", \"file\": \"jar\", \"duration\": \"5s\"}",
	 8, 0, 2},
	{"leaf unplugged for a while",
	 "{\"kind\": \"unplug\", \"phase\": \"receiving\", \"role\": \"leaf\", \"file\": \"apps\", \"duration\": \"8s\"}", 8,
	 0, 2},
	{"WAN cut for a while",
	 "{\"kind\": \"wan_cut\", \"phase\": \"tftp\", \"percent\": 20, \"role\": \"root\", \"file\": \"jar\","
	 " \"duration\": \"5s\"}",
	 8, 0, 2},
	{"WAN flaps for a while",
	 "{\"kind\": \"wan_flap\", \"phase\": \"tftp\", \"percent\": 20, \"role\": \"root\", \"file\": \"jar\","
	 " \"period\": \"1500ms\", \"duration\": \"6s\"}",
	 8, 0, 2},
};

START_TEST(upsets_are_mended)
{
	char more[512];
	uint32_t i;

	snprintf(more, sizeof(more), "\"faults\": [%s]", upsets[_i].fault);
	run(fleet_scenario(8, SCALE, SPEED, more), false);
	ck_assert_uint_ge(fleet.result->fault_count, 1);
	ck_assert_msg(fleet.result->upgraded == upsets[_i].upgraded && fleet.result->gone == upsets[_i].gone,
		      "%s: %u upgraded, %u failed, %u gone", upsets[_i].what, fleet.result->upgraded,
		      fleet.result->failed, fleet.result->gone);
	ck_assert_uint_eq(fleet.result->direct_count, 0);
	for (i = 0; i < fleet.result->hierarchy_count; i++)
		ck_assert_msg(fleet.result->hierarchies[i].wan_copies <= upsets[_i].wan_copies_max,
			      "%s: %u copies of file %u", upsets[_i].what, fleet.result->hierarchies[i].wan_copies,
			      fleet.result->hierarchies[i].file);
	fleet_end(&fleet);
}
END_TEST

/* A server that people really run, in headquarters' namespace; and damage to what it sends. */
static const struct {
	enum real_server_kind kind;
	bool damage;
} servers[] = {
	{REAL_SERVER_IN_TFTPD, false}, {REAL_SERVER_DNSMASQ, false}, {REAL_SERVER_IN_TFTPD, true}};

START_TEST(a_real_server_serves)
{
	char more[512];

	snprintf(more, sizeof(more), "\"server\": \"%s\"%s", real_server_name(servers[_i].kind),
		 servers[_i].damage ? ", \"faults\": [{\"kind\": \"damage_tftp\", \"phase\": \"tftp\", \"percent\": 30,"
				      " \"role\": \"root\", \"file\": \"cnu\"}]" :
				      "");
	run(fleet_scenario(3, SCALE, 10, more), false);
	all_upgraded(3);
	if (servers[_i].damage)
		only_one_reports_damage(3);
	else
		one_copy_of_each_file(3);
	fleet_end(&fleet);
}
END_TEST

/* The server stopped in the middle of a download, and back again. */
START_TEST(a_stopped_server_comes_back)
{
	run(fleet_scenario(3, SCALE, SPEED,
			   "\"faults\": [{\"kind\": \"server_stop\", \"phase\": \"tftp\", \"percent\": 30,"
			   " \"file\": \"apps\", \"duration\": \"3s\"}]"),
	    false);
	all_upgraded(3);
	ck_assert_uint_eq(fleet.result->fault_count, 2);
	ck_assert_uint_gt(fleet.result->tftp_errors + fleet.result->client_retransmits, 0);
	ck_assert_uint_eq(fleet.result->direct_count, 0);
	fleet_end(&fleet);
}
END_TEST

/* SIGINT's way: a run that is told to stop ends with partial results. */
static void stop_at_once(void *context, uint32_t phone, int severity, bool pfs, const char *line)
{
	(void)context;
	(void)phone;
	(void)severity;
	(void)pfs;
	(void)line;
	fleet.stop = 1;
}

START_TEST(a_stopped_run_ends_in_good_order)
{
	fleet_begin(&fleet, fleet_scenario(2, SCALE, SPEED, ""), false);
	record_set_line_sink(fleet.record, stop_at_once, NULL);
	fleet_run(&fleet);
	ck_assert_int_eq(fleet.error, 0);
	ck_assert(fleet.report.interrupted);
	ck_assert(fleet.result->interrupted);
	ck_assert_uint_lt(fleet.result->upgraded, 2);
	fleet_end(&fleet);
}
END_TEST

/* ------------------------------------------------------------- several runs */

/* Runs a fleet in a child, which says 'h' on the pipe with its first console line of that text and '*' if all was well. */
static int hello_fd;
static const char *hello_text;

static void say_hello(void *context, uint32_t phone, int severity, bool pfs, const char *line)
{
	static bool said;

	(void)context;
	(void)phone;
	(void)severity;
	(void)pfs;
	if (!said && strstr(line, hello_text) && write(hello_fd, "h", 1) == 1)
		said = true;
}

/* The run's folder is made here, so that the caller's fleet_end() removes it whatever became of the child. */
static pid_t fork_fleet(struct fleet *forked, int phones, const char *more, const char *text, int *from)
{
	int ends[2];
	pid_t child;

	ck_assert_int_eq(pipe(ends), 0);
	fleet_begin(forked, fleet_scenario(phones, SCALE, SPEED, more), false);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child) {
		close(ends[1]);
		*from = ends[0];
		return child;
	}
	close(ends[0]);
	hello_fd = ends[1];
	hello_text = text;
	record_set_line_sink(forked->record, say_hello, NULL);
	fleet_run(forked);
	if (!forked->error && forked->result->upgraded == (uint32_t)phones && forked->result->direct_count == 0 &&
	    forked->result->tftp_transfers_pfs == FILES)
		(void)!write(ends[1], "*", 1);
	_exit(0);
}

static bool hears(int fd, char expected)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	char heard = 0;

	return poll(&poll_fd, 1, 120000) == 1 && read(fd, &heard, 1) == 1 && heard == expected;
}

/* The same addresses, ports and MACs in two fleets on one host. */
START_TEST(two_fleets_do_not_see_each_other)
{
	struct fleet fleets[2];
	int from[2], i;
	pid_t child[2];

	for (i = 0; i < 2; i++)
		child[i] = fork_fleet(&fleets[i], 4, "", "", &from[i]);
	for (i = 0; i < 2; i++) {
		ck_assert(hears(from[i], 'h'));
		ck_assert(hears(from[i], '*'));
		ck_assert_int_eq(waitpid(child[i], NULL, 0), child[i]);
		close(from[i]);
		fleet_end(&fleets[i]);
	}
}
END_TEST

#define NAMESPACES_MAX 256
static char namespaces[NAMESPACES_MAX][32];
static int namespace_count;

/* "net:[N]" of the namespace that a socket of another process holds; false where it may not be asked. */
static bool namespace_of_socket(pid_t process, int descriptor, char *name, size_t size)
{
	int pidfd = (int)syscall(SYS_pidfd_open, process, 0);
	int socket = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, descriptor, 0);
	int namespace = socket < 0 ? -1 : ioctl(socket, SIOCGSKNS);
	char path[64];
	ssize_t length = -1;

	if (namespace >= 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", namespace);
		length = readlink(path, name, size - 1);
		close(namespace);
	}
	if (socket >= 0)
		close(socket);
	if (pidfd >= 0)
		close(pidfd);
	if (length >= 0)
		name[length] = 0;
	return length >= 0;
}

/*
 * Looks at every link in a folder of /proc, and for the sockets among a
 * process's descriptors at where they stand; returns how many name a namespace
 * of the list. With `collect`, lists them, each once.
 */
static int look_at(const char *folder, bool collect)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char own[64] = "";
	int found = 0, i;

	ck_assert_int_gt(readlink("/proc/self/ns/net", own, sizeof(own) - 1), 0);
	while (dir && (entry = readdir(dir))) {
		char path[512], target[64];
		ssize_t length;

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		length = readlink(path, target, sizeof(target) - 1);
		if (length < 0)
			continue;
		target[length] = 0;
		if (!strncmp(target, "socket:[", 8) &&
		    !namespace_of_socket(atoi(folder + strlen("/proc/")), atoi(entry->d_name), target, sizeof(target)))
			continue;
		if (strncmp(target, "net:[", 5) != 0 || !strcmp(target, own))
			continue;
		for (i = 0; i < namespace_count && strcmp(target, namespaces[i]) != 0; i++)
			;
		found += i < namespace_count;
		if (collect && i == namespace_count && i < NAMESPACES_MAX)
			strcpy(namespaces[namespace_count++], target);
	}
	if (dir)
		closedir(dir);
	return found;
}

static int namespaces_in_use(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int found = 0;

	while ((entry = readdir(dir))) {
		char path[300];

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/fd", entry->d_name);
		found += look_at(path, false);
		snprintf(path, sizeof(path), "/proc/%s/ns", entry->d_name);
		found += look_at(path, false);
	}
	closedir(dir);
	return found;
}

/* Closed TCP sockets of the whole machine that still wait for their peers, each of which pins its namespace. */
static int orphans(void)
{
	FILE *file = fopen("/proc/net/sockstat", "r");
	char line[256];
	int count = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "TCP: inuse %*d orphan %d", &count) == 1)
			break;
	if (file)
		fclose(file);
	ck_assert_int_ge(count, 0);
	return count;
}

/*
 * DESIGN point 10: all is held by descriptors alone, so that SIGKILL leaves nothing;
 * nor does a connection whose peer is unplugged keep its namespace.
 */
static void leaves_nothing(const char *more, const char *text)
{
	int from, status, before = orphans(), patience = 100;
	pid_t child = fork_fleet(&fleet, 10, more, text, &from);
	char path[64];

	ck_assert(hears(from, 'h'));
	snprintf(path, sizeof(path), "/proc/%d/fd", child);
	look_at(path, true);
	ck_assert_int_ge(namespace_count, 12); /* ten phones, a router, headquarters */
	ck_assert_int_ge(namespaces_in_use(), 12);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(namespaces_in_use(), 0);
	while (orphans() > before && patience--) /* ten seconds; an orphan of an ordinary socket stays a minute */
		poll(NULL, 0, 100);
	ck_assert_int_le(orphans(), before);
	close(from);
	fleet_end(&fleet);
}

START_TEST(sigkill_leaves_no_namespace)
{
	leaves_nothing("", "ClaimRoot");
}
END_TEST

START_TEST(sigkill_with_a_phone_unplugged_leaves_no_namespace)
{
	leaves_nothing("\"faults\": [{\"kind\": \"unplug\", \"phase\": \"receiving\", \"percent\": 0, \"role\": \"any\","
		       " \"file\": \"jar\", \"duration\": \"10m\"}]",
		       "Receiving /dnld/jar");
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 180);
	suite_add_tcase(suite, tcase);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("fleet");
	TCase *tcase;

	if (!netns_test_allowed())
		return EXIT_SUCCESS;
	tcase = add_case(suite, "upgrade");
	tcase_add_test(tcase, runs_leave_no_descriptor);
	tcase_add_test(tcase, two_phones_share);
	tcase_add_test(tcase, two_phones_fetch_traditionally);
	tcase_add_test(tcase, twelve_phones_make_a_tree);
	tcase_add_test(tcase, three_children_make_a_flatter_tree);
	tcase = add_case(suite, "damage");
	tcase_add_test(tcase, files_are_forwarded_early);
	tcase_add_test(tcase, damage_by_tftp_stays_with_its_phone);
	tcase_add_test(tcase, damage_by_tcp_stays_with_its_phone);
	tcase = add_case(suite, "log");
	tcase_add_test(tcase, console_lines_reach_the_log_server);
	tcase_add_test(tcase, levels_that_were_not_asked_for_are_not_sent);
	tcase_add_test(tcase, an_unreachable_log_server_silences_the_phones);
	tcase = add_case(suite, "upsets");
	tcase_add_loop_test(tcase, upsets_are_mended, 0, sizeof(upsets) / sizeof(upsets[0]));
	tcase = add_case(suite, "servers");
	tcase_add_loop_test(tcase, a_real_server_serves, 0, 1);
	tcase_add_test(tcase, a_stopped_server_comes_back);
	tcase = add_case(suite, "other servers");
	tcase_set_tags(tcase, "long");
	tcase_add_loop_test(tcase, a_real_server_serves, 1, sizeof(servers) / sizeof(servers[0]));
	tcase = add_case(suite, "runs");
	tcase_add_test(tcase, a_stopped_run_ends_in_good_order);
	tcase_add_test(tcase, two_fleets_do_not_see_each_other);
	tcase_add_test(tcase, sigkill_leaves_no_namespace);
	tcase_add_test(tcase, sigkill_with_a_phone_unplugged_leaves_no_namespace);
	return tap_run(suite);
}
