/*
 * pfs-fleet exec: a command inside a running phone's namespace, with the
 * tools that one knows (ip, ss, tcpdump, ping). Without --run it is the newest
 * run under results/runs that answers.
 */
#include <argp.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/commands/commands.h"
#include "emulator/commands/folder.h"
#include "emulator/netns/control.h"

#define RUNS "results/runs"

struct options {
	const char *run, *phone;
	char **command;
};

static const struct argp_option option_table[] = {
	{ "run", 'r', "DIR", 0, "The run's folder (default: the newest under " RUNS " that answers)", 0 },
	{ 0 }
};

/* What follows PHONE is the command's own, "--" or not. */
static void take_command(struct options *options, struct argp_state *state)
{
	char **rest = state->argv + state->next;

	if (*rest && strcmp(*rest, "--") == 0)
		rest++;
	options->command = rest;
	state->next = state->argc;
	if (!*rest)
		argp_error(state, "which CMD in %s?", options->phone);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'r':
		options->run = argument;
		return 0;
	case ARGP_KEY_ARG:
		options->phone = argument;
		take_command(options, state);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which PHONE?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	option_table, parse_option, "PHONE -- CMD [ARG...]",
	"Runs CMD inside the network namespace of PHONE of a running fleet: a name as SEP001122334455, an address, or headquarters.\v"
	"Exit status: CMD's; 2 usage, no such run or no such phone; 4 the host refuses; 126, 127 CMD cannot be run.",
	NULL, NULL, NULL
};

/* Puts the newest run that answers in `path`. */
static bool newest_run(char path[FOLDER_PATH_MAX])
{
	DIR *runs = opendir(RUNS);
	struct timespec newest = { 0 };
	const struct dirent *entry;
	bool found = false;

	while (runs && (entry = readdir(runs))) {
		char candidate[FOLDER_PATH_MAX];
		struct stat status;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(candidate, sizeof(candidate), RUNS "/%s", entry->d_name);
		/* the folder's time changes with every file made in it; the socket's own is the fleet's start */
		char socket_path[FOLDER_PATH_MAX + 16];
		snprintf(socket_path, sizeof(socket_path), "%s/control", candidate);
		if (stat(socket_path, &status) || control_probe(candidate) < 0)
			continue;
		if (found && (status.st_mtim.tv_sec < newest.tv_sec ||
			      (status.st_mtim.tv_sec == newest.tv_sec && status.st_mtim.tv_nsec < newest.tv_nsec)))
			continue;
		newest = status.st_mtim;
		found = true;
		memcpy(path, candidate, sizeof(candidate));
	}
	if (runs)
		closedir(runs);
	return found;
}

/* True where the descriptor is of the user namespace that this process is in already. */
static bool is_own(int user)
{
	struct stat own, other;

	return !stat("/proc/self/ns/user", &own) && !fstat(user, &other) && own.st_dev == other.st_dev &&
	       own.st_ino == other.st_ino;
}

static int enter(const struct control_namespaces *namespaces)
{
	if (!is_own(namespaces->user) && setns(namespaces->user, CLONE_NEWUSER))
		return -errno;
	return setns(namespaces->net, CLONE_NEWNET) ? -errno : 0;
}

/*
 * The command's /sys is to tell of the phone's interfaces and not the host's:
 * a sysfs shows the network namespace that it is mounted in. In a mount
 * namespace of the command's own, so that nobody else sees it; where that is
 * not permitted (a container), the command has the host's as before.
 */
static void show_own_sysfs(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL))
		return;
	(void)mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

static int refuse(const char *run, const char *phone, const char *phones, int error)
{
	switch (error) {
	case -ENOENT:
		fprintf(stderr, "pfs-fleet: %s: no such phone is up in the fleet of %s%s%s\n", phone, run,
			*phones ? ", which has " : "", phones);
		return FLEET_EXIT_USAGE;
	case -ENOTCONN:
		fprintf(stderr, "pfs-fleet: %s: no fleet runs there\n", run);
		return FLEET_EXIT_USAGE;
	case -EACCES:
	case -EPERM:
		fprintf(stderr, "pfs-fleet: %s: that fleet is another user's: use exec as the one who runs it\n", run);
		return FLEET_EXIT_HOST;
	default:
		fprintf(stderr, "pfs-fleet: %s: %s: %s\n", run, phone, strerror(-error));
		return FLEET_EXIT_HOST;
	}
}

int command_exec(int argc, char **argv)
{
	struct control_namespaces namespaces;
	struct options options = { 0 };
	char found[FOLDER_PATH_MAX];
	int error;

	argp_parse(&parser, argc, argv, ARGP_IN_ORDER, NULL, &options);
	if (!options.run && !newest_run(found)) {
		fprintf(stderr, "pfs-fleet: no fleet runs under " RUNS "; name the run's folder with --run DIR\n");
		return FLEET_EXIT_USAGE;
	}
	if (!options.run)
		options.run = found;
	error = control_ask(options.run, options.phone, &namespaces);
	if (!error)
		error = enter(&namespaces);
	if (error)
		return refuse(options.run, options.phone, namespaces.phones, error);
	show_own_sysfs();
	execvp(options.command[0], options.command);
	fprintf(stderr, "pfs-fleet: %s: %s\n", options.command[0], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}
