"""How two summaries of one mode are compared, that of the netns world and that of the sim world: what has to be
the same, and how far apart what is measured may be."""

BYTES_MAX, TIME_MAX = 0.005, 0.03
EXACT = ("subnet", "model", "file", "members", "roots_confirmed", "wan_copies")


def apart(a, b):
    return abs(a - b) / max(abs(a), abs(b)) if a != b else 0.0


def compare(netns, sim):
    """Rows (what, netns, sim, apart, good) of one mode."""
    rows = []
    pfs = netns["mode"] == "pfs"
    count = "transfers" if pfs else "completed"
    a, b = netns["tftp"][count], sim["tftp"][count]
    rows.append((f"TFTP {count}", a, b, apart(a, b), a == b))
    if pfs:
        a, b = ([tuple(tree[key] for key in EXACT) for tree in one["hierarchies"]] for one in (netns, sim))
        rows.append(("hierarchies", len(a), len(b), 0.0 if a == b else 1.0, a == b))
        for x, y in zip(a, b):
            if x != y:
                print(f"# netns {dict(zip(EXACT, x))}\n# sim   {dict(zip(EXACT, y))}")
        for key in ("root", "depth"):
            same = sum(x[key] == y[key] for x, y in zip(netns["hierarchies"], sim["hierarchies"]))
            rows.append((f"same {key}", len(a), same, 0.0, True))
    for way in ("bytes_down", "bytes_up"):
        a, b = netns["wan"][way], sim["wan"][way]
        rows.append((f"WAN {way}", a, b, apart(a, b), apart(a, b) <= BYTES_MAX))
    for part in ("p50", "max"):
        a, b = netns["completion_s"][part], sim["completion_s"][part]
        rows.append((f"completion {part}", a, b, apart(a, b), apart(a, b) <= TIME_MAX))
    return rows


def compare_all(name, netns, sim):
    """Prints a row for each figure of each mode; whether all are close enough."""
    good = True
    for a, b in zip(netns["runs"], sim["runs"]):
        for what, x, y, off, fine in compare(a, b):
            print(f"# {name:<12} {a['mode']:<12} {what:<16} {x:>14} {y:>14} {off:>9.3%}"
                  f"{'' if fine else '  DIFFERS'}")
            good = good and fine
    return good
