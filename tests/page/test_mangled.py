#!/usr/bin/python3
"""
A run's folder may be damaged in any way: report tells it or refuses it with one
line, and never breaks off. Drawn from a seed: bytes flipped, files cut, values
of JSON replaced, taken away or doubled.

    test_mangled.py PFS_FLEET SCENARIOS [SEED [COUNT]]
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

FLEET, SCENARIOS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
COUNT = int(sys.argv[4]) if len(sys.argv) > 4 else 300
VALUES = [None, True, -1, -2, 0, 1, 15, 16, 255, 256, 65536, 2 ** 32, 2 ** 53, 2 ** 64, 1e300, 0.5, -0.5, "", "x",
          "%s%n", "\ud800", "\u0001", [], {}, [[]], [None], [0] * 300]


def places(value):
    """Each container of a JSON value with each of its keys."""
    found = []
    if isinstance(value, (dict, list)):
        for key in (value if isinstance(value, dict) else range(len(value))):
            found.append((value, key))
            found += places(value[key])
    return found


def mangle(draw, text):
    kind = draw.randrange(6)
    if kind == 0:
        return text[:draw.randrange(len(text))]
    if kind == 1:
        at = draw.randrange(len(text))
        return text[:at] + bytes([draw.randrange(256)]) + text[at + 1:]
    whole = json.loads(text)
    for _ in range(draw.choice((1, 1, 1, 3))):
        container, key = draw.choice(places(whole))
        if kind == 2 and isinstance(container, dict):
            del container[key]
        elif kind == 3 and isinstance(container, list):
            container += container
        elif kind == 4 and isinstance(container, list):
            container.pop(key)
        else:
            container[key] = draw.choice(VALUES)
    return json.dumps(whole).encode()


def main():
    subprocess.run([FLEET, "run", f"{SCENARIOS}/root-killed.json", "--engine", "sim", "-q", "--console", "none", "--out", "good"],
                   stdout=subprocess.DEVNULL, check=True)
    draw, told, wrong = random.Random(SEED), 0, []
    for number in range(COUNT):
        name = draw.choice(("summary.json", "detail.json", "detail.json"))
        shutil.rmtree("bad", ignore_errors=True)
        shutil.copytree("good", "bad")
        with open(f"good/{name}", "rb") as file:
            text = mangle(draw, file.read())
        with open(f"bad/{name}", "wb") as file:
            file.write(text)
        folders = draw.choice((["bad"], ["bad", "good"], ["good", "bad"]))
        form = draw.choice(("text", "markdown", "html"))
        done = subprocess.run([FLEET, "report", *folders, "-f", form, "--trees", "all", "-o", "out"], capture_output=True, check=False, timeout=60)
        whole = os.path.exists("out")
        good = done.returncode == 0 and whole and not done.stderr or \
            done.returncode == 2 and not whole and done.stderr.count(b"\n") == 1
        if good and whole and form == "html":
            with open("out", "rb") as file:
                good = file.read().endswith(b"</html>\n")
        told += done.returncode == 0
        if not good:
            wrong.append(f"{number}: {name} {folders} {form}: exit {done.returncode}, {done.stderr[:200]}")
        if whole:
            os.remove("out")
    for line in wrong[:20]:
        print("#", line)
    print(f"# seed {SEED}: {told} of {COUNT} told all the same")
    print(f"{'not ok' if wrong else 'ok'} 1 - {COUNT} damaged folders are told or refused")
    print(f"{'ok' if 0 < told < COUNT else 'not ok'} 2 - some of them are told, some refused")
    print("1..2")
    return bool(wrong) or not 0 < told < COUNT


with tempfile.TemporaryDirectory(prefix="pfs-fleet-mangled-") as folder:
    os.chdir(folder)
    status = main()
    os.chdir("/")
sys.exit(status)
