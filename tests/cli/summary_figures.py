#!/usr/bin/python3
"""Every figure of a summary can be gated, docs/ci.md lists it, and what it lists is there: the table of
emulator/plan/figures.c, a real summary and the page say the same. Writes TAP. Arguments: pfs-fleet, the
project's folder."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

fleet, root = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
number = failed = 0


def check(good, text):
    global number, failed
    number += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {number} - {text}", flush=True)


def run(scenario, folder, name):
    path = folder / f"{name}.json"
    path.write_text(json.dumps(scenario))
    done = subprocess.run([fleet, "run", path, "--engine", "sim", "--json", "-q", "--out", folder / name],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done


def leaves(prefix, value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(f"{prefix}.{key}" if prefix else key, inner)
    elif not isinstance(value, list):
        yield prefix, value


def figures(summary):
    """Paths as gates write them, of one run and one hierarchy, and their values."""
    found = {}
    for one in summary["runs"]:
        for path, value in leaves(one["mode"], {k: v for k, v in one.items() if k != "mode"}):
            found[path] = value
        for path, value in leaves(f"{one['mode']}.hierarchies[0]", (one["hierarchies"] or [{}])[0]):
            found[path] = value
    for part in ("comparison", "setup"):
        found.update(leaves(part, summary[part]))
    # Two fields are words and an offer, not measurements.
    found.update(leaves("fidelity", {k: v for k, v in summary["fidelity"].items()
                                     if k not in ("reasons", "runs", "speed_held")}))
    return found


def written(path, value):
    if isinstance(value, (str, bool)):
        return value
    name = path.rsplit(".", 1)[-1]
    if "bytes" in name and "ratio" not in name:
        return f"{value}B"
    if name.endswith("_s") or ".completion_s." in path:
        return f"{round(value * 1000000)}us"
    return f"{value}us" if name.endswith("_us") else value


DYNAMIC = ("setup.rss_bytes", "setup.kernel_bytes", "setup.up_s", "setup.down_s", "fidelity.cpu_busy",
           "fidelity.steal")
scenario = json.loads(re.sub(r"^//.*$", "", (root / "scenarios/smoke.json").read_text(), flags=re.M))
scenario["scale"] = "1"
with tempfile.TemporaryDirectory(prefix="pfs-figures-") as name:
    folder = pathlib.Path(name)
    summary = json.loads(run(scenario, folder, "plain").stdout)
    found = figures(summary)
    paths = [path for path in found if path not in DYNAMIC]
    for at in range(0, len(paths), 60):  # an object of a scenario has at most 64 fields
        scenario["gates"] = {path: {"equal": written(path, found[path])} for path in paths[at:at + 60]}
        done = run(scenario, folder, f"gated-{at}")
        if done.returncode not in (0, 1):
            check(False, f"gates are taken: {done.stderr.strip()}")
            continue
        gates = [gate for gate in json.loads(done.stdout)["gates"] if gate["kind"] == "gate"]
        for gate in gates:
            check(gate["verdict"] == "pass" and gate["value"] == found[gate["name"]],
                  f"{gate['name']} is {gate['value']}")
        check(len(gates) == len(scenario["gates"]), "each gate has its line")

# The names in docs/ci.md, by the part that each paragraph or table is of.
text = (root / "docs/ci.md").read_text().split("## Figures", 1)[1]
part, listed = "", set()
for line in text.splitlines():
    if line.startswith("After `pfs.` or"):
        part = ("pfs", "traditional")
    elif line.startswith("After `pfs.hierarchies.`"):
        part = ("pfs.hierarchies[0]",)
    elif line.startswith("|"):
        for figure in re.findall(r"`([^`]+)`", line.split("|")[1]):
            listed.update(f"{one}.{figure}" for one in part if not figure.endswith("REASON"))
    elif line.startswith("After `comparison.`"):
        listed.update("comparison." + figure for figure in re.findall(r"`(\w+)`", line))
    elif line.startswith("Of the host"):
        fidelity, setup = line.split("After `setup.`")
        listed.update("fidelity." + figure for figure in re.findall(r"`(\w+)`", fidelity))
        listed.update("setup." + figure for figure in re.findall(r"`(\w+)`", setup))
reasons = re.compile(r"\.(ineligible_by_reason|failures_by_reason|tftp\.direct_by_reason|peer\.dropped)\.")
for path in sorted(set(path for path in found if not reasons.search(path)) ^ listed):
    check(False, f"{path} is in {'the summary' if path in found else 'docs/ci.md'} alone")
check(len(listed) > 80, f"docs/ci.md lists {len(listed)} figures")
print(f"1..{number}")
sys.exit(1 if failed else 0)
