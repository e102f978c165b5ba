/*
 * Headquarters (the server, the log server of F14) and the reset pattern (F11).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/scenario/build.h"
#include "emulator/scenario/units.h"

#define TRANSFER_NETWORK 0x0aff0000u      /* as in sites.c: 10.255.0.0/16 */
#define HEADQUARTERS_NETWORK 0x0affff00u  /* 10.255.255.0/24: never a transfer network */

static bool host_address(uint32_t address)
{
	uint32_t first = address >> 24;

	return first != 0 && first != 127 && first < 224;
}

static int build_server(struct build *build)
{
	const struct spec_server *spec = &build->spec->server;
	struct plan *plan = build->plan;
	const cJSON *node = spec->node ? document_member(spec->node, "address") : NULL;
	uint32_t address = (uint32_t)spec->address;

	if (!host_address(address))
		return document_fail(build->document, node, "is not an address of a host");
	if ((address & 0xffff0000u) == TRANSFER_NETWORK &&
	    ((address & 0xffffff00u) != HEADQUARTERS_NETWORK || (address & 255) == 0 || (address & 255) == 255))
		return document_fail(build->document, node, "is in 10.255.0.0/16, of which 10.255.255.1 to "
				     "10.255.255.254 are for headquarters");
	for (uint32_t i = 0; i < plan->subnet_count; i++) {
		if (((address ^ plan->subnets[i].network) & plan->subnets[i].netmask) == 0)
			return document_fail(build->document, node, "is in subnet \"%s\", headquarters is not",
					     plan->subnets[i].name);
	}
	plan->server = (struct plan_server){
		.kind = (enum plan_server_kind)spec->kind,
		.address = address,
		.serving_max = (uint32_t)spec->serving_limit,
		.timeout_us = spec->timeout,
		.retries_max = (uint32_t)spec->retries,
	};
	return 0;
}

static int build_tftp(struct build *build)
{
	const struct spec_tftp *spec = &build->spec->tftp;

	if (spec->timeout % 1000000)
		return document_fail(build->document, document_member(spec->node, "timeout"),
				     "must be whole seconds, \"0s\" (not asked for) to \"255s\"");
	build->plan->tftp_blksize = (uint16_t)spec->blksize;
	build->plan->tftp_tsize = (uint8_t)spec->tsize;
	build->plan->tftp_timeout_s = (uint8_t)(spec->timeout / 1000000);
	return 0;
}

/* "3-5", or "3" for 0 to 3; moves *text behind it. */
static bool level_range(const char **text, uint8_t max, uint8_t *low, uint8_t *high)
{
	const char *at = *text;

	if (*at < '0' || *at > '0' + max)
		return false;
	*low = 0;
	*high = (uint8_t)(*at++ - '0');
	if (*at == '-') {
		at++;
		*low = *high;
		if (*at < '0' || *at > '0' + max)
			return false;
		*high = (uint8_t)(*at++ - '0');
	}
	*text = at;
	return *low <= *high;
}

/* F14: address:port@@base=0-7;pfs=0-1 */
static bool parse_log_server(const char *text, struct plan_log_server *log)
{
	char address[16] = "";
	const char *colon = strchr(text, ':');
	unsigned long port;
	char *end;

	if (!colon || (size_t)(colon - text) >= sizeof(address))
		return false;
	memcpy(address, text, (size_t)(colon - text));
	if (units_parse_address(address, &log->address) < 0 || !host_address(log->address))
		return false;
	if (colon[1] < '1' || colon[1] > '9')
		return false;
	port = strtoul(colon + 1, &end, 10);
	if (port > 65535)
		return false;
	log->port = (uint16_t)port;
	if (strncmp(end, "@@base=", 7) != 0)
		return false;
	text = end + 7;
	if (!level_range(&text, 7, &log->base_min, &log->base_max) || strncmp(text, ";pfs=", 5) != 0)
		return false;
	text += 5;
	return level_range(&text, 1, &log->pfs_min, &log->pfs_max) && !*text;
}

static int build_log_server(struct build *build)
{
	struct plan_log_server *log = &build->plan->log_server;
	const char *text = build->spec->log_server;

	if (!text)
		return 0;
	if (!parse_log_server(text, log))
		return document_fail(build->document, document_member(build->spec->node, "log_server"),
				     "must be address:port@@base=LEVELS;pfs=LEVELS, as \"10.255.255.1:5140@@base=0-7;pfs=0-1\"");
	log->enabled = true;
	strncpy(log->text, text, sizeof(log->text) - 1);
	return 0;
}

int build_headquarters(struct build *build)
{
	int r = build_server(build);

	if (r == 0)
		r = build_tftp(build);
	return r == 0 ? build_log_server(build) : r;
}

int build_resets(struct build *build)
{
	const struct spec_reset *spec = &build->spec->reset;
	struct plan *plan = build->plan;
	uint64_t first = UINT64_MAX;

	plan->staggered = spec->pattern == SPEC_RESET_STAGGERED;
	if (plan->staggered && spec->spread != FIELD_ABSENT)
		return document_fail(build->document, document_member(spec->node, "spread"),
				     "goes with pattern \"mass\"; \"staggered\" has a window");
	if (!plan->staggered && spec->window != FIELD_ABSENT)
		return document_fail(build->document, document_member(spec->node, "window"),
				     "goes with pattern \"staggered\"; \"mass\" has a spread");
	if (plan->staggered && spec->window == FIELD_ABSENT)
		return document_fail_missing(build->document, spec->node, "window",
					     "a duration such as \"1h\" over which the phones are reset");
	if (plan->staggered)
		plan->reset_window_us = spec->window;
	else
		plan->reset_window_us = spec->spread != FIELD_ABSENT ? spec->spread : 0;
	if (plan->reset_window_us > plan->time_limit_us)
		return document_fail(build->document, document_member(spec->node, plan->staggered ? "window" : "spread"),
				     "is longer than the time limit");
	for (uint32_t i = 0; i < plan->phone_count; i++) {
		uint64_t *at = &plan->phones[i].reset_us;
		if (*at != FIELD_ABSENT) /* its group's own */
			plan->own_resets++;
		else if (plan->staggered) /* at most 4e6 phones times 9e10 us: no overflow */
			*at = plan->reset_window_us * i / plan->phone_count;
		else
			*at = pfs_draw(plan->seed, i, PLAN_DRAW_RESET, 0) % (plan->reset_window_us + 1);
		first = *at < first ? *at : first;
	}
	/* The clock begins with the first reset. */
	for (uint32_t i = 0; i < plan->phone_count; i++)
		plan->phones[i].reset_us -= first;
	return 0;
}
