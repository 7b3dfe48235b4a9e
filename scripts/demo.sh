#!/usr/bin/env bash
# mqtk at work on the local store, which needs no server: `make demo`. Each command is shown and
# then run. Everything happens in a temporary folder that is removed at the end; the program is
# $MQTK, else the ./mqtk that make built.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$(realpath "${MQTK:-$root/mqtk}")
dir=$(mktemp -d "${TMPDIR:-/tmp}/mqtk-demo.XXXXXX")
trap 'rm -rf "$dir"' EXIT

# A world of its own: neither the caller's configuration nor the caller's store.
for name in "${!MQTK_@}"; do
	unset "$name"
done
export HOME=$dir XDG_CONFIG_HOME=$dir/config XDG_DATA_HOME=$dir/data
mkdir "$dir/bin"
ln -s "$program" "$dir/bin/mqtk"
PATH=$dir/bin:$PATH
cp "$root/examples/orders.jsonl" "$dir"
cd "$dir"

say() {
	printf '\n# %s\n' "$1"
}

# Shows a command line and runs it as it stands.
try() {
	printf '$ %s\n' "$1"
	eval "$1"
}

say 'Twenty orders of a shop, one JSON message a line: key, time, headers and payload.'
try 'head -n 1 orders.jsonl'

say 'Send them to the stream "orders" of the local store, which is made by its first message.'
try 'mqtk produce -J local/orders orders.jsonl'

say 'Look at the last three. Looking takes nothing away.'
try 'mqtk tail -e -n 3 local/orders'

say 'Read some with a template: offset, time, key, one header, payload.'
try "mqtk consume -c 3 -f '%o  %{ts:iso}  %k  %{header:type}  %s\\n' local/orders"

say 'As JSON they are complete, and what is printed can be sent again: here, to another stream.'
try 'mqtk consume -q -e -J local/orders | mqtk produce -J local/copy'

say 'A consumer group remembers where it was. The group "billing" takes five orders …'
try "mqtk consume --group billing -c 5 -f '%o %k %s\\n' local/orders"

say '… and, asked again, goes on behind them with the next five.'
try "mqtk consume --group billing -c 5 -f '%o %k %s\\n' local/orders"

say 'What is left for it? See BEHIND.'
try 'mqtk info local/orders'

say 'All streams of the store:'
try 'mqtk ls local/'

printf '\n# The same commands work on Kafka: kafka://HOST:9092/orders in place of local/orders.\n'
printf '# See ./mqtk help, ./mqtk consume --help, and README.md.\n'
