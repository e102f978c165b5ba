# TAP for the tests of the command line, to be sourced. The test sets $fleet, and
# prints "1..$number" at its end; out and err are those of the last exits.
number=0
bad=0

# check TEXT STATUS: one TAP line; STATUS 0 is good
check() {
	number=$((number + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $number - $1"
	else
		bad=$((bad + 1))
		echo "not ok $number - $1"
		sed 's/^/# /' out err run.err 2>/dev/null | head -20
	fi
}

# exits WANTED TEXT ARGUMENT...: runs it; output in out and err
exits() {
	wanted=$1 text=$2
	shift 2
	"$fleet" "$@" >out 2>err </dev/null
	got=$?
	[ "$got" -eq "$wanted" ] || echo "# exit status $got, expected $wanted"
	check "$text" "$((got == wanted ? 0 : 1))"
}

# says FILE PATTERN TEXT
says() {
	grep -q -e "$2" "$1"
	check "$3" $?
}

# full_device NAME: makes a device that is always full, of the test's own: a program that replaces it spoils nothing of
# the host's. False where that is not allowed, or the file system has no devices.
full_device() {
	mknod "$1" c 1 7 2>/dev/null && echo | LC_ALL=C tee "$1" 2>&1 >/dev/null | grep -q 'No space left'
}
