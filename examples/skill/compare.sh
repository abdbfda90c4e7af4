#!/usr/bin/env bash
# From recordings to the page of what has skill: every yml of this folder is run and evaluated, in a home of its own.
#   examples/skill/compare.sh /data/recordings skill.md
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -eq 2 ] || { echo "usage: compare.sh FOLDER_OF_RECORDINGS PAGE" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/*.yml "$work"
ln -s "$(realpath "$1")" "$work/data"
mkdir -p "$work/home" && ln -s "$HOME/.foretable/jars" "$work/home/jars"
export FORETABLE_HOME=$work/home
for recording in bitflyer binance_us bitstamp; do
    foretable --quiet run "$work/$recording.yml" >&2
    foretable --quiet --config "$work/$recording.yml" --json evaluate > "$work/$recording.json"
done
python "$here/page.py" "$work"/{bitflyer,binance_us,bitstamp}.json > "$2"
