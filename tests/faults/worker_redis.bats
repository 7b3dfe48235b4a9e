#!/usr/bin/env bats
# The worker and dead letters on Redis while members and servers die: who gets what, and that
# nothing is lost; on a cluster too.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034,SC2317 # set in the helpers; each test is a process
# shellcheck disable=SC2016,SC2094 # the programs' own variables and fifos

load faults

setup() {
	use_faults
	requires_redis
	RANDOM=${MQTK_TEST_SEED:=$((SECONDS + $$ % 32768))}
	echo "MQTK_TEST_SEED=$MQTK_TEST_SEED"
	a=redis://$REDIS/$topic
}
teardown() {
	[ -z "${own-}" ] || redis_stop "$own" || :
	unset own
	end_faults
}

# own_redis ARG…: a server of this test's own; $own is its name, $mine its address.
own_redis() {
	[ -n "${MQTK_TEST_DIR-}" ] || skip "needs tests/brokers/run, to start a server of its own"
	# shellcheck source=tests/brokers/redis.sh
	source "$root/tests/brokers/redis.sh"
	own=own-$$-$BATS_TEST_NUMBER
	local shared=$REDIS
	redis_start "$own" "$@" 3>&-
	mine=redis://$REDIS
	own_at=$REDIS
	REDIS=$shared
}

cli() { redis-cli -h "${REDIS%:*}" -p "${REDIS##*:}" "$@"; }
own_cli() { redis-cli -h "${own_at%:*}" -p "${own_at##*:}" "$@"; }

# ID CONSUMER DELIVERIES of all pending entries
pending() {
	cli --raw xpending "$topic" g - + 1000000 | paste - - - - | awk 'NF { print $1, $2, $4 }'
}

payloads() { "$MQTK" consume -q -e "$1"; }

@test "dead letters may have the same name in another database" {
	seq 2 | "$MQTK" produce -q --create "$a"
	mq create -q -X db=1 "$a"
	expect_status 0
	mq_within 20 consume -e --group g --retries 0 --exec false --dead-letter "$a" -X dst.db=1 "$a"
	cli -n 1 xlen "$topic" >len
	cli -n 1 del "$topic" >/dev/null
	expect_status 0
	is "$(cat len)" 2
	mq_within 20 consume -e --group h --retries 0 --exec false --dead-letter "$a" "$a"
	expect_status 2
	has "$err" "is where the messages come from"
}

# All that is pending may be claimed after a second, so one claim gets all of it.
all_idle() {
	[ "$(cli --raw xpending "$topic" g idle 1000 - + 1000 | wc -l)" -eq \
		"$(cli --raw xpending "$topic" g - + 1000 | wc -l)" ]
}

@test "a message that kills its workers is delivered to each, and is a dead letter then" {
	seq 20 | "$MQTK" produce -q --create "$a"
	for member in one two three; do # each is killed by the same message
		[ "$member" = one ] || wait_until 10 all_idle
		background consume -q --group g --consumer "$member" --claim 1s --exec 'read -r n
			[ "$n" != 7 ] || { echo >>seven.$MQTK_CONSUMER; kill -9 $PPID; sleep 30; }
			echo "$n" >>handled' "$a" >>"$OUT" 2>>"$ERR" </dev/null 4>&-
		wait_for_end "$pid" 20
		is "$status" 137
	done
	wait_until 10 all_idle
	mq consume -q --group g --consumer four --claim 1s --idle-timeout 3s --exec 'read -r n
		[ "$n" != 7 ] || exit 1; echo "$n" >>handled' --retries 0 "$a"
	expect_status 3
	# What its workers had fetched and not begun was delivered as often.
	is "$(pending | awk '{ print $2, $3 }' | sort -u)" "four 4"
	mq dlq show -J --group g --max-deliveries 4 --idle 0s --grep '^7$' "$a"
	is "$(jq -c '[.message.payload,.attempts,.member]' out)" '["7",4,"four"]'
	mq dlq drop --yes --group g --max-deliveries 4 --idle 0s --grep '^7$' "$a"
	expect_status 0
	mq consume -q -e --group g --consumer four --claim 1s --exec 'read -r n; echo "$n" >>handled' "$a"
	expect_status 0
	is "$(pending)" ""
	is "$(sort -nu handled | paste -sd' ')" "$(seq 20 | grep -vx 7 | paste -sd' ')"
}

@test "dead letters on another server, which dies and returns: all are handled or dead" {
	own_redis
	"$MQTK" create -q "$mine/dead"
	seq 20000 | "$MQTK" produce -q --create "$a"
	work() {
		background consume "$@" --group g --consumer one --retries 0 --dead-letter "$mine/dead" -e \
			--exec-lines 'while read -r n; do case $n in *[05]) echo reject ;; *) echo "$n" >>handled; echo ok ;; esac; done' \
			"$a" >"$OUT" 2>"$ERR" </dev/null 4>&-
	}
	work -v
	some() { [ "$(own_cli xlen dead 2>/dev/null || echo 0)" -ge 20 ]; }
	wait_until 20 some || :
	redis_kill "$own"
	redis_again "$own" 3>&-
	wait_for_end "$pid" 40
	# What had no answer may be there, and comes again.
	[ "$status" -eq 0 ] || [ "$status" -eq 3 ] || [ "$status" -eq 4 ] || fail "status $status: $(cat "$ERR")"
	work -q
	wait_for_end "$pid" 40
	is "$status" 0
	is "$(pending)" ""
	is "$(sort -nu handled | cksum)" "$(seq 20000 | grep -v '[05]$' | cksum)"
	is "$(payloads "$mine/dead" | sort -nu | cksum)" "$(seq 5 5 20000 | cksum)"
}

@test "a server that dies and returns under a requeue: all letters arrive, none twice" {
	own_redis --set 'appendonly yes' --set 'appendfsync always'
	"$MQTK" create -q "$mine/o"
	seq 6000 | jq -c '{payload: tostring, headers: [["dlq-origin-stream", "o"], ["dlq-reason", "exit"]]}' |
		"$MQTK" produce -q -J --create "$mine/dead"
	for round in 1 2; do
		background dlq requeue -q --yes --rate 3000 "$mine/dead" >"$OUT" 2>"$ERR" </dev/null 4>&-
		before=$(own_cli xlen o)
		moved() { ended "$pid" || [ "$(own_cli xlen o)" -gt $((before + RANDOM % 800)) ]; }
		wait_until 20 moved
		redis_kill "$own"
		redis_again "$own" 3>&-
		wait_for_end "$pid" 40
		[ "$status" -eq 0 ] || [ "$status" -eq 3 ] || fail "round $round: status $status: $(cat "$ERR")"
	done
	mq dlq requeue -q --yes "$mine/dead"
	expect_status 0
	is "$(own_cli xlen dead)" 0
	is "$(payloads "$mine/o" | sort -n | cksum)" "$(seq 6000 | cksum)"
}

@test "no memory, or no master any more: exit 3 after the time-out, the letters stay" {
	own_redis --set 'maxmemory-policy noeviction'
	"$MQTK" create -q "$mine/o"
	seq 50 | jq -c '{payload: tostring, headers: [["dlq-origin-stream", "o"], ["dlq-reason", "exit"]]}' |
		"$MQTK" produce -q -J --create "$mine/dead"
	own_cli config set maxmemory 1 >/dev/null
	mq_within 30 dlq requeue --yes --timeout 1s "$mine/dead"
	expect_status 3
	has "$err" OOM
	own_cli config set maxmemory 0 >/dev/null
	own_cli replicaof 127.0.0.1 1 >/dev/null
	mq_within 30 dlq requeue --yes --timeout 1s "$mine/dead"
	expect_status 3
	own_cli replicaof no one >/dev/null
	is "$(own_cli xlen dead) $(own_cli xlen o)" "50 0"
	mq dlq requeue --yes "$mine/dead"
	expect_status 0
	is "$(own_cli xlen dead) $(own_cli xlen o)" "0 50"
}

@test "a cluster: one slot is a transaction, two are two steps, and pending entries are letters too" {
	requires_redis_cluster
	c=redis://$REDIS_CLUSTER
	node=${REDIS_CLUSTER%%,*}
	ccli() { redis-cli -c -h "${node%:*}" -p "${node##*:}" "$@"; }
	t="{$topic}"
	other=$topic-elsewhere
	"$MQTK" create -q "$c/$t-o"
	"$MQTK" create -q "$c/$other"
	seq 500 | jq -c --arg o "$t-o" '{payload: tostring, headers: [["dlq-origin-stream", $o], ["dlq-reason", "exit"]]}' |
		"$MQTK" produce -q -J --create "$c/$t-dead"
	mq dlq requeue -v --yes -c 200 "$c/$t-dead"
	expect_status 0
	has "$err" "in transactions"
	is "$(payloads "$c/$t-o" | sort -n | cksum)" "$(seq 200 | cksum)"
	mq dlq move --yes "$c/$t-dead" "$c/$other"
	expect_status 0
	is "$(payloads "$c/$other" | sort -n | cksum)" "$(seq 201 500 | cksum)"
	is "$(ccli xlen "$t-dead")" 0
	ccli xgroup create "$t-o" g 0 >/dev/null
	ccli xreadgroup group g one count 50 streams "$t-o" '>' >/dev/null
	mq dlq requeue -q --yes --group g --max-deliveries 1 --idle 0s -c 20 "$c/$t-o"
	expect_status 0
	mq dlq requeue -q --yes --group g --max-deliveries 1 --idle 0s --to "$c/$other" "$c/$t-o"
	expect_status 0
	is "$(ccli xpending "$t-o" g | head -1)" 0
	is "$(payloads "$c/$t-o" | tail -20 | paste -sd' ')" "$(seq 20 | paste -sd' ')"
	is "$(payloads "$c/$other" | tail -30 | paste -sd' ')" "$(seq 21 50 | paste -sd' ')"
}

@test "a worker with slow programs holds few messages: the others are for other members" {
	seq 100 | "$MQTK" produce -q --create "$a"
	background consume -q --group g --consumer slow --workers 2 \
		--exec 'read -r n; echo "$n" >>begun; until [ -e go ]; do sleep 0.05; done' -e "$a" 4>&-
	wait_until 20 [ -s begun ]
	mq consume -q --group g --consumer other -e "$a"
	expect_status 0
	is "$out" "$(seq 17 100)"
	touch go
	wait_for_end "$pid" 30
	is "$status" 0
	is "$(sort -n begun)" "$(seq 16)"
	is "$(pending)" ""
}
