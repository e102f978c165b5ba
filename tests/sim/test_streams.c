/*
 * What the virtual-time world does to a phone: streams, broadcasts, power and
 * cables. The phones here are puppets: this file has its own pfs_step(), which
 * does what a script says at its time and notes every event, so that the
 * world's own promises are seen without the protocol's.
 */
#include <errno.h>
#include <string.h>

#include "tests/sim/sim_fleet.h"
#include "tests/tap.h"

#define PUPPETS 4
#define LAN_US 50 /* sim_fleet's one-way delay */
#define MS UINT64_C(1000)
#define SECOND UINT64_C(1000000)
#define GO (10 * SECOND) /* by then a puppet that was told to has its file */
#define FILE_BYTES 2000000
#define LINE_MAX 64
#define NOTES_MAX 4096

struct line {
	uint64_t at_us;
	uint32_t phone;
	struct pfs_action action;
};

struct note {
	uint64_t at_us;
	uint32_t phone;
	struct pfs_event event;
};

static struct line script[LINE_MAX];
static struct note notes[NOTES_MAX];
static uint32_t script_count, note_count;
static uint32_t script_done[PUPPETS]; /* lines of each puppet carried out */
static uint32_t accept_slots[PUPPETS], accepted[PUPPETS];
static const char *broken; /* what pfs_phone_check() says */
static uint32_t fetches;   /* bit a puppet: fetches file 1 at its start */

/* ---- the puppet's core ---- */

int pfs_phone_init(struct pfs_phone *phone, const struct pfs_config *config)
{
	memset(phone, 0, sizeof(*phone));
	phone->config = *config;
	return 0;
}

static struct line *next_line(uint32_t phone)
{
	uint32_t seen = 0;

	for (uint32_t i = 0; i < script_count; i++)
		if (script[i].phone == phone && seen++ == script_done[phone])
			return &script[i];
	return NULL;
}

uint64_t pfs_deadline(const struct pfs_phone *phone)
{
	const struct line *line = next_line(phone->config.phone);

	return line ? line->at_us : PFS_TIME_NEVER;
}

uint32_t pfs_accept_conn(const struct pfs_phone *phone)
{
	uint32_t number = phone->config.phone;

	return accepted[number] < accept_slots[number] ? 0x100 + accepted[number] : PFS_NO_CONN;
}

const char *pfs_phone_check(const struct pfs_phone *phone)
{
	(void)phone;
	return broken;
}

void pfs_phone_snapshot(const struct pfs_phone *phone, struct pfs_snapshot *snapshot)
{
	(void)phone;
	memset(snapshot, 0, sizeof(*snapshot));
}

static struct pfs_action *add(struct pfs_actions *actions, enum pfs_action_kind kind)
{
	struct pfs_action *action = &actions->list[actions->count++];

	memset(action, 0, sizeof(*action));
	action->kind = (uint8_t)kind;
	return action;
}

/* As small a TFTP client as fetches a file where nothing is lost. */
static void fetch(const struct pfs_phone *phone, const struct pfs_event *event, struct pfs_actions *actions)
{
	struct pfs_action *action;

	if (event->kind == PFS_EV_START) {
		add(actions, PFS_ACT_TFTP_OPEN);
		action = add(actions, PFS_ACT_TFTP_SEND);
		action->port = PFS_TFTP_PORT;
		action->bytes[1] = 1;
		strcpy((char *)action->bytes + 2, phone->config.files[1].name);
		strcpy((char *)action->bytes + 3 + strlen(phone->config.files[1].name), "octet");
		action->length = 2 + strlen(phone->config.files[1].name) + 1 + sizeof("octet");
	} else {
		uint64_t block = (uint64_t)event->data[2] << 8 | event->data[3];
		ck_assert_uint_eq(event->data[1], 3);
		action = add(actions, PFS_ACT_TAKE);
		action->file = 1;
		action->offset = (block - 1) * 512;
		action->skip = 4;
		action->length = event->length - 4;
		action = add(actions, PFS_ACT_TFTP_SEND);
		action->port = event->port;
		action->bytes[1] = 4;
		action->bytes[2] = event->data[2];
		action->bytes[3] = event->data[3];
		action->length = 4;
		if (event->length < 516)
			add(actions, PFS_ACT_VERIFY)->file = 1;
	}
	action->address = phone->config.tftp_server;
}

uint32_t pfs_step(struct pfs_phone *phone, const struct pfs_event *event, struct pfs_actions *actions)
{
	uint32_t number = phone->config.phone;
	struct line *line;

	actions->count = 0;
	if (event->kind == PFS_EV_TFTP || (event->kind == PFS_EV_START && fetches >> number & 1))
		fetch(phone, event, actions);
	if (event->kind != PFS_EV_TIME && event->kind != PFS_EV_TFTP) {
		ck_assert_uint_lt(note_count, NOTES_MAX);
		notes[note_count++] = (struct note){ event->now_us, number, *event };
	}
	accepted[number] += event->kind == PFS_EV_ACCEPTED;
	while ((line = next_line(number)) && line->at_us <= event->now_us) {
		script_done[number]++;
		actions->list[actions->count++] = line->action;
	}
	return event->length;
}

/* ---- scripts and notes ---- */

static struct pfs_action *at(uint64_t at_us, uint32_t phone, enum pfs_action_kind kind, uint32_t conn)
{
	struct line *line = &script[script_count++];

	ck_assert_uint_le(script_count, LINE_MAX);
	*line = (struct line){ .at_us = at_us, .phone = phone };
	line->action.kind = (uint8_t)kind;
	line->action.conn = conn;
	return &line->action;
}

static uint32_t address_of(uint32_t phone)
{
	return 0x0a010002 + phone;
}

/* The caller's handles begin at 1; the callee's at 0x100. */
static void dial(uint64_t at_us, uint32_t phone, uint32_t conn, uint32_t callee)
{
	at(at_us, phone, PFS_ACT_CONNECT, conn)->address = address_of(callee);
}

static void send_bytes(uint64_t at_us, uint32_t phone, uint32_t conn, uint32_t length)
{
	struct pfs_action *action = at(at_us, phone, PFS_ACT_SEND, conn);

	action->length = length;
	memset(action->bytes, 'a' + (int)(script_count % 26), length);
}

static void send_range(uint64_t at_us, uint32_t phone, uint32_t conn, uint64_t offset, uint64_t length)
{
	struct pfs_action *action = at(at_us, phone, PFS_ACT_SEND_FILE, conn);

	action->file = 1;
	action->offset = offset;
	action->length = length;
}

static const struct note *nth(enum pfs_event_kind kind, uint32_t phone, uint32_t which)
{
	for (uint32_t i = 0; i < note_count; i++)
		if (notes[i].event.kind == kind && notes[i].phone == phone && !which--)
			return &notes[i];
	return NULL;
}

static uint32_t count_of(enum pfs_event_kind kind, uint32_t phone)
{
	uint32_t count = 0;

	while (nth(kind, phone, count))
		count++;
	return count;
}

static uint64_t bytes_of(uint32_t phone)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < note_count; i++)
		if (notes[i].event.kind == PFS_EV_BYTES && notes[i].phone == phone)
			bytes += notes[i].event.length;
	return bytes;
}

static void ck_at(enum pfs_event_kind kind, uint32_t phone, uint64_t least_us, uint64_t most_us)
{
	const struct note *note = nth(kind, phone, 0);

	ck_assert_msg(note != NULL, "phone %u had no event %u", phone, kind);
	ck_assert_msg(note->at_us >= least_us && note->at_us <= most_us,
		      "phone %u had event %u at %lu, not %lu to %lu", phone, kind, (unsigned long)note->at_us,
		      (unsigned long)least_us, (unsigned long)most_us);
}

static void set_up(void)
{
	script_count = note_count = fetches = 0;
	memset(script_done, 0, sizeof(script_done));
	memset(accepted, 0, sizeof(accepted));
	for (uint32_t i = 0; i < PUPPETS; i++) {
		accept_slots[i] = 4;
		at(0, i, PFS_ACT_OPEN, 0);
	}
}

static int play_for_error(const struct plan_fault *fault)
{
	struct sim_fleet_spec spec = { .phones = PUPPETS,
				       .unwatched = true,
				       .sizes = { 0, FILE_BYTES },
				       .wan_bps = 1000000000,
				       .wan_delay_us = 1,
				       .faults = fault,
				       .fault_count = fault != NULL,
				       .time_limit_us = 1000 * SECOND };
	struct sim_fleet fleet;

	sim_fleet_run(&spec, &fleet);
	int error = fleet.error;
	sim_fleet_done(&fleet);
	return error;
}

static void play(const struct plan_fault *fault)
{
	ck_assert_int_eq(play_for_error(fault), 0);
}

static struct plan_fault fault_on(enum plan_fault_kind kind, uint32_t phone, uint64_t at_us,
				  uint64_t duration_us)
{
	struct plan_fault fault = sim_fleet_fault(kind, PLAN_ROLE_PHONE, PLAN_PHASE_TIME, 0);

	fault.phone = (int32_t)phone;
	fault.at_us = at_us;
	fault.duration_us = duration_us;
	return fault;
}

/* ---- the tests ---- */

START_TEST(a_handshake_takes_a_round_trip)
{
	dial(GO, 0, 1, 1);
	send_bytes(GO + MS, 0, 1, 100);
	send_bytes(GO + 2 * MS, 1, 0x100, 40);
	play(NULL);
	ck_at(PFS_EV_CONNECTED, 0, GO + 2 * LAN_US, GO + 2 * LAN_US);
	ck_at(PFS_EV_ACCEPTED, 1, GO + 3 * LAN_US, GO + 3 * LAN_US);
	ck_assert_uint_eq(nth(PFS_EV_ACCEPTED, 1, 0)->event.address, address_of(0));
	ck_assert_uint_eq(nth(PFS_EV_CONNECTED, 0, 0)->event.conn, 1);
	ck_at(PFS_EV_BYTES, 1, GO + MS + LAN_US, GO + MS + LAN_US + 30);
	ck_assert_uint_eq(bytes_of(1), 100);
	ck_assert_uint_eq(bytes_of(0), 40);
}
END_TEST

START_TEST(a_closed_port_answers_with_reset)
{
	at(GO - SECOND, 1, PFS_ACT_CLOSE, 0);
	dial(GO, 0, 1, 1);
	play(NULL);
	ck_at(PFS_EV_LOST, 0, GO + 2 * LAN_US, GO + 2 * LAN_US);
	ck_assert_uint_eq(count_of(PFS_EV_CONNECTED, 0), 0);
}
END_TEST

/* Without power nobody answers; the kernel gives up after its seventh SYN's time, 127 s. */
START_TEST(a_dead_host_does_not_answer)
{
	struct plan_fault fault = fault_on(PLAN_FAULT_KILL, 1, SECOND, PFS_TIME_NEVER);

	dial(GO, 0, 1, 1);
	play(&fault);
	ck_at(PFS_EV_LOST, 0, GO + 127 * SECOND, GO + 127 * SECOND + MS);
}
END_TEST

/* It is back in time for the fourth SYN, 7 s after the first. */
START_TEST(a_host_that_comes_back_is_reached)
{
	struct plan_fault fault = fault_on(PLAN_FAULT_UNPLUG, 1, SECOND, 14 * SECOND);

	dial(GO, 0, 1, 1);
	play(&fault);
	ck_at(PFS_EV_CONNECTED, 0, GO + 7 * SECOND, GO + 7 * SECOND + MS);
	ck_assert_uint_eq(count_of(PFS_EV_ACCEPTED, 1), 1);
}
END_TEST

/* DESIGN: more joiners than accept slots. The kernel connects them all; the core takes them as it can. */
START_TEST(the_listen_queue_holds_who_comes_early)
{
	accept_slots[1] = 1;
	dial(GO, 0, 1, 1);
	dial(GO + MS, 2, 1, 1);
	send_bytes(GO + 2 * MS, 2, 1, 10);
	play(NULL);
	ck_assert_uint_eq(count_of(PFS_EV_CONNECTED, 0), 1);
	ck_assert_uint_eq(count_of(PFS_EV_CONNECTED, 2), 1);
	ck_assert_uint_eq(count_of(PFS_EV_ACCEPTED, 1), 1);
	ck_assert_uint_eq(bytes_of(1), 0);
}
END_TEST

/* What came in before the acceptance is given after it; a closed port resets who waits. */
START_TEST(who_waited_is_served_or_reset)
{
	accept_slots[1] = 0;
	dial(GO, 0, 1, 1);
	send_bytes(GO + MS, 0, 1, 10);
	at(GO + SECOND, 1, PFS_ACT_CLOSE, 0);
	play(NULL);
	ck_assert_uint_eq(count_of(PFS_EV_ACCEPTED, 1), 0);
	ck_at(PFS_EV_LOST, 0, GO + SECOND, GO + SECOND + MS);
}
END_TEST

/* 2,000,000 bytes at 100 Mb/s, 1448 of 1538 bytes being payload: 170 ms; SENT when 256 KiB are left. */
START_TEST(sent_means_handed_to_tcp)
{
	uint64_t all_us = FILE_BYTES * UINT64_C(8) * 1538 / 1448 / 100,
		 rest_us = all_us / FILE_BYTES * (256 * 1024);

	fetches = 1;
	dial(GO, 0, 1, 1);
	send_range(GO + MS, 0, 1, 0, FILE_BYTES);
	send_bytes(GO + MS, 0, 1, 9);
	at(GO + MS, 0, PFS_ACT_SHUTDOWN, 1);
	play(NULL);
	rest_us = all_us * 262144 / FILE_BYTES;
	ck_at(PFS_EV_SENT, 0, GO + MS + (all_us - rest_us) * 99 / 100,
	      GO + MS + (all_us - rest_us) * 101 / 100);
	ck_assert_uint_eq(bytes_of(1), FILE_BYTES + 9);
	ck_at(PFS_EV_EOF, 1, GO + MS + all_us * 99 / 100, GO + MS + all_us * 101 / 100);
	/* the last bytes before the EOF */
	ck_assert_uint_eq(notes[note_count - 1].event.kind, PFS_EV_EOF);
}
END_TEST

START_TEST(two_children_share_the_port)
{
	uint64_t all_us = FILE_BYTES * UINT64_C(8) * 1538 / 1448 / 100;

	fetches = 1;
	for (uint32_t child = 1; child <= 2; child++) {
		dial(GO, 0, child, child);
		send_range(GO + MS, 0, child, 0, FILE_BYTES);
		at(GO + MS, 0, PFS_ACT_SHUTDOWN, child);
	}
	play(NULL);
	for (uint32_t child = 1; child <= 2; child++) {
		ck_assert_uint_eq(bytes_of(child), FILE_BYTES);
		ck_at(PFS_EV_EOF, child, GO + MS + all_us * 198 / 100, GO + MS + all_us * 202 / 100);
	}
}
END_TEST

START_TEST(a_drop_is_a_reset)
{
	dial(GO, 0, 1, 1);
	at(GO + SECOND, 0, PFS_ACT_DROP, 1);
	play(NULL);
	ck_at(PFS_EV_LOST, 1, GO + SECOND + LAN_US, GO + SECOND + LAN_US);
	ck_assert_uint_eq(count_of(PFS_EV_LOST, 0), 0);
}
END_TEST

/* Both ends have shut down: closing is silent, and nothing that was sent is cut. */
START_TEST(a_close_after_both_shutdowns_is_silent)
{
	dial(GO, 0, 1, 1);
	send_bytes(GO + SECOND, 0, 1, 50);
	at(GO + SECOND, 0, PFS_ACT_SHUTDOWN, 1);
	send_bytes(GO + 2 * SECOND, 1, 0x100, 60);
	at(GO + 2 * SECOND, 1, PFS_ACT_SHUTDOWN, 0x100);
	at(GO + 2 * SECOND, 1, PFS_ACT_DROP, 0x100);
	at(GO + 3 * SECOND, 0, PFS_ACT_DROP, 1);
	play(NULL);
	ck_assert_uint_eq(bytes_of(1), 50);
	ck_assert_uint_eq(bytes_of(0), 60);
	for (uint32_t phone = 0; phone < 2; phone++) {
		ck_assert_uint_eq(count_of(PFS_EV_EOF, phone), 1);
		ck_assert_uint_eq(count_of(PFS_EV_LOST, phone), 0);
	}
}
END_TEST

/* One that has only heard the other's FIN and drops is heard as a reset. */
START_TEST(a_drop_after_one_shutdown_is_a_reset)
{
	dial(GO, 0, 1, 1);
	at(GO + SECOND, 0, PFS_ACT_SHUTDOWN, 1);
	at(GO + 2 * SECOND, 1, PFS_ACT_DROP, 0x100);
	play(NULL);
	ck_at(PFS_EV_LOST, 0, GO + 2 * SECOND + LAN_US, GO + 2 * SECOND + LAN_US);
}
END_TEST

/* Power loss is silent: half open until there is something to send, then 15 s; or never. */
START_TEST(a_killed_peer_is_silent)
{
	struct plan_fault fault = fault_on(PLAN_FAULT_KILL, 1, GO + SECOND, PFS_TIME_NEVER);

	dial(GO, 0, 1, 1);
	dial(GO, 2, 1, 1);
	send_bytes(GO + 100 * SECOND, 2, 1, 10);
	play(&fault);
	ck_assert_uint_eq(count_of(PFS_EV_LOST, 0), 0);
	ck_assert_uint_eq(count_of(PFS_EV_EOF, 0), 0);
	ck_at(PFS_EV_LOST, 2, GO + 115 * SECOND, GO + 115 * SECOND + MS);
}
END_TEST

/* It is back and knows nothing of the connection: what is sent is answered with a reset. */
START_TEST(a_rebooted_peer_resets)
{
	struct plan_fault fault = fault_on(PLAN_FAULT_KILL, 1, GO + SECOND, 5 * SECOND);

	dial(GO, 0, 1, 1);
	dial(GO, 2, 1, 1);
	send_bytes(GO + 3 * SECOND, 0, 1, 10);
	send_bytes(GO + 20 * SECOND, 2, 1, 10);
	play(&fault);
	ck_at(PFS_EV_LOST, 0, GO + 6 * SECOND, GO + 6 * SECOND + MS);
	ck_at(PFS_EV_LOST, 2, GO + 20 * SECOND, GO + 20 * SECOND + MS);
	ck_assert_uint_eq(bytes_of(1), 0);
	ck_assert_uint_eq(count_of(PFS_EV_START, 1), 2);
}
END_TEST

/* What was on the wire when the power went is lost. */
START_TEST(what_was_under_way_from_a_killed_phone_is_lost)
{
	struct plan_fault fault = fault_on(PLAN_FAULT_KILL, 0, GO + SECOND + 20, PFS_TIME_NEVER);

	dial(GO, 0, 1, 1);
	send_bytes(GO + SECOND, 0, 1, 10);
	at(GO + SECOND, 0, PFS_ACT_BROADCAST, 0)->length = 10;
	play(&fault);
	ck_assert_uint_eq(bytes_of(1), 0);
	ck_assert_uint_eq(count_of(PFS_EV_DATAGRAM, 1), 0);
}
END_TEST

START_TEST(a_crash_is_heard)
{
	struct plan_fault fault = fault_on(PLAN_FAULT_CRASH, 1, GO + SECOND, 5 * SECOND);

	dial(GO, 0, 1, 1);
	dial(GO + 3 * SECOND, 2, 1, 1); /* nobody listens: the host is up */
	play(&fault);
	ck_at(PFS_EV_LOST, 0, GO + SECOND + LAN_US, GO + SECOND + LAN_US);
	ck_at(PFS_EV_LOST, 2, GO + 3 * SECOND + 2 * LAN_US, GO + 3 * SECOND + 2 * LAN_US);
	ck_assert_uint_eq(count_of(PFS_EV_START, 1), 2);
}
END_TEST

/* Without cable a stream stands still; it goes on if the cable is in again within 15 s, else it is given up.
 */
START_TEST(an_unplugged_stream_waits)
{
	bool late = _i;
	uint64_t out_us = late ? 40 * SECOND : 8 * SECOND;
	struct plan_fault fault = fault_on(PLAN_FAULT_UNPLUG, 1, GO + 50 * MS, out_us);

	fetches = 1;
	dial(GO, 0, 1, 1);
	send_range(GO + MS, 0, 1, 0, FILE_BYTES);
	at(GO + MS, 0, PFS_ACT_SHUTDOWN, 1);
	play(&fault);
	ck_assert_uint_eq(count_of(PFS_EV_START, 1), 1);
	if (late) {
		ck_at(PFS_EV_LOST, 0, GO + 15 * SECOND, GO + 15 * SECOND + 60 * MS);
		ck_assert_uint_lt(bytes_of(1), FILE_BYTES);
		ck_assert_uint_eq(count_of(PFS_EV_LOST, 1), 0);
	} else {
		ck_assert_uint_eq(bytes_of(1), FILE_BYTES);
		ck_at(PFS_EV_EOF, 1, GO + 8 * SECOND + 150 * MS, GO + 8 * SECOND + 250 * MS);
		ck_assert_uint_eq(count_of(PFS_EV_LOST, 0), 0);
	}
}
END_TEST

/* A frame that was on the wire when the cable went is sent again when it is back. */
START_TEST(what_an_unplugged_phone_missed_is_sent_again)
{
	struct plan_fault fault = fault_on(PLAN_FAULT_UNPLUG, _i ? 0 : 1, GO + SECOND + 20, 5 * SECOND);

	dial(GO, 0, 1, 1);
	send_bytes(GO + SECOND, 0, 1, 10);
	at(GO + SECOND, 0, PFS_ACT_SHUTDOWN, 1);
	play(&fault);
	ck_assert_uint_eq(bytes_of(1), 10);
	ck_at(PFS_EV_BYTES, 1, GO + 6 * SECOND, GO + 6 * SECOND + MS);
	ck_at(PFS_EV_EOF, 1, GO + 6 * SECOND, GO + 6 * SECOND + MS);
	ck_assert_uint_eq(count_of(PFS_EV_LOST, 0), 0);
}
END_TEST

/* Heard by all whose port is open, the sender too, at one time and in the order of their numbers. */
START_TEST(a_broadcast_reaches_everybody)
{
	uint32_t last = 0, heard = 0;

	at(SECOND, 2, PFS_ACT_CLOSE, 0);
	at(GO, 1, PFS_ACT_BROADCAST, 0)->length = 48;
	play(NULL);
	for (uint32_t i = 0; i < note_count; i++) {
		if (notes[i].event.kind != PFS_EV_DATAGRAM)
			continue;
		ck_assert_uint_ne(notes[i].phone, 2);
		ck_assert_uint_ge(notes[i].phone, last);
		ck_assert_uint_eq(notes[i].event.address, address_of(1));
		ck_assert_uint_eq(notes[i].event.length, 48);
		/* (48 + 28 + 38) * 8 bits at 100 Mb/s */
		ck_assert_uint_eq(notes[i].at_us, GO + LAN_US + 10);
		last = notes[i].phone;
		heard++;
	}
	ck_assert_uint_eq(heard, 3);
}
END_TEST

/* What a phone must never do stops the run; so does a phone that finds itself broken. */
START_TEST(broken_promises_stop_the_run)
{
	struct pfs_action *action;

	dial(GO, 0, 1, 1);
	switch (_i) {
	case 0: /* forwards what it has not verified */
		send_range(GO + MS, 0, 1, 0, 100);
		break;
	case 1: /* forwards past the end of the file */
		fetches = 1;
		send_range(GO + MS, 0, 1, FILE_BYTES - 10, 11);
		break;
	case 2: /* takes bytes that no event brought */
		action = at(GO + MS, 0, PFS_ACT_TAKE, 0);
		action->file = 1;
		action->length = 10;
		break;
	case 3: /* takes them out of order */
		fetches = 1;
		action = at(1, 0, PFS_ACT_TAKE, 0);
		action->file = 1;
		action->offset = 512;
		action->length = 512;
		break;
	case 4: /* uses a connection that it does not have */
		send_bytes(GO + MS, 0, 2, 10);
		break;
	case 5: /* sends after its own FIN */
		at(GO + MS, 0, PFS_ACT_SHUTDOWN, 1);
		send_bytes(GO + MS, 0, 1, 10);
		break;
	case 6: /* a handle that is in use */
		dial(GO + MS, 0, 1, 2);
		break;
	case 7: /* no TFTP socket */
		at(GO, 0, PFS_ACT_TFTP_SEND, 0)->length = 4;
		break;
	default:
		broken = "an invariant's name";
		break;
	}
	ck_assert_int_eq(play_for_error(NULL), -EPROTO);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("streams");
	TCase *tests = tcase_create("streams");

	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_test(tests, a_handshake_takes_a_round_trip);
	tcase_add_test(tests, a_closed_port_answers_with_reset);
	tcase_add_test(tests, a_dead_host_does_not_answer);
	tcase_add_test(tests, a_host_that_comes_back_is_reached);
	tcase_add_test(tests, the_listen_queue_holds_who_comes_early);
	tcase_add_test(tests, who_waited_is_served_or_reset);
	tcase_add_test(tests, sent_means_handed_to_tcp);
	tcase_add_test(tests, two_children_share_the_port);
	tcase_add_test(tests, a_drop_is_a_reset);
	tcase_add_test(tests, a_close_after_both_shutdowns_is_silent);
	tcase_add_test(tests, a_drop_after_one_shutdown_is_a_reset);
	tcase_add_test(tests, a_killed_peer_is_silent);
	tcase_add_test(tests, a_rebooted_peer_resets);
	tcase_add_test(tests, what_was_under_way_from_a_killed_phone_is_lost);
	tcase_add_test(tests, a_crash_is_heard);
	tcase_add_loop_test(tests, an_unplugged_stream_waits, 0, 2);
	tcase_add_loop_test(tests, what_an_unplugged_phone_missed_is_sent_again, 0, 2);
	tcase_add_test(tests, a_broadcast_reaches_everybody);
	tcase_add_loop_test(tests, broken_promises_stop_the_run, 0, 9);
	suite_add_tcase(suite, tests);
	return tap_run(suite);
}
