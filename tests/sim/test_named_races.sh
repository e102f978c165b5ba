#!/bin/sh
# The named races: each file of scenarios/races/ makes one race happen, on
# purpose, and says in its head what it is, what must come out and which mistake
# it would catch. Here each is run as it stands and with other seeds, which
# change every drawn time; that each catches its mistake is shown by
# tests/mutants.
# Usage: test_named_races.sh PFS_FLEET FOLDER
set -u

# They may be relative, and the test works elsewhere.
. "$(dirname "$(realpath "$0")")/../cli/tap.sh"
fleet=$(realpath "$1")
races=$(realpath "$2")
work=$(mktemp -d "${TMPDIR:-/tmp}/pfs-races-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# says_what FILE: a head of comments that says what it is, and then what it catches
says_what() {
	awk '!/^\/\// { exit } /^\/\/ Catches: ./ { catches = NR } END { exit catches < 3 }' "$1"
}

count=0
for file in "$races"/*.json; do
	name=$(basename "$file" .json)
	count=$((count + 1))
	says_what "$file"
	check "$name says what it is and what it catches" $?
	# A thousand phones draw enough at once.
	seeds="1 2 3"
	[ "$name" = mass-reset-1000 ] && seeds=1
	failed=
	for seed in $seeds; do
		rm -rf out.d
		"$fleet" run --engine sim --mode pfs --quiet --seed "$seed" --out out.d "$file" >one 2>one.err </dev/null
		status=$?
		[ $status -eq 0 ] && continue
		failed="$failed $seed"
		{ echo "seed $seed: exit status $status"; cat one.err; grep -e 'Does not hold' -e '^verdict' one; } >>err
	done
	test -z "$failed"
	check "$name comes out as it must" $?
	rm -f err
done
test "$count" -ge 40
check "they are forty at least" $?
echo "1..$number"
exit "$((bad ? 1 : 0))"
