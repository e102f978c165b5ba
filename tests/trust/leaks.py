#!/usr/bin/python3
"""Nothing leaks: runs in a row, and runs killed (SIGKILL) at moments drawn from a seed, leave processes,
links, mounts, namespaces and the kernel's memory as they were.

Namespaces without a name cannot be listed. As root the kernel's slabs are read, which all programs of the machine
share: they are compared with a moment when nobody else had such namespaces, and a leak is told from them only where
it is more than what they count too coarsely for. Inside of a user namespace (--user-namespace) they are counted exactly: when
all is over it gets a limit of one network namespace of its own, and that one can only be had where none is left.

The kernel takes namespaces apart in a queue of its own; what is waited for is polled, with a bound."""
import ctypes
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import trust

PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNET = 0x40000000
GONE_S = 120          # bound of each wait for the kernel
REAL_SERVER_S = 6.0   # a run with a real server has real timers: it is killed in its first seconds
LIMIT = pathlib.Path("/proc/sys/user/max_net_namespaces")  # of the user namespace that one is in
# What only namespaces take is judged; the others every program takes: they are printed beside it.
JUDGED = ("net_namespace", "pid_namespace", "user_namespace", "ip_fib_trie")
SLABS = JUDGED + ("TCP", "UDP", "sock_inode_cache", "mnt_cache", "nsproxy", "kmalloc-4k", "kmalloc-8k")
# Objects are counted by whole slabs, a few a processor: so many too many are not seen. 50 namespaces are.
COARSE_SLABS = 3
# The machine's memory is anybody's: from so many runs on a leak is told from what others take meanwhile.
ENOUGH_RUNS = 50
PHONE_BYTES = 400 << 10  # the kernel's memory a phone, docs/performance.md
LEAK_SEEN = 0.03         # of all the kernel's memory that the runs needed together
libc = ctypes.CDLL(None, use_errno=True)


def add(parser):
    parser.add_argument("scenario", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None, help="of the moments; drawn and printed where left out")
    parser.add_argument("--speed", default="40")
    parser.add_argument("--user-namespace", action="store_true")


# ------------------------------------------------------------------ what is looked at

def slabs():
    """Objects of the slabs that a fleet fills, and how many of each make a slab; {} where they cannot be read."""
    try:
        lines = open("/proc/slabinfo", encoding="ascii").readlines()
    except OSError:
        return {}
    return {parts[0]: (int(parts[1]), int(parts[4])) for parts in map(str.split, lines) if parts[0] in SLABS}


def take_one_apart():
    """The kernel keeps the memory of the last namespaces until the next are taken apart (since Linux 6.13)."""
    subprocess.run(["unshare", "--net", "true"], check=False)


def kernel_bytes():
    """Memory of the kernel that namespaces cost and cannot be had back: unreclaimable slab, per-CPU areas, stacks."""
    with open("/proc/meminfo", encoding="ascii") as lines:
        found = dict(line.split(":") for line in lines)
    return sum(int(found[name].split()[0]) * 1024 for name in ("SUnreclaim", "Percpu", "KernelStack"))


def exact():
    """What is this process's network's and mounts', and has to be the same to the last one."""
    return {"links": sorted(os.listdir("/sys/class/net")),
            "mounts": sorted(line.split(" ", 3)[3] for line in open("/proc/self/mountinfo", encoding="utf-8"))}


def within(wanted, bound_s=GONE_S):
    """Polls until wanted() is true; the seconds it took, or None."""
    begun = time.monotonic()
    while not wanted():
        if time.monotonic() - begun > bound_s:
            return None
        time.sleep(0.1)
    return time.monotonic() - begun


def others():
    """Processes that hold network namespaces: fleets of somebody else, whose objects stand in the same slabs."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            held = {os.readlink(f"/proc/{process}/fd/{number}") for number in os.listdir(f"/proc/{process}/fd")}
        except OSError:  # it has ended meanwhile
            continue
        if any(name.startswith("net:[") for name in held):
            found.append(process)
    return found


def slabs_over(before):
    """Slabs that have more objects than before, by more than they are counted too coarsely."""
    processors = os.cpu_count()
    return {name: (before[name][0], now) for name, (now, each) in slabs().items()
            if name in JUDGED and name in before and now > before[name][0] + COARSE_SLABS * each * processors}


def namespaces_at_most(count):
    """Whether no more than so many network namespaces of this user namespace are left: one more can be had."""
    LIMIT.write_text(str(count + 1))
    child = os.fork()
    if not child:
        os._exit(libc.unshare(CLONE_NEWNET) != 0)
    return os.waitpid(child, 0)[1] == 0


# ------------------------------------------------------------------ runs

def start(scenario, folder, speed):
    shutil.rmtree(folder, ignore_errors=True)
    return subprocess.Popen([options.fleet, "run", scenario, "--quiet", "--speed", speed, "--out", folder],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def orphans_gone():
    """Waits for every process that a run has left to this one, with a bound; how many there were, None: they stay."""
    count = 0
    signal.alarm(GONE_S)
    try:
        while True:
            os.waitpid(-1, 0)
            count += 1
    except ChildProcessError:
        return count
    except TimeoutError:
        return None
    finally:
        signal.alarm(0)


def on_alarm(*_):
    raise TimeoutError


def run_whole(folder):
    """A run to its end: exit status, seconds, what it said."""
    begun = time.monotonic()
    process = start(options.scenario, folder, options.speed)
    said = process.communicate()[1].decode()
    return process.returncode, time.monotonic() - begun, said


def run_killed(folder, scenario, speed, after_s):
    """Killed after so long, or earlier where it has ended; whether it was killed, and orphans."""
    process = start(scenario, folder, speed)
    try:
        process.wait(after_s)
        killed = False
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        killed = True
    process.stderr.close()
    return killed, orphans_gone()


def with_real_server(folder):
    """The same scenario with a server in a PID namespace of its own, or None where it cannot be."""
    if options.user_namespace or os.geteuid() or not shutil.which("in.tftpd", path=os.environ["PATH"] + ":/usr/sbin"):
        return None
    text = options.scenario.read_text()
    path = folder / "real-server.json"
    path.write_text(text.replace('"seed": 1,', '"seed": 1, "server": "in.tftpd",', 1))
    return path


def enter_user_namespace():
    """Once more, as root of a user namespace of its own."""
    if "PFS_LEAKS_INSIDE" in os.environ:
        return
    if subprocess.run(["unshare", "--user", "--map-root-user", "true"], capture_output=True).returncode:
        print("1..0 # SKIP this host lets nobody have user namespaces")
        sys.exit(0)
    os.environ["PFS_LEAKS_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "--user", "--map-root-user", sys.executable] + sys.argv)


options = trust.arguments(__doc__, add)
if options.user_namespace:
    enter_user_namespace()
tap = trust.Tap(options.figures)
signal.signal(signal.SIGALRM, on_alarm)
libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
work = pathlib.Path(tempfile.mkdtemp(prefix="pfs-leaks-"))
seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
moments = random.Random(seed)

# The first run fills caches that stay; it also says how long one takes.
status, lasted_s, said = run_whole(work / "run")
if status == trust.EXIT_HOST:
    print(f"1..0 # SKIP the host lacks something: {said.splitlines()[0] if said else ''}")
    sys.exit(0)
phones = json.loads((work / "run" / "summary.json").read_text())["setup"]["phones"]
if not options.user_namespace:
    within(lambda: not others())
before, slabs_before, bytes_before = exact(), slabs(), kernel_bytes()
crowd_before = others()
tap.note(f"a run takes {lasted_s:.1f} s; seed of the moments {seed}")

statuses, orphans, killed = [], 0, 0
for _ in range(options.runs):
    status, _, said = run_whole(work / "run")
    statuses.append(status)
    left = orphans_gone()
    orphans += left if left is not None else 1
good = all(one in (trust.EXIT_PASS, trust.EXIT_INCONCLUSIVE) for one in statuses)
tap.check(good, f"{options.runs} runs in a row upgrade their fleets", f"exit statuses {statuses}", *said.splitlines())
tap.check(orphans == 0, "and leave no process", f"{orphans} left")

real, stayed = with_real_server(work), 0
for number in range(options.kills):
    use_real = real and number % 2
    after_s = moments.uniform(0, REAL_SERVER_S if use_real else lasted_s)
    was_killed, left = run_killed(work / "run", real if use_real else options.scenario, "1" if use_real else options.speed,
                                  after_s)
    killed += was_killed
    stayed += left is None
tap.note(f"{killed} of {options.kills} had not ended when they were killed" +
         (f", {options.kills // 2} with in.tftpd" if real else ""))
tap.check(killed * 2 >= options.kills, f"{options.kills} runs, killed at random moments", f"only {killed} were still running")
tap.check(stayed == 0, "leave no process for long", f"{stayed} times somebody stayed")

shutil.rmtree(work)
after = exact()
for name, value in before.items():
    tap.check(after[name] == value, f"{name} as before", f"before {value}", f"after {after[name]}")
figures = {"what": "leaks", "runs": options.runs, "kills": options.kills, "killed": killed, "seed": seed,
           "user_namespace": options.user_namespace}
if options.user_namespace:
    took_s = within(lambda: namespaces_at_most(0))
    missing = 0 if took_s is not None else next(n for n in range(1, 1 << 20) if namespaces_at_most(n))
    tap.check(missing == 0, "not one network namespace is left", f"{missing} are")
    figures.update(namespaces_left=missing, gone_after_s=took_s)
elif slabs_before:
    # others who begin meanwhile only add: as before is as before
    took_s = within(lambda: crowd_before or take_one_apart() or not slabs_over(slabs_before))
    now, crowd = slabs(), crowd_before or others()
    if crowd and (crowd_before or took_s is None):
        tap.skip("the kernel's slabs as before", f"{len(crowd)} other processes have network namespaces")
    else:
        tap.check(took_s is not None, "the kernel's slabs as before", f"{slabs_over(slabs_before)}")
    for name, (count, each) in slabs_before.items():
        tap.note(f"{name:<18} {count:>7} objects before, {now[name][0]:>7} after ({each} a slab)")
    figures.update(slabs={name: [count, now[name][0]] for name, (count, _) in slabs_before.items()}, gone_after_s=took_s)
else:
    tap.skip("the kernel's slabs as before", "/proc/slabinfo is root's")
if options.runs + options.kills >= ENOUGH_RUNS:
    room = int((options.runs + options.kills) * phones * PHONE_BYTES * LEAK_SEEN)
    freed = within(lambda: kernel_bytes() <= bytes_before + room) is not None
    if not freed and (crowd_before or others()):
        tap.skip("the kernel's memory as before", "other processes have network namespaces")
    else:
        tap.check(freed, f"the kernel's memory as before, to {room / 1e6:.1f} MB", f"{(kernel_bytes() - bytes_before) / 1e6:.1f} MB more")
bytes_after = kernel_bytes()
tap.note(f"kernel memory of the whole machine {bytes_before / 1e6:.1f} MB before, {bytes_after / 1e6:.1f} MB after")
figures.update(kernel_bytes=[bytes_before, bytes_after],
               links=[len(before["links"]), len(after["links"])], mounts=[len(before["mounts"]), len(after["mounts"])])
tap.figures = figures
tap.done()
