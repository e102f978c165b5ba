"""What scripts/bench measures, a function a part.

A part gets a Bench (where the programs are, how many rounds) and yields rows:
what the fleet does, and what is beside it in the same rounds. Whoever stands
beside is asked in alternation with the fleet, so that what else the machine does
meanwhile falls on both. What is not installed is skipped, and a row says so.
"""
import contextlib
import json
import math
import mmap
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TREE_BYTES = 16 << 20
SMALL_BYTES = 128 << 10
TREE_PHONES = 200
PHONES_A_SWITCH = 1000
ROOT_WAITING_S = 10  # docs/protocol.md, PFS_ROOT_WAITING_US
SPEED = 4


class Failed(Exception):
    """A program of a part did not do what it was started for."""


class Bench:
    def __init__(self, build, rounds, log):
        self.build = build
        self.rounds = rounds
        self.log = log

    def program(self, name):
        return os.path.join(self.build, "tests", "bench", name)

    def json_lines(self, *command):
        """What a program printed; its complaints go to the terminal."""
        self.log(" ".join(os.path.basename(str(word)) for word in command))
        run = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, check=False)
        if run.returncode:
            raise Failed(f"{' '.join(map(str, command))}: exit status {run.returncode}")
        return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]

    def json_line(self, *command):
        return self.json_lines(*command)[-1]

    def run_fleet(self, scenario, *options):
        """summary.json of a run. One that is inconclusive (3) or failed (1) is a figure too."""
        command = [os.path.join(self.build, "emulator", "pfs-fleet"), "run", scenario, "--json", "--quiet", *options]
        self.log(" ".join(os.path.basename(word) for word in command))
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if run.returncode not in (0, 1, 3):
            raise Failed(f"{' '.join(command)}: exit status {run.returncode}")
        return json.loads(run.stdout)


def side(name, values):
    return {"name": name, "median": statistics.median(values), "values": values}


SURE = 0.85  # of an interval of a median; five rounds can say no more than 0.94, their least and their greatest


def median_interval(values):
    """What holds the median of all rounds that could have been, by order statistics (binomial): the narrowest pair of
    values as far from either end that does so with at least SURE; the least and the greatest where there are few."""
    values, count = sorted(values), len(values)
    outside = 0  # rounds on one side of the median, of so many ways
    for end in range(count // 2):
        outside += math.comb(count, end)
        if 1 - 2 * (outside + math.comb(count, end + 1)) / 2 ** count < SURE:
            break
    return [values[end], values[-1 - end]] if count > 1 else values * 2


def is_sure(rounds):
    """Four rounds at least, of which the least and the greatest say as much; one is a figure that is counted."""
    return rounds == 1 or 1 - 2 / 2 ** rounds >= SURE


def judged(relation, bound, low, high):
    """Whether it holds; None where the bound lies between: the rounds do not say."""
    if relation == "<=":
        return True if high <= bound else False if low > bound else None
    return True if low >= bound else False if high < bound else None


def row(what, unit, ours, beside=None, wanted=None, note=None):
    """wanted: (relation, bound, over); over says which way the ratio goes: "beside" or "fleet" is below the line. The
    ratio is the median of the rounds' own ratios: what else the machine did fell on both in the same round. A bound is
    judged by the interval of that median."""
    line = {"what": what, "unit": unit, "fleet": side("fleet", ours)}
    if beside:
        line["beside"] = side(*beside)
        line["ratios"] = [one / other for one, other in zip(ours, beside[1], strict=True)]
        line["ratio"] = statistics.median(line["ratios"])
        line["interval"] = median_interval(line["ratios"])
    if wanted:
        relation, bound, over = wanted
        rounds = {"beside": line.get("ratios"), "fleet": [1 / ratio for ratio in line.get("ratios", [])], "": ours}[over]
        line["wanted"] = {"of": {"beside": "fleet over " + line.get("beside", {}).get("name", ""),
                                 "fleet": line.get("beside", {}).get("name", "") + " over fleet",
                                 "": "fleet"}[over],
                          "relation": relation, "bound": bound, "value": statistics.median(rounds),
                          "holds": judged(relation, bound, *median_interval(rounds)) if is_sure(len(rounds)) else None}
    if note:
        line["note"] = note
    return line


def skipped(what, reason):
    return {"what": what, "skipped": reason}


# ---- a network up and down ----

def namespaces():
    """Objects of the kernel's slab of network namespaces; 0 where it does not show them."""
    try:
        with open("/proc/slabinfo", encoding="ascii") as slabs:
            return next((int(line.split()[1]) for line in slabs if line.startswith("net_namespace")), 0)
    except PermissionError:
        return 0


QUIET = namespaces()  # when the bench began


def wait_quiet(seconds=120):
    """Until the kernel has freed the last fleet's, which would count against the next; slabs are counted in pages."""
    until = time.monotonic() + seconds
    while namespaces() > QUIET + 100:
        if time.monotonic() > until:
            raise Failed(f"{namespaces()} network namespaces after {seconds} s, {QUIET} when the bench began")
        # The last batch's memory is kept until the next one is taken apart (since Linux 6.13): here is one.
        subprocess.run(["unshare", "--net", "true"], check=True)
        time.sleep(0.2)


@contextlib.contextmanager
def processors_awake():
    """A loop at the idle priority on each processor. The kernel waits for a grace period of RCU for each port that
    leaves a bridge, with the other processors; where one of them is halted, as a virtual one is when it has nothing to
    do, that takes some 0.5 ms and not 0.1, and whether one is depends on where the kernel's threads happen to be."""
    awake = "import os, sys\nos.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\n" \
            "os.sched_setaffinity(0, [int(sys.argv[1])])\n" \
            "while os.getppid() == int(sys.argv[2]):\n for _ in range(1000000): pass"
    with contextlib.ExitStack() as loops:
        for processor in os.sched_getaffinity(0):
            loop = loops.enter_context(subprocess.Popen([sys.executable, "-c", awake, str(processor), str(os.getpid())]))
            loops.callback(loop.kill)
        yield


def memory_at_hand(phones):
    """Touches as much memory as the phones will need of the kernel and gives it back. A virtual machine's host may have
    taken back what was free (free page reporting); then each page is first fetched again, some milliseconds a
    megabyte, and a program of a second takes two."""
    size = phones << 19
    with mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE):
        pass


UP_DOWN = ("bench_bare", "bench_bring_up")


def same_objects(bench, phones):
    """What both programs make, counted by netlink dumps in each namespace; it has to be the same in every line."""
    counts = []
    for program in UP_DOWN:
        wait_quiet()
        counts.append(bench.json_line(bench.program(program), phones, PHONES_A_SWITCH, "count")["objects"])
    differ = {what: [count[what] for count in counts] for what in counts[0] if counts[0][what] != counts[1][what]}
    if differ:
        raise Failed(f"{', '.join(UP_DOWN)}: they do not make the same objects: {differ}")
    return "the same in both: " + ", ".join(f"{count} {what}" for what, count in counts[0].items())


def up_down_rounds(bench, phones, ready):
    figures = {"bare": {"up_s": [], "down_s": []}, "fleet": {"up_s": [], "down_s": []}}
    for number in range(bench.rounds):
        # each goes first as often as the other
        for program in sorted(UP_DOWN, reverse=number % 2):
            wait_quiet()
            if ready:
                memory_at_hand(phones)
            line = bench.json_line(bench.program(program), phones, PHONES_A_SWITCH)
            for name, values in figures[line["what"]].items():
                values.append(line[name])
    return figures


def up_down(bench, phones):
    counted = same_objects(bench, phones)
    for ready in (True, False):
        with processors_awake() if ready else contextlib.nullcontext():
            figures = up_down_rounds(bench, phones, ready)
        for name, what, bound in (("up_s", "up", 1.5), ("down_s", "down", 1.2)):
            yield row(f"{phones} phones {what}{', machine ready' if ready else ''}", "s", figures["fleet"][name],
                      ("bare program", figures["bare"][name]), ("<=", bound, "beside"), counted)


def part_up(bench):
    yield from up_down(bench, 1000)


def part_up_4000(bench):
    yield from up_down(bench, 4000)


def part_mininet(bench, hosts=300):
    sums = {"mininet": [], "fleet": []}
    lines = bench.json_lines("/usr/bin/python3", os.path.join(HERE, "beside_mininet.py"),
                             bench.program("bench_bring_up"), hosts, bench.rounds)
    for line in lines:
        if "skipped" in line:
            yield skipped("Mininet", line["skipped"])
            return
        if line["what"] in sums:
            sums[line["what"]].append(line["up_s"] + line["down_s"])
    if not all(line.get("works", True) for line in lines):
        raise Failed("Mininet's network carried nothing")
    yield row(f"{hosts} hosts up and down", "s", sums["fleet"], ("Mininet", sums["mininet"]), (">=", 20, "fleet"))


# ---- TFTP ----

SERVERS = (("in.tftpd", "/usr/sbin/in.tftpd", "tftpd-hpa"), ("dnsmasq", "/usr/sbin/dnsmasq", "dnsmasq-base"))
CLIENTS = ((64, 200000, 0, "at once"), (250, 25000, 20, "20 ms away"))


def part_tftp(bench):
    others = [name for name, path, _ in SERVERS if os.access(path, os.X_OK)]
    for name, path, package in SERVERS:
        if name not in others:
            yield skipped(f"TFTP beside {name}", f"{path}: apt-get install {package}")
    for clients, blocks, round_trip_ms, where in CLIENTS:
        used = {name: [] for name in ["fleet"] + others}
        groups = {name: [] for name in used}
        for number in range(bench.rounds):
            # forwards and backwards in turn
            for name in sorted(used, reverse=number % 2):
                line = bench.json_line(bench.program("bench_tftp"), name, clients, blocks, round_trip_ms)
                used[name].append(line["blocks_cpu_s"])
                groups[name].append(line["blocks_cpu_s_cgroup"])
        by_group = all(value is not None for values in groups.values() for value in values)
        for name in others or [None]:
            for how, figures in (("getrusage", used), ("cgroup", groups)) if by_group else (("getrusage", used),):
                yield row(f"TFTP, {clients} clients {where}, by {how}", "blocks/CPU s", figures["fleet"],
                          (name, figures[name]) if name else None, (">=", 1.5, "beside") if name else None)
        if not by_group:
            yield skipped("TFTP by cgroup", "no control group (version 2) can be made here")


# ---- the trees ----

def own_firmware(folder, size):
    """An index and one component, so that a run is two elections and one delivery."""
    with open(os.path.join(folder, "BENCH41.loads"), "wb") as index:
        index.write(b"\0\0\0\1BENCH41.loads\nbench41.sbn\n")
    with open(os.path.join(folder, "bench41.sbn"), "wb") as component:
        component.write(os.urandom(size))


def scenario(folder, name, networks, phones, **more):
    """Subnets of so many phones of one model, each on a switch of its own; WAN and, unless said, LAN unlimited."""
    subnets = [{"name": f"net{number}", "network": f"10.{number + 1}.0.0/20",
                "phones": [{"model": "7961", "count": phones, "firmware": f"folder:{folder}"}]}
               for number in range(networks)]
    path = os.path.join(folder, name + ".json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"name": name, "seed": 1, "speed": SPEED, "enterprise": {"pfs": "enabled"},
                   "sites": [{"name": "bench", "wan": {"rate": "unlimited", "rtt": "0us"}, "subnets": subnets}],
                   "reset": {"pattern": "mass"}, **more}, out)
    return path


def iperf_rate():
    """Bytes a second over one veth pair between two namespaces of its own; sendfile (-Z)."""
    script = """
set -e
ip link set lo up
unshare -n sleep 60 &
far=$!
trap 'kill $far' EXIT
in_far="nsenter -t $far -n"
# unshare has made its namespace once it is another one
while [ "$(readlink /proc/$far/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
ip link add name near type veth peer name far netns $far
ip addr add 10.9.9.1/24 dev near
ip link set near up
$in_far ip addr add 10.9.9.2/24 dev far
$in_far ip link set far up
$in_far iperf3 -s -1 >/dev/null &
until $in_far ss -Hltn 'sport = :5201' | grep -q .; do sleep 0.02; done
iperf3 -c 10.9.9.2 -Z -t 3 -J
"""
    run = subprocess.run(["timeout", "30", "unshare", "-n", "bash", "-c", script], stdout=subprocess.PIPE, text=True, check=False)
    try:
        return json.loads(run.stdout)["end"]["sum_received"]["bits_per_second"] / 8
    except (ValueError, KeyError) as error:
        raise Failed(f"iperf3: {error}") from error


def tree_rate(summary):
    """Of the large file: bytes that came from peers, over the time from the root's last block to the last member's."""
    tree = max(summary["runs"][0]["hierarchies"], key=lambda hierarchy: hierarchy["transfer_s"])
    seconds = (tree["last_member_s"] - tree["confirmed_s"] - ROOT_WAITING_S - tree["transfer_s"]) / SPEED
    return (tree["members"] - 1) * TREE_BYTES / seconds, tree


def part_tree(bench):
    rates = {"fleet": [], "iperf3 -Z": []}
    beside = shutil.which("iperf3")
    with tempfile.TemporaryDirectory(prefix="bench-tree-") as folder:
        own_firmware(folder, TREE_BYTES)
        path = scenario(folder, "tree", 1, TREE_PHONES, lan={"port_rate": "unlimited"})
        for _ in range(bench.rounds):
            summary = bench.run_fleet(path, "--mode", "pfs")
            if summary["runs"][0]["upgraded"] != TREE_PHONES:
                raise Failed("tree: not every phone was upgraded")
            rate, tree = tree_rate(summary)
            rates["fleet"].append(rate / 1e9)
            if beside:
                bench.log("iperf3 -Z")
                rates["iperf3 -Z"].append(iperf_rate() / 1e9)
    yield row(f"down a tree of {TREE_PHONES} phones, {tree['depth']} levels, every byte digested", "GB/s",
              rates["fleet"], ("iperf3 -Z", rates["iperf3 -Z"]) if beside else None,
              (">=", 0.5, "beside") if beside else None)
    if not beside:
        yield skipped("iperf3", "apt-get install iperf3")


# ---- a phone, the readers, virtual time ----

def part_broadcast(bench):
    phone, bare = [], []
    with tempfile.TemporaryDirectory(prefix="bench-broadcast-") as folder:
        own_firmware(folder, SMALL_BYTES)
        path = scenario(folder, "broadcast", 1, 400)
        for _ in range(bench.rounds):
            line = bench.json_line(bench.program("bench_broadcast"), path)
            if not line["tree_stands"]:
                raise Failed("broadcast: the phones did not stay where they were")
            phone.append(line["phone_us"])
            bare.append(line["bare_us"])
    yield row("a broadcast received, a phone", "us", phone, ("recv loop", bare))


def part_readers(bench, networks=2, phones=200):
    with tempfile.TemporaryDirectory(prefix="bench-readers-") as folder:
        own_firmware(folder, SMALL_BYTES)
        path = scenario(folder, "readers", networks, phones, speed=8)
        for workers in (1, 2):
            lag = {0: [], 4: []}
            looks = 0
            with processors_awake():
                for number in range(bench.rounds):
                    # each goes first as often as the other: what the machine does meanwhile comes and goes in both
                    for readers in sorted(lag, reverse=number % 2):
                        line = bench.json_line(bench.program("bench_readers"), path, readers, workers)
                        lag[readers].append(line["timer_lag_p99_us"])
                        looks = max(looks, line["looks"])
            # a fifth more would be seen by so many rounds, and would be some 50 us of the 6,250 that are allowed
            yield row(f"timer lag at p99, {workers} worker{'s'[:workers - 1]}, four readers", "us", lag[4],
                      ("no reader", lag[0]), ("<=", 1.2, "beside"),
                      f"{networks * phones} phones; {looks} looks at all of them in a run")


def part_virtual(bench):
    figures = {}
    for _ in range(bench.rounds):
        for line in bench.json_lines(bench.program("bench_virtual")):
            figures.setdefault((line["what"], line["phones"]), []).append(line["per_s"])
    for (what, phones), values in figures.items():
        yield row(f"virtual time, {phones} phones: {what}", "/s", values)


# ---- whole fleets ----

def fleet_rows(bench, scenario_name, mode):
    path = os.path.join(HERE, "..", "..", "scenarios", scenario_name + ".json")
    wait_quiet()  # the kernel's memory is the machine's
    summary = bench.run_fleet(os.path.normpath(path), "--mode", mode)
    run, setup, fidelity = summary["runs"][0], summary["setup"], summary["fidelity"]
    name = f"{scenario_name}, {mode}"
    phones = setup["phones"]
    note = f"{summary['verdict']}{': ' if fidelity['reasons'] else ''}{fidelity['reasons']}"

    def figure(what, unit, value, wanted=None, said=None):
        return row(f"{name}: {what}", unit, [value], None, wanted and (*wanted, ""), said)

    yield figure("upgraded", "phones", run["upgraded"], (">=", phones), note)
    yield figure("conclusive", "", int(fidelity["verdict"] != "inconclusive"), (">=", 1), note)
    yield figure("bring-up", "s", setup["up_s"], None, f"{setup['workers']} worker(s)")
    yield figure("taking down", "s", setup["down_s"])
    yield figure("own memory a phone", "KiB", round(setup["rss_bytes"] / phones / 1024, 1), ("<=", 32))
    yield figure("kernel memory a phone", "KiB", round(setup["kernel_bytes"] / phones / 1024, 1))
    yield figure("descriptors, each table at its fullest", "", setup["descriptors_peak"])
    yield figure("descriptors, fullest table", "", setup["descriptors_table_peak"])
    yield figure("timer lag at p99", "us", fidelity["timer_lag_p99_us"], ("<=", fidelity["timer_smallest_us"] / 20))
    yield figure("latest start behind its reset", "us", fidelity["start_late_max_us"])
    yield figure("packets dropped", "", fidelity["drops"], ("<=", 0))
    yield figure("segments sent twice", "", fidelity["tcp_retransmits"], ("<=", 0))
    yield figure("least bytes a phone took in", "KiB", round(fidelity["rx_bytes_min"] / 1024, 1))
    if mode != "pfs":
        return
    yield figure("ARP frames", "", fidelity["arp_frames"])
    yield figure("hierarchies", "", len(run["hierarchies"]))
    for field, what in (("roots_confirmed", "most roots confirmed in one"), ("wan_copies", "most WAN copies of one")):
        yield figure(what, "", max(tree[field] for tree in run["hierarchies"]), ("<=", 1))
    yield figure("broadcasts", "", run["peer"]["broadcasts"])


def part_four_thousand(bench):
    yield from fleet_rows(bench, "four-thousand", "pfs")


def part_traditional(bench):
    yield from fleet_rows(bench, "four-thousand", "traditional")


def part_subnet(bench):
    yield from fleet_rows(bench, "subnet-of-two-thousand", "pfs")


# ---- how far a result can be trusted ----

def trust(name, *arguments):
    """A script of tests/trust: how many of its points hold, and what it measured (docs/trust.md)."""
    def part(bench):
        script = os.path.join(HERE, "..", "trust", name + ".py")
        scenarios = os.path.join(HERE, "..", "..", "scenarios")
        words = [os.path.join(scenarios, word) if word.endswith(".json") else word for word in arguments]
        bench.log(" ".join((name + ".py",) + arguments))
        wait_quiet()
        with tempfile.TemporaryDirectory(prefix="bench-trust-") as folder:
            figures = os.path.join(folder, "figures.json")
            command = ["/usr/bin/python3", script, os.path.join(bench.build, "emulator", "pfs-fleet"), *words,
                       "--figures", figures]
            run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
            points = [line for line in run.stdout.splitlines() if line.startswith(("ok ", "not ok "))]
            if not points or not os.path.exists(figures):
                raise Failed(f"{name}.py: exit status {run.returncode}: {run.stdout[-400:]}")
            with open(figures, encoding="utf-8") as file:
                measured = json.load(file)
        left_out = [line.split(" - ", 1)[1] for line in points if " # SKIP" in line]
        failed = [line.split(" - ", 1)[1] for line in points if line.startswith("not ok")]
        judged = len(points) - len(left_out)
        line = row(f"trust, {name}: of {len(points)} points hold", "", [judged - len(failed)], None, (">=", judged, ""),
                   f"{len(left_out)} of them inconclusive" if left_out else None)
        # what was left out has shown nothing
        if left_out and not failed:
            line["wanted"]["holds"] = None
        yield {**line, "failed": failed, "inconclusive": left_out, "figures": measured}
    return part


# name: (function, rounds, what it is)
PARTS = {
    "up-down": (part_up, 11, "1,000 phones up and down, beside a program that makes the same objects"),
    "up-down-4000": (part_up_4000, 7, "the same, 4,000 phones"),
    "mininet": (part_mininet, 4, "300 hosts up and down, beside Mininet"),
    "tftp": (part_tftp, 11, "the TFTP server alone, beside in.tftpd and dnsmasq"),
    "tree": (part_tree, 5, "bytes down a tree, beside iperf3 -Z"),
    "broadcast": (part_broadcast, 5, "what a phone costs for a broadcast, beside a bare recv loop"),
    "readers": (part_readers, 24, "timer lag with four readers and with none"),
    "virtual": (part_virtual, 3, "virtual time"),
    "four-thousand": (part_four_thousand, 1, "4,000 phones by PFS"),
    "traditional": (part_traditional, 1, "4,000 phones in the traditional way"),
    "subnet": (part_subnet, 1, "2,000 phones in one broadcast domain, reset at once"),
    "held": (trust("held", "branch-office.json"), 1, "the highest speed, and both worlds at it"),
    "repeat": (trust("repeat", "branch-office.json"), 1, "five runs beside each other"),
    "arithmetic": (trust("arithmetic"), 1, "the sums of TFTP"),
    "leaks": (trust("leaks", "smoke.json"), 1, "50 runs, and 50 killed, leave nothing"),
    "leaks-user": (trust("leaks", "smoke.json", "--user-namespace"), 1,
                   "the same in a user namespace, where namespaces are counted to the last one"),
    "chaos": (trust("chaos", "chaos-thousand.json", "--mode", "both", "--speed", "2"), 1, "1,000 phones under faults"),
}
