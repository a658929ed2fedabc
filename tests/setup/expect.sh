# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# Sourced by the tests of this directory. Each case of a test is one call of expect.

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failures=0

# expect NAME STATUS PATTERN COMMAND...: runs a command for at most 30 s. It must end with STATUS
# (`fail`: any status but 0, of a program that was not killed) and say something that matches the
# extended regular expression PATTERN, unless that is empty.
expect() {
    name=$1 status=$2 pattern=$3
    shift 3
    actual=0
    timeout 30 "$@" >"$work/output" 2>&1 </dev/null || actual=$?
    case $status in
    fail) [ "$actual" -gt 0 ] && [ "$actual" -lt 124 ] ;;
    *) [ "$actual" -eq "$status" ] ;;
    esac || {
        echo "FAIL $name: status $actual, expected $status" >&2
        sed 's/^/    /' "$work/output" >&2
        failures=$((failures + 1))
        return
    }
    if [ -n "$pattern" ] && ! grep -Eq "$pattern" "$work/output"; then
        echo "FAIL $name: the output does not match '$pattern'" >&2
        sed 's/^/    /' "$work/output" >&2
        failures=$((failures + 1))
        return
    fi
    echo "ok $name"
}

# expect_that NAME TEST-ARGUMENT...: a condition of test(1) must hold.
expect_that() {
    name=$1
    shift
    if test "$@"; then
        echo "ok $name"
    else
        echo "FAIL $name: not true: $*" >&2
        failures=$((failures + 1))
    fi
}

# The last line of a test.
finish() {
    [ "$failures" -eq 0 ] || exit 1
}
