#!/usr/bin/env bash
# Lodges a request by HTTP: submit.sh request.json, or those of a sheet: submit.sh requests.csv
#
# HABEAS_URL is where intake is reached, HABEAS_API_KEY your key. The key goes in by a file: arguments can be
# read by everybody on the machine. What failed may be sent again: the same reference is the same request.
set -euo pipefail

case "$1" in
*.csv) path=/v1/requests/batch type=text/csv ;;
*) path=/v1/requests type=application/json ;;
esac
exec curl --fail-with-body --silent --show-error --retry 5 --header "Content-Type: $type" \
    --header @<(printf 'Authorization: Bearer %s\n' "$HABEAS_API_KEY") --data-binary "@$1" "$HABEAS_URL$path"
