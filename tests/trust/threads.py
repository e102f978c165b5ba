#!/usr/bin/python3
"""What the workers of the real kernel's world share, they share by locks, mailboxes and snapshots, and by nothing
else: a run with two of them under ThreadSanitizer, with faults that reach phones of the other worker, a journal, and
somebody who looks on. The program is built for it in a folder of its own.

The sanitizer takes descriptors for things of the whole process and calls two threads that use one number a race. Here
each worker has a table of its own (unshare CLONE_FILES), so reports about a descriptor are counted and left out; of
those about memory there may be none. threads.supp says what else is not looked at."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import trust

DESCRIPTOR = "Location is file descriptor"
SANITIZED = 66  # exit status where there was a report

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("source", type=pathlib.Path)
parser.add_argument("scenario", type=pathlib.Path)
parser.add_argument("--speed", default="8")
parser.add_argument("--figures", type=pathlib.Path)
options = parser.parse_args()
tap = trust.Tap(options.figures)
with tempfile.TemporaryDirectory(prefix="pfs-threads-") as name:
    folder = pathlib.Path(name)
    for command in (["meson", "setup", folder / "build", options.source, "-Db_sanitize=thread", "-Db_lundef=false"],
                    ["ninja", "-C", folder / "build", "emulator/pfs-fleet"]):
        made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if made.returncode:
            tap.check(False, "the program is built for it", *made.stdout.splitlines()[-20:])
            tap.done()
    suppressions = pathlib.Path(__file__).resolve().with_name("threads.supp")
    environment = dict(os.environ, TSAN_OPTIONS=f"suppressions={suppressions} exitcode={SANITIZED} log_path={folder}/log")
    done = subprocess.run([folder / "build/emulator/pfs-fleet", "run", options.scenario, "--workers", "2", "--mode", "pfs",
                           "--speed", options.speed, "--journal", "--out", folder / "run"], env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode == trust.EXIT_HOST:
        tap.skip("two workers share nothing by accident", "the host lacks something, see pfs-fleet doctor")
        tap.done()
    reports = "".join(log.read_text() for log in folder.glob("log.*")).split("WARNING: ThreadSanitizer: ")[1:]
memory = [report for report in reports if DESCRIPTOR not in report]
tap.note(f"{len(reports) - len(memory)} reports about descriptor numbers left out: each worker has a table of its own")
tap.check(done.returncode in (trust.EXIT_PASS, trust.EXIT_INCONCLUSIVE, SANITIZED), "the run comes to its end",
          f"exit status {done.returncode}", *done.stdout.splitlines()[-20:])
tap.check("Faults in the PFS run" in done.stdout, "and its faults strike")
tap.check(not memory, "two workers share nothing by accident", *[line for report in memory[:5] for line in report.splitlines()])
tap.figures = {"what": "threads", "descriptor_reports": len(reports) - len(memory), "memory_reports": len(memory)}
tap.done()
