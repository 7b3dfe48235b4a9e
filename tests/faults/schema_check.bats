#!/usr/bin/env bats
# schema check and show beside a real schema registry.

load ../lib/helpers

setup() {
	common_setup
	requires_registry
	export MQTK_REGISTRY=$REGISTRY
	subject=$(unique check)
	record 'int' >v1.avsc
	record 'long' >v2.avsc
	record 'double' >v3.avsc
}

# record TYPE: a record with one field of the type.
record() {
	printf '{"type":"record","name":"r","fields":[{"name":"a","type":"%s"}]}\n' "$1"
}

# register FILE…: as versions of $subject, whatever they are like.
register() {
	local file
	for file in "$@"; do
		mq schema register -q "$subject" "$file"
		expect_status 0
		level NONE # a level needs a subject here
	done
}

# level LEVEL: of $subject.
level() {
	mq schema config -q "$subject" "$1"
	expect_status 0
}

@test "a subject stands for its latest version" {
	register v1.avsc v2.avsc
	mq schema check -J --mode backward "registry:$subject" v1.avsc
	expect_status 1
	[ "$(jq -r '.errors[] | .rule + " " + .old' out)" = "TYPE_MISMATCH registry:$subject:2" ]
	mq schema check --mode backward "registry:$subject" v3.avsc
	expect_status 0
	# A version by its number, and the new one may be there too.
	mq schema check --mode backward "registry:$subject:2" v1.avsc
	expect_status 1
	mq schema check --mode backward "registry:$subject:1" "registry:$subject:2"
	expect_status 0
}

@test "a transitive mode asks about every version" {
	register v3.avsc v1.avsc
	mq schema check --mode backward "registry:$subject" v2.avsc
	expect_status 0
	mq schema check -J --mode backward-transitive "registry:$subject" v2.avsc
	expect_status 1
	[ "$(jq -r '.errors[].old' out)" = "registry:$subject:1" ]
	mq schema check -J --mode full-transitive "registry:$subject" v2.avsc
	[ "$(jq -r '[.errors[] | .direction + .old[-1:]] | join(" ")' out)" = "backward1 forward2" ]
}

@test "unless told, the mode is the subject's level" {
	register v1.avsc
	level FORWARD
	mq schema check -J "registry:$subject" v2.avsc
	expect_status 1
	[ "$(jq -r .mode out)" = forward ]
	level BACKWARD_TRANSITIVE
	mq schema check -J "registry:$subject" v2.avsc
	expect_status 0
	[ "$(jq -r .mode out)" = backward-transitive ]
	level NONE
	echo '"string"' >other.avsc
	mq schema check -J "registry:$subject" other.avsc
	expect_status 0
	[ "$(jq -r .mode out)" = none ]
	[[ $err == *"level NONE"* ]]
	mq schema check -J --mode backward "registry:$subject" other.avsc
	expect_status 1
}

@test "no such subject is 8, no registry 4" {
	mq schema check --mode backward "registry:$subject" v1.avsc
	expect_status 8
	[[ $err == *"$subject"* ]]
	mq schema check --mode full-transitive "registry:$subject" v1.avsc
	expect_status 8
	mq schema check --timeout 1s --registry http://127.0.0.1:9 "registry:$subject" v1.avsc
	expect_status 4
}

@test "show tells what the registry knows of a schema" {
	register v1.avsc
	mq schema show -J "registry:$subject"
	expect_status 0
	[ "$(jq -r '.subject + " " + (.version | tostring) + " " + .type + " " + .name' out)" = "$subject 1 avro r" ]
	fits schema-show
	id=$(jq .id out)
	mq schema show -J "id:$id"
	expect_status 0
	[ "$(jq .id out)" = "$id" ]
}

@test "what may follow what: as the registry says, for all three kinds" {
	mq schema check -q --type protobuf /dev/null /dev/null
	[[ $err != *"was built without"* ]] || skip "built without Protobuf"
	python3 "$root/tests/lib/compatible_cases.py" "$MQTK" "$REGISTRY"
}
