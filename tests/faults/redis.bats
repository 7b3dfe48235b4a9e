#!/usr/bin/env bats
# Redis servers that refuse, die and return while mqtk writes and reads, and entries that other
# programs wrote. Each test of a death has a server of its own.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034,SC2317 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
}
teardown() {
	[ -z "${own-}" ] || redis_stop "$own" || :
	unset own
	end_faults
}

# own_redis [KIND] ARG…: a server of this test's own; $own is its name, $broker its address.
own_redis() {
	[ -n "${MQTK_TEST_DIR-}" ] || requires_redis
	[ -n "${MQTK_TEST_DIR-}" ] || skip "needs tests/brokers/run, to start a server of its own"
	# shellcheck source=tests/brokers/redis.sh
	source "$root/tests/brokers/redis.sh"
	own=own-$$-$BATS_TEST_NUMBER
	"${1-redis_start}" "$own" "${@:2}" 3>&-
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

# Every line of INPUT is stored, or was kept as failed (then it may be stored as well); nothing twice.
nothing_lost() { # INPUT STORED FAILED
	sort "$2" | uniq -d | head -3 >twice
	[ ! -s twice ] || fail "stored twice: $(cat twice)"
	{ cat "$2"; jq -r .payload "$3" 2>/dev/null; } | sort -u | diff <(sort "$1") - >lost ||
		fail "input and account differ:" "$(head -5 lost)"
}

# --- refusals ---------------------------------------------------------------------------------

@test "a key that is no stream: exit 2, and it says what it is" {
	shared_redis
	cli set "$topic-text" x >/dev/null
	for act in "produce" "consume -e" "tail -n 1" "info" "delete --yes" "create"; do
		# shellcheck disable=SC2086 # words
		mq_within 20 $act "$broker/$topic-text" </dev/null
		expect_status 2
		has "$err" "$topic-text is a string, not a stream"
	done
}

@test "a server without memory: tried again, then exit 3, and what was refused is kept" {
	own_redis redis_start --set 'maxmemory-policy noeviction'
	mq create "$address"
	cli config set maxmemory 1 >/dev/null
	mq_within 20 produce --timeout 1s --failed-to kept "$address" < <(seq 5)
	expect_status 3
	has "$err" OOM
	cli config set maxmemory 0 >/dev/null
	is "$(stored)" ""
	is "$(jq -r .payload kept | paste -sd' ')" "1 2 3 4 5"
	# Memory comes back while it tries.
	cli config set maxmemory 1 >/dev/null
	background produce --timeout 30s -v "$address" < <(seq 5) 2>"$ERR" >"$OUT"
	wait_until 20 grep -q OOM "$ERR"
	cli config set maxmemory 0 >/dev/null
	wait_for_end "$pid" 20
	mq_result
	expect_status 0
	is "$(stored | paste -sd' ')" "1 2 3 4 5"
}

@test "a replica: exit 3 after the time-out; nothing is called stored" {
	own_redis redis_sentinel_start
	mq create "redis://$REDIS_MASTER/$topic"
	replica_has() { "$MQTK" ls -q "redis://$REDIS_REPLICA/" | grep -q "^$topic "; }
	wait_until 20 replica_has
	mq_within 20 produce --timeout 500ms "redis://$REDIS_REPLICA/$topic" < <(seq 3)
	expect_status 3
	has "$err" READONLY
	has "$err" "3 of 3 records failed"
}

@test "a server that still loads its data is waited for" {
	own_redis redis_start
	mq create "$address"
	seq 20000 | "$MQTK" produce -q "$address"
	redis_kill "$own"
	# Slow enough to be asked meanwhile.
	printf '%s\n' 'key-load-delay 200' 'loading-process-events-interval-bytes 1024' \
		>>"$MQTK_TEST_DIR/$own/1/redis.conf"
	redis_node "$MQTK_TEST_DIR/$own/1" 3>&-
	loading() { cli ping 2>&1 | grep -q LOADING; }
	wait_until 20 loading
	mq_within 60 produce --timeout 50s "$address" < <(echo more)
	expect_status 0
	is "$(stored | tail -n 1)" more
}

@test "ids that have come to their end: nothing hangs, nothing is called stored" {
	shared_redis
	cli xadd "$topic" 18446744073709551615-18446744073709551615 payload last >/dev/null
	mq_within 20 produce "$address" < <(seq 2)
	expect_status 3
	has "$err" "2 of 2 records failed"
	has "$err" "exhausted"
	is "$(stored)" last
}

@test "a value over the server's limit fails alone" {
	own_redis redis_start --set 'proto-max-bulk-len 1mb'
	mq create "$address"
	{
		seq 100
		head -c 3000000 /dev/zero | tr '\0' x
		echo
		seq 101 200
	} >in
	mq_within 60 produce --timeout 5s --failed-to kept "$address" <in
	expect_status 3
	has "$err" "1 of 201 records failed"
	has "$err" proto-max-bulk-len
	stored >all
	nothing_lost in all kept
}

# --- deaths -----------------------------------------------------------------------------------

@test "a server that dies twice and returns while records go out: nothing lost, nothing twice" {
	own_redis redis_start
	mq create "$address"
	seq -f %09.0f 90000 >in
	mkfifo pipe
	exec 7<>pipe
	background produce --timeout 60s --failed-to kept "$address" <pipe >"$OUT" 2>"$ERR" 7>&-
	for round in 0 1 2; do
		sed -n "$((round * 30000 + 1)),$((round * 30000 + 30000))p" in >&7 3>&- &
		feeder=$!
		if ((round < 2)); then
			wait_until 20 holds $((round * 28000 + 2000))
			redis_kill "$own"
			redis_again "$own" 3>&- 7>&-
		fi
		wait "$feeder"
	done
	exec 7>&-
	wait_for_end "$pid" 60
	mq_result
	# Unknown is said, and is no success.
	((status == 0 || status == 3)) || fail "status $status" "$err"
	stored >all
	nothing_lost in all kept
	((status == 0)) || has "$err" "the broker may have stored it"
}

@test "answers that are lost after the append are unknown, and nothing is sent again" {
	own_redis redis_start
	mq create "$address"
	rule pass
	mkfifo proxy.in proxy.out
	"$(test_tool tcp_proxy)" "$REDIS" "$PWD/proxy.rule" <proxy.in >proxy.out 2>proxy.err 3>&- &
	pids+=($!)
	exec {proxy_in}>proxy.in {proxy_out}<proxy.out
	read -r -t 10 -u "$proxy_out" port
	for after in 1 200 2000; do
		cli del "$topic" >/dev/null
		mq create "$address"
		rule pass
		mkfifo "pipe.$after"
		exec 7<>"pipe.$after"
		background produce --timeout 20s --failed-to "kept.$after" "redis://127.0.0.1:$port/$topic" \
			<"pipe.$after" >"$OUT" 2>"$ERR" 7>&-
		seq 1000 >&7
		wait_until 20 holds 1000
		rule "cut $after"
		seq 1001 5000 >&7
		exec 7>&-
		wait_for_end "$pid" 40
		mq_result
		expect_status 3
		has "$err" "the broker may have stored it"
		stored >all
		nothing_lost <(seq 5000) all "kept.$after"
	done
}

@test "a server that never answers: unknown after the time-out" {
	own_redis redis_start --set 'enable-debug-command yes'
	mq create "$address"
	mkfifo pipe
	exec 7<>pipe
	background produce --timeout 1s --failed-to kept "$address" <pipe >"$OUT" 2>"$ERR" 7>&-
	echo one >&7
	wait_until 20 holds 1
	cli debug sleep 8 >/dev/null 3>&- 7>&- &
	sleeper=$!
	sleeping() { ! timeout 0.5 redis-cli -h "${REDIS%:*}" -p "${REDIS##*:}" ping >/dev/null; }
	wait_until 5 sleeping
	echo two >&7
	exec 7>&-
	wait_for_end "$pid" 30
	mq_result
	expect_status 3
	has "$err" "the broker may have stored it"
	is "$(jq -r .payload kept)" two
	wait "$sleeper" || :
}

@test "a server that dies and returns while a group reads: nothing lost" {
	own_redis redis_start
	mq create "$address"
	seq -f %09.0f 200000 | "$MQTK" produce -q "$address"
	background consume --timeout 60s --group g --prefetch 100 --commit-interval 10ms "$address" \
		>got 2>"$ERR"
	for round in 1 2 3; do
		wait_until 30 file_has got $((round * 300000))
		redis_kill "$own"
		redis_again "$own" 3>&-
	done
	wait_until 60 grep -qx 000200000 got
	settled() { [ "$(cli xpending "$topic" g | head -n 1)" = 0 ]; }
	wait_until 20 settled
	kill -TERM "$pid"
	wait_for_end "$pid" 20
	expect_status 143
	complete 200000 got
}

@test "a reader without a group goes on exactly where it was when the server returns" {
	own_redis redis_start
	mq create "$address"
	seq -f %09.0f 200000 | "$MQTK" produce -q "$address"
	background consume --timeout 60s --prefetch 100 "$address" >got 2>"$ERR"
	for round in 1 2 3; do
		wait_until 30 file_has got $((round * 300000))
		redis_kill "$own"
		redis_again "$own" 3>&-
	done
	wait_until 60 grep -qx 000200000 got
	echo 000200001 | "$MQTK" produce -q "$address"
	wait_until 20 grep -qx 000200001 got
	kill -TERM "$pid"
	wait_for_end "$pid" 20
	diff <(seq -f %09.0f 200001) got
}

@test "sentinels: the new master is found while records go out" {
	own_redis redis_sentinel_start
	address="redis://$REDIS_SENTINEL/$topic?sentinel=mymaster"
	mq create "$address"
	mkfifo pipe
	exec 7<>pipe
	background produce --timeout 60s -X wait=1 --failed-to kept "$address" <pipe >"$OUT" 2>"$ERR" 7>&-
	seq 1000 >&7
	replicated() { [ "$(redis_cli "$own" 2 -- xlen "$topic")" = 1000 ]; }
	wait_until 20 replicated
	redis_kill "$own" 1
	seq 1001 2000 >&7
	exec 7>&-
	wait_for_end "$pid" 90
	mq_result
	((status == 0 || status == 3)) || fail "status $status" "$err"
	stored >all
	nothing_lost <(seq 2000) all kept
	# With its only replica made master, nobody confirms any more: said, not called stored.
	expect_status 3
	has "$err" "replicas"
}

@test "a cluster whose slot moves: writer and reader follow" {
	own_redis redis_cluster_start
	mq create "$address"
	mkfifo pipe
	exec 7<>pipe
	background produce --timeout 30s "$address" <pipe >"$OUT" 2>"$ERR" 7>&-
	writer=$pid
	background consume --timeout 30s "$address" >got 2>consume.err 7>&-
	background consume --timeout 30s --group g "$address" >got.g 2>group.err 7>&-
	seq 1000 >&7
	all_have() { grep -qx "$1" got && grep -qx "$1" got.g; }
	wait_until 20 all_have 1000
	slot=$(cli cluster keyslot "$topic")
	from='' to=''
	for node in 1 2 3; do
		if redis_cli "$own" "$node" -- exists "$topic" 2>&1 | grep -q MOVED; then to=$node; else from=$node; fi
	done
	from_id=$(redis_cli "$own" "$from" -- cluster myid)
	to_id=$(redis_cli "$own" "$to" -- cluster myid)
	to_port=$(redis_cli "$own" "$to" -- config get port | tail -n 1)
	redis_cli "$own" "$to" -- cluster setslot "$slot" importing "$from_id" >/dev/null
	redis_cli "$own" "$from" -- cluster setslot "$slot" migrating "$to_id" >/dev/null
	redis_cli "$own" "$from" -- migrate 127.0.0.1 "$to_port" "$topic" 0 5000 >/dev/null
	# The key is away, the slot is not yet: ASK.
	seq 1001 2000 >&7
	wait_until 20 all_have 2000
	for node in 1 2 3; do
		redis_cli "$own" "$node" -- cluster setslot "$slot" node "$to_id" >/dev/null
	done
	seq 2001 3000 >&7
	exec 7>&-
	wait_for_end "$writer" 30
	mq_result
	expect_status 0
	wait_until 20 all_have 3000
	kill -TERM "${pids[@]:1:2}"
	wait_for_end "${pids[1]}" 20
	wait_for_end "${pids[2]}" 20
	diff <(seq 3000) got
	diff <(seq 3000) got.g
}

@test "a cluster: streams of several slots are read by one command, and CROSSSLOT does not come" {
	requires_redis_cluster
	REDIS=${REDIS_CLUSTER%%,*} broker=redis://$REDIS_CLUSTER
	for i in 1 2 3 4 5 6; do
		mq create "$broker/$topic-$i"
		seq -f "$i-%.0f" 100 | "$MQTK" produce -q "$broker/$topic-$i"
	done
	mq_within 30 consume -q -e "$broker/^$topic-"
	expect_status 0
	is "$(wc -l <"$OUT")" 600
	mq_within 30 consume -q -e --group g "$broker/^$topic-"
	expect_status 0
	is "$(sort "$OUT" | uniq | wc -l)" 600
	mq_within 30 consume -q -c 7 --group h "$broker/^$topic-"
	expect_status 0
	is "$(wc -l <"$OUT")" 7
	held=0
	for i in 1 2 3 4 5 6; do
		held=$((held + $(redis-cli -c -h "${REDIS%:*}" -p "${REDIS##*:}" xpending "$topic-$i" h | head -n 1)))
	done
	is "$held" 0
	# A limit that waits for several connections.
	for i in 1 2 3 4 5 6; do
		mq_within 30 consume -q -e --group f "$broker/$topic-$i"
	done
	background consume -q -c 12 --group f "$broker/^$topic-" >got 2>"$ERR"
	for n in 1 2; do
		for i in 1 2 3 4 5 6; do echo "new $i $n" | "$MQTK" produce -q "$broker/$topic-$i"; done
	done
	wait_for_end "$pid" 30
	is "$(sort -u got | grep -c ^new)" 12
}

# --- pending entries --------------------------------------------------------------------------

@test "what a killed member was given is the next one's first, and nobody else's" {
	shared_redis
	seq 10 | "$MQTK" produce -q "$address"
	slow consume --group g "$address"
	given() { [ "$(cli xpending "$topic" g | head -n 1)" = 10 ]; }
	wait_until 20 given
	kill -9 "$pid"
	wait "$pid" || :
	exec 6<&-
	mq_within 20 consume -q --group g --consumer other -e "$address"
	expect_status 0
	is "$out" ""
	mq_within 20 consume -q -J --group g -e "$address"
	expect_status 0
	is "$(jq -r .payload "$OUT" | paste -sd' ')" "1 2 3 4 5 6 7 8 9 10"
	is "$(jq -r .redelivered "$OUT" | uniq)" true
	is "$(cli xpending "$topic" g | head -n 1)" 0
}

@test "two members at once have names of their own" {
	shared_redis
	background consume --group g "$address" >/dev/null 2>&1
	background consume --group g "$address" >/dev/null 2>&1
	two() { [ "$(cli xinfo consumers "$topic" g | grep -c '^mqtk-')" = 2 ]; }
	wait_until 20 two
	kill -TERM "${pids[@]}"
	wait_for_end "${pids[0]}" 20
	wait_for_end "${pids[1]}" 20
}

@test "--claim takes what a silent member left, once it has been idle for so long" {
	shared_redis
	seq 3 | "$MQTK" produce -q "$address"
	cli xgroup create "$topic" g 0 >/dev/null
	cli xreadgroup group g gone count 2 streams "$topic" '>' >/dev/null
	mq_within 20 consume -q --group g --consumer c --claim 1h -e "$address"
	expect_status 0
	is "$out" 3
	mq_within 20 consume -q --group g --consumer c --claim 1ms -e "$address"
	expect_status 0
	is "$(paste -sd' ' "$OUT")" "1 2"
	is "$(cli xpending "$topic" g | head -n 1)" 0
}

@test "a member that follows claims what becomes idle later" {
	shared_redis
	cli xgroup create "$topic" g 0 >/dev/null
	background consume --group g --consumer c --claim 500ms "$address" >got 2>/dev/null
	joined() { cli xinfo consumers "$topic" g | grep -qx c; }
	wait_until 20 joined
	kill -STOP "$pid"
	seq 3 | "$MQTK" produce -q "$address"
	cli xreadgroup group g gone count 3 streams "$topic" '>' >/dev/null
	kill -CONT "$pid"
	got_three() { [ "$(wc -l <got)" = 3 ]; }
	wait_until 20 got_three
	kill -TERM "$pid"
	wait_for_end "$pid" 20
	is "$(cli xpending "$topic" g | head -n 1)" 0
}

@test "pending entries that were deleted meanwhile are acknowledged and not printed" {
	shared_redis
	seq 3 | "$MQTK" produce -q "$address"
	cli xgroup create "$topic" g 0 >/dev/null
	cli xreadgroup group g c count 2 streams "$topic" '>' >/dev/null
	first=$(cli xrange "$topic" - + count 1 | head -n 1)
	cli xdel "$topic" "$first" >/dev/null
	mq_within 20 consume -q --group g --consumer c -e "$address"
	expect_status 0
	is "$(paste -sd' ' "$OUT")" "2 3"
	is "$(cli xpending "$topic" g | head -n 1)" 0
}

@test "-c with a group takes no more than it prints" {
	shared_redis
	seq 100 | "$MQTK" produce -q "$address"
	mq_within 20 consume -q --group g -c 7 "$address"
	expect_status 0
	is "$(cli xinfo groups "$topic" | grep -A 1 entries-read | tail -n 1)" 7
	is "$(cli xpending "$topic" g | head -n 1)" 0
}

@test "a group or a stream that is deleted under a reader is said" {
	shared_redis
	background consume --group g "$address" >"$OUT" 2>"$ERR"
	waiting() { cli xinfo consumers "$topic" g 2>/dev/null | grep -q '^mqtk-'; }
	wait_until 20 waiting
	cli xgroup destroy "$topic" g >/dev/null
	wait_for_end "$pid" 20
	mq_result
	expect_status 8
	has "$err" "$topic"
	background consume --group h "$address" >"$OUT" 2>"$ERR"
	waiting() { cli xinfo consumers "$topic" h 2>/dev/null | grep -q '^mqtk-'; }
	wait_until 20 waiting
	cli del "$topic" >/dev/null
	wait_for_end "$pid" 20
	mq_result
	expect_status 8
}

# --- other programs ---------------------------------------------------------------------------

@test "entries of other programs are read and written without loss" {
	shared_redis
	b=$topic-b
	mq create "$broker/$b"
	cli xadd "$topic" '*' sensor 7 temperature 21.5 >/dev/null
	cli xadd "$topic" '*' a 1 b 2 a 3 >/dev/null
	printf '\377' | cli -x xadd "$topic" '*' raw >/dev/null
	cli xadd "$topic" '*' payload x payload y >/dev/null
	cli xadd "$topic" '*' key k payload x >/dev/null
	cli xadd "$topic" '*' payload x mqtk-properties nonsense >/dev/null
	cli xadd "$topic" '*' '' '' >/dev/null
	cli xadd "$topic" '*' payload text key k >/dev/null
	"$MQTK" consume -q -J -e "$address" >entries
	is "$(jq -r 'select(.content_type) | .payload' entries | head -n 2 | paste -sd' ')" \
		'{"sensor":"7","temperature":"21.5"} [["a","1"],["b","2"],["a","3"]]'
	is "$(jq -r 'select(.key == "k") | .payload' entries)" text
	"$MQTK" produce -q -J "$broker/$b" < <(jq -c 'del(.stream)' entries)
	fields "$topic" >want
	[ "$(wc -l <want)" = 30 ] || fail "$(cat want)"
	fields "$b" | diff want -
	# And through the local store.
	mq produce -J "sqlite:$PWD/x.db/t" entries
	expect_status 0
	cli del "$b" >/dev/null
	mq create "$broker/$b"
	"$MQTK" consume -q -J -e "sqlite:$PWD/x.db/t" | jq -c 'del(.stream)' | "$MQTK" produce -q -J "$broker/$b"
	fields "$b" | diff want -
}
# The fields of all entries, but for their ids and the one in which an entry of ours keeps its time.
fields() {
	cli --no-raw xrange "$1" - + | sed -E 's/^ *([0-9]+\) )*//' | grep -vE '^"[0-9]+-[0-9]+"$' |
		awk '/^"mqtk-properties"$/ { name = $0; next } name && /^"\{\\"ts\\":[0-9]+\}"$/ { name = ""; next }
			name { print name; name = "" } { print }'
}

@test "-X fields=json: objects become fields for programs that expect them" {
	shared_redis
	printf '%s\n' '{"sensor":"7","t":21.50,"on":true,"deep":{"a":[1]},"none":null}' 'no json' >in
	mq produce -X fields=json "$address" <in
	expect_status 3
	has "$err" "no JSON object"
	is "$(cli xrange "$topic" - + | tail -n +2 | paste -sd' ')" \
		'sensor 7 t 21.50 on true deep {"a":[1]} none null'
}

@test "a Python client and mqtk read each other's messages" {
	requires_redis
	/usr/bin/python3 -c 'import redis' 2>/dev/null || skip "python3-redis is not on this system"
	shared_redis
	/usr/bin/python3 - "${REDIS%:*}" "${REDIS##*:}" "$topic" <<-'PYTHON'
		import redis, sys
		r = redis.Redis(sys.argv[1], int(sys.argv[2]))
		for i in range(1000):
		    r.xadd(sys.argv[3], {"payload": b"%d\0\xff" % i, "key": b"k%d" % i})
	PYTHON
	mq_within 20 consume -q -e -K : -D ';' "$address"
	expect_status 0
	/usr/bin/python3 -c 'import sys
sys.stdout.buffer.write(b"".join(b"k%d:%d\0\xff;" % (i, i) for i in range(1000)))' | cmp - "$OUT"
	cli del "$topic" >/dev/null
	mq produce --create -K : "$address" < <(seq 100 | sed 's/.*/k&:v&/')
	expect_status 0
	/usr/bin/python3 - "${REDIS%:*}" "${REDIS##*:}" "$topic" <<-'PYTHON'
		import redis, sys
		r = redis.Redis(sys.argv[1], int(sys.argv[2]))
		got = [e[1] for e in r.xrange(sys.argv[3])]
		assert got == [{b"payload": b"v%d" % i, b"key": b"k%d" % i} for i in range(1, 101)], got[:3]
	PYTHON
}

# --- ways in ----------------------------------------------------------------------------------

@test "databases, sockets and TLS are the same server" {
	shared_redis
	echo one | "$MQTK" produce -q "$address"
	mq create "$broker/3/$topic"
	mq produce "$broker/3/$topic" < <(echo three)
	expect_status 0
	is "$(cli -n 3 xlen "$topic")" 1
	[ -z "$REDIS_SOCKET" ] || {
		is "$("$MQTK" consume -q -e "redis+unix://$REDIS_SOCKET/$topic")" one
		is "$("$MQTK" consume -q -e "redis+unix://$REDIS_SOCKET/$topic?db=3")" three
	}
	[ -n "$REDIS_TLS" ] || skip "the server has no TLS"
	ca=$MQTK_TEST_CA
	is "$("$MQTK" consume -q -e -X "tls.ca=$ca" "rediss://$REDIS_TLS/$topic")" one
	mq_within 20 consume -e "rediss://$REDIS_TLS/$topic"
	expect_status 5
	seq 20000 | "$MQTK" produce -q -X "tls.ca=$ca" "rediss://$REDIS_TLS/$topic"
	is "$("$MQTK" consume -q -e --group g -X "tls.ca=$ca" "rediss://$REDIS_TLS/$topic" | wc -l)" 20001
	mq_within 20 ls "$broker/99999/"
	expect_status 8
}

@test "a user who may do no more than write, writes" {
	shared_redis
	cli acl setuser "$topic" on '>secret' "~$topic*" +xadd >/dev/null
	export MQTK_USER=$topic MQTK_PASSWORD=secret
	mq_within 20 produce "$address" < <(seq 3)
	expect_status 0
	mq_within 20 produce "$address-missing" < <(seq 3)
	expect_status 3
	has "$err" "there is no stream $topic-missing"
	mq_within 20 produce "$broker/other" < <(seq 3)
	expect_status 5
	has "$err" NOPERM
	mq_within 20 consume -e "$address"
	expect_status 5
	unset MQTK_USER MQTK_PASSWORD
	cli acl deluser "$topic" >/dev/null
	is "$(stored | paste -sd' ')" "1 2 3"
}

@test "settings that are none, or mean nothing, are refused" {
	for setting in wait=x wait=-1 db=x fields=yaml payload-field=key nonsense=1 tls.cat=x wait-timeout=3; do
		mq consume -e -X "$setting" "redis://127.0.0.1:1/t"
		expect_status 2
		has "$err" "${setting%%=*}"
	done
}
