/* The check command alone, so that its test needs nothing that makes fleets. */
#include "emulator/commands/check.h"

int main(int argc, char **argv)
{
	return command_check(argc, argv);
}
