#!/usr/bin/python3
"""Under load: a tenth of a fleet killed and restarted at random moments, a flapping WAN, a restarted server.
Every phone upgraded, nothing damaged installed, the WAN copies within the table of docs/protocol.md: the
scenario's own `expect` says so, and the run judges itself. How fast the host is does not matter here: a run
that calls its times inconclusive is held to the same counts."""
import pathlib

import trust


def add(parser):
    parser.add_argument("scenario", type=pathlib.Path)
    parser.add_argument("--engine", choices=("netns", "sim"), default="netns")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="1 to N")
    parser.add_argument("--mode", default="pfs")
    parser.add_argument("--speed", default=None)
    parser.add_argument("--conclusive", action="store_true", help="the times have to be trusted too")


options = trust.arguments(__doc__, add)
tap = trust.Tap(options.figures)
speed = ("--speed", options.speed) if options.speed and options.engine == "netns" else ()
rows, worst = [], 0
for seed in range(1, options.seeds + 1):
    status, summary = trust.run(options.fleet, options.scenario, "--engine", options.engine, "--mode", options.mode,
                                "--seed", seed, *speed)
    what = f"{options.scenario.stem}, {options.engine}, seed {seed}"
    if status == trust.EXIT_HOST and options.engine == "netns":
        tap.skip(what, "the host lacks something, see pfs-fleet doctor")
        continue
    if summary is None:
        tap.check(False, what, f"exit status {status}")
        continue
    broken = trust.unkept(summary)
    for one in summary["runs"]:
        copies = max((tree["wan_copies"] for tree in one["hierarchies"]), default=0)
        row = {"mode": one["mode"], "seed": seed, "phones": one["phones"], "upgraded": one["upgraded"],
               "faults": one["faults_total"], "wan_copies_max": copies, "duration_s": one["duration_s"],
               "hierarchies": len(one["hierarchies"]),
               "more_than_one_copy": sum(tree["wan_copies"] > 1 for tree in one["hierarchies"]),
               "installed_damaged": summary["fidelity"]["installed_damaged"], "verdict": summary["verdict"]}
        rows.append(row)
        if one["upgraded"] + one["failed"] != one["phones"] or one["failed"]:
            broken.append(f"{one['mode']}: {one['upgraded']} of {one['phones']} upgraded, {one['failed']} failed")
        if options.seeds == 1:
            tap.note(", ".join(f"{key} {value}" for key, value in row.items()))
    wanted = (trust.EXIT_PASS,) if options.conclusive or options.engine == "sim" else (trust.EXIT_PASS,
                                                                                    trust.EXIT_INCONCLUSIVE)
    if summary["fidelity"].get("reasons"):
        tap.note(summary["fidelity"]["reasons"])
    tap.check(status in wanted and not broken, what, f"exit status {status}", *broken)
if options.seeds > 1 and rows:
    spread = {count: sum(row["wan_copies_max"] == count for row in rows) for count in
              sorted({row["wan_copies_max"] for row in rows})}
    tap.note("runs by the most copies of a file: " + ", ".join(f"{n} copies: {runs}" for n, runs in spread.items()))
tap.figures = {"what": "chaos", "scenario": options.scenario.stem, "engine": options.engine, "runs": rows}
tap.done()
