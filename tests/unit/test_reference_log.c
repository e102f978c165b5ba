/*
 * The one public excerpt of a root's console log, reproduced: a lone CP-7961G
 * is stepped through a file by the real core, its trace is rendered by the
 * renderer that every phone uses, and the lines are those of the log, in its
 * order, with its intervals (F8, F15).
 *
 * Ids (XID, map, strength, H, the descriptor) are what they happen to be here
 * and there; nothing else may differ but the microseconds.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "emulator/record/record.h"
#include "pfs-core/pfs.h"
#include "pfs-core/timers.h"
#include "tests/tap.h"

#define LINES_MAX 64
#define TOLERANCE_US 5000

struct log {
	int count;
	char text[LINES_MAX][256];  /* level and what follows "DLoad: ", ids blanked */
	uint64_t clock_us[LINES_MAX];
};

static uint64_t clock_of(const char *line)
{
	unsigned int hours, minutes, seconds, micros;

	ck_assert_int_eq(sscanf(line, "%*3c %u:%u:%u.%6u", &hours, &minutes, &seconds, &micros), 4);
	return ((hours * 60ull + minutes) * 60 + seconds) * 1000000 + micros;
}

/* Each id's digits become one '#'. */
static void blank(char *text, const char *key)
{
	for (char *at = strstr(text, key); at; at = strstr(at, key)) {
		char *end;

		at += strlen(key);
		for (end = at; isxdigit((unsigned char)*end); end++)
			;
		memmove(at + 1, end, strlen(end) + 1);
		*at++ = '#';
	}
}

static void log_add(struct log *log, const char *line)
{
	const char *body = strstr(line, "DLoad: ");
	char *text = log->text[log->count];

	ck_assert_ptr_nonnull(body);
	ck_assert_int_lt(log->count, LINES_MAX);
	log->clock_us[log->count++] = clock_of(line);
	snprintf(text, 256, "%.3s %s", line, body + strlen("DLoad: "));
	text[strcspn(text, "\n")] = '\0';
	blank(text, "XID");
	blank(text, "map=");
	blank(text, "strength=");
	blank(text, " H=");
	blank(text, "fd=");
}

static void reference_read(struct log *log)
{
	FILE *file = fopen(CONSOLE_REFERENCE, "r");
	char line[256];

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		log_add(log, line);
	fclose(file);
}

/* ------------------------------------------------------------- the phone */

struct lone {
	struct pfs_phone phone;
	struct log log;
	uint64_t midnight_us; /* scenario time 0 on the log's clock */
	unsigned int broadcasts;
	bool requested;       /* the TFTP request went out */
};

static void emit(void *context, int severity, bool pfs, const char *line)
{
	(void)severity;
	(void)pfs;
	log_add(context, line);
}

static void step(struct lone *lone, struct pfs_event event)
{
	static struct pfs_actions actions;
	bool open = false;

	pfs_step(&lone->phone, &event, &actions);
	ck_assert_ptr_null(pfs_phone_check(&lone->phone));
	for (uint32_t i = 0; i < actions.count; i++) {
		const struct pfs_action *action = &actions.list[i];

		lone->broadcasts += action->kind == PFS_ACT_BROADCAST;
		lone->requested |= action->kind == PFS_ACT_TFTP_SEND;
		open |= action->kind == PFS_ACT_OPEN;
		/* The excerpt ends with XfrCmd. */
		if (action->kind == PFS_ACT_TRACE && action->trace.kind != PFS_TR_STARTED &&
		    action->trace.kind != PFS_TR_TFTP_BEGUN)
			console_render(&lone->phone.config, lone->midnight_us + event.now_us, &action->trace, emit,
				       &lone->log);
	}
	if (open)
		step(lone, (struct pfs_event){ .kind = PFS_EV_OPENED, .ok = 1, .descriptor = 7,
					       .now_us = event.now_us });
}

static void run(struct lone *lone, struct pfs_config config, uint64_t midnight_us)
{
	memset(lone, 0, sizeof(*lone));
	lone->midnight_us = midnight_us;
	ck_assert_int_eq(pfs_phone_init(&lone->phone, &config), 0);
	step(lone, (struct pfs_event){ .kind = PFS_EV_START });
	while (!lone->requested)
		step(lone, (struct pfs_event){ .kind = PFS_EV_TIME, .now_us = pfs_deadline(&lone->phone) });
}

static struct pfs_config config_of(const char *model, const char *file, uint32_t address, uint32_t strength)
{
	struct pfs_config config = { .seed = 1, .phone = 3, .address = address, .netmask = 0xffffff00,
				     .tftp_server = 0x0a000001, .strength = strength, .part = PFS_PART_YES,
				     .file_count = 1 };

	snprintf(config.model, sizeof(config.model), "%s", model);
	snprintf(config.files[0].name, sizeof(config.files[0].name), "%s", file);
	config.files[0].size = 652;
	config.files[0].digest = 99;
	return config;
}

/* The lines that begin a step that the clock caused, and the one before the first of them. */
static bool begins_timeout(const char *text)
{
	return strstr(text, "doTimeout") || strstr(text, "TxBdcst ClaimRoot") || strstr(text, "XfrCmd") ||
	       strstr(text, "parent=-1");
}

/* The same lines in the same order, and between time-outs the same time within 5 ms. */
START_TEST(lone_7961_prints_the_log)
{
	static struct log reference;
	static struct lone lone;
	uint64_t previous = 0, previous_ours = 0;

	memset(&reference, 0, sizeof(reference));
	reference_read(&reference);
	run(&lone, config_of("CP-7961G", "SCCP41.9-4-2SR2-2S.loads", 0x0a6a7544, 0x31d4d43d), reference.clock_us[0]);

	ck_assert_int_eq(reference.count, 26);
	ck_assert_int_eq(lone.log.count, reference.count);
	for (int i = 0; i < reference.count; i++) {
		ck_assert_str_eq(lone.log.text[i], reference.text[i]);
		if (!begins_timeout(reference.text[i]))
			continue;
		if (previous) {
			int64_t theirs = (int64_t)(reference.clock_us[i] - previous);
			int64_t ours = (int64_t)(lone.log.clock_us[i] - previous_ours);

			ck_assert_msg(llabs(theirs - ours) <= TOLERANCE_US, "%s: %lld us, the log %lld us",
				      reference.text[i], (long long)ours, (long long)theirs);
		}
		previous = reference.clock_us[i];
		previous_ours = lone.log.clock_us[i];
	}
	/* A lone root sends nothing beyond the log's five. */
	ck_assert_uint_eq(lone.broadcasts, 5);
}
END_TEST

/* Lines of one step share a time: as many times as there are steps. */
START_TEST(lines_of_a_step_share_a_time)
{
	static struct lone lone;
	int times = 0;

	run(&lone, config_of("CP-7961G", "SCCP41.9-4-2SR2-2S.loads", 0x0a6a7544, 0x31d4d43d), 0);
	for (int i = 0; i < lone.log.count; i++)
		times += i == 0 || lone.log.clock_us[i] != lone.log.clock_us[i - 1];
	ck_assert_int_eq(times, 1 + 5 + 1 + 1); /* opened, five broadcasts, confirmed, XfrCmd */
}
END_TEST

/* Nothing of that log is in the code: a 7941 with another address and file prints its own. */
START_TEST(another_phone_prints_its_own)
{
	static struct lone lone;
	bool root = false;

	run(&lone, config_of("CP-7941G", "SCCP41.9-4-2SR3-1S.loads", 0xc0a80117, 0), 0);
	for (int i = 0; i < lone.log.count; i++) {
		ck_assert_ptr_null(strstr(lone.log.text[i], "7961"));
		ck_assert_ptr_null(strstr(lone.log.text[i], "10.106.117.68"));
		root |= !strcmp(lone.log.text[i], "NOT @@@HROOT:XID# H=# m=CP-7941G ROOT=192.168.1.23 "
						  "/dnld/SCCP41.9-4-2SR3-1S.loads");
	}
	ck_assert(root);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reference_log");
	TCase *tcase = tcase_create("log");

	tcase_add_test(tcase, lone_7961_prints_the_log);
	tcase_add_test(tcase, lines_of_a_step_share_a_time);
	tcase_add_test(tcase, another_phone_prints_its_own);
	suite_add_tcase(suite, tcase);
	return tap_run(suite);
}
