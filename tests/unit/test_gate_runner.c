/*
 * A program that the gate is to be held to says its version in the time that it
 * has, or is ended with all that it began. Programs here are scripts of a folder
 * of the test's own.
 */
#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "emulator/gate/gate.h"

static char folder[40], path[64], said[512];

static void enter(void)
{
	snprintf(folder, sizeof(folder), "/tmp/pfs-gate-runner-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	snprintf(path, sizeof(path), "%s/program", folder);
}

static void leave(void)
{
	unlink(path);
	unlink("begun");
	rmdir(folder);
}

static void write_program(const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "#!/bin/sh\n%s\n", text);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, 0755), 0);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Dead and not yet taken away, as in a container whose first process takes nobody away, is dead too. */
static bool is_alive(int pid)
{
	char name[40], state = 'Z';

	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	FILE *file = fopen(name, "r");
	if (!file)
		return false;
	if (fscanf(file, "%*d %*s %c", &state) != 1)
		state = 'Z';
	fclose(file);
	return state != 'Z';
}

START_TEST(one_that_hangs_is_ended)
{
	double began_s = now_s();
	int begun = 0;

	write_program("sleep 100 & echo $! >begun\nwait");
	ck_assert_int_eq(gate_program_check(path, 1000, said, sizeof(said)), -EINVAL);
	ck_assert_msg(strstr(said, "program: --version had not ended after 1 s"), "%s", said);
	ck_assert_double_lt(now_s() - began_s, 50);
	FILE *file = fopen("begun", "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%d", &begun), 1);
	fclose(file);
	for (int i = 0; i < 100 && is_alive(begun); i++)
		usleep(10000);
	ck_assert(!is_alive(begun));
}
END_TEST

START_TEST(one_that_answers_in_time_is_taken)
{
	write_program("sleep 0.1\necho pfs-fleet 9.9");
	ck_assert_int_eq(gate_program_check(path, 30000, said, sizeof(said)), 0);
	ck_assert_str_eq(said, "pfs-fleet 9.9");
}
END_TEST

START_TEST(one_that_ends_badly_is_not)
{
	write_program("exit 7");
	ck_assert_int_eq(gate_program_check(path, 30000, said, sizeof(said)), -EINVAL);
	ck_assert_msg(strstr(said, "program: --version ended with status 7"), "%s", said);
	write_program("kill -TERM $$");
	ck_assert_int_eq(gate_program_check(path, 30000, said, sizeof(said)), -EINVAL);
	ck_assert_msg(strstr(said, "program: --version was ended by signal 15"), "%s", said);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gate_runner");
	TCase *one = tcase_create("version");

	tcase_set_timeout(one, 60);
	tcase_add_checked_fixture(one, enter, leave);
	tcase_add_test(one, one_that_hangs_is_ended);
	tcase_add_test(one, one_that_answers_in_time_is_taken);
	tcase_add_test(one, one_that_ends_badly_is_not);
	suite_add_tcase(suite, one);
	SRunner *runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
