/*
 * The search: depth first, so that only one path of whole states is kept, and
 * of all others that were visited a hash (visited.c). A state that is met
 * again on the path that leads to it is a behaviour that never ends: all phones must
 * come to rest, so that is a fault of its own, and none may be left.
 *
 * A state's hash is made of the hashes of its phones and of all the rest, and only
 * phones that an event touched are normalised, checked and hashed anew.
 */
#include "emulator/search/explore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "emulator/search/state.h"
#include "emulator/search/visited.h"

#define PATH_PLACES 1024 /* a power of two */
#define NOT_THERE UINT32_MAX
#define LOOK_EVERY 4096 /* transitions */

struct frame {
	struct search_state state;
	XXH128_hash_t cores[SEARCH_PHONES_MAX];
	struct search_key key;
	uint32_t below; /* the frame before it in its place of on_path */
	uint32_t event_count, next;
	struct search_event events[SEARCH_EVENTS_MAX * SEARCH_VARIANTS];
};

struct explorer {
	const struct search_options *options;
	struct explore_view *view;
	struct search_result *result;
	struct visited visited;
	struct frame **path; /* allocated one by one, used again */
	uint32_t path_room, path_length;
	uint32_t on_path[PATH_PLACES]; /* which frames' states are, by their key */
	struct search_event *lead;
	uint32_t lead_length;
	uint64_t path_bytes;
	int error;
	bool address_decided;
	uint8_t bytes[sizeof(struct search_state)];
};

static void hash(struct explorer *explorer, struct frame *frame, uint8_t touched)
{
	const struct search_state *state = &frame->state;
	uint32_t length;

	for (uint32_t i = 0; i < state->phones; i++)
		if (touched >> i & 1) {
			length = search_pack_core(state, i, explorer->bytes);
			frame->cores[i] = XXH3_128bits(explorer->bytes, length);
		}
	length = search_pack(state, explorer->bytes);
	memcpy(explorer->bytes + length, frame->cores, state->phones * sizeof(frame->cores[0]));
	length += (uint32_t)(state->phones * sizeof(frame->cores[0]));
	XXH128_hash_t digest = XXH3_128bits(explorer->bytes, length);
	frame->key = (struct search_key){ digest.high64, digest.low64 };
}

/* ------------------------------------------------------------------ path */

/* Not yet on the path: frame_enter() puts it there. */
static struct frame *frame_next(struct explorer *explorer)
{
	if (explorer->path_length == explorer->path_room) {
		uint32_t room = explorer->path_room + 256;
		struct frame **path = realloc(explorer->path, room * sizeof(*path));
		if (!path)
			return NULL;
		memset(path + explorer->path_room, 0, 256 * sizeof(*path));
		explorer->path = path;
		explorer->path_room = room;
	}
	struct frame **frame = &explorer->path[explorer->path_length];
	if (!*frame) {
		*frame = malloc(sizeof(**frame));
		explorer->path_bytes += sizeof(**frame);
	}
	return *frame;
}

static uint32_t *place_on_path(struct explorer *explorer, const struct frame *frame)
{
	return &explorer->on_path[frame->key.low % PATH_PLACES];
}

static void frame_enter(struct explorer *explorer, struct frame *frame)
{
	uint32_t *place = place_on_path(explorer, frame);

	frame->below = *place;
	*place = explorer->path_length++;
	frame->next = 0;
	frame->event_count = search_events(&frame->state, frame->events);
}

static void frame_leave(struct explorer *explorer)
{
	struct frame *frame = explorer->path[--explorer->path_length];

	*place_on_path(explorer, frame) = frame->below;
}

static bool on_path(struct explorer *explorer, const struct frame *frame)
{
	for (uint32_t i = *place_on_path(explorer, frame); i != NOT_THERE; i = explorer->path[i]->below)
		if (explorer->path[i]->key.high == frame->key.high &&
		    explorer->path[i]->key.low == frame->key.low)
			return true;
	return false;
}

/* The events that led to the path's last state, and those taken from it last, are the counterexample. */
static void found(struct explorer *explorer, const char *broken, uint32_t events)
{
	struct search_result *result = explorer->result;
	uint32_t at = explorer->lead_length;

	result->verdict = SEARCH_BROKEN;
	result->broken = broken;
	result->path = calloc(at + events + 1, sizeof(*result->path));
	if (!result->path) {
		explorer->error = -ENOMEM;
		return;
	}
	memcpy(result->path, explorer->lead, at * sizeof(*result->path));
	for (uint32_t i = 0; i < events; i++)
		result->path[at++] = explorer->path[i]->events[explorer->path[i]->next - 1];
	result->path_length = at;
}

/* Whether the state is to be explored from here: it was not, or only from further away. */
static bool visit(struct explorer *explorer, struct frame *frame, uint32_t depth)
{
	int answer = visited_meet(&explorer->visited, frame->key, depth);

	if (answer < 0) {
		explorer->error = answer;
		return false;
	}
	if (answer == VISITED_NEW) {
		explorer->result->states++;
		explorer->result->fingerprint += frame->key.low;
		return true;
	}
	if (on_path(explorer, frame)) {
		found(explorer, "every behaviour ends: nothing goes round for ever", depth);
		return false;
	}
	return answer == VISITED_NEARER || explorer->options->plain;
}

static void bounded(struct explorer *explorer)
{
	struct search_result *result = explorer->result;

	if (result->transitions % LOOK_EVERY == 0) {
		atomic_store_explicit(&explorer->view->states, result->states, memory_order_relaxed);
		atomic_store_explicit(&explorer->view->bytes, explorer->visited.bytes + explorer->path_bytes,
				      memory_order_relaxed);
		if (atomic_load_explicit(&explorer->view->stop, memory_order_relaxed))
			result->bound = "seconds";
	}
	if (explorer->options->states_max && result->states >= explorer->options->states_max)
		result->bound = "states";
	if (explorer->options->transitions_max && result->transitions >= explorer->options->transitions_max)
		result->bound = "transitions";
	if (result->bound && result->verdict == SEARCH_HOLDS)
		result->verdict = SEARCH_NOT_EXHAUSTED;
}

/* ---------------------------------------------------------------- search */

/* Where the phone drew: the other draws come next. */
static void variants_add(struct frame *frame, struct search_event event)
{
	const uint32_t more = SEARCH_VARIANTS - 1;

	memmove(frame->events + frame->next + more, frame->events + frame->next,
		(frame->event_count - frame->next) * sizeof(event));
	frame->event_count += more;
	for (uint32_t i = 0; i < more; i++) {
		event.variant = (uint8_t)(i + 1);
		frame->events[frame->next + i] = event;
	}
}

/* The next event of the path's last state; false where there is none left. */
static bool descend(struct explorer *explorer)
{
	struct frame *from = explorer->path[explorer->path_length - 1], *to;
	struct search_step step = { 0 };
	struct search_event event;
	uint32_t depth = explorer->path_length;
	const char *broken;

	if (from->next == from->event_count ||
	    (explorer->options->depth_max && depth > explorer->options->depth_max))
		return false;
	event = from->events[from->next++];
	to = frame_next(explorer);
	if (!to) {
		explorer->error = -ENOMEM;
		return true;
	}
	search_copy(&to->state, &from->state);
	memcpy(to->cores, from->cores, sizeof(to->cores));
	step.state = &to->state;
	search_apply(&step, &event);
	explorer->result->transitions++;
	explorer->error = step.error;
	explorer->address_decided |= step.address_decided;
	if (explorer->error)
		return true;
	if (step.drew && event.variant == 0)
		variants_add(from, event);
	hash(explorer, to, step.touched);
	visited_prefetch(&explorer->visited, to->key);
	broken = step.broken ? step.broken : search_check(&to->state, step.touched);
	if (broken) {
		found(explorer, broken, depth);
		return true;
	}
	if (!visit(explorer, to, depth))
		return true;
	frame_enter(explorer, to);
	if (depth > explorer->result->deepest)
		explorer->result->deepest = depth;
	if (to->event_count)
		return true;
	explorer->result->ends++;
	broken = search_check_end(&to->state);
	if (broken)
		found(explorer, broken, depth);
	return true;
}

/* The first that is enabled, so many times: a deeper place to begin. */
static int lead_on(struct explorer *explorer, struct search_state *state)
{
	struct search_event events[SEARCH_EVENTS_MAX];

	for (explorer->lead_length = 0; explorer->lead_length < explorer->options->lead;
	     explorer->lead_length++) {
		struct search_step step = { .state = state };
		if (!search_events(state, events))
			break;
		search_apply(&step, &events[0]);
		explorer->lead[explorer->lead_length] = events[0];
		if (step.error)
			return step.error;
	}
	return 0;
}

static void begin(struct explorer *explorer, uint32_t order)
{
	struct frame *first = frame_next(explorer);
	struct search_step step = { 0 };

	if (!first) {
		explorer->error = -ENOMEM;
		return;
	}
	step.state = &first->state;
	search_state_init(&step, explorer->options, order);
	explorer->error = step.error ? step.error : lead_on(explorer, &first->state);
	if (explorer->error)
		return;
	hash(explorer, first, (uint8_t)((1u << explorer->options->phones) - 1));
	if (visit(explorer, first, 0))
		frame_enter(explorer, first);
}

int explorer_run(struct explorer *explorer, uint32_t order, struct explored *explored)
{
	struct search_result *result = &explored->result;

	*explored = (struct explored){ 0 };
	result->order = order;
	explorer->result = result;
	explorer->path_length = 0;
	explorer->address_decided = false;
	memset(explorer->on_path, 0xff, sizeof(explorer->on_path));
	explorer->error = visited_init(&explorer->visited, explorer->options->depth_max > 0);
	if (!explorer->error)
		begin(explorer, order);
	while (!explorer->error && result->verdict == SEARCH_HOLDS && explorer->path_length) {
		if (!descend(explorer))
			frame_leave(explorer);
		bounded(explorer);
	}
	result->memory_bytes = explorer->visited.bytes + explorer->path_bytes;
	explored->address_decided = explorer->address_decided;
	visited_deinit(&explorer->visited);
	return explorer->error;
}

struct explorer *explorer_new(const struct search_options *options, struct explore_view *view)
{
	struct explorer *explorer = calloc(1, sizeof(*explorer));

	if (!explorer)
		return NULL;
	explorer->options = options;
	explorer->view = view;
	explorer->lead = calloc(options->lead + 1, sizeof(*explorer->lead));
	if (!explorer->lead) {
		free(explorer);
		return NULL;
	}
	return explorer;
}

void explorer_free(struct explorer *explorer)
{
	if (!explorer)
		return;
	for (uint32_t i = 0; i < explorer->path_room && explorer->path[i]; i++)
		free(explorer->path[i]);
	free(explorer->path);
	free(explorer->lead);
	free(explorer);
}
