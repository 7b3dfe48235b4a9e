# The varieties of brokers that the list of behaviours is run on. A variety says how to reach it, how
# to make a stream and what it can do; nothing else of it is known to the tests.
# shellcheck shell=bash
# shellcheck disable=SC2034 # the tests read what is set here

VARIETY="$(basename "$BATS_TEST_FILENAME" .bats)"

case "$VARIETY" in
local) CAPS="groups partitions time transactions auto-create admin" ;;
kafka3 | kafka4) CAPS="groups partitions time transactions network admin" ;;
# The mock cluster of librdkafka: no CreateTopics, no look-up by time; a member that left its group is
# kept until its session ends, so that the next one waits for 45 s.
mock) CAPS="partitions network" ;;
*) echo "no such variety: $VARIETY" >&2; exit 1 ;;
esac

has_cap() { [[ " $CAPS " == *" $1 "* ]]; }
requires_cap() { has_cap "$1" || skip "$VARIETY has no $1"; }

# The mock cluster runs beside the tests of a file and takes its commands from a pipe.
mock_start() {
	mkfifo "$BATS_FILE_TMPDIR/mock.commands"
	# No descriptor of bats's may stay open in them, or it waits for their end.
	"$(test_tool mockd)" 1 <"$BATS_FILE_TMPDIR/mock.commands" >"$BATS_FILE_TMPDIR/mock.says" \
		2>"$BATS_FILE_TMPDIR/mock.log" 3>&- 4>&- &
	echo $! >"$BATS_FILE_TMPDIR/mock.pid"
	# Held open until the end: the mock ends with its input.
	sleep infinity >"$BATS_FILE_TMPDIR/mock.commands" 2>/dev/null 3>&- 4>&- &
	echo $! >"$BATS_FILE_TMPDIR/mock.holder"
	wait_until 10 test -s "$BATS_FILE_TMPDIR/mock.says"
	head -n 1 "$BATS_FILE_TMPDIR/mock.says" >"$BATS_FILE_TMPDIR/mock.address"
}
mock_stop() { kill "$(cat "$BATS_FILE_TMPDIR/mock.holder")" "$(cat "$BATS_FILE_TMPDIR/mock.pid")"; }
# mock_command WORDS: until it was obeyed.
mock_command() {
	local mark
	mark=$(unique mark)
	printf '%s\nsay %s\n' "$1" "$mark" >"$BATS_FILE_TMPDIR/mock.commands"
	wait_until 10 grep -qx "$mark" "$BATS_FILE_TMPDIR/mock.says"
}

variety_start() {
	case "$VARIETY" in
	mock) mock_start ;;
	esac
}

variety_stop() {
	case "$VARIETY" in
	mock) mock_stop ;;
	esac
}

# What the tests of this list need beyond tests/lib/helpers.bash.
variety_setup() {
	common_setup
	# Here and not in variety_start: bats cannot skip a whole file.
	case "$VARIETY" in
	kafka3 | kafka4) requires_kafka ;;
	esac
	OUT="$BATS_TEST_TMPDIR/out"
	ERR="$BATS_TEST_TMPDIR/err"
}

# mq_limited SECONDS ARG…: as mq, for what must end by itself. 124 when it does not.
mq_limited() {
	local limit=$1
	shift
	status=0
	timeout -k 5 "$limit" "$MQTK" "$@" >"$OUT" 2>"$ERR" || status=$?
	mq_result
}

# file_has FILE BYTES: the file has grown to that size.
file_has() { [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -ge "$2" ]; }

# address NAME: the address of a stream; of the broker alone for ''.
address() {
	case "$VARIETY" in
	local) echo "sqlite:$BATS_TEST_TMPDIR/store.db/$1" ;;
	kafka3) echo "kafka://$MQTK_TEST_KAFKA/$1" ;;
	kafka4) echo "kafka://$MQTK_TEST_KAFKA4/$1" ;;
	mock) echo "kafka://$(cat "$BATS_FILE_TMPDIR/mock.address")/$1" ;;
	esac
}

# address_of_none VARIABLE: sets it to the address of a stream that is not there.
address_of_none() {
	local name
	name=$(unique no-such-stream)
	case "$VARIETY" in
	# It makes every topic that it is asked for, unless it is told that there is none.
	mock) mock_command "topic-error $name 3" ;;
	esac
	printf -v "$1" '%s' "$(address "$name")"
}

# fresh VARIABLE [PARTITIONS [CONFIG]]: makes a stream of its own and sets VARIABLE to its address.
fresh() {
	local name
	name="$(unique "$1")"
	case "$VARIETY" in
	mock) mock_command "create $name ${2:-2} 1" ;;
	*) "$MQTK" create -q --partitions "${2:-2}" ${3:+--config "$3"} "$(address "$name")" ;;
	esac
	printf -v "$1" '%s' "$(address "$name")"
}

# The largest message that the variety is asked to take, in bytes.
variety_large() {
	case "$VARIETY" in
	local) echo 100000000 ;;
	kafka*) echo 20000000 ;;
	mock) echo 900000 ;;
	esac
}
variety_large_config() {
	case "$VARIETY" in
	kafka*) echo max.message.bytes=30000000 ;;
	esac
}

# A member that was killed is missed by its broker only after the session's time-out; as the same
# static member it is let in again at once.
GROUP_SETTINGS=()
case "$VARIETY" in
kafka* | mock)
	GROUP_SETTINGS=(-X session.timeout.ms=6000 -X heartbeat.interval.ms=1000 -X group.instance.id=one)
	;;
esac

unreachable_address() { echo "kafka://127.0.0.1:1/t"; }
