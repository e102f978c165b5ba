#!/bin/sh
# pfs-fleet gate, as a CI meets it: the three outcomes and their exit status, what it writes, and every bad
# input with its line. In virtual time: no privileges. usage: test_gate.sh PFS-FLEET SCENARIOS
set -u

. "$(dirname "$(realpath "$0")")/tap.sh"
fleet=$(realpath "$1")
scenarios=$(realpath "$2")
work=$(mktemp -d "${TMPDIR:-/tmp}/pfs-gate-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset GITHUB_STEP_SUMMARY
smoke=$scenarios/smoke.json

# gated NAME GATES: the smoke scenario with these gates, as NAME.json
gated() {
	sed "s|\"enterprise\": {|\"gates\": { $2 },\n\"enterprise\": {|" "$smoke" >"$1.json"
}
gate() { # WANTED TEXT ARGUMENT...
	wanted_status=$1 text_of_case=$2
	shift 2
	exits "$wanted_status" "$text_of_case" gate "$@" --engine sim -q
}
# valid FILE...: JSON and XML that programs read
valid() {
	/usr/bin/python3 - "$@" <<'PYTHON'
import json, sys, xml.etree.ElementTree as tree
for name in sys.argv[1:]:
    tree.parse(name) if name.endswith(".xml") else json.load(open(name))
PYTHON
	check "$* can be read" $?
}

# Limits in the scenario.
gated good '"pfs.wan.bytes_down": {"min": "1kB", "max": "26MB"}, "pfs.duration_s": {"max": "90s"}, "pfs.tftp.transfers": {"equal": 12}, "comparison.wan_bytes_ratio": {"max": "50%"}, "pfs.hierarchies.depth": {"max": 3}, "pfs.tftp.direct_by_reason.port-closed": {"max": 0}, "full_size.pfs.upgraded": {"equal": 6}'
gate 0 "gates that hold pass" good.json --out good
says out '^pass  *pfs.wan.bytes_down: 86.8 kB, limit max 26MB' "a line shows limit and value"
says out '^pass: smoke, engine sim, seed 1, 1 run; 17 of 17 lines pass' "and the last one the outcome"
valid good/gate.json good/junit.xml good/run-1/summary.json
says good/gate.md '^| pass | pfs.wan.bytes\\_down | 86.8 kB | max 26MB |' "Markdown has it"
says good/junit.xml 'tests="18" failures="0" errors="0" skipped="0"' "JUnit counts it"
exits 0 "run judges them too" run good.json --engine sim -q --out run
says out '^  pass    pfs.wan.bytes_down: 86840, limit max 26MB' "in its table"
exits 0 "run of one mode skips what it did not measure" run good.json --engine sim -q --mode pfs --out run-pfs
says out '^  skipped comparison.wan_bytes_ratio: not run, limit max 50%' "and says so"

gated bad '"pfs.hierarchies.members": {"min": 3}, "pfs.duration_s": {"max": "10s"}, "pfs.upgraded": {"equal": 6}'
gate 1 "a gate that does not hold fails" bad.json --out bad
says out '^fail  *pfs.duration_s: 73.698 s, limit max 10s' "with limit and value"
says out '^fail  *pfs.hierarchies.members: 2, limit min 3' "of a list the worst item is told"
valid bad/gate.json bad/junit.xml
says bad/junit.xml '<failure type="fail" message="pfs.duration_s: 73.698 s, limit max 10s">' "JUnit has the failure"
exits 1 "run fails too" run bad.json --engine sim -q --out run-bad
says out '^  fail    pfs.duration_s: 73.697732, limit max 10s' "and says which"
gated none '"pfs.hierarchies[99].depth": {"max": 3}'
gate 1 "a figure that has no value holds nothing" none.json --out none
says out '^fail  *pfs.hierarchies.99..depth: none, limit max 3' "and says so"
gated unknown '"pfs.wan.bytes_dwn": {"max": "26MB"}'
gate 2 "an unknown figure is a bad scenario" unknown.json --out unknown
says err '^unknown.json: gates\["pfs.wan.bytes_dwn"\]: {"max":"26MB"}: no such figure in the summary, known here: wan.bytes_down' "with file, path, value and what is known"
test ! -e unknown
check "and nothing is made" $?

# GitHub's page is appended to, by each step.
echo "from another step" >page.md
for name in good bad; do
	GITHUB_STEP_SUMMARY=$PWD/page.md "$fleet" gate $name.json --engine sim -q --out page-$name >/dev/null
done
[ "$(head -1 page.md)" = "from another step" ] && [ "$(grep -c '^### pfs-fleet gate: smoke' page.md)" -eq 2 ]
check "the step summary of GitHub is appended to" $?
GITHUB_STEP_SUMMARY=/dev/full "$fleet" gate good.json --engine sim -q --out page-full >out 2>err
got=$?
[ $got -eq 4 ] && grep -q '^pfs-fleet: cannot write /dev/full (GITHUB_STEP_SUMMARY): No space left' err
check "and a full one is said: exit 4" $?

# A baseline.
gate 2 "a baseline that is not there is an error" "$smoke" --baseline base.json --out absent
says err '^base.json: cannot be read: No such file or directory; --update writes it' "that says what writes it"
gate 0 "--update writes it" "$smoke" --baseline base.json --update --out first
says out '^base.json: new, [0-9]* exact figures and [0-9]* measured ones' "and says what it holds"
valid base.json
gate 0 "the same build passes it" "$smoke" --baseline base.json --out second
says out '^pass  *pfs.tftp.blocks: 164, limit exactly 164' "counts exactly"
cp base.json kept.json
gate 0 "--update of the same changes nothing" "$smoke" --baseline base.json --update --out third
says out '^base.json: 0 figures changed' "and says so"
cmp -s base.json kept.json
check "byte for byte" $?
sed -e 's/"pfs.tftp.blocks": 164/"pfs.tftp.blocks": 163/' -e 's/"pfs.duration_s": \[73.6/"pfs.duration_s": [70.6/' \
	-e 's/"traditional.duration_s": \[3/"traditional.duration_s": [9/' kept.json >base.json
gate 1 "a count that is other fails" "$smoke" --baseline base.json --out fourth
says out '^fail  *pfs.tftp.blocks: 164, limit exactly 163' "by name"
says out '^fail  *pfs.duration_s: 73.698 s, limit 70.698 s + 0.707 s' "and a time that is longer by what matters"
says out '^pass  *traditional.duration_s: .* (better; --update keeps it)' "not one that is shorter"
gate 0 "a larger effect allows it" "$smoke" --baseline kept.json --effect 50% --out fifth
gate 0 "--update takes it" "$smoke" --baseline base.json --update --out sixth
says out '^changed pfs.tftp.blocks: 163 -> 164' "and shows what changed"
says out '^base.json: 3 figures changed' "and how much"
cmp -s base.json kept.json
check "and the file is as it was" $?
valid fourth/gate.json fourth/junit.xml

# The baseline says what is, also where the scenario's gates say that it should not be.
gated failing '"pfs.duration_s": {"max": "10s"}, "pfs.upgraded": {"max": 1}'
gate 1 "--update where gates fail is a fail" failing.json --baseline failing-base.json --update --out failing-first
says out '^failing-base.json: new, ' "the baseline is written all the same"
says out '^failing-base.json: written, although 2 gates of the scenario fail' "which is said"
gate 1 "and again" failing.json --baseline failing-base.json --update --out failing-again
says out '^failing-base.json: written, although 2 gates of the scenario fail' "where nothing changed too"
cmp -s failing-base.json kept.json
check "it holds what there is" $?

# A baseline of something else. Nothing may be run for it.
other() { # TEXT PATTERN ARGUMENT...
	text_of_case=$1 pattern=$2
	shift 2
	rm -rf other
	gate 2 "$text_of_case" "$@" --out other
	says err "$pattern" "which says it"
	test ! -e other
	check "and nothing is made" $?
}
sed 's/"smoke"/"smog"/' "$smoke" >smog.json
other "a baseline of another scenario" '^base.json: scenario: "smoke": this is a run of "smog"' smog.json --baseline base.json
sed 's/"count": 4/"count": 5/' "$smoke" >five.json
other "one whose scenario says something else by now" '^base.json: digest: "[0-9a-f]*": the scenario says something else by now' five.json --baseline base.json
other "one of another seed" '^base.json: seed: 1: this is a run of seed 7' "$smoke" --baseline base.json --seed 7
other "one of another mode" '^base.json: mode: "both": this is a run of "pfs"' "$smoke" --baseline base.json --mode pfs
sed 's|baseline/1|baseline/9|' base.json >nine.json
other "one of another schema" '^nine.json: schema: "pfs-fleet/baseline/9": this program reads "pfs-fleet/baseline/1"' "$smoke" --baseline nine.json
sed 's/"engine": "sim"/"engine": "netns"/' base.json >netns.json
other "one of the other world" '^netns.json: engine: "netns": this is a run in "sim"' "$smoke" --baseline netns.json
head -c 3000 base.json >cut.json
other "one that was cut" '^cut.json: byte [0-9]*: not JSON here: the file is cut or damaged' "$smoke" --baseline cut.json
sed 's/"pfs.upgraded": 6/"pfs.upgrade": 6/' base.json >named.json
other "one with an unknown figure" '^named.json: exact.pfs.upgrade: no such figure in the summary, known here: interrupted, ' "$smoke" --baseline named.json
sed 's/"pfs.upgraded": 6/"pfs.upgraded": "six"/' base.json >typed.json
other "one with a value of another type" '^typed.json: exact.pfs.upgraded: "six": must be a number' "$smoke" --baseline typed.json
sed '/"runs"/d' base.json >lacking.json
other "one that lacks a field" '^lacking.json: runs: missing: required here' "$smoke" --baseline lacking.json
gated gated '"pfs.upgraded": {"equal": 6}'
gate 0 "gates of the scenario may change" gated.json --baseline base.json --out regated

# A file that cannot be written, as on a full disk: a folder is where it would go, or no more than 2 kB of it.
mkdir folder.json
gate 4 "a baseline that cannot be written is the host's lack" "$smoke" --baseline folder.json --update --out seventh
says err '^pfs-fleet: cannot write folder.json: ' "the line names the file"
cp base.json short.json
(
	trap '' XFSZ
	ulimit -f 4
	exits 4 "nor is half a file written" gate "$smoke" --engine sim -q --baseline short.json --update --out eighth
	exit $bad
) >part
got=$?
cat part
number=$((number + 1)) bad=$((bad | got))
cmp -s short.json base.json && [ "$(find . -maxdepth 1 -name 'short.json.*' | wc -l)" -eq 0 ]
check "the file before it stays, and no part of the new one" $?

# What a file that is not a plain one stands for stays: a device is written to, of a link the file that it names.
# The node is this test's own: a program that replaces it spoils nothing of the host's.
if full_device full; then
	gate 4 "a full device takes no baseline" "$smoke" --baseline full --update --out ninth
	says err '^pfs-fleet: cannot write full: No space left on device' "the line names it"
	test -c full
	check "and it is still a device" $?
else
	echo "ok $((number += 1)) - a full device takes no baseline # SKIP no device of its own can be made here"
fi
mkdir elsewhere
sed 's/"pfs.tftp.blocks": 164/"pfs.tftp.blocks": 163/' kept.json >elsewhere/kept.json
ln -s elsewhere/kept.json link.json
gate 0 "--update of a symbolic link" "$smoke" --baseline link.json --update --out tenth
says out '^changed pfs.tftp.blocks: 163 -> 164' "shows what changed in the file that it names"
test -L link.json && cmp -s elsewhere/kept.json kept.json
check "and writes that one, not the link" $?
ln -s fresh.json elsewhere/link.json
ln -s elsewhere/link.json far.json
gate 0 "--update of a link to what is not there yet" "$smoke" --baseline far.json --update --out eleventh
test -L far.json && test -L elsewhere/link.json && cmp -s elsewhere/fresh.json kept.json
check "makes it where the link says" $?
mkfifo pipe
timeout 20 cat pipe >piped &
exits 0 "--update to a pipe" gate "$smoke" --engine sim -q --baseline pipe --update --out twelfth
wait $!
test -p pipe && cmp -s piped kept.json
check "goes through it" $?

sed '/"pfs.completion_s.p90"/d' kept.json >timeless.json
gate 1 "a baseline that lacks a time is no pass" "$smoke" --engine sim --baseline timeless.json --out timeless
says out '^fail  *pfs.completion_s.p90: .*not in the baseline' "which is said"
sed 's/"runs":.*1,/"runs": 0,/' kept.json >runless.json
gate 2 "a baseline of no runs" "$smoke" --engine sim --baseline runless.json
says err 'runless.json: runs: 0: must be a number, 1 to 100' "is refused"
# Another build.
gate 0 "this build beside itself passes" "$smoke" --against "$fleet" --out pair
grep -A2 'pfs.hierarchies\[0\].confirmed_s of floor/CP-7911G/SCCP11.9-4-2SR3-1S.loads"' pair/gate.json | grep -q '"value":.*"0.000 s '
check "hierarchies are compared" $?
test -s pair/pair-1-other/summary.json && test -s pair/pair-1-this/summary.json
check "its runs are kept" $?
program() { # NAME: a program of that name out of standard input
	cat >"$1" && chmod +x "$1"
}
# A build with a shorter round trip: this one is the slower of the two.
program fast <<SCRIPT
#!/bin/sh
[ "\$1" = --version ] && exec "$fleet" --version
sed 's/"rtt":.*"40ms"/"rtt": "30ms"/' "\$2" >faster.json
shift 2
exec "$fleet" run faster.json "\$@"
SCRIPT
gate 1 "a build that became slower fails" "$smoke" --against ./fast --out slower
says out '^fail  *pfs.hierarchies\[0\].transfer_s of .*: +0' "by the transfer of the hierarchy"
# A build that elects somebody else, all times alike.
program usurper <<SCRIPT
#!/bin/sh
[ "\$1" = --version ] && exec "$fleet" --version
"$fleet" "\$@" || exit
while [ "\$1" != --out ]; do shift; done
sed -i 's/"root":.*"SEP[^"]*"/"root": "SEP000000000000"/' "\$2/summary.json"
SCRIPT
gate 1 "a build with another root fails in virtual time" "$smoke" --against ./usurper --out usurped
says out '^fail  *pfs.hierarchies\[0\].root of floor/.*SEP02.*exactly SEP000000000000' "by the root"
says out '^inconclusive  *hierarchies: none, ' "and no hierarchy is compared, which is no pass"
program liar <<'SCRIPT'
#!/bin/sh
echo "something 1.0"
SCRIPT
program broken <<'SCRIPT'
#!/nowhere/sh
SCRIPT
program dying <<'SCRIPT'
#!/bin/sh
[ "$1" = --version ] && { echo "pfs-fleet 0.0.1"; exit 0; }
kill -SEGV $$
SCRIPT
program older <<'SCRIPT'
#!/bin/sh
[ "$1" = --version ] && { echo "pfs-fleet 0.0.1"; exit 0; }
echo "scenario.json: lan: {}: unknown field, known here: sites" >&2
exit 2
SCRIPT
# One whose run says something, leaves something in its folder, and then ends as the name says: by a signal, or with a
# status and no summary.
for end in killed 0 4 2 5; do
	program "talks-$end" <<SCRIPT
#!/bin/sh
[ "\$1" = --version ] && { echo "pfs-fleet 0.0.1"; exit 0; }
while [ "\$1" != --out ]; do shift; done
mkdir -p "\$2/console" && echo log >"\$2/console/P1.log" && ln -s "$smoke" "\$2/link"
seq 1 2000
echo "the last thing it said"
[ $end != killed ] || kill -KILL \$\$
exit $end
SCRIPT
done
for end in 2 4 5; do
	program "silent-$end" <<SCRIPT
#!/bin/sh
[ "\$1" = --version ] && { echo "pfs-fleet 0.0.1"; exit 0; }
exit $end
SCRIPT
done
echo "no program" >text
none() { # TEXT PATTERN PROGRAM [STATUS]
	gate "${4-2}" "$1" "$smoke" --against "$3" --out "none-$3"
	says err "$2" "which says why"
	test ! -e "none-$3"
	check "and no verdict is given, nor a folder left that would be in the way of the next try" $?
}
none "a program that is not there" '^pfs-fleet: --against: absent: No such file or directory' absent
none "one that is no program" '^pfs-fleet: --against: ./text: Permission denied' ./text
none "one whose interpreter is not there" '^pfs-fleet: --against: ./broken: No such file or directory' ./broken
none "another program" '^pfs-fleet: --against: ./liar: is no pfs-fleet, --version says "something 1.0"' ./liar
none "one that dies" 'was ended by signal 11' ./dying
none "one that does not take the scenario" '^scenario.json: lan: {}: unknown field' ./older
none "one that is killed" '^pfs-fleet: pair-1-other was ended by signal 9' ./talks-killed
says err '^the last thing it said' "what it had said is told"
check "but not all of it" "$(grep -c '^1$' err)"
none "one that leaves no summary" '^pfs-fleet: pair-1-other ended with status 0 and left no summary' ./talks-0
says err '^the last thing it said' "what it had said is told"
none "one that lacks something" '^the last thing it said' ./talks-4 4
none "one that does not like its arguments" '^the last thing it said' ./talks-2
none "one with a status of its own" '^pfs-fleet: pair-1-other ended with status 5 and left no summary' ./talks-5
none "one that lacks something and does not say what" '^pfs-fleet: pair-1-other ended with status 4 and said nothing' ./silent-4 4
none "one that says nothing at all" '^pfs-fleet: pair-1-other ended with status 2 and said nothing' ./silent-2
none "one that says nothing, with a status of its own" '^pfs-fleet: pair-1-other ended with status 5 and said nothing' ./silent-5
test -s "$smoke"
check "what a link in a run's folder names is not touched" $?
# A verdict that cannot be written: here a folder is in the way, which another one made.
program meddler <<SCRIPT
#!/bin/sh
[ "\$1" = --version ] || mkdir -p meddled/junit.xml.part
exec "$fleet" "\$@"
SCRIPT
gate 4 "a verdict that cannot be written is the host's lack" "$smoke" --against ./meddler --out meddled
says err '^pfs-fleet: cannot write meddled/junit.xml: Is a directory' "the line names the file"
says out '^pass: smoke' "the verdict is printed all the same"
[ "$(find meddled)" = "$(printf 'meddled\nmeddled/junit.xml.part')" ]
check "of the folder only what the gate did not make is left" $?

# Usage.
gate 2 "no scenario"
says err 'which SCENARIO?' "is said"
gate 2 "--update without a file" "$smoke" --update
says err '\-\-update: which file? give --baseline FILE too' "is said"
gate 2 "two questions" "$smoke" --baseline a --against b
says err 'are two questions, ask one' "is said"
gate 2 "no effect" "$smoke" --effect 0%
says err '\-\-effect: "0%": not a share above 0% to 100%' "is said"
gate 2 "no runs" "$smoke" --runs 0
exits 2 "more workers than the netns world has" gate "$smoke" -q --workers 17
says err '^pfs-fleet gate: --workers: "17": not a whole number from 1 to 16$' "which is said"
gate 2 "a folder that is not empty" good.json --out good
says err 'good: is not empty' "is said"

# Interrupted: inconclusive, and the run with it.
sed -e 's/"count": [0-9]*/"count": 1500/g' -e 's/"10.1.1.0.24"/"10.16.0.0\/16"/' -e '/"expect"/,/}/d' \
	-e 's/\("enterprise".*\),/\1/' -e 's/"1\/200"/"1"/' "$smoke" >big.json
"$fleet" gate big.json --engine sim --out ended >out 2>err </dev/null &
run=$!
until [ -s ended/run-1/scenario.json ] || ! kill -0 $run 2>/dev/null; do
	sleep 0.05
done
kill -INT $run 2>/dev/null
wait $run
got=$?
[ $got -eq 3 ] || echo "# exit status $got, expected 3"
check "an interrupt is inconclusive" "$((got == 3 ? 0 : 1))"
says out '^inconclusive: smoke' "and says so"
says ended/junit.xml '<error type="inconclusive" message="runs: interrupted, limit trusted">' "in JUnit as an error"

echo "1..$number"
exit "$((bad ? 1 : 0))"
