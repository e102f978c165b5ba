/*
 * The console log in the vendor's form: the public excerpt is given back line
 * by line from a trace, another phone gives lines of its own, and every kind
 * of trace record says something, in words.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "emulator/record/record.h"
#include "tests/tap.h"

struct collected {
	char lines[8][300];
	int severities[8];
	bool pfs[8];
	int count;
};

static void collect(void *context, int severity, bool pfs, const char *line)
{
	struct collected *to = context;

	ck_assert_int_lt(to->count, 8);
	snprintf(to->lines[to->count], sizeof(to->lines[0]), "%s", line);
	to->severities[to->count] = severity;
	to->pfs[to->count++] = pfs;
}

static struct pfs_config phone(const char *model, uint32_t address, const char *file)
{
	struct pfs_config config = { .address = address, .file_count = 2, .tftp_server = 0x0a6a0001 };

	snprintf(config.model, sizeof(config.model), "%s", model);
	snprintf(config.files[0].name, sizeof(config.files[0].name), "%s", file);
	snprintf(config.files[1].name, sizeof(config.files[1].name), "jar.sbn");
	return config;
}

#define RENDER(config, clock, to, ...)                                                                       \
	console_render((config), (clock), &(struct pfs_trace){ __VA_ARGS__ }, collect, (to))

static uint64_t clock_of(const char *line)
{
	unsigned hour, minute, second, micro;

	ck_assert_int_eq(sscanf(line + 4, "%2u:%2u:%2u.%6u", &hour, &minute, &second, &micro), 4);
	return ((hour * 60ull + minute) * 60 + second) * 1000000 + micro;
}

/* The trace that a lone root makes, as the excerpt's lines come from it. */
static const struct pfs_trace reference[] = {
	{ .kind = PFS_TR_LISTENING, .file = PFS_NO_FILE, .a = 7 },
	{ .kind = PFS_TR_FILE_BEGUN, .a = 2 },
	{ .kind = PFS_TR_TIMEOUT, .a = PFS_ST_LISTENING, .xid = 0x080027f8 },
	{ .kind = PFS_TR_CLAIM, .xid = 0x080027f8, .a = 0, .b = 0xff9d7cb9, .c = 0x31d4d43d },
	{ .kind = PFS_TR_TIMEOUT, .a = PFS_ST_CLAIMING, .xid = 0x080027f8 },
	{ .kind = PFS_TR_CLAIM, .xid = 0x080027f8, .a = 1 },
	{ .kind = PFS_TR_TIMEOUT, .a = PFS_ST_CLAIMING, .xid = 0x080027f8 },
	{ .kind = PFS_TR_CLAIM, .xid = 0x080027f8, .a = 2 },
	{ .kind = PFS_TR_TIMEOUT, .a = PFS_ST_CLAIMING, .xid = 0x080027f8 },
	{ .kind = PFS_TR_CLAIM, .xid = 0x080027f8, .a = 3 },
	{ .kind = PFS_TR_TIMEOUT, .a = PFS_ST_CLAIMING, .xid = 0x080027f8 },
	{ .kind = PFS_TR_CLAIM, .xid = 0x080027f8, .a = 4 },
	{ .kind = PFS_TR_TIMEOUT, .a = PFS_ST_CLAIMING, .xid = 0x080027f8 },
	{ .kind = PFS_TR_CONFIRMED, .xid = 0x080027f8, .a = 0x36685558, .c = 0xb1d4d43d },
	{ .kind = PFS_TR_TIMEOUT, .a = PFS_ST_ROOT_WAITING, .xid = 0x080027f8 },
	{ .kind = PFS_TR_XFRCMD, .xid = 0x080027f8 },
};

/*
 * The excerpt, line for line. The phone's clock went on between the lines of
 * one step; each record is given the time of its first line, and of later
 * lines of a record everything but the time is compared.
 */
START_TEST(the_public_excerpt_is_given_back)
{
	struct pfs_config config = phone("CP-7961G", 0x0a6a7544, "SCCP41.9-4-2SR2-2S.loads");
	FILE *log = fopen(CONSOLE_REFERENCE, "r");
	char line[300];
	bool ended = false;

	ck_assert_msg(log != NULL, "cannot open %s", CONSOLE_REFERENCE);
	ended = !fgets(line, sizeof(line), log);
	for (size_t i = 0; i < sizeof(reference) / sizeof(reference[0]); i++) {
		struct collected got = { .count = 0 };

		ck_assert(!ended);
		console_render(&config, clock_of(line), &reference[i], collect, &got);
		for (int k = 0; k < got.count; k++) {
			line[strcspn(line, "\n")] = '\0';
			if (k == 0)
				ck_assert_str_eq(got.lines[k], line);
			ck_assert_int_eq(strncmp(got.lines[k], line, 4), 0);
			ck_assert_str_eq(got.lines[k] + 19, line + 19);
			ck_assert_uint_eq(clock_of(got.lines[k]), clock_of(got.lines[0]));
			ck_assert(got.pfs[k]);
			ended = !fgets(line, sizeof(line), log);
		}
	}
	ck_assert_msg(ended, "the trace has no line for: %s", line);
	fclose(log);
}
END_TEST

/* The renderer holds nothing of that log: another phone, address and file give lines of their own. */
START_TEST(another_phone_has_lines_of_its_own)
{
	struct pfs_config config = phone("CP-7941G", 0xc0a80a63, "SCCP41.9-4-2SR3-1S.loads");
	struct collected got = { .count = 0 };

	RENDER(&config, 5, &got, .kind = PFS_TR_CONFIRMED, .xid = 0x12ab, .a = 0xbeef);
	RENDER(&config, 86399999999ull, &got, .kind = PFS_TR_LISTENING, .a = 12);
	RENDER(&config, 3600000000ull, &got, .kind = PFS_TR_FILE_BEGUN, .a = 0);
	RENDER(&config, 3600000001ull, &got, .kind = PFS_TR_CLAIM, .xid = 1, .b = 2, .c = 3);
	ck_assert_str_eq(got.lines[1],
			 "NOT 00:00:00.000005 DLoad: @@@HROOT:XID000012AB H=0000beef m=CP-7941G "
			 "ROOT=192.168.10.99 /dnld/SCCP41.9-4-2SR3-1S.loads");
	ck_assert_str_eq(got.lines[2],
			 "DBG 23:59:59.999999 DLoad: +++ fd=12 Listening on peer TCP port 4051");
	ck_assert_str_eq(got.lines[4], "NOT 01:00:00.000000 DLoad: |parent=-1><fd[0]=-1 fd[1]=-1 FULL=1");
	ck_assert_str_eq(got.lines[6], "INF 01:00:00.000001 DLoad: XID00000001 TxBdcst ClaimRoot(tent): "
				       "map=00000002 strength=00000003 ");
}
END_TEST

/* DESIGN: a run explains itself. Each kind gives at least one line in the form, names what it names, one line
 * ends none. */
START_TEST(every_kind_says_something)
{
	static const char levels[8][4] = { "", "", "", "ERR", "WRN", "NOT", "INF", "DBG" };
	struct pfs_config config = phone("CP-7961G", 0x0a6a7544, "x.loads");
	struct collected got = { .count = 0 };

	config.part = PFS_PART_YES;
	RENDER(&config, 1, &got, .kind = _i, .file = 1, .xid = 0xabcd, .address = 0x0a010203, .a = 1, .b = 1,
	       .c = 1);
	ck_assert_msg(got.count > 0, "kind %d says nothing", _i);
	for (int k = 0; k < got.count; k++) {
		ck_assert_int_ge(got.severities[k], 3);
		ck_assert_int_le(got.severities[k], 7);
		ck_assert_int_eq(strncmp(got.lines[k], levels[got.severities[k]], 3), 0);
		ck_assert_int_eq(strncmp(got.lines[k] + 3, " 00:00:00.000001 DLoad: ", 24), 0);
		ck_assert_msg(strlen(got.lines[k]) > 29, "kind %d: empty line", _i);
		ck_assert_msg(!strstr(got.lines[k], "unknown"), "kind %d: %s", _i, got.lines[k]);
		for (const char *c = got.lines[k]; *c; c++)
			ck_assert(isprint((unsigned char)*c));
	}
}
END_TEST

/* What peers and later cores may put in a record cannot make the renderer stumble. */
START_TEST(values_out_of_range_are_named_unknown)
{
	struct pfs_config config = phone("CP-7961G", 0x0a6a7544, "x.loads");

	for (uint32_t kind = 0; kind < PFS_TR_KINDS + 1; kind++) {
		struct collected got = { .count = 0 };

		RENDER(&config, UINT64_MAX, &got, .kind = (uint8_t)kind, .file = PFS_NO_FILE,
		       .xid = UINT32_MAX, .address = UINT32_MAX, .a = 1000000, .b = 1000000, .c = UINT64_MAX);
		for (int k = 0; k < got.count; k++)
			ck_assert_int_lt(strlen(got.lines[k]), 256);
	}
}
END_TEST

/* CSCus67416: the reason of a download of its own stands in the log, as a name. */
START_TEST(a_direct_download_says_why)
{
	struct pfs_config config = phone("CP-7961G", 0x0a6a7544, "x.loads");
	struct collected got = { .count = 0 };

	RENDER(&config, 0, &got, .kind = PFS_TR_TFTP_BEGUN, .file = 1, .a = 3, .b = PFS_DIRECT_PORT_CLOSED);
	ck_assert_int_eq(got.severities[0], 4);
	ck_assert(!got.pfs[0]);
	ck_assert_ptr_nonnull(strstr(got.lines[0], "jar.sbn from 10.106.0.1 attempt 3, direct: "));
	ck_assert_ptr_nonnull(strstr(got.lines[0], pfs_direct_name(PFS_DIRECT_PORT_CLOSED)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("console");
	TCase *tcase = tcase_create("console");

	tcase_add_test(tcase, the_public_excerpt_is_given_back);
	tcase_add_test(tcase, another_phone_has_lines_of_its_own);
	tcase_add_loop_test(tcase, every_kind_says_something, 0, PFS_TR_KINDS);
	tcase_add_test(tcase, values_out_of_range_are_named_unknown);
	tcase_add_test(tcase, a_direct_download_says_why);
	suite_add_tcase(suite, tcase);

	return tap_run(suite);
}
