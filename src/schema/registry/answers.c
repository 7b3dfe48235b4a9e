/* Answers of a registry: see answers.h. */
#include "schema/registry/answers.h"
#include "schema/json/value.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	SUBJECT_MAX = 1000, /* bytes; longer names are nobody's */
	REFERENCES_MAX = 1000,
};

/* --- parsing ---------------------------------------------------------------------------------- */

static bool looks_like_html(struct mq_bytes text)
{
	while (text.len > 0 && memchr(" \t\r\n", text.data[0], 4))
		text.data++, text.len--;
	return text.len > 0 && text.data[0] == '<';
}

/* 0, with doc to be released whatever this returns. */
static int parse(struct js_doc *doc, struct mq_buf *answer, struct mq_err *err)
{
	struct js_problem problem;

	js_doc_init(doc);
	if (answer->len == 0)
		return mq_fail(err, MQ_DATA, "the answer is empty");
	if (looks_like_html(mq_bytes_of(answer->data, answer->len)))
		return mq_fail(err, MQ_DATA, "the answer is a page of HTML");
	int ok = js_parse(doc, answer->data, answer->len, &problem, err);
	if (ok == 0)
		return mq_fail(err, MQ_DATA, "the answer is no JSON: %s at byte %zu", problem.words,
		               problem.offset + 1);
	return ok < 0 ? -1 : 0;
}

static int parse_as(struct js_doc *doc, struct mq_buf *answer, enum js_type type,
                    struct mq_err *err)
{
	if (parse(doc, answer, err) < 0)
		return -1;
	if (doc->values[0].type != type)
		return mq_fail(err, MQ_DATA, "the answer is JSON, but no %s",
		               type == JS_OBJECT ? "object" : "array");
	return 0;
}

/* A member that is there and not null, or 0. */
static uint32_t member(const struct js_doc *doc, uint32_t object, const char *name)
{
	uint32_t value = js_member(doc, object, name);

	return value && doc->values[value].type != JS_NULL ? value : 0;
}

static int read_number(const struct js_doc *doc, uint32_t value, const char *name, int32_t *ret,
                       struct mq_err *err)
{
	struct mq_bytes text = js_text(doc, value);
	char digits[20];

	if (doc->values[value].type == JS_NUMBER && doc->values[value].flags & JS_PLAIN &&
	    text.len < sizeof digits) {
		memcpy(digits, text.data, text.len);
		digits[text.len] = '\0';
		long long number = strtoll(digits, NULL, 10);
		if (number >= 0 && number <= INT32_MAX) {
			*ret = (int32_t)number;
			return 0;
		}
	}
	return mq_fail(err, MQ_DATA, "its \"%s\" is no number from 0 to %d", name, INT32_MAX);
}

/* A text that can be a C string: of its own. */
static int read_text(const struct js_doc *doc, uint32_t value, const char *name, const char **ret,
                     struct mq_err *err)
{
	struct mq_bytes text = js_text(doc, value);

	if (doc->values[value].type != JS_STRING || text.len > SUBJECT_MAX ||
	    memchr(text.data, '\0', text.len))
		return mq_fail(err, MQ_DATA, "its \"%s\" is no text, or too long", name);
	*ret = strndup(text.data, text.len);
	return *ret ? 0 : mq_fail_memory(err);
}

/* --- a schema --------------------------------------------------------------------------------- */

static int read_reference(const struct js_doc *doc, uint32_t object,
                          struct mq_registry_reference *ret, struct mq_err *err)
{
	uint32_t name, subject, version;

	if (doc->values[object].type != JS_OBJECT || !(name = member(doc, object, "name")) ||
	    !(subject = member(doc, object, "subject")) ||
	    !(version = member(doc, object, "version")))
		return mq_fail(err, MQ_DATA, "a reference in it has not name, subject and version");
	if (read_text(doc, name, "name", &ret->name, err) < 0 ||
	    read_text(doc, subject, "subject", &ret->subject, err) < 0)
		return -1;
	/* The protocol's other word for the latest one; it stays in what was registered with it. */
	if (doc->values[version].type == JS_NUMBER &&
	    mq_bytes_equal(js_text(doc, version), mq_bytes_str("-1"))) {
		ret->version = MQ_REFERENCE_LATEST;
		return 0;
	}
	return read_number(doc, version, "version", &ret->version, err);
}

static int read_references(const struct js_doc *doc, uint32_t array, struct mq_registered *ret,
                           struct mq_err *err)
{
	struct mq_registry_reference *references;
	uint32_t n = doc->values[array].len;

	if (doc->values[array].type != JS_ARRAY || n > REFERENCES_MAX)
		return mq_fail(err, MQ_DATA, "its \"references\" are no array, or too many");
	if (n == 0)
		return 0;
	references = calloc(n, sizeof *references);
	if (!references)
		return mq_fail_memory(err);
	ret->references = references;
	for (uint32_t i = array + 1; i < doc->values[array].at.end; i = js_next(doc, i))
		if (read_reference(doc, i, &references[ret->n_references++], err) < 0)
			return -1;
	return 0;
}

static int read_schema_text(const struct js_doc *doc, struct mq_registered *ret, struct mq_err *err)
{
	uint32_t value = member(doc, 0, "schema");
	char *text;

	if (!value || doc->values[value].type != JS_STRING)
		return mq_fail(err, MQ_DATA, "the answer has no schema in it");
	text = malloc((size_t)doc->values[value].len + 1);
	if (!text)
		return mq_fail_memory(err);
	memcpy(text, js_text(doc, value).data, doc->values[value].len);
	text[doc->values[value].len] = '\0';
	ret->text = mq_bytes_of(text, doc->values[value].len);
	return 0;
}

static int read_members(const struct js_doc *doc, struct mq_registered *ret, struct mq_err *err)
{
	uint32_t value;

	if (read_schema_text(doc, ret, err) < 0)
		return -1;
	/* The protocol leaves Avro's type out; a server that fills every field sends it empty. */
	value = member(doc, 0, "schemaType");
	if (value && doc->values[value].type == JS_STRING && doc->values[value].len == 0)
		value = 0;
	if (value) {
		if (read_text(doc, value, "schemaType", &ret->type, err) < 0)
			return -1;
	} else if (!(ret->type = strdup("AVRO"))) {
		return mq_fail_memory(err);
	}
	ret->kind = mq_schema_kind_named(ret->type);
	if ((value = member(doc, 0, "id")) != 0 && read_number(doc, value, "id", &ret->id, err) < 0)
		return -1;
	if ((value = member(doc, 0, "version")) != 0 &&
	    read_number(doc, value, "version", &ret->version, err) < 0)
		return -1;
	if ((value = member(doc, 0, "subject")) != 0 &&
	    read_text(doc, value, "subject", &ret->subject, err) < 0)
		return -1;
	if ((value = member(doc, 0, "guid")) != 0 &&
	    read_text(doc, value, "guid", &ret->guid, err) < 0)
		return -1;
	if ((value = member(doc, 0, "references")) != 0)
		return read_references(doc, value, ret, err);
	return 0;
}

int mq_registry_read_schema(struct mq_buf *answer, struct mq_registered *ret, struct mq_err *err)
{
	struct js_doc doc;

	*ret = (struct mq_registered){.id = -1, .version = -1, .kind = MQ_SCHEMA_UNKNOWN};
	int result = parse_as(&doc, answer, JS_OBJECT, err);
	if (result == 0)
		result = read_members(&doc, ret, err);
	js_doc_release(&doc);
	return result;
}

void mq_registered_release(struct mq_registered *registered)
{
	struct mq_registry_reference *references =
	    (struct mq_registry_reference *)registered->references;

	for (size_t i = 0; i < registered->n_references; i++) {
		free((char *)references[i].name);
		free((char *)references[i].subject);
	}
	free(references);
	free((char *)registered->guid);
	free((char *)registered->subject);
	free((char *)registered->type);
	free((char *)registered->text.data);
	*registered = (struct mq_registered){.id = -1, .version = -1};
}

/* --- the others ------------------------------------------------------------------------------- */

void mq_registry_read_refusal(struct mq_buf *answer, struct mq_registry_refusal *ret)
{
	struct mq_err err = MQ_ERR_INIT;
	struct js_doc doc;
	uint32_t code, message;

	*ret = (struct mq_registry_refusal){0};
	if (parse_as(&doc, answer, JS_OBJECT, &err) == 0 &&
	    (code = member(&doc, 0, "error_code")) != 0 &&
	    read_number(&doc, code, "error_code", &ret->code, &err) == 0 &&
	    (message = member(&doc, 0, "message")) != 0 && doc.values[message].type == JS_STRING) {
		/* Through an error value, which cuts it and takes control characters out. */
		mq_fail(&err, MQ_DATA, "%.*s", (int)doc.values[message].len,
		        js_text(&doc, message).data);
		snprintf(ret->message, sizeof ret->message, "%.*s", (int)sizeof ret->message - 1,
		         err.message);
	}
	js_doc_release(&doc);
}

int mq_registry_read_id(struct mq_buf *answer, int32_t *ret_id, struct mq_err *err)
{
	struct js_doc doc;
	int result = parse_as(&doc, answer, JS_OBJECT, err);

	if (result == 0) {
		uint32_t id = member(&doc, 0, "id");
		result = id ? read_number(&doc, id, "id", ret_id, err)
		            : mq_fail(err, MQ_DATA, "the answer has no id in it");
	}
	js_doc_release(&doc);
	return result;
}

int mq_registry_read_names(struct mq_buf *answer, mq_registry_subject_fn *each, void *ctx,
                           struct mq_err *err)
{
	struct js_doc doc;
	int result = parse_as(&doc, answer, JS_ARRAY, err);

	for (uint32_t i = 1; result == 0 && i < doc.values[0].at.end; i = js_next(&doc, i)) {
		const char *name = NULL;
		result = read_text(&doc, i, "name", &name, err);
		if (result == 0 && each(ctx, name) != 0)
			result = -1;
		free((char *)name);
	}
	js_doc_release(&doc);
	return result;
}

int mq_registry_read_numbers(struct mq_buf *answer, mq_registry_version_fn *each, void *ctx,
                             struct mq_err *err)
{
	struct js_doc doc;
	int result = parse_as(&doc, answer, JS_ARRAY, err);

	for (uint32_t i = 1; result == 0 && i < doc.values[0].at.end; i = js_next(&doc, i)) {
		int32_t number = 0;
		result = read_number(&doc, i, "version", &number, err);
		if (result == 0 && each(ctx, number) != 0)
			result = -1;
	}
	js_doc_release(&doc);
	return result;
}

/* Reasons are texts of any length, which may have lines and NULs in them. */
static int tell_reasons(const struct js_doc *doc, uint32_t array,
                        int (*tell)(void *ctx, const char *reason), void *ctx, struct mq_err *err)
{
	if (doc->values[array].type != JS_ARRAY)
		return mq_fail(err, MQ_DATA, "its \"messages\" are no array");
	for (uint32_t i = array + 1; i < doc->values[array].at.end; i = js_next(doc, i)) {
		if (doc->values[i].type != JS_STRING)
			continue;
		char *reason = strndup(js_text(doc, i).data, doc->values[i].len);
		if (!reason)
			return mq_fail_memory(err);
		int result = tell(ctx, reason);
		free(reason);
		if (result != 0)
			return -1;
	}
	return 0;
}

int mq_registry_read_compatible(struct mq_buf *answer, int (*tell)(void *ctx, const char *reason),
                                void *ctx, struct mq_err *err)
{
	struct js_doc doc;
	int result = parse_as(&doc, answer, JS_OBJECT, err);

	if (result == 0) {
		uint32_t is = member(&doc, 0, "is_compatible"), why = member(&doc, 0, "messages");
		enum js_type type = is ? (enum js_type)doc.values[is].type : JS_NULL;
		if (type != JS_TRUE && type != JS_FALSE)
			result = mq_fail(err, MQ_DATA, "the answer has no \"is_compatible\" in it");
		else if (type == JS_FALSE && why)
			result = tell_reasons(&doc, why, tell, ctx, err);
		if (result == 0)
			result = type == JS_TRUE ? 1 : 0;
	}
	js_doc_release(&doc);
	return result;
}

int mq_registry_read_level(struct mq_buf *answer, struct mq_buf *level, struct mq_err *err)
{
	struct js_doc doc;
	const char *text = NULL;
	int result = parse_as(&doc, answer, JS_OBJECT, err);

	if (result == 0) {
		uint32_t value = member(&doc, 0, "compatibilityLevel");
		if (!value) /* what setting one is answered with */
			value = member(&doc, 0, "compatibility");
		if (!value)
			result = mq_fail(err, MQ_DATA, "the answer has no compatibility level");
		else if ((result = read_text(&doc, value, "compatibilityLevel", &text, err)) == 0)
			result = mq_buf_append_str(level, text, err);
	}
	free((char *)text);
	js_doc_release(&doc);
	return result;
}

void mq_registry_guid_text(const unsigned char guid[16], char ret[MQ_GUID_TEXT])
{
	char *at = ret;

	for (int i = 0; i < 16; i++)
		at += snprintf(at, 4, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
		               guid[i]);
}
