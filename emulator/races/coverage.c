/*
 * Which (state, event) pairs of pfs-core a campaign met. A pair that cannot be
 * has its reason here, so that a pair that was merely never met stands out:
 * there the campaign, or the drawing of its cases, lacks something. Pairs that
 * take a coincidence of seconds are named too: tests/unit/test_late_events.c steps
 * each of them, so that it is not left to chance.
 */
#include <inttypes.h>
#include <stdbool.h>

#include "emulator/races/races.h"

#define BIT(state) (UINT32_C(1) << (state))
#define EVERY ((UINT32_C(1) << PFS_STATES) - 1)

/* The first rule that names a pair counts. */
static const struct {
	uint32_t states, events;
	const char *reason;
} impossible[] = {
	{ EVERY & ~BIT(PFS_ST_OFF), BIT(PFS_EV_START), "a start makes a new core: it is off until then" },
	{ BIT(PFS_ST_OFF), ~BIT(PFS_EV_START), "a core that is off has asked for nothing and has no port" },
	{ EVERY & ~BIT(PFS_ST_OPENING), BIT(PFS_EV_OPENED),
	  "the port is asked for in opening alone, and waited for" },
	{ BIT(PFS_ST_OPENING), EVERY & ~BIT(PFS_EV_OPENED),
	  "the port's answer comes at once in virtual time, before anything else" },
	{ EVERY & ~BIT(PFS_ST_VERIFYING), BIT(PFS_EV_VERIFIED),
	  "verification is asked for in verifying alone, and waited for" },
	{ EVERY & ~BIT(PFS_ST_JOINING), BIT(PFS_EV_CONNECTED),
	  "a phone dials in joining alone, and hangs up when it leaves" },
	{ BIT(PFS_ST_TFTP_WAITING) | BIT(PFS_ST_FAILED), BIT(PFS_EV_TFTP) | BIT(PFS_EV_TFTP_REFUSED),
	  "the TFTP socket is closed between attempts, and after the last" },
	{ BIT(PFS_ST_REBOOTED), ~UINT32_C(0), "a rebooted phone has closed its ports and waits for nothing" },
};

/* Possible, and so rare that thousands of seeds may pass without it. */
static const struct {
	uint32_t states, events;
	const char *reason, *test; /* of tests/unit/test_late_events.c */
} rare[] = {
	{ BIT(PFS_ST_HELD_UP) | BIT(PFS_ST_JOINING) | BIT(PFS_ST_RECEIVING) | BIT(PFS_ST_ORPHANED) |
		  BIT(PFS_ST_VERIFYING),
	  BIT(PFS_EV_TFTP) | BIT(PFS_EV_TFTP_REFUSED),
	  "a packet of a download that has ended, in the seconds for which its socket stays open",
	  "while_it_is_held_up, while_it_joins, while_it_receives, while_it_is_orphaned, while_it_verifies" },
	{ BIT(PFS_ST_HELD_UP), BIT(PFS_EV_DATAGRAM) | BIT(PFS_EV_ACCEPTED) | BIT(PFS_EV_LOST),
	  "only children of two files that are slow at once hold a phone up", "while_it_is_held_up" },
	{ BIT(PFS_ST_FAILED), BIT(PFS_EV_LOST), "a child is lost while a phone that has failed serves it",
	  "after_it_has_failed" },
};

static const char *const event_heads[PFS_EV_KINDS] = { "start",  "time",   "opened", "dgram", "tftp",
						       "refusd", "accept", "conn",   "bytes", "eof",
						       "lost",   "sent",   "verif" };

const char *race_impossible(enum pfs_state state, enum pfs_event_kind kind)
{
	for (size_t i = 0; i < sizeof(impossible) / sizeof(*impossible); i++)
		if ((impossible[i].states & BIT(state)) && (impossible[i].events & BIT(kind)))
			return impossible[i].reason;
	return NULL;
}

static bool is_rare(uint32_t state, uint32_t kind)
{
	for (size_t i = 0; i < sizeof(rare) / sizeof(*rare); i++)
		if ((rare[i].states & BIT(state)) && (rare[i].events & BIT(kind)))
			return true;
	return false;
}

void race_coverage_add(struct world_coverage *sum, const struct world_coverage *more)
{
	for (uint32_t s = 0; s < PFS_STATES; s++)
		for (uint32_t k = 0; k < PFS_EV_KINDS; k++)
			sum->met[s][k] += more->met[s][k];
}

/* Six columns are enough to tell rare from often. */
static void print_count(uint64_t count, FILE *stream)
{
	if (count >= UINT64_C(1000000000))
		fprintf(stream, " %5" PRIu64 "G", count / 1000000000);
	else if (count >= 1000000)
		fprintf(stream, " %5" PRIu64 "M", count / 1000000);
	else if (count >= 100000)
		fprintf(stream, " %5" PRIu64 "k", count / 1000);
	else
		fprintf(stream, " %6" PRIu64, count);
}

/* What the words of the table mean; of three seeds nobody takes "not met" for "never". */
static void print_legend(uint64_t seeds, uint32_t missed, uint32_t seldom, FILE *stream)
{
	fprintf(stream, "0     possible, and not met in %s %" PRIu64 " seed%s: %u pairs; another seed may\n",
		seeds == 1 ? "this" : "these", seeds, seeds == 1 ? "" : "s", missed);
	fprintf(stream,
		"rare  not met in them either, and takes a coincidence: %u pairs; each is stepped by a test of\n"
		"      tests/unit/test_late_events.c:\n",
		seldom);
	for (size_t i = 0; i < sizeof(rare) / sizeof(*rare); i++)
		fprintf(stream, "      %s (%s)\n", rare[i].reason, rare[i].test);
	fprintf(stream, "-     cannot be:\n");
	for (size_t i = 0; i < sizeof(impossible) / sizeof(*impossible); i++)
		fprintf(stream, "      %s\n", impossible[i].reason);
}

void race_coverage_print(const struct world_coverage *coverage, uint64_t seeds, FILE *stream)
{
	uint32_t met = 0, missed = 0, seldom = 0, contradicted = 0;

	fprintf(stream, "%-13s", "state");
	for (uint32_t k = 0; k < PFS_EV_KINDS; k++)
		fprintf(stream, " %6s", event_heads[k]);
	fputc('\n', stream);
	for (uint32_t s = 0; s < PFS_STATES; s++) {
		fprintf(stream, "%-13s", pfs_state_name((enum pfs_state)s));
		for (uint32_t k = 0; k < PFS_EV_KINDS; k++) {
			const char *reason = race_impossible((enum pfs_state)s, (enum pfs_event_kind)k);
			bool lacks = !coverage->met[s][k] && !reason;
			met += coverage->met[s][k] > 0;
			seldom += lacks && is_rare(s, k);
			missed += lacks && !is_rare(s, k);
			contradicted += coverage->met[s][k] && reason;
			if (coverage->met[s][k])
				print_count(coverage->met[s][k], stream);
			else
				fprintf(stream, " %6s", reason ? "-" : is_rare(s, k) ? "rare" : "0");
		}
		fputc('\n', stream);
	}
	fprintf(stream, "%u pairs met\n", met);
	print_legend(seeds, missed, seldom, stream);
	if (contradicted)
		fprintf(stream, "%u pairs were met that are said to be impossible\n", contradicted);
}
