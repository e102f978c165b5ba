#!/bin/sh
# chaos.json in 200 fleets of virtual time: other phones are killed at other
# moments by each seed. After each event what must always hold is looked at:
# nothing damaged is forwarded or installed, no more WAN copies than the faults
# explain, every phone that is alive ends. Usage: chaos_races.sh PFS_FLEET SCENARIO
set -u

. "$(dirname "$(realpath "$0")")/../cli/tap.sh"
fleet=$(realpath "$1")
scenario=$(realpath "$2")
work=$(mktemp -d "${TMPDIR:-/tmp}/pfs-chaos-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

exits 0 "200 seeds of kills, damage, a flapping WAN and a restarted server" \
	races --scenario "$scenario" --seeds 1..200 --faults none --quiet --out found
says out "^200 seeds, .* 0 failures" "everything held in all of them"
echo "1..$number"
exit "$((bad ? 1 : 0))"
