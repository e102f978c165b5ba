/*
 * The fabric as a whole: what fabric.h promises, over lan.c, wan.c and
 * relay.c. Descriptors hold everything (DESIGN point 10); closing them is the
 * whole of taking it down, and so is any death of the process.
 */
#include "emulator/netns/fabric.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/netns/fabric_internal.h"

int fabric_namespace_open(struct fabric *fabric, struct fabric_namespace *ns, const char *subject)
{
	int error;

	ns->descriptor = namespace_new(&fabric->home);
	if (ns->descriptor < 0) {
		error = ns->descriptor;
		ns->descriptor = -1;
		namespace_complain(subject, error);
		return error;
	}
	namespace_no_ipv6(&fabric->home);
	namespace_no_bridge_filter();
	error = netlink_open(&ns->nl);
	namespace_leave(&fabric->home);
	if (error) {
		fprintf(stderr, "%s: netlink socket: %s\n", subject, strerror(-error));
		return error;
	}
	fabric_add_up(fabric, &ns->nl, FABRIC_LO);
	return netlink_flush(&ns->nl, subject);
}

void fabric_namespace_close(struct fabric_namespace *ns)
{
	netlink_close(&ns->nl);
	if (ns->descriptor >= 0)
		close(ns->descriptor);
	ns->descriptor = -1;
}

/* Each phone's number on its switch, and with that how many bridges a switch has. */
static void number_ports(struct fabric *fabric)
{
	const struct plan *plan = fabric->plan;

	for (uint32_t i = 0; i < plan->switch_count; i++)
		fabric->switches[i].ns.descriptor = fabric->switches[i].arp = -1;
	for (uint32_t i = 0; i < plan->phone_count; i++) {
		struct fabric_switch *lan = &fabric->switches[plan->subnets[plan->phones[i].subnet].lan_switch];

		fabric->phones[i].descriptor = -1;
		fabric->phones[i].holder = -1;
		fabric->phones[i].kept = -1;
		fabric->phones[i].position = lan->phones++;
	}
	for (uint32_t i = 0; i < plan->switch_count; i++) {
		struct fabric_switch *lan = &fabric->switches[i];

		lan->bridge_ports = plan_bridge_ports(lan->phones);
		lan->bridges = lan->phones ? (lan->phones + lan->bridge_ports - 1) / lan->bridge_ports : 1;
	}
}

static struct fabric *allocate(const struct plan *plan)
{
	struct fabric *fabric = calloc(1, sizeof(*fabric));

	if (!fabric)
		return NULL;
	fabric->plan = plan;
	fabric->home.net = -1;
	fabric->home.proc = -1;
	fabric->hq.descriptor = -1;
	fabric->wan.descriptor = -1;
	fabric->routers = calloc(plan->site_count + 1u, sizeof(*fabric->routers));
	fabric->switches = calloc(plan->switch_count + 1u, sizeof(*fabric->switches));
	fabric->phones = calloc(plan->phone_count + 1u, sizeof(*fabric->phones));
	fabric->relay = relay_new(plan);
	if (!fabric->routers || !fabric->switches || !fabric->phones || !fabric->relay) {
		relay_free(fabric->relay);
		free(fabric->routers);
		free(fabric->switches);
		free(fabric->phones);
		free(fabric);
		return NULL;
	}
	for (uint32_t i = 0; i < plan->site_count; i++)
		fabric->routers[i].descriptor = -1;
	number_ports(fabric);
	return fabric;
}

int fabric_new(const struct plan *plan, struct fabric **result)
{
	struct fabric *fabric = allocate(plan);
	int error;

	*result = NULL;
	if (!fabric) {
		fprintf(stderr, "network fabric: out of memory\n");
		return -ENOMEM;
	}
	error = namespace_home_open(&fabric->home);
	if (!error)
		error = wan_hq_up(fabric);
	for (uint32_t i = 0; i < plan->site_count && !error; i++)
		error = wan_site_up(fabric, i);
	for (uint32_t i = 0; i < plan->switch_count && !error; i++)
		error = lan_switch_up(fabric, i);
	if (error) {
		fabric_free(fabric);
		return error;
	}
	*result = fabric;
	return 0;
}

int fabric_phone_up(struct fabric *fabric, uint32_t phone, int (*in_namespace)(void *context), void *context)
{
	int error = lan_phone_up(fabric, phone);

	fabric->settled = false;
	/* lan_phone_up leaves the thread in the namespace, where it has made one */
	if (fabric->phones[phone].descriptor < 0)
		return error;
	if (!error && in_namespace)
		error = in_namespace(context);
	namespace_leave(&fabric->home);
	return error < 0 ? error : 0;
}

int fabric_enter_phone(const struct fabric *fabric, uint32_t phone)
{
	const struct fabric_phone *entered = &fabric->phones[phone];
	int descriptor, error;

	if (entered->descriptor >= 0)
		return namespace_enter(entered->descriptor);
	if (entered->holder < 0)
		return -ENOENT;
	descriptor = namespace_of(entered->holder);
	if (descriptor < 0)
		return descriptor;
	error = namespace_enter(descriptor);
	close(descriptor);
	return error;
}

int fabric_in_phone(struct fabric *fabric, uint32_t phone, int (*in_namespace)(void *context), void *context)
{
	int error = fabric_enter_phone(fabric, phone);

	if (error)
		return error;
	error = in_namespace(context);
	namespace_leave(&fabric->home);
	return error;
}

int fabric_in_hq(struct fabric *fabric, int (*in_namespace)(void *context), void *context)
{
	int error = namespace_enter(fabric->hq.descriptor);

	if (error)
		return error;
	error = in_namespace(context);
	namespace_leave(&fabric->home);
	return error;
}

void fabric_phone_held_by(struct fabric *fabric, uint32_t number, int socket)
{
	struct fabric_phone *phone = &fabric->phones[number];

	phone->holder = socket;
	if (phone->descriptor >= 0)
		close(phone->descriptor);
	phone->descriptor = -1;
}

int fabric_phone_hold(struct fabric *fabric, uint32_t number)
{
	struct fabric_phone *phone = &fabric->phones[number];
	int descriptor;

	if (phone->holder < 0)
		return 0;
	descriptor = namespace_of(phone->holder);
	phone->holder = -1;
	phone->descriptor = descriptor < 0 ? -1 : descriptor;
	return descriptor < 0 ? descriptor : 0;
}

int fabric_phone_link(struct fabric *fabric, uint32_t phone, bool up)
{
	return fabric_phone_is_up(fabric, phone) ? lan_phone_link(fabric, phone, up) : -ENOENT;
}

void fabric_phone_give(struct fabric *fabric, uint32_t phone)
{
	fabric->phones[phone].kept = fabric->phones[phone].descriptor;
}

void fabric_phone_leave_out(const struct fabric *fabric, uint32_t number)
{
	const struct fabric_phone *phone = &fabric->phones[number];
	int descriptor = phone->kept >= 0 ? phone->kept : phone->descriptor;

	if (descriptor >= 0)
		close(descriptor);
}

void fabric_phone_return(struct fabric *fabric, uint32_t number)
{
	struct fabric_phone *phone = &fabric->phones[number];

	if (phone->kept < 0)
		return;
	phone->descriptor = phone->kept;
	phone->holder = -1;
	phone->kept = -1;
}

static int duplicate(int descriptor)
{
	int copy = descriptor < 0 ? -1 : fcntl(descriptor, F_DUPFD_CLOEXEC, 3);

	if (descriptor < 0)
		return -ENOENT;
	return copy < 0 ? -errno : copy;
}

int fabric_phone_namespace(struct fabric *fabric, uint32_t phone)
{
	const struct fabric_phone *wanted = &fabric->phones[phone];

	if (wanted->kept >= 0)
		return duplicate(wanted->kept);
	return wanted->holder >= 0 ? namespace_of(wanted->holder) : duplicate(wanted->descriptor);
}

void fabric_free(struct fabric *fabric)
{
	if (!fabric)
		return;
	relay_free(fabric->relay);
	/* phones first: the kernel then takes them down together with their switch, in few batches */
	for (uint32_t i = 0; i < fabric->plan->phone_count; i++)
		if (fabric->phones[i].descriptor >= 0)
			close(fabric->phones[i].descriptor);
	for (uint32_t i = 0; i < fabric->plan->switch_count; i++) {
		if (fabric->switches[i].arp >= 0)
			close(fabric->switches[i].arp);
		fabric_namespace_close(&fabric->switches[i].ns);
		free(fabric->switches[i].pairs);
	}
	for (uint32_t i = 0; i < fabric->plan->site_count; i++)
		fabric_namespace_close(&fabric->routers[i]);
	fabric_namespace_close(&fabric->hq);
	fabric_namespace_close(&fabric->wan);
	namespace_home_close(&fabric->home);
	free(fabric->phones);
	free(fabric->switches);
	free(fabric->routers);
	free(fabric);
}
