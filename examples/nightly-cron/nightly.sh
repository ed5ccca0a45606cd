#!/bin/sh
# For cron:  15 2 * * *  /etc/kustash/nightly.sh
# Exit code 0: everything that had settled is archived. 1: at least one slice is
# not; the next night tries it again, and "kustash status" says why.
set -eu
cd "$(dirname "$0")"
kustash apply -auto-approve -input=false -no-color -lock-timeout=10m "$@"
kustash status -max-lag=26h -no-color "$@"
