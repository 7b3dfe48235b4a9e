#!/usr/bin/env bats
# shellcheck disable=SC2154 # set in the helpers
# kcat's options and properties, as far as no broker is needed.

setup() {
	load kcat_helpers
	common_setup
	unset KCAT_CONFIG KAFKACAT_CONFIG
	none=127.0.0.1:1 # nobody listens there
}

# wrong MESSAGE ARG…: exit 1, nothing on stdout, the message on stderr.
wrong() {
	local message=$1
	shift
	mq kcat "$@" </dev/null || return 1
	is "$status" 1 && is "$out" "" && has "$err" "% ERROR: $message"
}

@test "kcat: help and version go to stdout" {
	mq kcat -h
	is "$status" 0
	has "$out" "-G GROUP"
	is "$err" ""
	mq kcat -V
	is "$status" 0
	has "$out" "librdkafka"
	mq help kcat
	is "$status" 0
	has "$out" "-G GROUP"
}

@test "kcat: called through a link of that name" {
	ln -s "$MQTK" kcat
	is "$(./kcat -V)" "$("$MQTK" kcat -V)"
	run ./kcat -L
	is "$status" 1
}

@test "kcat: numbers that cannot be read are errors, never 0" {
	for bad in x 1x '' 0x10 ' 1'; do
		wrong "-p: " -C -b "$none" -t t -p "$bad"
		wrong "-c: " -C -b "$none" -t t -c "$bad"
		wrong "-m: " -C -b "$none" -t t -m "$bad"
		wrong "-o: " -C -b "$none" -t t -o "$bad"
		wrong "-o: " -C -b "$none" -t t -o "s@$bad"
		wrong "-o: " -C -b "$none" -t t -o "e@$bad"
	done
	wrong "-o: " -C -b "$none" -t t -o begin
	wrong "-z: " -P -b "$none" -t t -z zip
}

@test "kcat: one mode at a time, and what it needs" {
	wrong "-P and -C are two modes" -P -C -b "$none" -t t
	wrong "-C and -L are two modes" -CLb "$none"
	wrong "-b HOST[:PORT] is missing" -L
	wrong "-t TOPIC is missing" -P -b "$none"
	wrong "-t TOPIC is missing" -C -b "$none"
	wrong "-Q needs -t" -Q -b "$none"
	wrong "-G needs topics" -G g -b "$none"
	wrong "'file': only -P takes files" -C -b "$none" -t t file
	wrong "-l takes one file" -P -b "$none" -t t -l a b
	wrong "-o: times cannot" -G g -b "$none" -o s@1 t
	wrong "-o stored is a group's" -C -b "$none" -t t -o stored
	wrong "-s unpacks" -P -b "$none" -t t -s i
	wrong "-s avro needs a schema registry" -C -b "$none" -t t -s value=avro
	wrong "unknown option -w" -w
	wrong "-t needs a value" -t
}

@test "kcat: without a mode, standard input decides" {
	mq kcat -b "$none" -t t -m 1 </dev/null
	has "$err" "% producing (-P)"
	mq kcat -b "$none" -t t -m 1 -q </dev/null
	has_not "$err" "producing (-P)"
}

@test "kcat: brokers that are no list of hosts" {
	wrong "-b: 'a/b' is no list" -L -b a/b
	wrong "-b: '' is no list" -L -b ''
	wrong "-b: " -L -b 'user@host'
}

@test "kcat: properties need a name and a value" {
	wrong "-X: 'x' is no property, expected NAME=VALUE" -L -b "$none" -X x
	wrong "-X: '=x' is no property" -L -b "$none" -X =x
	wrong "enable.auto.commit: 'maybe' is neither" -G g -b "$none" -X enable.auto.commit=maybe t
	wrong "auto.offset.reset: 'x' is neither" -G g -b "$none" -X auto.offset.reset=x t
}

@test "kcat: properties from files; lines of any length; -X wins" {
	{
		echo '# comment'
		echo
		echo '  bootstrap.servers = 127.0.0.1:1  '
		printf 'client.id=%0600d\n' 7
		echo 'topic.request.timeout.ms=1234'
	} >f
	mq kcat -F f -X dump
	is "$status" 0
	has "$out" "client.id = $(printf '%0600d' 7)"
	has "$out" "request.timeout.ms = 1234"
	mq kcat -F f -X client.id=mine -X dump
	has "$out" "client.id = mine"
	KCAT_CONFIG=f mq kcat -X dump
	has "$out" "request.timeout.ms = 1234"
	mkdir -p "$HOME/.config"
	cp f "$HOME/.config/kcat.conf"
	mq kcat -X dump -X client.id=mine
	has "$out" "client.id = mine"
	has "$out" "request.timeout.ms = 1234"
	mq kcat -F none -X dump
	has_not "$out" "request.timeout.ms = 1234"
	echo 'no equals sign' >>f
	wrong "f:6: expected NAME=VALUE" -F f -L
	wrong "cannot read the properties of /missing" -F /missing -L
}

@test "kcat: Java's way to write user and password" {
	cat >f <<-'END'
		bootstrap.servers=127.0.0.1\:1
		sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username\="me" password\="s3cr3t";
	END
	mq kcat -F f -X dump
	is "$status" 0
	has "$out" "sasl.username = me"
	has_not "$out" "s3cr3t"
}

@test "kcat: librdkafka's properties" {
	mq kcat -X list
	is "$status" 0
	has "$out" "queue.buffering.max.messages"
	mq kcat -X help
	is "$status" 0
	has "$out" "queue.buffering.max.messages"
	mq kcat -X dump
	is "$status" 0
	has "$out" "# Global config"
	has "$out" "# Topic config"
}
