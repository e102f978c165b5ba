#!/bin/sh
# Each patch that a measurement of the tests rests on still fits the sources, to the line: those of tests/mutants and
# of tests/gate. Without this the long measurements would be the first to notice.
#   patches.sh SOURCE
set -u

source=$1
count=0
failed=0
for patch in "$source"/tests/mutants/*.patch "$source"/tests/mutants/races/*.patch "$source"/tests/gate/*.patch; do
	count=$((count + 1))
	name=${patch#"$source"/tests/}
	if said=$(patch --dry-run -p1 -F0 -s -d "$source" -i "$patch" 2>&1); then
		echo "ok $count $name"
	else
		failed=1
		echo "not ok $count $name"
		echo "$said" | sed 's/^/# /'
	fi
done
echo "1..$count"
exit $failed
