#!/usr/bin/env bash
# Builds the release binary and measures it on a private cluster in a temporary directory. Arguments go to `hookload`:
# `bench/run.sh --only ingest --seconds 2 --rounds 1`. bench/README.md says how to read the tables.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
nice cargo build --release ${CI:+--locked} --package server --package bench

# Live connections are files, on both sides.
ulimit -n "$(ulimit -H -n)"

# Open for passing through only: the database's account must reach its own directory in it.
work=$(mktemp -d)
chmod 711 "$work"
trap 'rm -rf "$work"' EXIT

date --utc +%Y-%m-%dT%H:%MZ
"$target/release/hookload" --voxanne "$target/release/voxanne" --dir "$work" "$@"
echo "load at the end: $(cut -d' ' -f1-3 /proc/loadavg)"
