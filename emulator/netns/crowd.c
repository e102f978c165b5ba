/* Broadcasts one after the other; crowd.h says why. */
#include "emulator/netns/crowd.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/netns/host.h"

/* Fewer than this wait where nothing but ordinary traffic is under way. */
#define CALM_PACKETS 32
#define LOOK_AGAIN_US 100 /* of real time; 100 packets take longer */
#define WAITING_FIELD 11  /* softnet_backlog_len, since Linux 5.10; after it stands the processor's number */

struct crowd_broadcast {
	struct crowd_broadcast *next;
	struct host *host;
	uint64_t boot, wanted_us;
	uint32_t address;
	struct pfs_action action;
};

uint32_t crowd_waiting(const char *text)
{
	uint32_t most = 0;

	while (*text) {
		uint32_t field = 0, value = 0;

		while (*text && *text != '\n') {
			char *end;
			unsigned long number = strtoul(text, &end, 16);

			if (end == text)
				break;
			value = field++ == WAITING_FIELD ? (uint32_t)number : value;
			text = end;
			text += *text == ' ';
		}
		if (field > WAITING_FIELD + 1 && value > most)
			most = value;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return most;
}

static bool calm(const struct crowd *crowd)
{
	char text[16384]; /* of the first hundred processors */
	ssize_t length = crowd->queues < 0 ? -1 : pread(crowd->queues, text, sizeof(text) - 1, 0);

	if (length < 0)
		return true;
	text[length] = 0;
	return crowd_waiting(text) < CALM_PACKETS;
}

static void send_now(struct host *host, uint32_t address, const struct pfs_action *action)
{
	if (host->udp.fd >= 0)
		host_send_datagram(host, host->udp.fd, address, PFS_PORT, action);
}

static void look_again(struct worker *worker)
{
	uint64_t wait_us = (uint64_t)LOOK_AGAIN_US * worker->clock.speed_milli / 1000;

	timers_set(&worker->timers, &worker->crowd.timer, clock_now_us(&worker->clock) + (wait_us ? wait_us : 1));
}

static void on_timer(struct timer *timer)
{
	struct worker *worker = (struct worker *)((char *)timer - offsetof(struct worker, crowd.timer));
	struct crowd *crowd = &worker->crowd;

	while (crowd->first && calm(crowd)) {
		struct crowd_broadcast *broadcast = crowd->first;

		crowd->first = broadcast->next;
		if (!crowd->first)
			crowd->end = &crowd->first;
		if (broadcast->host->powered && broadcast->host->boot == broadcast->boot) {
			histogram_add(&worker->timer_lag, clock_now_us(&worker->clock) - broadcast->wanted_us);
			send_now(broadcast->host, broadcast->address, &broadcast->action);
		}
		free(broadcast);
	}
	if (crowd->first)
		look_again(worker);
}

void crowd_send(struct host *host, uint32_t address, const struct pfs_action *action)
{
	struct worker *worker = host->worker;
	struct crowd *crowd = &worker->crowd;
	struct crowd_broadcast *broadcast;

	if (!crowd->first && calm(crowd)) {
		send_now(host, address, action);
		return;
	}
	broadcast = calloc(1, sizeof(*broadcast));
	if (!broadcast) {
		worker->event_errors++;
		return;
	}
	broadcast->host = host;
	broadcast->boot = host->boot;
	broadcast->wanted_us = clock_now_us(&worker->clock);
	broadcast->address = address;
	broadcast->action = *action;
	*crowd->end = broadcast;
	crowd->end = &broadcast->next;
	look_again(worker);
}

void crowd_init(struct crowd *crowd)
{
	crowd->queues = open("/proc/net/softnet_stat", O_RDONLY | O_CLOEXEC);
	crowd->end = &crowd->first;
	crowd->timer.fire = on_timer;
}

void crowd_deinit(struct crowd *crowd)
{
	if (!crowd->end)
		return;
	while (crowd->first) {
		struct crowd_broadcast *broadcast = crowd->first;

		crowd->first = broadcast->next;
		free(broadcast);
	}
	if (crowd->queues >= 0)
		close(crowd->queues);
	crowd->end = NULL;
}
