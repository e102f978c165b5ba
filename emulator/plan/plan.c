/*
 * Questions that both worlds, the record and the report ask of a plan. All are
 * answered from the arrays alone: a subnet's phones stand in one run of the
 * phones array, in the order of their addresses, so that an address is found
 * by a subtraction (plan_phone_at) however large the fleet.
 */
#include "emulator/plan/plan.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const struct plan_firmware *plan_phone_firmware(const struct plan *plan, uint32_t phone)
{
	assert(phone < plan->phone_count);
	return &plan->firmware[plan->phones[phone].firmware];
}

void plan_phone_config(const struct plan *plan, uint32_t phone, bool traditional, uint64_t boot,
		       struct pfs_config *config)
{
	assert(phone < plan->phone_count);
	const struct plan_phone *from = &plan->phones[phone];
	const struct plan_firmware *firmware = plan_phone_firmware(plan, phone);

	/* Zeroed whole, padding too: phones are compared and hashed byte by byte. */
	memset(config, 0, sizeof(*config));
	config->seed = plan->seed;
	config->boot = boot;
	config->phone = plan->first_phone + phone;
	config->address = from->address;
	config->netmask = plan->subnets[from->subnet].netmask;
	config->tftp_server = plan->server.address;
	config->tftp_blksize = plan->tftp_blksize;
	config->tftp_tsize = plan->tftp_tsize;
	config->tftp_timeout_s = plan->tftp_timeout_s;
	config->strength = from->strength;
	config->fan_out = plan->what_if.fan_out;
	config->waits_percent = plan->what_if.waits_percent;
	config->forward_early = plan->what_if.forward_early;
	config->part = from->part;
	if (traditional && from->part == PFS_PART_YES)
		config->part = PFS_PART_MODE;
	config->origin = from->origin;
	config->file_count = (uint8_t)firmware->file_count;
	memcpy(config->model, plan->models[from->model].name, sizeof(config->model));
	memcpy(config->files, firmware->files, sizeof(config->files));
}

int64_t plan_phone_at(const struct plan *plan, uint32_t subnet, uint32_t address)
{
	assert(subnet < plan->subnet_count);
	const struct plan_subnet *in = &plan->subnets[subnet];

	/* The router has the first host address, the phones follow it. */
	uint32_t number = address - (in->router + 1);
	if (address <= in->router || number >= in->phone_count)
		return -1;
	return (int64_t)in->first_phone + number;
}

bool plan_shares(const struct plan *plan, uint32_t subnet, uint32_t model)
{
	assert(subnet < plan->subnet_count && model < plan->model_count);
	return plan->shares[(size_t)subnet * plan->model_count + model];
}

/* What of a fault-free PFS run is one for each (subnet, model, firmware) that has phones that take part. */
struct sums {
	uint64_t families, hierarchies, bytes; /* bytes: of one copy of each hierarchy's file */
};

/* False where memory lacks. */
static bool sum_hierarchies(const struct plan *plan, struct sums *sums)
{
	size_t pairs = (size_t)plan->model_count * plan->firmware_count;
	/* Number of the subnet, from 1, in which a pair was seen last: never cleared between subnets. */
	uint32_t *seen = calloc(pairs ? pairs : 1, sizeof(*seen));

	*sums = (struct sums){ 0 };
	if (!seen)
		return false;
	for (uint32_t i = 0; i < plan->phone_count; i++) {
		const struct plan_phone *phone = &plan->phones[i];
		uint32_t *mark = &seen[(size_t)phone->model * plan->firmware_count + phone->firmware];
		if (phone->part != PFS_PART_YES || *mark == phone->subnet + 1)
			continue;
		*mark = phone->subnet + 1;
		sums->families++;
		sums->hierarchies += plan->firmware[phone->firmware].file_count;
		sums->bytes += plan->firmware[phone->firmware].total_bytes;
	}
	free(seen);
	return true;
}

uint64_t plan_hierarchies(const struct plan *plan)
{
	struct sums sums;

	sum_hierarchies(plan, &sums);
	return sums.hierarchies;
}

uint64_t plan_downloaders(const struct plan *plan, bool traditional)
{
	struct sums sums;
	uint64_t alone = 0;

	if (traditional || !sum_hierarchies(plan, &sums))
		return plan->phone_count;
	for (uint32_t i = 0; i < plan->phone_count; i++)
		alone += plan->phones[i].part != PFS_PART_YES;
	return alone + sums.families;
}

uint64_t plan_wan_payload(const struct plan *plan, bool traditional)
{
	uint64_t total = 0;
	struct sums sums;

	for (uint32_t i = 0; i < plan->phone_count; i++) {
		if (traditional || plan->phones[i].part != PFS_PART_YES)
			total += plan_phone_firmware(plan, i)->total_bytes;
	}
	if (traditional)
		return total;
	sum_hierarchies(plan, &sums);
	return total + sums.bytes;
}

bool plan_log_sends(const struct plan_log_server *server, int severity, bool pfs)
{
	if (pfs)
		return server->pfs_max >= 1; /* 0-0: none; the lines of PFS are one level, 1 */
	return severity >= server->base_min && severity <= server->base_max;
}

static const char *const server_names[] = {"embedded", "in.tftpd", "dnsmasq"};
static const char *const fault_names[] = {"kill", "unplug", "crash", "wan_cut", "wan_degrade", "wan_flap", "server_stop",
					  "damage_tftp", "damage_tcp", "lan_disturb", "lan_split", "slow_ports",
					  "server_busy", "server_silent", "server_size", "tcp_reset",
					  "tcp_half_open", "slow_storage", "clock_drift",
					  "hostile_root", "hostile_flood", "hostile_garbage", "hostile_liar",
					  "lan_lose"};
static const char *const role_names[] = {"any", "root", "parent", "leaf", "phone"};
static const char *const phase_names[] = {"time", "claiming", "root_waiting", "tftp", "receiving", "serving",
					  "state", "event"};

_Static_assert(sizeof(fault_names) / sizeof(*fault_names) == PLAN_FAULT_KINDS, "a name for each fault");
_Static_assert(sizeof(phase_names) / sizeof(*phase_names) == PLAN_PHASES, "a name for each phase");

const char *plan_server_name(enum plan_server_kind kind)
{
	assert(kind <= PLAN_SERVER_DNSMASQ);
	return server_names[kind];
}

const char *plan_fault_name(enum plan_fault_kind kind)
{
	assert(kind < PLAN_FAULT_KINDS);
	return fault_names[kind];
}

enum plan_scope plan_fault_scope(enum plan_fault_kind kind)
{
	switch (kind) {
	case PLAN_FAULT_WAN_CUT:
	case PLAN_FAULT_WAN_DEGRADE:
	case PLAN_FAULT_WAN_FLAP:
		return PLAN_SCOPE_WAN;
	case PLAN_FAULT_SERVER_STOP:
	case PLAN_FAULT_SERVER_BUSY:
	case PLAN_FAULT_SERVER_SILENT:
	case PLAN_FAULT_SERVER_SIZE:
		return PLAN_SCOPE_SERVER;
	case PLAN_FAULT_LAN_DISTURB:
	case PLAN_FAULT_LAN_SPLIT:
	case PLAN_FAULT_SLOW_PORTS:
	case PLAN_FAULT_LAN_LOSE:
		return PLAN_SCOPE_LAN;
	default:
		return PLAN_SCOPE_PHONE;
	}
}

bool plan_fault_once(enum plan_fault_kind kind)
{
	return kind == PLAN_FAULT_DAMAGE_TFTP || kind == PLAN_FAULT_DAMAGE_TCP ||
	       kind == PLAN_FAULT_TCP_RESET;
}

bool plan_fault_hostile(enum plan_fault_kind kind)
{
	return kind == PLAN_FAULT_HOSTILE_ROOT || kind == PLAN_FAULT_HOSTILE_FLOOD ||
	       kind == PLAN_FAULT_HOSTILE_GARBAGE || kind == PLAN_FAULT_HOSTILE_LIAR;
}

bool plan_fault_virtual_only(enum plan_fault_kind kind)
{
	return kind > PLAN_FAULT_DAMAGE_TCP;
}

const char *plan_role_name(enum plan_role role)
{
	assert(role <= PLAN_ROLE_PHONE);
	return role_names[role];
}

const char *plan_phase_name(enum plan_phase phase)
{
	assert(phase < PLAN_PHASES);
	return phase_names[phase];
}

/* Appends like printf; the length goes on counting past the end, as snprintf's does. */
static void __attribute__((format(printf, 4, 5)))
append(char *text, size_t size, int *length, const char *format, ...)
{
	va_list arguments;
	size_t at = (size_t)*length < size ? (size_t)*length : size;

	va_start(arguments, format);
	*length += vsnprintf(at < size ? text + at : NULL, size - at, format, arguments);
	va_end(arguments);
}

static void describe_point(const struct plan *plan, const struct plan_fault *fault, char *text, size_t size,
			   int *length)
{
	switch (fault->phase) {
	case PLAN_PHASE_TIME:
		append(text, size, length, ", at %.3f s", (double)fault->at_us / 1e6);
		return;
	case PLAN_PHASE_STATE:
		append(text, size, length, ", in state %s", pfs_state_name(fault->state));
		break;
	case PLAN_PHASE_EVENT:
		append(text, size, length, ", at event %s", pfs_trace_name(fault->event));
		break;
	default:
		append(text, size, length, ", in %s", plan_phase_name(fault->phase));
	}
	if (fault->by >= 0)
		append(text, size, length, " of %s", plan->phones[fault->by].name);
	if (fault->nth > 1)
		append(text, size, length, ", time %u", fault->nth);
	if (fault->after_us)
		append(text, size, length, ", %.6f s after", (double)fault->after_us / 1e6);
}

int plan_fault_describe(const struct plan *plan, const struct plan_fault *fault, char *text, size_t size)
{
	int length = 0;

	append(text, size, &length, "%s", plan_fault_name(fault->kind));
	if (fault->role == PLAN_ROLE_PHONE)
		append(text, size, &length, " of %s", plan->phones[fault->phone].name);
	else if (plan_fault_scope(fault->kind) == PLAN_SCOPE_PHONE)
		append(text, size, &length, " of %s phone",
		       fault->role == PLAN_ROLE_ANY ? "any" : plan_role_name(fault->role));
	if (fault->model >= 0)
		append(text, size, &length, ", model %s", plan->models[fault->model].name);
	if (fault->subnet >= 0)
		append(text, size, &length, ", subnet %s", plan->subnets[fault->subnet].name);
	else if (fault->site >= 0)
		append(text, size, &length, ", site %s", plan->sites[fault->site].name);
	describe_point(plan, fault, text, size, &length);
	if (fault->phase == PLAN_PHASE_TFTP || fault->phase == PLAN_PHASE_RECEIVING)
		append(text, size, &length, " at %u %%", fault->at_percent);
	if (fault->file >= 0)
		append(text, size, &length, " of file %d", fault->file);
	if (!plan_fault_once(fault->kind)) {
		if (fault->duration_us == PFS_TIME_NEVER)
			append(text, size, &length, ", for good");
		else
			append(text, size, &length, ", for %.3f s", (double)fault->duration_us / 1e6);
	}
	if (fault->traditional_too)
		append(text, size, &length, ", in both runs");
	return length;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (uint32_t i = 0; plan->firmware && i < plan->firmware_count; i++) {
		free(plan->firmware[i].memory);
		free(plan->firmware[i].folder);
	}
	free(plan->path);
	free(plan->text);
	free(plan->models);
	free(plan->firmware);
	free(plan->profiles);
	free(plan->shares);
	free(plan->sites);
	free(plan->switches);
	free(plan->subnets);
	free(plan->phones);
	free(plan->faults);
	free(plan->expect.traces);
	free(plan->expect.hierarchies);
	free(plan->gates);
	free(plan);
}
