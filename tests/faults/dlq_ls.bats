#!/usr/bin/env bats
# dlq ls on real servers: RabbitMQ's dead-letter exchanges followed through bindings and policies,
# names and headers on Kafka, what may not be read, what a Redis group holds; and nothing is taken.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

load faults

setup() {
	use_faults
	vhost=""
}
teardown() {
	end_faults
	[ -z "$vhost" ] || api DELETE "/api/vhosts/$vhost" >/dev/null 2>&1 || :
}

# api METHOD PATH [JSON]: RabbitMQ's management API itself, as guest.
api() {
	"$root/scripts/python.sh" --with json - "$RABBITMQ_MANAGEMENT" "$@" <<'PYTHON'
import base64, sys, urllib.request
url, method, path = sys.argv[1:4]
body = sys.argv[4].encode() if len(sys.argv) > 4 else None
request = urllib.request.Request(url + path, method=method, data=body)
request.add_header("Authorization", "Basic " + base64.b64encode(b"guest:guest").decode())
request.add_header("Content-Type", "application/json")
sys.stdout.write(urllib.request.urlopen(request, timeout=10).read().decode())
PYTHON
}

# A vhost of the test's own; at NAME is an address there.
own_vhost() {
	requires_rabbitmq
	vhost=$(unique ls)
	api PUT "/api/vhosts/$vhost" '{}'
	api PUT "/api/permissions/$vhost/guest" '{"configure":".*","write":".*","read":".*"}'
}
at() { echo "amqp://$RABBITMQ/$vhost/$1?management=$RABBITMQ_MANAGEMENT"; }

# queue NAME [JSON of arguments]
queue() {
	api PUT "/api/queues/$vhost/$1" "{\"durable\":true,\"arguments\":${2:-{\}}}"
}
# exchange NAME TYPE [JSON of arguments]
exchange() {
	api PUT "/api/exchanges/$vhost/$1" "{\"type\":\"$2\",\"durable\":true,\"arguments\":${3:-{\}}}"
}
# bind EXCHANGE KEY q|e DESTINATION
bound() {
	api POST "/api/bindings/$vhost/e/$1/$3/$4" "{\"routing_key\":\"$2\"}"
}

# found_origins: each stream with its origins, of mq's output.
found_origins() {
	jq -c '[.stream, (.origins | sort)]' out
}

@test "RabbitMQ: a vhost with none says so; without the management API it is said what is missing" {
	own_vhost
	queue orders
	mq dlq ls "$(at '')"
	expect_status 0
	is "$out" ""
	has "$err" "no dead-letter stream was found"
	mq_within 20 dlq ls --timeout 2s "amqp://$RABBITMQ/$vhost/?management=http://127.0.0.1:1"
	expect_status 4
	has "$err" "rabbitmq_management"
}

@test "RabbitMQ: exchanges of every kind, policies, alternates, chains, and letters that are lost" {
	own_vhost
	exchange direct direct
	exchange topic topic
	exchange fan fanout
	exchange last fanout
	exchange lonely direct '{"alternate-exchange":"last"}'
	for name in d t1 t2 t3 f l plain unreached; do queue "$name"; done
	bound direct one q d
	bound direct two q plain
	bound topic 'orders.#' q t1
	bound topic '*.eu.*' q t2
	bound topic 'bills.*' q t3
	bound fan '' e topic
	bound fan '' q f
	bound last '' q l
	queue by-direct '{"x-dead-letter-exchange":"direct","x-dead-letter-routing-key":"one"}'
	queue by-topic '{"x-dead-letter-exchange":"topic","x-dead-letter-routing-key":"orders.eu.new"}'
	queue by-fan '{"x-dead-letter-exchange":"fan","x-dead-letter-routing-key":"bills.x"}'
	queue by-default '{"x-dead-letter-exchange":"","x-dead-letter-routing-key":"plain"}'
	queue by-alternate '{"x-dead-letter-exchange":"lonely","x-dead-letter-routing-key":"none"}'
	queue to-nowhere '{"x-dead-letter-exchange":"direct","x-dead-letter-routing-key":"three"}'
	queue to-none '{"x-dead-letter-exchange":"missing"}'
	queue by-policy
	queue both '{"x-dead-letter-exchange":"direct"}'
	api PUT "/api/policies/$vhost/p" '{"pattern":"^(by-policy|both)$","apply-to":"queues","definition":{"dead-letter-exchange":"fan","dead-letter-routing-key":"one"}}'
	wait_until 20 policy_holds both
	mq dlq ls -J "$(at '')"
	expect_status 0
	is "$(found_origins)" '["d",["both","by-direct"]]
["f",["by-fan","by-policy"]]
["l",["by-alternate"]]
["plain",["by-default"]]
["t1",["by-topic"]]
["t2",["by-topic"]]
["t3",["by-fan"]]'
	is "$(jq -sc 'map(.found_by) | unique' out)" '[["configuration"]]'
	has "$err" "dead letters of 'to-none' reach no queue and are lost: exchange 'missing', which does not exist"
	has "$err" "dead letters of 'to-nowhere' reach no queue and are lost: exchange 'direct', key 'three'"
	has_not "$err" "by-"
	mq dlq ls "$(at '')"
	has "$out" "exchange 'direct', key 'one'"
	has "$out" "policy 'p'"
}
policy_holds() {
	api GET "/api/queues/$vhost" | jq -e --arg q "$1" 'any(.[]; .name == $q and .policy == "p")' >/dev/null
}

@test "RabbitMQ: without a key of the queue's the letters keep theirs" {
	own_vhost
	exchange in direct
	exchange any topic
	exchange dlx direct
	for name in a b; do queue "$name.store"; done
	bound dlx a q a.store
	bound dlx b q b.store
	queue a '{"x-dead-letter-exchange":"dlx"}'
	queue bound '{"x-dead-letter-exchange":"dlx"}'
	bound in b q bound
	queue wild '{"x-dead-letter-exchange":"dlx"}'
	bound any '#' q wild
	queue deaf '{"x-dead-letter-exchange":"dlx"}'
	mq dlq ls -J "$(at '')"
	expect_status 0
	is "$(found_origins)" '["a.store",["a","wild"]]
["b.store",["bound","wild"]]'
	has "$err" "dead letters of 'deaf' reach no queue"
}

@test "RabbitMQ: a look takes nothing, keeps the order, and does not count where it would" {
	own_vhost
	queue dead
	queue dead-quorum '{"x-queue-type":"quorum"}'
	queue orders '{"x-dead-letter-exchange":"","x-dead-letter-routing-key":"dead"}'
	queue safe '{"x-queue-type":"quorum","x-dead-letter-exchange":"","x-dead-letter-routing-key":"dead-quorum"}'
	seq 5 | "$MQTK" produce -q --expiry 1ms "$(at orders)"
	seq 5 | "$MQTK" produce -q --expiry 1ms "$(at safe)"
	wait_until 20 holds_letters dead 5
	wait_until 20 holds_letters dead-quorum 5
	for _ in 1 2 3; do
		mq dlq ls -J "$(at '')"
		expect_status 0
	done
	is "$(jq -c 'select(.stream == "dead") | [.depth,.origins,.found_by,.dialect,.newest_ts]' out)" \
		'[5,["orders"],["configuration","name","headers"],"rabbitmq",null]'
	jq -se 'any(.[]; .stream == "dead" and .oldest_ts > 1700000000000)' out
	jq -se 'any(.[]; .stream == "dead-quorum" and .depth == 5 and .origins == ["safe"])' out
	"$MQTK" consume -q --ack -e -J "$(at dead-quorum)" >quorum
	is "$(jq -r .payload quorum)" "$(seq 5)"
	if [[ $RABBITMQ_VERSION == 3.* ]]; then
		is "$(jq -c '.delivery_count // 0' quorum | sort -u)" 0
	fi
	is "$("$MQTK" consume -q --ack -e "$(at dead)")" "$(seq 5)"
}
holds_letters() { [ "$("$MQTK" info -J "$(at "$1")" | jq .messages)" = "$2" ]; }

@test "RabbitMQ: a user that may not see policies is told that something may be missing" {
	own_vhost
	local user=$vhost
	queue orders
	api PUT "/api/users/$user" '{"password":"secret","tags":"management"}'
	api PUT "/api/permissions/$vhost/$user" '{"configure":".*","write":".*","read":".*"}'
	api PUT "/api/policies/$vhost/p" '{"pattern":"^orders$","apply-to":"queues","definition":{"dead-letter-exchange":"fan"}}'
	wait_until 20 policy_holds orders
	mq dlq ls "amqp://$user:secret@$RABBITMQ/$vhost/?management=$RABBITMQ_MANAGEMENT"
	api DELETE "/api/users/$user"
	# Newer brokers tell the definition in the queue itself.
	if ((status == 3)); then
		has "$err" "the tag policymaker may"
	else
		has "$err" "dead letters of 'orders' reach no queue"
	fi
	has_not "$err" secret
}

@test "Kafka: by name and by headers, of the newest record behind the marks of transactions" {
	requires_kafka
	local base=kafka://$KAFKA/
	"$MQTK" create -q --partitions 3 "$base$topic"
	"$MQTK" create -q --partitions 3 "$base$topic-dlt"
	"$MQTK" create -q --partitions 2 "$base$topic-odd"
	"$MQTK" create -q "$base$topic-plain"
	seq 9 | "$MQTK" produce -q "$base$topic-plain"
	seq 6 | "$MQTK" produce -q --ts 1600000000000 "$base$topic-dlt"
	seq 2 | "$MQTK" produce -q --transactional -H __connect.errors.topic=source \
		-H __connect.errors.exception.class.name=X -p 1 "$base$topic-odd"
	mq dlq ls -J "$base"
	expect_status 0
	jq -c --arg t "$topic" 'select(.stream | startswith($t)) | [.stream[($t | length):],.depth,.oldest_ts,.origins,.found_by,.dialect]' out |
		sed "s/$topic/T/g" >rows
	is "$(sed -n 1p rows)" '["-dlt",6,1600000000000,["T"],["name"],null]'
	is "$(sed -n 2p rows | jq -c 'del(.[1,2])')" '["-odd",["source"],["headers"],"connect"]'
	is "$(wc -l <rows)" 2
	mq group ls "$base"
	has_not "$out" "$topic"
}

@test "Kafka: topics that may not be read are said" {
	requires_kafka
	[ -n "${KAFKA_SASL-}" ] || skip "needs a broker with users"
	local user=kafka://alice:alice-secret@$KAFKA_SASL/
	sasl=(-X sasl.mechanism=SCRAM-SHA-256 -X security.protocol=sasl_plaintext)
	"$MQTK" create -q "kafka://$KAFKA/$topic.DLT"
	"$MQTK" create -q "kafka://$KAFKA/$topic"
	seq 3 | "$MQTK" produce -q "kafka://$KAFKA/$topic.DLT"
	seq 3 | "$MQTK" produce -q "kafka://$KAFKA/$topic"
	# shellcheck source=tests/brokers/kafka.sh
	source "$root/tests/brokers/kafka.sh"
	acl() {
		kafka_java "$MQTK_TEST_DIR/kafka3" kafka.admin.AclCommand --bootstrap-server "$KAFKA" \
			"$@" --allow-principal User:alice --operation Describe --topic "$topic" \
			--resource-pattern-type prefixed >acl.log 2>&1
	}
	acl --add
	wait_until 20 listed_for_alice
	mq dlq ls -J "${sasl[@]}" "$user"
	acl --remove --force
	expect_status 5
	is "$(jq -c --arg s "$topic.DLT" 'select(.stream == $s) | [.depth,.oldest_ts]' out)" '[3,null]'
	jq -se 'all(.[]; .error != null)' out
	has "$err" "could not be looked at"
	has "$err" "uthorization"
}
listed_for_alice() {
	[ "$("$MQTK" ls -J "${sasl[@]}" "$user" | jq -r .stream | grep -c "^$topic")" = 2 ]
}

@test "Redis: what a group was given too often, by stream and group; names and headers beside it" {
	requires_redis
	local base=redis://$REDIS/9/ key=$topic
	redis() { redis-cli -h "${REDIS%:*}" -p "${REDIS##*:}" -n 9 "$@" >/dev/null; }
	seq 6 | "$MQTK" produce -q --create "$base$key"
	seq 2 | "$MQTK" produce -q --create -H dlq-origin-stream="$key" -H dlq-reason=exit "$base$key-lot"
	redis XGROUP CREATE "$key" g 0
	redis XGROUP CREATE "$key" idle 0
	redis XREADGROUP GROUP g c COUNT 4 STREAMS "$key" '>'
	local first
	first=$("$MQTK" consume -q -J -c 2 "$base$key" | jq -r .id)
	for id in $first; do
		for _ in 1 2 3; do redis XCLAIM "$key" g c 0 "$id"; done
	done
	mq dlq ls -J --max-deliveries 4 "$base"
	expect_status 0
	is "$(jq -c --arg k "$key" 'select(.stream | startswith($k)) | [.stream[($k | length):],.group,.depth,(.origins == [$k]),.found_by]' out)" \
		'["","g",2,true,["pending"]]
["-lot",null,2,true,["headers"]]'
	jq -se --arg k "$key" 'any(.[]; .group == "g" and .oldest_ts > 1700000000000 and .newest_ts >= .oldest_ts)' out
	mq dlq ls -J --max-deliveries 5 "$base"
	is "$(jq -c --arg k "$key" 'select(.stream == $k)' out)" ""
	redis DEL "$key" "$key-lot"
}
