#!/bin/sh
# Who includes whom: tests/lint/includes.sh.
set -eu
. tests/checks/tools.sh
sh tests/lint/includes.sh
tell "each library's header is included by the one file that knows the library"
