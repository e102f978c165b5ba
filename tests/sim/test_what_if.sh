#!/bin/sh
# Campaigns over what no phone does: with each knob turned, drawn faults on top,
# everything that always holds does. More seeds than these: pfs-fleet races
# --scenario scenarios/what-if.json --seeds 1..1000.
# With a sanitizer's build, which is there for the memory and four times slower, a
# quarter of the seeds.
# Usage: test_what_if.sh PFS_FLEET SCENARIO [SHARE: one seed in so many, 1 if not said]
set -u

. "$(dirname "$(realpath "$0")")/../cli/tap.sh"
fleet=$(realpath "$1")
scenario=$(realpath "$2")
share=${3-1}
work=$(mktemp -d "${TMPDIR:-/tmp}/pfs-what-if-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# holds KNOBS: the scenario with these instead of its own
holds() {
	sed "s/\"what_if\": {[^}]*}/\"what_if\": { $1 }/" "$scenario" >knobs.json
	grep -qF "\"what_if\": { $1 }" knobs.json || exit 1
	"$fleet" races --quiet --scenario knobs.json --seeds "1..$((60 / share))" --out found >out 2>err </dev/null
	status=$?
	# The seed, the invariant, the line that replays it and the smallest case.
	[ $status -eq 0 ] || { grep -e '^seed' -e '^  ' out; cat found/*.txt 2>/dev/null; } >run.err
	check "{ $1 } holds whatever else goes wrong" $status
	rm -rf run.err found
}

for fan_out in 1 3 4; do
	holds "\"fan_out\": $fan_out"
done
for waits in 10 40; do
	holds "\"waits\": \"$waits%\""
done
holds '"forward_early": true'
holds '"fan_out": 4, "waits": "25%", "forward_early": true'
echo "1..$number"
exit "$((bad ? 1 : 0))"
