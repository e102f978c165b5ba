/*
 * `races --exhaustive`, for races.c, which hands its arguments over where that option is
 * among them. Returns an enum fleet_exit.
 */
#ifndef FLEET_EXHAUSTIVE_H
#define FLEET_EXHAUSTIVE_H

int exhaustive_main(int argc, char **argv);

#endif
