#!/usr/bin/env bash
# What cron runs: prices to features to model, a named scoring run, its table, a CSV file and a page.
#   0 5 * * MON-SAT  /path/to/nightly.sh /data/gold /var/www/gold
# The first folder holds gold_*.csv and usdx_*.csv, the second receives predictions/*.csv and index.html.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -eq 2 ] || { echo "usage: nightly.sh FOLDER_OF_PRICES FOLDER_OF_THE_SITE" >&2; exit 2; }
prices=$(realpath "$1") && mkdir -p "$2" && site=$(realpath "$2")
gold() { foretable --config "$here/foretable.yml" --conf "spark.gold.folder=$prices" --conf "spark.gold.site=$site" "$@"; }

gold run
gold batch-predict gold_20_days --table gold_features --keep day,gold_close,return_20_days --to-table gold_predictions \
    --mode overwrite
gold sql -f "$here/export.sql"
python "$here/page.py" "$site"
