#!/usr/bin/python3
"""The net is itself tested. Each tests/mutants/*.patch breaks one promise of the core; its head says which. Each is
applied to a copy of the sources, built, and hunted three ways: `races` over five hundred seeds, `races --exhaustive`
over small fleets, and the named races. A mutant that nothing finds is a gap in the invariants, a named race that no
mutant breaks proves nothing, a patch that no longer applies has to be made anew: all three fail, and so does a false
alarm of the core as it is. Those of tests/mutants/races/ are what the named races are there to catch, one by one;
they are hunted by these and by `races`, and both must find them. Writes TAP, with the table as comments.

  run.py [--source DIR] [--work DIR] [--table FILE] [--known] [MUTANT...]

With names only those mutants run, and what is said of all of them together is left out. The copy and what was found
stay in the work folder: what was found with the same sources and the same patch is not run again, so the same command
goes on where it was broken off. With --known nothing runs: the table is of what the work folder has."""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SEEDS = (20, 100, 200, 300, 400, 500)  # up to here; the next only where nothing broke, or no small case came of it
# All behaviours of a fleet of that size, or the first so many states of them: phones, drops, kills, files, states.
SEARCHES = ((2, 2, 0, 1, 0), (2, 1, 1, 1, 0), (2, 1, 0, 2, 0), (3, 0, 0, 1, 2000000), (3, 2, 1, 1, 2000000),
            (3, 1, 1, 2, 1000000), (4, 1, 1, 1, 1000000))
SEARCHED_MIN, PHONES_MOST = 6, 6
PARTS = ("meson.build", "pfs-core", "emulator", "scenarios", "tests")  # of the sources, what Meson reads
# What a hunt's outcome rests on beside the named races: all but what works with the kernel, or with what runs left.
JUDGED = ("pfs-core", "emulator")
APART = {("emulator", "netns"), ("emulator", "page"), ("emulator", "gate"), ("emulator", "capacity")}
PATIENCE_S = 900
CRASHED = "the program ends in good order"


def say(*lines):
    for line in lines:
        print("# " + line, flush=True)


class Copy:
    """The sources in a folder of their own, one patch applied at a time; what a patch does not touch is built once."""

    def __init__(self, source, work):
        self.folder = work / "source"
        self.program = work / "build/emulator/pfs-fleet"
        self.build_folder = work / "build"
        self.bring(source)
        self.digest = self.sources_digest()
        if not (self.build_folder / "build.ninja").exists():
            # A mutant may leave a function without a caller.
            self.must(["meson", "setup", self.build_folder, self.folder, "-Dwerror=false"])

    def bring(self, source):
        """Writes what differs and nothing else: what a run that was broken off left patched is built again."""
        kept = set()
        for part in PARTS:
            for path in sorted([source / part] if (source / part).is_file() else (source / part).rglob("*")):
                copy = self.folder / path.relative_to(source)
                if path.is_dir() or "__pycache__" in path.parts:
                    continue
                kept.add(copy)
                if not copy.exists() or copy.read_bytes() != path.read_bytes():
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, copy)
                    shutil.copymode(path, copy)
        for path in self.folder.rglob("*"):
            if path.is_file() and path not in kept:
                path.unlink()

    def sources_digest(self):
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder)
            if path.is_file() and (name.parts[0] in JUDGED and name.parts[:2] not in APART or
                                   name.parts[:2] == ("scenarios", "races")):
                digest.update(str(name).encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()

    def must(self, command):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout[-4000:]}")

    def patch(self, path, *options):
        # No fuzz: a patch that fits only roughly may break something else than it says.
        self.must(["patch", "-p1", "-F0", "-s", "-d", self.folder, "-i", path, *options])

    def build(self):
        self.must(["ninja", "-j2", "-C", self.build_folder, "emulator/pfs-fleet"])


def command(*words):
    """Exit status and output. Killed by a signal: negative; out of patience: None."""
    try:
        done = subprocess.run(list(map(str, words)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return None, ""
    return done.returncode, done.stdout


def races(program, out):
    """The first seed that breaks, with its invariant, and the least fleet that a failure was shrunk to: where that
    is a large one, of the next too, for a case may hang on the numbers of its phones."""
    first, found = 1, None
    for last in SEEDS:
        status, text = command(program, "races", "--quiet", "--seeds", f"{first}..{last}", "--out", out)
        if status is None:
            return {"seed": 0, "invariant": f"no end within {PATIENCE_S} s", "phones": 0}
        broken = re.search(r"^seed (\d+): broken: (.*)$", text, re.M)
        if broken:
            phones = [int(count) for count in re.findall(r"^  smallest: .* \((\d+) phones", text, re.M)]
            least = min(phones, default=0)
            if not found:
                found = {"seed": int(broken[1]), "invariant": broken[2], "phones": least}
            elif least and least < (found["phones"] or least + 1):
                found["phones"] = least
            if found["phones"] and found["phones"] <= PHONES_MOST:
                return found
        elif status != 0:
            raise RuntimeError(f"races: exit {status}\n{text[-4000:]}")
        first = last + 1
    return found


def search(program, config, out):
    phones, drops, kills, files, states = config
    status, text = command(program, "races", "--exhaustive", "--phones", phones, "--drops", drops, "--kills", kills,
                           "--files", files, "--max-states", states, "--shorten", 0, "--out", out)
    name = f"{phones} phones, {drops} drops, {kills} kills, {files} file{'s' if files > 1 else ''}"
    if status is None or status in (0, 3):
        return None
    broken = re.search(r"^does not hold: (.*)$", text, re.M)
    visited = re.search(r": (\d+) states,", text)
    if status < 0 or not broken:
        asserted = re.search(r"Assertion `(.*)' failed", text)
        why = f"{CRASHED}: {asserted[1] if asserted else f'exit {status}'}"
        return {"config": name, "invariant": why, "states": 0, "phones": phones}
    return {"config": name, "invariant": broken[1], "states": int(visited[1]), "phones": phones}


def named(program, scenario):
    """True where the race came out as its file says."""
    with tempfile.TemporaryDirectory() as out:
        status, text = command(program, "run", "--engine", "sim", "--mode", "pfs", "--quiet", "--out", out, scenario)
    if status in (2, 3, 4):
        raise RuntimeError(f"{scenario}: exit {status}\n{text[-2000:]}")
    return status == 0


def hunt(copy, scenarios, out, searches):
    program = copy.program
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        searched = [pool.submit(search, program, config, out) for config in searches]
        raced = races(program, out)
        results = [one.result() for one in searched]
        came_out = list(pool.map(lambda scenario: named(program, scenario), scenarios))
    return {"races": raced, "search": next((one for one in results if one), None),
            "named": [scenario.stem for scenario, good in zip(scenarios, came_out) if not good]}


def of_races(patch):
    return patch.parent.name == "races"


class Hunter:
    def __init__(self, source, work):
        self.copy = Copy(source, work)
        self.work = work
        self.scenarios = sorted((self.copy.folder / "scenarios/races").glob("*.json"))

    def found(self, name, patch):
        """What finds the core with that patch (None: as it is); from the work folder where it is known."""
        key = hashlib.sha256(self.copy.digest.encode() + (patch.read_bytes() if patch else b"") +
                             pathlib.Path(__file__).read_bytes()).hexdigest()
        kept = self.work / f"found-{name}.json"
        if kept.exists():
            known = json.loads(kept.read_text())
            if known["key"] == key:
                return known
        if patch:
            self.copy.patch(patch)
        try:
            self.copy.build()
            known = hunt(self.copy, self.scenarios, self.work / f"cases-{name}",
                         () if patch and of_races(patch) else SEARCHES)
        finally:
            if patch:
                self.copy.patch(patch, "-R")
        known["key"] = key
        known["sources"] = self.copy.digest[:12]
        kept.write_text(json.dumps(known, indent=1))
        return known


HEAD = ["What finds each mutant of the core: the first of 500 seeds that breaks and the phones of the smallest case; the",
        "exhaustive search, how many states it had visited; the named races that fail. Those of tests/mutants/races/ are",
        "not searched for. The last line counts what the exhaustive search finds, and what it alone finds.",
        "By tests/mutants/run.py --table, see tests/mutants/README.md."]


def table(results):
    lines = HEAD[:]
    sources = None
    for name, one in results.items():
        if one["sources"] != sources:
            sources = one["sources"]
            lines += ["", f"Found with the sources whose digest begins with {sources}:", ""]
        lines.append(name)
        if one["races"]:
            lines.append(f"    races:      seed {one['races']['seed']}, {one['races']['phones']} phones: "
                         f"{one['races']['invariant']}")
        if one["search"]:
            lines.append(f"    exhaustive: {one['search']['config']}, {one['search']['states']} states: "
                         f"{one['search']['invariant']}")
        if one["named"]:
            lines.append(f"    named:      {' '.join(one['named'])}")
        if not (one["races"] or one["search"] or one["named"]):
            lines.append("    survives")
    return lines


def of_all(results):
    able = [name for name, one in results.items() if one["search"]]
    alone = [name for name in able if not results[name]["races"]]
    return [f"Found by the exhaustive search at all: {len(able)}; by it and not by 500 seeds: {len(alone)}"
            f"{': ' if alone else ''}{' '.join(alone)}"]


class Tap:
    def __init__(self):
        self.count = 0
        self.good = True

    def ok(self, good, name):
        self.count += 1
        self.good &= bool(good)
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}", flush=True)


def judge(tap, name, one, patch):
    if of_races(patch):
        tap.ok(one["named"], f"{name} is found by a named race")
    by_races, by_search = one["races"], one["search"]
    tap.ok(by_races and by_races["seed"] or by_search, f"{name} is found by races or by the exhaustive search")
    phones = [found["phones"] for found in (by_races, by_search) if found and found["phones"]]
    tap.ok(phones and min(phones) <= PHONES_MOST, f"{name}: the smallest case has at most {PHONES_MOST} phones")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = pathlib.Path(__file__).resolve().parent
    parser.add_argument("--source", type=pathlib.Path, default=here.parent.parent)
    parser.add_argument("--work", type=pathlib.Path, help="kept from run to run (default: a folder that is removed)")
    parser.add_argument("--table", type=pathlib.Path, help="the table goes there too")
    parser.add_argument("mutants", nargs="*", metavar="MUTANT")
    parser.add_argument("--known", action="store_true", help="run nothing, make the table of what is known")
    options = parser.parse_args()
    patches = sorted(here.glob("*.patch")) + sorted(here.glob("races/*.patch"))
    unknown = set(options.mutants) - {patch.stem for patch in patches}
    if unknown:
        parser.error(f"no such mutant: {', '.join(sorted(unknown))}")
    wanted = [patch for patch in patches if not options.mutants or patch.stem in options.mutants]

    if options.known:
        if not options.work:
            parser.error("--known is of a --work folder")
        known = {patch.stem: options.work / f"found-{patch.stem}.json" for patch in wanted}
        results = {name: json.loads(path.read_text()) for name, path in known.items() if path.exists()}
        lines = table(dict(sorted(results.items(), key=lambda one: one[1]["sources"])))
        lines += ["", f"Not run: {' '.join(name for name in known if name not in results) or 'none'}",
                  *of_all(results)]
        (options.table.write_text if options.table else sys.stdout.write)("\n".join(lines) + "\n")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        work = (options.work or pathlib.Path(scratch)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        hunter = Hunter(options.source.resolve(), work)
        tap, results = Tap(), {}
        sound = hunter.found("none", None)
        tap.ok(not (sound["races"] or sound["search"] or sound["named"]), "the core as it is breaks nothing")
        if sound["races"] or sound["search"] or sound["named"]:
            say(*table({"none": sound}))
        for patch in wanted:
            try:
                results[patch.stem] = hunter.found(patch.stem, patch)
            except RuntimeError as error:
                say(*str(error).splitlines())
                tap.ok(False, f"{patch.stem} applies, and can be built and run")
                continue
            judge(tap, patch.stem, results[patch.stem], patch)
            say(*table({patch.stem: results[patch.stem]})[len(HEAD) + 3:])
        if not options.mutants:
            alone = sum(1 for one in results.values() if one["search"] and not one["races"])
            tap.ok(alone >= SEARCHED_MIN, f"at least {SEARCHED_MIN} are found by the exhaustive search alone: {alone}")
            say(*of_all(results))
            for scenario in hunter.scenarios:
                fails = [name for name, one in results.items() if scenario.stem in one["named"]]
                tap.ok(fails, f"the named race {scenario.stem} fails under a mutant")
        print(f"1..{tap.count}")
        if options.table:
            options.table.write_text("\n".join(table(results) + ["", *of_all(results)]) + "\n")
    return 0 if tap.good else 1


if __name__ == "__main__":
    sys.exit(main())
