/* What each test program of Check ends with: its suite run, told as TAP on the standard output. */
#ifndef FLEET_TESTS_TAP_H
#define FLEET_TESTS_TAP_H

#include <check.h>
#include <stdlib.h>

static inline int tap_run_as(Suite *suite, enum fork_status fork_status)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_set_fork_status(runner, fork_status);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Takes the suite over. What main() returns. CK_FORK=no in the environment: without a process each, for a debugger. */
static inline int tap_run(Suite *suite)
{
	return tap_run_as(suite, CK_FORK_GETENV);
}

/* All tests in this one process. */
static inline int tap_run_together(Suite *suite)
{
	return tap_run_as(suite, CK_NOFORK);
}

#endif
