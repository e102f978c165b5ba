#!/bin/sh
# pfs-fleet check: its exit status, where it writes, and that the plan says who takes part and why.
# Writes TAP. Arguments: the program, the project's folder.
set -u
fleet=$1 root=$2
work=$(mktemp -d) || exit 99
trap 'rm -r -- "$work"' EXIT
number=0 failed=0

report() { # status what
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		sed 's/^/# /' "$work/out" "$work/err"
		failed=1
	fi
}

run() { # expected status, arguments
	expected=$1
	shift
	"$fleet" check "$@" >"$work/out" 2>"$work/err"
	[ $? -eq "$expected" ]
}

# What the host of the test allows: a container may have no namespaces, an ordinary user has no real server.
namespaces=0 real=0
"$fleet" doctor | grep -q '^ok  *network namespaces' || namespaces=4 real=4
[ "$(id -u)" -eq 0 ] && [ -x /usr/sbin/in.tftpd ] && [ -x /usr/sbin/dnsmasq ] || real=4

for scenario in "$root"/scenarios/*.json; do
	case $scenario in */schema.json) continue ;; esac
	expected=$namespaces
	case $scenario in */in-tftpd.json | */dnsmasq.json) expected=$real ;; esac
	run "$expected" "$scenario" && [ ! -s "$work/err" ]
	report $? "check takes ${scenario##*/}"
done

run "$namespaces" "$root/scenarios/branch-office.json"
grep -q 'CP-7960G .*traditional: the model has no PFS$' "$work/out" &&
	grep -q "traditional: disabled, by the phone's own page$" "$work/out" &&
	grep -q 'CP-7970G .*takes part, by the enterprise configuration$' "$work/out"
report $? "the plan says who takes part, who does not, and why (F9, F10)"
grep -q 'hierarchies of a PFS run, one TFTP transfer each: 60$' "$work/out"
report $? "the plan says how many hierarchies there will be (F5, F6, F7)"

echo '{"sites": [{"name": "a", "wan": {"rate": "1.5mb"}}]}' >"$work/branch.json"
run 2 "$work/branch.json" && [ ! -s "$work/out" ] && [ "$(cat "$work/err")" = \
	"$work/branch.json: sites[0].wan.rate: \"1.5mb\": unknown unit, use bit, kbit, mbit or gbit" ]
report $? "a bad scenario: exit 2, one line on standard error, nothing printed"

run 2 "$work/nothing.json" && grep -q 'cannot be read: No such file' "$work/err"
report $? "a missing file: exit 2"
run 2
report $? "no scenario: exit 2"
run 2 a b
report $? "two scenarios: exit 2"
run 2 --nonsense
report $? "an unknown option: exit 2"

# A million phones: no host of today has the memory.
cat >"$work/large.json" <<EOF
{"sites": [{"name": "a", "wan": {"rate": "1gbit", "rtt": "1ms"}, "subnets": [
{"name": "s", "network": "10.0.0.0/9", "phones": [{"model": "7961", "count": 1000000}]}]}], "scale": "1/1000"}
EOF
run 4 "$work/large.json" && grep -Eq '^  memory, estimated .*DOES NOT FIT, [1-9][0-9]+ phones would$' "$work/out"
report $? "too large for the host: exit 4, and the line that does not fit says how many phones would"
{ run 0 --engine sim "$work/large.json" || run 4 --engine sim "$work/large.json"; } &&
	grep -q '^  memory, estimated  *[0-9]* MB' "$work/out" && ! grep -q namespaces "$work/out"
report $? "in virtual time it needs memory alone"
# Its own limit of descriptors is raised where it may be, and said where it may not.
(
	ulimit -n 128
	run 0 "$root/scenarios/branch-office.json" || { run 4 "$root/scenarios/branch-office.json" &&
		grep -q '^  descriptors, at worst .*128 .*DOES NOT FIT, .* would on each switch$' "$work/out"; }
)
report $? "too few descriptors: raised by who may, else exit 4"

# What "run" would refuse, "check" does not call good. As an ordinary user, where the test is root.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	cp "$fleet" "$work/pfs-fleet" && cp "$root/scenarios/in-tftpd.json" "$root/scenarios/smoke.json" "$root/scenarios/branch-office.json" "$work"
	chmod -R a+rX "$work"
	as_user() { (cd "$work" && setpriv --reuid 65534 --regid 65534 --clear-groups "$@" >out 2>err); }
	as_user ./pfs-fleet check in-tftpd.json
	[ $? -eq 4 ] && grep -q '^  root, for in.tftpd .*DOES NOT FIT' "$work/out"
	report $? "a real server for an ordinary user: exit 4, and the line says so"
	as_user ./pfs-fleet run in-tftpd.json --out "$work/none"
	[ $? -eq 4 ] && grep -q 'in.tftpd: needs root' "$work/err" && [ "$(wc -l <"$work/err")" -eq 1 ]
	report $? "run refuses it at once"
	as_user sh -c 'ulimit -n 138; exec ./pfs-fleet check smoke.json'
	[ $? -eq 4 ] && grep -q '^  descriptors, at worst .* 138 .*DOES NOT FIT, [1-9][0-9]* phones would on the switch$' "$work/out"
	report $? "too few descriptors, and nobody to raise them: check says how many phones would fit, exit 4"
	as_user sh -c 'ulimit -n 138; exec ./pfs-fleet run smoke.json'
	[ $? -eq 4 ] && grep -q '6 phones on 1 worker need 149 descriptors .* 4 a phone (161 with 6, at worst), .* gives 138, room for 3 phones on the switch (2 at worst): ulimit -Hn 161 as root, or fewer phones$' "$work/err" &&
		[ "$(wc -l <"$work/err")" -eq 1 ]
	report $? "too few descriptors to begin: run says how many at once, exit 4"
	as_user sh -c 'ulimit -n 500; exec ./pfs-fleet run branch-office.json --workers 1 --out '"$work/one"
	[ $? -eq 4 ] && grep -q '122 phones on 1 worker need 6[0-9][0-9] .* room for [1-9][0-9]* phones on each switch .* more workers' "$work/err" && ! test -e "$work/one"
	report $? "too few descriptors for the workers that were asked for, exit 4"

	if unshare --mount true 2>"$work/err"; then
		echo 'MemAvailable: 36000 kB' >"$work/meminfo"
		unshare --mount sh -c 'mount --bind "$1/meminfo" /proc/meminfo && exec "$2" run "$3/scenarios/smoke.json" --out "$1/lean"' \
			sh "$work" "$fleet" "$root" >"$work/out" 2>"$work/err"
		[ $? -eq 4 ] && grep -q ' phones need some [0-9]* MB of memory, the host has 36 MB left, room for [0-9]* phones' "$work/err" &&
			[ "$(wc -l <"$work/err")" -eq 1 ] && ! test -e "$work/lean"
		report $? "too little memory: run says how many phones it has room for, exit 4"
	fi

	# Many switches share a table, and the first worker's has a descriptor of each phone of another.
	floors() { # sites, floors of each, phones on each: a scenario
		awk -v sites="$1" -v floors="$2" -v phones="$3" 'BEGIN {
			printf "{\"sites\": ["
			for (s = 0; s < sites; s++) {
				printf "%s{\"name\": \"s%d\", \"wan\": {\"rate\": \"20mbit\", \"rtt\": \"4ms\"}, \"subnets\": [", s ? ",\n" : "", s
				for (f = 0; f < floors; f++)
					printf "%s{\"name\": \"f%d\", \"network\": \"10.%d.%d.0/22\", \"phones\": [{\"model\": \"7961\", \"count\": %d}]}", \
						f ? ",\n" : "", f, s + 1, 4 * f, phones
				printf "]}"
			}
			print "], \"scale\": \"1/1000\"}"
		}' >"$work/floors.json"
	}
	floors 1 40 300
	as_user sh -c 'ulimit -n 5000; exec ./pfs-fleet check floors.json'
	status=$?
	fit=$(sed -n 's/^  descriptors, at worst .* DOES NOT FIT, \([0-9]*\) phones would on each switch$/\1/p' "$work/out")
	[ "$status" -eq 4 ] && [ "${fit:-0}" -gt 0 ]
	report $? "forty switches: check says how many phones on each would fit"
	as_user sh -c 'ulimit -n 5000; exec ./pfs-fleet run floors.json --out '"$work/forty"
	[ $? -eq 4 ] && grep -q "one for each phone of another, .* room for $fit phones on each switch ($fit at worst): " "$work/err" &&
		! grep -q 'more switches\|more workers' "$work/err"
	report $? "run says the same number, whose table it is, and nothing that would not help"
	floors 1 40 "${fit:-1}"
	as_user sh -c 'ulimit -n 5000; exec ./pfs-fleet check floors.json'
	grep -q '^  descriptors, at worst' "$work/out" && ! grep -q '^  descriptors, at worst .*DOES NOT' "$work/out"
	report $? "so many do fit"
	floors 1 40 "$((${fit:-0} + 1))"
	as_user sh -c 'ulimit -n 5000; exec ./pfs-fleet check floors.json'
	[ $? -eq 4 ] && grep -q '^  descriptors, at worst .*DOES NOT FIT' "$work/out"
	report $? "and one more on each does not"
	floors 125 2 1
	as_user sh -c 'ulimit -n 1150; exec ./pfs-fleet check floors.json'
	[ $? -eq 4 ] && grep -q '^  descriptors, at worst .*DOES NOT FIT, not one phone would on each switch$' "$work/out"
	report $? "what sites and switches hold is counted"
	as_user sh -c 'ulimit -n 1150; exec ./pfs-fleet run floors.json --out '"$work/many"
	[ $? -eq 4 ] && grep -q 'no room for phones beside 250 switches and 125 sites: ' "$work/err" &&
		[ "$(wc -l <"$work/err")" -eq 1 ] && ! test -e "$work/many"
	report $? "run refuses them before anything is made"
	floors 1 2 150
	mkdir -m 777 "$work/open"
	as_user sh -c 'ulimit -n 1000; exec ./pfs-fleet gate floors.json --workers 1 --out '"$work/open/gate"
	[ $? -eq 4 ] && grep -q '300 phones on 1 worker need .* room for [1-9][0-9]* phones on each switch .* more workers' "$work/err"
	report $? "so does a gate's run"
fi

# A user namespace may hold its own down without touching the host's limit.
few() { # limit: runs with so many network namespaces
	unshare -Ur sh -c 'echo "$1" >/proc/sys/user/max_net_namespaces && exec "$2" run "$3" --quiet --out "$4"' \
		sh "$1" "$fleet" "$root/scenarios/smoke.json" "$work/few" >"$work/out" 2>"$work/err"
}
if [ "$namespaces" -eq 0 ] && unshare -Ur sh -c 'echo 9 >/proc/sys/user/max_net_namespaces' 2>/dev/null; then
	few 5
	[ $? -eq 4 ] && grep -q '6 phones need 9 network namespaces, the host gives 5, room for 2 phones:' "$work/err" &&
		[ "$(wc -l <"$work/err")" -eq 1 ] && [ ! -e "$work/few" ]
	report $? "too few namespaces: run says how many at once, exit 4, no folder"
	# The one that the program itself stays in is not the fleet's: the last phone finds none.
	few 9
	[ $? -eq 4 ] && grep -q 'No space left on device: .*sysctl user.max_net_namespaces=' "$work/err" &&
		[ ! -e "$work/few" ]
	report $? "namespaces that run out while a fleet is made: exit 4, and what to do"
fi

echo "1..$number"
exit $failed
