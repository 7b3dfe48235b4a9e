#!/usr/bin/env bats
# The README's ten lines, each run as it is written; only the broker's address is the test's.

load ../lib/helpers

# The lines of the first code block behind "Ten lines to copy".
readme_lines() {
	# shellcheck disable=SC2016 # backquotes of the text
	sed -n '/^## Ten lines to copy/,/^## /p' "$root/README.md" | sed -n '/^```sh/,/^```$/p' | grep -v '^```'
}

@test "the README has ten lines to copy" {
	[ "$(readme_lines | wc -l)" -eq 10 ]
}

@test "each of them works as written" {
	requires_kafka
	mkdir bin
	ln -s "$MQTK" bin/mqtk
	PATH=$PWD/bin:$PATH
	topic=$(unique orders)
	mqtk create -q "kafka://$KAFKA/$topic"
	printf 'a:1\nb:2\n' >orders
	while IFS= read -r line; do
		line=${line//kafka:\/\/localhost:9092\/orders/kafka:\/\/$KAFKA\/$topic}
		status=0
		if [[ $line == *" tail "* ]]; then
			# It follows until it is stopped.
			timeout -s INT 2 bash -c "$line" >out 2>err </dev/null || status=$?
			[ "$status" -eq 124 ] || fail "$line: status $status" "$(cat err)"
		else
			timeout 60 bash -o pipefail -c "$line" >out 2>err </dev/null || status=$?
			[ "$status" -eq 0 ] || fail "$line: status $status" "$(cat err)"
		fi
	done < <(readme_lines)
	mq consume -q -e local/greetings
	expect_status 0
	[ "$out" = hello ]
	mq consume -q -e -K: local/copy
	[ "$out" = $'a:1\nb:2' ]
}
