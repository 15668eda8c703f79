#!/bin/sh
# SPDX-License-Identifier: LGPL-3.0-only
# The first session, for `./dev run`: runs inside an instance; $HELLO is an MPI program.
set -e

show()
{
    printf '\n\033[1m$ %s\033[0m\n' "$*"
    "$@"
}

show flux resource list
show flux run -N4 -n8 --label-io "$HELLO"
show flux jobs -a
show flux job eventlog "$(flux job last)"
