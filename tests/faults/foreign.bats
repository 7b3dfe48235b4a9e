#!/usr/bin/env bats
# Other clients and mqtk on the same topics: Kafka's own for Java, and kcat. What one writes the
# other reads, to the bit, and keys go where everybody puts them.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
}
teardown() { end_faults; }

java_client() { # write|read TOPIC
	java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
		-Dorg.slf4j.simpleLogger.defaultLogLevel=error \
		-cp "$MQTK_TEST_CACHE/kafka-3.9.1/*" "$BATS_TEST_DIRNAME/Foreign.java" "$1" "$broker" "$2"
}

# The lines that the Java client prints, from -J lines.
as_java() {
	"$root/scripts/python.sh" -c '
import base64, json, sys
def hexed(v):
    if v is None: return "-"
    return "x" + (base64.b64decode(v["base64"]) if isinstance(v, dict) else v.encode()).hex()
for line in sys.stdin:
    m = json.loads(line)
    headers = "".join("%s=%s," % (n, hexed(v)) for n, v in m["headers"])
    print(m["partition"], m["ts"], hexed(m["key"]), headers, hexed(m["payload"]))'
}

@test "Java writes, mqtk reads and writes again by key, Java reads: the same bits and partitions" {
	real_topic 5
	java_client write "$topic"
	mq consume -J -e "$address"
	expect_status 0
	is "$(wc -l <"$OUT")" 204
	as_java <"$OUT" | sort >mqtk.lines
	java_client read "$topic" | sort >java.lines
	diff java.lines mqtk.lines
	grep -q ' - .* -$' mqtk.lines # the null key with the null value
	# Without the partition of the input, the key alone decides, as it did for Java.
	"$MQTK" create -q --partitions 5 "$address-again"
	jq -c 'select(.key != null) | del(.partition, .offset, .stream)' "$OUT" >in
	mq produce -J "$address-again" in
	expect_status 0
	java_client read "$topic-again" | sort >again.lines
	diff <(grep -v ' - .* -$' java.lines) again.lines
}

@test "kcat writes and reads the same: keys, headers, null, every byte" {
	requires_peer kcat
	real_topic 3
	printf 'k1\x01v1\x02\x01empty key\x02k2\x01\x02k3\x01\xff\xfe\x00z\x02' >in
	kcat -P -b "$broker" -t "$topic" -K '\x01' -D '\x02' -Z -H a=1 -H b=2 in -l
	mq consume -J -e "$address"
	expect_status 0
	is "$(jq -c '[.key,.payload,.headers]' "$OUT" | sort)" "$(sort <<-'EOF'
	["k1","v1",[["a","1"],["b","2"]]]
	[null,"empty key",[["a","1"],["b","2"]]]
	["k2",null,[["a","1"],["b","2"]]]
	["k3",{"base64":"//4Aeg=="},[["a","1"],["b","2"]]]
	EOF
	)"
	"$MQTK" create -q --partitions 3 "$address-ours"
	cp "$OUT" in.jsonl
	mq produce -J "$address-ours" in.jsonl
	expect_status 0
	# Each stays in its partition: kcat's keys go elsewhere than ours would.
	is "$("$MQTK" consume -q -J -e "$address-ours" | jq -c '[.partition,.key,.payload]' | sort)" \
		"$(jq -c '[.partition,.key,.payload]' in.jsonl | sort)"
	for t in "$topic" "$topic-ours"; do
		kcat -C -q -e -b "$broker" -t "$t" -f '%p %T %K:%k %S:%s %h;' >"kcat.$t"
		tr ';' '\n' <"kcat.$t" | sort >"kcat.$t.sorted"
	done
	cmp "kcat.$topic.sorted" "kcat.$topic-ours.sorted"
}
