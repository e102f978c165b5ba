"""What the scripts of this folder share: each shows one promise about how far a result can be trusted, writes
TAP to its standard output and, with --figures FILE, what it measured as JSON."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

EXIT_PASS, EXIT_FAIL, EXIT_USAGE, EXIT_INCONCLUSIVE, EXIT_HOST = range(5)


def arguments(doc, *more):
    """The command line: pfs-fleet, then what is added by `more`, functions that take the parser."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("fleet", type=pathlib.Path, help="the program pfs-fleet")
    parser.add_argument("--figures", type=pathlib.Path, metavar="FILE", help="what was measured, as JSON")
    for add in more:
        add(parser)
    options = parser.parse_args()
    options.fleet = options.fleet.resolve()
    return options


def run(fleet, scenario, *options):
    """One run: its exit status and its summary, None where there is none. What it says goes into the TAP."""
    with tempfile.TemporaryDirectory(prefix="pfs-trust-") as folder:
        done = subprocess.run([fleet, "run", scenario, "--quiet", "--json", "--console", "none", "--out", folder + "/run",
                               *map(str, options)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    for line in done.stderr.splitlines():
        print(f"# {line}", flush=True)
    return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else None


def unkept(summary):
    """Expectations that do not hold, in words."""
    return [f"{gate['name']} is {gate['value']}, not {gate['limit']}" for gate in summary["gates"]
            if gate["verdict"] != "pass"]


class Tap:
    """Numbers the points; figures are collected beside them."""

    def __init__(self, figures_file=None):
        self.count = self.failed = 0
        self.figures, self.figures_file = {}, figures_file

    def check(self, good, text, *why):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {text}")
        if not good:
            for line in why:
                print(f"# {line}")
        sys.stdout.flush()
        return good

    def skip(self, text, reason):
        self.count += 1
        print(f"ok {self.count} - {text} # SKIP {reason}", flush=True)

    def note(self, text):
        print(f"# {text}", flush=True)

    def done(self):
        print(f"1..{self.count}")
        if self.figures_file:
            self.figures_file.write_text(json.dumps(self.figures, indent=1) + "\n")
        sys.exit(1 if self.failed else 0)
