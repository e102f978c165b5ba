/*
 * All behaviours of a small fleet: two to four phones of one hierarchy on one
 * switch, and the server, with the real core stepped and nothing drawn at
 * random. Every order in which what is enabled may happen is tried, and every
 * state that can be reached is visited once.
 *
 * What is modelled, and where it is less than a real network:
 *
 * - Time is counted in ticks of delay_us. A timer fires in the tick of its
 *   deadline; a deadline between two ticks (from a strength, a draw or a round
 *   trip) is moved up to the next, as if it had been drawn so.
 * - Slow timers (of connections, of members that watch their root, of lingering,
 *   of a TFTP socket kept open after its transfer) fire at the next whole second, as on
 *   a coarse timer wheel: late by less than that, never early. Without it every
 *   tick between two joiners would be carried on for a minute.
 * - A broadcast (to each phone separately), a TFTP packet, each step of a TCP
 *   handshake, each frame of a connection, and a verification, take 0 or
 *   delay_us, in any order; frames of one connection in theirs. At equal time
 *   what has to arrive by then comes before a time-out; what may arrive later comes
 *   before or after it.
 * - Lost are broadcasts (for each phone separately) and TFTP packets, `drops`
 *   of them in all. TCP is reliable; SENT follows at once.
 * - A phone is killed as if its power were cut, instead of taking its next
 *   event: earlier makes no difference that anybody could see. Nothing is heard of
 *   it again; who has sent it something gives the connection up after 15 s.
 * - A random draw is the least sixteenth of its range, the middle or the
 *   greatest sixteenth: the phone is stepped with a seed that draws so. XIDs are
 *   drawn from one seed and differ.
 * - Strengths come in every order, ties included, and lie so close together
 *   that all phones stop listening in one tick.
 * - The server (server.c) has the retransmissions of the one that the other
 *   worlds run; a test holds the two together.
 *
 * States are compared with times relative to now, without statistics, and
 * without what the core will write before it reads it again (normalise.c).
 *
 * Orders of strengths that are alike but for the phones' names are searched once
 * (orders.c); each order is searched by one worker, and what comes out does not depend on
 * how many there are. Only seconds_max looks at a clock, and whoever is stopped
 * by it, or by a signal, says so.
 */
#ifndef FLEET_SEARCH_H
#define FLEET_SEARCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SEARCH_PHONES_MIN 2
#define SEARCH_PHONES_MAX 4
#define SEARCH_FILES_MAX 2
#define SEARCH_DROPS_MAX 9
#define SEARCH_KILLS_MAX 3
#define SEARCH_SLOW_US UINT64_C(1000000)
#define SEARCH_TICK_US UINT64_C(25000) /* a quarter of the shortest timer, and divides all of them */

/* One thing that happened; its meaning is search/events.c's. */
struct search_event {
	uint8_t kind, index, target, variant;
};

/* How far it is, about four times a second. */
struct search_progress {
	uint64_t states, memory_bytes; /* so far; now */
	uint32_t orders_done, orders;  /* of those that are searched */
	double elapsed_s;
};

struct search_options {
	uint32_t phones, files, drops, kills;
	uint64_t states_max;  /* stop an order there; 0: no bound */
	uint32_t seconds_max; /* stop then; 0: no bound */
	const volatile sig_atomic_t *stop; /* not 0: stop now; may be NULL */
	uint32_t depth_max;   /* events of a path; 0: no bound */
	uint64_t transitions_max; /* stop an order there; 0: no bound */
	uint32_t only_order;  /* this ordering of strengths alone, from 1; 0: all */
	uint32_t lead;        /* begin only after so many events, each the first that is enabled */
	uint32_t workers;     /* 1 to 64; 0: as many as there are processors */
	bool plain;           /* every path is walked, whatever was visited: for tests, with depth_max */
	bool all_orders;      /* those too that are like another */
	bool planted;         /* for tests: an invariant more, that does not hold (check.c) */
	void (*progress)(void *context, const struct search_progress *progress); /* or NULL */
	void *context;
};

#define SEARCH_INTERRUPTED "interrupt" /* .bound of who was stopped by *stop */

enum search_verdict {
	SEARCH_HOLDS,         /* all states visited, all invariants held */
	SEARCH_BROKEN,        /* one did not: .broken, .path */
	SEARCH_NOT_EXHAUSTED, /* a bound was met first: nothing was found up to there */
};

struct search_result {
	enum search_verdict verdict;
	const char *bound;          /* NOT_EXHAUSTED: which */
	const char *broken;         /* BROKEN: the invariant; static text */
	uint64_t states;            /* different ones, in the orders that were searched */
	uint64_t states_all_orders; /* with those of the orders that are like these */
	uint64_t transitions;
	uint64_t ends;            /* states in which nothing can happen any more */
	uint64_t fingerprint;     /* of the set of states, whatever the order they were met in */
	uint32_t deepest;         /* events of the longest path */
	uint32_t orders;          /* orderings of strengths */
	uint32_t orders_searched; /* of them */
	uint32_t orders_done;     /* exhausted, or like one that was */
	uint64_t memory_bytes;    /* of hashes and paths, about, at most; not deterministic */
	double elapsed_s;         /* nor this */
	uint32_t order;           /* BROKEN: the ordering it was found with */
	uint32_t path_length;
	struct search_event *path;
};

/*
 * 0, -EINVAL for options out of range, -ENOMEM, -EAGAIN where no thread can be
 * made, or -EOVERFLOW where a state
 * has more packets or connections than there is room for (the search would not be
 * exhaustive; it has not been seen). search_result_deinit() is due after 0.
 */
int search_run(const struct search_options *options, struct search_result *result);
void search_result_deinit(struct search_result *result);

/* What came of search_shorten(). */
struct search_shortened {
	uint32_t found_length; /* events of the path as it was found */
	uint32_t none_within;  /* no path of so many events breaks anything */
	const char *bound;     /* which stopped it; NULL: there is no shorter path */
};

/*
 * Puts the shortest path that breaks an invariant into a result that is BROKEN,
 * or the shortest that was found with so many transitions: the same ordering of strengths is
 * searched with a bound on the events, at first a low one that is raised, then
 * one below the best so far. With the path .broken changes where it breaks another
 * invariant; nothing else does. 0, or what search_run() returns: the path is good then too.
 */
int search_shorten(const struct search_options *options, uint64_t transitions, struct search_result *result,
		   struct search_shortened *shortened);

/* Weak orderings of so many strengths: 3, 13, 75. */
uint32_t search_orders(uint32_t phones);

/* The counterexample: as text, one event and what it brought about a line; as a sequence diagram. */
void search_show_text(const struct search_options *options, const struct search_result *result, FILE *stream);
void search_show_mermaid(const struct search_options *options, const struct search_result *result,
			 FILE *stream);

#endif
