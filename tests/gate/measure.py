#!/usr/bin/python3
"""Measures pfs-fleet gate --against itself: how often it calls a build slower than itself, how often it misses
one whose election waits or whose transfers are 5 % longer, and what it says while two busy loops run beside it.

    tests/gate/measure.py --work DIR [--comparisons 100] [--loaded 20] [--sets same,election,transfer,loaded]
                          [--pairs 5] [--jobs 1] [--results results/gate.json] [--anew]

Builds the project as it is committed, and twice more with a patch of this folder, in DIR, and makes one comparison
after the other on scenarios/gate-probe.json in the netns world. Each is a line of DIR/comparisons.jsonl when it is
done, so that a measurement that was stopped goes on where it was. A comparison is five pairs of runs of about four
seconds: 40 s where five pairs decide, 100 of them 70 min, all four sets about four hours. A run keeps a core busy for
a twentieth of that time: with --jobs so many comparisons are made beside each other, which is a harder test than one
by one, since each disturbs the others. It is for a machine that has nothing else to do, and not for CI; how long is
left is said after each comparison.

No hundred comparisons show one alarm in a thousand. So what the pairs measured is kept in DIR/runs, and 10,000
comparisons are drawn anew from the pairs of each set and judged by the gate's own code (redraw.c).

A measurement is of one version: of the commit and of the programs built of it, which each line and the result name.
In a folder that has comparisons or builds of another version it ends with 2; --anew moves them to DIR/before-N first.

It ends with 0 where what was seen is within the promise (no false alarm in the comparisons made and at most one in a
thousand drawn, at most 2 % missed of both, nothing but pass or inconclusive beside the busy loops), else with 1."""
import argparse
import concurrent.futures
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
SETS = {
    "same": ("base", "a build beside itself"),
    "election": ("election-wait", "beside one whose waits between claims are 5 % shorter"),
    "transfer": ("transfer", "beside one whose transfers are 5 % shorter"),
    "loaded": ("base", "a build beside itself, with two busy loops"),
}
MISSED_MAX = 0.02
ALARMS_MAX = 0.001
DRAWS = 10000
SPEED = 8  # of scenarios/gate-probe.json


def call(*command, **options):
    subprocess.run([str(part) for part in command], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, **options)


def committed():
    """The version of the source that is built: what is not committed is not in it."""
    return subprocess.run(["git", "-C", SOURCE, "describe", "--always", "--abbrev=12", "HEAD"], check=True, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout.strip()


def build(work, name, target="emulator/pfs-fleet"):
    """The program built of the last commit with the patch of that name; "base" and "other" are without."""
    source, folder = work / f"source-{name}", work / f"build-{name}"
    program = folder / target
    if program.exists():
        return program
    if not source.exists():
        # Under another name until it is whole and patched: a patch that failed is not to be taken for one that applied.
        part = source.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        archive = subprocess.Popen(["git", "-C", SOURCE, "archive", "HEAD"], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", part], stdin=archive.stdout, check=True)
        if archive.wait() != 0:
            sys.exit("measure.py: git archive failed")
        patch = part / f"tests/gate/{name}.patch"
        if patch.exists():
            call("patch", "-d", part, "-p1", "-F0", "-i", patch)
        part.rename(source)
    if not (folder / "build.ninja").exists():
        call("meson", "setup", folder, source)
    print(f"building {name}", flush=True)
    call("ninja", "-C", folder, target)
    return program


def drawn_anew(redraw, work, sets):
    """Comparisons drawn from all pairs of each set that there are enough pairs of; all sets at once, a process each."""
    running = {}
    for name in sets:
        folders = sorted(map(str, (work / "runs").glob(f"{name}-*")))
        running[name] = subprocess.Popen([redraw, str(DRAWS), str(SPEED), *folders], stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, text=True)
    print(f"drawing {DRAWS} comparisons anew from the pairs of each set", flush=True)
    said = {name: process.communicate()[0] for name, process in running.items()}
    return {name: json.loads(text) for name, text in said.items() if running[name].returncode == 0}


def identify(program):
    """What a program says that it is, and the ID that its linker gave to what it is made of."""
    version = subprocess.run([program, "--version"], check=True, text=True, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE).stdout.strip()
    notes = subprocess.run(["readelf", "-n", program], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL).stdout
    found = re.search(r"Build ID: ([0-9a-f]+)", notes)
    return f"{version}, build {found[1] if found else 'unknown'}"


def refuse(text):
    print(f"measure.py: {text}; --anew moves what is there away, another --work DIR leaves it", file=sys.stderr)
    sys.exit(2)


def move_away(work):
    """Everything in the folder but what was moved away before."""
    there = [path for path in work.iterdir() if not path.name.startswith("before-")]
    if there:
        number = 1
        while (work / f"before-{number}").exists():
            number += 1
        (work / f"before-{number}").mkdir()
        for path in there:
            path.rename(work / f"before-{number}" / path.name)
        print(f"what was there is in {work / f'before-{number}'}", flush=True)


def claim(work, source, done):
    """The folder is for this version from now on, or it is of another one."""
    mark = work / "version"
    for row in done:
        if row.get("source") != source:
            refuse(f"{work}: has comparisons of version {row.get('source', 'unknown')}, this is {source}")
    built = any(work.glob("source-*")) or any(work.glob("build-*"))
    of = mark.read_text().strip() if mark.exists() else "unknown" if built else source
    if of != source:
        refuse(f"{work}: has builds of version {of}, this is {source}")
    mark.write_text(source + "\n")


def compare(this, other, folder, pairs):
    began = time.monotonic()
    status = subprocess.run([this, "gate", work / "source-other/scenarios/gate-probe.json", "--mode", "pfs", "--against", other,
                             "--runs", str(pairs), "--out", folder, "--quiet", "--json"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if status.returncode not in (0, 1, 3):
        sys.exit(f"measure.py: the gate ended with {status.returncode}")
    gate = json.loads(status.stdout)
    return {"outcome": gate["outcome"], "pairs": gate["runs"] // 2, "untrusted": gate["runs_untrusted"],
            "took_s": round(time.monotonic() - began, 1),
            "failed": [line["name"] + ": " + line["value"] for line in gate["lines"] if line["outcome"] == "fail"],
            "undecided": [line["name"] + ": " + line["value"] for line in gate["lines"]
                          if line["outcome"] == "inconclusive"], "why": gate["why"]}


def summarise(done, options, version, drawn):
    sets = {}
    for name, (_, what) in SETS.items():
        rows = [row for row in done if row["set"] == name]
        if rows:
            counts = {outcome: sum(row["outcome"] == outcome for row in rows)
                      for outcome in ("pass", "fail", "inconclusive")}
            sets[name] = {"what": what, "comparisons": len(rows), **counts,
                          "pairs": sum(row["pairs"] for row in rows),
                          "untrusted": sum(row["untrusted"] for row in rows),
                          "took_s": round(sum(row["took_s"] for row in rows)),
                          **({"drawn": drawn[name]} if name in drawn else {})}
    good = all(sets[name]["fail"] == 0 for name in ("same", "loaded") if name in sets)
    good &= all(sets[name]["comparisons"] - sets[name]["fail"] <= MISSED_MAX * sets[name]["comparisons"]
                for name in ("election", "transfer") if name in sets)
    for name, one in drawn.items():
        good &= (one["fail"] >= (1 - MISSED_MAX) * one["draws"] if name in ("election", "transfer")
                 else one["fail"] <= ALARMS_MAX * one["draws"])
    wanted = {name: options.loaded if name == "loaded" else options.comparisons for name in SETS}
    return {"schema": "pfs-fleet/gate-measurement/1", "scenario": "gate-probe", "pairs": options.pairs,
            "jobs": options.jobs, "version": version,
            "host": {"kernel": platform.release(), "machine": platform.machine(), "cores": os.cpu_count()},
            "whole": all(name in sets and sets[name]["comparisons"] >= wanted[name] for name in SETS),
            "good": good, "sets": sets}


def show(summary):
    # Results that were measured before they had a version have none.
    version = summary.get("version", {"source": "unknown", "programs": {}})
    print(f"version {version['source']}" + "".join(f"\n{name:13} {program}"
                                                   for name, program in version["programs"].items()))
    for name, one in summary["sets"].items():
        print(f"{name:9} {one['comparisons']:4} comparisons: {one['pass']} pass, {one['fail']} fail, "
              f"{one['inconclusive']} inconclusive; {one['pairs']} pairs, {one['untrusted']} more not trusted, "
              f"{one['took_s']} s: {one['what']}")
        if "drawn" in one:
            drawn = one["drawn"]
            print(f"{'':9} {drawn['draws']} drawn anew from {drawn['pairs']} of its pairs: {drawn['pass']} pass, "
                  f"{drawn['fail']} fail, {drawn['inconclusive']} inconclusive")


# Ended from outside the loops end too.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--work", type=pathlib.Path)
parser.add_argument("--comparisons", type=int, default=100)
parser.add_argument("--loaded", type=int, default=20)
parser.add_argument("--pairs", type=int, default=5)
parser.add_argument("--jobs", type=int, default=1)
parser.add_argument("--sets", default=",".join(SETS))
parser.add_argument("--results", type=pathlib.Path)
parser.add_argument("--anew", action="store_true", help="move away what DIR has of this or another version")
parser.add_argument("--show", metavar="FILE", type=pathlib.Path, help="print such results, measure nothing")
options = parser.parse_args()
if options.show:
    show(json.loads(options.show.read_text()))
    sys.exit(0)
if not options.work:
    parser.error("--work DIR: missing")
wanted = options.sets.split(",")
if not set(wanted) <= set(SETS):
    parser.error(f"--sets: {options.sets}: of {', '.join(SETS)}")
work = options.work.resolve()
work.mkdir(parents=True, exist_ok=True)
if options.anew:
    move_away(work)
log = work / "comparisons.jsonl"
# A line that was cut when the machine went down is made again.
done = []
for line in log.read_text().splitlines() if log.exists() else []:
    try:
        done.append(json.loads(line))
    except json.JSONDecodeError:
        print("measure.py: a line that was cut is left out", file=sys.stderr)
source = committed()
claim(work, source, done)
if log.exists():
    log.write_text("".join(json.dumps(row) + "\n" for row in done))

# The unpatched build twice: of one program the second run would find its pages warm.
other = build(work, "other")
programs = {name: build(work, SETS[name][0]) for name in wanted}
identities = {name: identify(program) for name, program in {**programs, "other": other}.items()}
for row in done:
    for name, what in ((row["set"], row["this"]), ("other", row["other"])):
        if identities.get(name, what) != what:
            refuse(f"{work}: has comparisons of {what}, {name} is {identities[name]} now")
version = {"source": source, "programs": {row["set"]: row["this"] for row in done} | identities}
left = sum(max(0, (options.loaded if name == "loaded" else options.comparisons)
               - sum(row["set"] == name for row in done)) for name in wanted)
print(f"{left} comparisons to make: about {left * options.pairs * 8.4 / options.jobs / 60:.0f} min on an idle machine",
      flush=True)

progress = threading.Lock()
left_to_make = left


def make(name, number):
    """One comparison, to its line in the log."""
    global left_to_make
    folder = work / "runs" / f"{name}-{number}-{int(time.time())}"
    row = {"set": name, "number": number, "source": source, "this": identities[name], "other": identities["other"],
           **compare(programs[name], other, folder, options.pairs)}
    with progress:
        with log.open("a") as stream:
            stream.write(json.dumps(row) + "\n")
        done.append(row)
        # What decided nothing, or decided wrongly, is kept to be looked at; of the others what was measured.
        expected = "fail" if name in ("election", "transfer") else "pass"
        if row["outcome"] == expected:
            call("find", folder, "-type", "f", "!", "-name", "summary.json", "-delete")
        left_to_make -= 1
        mean = sum(one["took_s"] for one in done) / len(done) / options.jobs
        print(f"{name} {number + 1}: {row['outcome']}, {row['pairs']} pairs, {row['took_s']} s; {left_to_make} left, "
              f"about {left_to_make * mean / 60:.0f} min", flush=True)


for name in wanted:
    loaded = name == "loaded"
    made = {row["number"] for row in done if row["set"] == name}
    numbers = [number for number in range(options.loaded if loaded else options.comparisons) if number not in made]
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)] if loaded else []
    try:
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            try:
                for one in concurrent.futures.as_completed([pool.submit(make, name, number) for number in numbers]):
                    one.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
summary = summarise(done, options, version, drawn_anew(build(work, "other", "tests/gate/redraw"), work, wanted))
show(summary)
if options.results:
    part = options.results.with_suffix(".part")
    part.write_text(json.dumps(summary, indent="\t") + "\n")
    part.rename(options.results)
sys.exit(0 if summary["good"] else 1)
