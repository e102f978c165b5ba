#!/usr/bin/python3
"""Holds docs/protocol.md to the code: each timer and bound of pfs-core/timers.h
stands in its table with the same value, each constant of the table exists, each
test that it names exists, and each fact F1 to F15 is named by a test.

Arguments: the source tree. Writes TAP."""
import pathlib
import re
import sys

UNITS = {"ms": 1000, "s": 10**6, "min": 60 * 10**6, "h": 3600 * 10**6, "KiB": 1024}
NAMES = {"PFS_MS": 1000, "PFS_S": 10**6}

root = pathlib.Path(sys.argv[1])
doc = (root / "docs/protocol.md").read_text()
header = (root / "pfs-core/timers.h").read_text()
tests = "\n".join(p.read_text() for p in (root / "tests").rglob("*.[ch]"))
number = failed = 0


def check(good, text):
    global number, failed
    number += 1
    failed += not good
    print(("ok" if good else "not ok"), number, "-", text)


def value_in_code(text):
    text = re.sub(r"/\*.*", "", text).strip()
    for name, value in NAMES.items():
        text = text.replace(name, str(value))
    if not re.fullmatch(r"[\d\s()*+]+", text):
        return None
    return eval(text)  # digits, brackets, * and + only


def value_in_doc(text):
    match = re.fullmatch(r"([\d.]+)(?: (\w+))?", text)
    if not match:
        return None
    return round(float(match[1]) * UNITS.get(match[2], 1))


code = {}
for name, text in re.findall(r"^#define (PFS_\w+) (.+)$", header, re.M):
    if name not in NAMES:
        code[name] = value_in_code(text)
table = {name: value_in_doc(value) for name, value in re.findall(r"^\| (PFS_\w+) \| ([^|]+?) \|", doc, re.M)}

for name, value in code.items():
    if name == "PFS_OCTAVES":  # in the text of PFS_LISTEN_OCTAVE_US
        continue
    check(value is not None and table.get(name) == value, f"{name}: {value} in the code, {table.get(name)} in the table")
for name in table:
    check(name in code, f"{name} of the table is in the code")

named = set()
for line in re.findall(r"^.*Tests?:(.*)$", doc, re.M):
    named |= set(re.findall(r"`(\w+)`", line))
answers = re.findall(r"^### (\d+)\. (.*?)(?=^##)", doc + "\n## ", re.M | re.S)
check([number for number, _ in answers] == [str(n) for n in range(1, 14)], "thirteen questions are answered")
for question, text in answers:
    check(re.search(r"Tests?: .*`\w+`", text), f"answer {question} names a test")
for name in sorted(named):
    check(re.search(rf"START_TEST\({name}\)", tests), f"test {name} exists")
everything = "\n".join(p.read_text() for p in (root / "tests").rglob("*") if p.suffix in (".c", ".h", ".sh", ".py"))
for fact in range(1, 16):
    check(re.search(rf"\b[Ff]{fact}(?!\d)", everything), f"F{fact} is named by a test")
print(f"1..{number}")
sys.exit(failed != 0)
