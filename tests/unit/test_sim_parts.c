/*
 * The parts of the virtual-time world on their own: the event queue's order,
 * fluid flows, and the bytes of a stream.
 */
#include <string.h>

#include "emulator/sim/flow.h"
#include "emulator/sim/queue.h"
#include "emulator/sim/sim.h"
#include "tests/tap.h"

#define FAST_BPS 100000000 /* a flow that a second's worth does not bind */

/* ---- queue ---- */

/* Time, then class, then sequence; time-outs by the phone's number, whenever they were pushed. */
START_TEST(ties_have_a_documented_order)
{
	static const struct {
		uint64_t at_us;
		enum sim_class class;
		uint32_t a, place;
	} pushed[] = { { 5, SIM_TIMEOUT, 9, 6 },  { 5, SIM_TIMEOUT, 2, 5 },  { 5, SIM_WORLD_TIMER, 7, 4 },
		       { 5, SIM_DELIVERY, 8, 2 }, { 5, SIM_DELIVERY, 1, 3 }, { 5, SIM_ANSWER, 3, 1 },
		       { 4, SIM_TIMEOUT, 4, 0 },  { 6, SIM_ANSWER, 0, 7 } };
	struct sim_queue queue = { 0 };
	struct sim_event event;

	for (uint32_t i = 0; i < 8; i++)
		sim_queue_push(&queue, pushed[i].at_us, pushed[i].class, i, pushed[i].a, i * 100, i * 10);
	for (uint32_t place = 0; place < 8; place++) {
		ck_assert(sim_queue_pop(&queue, &event));
		uint32_t kind = sim_event_kind(&event);
		ck_assert_uint_eq(pushed[kind].place, place);
		ck_assert_uint_eq(event.a, pushed[kind].a);
		ck_assert_uint_eq(event.b, kind * 100);
		ck_assert_uint_eq(event.c, kind * 10);
		ck_assert_uint_eq(event.at_us, pushed[kind].at_us);
	}
	ck_assert(!sim_queue_pop(&queue, &event));
	sim_queue_deinit(&queue);
}
END_TEST

/* A hundred thousand pushes and pops in between come out sorted, equal times in the order of pushing. */
START_TEST(the_queue_sorts)
{
	struct sim_queue queue = { 0 };
	struct sim_event event;
	uint64_t now_us = 0, last_b = 0, popped = 0, pushed = 0;

	for (uint32_t round = 0; round < 100000; round++) {
		uint32_t pushes = (uint32_t)(pfs_draw(1, round, 1, 0) % 3);
		for (uint32_t i = 0; i < pushes; i++)
			sim_queue_push(&queue, now_us + pfs_draw(1, round, 2, i) % 50, SIM_DELIVERY, 1, 0,
				       ++pushed, 0);
		if (!sim_queue_pop(&queue, &event))
			continue;
		popped++;
		ck_assert(event.at_us > now_us || (event.at_us == now_us && event.b > last_b) || popped == 1);
		last_b = event.b;
		now_us = event.at_us;
	}
	while (sim_queue_pop(&queue, &event)) {
		popped++;
		ck_assert_uint_ge(event.at_us, now_us);
		now_us = event.at_us;
	}
	ck_assert_uint_eq(popped, pushed);
	sim_queue_deinit(&queue);
}
END_TEST

/* Lanes change nothing: two kinds in one, one that often comes too early for its lane, and one in the heap. */
START_TEST(lanes_keep_the_order)
{
	struct sim_queue plain = { 0 }, laned = { .lane_of = { [1] = 1, [2] = 1, [3] = 2, [4] = 6 } };
	static const enum sim_class classes[] = { SIM_ANSWER, SIM_DELIVERY, SIM_WORLD_TIMER, SIM_DELIVERY,
						  SIM_ANSWER, SIM_TIMEOUT };
	struct sim_event one, other;
	uint64_t now_us = 0, popped = 0;

	for (uint32_t round = 0; round < 100000; round++) {
		for (uint32_t i = 0; i < pfs_draw(2, round, 1, 0) % 5; i++) {
			uint32_t kind = (uint32_t)(pfs_draw(2, round, 2, i) % 6);
			uint64_t at_us = now_us + (kind == 3 ? pfs_draw(2, round, 3, i) % 40 : kind * 7);
			uint32_t a = (uint32_t)(pfs_draw(2, round, 4, i) % 1000);
			sim_queue_push(&plain, at_us, classes[kind], kind, a, round, i);
			sim_queue_push(&laned, at_us, classes[kind], kind, a, round, i);
		}
		for (uint32_t i = 0; i < pfs_draw(2, round, 5, 0) % 5; i++) {
			bool is = sim_queue_pop(&plain, &one);
			ck_assert(sim_queue_pop(&laned, &other) == is);
			if (!is)
				break;
			popped++;
			ck_assert_uint_eq(one.at_us, other.at_us);
			ck_assert_uint_eq(one.order, other.order);
			ck_assert_uint_eq(one.a, other.a);
			/* Time-outs of one phone at one time are all the same. */
			ck_assert(one.b == other.b || sim_event_kind(&one) == 5);
			now_us = one.at_us;
		}
	}
	ck_assert_uint_gt(popped, 100000);
	ck_assert_uint_gt(laned.lanes[0].size, 64); /* a ring has grown */
	sim_queue_deinit(&plain);
	sim_queue_deinit(&laned);
}
END_TEST

/* ---- flows ---- */

static uint32_t changes;

static void count_change(void *context, uint32_t flow)
{
	struct flow_net *net = context;

	(void)flow_take(net, flow, net->flows[flow].updated_us);
	changes++;
}

static void make_net(struct flow_net *net, uint32_t ports, uint64_t rate_bps, uint32_t flows)
{
	ck_assert_int_eq(flow_net_init(net, ports, count_change, net), 0);
	for (uint32_t i = 0; i < ports; i++)
		net->ports[i].rate_bps = rate_bps;
	ck_assert_int_eq(flow_net_reserve(net, flows), 0);
	changes = 0;
}

/* A port is shared evenly by what leaves it; the share grows back when a flow ends. */
START_TEST(a_port_is_shared_fairly)
{
	struct flow_net net;

	make_net(&net, 4, 80000000, 3);
	for (uint32_t i = 0; i < 3; i++)
		flow_set(&net, i, 0, i + 1);
	flow_start(&net, 0, 0);
	ck_assert_uint_eq(flow_due(&net, 0, 0, 1000000), 100000); /* 8 Mbit at 80 Mb/s */
	flow_start(&net, 1, 50000);
	ck_assert_uint_eq(net.flows[0].rate_bps, 40000000);
	/* half was carried by then; taken by the callback */
	ck_assert_uint_eq(flow_take(&net, 0, 50000), 0);
	ck_assert_uint_eq(flow_due(&net, 0, 50000, 500000), 150000);
	flow_stop(&net, 0, 150000);
	ck_assert_uint_eq(flow_take(&net, 0, 150000), 500000);
	ck_assert_uint_eq(net.flows[1].rate_bps, 80000000);
	ck_assert_uint_eq(changes, 4); /* 0 starts, 0 and 1 at 1's start, 1 at 0's end */
	flow_stop(&net, 1, 150000);
	flow_net_deinit(&net);
}
END_TEST

/* The receiver's port is the bottleneck where many send to one. */
START_TEST(the_receiver_may_be_the_bottleneck)
{
	struct flow_net net;

	make_net(&net, 5, 80000000, 4);
	net.ports[4].rate_bps = 8000000;
	for (uint32_t i = 0; i < 4; i++) {
		flow_set(&net, i, i, 4);
		flow_start(&net, i, 0);
	}
	for (uint32_t i = 0; i < 4; i++)
		ck_assert_uint_eq(net.flows[i].rate_bps, 2000000);
	flow_net_deinit(&net);
}
END_TEST

/* However often it is looked at, a flow takes exactly as long: the remainder is carried. */
START_TEST(looking_does_not_slow_a_flow)
{
	struct flow_net net;
	uint64_t carried = 0;

	make_net(&net, 2, 94148000, 1);
	flow_set(&net, 0, 0, 1);
	flow_start(&net, 0, 0);
	for (uint64_t now_us = 1; now_us <= 1000000; now_us += 7)
		carried += flow_take(&net, 0, now_us);
	carried += flow_take(&net, 0, 1000000);
	ck_assert_uint_eq(carried, 94148000 / 8);
	flow_stop(&net, 0, 1000000);
	flow_net_deinit(&net);
}
END_TEST

/* ---- pipes ---- */

/* Frames are bytes, ranges are identities; the reader sees at most up to the end of a range. */
START_TEST(a_pipe_keeps_order_and_identity)
{
	static const uint8_t header[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct sim_pipe pipe = { 0 };
	struct pfs_event event = { 0 };
	uint8_t file;
	uint64_t offset, length;

	ck_assert_int_eq(sim_pipe_write(&pipe, header, 8, 0, 0), 0);
	ck_assert_int_eq(sim_pipe_write(&pipe, NULL, 1000, 3, 5000), 0);
	ck_assert_int_eq(sim_pipe_write(&pipe, header, 4, 0, 0), 0);
	ck_assert_uint_eq(pipe.written, 1012);
	pipe.arrived = 5; /* a header cut in two */
	sim_pipe_peek(&pipe, &event);
	ck_assert_uint_eq(event.length, 5);
	ck_assert_uint_eq(event.available, 5);
	ck_assert_mem_eq(event.data, header, 5);
	sim_pipe_consume(&pipe, 2);
	pipe.arrived = 1012;
	sim_pipe_peek(&pipe, &event);
	ck_assert_uint_eq(event.length, 6 + 1000);
	ck_assert_uint_eq(event.available, 6);
	ck_assert_mem_eq(event.data, header + 2, 6);
	ck_assert(!sim_pipe_at(&pipe, 5, &file, &offset, &length));
	ck_assert(sim_pipe_at(&pipe, 6 + 10, &file, &offset, &length));
	ck_assert_uint_eq(file, 3);
	ck_assert_uint_eq(offset, 5010);
	ck_assert_uint_eq(length, 990);
	sim_pipe_consume(&pipe, 6 + 400);
	sim_pipe_peek(&pipe, &event);
	ck_assert_uint_eq(event.length, 600);
	ck_assert_uint_eq(event.available, 0);
	ck_assert(sim_pipe_at(&pipe, 0, &file, &offset, &length));
	ck_assert_uint_eq(offset, 5400);
	sim_pipe_consume(&pipe, 600);
	sim_pipe_peek(&pipe, &event);
	ck_assert_uint_eq(event.length, 4);
	ck_assert_mem_eq(event.data, header, 4);
	sim_pipe_consume(&pipe, 4);
	ck_assert_uint_eq(pipe.item_count, 0);
	ck_assert_uint_eq(pipe.byte_count, 0);
	sim_pipe_deinit(&pipe);
}
END_TEST

/* A pipe's memory is what is under way, not what went through it. */
START_TEST(a_pipe_does_not_grow)
{
	static const uint8_t header[16];
	struct sim_pipe pipe = { 0 };

	for (uint32_t i = 0; i < 10000; i++) {
		ck_assert_int_eq(sim_pipe_write(&pipe, header, 16, 0, 0), 0);
		ck_assert_int_eq(sim_pipe_write(&pipe, NULL, 65536, 1, 0), 0);
		pipe.arrived = pipe.written;
		sim_pipe_consume(&pipe, pipe.arrived - pipe.consumed - (i % 2));
	}
	ck_assert_uint_le(pipe.byte_size, 256);
	ck_assert_uint_le(pipe.item_size, 16);
	sim_pipe_deinit(&pipe);
}
END_TEST

/* What is waited for: a chunk, the end of a range, or room in the send buffer, whichever comes first. */
START_TEST(a_pipe_says_what_it_waits_for)
{
	static const uint8_t header[16];
	struct sim_pipe pipe = { 0 };

	sim_pipe_write(&pipe, header, 16, 0, 0);
	ck_assert_uint_eq(sim_pipe_target(&pipe, FAST_BPS), 16);
	sim_pipe_write(&pipe, NULL, SIM_SEND_BUFFER_BYTES, 1, 0);
	ck_assert_uint_eq(sim_pipe_target(&pipe, FAST_BPS), 16);
	pipe.transmitted = pipe.announced = 16;
	ck_assert_uint_eq(sim_pipe_target(&pipe, FAST_BPS), 16 + SIM_CHUNK_BYTES);
	/* Of a slow flow pieces come once a second, of the slowest segment by segment. */
	ck_assert_uint_eq(sim_pipe_target(&pipe, 32000), 16 + 4000);
	ck_assert_uint_eq(sim_pipe_target(&pipe, 1), 16 + SIM_SEGMENT_BYTES);
	/* Looked at again in the middle of a piece it is the same one, else a slow one would never arrive. */
	pipe.transmitted = 16 + SIM_CHUNK_BYTES / 2;
	ck_assert_uint_eq(sim_pipe_target(&pipe, FAST_BPS), 16 + SIM_CHUNK_BYTES);
	pipe.transmitted = 16 + SIM_CHUNK_BYTES + 1;
	ck_assert_uint_eq(sim_pipe_target(&pipe, FAST_BPS), pipe.transmitted);
	pipe.transmitted = pipe.announced = SIM_SEND_BUFFER_BYTES;
	ck_assert_uint_eq(sim_pipe_target(&pipe, FAST_BPS), 16 + SIM_SEND_BUFFER_BYTES);
	sim_pipe_write(&pipe, NULL, 100, 1, 0);
	ck_assert_uint_eq(sim_pipe_target(&pipe, FAST_BPS), 16 + SIM_SEND_BUFFER_BYTES);
	sim_pipe_deinit(&pipe);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sim_parts");
	TCase *tests = tcase_create("sim_parts");

	tcase_add_test(tests, ties_have_a_documented_order);
	tcase_add_test(tests, the_queue_sorts);
	tcase_add_test(tests, lanes_keep_the_order);
	tcase_add_test(tests, a_port_is_shared_fairly);
	tcase_add_test(tests, the_receiver_may_be_the_bottleneck);
	tcase_add_test(tests, looking_does_not_slow_a_flow);
	tcase_add_test(tests, a_pipe_keeps_order_and_identity);
	tcase_add_test(tests, a_pipe_does_not_grow);
	tcase_add_test(tests, a_pipe_says_what_it_waits_for);
	suite_add_tcase(suite, tests);
	return tap_run(suite);
}
