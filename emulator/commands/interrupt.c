/* See interrupt.h. */
#include "emulator/commands/interrupt.h"

#include <stddef.h>

volatile sig_atomic_t interrupt;

static void (*also_called)(int signal);

static void on_signal(int number)
{
	interrupt = 1;
	if (also_called)
		also_called(number);
}

void interrupt_catch(void (*also)(int signal))
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	also_called = also;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* Whose terminal goes wants what there is; shell and kernel may both say so. Under nohup it is ignored, and stays so. */
	struct sigaction hangup;
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &(struct sigaction){ .sa_handler = on_signal }, NULL);
}
