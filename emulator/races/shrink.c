/*
 * Makes a failing case small. A case is a scenario document; each way to take
 * something away is tried on a copy, which is kept where the same invariant
 * still breaks. It goes round until a whole round takes nothing away: then
 * each single part of what is left is needed.
 *
 * A case may hang on what its fleet's size decides: what a phone draws depends
 * on its number, and a smaller fleet is elsewhere in its upgrade when a fault
 * strikes at a time. Where a round takes nothing away, phones are taken away
 * once more with other seeds, and faults at other times: what breaks then is
 * another run, and the same promise with fewer phones.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/races/races.h"
#include "pfs-core/pfs.h"

#define VARIATIONS 48     /* of a case with fewer phones that does not break as it is */
#define PHONES_FEW 3      /* no more is worth such a search */
#define ATTEMPTS_MAX 3000 /* a round that goes on for ever is a defect, not a hope */

struct shrinking {
	cJSON *scenario;
	const struct race_settings *settings;
	struct race_outcome outcome;
	uint64_t seed; /* of the case as it was found */
	bool varied;   /* it has another one by now */
	uint32_t attempts;
	int error;
};

enum { DRAW_SEED = 1, DRAW_AT };

/*
 * Changes the scenario's `index`-th place of its sort. Returns false where
 * there is no such place; *changed says whether there was anything to take.
 */
typedef bool (*cut_fn)(cJSON *scenario, uint32_t index, bool *changed);

static cJSON *member(cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static uint32_t size_of(cJSON *array)
{
	return (uint32_t)cJSON_GetArraySize(array);
}

static bool drop_fault(cJSON *scenario, uint32_t index, bool *changed)
{
	cJSON *faults = member(scenario, "faults");

	if (index >= size_of(faults))
		return false;
	cJSON_DeleteItemFromArray(faults, (int)index);
	*changed = true;
	return true;
}

/* The index-th subnet of all sites, and the array it stands in. */
static cJSON *subnet_at(cJSON *scenario, uint32_t index, cJSON **array, uint32_t *place)
{
	cJSON *site, *subnet;

	cJSON_ArrayForEach(site, member(scenario, "sites"))
	{
		uint32_t at = 0;
		*array = member(site, "subnets");
		cJSON_ArrayForEach(subnet, *array)
		{
			*place = at++;
			if (index-- == 0)
				return subnet;
		}
	}
	return NULL;
}

static bool drop_subnet(cJSON *scenario, uint32_t index, bool *changed)
{
	cJSON *array;
	uint32_t place;

	if (!subnet_at(scenario, index, &array, &place))
		return false;
	if (size_of(array) > 1) {
		cJSON_DeleteItemFromArray(array, (int)place);
		*changed = true;
	}
	return true;
}

static cJSON *group_at(cJSON *scenario, uint32_t index, cJSON **groups, uint32_t *place)
{
	cJSON *subnet, *group, *array;
	uint32_t ignored;

	for (uint32_t s = 0; (subnet = subnet_at(scenario, s, &array, &ignored)); s++) {
		uint32_t at = 0;
		*groups = member(subnet, "phones");
		cJSON_ArrayForEach(group, *groups)
		{
			*place = at++;
			if (index-- == 0)
				return group;
		}
	}
	return NULL;
}

static bool drop_group(cJSON *scenario, uint32_t index, bool *changed)
{
	cJSON *groups;
	uint32_t place;

	if (!group_at(scenario, index, &groups, &place))
		return false;
	if (size_of(groups) > 1) {
		cJSON_DeleteItemFromArray(groups, (int)place);
		*changed = true;
	}
	return true;
}

static bool fewer_phones(cJSON *scenario, uint32_t index, bool *changed, bool halve)
{
	cJSON *groups, *group;
	uint32_t place;

	group = group_at(scenario, index, &groups, &place);
	if (!group)
		return false;
	cJSON *count = member(group, "count");
	int phones = cJSON_IsNumber(count) ? count->valueint : 1;
	if (phones > 1) {
		cJSON_SetNumberValue(count, halve ? phones / 2 : phones - 1);
		*changed = true;
	}
	return true;
}

static bool halve_group(cJSON *scenario, uint32_t index, bool *changed)
{
	return fewer_phones(scenario, index, changed, true);
}

static bool one_phone_less(cJSON *scenario, uint32_t index, bool *changed)
{
	return fewer_phones(scenario, index, changed, false);
}

/* "1234ms" halved, or 1,000 ms less of what is long; a time in another unit is left as it is. */
static void shorten(cJSON *object, const char *name, bool *changed)
{
	cJSON *time = member(object, name);
	char text[32], *end;

	if (!cJSON_IsString(time))
		return;
	unsigned long ms = strtoul(time->valuestring, &end, 10);
	if (strcmp(end, "ms") != 0 || ms <= 1)
		return;
	snprintf(text, sizeof(text), "%lums", ms / 2);
	cJSON_SetValuestring(time, text);
	*changed = true;
}

static bool shorten_fault(cJSON *scenario, uint32_t index, bool *changed)
{
	cJSON *fault = cJSON_GetArrayItem(member(scenario, "faults"), (int)(index / 2));

	if (!fault)
		return false;
	shorten(fault, index % 2 ? "at" : "duration", changed);
	return true;
}

/* What a fault says more than it has to: the first point is as good as any. */
static bool simplify_fault(cJSON *scenario, uint32_t index, bool *changed)
{
	static const char *const names[] = { "percent", "file" };
	cJSON *fault = cJSON_GetArrayItem(member(scenario, "faults"), (int)(index / 2));

	if (!fault)
		return false;
	cJSON *point = member(fault, names[index % 2]);
	if (cJSON_IsNumber(point) && point->valueint > 0) {
		cJSON_SetNumberValue(point, 0);
		*changed = true;
	} else if (cJSON_IsString(point) && strcmp(point->valuestring, "0") != 0) {
		cJSON_SetValuestring(point, "0");
		*changed = true;
	}
	return true;
}

static bool no_spread(cJSON *scenario, uint32_t index, bool *changed)
{
	if (index > 0)
		return false;
	*changed = member(scenario, "reset") != NULL;
	cJSON_DeleteItemFromObjectCaseSensitive(scenario, "reset");
	return true;
}

static bool less_spread(cJSON *scenario, uint32_t index, bool *changed)
{
	if (index > 0)
		return false;
	shorten(member(scenario, "reset"), "spread", changed);
	return true;
}

static const cut_fn cuts[] = { drop_fault, drop_subnet, drop_group,    halve_group,   one_phone_less,
			       no_spread,  less_spread, shorten_fault, simplify_fault };

static const cut_fn smaller[] = { drop_subnet, drop_group, halve_group, one_phone_less };

/* True where the same invariant breaks in the candidate, which then is the case. Takes it over. */
static bool keep(struct shrinking *shrinking, cJSON *candidate)
{
	struct race_outcome outcome;
	char *json = cJSON_Print(candidate);
	bool same = false;

	if (!json)
		shrinking->error = -ENOMEM;
	/* A candidate that is no scenario any more (a fault that could never strike) is no case. */
	int r = json ? race_run_apart(json, shrinking->settings->sabotage, shrinking->settings->stop, &outcome) : 0;
	if (json && r == 0)
		same = strcmp(outcome.broken, shrinking->outcome.broken) == 0;
	if (r == -EINTR)
		shrinking->error = r;
	shrinking->attempts++;
	free(json);
	if (!same) {
		cJSON_Delete(candidate);
		return false;
	}
	cJSON_Delete(shrinking->scenario);
	shrinking->scenario = candidate;
	shrinking->outcome = outcome;
	return true;
}

/* Every place of one sort. True where something went. */
static bool cut_all(struct shrinking *shrinking, cut_fn cut, bool (*try)(struct shrinking *, cJSON *))
{
	bool any = false;

	for (uint32_t index = 0; !shrinking->error && shrinking->attempts < ATTEMPTS_MAX;) {
		cJSON *candidate = cJSON_Duplicate(shrinking->scenario, true);
		bool changed = false;
		if (!candidate) {
			shrinking->error = -ENOMEM;
			break;
		}
		bool there = cut(candidate, index, &changed);
		if (!there || !changed)
			cJSON_Delete(candidate);
		if (!there)
			break;
		/* What was kept may be cut at the same place again. */
		if (changed && try(shrinking, candidate))
			any = true;
		else
			index++;
	}
	return any;
}

/* Another seed, and other times for the faults that have one: up to a quarter later than they were. */
static bool vary(cJSON *scenario, uint64_t seed, uint32_t variation)
{
	cJSON *fault, *item;
	uint32_t entry = 0;
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, pfs_draw(seed, 0, DRAW_SEED, variation));
	item = cJSON_CreateString(text);
	if (!item || !cJSON_ReplaceItemInObjectCaseSensitive(scenario, "seed", item)) {
		cJSON_Delete(item);
		return false;
	}
	cJSON_ArrayForEach(fault, member(scenario, "faults"))
	{
		cJSON *at = member(fault, "at");
		char *end;
		entry++;
		if (!cJSON_IsString(at))
			continue;
		unsigned long ms = strtoul(at->valuestring, &end, 10);
		if (strcmp(end, "ms") != 0)
			continue;
		uint64_t most_ms = ms + ms / 4 + 1;
		snprintf(text, sizeof(text), "%" PRIu64 "ms",
			 pfs_draw(seed, entry, DRAW_AT, variation) % most_ms);
		cJSON_SetValuestring(at, text);
	}
	return true;
}

/* True where some variation of the candidate breaks as the case does. Takes it over. */
static bool keep_varied(struct shrinking *shrinking, cJSON *candidate)
{
	bool kept = false;

	for (uint32_t i = 1; i <= VARIATIONS && !kept && !shrinking->error; i++) {
		cJSON *varied = cJSON_Duplicate(candidate, true);
		if (varied && vary(varied, shrinking->seed, i)) {
			kept = keep(shrinking, varied);
			continue;
		}
		cJSON_Delete(varied);
		shrinking->error = -ENOMEM;
	}
	cJSON_Delete(candidate);
	shrinking->varied |= kept;
	return kept;
}

static void describe(struct shrinking *shrinking)
{
	char text[256];

	snprintf(text, sizeof(text), "The smallest case found in which this does not hold: %s.%s",
		 shrinking->outcome.broken,
		 shrinking->varied ? " With another seed and other times of faults than it was found with."
				   : "");
	cJSON *item = cJSON_CreateString(text);
	if (!cJSON_ReplaceItemInObjectCaseSensitive(shrinking->scenario, "description", item))
		cJSON_AddItemToObject(shrinking->scenario, "description", item);
}

static uint32_t phones_in(cJSON *scenario)
{
	cJSON *groups, *group;
	uint32_t place, phones = 0;

	for (uint32_t i = 0; (group = group_at(scenario, i, &groups, &place)); i++) {
		cJSON *count = member(group, "count");
		phones += cJSON_IsNumber(count) ? (uint32_t)count->valueint : 1;
	}
	return phones;
}

int race_shrink(const char *scenario, const struct race_settings *settings, const struct race_outcome *outcome,
		struct race_shrunk *shrunk)
{
	struct shrinking shrinking = { .scenario = cJSON_Parse(scenario),
				       .settings = settings,
				       .outcome = *outcome,
				       .seed = outcome->seed };
	bool any = true;

	*shrunk = (struct race_shrunk){ 0 };
	if (!shrinking.scenario)
		return -ENOMEM;
	while (any && !shrinking.error && shrinking.attempts < ATTEMPTS_MAX) {
		any = false;
		for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++)
			any |= cut_all(&shrinking, cuts[i], keep);
		for (size_t i = 0; i < sizeof(smaller) / sizeof(*smaller) && !any; i++)
			if (phones_in(shrinking.scenario) > PHONES_FEW)
				any = cut_all(&shrinking, smaller[i], keep_varied);
	}
	describe(&shrinking);
	shrunk->scenario = cJSON_Print(shrinking.scenario);
	shrunk->outcome = shrinking.outcome;
	shrunk->outcome.seed = outcome->seed;
	shrunk->attempts = shrinking.attempts;
	shrunk->phones = phones_in(shrinking.scenario);
	shrunk->faults = size_of(member(shrinking.scenario, "faults"));
	cJSON_Delete(shrinking.scenario);
	if (!shrunk->scenario && !shrinking.error)
		shrinking.error = -ENOMEM;
	return shrinking.error;
}
