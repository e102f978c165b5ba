/* A command that is told to end (SIGINT, SIGTERM, SIGHUP) ends its work and keeps what is done; told again, it ends at once. */
#ifndef FLEET_COMMANDS_INTERRUPT_H
#define FLEET_COMMANDS_INTERRUPT_H

#include <signal.h>

/* 1 since the first of any of the signals. */
extern volatile sig_atomic_t interrupt;

/*
 * From now on the first signal sets `interrupt` and calls `also` (may be NULL; safe in a signal handler), and the second
 * one of its kind does what it does by default, but for SIGHUP.
 */
void interrupt_catch(void (*also)(int signal));

#endif
