#!/bin/sh
# pfs-fleet exec: what a command sees inside a phone of a fleet that runs. On
# the real kernel, so it is skipped where the host lets nobody make namespaces.
# usage: test_exec.sh PFS-FLEET SCENARIOS
set -u

. "$(dirname "$(realpath "$0")")/tap.sh"
fleet=$(realpath "$1")
scenarios=$(realpath "$2")
if ! "$fleet" doctor | grep -q '^ok  *network namespaces'; then
	echo "1..0 # SKIP no network namespaces here"
	exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/pfs-exec-XXXXXX")
run=
trap '[ -z "$run" ] || { kill -INT $run 2>/dev/null; wait $run; }; rm -rf "$work"' EXIT
cd "$work" || exit 1
# A line so slow that the fleet outlives the test; SIGINT ends it.
sed -e 's/"rate": "[0-9.]*[kmg]*bit"/"rate": "8kbit"/' -e 's/"speed": [0-9.]*/"speed": 1/' \
	-e '/"expect"/,/}/d' -e 's/\("enterprise".*\),/\1/' "$scenarios/smoke.json" >slow.json
"$fleet" run slow.json --quiet --out fleet >run.out 2>run.err </dev/null &
run=$!
# The socket is there before it answers, and exec says so.
until "$fleet" exec --run fleet headquarters -- true >out 2>err || ! kill -0 $run 2>/dev/null; do
	sleep 0.05
done
kill -0 $run 2>/dev/null
check "the fleet runs" $?

before=$(ls /sys/class/net)
"$fleet" exec --run fleet headquarters -- cat /proc/net/dev >dev 2>err
check "a command runs inside" $?
"$fleet" exec --run fleet headquarters -- sh -c 'cd /sys/class/net; ls -d */ | tr -d /; exit 7' >out 2>err
check "its exit status is the command's" "$(($? != 7))"
if unshare -Urnm mount -t sysfs sysfs /sys 2>/dev/null || unshare -nm mount -t sysfs sysfs /sys 2>/dev/null; then
	sed -n 's/^ *\([^:]*\):.*/\1/p' dev | sort >wanted
	sort out | cmp -s - wanted
	check "its /sys is that of the namespace, as its /proc/net" $?
else
	check "its /sys is that of the namespace # SKIP sysfs cannot be mounted here" 0
fi
[ "$(ls /sys/class/net)" = "$before" ]
check "the host's /sys is as it was" $?

echo "1..$number"
exit "$((bad ? 1 : 0))"
