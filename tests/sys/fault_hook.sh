#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Whether a library has the hook of fault injection: in a release build no symbol, no reference and
# no text of it may be there. In a test build all of them must be, which shows that the search would
# find them.
#
# usage: fault_hook.sh present|absent LIBRARY
set -eu

expected=$1
library=$2

symbols=$(nm "$library" 2>/dev/null | grep -c 'tug_fault_' || true)
texts=$(grep -c -a 'TUG_FAULT' "$library" || true)
calls=$(nm "$library" 2>/dev/null | grep -c 'tug_sys_openat$' || true)
echo "$library: $symbols symbols and $texts texts of fault injection"

if [ "$calls" -eq 0 ]; then
    echo "and none of the calls that would have the hook" >&2
    exit 1
fi
case $expected in
absent) [ "$symbols" -eq 0 ] && [ "$texts" -eq 0 ] ;;
present) [ "$symbols" -gt 0 ] && [ "$texts" -gt 0 ] ;;
*) exit 2 ;;
esac
