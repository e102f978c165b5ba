#!/bin/sh
# pfs-fleet run, as a user meets it: what it refuses and with which exit status,
# what it leaves in its folder, what it prints where. In virtual time: no
# privileges. usage: test_run.sh PFS-FLEET SCENARIOS
set -u

# They may be relative, and the test works elsewhere.
. "$(dirname "$(realpath "$0")")/tap.sh"
fleet=$(realpath "$1")
scenarios=$(realpath "$2")
work=$(mktemp -d "${TMPDIR:-/tmp}/pfs-cli-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
# same_but_host A B: two summaries are one but for host, fidelity and setup
same_but_host() {
	/usr/bin/python3 - "$1" "$2" <<'PYTHON'
import json, sys
a, b = (json.load(open(name), parse_float=str, parse_int=str) for name in sys.argv[1:3])
for part in ("host", "fidelity", "setup"):
    a.pop(part), b.pop(part)
sys.exit(json.dumps(a) != json.dumps(b))
PYTHON
}

smoke=$scenarios/smoke.json

exits 0 "--help is good" --help
says out "Usage: pfs-fleet COMMAND" "--help goes to the standard output"
exits 0 "--version is good" --version
exits 2 "no command is a usage error"
exits 2 "an unknown command is a usage error" fly
says err "fly: no such command" "it names the unknown command"
exits 2 "no scenario is a usage error" run
exits 2 "an unknown mode is a usage error" run "$smoke" --mode all
says err '"all": use pfs, traditional or both' "it names the value and the choices"
exits 2 "an unknown engine is a usage error" run "$smoke" --engine ns3
exits 2 "a negative seed is a usage error" run "$smoke" --seed -1
exits 2 "a seed of 2^64 - 1 is a usage error" run "$smoke" --seed 18446744073709551615
says err "seed: .*not a whole number from 0 to 2^64 - 2" "of the command line, not the file"
exits 2 "a speed of zero is a usage error" run "$smoke" --speed 0
exits 2 "to look for a speed in virtual time is a usage error" run "$smoke" --find-speed --engine sim
says err "virtual time holds any speed" "it says why"
exits 2 "a scenario that is not there is refused" run "$work/none.json"
echo '{ "sites": 7 }' >bad.json
exits 2 "a bad scenario is refused" run bad.json --out refused
says err "^bad.json: sites: " "the line names file and path"
test ! -e refused
check "nothing is made for a bad scenario" $?

# full ARGUMENT...: what cannot be written is not good
full() {
	"$fleet" "$@" >/dev/full 2>err </dev/null
	got=$?
	: >out
	[ "$got" -eq 4 ] && grep -q '^pfs-fleet: cannot write to the standard output' err &&
		[ "$(wc -l <err)" -eq 1 ]
	check "a full standard output: $*: exit 4, one line" $?
}
full --help
full --version
full check --help
full check "$smoke"
full doctor
full run "$smoke" --engine sim -q --out full

exits 0 "a run in virtual time is good" run "$smoke" --engine sim --out first
says out "^verdict: pass" "the table ends with the verdict"
says out "^Not at full size: .* on the right the full size" "a scaled run says so in the first line"
says out "phones upgraded  *6 of 6  *6 of 6 " "every phone is upgraded in both modes"
test -s first/summary.json && test -s first/scenario.json
check "the folder holds the summary and the scenario" $?
test "$(find first/console -name 'SEP*.log' | wc -l)" -eq 6
check "one console log a phone" $?
grep -hvE '^(DBG|INF|NOT|WRN|ERR) [0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{6} DLoad: .' first/console*/* >strange
test ! -s strange
check "every line of the logs is in the vendor's form" $?

cp first/summary.json before.json
exits 2 "a folder that is not empty is refused" run "$smoke" --engine sim --out first
says err "first: is not empty" "it says why"
cmp -s first/summary.json before.json
check "and is left as it was" $?

exits 0 "--json is good" run "$smoke" --engine sim --out deep/er/second --json --quiet
cmp -s out deep/er/second/summary.json
check "--json prints the summary and nothing else" $?
test ! -s err
check "--quiet says nothing" $?
same_but_host first/summary.json deep/er/second/summary.json
check "the summary is the same for a seed but for host, fidelity and setup" $?
diff -r first/console deep/er/second/console >/dev/null
check "the console logs are the same for a seed" $?
exits 0 "another seed is good too" run "$smoke" --engine sim --out third --seed 77 --json -q
says out '"seed":	77,' "the summary names the seed"
same_but_host first/summary.json third/summary.json
check "another seed is another run" "$((! $?))"

exits 0 "the largest seed is good" run "$smoke" --engine sim --out largest --seed 18446744073709551614 --json -q
says out '"seed":	18446744073709551614,' "and kept to the last digit"
exits 0 "a seed that begins with 0 is good" run "$smoke" --engine sim --out decimal --seed 010 --json -q
says out '"seed":	10,' "and decimal"
exits 0 "one mode alone" run "$smoke" --engine sim --mode traditional --out fourth --json -q
says out '"comparison":	null' "has nothing to compare"
exits 0 "without --out there is a folder of its own" run "$smoke" --engine sim -q
test "$(find results/runs -mindepth 1 -maxdepth 1 -name '*-smoke-*' | wc -l)" -eq 1
check "below results/runs, with the scenario's name" $?

split='"faults": [{ "kind": "lan_split", "at": "1s", "duration": "5s" }]'
sed "/\"expect\"/,/}/c $split" "$smoke" >split.json
exits 2 "a fault that only virtual time has is refused in the netns world" run split.json --out refused -q
says err '^split.json: faults.0..kind: "lan_split": happens in virtual time only, use --engine sim' "it says which"
test ! -e refused
check "and nothing is made" $?
exits 0 "and happens there" run split.json --engine sim --mode pfs --out apart -q
says apart/summary.json 'LAN of .* split' "the summary tells of it"

sed 's/"transfers_pfs": 12/"transfers_pfs": 13/' "$smoke" >hopeful.json
exits 1 "an expectation that does not hold fails the run" run hopeful.json --engine sim --out fifth -q
says out "^Does not hold, PFS run: transfers_pfs: 12, expected exactly 13" "the table names it"

# Sites and modes by one worker and by several, with logs (the sites stop at the server's gate) and without.
site() { # name network phones
	printf '{"name": "%s", "wan": {"rate": "1.536mbit", "rtt": "30ms"}, "subnets": [{"name": "v",' "$1"
	printf '"network": "%s", "phones": [{"model": "7961", "count": %s}]}]}' "$2" "$3"
}
printf '{"name": "three", "seed": 3, "scale": "1/50", "enterprise": {"pfs": "enabled"}, "sites": [%s, %s, %s]}' \
	"$(site a 10.1.0.0/24 9)" "$(site b 10.2.0.0/24 14)" "$(site c 10.3.0.0/24 5)" >three.json
for console in all none; do
	exits 0 "one worker, console $console" run three.json --engine sim -q --console $console --workers 1 \
		--out one-$console
	exits 0 "four workers, console $console" run three.json --engine sim -q --console $console --workers 4 \
		--out four-$console
	same_but_host one-$console/summary.json four-$console/summary.json
	check "the summary does not depend on the workers" $?
done
diff -r one-all/console four-all/console && diff -r one-all/console-traditional four-all/console-traditional
check "nor do the console logs" $?
same_but_host one-all/summary.json one-none/summary.json
check "nor the summary on the logs" $?
test "$(find four-all/console four-all/console-traditional -name 'SEP*.log' | wc -l)" -eq 56 && ! test -e one-none/console
check "which are there where they are asked for" $?
exits 2 "no workers is a usage error" run three.json --engine sim --workers 0
says err '^pfs-fleet run: --workers: "0": not a whole number from 1 to 256$' "with the range of virtual time"
exits 2 "nor in the netns world" run three.json --workers 0
says err '^pfs-fleet run: --workers: "0": not a whole number from 1 to 16$' "with its own"
exits 2 "more workers than the netns world has is a usage error" run three.json --workers 17
exits 2 "an unknown choice of logs is a usage error" run three.json --console some
says err '"some": use auto, all or none' "it names the value and the choices"

# A log that cannot be written whole, as on a full disk: it is larger than a file may be, the summary is not.
printf '{"name": "lossy", "seed": 3, "scale": "1/4", "sites": [%s]}' "$(site a 10.1.0.0/24 1)" |
	sed 's/"rtt": "30ms"/"rtt": "30ms", "loss": "15%"/' >lossy.json
(
	trap '' XFSZ
	ulimit -f 40 # of 512 bytes, or of 1,024
	exits 4 "logs that are cut are the host's lack" run lossy.json --engine sim --mode traditional -q --out cut
	exit $bad
) >part
got=$?
cat part
number=$((number + 1)) bad=$((bad | got))
test -s cut/summary.json
check "but the summary is there" $?

# Three thousand phones keep virtual time busy; the first line of progress says that it runs.
sed -e 's/"count": [0-9]*/"count": 1500/g' -e 's/"10.1.1.0.24"/"10.16.0.0\/16"/' -e '/"expect"/,/}/d' \
	-e 's/\("enterprise".*\),/\1/' -e 's/"1\/200"/"1"/' "$smoke" >big.json
# begins OPTION...: begins such a run and returns with its first line; its process is in $run
begins() {
	rm -f out err
	"$fleet" run big.json --engine sim "$@" >out 2>err </dev/null &
	run=$!
	until [ -s err ] || ! kill -0 $run 2>/dev/null; do
		sleep 0.05
	done
}

begins --out sixth
kill -INT $run 2>/dev/null
wait $run
got=$?
[ $got -eq 3 ] || echo "# exit status $got, expected 3"
check "SIGINT ends a run as inconclusive" "$((got == 3 ? 0 : 1))"
says out "^Interrupted: these results are partial." "its results are marked"
grep -q '"interrupted":	true' sixth/summary.json
check "in the summary too" $?

# A fault that finds nobody has shown nothing: the run is not good.
sed -e 's/"phase": "tftp", "percent": 50, "file": "apps"/"at": "3h"/' "$scenarios/root-killed.json" >late.json
exits 1 "a fault that strikes nobody fails the run" run late.json --engine sim --mode pfs --quiet --out ninth
says out "faults_not_struck: 1, expected at most 0" "and the run says so"
exits 0 "the fault itself strikes" run "$scenarios/root-killed.json" --engine sim --mode pfs --quiet --out tenth

# The traditional run, which one worker makes second, cannot begin: a file is where its logs would go.
begins --workers 1 --out seventh
: >seventh/console-traditional
wait $run
got=$?
[ $got -eq 4 ] || echo "# exit status $got, expected 4"
check "a traditional run that cannot be made is the host's lack" "$((got == 4 ? 0 : 1))"
says err "the results are the PFS run's alone" "it says that the PFS run's results are kept"
says out "^Interrupted: these results are partial." "they are printed, and marked"
grep -q '"interrupted":	true' seventh/summary.json && grep -q '"mode":	"pfs"' seventh/summary.json &&
	test -s seventh/scenario.json
check "they are written, and marked" $?

# The summary cannot be written: as on a full disk, but a folder is where it would go.
begins --mode pfs --out eighth
mkdir eighth/summary.json
wait $run
got=$?
[ $got -eq 4 ] || echo "# exit status $got, expected 4"
check "a summary that cannot be written is the host's lack" "$((got == 4 ? 0 : 1))"
says err "^pfs-fleet: cannot write eighth/summary.json: " "the line names the file"
says out "^verdict: " "the table is printed all the same"
grep -q "^results:" out
check "but no results are promised" "$((! $?))"

echo "1..$number"
exit "$((bad ? 1 : 0))"
