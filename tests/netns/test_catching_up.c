/*
 * Between the input of two phones a worker sees what fell due meanwhile: the WAN's
 * frames and its phones' timers. Looked at from outside, in fleets that run: the
 * program is linked so that each step of a core, and each look at the time, comes
 * past here first.
 */
#include "emulator/netns/worker.h"
#include "pfs-core/pfs.h"
#include "tests/netns/fleet_fixture.h"
#include "tests/tap.h"

#define PHONES 40

uint32_t __real_pfs_step(struct pfs_phone *phone, const struct pfs_event *event, struct pfs_actions *actions);
uint32_t __wrap_pfs_step(struct pfs_phone *phone, const struct pfs_event *event, struct pfs_actions *actions);
void __real_worker_catch_up(struct worker *worker);
void __wrap_worker_catch_up(struct worker *worker);
void __real_worker_carry_wan(struct worker *worker);
void __wrap_worker_carry_wan(struct worker *worker);

static struct fleet fleet;
static const struct pfs_phone *reading; /* whose input was the last, nobody having looked at the time since */
static uint64_t looks, inputs[PFS_EV_KINDS], unseen[PFS_EV_KINDS];

static bool is_input(enum pfs_event_kind kind)
{
	return kind == PFS_EV_DATAGRAM || kind == PFS_EV_TFTP || kind == PFS_EV_ACCEPTED || kind == PFS_EV_CONNECTED ||
	       kind == PFS_EV_BYTES || kind == PFS_EV_EOF;
}

uint32_t __wrap_pfs_step(struct pfs_phone *phone, const struct pfs_event *event, struct pfs_actions *actions)
{
	if (is_input(event->kind)) {
		inputs[event->kind]++;
		unseen[event->kind] += reading && reading != phone;
		reading = phone;
	}
	return __real_pfs_step(phone, event, actions);
}

void __wrap_worker_catch_up(struct worker *worker)
{
	looks++;
	reading = NULL; /* a timer that it fires has its phone read */
	__real_worker_catch_up(worker);
	reading = NULL;
}

/* Behind each phone's timer, before which that phone reads its own sockets: other timers' turn is next in any case. */
void __wrap_worker_carry_wan(struct worker *worker)
{
	__real_worker_carry_wan(worker);
	reading = NULL;
}

static void run(bool traditional)
{
	fleet_begin(&fleet, fleet_scenario(PHONES, "1/100", 20, ""), traditional);
	fleet.workers = 1; /* the counts are one thread's */
	fleet_run(&fleet);
	ck_assert_int_eq(fleet.error, 0);
	ck_assert_uint_eq(fleet.result->upgraded, PHONES);
	for (int kind = 0; kind < PFS_EV_KINDS; kind++)
		ck_assert_msg(!unseen[kind], "%d of %d events of kind %d came right behind another phone's input",
			      (int)unseen[kind], (int)inputs[kind], kind);
	fleet_end(&fleet);
}

START_TEST(between_peers)
{
	run(false);
	ck_assert_uint_ge(inputs[PFS_EV_DATAGRAM], PHONES);
	ck_assert_uint_ge(inputs[PFS_EV_ACCEPTED], PHONES - 1);
	ck_assert_uint_ge(inputs[PFS_EV_CONNECTED], PHONES - 1);
	ck_assert_uint_ge(inputs[PFS_EV_BYTES], PHONES - 1);
	ck_assert_uint_ge(looks, PHONES);
}
END_TEST

START_TEST(between_downloads)
{
	run(true);
	ck_assert_uint_ge(inputs[PFS_EV_TFTP], 100 * PHONES);
	ck_assert_uint_ge(looks, 100 * PHONES);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("catching_up");
	TCase *tcase = tcase_create("catching_up");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, between_peers);
	tcase_add_test(tcase, between_downloads);
	suite_add_tcase(suite, tcase);
	return tap_run(suite);
}
