/*
 * What a seed means: the fleet, its network and a random subset of the faults,
 * so that combinations differ from seed to seed. Every number is a hash of
 * the seed and of how many were drawn before it.
 *
 * A further kind of fault is one more entry in the table of kinds.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/races/races.h"

#define DRAW_CASE 0x72616365 /* purpose of the draws ("race") */
#define FILES_A_SET 6        /* of every set by name that shares: the index and five components */
#define FAULTS_MAX 6         /* of one case */
#define SCALE_LARGE "1/4"    /* of the real firmware: three components of five are larger than a chunk */

struct dice {
	uint64_t seed, thrown;
	uint32_t files;     /* of the fleet's sets, at most */
	uint32_t phones;    /* of a fleet that is drawn; else 0 */
	const cJSON *sites; /* whose WAN may be degraded */
	cJSON *fleet;       /* the scenario of a fleet that is drawn; else NULL */
};

static uint32_t below(struct dice *dice, uint32_t bound)
{
	return (uint32_t)(pfs_draw(dice->seed, 0, DRAW_CASE, dice->thrown++) % bound);
}

static bool one_in(struct dice *dice, uint32_t n)
{
	return below(dice, n) == 0;
}

static void add_ms(cJSON *object, const char *name, uint32_t ms)
{
	char text[32];

	snprintf(text, sizeof(text), "%ums", ms);
	cJSON_AddStringToObject(object, name, text);
}

/* In its place where it stands already: a case that is drawn again is the same document. */
static void set_text(cJSON *scenario, const char *name, const char *text)
{
	cJSON *item = cJSON_CreateString(text);

	if (!cJSON_ReplaceItemInObjectCaseSensitive(scenario, name, item))
		cJSON_AddItemToObject(scenario, name, item);
}

/* ------------------------------------------------------------------ faults */

/* Short ones are the races: most are shorter than an election or a silence. */
static void add_duration(struct dice *dice, cJSON *fault, uint32_t forever_one_in)
{
	static const uint32_t most_ms[] = { 300, 3000, 20000, 120000, 400000 };

	if (!one_in(dice, forever_one_in))
		add_ms(fault, "duration", 1 + below(dice, most_ms[below(dice, 5)]));
}

static void add_file(struct dice *dice, cJSON *fault)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", below(dice, dice->files));
	if (one_in(dice, 2))
		cJSON_AddStringToObject(fault, "file", text);
}

static void upset_phone(struct dice *dice, cJSON *fault)
{
	static const struct {
		const char *phase, *role;
	} points[] = {
		{ "claiming", "any" },      { "root_waiting", "root" }, { "root_waiting", "parent" },
		{ "root_waiting", "leaf" }, { "tftp", "root" },         { "tftp", "parent" },
		{ "tftp", "leaf" },         { "receiving", "any" },     { "receiving", "parent" },
		{ "receiving", "leaf" },    { "serving", "root" },      { "serving", "parent" },
		{ "time", "any" },          { "time", "any" },          { "time", "root" },
		{ "time", "parent" },
	};
	uint32_t point = below(dice, sizeof(points) / sizeof(*points));
	const char *phase = points[point].phase;

	cJSON_AddStringToObject(fault, "phase", phase);
	cJSON_AddStringToObject(fault, "role", points[point].role);
	if (strcmp(phase, "time") == 0)
		add_ms(fault, "at", below(dice, 120000));
	else
		add_file(dice, fault);
	if (strcmp(phase, "tftp") == 0 || strcmp(phase, "receiving") == 0)
		cJSON_AddNumberToObject(fault, "percent", below(dice, 100));
	add_duration(dice, fault, 3);
}

static void upset_network(struct dice *dice, cJSON *fault)
{
	if (one_in(dice, 2)) {
		add_ms(fault, "at", below(dice, 90000));
	} else {
		cJSON_AddStringToObject(fault, "phase", "tftp");
		cJSON_AddNumberToObject(fault, "percent", below(dice, 100));
		add_file(dice, fault);
	}
	add_duration(dice, fault, 32);
}

static void degrade_wan(struct dice *dice, cJSON *fault)
{
	static const char *const losses[] = { "1%", "5%", "20%", "60%" };

	upset_network(dice, fault);
	cJSON_AddStringToObject(cJSON_AddObjectToObject(fault, "wan"), "loss", losses[below(dice, 4)]);
	/* The format wants to know whose, where there are several. */
	const cJSON *site = cJSON_GetArrayItem(dice->sites,
					       (int)below(dice, (uint32_t)cJSON_GetArraySize(dice->sites)));
	cJSON_AddStringToObject(fault, "site",
				cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(site, "name")));
}

static void damage(struct dice *dice, cJSON *fault)
{
	add_file(dice, fault);
	cJSON_AddNumberToObject(fault, "percent", below(dice, 100));
}

/* At a time, for a while: a switch that never heals proves little. */
static void upset_switch(struct dice *dice, cJSON *fault)
{
	add_ms(fault, "at", below(dice, 60000));
	add_duration(dice, fault, UINT32_MAX);
}

static void disturb(struct dice *dice, cJSON *fault)
{
	static const char *const shares[] = { "1%", "10%", "40%", "90%" };

	upset_switch(dice, fault);
	cJSON *lan = cJSON_AddObjectToObject(fault, "lan");
	cJSON_AddStringToObject(lan, "loss", shares[below(dice, 4)]);
	if (one_in(dice, 2))
		cJSON_AddStringToObject(lan, "duplicate", shares[below(dice, 4)]);
	if (one_in(dice, 2))
		cJSON_AddStringToObject(lan, "reorder", shares[below(dice, 4)]);
	if (one_in(dice, 3))
		add_ms(lan, "delay", 1 + below(dice, 1500));
	if (one_in(dice, 2))
		add_ms(lan, "hold", 1 + below(dice, 3000));
}

static void upset_server(struct dice *dice, cJSON *fault)
{
	add_ms(fault, "at", below(dice, 90000));
	add_duration(dice, fault, UINT32_MAX);
}

static void upset_connection(struct dice *dice, cJSON *fault)
{
	bool receiving = one_in(dice, 2);

	cJSON_AddStringToObject(fault, "phase", receiving ? "receiving" : "root_waiting");
	cJSON_AddStringToObject(fault, "role", one_in(dice, 2) ? "parent" : "leaf");
	if (receiving)
		cJSON_AddNumberToObject(fault, "percent", below(dice, 100));
	add_file(dice, fault);
}

static void half_open(struct dice *dice, cJSON *fault)
{
	upset_connection(dice, fault);
	cJSON_AddStringToObject(fault, "direction", one_in(dice, 2) ? "up" : "down");
	add_duration(dice, fault, 4);
}

static void drift(struct dice *dice, cJSON *fault)
{
	static const char *const shares[] = { "0.1%", "5%", "30%" };

	upset_phone(dice, fault);
	cJSON_AddStringToObject(fault, one_in(dice, 2) ? "fast" : "slow", shares[below(dice, 3)]);
}

/*
 * Readers that are not done when two more files are: whoever serves them is
 * held up. Else a rate at which a file of any scale takes its time.
 */
static void slow_reader(struct dice *dice, cJSON *fault)
{
	static const char *const slower[] = { "12kbit", "32kbit", "200kbit" };
	char text[16];

	snprintf(text, sizeof(text), "%u", dice->files > 3 ? below(dice, dice->files - 2) : 0);
	cJSON_AddStringToObject(fault, "file", text);
	add_ms(fault, "duration", 20000 + below(dice, 160000));
	cJSON_AddNumberToObject(fault, "percent", 0);
	cJSON_AddStringToObject(fault, "rate", slower[below(dice, 3)]);
}

/*
 * Readers that stand still for whoever serves them, though their beats come:
 * they do not take a chunk in its time, or they have the file and give no
 * verdict. Both want a file larger than a chunk and than what TCP takes beside
 * it: a fleet that is drawn gets files of that size.
 */
static void standing_reader(struct dice *dice, cJSON *fault)
{
	static const char *const rates[] = { "8kbit", "16kbit", "32kbit" };
	static const uint32_t large[] = { 1, 3, 5 };
	bool verdict = one_in(dice, 2);
	uint32_t file = large[below(dice, 3)];
	char text[16];

	if (dice->fleet)
		set_text(dice->fleet, "scale", SCALE_LARGE);
	snprintf(text, sizeof(text), "%u", file < dice->files ? file : dice->files - 1);
	cJSON_AddStringToObject(fault, "file", text);
	add_ms(fault, "duration", 60000 + below(dice, 240000));
	cJSON_AddNumberToObject(fault, "percent", verdict ? 50 + below(dice, 40) : below(dice, 30));
	cJSON_AddStringToObject(fault, "rate", rates[below(dice, verdict ? 2 : 3)]);
}

static void slow_storage(struct dice *dice, cJSON *fault)
{
	static const char *const rates[] = { "64kbit", "1mbit", "8mbit" };
	uint32_t sort = below(dice, 3);

	if (sort == 0) {
		upset_phone(dice, fault);
		cJSON_AddStringToObject(fault, "rate", rates[below(dice, 3)]);
		return;
	}
	cJSON_AddStringToObject(fault, "phase", "receiving");
	cJSON_AddStringToObject(fault, "role", one_in(dice, 3) ? "any" : "leaf");
	if (sort == 1)
		slow_reader(dice, fault);
	else
		standing_reader(dice, fault);
}

/* Longer and shorter than what TFTP waits for an answer. */
static void flap(struct dice *dice, cJSON *fault)
{
	static const uint32_t most_ms[] = { 50, 1500, 20000, 120000 };

	upset_network(dice, fault);
	add_ms(fault, "period", 1 + below(dice, most_ms[below(dice, 4)]));
}

/* From the first reset on, where each port's link comes up, or for those who come back. */
static void slow_ports(struct dice *dice, cJSON *fault)
{
	add_ms(fault, "at", one_in(dice, 2) ? 0 : below(dice, 60000));
	add_duration(dice, fault, 4);
	add_ms(fault, "hold", 1 + below(dice, one_in(dice, 2) ? 1000 : 45000));
}

static void server_size(struct dice *dice, cJSON *fault)
{
	static const char *const shares[] = { "0%", "10%", "50%", "99%", "101%", "200%" };

	upset_server(dice, fault);
	cJSON_AddStringToObject(fault, "served", shares[below(dice, 6)]);
	add_file(dice, fault);
}

/* Mostly for a while: after one for good nobody says by when the others must have ended. */
static void hostile(struct dice *dice, cJSON *fault)
{
	add_ms(fault, "at", below(dice, 60000));
	add_duration(dice, fault, 8);
}

/* Hundreds of broadcasts a second: for longer it is the same again and costs the campaign its time. */
static void noise(struct dice *dice, cJSON *fault)
{
	add_ms(fault, "at", below(dice, 60000));
	add_ms(fault, "duration", 1 + below(dice, 20000));
}

/* The phones' names are the fleet's that is drawn; of another one it is every phone's broadcasts that are lost. */
static void add_party(struct dice *dice, cJSON *fault, const char *name)
{
	char text[32];

	if (!dice->phones || one_in(dice, 2))
		return;
	snprintf(text, sizeof(text), "SEP021B54%06X", 1 + below(dice, dice->phones < 8 ? dice->phones : 8));
	cJSON_AddStringToObject(fault, name, text);
}

/* Of a claim or of an answer some: the first, the last, or one in the middle of five. */
static void lose(struct dice *dice, cJSON *fault)
{
	static const char *const messages[] = { "any", "claim", "answer" };
	uint32_t skip = below(dice, 6);

	upset_switch(dice, fault);
	cJSON_AddStringToObject(fault, "message", messages[below(dice, 3)]);
	add_party(dice, fault, one_in(dice, 2) ? "from" : "to");
	if (skip)
		cJSON_AddNumberToObject(fault, "skip", skip);
	if (!one_in(dice, 4))
		cJSON_AddNumberToObject(fault, "count", 1 + below(dice, 6));
}

static const struct {
	const char *name;
	void (*fill)(struct dice *dice, cJSON *fault);
} kinds[] = {
	{ "kill", upset_phone },
	{ "unplug", upset_phone },
	{ "crash", upset_phone },
	{ "wan_cut", upset_network },
	{ "wan_degrade", degrade_wan },
	{ "server_stop", upset_network },
	{ "damage_tftp", damage },
	{ "damage_tcp", damage },
	{ "lan_disturb", disturb },
	{ "lan_split", upset_switch },
	{ "server_busy", upset_server },
	{ "server_silent", upset_server },
	{ "tcp_reset", upset_connection },
	{ "tcp_half_open", half_open },
	{ "slow_storage", slow_storage },
	{ "clock_drift", drift },
	{ "hostile_root", hostile },
	{ "hostile_flood", noise },
	{ "hostile_garbage", noise },
	{ "hostile_liar", hostile },
	{ "wan_flap", flap },
	{ "slow_ports", slow_ports },
	{ "server_size", server_size },
	{ "lan_lose", lose },
};

/* Those that came later are drawn after the others, which are the same with a seed as they were. */
#define KINDS_FIRST 23

#define KIND_COUNT (sizeof(kinds) / sizeof(*kinds))
_Static_assert(KIND_COUNT <= RACE_FAULTS_MAX, "the mask has a bit for each");

const char *race_fault_name(uint32_t number)
{
	return number < KIND_COUNT ? kinds[number].name : NULL;
}

int race_faults_parse(const char *list, uint64_t *faults, const char **bad, int *length)
{
	*faults = 0;
	if (strcmp(list, "none") == 0)
		return 0;
	if (strcmp(list, "all") == 0) {
		*faults = UINT64_MAX;
		return 0;
	}
	for (const char *word = list;; word++) {
		size_t size = strcspn(word, ",");
		uint32_t i = 0;
		while (i < KIND_COUNT &&
		       (strlen(kinds[i].name) != size || strncmp(kinds[i].name, word, size)))
			i++;
		if (i == KIND_COUNT) {
			*bad = word;
			*length = (int)size;
			return -EINVAL;
		}
		*faults |= UINT64_C(1) << i;
		word += size;
		if (!*word)
			return 0;
	}
}

static void draw_faults(struct dice *dice, cJSON *scenario, const struct race_settings *settings)
{
	cJSON *faults = cJSON_GetObjectItemCaseSensitive(scenario, "faults");
	uint32_t drawn = 0, first, odds;

	/* One seed in eight has none: the races of an undisturbed election are the ones that matter most. */
	if (one_in(dice, 8))
		return;
	if (!faults)
		faults = cJSON_AddArrayToObject(scenario, "faults");
	/* Few faults show what each does, many what they do together; where there are too many, any may be
	 * missing. */
	odds = 4 + below(dice, 12);
	first = below(dice, KINDS_FIRST);
	for (uint32_t k = 0; k < KIND_COUNT; k++) {
		uint32_t i = k < KINDS_FIRST ? (first + k) % KINDS_FIRST : k;
		/* Drawn whether wanted or not, so that the others are the same where one is left out. */
		bool on = one_in(dice, odds);
		uint32_t times = 1 + below(dice, 3) / 2;
		struct dice own = *dice;
		own.seed = pfs_draw(dice->seed, i, DRAW_CASE, 1);
		own.thrown = 0;
		if (!on || !(settings->faults & UINT64_C(1) << i))
			continue;
		for (; times > 0 && drawn < FAULTS_MAX; times--, drawn++) {
			cJSON *fault = cJSON_CreateObject();
			cJSON_AddStringToObject(fault, "kind", kinds[i].name);
			kinds[i].fill(&own, fault);
			cJSON_AddItemToArray(faults, fault);
		}
	}
}

/* ------------------------------------------------------------------- fleet */

static void add_group(cJSON *phones, const char *model, uint32_t count, const char *pfs)
{
	cJSON *group = cJSON_CreateObject();

	if (!count) {
		cJSON_Delete(group);
		return;
	}
	cJSON_AddStringToObject(group, "model", model);
	cJSON_AddNumberToObject(group, "count", count);
	if (pfs)
		cJSON_AddStringToObject(group, "pfs", pfs);
	cJSON_AddItemToArray(phones, group);
}

static void add_subnet(struct dice *dice, cJSON *subnets, uint32_t number, uint32_t count, bool shared)
{
	static const char *const models[] = { "7941", "7911", "7961-GE" };
	cJSON *subnet = cJSON_CreateObject();
	char text[32];

	snprintf(text, sizeof(text), "floor-%u", number + 1);
	cJSON_AddStringToObject(subnet, "name", text);
	snprintf(text, sizeof(text), "10.%u.0.0/16", number + 1);
	cJSON_AddStringToObject(subnet, "network", text);
	if (shared) {
		cJSON_AddStringToObject(subnet, "switch", "shared");
		cJSON_AddStringToObject(subnet, "broadcast", "limited");
	}
	cJSON *phones = cJSON_AddArrayToObject(subnet, "phones");
	uint32_t others = one_in(dice, 4) ? below(dice, count) : 0;
	uint32_t without = one_in(dice, 6) ? below(dice, count - others) / 4 : 0;
	add_group(phones, "7961", count - others - without, NULL);
	add_group(phones, models[below(dice, 3)], others, NULL);
	add_group(phones, "7961", without, "disabled");
	cJSON_AddItemToArray(subnets, subnet);
}

/* One place of the three: what a phone's own page, its profile or the enterprise says, or leaves to the next. */
static const char *setting(struct dice *dice)
{
	static const char *const settings[] = { "enabled", "disabled", "unset" };

	return settings[below(dice, 3)];
}

/*
 * In one fleet of five who takes part is set in all the places where it can be,
 * and phones run the last firmware without it and the first with it (F10).
 */
static void mix_settings(struct dice *dice, cJSON *scenario, cJSON *subnets)
{
	static const char *const versions[] = { "8.2(2)SR4", "8.3(0)", "8.3(1)", "8.3(1)SR1", "10.0(0)" };
	struct dice own = { .seed = pfs_draw(dice->seed, 0, DRAW_CASE, UINT64_MAX) };
	cJSON *subnet, *group;

	if (!one_in(&own, 5))
		return;
	cJSON *profile = cJSON_CreateObject();
	cJSON_AddStringToObject(profile, "name", "common");
	cJSON_AddStringToObject(profile, "pfs", setting(&own));
	cJSON_AddItemToArray(cJSON_AddArrayToObject(scenario, "profiles"), profile);
	/* Most fleets are to share. */
	cJSON_ReplaceItemInObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(scenario, "enterprise"), "pfs",
					       cJSON_CreateString(one_in(&own, 3) ? setting(&own) : "enabled"));
	cJSON_ArrayForEach(subnet, subnets)
		cJSON_ArrayForEach(group, cJSON_GetObjectItemCaseSensitive(subnet, "phones"))
		{
			if (one_in(&own, 3) && !cJSON_HasObjectItem(group, "pfs"))
				cJSON_AddStringToObject(group, "pfs", setting(&own));
			if (one_in(&own, 3))
				cJSON_AddStringToObject(group, "profile", "common");
			if (one_in(&own, 2))
				cJSON_AddStringToObject(group, "running", versions[below(&own, 5)]);
		}
}

static cJSON *draw_fleet(struct dice *dice, const struct race_settings *settings)
{
	static const char *const rates[] = { "384kbit", "1.536mbit", "10mbit", "100mbit" };
	static const char *const scales[] = { "1/2000", "1/200", "1/60", "1/8" };
	static const uint32_t rtts_ms[] = { 2, 15, 30, 150 }, delays_us[] = { 50, 100, 1000, 5000 };
	static const uint32_t spreads_ms[] = { 0, 20, 600, 2000, 20000, 200000 };
	cJSON *scenario = cJSON_CreateObject(), *site = cJSON_CreateObject();
	uint32_t range = settings->phones_max - settings->phones_min + 1;
	uint32_t phones = dice->phones = settings->phones_min + below(dice, range);
	uint32_t subnets = phones >= 4 && one_in(dice, 5) ? 2 : 1;
	bool shared = one_in(dice, 2);
	char text[32];

	cJSON_AddStringToObject(scenario, "scale", scales[below(dice, 4)]);
	cJSON_AddStringToObject(scenario, "time_limit", "720h");
	cJSON_AddItemToArray(cJSON_AddArrayToObject(scenario, "sites"), site);
	cJSON_AddStringToObject(site, "name", "branch");
	cJSON *wan = cJSON_AddObjectToObject(site, "wan");
	cJSON_AddStringToObject(wan, "rate", rates[below(dice, 4)]);
	add_ms(wan, "rtt", rtts_ms[below(dice, 4)]);
	cJSON *list = cJSON_AddArrayToObject(site, "subnets");
	for (uint32_t i = 0; i < subnets; i++)
		add_subnet(dice, list, i, phones / subnets + (i < phones % subnets), subnets > 1 && shared);
	snprintf(text, sizeof(text), "%uus", delays_us[below(dice, 4)]);
	cJSON_AddStringToObject(cJSON_AddObjectToObject(scenario, "lan"), "delay", text);
	cJSON_AddStringToObject(cJSON_AddObjectToObject(scenario, "enterprise"), "pfs", "enabled");
	mix_settings(dice, scenario, list);
	uint32_t spread_ms = spreads_ms[below(dice, 6)];
	if (spread_ms)
		add_ms(cJSON_AddObjectToObject(scenario, "reset"), "spread", 1 + below(dice, spread_ms));
	return scenario;
}

char *race_draw(const struct race_settings *settings, uint64_t seed)
{
	struct dice dice = { .seed = seed, .files = settings->base ? settings->files : FILES_A_SET };
	cJSON *scenario = settings->base ? cJSON_Parse(settings->base) : draw_fleet(&dice, settings);
	char text[32];

	if (!scenario)
		return NULL;
	/* What the base expects is said of the base, without these faults; what must always hold is held anyway.
	 * Its schema is told relative to where it stands, and a case stands elsewhere. */
	cJSON_DeleteItemFromObjectCaseSensitive(scenario, "expect");
	cJSON_DeleteItemFromObjectCaseSensitive(scenario, "$schema");
	dice.sites = cJSON_GetObjectItemCaseSensitive(scenario, "sites");
	snprintf(text, sizeof(text), "race-%" PRIu64, seed);
	set_text(scenario, "name", text);
	snprintf(text, sizeof(text), "%" PRIu64, seed);
	set_text(scenario, "seed", text);
	dice.fleet = settings->base ? NULL : scenario;
	draw_faults(&dice, scenario, settings);
	char *json = cJSON_Print(scenario);
	cJSON_Delete(scenario);
	return json;
}
