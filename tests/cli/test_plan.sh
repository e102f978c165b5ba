#!/bin/sh
# pfs-fleet plan, as a user meets it: exit statuses, what a bad question is told,
# that nothing is worked out twice, and that nobody finds half a file. The runs
# are small: what the figures are worth is for tests/sim. usage: test_plan.sh PFS-FLEET SCENARIOS [without-figures]
set -u

. "$(dirname "$(realpath "$0")")/tap.sh"
fleet=$(realpath "$1")
scenarios=$(realpath "$2")
figures_left_out=${3-}
work=$(mktemp -d "${TMPDIR:-/tmp}/pfs-cli-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME

line="--models 7961:60,7941:30,7906:10 --rtt 30ms --wan 2mbit --quiet"

exits 0 "a fleet that fits" plan --phones 12 $line --window 20m
says out "^PFS  *FITS" "the answer comes first"
says out "^time, p95 " "by several seeds"
says out "^  bound " "the bound beside it"
says out "^smallest WAN that fits  *[0-9]" "the smallest rate that fits"
says out "does not fit at  *[0-9]" "and one that does not"
says out "saves time from [0-9]* phones on\|saves no time with any number" "from how many phones on it pays"
says out "transfers at once fill this WAN" "round trip times rate"
says out "^[0-9]* runs simulated, 0 had been kept" "nothing was kept before"
grep -v "runs simulated" out >first
exits 0 "a fleet whose phones share nothing" plan --phones 2 --models 7961:50,7941:50 --rtt 30ms --wan 2mbit --quiet --window 1h
says out "^PFS saves neither bytes nor time here" "of which that is said"
says out "and nothing where\$" "and that fewer phones save no bytes either"
exits 0 "the same again" plan --phones 12 $line --window 20m
says out "^0 runs simulated, [0-9]* had been kept" "nothing is worked out twice"
grep -v "runs simulated" out | cmp -s - first
check "and the answer is the same" $?
exits 0 "without the cache" plan --phones 12 $line --window 20m --no-cache
grep -v "runs simulated" out | cmp -s - first
check "the answer is the same too" $?
for workers in 1 2 5; do
	exits 0 "with $workers threads" plan --phones 12 $line --window 20m --no-cache --json --workers $workers
	[ $workers -eq 1 ] && cp out json
	cmp -s out json
	check "the JSON is the same bytes" $?
done
find cache -type f | while read -r entry; do echo broken >"$entry"; done
exits 0 "a cache that is broken" plan --phones 12 $line --window 20m
says out "^[1-9][0-9]* runs simulated, 0 had been kept" "is not believed"
grep -v "runs simulated" out | cmp -s - first
check "and the answer is the same again" $?

exits 1 "a fleet that does not fit" plan --phones 20 $line --window 1m
says out "^PFS  *DOES NOT FIT" "it says so first"
says out "none is enough" "the waits alone are longer than the window"
exits 0 "a scenario" plan "$scenarios/smoke.json" --window 1h --quiet --json
python3 -c '
import json, sys
plan = json.load(open("out"))
assert plan["schema"] == "pfs-fleet/plan/1" and plan["pfs"]["fit"] == "fits", plan
assert plan["pfs"]["p50"]["over_bound"] >= 0.99, plan["pfs"]["p50"]'
check "its answer as JSON" $?

# Not for sanitizers, which see these paths elsewhere: up to "fi" it is about figures.
if [ -z "$figures_left_out" ]; then
exits 0 "phones that a fault takes out" plan "$scenarios/library/phones-lost.json" --window 1h --seeds 1 --quiet
says out "^PFS  *FITS .* to spare; 2 of 60 phones are gone for good (fault: kill)$" "are no failure, and are named"
exits 1 "a scenario that is run on a fortieth of its firmware" plan "$scenarios/library/branch-t1.json" --window 10m --seeds 1 --quiet --out t1
says out "firmware at its full size: the scenario's own scale, 2.5 %, is not taken" "is planned at its full size, and says so"
python3 -c '
import json, re, sys
plan = json.load(open("t1/plan.json"))
assert plan["question"]["scale_not_taken"] == 0.025, plan["question"]
scenario = json.loads(re.sub(r"(?m)^\s*//.*", "", open(sys.argv[1]).read()))
minutes = lambda text: 60 * float(text.rstrip("m"))
gate = scenario["gates"]["full_size.traditional.duration_s"]
assert minutes(gate["min"]) <= plan["traditional"]["p50"]["duration_s"] <= minutes(gate["max"]), plan["traditional"]
assert plan["pfs"]["p50"]["duration_s"] <= minutes(scenario["gates"]["full_size.pfs.duration_s"]["max"]), plan["pfs"]
assert plan["traditional"]["p50"]["wan_bytes_down"] > 8e8, plan["traditional"]' "$scenarios/library/branch-t1.json"
check "its figures are those of the gates that its own runs have for it" $?

# the verdict, the phones and the round trip from which on PFS pays say the same, and none is without an end
agree='
import json
plan = json.load(open("out"))
phones, trip, saves = plan["saves_time_from_phones"], plan["saves_no_time_from_rtt"], plan["saves_time"]
asked, rtt = plan["question"]["phones"], plan["question"]["rtt_s"]
if saves:
    assert phones["from"] and phones["from"] <= asked, phones
    assert trip["how"] != "always" and (trip["from"] is None or trip["from"] > rtt), trip
    assert trip["not_at"] is None or trip["not_at"] >= rtt, trip
else:
    assert phones["from"] is None or phones["from"] > asked, phones
    assert trip["how"] in ("always", "simulated", "by_arithmetic") and trip["from"] is not None and trip["from"] <= rtt, trip'
for question in "1 900kbit 30ms" "20 10gbit 30ms" "12 1.536mbit 30ms" "3 64kbit 1ms" "6 256kbit 100ms" "14 900kbit 0ms"; do
	set -- $question
	"$fleet" plan --phones "$1" --wan "$2" --rtt "$3" --models 7961 --window 8h --seeds 1 --quiet --json >out
	python3 -c "$agree"
	check "$1 phones, $2, $3: the verdict and the points agree" $?
done
exits 1 "a WAN on which the traditional way gets nowhere" plan --phones 20 --wan 1kbit --rtt 30ms --models 7961 --window 8h --seeds 1 --quiet
says out "^By PFS 20 of 20 phones are upgraded, in the traditional way 0\.$" "phones are told where times say nothing"
says out "^It saves time " "and that is time saved"
for question in "5 staggered:30m" "40 mass:30m"; do
	set -- $question
	exits 1 "$1 phones, the last reset after the window" plan --phones "$1" --reset "$2" --models 7961 --wan 1.536mbit --rtt 30ms --window 20m --seeds 1 --quiet
	says out "none is enough  *none is enough" "no rate is enough"
	says out "^PFS  *bound: its files over the LAN .*, until its reset 2[49]:" "the bound has that reset"
done
fi

# what is asked badly: exit 2, and a sentence that names it
refused() {
	text=$1 pattern=$2
	shift 2
	exits 2 "$text" plan "$@" --quiet
	says err "$pattern" "$text: it says what was expected"
}
refused "a window of zero" "window: \"0s\": expected a time from 1s to 720h" --phones 9 $line --window 0s
refused "no window" "window: missing" --phones 9 $line
refused "percentages that do not add up" "adds up to 90 %, expected 100 %" --phones 9 --models 7961:60,7941:30 --wan 1mbit --rtt 1ms --window 1h
refused "an unknown model" "\"7942\": unknown model, known are" --phones 9 --models 7942 --wan 1mbit --rtt 1ms --window 1h
refused "no phones" "phones: missing" $line --window 1h
refused "half a rate" "\"1.5mb\": unknown unit, use bit, kbit, mbit or gbit" --phones 9 --models 7961 --rtt 1ms --wan 1.5mb --window 1h
refused "a scenario with phones of its own" "has phones, models and subnets of its own" "$scenarios/smoke.json" --phones 9 --window 1h
refused "a scenario that is not there" "nowhere.json: cannot be read" nowhere.json --window 1h
refused "an axis that there is not" "use phones=, subnets=" --phones 9 $line --sweep colour=1,2
refused "an axis without an end" "how many values" --phones 9 $line --sweep wan=1mbit..2mbit
refused "CSV of no sweep" "is for --sweep" --phones 9 $line --window 1h --csv
refused "two scenarios" "is one too many" "$scenarios/smoke.json" "$scenarios/smoke.json" --window 1h

# a sweep
sweep="plan --models 7961 --subnets 2 --rtt 30ms --seeds 2 --window 1h --quiet"
exits 0 "a sweep" $sweep --sweep phones=4,8 --sweep wan=1mbit,10mbit --out swept
says out "^8 runs simulated\|^16 runs simulated" "each point by each seed, both ways"
[ "$(ls swept | tr '\n' ' ')" = "bytes.svg plan.json points.csv time.svg " ]
check "it leaves a table, JSON and plots" $?
[ "$(wc -l <swept/points.csv)" -eq 9 ]
check "a line a point and mode, and one of names" $?
says out "^PFS  *[0-4] of 4 points are within 2 % of the bound" "how near the bound the runs are"
says out "^traditional  *[0-4] of 4 points are within 2 % of the bound" "both ways"
[ "$(grep -c 'data-name=' swept/time.svg)" -eq 4 ]
check "a plot has a line a mode and rate" $?
[ "$(grep -c 'data-name=' swept/bytes.svg)" -eq 2 ] && grep -q 'data-name="PFS, 1 Mb/s to 10 Mb/s"' swept/bytes.svg
check "but one for rates at which the same bytes cross" $?
grep -q ">time, median of 2 seeds<" swept/time.svg && grep -q ">window 60 min<" swept/time.svg
check "it says what is drawn" $?
python3 -c '
import csv, json
for line in csv.DictReader(open("swept/points.csv")):
    assert float(line["bound_s"]) > 0, line
    far = float(line["duration_p50_s"]) > 1.02 * float(line["bound_s"])
    assert far == bool(line["why"]), line
for point in json.load(open("swept/plan.json"))["points"]:
    for mode in "pfs", "traditional":
        p50 = point[mode]["p50"]
        assert (p50["duration_s"] > 1.02 * p50["bound"]["total_s"]) == bool(p50["why"]), p50'
check "the bound stands beside each figure, and the reason where they part" $?
exits 0 "a sweep of phones that have nobody to share with" $sweep --seeds 1 --sweep phones=1,4 --wan 1mbit
says out "fits  neither$" "saves nothing"
says out "fits  \(bytes only\|time\)$" "and something where there is somebody"
exits 0 "a third axis" $sweep --sweep phones=4,8 --sweep wan=1mbit,10mbit --sweep reset=mass,mass:10s --out third
[ "$(ls third | tr '\n' ' ')" = "bytes-reset-massatonce.svg bytes-reset-masswithin10.0s.svg plan.json points.csv time-reset-massatonce.svg time-reset-masswithin10.0s.svg " ]
check "has a plot for each of its values, named by it" $?
exits 0 "a sweep over what is no number" plan --phones 4 --models 7961 --rtt 10ms --wan 2mbit --seeds 1 --sweep reset=mass,staggered:90s --out fourth --quiet
says err "no plots: none of the axes is of numbers" "says why it has no plots"
exits 0 "a wider sweep" $sweep --sweep phones=4,8,12 --sweep wan=1mbit,10mbit --csv
[ "$(wc -l <out)" -eq 13 ]
check "has what was known and what is new" $?
exits 0 "and as a table" $sweep --sweep phones=4,8,12 --sweep wan=1mbit,10mbit
says out "^0 runs simulated, 24 had been kept" "nothing of it is worked out twice"
exits 0 "the wider sweep by one seed more" $sweep --seeds 3 --sweep phones=4,8,12 --sweep wan=1mbit,10mbit
says out "^12 runs simulated, 24 had been kept" "only what is new is worked out"
exits 2 "a folder that has something in it" $sweep --sweep phones=4,8 --out swept
exits 1 "a sweep in which one point does not fit" plan --models 7961 --phones 4 --rtt 30ms --seeds 1 --window 5m --quiet --sweep wan=64kbit,10mbit

# nothing is kept: nothing is said to be
"$fleet" plan --models 7961 --wan 1mbit --rtt 30ms --seeds 100 --window 9h --quiet --no-cache --workers 1 --sweep phones=40,50 >out 2>err &
pid=$!
sleep 0.3
kill -INT $pid
wait $pid
says err "interrupted; nothing of it is kept" "an interrupt without a cache says what is lost"

# an interrupt in the middle: what is done is kept, nothing is half written
touch before
"$fleet" plan --models 7961 --wan 1mbit --rtt 30ms --seeds 4 --window 9h --quiet --workers 1 --sweep phones=10,15,20,25,30,35,40 \
	--out cut >out 2>err &
pid=$!
until [ "$(find cache -type f -newer before | wc -l)" -gt 12 ]; do kill -0 $pid 2>/dev/null || break; done
kill -INT $pid
wait $pid
[ $? -eq 3 ]
check "an interrupted sweep is inconclusive" $?
cp err cuterr
says err "interrupted; [0-9]* runs are kept, and the same command goes on" "and says how to go on"
[ ! -e cut ]
check "it leaves no folder" $?
[ -z "$(find cache -name '*.??????' -type f)" ]
check "and no half of a result" $?
exits 0 "it goes on" plan --models 7961 --wan 1mbit --rtt 30ms --seeds 4 --window 9h --quiet --sweep phones=10,15,20,25,30,35,40
says out "^[0-9]* runs simulated, [1-9][0-9]* had been kept" "from where it was"
kept=$(sed -n 's/^pfs-fleet: interrupted; \([0-9]*\) runs are kept.*/\1/p' cuterr)
says out "^$((56 - kept)) runs simulated, $kept had been kept" "and works out what was missing alone"

# what no phone does: said wherever it shows, and in the traditional way the same runs
what="--models 7961:60,7941:40 --phones 20 --rtt 30ms --wan 10mbit --seeds 1 --window 1h --quiet"
exits 0 "a what-if" plan $what --what-if fan-out=3
says out "^what-if: fan-out 3: by PFS not what the phones do" "says so in the first line"
[ "$(head -n 1 out | cut -c 1-8)" = "what-if:" ]
check "before all else" $?
exits 0 "a sweep over the fan-out" plan $what --sweep fan-out=1..4 --out fanned
says out "^ *4 what-if " "marks each point that no phone is like"
says out "^ *2  " "but not two children"
grep -c '^"what-if: fan-out [134]",20,' fanned/points.csv | grep -qx 3
check "in the CSV" $?
python3 -c '
import json
plan = json.load(open("fanned/plan.json"))
marks = [point["setting"].get("what_if") for point in plan["points"]]
assert marks == [{"text": "what-if: fan-out %d" % f, "fan_out": f} if f != 2 else None for f in range(1, 5)], marks
depths = [point["pfs"]["p50"]["depth"] for point in plan["points"]]
bounds = [point["pfs"]["p50"]["bound"]["depth"] for point in plan["points"]]
assert depths == bounds == [12, 4, 3, 3], (depths, bounds)'
check "in the JSON, with the depths of such trees" $?
grep -q "what-if" fanned/time.svg
check "and in the plots" $?
exits 0 "a plot at one fan-out" plan $what --what-if fan-out=4 --sweep rtt=10ms,30ms --out marked
grep -q "Time to the last phone, what-if: fan-out 4" marked/time.svg
check "has it in its title" $?
refused "a knob that there is not" "\"colour=3\": use fan-out=1 to fan-out=4, waits=10% to waits=100%, or forward-early" --phones 9 $line --window 1h --what-if colour=3
exits 0 "a sweep over the waits" plan $what --sweep waits=100%,50%,10%
says out "^ *50 % what-if " "marks those that no phone has"
says out "^ *100 %  " "and not those that they have"
exits 0 "files forwarded early" plan $what --what-if forward-early --what-if waits=50%
says out "^what-if: waits 50 %, files forwarded early: by PFS not" "both knobs"
refused "a knob that is said twice" "\"waits=20%\": waits is said already, each knob once" --phones 9 $line --window 1h --what-if waits=50% --what-if waits=20%
refused "a wait of none" "\"0%\": not whole percents from 10% to 100%" --phones 9 $line --window 1h --what-if waits=0%
refused "a chain longer than a tree may be deep" "what_if.fan_out: 1: makes chains, which have at most 20 phones" --phones 99 $line --window 1h --what-if fan-out=1

# a cache that cannot be written: the answer stands, and the status says it
touch file
XDG_CACHE_HOME=$work/file
exits 4 "a cache that takes nothing" plan --phones 12 $line --window 20m
says out "^PFS  *FITS" "the answer is there all the same"
says err "results cannot be kept in .*: Not a directory" "and what was in the way"
# a full disk, here no more than 1 kB of a file: nothing is left that would be in the way of the next try
for tried in once again; do
	(
		trap '' XFSZ
		ulimit -f 1
		"$fleet" plan --phones 12 $line --window 20m --no-cache -q --out full 2>err | cat >out
		[ "$(wc -l <err)" -eq 1 ] && grep -q '^pfs-fleet: cannot write full/[a-z]*.json: File too large' err
	)
	check "an answer that its folder takes no more than a part of, $tried" $?
done
test ! -e full
check "leaves no folder" $?
"$fleet" plan --phones 12 $line --window 20m --no-cache >/dev/full 2>err
[ $? -eq 4 ]
check "an answer that nobody got" $?

echo "1..$number"
exit "$((bad ? 1 : 0))"
