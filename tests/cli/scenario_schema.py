#!/usr/bin/python3
"""Every scenario that comes with the project is valid by scenarios/schema.json, and the schema refuses
what the loader refuses. A validator of others' making reads the schema; without it the test is skipped by
name. Writes TAP. Argument: the project's folder."""
import copy
import json
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
files = sorted(p for p in (root / "scenarios").rglob("*.json") if p.name != "schema.json")
try:
    import jsonschema
except ImportError:
    print("1..0 # SKIP python3-jsonschema is not installed")
    sys.exit(0)


def strip(text):
    """Takes comments out; strings are matched first, so that what is in them stays."""
    token = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.S)
    return token.sub(lambda m: m.group(0) if m.group(0)[0] == '"' else " ", text)


schema = json.loads((root / "scenarios/schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
good = json.loads(strip((root / "scenarios/branch-office.json").read_text()))
# (what, where, value): set in a good scenario, each makes it a bad one.
bad = [
    ("an unknown field", ["sed"], 1),
    ("an unknown field deep inside", ["sites", 0, "wan", "rat"], "1mbit"),
    ("an unknown unit", ["sites", 0, "wan", "rate"], "1.5mb"),
    ("a duration without unit", ["sites", 0, "wan", "rtt"], "30"),
    ("no sites", ["sites"], []),
    ("a setting of another word", ["enterprise", "pfs"], "on"),
    ("a count of zero", ["sites", 0, "subnets", 0, "phones", 0, "count"], 0),
    ("a network without prefix", ["sites", 0, "subnets", 0, "network"], "10.1.1.0"),
    ("an unknown server", ["server"], "atftpd"),
    ("a scale as a number", ["scale"], 0.03),
    ("a fault of no kind", ["faults"], [{"at": "1s"}]),
]
fine = [("the short form of server", ["server"], "dnsmasq"), ("the long form of server", ["server"], {"retries": 3})]

print(f"1..{len(files) + len(bad) + len(fine)}")
number, failed = 0, 0


def report(passed, what):
    global number, failed
    number += 1
    failed += not passed
    print(f"{'ok' if passed else 'not ok'} {number} - {what}")


def changed(path, value):
    scenario = copy.deepcopy(good)
    at = scenario
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return scenario


for file in files:
    errors = list(validator.iter_errors(json.loads(strip(file.read_text()))))
    report(not errors, f"{file.name} is valid" + "".join(f"; {e.json_path}: {e.message}" for e in errors))
for what, path, value in bad:
    report(not validator.is_valid(changed(path, value)), f"the schema refuses {what}")
for what, path, value in fine:
    report(validator.is_valid(changed(path, value)), f"the schema takes {what}")
sys.exit(1 if failed else 0)
