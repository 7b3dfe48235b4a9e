# shellcheck shell=bash disable=SC2016,SC2034 # $ref is no variable; variables for the tests
# For the tests of `schema validate` and of --schema on other commands: a schema of orders in two
# files, and orders of which three of five are invalid.

load ../lib/helpers

judging_setup() {
	common_setup
	store=sqlite:$BATS_TEST_TMPDIR/store.db
	cat >order.json <<-'END'
	{"type": "object", "required": ["id"],
	 "properties": {"id": {"type": "string"}, "total": {"type": "number", "minimum": 0},
	                "items": {"type": "array", "items": {"$ref": "parts/item.json"}}}}
	END
	mkdir parts
	echo '{"type": "object", "properties": {"qty": {"minimum": 1}, "next": {"$ref": "#"}}}' >parts/item.json
	printf '%s\n' '{"id":"a","total":3}' '{"total":-5}' '' '{"id":"b","items":[{"qty":1},{"qty":0}]}' \
		'no json' '{"id":"c"}' >orders.jsonl
}

validate() {
	mq schema validate --schema order.json "$@"
}
