#!/usr/bin/python3
"""The recipes of docs/ci.md work as they stand: each is read out of the page, has the shape that its CI wants, and
its commands are run where a checkout would be, twice. Arguments: the project's folder, its build folder, and perhaps
"against", which runs the recipes of the netns world instead. Writes TAP."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import yaml

from tap import check, done

root, build = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
against = sys.argv[3:] == ["against"]


def checkout(folder):
    """What a CI has after its checkout, and after a first build: links to this tree and this build."""
    folder.mkdir()
    for name in ("scripts", "scenarios", "results", "meson.build"):
        (folder / name).symlink_to(root / name)
    (folder / "build").symlink_to(build)


def build_twice(commands, name, page):
    """Runs a recipe's commands as a CI does, each by a shell that stops at the first error; and again where the first
    build left everything, since not every CI cleans up between two of them."""
    with tempfile.TemporaryDirectory(prefix="pfs-recipe-") as work:
        folder = pathlib.Path(work) / "checkout"
        checkout(folder)
        if any("base/" in command for command in commands):
            checkout(folder / "base")
        environment = {key: value for key, value in os.environ.items() if key != "GITHUB_STEP_SUMMARY"}
        if page:
            environment["GITHUB_STEP_SUMMARY"] = f"{work}/page.md"
        for build_number in (1, 2):
            pathlib.Path(work, "page.md").unlink(missing_ok=True)
            run(commands, f"{name}, build {build_number}", folder, environment)


def run(commands, name, folder, environment):
    for command in commands:
        done = subprocess.run(["sh", "-e", "-c", command], cwd=folder, env=environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        # On a busy host, or one without namespaces, the netns world has no verdict: that is no fault of a recipe.
        good = (0, 3, 4) if "--against" in command else (0,)
        check(done.returncode in good, f"{name}: {command}: {done.returncode}", done.stdout)
        if done.returncode == 4:
            return
    junit = folder / "gate/junit.xml"
    cases = xml.etree.ElementTree.parse(junit).getroot().findall("testsuite/testcase")
    check(len(cases) > 5 and junit.stat().st_mtime > 0, f"{name}: junit.xml is its own, with {len(cases)} cases")
    os.utime(junit, (0, 0))  # so that the next build is not taken to have written it
    page = environment.get("GITHUB_STEP_SUMMARY")
    if page:
        text = pathlib.Path(page).read_text() if os.path.exists(page) else ""
        check(text.startswith("### pfs-fleet gate: "), f"{name}: the page of the run has the verdict")


recipes = dict(re.findall(r"^`([^`]+)`:\n\n```\w+\n(.*?)^```", (root / "docs/ci.md").read_text(), re.S | re.M))
check(sorted(recipes) == [".github/workflows/gate-against.yml", ".github/workflows/gate.yml", ".gitlab-ci.yml",
                          "Jenkinsfile"], f"the page has the recipes: {', '.join(sorted(recipes))}")
for name, text in recipes.items():
    if ("against" in name) != against:
        continue
    if name.startswith(".github"):
        workflow = yaml.safe_load(text)
        jobs = workflow["jobs"].values()
        # YAML 1.1 reads "on" as true.
        check(True in workflow and all("runs-on" in job and job["steps"] for job in jobs), f"{name} is a workflow")
        build_twice([step["run"] for job in jobs for step in job["steps"] if "run" in step], name, True)
    elif name.startswith(".gitlab"):
        jobs = [job for job in yaml.safe_load(text).values() if "script" in job]
        check(jobs and all(job["allow_failure"]["exit_codes"] == 3 for job in jobs), f"{name} has a job")
        build_twice([line for job in jobs for line in job["script"]], name, False)
    else:
        check(text.count("{") == text.count("}") and text.startswith("pipeline {"), f"{name} is a pipeline")
        build_twice(re.findall(r"script: '([^']*)'", text), name, False)
done()
