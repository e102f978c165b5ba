/*
 * Plans for tests that need a fabric and no scenario: a site or more, some subnets,
 * phones numbered through, 10.S.0.0/16 for subnet S, the server at 192.0.2.69.
 */
#ifndef TESTS_NETNS_PLAN_BY_HAND_H
#define TESTS_NETNS_PLAN_BY_HAND_H

#include "emulator/plan/plan.h"

struct plan_by_hand {
	uint32_t phones;          /* spread over the subnets in equal runs */
	uint32_t subnets;         /* 0: 1 */
	uint32_t sites;           /* 0: 1; each has as many of the subnets */
	bool one_switch;          /* all subnets on one switch; else one each */
	bool real_arp;
	uint32_t speed_milli;     /* 0: 1000 */
	uint64_t port_bps;        /* 0: not limited */
	struct link_config down, up;
};

/* NULL: out of memory. The caller releases it with plan_by_hand_free(). */
struct plan *plan_by_hand(const struct plan_by_hand *wanted);
void plan_by_hand_free(struct plan *plan);

#endif
