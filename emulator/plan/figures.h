/*
 * The figures of summary.json by name: what a gate of a scenario, or of a
 * baseline, may be about. The loader refuses what is not here; a test holds the
 * table to a real summary.
 */
#ifndef FLEET_FIGURES_H
#define FLEET_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIGURE_PATH_MAX 96

/* How a figure is written in the summary, and how a limit of it is. */
enum figure_kind {
	FIGURE_COUNT,        /* a whole number, bare */
	FIGURE_BYTES,        /* bytes; a limit with its unit, "26MB" */
	FIGURE_SECONDS,      /* seconds of the scenario's clock, or of the host's; a limit as "90s" */
	FIGURE_MICROSECONDS, /* microseconds; a limit as "250us" */
	FIGURE_RATIO,        /* a bare number, or "20%" */
	FIGURE_TEXT,         /* a string */
	FIGURE_FLAG          /* true or false */
};

/* How two runs of one scenario and seed compare in it. */
enum figure_change {
	FIGURE_FIXED,  /* the same in every world and on every host, where no fault strikes */
	FIGURE_DRAWN,  /* the same in virtual time; else whatever order the kernel took */
	FIGURE_TIMED,  /* the same in virtual time; else measured, and longer is worse */
	FIGURE_HOST    /* of the host: says nothing about the fleet */
};

struct plan_figure {
	const char *name; /* below its part, as "wan.bytes_down" */
	enum figure_kind kind;
	enum figure_change change;
};

/* Where a figure stands; from a path by figure_find(). */
struct figure_place {
	const struct plan_figure *figure;
	bool full_size;      /* of the run beside a reduced one */
	bool run;            /* of one of the two modes, else of the summary's own parts */
	bool traditional;    /* run: which */
	bool hierarchy;      /* run: of one or all of its hierarchies */
	int32_t item;        /* hierarchy: which, -1 all */
	bool absent_is_none; /* counted by reason: what never happened is not written, and is 0 */
};

/*
 * Finds a path: "pfs.wan.bytes_down", "traditional.duration_s",
 * "comparison.duration_ratio", "fidelity.drops", "full_size.pfs.duration_s",
 * "pfs.hierarchies.depth" (each of them), "pfs.hierarchies[3].depth",
 * "pfs.tftp.direct_by_reason.port-closed". Returns 0, or -ENOENT with what is
 * known at that point in `known`, names with commas between.
 */
int figure_find(const char *path, struct figure_place *place, char *known, size_t size);

/* The figures of a run, of a hierarchy, of a comparison: lists that end in a NULL name. */
extern const struct plan_figure figures_run[], figures_hierarchy[], figures_comparison[];

#endif
