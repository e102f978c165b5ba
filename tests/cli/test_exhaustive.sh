#!/bin/sh
# pfs-fleet races --exhaustive, as a user meets it: exit statuses, the same
# output twice, an honest word where a bound was met, and a counterexample that
# can be gone along again. usage: test_exhaustive.sh PFS-FLEET PATHS
set -u

. "$(dirname "$(realpath "$0")")/tap.sh"
fleet=$(realpath "$1")
paths=$(realpath "$2")
work=$(mktemp -d "${TMPDIR:-/tmp}/pfs-cli-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
exits 0 "two phones hold in every state" races --exhaustive --phones 2
says out "^all states visited, everything held$" "it says that all were visited"
says out "phones 2, files 1, drops 0, kills 0: [0-9][0-9]* states" "it says how many"
says out "^3 of 3 orders of strengths, 2 of them searched" "it says how many orders, and how many were searched"
says err "[0-9] states/s, [0-9][0-9]* MiB" "how long it took is no part of the output"
cp out first
"$fleet" races --exhaustive --phones 2 >out 2>err
cmp -s first out
check "the same output twice" $?
exits 3 "a bound of states is no pass" races --exhaustive --phones 3 --max-states 5000
says out "^not exhausted: the bound of states" "and it says so"
exits 0 "all orderings" races --exhaustive --phones 2 --all-orders --workers 1
says out "^3 of 3 orders of strengths, 3 of them searched$" "each by itself"
exits 0 "one ordering alone" races --exhaustive --phones 2 --order 3
exits 2 "one phone is no fleet" races --exhaustive --phones 1
says err "not a whole number from 2 to 4" "the range is told"
exits 2 "somebody has to live" races --exhaustive --phones 2 --kills 2
exits 2 "an ordering that there is not" races --exhaustive --phones 2 --order 4
exits 2 "seeds are the other search's" races --exhaustive --seeds 1..2
exits 2 "no argument is taken" races --exhaustive scenario.json

[ ! -e results ]
check "where nothing was found, nothing is left" $?
exits 2 "where nothing can be written nothing is searched" races --exhaustive --phones 3 --out out/below
says err '^pfs-fleet: --out: "out/below": cannot write there: ' "and that is said"

# A counterexample, of an invariant that is made to be wrong.
exits 1 "what does not hold is found" races --exhaustive --phones 2 --drops 1 --planted --quiet --out "what's found"
says out "^does not hold: planted: nobody has a child$" "the invariant is named"
says out "^  22 events, first found with 24; no path with this order of strengths is shorter$" "the path is the shortest"
found="what's found/path-2-phones-1-files-1-drops-0-kills-order-1"
[ -f "$found.json" ] && [ -f "$found.txt" ] && [ -f "$found.mmd" ] && [ "$(ls "what's found" | wc -l)" -eq 3 ]
check "the path and its two diagrams are written" $?
head -n 1 "$found.mmd" | grep -qx sequenceDiagram
check "one of them is for Mermaid" $?
grep -v "^[0-9]* of [0-9]* orders" "$found.txt" | grep -q "^   2.075  P0 -> P1 JOIN$"
check "the other is text" $?
cp out first
replay=$(sed -n 's/^  replay: pfs-fleet //p' out)
mkdir elsewhere
cd elsewhere || exit 1
eval "\"$fleet\" $replay" >../out 2>../err
status=$?
cd ..
[ "$status" -eq 1 ]
check "the line that replays it does so from another folder" $?
says out "^22 of 22 events happened as in the file$" "all of it"
says out "^does not hold: planted: nobody has a child (after 22 events)$" "and the same does not hold"
[ "$(grep '^ ' out)" = "$(grep '^ ' first | grep -v -e ' events, ' -e ' replay: ' -e ' diagrams: ')" ]
check "step by step as it was found" $?
exits 1 "the same is found twice" races --exhaustive --phones 2 --drops 1 --planted --quiet --out "what's found"
cmp -s first out
check "and said twice" $?
exits 1 "a path may be left as it was found" races --exhaustive --phones 2 --planted --quiet --shorten 0 --out long
says out "^  24 events; the bound of transitions ended the search for a shorter one$" "which is said"

# Where it does hold, the path is gone along to its end and on.
grep -v '"planted":' "$found.json" >good.json
exits 0 "a path of what is mended passes" races --exhaustive --path good.json
says out "^22 of 22 events happened as in the file, [0-9]* more did besides$" "to the end of everything"
says out "in the end: P1 rebooted, upgraded$" "everybody is upgraded"
sed 's/P0 -> P1 SYN"/P0 -> P1 SYNX"/' good.json >other.json
exits 0 "what cannot happen any more is left out" races --exhaustive --path other.json
says out "(cannot happen any more: P0 -> P1 SYNX)$" "and named"
for path in "$paths"/*.json; do
	exits 0 "$(basename "$path" .json): the counterexample of a core that was broken so" races --exhaustive --path "$path"
	says out "^everything held; in the file this did not: " "does not break this one"
done
exits 2 "a path has its own fleet" races --exhaustive --path good.json --phones 3
exits 2 "a path that is not there" races --exhaustive --path none.json
sed 's/"order":.*/"order": 4,/' good.json >bad.json
exits 2 "an order that two phones have not" races --exhaustive --path bad.json
says err "^bad.json: order: 4: expected a whole number from 1 to 3$" "file, place, value and what was expected"
sed 's/"kind":.*"timer"/"kind": "tiner"/' good.json >bad.json
exits 2 "a kind of event that there is not" races --exhaustive --path bad.json
says err '^bad.json: events.1..kind: "tiner": expected one of "packet", ' "is told with those that there are"
printf '{"format":"pfs-fleet/path/1","phones":2,"files":1,"drops":0,"kills":0,"order":1,"broken":"\\u001b[2J"}' >bad.json
exits 2 "nothing is shown that would draw over the terminal" races --exhaustive --path bad.json
says err '^bad.json: broken: "..001b.2J": expected less than' "nor by the line that says why"
refuses() { # what, script of sed for good.json, the line
	sed "$2" good.json >bad.json
	exits 2 "$1" races --exhaustive --path bad.json
	says err "^bad.json: $3" "and the line says where, what and why not"
}
refuses "a flag that is a number" '2i "planted": 1,' 'planted: 1: expected true or false$'
refuses "a member that there is not" '2i "plantd": true,' 'plantd: true: unknown field, known here: format, phones,'
refuses "a member of an event that there is not" 's/"kind":.*"timer"/"drew": "least", &/' \
	'events.1..drew: "least": unknown field, known here: what, kind, index, target, draw$'
refuses "a member twice" '2i "drops": 1,' 'drops: 1: given twice, leave one$'
refuses "a member too few" '/"kills":/d' 'kills: missing: expected a whole number from 0 to 1$'
refuses "text after it" '$a {}' 'line [0-9]*, column [0-9]*: not JSON here or just before'
refuses "another format" 's,pfs-fleet/path/1,pfs-fleet/path/2,' 'format: "pfs-fleet/path/2": expected "pfs-fleet/path/1"$'

# Broken off. It is at work once it has told how far it is.
rm -f out err # of the one before
"$fleet" races --exhaustive --phones 4 --drops 1 --workers 1 >out 2>err </dev/null &
pid=$!
until grep -q "states/s" err; do kill -0 $pid 2>/dev/null || break; done
kill -TERM $pid
wait $pid
[ $? -eq 3 ]
check "an interrupted search is inconclusive" $?
says out "^not exhausted: interrupted; nothing was found up to there$" "and says so"
says out "^phones 4, .*: [1-9][0-9]* states, " "with the states that it had visited"
[ ! -e results ]
check "no folder is left" $?
exits 3 "a range of phones" races --exhaustive --phones 2..3 --max-states 5000 --quiet
says out "^phones 2, " "each number"
says out "^phones 3, " "in turn"
exits 2 "a range backwards" races --exhaustive --phones 3..2

echo "1..$number"
exit "$((bad ? 1 : 0))"
