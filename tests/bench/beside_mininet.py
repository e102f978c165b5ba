#!/usr/bin/python3
"""Mininet beside the fleet: N hosts up and down, in alternate rounds.

Mininet as Debian packages it, with its Linux bridges in switches of 48 ports
(47 hosts and the way up), no controller. It works in the host's own network,
so this script first goes into network and mount namespaces of its own.

Prints JSON lines; one with "skipped" where Mininet or what it calls is not
installed.   tests/bench/beside_mininet.py BENCH_BRING_UP [HOSTS] [ROUNDS]
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

PORTS = 48
LISTEN = "import socket; socket.create_server(('', 4051)).accept()"
DIAL = """
import socket, sys, time
until = time.monotonic() + 10
while time.monotonic() < until:
    try:
        sys.exit(socket.create_connection((sys.argv[1], 4051), 1).close())
    except OSError:
        time.sleep(0.1)
sys.exit(1)
"""


def say(**line):
    print(json.dumps(line), flush=True)


def mininet_round(hosts):
    """One network in a process of its own: Mininet keeps state."""
    from mininet.net import Mininet
    from mininet.nodelib import LinuxBridge

    begun = time.monotonic()
    net = Mininet(switch=LinuxBridge, controller=None, autoSetMacs=True)
    leaves = (hosts + PORTS - 2) // (PORTS - 1)
    core = net.addSwitch("s0") if leaves > 1 else None
    for leaf in range(leaves):
        switch = net.addSwitch(f"s{leaf + 1}")
        if core:
            net.addLink(core, switch)
        for number in range(leaf * (PORTS - 1), min(hosts, (leaf + 1) * (PORTS - 1))):
            net.addLink(net.addHost(f"h{number}", ip=f"10.0.{number // 250}.{number % 250 + 1}/16"), switch)
    net.start()
    up = time.monotonic() - begun
    # a network that carries nothing would be no network
    last = net.get(f"h{hosts - 1}")
    server = last.popen([sys.executable, "-c", LISTEN])
    works = net.get("h0").popen([sys.executable, "-c", DIAL, last.IP()]).wait() == 0
    server.kill()
    begun = time.monotonic()
    net.stop()
    say(what="mininet", hosts=hosts, up_s=round(up, 3), down_s=round(time.monotonic() - begun, 3), works=works)


def enclosed(hosts):
    """The same, in namespaces of its own, with /sys showing them."""
    inside = f"mount -t sysfs none /sys && ip link set lo up && exec {sys.executable} {__file__} --round {hosts}"
    run = subprocess.run(["unshare", "--net", "--mount", "sh", "-c", inside], capture_output=True, text=True)
    lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
    if run.returncode or not lines:
        sys.exit(f"mininet: {run.stderr.strip()}")
    return json.loads(lines[-1])


def missing():
    try:
        import mininet  # noqa: F401
    except ImportError:
        return "mininet"
    for program, package in (("brctl", "bridge-utils"), ("ifconfig", "net-tools"), ("mnexec", "mininet")):
        if not shutil.which(program):
            return package
    return None


def main():
    if sys.argv[1] == "--round":
        return mininet_round(int(sys.argv[2]))
    bench, hosts = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 300
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    package = missing() if os.geteuid() == 0 else None
    if package or os.geteuid():
        return say(what="mininet", skipped=f"apt-get install {package}" if package else "needs root")
    sums = {"mininet": [], "fleet": []}
    for _ in range(rounds):
        for figures in (enclosed(hosts), json.loads(subprocess.check_output([bench, str(hosts), str(hosts)]))):
            say(**figures)
            sums[figures["what"]].append(figures["up_s"] + figures["down_s"])
    medians = {what: statistics.median(values) for what, values in sums.items()}
    say(what="mininet over fleet, up and down", hosts=hosts, ratio=round(medians["mininet"] / medians["fleet"], 1))


if __name__ == "__main__":
    main()
