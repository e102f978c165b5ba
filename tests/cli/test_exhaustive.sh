#!/bin/sh
# pfs-fleet races --exhaustive, as a user meets it: exit statuses, the same
# output twice, an honest word where a bound was met. usage: test_exhaustive.sh PFS-FLEET
set -u

. "$(dirname "$(realpath "$0")")/tap.sh"
fleet=$(realpath "$1")
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
says err "expected a number from 2 to 4" "the range is told"
exits 2 "somebody has to live" races --exhaustive --phones 2 --kills 2
exits 2 "an ordering that there is not" races --exhaustive --phones 2 --order 4
exits 2 "seeds are the other search's" races --exhaustive --seeds 1..2
exits 2 "no argument is taken" races --exhaustive scenario.json

echo "1..$number"
exit "$((bad ? 1 : 0))"
