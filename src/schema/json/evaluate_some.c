/*
 * anyOf and oneOf. When none of their schemas is valid, the words say why for the one that comes
 * nearest: the reasons of all the others would only hide it.
 */
#include "schema/json/evaluate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	LOOKED_AT = 1000, /* schemas of one anyOf that are asked why; of more, none */
	LEVELS = 3,       /* anyOf within anyOf whose reasons are told */
	REASON_MAX = 400, /* bytes */
	PLACE_MAX = 200,
	/* How much one reason weighs: a schema for another type of values, or with another mark
	 * than this value has, is not the one that was meant. */
	WEIGHS_TYPE = 100000,
	WEIGHS_VALUE = 10000,
	WEIGHS_MARK = 1000,
	WEIGHS_OTHER = 1,
};

/* What one schema has against the value. */
struct reasons {
	const struct js_doc *doc;
	uint32_t value;
	uint64_t weight;
	uint32_t n, worst;
	char words[REASON_MAX];
};

static bool is_member(const struct js_doc *doc, uint32_t object, uint32_t value)
{
	if (doc->values[object].type != JS_OBJECT)
		return false;
	for (uint32_t key = object + 1; key < value; key = js_next(doc, key + 1))
		if (key + 1 == value)
			return true;
	return false;
}

static uint32_t weigh(const struct reasons *reasons, const struct js_error *error)
{
	bool mark = strcmp(error->keyword, "const") == 0 || strcmp(error->keyword, "enum") == 0;

	if (error->instance == reasons->value)
		return strcmp(error->keyword, "type") == 0 ? WEIGHS_TYPE
		       : mark                              ? WEIGHS_VALUE
		                                           : WEIGHS_OTHER;
	return mark && is_member(reasons->doc, reasons->value, error->instance) ? WEIGHS_MARK
	                                                                        : WEIGHS_OTHER;
}

static int hear(void *arg, const struct js_error *error)
{
	struct reasons *reasons = arg;
	uint32_t weight = weigh(reasons, error);
	struct mq_buf place;

	reasons->n++;
	reasons->weight += weight;
	if (weight <= reasons->worst)
		return 0;
	reasons->worst = weight;
	mq_buf_init(&place, PLACE_MAX);
	if (error->instance != reasons->value &&
	    js_pointer(reasons->doc, error->instance, &place, NULL) == 0)
		mq_buf_append_str(&place, ": ", NULL);
	snprintf(reasons->words, sizeof reasons->words, "%.*s%s: %s", (int)place.len,
	         place.data ? place.data : "", error->keyword, error->words);
	mq_buf_release(&place);
	return 0;
}

/* Asks one schema why. That the value is not valid is known: what this costs is counted apart, and
 * a limit only ends the asking. */
static bool ask_why(struct js_validator *validator, uint32_t node, uint32_t value,
                    struct reasons *reasons)
{
	struct js_validator before = *validator;
	bool outermost = validator->explaining == 0;
	struct mq_err err = MQ_ERR_INIT;

	if (outermost && validator->why_steps == 0)
		return false;
	*reasons = (struct reasons){.doc = validator->doc, .value = value};
	validator->tell = hear;
	validator->arg = reasons;
	validator->err = &err;
	validator->explaining++;
	if (outermost)
		validator->steps = validator->why_steps;
	js_evaluate(validator, node, value, JS_NO_MARKS);
	bool known = !validator->broken && reasons->n > 0;
	if (outermost) {
		validator->why_steps = validator->broken ? 0 : validator->steps;
		validator->steps = before.steps;
		validator->broken = false;
	}
	validator->tell = before.tell;
	validator->arg = before.arg;
	validator->err = before.err;
	validator->explaining = before.explaining;
	validator->depth = before.depth;
	validator->n_scope = before.n_scope;
	validator->n_bits = before.n_bits;
	return known;
}

static bool tell_none(struct js_validator *validator, const struct js_node *node,
                      const struct js_check *check, uint32_t value)
{
	const char *keyword = js_keyword_name((enum js_keyword)check->keyword);
	const uint32_t *list = validator->program->list + check->u.run.first;
	struct reasons nearest = {.weight = UINT64_MAX}, reasons;
	uint32_t n = check->u.run.n, which = 0;

	bool asks = n <= LOOKED_AT && validator->explaining < LEVELS;
	for (uint32_t i = 0; i < n && asks && !validator->broken; i++)
		if (ask_why(validator, list[i], value, &reasons) &&
		    reasons.weight < nearest.weight) {
			nearest = reasons;
			which = i;
		}
	if (nearest.weight == UINT64_MAX)
		return js_wrong(validator, node, check->value, keyword, value,
		                "valid for none of %" PRIu32 " schemas", n);
	if (nearest.weight >= WEIGHS_TYPE && n > 1)
		return js_wrong(validator, node, check->value, keyword, value,
		                "valid for none of %" PRIu32 " schemas, of which none takes %s", n,
		                js_type_name(validator->doc, value));
	char more[40] = "";
	if (nearest.n > 1)
		snprintf(more, sizeof more, " (and %" PRIu32 " more)", nearest.n - 1);
	return js_wrong(validator, node, check->value, keyword, value,
	                "valid for none of %" PRIu32 " schemas; nearest is %s/%" PRIu32 ": %s%s", n,
	                keyword, which, nearest.words, more);
}

bool js_check_some(struct js_validator *validator, const struct js_node *node,
                   const struct js_check *check, uint32_t value, size_t marks)
{
	const uint32_t *list = validator->program->list;
	const char *keyword = js_keyword_name((enum js_keyword)check->keyword);
	uint32_t valid = 0, first = 0, last = 0;

	for (uint32_t i = 0; i < check->u.run.n && !validator->broken; i++) {
		if (!js_try_apart(validator, list[check->u.run.first + i], value, marks))
			continue;
		if (valid++ == 0)
			first = i;
		last = i;
		/* For anyOf one is enough, unless it matters what the others evaluate. */
		if (valid > (check->op == JS_OP_ONE_OF) &&
		    (check->op == JS_OP_ONE_OF || marks == JS_NO_MARKS))
			break;
	}
	if (check->op == JS_OP_ANY_OF ? valid > 0 : valid == 1)
		return true;
	if (!validator->tell || validator->broken)
		return false;
	if (valid == 0)
		return tell_none(validator, node, check, value);
	return js_wrong(validator, node, check->value, keyword, value,
	                "valid for more than one of %" PRIu32 " schemas: %s/%" PRIu32
	                " and %s/%" PRIu32,
	                check->u.run.n, keyword, first, keyword, last);
}
