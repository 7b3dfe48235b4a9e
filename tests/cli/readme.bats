#!/usr/bin/env bats
# The README's lines, each run as it is written; only the broker's address is the test's.

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

# letters STREAM REASON N…: -J lines of letters that died in STREAM just now.
letters() {
	local stream=$1 reason=$2 n
	shift 2
	for n in "$@"; do
		printf '{"key":"k%s","payload":"%s","headers":[["dlq-origin-stream","%s"],["dlq-reason","%s"],["dlq-time","%s"]]}\n' \
			"$n" "$n" "$stream" "$reason" "$(date +%s%3N)"
	done
}

# bodies ADDRESS: what is there, on one line.
bodies() { mqtk consume -q -e "$1" | tr '\n' ' '; }

# section_lines SCHEME: the lines that name it.
section_lines() { readme_lines 'The dead-letter queue is filling' | grep -F "$1"; }

@test "the lines about dead letters work as written: RabbitMQ" {
	requires_rabbitmq
	program_in_path
	run=$(unique run)
	management=$(jq -rn --arg url "$RABBITMQ_MANAGEMENT" '$url|@uri')
	at() { echo "amqp://$RABBITMQ/$1-$run?management=$management"; }
	peer() {
		"$root/scripts/python.sh" --with pika "$root/tests/faults/letters_rabbitmq.py" "$RABBITMQ" / "$@"
	}
	mqtk create -q "$(at orders.parking-lot)"
	peer declare "orders.dead-$run" -- declare "orders-$run" \
		"{\"x-dead-letter-exchange\":\"\",\"x-dead-letter-routing-key\":\"orders.dead-$run\"}"
	printf '{"n":%s,"in":"%s"}\n' 1 EUR 2 EUR 3 EURO 4 EUR | mqtk produce -q "$(at orders)"
	peer reject "orders-$run" 4 -- wait "orders.dead-$run" 4
	echo 5 | mqtk produce -q --expiry 1ms "$(at orders)"
	peer wait "orders.dead-$run" 5
	ran=0
	while IFS= read -r line; do
		[[ $line != *"dlq drop"* ]] || echo hopeless | mqtk produce -q "$(at orders.dead)"
		run_line "$(sed -E -e "s,amqp://localhost/([a-z.-]+),amqp://$RABBITMQ/\\1-$run?management=$management,g" \
			-e "s,amqp://localhost/,amqp://$RABBITMQ/?management=$management,g" <<<"$line")"
		ran=$((ran + 1))
		[[ $line != *"dlq ls amqp"* ]] || grep -qE "^orders.dead-$run +5 .* orders-$run " out
	done < <(section_lines amqp)
	[ "$ran" -eq 13 ]
	[ "$(mqtk consume -q -e "$(at orders)" | sort | tr '\n' ' ')" = \
		'{"n":1,"in":"EUR"} {"n":2,"in":"EUR"} {"n":3,"in":"EUR"} {"n":4,"in":"EUR"} ' ]
	[ "$(bodies "$(at orders.dead)")" = "" ]
	[ "$(jq -r .payload orders.dead-*-dropped-*.jsonl)" = hopeless ]
	# Moved, and imported from the copy of all.
	[ "$(bodies "$(at orders.parking-lot)" | wc -w)" -eq 6 ]
	grep -q "orders.parking-lot-$run\|orders.dead-$run" dlq.prom
}

@test "the lines about dead letters work as written: Kafka and Redis" {
	requires_kafka
	requires_redis
	program_in_path
	run=$(unique run)
	for stream in orders orders.DLT orders-late; do
		mqtk create -q --partitions 1 "kafka://$KAFKA/$stream-$run"
	done
	{ letters "orders-$run" exit 1 2; letters "orders-$run" timeout 3; } |
		mqtk produce -q -J "kafka://$KAFKA/orders.DLT-$run"
	letters "orders-$run" reject 4 5 | mqtk produce -q --create -J "redis://$REDIS/orders.dead-$run"
	seq 6 9 | mqtk produce -q --create "redis://$REDIS/orders-$run"
	mqtk create -q "redis://$REDIS/orders.poison-$run"
	redis() { redis-cli -h "${REDIS%:*}" -p "${REDIS##*:}" "$@"; }
	redis xgroup create "orders-$run" billing 0 >/dev/null
	id=$(redis --raw xreadgroup group billing one count 1 streams "orders-$run" '>' | sed -n 2p)
	redis xclaim "orders-$run" billing one 0 "$id" idle 120000 retrycount 6 >/dev/null
	ran=0
	while IFS= read -r line; do
		run_line "$(sed -E -e "s,kafka://localhost:9092/([A-Za-z.-]+),kafka://$KAFKA/\\1-$run,g" \
			-e "s,redis://localhost/([a-z.-]+),redis://$REDIS/\\1-$run,g" <<<"$line")"
		ran=$((ran + 1))
	done < <(section_lines kafka && section_lines redis)
	[ "$ran" -eq 7 ]
	[ "$(bodies "kafka://$KAFKA/orders-$run")" = "1 2 " ]
	[ "$(bodies "kafka://$KAFKA/orders-late-$run")" = "1 2 3 " ]
	[ "$(bodies "redis://$REDIS/orders-$run")" = "6 7 8 9 4 5 " ]
	[ "$(bodies "redis://$REDIS/orders.poison-$run")" = "6 " ]
	[ "$(redis xlen "orders.dead-$run")" -eq 0 ]
}

@test "the lines about programs work as written" {
	requires_rabbitmq
	program_in_path
	run=$(unique run)
	management=$(jq -rn --arg url "$RABBITMQ_MANAGEMENT" '$url|@uri')
	at() { echo "amqp://$RABBITMQ/$1-$run?management=$management"; }
	cp "$root/examples/bill" "$root/examples/check-lines" .
	total=$(wc -l <"$root/examples/orders.jsonl")
	mqtk produce -q -J local/orders "$root/examples/orders.jsonl"
	echo nonsense | mqtk produce -q local/orders
	mqtk create -q "$(at orders)"
	mqtk create -q "$(at orders.dead)"
	printf '{"total":1}\n{}\n' | mqtk produce -q "$(at orders)"
	ran=0
	while IFS= read -r line; do
		run_line "$(sed -E "s,amqp://localhost/([a-z.-]+),amqp://$RABBITMQ/\\1-$run?management=$management,g" <<<"$line")"
		ran=$((ran + 1))
		case $line in
		*"--group billing"*) [ "$(grep -c ^billed: out)" -eq "$total" ] ;;
		*--exec-batch*) [ "$(awk '{ n += $1 } END { print n }' out)" -eq $((total + 1)) ] ;;
		esac
	done < <(readme_lines 'A program for each message')
	[ "$ran" -eq 6 ]
	[ "$(find . -name '*.json' | wc -l)" -eq $((total + 1)) ]
	[ "$(mqtk dlq show -q -J local/orders.dead | jq -r .error | sort | xargs)" = "no JSON object no total in 8 bytes" ]
	[ "$(mqtk dlq show -q -J "$(at orders.dead)" | jq -r .message.payload)" = '{}' ]
	[ "$(mqtk consume -q -e --from "$((total + 1))" local/orders | grep -c nonsense)" -eq 2 ]
}

@test "the lines about schemas work as written" {
	requires_kafka
	program_in_path
	topic=$(unique orders)
	printf '{"id":"%s","total":%s}\n' a 3 b 4.5 c 0 >orders.txt
	mqtk create -q "kafka://$KAFKA/$topic"
	mqtk produce -q "kafka://$KAFKA/$topic" <orders.txt
	mqtk create -q local/orders.bad
	ran=0
	while IFS= read -r line; do
		run_line "${line//kafka:\/\/localhost:9092\/orders/kafka:\/\/$KAFKA\/$topic}"
		ran=$((ran + 1))
	done < <(readme_lines 'Messages of the wrong shape')
	[ "$ran" -eq 7 ]
	cmp orders.txt good.txt
	[ "$(bodies local/orders)" = "$(tr '\n' ' ' <orders.txt)" ]
	# The same lines with something that is wrong.
	echo '{"id":"d","total":"5"}' >>orders.txt
	mq schema validate --schema order.json orders.txt
	expect_status 1
	[[ $out == "orders.txt:4: /total: type: "* ]]
}

@test "the lines about Avro work as written" {
	program_in_path
	printf '{"id":"%s","total":%s}\n' a 3 b 4.5 c 0 >orders.txt
	echo '{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},
		{"name":"total","type":"double"}]}' >order.avsc
	ran=0
	while IFS= read -r line; do
		run_line "$line"
		ran=$((ran + 1))
	done < <(readme_lines 'Avro and Protobuf')
	[ "$ran" -eq 6 ]
	[ "$(bodies local/texts)" = "$(tr '\n' ' ' <orders.txt)" ]
	[ "$(mqtk consume -q -e --decode auto --schema order.avsc local/copy | tr '\n' ' ')" = \
		"$(tr '\n' ' ' <orders.txt)" ]
}
