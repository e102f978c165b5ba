/*
 * What the search does with what it finds: the path that leads there, as text
 * and as a diagram, the same each time. The fault is planted: this program's
 * pfs_phone_check() takes the place of the core's.
 */
#include <string.h>

#include "emulator/search/path.h"
#include "pfs-core/pfs.h"
#include "tests/tap.h"

#define PLANTED "planted: nobody has a child"

/* A slot has a weight once its JOIN was taken. */
const char *pfs_phone_check(const struct pfs_phone *phone)
{
	for (uint32_t i = 0; i < PFS_CONNS_MAX; i++)
		if (phone->conns[i].weight)
			return PLANTED;
	return NULL;
}

static char *shown(const struct search_options *options,
		   void (*show)(const struct search_options *, const struct search_result *, FILE *))
{
	struct search_result result;
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(search_run(options, &result), 0);
	ck_assert_int_eq(result.verdict, SEARCH_BROKEN);
	ck_assert_str_eq(result.broken, PLANTED);
	ck_assert_uint_gt(result.path_length, 0);
	show(options, &result, stream);
	fclose(stream);
	search_result_deinit(&result);
	return text;
}

static uint32_t count(const char *text, const char *what)
{
	uint32_t found = 0;

	for (const char *at = text; (at = strstr(at, what)); at++)
		found++;
	return found;
}

/* The path ends with the JOIN that was taken, whether it began at the start or further in. */
START_TEST(the_path_leads_there)
{
	struct search_options options = { .phones = 2, .files = 1, .lead = (uint32_t)_i * 10 };
	char *text = shown(&options, search_show_text), *again = shown(&options, search_show_text);
	char *diagram = shown(&options, search_show_mermaid);

	ck_assert_ptr_nonnull(strstr(text, "does not hold: " PLANTED));
	ck_assert_ptr_nonnull(strstr(text, "strengths: P0=0 P1=0"));
	ck_assert_uint_eq(count(text, " JOIN\n"), 1);
	ck_assert_uint_eq(count(text, "child P"), 1);
	ck_assert_uint_eq(count(text, " ACCEPT\n"), 0);
	ck_assert_uint_eq(count(text, "ClaimRoot\n"), count(diagram, "ClaimRoot\n"));
	ck_assert_int_eq(strncmp(diagram, "sequenceDiagram\n", 16), 0);
	ck_assert_ptr_nonnull(strstr(diagram, "Note over P0,HQ: does not hold: " PLANTED));
	ck_assert_str_eq(text, again);
	free(text);
	free(again);
	free(diagram);
}
END_TEST

/* Nothing shorter is left: a search of all paths that are shorter finds nothing. */
START_TEST(the_path_is_the_shortest)
{
	struct search_options options = { .phones = 2 + (uint32_t)_i, .files = 1, .drops = 1 };
	struct search_shortened shortened;
	struct search_result result, again;

	ck_assert_int_eq(search_run(&options, &result), 0);
	uint32_t found = result.path_length;
	ck_assert_int_eq(search_shorten(&options, 20000000, &result, &shortened), 0);
	ck_assert_uint_eq(shortened.found_length, found);
	ck_assert_uint_lt(result.path_length, found);
	ck_assert_ptr_null(shortened.bound);
	ck_assert_int_eq(result.verdict, SEARCH_BROKEN);
	ck_assert_str_eq(result.broken, PLANTED);
	options.only_order = result.order + 1;
	options.depth_max = result.path_length - 1;
	ck_assert_int_eq(search_run(&options, &again), 0);
	ck_assert_int_eq(again.verdict, SEARCH_HOLDS);
	search_result_deinit(&again);
	options.depth_max++;
	ck_assert_int_eq(search_run(&options, &again), 0);
	ck_assert_int_eq(again.verdict, SEARCH_BROKEN);
	search_result_deinit(&again);
	search_result_deinit(&result);
}
END_TEST

/* With too few transitions the path stays good, and that it may not be the shortest is said. */
START_TEST(a_bound_is_told)
{
	struct search_options options = { .phones = 3, .files = 1 };
	struct search_shortened shortened;
	struct search_result result;

	ck_assert_int_eq(search_run(&options, &result), 0);
	uint32_t found = result.path_length;
	ck_assert_int_eq(search_shorten(&options, 2000, &result, &shortened), 0);
	ck_assert_uint_le(result.path_length, found);
	ck_assert_uint_gt(result.path_length, 0);
	ck_assert_str_eq(shortened.bound, "transitions");
	ck_assert_uint_lt(shortened.none_within, result.path_length - 1);
	search_result_deinit(&result);
}
END_TEST

/* Written, read and gone along: the same events, and the same breaks after the last of them. */
START_TEST(a_path_goes_through_its_file)
{
	struct search_options options = { .phones = 3, .files = 2, .drops = 2, .kills = 1 };
	struct search_replayed replayed;
	struct search_path path, read;
	struct search_result result;
	char name[] = "/tmp/pfs-path-XXXXXX", error[256], *text;
	FILE *stream;

	ck_assert_int_eq(search_run(&options, &result), 0);
	ck_assert_int_eq(search_path_of(&options, &result, &path), 0);
	text = search_path_text(&path);
	int fd = mkstemp(name);
	ck_assert_int_ge(fd, 0);
	stream = fdopen(fd, "w");
	fputs(text, stream);
	fclose(stream);
	if (search_path_load(name, &read, error, sizeof(error)) < 0)
		ck_abort_msg("%s", error);
	remove(name);
	ck_assert_uint_eq(read.count, path.count);
	for (uint32_t i = 0; i < path.count; i++) {
		ck_assert_mem_eq(&read.events[i].event, &path.events[i].event, sizeof(path.events[i].event));
		ck_assert_str_eq(read.events[i].what, path.events[i].what);
	}
	stream = fopen("/dev/null", "w");
	ck_assert_int_eq(search_path_replay(&read, stream, &replayed), 0);
	fclose(stream);
	ck_assert_str_eq(replayed.broken, PLANTED);
	ck_assert_uint_eq(replayed.at, path.count);
	ck_assert_uint_eq(replayed.followed, path.count);
	ck_assert_uint_eq(replayed.skipped + replayed.added, 0);
	free(text);
	search_path_deinit(&read);
	search_path_deinit(&path);
	search_result_deinit(&result);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search-found");
	TCase *tests = tcase_create("search-found");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, the_path_leads_there, 0, 2);
	tcase_add_loop_test(tests, the_path_is_the_shortest, 0, 2);
	tcase_add_test(tests, a_bound_is_told);
	tcase_add_test(tests, a_path_goes_through_its_file);
	suite_add_tcase(suite, tests);
	return tap_run(suite);
}
