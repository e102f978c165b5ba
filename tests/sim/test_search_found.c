/*
 * What the search does with what it finds: the path that leads there, as text
 * and as a diagram, the same each time. The fault is planted: this program's
 * pfs_phone_check() takes the place of the core's.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/search/search.h"
#include "pfs-core/pfs.h"

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

int main(void)
{
	Suite *suite = suite_create("search-found");
	TCase *tests = tcase_create("search-found");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tests, the_path_leads_there, 0, 2);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
