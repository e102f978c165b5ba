#!/usr/bin/python3
"""A run that passes can be had again: some runs of the branch office, both modes in turn, agree within 3 % in p50
and in the time of the last phone. The speed is the host's to choose (`held.py` finds one that it holds). A run that
calls itself inconclusive ends the comparison: it has measured the host."""
import pathlib
import statistics

import trust

APART_MAX = 0.03


def add(parser):
    parser.add_argument("scenario", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--speed", default="8")
    parser.add_argument("--mode", default="both")


options = trust.arguments(__doc__, add)
tap = trust.Tap(options.figures)
name, times = options.scenario.stem, {}
for number in range(1, options.runs + 1):
    status, summary = trust.run(options.fleet, options.scenario, "--speed", options.speed, "--mode", options.mode)
    what = f"{name} at speed {options.speed}, run {number}"
    if status in (trust.EXIT_INCONCLUSIVE, trust.EXIT_HOST):
        tap.skip(what, summary["fidelity"]["reasons"] if summary else "the host lacks something, see pfs-fleet doctor")
        tap.done()
    if not tap.check(status == trust.EXIT_PASS, what, f"exit status {status}"):
        tap.done()
    for one in summary["runs"]:
        for part in ("p50", "max"):
            times.setdefault((one["mode"], part), []).append(one["completion_s"][part])
for (mode, part), values in times.items():
    spread = (max(values) - min(values)) / statistics.median(values)
    tap.note(f"{mode} {part}: " + " ".join(f"{value:.2f}" for value in values) + f" s, apart {spread:.2%}")
    tap.check(spread <= APART_MAX, f"{mode} {part} within {APART_MAX:.0%}", f"{spread:.2%}")
    tap.figures.setdefault("apart", {}).setdefault(mode, {})[part] = round(spread, 5)
    tap.figures.setdefault("completion_s", {}).setdefault(mode, {})[part] = values
tap.figures.update(what="repeat", scenario=name, speed=float(options.speed), runs=options.runs)
tap.done()
