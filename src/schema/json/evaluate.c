/*
 * Evaluation of a value: one walk that either ends at the first thing that is wrong or, with tell
 * set, goes on and says each.
 */
#include "schema/json/evaluate.h"

#include "schema/json/format.h"
#include "schema/json/number.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	DEPTH_MAX = 6000, /* nodes within nodes: a schema that refers to itself for ever ends */
	WORDS_MAX = 1000, /* of one message */
	SHOWN = 60,       /* bytes of a value in a message */
	/* Nodes that are asked for a text, and for each of its values: schemas can be made that ask
	 * 2^40 times. */
	STEPS = 20000000,
	STEPS_OF_VALUE = 2000,
};

/* --- saying ----------------------------------------------------------------------------------- */

bool js_break(struct js_validator *validator)
{
	validator->broken = true;
	return false;
}

bool js_wrong(struct js_validator *validator, const struct js_node *node, uint32_t schema_value,
              const char *keyword, uint32_t value, const char *fmt, ...)
{
	char words[WORDS_MAX];
	va_list args;

	if (!validator->tell || validator->broken)
		return false;
	va_start(args, fmt);
	vsnprintf(words, sizeof words, fmt, args);
	va_end(args);
	struct js_error error = {.instance = value,
	                         .node = node,
	                         .schema_value = schema_value,
	                         .keyword = keyword,
	                         .words = words};
	if (validator->tell(validator->arg, &error) != 0)
		validator->broken = true;
	return false;
}

const char *js_shown(struct js_validator *validator, const struct js_doc *doc, uint32_t value,
                     char *ret, size_t size)
{
	mq_buf_clear(&validator->words);
	if (js_write(doc, value, SHOWN, &validator->words, NULL) < 0)
		return "the value";
	snprintf(ret, size, "%.*s", (int)validator->words.len, validator->words.data);
	return ret;
}

/* --- marks ------------------------------------------------------------------------------------ */

size_t js_marks_push(struct js_validator *validator, uint32_t n)
{
	size_t words = n / 64 + 1, place = validator->n_bits;

	if (place + words > validator->cap_bits) {
		size_t cap = 2 * (place + words);
		uint64_t *more = realloc(validator->bits, cap * sizeof *more);
		if (!more) {
			mq_fail_memory(validator->err);
			js_break(validator);
			return JS_NO_MARKS;
		}
		validator->bits = more;
		validator->cap_bits = cap;
	}
	memset(validator->bits + place, 0, words * sizeof *validator->bits);
	validator->n_bits += words;
	return place;
}

void js_marks_drop(struct js_validator *validator, size_t marks)
{
	if (marks != JS_NO_MARKS)
		validator->n_bits = marks;
}

void js_marks_add(struct js_validator *validator, size_t to, size_t from, uint32_t n)
{
	if (to == JS_NO_MARKS || from == JS_NO_MARKS)
		return;
	for (size_t i = 0; i <= n / 64; i++)
		validator->bits[to + i] |= validator->bits[from + i];
}

/* --- scalars ---------------------------------------------------------------------------------- */

const char *js_type_name(const struct js_doc *doc, uint32_t value)
{
	static const char *const names[] = {"null",     "a boolean", "a boolean", "a number",
	                                    "a string", "an array",  "an object"};

	return names[doc->values[value].type];
}

/* What says things stands apart from what checks, which is called for every value. */
#define APART __attribute__((noinline, cold))

static APART bool tell_type(struct js_validator *validator, const struct js_node *node,
                            const struct js_check *check, uint32_t value)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {{1u << JS_NULL, "null"},
	             {1u << JS_FALSE, "boolean"},
	             {1u << JS_NUMBER, "number"},
	             {JS_TYPE_INTEGER, "integer"},
	             {JS_TYPE_INTEGER_WRITTEN, "integer"},
	             {1u << JS_STRING, "string"},
	             {1u << JS_ARRAY, "array"},
	             {1u << JS_OBJECT, "object"}};
	char text[80] = "", shown[SHOWN + 8];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (check->u.types & names[i].bit)
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s",
			         *text ? " or " : "", names[i].name);
	return js_wrong(validator, node, check->value, "type", value, "%s is %s, not of type %s",
	                js_shown(validator, validator->doc, value, shown, sizeof shown),
	                js_type_name(validator->doc, value), text);
}

static bool check_type(struct js_validator *validator, const struct js_node *node,
                       const struct js_check *check, uint32_t value)
{
	const struct js_value *there = &validator->doc->values[value];

	if (check->u.types & 1u << there->type)
		return true;
	if (there->type == JS_NUMBER &&
	    ((check->u.types & JS_TYPE_INTEGER && js_number_is_integer(there)) ||
	     (check->u.types & JS_TYPE_INTEGER_WRITTEN &&
	      !memchr(there->at.text, '.', there->len) && js_number_is_integer(there))))
		return true;
	return validator->tell && tell_type(validator, node, check, value);
}

/* value is not what it is compared with. */
static APART bool tell_other(struct js_validator *validator, const struct js_node *node,
                             const struct js_check *check, uint32_t value, const char *is_not)
{
	const struct js_doc *doc = &validator->program->library->documents[node->document]->doc;
	char shown[SHOWN + 8], wanted[SHOWN + 8];

	return js_wrong(validator, node, check->value,
	                js_keyword_name((enum js_keyword)check->keyword), value, "%s %s %s",
	                js_shown(validator, validator->doc, value, shown, sizeof shown), is_not,
	                js_shown(validator, doc, check->value, wanted, sizeof wanted));
}

static bool is_choice(const struct js_validator *validator, const struct js_doc *doc,
                      const struct js_check *check, uint32_t value)
{
	const struct js_choice *choices = check->u.choices;
	uint64_t hash = js_value_hash(validator->doc, value);
	uint32_t low = 0, high = doc->values[check->value].len, n = high;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (choices[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < n && choices[low].hash == hash; low++)
		if (js_equal(validator->doc, value, doc, choices[low].value))
			return true;
	return false;
}

static bool check_enum(struct js_validator *validator, const struct js_node *node,
                       const struct js_check *check, uint32_t value)
{
	const struct js_doc *doc = &validator->program->library->documents[node->document]->doc;
	bool only = check->keyword == JS_KW_CONST;
	uint32_t i = check->value + !only, end = only ? i + 1 : doc->values[check->value].at.end;

	if (check->u.choices) {
		if (is_choice(validator, doc, check, value))
			return true;
		i = end;
	}
	for (; i < end; i = js_next(doc, i))
		if (js_equal(validator->doc, value, doc, i))
			return true;
	return validator->tell &&
	       tell_other(validator, node, check, value, only ? "is not" : "is none of");
}

static bool check_number(struct js_validator *validator, const struct js_node *node,
                         const struct js_check *check, uint32_t value)
{
	const struct js_value *number = &validator->doc->values[value];
	const struct js_value *limit =
	    &validator->program->library->documents[node->document]->doc.values[check->value];
	const char *words = "is no multiple of";
	bool strict = check->op == JS_OP_EXCLUSIVE_MAXIMUM || check->op == JS_OP_EXCLUSIVE_MINIMUM;
	bool above = check->op == JS_OP_MAXIMUM || check->op == JS_OP_EXCLUSIVE_MAXIMUM;

	if (check->op == JS_OP_MULTIPLE) {
		int multiple = js_number_multiple(number, limit);
		if (multiple > 0)
			return true;
		if (multiple < 0) {
			mq_fail(validator->err, MQ_DATA,
			        "a number of %" PRIu32 " bytes is too long to be divided by one of "
			        "%" PRIu32 " bytes",
			        number->len, limit->len);
			return js_break(validator);
		}
	} else {
		int order = js_number_against(number, limit);
		if (above ? order < 0 || (order == 0 && !strict)
		          : order > 0 || (order == 0 && !strict))
			return true;
		words = above ? (strict ? "is not less than" : "is greater than")
		              : (strict ? "is not greater than" : "is less than");
	}
	return validator->tell && tell_other(validator, node, check, value, words);
}

static bool check_pattern(struct js_validator *validator, const struct js_node *node,
                          const struct js_check *check, uint32_t value)
{
	int matches =
	    mq_pattern_matches(check->u.pattern, js_text(validator->doc, value), validator->err);

	if (matches < 0)
		return js_break(validator);
	return matches ||
	       (validator->tell && tell_other(validator, node, check, value, "does not match"));
}

static bool check_format(struct js_validator *validator, const struct js_node *node,
                         const struct js_check *check, uint32_t value)
{
	return check->u.format->check(js_text(validator->doc, value)) ||
	       (validator->tell && tell_other(validator, node, check, value, "is not in the form"));
}

static bool check_length(struct js_validator *validator, const struct js_node *node,
                         const struct js_check *check, uint32_t value)
{
	const struct js_value *string = &validator->doc->values[value];
	bool most = check->op == JS_OP_MAX_LENGTH;
	int64_t n;

	/* A character has one to four bytes. */
	if (most ? (int64_t)string->len <= check->u.count
	         : (int64_t)string->len >= 4 * check->u.count)
		return true;
	n = (int64_t)js_characters(string);
	if (most ? n <= check->u.count : n >= check->u.count)
		return true;
	return js_wrong(validator, node, check->value,
	                js_keyword_name((enum js_keyword)check->keyword), value,
	                "%" PRId64 " characters, where at %s %" PRId64 " are allowed", n,
	                most ? "most" : "least", check->u.count);
}

static bool check_count(struct js_validator *validator, const struct js_node *node,
                        const struct js_check *check, uint32_t value)
{
	const struct js_value *there = &validator->doc->values[value];
	bool most = check->op == JS_OP_MAX_COUNT;

	if (most ? there->len <= check->u.count : there->len >= check->u.count)
		return true;
	return js_wrong(
	    validator, node, check->value, js_keyword_name((enum js_keyword)check->keyword), value,
	    "%" PRIu32 " %s, where at %s %" PRId64 " are allowed", there->len,
	    there->type == JS_ARRAY ? "items" : "members", most ? "most" : "least", check->u.count);
}

/* --- the same value, other nodes -------------------------------------------------------------- */

bool js_try(struct js_validator *validator, uint32_t node, uint32_t value, size_t marks)
{
	js_error_fn *tell = validator->tell;

	validator->tell = NULL;
	bool valid = js_evaluate(validator, node, value, marks);
	validator->tell = tell;
	return valid;
}

bool js_try_apart(struct js_validator *validator, uint32_t node, uint32_t value, size_t marks)
{
	if (marks == JS_NO_MARKS)
		return js_try(validator, node, value, JS_NO_MARKS);
	uint32_t n = validator->doc->values[value].len;
	size_t own = js_marks_push(validator, n);
	bool valid = own != JS_NO_MARKS && js_try(validator, node, value, own);
	if (valid)
		js_marks_add(validator, marks, own, n);
	js_marks_drop(validator, own);
	return valid;
}

static bool check_all(struct js_validator *validator, const struct js_check *check, uint32_t value,
                      size_t marks)
{
	const uint32_t *list = validator->program->list;
	bool ok = true;

	for (uint32_t i = 0; i < check->u.run.n && (ok || validator->tell); i++)
		ok &= js_evaluate(validator, list[check->u.run.first + i], value, marks);
	return ok;
}

static bool check_if(struct js_validator *validator, const struct js_check *check, uint32_t value,
                     size_t marks)
{
	bool met = js_try_apart(validator, check->u.branches.condition, value, marks);
	uint32_t node = met ? check->u.branches.then : check->u.branches.otherwise;

	return node == JS_NO_NODE || js_evaluate(validator, node, value, marks);
}

/* Where a dynamic reference leads: the outermost resource that was entered and has the name. */
static uint32_t dynamic_node(const struct js_validator *validator, const struct js_check *check)
{
	const struct js_program *program = validator->program;
	struct mq_bytes name = program->dynamic_names[check->u.dynamic.name];

	for (size_t i = 0; i < validator->n_scope; i++)
		for (size_t k = 0; k < program->n_dynamics; k++)
			if (program->dynamics[k].resource == validator->scope[i] &&
			    mq_bytes_equal(program->dynamics[k].name, name))
				return program->dynamics[k].node;
	return check->u.dynamic.node;
}

/* --- a node ----------------------------------------------------------------------------------- */

static bool run_check(struct js_validator *validator, const struct js_node *node,
                      const struct js_check *check, uint32_t value, size_t marks)
{
	switch ((enum js_op)check->op) {
	case JS_OP_NEVER:
		return js_wrong(validator, node, node->value, "false", value,
		                "nothing is allowed here");
	case JS_OP_TYPE:
		return check_type(validator, node, check, value);
	case JS_OP_ENUM:
		return check_enum(validator, node, check, value);
	case JS_OP_MULTIPLE:
	case JS_OP_MAXIMUM:
	case JS_OP_EXCLUSIVE_MAXIMUM:
	case JS_OP_MINIMUM:
	case JS_OP_EXCLUSIVE_MINIMUM:
		return check_number(validator, node, check, value);
	case JS_OP_MAX_LENGTH:
	case JS_OP_MIN_LENGTH:
		return check_length(validator, node, check, value);
	case JS_OP_PATTERN:
		return check_pattern(validator, node, check, value);
	case JS_OP_FORMAT:
		return check_format(validator, node, check, value);
	case JS_OP_MAX_COUNT:
	case JS_OP_MIN_COUNT:
		return check_count(validator, node, check, value);
	case JS_OP_UNIQUE:
		return js_check_unique(validator, node, check, value);
	case JS_OP_ITEMS:
		return js_check_items(validator, node, check, value, marks);
	case JS_OP_CONTAINS:
		return js_check_contains(validator, node, check, value, marks);
	case JS_OP_MEMBERS:
		return js_check_members(validator, node, check, value, marks);
	case JS_OP_NAMES:
		return js_check_names(validator, node, check, value);
	case JS_OP_DEPENDENT_REQUIRED:
	case JS_OP_DEPENDENT_SCHEMA:
		return js_check_dependent(validator, node, check, value, marks);
	case JS_OP_REF:
		return js_evaluate(validator, check->u.node, value, marks);
	case JS_OP_DYNAMIC_REF:
		return js_evaluate(validator, dynamic_node(validator, check), value, marks);
	case JS_OP_ALL_OF:
		return check_all(validator, check, value, marks);
	case JS_OP_ANY_OF:
	case JS_OP_ONE_OF:
		return js_check_some(validator, node, check, value, marks);
	case JS_OP_NOT:
		return !js_try(validator, check->u.node, value, JS_NO_MARKS) ||
		       js_wrong(validator, node, check->value, "not", value,
		                "valid for a schema that it must not be valid for");
	case JS_OP_IF:
		return check_if(validator, check, value, marks);
	case JS_OP_UNEVALUATED_ITEMS:
	case JS_OP_UNEVALUATED_PROPERTIES:
		return js_check_unevaluated(validator, node, check, value, marks);
	}
	return true;
}

static bool enter(struct js_validator *validator, uint32_t resource)
{
	if (validator->n_scope == validator->cap_scope) {
		size_t cap = validator->cap_scope ? 2 * validator->cap_scope : 64;
		uint32_t *more = realloc(validator->scope, cap * sizeof *more);
		if (!more) {
			mq_fail_memory(validator->err);
			return js_break(validator);
		}
		validator->scope = more;
		validator->cap_scope = cap;
	}
	validator->scope[validator->n_scope++] = resource;
	return true;
}

static bool run_checks(struct js_validator *validator, const struct js_node *node, uint32_t value,
                       size_t marks)
{
	const struct js_check *check = validator->program->checks + node->first;
	const struct js_check *end = check + node->n;
	unsigned type = 1u << validator->doc->values[value].type;
	bool ok = true;

	for (; check < end; check++)
		if (check->types & type && !run_check(validator, node, check, value, marks)) {
			ok = false;
			if (!validator->tell || validator->broken)
				break;
		}
	return ok;
}

static uint64_t steps_for(const struct js_doc *doc)
{
	return STEPS + STEPS_OF_VALUE * (uint64_t)doc->n;
}

bool js_evaluate_checks(struct js_validator *validator, const struct js_node *node, uint32_t value,
                        size_t marks)
{
	const struct js_value *there = &validator->doc->values[value];
	size_t own = marks, n_scope = validator->n_scope;

	if (validator->broken)
		return false;
	if (++validator->depth > DEPTH_MAX) {
		mq_fail(validator->err, MQ_DATA,
		        "the schema refers to itself without end, or too deeply");
		return js_break(validator);
	}
	if (validator->steps-- == 0) {
		mq_fail(validator->err, MQ_DATA,
		        "the schema asks too much: more than %" PRIu64 " steps for %zu values",
		        steps_for(validator->doc), validator->doc->n);
		return js_break(validator);
	}
	if (validator->program->n_dynamic_names > 0 &&
	    (n_scope == 0 || validator->scope[n_scope - 1] != node->resource) &&
	    !enter(validator, node->resource))
		return false;
	if (node->unevaluated && there->type >= JS_ARRAY)
		own = js_marks_push(validator, there->len);

	bool ok = run_checks(validator, node, value, own);
	if (own != marks) {
		if (ok)
			js_marks_add(validator, marks, own, there->len);
		js_marks_drop(validator, own);
	}
	validator->n_scope = n_scope;
	validator->depth--;
	return ok;
}

/* --- validators ------------------------------------------------------------------------------- */

int js_validator_new(const struct js_program *program, struct js_validator **ret,
                     struct mq_err *err)
{
	struct js_validator *validator = calloc(1, sizeof *validator);

	if (!validator)
		return mq_fail_memory(err);
	validator->program = program;
	mq_buf_init(&validator->words, 64 * 1024);
	*ret = validator;
	return 0;
}

void js_validator_free(struct js_validator *validator)
{
	if (!validator)
		return;
	free(validator->scope);
	free(validator->bits);
	free(validator->hashed);
	mq_buf_release(&validator->words);
	free(validator);
}

int js_explain_at(struct js_validator *validator, const struct js_doc *doc, uint32_t value,
                  js_error_fn *tell, void *arg, struct mq_err *err)
{
	/* Large, and mostly not needed: only what says that it is empty is written. */
	validator->own.code = MQ_OK;
	validator->own.retriable = false;
	validator->own.message[0] = validator->own.hint[0] = '\0';
	validator->doc = doc;
	validator->err = &validator->own;
	validator->tell = tell;
	validator->arg = arg;
	validator->broken = false;
	validator->depth = validator->explaining = 0;
	validator->steps = steps_for(doc);
	validator->why_steps = STEPS;
	validator->n_scope = 0;
	validator->n_bits = 0;
	bool valid = js_evaluate(validator, validator->program->root, value, JS_NO_MARKS);
	if (validator->own.code == MQ_OK)
		return valid && !validator->broken;
	if (err && err->code == MQ_OK)
		*err = validator->own;
	return -1;
}

int js_explain(struct js_validator *validator, const struct js_doc *doc, js_error_fn *tell,
               void *arg, struct mq_err *err)
{
	return js_explain_at(validator, doc, 0, tell, arg, err);
}

int js_validate(struct js_validator *validator, const struct js_doc *doc, struct mq_err *err)
{
	return js_explain(validator, doc, NULL, NULL, err);
}
