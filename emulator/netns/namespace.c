/*
 * Anonymous network namespaces. A namespace lives as long as a descriptor, a
 * process or a socket holds it, so everything is gone with the process that
 * made it, however that ends.
 *
 * IPv6 would send neighbour and multicast reports that flood a switch at
 * bring-up. In the few namespaces with many links (switches, routers) it is
 * switched off as a whole, by a write in /proc/sys, which shows the writer's own
 * namespace. For a phone that is dear: the kernel looks its name up among those
 * of all namespaces, one after the other, which took two thirds of the time
 * that 4,000 phones took to come up. Its one link gets no address instead
 * (address generation off, by netlink, before it is up), and where a container
 * mounts /proc/sys read-only every link is done so.
 *
 * What can be set in /proc/sys alone, and for each phone, is written by way of
 * a /proc of our own, which is mounted nowhere and given up for another after
 * PROC_NAMESPACES: only names that were looked up in the same one are searched.
 * Where none can be had (an ordinary user, or Linux before 5.8, where all are
 * one) the host's is used for as many as do not cost much.
 */
#include "emulator/netns/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROC_NAMESPACES 64
#define HOST_PROC_NAMESPACES 1000 /* some 50 us each by then */
#define LOSS_PROBES "sys/net/ipv4/tcp_early_retrans"

static int open_own(const char *path)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);

	return descriptor < 0 ? -errno : descriptor;
}

static int write_file_at(int directory, const char *path, const char *text)
{
	int descriptor = openat(directory, path, O_WRONLY | O_CLOEXEC);
	ssize_t written;
	int error = 0;

	if (descriptor < 0)
		return -errno;
	written = write(descriptor, text, strlen(text));
	if (written != (ssize_t)strlen(text))
		error = written < 0 ? -errno : -EIO;
	close(descriptor);
	return error;
}

static int write_file(const char *path, const char *text)
{
	return write_file_at(AT_FDCWD, path, text);
}

/*
 * The user and group become 0 of the new namespace, so that a command run in
 * a phone keeps its capabilities over an exec.
 */
static int map_ids(uid_t uid, gid_t gid)
{
	char text[64];
	int error = write_file("/proc/self/setgroups", "deny");

	if (error && error != -ENOENT)
		return error;
	snprintf(text, sizeof(text), "0 %u 1\n", (unsigned int)uid);
	error = write_file("/proc/self/uid_map", text);
	if (error)
		return error;
	snprintf(text, sizeof(text), "0 %u 1\n", (unsigned int)gid);
	return write_file("/proc/self/gid_map", text);
}

static int single_thread(void)
{
	struct stat status;

	/* /proc/self/task has two links of its own and one a thread */
	if (stat("/proc/self/task", &status))
		return -errno;
	return status.st_nlink <= 3 ? 0 : -EBUSY;
}

static int enter_user_namespace(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int error = single_thread();

	if (error) {
		fprintf(stderr, "network namespaces: a user namespace can be entered only before there are threads: %s\n",
			strerror(-error));
		return error;
	}
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		error = -errno;
		fprintf(stderr,
			"network namespaces: not allowed (%s): run as root, or allow user namespaces: "
			"sysctl user.max_user_namespaces=15000 (Debian: also kernel.unprivileged_userns_clone=1, "
			"Ubuntu: kernel.apparmor_restrict_unprivileged_userns=0)\n",
			strerror(errno));
		return error == -ENOMEM ? error : -EPERM;
	}
	error = map_ids(uid, gid);
	if (error) {
		fprintf(stderr, "network namespaces: the user namespace cannot be mapped: %s: run as root\n",
			strerror(-error));
		return -EPERM;
	}
	return 0;
}

/* The namespace that the thread is in becomes the one that threads go back to. */
static int home_here(struct namespace_home *home)
{
	home->net = open_own("/proc/thread-self/ns/net");
	return home->net < 0 ? home->net : 0;
}

int namespace_home_open(struct namespace_home *home)
{
	int error;

	home->ipv6_by_link = false;
	home->proc = -1;
	home->proc_uses = 0;
	home->net = open_own("/proc/thread-self/ns/net");
	if (home->net < 0) {
		fprintf(stderr, "network namespaces: /proc/thread-self/ns/net: %s: is /proc mounted?\n",
			strerror(-home->net));
		return home->net;
	}
	if (!unshare(CLONE_NEWNET)) {
		if (!setns(home->net, CLONE_NEWNET))
			return 0;
		error = -errno;
		close(home->net);
		home->net = -1;
		if (error != -EPERM) {
			fprintf(stderr, "network namespaces: the way back is gone: %s\n", strerror(-error));
			return error;
		}
		/*
		 * Root of a user namespace that does not own the network it began
		 * in (unshare -Ur): there is no way back, and none is needed.
		 */
		return home_here(home);
	}
	error = -errno;
	close(home->net);
	home->net = -1;
	if (error != -EPERM) {
		namespace_complain("pfs-fleet", error);
		return error;
	}
	error = enter_user_namespace();
	return error ? error : home_here(home);
}

void namespace_home_close(struct namespace_home *home)
{
	namespace_proc_close(home);
	if (home->net >= 0)
		close(home->net);
	home->net = -1;
}

int namespace_new(const struct namespace_home *home)
{
	int descriptor;

	if (unshare(CLONE_NEWNET))
		return -errno;
	descriptor = open_own("/proc/thread-self/ns/net");
	if (descriptor < 0)
		namespace_leave(home);
	return descriptor;
}

void namespace_no_ipv6(struct namespace_home *home)
{
	int error;

	if (home->ipv6_by_link)
		return;
	/* "all" takes "default" with it, and with that every link to come */
	error = write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	if (error && error != -ENOENT) /* ENOENT: this kernel has no IPv6 */
		home->ipv6_by_link = true;
}

void namespace_no_bridge_filter(void)
{
	static const char *const kinds[] = {"iptables", "arptables", "ip6tables"};
	char path[64];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/bridge/bridge-nf-call-%s", kinds[i]);
		(void)write_file(path, "0");
	}
}

/* A /proc that is mounted nowhere: it is gone with its descriptor. */
static int proc_of_our_own(void)
{
	int context = fsopen("proc", FSOPEN_CLOEXEC), mounted, error;

	if (context < 0)
		return -errno;
	mounted = fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (!mounted)
		mounted = fsmount(context, FSMOUNT_CLOEXEC, 0);
	error = -errno;
	close(context);
	return mounted < 0 ? error : mounted;
}

int namespace_no_loss_probes(struct namespace_home *home)
{
	if (home->proc < 0 || home->proc_uses % PROC_NAMESPACES == 0) {
		namespace_proc_close(home);
		home->proc = proc_of_our_own();
	}
	home->proc_uses++;
	if (home->proc >= 0)
		return write_file_at(home->proc, LOSS_PROBES, "0");
	return home->proc_uses <= HOST_PROC_NAMESPACES ? write_file("/proc/" LOSS_PROBES, "0") : home->proc;
}

void namespace_proc_close(struct namespace_home *home)
{
	if (home->proc >= 0)
		close(home->proc);
	home->proc = -1;
}

int namespace_of(int socket)
{
	int descriptor = ioctl(socket, SIOCGSKNS);

	return descriptor < 0 ? -errno : descriptor;
}

void namespace_complain(const char *subject, int error)
{
	const char *mend = "";

	if (error == -ENOSPC)
		mend = ": more may be allowed, as root, by: sysctl user.max_net_namespaces=100000";
	else if (error == -EMFILE)
		mend = ": more descriptors may be allowed, as root, by: ulimit -Hn 1048576";
	else if (error == -ENFILE)
		mend = ": more descriptors may be allowed, as root, by: sysctl fs.file-max=4194304";
	fprintf(stderr, "%s: network namespace: %s%s\n", subject, strerror(-error), mend);
}

int namespace_enter(int descriptor)
{
	return setns(descriptor, CLONE_NEWNET) ? -errno : 0;
}

void namespace_leave(const struct namespace_home *home)
{
	if (setns(home->net, CLONE_NEWNET)) {
		perror("network namespaces: the way back is gone");
		abort();
	}
}
