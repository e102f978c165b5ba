#!/usr/bin/python3
"""A fleet's network beside the bare program that makes the same objects, in alternate rounds.

Each program ends when the last port is gone, and the next waits until the
kernel has freed what is left of the namespaces: their cleanup would count
against whoever comes next.

Prints JSON lines, medians and ratios at the end.
    tests/bench/up_down.py BENCH_BARE BENCH_BRING_UP [PHONES] [ROUNDS]
"""
import json
import statistics
import subprocess
import sys
import time


def namespaces():
    """Objects of the kernel's slab of network namespaces; 0 where it does not show them (not root)."""
    try:
        with open("/proc/slabinfo", encoding="ascii") as slabs:
            return next((int(line.split()[1]) for line in slabs if line.startswith("net_namespace")), 0)
    except PermissionError:
        return 0


def wait_quiet(before, seconds=120):
    """Until the kernel has freed the last fleet's; it counts in whole pages, so near enough will do."""
    until = time.monotonic() + seconds
    while namespaces() > before + 100 and time.monotonic() < until:
        time.sleep(0.2)


def main():
    programs = sys.argv[1:3]
    phones = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    figures = {}
    before = namespaces()
    for _ in range(rounds):
        for program in programs:
            wait_quiet(before)
            line = json.loads(subprocess.check_output([program, str(phones)]))
            print(json.dumps(line), flush=True)
            for name in ("up_s", "down_s"):
                figures.setdefault(line["what"], {}).setdefault(name, []).append(line[name])
    medians = {what: {name: statistics.median(values) for name, values in of.items()} for what, of in figures.items()}
    ratios = {name.replace("_s", "_ratio"): round(medians["fleet"][name] / medians["bare"][name], 3)
              for name in ("up_s", "down_s")}
    print(json.dumps({"what": "fleet over bare", "phones": phones, **medians["fleet"], **ratios}))


if __name__ == "__main__":
    main()
