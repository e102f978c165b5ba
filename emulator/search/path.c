/* See path.h: a path recorded, and gone along again. The file is path_file.c's. */
#include "emulator/search/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "emulator/search/state.h"

#define ADDED_MAX 20000 /* past it, it goes round for ever */
#define ROUND "every behaviour ends: nothing goes round for ever"

struct search_options search_path_options(const struct search_path *path)
{
	return (struct search_options){ .phones = path->phones,
					.files = path->files,
					.drops = path->drops,
					.kills = path->kills,
					.planted = path->planted };
}

void search_path_deinit(struct search_path *path)
{
	free(path->events);
	path->events = NULL;
	path->count = 0;
}

/* ------------------------------------------------------------------ what */

struct listener {
	struct search_watcher watcher;
	char *what;
};

static void hear_arrow(struct search_watcher *watcher, int32_t from, int32_t to, const char *label, bool lost)
{
	search_what_text(from, to, label, lost, ((struct listener *)watcher)->what);
}

static void hear_trace(struct search_watcher *watcher, uint32_t phone, const struct pfs_trace *trace)
{
	(void)watcher;
	(void)phone;
	(void)trace;
}

/* What the event is in that state; `scratch` is another state, to make it happen in. */
static void what_is(const struct search_state *state, const struct search_event *event,
		    struct search_state *scratch, char what[SEARCH_WHAT_MAX])
{
	struct listener listener = { { hear_trace, hear_arrow }, what };
	struct search_step step = { .state = scratch, .watcher = &listener.watcher };

	_Static_assert(sizeof(((struct search_path_event *)NULL)->what) == SEARCH_WHAT_MAX, "path.h's is as long");
	*scratch = *state;
	strcpy(what, "time passes");
	search_apply(&step, event);
}

int search_path_of(const struct search_options *options, const struct search_result *result,
		   struct search_path *path)
{
	struct search_state *states = calloc(2, sizeof(*states));
	struct search_step step = { .state = states };

	*path = (struct search_path){ .phones = options->phones,
				      .files = options->files,
				      .drops = options->drops,
				      .kills = options->kills,
				      .planted = options->planted,
				      .order = result->order + 1,
				      .count = result->path_length };
	snprintf(path->broken, sizeof(path->broken), "%s", result->broken);
	path->events = calloc(result->path_length + 1, sizeof(*path->events));
	if (!states || !path->events) {
		free(states);
		search_path_deinit(path);
		return -ENOMEM;
	}
	search_state_init(&step, options, result->order);
	for (uint32_t i = 0; i < path->count; i++) {
		path->events[i].event = result->path[i];
		what_is(&states[0], &result->path[i], &states[1], path->events[i].what);
		search_apply(&step, &result->path[i]);
	}
	free(states);
	return 0;
}

/* ---------------------------------------------------------------- replay */

struct replay {
	struct search_state *state, *scratch;
	struct search_step step;
	struct search_show show;
	struct search_replayed *replayed;
	XXH128_hash_t *met; /* each state that was come through */
	uint32_t met_count;
	struct search_event enabled[SEARCH_EVENTS_MAX];
	uint8_t bytes[sizeof(struct search_state)];
};

static XXH128_hash_t digest(struct replay *replay)
{
	const struct search_state *state = replay->state;
	XXH128_hash_t parts[SEARCH_PHONES_MAX + 1];

	memset(parts, 0, sizeof(parts));
	for (uint32_t i = 0; i < state->phones; i++)
		parts[i] = XXH3_128bits(replay->bytes, search_pack_core(state, i, replay->bytes));
	parts[SEARCH_PHONES_MAX] = XXH3_128bits(replay->bytes, search_pack(state, replay->bytes));
	return XXH3_128bits(parts, sizeof(parts));
}

static bool met_before(struct replay *replay)
{
	XXH128_hash_t now = digest(replay);

	for (uint32_t i = 0; i < replay->met_count; i++)
		if (XXH128_isEqual(replay->met[i], now))
			return true;
	replay->met[replay->met_count++] = now;
	return false;
}

/* Of what can happen now, what the path says: at the same place where it is the same thing, else wherever it is. */
static const struct search_event *find(struct replay *replay, const struct search_path_event *wanted,
				       uint32_t count)
{
	const struct search_event *elsewhere = NULL;
	char what[SEARCH_WHAT_MAX];

	for (uint32_t i = 0; i < count; i++) {
		struct search_event *event = &replay->enabled[i];
		if (event->kind != wanted->event.kind)
			continue;
		event->variant = wanted->event.variant;
		what_is(replay->state, event, replay->scratch, what);
		if (strcmp(what, wanted->what) != 0)
			continue;
		if (event->index == wanted->event.index && event->target == wanted->event.target)
			return event;
		elsewhere = elsewhere ? elsewhere : event;
	}
	return elsewhere;
}

/* What a patient network would do next, or NULL. */
static const struct search_event *next_of_itself(struct replay *replay, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (replay->enabled[i].kind != KIND_LOSS && replay->enabled[i].kind != KIND_KILL) {
			replay->enabled[i].variant = 0;
			return &replay->enabled[i];
		}
	return NULL;
}

/* False where something does not hold, or cannot go on. */
static bool go(struct replay *replay, const struct search_event *event)
{
	struct search_step *step = &replay->step;
	const char *broken;

	step->touched = 0;
	search_show_step(&replay->show, step, event);
	if (step->error)
		return false;
	broken = step->broken ? step->broken : search_check(replay->state, step->touched);
	if (!broken && met_before(replay))
		broken = ROUND;
	replay->replayed->broken = broken;
	replay->replayed->at = replay->replayed->followed + replay->replayed->added;
	return !broken;
}

/* One thing that the path does not have. False where there is none, or something does not hold. */
static bool go_besides(struct replay *replay)
{
	const struct search_event *event =
		next_of_itself(replay, search_events(replay->state, replay->enabled));

	if (!event)
		return false;
	if (replay->replayed->added == ADDED_MAX) {
		replay->replayed->broken = ROUND;
		return false;
	}
	replay->replayed->added++;
	return go(replay, event);
}

static bool stopped(const struct replay *replay)
{
	return replay->replayed->broken || replay->step.error;
}

/* The event of the path, or what the core makes of it. False where the replay is over. */
static bool follow_one(struct replay *replay, const struct search_path_event *wanted)
{
	const struct search_event *event;

	while (!(event = find(replay, wanted, search_events(replay->state, replay->enabled)))) {
		if (wanted->event.kind == KIND_ADVANCE && go_besides(replay))
			continue;
		if (stopped(replay))
			return false;
		fprintf(replay->show.stream, "          (cannot happen any more: %s)\n", wanted->what);
		replay->replayed->skipped++;
		return true;
	}
	replay->replayed->followed++;
	return go(replay, event);
}

static void follow(struct replay *replay, const struct search_path *path)
{
	struct search_replayed *replayed = replay->replayed;

	for (uint32_t i = 0; i < path->count; i++)
		if (!follow_one(replay, &path->events[i]))
			return;
	fprintf(replay->show.stream, "          (the path ends)\n");
	while (go_besides(replay))
		;
	if (stopped(replay))
		return;
	replayed->broken = search_check_end(replay->state);
	replayed->at = replayed->followed + replayed->added;
}

int search_path_replay(const struct search_path *path, FILE *stream, struct search_replayed *replayed)
{
	struct search_options options = search_path_options(path);
	struct replay *replay = calloc(1, sizeof(*replay));
	int error = -ENOMEM;

	*replayed = (struct search_replayed){ 0 };
	if (!replay)
		return error;
	replay->state = calloc(2, sizeof(*replay->state));
	replay->met = calloc((size_t)path->count + ADDED_MAX + 1, sizeof(*replay->met));
	if (replay->state && replay->met) {
		replay->scratch = replay->state + 1;
		replay->replayed = replayed;
		replay->step.state = replay->state;
		search_show_init(&replay->show, stream, false);
		search_state_init(&replay->step, &options, path->order - 1);
		search_show_strengths(replay->state, stream);
		met_before(replay);
		follow(replay, path);
		search_show_end(&replay->show, replay->state);
		error = replay->step.error;
	}
	free(replay->met);
	free(replay->state);
	free(replay);
	return error;
}
