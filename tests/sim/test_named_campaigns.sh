#!/bin/sh
# A campaign over each named race: its fleet with faults drawn on top, so that
# the race meets what nobody thought of beside it. What must come out (`expect`)
# is the undisturbed race's and is not asked; docs/protocol.md's "What always
# holds" is. More seeds than these: pfs-fleet races --scenario RACE --seeds 1..1000.
# With a sanitizer's build, which is there for the memory and four times slower, an
# eighth of the seeds.
# Usage: test_named_campaigns.sh PFS_FLEET FOLDER [SHARE: one seed in so many, 1 if not said]
set -u

. "$(dirname "$(realpath "$0")")/../cli/tap.sh"
fleet=$(realpath "$1")
races=$(realpath "$2")
share=${3-1}
work=$(mktemp -d "${TMPDIR:-/tmp}/pfs-campaigns-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

for file in "$races"/*.json; do
	name=$(basename "$file" .json)
	# The large one, and those whose floods last an hour, are dear.
	case $name in
	mass-reset-1000 | bug-direct-with-pfs) last=10 ;;
	garbage) last=20 ;;
	*) last=40 ;;
	esac
	last=$((last / share))
	"$fleet" races --quiet --scenario "$file" --seeds "1..$last" --out found >out 2>err </dev/null
	status=$?
	# The seed, the invariant, the line that replays it and the smallest case.
	[ $status -eq 0 ] || { grep -e '^seed' -e '^  ' out; cat found/*.txt 2>/dev/null; } >run.err
	check "$name holds whatever else goes wrong, seeds 1 to $last" $status
	rm -rf run.err found
done
echo "1..$number"
exit "$((bad ? 1 : 0))"
