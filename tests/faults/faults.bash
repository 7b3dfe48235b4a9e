# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # used by the tests; set in lib/helpers.bash
# shellcheck disable=SC2119,SC2120 # the tests give the arguments
# What the tests of faults share: a mock cluster that obeys, programs in the background, and the
# account of what was produced.

load ../lib/helpers
load ../cli/saying

# setup of every file: nothing is running yet.
use_faults() {
	common_setup
	topic=$(unique fault)
	pids=()
	OUT=$BATS_TEST_TMPDIR/out
	ERR=$BATS_TEST_TMPDIR/err
}

# teardown of every file: what a failed test left behind ends.
end_faults() {
	local one
	exec {mock_in}>&- {proxy_in}>&- || :
	for one in "${pids[@]}"; do
		kill -CONT "$one" || :
		kill -9 "$one" || :
	done
	# Killed, as several nodes wait for each other when they are to stop.
	[ -n "${own-}" ] || return 0
	for one in "$MQTK_TEST_DIR/$own"/[0-9]*; do
		kafka_kill "$own" "${one##*/}" || :
	done
} 2>/dev/null

# --- servers --------------------------------------------------------------------------------------

# mock_up [BROKERS]: a mock cluster of this test's own; $broker.
mock_up() {
	mkfifo mock.in mock.out
	"$(test_tool mockd)" "${1:-1}" <mock.in >mock.out 2>mock.err 3>&- &
	pids+=($!)
	exec {mock_in}>mock.in {mock_out}<mock.out
	read -r -t 10 -u "$mock_out" broker
}

# mock COMMAND…: done when this returns.
mock() {
	local answer
	echo "$*" >&"$mock_in"
	echo "say done" >&"$mock_in"
	read -r -t 10 -u "$mock_out" answer
}

# mock_topic [PARTITIONS]
mock_topic() {
	mock create "$topic" "${1:-1}" 1
	address=kafka://$broker/$topic
}

# A real broker and $topic on it.
real_topic() { # [PARTITIONS [ARG…]]
	requires_kafka
	broker=$KAFKA
	address=kafka://$broker/$topic
	"$MQTK" create -q --partitions "${1:-1}" "${@:2}" "$address"
}

# own_cluster ARG…: a cluster of this test's own; $own is its name, $broker its address.
own_cluster() {
	[ -n "${MQTK_TEST_DIR-}" ] || requires_kafka
	[ -n "${MQTK_TEST_DIR-}" ] || skip "needs tests/brokers/run, to start a broker of its own"
	# shellcheck source=tests/brokers/kafka.sh
	source "$root/tests/brokers/kafka.sh"
	own=own-$$-$BATS_TEST_NUMBER
	kafka_start "$own" 3.9.1 --brief "$@" 3>&-
	broker=$KAFKA
	address=kafka://$broker/$topic
}

# A cluster of its own whose clients go through a proxy; rule TEXT sets what that does.
proxied_cluster() {
	local line
	own_cluster
	rule pass
	mkfifo proxy.in proxy.out
	"$(test_tool tcp_proxy)" "$broker" "$PWD/proxy.rule" <proxy.in >proxy.out 2>proxy.err 3>&- &
	pids+=($!)
	exec {proxy_in}>proxy.in {proxy_out}<proxy.out
	read -r -t 10 -u "$proxy_out" line
	kafka_stop "$own"
	echo "advertised.listeners=PLAINTEXT://127.0.0.1:$line" >>"$MQTK_TEST_DIR/$own/1/properties"
	kafka_again "$own" 1 3>&-
	direct=$broker
	broker=127.0.0.1:$line
	address=kafka://$broker/$topic
	"$MQTK" create -q --partitions 1 "$address"
}

rule() {
	echo "$*" >proxy.rule.new
	mv proxy.rule.new proxy.rule
}

# --- programs -------------------------------------------------------------------------------------

# background ARG…: mqtk in the background, its process in $pid; it hears SIGINT, and has the
# standard input that it is given.
background() {
	env --default-signal=INT,TERM "$MQTK" "$@" <&0 3>&- &
	pid=$!
	pids+=("$pid")
}

# strike TIMES LEAST MOST ARG…: mqtk ARG… TIMES times, each killed at a random moment, LEAST to MOST
# ms after its start. $struck is how many had not ended by themselves.
strike() {
	local times=$1 least=$2 most=$3 i code moment
	shift 3
	struck=0
	for ((i = 0; i < times; i++)); do
		background "$@" </dev/null >>struck.out 2>>struck.err
		printf -v moment '0.%03d' $((least + RANDOM % (most - least)))
		timeout "$moment" tail -q --pid="$pid" -s 0.01 -f /dev/null || :
		code=0
		{
			kill -9 "$pid" || :
			wait "$pid" || code=$?
		} 2>/dev/null
		struck=$((struck + (code == 137)))
	done
}

ended() {
	! kill -0 "$1" 2>/dev/null
}

# wait_for_end PID SECONDS: its exit code in $status. It is killed, and the test fails, when it does
# not end in time.
wait_for_end() {
	status=0
	if ! wait_until "$2" ended "$1"; then
		kill -9 "$1"
		return 1
	fi
	wait "$1" || status=$?
}

# mq_within SECONDS ARG…: as mq, for what must end by itself: 124 when it does not.
mq_within() {
	local limit=$1
	shift
	status=0
	timeout -k 5 "$limit" "$MQTK" "$@" >"$OUT" 2>"$ERR" || status=$?
	mq_result
}

# peak COMMAND…: runs it and prints on stdout the most memory it ever had, in kB.
peak() {
	"$root/scripts/python.sh" -c 'import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)' "$@"
}

file_has() { # FILE BYTES
	[ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -ge "$2" ]
}

# --- the account ----------------------------------------------------------------------------------

# What is stored in $topic, one payload a line, in order per partition.
stored() {
	"$MQTK" consume -q -e "$@" "$address"
}

holds() { # N: so many records are stored
	[ "$(stored | wc -l)" -ge "$1" ]
}

# number_confirmed FILE: as the program says it.
number_confirmed() {
	grep -oE '[0-9]+ (record[s]? )?confirmed' "$1" | tail -1 | grep -oE '^[0-9]+' || echo 0
}

# accounted INPUT STORED FAILED: each line of INPUT is stored once or kept in FAILED, in one of the
# two; nothing else is in either.
accounted() {
	jq -r .payload "$3" >accounted.failed 2>/dev/null || : >accounted.failed
	sort "$2" | uniq -d | head -3 >accounted.twice
	[ ! -s accounted.twice ] || fail "stored twice: $(cat accounted.twice)"
	sort "$2" accounted.failed | diff <(sort "$1") - >accounted.diff ||
		fail "input and account differ:" "$(head -5 accounted.diff)"
}

# --- groups ---------------------------------------------------------------------------------------

# Small pieces, so that whatever strikes does so in the middle.
small=(-X queued.max.messages.kbytes=64 -X queued.min.messages=1 -X fetch.message.max.bytes=8000)
session=(-X session.timeout.ms=6000 -X heartbeat.interval.ms=500)

numbers() { # FILE…: the whole lines that are numbers
	grep -haxE '[0-9]{9}' "$@"
}

complete() { # N FILE…: every number from 1 to N is there
	local n=$1
	shift
	numbers "$@" | sort -u | diff <(seq -f %09.0f "$n") - >missing ||
		fail "not complete:" "$(grep -c '^<' missing) lost" "$(head -5 missing)"
}

# slow ARG…: mqtk with its output in a pipe that is full until somebody reads descriptor 6.
slow() {
	rm -f pipe
	mkfifo pipe
	exec 5<>pipe
	exec 6<pipe
	background "$@" >pipe 2>>"$ERR" 5>&- 6<&-
	exec 5>&-
}

# told PATH: what RabbitMQ's management API says, as guest.
told() {
	"$root/scripts/python.sh" --with json - "$RABBITMQ_MANAGEMENT/api/$1" <<'PYTHON'
import base64, sys, urllib.request
request = urllib.request.Request(sys.argv[1])
request.add_header("Authorization", "Basic " + base64.b64encode(b"guest:guest").decode())
sys.stdout.write(urllib.request.urlopen(request, timeout=10).read().decode())
PYTHON
}
