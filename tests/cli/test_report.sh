#!/bin/sh
# report: what is no run, or a damaged one, is refused by name and leaves no file; what is written is whole.
#   test_report.sh PFS_FLEET SCENARIOS
set -u
fleet=$(realpath "$1")
scenarios=$(realpath "$2")
. "$(dirname "$(realpath "$0")")/tap.sh"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

"$fleet" run "$scenarios/root-killed.json" --engine sim -q --console none --out run >out 2>err
check "a run to tell of" $?

# again FILE FROM TO: a copy of the run, bad, with one thing changed
again() {
	rm -rf bad
	cp -r run bad
	[ $# -eq 0 ] || sed -i "s|$2|$3|" "bad/$1"
}

# ---- what is told ----
exits 0 "as text" report run
says out "^Verdict: pass" "the verdict"
says out "killed in tftp at 50 %" "the fault"
says out "^- 1: taken out for good by a fault" "who has no firmware, and why"
says out "SEP.* lost its parent, apps41.*, SEP.*: nothing was heard from it any more" "who noticed"
says out " (root, from the server) " "the trees"
grep -q "$(printf '\033')" out
check "without control characters" "$((! $?))"
exits 0 "as Markdown" report run --format markdown
says out "^| Time to the last phone | " "with tables"
exits 0 "all trees" report run --trees all
trees=$(grep -c "phones, [0-9]* levels$" out)
check "there are as many as files" "$((trees == 6 ? 0 : 1))"
exits 0 "no trees" report run --trees none
grep -q "root, from the server" out
check "are none" "$((! $?))"
exits 0 "two runs" report run run
says out "^A: Verdict: pass" "the first"
says out "^B: Verdict: pass" "the second"
exits 0 "a file" report run -o page.html
says page.html "^<!DOCTYPE html>" "its format is that of its name"
"$fleet" report run -o second.html && cmp -s page.html second.html
check "the same run is the same bytes" $?
rm -rf none
cp -r run none && rm none/detail.json none/scenario.json
exits 0 "a run of an older program, without detail.json" report none
says out "left no detail.json" "says what it lacks"

"$fleet" run "$scenarios/what-if.json" --engine sim -q --console none --out whatif >out 2>err
check "a what-if to tell of" $?
[ "$(head -n 1 out)" = "what-if: fan-out 3: not what the phones do." ]
check "the first line of its table says so" $?
says whatif/summary.json '"text":.*"what-if: fan-out 3"' "and its summary"
grep -q what_if run/summary.json
check "that of a run of what phones do has no such field" "$((! $?))"
for format in text markdown html; do
	exits 0 "as $format" report whatif --format $format
	says out "what-if: fan-out 3: not what the phones do" "says so"
done
says out "Phones upgraded[^<]*, what-if: fan-out 3" "the curves have it in their titles"
exits 0 "beside another run" report run whatif
says out "^B: what-if: fan-out 3: not what the phones do" "it is told which"

# ---- what is not written ----
exits 2 "a file that is there" report run -o page.html
says err "page.html: is there already; --force replaces it" "stays as it is"
cmp -s page.html second.html
check "to the byte" $?
exits 0 "unless it is to be replaced" report run -f markdown -o page.html --force
says page.html "^# root-killed" "then it is the new one"
exits 4 "a folder that is not there" report run -o nowhere/page.html
says err "cannot write nowhere/page.html: No such file or directory" "is named"
exits 4 "a folder in the file's place" report run -o . --force
if full_device full; then
	exits 4 "a full device" report run -o full
	says err "cannot write full: No space left on device" "is named"
	exits 4 "also by force" report run -o full --force
	test -c full
	check "and is still a device" $?
else
	echo "ok $((number += 1)) - a full device # SKIP no device of its own can be made here"
fi
mkdir elsewhere
ln -s elsewhere/page.md linked.md
exits 0 "a link to what is not there yet" report run -o linked.md
exits 2 "and to what is" report run -o linked.md
exits 0 "unless it is to be replaced" report run -o linked.md --force
test -L linked.md && grep -q "^# root-killed" elsewhere/page.md
check "is followed" $?
"$fleet" report run >/dev/full 2>err
check "a full standard output: exit 4" "$(($? == 4 ? 0 : 1))"
(
	trap '' XFSZ
	ulimit -f 8 # of 512 bytes, or of 1,024
	"$fleet" report run -o cut.html 2>err
)
check "a full disk: exit 4" "$(($? == 4 ? 0 : 1))"
says err "cannot write .*cut.html: File too large" "is named"
check "nothing is left of it" "$(find . -name 'cut.html*' | wc -l)"

# ---- what is no run ----
exits 2 "no folder" report
exits 2 "three folders" report run run run
exits 2 "an unknown format" report run --format pdf
says err '"pdf": use text, markdown or html' "names the choices"
exits 2 "a folder that is not there" report nowhere
says err "^nowhere: there is no such folder" "is named"
mkdir empty
exits 2 "an empty folder" report empty -o empty.html
says err "^empty: is no folder of a run" "is named"
mkdir gate && echo '{}' >gate/gate.json
exits 2 "a gate's folder" report gate
says err "^gate: is the folder of a gate: the runs are in it, run-1 or" "names where they are"
check "no file is made" "$(find . -name 'empty.html*' | wc -l)"
cp run/scenario.json empty
exits 2 "a run that never ended" report empty
says err "ended before it wrote a summary.json" "is told as that"
again summary.json 'pfs-fleet/summary/1' 'pfs-fleet/summary/2'
exits 2 "a newer schema" report bad
says err 'bad/summary.json: schema: "pfs-fleet/summary/2": is of a newer program: this one reads "pfs-fleet/summary/1"' "both are named"
again summary.json 'pfs-fleet/summary/1' 'pfs-fleet/detail/1'
exits 2 "another kind of file" report bad
says err "is no summary of a run" "is told as that"
for file in summary detail scenario; do
	for keep in 0 1 300; do
		again
		head -c $keep "run/$file.json" >"bad/$file.json"
		exits 2 "the first $keep bytes of $file.json" report bad -o bad.html
		says err "^bad/$file.json: \(ends in the middle\|is empty\)" "are told as that"
	done
done
check "no file was made of any" "$(find . -name 'bad.html*' | wc -l)"
again summary.json '"upgraded":.*,' '"upgraded": "many",'
exits 2 "a number that is none" report bad
says err 'bad/summary.json: runs\[0\].upgraded: "many": expected a whole number' "file, path and value are named"
again detail.json '"seed":1,' '"seed":1, "x":[[[[[[[,'
exits 2 "what is not JSON" report bad
says err "^bad/detail.json: line 3: is not JSON" "says where"
again detail.json '"scenario":"root-killed"' '"scenario":"another"'
exits 2 "the detail of another run" report bad
says err "is another scenario than summary.json has" "is told as that"
again detail.json '^\[0,0,' '[99,0,'
exits 2 "a phone that is not in the fleet" report bad
says err "copies\[0\]: .*column 0: expected a number from 0 to 15" "is told as that"

echo "1..$number"
exit "$((bad ? 1 : 0))"
