/*
 * What must always hold in a PFS run, whatever goes wrong: docs/protocol.md,
 * "What always holds". pfs_phone_check() holds what one phone can see; here is
 * what takes a view of the fleet. Everything is worked out from the trace, the
 * actions and the faults, beside the core: a core that deceives itself is found
 * out.
 *
 * A family is the phones that may share: one subnet, model and firmware set.
 * Its counts are kept up to date phone by phone, so that an event costs the
 * phones it touched and never the fleet.
 *
 * Nothing that a fault explains is a violation; so each fault is remembered by
 * what it can explain: when its effects are over, and how many additional
 * copies of a file it may cost a family.
 */
#include "emulator/sim/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sim_same_family(const struct plan *plan, uint32_t phone, uint32_t other)
{
	const struct plan_phone *a = &plan->phones[phone], *b = &plan->phones[other];

	return a->subnet == b->subnet && a->model == b->model && a->firmware == b->firmware;
}

int sim_watch_init(struct sim_world *world)
{
	const struct plan *plan = world->plan;
	struct sim_watch *watch;
	uint32_t *found;

	if (world->options->traditional || world->options->unwatched)
		return 0;
	watch = calloc(1, sizeof(*watch));
	size_t kinds = (size_t)plan->model_count * plan->firmware_count;
	found = malloc((kinds + 1) * sizeof(*found));
	world->watch = watch;
	if (watch) {
		watch->phones = calloc((size_t)plan->phone_count + 1, sizeof(*watch->phones));
		watch->bound_us = sim_ends_bound_us(plan);
		watch->links_max = plan_fan_out(plan) * (PFS_HIERARCHIES_MAX + 1);
	}
	if (!watch || !watch->phones || !found) {
		free(found);
		return -ENOMEM;
	}
	for (uint32_t s = 0; s < plan->subnet_count; s++) {
		const struct plan_subnet *subnet = &plan->subnets[s];
		memset(found, 0xff, (kinds + 1) * sizeof(*found));
		for (uint32_t i = subnet->first_phone; i < subnet->first_phone + subnet->phone_count; i++) {
			uint32_t *family = &found[plan->phones[i].model * plan->firmware_count +
						  plan->phones[i].firmware];
			if (*family == SIM_NONE)
				*family = watch->family_count++;
			watch->phones[i].family = *family;
			watch->phones[i].parent = SIM_NONE;
			sim_conduct_begin(&watch->phones[i]);
			sim_blame_begin(&watch->phones[i]);
			sim_pace_begin(&watch->phones[i], 0);
		}
	}
	free(found);
	watch->families = calloc((size_t)watch->family_count + 1, sizeof(*watch->families));
	for (uint32_t i = 0; watch->families && i < plan->phone_count; i++)
		watch->families[watch->phones[i].family].members += plan->phones[i].part == PFS_PART_YES;
	return watch->families ? sim_copies_init(world) : -ENOMEM;
}

void sim_watch_deinit(struct sim_world *world)
{
	if (!world->watch)
		return;
	free(world->watch->phones);
	free(world->watch->families);
	free(world->watch->felt);
	free(world->watch);
	world->watch = NULL;
}

/* F9, F10 and CSCsh20977, once more and by other means than the core's: the nearest place that says anything. */
static bool entitled(const struct plan *plan, uint32_t number)
{
	const struct plan_phone *phone = &plan->phones[number];
	unsigned int major, minor, maintenance;
	uint8_t setting = phone->own;

	if (setting == PFS_SETTING_UNSET && phone->profile >= 0)
		setting = plan->profiles[phone->profile].setting;
	if (setting == PFS_SETTING_UNSET)
		setting = plan->enterprise;
	if (!plan->models[phone->model].shares || setting != PFS_SETTING_ENABLED ||
	    sscanf(phone->running, "%u.%u(%u)", &major, &minor, &maintenance) != 3)
		return false;
	if (major != 8 || minor != 3)
		return major > 8 || (major == 8 && minor > 3);
	return maintenance >= 1;
}

static bool takes_part(const struct sim_world *world, uint32_t phone)
{
	return world->plan->phones[phone].part == PFS_PART_YES;
}

bool sim_reachable(const struct sim_world *world, uint32_t phone)
{
	const struct sim_phone *host = &world->phones[phone];

	return host->running && sim_on_wire(host) && world->watch->phones[phone].state != PFS_ST_REBOOTED;
}

/* What the phone has of the file is all of it and the manifest's, whatever it was told. */
static bool truly_held(const struct sim_world *world, uint32_t phone, uint8_t file)
{
	const struct sim_phone *host = &world->phones[phone];
	const struct sim_stored *stored = &host->stored[file];

	return stored->verified && !stored->damaged && stored->bytes == host->firmware->files[file].size;
}

static bool calm(const struct sim_world *world)
{
	return world->now_us >= world->watch->felt_until_us;
}

/* ---------------------------------------------------------------- structure */

uint32_t sim_neighbour(const struct sim_world *world, uint32_t phone, uint32_t address)
{
	int64_t other = plan_phone_at(world->plan, world->plan->phones[phone].subnet, address);

	return other < 0 ? SIM_NONE : (uint32_t)other;
}

static void may_share(struct sim_world *world, uint32_t phone, uint32_t address)
{
	uint32_t other = sim_neighbour(world, phone, address);

	/* A hostile host can make itself pass for any family's. */
	if (other != SIM_NONE && world->watch->phones[other].was_hostile)
		return;
	if (other == SIM_NONE)
		sim_broken(world, phone, "no sharing across subnets");
	else if (!takes_part(world, other))
		sim_broken_by(world, phone, other, "a phone that takes no part is nobody's peer");
	else if (!sim_same_family(world->plan, phone, other))
		sim_broken_by(world, phone, other, "no sharing across models or files");
}

static void link_child(struct sim_world *world, uint32_t phone, const struct pfs_trace *trace)
{
	struct watched *parent = &world->watch->phones[phone];
	uint32_t child = sim_neighbour(world, phone, trace->address), children = 1;

	may_share(world, phone, trace->address);
	if (world->error)
		return;
	if (world->phones[child].hostile && world->phones[child].enmity == PLAN_FAULT_HOSTILE_LIAR &&
	    sim_liar_lies_to(world, child, phone))
		sim_broken_by(world, phone, child, "a JOIN that means another hierarchy is refused");
	else if (child == parent->parent && trace->file == parent->file && parent->held <= trace->file)
		sim_broken_by(world, phone, child, "nobody takes its own parent as a child");
	if (world->error)
		return;
	for (uint32_t i = 0; i < parent->link_count; i++) {
		if (parent->links[i].file == trace->file && parent->links[i].phone == child) {
			sim_broken_by(world, phone, child, "a child that joins anew replaces itself");
			return;
		}
		children += parent->links[i].file == trace->file;
	}
	if (children > plan_fan_out(world->plan) || parent->link_count == world->watch->links_max)
		sim_broken_by(world, phone, child,
			      "at most two children a hierarchy, or as many as the fan-out");
	else
		parent->links[parent->link_count++] = (struct child_link){ child, trace->file };
	parent->stirred = true;
}

static void unlink_child(struct sim_world *world, uint32_t phone, const struct pfs_trace *trace)
{
	struct watched *parent = &world->watch->phones[phone];
	uint32_t child = sim_neighbour(world, phone, trace->address);

	for (uint32_t i = 0; i < parent->link_count; i++)
		if (parent->links[i].file == trace->file && parent->links[i].phone == child) {
			parent->links[i] = parent->links[--parent->link_count];
			return;
		}
}

static bool has_child(const struct watched *parent, uint32_t child, uint8_t file)
{
	for (uint32_t i = 0; i < parent->link_count; i++)
		if (parent->links[i].phone == child && parent->links[i].file == file)
			return true;
	return false;
}

/* Only where both ends of a link say so does it stand: one alone may not have noticed the other's loss yet.
 */
static void check_cycle(struct sim_world *world, uint32_t phone)
{
	struct watched *phones = world->watch->phones;
	uint8_t file = phones[phone].file;
	uint32_t at = phone;

	for (uint32_t steps = 0; steps <= world->plan->phone_count; steps++) {
		uint32_t up = phones[at].parent;
		if (up == SIM_NONE || phones[at].file != file || !has_child(&phones[up], at, file))
			return;
		at = up;
		if (at == phone)
			break;
	}
	sim_broken_by(world, phone, phones[phone].parent, "no cycle among parents");
}

/* ------------------------------------------------------------------- counts */

static bool electing(uint8_t state)
{
	return state == PFS_ST_LISTENING || state == PFS_ST_CLAIMING || state == PFS_ST_FOLLOWING ||
	       state == PFS_ST_JOINING || state == PFS_ST_ORPHANED;
}

static void count_in(struct sim_watch *watch, struct watched *phone, bool in)
{
	struct family *family = &watch->families[phone->family];
	uint32_t one = in ? 1 : UINT32_MAX;

	phone->counted = in;
	if (phone->file >= PFS_FILES_MAX)
		return;
	if (electing(phone->state))
		family->electing[phone->file] += one;
	if (phone->state == PFS_ST_ROOT_WAITING)
		family->waiting[phone->file] += one;
}

static bool waits_as_root(const struct sim_world *world, uint32_t number, uint32_t of, uint8_t file)
{
	const struct watched *phone = &world->watch->phones[number];

	return phone->state == PFS_ST_ROOT_WAITING && phone->file == file && sim_reachable(world, number) &&
	       phone->family == world->watch->phones[of].family;
}

/* Two roots wait for the file of this phone's family, and neither has cause to avoid the other. */
static bool has_rivals(const struct sim_world *world, uint32_t number, uint8_t file)
{
	const struct plan_phone *phones = world->plan->phones;
	const struct plan_subnet *subnet = &world->plan->subnets[phones[number].subnet];
	uint32_t end = subnet->first_phone + subnet->phone_count;

	for (uint32_t i = subnet->first_phone; i < end; i++)
		for (uint32_t k = waits_as_root(world, i, number, file) ? i + 1 : end; k < end; k++)
			if (waits_as_root(world, k, number, file) &&
			    !sim_blame_avoids(world, i, phones[k].address) &&
			    !sim_blame_avoids(world, k, phones[i].address))
				return true;
	return false;
}

void sim_watch_phone(struct sim_world *world, uint32_t number)
{
	struct sim_watch *watch = world->watch;
	struct pfs_snapshot snapshot;

	if (!watch || world->error || !takes_part(world, number))
		return;
	struct watched *phone = &watch->phones[number];
	struct family *family = &watch->families[phone->family];
	const struct sim_phone *host = &world->phones[number];
	if (phone->counted)
		count_in(watch, phone, false);
	if (!host->running || host->hostile) {
		phone->parent = SIM_NONE;
		phone->link_count = phone->held = phone->rooted = 0;
		phone->state = PFS_ST_OFF;
		sim_pace_cut_off(phone);
		return;
	}
	pfs_phone_snapshot(&host->core, &snapshot);
	phone->stirred |= phone->file != snapshot.file;
	phone->state = snapshot.state;
	phone->file = snapshot.file;
	phone->held = snapshot.files_held;
	uint32_t parent = snapshot.parent ? sim_neighbour(world, number, snapshot.parent) : SIM_NONE;
	if (parent != phone->parent && snapshot.parent)
		may_share(world, number, snapshot.parent);
	phone->stirred |= parent != phone->parent;
	phone->parent = parent;
	if (sim_on_wire(host))
		count_in(watch, phone, true);
	if (world->error)
		return;
	sim_conduct_stepped(world, number);
	sim_blame_stepped(world, number);
	sim_pace_stepped(world, number);
	sim_ends_stepped(world, number);
	if (parent != SIM_NONE && phone->stirred && !world->error)
		check_cycle(world, number);
	phone->stirred = false;
	if (phone->file < PFS_FILES_MAX && family->waiting[phone->file] > 1 &&
	    !family->electing[phone->file] && calm(world) && has_rivals(world, number, phone->file))
		sim_broken(world, number, "one confirmed root a hierarchy once the subnet is quiet");
}

/* ------------------------------------------------------------------- hooks */

void sim_watch_trace(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	struct sim_watch *watch = world->watch;

	if (!watch || world->error)
		return;
	struct watched *phone = &watch->phones[number];
	struct family *family = &watch->families[phone->family];
	uint8_t file_bit = trace->file < PFS_FILES_MAX ? (uint8_t)(1u << trace->file) : 0;
	sim_blame_trace(world, number, trace);
	sim_conduct_trace(world, number, trace);
	sim_pace_trace(world, number, trace);
	sim_ends_trace(world, number, trace);
	switch ((enum pfs_trace_kind)trace->kind) {
	case PFS_TR_STARTED:
		phone->begun_us = world->now_us;
		phone->ended = false;
		phone->link_count = phone->rooted = phone->rounds = phone->held = 0;
		if ((trace->a == PFS_PART_YES) != entitled(world->plan, number))
			sim_broken(world, number, "who takes part is as settings, model and firmware say");
		break;
	case PFS_TR_FILE_BEGUN:
		phone->rounds = 0;
		if (!family->begun_us[trace->file])
			family->begun_us[trace->file] = world->now_us;
		break;
	case PFS_TR_ELECTION_AGAIN:
		phone->rounds++;
		phone->rooted &= (uint8_t)~file_bit;
		break;
	case PFS_TR_CLAIM:
		phone->claimed = (uint32_t)trace->c;
		break;
	case PFS_TR_JOINING:
		may_share(world, number, trace->address);
		break;
	case PFS_TR_YIELDED:
		may_share(world, number, trace->address);
		/* A root's strength carries the bump, a holder's is the greatest there is. */
		if (!world->error && phone->state == PFS_ST_CLAIMING && trace->c < phone->claimed)
			sim_broken(world, number, "a claim yields to a stronger one alone");
		break;
	case PFS_TR_CONFIRMED:
		phone->rooted |= file_bit;
		break;
	case PFS_TR_ROOT_GAVE_UP:
		phone->rooted &= (uint8_t)~file_bit;
		break;
	case PFS_TR_CHILD:
		link_child(world, number, trace);
		break;
	case PFS_TR_CHILD_DONE:
	case PFS_TR_CHILD_LOST:
		unlink_child(world, number, trace);
		break;
	case PFS_TR_TFTP_BEGUN:
		if (takes_part(world, number))
			sim_ends_download(world, number, trace);
		break;
	case PFS_TR_TFTP_ERROR:
		family->excused[trace->file]++;
		family->silences += trace->a == 256 || trace->a == 257;
		if ((trace->a == 0 || trace->a == 3) && !family->rejected_us[trace->file])
			family->rejected_us[trace->file] = world->now_us;
		/* 258: a wrong length is seen before there is anything to verify. */
		family->damaged += trace->a == 258;
		break;
	case PFS_TR_VERIFIED:
		family->damaged += !trace->a;
		family->excused[trace->file] += !trace->a;
		if (trace->a && !truly_held(world, number, trace->file))
			sim_broken(world, number,
				   "nothing counts as verified that is not complete and undamaged");
		break;
	case PFS_TR_REBOOTED:
		phone->link_count = 0;
		break;
	case PFS_TR_UPGRADED:
		phone->ended = true;
		for (uint8_t i = 0; i < world->phones[number].firmware->file_count && !world->error; i++)
			if (!truly_held(world, number, i))
				sim_broken(world, number,
					   "nothing is installed that is not complete and verified");
		sim_ends_upgrade(world, number);
		break;
	case PFS_TR_FAILED:
		phone->ended = true;
		sim_ends_failure(world, number, trace);
		sim_ends_upgrade(world, number);
		break;
	case PFS_TR_PORT_CLOSED:
		phone->link_count = 0;
		sim_pace_cut_off(phone);
		break;
	default:
		break;
	}
}

void sim_watch_event(struct sim_world *world, uint32_t number, const struct pfs_event *event)
{
	if (!world->watch || world->error || world->phones[number].hostile || !takes_part(world, number))
		return;
	sim_blame_event(world, number, event);
	sim_conduct_event(world, number, event);
	sim_pace_event(world, number, event);
}

void sim_watch_action(struct sim_world *world, uint32_t number, const struct pfs_action *action)
{
	/* What a hostile host does is no phone's doing; what comes of it is seen at the others. */
	if (!world->watch || world->phones[number].hostile)
		return;
	sim_conduct_action(world, number, action);
	sim_ends_action(world, number, action);
	sim_pace_action(world, number, action);
	switch ((enum pfs_action_kind)action->kind) {
	case PFS_ACT_OPEN:
	case PFS_ACT_BROADCAST:
	case PFS_ACT_CONNECT:
	case PFS_ACT_SEND:
		if (!takes_part(world, number))
			sim_broken(world, number, "a phone without PFS takes no part");
		break;
	case PFS_ACT_SEND_FILE:
		if (!takes_part(world, number))
			sim_broken(world, number, "a phone without PFS takes no part");
		else if (action->file < world->phones[number].firmware->file_count &&
			 !truly_held(world, number, action->file) &&
			 !sim_may_leave_early(world, number, action))
			sim_broken(world, number, "nothing is forwarded that is not complete and verified");
		break;
	default:
		break;
	}
}

void sim_watch_taken(struct sim_world *world, uint32_t number, uint32_t sender, uint8_t file)
{
	const struct sim_phone *to = &world->phones[number], *from = &world->phones[sender];

	if (!world->watch || world->error || from->hostile)
		return;
	if (world->plan->phones[number].subnet != world->plan->phones[sender].subnet)
		sim_broken_by(world, number, sender, "no sharing across subnets");
	else if (world->plan->phones[number].model != world->plan->phones[sender].model ||
		 file >= from->firmware->file_count ||
		 to->firmware->files[file].digest != from->firmware->files[file].digest)
		sim_broken_by(world, number, sender, "no sharing across models or files");
	else if (!takes_part(world, number) || !takes_part(world, sender))
		sim_broken_by(world, number, sender, "a phone without PFS takes no part");
}

void sim_watch_fault(struct sim_world *world, const struct fault_order *order)
{
	struct sim_watch *watch = world->watch;
	uint64_t felt_us = world->now_us + FAULT_FELT_US;

	if (!watch)
		return;
	watch->last_fault_us = world->now_us;
	sim_copies_fault(world, order);
	/* Whatever phone it takes the place of, one that takes no part too. */
	if (plan_fault_hostile(order->kind))
		watch->phones[order->phone].was_hostile = true;
	if (order->phone < 0) {
		watch->unreachable = true;
	} else {
		/* A phone without its cable cannot know that it is not the network. */
		watch->unreachable |= order->kind == PLAN_FAULT_UNPLUG;
	}
	watch->busy |= order->kind == PLAN_FAULT_SERVER_BUSY;
	watch->resized |= order->kind == PLAN_FAULT_SERVER_SIZE;
	/* A fault for good is felt to the end, but for a phone that is gone: the others go on without it. */
	if (!order->end && order->fault->duration_us == PFS_TIME_NEVER &&
	    (order->phone < 0 || plan_fault_virtual_only(order->kind)) && !plan_fault_once(order->kind))
		felt_us = PFS_TIME_NEVER;
	else if (!order->end && order->fault->duration_us != PFS_TIME_NEVER)
		felt_us = world->now_us + order->fault->duration_us + FAULT_FELT_US;
	if (watch->felt_until_us < felt_us)
		watch->felt_until_us = felt_us;
}

void sim_watch_end(struct sim_world *world)
{
	struct sim_watch *watch = world->watch;

	if (!watch)
		return;
	for (uint32_t i = 0; i < world->plan->phone_count && !world->error; i++) {
		const struct watched *phone = &watch->phones[i];
		uint64_t from_us =
			phone->begun_us > watch->last_fault_us ? phone->begun_us : watch->last_fault_us;
		if (!world->phones[i].running || world->phones[i].hostile || phone->ended)
			continue;
		/* A time limit that is shorter than the bound proves nothing about a phone that is at work.
		 */
		if (pfs_deadline(&world->phones[i].core) == PFS_TIME_NEVER ||
		    world->now_us > from_us + watch->bound_us)
			sim_broken(world, i, "every phone that stays alive ends within the bound");
	}
}
