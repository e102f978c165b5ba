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
	case PLAN_FAULT_WAN_FLAP:
		return order->end ? "steady again" : "flapping";
	case PLAN_FAULT_SERVER_STOP:
		return order->end ? "started again" : "stopped";
	case PLAN_FAULT_DAMAGE_TFTP:
		return "gets a flipped byte by TFTP";
	case PLAN_FAULT_DAMAGE_TCP:
		return "gets a flipped byte from its parent";
	case PLAN_FAULT_LAN_DISTURB:
		return order->end ? "as before" : "disturbed";
	case PLAN_FAULT_LAN_SPLIT:
		return order->end ? "whole again" : "split";
	case PLAN_FAULT_SLOW_PORTS:
		return order->end ? "forwards at once again" : "slow to forward";
	case PLAN_FAULT_SERVER_BUSY:
		return order->end ? "takes requests again" : "busy";
	case PLAN_FAULT_SERVER_SILENT:
		return order->end ? "speaks again" : "silent";
	case PLAN_FAULT_SERVER_SIZE:
		return order->end ? "serves the true length again" : "serves a wrong length";
	case PLAN_FAULT_TCP_RESET:
		return "loses the connection to its parent";
	case PLAN_FAULT_TCP_HALF_OPEN:
		if (order->end)
			return "has both directions to its parent again";
		return order->fault->upwards ? "is not heard by its parent" : "does not hear its parent";
	case PLAN_FAULT_SLOW_STORAGE:
		return order->end ? "has fast storage again" : "has slow storage";
	case PLAN_FAULT_HOSTILE_ROOT:
		return order->end ? "honest again" : "made a false root";
	case PLAN_FAULT_HOSTILE_FLOOD:
		return order->end ? "honest again" : "made to flood the LAN with claims";
	case PLAN_FAULT_HOSTILE_GARBAGE:
		return order->end ? "honest again" : "made to send garbage";
	case PLAN_FAULT_HOSTILE_LIAR:
		return order->end ? "honest again" : "made to lie about the trees";
	case PLAN_FAULT_LAN_LOSE:
		return order->end ? "as before" : "loses certain broadcasts";
	case PLAN_FAULT_CLOCK_DRIFT:
		if (order->end)
			return "has a true clock again";
		return order->fault->drift_ppm < 0 ? "has a slow clock" : "has a fast clock";
	default:
		return "?";
	}
}

/* A switch has no name of its own: that of the first subnet on it. */
static const char *switch_name(const struct plan *plan, int64_t lan_switch)
{
	for (uint32_t i = 0; i < plan->subnet_count; i++)
		if (plan->subnets[i].lan_switch == lan_switch)
			return plan->subnets[i].name;
	return "?";
}

int fault_describe(const struct plan *plan, const struct fault_order *order, char *text, size_t size)
{
	static const char *const phases[PLAN_PHASES] = { "",         " while claiming",  " in root waiting",
							 " in tftp", " while receiving", " while serving", "", "" };
	const char *phase =
		!order->end && order->fault->phase < PLAN_PHASES ? phases[order->fault->phase] : "";
	char when[48] = "", file[PFS_NAME_MAX + 8] = "";

	if (!order->end && order->fault->phase == PLAN_PHASE_STATE)
		snprintf(when, sizeof(when), " in state %s", pfs_state_name(order->fault->state));
	else if (!order->end && order->fault->phase == PLAN_PHASE_EVENT)
		snprintf(when, sizeof(when), " at event %s", pfs_trace_name(order->fault->event));
	else if (*phase && order->fault->at_percent)
		snprintf(when, sizeof(when), "%s at %u %%", phase, order->fault->at_percent);
	else
		snprintf(when, sizeof(when), "%s", phase);
	if (plan_fault_scope(order->kind) == PLAN_SCOPE_SERVER)
		return snprintf(text, size, "TFTP server %s%s", verb(order), when);
	if (plan_fault_scope(order->kind) == PLAN_SCOPE_LAN && order->lan_switch >= 0)
		return snprintf(text, size, "LAN of %s %s%s", switch_name(plan, order->lan_switch), verb(order),
				when);
	if (plan_fault_scope(order->kind) == PLAN_SCOPE_LAN)
		return snprintf(text, size, "every LAN of %s %s%s",
				order->site >= 0 ? plan->sites[order->site].name : "every site", verb(order),
				when);
	if (plan_fault_scope(order->kind) == PLAN_SCOPE_WAN)
		return snprintf(text, size, "WAN of %s %s%s",
				order->site >= 0 ? plan->sites[order->site].name : "every site", verb(order),
				when);
	/* Without a place in the file it is what was under way. */
	if (!order->end && order->file >= 0)
		snprintf(file, sizeof(file), "%s%s", order->fault->at_percent ? " of " : ", at ",
			 plan_phone_firmware(plan, (uint32_t)order->phone)->files[order->file].name);
	return snprintf(text, size, "%s%s %s%s%s", role_word(order), plan->phones[order->phone].name,
			verb(order), when, file);
}
