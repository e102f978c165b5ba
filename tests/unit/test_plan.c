/*
 * The plan: addresses in order and found again, the core's configuration of a
 * phone, switches, needs, and memory that is given back.
 */

#include "tests/tap.h"
#include "tests/unit/scenario_text.h"

static const char two_sites[] =
	"{'sites':[" SITE_A ",{'name':'b','wan':{'rate':'1mbit','rtt':'1ms'},'subnets':["
	"{'name':'s','network':'10.2.1.0/24','switch':'one','phones':[{'model':'7961','count':3},{'model':'7960'}]},"
	"{'name':'t','network':'10.2.2.0/29','switch':'one','broadcast':'limited','phones':[{'model':'7961-GE',"
	"'count':5}]},{'name':'u','network':'10.3.0.0/16','phones':[{'model':'7906','count':2500}]}]}],"
	"'enterprise':{'pfs':'enabled'},'scale':'1/1000','server':{'serving_limit':3}}";

START_TEST(addresses_in_order_and_found_again)
{
	struct plan *plan = scenario_good(two_sites, NULL);

	ck_assert_uint_eq(plan->phone_count, 4 + 4 + 5 + 2500);
	for (uint32_t s = 0; s < plan->subnet_count; s++) {
		const struct plan_subnet *subnet = &plan->subnets[s];
		uint32_t broadcast = subnet->network | ~subnet->netmask;
		ck_assert_uint_eq(subnet->router, subnet->network + 1);
		for (uint32_t i = 0; i < subnet->phone_count; i++) {
			uint32_t number = subnet->first_phone + i;
			const struct plan_phone *phone = &plan->phones[number];
			ck_assert_uint_eq(phone->subnet, s);
			ck_assert_uint_eq(phone->site, subnet->site);
			ck_assert_uint_eq(phone->address, subnet->network + 2 + i);
			ck_assert_uint_lt(phone->address, broadcast);
			ck_assert_int_eq(plan_phone_at(plan, s, phone->address), number);
		}
		/* Not phones: the network, the router, one past the last, the broadcast address, another subnet's. */
		ck_assert_int_eq(plan_phone_at(plan, s, subnet->network), -1);
		ck_assert_int_eq(plan_phone_at(plan, s, subnet->router), -1);
		ck_assert_int_eq(plan_phone_at(plan, s, subnet->network + 2 + subnet->phone_count), -1);
		ck_assert_int_eq(plan_phone_at(plan, s, broadcast), -1);
		ck_assert_int_eq(plan_phone_at(plan, s, 0), -1);
		ck_assert_int_eq(plan_phone_at(plan, s, UINT32_MAX), -1);
		ck_assert_int_eq(plan_phone_at(plan, s, plan->phones[(subnet->first_phone + subnet->phone_count) %
								     plan->phone_count].address), -1);
	}
	plan_free(plan);
}
END_TEST

START_TEST(names_are_the_mac_addresses)
{
	struct plan *plan = scenario_good(two_sites, NULL);

	ck_assert_str_eq(plan->phones[0].name, "SEP021B54000001");
	ck_assert_str_eq(plan->phones[2512].name, "SEP021B540009D1");
	ck_assert_mem_eq(plan->phones[2512].mac, "\x02\x1b\x54\x00\x09\xd1", 6);
	/* Locally administered, not multicast. */
	for (uint32_t i = 0; i < plan->phone_count; i++)
		ck_assert_uint_eq(plan->phones[i].mac[0] & 3, 2);
	plan_free(plan);
}
END_TEST

START_TEST(switches_and_wan)
{
	struct plan *plan = scenario_good(two_sites, NULL);

	ck_assert_uint_eq(plan->switch_count, 3);
	ck_assert_uint_eq(plan->subnets[1].lan_switch, plan->subnets[2].lan_switch);
	ck_assert_uint_ne(plan->subnets[0].lan_switch, plan->subnets[1].lan_switch);
	ck_assert_uint_eq(plan->switches[1].ports, 9);
	ck_assert_uint_eq(plan->switches[1].site, 1);
	ck_assert_uint_eq(plan->switches[2].ports, 2500);
	ck_assert(!plan->subnets[1].limited_broadcast && plan->subnets[2].limited_broadcast);
	ck_assert_uint_eq(plan->sites[1].wan_hq, 0x0aff0005);
	ck_assert_uint_eq(plan->sites[1].wan_router, 0x0aff0006);
	ck_assert_uint_eq(plan->sites[1].wan_netmask, 0xfffffffc);
	ck_assert_uint_eq(plan->phones[8].port_bps, 1000000000);
	plan_free(plan);
}
END_TEST

START_TEST(needs_are_counted)
{
	struct plan *plan = scenario_good(two_sites, NULL);
	uint64_t phones = plan->phone_count;

	ck_assert_uint_eq(plan->needs.namespaces, phones + 2 + 3 + 1);
	ck_assert_uint_eq(plan->needs.bridges, 1 + 1 + (2500 + PLAN_BRIDGE_PORTS - 1) / PLAN_BRIDGE_PORTS);
	ck_assert_uint_eq(plan->needs.ports_max, PLAN_BRIDGE_PORTS);
	ck_assert_uint_eq(plan->needs.links, phones + 2 * 2 + plan->needs.bridges);
	ck_assert_uint_eq(plan->needs.crowd_max, 2500);
	ck_assert_uint_eq(plan->needs.neighbours_counted, 0);
	/* The peer port's two, and both ends of a connection; where two trees overlap, of another. */
	ck_assert_uint_eq(plan->needs.descriptors_phone_typical, 4);
	ck_assert_uint_eq(plan->needs.descriptors_phone_worst, 6);
	ck_assert_uint_gt(plan->needs.memory_bytes, phones * sizeof(struct pfs_phone));
	plan_free(plan);
}
END_TEST

/* Whole switches, the largest first; a table holds its own phones, the first's one descriptor for each other besides. */
START_TEST(switches_are_dealt_out)
{
	struct plan *plan = scenario_good(two_sites, NULL);
	uint64_t one, two, each = plan->needs.descriptors_phone_worst;
	uint32_t of[3], workers;

	ck_assert_int_eq(plan_deal(plan, false, 1, of), 0);
	ck_assert_uint_eq(of[0] + of[1] + of[2], 0);
	ck_assert_int_eq(plan_deal(plan, false, 2, of), 0);
	ck_assert_uint_eq(of[2], 1);
	ck_assert_uint_eq(of[0] + of[1], 0);
	ck_assert_int_eq(plan_descriptors(plan, 1, each, &one), 0);
	ck_assert_uint_eq(one, plan->needs.descriptors_fixed + PLAN_WORKER_DESCRIPTORS + each * plan->phone_count);
	ck_assert_int_eq(plan_descriptors(plan, 2, each, &two), 0);
	ck_assert_uint_eq(two, plan->needs.descriptors_fixed + 2 * PLAN_WORKER_DESCRIPTORS + each * 2500);
	ck_assert_int_eq(plan_workers(plan, one, each, 1, &workers), 0);
	ck_assert_uint_eq(workers, 1);
	ck_assert_int_eq(plan_workers(plan, one - 1, each, 1, &workers), 0);
	ck_assert_uint_eq(workers, 2);
	ck_assert_int_eq(plan_workers(plan, two - 1, each, 1, &workers), 0);
	ck_assert_uint_eq(workers, 0); /* a switch is not divided */
	ck_assert_int_eq(plan_workers(plan, one, each, 2, &workers), 0);
	ck_assert_uint_eq(workers, 2); /* as many as are wanted */
	ck_assert_int_eq(plan_workers(plan, one, each, PLAN_WORKERS_MAX, &workers), 0);
	ck_assert_uint_eq(workers, 4); /* but no more than switches, and one for the WAN */
	ck_assert_int_eq(plan_deal(plan, false, 4, of), 0);
	ck_assert(of[0] && of[1] && of[2]);
	ck_assert(of[0] != of[1] && of[0] != of[2] && of[1] != of[2]);
	plan_free(plan);
}
END_TEST

#define EACH 6

static bool room_for(uint32_t switches, uint32_t phones, uint64_t limit, uint32_t workers, uint64_t *fit)
{
	struct plan plan = {.switch_count = switches, .phone_count = switches * phones,
			    .switches = calloc(switches, sizeof(*plan.switches)),
			    .needs = {.crowd_max = phones, .descriptors_fixed = 120 + 7 * switches}};
	uint64_t fullest = 0;

	for (uint32_t i = 0; i < switches; i++)
		plan.switches[i].ports = phones;
	ck_assert_int_eq(plan_phones_fit(&plan, limit, EACH, workers, fit), 0);
	if (workers)
		ck_assert_int_eq(plan_descriptors(&plan, workers, EACH, &fullest), 0);
	else
		ck_assert_int_eq(plan_workers(&plan, limit, EACH, 1, &workers), 0);
	free(plan.switches);
	return workers && fullest <= limit;
}

/* What is said to fit does, and one more on each switch does not, however many switches share a table. */
START_TEST(phones_that_fit)
{
	static const struct {
		uint32_t switches, phones;
		uint64_t limit;
		uint32_t workers;
	} cases[] = {{1, 5000, 20000, 0}, {4, 1500, 4000, 0}, {40, 500, 20000, 0}, {40, 300, 5000, 0}, {2, 400, 1000, 1}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint32_t switches = cases[i].switches, workers = cases[i].workers;
		uint64_t fit, again;

		ck_assert(!room_for(switches, cases[i].phones, cases[i].limit, workers, &fit));
		ck_assert_uint_ge(fit, 1);
		ck_assert(room_for(switches, (uint32_t)fit, cases[i].limit, workers, &again));
		ck_assert_uint_eq(again, fit);
		ck_assert(!room_for(switches, (uint32_t)fit + 1, cases[i].limit, workers, &again));
		ck_assert_uint_eq(again, fit);
	}
}
END_TEST

/* Floors of `phones` in one building, a switch each. */
static const char *floors(uint32_t count, uint32_t phones)
{
	static char text[16384];
	int length = snprintf(text, sizeof(text),
			      "{\"sites\": [{\"name\": \"a\", \"wan\": {\"rate\": \"20mbit\", \"rtt\": \"4ms\"}, "
			      "\"subnets\": [");

	for (uint32_t i = 0; i < count; i++)
		length += snprintf(text + length, sizeof(text) - (size_t)length,
				   "%s{\"name\": \"f%u\", \"network\": \"10.%u.0.0/16\", "
				   "\"phones\": [{\"model\": \"7961\", \"count\": %u}]}",
				   i ? ", " : "", i, i + 1, phones);
	length += snprintf(text + length, sizeof(text) - (size_t)length, "]}]}");
	ck_assert_int_lt(length, (int)sizeof(text));
	return text;
}

/* Sixteen workers take 64 of every table: where that is too much for a few phones, fewer workers are not. */
START_TEST(fewer_workers_may_fit)
{
	struct plan *plan = scenario_good(floors(40, 1), NULL);
	uint64_t each = plan->needs.descriptors_phone_worst, few, many;
	uint32_t workers;

	/* one phone in all: a second worker would have nothing to do */
	for (uint32_t i = 1; i < plan->switch_count; i++)
		plan->switches[i].ports = 0;
	plan->phone_count = 1;
	ck_assert_int_eq(plan_descriptors(plan, 1, each, &few), 0);
	ck_assert_int_eq(plan_descriptors(plan, PLAN_WORKERS_MAX, each, &many), 0);
	ck_assert_uint_lt(few, many);
	ck_assert_int_eq(plan_workers(plan, few, each, PLAN_WORKERS_MAX, &workers), 0);
	ck_assert_uint_eq(workers, 1);
	plan->phone_count = 40;
	plan_free(plan);
}
END_TEST

/* What passes the WAN is the first worker's work: by PFS one copy, in the traditional way every phone's. */
START_TEST(the_wan_has_its_share_of_a_worker)
{
	struct plan *plan = scenario_good(floors(4, 100), NULL);
	uint32_t of[4], first;

	for (int traditional = 0; traditional < 2; traditional++) {
		first = 0;
		ck_assert_int_eq(plan_deal(plan, traditional, 2, of), 0);
		for (uint32_t i = 0; i < 4; i++)
			first += of[i] == 0;
		ck_assert_uint_eq(first, traditional ? 0u : 2u);
	}
	plan_free(plan);
	plan = scenario_good(floors(1, 100), NULL);
	ck_assert_uint_eq(plan_workers_most(plan), 2);
	ck_assert_int_eq(plan_deal(plan, false, 2, of), 0);
	ck_assert_uint_eq(of[0], 1); /* and the phones of a single switch are another's */
	plan_free(plan);
}
END_TEST

START_TEST(workers_that_are_worth_it)
{
	static const struct {
		uint32_t switches, phones, processors, by_pfs, traditional;
	} cases[] = {
		{ 1, 1, 16, 1, 1 },  { 2, 61, 16, 1, 1 },  { 1, 600, 16, 1, 2 }, { 1, 600, 1, 1, 1 },
		{ 4, 300, 2, 2, 2 }, { 4, 300, 16, 4, 5 }, { 8, 60, 16, 2, 2 },
	};
	struct plan *plan = scenario_good(floors(cases[_i].switches, cases[_i].phones), NULL);

	ck_assert_uint_eq(plan_workers_wanted(plan, false, cases[_i].processors), cases[_i].by_pfs);
	ck_assert_uint_eq(plan_workers_wanted(plan, true, cases[_i].processors), cases[_i].traditional);
	plan_free(plan);
}
END_TEST

START_TEST(config_of_a_phone)
{
	struct plan *plan = scenario_good(two_sites, NULL);
	struct pfs_config config, other;

	memset(&config, 0xff, sizeof(config));
	memset(&other, 0, sizeof(other));
	plan_phone_config(plan, 4, false, 3, &config);
	plan_phone_config(plan, 4, false, 3, &other);
	ck_assert_mem_eq(&config, &other, sizeof(config)); /* padding too */
	ck_assert_uint_eq(config.seed, 1);
	ck_assert_uint_eq(config.boot, 3);
	ck_assert_uint_eq(config.phone, 4);
	ck_assert_uint_eq(config.address, 0x0a020102);
	ck_assert_uint_eq(config.netmask, 0xffffff00);
	ck_assert_uint_eq(config.tftp_server, 0x0affff01);
	ck_assert_uint_eq(config.part, PFS_PART_YES);
	ck_assert_uint_eq(config.origin, PFS_ORIGIN_ENTERPRISE);
	ck_assert_uint_eq(config.file_count, 6);
	ck_assert_str_eq(config.model, "CP-7961G");
	ck_assert_str_eq(config.files[0].name, "SCCP41.9-4-2SR3-1S.loads");
	/* F1: the traditional run; a phone that never shares keeps its own reason. */
	plan_phone_config(plan, 4, true, 0, &config);
	ck_assert_uint_eq(config.part, PFS_PART_MODE);
	plan_phone_config(plan, 7, true, 0, &config);
	ck_assert_uint_eq(config.part, PFS_PART_MODEL);
	plan_free(plan);
}
END_TEST

/* F5, F6, F7, F15: (subnet, model) times six files; 7960 makes none. */
START_TEST(hierarchies)
{
	struct plan *plan = scenario_good(two_sites, NULL);

	ck_assert_uint_eq(plan_hierarchies(plan), 4 * 6);
	/* F2: one copy a hierarchy; F1: one a phone. */
	uint64_t copies = 0, all = 0;
	static const uint32_t firsts[] = {0, 4, 7, 8, 13};
	for (size_t i = 0; i < sizeof(firsts) / sizeof(*firsts); i++)
		copies += plan_phone_firmware(plan, firsts[i])->total_bytes;
	for (uint32_t i = 0; i < plan->phone_count; i++)
		all += plan_phone_firmware(plan, i)->total_bytes;
	ck_assert_uint_eq(plan_wan_payload(plan, false), copies);
	ck_assert_uint_eq(plan_wan_payload(plan, true), all);
	ck_assert(plan_shares(plan, 1, plan->phones[4].model));
	ck_assert(!plan_shares(plan, 1, plan->phones[7].model));
	ck_assert(!plan_shares(plan, 0, plan->phones[8].model));
	plan_free(plan);
	plan_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan");
	TCase *tcase = tcase_create("plan");

	tcase_add_test(tcase, addresses_in_order_and_found_again);
	tcase_add_test(tcase, names_are_the_mac_addresses);
	tcase_add_test(tcase, switches_and_wan);
	tcase_add_test(tcase, needs_are_counted);
	tcase_add_test(tcase, switches_are_dealt_out);
	tcase_add_test(tcase, phones_that_fit);
	tcase_add_test(tcase, fewer_workers_may_fit);
	tcase_add_test(tcase, the_wan_has_its_share_of_a_worker);
	tcase_add_loop_test(tcase, workers_that_are_worth_it, 0, 7);
	tcase_add_test(tcase, config_of_a_phone);
	tcase_add_test(tcase, hierarchies);
	suite_add_tcase(suite, tcase);
	return tap_run(suite);
}
