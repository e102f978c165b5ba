/*
 * Stepping a phone's core through its journal again, and comparing each step
 * with what the journal says came of it.
 *
 * What counts as a difference: an action that is not there, is new, or has
 * another content; another amount consumed of a stream; another deadline; a
 * trace record that is not there, is new, or says something else. What does not:
 * trace records of kinds that the core of the run did not have (a build that
 * logs more), and with `ignore_trace` all of them.
 */
#ifndef FLEET_JOURNAL_REPLAY_H
#define FLEET_JOURNAL_REPLAY_H

#include "emulator/journal/reader.h"

struct replay_options {
	bool ignore_trace;
	/*
	 * Before and after the core is stepped with an event, for whoever wants to
	 * look; may be NULL. `seen` is what came of it now.
	 */
	void (*before)(void *context, const struct journal_item *item, const struct pfs_phone *core);
	void (*after)(void *context, const struct journal_item *item, const struct pfs_phone *core,
		      const struct pfs_actions *actions, const struct journal_outcome *seen);
	void *context;
};

struct replay_difference {
	uint64_t event, boot, at_us; /* number of the event from 1; of the boot from 0; scenario time */
	char entered[64];            /* the event, in a word */
	char expected[640], seen[1280];
};

struct replay_result {
	uint64_t events, traces; /* stepped; trace records that came of them */
	uint32_t boots;
	bool differs; /* then it ended there, and difference says how */
	struct replay_difference difference;
};

/*
 * `phone` is an index in the info's phones. Returns 0, or a negative errno where
 * the journal is bad, with a line in error; result holds what there was until
 * then.
 */
int replay_phone(struct journal_reader *reader, uint32_t phone, const struct replay_options *options,
		 struct replay_result *result, struct journal_error *error);

/* One line for people; returns text. */
char *replay_describe_event(const struct pfs_event *event, uint64_t payload, char *text, size_t size);
char *replay_describe_action(const struct pfs_action *action, char *text, size_t size);

#endif
