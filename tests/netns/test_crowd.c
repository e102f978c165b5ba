/* What the kernel says of its queues, read as crowd.c reads it before a broadcast; docs/performance.md says why. */
#include <check.h>

#include "emulator/netns/crowd.h"

#define LINE "03ba032f 000004d3 00000008 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "

/* The fullest processor counts. */
START_TEST(the_fullest_queue)
{
	ck_assert_uint_eq(crowd_waiting(LINE "0000000a 00000000 00000000 0000000a\n"
					LINE "000001f4 00000001 00000000 000001f4\n"
					LINE "00000003 00000002 00000003 00000000\n"),
			  500);
}
END_TEST

/* Linux 5.10 says no more than the number waiting and the processor's own. */
START_TEST(an_older_kernel)
{
	ck_assert_uint_eq(crowd_waiting(LINE "00000010 00000000\n"), 16);
}
END_TEST

/* Where it is not said nothing is held back: neither too few fields, nor garbage, nor a line that was cut. */
START_TEST(what_is_not_said)
{
	ck_assert_uint_eq(crowd_waiting(""), 0);
	ck_assert_uint_eq(crowd_waiting(LINE "\n"), 0);
	ck_assert_uint_eq(crowd_waiting("cpu0 is busy\n\n"), 0);
	ck_assert_uint_eq(crowd_waiting(LINE "000001f4 00000000\n" LINE "000003"), 500);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("crowd");
	TCase *tcase = tcase_create("softnet_stat");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, the_fullest_queue);
	tcase_add_test(tcase, an_older_kernel);
	tcase_add_test(tcase, what_is_not_said);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
