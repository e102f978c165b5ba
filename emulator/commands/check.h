/* pfs-fleet check: see check.c. */
#ifndef FLEET_COMMAND_CHECK_H
#define FLEET_COMMAND_CHECK_H

/* argv[0] is the command's name as the user wrote it. Returns the exit status. */
int command_check(int argc, char **argv);

#endif
