#!/bin/sh
# pfs-fleet run --journal and replay, as a user meets them: what they print,
# refuse and exit with. In virtual time: no privileges.
# usage: test_replay.sh PFS-FLEET SCENARIOS
set -u

# They may be relative, and the test works elsewhere.
. "$(dirname "$(realpath "$0")")/tap.sh"
fleet=$(realpath "$1")
scenarios=$(realpath "$2")
work=$(mktemp -d "${TMPDIR:-/tmp}/pfs-cli-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
smoke=$scenarios/smoke.json

exits 0 "a run with a journal is good" run "$smoke" --engine sim --journal --out all -q
says out "^journal: all/pfs.journal: [0-9.]* kB, [0-9]* events of 6 phones$" "it says where the journal is"
says out "^journal: all/traditional.journal: " "one a mode"
exits 0 "it replays" replay all/pfs.journal
says out "^Journal of smoke, sim, pfs, seed 1, " "it says what was run"
says out "^SEP021B54000001  *[0-9]*  *1  *[0-9]*  identical$" "one line a phone"
says out "^all 6 phones identical, [0-9]* events$" "and one for all"
exits 0 "so does the traditional one" replay all/traditional.journal

same=0
for log in all/console/*.log; do
	"$fleet" replay all/pfs.journal --phone "$(basename "$log" .log)" >replayed 2>err && cmp -s replayed "$log" || same=1
done
check "the replayed console logs are those of the run" $same
exits 0 "a phone by its address" replay all/pfs.journal --phone 10.1.1.3
says err "^SEP021B54000002 .* identical$" "the verdict goes to the standard error"
exits 0 "every event in words" replay all/pfs.journal --phone SEP021B54000001 --verbose
says out "^# 1 0.000000 START$" "begins with the start"
says out "^#   CONNECT connection [0-9a-f]* to 10.1.1." "and tells the actions"
exits 0 "it stops before an event" replay all/pfs.journal --phone SEP021B54000001 --stop-at 15
says out "^SEP021B54000001 before event 15 (.*) at [0-9.]* s: [a-z]*" "with the phone's state"

exits 0 "a what-if with a journal" run "$scenarios/what-if.json" --engine sim --mode pfs --journal --out whatif -q
exits 0 "replays by its own knobs" replay whatif/pfs.journal
says out "^all 17 phones identical, " "every phone"

exits 2 "no journal is a usage error" replay
exits 2 "an option about a phone without one is a usage error" replay all/pfs.journal --verbose
exits 2 "the 0th event is a usage error" replay all/pfs.journal --phone 10.1.1.3 --stop-at 0
exits 2 "an event that is not there is refused" replay all/pfs.journal --phone 10.1.1.3 --stop-at 100000
says err "stop-at: 100000: SEP021B54000002 has [0-9]* events" "and says how many there are"
exits 2 "a phone that is not there is refused" replay all/pfs.journal --phone SEP0
says err "^pfs-fleet: SEP0: is not in all/pfs.journal, which has SEP021B54000001 to SEP021B54000006" "and says who is"
exits 2 "a journal that is not there is refused" replay none.journal
says err "^none.journal: No such file" "by name"
exits 2 "what is no journal is refused" replay "$smoke"
says err "smoke.json: offset 0: is no journal" "by name and offset"
head -c 30000 all/pfs.journal >short.journal
exits 2 "a journal cut short is refused" replay short.journal
says err "^short.journal: offset 30000: ends here; [0-9]* more bytes were expected" "it says where and what"
exits 0 "but not with --partial" replay short.journal --partial
says out "phones identical" "which replays what is there"
{ head -c 40000 all/pfs.journal && printf x && tail -c +40002 all/pfs.journal; } >bad.journal
exits 2 "a damaged journal is refused" replay bad.journal
says err "^bad.journal: offset [0-9]*: the block's checksum is not that of its bytes" "it says where"

exits 2 "phones that are not there are refused" run "$smoke" --engine sim --journal=SEP1 --out none -q
says err '^pfs-fleet: --journal: "SEP1": no such phones: use a name or address of SEP021B54000001 to ' "it says which there are"
test ! -e none
check "and nothing is made" $?
exits 2 "a size without a unit is a usage error" run "$smoke" --journal-size 5
exits 2 "a size without a journal too" run "$smoke" --journal-size 1kB
says err "needs --journal" "and the error says what is missing"
exits 0 "some phones alone" run "$smoke" --engine sim --mode pfs --out some -q \
	--journal=SEP021B54000002..SEP021B54000003,10.1.1.7
exits 0 "replay" replay some/pfs.journal
says out "^all 3 phones identical" "they are the ones"
exits 0 "past its size a journal is cut, the run is good" run "$smoke" --engine sim --mode pfs --out cut -q \
	--journal --journal-size 20kB
says out "^journal: cut/pfs.journal: .*; cut (size limit), the last [0-9]* are not in it" "it says so"
exits 0 "what there is replays" replay cut/pfs.journal
says out "identical, as far as the journal goes: of [0-9]* events" "and says how far"

# full disk: the run goes on, and says so with its status
(ulimit -f 20 && trap '' XFSZ && exec "$fleet" run "$smoke" --engine sim --mode pfs --journal --out full -q) >out 2>err
got=$?
[ $got -eq 4 ] || echo "# exit status $got, expected 4"
check "a journal that cannot be written: exit 4" "$((got == 4 ? 0 : 1))"
says err "^pfs-fleet: cannot write full/pfs.journal: File too large: it ends there" "it says so"

echo "1..$number"
exit "$((bad ? 1 : 0))"
