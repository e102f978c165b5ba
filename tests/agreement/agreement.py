#!/usr/bin/python3
"""Both worlds run the same scenario and say the same: the promise of virtual time. Each scenario of the folder
is run in both modes in the netns world and in the sim world, same seed, and compared: TFTP transfers (in the
traditional way the completed ones) and hierarchies exactly, WAN bytes within 0.5 %, completion p50 and max
within 3 %. Which phone is the root, and how deep its tree, is printed beside them and not judged: between two
that begin to listen within some milliseconds of each other the kernel's own timing decides. Prints the table as comments and writes TAP. A netns run that says of itself that it is inconclusive
(a busy host) is skipped by name: it has measured the host. Arguments: pfs-fleet, the scenarios' folder, and
perhaps names of some of them."""
import json
import pathlib
import subprocess
import sys
import tempfile

from compare import compare_all

WAN_SHARE_MIN, WAN_SHARE_COUNT = 0.60, 2


def run(engine, scenario, folder):
    """The summary of a run in both modes and its exit status; summary None where there is none."""
    out = folder / f"{scenario.stem}-{engine}"
    done = subprocess.run([fleet, "run", scenario, "--engine", engine, "--out", out, "--quiet", "--json"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.stderr.strip():
        print("# " + done.stderr.strip().replace("\n", "\n# "))
    return done.returncode, json.loads(done.stdout) if done.returncode in (0, 1, 3) else None


def wan_share(one):
    """Of the PFS run's time, how much a root's TFTP takes: along the files of the model that takes longest."""
    sums = {}
    for tree in one["hierarchies"]:
        key = tree["subnet"], tree["model"]
        sums[key] = sums.get(key, 0) + (tree["transfer_s"] or 0)
    return max(sums.values(), default=0) / one["duration_s"] if one["duration_s"] else 0


fleet = pathlib.Path(sys.argv[1]).resolve()
scenarios = sorted(pathlib.Path(sys.argv[2]).glob("*.json"))
scenarios = [s for s in scenarios if not sys.argv[3:] or s.stem in sys.argv[3:]]
failed, shares = 0, []
print(f"1..{len(scenarios) + 1}")
print(f"# {'scenario':<12} {'mode':<12} {'what':<16} {'netns':>14} {'sim':>14} {'apart':>9}")
with tempfile.TemporaryDirectory(prefix="pfs-agreement-") as name:
    for number, scenario in enumerate(scenarios, 1):
        status, sim = run("sim", scenario, pathlib.Path(name))
        if status != 0:
            failed += 1
            print(f"not ok {number} - {scenario.stem}: the run in virtual time ended with {status}", flush=True)
            continue
        shares.append(wan_share(sim["runs"][0]))
        status, netns = run("netns", scenario, pathlib.Path(name))
        if status == 4:
            print(f"ok {number} - {scenario.stem} # SKIP the host lacks something, see pfs-fleet doctor", flush=True)
            continue
        good = netns is not None and compare_all(scenario.stem, netns, sim)
        if status == 3:
            reason = netns["fidelity"].get("reasons", "")
            print(f"ok {number} - {scenario.stem} # SKIP inconclusive: {reason}", flush=True)
            continue
        failed += not good or status != 0
        print(f"{'ok' if good and status == 0 else 'not ok'} {number} - {scenario.stem}: the worlds agree", flush=True)
far = sum(share > WAN_SHARE_MIN for share in shares)
enough = far >= WAN_SHARE_COUNT or bool(sys.argv[3:])
failed += not enough
print("# PFS time on the WAN: " + ", ".join(f"{share:.0%}" for share in shares))
print(f"{'ok' if enough else 'not ok'} {len(scenarios) + 1} - at least {WAN_SHARE_COUNT} scenarios spend more than "
      f"{WAN_SHARE_MIN:.0%} of their PFS time on the WAN")
sys.exit(1 if failed else 0)
