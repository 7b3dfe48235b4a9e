#!/usr/bin/env bats
# The dlq commands without a server: what they find, show, count, ask and refuse, on the local store.
# shellcheck disable=SC2154 # set in the helpers

load ../lib/helpers
load saying

s=sqlite:s.db

# letter STREAM ORIGIN REASON [PAYLOAD]
letter() {
	printf '%s\n' "${4-x}" | "$MQTK" produce -q -H "dlq-origin-stream=$2" -H "dlq-reason=$3" \
		-H dlq-time=1700000000000 "$s/$1"
}

@test "ls: a broker with none says so and exits 0" {
	"$MQTK" create -q "$s/orders"
	mq dlq ls "$s/"
	expect_status 0
	is "$out" ""
	has "$err" "no dead-letter stream was found"
	for format in json csv prometheus; do
		mq dlq ls --format "$format" -q "$s/"
		expect_status 0
		is "$err" ""
	done
}

@test "ls: by name, by headers, by a pattern; with depth, times and origins" {
	seq 3 | "$MQTK" produce -q "$s/orders"
	"$MQTK" create -q "$s/orders.DLT"
	echo x | "$MQTK" produce -q --ts 1600000000000 "$s/bills-dlq"
	letter odd orders rejected
	echo x | "$MQTK" produce -q "$s/odd"
	echo x | "$MQTK" produce -q "$s/failures"
	mq dlq ls -J "$s/"
	expect_status 0
	is "$(jq -c '[.stream,.depth,.oldest_ts,.origins,.found_by,.dialect]' out)" \
		'["bills-dlq",1,1600000000000,[],["name"],null]
["odd",2,1700000000000,["orders"],["headers"],"mqtk"]
["orders.DLT",0,null,["orders"],["name"],null]'
	is "$("$MQTK" consume -q -e "$s/odd" | wc -l)" 2
	mq dlq ls -J --quick --pattern '^fail' "$s/"
	is "$(jq -r .stream out)" $'bills-dlq\nfailures\norders.DLT'
	mq dlq ls "$s/"
	has "$out" "headers (mqtk)"
	mq dlq ls --format csv "$s/"
	is "$(sed -n 2p out)" $'bills-dlq,,1,1600000000000,1600000000000,,name,,\r'
	mq dlq ls --format prometheus "$s/"
	"$root/scripts/python.sh" --with prometheus_client "$root/tests/lib/prometheus.py" out >samples
	has "$out" 'mqtk_dead_letters{broker="sqlite:s.db/",stream="odd"} 2'
}

@test "ls refuses what is no broker, no expression, or not counted there" {
	"$MQTK" create -q "$s/orders"
	refuses "mqtk dlq ls: $s/orders names a stream; the address of the broker is expected" \
		dlq ls "$s/orders"
	refuses "mqtk dlq ls: --pattern: '(' is no regular expression" dlq ls --pattern '(' "$s/"
	mq dlq ls --max-deliveries 3 "$s/"
	expect_status 2
	has "$err" "how often a message was delivered"
}
