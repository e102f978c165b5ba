#!/usr/bin/python3
"""Holds docs/design.md's table of folders to the sources: each folder of the emulator stands in it, with those that
its files include from and no others, and nothing goes round in a circle.

Arguments: the source tree. Writes TAP."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
doc = (root / "docs/design.md").read_text()
number = failed = 0


def check(good, text):
    global number, failed
    number += 1
    failed += not good
    print(("ok" if good else "not ok"), number, "-", text)


def included(path):
    return {match[1] or match[2] for match in
            re.finditer(r'^#include "(?:emulator/(\w+)|(pfs-core))[/.]', path.read_text(), re.M)}


# What several have in common and is a header, not a folder, stands for what it includes.
headers = {path.stem: included(path) for path in (root / "emulator").glob("*.h")}
folders = {"pfs-core": root / "pfs-core"}
folders |= {path.name: path for path in (root / "emulator").iterdir() if path.is_dir()}
told = {}
for row in re.findall(r"^\| `(?:emulator/)?([\w-]+)/` \| .* \| (.*) \|$", doc, re.M):
    told[row[0]] = set() if row[1] == "nothing" else set(row[1].split(", "))

check(set(told) == set(folders), "the table has each folder: " + " ".join(sorted(set(told) ^ set(folders))))
true = {}
for name, folder in sorted(folders.items()):
    true[name] = set().union(*(included(path) for path in folder.glob("*.[ch]")))
    for header in true[name] & set(headers):
        true[name] = true[name] - {header} | headers[header]
    true[name] -= {name}
    check(told.get(name) == true[name], f"{name} stands on {', '.join(sorted(true[name])) or 'nothing'}")

settled = set()
while any(name not in settled and true[name] <= settled for name in true):
    settled |= {name for name in true if true[name] <= settled}
check(settled == set(true), "they run one way: " + " ".join(sorted(set(true) - settled)))
print(f"1..{number}")
sys.exit(1 if failed else 0)
