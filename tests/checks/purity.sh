#!/bin/sh
# The decision core is pure: tests/lint/pure.sh.
set -eu
. tests/checks/tools.sh
sh tests/lint/pure.sh gcc
tell "$(find reconciler -name '*.c' | wc -l) files of reconciler/: no call to the outside, no writable data"
