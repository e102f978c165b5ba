/* A fault that was carried out, in words: for the summary and the terminal. */
#include "emulator/fault/fault.h"

static const char *role_word(const struct fault_order *order)
{
	switch (order->fault->role) {
	case PLAN_ROLE_ROOT:
		return "root ";
	case PLAN_ROLE_PARENT:
		return "parent ";
	case PLAN_ROLE_LEAF:
		return "leaf ";
	default:
		return "";
	}
}

static const char *verb(const struct fault_order *order)
{
	switch (order->kind) {
	case PLAN_FAULT_KILL:
		return order->end ? "has power again" : "killed";
	case PLAN_FAULT_UNPLUG:
		return order->end ? "plugged in again" : "unplugged";
	case PLAN_FAULT_CRASH:
		return order->end ? "started again" : "crashed";
	case PLAN_FAULT_WAN_CUT:
		return order->end ? "mended" : "cut";
	case PLAN_FAULT_WAN_DEGRADE:
		return order->end ? "as before" : "degraded";
	case PLAN_FAULT_SERVER_STOP:
		return order->end ? "started again" : "stopped";
	case PLAN_FAULT_DAMAGE_TFTP:
		return "gets a byte flipped by TFTP";
	case PLAN_FAULT_DAMAGE_TCP:
		return "gets a byte flipped by its parent";
	default:
		return "?";
	}
}

int fault_describe(const struct plan *plan, const struct fault_order *order, char *text, size_t size)
{
	static const char *const phases[PLAN_PHASES] = { "",         " while claiming",  " in root waiting",
							 " in tftp", " while receiving", " while serving" };
	const char *phase =
		!order->end && order->fault->phase < PLAN_PHASES ? phases[order->fault->phase] : "";
	char when[48] = "", file[PFS_NAME_MAX + 8] = "";

	if (*phase && order->fault->at_percent)
		snprintf(when, sizeof(when), "%s at %u %%", phase, order->fault->at_percent);
	else
		snprintf(when, sizeof(when), "%s", phase);
	if (order->kind == PLAN_FAULT_SERVER_STOP)
		return snprintf(text, size, "TFTP server %s%s", verb(order), when);
	if (order->kind == PLAN_FAULT_WAN_CUT || order->kind == PLAN_FAULT_WAN_DEGRADE)
		return snprintf(text, size, "WAN of %s %s%s",
				order->site >= 0 ? plan->sites[order->site].name : "every site", verb(order),
				when);
	if (!order->end && order->file >= 0)
		snprintf(file, sizeof(file), " of %s",
			 plan_phone_firmware(plan, (uint32_t)order->phone)->files[order->file].name);
	return snprintf(text, size, "%s%s %s%s%s", role_word(order), plan->phones[order->phone].name,
			verb(order), when, file);
}
