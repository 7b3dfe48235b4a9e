# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # used by the tests; set in lib/helpers.bash
# What the tests of kcat's behaviour share: a broker, topics, and kcat itself beside ours.

load ../lib/helpers
load saying

# A broker in $broker, and a name for the topics of this test in $topic.
use_kafka() {
	common_setup
	unset KCAT_CONFIG KAFKACAT_CONFIG
	requires_kafka
	broker=$KAFKA
	topic=$(unique kcat)
	address=kafka://$broker/$topic
}

# make_topic [PARTITIONS [ARG…]]: makes $topic.
make_topic() {
	"$MQTK" create --partitions "${1:-1}" "${@:2}" "kafka://$broker/$topic"
}

# Runs `mqtk kcat` against the broker, or where -b says.
run_kcat() {
	mq kcat -b "$broker" "$@"
}

have_kcat() {
	command -v kcat >/dev/null
}

# Reads what is stored: with kcat itself where it is installed, so that no mistake of ours hides
# another one.
stored() {
	if have_kcat; then
		kcat -q -b "$broker" -C -e "$@"
	else
		"$MQTK" kcat -q -b "$broker" -C -e "$@"
	fi
}

# The same reading command line for both: stdout byte for byte, and the exit code.
same_as_kcat() {
	local theirs=0 ours=0
	have_kcat || return 0
	kcat -b "$broker" "$@" >kcat.out 2>kcat.err </dev/null || theirs=$?
	"$MQTK" kcat -b "$broker" "$@" >mqtk.out 2>mqtk.err </dev/null || ours=$?
	if ! cmp kcat.out mqtk.out || [ "$theirs" != "$ours" ]; then
		echo "kcat $*: exit $theirs, ours $ours" >&2
		diff -a kcat.out mqtk.out | head -20 >&2
		head -5 kcat.err mqtk.err >&2
		return 1
	fi
}

# same_produced INPUT ARG…: the same producing command line for both, into a topic each; what is
# stored there, what is printed and the exit code are the same.
same_produced() {
	local input=$1 theirs=0 ours=0 all='%p %o %K:%k %S:%s %h\n'
	shift
	have_kcat || return 0
	printf '%b' "$input" >input
	topic_count=$((${topic_count:-0} + 1))
	local a=$topic-kcat-$topic_count b=$topic-mqtk-$topic_count
	kcat -b "$broker" -P -t "$a" "$@" >kcat.out 2>kcat.err <input || theirs=$?
	"$MQTK" kcat -b "$broker" -P -t "$b" "$@" >mqtk.out 2>mqtk.err <input || ours=$?
	stored -t "$a" -f "$all" >kcat.stored
	stored -t "$b" -f "$all" >mqtk.stored
	if ! cmp kcat.out mqtk.out || ! cmp kcat.stored mqtk.stored || [ "$theirs" != "$ours" ]; then
		echo "kcat -P $*: exit $theirs, ours $ours" >&2
		diff -a kcat.stored mqtk.stored | head -20 >&2
		head -5 kcat.err mqtk.err >&2
		return 1
	fi
}

# in_background ARG…: mqtk in the background, its process in $pid. The shell lets background
# processes ignore SIGINT and takes their standard input away; not here.
in_background() {
	env --default-signal=INT,TERM "$MQTK" "$@" <&0 &
	pid=$!
}

ended() {
	! kill -0 "$1" 2>/dev/null
}

# wait_for_end PID SECONDS: its exit code in $status; it is killed, and the test fails, when it
# does not end in time.
wait_for_end() {
	status=0
	if ! wait_until "$2" ended "$1"; then
		kill -9 "$1"
		return 1
	fi
	wait "$1" || status=$?
}

has_lines() { # FILE N
	[ "$(wc -l <"$1")" -ge "$2" ]
}

# The end of a partition, as kcat's query says it.
end_of() {
	"$MQTK" kcat -b "$broker" -Q -t "$1:0:-1" | sed 's/.* //'
}

end_is() {
	[ "$(end_of "$1")" = "$2" ]
}

# Something of a topic, though it may not be committed yet.
written() {
	[ "$(stored -t "$topic" -X isolation.level=read_uncommitted)" = "$1" ]
}
