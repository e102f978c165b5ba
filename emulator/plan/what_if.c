/*
 * What-if: knobs that no real phone has, to ask what a protocol with another tree
 * would come to. A run with one of them turned is never to be taken for what the
 * phones do, so there is one text for it, which stands wherever such a run shows.
 */
#include "emulator/plan/plan.h"

#include <stdarg.h>
#include <stdio.h>

uint32_t plan_fan_out(const struct plan *plan)
{
	return plan->what_if.fan_out ? plan->what_if.fan_out : PFS_CHILDREN_MAX;
}

uint64_t plan_wait_us(const struct plan *plan, uint64_t wait_us)
{
	const struct pfs_config config = { .waits_percent = plan->what_if.waits_percent };

	return pfs_wait_us(&config, wait_us);
}

static bool other_fan_out(const struct plan_what_if *what_if)
{
	return what_if->fan_out && what_if->fan_out != PFS_CHILDREN_MAX;
}

static bool shorter_waits(const struct plan_what_if *what_if)
{
	return what_if->waits_percent && what_if->waits_percent != 100;
}

bool plan_is_what_if(const struct plan_what_if *what_if)
{
	return other_fan_out(what_if) || shorter_waits(what_if) || what_if->forward_early;
}

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t *length, const char *format, ...)
{
	va_list arguments;

	*length += (size_t)snprintf(text + *length, PLAN_WHAT_IF_MAX - *length, "%s",
				    *length ? ", " : "what-if: ");
	va_start(arguments, format);
	*length += (size_t)vsnprintf(text + *length, PLAN_WHAT_IF_MAX - *length, format, arguments);
	va_end(arguments);
}

const char *plan_what_if_text(const struct plan_what_if *what_if, char text[PLAN_WHAT_IF_MAX])
{
	size_t length = 0;

	text[0] = '\0';
	if (other_fan_out(what_if))
		append(text, &length, "fan-out %u", what_if->fan_out);
	if (shorter_waits(what_if))
		append(text, &length, "waits %u %%", what_if->waits_percent);
	if (what_if->forward_early)
		append(text, &length, "files forwarded early");
	return text;
}
