/* The servers of headquarters.h. */
#include "emulator/netns/headquarters.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emulator/hq/real_server.h"
#include "emulator/hq/tftp_adapter.h"

#define REAL_TIMEOUT_MIN_US UINT64_C(10000) /* what in.tftpd takes */
#define REAL_TIMEOUT_MAX_US UINT64_C(64000000)
#define TFTP_DATA 3 /* RFC 1350 section 5 */
#define TFTP_DATA_HEADER 4

/* ----------------------------------------------------------------- damage */

static int64_t phone_at(const struct plan *plan, uint32_t address)
{
	uint32_t i;

	for (i = 0; i < plan->subnet_count; i++) {
		const struct plan_subnet *subnet = &plan->subnets[i];

		if ((address & subnet->netmask) == subnet->network)
			return plan_phone_at(plan, i, address);
	}
	return -1;
}

void headquarters_damage(struct headquarters *headquarters, uint32_t phone, uint8_t file)
{
	uint8_t bit = (uint8_t)(1u << file);

	pthread_mutex_lock(&headquarters->damage_lock);
	headquarters->damage_count += !(headquarters->damage[phone] & bit);
	headquarters->damage[phone] |= bit;
	pthread_mutex_unlock(&headquarters->damage_lock);
}

/* What is still to be damaged on its way to that phone. */
static uint8_t damage_of(struct headquarters *headquarters, uint32_t phone)
{
	uint8_t bits;

	pthread_mutex_lock(&headquarters->damage_lock);
	bits = headquarters->damage[phone];
	pthread_mutex_unlock(&headquarters->damage_lock);
	return bits;
}

static bool damage_waits(struct headquarters *headquarters)
{
	bool waits;

	pthread_mutex_lock(&headquarters->damage_lock);
	waits = headquarters->damage_count;
	pthread_mutex_unlock(&headquarters->damage_lock);
	return waits;
}

static void damage_done(struct headquarters *headquarters, uint32_t phone, uint8_t bits)
{
	pthread_mutex_lock(&headquarters->damage_lock);
	for (uint8_t left = headquarters->damage[phone] & bits; left; left &= (uint8_t)(left - 1))
		headquarters->damage_count--;
	headquarters->damage[phone] &= (uint8_t)~bits;
	pthread_mutex_unlock(&headquarters->damage_lock);
}

/* The embedded server's hook: asked for each DATA packet. */
static bool damage_output(void *context, const struct tftp_output *output, uint32_t *index)
{
	struct headquarters *headquarters = context;
	const struct plan_firmware *firmware;
	int64_t phone;
	uint8_t file, wanted;

	if (!damage_waits(headquarters) || !output->payload_length || output->file >= headquarters->file_count)
		return false;
	phone = phone_at(headquarters->plan, output->address);
	wanted = phone < 0 ? 0 : damage_of(headquarters, (uint32_t)phone);
	if (!wanted)
		return false;
	firmware = plan_phone_firmware(headquarters->plan, (uint32_t)phone);
	for (file = 0; file < firmware->file_count; file++) {
		if (!(wanted >> file & 1) ||
		    strcmp(firmware->files[file].name, headquarters->files[output->file].name) != 0)
			continue;
		damage_done(headquarters, (uint32_t)phone, (uint8_t)(1u << file));
		*index = output->payload_length / 2;
		return true;
	}
	return false;
}

/*
 * With a real server the packet itself is all there is to go by. A phone
 * downloads one file at a time, and the fault was due while it was at this one.
 */
bool headquarters_wan_damage(void *context, uint32_t site, bool down, uint8_t *ip, uint32_t length)
{
	struct headquarters *headquarters = context;
	uint32_t header, payload;
	uint8_t *udp, *tftp, wanted;
	int64_t phone;

	(void)site;
	if (!down || headquarters->plan->server.kind == PLAN_SERVER_EMBEDDED || !damage_waits(headquarters))
		return false;
	if (length < sizeof(struct iphdr) || ip[0] >> 4 != 4 || ip[9] != IPPROTO_UDP)
		return false;
	header = (ip[0] & 15u) * 4;
	if (header < sizeof(struct iphdr) || length <= header + sizeof(struct udphdr) + TFTP_DATA_HEADER)
		return false;
	if ((ip[6] & 0x1f) || ip[7]) /* a later fragment */
		return false;
	udp = ip + header;
	tftp = udp + sizeof(struct udphdr);
	payload = length - header - (uint32_t)sizeof(struct udphdr) - TFTP_DATA_HEADER;
	phone = phone_at(headquarters->plan,
			 (uint32_t)ip[16] << 24 | (uint32_t)ip[17] << 16 | (uint32_t)ip[18] << 8 | ip[19]);
	wanted = phone < 0 ? 0 : damage_of(headquarters, (uint32_t)phone);
	if (!wanted || tftp[0] || tftp[1] != TFTP_DATA)
		return false;
	tftp[TFTP_DATA_HEADER + payload / 2] ^= 0x01;
	damage_done(headquarters, (uint32_t)phone, wanted);
	return true;
}

/* --------------------------------------------------------------- embedded */

static uint64_t now_us(void *context)
{
	const struct headquarters *headquarters = context;

	return clock_now_us(headquarters->clock);
}

static int open_udp(void *context)
{
	int *fd = context;

	*fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return *fd < 0 ? -errno : 0;
}

static int open_socket(void *context)
{
	struct headquarters *headquarters = context;
	int fd, error = fabric_in_hq(headquarters->fabric, open_udp, &fd);

	return error < 0 ? error : fd;
}

static int new_server(struct headquarters *headquarters)
{
	const struct plan_server *planned = &headquarters->plan->server;
	const struct tftp_server_config config = {
		.serving_max = planned->serving_max, .retries_max = planned->retries_max,
		.timeout_us = planned->timeout_us,
		.timeout_max_us = planned->timeout_us > TFTP_TIMEOUT_MAX_US ? planned->timeout_us :
										 TFTP_TIMEOUT_MAX_US};

	headquarters->server = tftp_server_new(&config, headquarters->files, headquarters->file_count);
	return headquarters->server ? 0 : -errno;
}

_Static_assert(TFTP_ADAPTER_PORTS == PLAN_SERVER_SOCKETS, "check counts the descriptors that the adapter opens");

static int start_embedded(struct headquarters *headquarters)
{
	const struct plan *plan = headquarters->plan;
	const struct tftp_adapter_config config = {
		.loop = headquarters->loop, .server = headquarters->server, .address = plan->server.address,
		.port = PFS_TFTP_PORT,
		.speed_milli = headquarters->clock->speed_milli, .now_us = now_us, .open_socket = open_socket,
		.damage = damage_output, .context = headquarters};

	if (headquarters->adapter)
		return tftp_adapter_start(headquarters->adapter);
	return tftp_adapter_new(&config, &headquarters->adapter);
}

/* ------------------------------------------------------------ a real one */

static int open_namespace(void *context)
{
	int *fd = context;

	*fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? -errno : 0;
}

static enum real_server_kind real_kind(const struct headquarters *headquarters)
{
	return headquarters->plan->server.kind == PLAN_SERVER_DNSMASQ ? REAL_SERVER_DNSMASQ : REAL_SERVER_IN_TFTPD;
}

/* Nobody stopped it: from now on the phones are refused, and this says why. */
static void on_real_ended(struct ev_loop *loop, ev_io *watcher, int events)
{
	const struct headquarters *headquarters = watcher->data;

	(void)events;
	ev_io_stop(loop, watcher);
	fprintf(stderr, "%s ended by itself\n", real_server_name(real_kind(headquarters)));
}

static void stop_real(struct headquarters *headquarters)
{
	if (!headquarters->real)
		return;
	ev_io_stop(headquarters->loop, &headquarters->real_ended);
	real_server_stop(headquarters->real);
	headquarters->real = NULL;
}

/* The server's clock is real time, whatever the scenario's speed. */
static int start_real(struct headquarters *headquarters)
{
	const struct plan_server *planned = &headquarters->plan->server;
	struct real_server_config config = {
		.kind = real_kind(headquarters), .address = planned->address, .serving_max = planned->serving_max,
		.timeout_us = planned->timeout_us * 1000 / headquarters->clock->speed_milli,
		.folder = headquarters->folder, .files = headquarters->files, .file_count = headquarters->file_count};
	int error;

	if (headquarters->real)
		return 0;
	error = fabric_in_hq(headquarters->fabric, open_namespace, &config.netns);
	if (error < 0)
		return error;
	if (config.timeout_us < REAL_TIMEOUT_MIN_US)
		config.timeout_us = REAL_TIMEOUT_MIN_US;
	if (config.timeout_us > REAL_TIMEOUT_MAX_US)
		config.timeout_us = REAL_TIMEOUT_MAX_US;
	error = real_server_start(&config, &headquarters->real);
	close(config.netns);
	if (error < 0)
		return error;
	ev_io_init(&headquarters->real_ended, on_real_ended, real_server_pidfd(headquarters->real), EV_READ);
	headquarters->real_ended.data = headquarters;
	ev_io_start(headquarters->loop, &headquarters->real_ended);
	return 0;
}

/* UDP datagrams that found a full receive queue in the namespace the thread is in. */
static int read_udp_drops(void *context)
{
	FILE *file = fopen("/proc/thread-self/net/snmp", "re");
	uint64_t *drops = context;
	char line[512];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Udp: %*u %*u %*u %*u %" SCNu64, drops) == 1)
			break;
	fclose(file);
	return 0;
}

/* ------------------------------------------------------------------- life */

static int list_files(struct headquarters *headquarters)
{
	const struct plan *plan = headquarters->plan;
	uint32_t i, file;

	headquarters->files = calloc((size_t)plan->firmware_count * PFS_FILES_MAX, sizeof(*headquarters->files));
	if (!headquarters->files)
		return -ENOMEM;
	for (i = 0; i < plan->firmware_count; i++) {
		for (file = 0; file < plan->firmware[i].file_count; file++) {
			struct tftp_file *entry = &headquarters->files[headquarters->file_count++];

			entry->name = plan->firmware[i].files[file].name;
			entry->content = plan->firmware[i].content[file];
			entry->size = plan->firmware[i].files[file].size;
		}
	}
	return 0;
}

int headquarters_init(struct headquarters *headquarters, const struct plan *plan, struct fabric *fabric,
		      struct ev_loop *loop, const struct netns_clock *clock, const char *out_dir)
{
	int error;

	headquarters->plan = plan;
	pthread_mutex_init(&headquarters->damage_lock, NULL);
	headquarters->fabric = fabric;
	headquarters->loop = loop;
	headquarters->clock = clock;
	headquarters->log_here = plan->log_server.here;
	headquarters->folder = out_dir ? out_dir : "/tmp";
	headquarters->damage = calloc(plan->phone_count, 1);
	if (!headquarters->damage)
		return -ENOMEM;
	error = list_files(headquarters);
	if (!error && plan->server.kind == PLAN_SERVER_EMBEDDED)
		error = new_server(headquarters);
	else if (!error)
		error = start_real(headquarters);
	if (!error && headquarters->log_here)
		error = log_server_init(&headquarters->log, loop, out_dir);
	return error;
}

int headquarters_start(struct headquarters *headquarters)
{
	const struct plan *plan = headquarters->plan;
	bool embedded = plan->server.kind == PLAN_SERVER_EMBEDDED;
	int error = embedded ? start_embedded(headquarters) : start_real(headquarters);

	if (error < 0 || !headquarters->log_here)
		return error;
	return log_server_start(&headquarters->log, headquarters->fabric, plan->log_server.address,
				plan->log_server.port);
}

void headquarters_stop(struct headquarters *headquarters)
{
	if (headquarters->adapter)
		tftp_adapter_stop(headquarters->adapter);
	stop_real(headquarters);
	log_server_stop(&headquarters->log);
}

void headquarters_deinit(struct headquarters *headquarters)
{
	struct tftp_adapter_counters counters = {0};
	uint64_t real_drops = 0;

	if (headquarters->real && fabric_in_hq(headquarters->fabric, read_udp_drops, &real_drops) == 0)
		headquarters->drops += real_drops;
	stop_real(headquarters);
	if (headquarters->adapter)
		tftp_adapter_counters(headquarters->adapter, &counters);
	log_server_stop(&headquarters->log);
	headquarters->drops += counters.kernel_drops + counters.send_errors + headquarters->log.drops;
	log_server_deinit(&headquarters->log);
	tftp_adapter_free(headquarters->adapter);
	tftp_server_free(headquarters->server);
	headquarters->adapter = NULL;
	headquarters->server = NULL;
	free(headquarters->files);
	free(headquarters->damage);
	headquarters->files = NULL;
	headquarters->damage = NULL;
}

const struct tftp_server_counters *headquarters_counters(const struct headquarters *headquarters)
{
	static const struct tftp_server_counters none;

	return headquarters->server ? tftp_server_counters(headquarters->server) : &none;
}

uint64_t headquarters_descriptors_closed(const struct headquarters *headquarters)
{
	struct tftp_adapter_counters counters = {0};

	if (headquarters->adapter)
		tftp_adapter_counters(headquarters->adapter, &counters);
	return counters.sockets_peak - counters.sockets_open;
}

uint64_t headquarters_drops(const struct headquarters *headquarters)
{
	return headquarters->drops;
}
