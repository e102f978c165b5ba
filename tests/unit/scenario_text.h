/*
 * Scenarios in tests: texts written with ' for ", and frames to put a part of
 * one into.
 */
#ifndef TESTS_SCENARIO_TEXT_H
#define TESTS_SCENARIO_TEXT_H

#include <check.h>
#include <string.h>

#include "emulator/scenario/scenario.h"

#define SITES(sites) "{'sites':[" sites "]}"
#define SUBNETS "'subnets':[{'name':'s','network':'10.1.1.0/24','phones':[{'model':'7961','count':4}]}]"
#define SITE_A "{'name':'a','wan':{'rate':'1mbit','rtt':'10ms'}," SUBNETS "}"
#define WITH(rest) "{'sites':[" SITE_A "]," rest "}"
#define WAN(wan) SITES("{'name':'a','wan':{" wan "}," SUBNETS "}")
#define TOP_SUBNET(subnet) "'sites':[{'name':'a','wan':{'rate':'1mbit','rtt':'10ms'},'subnets':[{" subnet "}]}]"
#define SUBNET(subnet) "{" TOP_SUBNET(subnet) "}"
#define PHONES(phones) SUBNET("'name':'s','network':'10.1.1.0/24','phones':[" phones "]")
#define TOP(phones, rest) "{" TOP_SUBNET("'name':'s','network':'10.1.1.0/24','phones':[" phones "]") "," rest "}"

static inline void scenario_quotes(const char *from, char *to, size_t size)
{
	size_t i = 0;

	for (; from[i] && i + 1 < size; i++)
		to[i] = from[i] == '\'' ? '"' : from[i];
	to[i] = '\0';
}

/* Loads a text that has to be good; the caller frees the plan. */
static inline struct plan *scenario_good(const char *text, const struct scenario_overrides *overrides)
{
	struct scenario_error error;
	struct plan *plan;
	char quoted[4096];

	scenario_quotes(text, quoted, sizeof(quoted));
	int r = scenario_load_text("t.json", quoted, strlen(quoted), overrides, &plan, &error);
	ck_assert_msg(r == 0, "%s", error.line);
	return plan;
}

#endif
