/*
 * Memory that lacks: the n-th allocation of loading a scenario fails, for every
 * n until none does. Each time the load is refused with a line, with nothing
 * lost and nothing used that was not got.
 */
#include <cjson/cJSON.h>

#include "tests/tap.h"
#include "tests/unit/scenario_text.h"

static long countdown = -1; /* allocations that still succeed; negative: all do */

static bool next_fails(void)
{
	return countdown >= 0 && countdown-- == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
	return next_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return next_fails() ? NULL : __real_calloc(count, size);
}

char *__wrap_strdup(const char *text)
{
	return next_fails() ? NULL : __real_strdup(text);
}

START_TEST(every_allocation_fails_once)
{
	static const char scenario[] = TOP("{'model':'7961','count':3,'profile':'p'},{'model':'7960'}",
		"'scale':'1/1000','profiles':[{'name':'p','pfs':'enabled'}],'bulk':[{'model':'7961','pfs':'enabled'}],"
		"'models':[{'name':'CP-7942G','firmware':'SCCP31.9-2-1'}],'faults':[{'kind':'kill','at':'1s'}],"
		"'firmware':[{'models':['7961'],'set':'SCCP41.9-4-2SR1-1'}],'server':'dnsmasq','speed':1");
	cJSON_Hooks hooks = {.malloc_fn = __wrap_malloc, .free_fn = free};
	struct scenario_overrides overrides = {.has_seed = true, .seed = UINT64_MAX - 1, .speed_milli = 500};
	struct scenario_error error;
	struct plan *plan;
	char text[2048];
	long failures = 0;
	int r;

	cJSON_InitHooks(&hooks);
	scenario_quotes(scenario, text, sizeof(text));
	do {
		countdown = failures;
		r = scenario_load_text("t.json", text, strlen(text), &overrides, &plan, &error);
		bool all_succeeded = countdown >= 0;
		countdown = -1;
		if (r < 0) {
			ck_assert_ptr_null(plan);
			ck_assert(error.line[0]);
			ck_assert_msg(!all_succeeded, "refused with all the memory it wanted: %s", error.line);
		}
		failures++;
	} while (r < 0);
	/* Not vacuous: a scenario takes hundreds of allocations. */
	ck_assert_int_gt(failures, 100);
	plan_free(plan);
	cJSON_InitHooks(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("allocation");
	TCase *tcase = tcase_create("allocation");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, every_allocation_fails_once);
	suite_add_tcase(suite, tcase);
	return tap_run(suite);
}
