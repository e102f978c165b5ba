/*
 * The exhaustive search: that two phones hold in every state, that hashing
 * loses none, that its server is the other worlds' server, that it says when it
 * did not finish, and that it is the same each time. "long" visits more.
 */
#include <errno.h>
#include <string.h>

#include "emulator/hq/tftp_server.h"
#include "emulator/search/server.h"
#include "emulator/search/state.h"
#include "emulator/search/visited.h"
#include "tests/tap.h"

static struct search_result run(struct search_options options, enum search_verdict wanted)
{
	struct search_result result;

	ck_assert_int_eq(search_run(&options, &result), 0);
	if (result.verdict == SEARCH_BROKEN)
		search_show_text(&options, &result, stderr);
	ck_assert_int_eq(result.verdict, wanted);
	search_result_deinit(&result);
	return result;
}

/* Every behaviour of two phones without a fault ends with both upgraded, by one root and one copy. */
START_TEST(two_phones)
{
	struct search_result first = run((struct search_options){ .phones = 2, .files = 1 }, SEARCH_HOLDS);
	struct search_result second = run((struct search_options){ .phones = 2, .files = 1 }, SEARCH_HOLDS);

	ck_assert_uint_eq(first.orders_done, 3);
	ck_assert_uint_gt(first.states, 10000);
	ck_assert_uint_gt(first.ends, 0);
	ck_assert_uint_eq(first.states, second.states);
	ck_assert_uint_eq(first.transitions, second.transitions);
	ck_assert_uint_eq(first.fingerprint, second.fingerprint);
}
END_TEST

/* Walking every path to a depth of 12 reaches the states that hashing reaches, at the start and further in.
 */
START_TEST(hashing_loses_no_state)
{
	static const uint32_t leads[] = { 0, 12, 24, 32 };
	struct search_options options = {
		.phones = 2, .files = 1, .drops = 1, .kills = 1, .depth_max = 12, .lead = leads[_i]
	};
	struct search_result hashed = run(options, SEARCH_HOLDS), plain;

	options.plain = true;
	plain = run(options, SEARCH_HOLDS);
	ck_assert_uint_gt(hashed.states, 100);
	ck_assert_uint_gt(plain.transitions, hashed.transitions);
	ck_assert_uint_eq(plain.states, hashed.states);
	ck_assert_uint_eq(plain.fingerprint, hashed.fingerprint);
}
END_TEST

/*
 * Orders that are said to be alike are: each of them, searched by itself, has as many states, events and ends
 * as the one that stands for it.
 */
START_TEST(alike_orders_are_alike)
{
	static const struct search_options cases[] = {
		{ .phones = 2, .files = 1, .drops = 1, .kills = 1 },
		{ .phones = 3, .files = 1, .drops = 1, .kills = 1, .depth_max = 9 },
		{ .phones = 4, .files = 1, .drops = 1, .kills = 1, .depth_max = 4 },
		{ .phones = 3, .files = 1 }, /* long */
	};
	static const uint32_t classes[] = { 2, 4, 8 };
	struct search_options options = cases[_i];
	struct search_result sum = run(options, SEARCH_HOLDS), first[75];
	uint64_t states = 0;

	ck_assert_uint_eq(sum.orders_done, search_orders(options.phones));
	ck_assert_uint_eq(sum.orders_searched, classes[options.phones - 2]);
	for (uint32_t i = 0; i < search_orders(options.phones); i++) {
		const struct search_result *like = &first[search_order_class(options.phones, i)];
		options.only_order = i + 1;
		first[i] = run(options, SEARCH_HOLDS);
		states += first[i].states;
		ck_assert_uint_eq(first[i].states, like->states);
		ck_assert_uint_eq(first[i].ends, like->ends);
		if (!options.depth_max) /* else a state may be met again from nearer, as the order has it */
			ck_assert_uint_eq(first[i].transitions, like->transitions);
	}
	ck_assert_uint_eq(sum.states_all_orders, states);
}
END_TEST

/* What comes out does not depend on how many search. */
START_TEST(workers_find_the_same)
{
	struct search_options options = {
		.phones = 2, .files = 1, .drops = 1, .all_orders = true, .workers = 1
	};
	struct search_result one = run(options, SEARCH_HOLDS), three;

	options.workers = 3;
	three = run(options, SEARCH_HOLDS);
	ck_assert_uint_eq(one.orders_searched, 3);
	ck_assert_uint_eq(one.states, three.states);
	ck_assert_uint_eq(one.transitions, three.transitions);
	ck_assert_uint_eq(one.fingerprint, three.fingerprint);
}
END_TEST

static void normalised_along(uint64_t seed)
{
	static struct search_state state, again;
	struct search_options options = {
		.phones = 3, .files = 1 + (uint32_t)seed % 2, .drops = 3, .kills = 1
	};
	struct search_step step = { .state = &state };
	struct search_event events[SEARCH_EVENTS_MAX];
	uint32_t count;

	search_state_init(&step, &options, (uint32_t)seed % 13);
	for (uint32_t i = 0; (count = search_events(&state, events)) > 0; i++) {
		struct search_event event = events[pfs_draw(seed, 0, 0, i) % count];
		step = (struct search_step){ .state = &state };
		event.variant = (uint8_t)(pfs_draw(seed, 0, 1, i) % SEARCH_VARIANTS);
		search_apply(&step, &event);
		ck_assert_int_eq(step.error, 0);
		search_copy(&again, &state);
		for (uint32_t phone = 0; phone < state.phones; phone++) {
			search_normalise(&again, phone);
			ck_assert_mem_eq(&again.cores[phone], &state.cores[phone], sizeof(*again.cores));
		}
	}
}

/*
 * Only phones that an event touched are normalised. So along any path, whatever was touched, to normalise all
 * once more must change nothing.
 */
START_TEST(normalising_twice_changes_nothing)
{
	for (uint64_t seed = 0; seed < 300; seed++)
		normalised_along(seed);
}
END_TEST

/* A hundred thousand keys are each new once, and counted. */
START_TEST(what_was_visited_is_known)
{
	struct visited set;

	ck_assert_int_eq(visited_init(&set, true), 0);
	for (uint32_t round = 0; round < 2; round++)
		for (uint64_t i = 0; i < 100000; i++) {
			/* Half of them in one shard, a quarter with neighbouring entries, one with none at
			 * all. */
			struct search_key key = { i % 2 ? 7 : pfs_draw(1, 0, 0, i),
						  i % 4 ? pfs_draw(1, 0, 1, i) : i };
			ck_assert_int_eq(visited_meet(&set, key, 20), round ? VISITED_BEFORE : VISITED_NEW);
		}
	ck_assert_uint_eq(set.count, 100000);
	ck_assert_int_eq(visited_meet(&set, (struct search_key){ 7, pfs_draw(1, 0, 1, 5) }, 19),
			 VISITED_NEARER);
	ck_assert_int_eq(visited_meet(&set, (struct search_key){ 7, pfs_draw(1, 0, 1, 5) }, 19),
			 VISITED_BEFORE);
	visited_deinit(&set);
	visited_deinit(&set);
}
END_TEST

START_TEST(bounds_are_told)
{
	struct search_options options = { .phones = 3, .files = 1, .states_max = 1000, .only_order = 2 };
	struct search_result result = run(options, SEARCH_NOT_EXHAUSTED);

	ck_assert_str_eq(result.bound, "states");
	ck_assert_uint_eq(result.states, 1000);
	ck_assert_uint_eq(result.orders_done, 0);
}
END_TEST

START_TEST(options_are_checked)
{
	static const struct search_options bad[] = {
		{ .phones = 1, .files = 1 },
		{ .phones = 5, .files = 1 },
		{ .phones = 2, .files = 0 },
		{ .phones = 2, .files = 3 },
		{ .phones = 2, .files = 1, .kills = 2 },
		{ .phones = 2, .files = 1, .drops = 10 },
		{ .phones = 2, .files = 1, .plain = true },
		{ .phones = 2, .files = 1, .workers = 65 },
	};
	struct search_result result;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_int_eq(search_run(&bad[i], &result), -EINVAL);
}
END_TEST

/* ------------------------------------------------------------- the server */

/* What the search's server sent, or nothing. */
static const struct search_flight *sent(struct search_state *state)
{
	return state->flight_count ? &state->flights[--state->flight_count] : NULL;
}

static void ck_same(const struct tftp_output *real, struct search_state *state)
{
	const struct search_flight *flight = sent(state);

	ck_assert_int_eq(real->send, flight != NULL);
	if (!flight)
		return;
	ck_assert_uint_eq(real->header_length, 4);
	ck_assert_uint_eq(real->header_length + real->payload_length, flight->length);
	ck_assert_mem_eq(real->header, flight->bytes, 4);
	ck_assert_uint_eq(real->port, flight->to_port);
}

/* Step by step the same answers and time-outs as the server of the other worlds. */
START_TEST(servers_agree)
{
	static const uint8_t content[1024];
	static struct search_state state;
	struct tftp_server_config config = { .serving_max = 1,
					     .retries_max = SEARCH_SERVER_RETRIES,
					     .timeout_us = SEARCH_SERVER_TIMEOUT_US,
					     .timeout_max_us = SEARCH_SERVER_TIMEOUT_MAX_US };
	char name[PFS_NAME_MAX];
	search_file_name(0, name);
	struct tftp_file file = { name, content, search_file_size(0) };
	struct tftp_server *server = tftp_server_new(&config, &file, 1);
	struct search_step step = { .state = &state };
	uint8_t request[64] = { 0, 1 }, ack[4] = { 0, 4, 0, 0 };
	size_t length = 2 + strlen(strcpy((char *)request + 2, name)) + 1;
	uint64_t seed = (uint64_t)_i, retransmits = 0;
	struct tftp_output output;
	bool begun = false;

	ck_assert_ptr_nonnull(server);
	length += strlen(strcpy((char *)request + length, "octet")) + 1;
	memset(&state, 0, sizeof(state));
	state.now_us = SEARCH_NOW_US;
	state.phones = state.files = 1;
	for (uint32_t i = 0; i < 400; i++) {
		uint64_t what = pfs_draw(seed, 0, 1, i) % 10;
		if (what < 2) {
			tftp_server_request(server, state.now_us, 7, SEARCH_CLIENT_PORT, request, length,
					    &output);
			search_server_packet(&step, 0, SEARCH_CLIENT_PORT, PFS_TFTP_PORT, request,
					     (uint32_t)length);
			begun = true;
			ck_same(&output, &state);
		} else if (what < 6 && begun) {
			ack[3] = (uint8_t)(pfs_draw(seed, 0, 2, i) % 4);
			tftp_server_packet(server, state.now_us, 0, 7, SEARCH_CLIENT_PORT, ack, 4, &output);
			search_server_packet(&step, 0, SEARCH_CLIENT_PORT,
					     SEARCH_SERVER_PORT + SEARCH_CLIENT_PORT % 16, ack, 4);
			ck_same(&output, &state);
		} else if (state.transfers[0].used) {
			ck_assert_uint_eq(tftp_server_deadline(server), state.transfers[0].deadline_us);
			state.now_us = tftp_server_deadline(server);
			ck_assert(tftp_server_expire(server, state.now_us, &output));
			search_server_timer(&step, 0);
			ck_same(&output, &state);
			retransmits++;
		}
		ck_assert_uint_eq(tftp_server_counters(server)->serving, state.transfers[0].used);
	}
	ck_assert_uint_gt(retransmits, 0);
	ck_assert_uint_gt(tftp_server_counters(server)->completed, 0);
	tftp_server_free(server);
}
END_TEST

/* ------------------------------------------------------------------- long */

START_TEST(two_phones_with_faults)
{
	run((struct search_options){ .phones = 2, .files = 1, .drops = 1, .kills = 1 }, SEARCH_HOLDS);
	run((struct search_options){ .phones = 2, .files = 1, .drops = 2 }, SEARCH_HOLDS);
	run((struct search_options){ .phones = 2, .files = 2 }, SEARCH_HOLDS);
}
END_TEST

START_TEST(three_phones)
{
	struct search_result result = run((struct search_options){ .phones = 3, .files = 1 }, SEARCH_HOLDS);

	ck_assert_uint_eq(result.orders_done, 13);
	ck_assert_uint_eq(result.orders_searched, 4);
}
END_TEST

/* 160 million states each: minutes on two processors, and well below 8 GiB. */
START_TEST(three_phones_with_faults)
{
	struct search_options options = {
		.phones = 3, .files = 1, .drops = _i ? 1 : 2, .kills = (uint32_t)_i
	};
	struct search_result result = run(options, SEARCH_HOLDS);

	ck_assert_uint_eq(result.orders_done, 13);
	ck_assert_uint_gt(result.states, 100000000);
	ck_assert_uint_lt(result.memory_bytes, UINT64_C(8) << 30);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("search");
	TCase *tests = tcase_create("search");

	tcase_set_timeout(tests, 3600);
	if (argc > 1 && !strcmp(argv[1], "longest")) {
		tcase_add_loop_test(tests, three_phones_with_faults, 0, 2);
	} else if (argc > 1 && !strcmp(argv[1], "long")) {
		tcase_add_test(tests, two_phones_with_faults);
		tcase_add_test(tests, three_phones);
		tcase_add_loop_test(tests, alike_orders_are_alike, 3, 4);
	} else {
		tcase_add_test(tests, two_phones);
		tcase_add_loop_test(tests, hashing_loses_no_state, 0, 4);
		tcase_add_loop_test(tests, alike_orders_are_alike, 0, 3);
		tcase_add_test(tests, workers_find_the_same);
		tcase_add_test(tests, normalising_twice_changes_nothing);
		tcase_add_test(tests, what_was_visited_is_known);
		tcase_add_test(tests, bounds_are_told);
		tcase_add_test(tests, options_are_checked);
		tcase_add_loop_test(tests, servers_agree, 1, 21);
	}
	suite_add_tcase(suite, tests);
	return tap_run(suite);
}
