#!/usr/bin/python3
"""The sums of a TFTP upgrade, in both worlds. One phone is in lock-step (RFC 1350): a block takes the round trip
and what both directions need to put a packet on the wire. Many phones fill the link: then all takes what the link
down needs for the bytes. Within 1 % for one phone over 20 to 150 ms on a fast link and 2 % for a T1 with 1, 54 and
200 phones, whose queue holds one block a phone; virtual time within 0.1 % for the first. One phone on the real
kernel also at speeds that hosts hold for longer or not at all. A run on the real kernel that says of itself that it
is inconclusive is skipped by name: it has measured the host."""
import json
import pathlib
import tempfile

import trust

BLOCK_IP_BYTES = 544
T1_BPS = 1_536_000
PORT_BPS = 100_000_000
LAN_FRAME_BYTES = 18  # Ethernet's header and check sequence round an IP packet
# (phones, round trip in ms, rate in bit/s, the firmware's denominator, apart at most there and in virtual time)
CASES = [(1, 20, T1_BPS, 20, 0.01, 0.001), (1, 50, T1_BPS, 40, 0.01, 0.001), (1, 100, T1_BPS, 80, 0.01, 0.001),
         (1, 150, T1_BPS, 120, 0.01, 0.001),
         (1, 30, T1_BPS, 40, 0.02, 0.02), (54, 30, T1_BPS, 120, 0.02, 0.02), (200, 30, T1_BPS, 200, 0.02, 0.02)]
# One phone where the site's network is a part of it (lan.delay, there and back), on a fast link.
LAN_DELAY_S = 100e-6
CASES_LAN = [(1, 2, 100_000_000, 4, 0.01, 0.001), (1, 5, 100_000_000, 10, 0.01, 0.001), (1, 20, T1_BPS, 20, 0.01, 0.001)]
FAST = (8, 20, 50, 100)  # one phone only: a second or so each


def add(parser):
    parser.add_argument("--engine", choices=("netns", "sim", "both"), default="both")
    parser.add_argument("--speed", type=float, default=1.0, help="of the real kernel's world")


def scenario(phones, rtt_ms, rate_bps, denominator, lan_s):
    return {
        "name": f"arithmetic-{phones}-{rtt_ms}", "scale": f"1/{denominator}", "lan": {"delay": f"{lan_s * 1e6:.0f}us"},
        "sites": [{"name": "site",
                   "wan": {"rate": f"{rate_bps}bit", "rtt": f"{rtt_ms}ms", "queue": f"{phones * BLOCK_IP_BYTES}B"},
                   "subnets": [{"name": "floor", "network": "10.1.0.0/22",
                                "phones": [{"model": "7961", "count": phones}]}]}],
        "expect": {"failed_max": 0}}


def bound_s(one, phones, rtt_ms, rate_bps, lan_s):
    """What the sums say, from what crossed the WAN: the bytes are held by tests of their own."""
    blocks = one["tftp"]["blocks"] / phones
    down, up = one["wan"]["bytes_down"] * 8, one["wan"]["bytes_up"] * 8
    port = up / phones + LAN_FRAME_BYTES * 8 * blocks
    alone = blocks * (rtt_ms / 1000 + 2 * lan_s) + (up + down) / phones / rate_bps + port / PORT_BPS
    return max(alone, down / rate_bps)


options = trust.arguments(__doc__, add)
tap = trust.Tap(options.figures)
rows = []
with tempfile.TemporaryDirectory(prefix="pfs-arithmetic-") as folder:
    for (phones, rtt_ms, rate_bps, denominator, most_netns, most_sim), lan_s in (
            [(case, 0) for case in CASES] + [(case, LAN_DELAY_S) for case in CASES_LAN]):
        path = pathlib.Path(folder, f"{phones}-{rtt_ms}.json")
        path.write_text(json.dumps(scenario(phones, rtt_ms, rate_bps, denominator, lan_s)))
        speeds = [("sim", 1)] if options.engine != "netns" else []
        if options.engine != "sim":
            speeds += [("netns", speed) for speed in (options.speed,) + (FAST if phones == 1 and not lan_s else ())]
        for engine, speed in speeds:
            what = f"{engine}: {phones} phone{'s' if phones > 1 else ''}, {rtt_ms} ms, speed {speed:g}{', a LAN beside' * bool(lan_s)}"
            status, summary = trust.run(options.fleet, path, "--engine", engine, "--mode", "traditional",
                                        "--speed", f"{speed:g}")
            if status in (trust.EXIT_HOST, trust.EXIT_INCONCLUSIVE):
                tap.skip(what, summary["fidelity"]["reasons"] if summary else "see pfs-fleet doctor")
                continue
            if not tap.check(status == trust.EXIT_PASS and summary["runs"][0]["upgraded"] == phones,
                             f"{what}: upgraded", f"exit status {status}"):
                continue
            one = summary["runs"][0]
            wanted = bound_s(one, phones, rtt_ms, rate_bps, lan_s)
            apart = one["duration_s"] / wanted - 1
            most = most_sim if engine == "sim" else most_netns
            rows.append({"engine": engine, "speed": speed, "phones": phones, "rtt_ms": rtt_ms, "rate_bps": rate_bps,
                         "lan_delay_us": round(lan_s * 1e6),
                         "blocks": one["tftp"]["blocks"], "duration_s": one["duration_s"], "sums_s": round(wanted, 6),
                         "apart": round(apart, 6), "retransmits": one["tftp"]["retransmits"],
                         "frames_lost": one["wan"]["frames_lost"],
                         "relay_late_p99_us": summary["fidelity"].get("relay_late_p99_us")})
            tap.note(f"{one['tftp']['blocks']} blocks in {one['duration_s']:.3f} s, the sums say {wanted:.3f} s, "
                     f"{apart:+.3%}")
            tap.check(abs(apart) <= most, f"{what}: within {most:.1%}", f"{apart:+.3%}")
tap.figures = {"what": "arithmetic", "rows": rows}
tap.done()
