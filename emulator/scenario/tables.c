/*
 * The tables: each row a field with its type, range and default. This is the
 * whole vocabulary of a scenario. What each field means stands in
 * docs/scenario.md, under the table's name.
 */
#include "emulator/scenario/tables.h"

#include "emulator/plan/plan.h"

#define MS UINT64_C(1000)
#define S UINT64_C(1000000)
#define HOUR (3600 * S)
#define KBIT UINT64_C(1000)
#define GBIT UINT64_C(1000000000)

#define NAME_MAX_BYTES (PLAN_NAME_MAX - 1)

static const char *const settings[] = {"unset", "disabled", "enabled", NULL};
static const char *const port_rates[] = {"model", "unlimited", NULL};
static const char *const arps[] = {"switch", "real", NULL};
static const char *const broadcasts[] = {"directed", "limited", NULL};
static const char *const servers[] = {"embedded", "in.tftpd", "dnsmasq", NULL};
static const char *const patterns[] = {"mass", "staggered", NULL};
static const char *const faults[] = {"kill",	   "unplug",	  "crash",	 "wan_cut", "wan_degrade",
				     "wan_flap", "server_stop", "damage_tftp", "damage_tcp", "lan_disturb", "lan_split",
				     "slow_ports", "server_busy", "server_silent", "server_size", "tcp_reset",
				     "tcp_half_open", "slow_storage", "clock_drift", "hostile_root",
				     "hostile_flood", "hostile_garbage", "hostile_liar", "lan_lose", NULL};
static const char *const routers[] = {"everywhere", "first", NULL};
static const char *const directions[] = {"down", "up", NULL};
static const char *const phases[] = {"time", "claiming", "root_waiting", "tftp", "receiving", "serving", "state",
				     "event", NULL};
static const char *const messages[] = {"any", "claim", "answer", NULL};
/* As the core names them, with _ for -. */
static const char *const states[] = {"off", "opening", "held_up", "listening", "claiming", "following",
				     "joining", "member", "receiving", "orphaned", "root_waiting",
				     "tftp", "tftp_waiting", "verifying", "lingering", "rebooted",
				     "failed", NULL};
static const char *const events[] = {"started", "listening", "port_closed", "file_begun", "upgraded",
				     "failed", "rebooted", "claim", "timeout", "confirmed", "answer",
				     "yielded", "root_gave_up", "xfrcmd", "xfrcmd_heard", "joining",
				     "joined", "child", "redirected", "refused", "child_done",
				     "child_lost", "parent_lost", "blamed", "election_again",
				     "tftp_begun", "tftp_options", "tftp_retransmit", "tftp_error",
				     "tftp_done", "peer_begun", "peer_done", "verified",
				     "failure_passed", "dropped", NULL};
static const char *const roles[] = {"any", "root", "parent", "leaf", NULL};
static const char *const files[] = {"loads", "jar", "cnu", "apps", "dsp", "cvm", "0", "1",
				    "2",     "3",   "4",   "5",	   "6",	  "7",	 NULL};

_Static_assert(PFS_CHILDREN_MAX == 2, "what the phones do is the default of a what-if");
_Static_assert(PFS_SETTING_UNSET == 0 && PFS_SETTING_DISABLED == 1 && PFS_SETTING_ENABLED == 2,
	       "the words of a setting stand in the order of the enum");
_Static_assert(sizeof(faults) / sizeof(*faults) == PLAN_FAULT_KINDS + 1, "a word for each fault");
_Static_assert(sizeof(states) / sizeof(*states) == PFS_STATES + 1, "a word for each state");
_Static_assert(sizeof(events) / sizeof(*events) == PFS_TR_KINDS + 1, "a word for each event");
_Static_assert(sizeof(phases) / sizeof(*phases) == PLAN_PHASES + 1, "a word for each phase");
_Static_assert(sizeof(files) / sizeof(*files) == SPEC_FILES_NAMED + PFS_FILES_MAX + 1, "a word for each file");

#define AT(member) offsetof(struct SPEC, member)

#define SPEC spec_direction
static const struct field direction_fields[] = {
	{"rate", FIELD_RATE, AT(rate), KBIT, 100 * GBIT},
	{"delay", FIELD_DURATION, AT(delay), 0, 10 * S},
	{"jitter", FIELD_DURATION, AT(jitter), 0, 10 * S},
	{"loss", FIELD_SHARE, AT(loss), 0, 1000000},
	{"queue", FIELD_SIZE, AT(queue), 0, 1000000000},
	{0},
};
static const struct field_table direction_table = {"direction", sizeof(struct SPEC), direction_fields, NULL};
#undef SPEC

#define SPEC spec_wan
static const struct field wan_fields[] = {
	{"rate", FIELD_RATE, AT(rate), KBIT, 100 * GBIT},
	{"rtt", FIELD_DURATION, AT(rtt), 0, 20 * S},
	{"delay", FIELD_DURATION, AT(delay), 0, 10 * S},
	{"jitter", FIELD_DURATION, AT(jitter), 0, 10 * S},
	{"loss", FIELD_SHARE, AT(loss), 0, 1000000},
	{"queue", FIELD_SIZE, AT(queue), 0, 1000000000},
	{"down", FIELD_OBJECT, AT(down), .table = &direction_table},
	{"up", FIELD_OBJECT, AT(up), .table = &direction_table},
	{0},
};
static const struct field_table wan_table = {"wan", sizeof(struct SPEC), wan_fields, NULL};
#undef SPEC

#define SPEC spec_group
static const struct field group_fields[] = {
	{"model", FIELD_TEXT, AT(model), 1, PFS_MODEL_MAX - 1, .required = true},
	{"count", FIELD_COUNT, AT(count), 1, PLAN_PHONES_MAX, "1"},
	{"pfs", FIELD_CHOICE, AT(pfs), .fallback = "\"unset\"", .choices = settings},
	{"profile", FIELD_TEXT, AT(profile), 1, NAME_MAX_BYTES},
	{"running", FIELD_TEXT, AT(running), 1, 23},
	{"firmware", FIELD_TEXT, AT(firmware), 1, 4095},
	{"strength", FIELD_COUNT, AT(strength), 1, 0x7fffffff},
	{"reset", FIELD_DURATION, AT(reset), 0, 24 * HOUR},
	{0},
};
static const struct field_table group_table = {"phones", sizeof(struct SPEC), group_fields, NULL};
#undef SPEC

#define SPEC spec_subnet
static const struct field subnet_fields[] = {
	{"name", FIELD_TEXT, AT(name), 1, NAME_MAX_BYTES, .required = true},
	{"network", FIELD_NETWORK, AT(network), 8, 30, .required = true},
	{"switch", FIELD_TEXT, AT(lan_switch), 1, NAME_MAX_BYTES},
	{"broadcast", FIELD_CHOICE, AT(broadcast), .fallback = "\"directed\"", .choices = broadcasts},
	{"phones", FIELD_LIST, AT(phones), 1, 1000, .required = true, .table = &group_table},
	{0},
};
static const struct field_table subnet_table = {"subnet", sizeof(struct SPEC), subnet_fields, NULL};
#undef SPEC

#define SPEC spec_site
static const struct field site_fields[] = {
	{"name", FIELD_TEXT, AT(name), 1, NAME_MAX_BYTES, .required = true},
	{"wan", FIELD_OBJECT, AT(wan), .required = true, .table = &wan_table},
	{"subnets", FIELD_LIST, AT(subnets), 1, SPEC_SUBNETS_MAX, .required = true, .table = &subnet_table},
	{0},
};
static const struct field_table site_table = {"site", sizeof(struct SPEC), site_fields, NULL};
#undef SPEC

#define SPEC spec_lan
static const struct field lan_fields[] = {
	{"port_rate", FIELD_CHOICE, AT(port_rate), .fallback = "\"model\"", .choices = port_rates},
	{"delay", FIELD_DURATION, AT(delay), 0, S, "\"100us\""},
	{"arp", FIELD_CHOICE, AT(arp), .fallback = "\"switch\"", .choices = arps},
	{0},
};
static const struct field_table lan_table = {"lan", sizeof(struct SPEC), lan_fields, NULL};
#undef SPEC

#define SPEC spec_enterprise
static const struct field enterprise_fields[] = {
	{"pfs", FIELD_CHOICE, AT(pfs), .fallback = "\"unset\"", .choices = settings},
	{0},
};
static const struct field_table enterprise_table = {"enterprise", sizeof(struct SPEC), enterprise_fields, NULL};
#undef SPEC

#define SPEC spec_profile
static const struct field profile_fields[] = {
	{"name", FIELD_TEXT, AT(name), 1, NAME_MAX_BYTES, .required = true},
	{"pfs", FIELD_CHOICE, AT(pfs), .required = true, .choices = settings},
	{0},
};
static const struct field_table profile_table = {"profile", sizeof(struct SPEC), profile_fields, NULL};
#undef SPEC

#define SPEC spec_bulk
static const struct field bulk_fields[] = {
	{"site", FIELD_TEXT, AT(site), 1, NAME_MAX_BYTES},
	{"subnet", FIELD_TEXT, AT(subnet), 1, NAME_MAX_BYTES},
	{"model", FIELD_TEXT, AT(model), 1, PFS_MODEL_MAX - 1},
	{"pfs", FIELD_CHOICE, AT(pfs), .choices = settings},
	{"profile", FIELD_TEXT, AT(profile), 1, NAME_MAX_BYTES},
	{0},
};
static const struct field_table bulk_table = {"bulk", sizeof(struct SPEC), bulk_fields, NULL};
#undef SPEC

#define SPEC spec_server
static const struct field server_fields[] = {
	{"kind", FIELD_CHOICE, AT(kind), .fallback = "\"embedded\"", .choices = servers},
	{"address", FIELD_ADDRESS, AT(address), .fallback = "\"10.255.255.1\""},
	{"serving_limit", FIELD_COUNT, AT(serving_limit), 1, 60000, "500"},
	{"timeout", FIELD_DURATION, AT(timeout), 10 * MS, 255 * S, "\"2s\""},
	{"retries", FIELD_COUNT, AT(retries), 0, 100, "12"},
	{0},
};
static const struct field_table server_table = {"server", sizeof(struct SPEC), server_fields, "kind"};
#undef SPEC

#define SPEC spec_tftp
static const struct field tftp_fields[] = {
	{"blksize", FIELD_COUNT, AT(blksize), 8, 65464, "512"},
	{"tsize", FIELD_FLAG, AT(tsize), .fallback = "false"},
	{"timeout", FIELD_DURATION, AT(timeout), 0, 255 * S, "\"0s\""},
	{0},
};
static const struct field_table tftp_table = {"tftp", sizeof(struct SPEC), tftp_fields, NULL};
#undef SPEC

#define SPEC spec_firmware
static const struct field firmware_fields[] = {
	{"models", FIELD_TEXTS, AT(models), 1, 0, .required = true},
	{"set", FIELD_TEXT, AT(set), 1, 4095, .required = true},
	{0},
};
static const struct field_table firmware_table = {"firmware", sizeof(struct SPEC), firmware_fields, NULL};
#undef SPEC

#define SPEC spec_model
static const struct field model_fields[] = {
	{"name", FIELD_TEXT, AT(name), 1, PFS_MODEL_MAX - 1, .required = true},
	{"firmware", FIELD_TEXT, AT(firmware), 1, 4095, .required = true},
	{"port_rate", FIELD_RATE, AT(port_rate), KBIT, 100 * GBIT, "\"100mbit\""},
	{"pfs", FIELD_FLAG, AT(pfs), .fallback = "true"},
	{0},
};
static const struct field_table model_table = {"model", sizeof(struct SPEC), model_fields, NULL};
#undef SPEC

#define SPEC spec_reset
static const struct field reset_fields[] = {
	{"pattern", FIELD_CHOICE, AT(pattern), .fallback = "\"mass\"", .choices = patterns},
	{"spread", FIELD_DURATION, AT(spread), 0, 24 * HOUR},
	{"window", FIELD_DURATION, AT(window), 1, 24 * HOUR},
	{0},
};
static const struct field_table reset_table = {"reset", sizeof(struct SPEC), reset_fields, NULL};
#undef SPEC

#define SPEC spec_what_if
static const struct field what_if_fields[] = {
	{"fan_out", FIELD_COUNT, AT(fan_out), 1, PFS_FAN_OUT_MAX, "2"},
	{"waits", FIELD_SHARE, AT(waits), PFS_WAITS_PERCENT_MIN * 10000, 1000000, "\"100%\""},
	{"forward_early", FIELD_FLAG, AT(forward_early), .fallback = "false"},
	{0},
};
static const struct field_table what_if_table = {"what_if", sizeof(struct SPEC), what_if_fields, NULL};
#undef SPEC

#define SPEC spec_expect_trace
static const struct field expect_trace_fields[] = {
	{"event", FIELD_CHOICE, AT(event), .choices = events},
	{"state", FIELD_CHOICE, AT(state), .choices = states},
	{"phone", FIELD_TEXT, AT(phone), 15, 15},
	{"file", FIELD_CHOICE, AT(file), .choices = files},
	{"peer", FIELD_TEXT, AT(peer), 1, 15},
	{"reason", FIELD_TEXT, AT(reason), 1, 31},
	{"from", FIELD_DURATION, AT(from), 0, 720 * HOUR},
	{"until", FIELD_DURATION, AT(until), 1, 720 * HOUR},
	{"count", FIELD_COUNT, AT(count), 0, UINT32_MAX},
	{"min", FIELD_COUNT, AT(min), 1, UINT32_MAX},
	{"max", FIELD_COUNT, AT(max), 1, UINT32_MAX},
	{0},
};
static const struct field_table expect_trace_table = {"expect_trace", sizeof(struct SPEC), expect_trace_fields, NULL};
#undef SPEC

#define SPEC spec_expect_hierarchy
static const struct field expect_hierarchy_fields[] = {
	{"site", FIELD_TEXT, AT(site), 1, NAME_MAX_BYTES},
	{"subnet", FIELD_TEXT, AT(subnet), 1, NAME_MAX_BYTES},
	{"model", FIELD_TEXT, AT(model), 1, PFS_MODEL_MAX - 1},
	{"file", FIELD_CHOICE, AT(file), .choices = files},
	{"root", FIELD_TEXT, AT(root), 15, 15},
	{"roots_confirmed", FIELD_COUNT, AT(roots_confirmed), 0, PLAN_PHONES_MAX},
	{"wan_copies", FIELD_COUNT, AT(wan_copies), 0, PLAN_PHONES_MAX},
	{"members", FIELD_COUNT, AT(members), 0, PLAN_PHONES_MAX},
	{"depth_max", FIELD_COUNT, AT(depth_max), 1, PFS_LEVELS_MAX},
	{0},
};
static const struct field_table expect_hierarchy_table = {"expect_hierarchy", sizeof(struct SPEC),
							  expect_hierarchy_fields, NULL};
#undef SPEC

#define SPEC spec_expect
static const struct field expect_fields[] = {
	{"upgraded_min", FIELD_COUNT, AT(upgraded_min), 0, PLAN_PHONES_MAX},
	{"failed_max", FIELD_COUNT, AT(failed_max), 0, PLAN_PHONES_MAX},
	{"direct_max", FIELD_COUNT, AT(direct_max), 0, PLAN_PHONES_MAX},
	{"wan_copies_max", FIELD_COUNT, AT(wan_copies_max), 0, PLAN_PHONES_MAX},
	{"roots_confirmed_max", FIELD_COUNT, AT(roots_confirmed_max), 0, PLAN_PHONES_MAX},
	{"transfers_pfs", FIELD_COUNT, AT(transfers_pfs), 0, PLAN_PHONES_MAX},
	{"refused_other_subnet_min", FIELD_COUNT, AT(refused_other_subnet_min), 0, PLAN_PHONES_MAX},
	{"trace", FIELD_LIST, AT(trace), 0, PLAN_EXPECT_TRACES_MAX, .table = &expect_trace_table},
	{"hierarchies", FIELD_LIST, AT(hierarchies), 0, PLAN_EXPECT_HIERARCHIES_MAX,
	 .table = &expect_hierarchy_table},
	{0},
};
static const struct field_table expect_table = {"expect", sizeof(struct SPEC), expect_fields, NULL};
#undef SPEC

#define SPEC spec_gate
static const struct field gate_fields[] = {
	{"max", FIELD_VALUE, AT(max)},
	{"min", FIELD_VALUE, AT(min)},
	{"equal", FIELD_VALUE, AT(equal)},
	{0},
};
static const struct field_table gate_table = {"gate", sizeof(struct SPEC), gate_fields, NULL};
#undef SPEC

#define SPEC spec_disturbance
static const struct field disturbance_fields[] = {
	{"loss", FIELD_SHARE, AT(loss), 0, 1000000, "\"0%\""},
	{"duplicate", FIELD_SHARE, AT(duplicate), 0, 1000000, "\"0%\""},
	{"reorder", FIELD_SHARE, AT(reorder), 0, 1000000, "\"0%\""},
	{"delay", FIELD_DURATION, AT(delay), 0, 60 * S, "\"0s\""},
	{"hold", FIELD_DURATION, AT(hold), 1, 60 * S, "\"20ms\""},
	{0},
};
static const struct field_table disturbance_table = {"disturbance", sizeof(struct SPEC), disturbance_fields, NULL};
#undef SPEC

#define SPEC spec_fault
static const struct field fault_fields[] = {
	{"kind", FIELD_CHOICE, AT(kind), .required = true, .choices = faults},
	{"phase", FIELD_CHOICE, AT(phase), .choices = phases},
	{"at", FIELD_DURATION, AT(at), 0, 720 * HOUR},
	{"window", FIELD_DURATION, AT(window), 1, 720 * HOUR},
	{"share", FIELD_SHARE, AT(share), 1, 1000000},
	{"state", FIELD_CHOICE, AT(state), .choices = states},
	{"event", FIELD_CHOICE, AT(event), .choices = events},
	{"by", FIELD_TEXT, AT(by), 15, 15},
	{"nth", FIELD_COUNT, AT(nth), 1, 1000000},
	{"after", FIELD_DURATION, AT(after), 1, 24 * HOUR},
	{"percent", FIELD_COUNT, AT(percent), 0, 99},
	{"role", FIELD_CHOICE, AT(role), .choices = roles},
	{"phone", FIELD_TEXT, AT(phone), 15, 15},
	{"site", FIELD_TEXT, AT(site), 1, NAME_MAX_BYTES},
	{"subnet", FIELD_TEXT, AT(subnet), 1, NAME_MAX_BYTES},
	{"model", FIELD_TEXT, AT(model), 1, PFS_MODEL_MAX - 1},
	{"file", FIELD_CHOICE, AT(file), .choices = files},
	{"duration", FIELD_DURATION, AT(duration), 1, 720 * HOUR},
	{"duration_max", FIELD_DURATION, AT(duration_max), 1, 720 * HOUR},
	{"wan", FIELD_OBJECT, AT(wan), .table = &wan_table},
	{"period", FIELD_DURATION, AT(period), MS, 60 * 60 * S},
	{"lan", FIELD_OBJECT, AT(lan), .table = &disturbance_table},
	{"groups", FIELD_COUNT, AT(groups), 2, 1000},
	{"router", FIELD_CHOICE, AT(router), .choices = routers},
	{"hold", FIELD_DURATION, AT(hold), 1, 10 * 60 * S},
	{"served", FIELD_SHARE, AT(served), 0, 2000000},
	{"direction", FIELD_CHOICE, AT(direction), .choices = directions},
	{"rate", FIELD_RATE, AT(rate), 8 * KBIT, 100 * GBIT},
	{"fast", FIELD_SHARE, AT(fast), 1, 500000},
	{"slow", FIELD_SHARE, AT(slow), 1, 500000},
	{"from", FIELD_TEXT, AT(from), 15, 15},
	{"to", FIELD_TEXT, AT(to), 15, 15},
	{"message", FIELD_CHOICE, AT(message), .choices = messages},
	{"skip", FIELD_COUNT, AT(skip), 1, 1000000},
	{"count", FIELD_COUNT, AT(count), 1, 1000000},
	{"traditional", FIELD_FLAG, AT(traditional), .fallback = "false"},
	{0},
};
static const struct field_table fault_table = {"fault", sizeof(struct SPEC), fault_fields, NULL};
#undef SPEC

#define SPEC spec_scenario
static const struct field scenario_fields[] = {
	{"$schema", FIELD_TEXT, AT(schema), 0, 255},
	{"name", FIELD_TEXT, AT(name), 1, NAME_MAX_BYTES},
	{"description", FIELD_TEXT, AT(description), 0, 1000},
	{"seed", FIELD_SEED, AT(seed), .fallback = "1"},
	{"speed", FIELD_SPEED, AT(speed), 10, 1000000, "1"},
	{"scale", FIELD_SCALE, AT(scale), .fallback = "\"1\""},
	{"time_limit", FIELD_DURATION, AT(time_limit), S, 720 * HOUR, "\"24h\""},
	{"sites", FIELD_LIST, AT(sites), 1, SPEC_SITES_MAX, .required = true, .table = &site_table},
	{"lan", FIELD_OBJECT, AT(lan), .table = &lan_table},
	{"enterprise", FIELD_OBJECT, AT(enterprise), .table = &enterprise_table},
	{"profiles", FIELD_LIST, AT(profiles), 0, 1000, .table = &profile_table},
	{"bulk", FIELD_LIST, AT(bulk), 0, 1000, .table = &bulk_table},
	{"log_server", FIELD_TEXT, AT(log_server), 1, 95},
	{"server", FIELD_OBJECT, AT(server), .table = &server_table},
	{"tftp", FIELD_OBJECT, AT(tftp), .table = &tftp_table},
	{"firmware", FIELD_LIST, AT(firmware), 0, 100, .table = &firmware_table},
	{"models", FIELD_LIST, AT(models), 0, 100, .table = &model_table},
	{"reset", FIELD_OBJECT, AT(reset), .table = &reset_table},
	{"what_if", FIELD_OBJECT, AT(what_if), .table = &what_if_table},
	{"expect", FIELD_OBJECT, AT(expect), .table = &expect_table},
	{"gates", FIELD_MEMBERS, AT(gates), .table = &gate_table},
	{"faults", FIELD_LIST, AT(faults), 0, 1000, .table = &fault_table},
	{0},
};
const struct field_table scenario_table = {"scenario", sizeof(struct SPEC), scenario_fields, NULL};
#undef SPEC

const struct field_table *scenario_tables(size_t number)
{
	static const struct field_table *const all[] = {
		&scenario_table, &site_table,	  &wan_table,	 &direction_table, &subnet_table,
		&group_table,	 &lan_table,	  &enterprise_table, &profile_table, &bulk_table,
		&server_table,	 &tftp_table,	  &firmware_table, &model_table,   &reset_table,
		&expect_table,	 &fault_table,	  &disturbance_table, &expect_trace_table, &expect_hierarchy_table,
		&gate_table,	 &what_if_table,
	};

	return number < sizeof(all) / sizeof(*all) ? all[number] : NULL;
}
