/* What each test program of Check ends with: its suite run, told as TAP on the standard output. */
#ifndef FLEET_TESTS_TAP_H
#define FLEET_TESTS_TAP_H

#include <check.h>
#include <stdlib.h>

/* Takes the suite over. What main() returns. */
static inline int tap_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
