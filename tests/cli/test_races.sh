#!/bin/sh
# pfs-fleet races, as a user meets it: what it says of its options, where it puts what it finds, and that the
# line which replays a failure does so from another folder. usage: test_races.sh PFS-FLEET SCENARIOS
set -u

. "$(dirname "$(realpath "$0")")/tap.sh"
fleet=$(realpath "$1")
scenarios=$(realpath "$2")
work=$(mktemp -d "${TMPDIR:-/tmp}/pfs-cli-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

exits 2 "a range that ends before it begins" races --seeds 9..1
says err '"9..1": the range ends before it begins' "and that is what it says"
exits 2 "a seed that no scenario takes" races --seeds 18446744073709551615
says err "not from 0 to 18446744073709551614" "the range is told"
exits 2 "phones past the most" races --seeds 1 --phones 2..2001
says err "not from 1 to 2000" "the range is told"

# What cannot be written is seen before the work: a million seeds would take the better part of a day.
for out in /proc/none out/below ""; do
	exits 2 "--out \"$out\" is no folder" races --quiet --seeds 1..1000000 --out "$out"
	says err "^pfs-fleet: --out: \"$out\": cannot write there: " "and is named"
done
exits 0 "nothing is broken" races --quiet --seeds 1..3 --out new/folder
[ ! -e new ]
check "so nothing is left" $?
mkdir kept
exits 0 "a folder that was there" races --quiet --seeds 1..3 --out kept
[ -d kept ]
check "stays" $?
says out "^0  *possible, and not met in these 3 seeds: [0-9]* pairs" "the table speaks of these seeds, not of all"
says out "^3 seeds, [0-9]* faults, " "how many faults there were is told"

# A name that a shell would take apart.
mkdir "an office's"
cp "$scenarios/smoke.json" "an office's/the fleet.json"
grep -q expect "an office's/the fleet.json"
check "the base expects something" $?
exits 1 "a world that lies is found out" races --quiet --seeds 1..20 --sabotage verified-lies \
	--scenario "an office's/the fleet.json" --out "what's found"
replay=$(sed -n 's/^  replay: pfs-fleet //p' out | head -n 1)
smallest=$(sed -n 's/^  smallest: \(.*\) (.*/\1/p' out | head -n 1)
broken=$(sed -n 's/^seed //p' out | head -n 1)
[ -f "$smallest" ] && [ "${smallest#/}" != "$smallest" ]
check "where the smallest case is holds in any folder" $?
! grep -q -e expect -e schema "$smallest"
check "it expects nothing that was said of another fleet" $?
exits 0 "and is a scenario that passes where nothing lies" run --engine sim --mode pfs --quiet --out run "$smallest"
mkdir elsewhere
cd elsewhere || exit 1
eval "\"$fleet\" $replay --quiet" >../out 2>../err
status=$?
cd ..
[ "$status" -eq 1 ]
check "the line that replays it does so elsewhere" $?
[ "$(sed -n 's/^seed //p' out | head -n 1)" = "$broken" ]
check "and the same breaks" $?

# Broken off, by a signal to it alone. It is at work once a failure, or its progress, is to be read.
interrupt() { # SIGNAL, FILE, PATTERN, ARGUMENT...
	signal=$1 file=$2 pattern=$3
	shift 3
	rm -f out err # of the one before
	"$fleet" "$@" >out 2>err </dev/null &
	pid=$!
	until grep -q -e "$pattern" "$file" 2>/dev/null; do kill -0 $pid 2>/dev/null || break; done
	worker=$(pgrep -P $pid | head -n 1)
	kill "-$signal" $pid
	wait $pid
	got=$?
}
for signal in INT TERM; do
	interrupt $signal err "^races: " races --seeds 1..1000000 --workers 2
	check "SIG$signal: nothing was found: inconclusive" "$((got == 3 ? 0 : 1))"
	says out "^interrupted after [1-9][0-9]* of 1000000 seeds$" "it says after how many seeds"
	says out "^[1-9][0-9]* seeds, [0-9]* faults, .*: 0 failures$" "and sums them up"
	[ -n "$worker" ] && ! kill -0 "$worker" 2>/dev/null
	check "no worker is left" $?
	[ ! -e results ]
	check "no folder is left" $?
done
interrupt TERM err "^races: .* [1-9][0-9]* failures" races --seeds 1..1000000 --workers 1 --sabotage verified-lies --out cut
check "a failure was found: that counts" "$((got == 1 ? 0 : 1))"
says out "^interrupted after [1-9][0-9]* of 1000000 seeds$" "it was interrupted all the same"
says out "^seed [0-9]*: broken: " "the failure is printed"
[ -f "$(sed -n 's/^  smallest: \(.*\) (.*/\1/p' out | head -n 1)" ]
check "and its smallest case is there" $?

echo "1..$number"
exit "$((bad ? 1 : 0))"
