#!/bin/sh
# pfs-fleet races: a campaign is green; the number of workers changes nothing;
# a world that breaks a promise on purpose is found out, shrunk, and what is
# left reproduces. The promises are docs/protocol.md's, "What always holds".
# Usage: test_races.sh PFS_FLEET [SEEDS: how many have to hold, 300 if not said]
fleet=$1
seeds=${2-300}
number=0
source=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

echo 1..24

# is NAME COMMAND...: ok where the command succeeds
is() {
	number=$((number + 1))
	name=$1
	shift
	if "$@" >"$scratch/said" 2>&1; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		sed 's/^/# /' "$scratch/said"
	fi
}

# exits STATUS COMMAND...: succeeds where the command ends so; its output is in out and err
exits() {
	wanted=$1
	shift
	"$@" >"$scratch/out" 2>"$scratch/err"
	status=$?
	[ $status -eq "$wanted" ] && return 0
	echo "exit $status, not $wanted"
	cat "$scratch/out" "$scratch/err"
	return 1
}

# The seed of the first failure, and the invariant, of what was last said.
failing_seed() { sed -n 's/^seed \([0-9]*\): broken: .*/\1/p' "$1" | head -n 1; }
invariant() { sed -n 's/^seed [0-9]*: broken: //p' "$1" | head -n 1; }

is "so many seeds hold: $seeds" exits 0 "$fleet" races --quiet --phones 2..20 --seeds "1..$seeds" --workers 1
cp "$scratch/out" "$scratch/one"
is "two workers say the same" exits 0 "$fleet" races --quiet --phones 2..20 --seeds "1..$seeds" --workers 2
is "to the byte" cmp "$scratch/one" "$scratch/out"
is "no pair that is said to be impossible was met" sh -c "! grep 'said to be impossible' '$scratch/one'"

for sabotage in verified-lies alive-lost; do
	out="$scratch/$sabotage"
	is "$sabotage is found" exits 1 "$fleet" races --quiet --phones 2..20 --seeds 1..120 --out "$out" \
		--sabotage $sabotage
	cp "$scratch/out" "$scratch/$sabotage.out"
	seed=$(failing_seed "$scratch/$sabotage.out")
	broken=$(invariant "$scratch/$sabotage.out")
	replay=$(sed -n 's/^  replay: pfs-fleet races //p' "$scratch/$sabotage.out" | head -n 1)
	# What of several failures is not shrunk is said to be, with the seed that was.
	is "$sabotage: each failure is shrunk or said not to be" sh -c "
		[ \$(grep -c '^seed .*: broken: ' '$scratch/$sabotage.out') -eq \
			\$(grep -c '^  smallest: \|^  not shrunk: ' '$scratch/$sabotage.out') ]"
	# shellcheck disable=SC2086 # the line is a command's arguments
	is "$sabotage: the line that replays it does" exits 1 "$fleet" races --quiet --out "$out" $replay
	is "$sabotage: with the same invariant" [ "$(invariant "$scratch/out")" = "$broken" ]
	is "$sabotage: the smallest case reproduces it" exits 1 "$fleet" races --quiet --out "$scratch/again" \
		--scenario "$out/seed-$seed.json" --faults none --seeds "$seed" --sabotage $sabotage
	# What was shrunk cannot be shrunk further: the same document comes out.
	is "$sabotage: and nothing more can be taken from it" cmp "$out/seed-$seed.json" "$scratch/again/seed-$seed.json"
done
# That the case is the world's defect, not the core's: as it should be, it is a scenario that passes.
is "the smallest case passes where nothing is broken" exits 0 "$fleet" run --engine sim --mode pfs --quiet \
	--out "$scratch/run" "$scratch/verified-lies/seed-$(failing_seed "$scratch/verified-lies.out").json"
is "both diagrams tell it" sh -c "grep -q '^sequenceDiagram' '$scratch'/verified-lies/*.mmd &&
	grep -q 'BROKEN: ' '$scratch'/verified-lies/*.mmd && grep -q 'BROKEN: ' '$scratch'/verified-lies/*.txt"
# A folder of firmware beside the scenario is looked for there, wherever one stands; faults are drawn for the
# files that it has.
mkdir -p "$scratch/beside/firmware"
printf '# mine\r\njar41.sbn\r\n' >"$scratch/beside/firmware/SCCP41.9-9-9S.loads"
head -c 5000 /dev/zero >"$scratch/beside/firmware/jar41.sbn"
cat >"$scratch/beside/own.json" <<END
{"name": "own", "sites": [{"name": "branch", "wan": {"rate": "10mbit", "rtt": "30ms"}, "subnets": [{"name": "floor", "network": "10.1.0.0/24",
 "phones": [{"model": "7961", "count": 5, "firmware": "folder:firmware"}]}]}], "enterprise": {"pfs": "enabled"}}
END
is "a folder of firmware is found beside the scenario" exits 0 "$fleet" races --quiet --seeds 1..20 \
	--scenario "$scratch/beside/own.json" --out "$scratch/beside/out"
# What garbage said is still under way when the host is itself again: it was nobody's claim.
is "what a hostile host sent binds nobody" exits 0 "$fleet" races --quiet --phones 50..50 --seeds 280..280 \
	--out "$scratch/late"
# Two damages are cause to avoid a root for longer than a fault is felt; a phone that failed serves no longer.
is "roots that avoid each other may both stand" exits 0 "$fleet" races --quiet --seeds 26 \
	--scenario "$source/scenarios/races/crossing-claims.json" --out "$scratch/avoid"
is "a phone that failed is no holder once its port is closed" exits 0 "$fleet" races --quiet --seeds 16 \
	--scenario "$source/scenarios/races/latecomer-alone.json" --out "$scratch/holder"
is "a range that is none is an error" exits 2 "$fleet" races --seeds 9..1
is "so is a fault that is not known" exits 2 "$fleet" races --seeds 1 --faults kill,flood
