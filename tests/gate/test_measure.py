#!/usr/bin/python3
"""What measure.py measures is of one version. It is run as it stands, in a repository of the test's own, with a meson
and a ninja that make a program in no time which passes every gate. Writes TAP. Argument: the project's folder."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from tap import check, done

root = pathlib.Path(sys.argv[1]).resolve()
if not shutil.which("git"):
    print("1..0 # SKIP there is no git")
    sys.exit(0)

PROGRAM = """#!/bin/sh
[ "$1" = --version ] && { echo "pfs-fleet 9.9"; exit 0; }
mkdir -p "${10}"
echo '{ "outcome": "OUTCOME", "runs": 10, "runs_untrusted": 0, "why": "", "lines": [] }'
"""
# What redraw says; of the set that its folders are named by.
REDRAW = """#!/bin/sh
[ "$1 $2" = "10000 8" ] || exit 2
case $3 in */same-*) fails=${SAME_FAILS:-10} ;; *) fails=9800 ;; esac
echo "{\\"pairs\\": $(($# - 2)), \\"draws\\": $1, \\"pass\\": 0, \\"fail\\": $fails, \\"inconclusive\\": 0}"
"""
# What is built is told apart by its source: a patched one is the slower of the two.
NINJA = """#!/bin/sh
mkdir -p "$2/emulator" "$2/tests/gate"
[ "$3" = tests/gate/redraw ] && { cp "$FAKE/redraw" "$2/$3"; exit; }
outcome=pass
case $2 in *election*|*transfer*) outcome=fail ;; esac
sed "s/OUTCOME/$outcome/" "$FAKE/program" >"$2/emulator/pfs-fleet"
chmod +x "$2/emulator/pfs-fleet"
"""


with tempfile.TemporaryDirectory(prefix="pfs-measure-") as temporary:
    folder = pathlib.Path(temporary)
    project, fake, work = folder / "project", folder / "fake", folder / "work"
    environment = {**os.environ, "PATH": f"{fake}:{os.environ['PATH']}", "FAKE": str(fake), "HOME": str(folder),
                   "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org",
                   "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org"}

    def git(*arguments):
        return subprocess.run(["git", "-C", project, *arguments], env=environment, check=True, text=True,
                              stdout=subprocess.PIPE).stdout.strip()

    def measure(wanted, text, *arguments):
        done = subprocess.run([sys.executable, project / "tests/gate/measure.py", "--comparisons", "2", "--sets",
                               "same,election", "--results", folder / "gate.json", *arguments],
                              env=environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        check(done.returncode == wanted, f"{text}: {done.returncode}", done.stdout)
        return done.stdout

    def rows():
        return [json.loads(line) for line in (work / "comparisons.jsonl").read_text().splitlines()]

    (project / "tests/gate").mkdir(parents=True)
    (project / "scenarios").mkdir()
    fake.mkdir()
    shutil.copy(root / "tests/gate/measure.py", project / "tests/gate")
    (project / "tests/gate/election-wait.patch").write_text("--- a/text\n+++ b/text\n@@ -1 +1 @@\n-one\n+other\n")
    (project / "text").write_text("one\n")
    (project / "scenarios/gate-probe.json").write_text("{}\n")
    (fake / "program").write_text(PROGRAM)
    (fake / "redraw").write_text(REDRAW)
    (fake / "redraw").chmod(0o755)
    for name, text in (("meson", "#!/bin/sh\nmkdir -p \"$2\"\n>\"$2/build.ninja\"\n"), ("ninja", NINJA)):
        (fake / name).write_text(text)
        (fake / name).chmod(0o755)
    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "one")
    first = git("describe", "--always", "--abbrev=12", "HEAD")
    measure(0, "a measurement", "--work", work)
    check(len(rows()) == 4 and all(row["source"] == first and "pfs-fleet 9.9, build " in row["this"] for row in rows()),
          "each comparison has the version")
    result = json.loads((folder / "gate.json").read_text())
    check(result.get("version", {}).get("source") == first and "other" in result["version"]["programs"],
          "and so has the result")
    check((work / "source-election-wait/text").read_text() == "other\n", "the patch is that of the version")
    check(result["sets"]["same"].get("drawn") == {"pairs": 2, "draws": 10000, "pass": 0, "fail": 10, "inconclusive": 0},
          "with comparisons drawn from all that were made", result["sets"]["same"])
    measure(0, "it goes on where it was", "--work", work)
    check(len(rows()) == 4, "with nothing twice")
    environment["SAME_FAILS"] = "11"
    measure(1, "more than one false alarm in a thousand drawn", "--work", work)
    del environment["SAME_FAILS"]

    (project / "text").write_text("one\ntwo\n")
    git("commit", "-q", "-a", "-m", "two")
    second = git("describe", "--always", "--abbrev=12", "HEAD")
    said = measure(2, "not at another version", "--work", work)
    check(f"has comparisons of version {first}, this is {second}; --anew moves" in said, "which is said", said)
    check(len(rows()) == 4, "nothing is touched")
    (work / "comparisons.jsonl").rename(folder / "kept.jsonl")
    said = measure(2, "nor with builds of another version", "--work", work)
    check(f"has builds of version {first}, this is {second}" in said, "which is said", said)
    (work / "version").unlink()
    said = measure(2, "nor with builds that nobody knows", "--work", work)
    check(f"has builds of version unknown, this is {second}" in said, "which is said", said)
    (work / "comparisons.jsonl").write_text('{"set": "same", "number": 0, "outcome": "pass"}\n')
    said = measure(2, "nor with comparisons from before they had a version", "--work", work)
    check(f"has comparisons of version unknown, this is {second}" in said, "which is said", said)
    # The patch is of the line that has a second one below it now.
    (project / "tests/gate/election-wait.patch").write_text("--- a/text\n+++ b/text\n@@ -1,2 +1,2 @@\n-one\n+new\n two\n")
    git("commit", "-q", "-a", "-m", "three")
    third = git("describe", "--always", "--abbrev=12", "HEAD")
    measure(0, "--anew moves them away", "--work", work, "--anew")
    check(len(rows()) == 4 and all(row["source"] == third for row in rows()) and
          (work / "before-1/comparisons.jsonl").exists() and (work / "before-1/build-base").exists(), "whole")
    (work / "comparisons.jsonl").write_text("".join(json.dumps({**row, "other": "pfs-fleet 9.8, build abc"}) + "\n"
                                                    for row in rows()))
    said = measure(2, "nor beside a program that was built otherwise", "--work", work)
    check("has comparisons of pfs-fleet 9.8, build abc, other is pfs-fleet 9.9" in said, "which is said", said)
    said = measure(0, "results can be shown", "--show", folder / "gate.json")
    check(f"version {third}\n" in said and "same " in said, "with their version", said)
    said = measure(0, "also those from before they had one", "--show", root / "results/gate.json")
    check("version " in said and "same " in said, "which say so", said)
done()
