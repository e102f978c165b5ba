/*
 * A question becomes a scenario: what people write by hand for such a fleet,
 * in the shortest form. Phones of each model are dealt out to the subnets as
 * evenly as they go; a subnet that gets none is left out.
 */
#include "emulator/capacity/question.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/scenario/units.h"

#define FIRST_NETWORK UINT32_C(0x0a000000)  /* 10.0.0.0 */
#define NETWORKS_END UINT32_C(0x0aff0000)   /* 10.255.0.0/16 is headquarters' and the WAN's */
#define BLOCK_BYTES 544                     /* of TFTP's 512, with its headers */
#define TIME_LIMIT "720h"                   /* the longest that a scenario may have */

__attribute__((format(printf, 2, 3))) static void fail(char error[QUESTION_ERROR_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, QUESTION_ERROR_MAX, format, arguments);
	va_end(arguments);
}

/* Replaces a member; the value is the object's then. */
static void put(cJSON *object, const char *name, cJSON *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	if (value && !cJSON_AddItemToObject(object, name, value))
		cJSON_Delete(value);
}

static void put_unit(cJSON *object, const char *name, uint64_t value, const struct unit *units)
{
	char text[40];

	units_format(value, units, text, sizeof(text));
	put(object, name, cJSON_CreateString(text));
}

/* As text: a number of JSON is a double to whoever reads it. */
static void put_seed(cJSON *root, uint64_t seed)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)seed);
	put(root, "seed", cJSON_CreateString(text));
}

static void put_reset(cJSON *root, const struct question_reset *reset)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "pattern", reset->staggered ? "staggered" : "mass");
	put_unit(object, reset->staggered ? "window" : "spread", reset->time_us, units_duration);
	put(root, "reset", object);
}

/* What the phones do anyway is left out, so that its runs are those of a question without it. */
static void put_what_if(cJSON *root, const struct question_setting *setting)
{
	cJSON *what_if = cJSON_GetObjectItemCaseSensitive(root, "what_if");
	bool real = setting->waits_percent == 100;
	char percent[8];

	if (!what_if)
		what_if = cJSON_AddObjectToObject(root, "what_if");
	if (setting->fan_out != QUESTION_UNSAID)
		put(what_if, "fan_out",
		    setting->fan_out == PFS_CHILDREN_MAX ? NULL : cJSON_CreateNumber((double)setting->fan_out));
	snprintf(percent, sizeof(percent), "%u%%", (uint8_t)setting->waits_percent);
	if (setting->waits_percent != QUESTION_UNSAID)
		put(what_if, "waits", real ? NULL : cJSON_CreateString(percent));
	if (setting->forward_early != QUESTION_UNSAID)
		put(what_if, "forward_early", setting->forward_early ? cJSON_CreateTrue() : NULL);
	if (what_if && !what_if->child)
		cJSON_DeleteItemFromObjectCaseSensitive(root, "what_if");
}

/* What is the same for a line and a scenario. */
static void put_setting(cJSON *root, const struct question_setting *setting, uint64_t seed)
{
	char text[40];

	put_seed(root, seed);
	if (setting->reset.said)
		put_reset(root, &setting->reset);
	put_what_if(root, setting);
	if (setting->scale_ppm != QUESTION_UNSAID) {
		snprintf(text, sizeof(text), "%llu/1000000", (unsigned long long)setting->scale_ppm);
		put(root, "scale", cJSON_CreateString(text));
	}
	if (setting->time_limit_us != QUESTION_UNSAID)
		put_unit(root, "time_limit", setting->time_limit_us, units_duration);
	else if (!cJSON_GetObjectItemCaseSensitive(root, "time_limit"))
		cJSON_AddStringToObject(root, "time_limit", TIME_LIMIT);
	if (setting->speed_milli != QUESTION_UNSAID)
		put(root, "speed", cJSON_CreateNumber((double)setting->speed_milli / 1000));
}

/* ------------------------------------------------------------ one line */

/* How many phones of each model a subnet gets: the odd ones of each model go on where the last model's ended. */
static void deal(const uint64_t *counts, uint32_t models, uint64_t subnets, uint64_t subnet, uint64_t *dealt)
{
	uint64_t first_odd = 0;

	for (uint32_t i = 0; i < models; i++) {
		uint64_t odd = counts[i] % subnets, place = (subnet + subnets - first_odd % subnets) % subnets;
		dealt[i] = counts[i] / subnets + (place < odd);
		first_odd += odd;
	}
}

/* Addresses for a subnet of so many: its own, the router's and the broadcast address besides. */
static uint32_t prefix_for(uint64_t phones)
{
	uint32_t prefix = 30;

	while (prefix > 8 && (UINT64_C(1) << (32 - prefix)) < phones + 3)
		prefix--;
	return prefix;
}

static cJSON *subnet_json(const struct question *question, const uint64_t *dealt, uint32_t number, uint32_t network,
			  uint32_t prefix)
{
	cJSON *subnet = cJSON_CreateObject(), *groups;
	char text[48], address[16];

	snprintf(text, sizeof(text), "subnet-%u", number);
	cJSON_AddStringToObject(subnet, "name", text);
	snprintf(text, sizeof(text), "%s/%u", units_format_address(network, address), prefix);
	cJSON_AddStringToObject(subnet, "network", text);
	groups = cJSON_AddArrayToObject(subnet, "phones");
	for (uint32_t i = 0; i < question->model_count; i++) {
		cJSON *group;
		if (!dealt[i])
			continue;
		group = cJSON_CreateObject();
		cJSON_AddStringToObject(group, "model", question->models[i].name);
		cJSON_AddNumberToObject(group, "count", (double)dealt[i]);
		cJSON_AddItemToArray(groups, group);
	}
	return subnet;
}

/* Networks of one size, the largest subnet's, one behind the other. False: there are not so many addresses. */
static bool add_subnets(cJSON *subnets, const struct question *question, const struct question_setting *setting)
{
	uint64_t counts[QUESTION_MODELS_MAX], dealt[QUESTION_MODELS_MAX], largest = 0;

	question_counts(question, setting->phones, counts);
	for (int pass = 0; pass < 2; pass++)
		for (uint64_t i = 0; i < setting->subnets; i++) {
			uint32_t prefix = prefix_for(largest);
			uint64_t network = FIRST_NETWORK + (i << (32 - prefix)), phones = 0;
			deal(counts, question->model_count, setting->subnets, i, dealt);
			for (uint32_t k = 0; k < question->model_count; k++)
				phones += dealt[k];
			largest = !pass && phones > largest ? phones : largest;
			if (!pass || !phones)
				continue;
			if (network + (UINT64_C(1) << (32 - prefix)) > NETWORKS_END)
				return false;
			cJSON_AddItemToArray(subnets, subnet_json(question, dealt, (uint32_t)i + 1, (uint32_t)network, prefix));
		}
	return true;
}

/*
 * Transfers in lock-step over a link that is the same to the microsecond stay in
 * step for ever: whoever finds the queue full once finds it full each time, and a
 * little more rate may double an upgrade. No real link is like that. So each
 * packet's way differs by up to the time of one block on the wire (Floyd and
 * Jacobson, "Traffic phase effects in packet-switched gateways", 1991), but no
 * more than half a round trip, which keeps its mean.
 */
static uint64_t jitter_us(const struct question_setting *setting)
{
	uint64_t block_us = BLOCK_BYTES * 8 * UINT64_C(1000000) / setting->wan_bps;

	return block_us < setting->rtt_us / 2 ? block_us : setting->rtt_us / 2;
}

static cJSON *from_line(const struct question *question, const struct question_setting *setting,
			char error[QUESTION_ERROR_MAX])
{
	cJSON *root = cJSON_CreateObject(), *site, *wan, *subnets;

	cJSON_AddStringToObject(root, "name", "plan");
	site = cJSON_CreateObject();
	cJSON_AddItemToArray(cJSON_AddArrayToObject(root, "sites"), site);
	cJSON_AddStringToObject(site, "name", "site");
	wan = cJSON_AddObjectToObject(site, "wan");
	put_unit(wan, "rate", setting->wan_bps, units_rate);
	put_unit(wan, "delay", (setting->rtt_us - jitter_us(setting)) / 2, units_duration);
	put_unit(wan, "jitter", jitter_us(setting), units_duration);
	subnets = cJSON_AddArrayToObject(site, "subnets");
	cJSON_AddStringToObject(cJSON_AddObjectToObject(root, "enterprise"), "pfs", "enabled");
	if (add_subnets(subnets, question, setting))
		return root;
	fail(error, "%llu phones in %llu subnets: more addresses than 10.0.0.0 to 10.254.255.255 has",
	     (unsigned long long)setting->phones, (unsigned long long)setting->subnets);
	cJSON_Delete(root);
	return NULL;
}

/* ------------------------------------------------------------ a scenario */

/* A rate of the scenario, where there is one. */
static void scale_rate(cJSON *link, uint64_t ppm)
{
	const cJSON *rate = link ? cJSON_GetObjectItemCaseSensitive(link, "rate") : NULL;
	uint64_t bps;

	if (!cJSON_IsString(rate) || units_parse(rate->valuestring, units_rate, &bps) != UNITS_OK)
		return;
	__extension__ unsigned __int128 scaled = (unsigned __int128)bps * ppm / 1000000;
	put_unit(link, "rate", scaled < 1000 ? 1000 : (uint64_t)scaled, units_rate);
}

static void change_wan(cJSON *wan, const struct question_setting *setting)
{
	cJSON *directions[] = { wan, cJSON_GetObjectItemCaseSensitive(wan, "down"),
				cJSON_GetObjectItemCaseSensitive(wan, "up") };

	for (int i = 0; i < 3; i++) {
		if (setting->wan_bps != QUESTION_UNSAID)
			cJSON_DeleteItemFromObjectCaseSensitive(directions[i], "rate");
		else if (setting->wan_ppm != QUESTION_UNSAID)
			scale_rate(directions[i], setting->wan_ppm);
		if (setting->rtt_us != QUESTION_UNSAID)
			cJSON_DeleteItemFromObjectCaseSensitive(directions[i], "delay");
	}
	if (setting->wan_bps != QUESTION_UNSAID)
		put_unit(wan, "rate", setting->wan_bps, units_rate);
	if (setting->rtt_us != QUESTION_UNSAID)
		put_unit(wan, "rtt", setting->rtt_us, units_duration);
}

static cJSON *from_scenario(const struct question *question, const struct question_setting *setting,
			    char error[QUESTION_ERROR_MAX])
{
	cJSON *root, *site;

	if (setting->phones != question->setting.phones || setting->subnets != question->setting.subnets) {
		fail(error, "%s: the phones and subnets of a scenario are its own", question->path);
		return NULL;
	}
	root = cJSON_Parse(question->text);
	cJSON_ArrayForEach(site, cJSON_GetObjectItemCaseSensitive(root, "sites"))
		change_wan(cJSON_GetObjectItemCaseSensitive(site, "wan"), setting);
	/* What a run has to show is no part of what it comes to. */
	cJSON_DeleteItemFromObjectCaseSensitive(root, "expect");
	/* A scale is there to have a run done sooner: a plan is of the fleet as it is, unless the setting says less. */
	cJSON_DeleteItemFromObjectCaseSensitive(root, "scale");
	return root;
}

char *question_text(const struct question *question, const struct question_setting *setting, uint64_t seed,
		    char error[QUESTION_ERROR_MAX])
{
	cJSON *root;
	char *text;

	error[0] = '\0';
	root = question->text ? from_scenario(question, setting, error) : from_line(question, setting, error);
	if (!root)
		return NULL;
	put_setting(root, setting, seed);
	text = cJSON_PrintUnformatted(root);
	cJSON_Delete(root);
	return text;
}
