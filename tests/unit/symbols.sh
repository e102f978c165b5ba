#!/bin/sh
# pfs-core sees nothing of the host: what its archive leaves undefined is memory
# and string functions and __assert_fail. A clock, a socket, an allocation or a
# printf would show here. Usage: symbols.sh ARCHIVE
set -eu
echo 1..1
defined=$(nm --defined-only "$1" | awk 'NF == 3 { print $3 }' | sort -u)
strangers=$(nm --undefined-only "$1" | awk '$1 == "U" { print $2 }' | sort -u | while read -r name; do
	case $name in
	mem* | strlen | strnlen | strcmp | strncmp | __assert_fail | _GLOBAL_OFFSET_TABLE_) continue ;;
	esac
	echo "$defined" | grep -qx "$name" || echo "$name"
done)
# An archive without any symbol would prove nothing.
if ! echo "$defined" | grep -qx pfs_step; then
	echo "not ok 1 - symbols: no pfs_step in $1"
	exit 1
fi
if [ -n "$strangers" ]; then
	echo "not ok 1 - symbols"
	echo "$strangers" | sed 's/^/# undefined: /'
	exit 1
fi
echo "ok 1 - symbols"
