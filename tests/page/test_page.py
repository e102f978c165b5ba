#!/usr/bin/python3
"""
The report's HTML in a browser without a window: nothing is said on its console
and nothing is fetched, every figure is summary.json's, the curves have the
points of detail.json, the trees are those of the summary, text stays text, and
on a telephone nothing but a table is wider than the screen.

    test_page.py PFS_FLEET SCENARIOS
"""
import html.parser
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from browser import Browser  # noqa: E402

FLEET, SCENARIOS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
VOID = {"meta", "link", "br", "input", "rect", "path"}
number = bad = 0


def check(text, good, why=""):
    global number, bad
    number += 1
    bad += not good
    print(f"{'ok' if good else 'not ok'} {number} - {text}")
    if not good and why != "":
        print("\n".join("# " + line for line in str(why)[:2000].splitlines()))
    sys.stdout.flush()


def scenario(**more):
    """Two sites, a model of its own at one of them, phones that take no part, a root that dies."""
    def site(name, network, rate, *phones):
        return {"name": name, "wan": {"rate": rate, "rtt": "30ms"},
                "subnets": [{"name": name + "-floor", "network": network, "phones": list(phones)}]}
    return {"name": "report page", "seed": 7, "scale": "1/40", "enterprise": {"pfs": "enabled"},
            "reset": {"spread": "2s"},
            "sites": [site("north", "10.1.0.0/24", "1.536mbit", {"model": "7961", "count": 14}, {"model": "7941", "count": 5}),
                      site("south", "10.2.0.0/24", "4mbit", {"model": "7961", "count": 9},
                           {"model": "7941", "count": 2, "pfs": "disabled"})],
            "faults": [{"kind": "kill", "role": "root", "site": "north", "phase": "tftp", "percent": 50, "file": "apps"}],
            "expect": {"upgraded_min": 29}, **more}


def run(name, content, *options):
    with open(name + ".json", "w", encoding="utf-8") as file:
        json.dump(content, file)
    done = subprocess.run([FLEET, "run", name + ".json", "--engine", "sim", "-q", "--console", "none", "--out", name,
                           *options], capture_output=True, text=True, check=False)
    check(f"{name}: the run leaves a folder", done.returncode in (0, 1), done.stdout + done.stderr)


def report(out, *arguments):
    done = subprocess.run([FLEET, "report", *arguments, "-o", out], capture_output=True, text=True, check=False)
    check(f"{out}: is written", done.returncode == 0 and not done.stdout and not done.stderr, done.stderr)


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return json.load(file)


# ---- as the program writes figures ----

def in_count(value):
    return f"{value:,}"


def in_bytes(value):
    if value < 999.95:
        return f"{value} B"
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.95:
            break
    return f"{value:.2f} {unit}" if value < 9.995 else f"{value:.1f} {unit}"


def in_duration(seconds):
    if seconds is None:
        return "-"
    microseconds = round(seconds * 1e6)
    tenths, whole = (microseconds + 50000) // 100000, (microseconds + 500000) // 1000000
    if tenths < 600:
        return f"{tenths // 10}.{tenths % 10} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02} h"


FIGURES = {
    "Phones upgraded": lambda run: in_count(run["upgraded"]),
    "Phones without the new firmware": lambda run: in_count(run["failed"] + run["gone"]),
    "Time to the last phone": lambda run: in_duration(run["duration_s"]),
    "Median phone": lambda run: in_duration(run["completion_s"]["p50"]),
    "90th percentile": lambda run: in_duration(run["completion_s"]["p90"]),
    "99th percentile": lambda run: in_duration(run["completion_s"]["p99"]),
    "WAN bytes down": lambda run: in_bytes(run["wan"]["bytes_down"]),
    "WAN bytes up": lambda run: in_bytes(run["wan"]["bytes_up"]),
    "TFTP transfers": lambda run: in_count(run["tftp"]["transfers"]),
    "TFTP retransmissions": lambda run: in_count(run["tftp"]["retransmits"] + run["tftp"]["client_retransmits"]),
    "Rejected by the server": lambda run: in_count(run["tftp"]["rejected"]),
    "Direct downloads, not as root": lambda run: in_count(run["tftp"]["direct_total"]) if run["mode"] == "pfs" else "-",
    "Bytes from peers": lambda run: in_bytes(run["peer"]["bytes"]) if run["mode"] == "pfs" else "-",
    "Broadcasts": lambda run: in_count(run["peer"]["broadcasts"]) if run["mode"] == "pfs" else "-",
}

TABLES = """[...document.querySelectorAll("table")].map((table) => ({
    caption: table.caption.textContent,
    heads: [...table.tHead.rows[0].cells].map((cell) => cell.textContent),
    rows: [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent)) }))"""

# Opens everything there is, level by level, and says what stands there.
TREES = """(async () => {
    const settle = () => new Promise((done) => setTimeout(done, 30));
    for (const kind of ["site", "family", "tree", "branch"]) {
        for (let again = true; again;) {
            const shut = [...document.querySelectorAll(`details.${kind}:not([open])`)];
            shut.forEach((one) => { one.open = true; });
            again = kind === "branch" && shut.length > 0;
            await settle();
        }
    }
    const feeders = (item) => item.parentElement.closest("li")?.dataset.phone ?? null;
    return [...document.querySelectorAll("details.tree")].map((tree) => ({
        subnet: tree.closest(".family").dataset.subnet, model: tree.closest(".family").dataset.model, file: tree.dataset.file,
        phones: [...tree.querySelectorAll("li")].map((item) => ({
            name: item.dataset.phone, parent: feeders(item), says: item.firstElementChild.textContent,
            level: item.querySelector(".level").textContent })) }));
})()"""

CURVES = """[...document.querySelectorAll("svg.fleet-plot")].map((plot) => ({
    id: plot.id, title: plot.querySelector("title").textContent,
    series: [...plot.querySelectorAll("g.series")].map((series) => ({
        name: series.dataset.name, points: Number(series.dataset.points),
        length: [...series.querySelectorAll("path.l")].reduce((sum, path) => sum + path.getTotalLength(), 0) })) }))"""


class Balance(html.parser.HTMLParser):
    """Whether each element that is begun is ended, in order; for readers that are less forgiving than a browser."""
    def __init__(self):
        super().__init__()
        self.open, self.wrong = [], []

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append((tag, self.getpos()))


def check_source(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    balance = Balance()
    balance.feed(text)
    check(f"{path}: each element is ended", not balance.wrong and not balance.open, balance.wrong or balance.open)
    check(f"{path}: names nothing outside of itself",
          not any(one in text for one in ("<img", "<script src", "<iframe", "url(", "@import", "http-equiv=\"refresh")))


def check_figures(browser, folder, label):
    summary = read(folder, "summary.json")
    tables = {table["caption"]: table for table in browser.evaluate(TABLES)}
    table = next(table for caption, table in tables.items() if "full size in virtual time" in caption or caption == "Both modes")
    rows = {row[0]: row[1:] for row in table["rows"]}
    runs = [(0, summary["runs"])] + ([(3 if len(summary["runs"]) == 2 else 1, summary["full_size"]["runs"])] if "full_size" in summary else [])
    wrong = [(name, rows[name], say(one)) for name, say in FIGURES.items() for first, several in runs
             for place, one in enumerate(several) if rows[name][first + place] != say(one)]
    check(f"{label}: every figure is the summary's", not wrong, wrong)
    gates = [(row[0], row[3]) for row in tables["What the run must hold"]["rows"]]
    check(f"{label}: the gates are the summary's", gates == [(gate["name"], gate["verdict"]) for gate in summary["gates"]], gates)
    check(f"{label}: the verdict stands in the heading", browser.evaluate("document.querySelector('h1').textContent")
          == f"{summary['scenario']} {summary['verdict']}")


def check_curves(browser, folder, label):
    detail, plots = read(folder, "detail.json"), {plot["id"]: plot for plot in browser.evaluate(CURVES)}
    sets = [("", detail["runs"])] + ([("-full", detail["full_size"]["runs"])] if "full_size" in detail else [])
    for suffix, runs in sets:
        wanted = {("PFS" if one["mode"] == "pfs" else "traditional"): one for one in runs}
        completion = {series["name"]: series for series in plots["plot-completion" + suffix]["series"]}
        wan = {series["name"]: series for series in plots["plot-wan" + suffix]["series"]}
        check(f"{label}: completion{suffix} has a point each time phones were done",
              {name: series["points"] for name, series in completion.items()} ==
              {name: len(one["completion"]) + 2 for name, one in wanted.items()}, completion)
        check(f"{label}: WAN use{suffix} has a point a slot",
              all(wan[name]["points"] - len(one["wan"]["down"]) in (1, 2) for name, one in wanted.items()), wan)
        # Those of a fold that is shut have no length; the browser does not lay them out.
        if suffix or len(sets) == 1:
            check(f"{label}: each of them is drawn", all(series["length"] > 100 for series in [*completion.values(), *wan.values()]),
                  plots)


def check_trees(browser, folder, label):
    """Each hierarchy of the summary has its tree: the root, the members, the depth; each phone below who fed it."""
    summary, detail = read(folder, "summary.json"), read(folder, "detail.json")
    names = [phone[0] for phone in detail["phones"]]
    pfs = next(one for one in detail["runs"] if one["mode"] == "pfs")
    trees = {(tree["subnet"], tree["model"], tree["file"]): tree["phones"] for tree in browser.evaluate(TREES)}
    hierarchies = next(one for one in summary["runs"] if one["mode"] == "pfs")["hierarchies"]
    check(f"{label}: as many trees as hierarchies", len(trees) == len(hierarchies), (len(trees), len(hierarchies)))
    wrong = []
    for hierarchy in hierarchies:
        phones = trees[(hierarchy["subnet"], hierarchy["model"], hierarchy["file"])]
        held = [phone for phone in phones if "never had it" not in phone["says"]]
        roots = [phone["name"] for phone in phones if "root, from the server" in phone["says"]]
        if (hierarchy["root"] not in roots or len(held) != hierarchy["members"] or
                max(int(phone["level"]) for phone in held) != hierarchy["depth"]):
            wrong.append((hierarchy, roots, len(held)))
    check(f"{label}: their roots, members and depths are the summary's", not wrong, wrong)
    fed = {(names[row[0]], detail["firmware"][detail["phones"][row[0]][3]]["files"][row[1]]["name"]):
           names[row[2]] if row[2] >= 0 else None for row in pfs["copies"]}
    shown = {(phone["name"], key[2]): phone["parent"] for key, phones in trees.items() for phone in phones}
    check(f"{label}: each phone stands below who fed it", all(fed[key] == parent for key, parent in shown.items()),
          [(key, parent, fed[key]) for key, parent in shown.items() if fed[key] != parent])


def check_phone(browser, folder, label):
    detail = read(folder, "detail.json")
    name = detail["phones"][0][0]
    said = browser.evaluate(f"""(() => {{
        const input = document.querySelector(".find input");
        input.value = "{name[3:].lower()}";
        input.dispatchEvent(new Event("input"));
        return document.querySelector(".found").textContent; }})()""")
    check(f"{label}: a phone is found by a part of its name", name in said and "from the server" in said, said)
    check(f"{label}: with each of its files", all(file["name"] in said for file in detail["firmware"][detail["phones"][0][3]]["files"]), said)


def check_screens(browser, path, label):
    for width, dark in ((390, False), (390, True), (1280, False)):
        browser.screen(width, dark=dark, mobile=width < 500)
        said = browser.open(path)
        check(f"{label}: {width} px{' dark' if dark else ''}: nothing is complained of or fetched", not said, "\n".join(said))
        wide = browser.evaluate("document.documentElement.scrollWidth - innerWidth")
        check(f"{label}: {width} px: fits the width", wide <= 0, wide)
        # 4.5 to 1 is what WCAG asks of text.
        least = browser.evaluate("""(() => {
            const light = (text) => { const [r, g, b] = text.match(/[0-9.]+/g).map((one) => {
                const part = one / 255; return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; });
                return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
            const behind = (at) => { for (; at; at = at.parentElement) {
                const colour = getComputedStyle(at).backgroundColor;
                if (!colour.startsWith("rgba(0, 0, 0, 0")) return colour; } return "rgb(255, 255, 255)"; };
            return Math.min(...[...document.querySelectorAll("h1,h2,h3,p,a,th,td,li,summary,span,svg text")].map((at) => {
                const style = getComputedStyle(at), svg = at instanceof SVGElement;
                const [a, b] = [light(svg ? style.fill : style.color), light(behind(at))].sort((x, y) => y - x);
                return (a + 0.05) / (b + 0.05); })); })()""")
        check(f"{label}: {width} px{' dark' if dark else ''}: all text has contrast", least >= 4.5, least)
    check(f"{label}: each table has a caption, each plot a title, headings skip no level", browser.evaluate("""
        [...document.querySelectorAll("table")].every((table) => table.caption?.textContent) &&
        [...document.querySelectorAll("svg")].every((plot) => document.getElementById(plot.getAttribute("aria-labelledby").split(" ")[0])) &&
        [...document.querySelectorAll("h1,h2,h3")].every((head, at, all) => !at || head.tagName[1] - all[at - 1].tagName[1] < 2) &&
        new Set([...document.querySelectorAll("[id]")].map((one) => one.id)).size === document.querySelectorAll("[id]").length"""))
    browser.paper("paper.pdf")
    check(f"{label}: it prints", os.path.getsize("paper.pdf") > 10000)


def main():
    run("one", scenario())
    run("other", scenario(seed=8))
    report("one.html", "one")
    check_source("one.html")
    browser = Browser()
    try:
        check_screens(browser, "one.html", "one run")
        check_figures(browser, "one", "one run")
        check_curves(browser, "one", "one run")
        check_trees(browser, "one", "one run")
        check_phone(browser, "one", "one run")
        said = browser.evaluate("document.getElementById('wrong').parentElement.textContent")
        check("the root that died is told, and who noticed", "killed in tftp" in said and "lost its parent" in said)

        report("two.html", "one", "other")
        check_source("two.html")
        check_screens(browser, "two.html", "two runs")
        check("two runs: what they differ in is told", "seed: A 7, B 8" in browser.evaluate("document.body.textContent"))
        columns = next(table["heads"] for table in browser.evaluate(TABLES) if table["caption"] == "Both runs as they were")
        check("two runs: both stand side by side", columns[1:5] == ["A: PFS", "A: traditional", "B: PFS", "B: traditional"], columns)
        browser.evaluate(TREES)
        check("two runs: each has its trees", browser.evaluate("new Set([...document.querySelectorAll('details.tree')].map("
                                                               "(tree) => tree.closest('.site').dataset.detail)).size") == 2)

        lost = read("one", "summary.json")
        for run_of in lost["runs"]:
            run_of["upgraded"] -= 3 * (run_of["mode"] == "traditional")
        os.mkdir("lost")
        shutil.copy("one/detail.json", "lost")
        with open("lost/summary.json", "w", encoding="utf-8") as file:
            json.dump(lost, file)
        report("lost.md", "lost")
        with open("lost.md", encoding="utf-8") as file:
            said = file.read()
        check("phones left behind in one mode: the times are not compared", "so the two times are not compared" in said and
              " of the time and " not in said and "traditional time" not in said, said[:600])

        # Names that a scenario may not have, a folder may: whoever sends one must not get a script run.
        for name in ("summary", "detail"):
            hostile = json.dumps(read("one", name + ".json")).replace('"north"', json.dumps("</script><img src=x onerror=alert(1)>"))
            with open(f"other/{name}.json", "w", encoding="utf-8") as file:
                file.write(hostile)
        report("hostile.html", "other")
        check_source("hostile.html")
        said = browser.open("hostile.html")
        browser.evaluate(TREES)
        check("text stays text", not said and browser.evaluate("document.images.length") == 0 and
              browser.evaluate("document.body.textContent.includes('onerror=alert')"), said)

        four = read_scenario("four-thousand.json")
        four["expect"] = {}
        run("four", four, "--mode", "pfs")
        report("four.html", "four")
        said = browser.open("four.html")
        check("4,000 phones: nothing is complained of", not said, said)
        times = browser.evaluate("(() => { const all = performance.getEntriesByType('navigation')[0]; "
                                 "return [all.domContentLoadedEventEnd, all.loadEventEnd].map(Math.round); })()")
        print(f"# 4,000 phones: DOMContentLoaded after {times[0]} ms, load after {times[1]} ms, {os.path.getsize('four.html')} bytes")
        check("4,000 phones: it opens within 2 s", times[1] <= 2000, times)
        check("4,000 phones: no tree is drawn before it is asked for", browser.evaluate("document.querySelectorAll('details.tree').length") == 0)
        check_figures(browser, "four", "4,000 phones")
    finally:
        browser.close()


def read_scenario(name):
    with open(os.path.join(SCENARIOS, name), encoding="utf-8") as file:
        return json.loads("".join(line for line in file if not line.lstrip().startswith("//")))


with tempfile.TemporaryDirectory(prefix="pfs-fleet-page-") as folder:
    os.chdir(folder)
    main()
    os.chdir("/")
print(f"1..{number}")
sys.exit(bad > 0)
