/*
 * What a seed draws where the fleet is a scenario's: each kind of fault that
 * is asked for does come, is one that the scenario can have, and nothing of
 * the base stays that holds of the base alone.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "emulator/races/races.h"
#include "emulator/scenario/scenario.h"
#include "tests/tap.h"

#define SEEDS 150

/* Two sites, so that a fault has to say whose WAN it means. */
static const char base[] =
	"{\"$schema\": \"../schema.json\", \"name\": \"base\", \"seed\": 7, \"scale\": \"1/200\", \"sites\": ["
	"{\"name\": \"one\", \"wan\": {\"rate\": \"10mbit\", \"rtt\": \"30ms\"}, \"subnets\": [{\"name\": \"a\","
	" \"network\": \"10.1.0.0/24\", \"phones\": [{\"model\": \"7961\", \"count\": 3}]}]},"
	"{\"name\": \"two\", \"wan\": {\"rate\": \"1mbit\", \"rtt\": \"90ms\"}, \"subnets\": [{\"name\": \"a\","
	" \"network\": \"10.2.0.0/24\", \"phones\": [{\"model\": \"7941\", \"count\": 2}]}]}],"
	"\"enterprise\": {\"pfs\": \"enabled\"}, \"expect\": {\"upgraded\": 5, \"hierarchies\": 2}}";

static cJSON *drawn(const struct race_settings *settings, uint64_t seed)
{
	char *text = race_draw(settings, seed);
	struct scenario_error error;
	struct plan *plan;

	ck_assert_ptr_nonnull(text);
	if (scenario_load_text("drawn", text, strlen(text), NULL, &plan, &error) < 0)
		ck_abort_msg("seed %d: %s", (int)seed, error.line);
	plan_free(plan);
	cJSON *scenario = cJSON_Parse(text);
	free(text);
	return scenario;
}

START_TEST(each_kind_comes)
{
	struct race_settings settings = { .base = base, .files = 6, .faults = UINT64_C(1) << _i };
	uint32_t with = 0, sites = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		cJSON *scenario = drawn(&settings, seed), *fault;
		cJSON_ArrayForEach(fault, cJSON_GetObjectItem(scenario, "faults"))
		{
			const char *site = cJSON_GetStringValue(cJSON_GetObjectItem(fault, "site"));
			ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(fault, "kind")),
					 race_fault_name((uint32_t)_i));
			sites |= !site ? 0 : !strcmp(site, "one") ? 1 : 2;
			with++;
		}
		cJSON_Delete(scenario);
	}
	ck_assert_msg(with > 0, "%s is never drawn", race_fault_name((uint32_t)_i));
	if (!strcmp(race_fault_name((uint32_t)_i), "wan_degrade"))
		ck_assert_uint_eq(sites, 3);
}
END_TEST

/* A slow phone that its parent lets go needs a file larger than a chunk: such fleets are drawn. */
START_TEST(readers_that_stand_still_have_large_files)
{
	struct race_settings settings = { .phones_min = 2, .phones_max = 6, .faults = UINT64_MAX };
	uint32_t chunks = 0, verdicts = 0;

	for (uint64_t seed = 1; seed <= 500; seed++) {
		cJSON *scenario = drawn(&settings, seed), *fault;
		bool large = !strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(scenario, "scale")), "1/4");
		cJSON_ArrayForEach(fault, cJSON_GetObjectItem(scenario, "faults"))
		{
			const char *rate = cJSON_GetStringValue(cJSON_GetObjectItem(fault, "rate"));
			const char *file = cJSON_GetStringValue(cJSON_GetObjectItem(fault, "file"));
			if (!large || !rate || !file || !strstr("8kbit 16kbit 32kbit", rate) ||
			    !strstr("1 3 5", file))
				continue;
			double percent = cJSON_GetNumberValue(cJSON_GetObjectItem(fault, "percent"));
			chunks += percent < 30;
			verdicts += percent >= 50;
		}
		cJSON_Delete(scenario);
	}
	ck_assert_uint_ge(chunks, 5);
	ck_assert_uint_ge(verdicts, 5);
}
END_TEST

START_TEST(what_holds_of_the_base_alone_goes)
{
	struct race_settings settings = { .base = base, .files = 6, .faults = UINT64_MAX };
	cJSON *scenario = drawn(&settings, 3);

	ck_assert_ptr_null(cJSON_GetObjectItem(scenario, "expect"));
	ck_assert_ptr_null(cJSON_GetObjectItem(scenario, "$schema"));
	ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(scenario, "name")), "race-3");
	ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(scenario, "sites")), 2);
	cJSON_Delete(scenario);
}
END_TEST

/* A pair that was not met is not said to be met never: what the words mean stands below the table. */
START_TEST(coverage_says_of_how_many_seeds_it_speaks)
{
	struct world_coverage coverage = { 0 };
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	coverage.met[PFS_ST_MEMBER][PFS_EV_TIME] = 12;
	race_coverage_print(&coverage, 3, stream);
	fclose(stream);
	ck_assert_ptr_null(strstr(text, "never"));
	ck_assert_ptr_null(strstr(text, "\n\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n0     possible, and not met in these 3 seeds: "));
	ck_assert_ptr_nonnull(strstr(text, "\nrare  not met in them either"));
	ck_assert_ptr_nonnull(strstr(text, "(after_it_has_failed)\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n-     cannot be:\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nmember             -     12 "));
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("race draw");
	TCase *draws = tcase_create("draw");
	int kinds = 0;

	while (race_fault_name((uint32_t)kinds))
		kinds++;
	tcase_add_loop_test(draws, each_kind_comes, 0, kinds);
	tcase_add_test(draws, readers_that_stand_still_have_large_files);
	tcase_add_test(draws, what_holds_of_the_base_alone_goes);
	tcase_add_test(draws, coverage_says_of_how_many_seeds_it_speaks);
	suite_add_tcase(suite, draws);
	return tap_run(suite);
}
