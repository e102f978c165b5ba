#!/usr/bin/python3
"""Every scenario of the library passes its gates, and in virtual time is held to its baseline: what each says of
itself in its first lines is true. Arguments: pfs-fleet, the project's folder, sim or netns, and the names of
scenarios (all, where none is named). In the netns world baselines are not looked at, one that is inconclusive (a
busy host) is skipped by name: it has measured the host. Writes TAP."""
import pathlib
import subprocess
import sys
import tempfile

fleet, root = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
engine, names = sys.argv[3], sys.argv[4:]
library, baselines = root / "scenarios/library", root / "results/baselines"
scenarios = [library / f"{name}.json" for name in names] or sorted(library.glob("*.json"))
failed = 0
print(f"1..{len(scenarios)}")
with tempfile.TemporaryDirectory(prefix="pfs-library-") as folder:
    for number, scenario in enumerate(scenarios, 1):
        command = [fleet, "gate", scenario, "--engine", engine, "--quiet", "--out", f"{folder}/{scenario.stem}"]
        baseline = baselines / scenario.name
        if engine == "sim":
            command += ["--baseline", baseline]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)
        failed += done.returncode not in ((0,) if engine == "sim" else (0, 3, 4))
        skip = {3: " # SKIP inconclusive", 4: " # SKIP the host lacks something"}.get(done.returncode, "")
        good = done.returncode == 0 or (engine == "netns" and skip)
        for line in done.stdout.splitlines():
            if not line.startswith("pass "):
                print("# " + line)
        print(f"{'ok' if good else 'not ok'} {number} - {scenario.stem} in {engine}{skip if good else ''}", flush=True)
sys.exit(1 if failed else 0)
