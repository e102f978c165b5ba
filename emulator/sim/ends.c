/*
 * How downloads and upgrades end: a download from the server has a reason that
 * is true, a failure one that holds, and a phone that stays alive ends within the
 * bound (docs/protocol.md, questions 7 and 13).
 */
#include "emulator/sim/watch.h"

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
