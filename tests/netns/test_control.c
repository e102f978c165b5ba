/*
 * Looking into a running fleet (`exec`): who asks by name gets the phone's own
 * namespace; who asks for what is not there, or where nothing runs, is told
 * which of the two.
 */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/netns/control.h"
#include "emulator/netns/fabric.h"
#include "tests/netns/netns_test.h"
#include "tests/netns/plan_by_hand.h"
#include "tests/tap.h"

static char folder[600];
static struct plan *plan;
static struct fabric *fabric;
static struct ev_loop *loop;
static struct control *control;

static void fleet_up(void)
{
	struct plan_by_hand wanted = {.phones = 2};

	/* longer than a socket's path may be */
	snprintf(folder, sizeof(folder), "/tmp/pfs-fleet-test-%0120d-XXXXXX", 0);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	plan = plan_by_hand(&wanted);
	ck_assert_int_eq(fabric_new(plan, &fabric), 0);
	ck_assert_int_eq(fabric_phone_up(fabric, 0, NULL, NULL), 0);
	loop = ev_loop_new(EVFLAG_AUTO);
	ck_assert_int_eq(control_open(&control, loop, folder, fabric), 0);
}

static void fleet_down(void)
{
	char path[700];

	control_close(control);
	snprintf(path, sizeof(path), "%s/control", folder);
	ck_assert_int_eq(access(path, F_OK), -1);
	fabric_free(fabric);
	ev_loop_destroy(loop);
	plan_by_hand_free(plan);
	ck_assert_int_eq(rmdir(folder), 0);
}

static bool same(int a, int b)
{
	struct stat one, other;

	ck_assert_int_eq(fstat(a, &one), 0);
	ck_assert_int_eq(fstat(b, &other), 0);
	return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}


static void on_ended(struct ev_loop *on, ev_io *watcher, int events)
{
	(void)watcher;
	(void)events;
	ev_break(on, EVBREAK_ALL);
}

/* Asks from another process while the fleet's loop runs; the child's verdict. */
static int ask(const char *name, int expected, int own_namespace)
{
	int pair[2], status;
	ev_io ended;
	pid_t child;

	ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		struct control_namespaces found;
		int error;

		close(pair[0]);
		error = control_ask(folder, name, &found);
		if (error != expected || strcmp(found.phones, "SEP00001B000000 to SEP00001B000001"))
			_exit(2);
		if (!error && (!same(found.net, own_namespace) || setns(found.net, CLONE_NEWNET)))
			_exit(3);
		_exit(0);
	}
	close(pair[1]);
	ev_io_init(&ended, on_ended, pair[0], EV_READ);
	ev_io_start(loop, &ended);
	ev_run(loop, 0);
	ev_io_stop(loop, &ended);
	close(pair[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(a_phone_by_its_name)
{
	int namespace;

	fleet_up();
	namespace = fabric_phone_namespace(fabric, 0);
	ck_assert_int_eq(ask("SEP00001B000000", 0, namespace), 0);
	ck_assert_int_eq(ask("SEP00001B000001", -ENOENT, -1), 0); /* not up yet */
	ck_assert_int_eq(ask("10.1.0.10", 0, namespace), 0);
	ck_assert_int_eq(ask("10.1.0.12", -ENOENT, -1), 0);
	ck_assert_int_eq(ask("SEP", -ENOENT, -1), 0);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(ask("SEP00001B000000", 0, namespace), 0);
	ck_assert_int_eq(control_probe(folder), 0);
	close(namespace);
	fleet_down();
}
END_TEST

/* More who say nothing than are heard at once: they cannot keep others out for good. */
START_TEST(silent_askers)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "control"};
	struct control_namespaces found;
	int namespace;

	fleet_up();
	ck_assert_int_eq(chdir(folder), 0);
	for (int i = 0; i < 40; i++) {
		int silent = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

		ck_assert_int_eq(connect(silent, (struct sockaddr *)&address, sizeof(address)), 0);
		ev_run(loop, EVRUN_ONCE);
	}
	namespace = fabric_phone_namespace(fabric, 0);
	ck_assert_int_eq(ask("SEP00001B000000", 0, namespace), 0);
	close(namespace);
	fleet_down();
	ck_assert_int_eq(control_ask("/nonexistent", "SEP00001B000000", &found), -ENOTCONN);
	ck_assert_int_eq(control_ask("/tmp", "SEP00001B000000", &found), -ENOTCONN);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control");
	TCase *tests = tcase_create("control");

	if (!netns_test_allowed())
		return 0;
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, a_phone_by_its_name);
	tcase_add_test(tests, silent_askers);
	suite_add_tcase(suite, tests);
	return tap_run(suite);
}
