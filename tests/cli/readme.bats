#!/usr/bin/env bats
# The README's ten lines, each run as it is written; only the broker's address is the test's.

load ../lib/helpers

# readme_lines HEADING: the lines of the first code block behind it.
readme_lines() {
	# shellcheck disable=SC2016 # backquotes of the text
	sed -n "/^## $1\$/,/^## /p" "$root/README.md" | sed -n '/^```sh/,/^```$/p' | grep -v '^```'
}

# run_line LINE: as it stands. What follows is stopped after two seconds.
run_line() {
	local line=$1 status=0
	if [[ $line == *" tail "* || $line == *" --watch "* ]]; then
		timeout -s INT 2 bash -c "$line" >out 2>err </dev/null || status=$?
		[ "$status" -eq 124 ] || fail "$line: status $status" "$(cat err)"
	else
		timeout 60 bash -o pipefail -c "$line" >out 2>err </dev/null || status=$?
		[ "$status" -eq 0 ] || fail "$line: status $status" "$(cat err)"
	fi
}

program_in_path() {
	mkdir bin
	ln -s "$MQTK" bin/mqtk
	PATH=$PWD/bin:$PATH
}

@test "the README has ten lines to copy" {
	[ "$(readme_lines 'Ten lines to copy' | wc -l)" -eq 10 ]
}

@test "each of them works as written" {
	requires_kafka
	program_in_path
	topic=$(unique orders)
	mqtk create -q "kafka://$KAFKA/$topic"
	printf 'a:1\nb:2\n' >orders
	while IFS= read -r line; do
		run_line "${line//kafka:\/\/localhost:9092\/orders/kafka:\/\/$KAFKA\/$topic}"
	done < <(readme_lines 'Ten lines to copy')
	mq consume -q -e local/greetings
	expect_status 0
	[ "$out" = hello ]
	mq consume -q -e -K: local/copy
	[ "$out" = $'a:1\nb:2' ]
}

@test "the lines for RabbitMQ and Redis work as written" {
	requires_rabbitmq
	requires_redis
	program_in_path
	printf '1\n2\n' >orders
	# Names that no other test has; the vhost and the database are shared.
	run=$(unique run)
	management=$(jq -rn --arg url "$RABBITMQ_MANAGEMENT" '$url|@uri')
	ran=0
	while IFS= read -r line; do
		line=$(sed -E -e "s,(amqp|redis)://localhost/(orders|paid),\\1://localhost/\\2-$run,g" \
			-e "s,amqp://localhost/([^ ]*),amqp://$RABBITMQ/\\1?management=$management,g" \
			-e "s,redis://localhost/,redis://$REDIS/,g" \
			-e "s,(--exchange |exchange=|--bind ')events,\\1events-$run,g" <<<"$line")
		run_line "$line"
		ran=$((ran + 1))
	done < <(readme_lines RabbitMQ && readme_lines 'Redis Streams')
	[ "$ran" -eq 18 ]
	mq consume -q "amqp://$RABBITMQ/paid-$run?management=$management"
	expect_status 0
	[ "$out" = $'1\n2' ]
}

@test "the lines about consumers that are behind work as written" {
	requires_kafka
	program_in_path
	topic=$(unique orders)
	group=$(unique billing)
	address=kafka://$KAFKA/$topic
	now=$(date +%s%3N)
	mqtk create -q --partitions 1 "$address"
	# Three were read, four are old and one of them is poison, two are new.
	for age in 3000 2900 2800 2700 2600 2500 2400 60 30; do
		printf '{"payload":"%s","ts":%d}\n' "$age" $((now - age * 1000))
	done | mqtk produce -q -J "$address"
	mqtk consume -q --group "$group" -c 3 "$address" >/dev/null
	ran=0
	while IFS= read -r line; do
		line=${line//kafka:\/\/localhost:9092\/orders-late/"$address-late"}
		line=${line//kafka:\/\/localhost:9092\/orders/"$address"}
		line=${line//kafka:\/\/localhost:9092\//"kafka://$KAFKA/"}
		run_line "${line// billing/ "$group"}"
		ran=$((ran + 1))
		if [[ $line == *"--max-lag 1000 --wait"* ]]; then
			# What is left are the new ones, and all others were kept.
			mq lag -J "$address" "$group"
			jq -e '.lag == 2 and .age_ms < 600000' out
		fi
	done < <(readme_lines 'Consumers are behind')
	[ "$ran" -eq 13 ]
	[ "$(jq -r .payload poison.jsonl old.jsonl | tr '\n' ' ')" = "2700 2600 2500 2400 " ]
	mq consume -q -e "$address-late"
	[ "$(tr '\n' ' ' <<<"$out")" = "2600 2500 2400 " ]
	[ -s lag.prom ]
}
