/*
 * How downloads and upgrades end: a download from the server has a reason that
 * is true, an attempt is not given up early, a tree hears that its root tries
 * again, after six elections the server is asked, a failure has a reason that
 * holds, and a phone that stays alive ends within the bound (docs/protocol.md,
 * questions 5, 7 and 13).
 */
#include "emulator/sim/watch.h"

#include "pfs-core/wire.h"

#define FRAME_TYPE_OCTET 3
#define TRACE_SILENCE 256 /* PFS_TR_TFTP_ERROR */
#define TRACE_SIZE 258

static bool takes_part(const struct sim_world *world, uint32_t number)
{
	return world->plan->phones[number].part == PFS_PART_YES;
}

/* docs/protocol.md, question 13, and what a fault costs before it is noticed. */
uint64_t sim_ends_bound_us(const struct plan *plan)
{
	uint64_t longest = 0;

	for (uint32_t i = 0; i < plan->firmware_count; i++) {
		const struct plan_firmware *firmware = &plan->firmware[i];
		uint64_t sum = 0;
		for (uint32_t k = 0; k < firmware->file_count; k++) {
			uint64_t slowest = firmware->files[k].size / PFS_ROOT_RATE_MIN * PFS_S + PFS_S;
			uint64_t election = 6 * PFS_S + PFS_HOPS_MAX * (PFS_CONNECT_US + PFS_JOIN_US);
			uint64_t loss = PFS_SILENCE_US + 2 * (PFS_CONNECT_US + PFS_JOIN_US) + 2 * PFS_S;
			sum += PFS_ROUNDS_MAX *
			       (election + PFS_ROOT_WAITING_US + slowest + 135 * PFS_S + loss);
			sum += 31 * PFS_S + 72 * (238 + 128) * PFS_S + 67 * slowest;
		}
		if (sum > longest)
			longest = sum;
	}
	return longest;
}

void sim_ends_download(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	const struct watched *phone = &world->watch->phones[number];
	uint8_t file = trace->file;

	if (trace->b == PFS_DIRECT_PORT_CLOSED && world->phones[number].port_open)
		sim_broken(world, number, "a download past the root has a reason that is true");
	else if (trace->b == PFS_DIRECT_PEERS_EXHAUSTED && phone->rounds < PFS_ROUNDS_MAX)
		sim_broken(world, number, "a download past the root has a reason that is true");
	else if (trace->b == PFS_DIRECT_NONE && !(phone->rooted & 1u << file))
		sim_broken(world, number, "only the confirmed root asks the server without a reason");
	if (!world->error)
		sim_copies_begun(world, number, file);
}

/*
 * A failure is true where something happened that can bring it about, and only
 * after as many attempts as the protocol has: by somebody of the family, since
 * what two roots found is everybody's.
 */
void sim_ends_failure(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	const struct sim_watch *watch = world->watch;
	const struct family *family = &watch->families[watch->phones[number].family];
	bool holds = false;

	switch ((enum pfs_failure)trace->a) {
	case PFS_FAIL_SERVER_SILENT:
		holds = watch->unreachable;
		for (uint32_t i = 0; i < world->plan->site_count && !holds; i++)
			holds = world->plan->sites[i].down.loss_ppm || world->plan->sites[i].up.loss_ppm;
		holds = holds && family->silences >= PFS_TFTP_ATTEMPTS;
		break;
	case PFS_FAIL_SERVER_BUSY:
		/* By the phone's own clock, which may run fast by half at most. */
		holds = (watch->busy || world->plan->server.serving_max < world->fleet_phones) &&
			family->rejected_us[trace->file] &&
			world->now_us - family->rejected_us[trace->file] >= PFS_BUSY_LIMIT_US / 3 * 2;
		break;
	case PFS_FAIL_DAMAGED:
		holds = watch->resized || family->damaged >= PFS_TFTP_DAMAGED_MAX;
		break;
	default: /* the server has every file and denies nothing */
		break;
	}
	if (!holds)
		sim_broken(world, number, "a phone that fails has a reason that holds");
}

void sim_ends_upgrade(struct sim_world *world, uint32_t number)
{
	const struct sim_watch *watch = world->watch;
	uint64_t from_us = watch->phones[number].begun_us;

	if (watch->last_fault_us > from_us)
		from_us = watch->last_fault_us;
	if (watch->felt_until_us != PFS_TIME_NEVER && world->now_us > from_us + watch->bound_us)
		sim_broken(world, number, "every phone that stays alive ends within the bound");
}

/*
 * Repeats of one request or ACK: each is a time-out, and whatever is heard in between is another one's. No
 * time-out is less than a second, and each is twice the one before.
 */
static void repeated(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	struct watched *phone = &world->watch->phones[number];
	bool request = trace->b;

	if (phone->repeated_block != trace->a || phone->repeated_request != request)
		phone->repeats = 0;
	uint64_t least_us = phone->repeats < 5 ? PFS_TFTP_RTO_MIN_US << phone->repeats : PFS_TFTP_RTO_MAX_US;
	if (least_us > PFS_TFTP_RTO_MAX_US)
		least_us = PFS_TFTP_RTO_MAX_US;
	if (phone->repeats && world->now_us < phone->repeated_us + least_us &&
	    sim_clock_is_true(world, number))
		sim_broken(world, number, "the time-out doubles with each silence");
	phone->repeated_us = world->now_us;
	phone->repeats++;
	phone->repeated_block = trace->a;
	phone->repeated_request = request;
}

/* What the server sent was no good. */
static void spoilt(struct watched *phone)
{
	phone->spoilt++;
	phone->spoils = true;
}

void sim_ends_trace(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	struct watched *phone = &world->watch->phones[number];

	switch ((enum pfs_trace_kind)trace->kind) {
	case PFS_TR_STARTED:
	case PFS_TR_FILE_BEGUN:
		phone->spoilt = phone->repeats = 0;
		phone->spoils = false;
		phone->last_block_us = PFS_TIME_NEVER;
		break;
	case PFS_TR_TFTP_BEGUN:
		phone->repeats = 0;
		phone->last_block_us = PFS_TIME_NEVER;
		break;
	case PFS_TR_TFTP_DONE:
		phone->last_block_us = world->now_us;
		break;
	case PFS_TR_VERIFIED:
		if (!trace->a && trace->address == world->plan->server.address)
			spoilt(phone);
		if (!trace->a)
			phone->last_block_us = PFS_TIME_NEVER;
		break;
	case PFS_TR_TFTP_RETRANSMIT:
		repeated(world, number, trace);
		break;
	case PFS_TR_TFTP_ERROR:
		if (trace->a == TRACE_SIZE)
			spoilt(phone);
		if (trace->a == TRACE_SILENCE && takes_part(world, number) &&
		    phone->repeats < (phone->repeated_request ? PFS_TFTP_REQUEST_MAX : PFS_TFTP_SILENT_MAX))
			sim_broken(world, number, "an attempt ends by silence after all its time-outs");
		break;
	default:
		break;
	}
}

/*
 * Its last ACK may be lost: it can give it again for twice a time-out, which is a second at least. But for a
 * file that is no good, for the next request, and for whoever leaves.
 */
static bool hangs_up(const struct sim_world *world, uint32_t number)
{
	const struct watched *phone = &world->watch->phones[number];
	uint8_t state = world->phones[number].core.state;

	return phone->last_block_us != PFS_TIME_NEVER &&
	       world->now_us < phone->last_block_us + 2 * PFS_TFTP_RTO_MIN_US && state != PFS_ST_TFTP &&
	       state != PFS_ST_REBOOTED && state != PFS_ST_FAILED && sim_clock_is_true(world, number);
}

/* What a phone says to its tree; the step is done, what is seen of it in `phones` is of before. */
void sim_ends_action(struct sim_world *world, uint32_t number, const struct pfs_action *action)
{
	const struct watched *phone = &world->watch->phones[number];
	struct wire_frame frame;

	if (action->kind == PFS_ACT_TFTP_CLOSE && takes_part(world, number) && hangs_up(world, number))
		sim_broken(world, number, "who has its last block can be asked for its ACK again");

	if (phone->state != PFS_ST_TFTP_WAITING || action->kind != PFS_ACT_SEND ||
	    action->bytes[FRAME_TYPE_OCTET] != WIRE_ALIVE ||
	    world->phones[number].core.state != PFS_ST_TFTP_WAITING ||
	    pfs_wire_frame_read(action->bytes, (uint32_t)action->length, &frame))
		return;
	if (frame.phase != TREE_HOLDING && frame.phase != TREE_RETRYING)
		sim_broken(world, number, "a root that tries again says so");
}

void sim_ends_stepped(struct sim_world *world, uint32_t number)
{
	struct watched *phone = &world->watch->phones[number];

	if (phone->spoils && phone->spoilt >= PFS_TFTP_DAMAGED_MAX && phone->state == PFS_ST_TFTP_WAITING)
		sim_broken(world, number, "a damaged file is fetched again twice at most");
	phone->spoils = false;

	if (phone->was == PFS_ST_ORPHANED && phone->state == PFS_ST_LISTENING && phone->rounds > PFS_ROUNDS_MAX)
		sim_broken(world, number, "after six elections the server is asked");
}
