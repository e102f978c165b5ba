/*
 * The fault engine on synthetic traces: each role and phase finds the phone it
 * names and no other, at the moment it names, once; and its return follows.
 */
#include <string.h>

#include "emulator/fault/fault.h"
#include "tests/tap.h"

#define PHONES 8 /* 0 to 5 in subnet 0 (5 of another model), 6 and 7 in subnet 1 of site 1 */
#define SIZE 1000
#define SECOND UINT64_C(1000000)

static struct plan plan;
static struct plan_model models[2];
static struct plan_firmware firmware;
static struct plan_site sites[2];
static struct plan_subnet subnets[2];
static struct plan_phone phones[PHONES];
static struct plan_fault faults[2];
static struct fault_engine *engine;
static struct fault_order order;

static void set_up(void)
{
	memset(&plan, 0, sizeof(plan));
	memset(phones, 0, sizeof(phones));
	memset(faults, 0, sizeof(faults));
	plan = (struct plan){ .seed = 1,
			      .models = models,
			      .model_count = 2,
			      .firmware = &firmware,
			      .firmware_count = 1,
			      .sites = sites,
			      .site_count = 2,
			      .subnets = subnets,
			      .subnet_count = 2,
			      .phones = phones,
			      .phone_count = PHONES,
			      .faults = faults,
			      .fault_count = 1 };
	firmware.file_count = 2;
	strcpy(firmware.files[0].name, "set.loads");
	strcpy(firmware.files[1].name, "jar.sbn");
	firmware.files[0].size = 100;
	firmware.files[1].size = SIZE;
	strcpy(sites[0].name, "north");
	strcpy(sites[1].name, "south");
	subnets[0] = (struct plan_subnet){ .router = 0x0a000001, .phone_count = 6 };
	subnets[1] =
		(struct plan_subnet){ .router = 0x0a010001, .first_phone = 6, .phone_count = 2, .site = 1 };
	for (uint32_t i = 0; i < PHONES; i++) {
		phones[i].subnet = phones[i].site = i >= 6;
		phones[i].address = i < 6 ? 0x0a000002 + i : 0x0a010002 + i - 6;
		phones[i].model = i == 5;
		phones[i].part = PFS_PART_YES;
		phones[i].reset_us = 2 * SECOND + i;
		snprintf(phones[i].name, sizeof(phones[i].name), "SEP%012X", i);
	}
	for (uint32_t i = 0; i < 2; i++)
		faults[i] = (struct plan_fault){ .site = -1,
						 .subnet = -1,
						 .model = -1,
						 .phone = -1,
						 .by = -1,
						 .file = -1,
						 .duration_us = PFS_TIME_NEVER };
}

static void begin(bool traditional)
{
	engine = fault_engine_new(&plan, traditional);
	ck_assert_ptr_nonnull(engine);
}

static void tear_down(void)
{
	fault_engine_free(engine);
	engine = NULL;
}

static void say(uint32_t phone, uint64_t now_us, struct pfs_trace trace)
{
	fault_engine_trace(engine, phone, now_us, &trace);
}
#define SAY(phone, now, ...) say((phone), (now), (struct pfs_trace){ __VA_ARGS__ })

/* 0 is root of file 1, 1 and 2 its children, 3 child of 1; 4 nothing. */
static void make_tree(uint64_t at_us)
{
	SAY(0, at_us, .kind = PFS_TR_CONFIRMED, .file = 1);
	SAY(1, at_us, .kind = PFS_TR_JOINED, .file = 1, .address = phones[0].address);
	SAY(0, at_us, .kind = PFS_TR_CHILD, .file = 1, .address = phones[1].address);
	SAY(2, at_us, .kind = PFS_TR_JOINED, .file = 1, .address = phones[0].address);
	SAY(0, at_us, .kind = PFS_TR_CHILD, .file = 1, .address = phones[2].address);
	SAY(3, at_us, .kind = PFS_TR_JOINED, .file = 1, .address = phones[1].address);
	SAY(1, at_us, .kind = PFS_TR_CHILD, .file = 1, .address = phones[3].address);
}

static void ck_order(uint64_t now_us, int64_t phone, int32_t file)
{
	ck_assert_uint_le(fault_engine_deadline(engine), now_us);
	ck_assert(fault_engine_next(engine, now_us, &order));
	ck_assert(!order.end);
	ck_assert_int_eq(order.phone, phone);
	ck_assert_int_eq(order.file, file);
	ck_assert(!fault_engine_next(engine, now_us, &order));
}

static void ck_nothing(uint64_t now_us)
{
	ck_assert_uint_gt(fault_engine_deadline(engine), now_us);
	ck_assert(!fault_engine_next(engine, now_us, &order));
}

START_TEST(a_phone_at_a_time_and_its_return)
{
	faults[0].kind = PLAN_FAULT_UNPLUG;
	faults[0].role = PLAN_ROLE_PHONE;
	faults[0].phone = 4;
	faults[0].at_us = 3 * SECOND; /* from the first reset, at 2 s */
	faults[0].duration_us = 7 * SECOND;
	begin(false);
	ck_nothing(5 * SECOND - 1);
	ck_assert_uint_eq(fault_engine_deadline(engine), 5 * SECOND);
	SAY(4, 4 * SECOND, .kind = PFS_TR_FILE_BEGUN, .file = 1);
	ck_order(5 * SECOND, 4, 1); /* the file it is at */
	ck_nothing(12 * SECOND - 1);
	ck_assert(fault_engine_next(engine, 12 * SECOND, &order));
	ck_assert(order.end);
	ck_assert_int_eq(order.phone, 4);
	ck_assert_uint_eq(fault_engine_deadline(engine), UINT64_MAX);
}
END_TEST

START_TEST(each_role_at_a_time)
{
	static const struct {
		enum plan_role role;
		uint32_t among; /* bit a phone */
	} cases[] = { { PLAN_ROLE_ROOT, 1u << 0 },
		      { PLAN_ROLE_PARENT, 1u << 1 },
		      { PLAN_ROLE_LEAF, 1u << 2 | 1u << 3 } };

	faults[0].kind = PLAN_FAULT_KILL;
	faults[0].role = cases[_i].role;
	faults[0].at_us = 3 * SECOND;
	begin(false);
	make_tree(4 * SECOND);
	ck_nothing(4 * SECOND);
	ck_assert(fault_engine_next(engine, 5 * SECOND, &order));
	ck_assert_msg(cases[_i].among >> order.phone & 1, "phone %d", (int)order.phone);
	ck_assert_int_eq(order.file, 1);
	ck_nothing(60 * SECOND);
}
END_TEST

/* Nobody has the role at that time: the first that gets it. */
START_TEST(a_time_waits_for_its_role)
{
	faults[0].kind = PLAN_FAULT_KILL;
	faults[0].role = PLAN_ROLE_PARENT;
	faults[0].at_us = 3 * SECOND;
	begin(false);
	ck_assert(!fault_engine_next(engine, 5 * SECOND, &order));
	make_tree(9 * SECOND);
	ck_order(9 * SECOND, 1, 1);
}
END_TEST

START_TEST(tftp_at_a_percentage)
{
	faults[0].kind = PLAN_FAULT_KILL;
	faults[0].role = PLAN_ROLE_ROOT;
	faults[0].phase = PLAN_PHASE_TFTP;
	faults[0].at_percent = 50;
	faults[0].file = 1;
	begin(false);
	make_tree(4 * SECOND);
	SAY(0, 5 * SECOND, .kind = PFS_TR_TFTP_BEGUN, .file = 0, .c = 1);
	fault_engine_progress(engine, 0, 0, 100, 5 * SECOND); /* another file */
	SAY(0, 6 * SECOND, .kind = PFS_TR_TFTP_BEGUN, .file = 1, .c = 1);
	SAY(4, 6 * SECOND, .kind = PFS_TR_TFTP_BEGUN, .file = 1, .c = 0); /* not a root */
	fault_engine_progress(engine, 4, 1, 900, 6 * SECOND);
	fault_engine_progress(engine, 0, 1, 499, 7 * SECOND);
	ck_nothing(7 * SECOND);
	fault_engine_progress(engine, 0, 1, 512, 8 * SECOND);
	ck_order(8 * SECOND, 0, 1);
	fault_engine_progress(engine, 0, 1, 1000, 9 * SECOND);
	ck_nothing(9 * SECOND);
}
END_TEST

/* A parent while its root downloads: the download sets the moment, the hierarchy gives the target. */
START_TEST(a_parent_while_the_root_downloads)
{
	faults[0].kind = PLAN_FAULT_KILL;
	faults[0].role = PLAN_ROLE_PARENT;
	faults[0].phase = PLAN_PHASE_TFTP;
	faults[0].at_percent = 50;
	begin(false);
	make_tree(4 * SECOND);
	SAY(0, 6 * SECOND, .kind = PFS_TR_TFTP_BEGUN, .file = 1, .c = 1);
	fault_engine_progress(engine, 0, 1, 600, 8 * SECOND);
	ck_order(8 * SECOND, 1, 1);
}
END_TEST

START_TEST(receiving_by_role)
{
	faults[0].kind = PLAN_FAULT_DAMAGE_TCP;
	faults[0].role = _i ? PLAN_ROLE_LEAF : PLAN_ROLE_PARENT;
	faults[0].phase = PLAN_PHASE_RECEIVING;
	faults[0].at_percent = 30;
	begin(false);
	make_tree(4 * SECOND);
	for (uint32_t phone = 1; phone < 4; phone++) {
		SAY(phone, 5 * SECOND, .kind = PFS_TR_PEER_BEGUN, .file = 1, .address = phones[0].address);
		fault_engine_progress(engine, phone, 1, 299, 5 * SECOND);
	}
	ck_nothing(5 * SECOND);
	fault_engine_progress(engine, _i ? 1 : 3, 1, 300, 6 * SECOND); /* the wrong role */
	ck_nothing(6 * SECOND);
	fault_engine_progress(engine, _i ? 3 : 1, 1, 300, 7 * SECOND);
	ck_order(7 * SECOND, _i ? 3 : 1, 1);
	ck_nothing(UINT64_MAX - 1); /* damage has no return */
}
END_TEST

/* Serving is seen at the child: the target is its parent, root or not as the role says. */
START_TEST(serving_by_role)
{
	faults[0].kind = PLAN_FAULT_KILL;
	faults[0].role = _i ? PLAN_ROLE_ROOT : PLAN_ROLE_PARENT;
	faults[0].phase = PLAN_PHASE_SERVING;
	begin(false);
	make_tree(4 * SECOND);
	if (_i) {
		SAY(2, 5 * SECOND, .kind = PFS_TR_PEER_BEGUN, .file = 1, .address = phones[0].address);
		ck_order(5 * SECOND, 0, 1);
	} else {
		SAY(2, 5 * SECOND, .kind = PFS_TR_PEER_BEGUN, .file = 1, .address = phones[0].address);
		ck_nothing(5 * SECOND);
		SAY(3, 6 * SECOND, .kind = PFS_TR_PEER_BEGUN, .file = 1, .address = phones[1].address);
		ck_order(6 * SECOND, 1, 1);
	}
}
END_TEST

/* A root that gave up, a parent whose children have left, a member that lost its parent: roles end. */
START_TEST(roles_end)
{
	faults[0].kind = PLAN_FAULT_KILL;
	faults[0].role = _i ? PLAN_ROLE_PARENT : PLAN_ROLE_ROOT;
	faults[0].at_us = 3 * SECOND;
	begin(false);
	make_tree(4 * SECOND);
	SAY(0, 4 * SECOND, .kind = PFS_TR_ROOT_GAVE_UP, .file = 1);
	SAY(1, 4 * SECOND, .kind = PFS_TR_CHILD_LOST, .file = 1);
	ck_assert(!fault_engine_next(engine, 5 * SECOND, &order));
	SAY(1, 6 * SECOND, .kind = PFS_TR_CHILD, .file = 1);
	if (_i)
		ck_order(6 * SECOND, 1, 1);
	else
		ck_nothing(6 * SECOND);
}
END_TEST

START_TEST(claiming_and_root_waiting)
{
	faults[0].kind = faults[1].kind = PLAN_FAULT_CRASH;
	faults[0].phase = PLAN_PHASE_CLAIMING;
	faults[1].phase = PLAN_PHASE_ROOT_WAITING;
	faults[1].role = PLAN_ROLE_ROOT;
	faults[0].model = faults[1].model = 0;
	plan.fault_count = 2;
	begin(false);
	SAY(5, SECOND, .kind = PFS_TR_CLAIM, .file = 0);         /* the other model */
	SAY(3, SECOND, .kind = PFS_TR_CLAIM, .file = 0, .a = 1); /* not its first */
	ck_nothing(SECOND);
	SAY(4, 2 * SECOND, .kind = PFS_TR_CLAIM, .file = 0);
	ck_order(2 * SECOND, 4, 0);
	SAY(4, 3 * SECOND, .kind = PFS_TR_CONFIRMED, .file = 0); /* it is down already */
	ck_nothing(3 * SECOND);
	SAY(2, 3 * SECOND, .kind = PFS_TR_CONFIRMED, .file = 0);
	ck_order(3 * SECOND, 2, 0);
}
END_TEST

/* Links and servers: by time all sites or the named one; by phase the site of whoever reached it. */
START_TEST(links_and_servers)
{
	faults[0].kind = PLAN_FAULT_WAN_CUT;
	faults[0].phase = PLAN_PHASE_TFTP;
	faults[0].at_percent = 10;
	faults[0].duration_us = SECOND;
	faults[1].kind = PLAN_FAULT_SERVER_STOP;
	faults[1].at_us = SECOND;
	plan.fault_count = 2;
	begin(false);
	ck_order(3 * SECOND, -1, -1);
	ck_assert_int_eq(order.kind, PLAN_FAULT_SERVER_STOP);
	ck_assert_int_eq(order.site, -1);
	SAY(7, 4 * SECOND, .kind = PFS_TR_TFTP_BEGUN, .file = 1, .c = 1);
	fault_engine_progress(engine, 7, 1, 100, 5 * SECOND);
	ck_order(5 * SECOND, -1, -1);
	ck_assert_int_eq(order.kind, PLAN_FAULT_WAN_CUT);
	ck_assert_int_eq(order.site, 1);
	ck_assert(fault_engine_next(engine, 6 * SECOND, &order));
	ck_assert(order.end);
	ck_assert_int_eq(order.site, 1);
}
END_TEST

/* A traditional run has only the faults that are marked for it, and no roles. */
START_TEST(traditional_runs)
{
	faults[0].kind = faults[1].kind = PLAN_FAULT_KILL;
	faults[0].at_us = SECOND;
	faults[1].phase = PLAN_PHASE_TFTP;
	faults[1].role = PLAN_ROLE_ROOT;
	faults[1].at_percent = 50;
	faults[1].traditional_too = true;
	plan.fault_count = 2;
	begin(true);
	ck_nothing(60 * SECOND);
	SAY(3, 61 * SECOND, .kind = PFS_TR_TFTP_BEGUN, .file = 1);
	fault_engine_progress(engine, 3, 1, 500, 62 * SECOND);
	ck_order(62 * SECOND, 3, 1);
}
END_TEST

START_TEST(orders_in_words)
{
	char text[160];

	faults[0].kind = PLAN_FAULT_KILL;
	faults[0].role = PLAN_ROLE_ROOT;
	faults[0].phase = PLAN_PHASE_TFTP;
	faults[0].at_percent = 50;
	order = (struct fault_order){ .kind = PLAN_FAULT_KILL, .phone = 3, .file = 1, .fault = &faults[0] };
	fault_describe(&plan, &order, text, sizeof(text));
	ck_assert_str_eq(text, "root SEP000000000003 killed in tftp at 50 % of jar.sbn");
	/* No place in the file: that it is under way is when it happens. */
	faults[0].at_percent = 0;
	faults[0].phase = PLAN_PHASE_STATE;
	faults[0].state = PFS_ST_LINGERING;
	order.kind = PLAN_FAULT_CRASH;
	fault_describe(&plan, &order, text, sizeof(text));
	ck_assert_str_eq(text, "root SEP000000000003 crashed in state lingering, at jar.sbn");
	faults[0].phase = PLAN_PHASE_TIME;
	faults[0].role = PLAN_ROLE_ANY;
	order.kind = PLAN_FAULT_HOSTILE_LIAR;
	fault_describe(&plan, &order, text, sizeof(text));
	ck_assert_str_eq(text, "SEP000000000003 made to lie about the trees, at jar.sbn");
	order.end = true;
	fault_describe(&plan, &order, text, sizeof(text));
	ck_assert_str_eq(text, "SEP000000000003 honest again");
	order.end = false;
	order.kind = PLAN_FAULT_DAMAGE_TCP;
	fault_describe(&plan, &order, text, sizeof(text));
	ck_assert_str_eq(text, "SEP000000000003 gets a flipped byte from its parent, at jar.sbn");
	faults[0].kind = PLAN_FAULT_WAN_CUT;
	order = (struct fault_order){
		.kind = PLAN_FAULT_WAN_CUT, .phone = -1, .site = 1, .end = true, .fault = &faults[0]
	};
	fault_describe(&plan, &order, text, sizeof(text));
	ck_assert_str_eq(text, "WAN of south mended");
}
END_TEST

/* State and event, by role and for another; the nth time; so much later; with its return counted from there. */
START_TEST(a_state_strikes_whoever_enters_it)
{
	faults[0].phase = PLAN_PHASE_STATE;
	faults[0].state = PFS_ST_LINGERING;
	faults[0].role = PLAN_ROLE_PHONE;
	faults[0].phone = 2;
	faults[0].nth = 2;
	begin(false);
	fault_engine_state(engine, 2, PFS_ST_VERIFYING, 1, 3 * SECOND);
	fault_engine_state(engine, 1, PFS_ST_LINGERING, PFS_NO_FILE, 3 * SECOND);
	fault_engine_state(engine, 2, PFS_ST_LINGERING, PFS_NO_FILE, 3 * SECOND);
	ck_nothing(3 * SECOND);
	fault_engine_state(engine, 2, PFS_ST_LINGERING, PFS_NO_FILE, 4 * SECOND);
	ck_order(4 * SECOND, 2, -1);
	fault_engine_state(engine, 2, PFS_ST_LINGERING, PFS_NO_FILE, 5 * SECOND);
	ck_nothing(5 * SECOND);
	ck_assert_uint_eq(fault_engine_unfired(engine), 0);
}
END_TEST

START_TEST(a_state_with_a_role)
{
	faults[0].phase = PLAN_PHASE_STATE;
	faults[0].state = PFS_ST_RECEIVING;
	faults[0].role = PLAN_ROLE_PARENT;
	faults[0].file = 1;
	begin(false);
	make_tree(3 * SECOND);
	fault_engine_state(engine, 2, PFS_ST_RECEIVING, 1, 4 * SECOND); /* a leaf */
	fault_engine_state(engine, 1, PFS_ST_RECEIVING, 0, 4 * SECOND); /* another file */
	fault_engine_state(engine, 1, PFS_ST_RECEIVING, PFS_NO_FILE, 4 * SECOND);
	ck_nothing(4 * SECOND);
	fault_engine_state(engine, 1, PFS_ST_RECEIVING, 1, 5 * SECOND);
	ck_order(5 * SECOND, 1, 1);
}
END_TEST

START_TEST(an_event_strikes_another_later)
{
	faults[0].kind = PLAN_FAULT_UNPLUG;
	faults[0].phase = PLAN_PHASE_EVENT;
	faults[0].event = PFS_TR_XFRCMD;
	faults[0].role = PLAN_ROLE_PHONE;
	faults[0].phone = 3;
	faults[0].by = 0;
	faults[0].nth = 1;
	faults[0].after_us = 2 * SECOND;
	faults[0].duration_us = 3 * SECOND;
	faults[1] = faults[0]; /* all that strike at one point do */
	faults[1].phone = 4;
	plan.fault_count = 2;
	begin(false);
	SAY(3, 4 * SECOND, .kind = PFS_TR_XFRCMD, .file = 1);
	ck_nothing(4 * SECOND);
	SAY(0, 5 * SECOND, .kind = PFS_TR_XFRCMD, .file = 1);
	ck_nothing(7 * SECOND - 1);
	ck_assert_uint_eq(fault_engine_deadline(engine), 7 * SECOND);
	ck_assert(fault_engine_next(engine, 7 * SECOND, &order));
	ck_assert_int_eq(order.phone, 3);
	ck_order(7 * SECOND, 4, 1);
	ck_nothing(10 * SECOND - 1);
	ck_assert(fault_engine_next(engine, 10 * SECOND, &order));
	ck_assert(order.end && order.phone == 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fault");
	TCase *tests = tcase_create("fault");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_phone_at_a_time_and_its_return);
	tcase_add_loop_test(tests, each_role_at_a_time, 0, 3);
	tcase_add_test(tests, a_time_waits_for_its_role);
	tcase_add_test(tests, tftp_at_a_percentage);
	tcase_add_test(tests, a_parent_while_the_root_downloads);
	tcase_add_loop_test(tests, receiving_by_role, 0, 2);
	tcase_add_loop_test(tests, serving_by_role, 0, 2);
	tcase_add_loop_test(tests, roles_end, 0, 2);
	tcase_add_test(tests, claiming_and_root_waiting);
	tcase_add_test(tests, links_and_servers);
	tcase_add_test(tests, traditional_runs);
	tcase_add_test(tests, orders_in_words);
	tcase_add_test(tests, a_state_strikes_whoever_enters_it);
	tcase_add_test(tests, a_state_with_a_role);
	tcase_add_test(tests, an_event_strikes_another_later);
	suite_add_tcase(suite, tests);
	return tap_run(suite);
}
