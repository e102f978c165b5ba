/*
 * The search: depth first, so that only one path of whole states is kept, and
 * of all others that were visited a 127-bit hash. A state that is met again
 * on the path that leads to it is a behaviour that never ends: all phones must
 * come to rest, so that is a fault of its own, and none may be left.
 *
 * Two different states whose hashes are equal would be taken for one: with
 * 10^9 states the chance of one such pair is below 10^-20.
 */
#include "emulator/search/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

/* The lowest bit of `low` says that the state is on the path; 0, 0 is a free place. */
struct entry {
	uint64_t high, low;
};

struct table {
	struct entry *entries;
	uint16_t *depths; /* least depth at which a state was met, where depth is bounded */
	uint64_t size, count;
};

struct frame {
	struct search_state state;
	uint64_t place[2]; /* its hash */
	uint32_t event_count, next;
	struct search_event events[SEARCH_EVENTS_MAX * SEARCH_VARIANTS];
};

struct search {
	const struct search_options *options;
	struct search_result *result;
	struct table table;
	struct frame **path; /* allocated one by one, used again */
	uint32_t path_room, path_length;
	struct search_event *lead;
	uint32_t lead_length;
	struct timespec from;
	uint64_t path_bytes;
	int error;
};

#define ON_PATH UINT64_C(1)
#define FIRST_SIZE (UINT64_C(1) << 16)

static int table_init(struct table *table, uint64_t size, bool depths)
{
	table->entries = calloc(size, sizeof(*table->entries));
	table->depths = depths ? calloc(size, sizeof(*table->depths)) : NULL;
	table->size = size;
	table->count = 0;
	return table->entries && (table->depths || !depths) ? 0 : -ENOMEM;
}

static void table_deinit(struct table *table)
{
	free(table->entries);
	free(table->depths);
}

static uint64_t place_of(const struct table *table, uint64_t high, uint64_t low)
{
	uint64_t at = high & (table->size - 1);

	while ((table->entries[at].high | table->entries[at].low) &&
	       (table->entries[at].high != high || (table->entries[at].low | ON_PATH) != (low | ON_PATH)))
		at = (at + 1) & (table->size - 1);
	return at;
}

static int table_grow(struct search *search)
{
	struct table *old = &search->table, grown;
	int error = table_init(&grown, old->size * 2, old->depths);

	for (uint64_t i = 0; !error && i < old->size; i++) {
		const struct entry *entry = &old->entries[i];
		if (!(entry->high | entry->low))
			continue;
		uint64_t at = place_of(&grown, entry->high, entry->low);
		grown.entries[at] = *entry;
		if (old->depths)
			grown.depths[at] = old->depths[i];
	}
	if (error) {
		table_deinit(&grown);
		return error;
	}
	grown.count = old->count;
	table_deinit(old);
	*old = grown;
	return 0;
}

static void hash(const struct search_state *state, uint64_t place[2])
{
	static uint8_t bytes[sizeof(struct search_state)];
	uint32_t length = search_pack(state, bytes);
	XXH128_hash_t digest = XXH3_128bits(bytes, length);

	place[0] = digest.high64;
	place[1] = digest.low64 & ~ON_PATH;
	if (!(place[0] | place[1]))
		place[0] = 1;
}

/* ------------------------------------------------------------------ path */

static struct frame *frame_push(struct search *search)
{
	if (search->path_length == search->path_room) {
		uint32_t room = search->path_room + 256;
		struct frame **path = realloc(search->path, room * sizeof(*path));
		if (!path)
			return NULL;
		memset(path + search->path_room, 0, 256 * sizeof(*path));
		search->path = path;
		search->path_room = room;
	}
	struct frame **frame = &search->path[search->path_length];
	if (!*frame) {
		*frame = malloc(sizeof(**frame));
		search->path_bytes += sizeof(**frame);
	}
	if (*frame)
		search->path_length++;
	return *frame;
}

static void mark(struct search *search, const struct frame *frame, bool on)
{
	struct entry *entry =
		&search->table.entries[place_of(&search->table, frame->place[0], frame->place[1])];

	entry->low = on ? entry->low | ON_PATH : entry->low & ~ON_PATH;
}

static void frame_pop(struct search *search)
{
	mark(search, search->path[--search->path_length], false);
}

/* The events that led to the path's last state are the counterexample. */
static void found(struct search *search, const char *broken)
{
	struct search_result *result = search->result;
	uint32_t at = search->lead_length;

	result->verdict = SEARCH_BROKEN;
	result->broken = broken;
	result->order = search->path[0]->state.order;
	result->path = calloc(at + search->path_length + 1, sizeof(*result->path));
	if (!result->path) {
		search->error = -ENOMEM;
		return;
	}
	memcpy(result->path, search->lead, at * sizeof(*result->path));
	for (uint32_t i = 0; i + 1 < search->path_length; i++)
		result->path[at++] = search->path[i]->events[search->path[i]->next - 1];
	result->path_length = at;
}

/* Whether the state is to be explored from here: it was not, or only from further away. */
static bool visit(struct search *search, struct frame *frame, uint32_t depth)
{
	struct table *table = &search->table;
	struct search_result *result = search->result;
	uint64_t at;

	hash(&frame->state, frame->place);
	if (table->count >= table->size / 2) {
		search->error = table_grow(search);
		if (search->error)
			return false;
	}
	at = place_of(table, frame->place[0], frame->place[1]);
	if (table->entries[at].high | table->entries[at].low) {
		if (table->entries[at].low & ON_PATH) {
			found(search, "every behaviour ends: nothing goes round for ever");
			return false;
		}
		if (!table->depths || (!search->options->plain && table->depths[at] <= depth))
			return false;
		table->depths[at] = depth < table->depths[at] ? (uint16_t)depth : table->depths[at];
		return true;
	}
	table->entries[at] = (struct entry){ frame->place[0], frame->place[1] };
	if (table->depths)
		table->depths[at] = (uint16_t)depth;
	table->count++;
	result->states++;
	result->fingerprint += frame->place[0] ^ frame->place[1] >> 1;
	return true;
}

static bool out_of_time(const struct search *search)
{
	struct timespec now;

	if (!search->options->seconds_max)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - search->from.tv_sec >= (time_t)search->options->seconds_max;
}

static void bounded(struct search *search)
{
	struct search_result *result = search->result;

	if (search->options->states_max && result->states >= search->options->states_max)
		result->bound = "states";
	else if ((result->transitions & 0xfff) == 0 && out_of_time(search))
		result->bound = "seconds";
	if (result->bound)
		result->verdict = SEARCH_NOT_EXHAUSTED;
}

/* ---------------------------------------------------------------- search */

/* The next event of the path's last state; false where there is none left. */
static bool descend(struct search *search)
{
	struct frame *from = search->path[search->path_length - 1], *to;
	struct search_step step = { 0 };
	struct search_event event;
	uint32_t depth = search->path_length;
	const char *broken;

	if (from->next == from->event_count ||
	    (search->options->depth_max && search->path_length > search->options->depth_max))
		return false;
	event = from->events[from->next++];
	to = frame_push(search);
	if (!to) {
		search->error = -ENOMEM;
		return true;
	}
	search_copy(&to->state, &from->state);
	step.state = &to->state;
	search_apply(&step, &event);
	search->result->transitions++;
	search->error = step.error;
	if (step.drew && event.variant == 0) {
		memmove(from->events + from->next + 2, from->events + from->next,
			(from->event_count - from->next) * sizeof(event));
		from->event_count += 2;
		for (uint8_t i = 1; i < SEARCH_VARIANTS; i++) {
			from->events[from->next + i - 1u] = event;
			from->events[from->next + i - 1u].variant = i;
		}
	}
	broken = step.broken ? step.broken : search_check(&to->state);
	if (broken && !search->error) {
		found(search, broken);
		return true;
	}
	if (search->error)
		return true;
	if (!visit(search, to, depth)) {
		search->path_length--;
		return true;
	}
	mark(search, to, true);
	if (depth > search->result->deepest)
		search->result->deepest = depth;
	to->next = 0;
	to->event_count = search_events(&to->state, to->events);
	if (to->event_count)
		return true;
	search->result->ends++;
	broken = search_check_end(&to->state);
	if (broken)
		found(search, broken);
	return true;
}

/* The first that is enabled, so many times: a deeper place to begin. */
static int lead_on(struct search *search, struct search_state *state)
{
	struct search_event events[SEARCH_EVENTS_MAX];

	for (search->lead_length = 0; search->lead_length < search->options->lead; search->lead_length++) {
		struct search_step step = { .state = state };
		if (!search_events(state, events))
			break;
		search_apply(&step, &events[0]);
		search->lead[search->lead_length] = events[0];
		if (step.error)
			return step.error;
	}
	return 0;
}

static void search_order(struct search *search, uint32_t order)
{
	struct frame *first = frame_push(search);
	struct search_step step = { 0 };

	if (!first) {
		search->error = -ENOMEM;
		return;
	}
	step.state = &first->state;
	search_state_init(&step, search->options, order);
	search->error = step.error ? step.error : lead_on(search, &first->state);
	if (search->error)
		return;
	if (visit(search, first, 0)) {
		mark(search, first, true);
		first->next = 0;
		first->event_count = search_events(&first->state, first->events);
	}
	while (!search->error && search->result->verdict == SEARCH_HOLDS && search->path_length) {
		if (!descend(search))
			frame_pop(search);
		bounded(search);
	}
}

static bool options_valid(const struct search_options *options)
{
	return options->phones >= SEARCH_PHONES_MIN && options->phones <= SEARCH_PHONES_MAX &&
	       options->files >= 1 && options->files <= SEARCH_FILES_MAX &&
	       options->drops <= SEARCH_DROPS_MAX && options->kills <= SEARCH_KILLS_MAX &&
	       options->kills < options->phones && options->depth_max < UINT16_MAX &&
	       options->only_order <= search_orders(options->phones) &&
	       (!options->plain || options->depth_max);
}

int search_run(const struct search_options *options, struct search_result *result)
{
	struct search search = { .options = options, .result = result };
	int error;

	*result = (struct search_result){ 0 };
	if (!options_valid(options))
		return -EINVAL;
	result->orders = search_orders(options->phones);
	clock_gettime(CLOCK_MONOTONIC, &search.from);
	search.lead = calloc(options->lead + 1, sizeof(*search.lead));
	error = table_init(&search.table, FIRST_SIZE, options->depth_max > 0);
	search.error = search.lead ? error : -ENOMEM;
	for (uint32_t i = 0; i < result->orders && !search.error && result->verdict == SEARCH_HOLDS; i++) {
		if (options->only_order && options->only_order != i + 1)
			continue;
		search.path_length = 0;
		search_order(&search, i);
		result->orders_done += result->verdict == SEARCH_HOLDS;
	}
	result->memory_bytes = search.table.size * sizeof(struct entry) + search.path_bytes;
	for (uint32_t i = 0; i < search.path_room && search.path && search.path[i]; i++)
		free(search.path[i]);
	free(search.path);
	free(search.lead);
	table_deinit(&search.table);
	if (search.error)
		search_result_deinit(result);
	return search.error;
}

void search_result_deinit(struct search_result *result)
{
	free(result->path);
	result->path = NULL;
}
