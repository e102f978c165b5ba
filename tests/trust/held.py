#!/usr/bin/python3
"""A run that is too fast for the host says so, and what is not too fast: the branch office at an absurd speed
comes out inconclusive (exit 3), with the highest speed that holds; at that speed it passes, and both worlds agree
there as they do at speed 1 (tests/agreement)."""
import pathlib
import sys

import trust

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "agreement"))
from compare import apart, compare_all  # noqa: E402

ABSURD = 1000


def add(parser):
    parser.add_argument("scenario", type=pathlib.Path)


options = trust.arguments(__doc__, add)
tap = trust.Tap(options.figures)
name = options.scenario.stem
status, summary = trust.run(options.fleet, options.scenario, "--speed", ABSURD, "--find-speed")
if status == trust.EXIT_HOST:
    tap.skip(f"{name} at speed {ABSURD}", "the host lacks something, see pfs-fleet doctor")
    tap.done()
fidelity = summary["fidelity"] if summary else {}
tap.note(fidelity.get("reasons", "no summary"))
tap.check(status == trust.EXIT_INCONCLUSIVE, f"{name} at speed {ABSURD} is inconclusive", f"exit status {status}")
held, not_held = fidelity.get("speed_held"), fidelity.get("speed_not_held")
if tap.check(held and not_held and held < not_held, "and says what this host holds",
             f"held {held}, not held {not_held}"):
    tap.note(f"held: {held}; not held: {not_held}")
    status, netns = trust.run(options.fleet, options.scenario, "--speed", held)
    tap.check(status == trust.EXIT_PASS, f"at speed {held} it passes", f"exit status {status}",
              netns and netns["fidelity"]["reasons"], *(trust.unkept(netns) if netns else ()))
    sim_status, sim = trust.run(options.fleet, options.scenario, "--engine", "sim")
    tap.note(f"{'scenario':<12} {'mode':<12} {'what':<16} {'netns':>14} {'sim':>14} {'apart':>9}")
    tap.check(netns and sim_status == trust.EXIT_PASS and compare_all(name, netns, sim),
              f"at speed {held} both worlds agree")
    if netns and sim:
        tap.figures["apart"] = {a["mode"]: {part: apart(a["completion_s"][part], b["completion_s"][part])
                                            for part in ("p50", "max")} for a, b in zip(netns["runs"], sim["runs"])}
        tap.figures["limits_used"] = netns["fidelity"]["limits_used"]
tap.figures.update(what="held", scenario=name, asked=ABSURD, held=held, not_held=not_held,
                   reasons=fidelity.get("reasons"))
tap.done()
