/*
 * The journal of one run of one mode: every event that entered the cores of the
 * chosen phones, so that `pfs-fleet replay` can step them through it again, on
 * any machine. Both worlds step their phones through journal_step(), and in no
 * other way.
 *
 * Events are gathered a phone, in memory; whole blocks go to the disk from a
 * thread of the journal's own, so that no phone ever waits for it. Past the size
 * limit, or where disk or memory fail, the journal is cut: what it has until
 * there can be replayed, the run goes on. docs/journal.md has the format.
 */
#ifndef FLEET_JOURNAL_H
#define FLEET_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/plan/plan.h"
#include "pfs-core/pfs.h"

#define JOURNAL_BYTES_MAX_DEFAULT (UINT64_C(256) << 20)

struct journal;

/* Why a journal does not hold all that entered the phones. */
enum journal_cut {
	JOURNAL_WHOLE,
	JOURNAL_CUT_SIZE,
	JOURNAL_CUT_DISK,
	JOURNAL_CUT_MEMORY,
	JOURNAL_CUT_ASSERTION, /* a core broke an assertion of its own */
	JOURNAL_CUTS
};

struct journal_options {
	const struct plan *plan; /* must outlive the journal */
	const char *path;        /* of the file, which must not be there yet */
	const char *engine;      /* "netns" or "sim" */
	bool traditional;
	int64_t origin_s;      /* wall-clock second that the console logs show for scenario time 0 */
	uint64_t bytes_max;    /* about: the file is cut once it has grown so far */
	const uint8_t *chosen; /* one a phone, 1: is journalled; NULL: all */
};

struct journal_result {
	uint32_t phones;
	uint64_t events, events_lost; /* entered the chosen phones; of these, not in the file */
	uint64_t bytes;               /* of the file */
	enum journal_cut cut;
	int disk_error; /* errno where cut is JOURNAL_CUT_DISK */
};

/* Makes the file. Returns 0, or a negative errno; nothing is left then. */
int journal_new(const struct journal_options *options, struct journal **journal);

/*
 * Writes what waits, ends the file and releases the journal; result may be
 * NULL. The file stays also where it was cut. NULL is allowed.
 */
void journal_close(struct journal *journal, struct journal_result *result);

/* As journal_close, and removes the file. */
void journal_discard(struct journal *journal);

/*
 * For a handler of SIGABRT: where a core broke an assertion of its own in
 * journal_step(), on this thread, the file is written to its end, with the event
 * that did it as the last one; the journal cannot be used afterwards. Elsewhere,
 * and with NULL, nothing is done: whoever aborts may be in the middle of
 * anything.
 */
void journal_rescue(struct journal *journal);

/*
 * pfs_phone_init(), for the boot of a phone that the plan numbers `phone`; and
 * pfs_step(), whose arguments and result it has. journal may be NULL: then that
 * is all they do. From any thread; a phone's from one at a time.
 */
int journal_phone_init(struct journal *journal, uint32_t phone, struct pfs_phone *core,
		       const struct pfs_config *config);
uint32_t journal_step(struct journal *journal, uint32_t phone, struct pfs_phone *core,
		      const struct pfs_event *event, struct pfs_actions *actions);

/*
 * Reads a choice of phones: items with commas between, each a name, an
 * address, a range A..B of either, a site, or site/subnet. chosen has room for one
 * octet a phone and is set to 1 for those. Returns 0, or -EINVAL with a line
 * in error that names the item and what there is.
 */
int journal_choose(const struct plan *plan, const char *text, uint8_t *chosen, char *error, size_t size);

/* For people: "size limit". */
const char *journal_cut_name(enum journal_cut cut);

#endif
