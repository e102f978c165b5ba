/* See netns_test.h. */
#include "tests/netns/netns_test.h"

#include <errno.h>
#include <sched.h>
#include <grp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

bool netns_test_allowed(void)
{
	pid_t child = fork();
	int status = 1;

	/* in a child: the tests' own processes each enter their own user namespace */
	if (!child)
		_exit(unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET));
	if (child > 0 && waitpid(child, &status, 0) == child && status == 0)
		return true;
	printf("1..0 # SKIP network namespaces need root or user namespaces\n");
	return false;
}

bool netns_test_user_namespaces(void)
{
	pid_t child = fork();
	int status = 1;

	if (!child) {
		if (geteuid() == 0 && (setgroups(0, NULL) || setresgid(65534, 65534, 65534) ||
				       setresuid(65534, 65534, 65534)))
			_exit(1);
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0);
	}
	if (child > 0 && waitpid(child, &status, 0) == child && status == 0)
		return true;
	printf("# SKIP what needs user namespaces: an ordinary user may not make them here\n");
	return false;
}

void netns_test_dumpable(void)
{
	prctl(PR_SET_DUMPABLE, 1);
}

int netns_test_descriptors(uint32_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	if (limit.rlim_cur >= wanted)
		return 0;
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted)
		limit.rlim_max = wanted;
	return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : 0;
}
