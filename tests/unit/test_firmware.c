/*
 * Firmware: the known sets have the sizes that are public, their .loads is a
 * real one, and a folder of the user's own is taken or refused for the right
 * reason. The parser is held by hand-made files in the vendor's shape and by
 * garbage (what a user gives never trips an assertion).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "emulator/scenario/firmware.h"
#include "emulator/scenario/loads.h"
#include "emulator/scenario/models.h"
#include "tests/tap.h"

#define OWN "SCCP41.9-4-2SR3-1S.loads"

/* ------------------------------------------------------------- known sets */

static const struct {
	const char *name;
	uint64_t sizes[6], total; /* as published: .loads jar cnu apps dsp cvm */
} published[] = {
	{"SCCP11.9-4-2SR3-1", {672, 1618309, 559713, 3157531, 364895, 2227521}, 7928641},
	{"SCCP31.9-2-1", {657, 1617571, 553975, 3150897, 356907, 2209268}, 7889275},
	{"SCCP41.9-4-2SR3-1", {652, 1630052, 556833, 3157527, 562693, 2219477}, 8127234},
	{"SCCP70.9-4-2SR3-1", {652, 1830557, 557249, 3157527, 562693, 2222958}, 8331636},
	{"SCCP41.9-4-2SR1-1", {646, 1630052, 557154, 3156347, 562005, 2217256}, 8123460},
	{"SCCP70.8-3-3", {638, 538527, 547706, 2494499, 530601, 2456051}, 6568022},
	{"SCCP11.8-3-3SR2", {662, 307192, 551014, 2496963, 326315, 2387852}, 6069998},
};
#define PUBLISHED_COUNT (int)(sizeof(published) / sizeof(*published))

static struct plan_firmware make(const char *name, uint64_t seed, uint32_t scale_ppm)
{
	struct plan_firmware firmware;
	int32_t index = firmware_find(name);

	ck_assert_int_ge(index, 0);
	ck_assert_int_eq(firmware_make((uint32_t)index, seed, scale_ppm, &firmware), 0);
	return firmware;
}

START_TEST(sizes_are_the_published_ones)
{
	struct plan_firmware firmware = make(published[_i].name, 1, 1000000);

	ck_assert_uint_eq(firmware.file_count, 6);
	for (int i = 0; i < 6; i++)
		ck_assert_uint_eq(firmware.files[i].size, published[_i].sizes[i]);
	ck_assert_uint_eq(firmware.total_bytes, published[_i].total);
	free(firmware.memory);
}
END_TEST

/* F15: the index names the components, in its order, and is read back from the bytes that are served. */
START_TEST(index_names_the_components)
{
	char why[200];

	for (uint32_t set = 0; firmware_name(set); set++) {
		struct plan_firmware firmware = make(firmware_name(set), 7, 1000 + set);
		struct loads loads;
		ck_assert_int_eq(loads_parse(firmware.files[0].name, firmware.content[0], firmware.files[0].size,
					     &loads, why, sizeof(why)), 0);
		ck_assert_uint_eq(loads.count + 1, firmware.file_count);
		for (uint32_t i = 0; i < loads.count; i++)
			ck_assert_str_eq(loads.names[i], firmware.files[i + 1].name);
		ck_assert_uint_gt(loads.header_bytes, strlen(firmware.files[0].name));
		for (uint32_t i = 0; i < firmware.file_count; i++)
			ck_assert_uint_eq(firmware.files[i].digest,
					  XXH3_64bits(firmware.content[i], firmware.files[i].size));
		free(firmware.memory);
	}
}
END_TEST

START_TEST(content_comes_from_the_seed)
{
	struct plan_firmware a = make("SCCP41.9-4-2SR3-1", 1, 20000), b = make("SCCP41.9-4-2SR3-1", 1, 20000),
			     c = make("SCCP41.9-4-2SR3-1", 2, 20000);

	for (uint32_t i = 0; i < a.file_count; i++) {
		ck_assert_uint_eq(a.files[i].digest, b.files[i].digest);
		ck_assert_uint_ne(a.files[i].digest, c.files[i].digest);
		for (uint32_t k = 0; k < i; k++)
			ck_assert_uint_ne(a.files[i].digest, a.files[k].digest);
	}
	free(a.memory);
	free(b.memory);
	free(c.memory);
}
END_TEST

/* Noise: every byte value about as often as any other, in the small and in the whole. */
START_TEST(content_is_no_pattern)
{
	struct plan_firmware firmware = make("SCCP41.9-4-2SR3-1", 1, 1000000);
	uint32_t counts[256] = {0};

	for (uint64_t i = 0; i < firmware.files[1].size; i++)
		counts[firmware.content[1][i]]++;
	for (int i = 0; i < 256; i++) {
		ck_assert_uint_gt(counts[i], firmware.files[1].size / 256 * 9 / 10);
		ck_assert_uint_lt(counts[i], firmware.files[1].size / 256 * 11 / 10);
	}
	for (uint64_t i = 0; i + 4096 <= firmware.files[1].size; i += 4096)
		ck_assert(memcmp(firmware.content[1], firmware.content[1] + i, 64) == 0 ? i == 0 : 1);
	free(firmware.memory);
}
END_TEST

START_TEST(scale_leaves_the_index_whole)
{
	struct plan_firmware firmware = make("SCCP41.9-4-2SR3-1", 1, 33333);

	ck_assert_uint_eq(firmware.files[0].size, 652);
	ck_assert_uint_eq(firmware.files[1].size, UINT64_C(1630052) * 33333 / 1000000);
	free(firmware.memory);
	firmware = make("SCCP41.9-4-2SR3-1", 1, 1);
	for (uint32_t i = 1; i < firmware.file_count; i++)
		ck_assert_uint_ge(firmware.files[i].size, 1);
	free(firmware.memory);
}
END_TEST

/* F9: which models there are, how they may be written, and who has no PFS. */
START_TEST(models_by_their_names)
{
	static const struct {
		const char *written, *name;
		int shares, gigabit;
	} names[] = {
		{"7906", "CP-7906G", 1, 0},	  {"7911", "CP-7911G", 1, 0},	    {"7931", "CP-7931G", 1, 0},
		{"7941", "CP-7941G", 1, 0},	  {"7941-GE", "CP-7941G-GE", 1, 1}, {"CP-7961G", "CP-7961G", 1, 0},
		{"7961G-GE", "CP-7961G-GE", 1, 1}, {"cp-7961g-ge", "CP-7961G-GE", 1, 1}, {"7970", "CP-7970G", 1, 0},
		{"7971", "CP-7971G-GE", 1, 1},	  {"7940", "CP-7940G", 0, 0},	    {"7960", "CP-7960G", 0, 0},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		int32_t found = models_find(models_known, models_known_count, names[i].written);
		ck_assert_msg(found >= 0, "%s", names[i].written);
		ck_assert_str_eq(models_known[found].name, names[i].name);
		ck_assert_int_eq(models_known[found].shares, names[i].shares);
		ck_assert_uint_eq(models_known[found].port_bps, names[i].gigabit ? 1000000000 : 100000000);
	}
	ck_assert(models_same("CP-7942G", "7942") && models_same("7971G-GE", "cp-7971-ge"));
	ck_assert(!models_same("7971", "7971-GE") && !models_same("7961", "7941") && !models_same("7961X", "7961"));
	ck_assert_int_lt(models_find(models_known, models_known_count, "7906-GE"), 0);
	ck_assert_int_lt(models_find(models_known, models_known_count, ""), 0);
	ck_assert_int_lt(models_find(models_known, models_known_count, "79"), 0);
}
END_TEST

/* ----------------------------------------------------------------- .loads */

#define HEADER "\x01\x02\xff\0signed\x80\x90" OWN

static int parse(const char *bytes, size_t length, struct loads *loads, char *why, size_t size)
{
	/* On the heap with not a byte more: a read past the end is seen by the sanitizer. */
	uint8_t *copy = malloc(length ? length : 1);
	memcpy(copy, bytes, length);
	int r = loads_parse(OWN, copy, length, loads, why, size);
	free(copy);
	return r;
}

#define PARSE(bytes) parse(bytes, sizeof(bytes) - 1, &loads, why, sizeof(why))

START_TEST(loads_in_the_vendors_shape)
{
	struct loads loads;
	char why[200];

	ck_assert_int_eq(PARSE(HEADER "\r\n# SCCP 9.4\r\nJar41sccp.sbn\r\ncnu41.sbn \r\n\r\n  apps41.sbn\t\r\n"), 0);
	ck_assert_uint_eq(loads.header_bytes, sizeof(HEADER) - 1);
	ck_assert_uint_eq(loads.count, 3);
	ck_assert_str_eq(loads.names[0], "Jar41sccp.sbn");
	ck_assert_str_eq(loads.names[1], "cnu41.sbn");
	ck_assert_str_eq(loads.names[2], "apps41.sbn");
	/* The text right behind the name; LF alone; the last line without its end; the name padded with NUL. */
	ck_assert_int_eq(PARSE(HEADER "# x\na.sbn\nb.sbn"), 0);
	ck_assert_uint_eq(loads.count, 2);
	ck_assert_int_eq(PARSE(HEADER "\0\0\0\r\na.sbn\r\n"), 0);
	ck_assert_str_eq(loads.names[0], "a.sbn");
	/* The own name in other capitals, and once more inside the header, and in a comment. */
	ck_assert_int_eq(PARSE("\x80" OWN "\x81sccp41.9-4-2sr3-1s.LOADS\r\n# of " OWN "\r\na.sbn\r\n"), 0);
	ck_assert_uint_eq(loads.count, 1);
	/* No header at all. */
	ck_assert_int_eq(PARSE("a.sbn\r\nb.sbn\r\n"), 0);
	ck_assert_uint_eq(loads.header_bytes, 0);
	ck_assert_uint_eq(loads.count, 2);
}
END_TEST

START_TEST(loads_with_a_header_of_any_length)
{
	static const char *const names[] = {"jar.sbn", "cnu.sbn"};
	struct loads loads;
	char why[200];

	for (size_t size = 90; size < 1500; size++) {
		uint8_t *data = malloc(size);
		int r = loads_compose(OWN, names, 2, size, data, size);
		if (r == 0) {
			ck_assert_int_eq(loads_parse(OWN, data, size, &loads, why, sizeof(why)), 0);
			ck_assert_uint_eq(loads.count, 2);
			ck_assert_str_eq(loads.names[1], "cnu.sbn");
		} else {
			ck_assert_uint_lt(size, 130);
		}
		free(data);
	}
}
END_TEST

START_TEST(loads_that_are_refused)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"../../etc/passwd\r\n", "\"../../etc/passwd\" has a path in it"},
		{"sub\\a.sbn\r\n", "\"sub\\a.sbn\" has a path in it"},
		{"/a.sbn\r\n", "\"/a.sbn\" has a path in it"},
		{"..\r\n", "\"..\" is a folder"},
		{"a.sbn\r\nA.SBN\r\n", "\"A.SBN\" is named twice"},
		{OWN "\r\n", "\"" OWN "\" is the index itself"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n", "\"8\" is one too many, 7 files beside the index are taken"},
		{"123456789012345678901234567890123456789012345678\n",
		 "\"123456789012345678901234567890123456789012345678\" is too long, at most 47 characters are taken"},
		{"# nothing\r\n", "names no file"},
		{"", "names no file"},
	};
	struct loads loads;
	char why[200], text[400];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		size_t header = sizeof(HEADER) - 1;
		memcpy(text, HEADER, header);
		memcpy(text + header, "\r\n", 2);
		strcpy(text + header + 2, bad[i].text);
		ck_assert_int_lt(parse(text, header + 2 + strlen(bad[i].text), &loads, why, sizeof(why)), 0);
		ck_assert_str_eq(why, bad[i].why);
	}
	ck_assert_int_lt(PARSE("\x80\x81 other.loads\r\na.sbn\r\n"), 0);
	ck_assert_str_eq(why, "no header that ends in the file's own name, " OWN ", with text behind it");
	/* Binary behind the name: not text. */
	ck_assert_int_lt(PARSE(HEADER "\r\na\x80.sbn\r\n"), 0);
	/* 47 characters fit. */
	ck_assert_int_eq(PARSE(HEADER "\r\n12345678901234567890123456789012345678901234567\r\n"), 0);
}
END_TEST

/* Deterministic garbage, and good files with some bytes changed: refused or read, never out of bounds. */
START_TEST(loads_garbage)
{
	static const char *const names[] = {"jar.sbn", "cnu.sbn", "apps.sbn"};
	uint64_t refused = 0, taken = 0;
	struct loads loads;
	char why[200];

	for (uint64_t round = 0; round < 20000; round++) {
		uint8_t draw[16], *data;
		loads_fill(round * 77 + 5, draw, sizeof(draw));
		size_t size = round % 2 ? 200 : draw[0] * 2u;
		data = malloc(size ? size : 1);
		if (round % 2) {
			ck_assert_int_eq(loads_compose(OWN, names, 3, round, data, size), 0);
			for (int i = 1; i < 1 + draw[0] % 6; i++)
				data[draw[i] % size] = round % 4 == 1 ? draw[i + 6] : "/\r\n#. \\\0"[draw[i + 6] % 8];
		} else {
			loads_fill(round, data, size);
			for (size_t i = 0; i < size && round % 4 == 0; i++)
				data[i] = "abc\r\n#. /"[data[i] % 9];
		}
		if (loads_parse(OWN, data, size, &loads, why, sizeof(why)) < 0) {
			ck_assert_uint_gt(strlen(why), 0);
			refused++;
		} else {
			taken++;
			ck_assert(loads.count >= 1 && loads.count <= LOADS_NAMES_MAX);
			for (uint32_t i = 0; i < loads.count; i++)
				ck_assert_ptr_null(loads_name_fault(loads.names[i], strlen(loads.names[i])));
		}
		free(data);
	}
	/* Both ways are exercised. */
	ck_assert_uint_gt(refused, 1000);
	ck_assert_uint_gt(taken, 1000);
}
END_TEST

/* ---------------------------------------------------------------- folders */

static char folder[] = "/tmp/pfs-fleet-firmware-XXXXXX";

static void setup(void)
{
	strcpy(folder + sizeof(folder) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void)
{
	char command[128];

	/* The name is mkdtemp's own. */
	snprintf(command, sizeof(command), "rm -r -- '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

static void put(const char *name, const char *bytes, size_t length)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
	fclose(file);
}

#define INDEX(text) put(OWN, HEADER "\r\n" text, sizeof(HEADER "\r\n" text) - 1)

static int read_folder(struct plan_firmware *firmware, char *why)
{
	return firmware_read_folder(folder, firmware, why, 256);
}

START_TEST(folder_of_ones_own)
{
	struct plan_firmware firmware;
	char why[256], path[128];

	INDEX("# mine\r\nJar41.sbn\r\ncnu41.sbn \r\n");
	put("jar41.sbn", "jarjar", 6);
	put("cnu41.sbn", "", 0);
	put("unused.sbn", "x", 1);
	ck_assert_msg(read_folder(&firmware, why) == 0, "%s", why);
	ck_assert_str_eq(firmware.name, "SCCP41.9-4-2SR3-1S");
	ck_assert_uint_eq(firmware.file_count, 3);
	ck_assert_str_eq(firmware.files[0].name, OWN);
	/* The phone asks for the name as the index writes it. */
	ck_assert_str_eq(firmware.files[1].name, "Jar41.sbn");
	ck_assert_str_eq(firmware.notes, "Jar41.sbn is read from jar41.sbn");
	ck_assert_uint_eq(firmware.files[1].size, 6);
	ck_assert_mem_eq(firmware.content[1], "jarjar", 6);
	ck_assert_uint_eq(firmware.files[1].digest, XXH3_64bits("jarjar", 6));
	ck_assert_uint_eq(firmware.files[2].size, 0);
	free(firmware.memory);
	free(firmware.folder);
	/* A second .loads: the folder alone does not say which. */
	put("other.loads", "jar41.sbn\n", 10);
	ck_assert_int_lt(read_folder(&firmware, why), 0);
	ck_assert_ptr_nonnull(strstr(why, ", name one: folder:PATH/"));
	snprintf(path, sizeof(path), "%s/other.loads", folder);
	ck_assert_int_eq(firmware_read_folder(path, &firmware, why, sizeof(why)), 0);
	ck_assert_str_eq(firmware.name, "other");
	ck_assert_uint_eq(firmware.file_count, 2);
	free(firmware.memory);
	free(firmware.folder);
}
END_TEST

START_TEST(folder_that_is_refused)
{
	struct plan_firmware firmware;
	char why[256], path[128];

	ck_assert_int_lt(read_folder(&firmware, why), 0);
	ck_assert_str_eq(why, "the folder holds no .loads file");
	INDEX("jar41.sbn\r\n");
	ck_assert_int_lt(read_folder(&firmware, why), 0);
	ck_assert_str_eq(why, OWN " names \"jar41.sbn\", which the folder does not hold");
	put("JAR41.sbn", "a", 1);
	put("Jar41.sbn", "b", 1);
	ck_assert_int_lt(read_folder(&firmware, why), 0);
	ck_assert_ptr_nonnull(strstr(why, "\"jar41.sbn\" could be "));
	/* The exact name is never in doubt. A FIFO or a folder is no file, and nobody waits for it. */
	snprintf(path, sizeof(path), "%s/jar41.sbn", folder);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_lt(read_folder(&firmware, why), 0);
	ck_assert_str_eq(why, "\"jar41.sbn\" is not a regular file");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_lt(read_folder(&firmware, why), 0);
	ck_assert_str_eq(why, "\"jar41.sbn\" is not a regular file");
	INDEX("../" OWN "\r\n");
	ck_assert_int_lt(read_folder(&firmware, why), 0);
	ck_assert_str_eq(why, OWN ": \"../" OWN "\" has a path in it");
	ck_assert_ptr_null(firmware.memory);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("firmware");
	TCase *sets = tcase_create("sets"), *loads = tcase_create("loads"), *folders = tcase_create("folders");

	tcase_add_loop_test(sets, sizes_are_the_published_ones, 0, PUBLISHED_COUNT);
	tcase_add_test(sets, index_names_the_components);
	tcase_add_test(sets, content_comes_from_the_seed);
	tcase_add_test(sets, content_is_no_pattern);
	tcase_add_test(sets, scale_leaves_the_index_whole);
	tcase_add_test(sets, models_by_their_names);
	tcase_add_test(loads, loads_in_the_vendors_shape);
	tcase_add_test(loads, loads_with_a_header_of_any_length);
	tcase_add_test(loads, loads_that_are_refused);
	tcase_add_test(loads, loads_garbage);
	tcase_add_checked_fixture(folders, setup, teardown);
	tcase_add_test(folders, folder_of_ones_own);
	tcase_add_test(folders, folder_that_is_refused);
	suite_add_tcase(suite, sets);
	suite_add_tcase(suite, loads);
	suite_add_tcase(suite, folders);
	return tap_run(suite);
}
