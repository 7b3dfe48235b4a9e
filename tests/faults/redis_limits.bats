#!/usr/bin/env bats
# Redis at its edges: the largest id, replies over every limit, refusals that do not end, users who
# may not do everything, and servers that answer nonsense.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
}
teardown() {
	[ -z "${own-}" ] || redis_stop "$own" || :
	unset own
	end_faults
}

# own_redis ARG…: a server of this test's own; $own is its name, $broker its address.
own_redis() {
	[ -n "${MQTK_TEST_DIR-}" ] || requires_redis
	[ -n "${MQTK_TEST_DIR-}" ] || skip "needs tests/brokers/run, to start a server of its own"
	# shellcheck source=tests/brokers/redis.sh
	source "$root/tests/brokers/redis.sh"
	own=own-$$-$BATS_TEST_NUMBER
	redis_start "$own" "$@" 3>&-
	broker=redis://$REDIS
	address=$broker/$topic
}

# A stream on the server that all share.
shared_redis() {
	requires_redis
	broker=redis://$REDIS
	address=$broker/$topic
	"$MQTK" create -q "$address"
}

cli() {
	redis-cli --no-auth-warning -h "${REDIS%:*}" -p "${REDIS##*:}" "$@"
}

# fake COMMAND REPLY: a server that has a stream with three entries in it, and answers COMMAND with
# REPLY, where \r\n are written so. A REPLY of close or silence does that. $broker.
fake() {
	mkfifo fake.out
	"$root/scripts/python.sh" "$root/tests/faults/fake_redis.py" "$@" >fake.out 3>&- 4>&- &
	pids+=($!)
	read -r -t 10 broker <fake.out
	address=redis://$broker/$topic
}

@test "behind the largest id nothing comes, and what has it is not read twice" {
	shared_redis
	cli xadd "$topic" 0-1 payload first >/dev/null
	cli xadd "$topic" 18446744073709551615-18446744073709551615 payload last >/dev/null
	for act in "consume" "consume -e"; do
		# shellcheck disable=SC2086 # words
		mq_within 10 $act "$address"
		expect_status 0
		is "$(paste -sd' ' "$OUT")" "first last"
	done
	mq_within 10 tail -n 1 "$address"
	expect_status 0
	is "$(cat "$OUT")" last
	mq_within 10 consume --from end "$address"
	expect_status 0
	is "$(cat "$OUT")" ""
}

@test "entries that do not fit into one reply are asked for in fewer" {
	own_redis
	cli eval 'for i = 1, 5 do redis.call("xadd", KEYS[1], "*", "payload", string.rep("x", 250000000)) end' \
		1 "$topic" >/dev/null
	is "$(timeout 100 "$MQTK" consume -q -e --timeout 60s "$address" | wc -c)" 1250000005
	is "$(timeout 100 "$MQTK" consume -q -e --timeout 60s --group g "$address" | wc -c)" 1250000005
	is "$(cli xpending "$topic" g | head -n 1)" 0
}

@test "a refusal that does not end costs the time-out once, however many records there are" {
	own_redis --set 'maxmemory-policy noeviction'
	mq create "$address"
	cli config set maxmemory 1 >/dev/null
	# Six times as many as may be on their way at once.
	mq_within 20 produce --timeout 3s "$address" < <(seq 50000)
	expect_status 3
	has "$err" "50000 of 50000 records failed"
	cli config set maxmemory 0 >/dev/null
	# The same for a server that is gone.
	mkfifo pipe
	exec 7<>pipe
	background produce --timeout 3s "$address" <pipe >"$OUT" 2>"$ERR" 7>&-
	echo one >&7
	stored_one() { [ "$(cli xlen "$topic")" = 1 ]; }
	wait_until 20 stored_one
	redis_kill "$own"
	seq 50000 >&7
	exec 7>&-
	wait_for_end "$pid" 12
	mq_result
	expect_status 3
	has "$err" "50000 of 50001 records failed"
}

@test "who may not look into every stream still sees their names" {
	shared_redis
	user=user-$topic
	cli acl setuser "$user" on '>secret' "~$topic" +@all >/dev/null
	"$MQTK" create -q "$broker/other-$topic"
	MQTK_PASSWORD=secret mq_within 20 ls "redis://$user@$REDIS/"
	cli acl deluser "$user" >/dev/null
	expect_status 0
	grep -Eq "^$topic +0 " "$OUT"
	grep -Eq "^other-$topic +- " "$OUT"
}

@test "a member that may not acknowledge says so at once" {
	shared_redis
	user=user-$topic
	seq 3 | "$MQTK" produce -q "$address"
	cli acl setuser "$user" on '>secret' '~*' +@all -xack >/dev/null
	MQTK_PASSWORD=secret mq_within 8 consume -e --group g "redis://$user@$REDIS/$topic"
	cli acl deluser "$user" >/dev/null
	expect_status 5
	has "$err" NOPERM
	is "$(cli xpending "$topic" g | head -n 1)" 3
}

@test "two members that cannot see each other's locks have names of their own" {
	shared_redis
	[ "${REDIS%:*}" = 127.0.0.1 ] || skip "the server is not on this machine"
	background consume --group g "$address" >/dev/null 2>&1
	background consume --group g "redis://localhost:${REDIS##*:}/$topic" >/dev/null 2>&1
	TMPDIR=$PWD XDG_RUNTIME_DIR='' background consume --group g "$address" >/dev/null 2>&1
	three() { [ "$(cli xinfo consumers "$topic" g | grep -c '^mqtk-')" = 3 ]; }
	wait_until 20 three
	kill -TERM "${pids[@]}"
}

@test "redirections in a circle end with the time-out" {
	fake XRANGE '-MOVED 5 127.0.0.1:PORT\r\n'
	mq_within 10 consume -e --timeout 1s "$address"
	[ "$status" -ne 124 ]
	has "$err" MOVED
	is "$(cat "$OUT")" ""
}

@test "a server that ends at the same question each time is given up" {
	fake XAUTOCLAIM close
	mq_within 10 consume --group g --claim 1s --timeout 1s "$address"
	expect_status 4
	has "$err" "$broker: the connection was closed by the broker"
}

@test "answers that are none: exit 7, and nothing is taken for the end" {
	for case in 'XINFO.STREAM +OK\r\n' 'XINFO.STREAM :1\r\n' 'XRANGE $-1\r\n' 'XRANGE HTTP/1.1\r\n' \
		'XREADGROUP :1\r\n' 'XREADGROUP *0\r\n' 'XACK +OK\r\n'; do
		fake "${case%% *}" "${case#* }"
		group=()
		[[ $case != XREADGROUP* && $case != XACK* ]] || group=(--group g)
		mq_within 10 consume -e --timeout 2s "${group[@]}" "$address"
		[ "$status" -eq 7 ] || fail "exit code $status after $case:" "$err"
		has "$err" "$broker"
		kill "${pids[-1]}"
		rm fake.out
	done
}
