/*
 * What a good scenario becomes: settings with their precedence (F10), who takes
 * part (F9, CSCsh20977), links, resets, faults, firmware; and that a run can be
 * had again from the text that the plan carries.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"
#include "tests/unit/scenario_text.h"

START_TEST(shipped_scenarios_load)
{
	static const char *const names[] = {
		"branch-office", "smoke", "two-phones", "shared-switch", "root-killed",
		"parent-killed", "damaged-component", "in-tftpd", "dnsmasq",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct scenario_error error;
		struct plan *plan;
		char path[512];
		snprintf(path, sizeof(path), SOURCE_ROOT "/scenarios/%s.json", names[i]);
		ck_assert_msg(scenario_load(path, NULL, &plan, &error) == 0, "%s", error.line);
		ck_assert_str_eq(plan->name, names[i]);
		/* Where one says how many transfers there are, it is one a hierarchy. */
		if (plan->expect.transfers_pfs != PLAN_UNSET)
			ck_assert_uint_eq(plan->expect.transfers_pfs, plan_hierarchies(plan));
		ck_assert_uint_ne(plan->expect.upgraded_min, PLAN_UNSET);
		plan_free(plan);
	}
}
END_TEST

/* The branch office is what the first page promises. */
START_TEST(branch_office_is_as_promised)
{
	struct scenario_error error;
	struct plan *plan;
	uint32_t sharing = 0, models = 0, by_reason[8] = {0};

	ck_assert_int_eq(scenario_load(SOURCE_ROOT "/scenarios/branch-office.json", NULL, &plan, &error), 0);
	for (uint32_t i = 0; i < plan->phone_count; i++) {
		sharing += plan->phones[i].part == PFS_PART_YES;
		by_reason[plan->phones[i].part]++;
	}
	for (uint32_t m = 0; m < plan->model_count; m++) {
		models += plan_shares(plan, 0, m);
		ck_assert_int_eq(plan_shares(plan, 0, m), plan_shares(plan, 1, m));
	}
	ck_assert_uint_ge(sharing, 100);
	ck_assert_uint_eq(models, 5);
	ck_assert_uint_eq(by_reason[PFS_PART_MODEL], 1);
	ck_assert_uint_eq(by_reason[PFS_PART_DISABLED], 1);
	ck_assert_uint_eq(plan->subnet_count, 2);
	ck_assert_uint_eq(plan->sites[0].down.rate_bps, 1536000);
	ck_assert_uint_eq(plan->sites[0].down.delay_us + plan->sites[0].up.delay_us, 30000);
	ck_assert_uint_le(plan->speed_milli, 2000);
	plan_free(plan);
}
END_TEST

START_TEST(comments_and_strings)
{
	struct plan *plan = scenario_good("/* one\n'two' */ // three\n" WITH("'name':'x', // 'y'\n"
					  "'description':'// no /* comment */ \\' here'//end\n"), NULL);

	ck_assert_str_eq(plan->name, "x");
	ck_assert_ptr_nonnull(strstr(plan->text, "// no /* comment */ \\\" here"));
	plan_free(plan);
	plan = scenario_good(WITH("'seed':1"), NULL);
	ck_assert_str_eq(plan->name, "t");
	plan_free(plan);
}
END_TEST

/* F10: phone over profile over enterprise, disabled where none says. All 27 combinations. */
START_TEST(setting_precedence)
{
	static const char *const words[] = {"unset", "disabled", "enabled"};
	char text[1024];

	for (int own = 0; own < 3; own++) {
		for (int profile = 0; profile < 3; profile++) {
			int enterprise = _i;
			snprintf(text, sizeof(text),
				 TOP("{'model':'7961','pfs':'%s','profile':'p'}",
				     "'profiles':[{'name':'p','pfs':'%s'}],'enterprise':{'pfs':'%s'}"),
				 words[own], words[profile], words[enterprise]);
			struct plan *plan = scenario_good(text, NULL);
			const struct plan_phone *phone = plan->phones;
			int decided = own ? own : profile ? profile : enterprise ? enterprise : PFS_SETTING_DISABLED;
			int origin = own ? PFS_ORIGIN_PHONE : profile ? PFS_ORIGIN_PROFILE
				   : enterprise ? PFS_ORIGIN_ENTERPRISE : PFS_ORIGIN_DEFAULT;
			ck_assert_int_eq(phone->setting, decided);
			ck_assert_int_eq(phone->origin, origin);
			ck_assert_int_eq(phone->part,
					 decided == PFS_SETTING_ENABLED ? PFS_PART_YES : PFS_PART_DISABLED);
			plan_free(plan);
		}
	}
}
END_TEST

/* F9 and CSCsh20977: models without PFS, and firmware before 8.3(1). */
START_TEST(who_takes_part)
{
	struct plan *plan = scenario_good(TOP("{'model':'7960'},{'model':'7961','running':'8.2(2)SR4'},"
					      "{'model':'7961','running':'8.3(1)'},{'model':'7931'}",
					      "'enterprise':{'pfs':'enabled'}"), NULL);

	ck_assert_int_eq(plan->phones[0].part, PFS_PART_MODEL);
	ck_assert_int_eq(plan->phones[0].setting, PFS_SETTING_DISABLED);
	ck_assert_int_eq(plan->phones[0].origin, PFS_ORIGIN_DEFAULT);
	ck_assert_int_eq(plan->phones[1].part, PFS_PART_OLD_FIRMWARE);
	ck_assert_int_eq(plan->phones[2].part, PFS_PART_YES);
	/* CSCud66570: a 7931 can have it, and it is known from where. */
	ck_assert_int_eq(plan->phones[3].part, PFS_PART_YES);
	ck_assert_int_eq(plan->phones[3].origin, PFS_ORIGIN_ENTERPRISE);
	plan_free(plan);
}
END_TEST

/* CSCsh98792: a bulk setting reaches every phone it names and no other; later ones win. */
START_TEST(bulk_reaches_whom_it_names)
{
	struct plan *plan = scenario_good(
		"{'sites':[" SITE_A ",{'name':'b','wan':{'rate':'1mbit','rtt':'1ms'},'subnets':["
		"{'name':'s','network':'10.2.1.0/24','phones':[{'model':'7961','count':3},{'model':'7970','count':2}]},"
		"{'name':'t','network':'10.2.2.0/24','phones':[{'model':'7961','count':2}]}]}],"
		"'profiles':[{'name':'p','pfs':'disabled'}],"
		"'bulk':[{'pfs':'enabled'},{'site':'b','subnet':'s','model':'7961','pfs':'disabled'},"
		"{'subnet':'t','pfs':'unset','profile':'p'}]}", NULL);

	for (uint32_t i = 0; i < plan->phone_count; i++) {
		const struct plan_phone *phone = &plan->phones[i];
		bool middle = i >= 4 && i < 7, last = i >= 9;
		ck_assert_int_eq(phone->setting, middle || last ? PFS_SETTING_DISABLED : PFS_SETTING_ENABLED);
		ck_assert_int_eq(phone->origin, last ? PFS_ORIGIN_PROFILE : PFS_ORIGIN_PHONE);
	}
	plan_free(plan);
}
END_TEST

START_TEST(links)
{
	struct plan *plan = scenario_good(WAN("'rate':'1.536mbit','rtt':'15us','loss':'0.5%','jitter':'2ms',"
					      "'up':{'rate':'unlimited','delay':'3ms','queue':'1KiB'}"), NULL);
	const struct link_config *down = &plan->sites[0].down, *up = &plan->sites[0].up;

	ck_assert_uint_eq(down->rate_bps, 1536000);
	ck_assert_uint_eq(down->delay_us, 8);
	ck_assert_uint_eq(down->loss_ppm, 5000);
	ck_assert_uint_eq(down->jitter_us, 2000);
	ck_assert_uint_eq(down->queue_bytes_max, 96000);
	ck_assert_uint_eq(up->rate_bps, 0);
	ck_assert_uint_eq(up->delay_us, 3000);
	ck_assert_uint_eq(up->loss_ppm, 5000);
	ck_assert_uint_eq(up->queue_bytes_max, 1024);
	plan_free(plan);
	plan = scenario_good(WAN("'rate':'1gbit','delay':'1.5ms'"), NULL);
	ck_assert_uint_eq(plan->sites[0].down.delay_us, 1500);
	ck_assert_uint_eq(plan->sites[0].up.delay_us, 1500);
	plan_free(plan);
}
END_TEST

/* F11: a mass reset is drawn from its spread by the seed; a staggered one is even. */
START_TEST(resets)
{
	static const char *const mass = TOP("{'model':'7961','count':200}", "'reset':{'spread':'10s'}");
	struct scenario_overrides other = {.has_seed = true, .seed = 2};
	struct plan *plan = scenario_good(mass, NULL), *again = scenario_good(mass, NULL),
		    *another = scenario_good(mass, &other);
	uint64_t low = UINT64_MAX, high = 0, sum = 0, differ = 0;

	for (uint32_t i = 0; i < 200; i++) {
		uint64_t at = plan->phones[i].reset_us;
		low = at < low ? at : low;
		high = at > high ? at : high;
		sum += at;
		ck_assert_uint_eq(at, again->phones[i].reset_us);
		differ += at != another->phones[i].reset_us;
	}
	ck_assert_uint_eq(low, 0); /* the clock begins with the first */
	ck_assert_uint_le(high, 10000000);
	ck_assert_uint_gt(high, 9000000);
	ck_assert_uint_gt(sum / 200, 4000000);
	ck_assert_uint_lt(sum / 200, 6000000);
	ck_assert_uint_gt(differ, 150);
	plan_free(plan);
	plan_free(again);
	plan_free(another);
	plan = scenario_good(TOP("{'model':'7961','count':4}", "'reset':{'pattern':'staggered','window':'1h'}"), NULL);
	for (uint32_t i = 0; i < 4; i++)
		ck_assert_uint_eq(plan->phones[i].reset_us, UINT64_C(900000000) * i);
	plan_free(plan);
	plan = scenario_good(PHONES("{'model':'7961','count':4}"), NULL);
	for (uint32_t i = 0; i < 4; i++)
		ck_assert_uint_eq(plan->phones[i].reset_us, 0);
	plan_free(plan);
}
END_TEST

/* F14 */
START_TEST(log_server)
{
	struct plan *plan = scenario_good(WITH("'log_server':'10.9.9.9:514@@base=3-7;pfs=1'"), NULL);
	const struct plan_log_server *log = &plan->log_server;

	ck_assert(log->enabled);
	ck_assert_uint_eq(log->address, 0x0a090909);
	ck_assert_uint_eq(log->port, 514);
	ck_assert_uint_eq(log->base_min, 3);
	ck_assert_uint_eq(log->base_max, 7);
	ck_assert_uint_eq(log->pfs_min, 0);
	ck_assert_uint_eq(log->pfs_max, 1);
	ck_assert_str_eq(log->text, "10.9.9.9:514@@base=3-7;pfs=1");
	plan_free(plan);
	plan = scenario_good(WITH("'seed':1"), NULL);
	ck_assert(!plan->log_server.enabled);
	plan_free(plan);
}
END_TEST

START_TEST(server_short_and_long)
{
	struct plan *plan = scenario_good(WITH("'server':'in.tftpd'"), NULL);

	ck_assert_int_eq(plan->server.kind, PLAN_SERVER_IN_TFTPD);
	ck_assert_uint_eq(plan->server.serving_max, 500);
	ck_assert_uint_eq(plan->server.address, 0x0affff01);
	ck_assert_uint_eq(plan->tftp_blksize, 512);
	plan_free(plan);
	plan = scenario_good(WITH("'server':{'kind':'dnsmasq','address':'192.0.2.1','serving_limit':7,"
				  "'timeout':'250ms','retries':2},'tftp':{'blksize':1428,'tsize':true,'timeout':'2s'}"),
			     NULL);
	ck_assert_int_eq(plan->server.kind, PLAN_SERVER_DNSMASQ);
	ck_assert_uint_eq(plan->server.address, 0xc0000201);
	ck_assert_uint_eq(plan->server.serving_max, 7);
	ck_assert_uint_eq(plan->server.timeout_us, 250000);
	ck_assert_uint_eq(plan->server.retries_max, 2);
	ck_assert_uint_eq(plan->tftp_blksize, 1428);
	ck_assert_uint_eq(plan->tftp_tsize, 1);
	ck_assert_uint_eq(plan->tftp_timeout_s, 2);
	plan_free(plan);
}
END_TEST

START_TEST(faults)
{
	struct plan *plan = scenario_good(
		WITH("'faults':[{'kind':'kill','role':'root','phase':'tftp','file':'apps','duration':'30s'},"
		     "{'kind':'wan_degrade','at':'5s','wan':{'loss':'10%','down':{'rate':'64kbit'}},'traditional':true},"
		     "{'kind':'damage_tcp','phone':'SEP021B54000003','file':'5','percent':7},"
		     "{'kind':'unplug','at':'0s','site':'a','subnet':'s','model':'7961'}]"), NULL);
	const struct plan_fault *fault = plan->faults;
	char text[200];

	ck_assert_uint_eq(plan->fault_count, 4);
	ck_assert_int_eq(fault[0].kind, PLAN_FAULT_KILL);
	ck_assert_int_eq(fault[0].phase, PLAN_PHASE_TFTP);
	ck_assert_int_eq(fault[0].role, PLAN_ROLE_ROOT);
	ck_assert_uint_eq(fault[0].at_percent, 50);
	ck_assert_int_eq(fault[0].file, 3);
	ck_assert_int_eq(fault[0].site, -1);
	ck_assert_uint_eq(fault[0].duration_us, 30000000);
	plan_fault_describe(plan, &fault[0], text, sizeof(text));
	ck_assert_str_eq(text, "kill of root phone, in tftp at 50 % of file 3, for 30.000 s");
	ck_assert_int_eq(fault[1].phase, PLAN_PHASE_TIME);
	ck_assert_uint_eq(fault[1].at_us, 5000000);
	ck_assert_uint_eq(fault[1].down.rate_bps, 64000);
	ck_assert_uint_eq(fault[1].down.loss_ppm, 100000);
	ck_assert_uint_eq(fault[1].down.delay_us, 5000);
	ck_assert_uint_eq(fault[1].down.queue_bytes_max, 96000);
	ck_assert_uint_eq(fault[1].up.rate_bps, 1000000); /* as the site has it */
	ck_assert_uint_eq(fault[1].up.delay_us, 5000);
	ck_assert_uint_eq(fault[1].duration_us, PFS_TIME_NEVER);
	ck_assert(fault[1].traditional_too && !fault[0].traditional_too);
	ck_assert_int_eq(fault[2].phase, PLAN_PHASE_RECEIVING);
	ck_assert_int_eq(fault[2].role, PLAN_ROLE_PHONE);
	ck_assert_int_eq(fault[2].phone, 2);
	ck_assert_uint_eq(fault[2].at_percent, 7);
	ck_assert_int_eq(fault[2].file, 5);
	ck_assert_int_eq(fault[3].site, 0);
	ck_assert_int_eq(fault[3].subnet, 0);
	ck_assert_int_ge(fault[3].model, 0);
	plan_free(plan);
}
END_TEST

/* A share of 20 phones, at moments and for times of their own, drawn by the seed; a link's fault in a window. */
static const char drawn[] =
	"{'sites':[{'name':'a','wan':{'rate':'1mbit','rtt':'10ms'},'subnets':[{'name':'s','network':'10.1.1.0/24',"
	"'phones':[{'model':'7961','count':20},{'model':'7911','count':7}]}]}],'seed':%d,'faults':["
	"{'kind':'kill','share':'23%%','model':'7961','at':'2s','window':'10s','duration':'1s','duration_max':'3s'},"
	"{'kind':'crash','share':'75%%','model':'7961','at':'5s'},"
	"{'kind':'wan_cut','at':'1s','window':'1s','duration':'1s','duration_max':'2s'}]}";

static struct plan *plan_drawn(int seed)
{
	char text[sizeof(drawn) + 16];

	snprintf(text, sizeof(text), drawn, seed);
	return scenario_good(text, NULL);
}

START_TEST(shares_and_windows_are_drawn_by_the_seed)
{
	struct plan *plan = plan_drawn(1), *again = plan_drawn(1), *other = plan_drawn(2);
	bool struck[27] = {0}, differs = false;

	ck_assert_uint_eq(plan->fault_count, 5 + 15 + 1); /* 23 % of 20, rounded up; 75 % */
	for (uint32_t i = 0; i < plan->fault_count; i++) {
		const struct plan_fault *fault = &plan->faults[i];
		bool one = i < 20;

		ck_assert_int_eq(fault->phone, again->faults[i].phone);
		ck_assert_uint_eq(fault->at_us, again->faults[i].at_us);
		ck_assert_uint_eq(fault->duration_us, again->faults[i].duration_us);
		differs |= fault->phone != other->faults[i].phone || fault->at_us != other->faults[i].at_us;
		ck_assert_uint_eq(fault->entry, i < 5 ? 0 : one ? 1 : 2);
		ck_assert_int_eq(fault->drawn, one);
		if (!one)
			break;
		ck_assert_int_eq(fault->role, PLAN_ROLE_PHONE);
		ck_assert_int_lt(fault->phone, 20); /* of that model */
		ck_assert(!struck[fault->phone]);   /* by one of them alone */
		struck[fault->phone] = true;
		if (i >= 5) {
			ck_assert_uint_eq(fault->at_us, 5000000);
			ck_assert_uint_eq(fault->duration_us, PFS_TIME_NEVER);
			continue;
		}
		ck_assert(fault->at_us >= 2000000 && fault->at_us <= 12000000);
		ck_assert(fault->duration_us >= 1000000 && fault->duration_us <= 3000000);
		ck_assert(i == 0 || fault->at_us != plan->faults[0].at_us);
	}
	ck_assert(differs);
	ck_assert(plan->faults[20].at_us >= 1000000 && plan->faults[20].at_us <= 2000000);
	ck_assert(plan->faults[20].duration_us >= 1000000 && plan->faults[20].duration_us <= 2000000);
	plan_free(plan);
	plan_free(again);
	plan_free(other);
}
END_TEST

START_TEST(models_and_firmware)
{
	struct plan *plan = scenario_good(
		TOP("{'model':'7942','count':2},{'model':'7961'},{'model':'7941'},{'model':'7961','firmware':"
		    "'SCCP41.9-4-2SR3-1'}",
		    "'models':[{'name':'CP-7942G','firmware':'SCCP70.8-3-3','port_rate':'10mbit','pfs':true}],"
		    "'firmware':[{'models':['7961','7941'],'set':'SCCP41.9-4-2SR1-1'}],'scale':'1/100',"
		    "'enterprise':{'pfs':'enabled'},'lan':{'arp':'real','delay':'1ms'}"), NULL);

	ck_assert_str_eq(plan->models[plan->phones[0].model].name, "CP-7942G");
	ck_assert_uint_eq(plan->phones[0].port_bps, 10000000);
	ck_assert_str_eq(plan_phone_firmware(plan, 0)->name, "SCCP70.8-3-3");
	ck_assert_str_eq(plan_phone_firmware(plan, 2)->name, "SCCP41.9-4-2SR1-1");
	ck_assert_str_eq(plan->models[plan->phones[2].model].firmware, "SCCP41.9-4-2SR1-1");
	/* One set, two models: held once. */
	ck_assert_ptr_eq(plan_phone_firmware(plan, 2), plan_phone_firmware(plan, 3));
	ck_assert_str_eq(plan_phone_firmware(plan, 4)->name, "SCCP41.9-4-2SR3-1");
	ck_assert_uint_eq(plan->firmware_count, 3);
	/* F6: 7942, 7961, 7941, and 7961 with another set. */
	ck_assert_uint_eq(plan_hierarchies(plan), 4 * 6);
	ck_assert(plan->switches[0].real_arp);
	ck_assert_uint_eq(plan->subnets[0].lan_delay_us, 1000);
	plan_free(plan);
}
END_TEST

/* A folder is beside the scenario, and one name stands for one content at the server. */
START_TEST(folder_beside_the_scenario)
{
	char top[] = "/tmp/pfs-fleet-scenario-XXXXXX", path[128], command[160];
	static const char index[] = "\x80\x81SCCP41.9-4-2SR3-1S.loads\r\nmine.sbn\r\n";
	static const char good[] = PHONES("{'model':'7961','firmware':'folder:set'}");
	static const char clash[] = PHONES("{'model':'7961','firmware':'folder:set'},{'model':'7941'}");
	struct scenario_error error;
	struct plan *plan;
	char text[1024];

	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(path, sizeof(path), "%s/set", top);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/set/SCCP41.9-4-2SR3-1S.loads", top);
	FILE *file = fopen(path, "we");
	fwrite(index, 1, sizeof(index) - 1, file);
	fclose(file);
	snprintf(path, sizeof(path), "%s/set/mine.sbn", top);
	file = fopen(path, "we");
	fputs("mine", file);
	fclose(file);
	snprintf(path, sizeof(path), "%s/x.json", top);
	scenario_quotes(good, text, sizeof(text));
	int r = scenario_load_text(path, text, strlen(text), NULL, &plan, &error);
	ck_assert_msg(r == 0, "%s", error.line);
	ck_assert_uint_eq(plan->firmware[0].file_count, 2);
	/* The text as run finds it from anywhere. */
	snprintf(path, sizeof(path), "\"folder:%s/set\"", top);
	ck_assert_ptr_nonnull(strstr(plan->text, path));
	snprintf(path, sizeof(path), "%s/x.json", top);
	ck_assert_uint_eq(plan->firmware[0].total_bytes, sizeof(index) - 1 + 4);
	ck_assert_mem_eq(plan->firmware[0].content[1], "mine", 4);
	plan_free(plan);
	scenario_quotes(clash, text, sizeof(text));
	ck_assert_int_lt(scenario_load_text(path, text, strlen(text), NULL, &plan, &error), 0);
	ck_assert_ptr_nonnull(strstr(error.line, "SCCP41.9-4-2SR3-1S.loads is another file in"));
	snprintf(command, sizeof(command), "rm -r -- '%s'", top);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

/* What the command line said is in the text that the plan carries: the same run again, also past 2^53. */
START_TEST(as_run_is_the_same_run)
{
	static const uint64_t seeds[] = {0, 1, 9007199254740991, 9007199254740992,
					9007199254740993, 18446744073709551614u};
	struct scenario_overrides overrides = {.has_seed = true, .speed_milli = 2500};
	struct scenario_error error;
	struct plan *again;

	overrides.seed = seeds[_i];
	struct plan *plan = scenario_good(TOP("{'model':'7961','count':9}", "'speed':1,'reset':{'spread':'9s'}"),
					  &overrides);
	ck_assert_uint_eq(plan->seed, seeds[_i]);
	ck_assert_uint_eq(plan->speed_milli, 2500);
	int r = scenario_load_text("t.json", plan->text, strlen(plan->text), NULL, &again, &error);
	ck_assert_msg(r == 0, "%s", error.line);
	ck_assert_uint_eq(again->seed, plan->seed);
	ck_assert_uint_eq(again->speed_milli, plan->speed_milli);
	ck_assert_mem_eq(again->phones, plan->phones, plan->phone_count * sizeof(*plan->phones));
	ck_assert_str_eq(again->text, plan->text);
	plan_free(again);
	plan_free(plan);
}
END_TEST

/* So is the file's own seed, which was a number there and need not be printed as the same one. */
START_TEST(a_long_seed_is_kept)
{
	struct scenario_error error;
	struct plan *plan = scenario_good(WITH("'seed':9007199254740991"), NULL), *again;
	int r = scenario_load_text("t.json", plan->text, strlen(plan->text), NULL, &again, &error);

	ck_assert_msg(r == 0, "%s", error.line);
	ck_assert_uint_eq(plan->seed, 9007199254740991);
	ck_assert_uint_eq(again->seed, plan->seed);
	plan_free(again);
	plan_free(plan);
}
END_TEST

START_TEST(speeds)
{
	uint32_t milli = 0;

	ck_assert_int_eq(scenario_parse_speed("2", &milli), 0);
	ck_assert_uint_eq(milli, 2000);
	ck_assert_int_eq(scenario_parse_speed("0.5", &milli), 0);
	ck_assert_uint_eq(milli, 500);
	ck_assert_int_lt(scenario_parse_speed("0", &milli), 0);
	ck_assert_int_lt(scenario_parse_speed("1001", &milli), 0);
	ck_assert_int_lt(scenario_parse_speed("2x", &milli), 0);
	ck_assert_int_lt(scenario_parse_speed("", &milli), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scenario");
	TCase *tcase = tcase_create("scenario");

	tcase_add_test(tcase, shipped_scenarios_load);
	tcase_add_test(tcase, branch_office_is_as_promised);
	tcase_add_test(tcase, comments_and_strings);
	tcase_add_loop_test(tcase, setting_precedence, 0, 3);
	tcase_add_test(tcase, who_takes_part);
	tcase_add_test(tcase, bulk_reaches_whom_it_names);
	tcase_add_test(tcase, links);
	tcase_add_test(tcase, resets);
	tcase_add_test(tcase, log_server);
	tcase_add_test(tcase, server_short_and_long);
	tcase_add_test(tcase, faults);
	tcase_add_test(tcase, shares_and_windows_are_drawn_by_the_seed);
	tcase_add_test(tcase, models_and_firmware);
	tcase_add_test(tcase, folder_beside_the_scenario);
	tcase_add_loop_test(tcase, as_run_is_the_same_run, 0, 6);
	tcase_add_test(tcase, a_long_seed_is_kept);
	tcase_add_test(tcase, speeds);
	suite_add_tcase(suite, tcase);
	return tap_run(suite);
}
