/* Changing and listing what a registry has: the second half of mqtk/registry.h. */
#include "mqtk/http.h"
#include "mqtk/report.h"
#include "schema/registry/answers.h"
#include "schema/registry/client.h"

#include <stdio.h>

enum {
	BODY_MAX = 64 << 20, /* bytes */
	/* The protocol's word for a subject without a level of its own. */
	NO_LEVEL = 40408,
	CODE_LEAST = 1000, /* less is HTTP's status again, which any server says of any path */
	PAGE_LEAST = 1000, /* subjects; an answer with fewer is all that there is */
	SUBJECT_TEXT = 1001,
};

/* A request while it is put together: its path, its body, what it is called in messages. */
struct request {
	struct mq_registry *registry;
	struct mq_buf path, body;
	char what[300];
	struct mq_registry_question question;
	struct mq_err *err;
};

static void begin(struct request *request, struct mq_registry *registry, const char *method,
                  struct mq_err *err)
{
	*request = (struct request){.registry = registry, .err = err};
	mq_buf_init(&request->path, PATH_MAX_BYTES);
	mq_buf_init(&request->body, BODY_MAX);
	request->question.method = method;
	request->question.what = request->what;
}

static void end(struct request *request)
{
	mq_buf_release(&request->path);
	mq_buf_release(&request->body);
}

/* Appends "/subjects/" and so on, then the subject. */
static int add_subject(struct request *request, const char *before, const char *subject)
{
	if (mq_buf_append_str(&request->path, before, request->err) < 0)
		return -1;
	return mq_http_append_segment(&request->path, subject, request->err);
}

/* Returns the status, whatever it is, or -1. The answer is in registry->answer. */
static int ask_it(struct request *request)
{
	struct mq_registry *registry = request->registry;

	if (mq_buf_append_char(&request->path, '\0', request->err) < 0)
		return -1;
	request->question.path = request->path.data;
	if (request->body.len > 0) {
		if (mq_buf_append_char(&request->body, '\0', request->err) < 0)
			return -1;
		request->question.body = request->body.data;
	}
	return mq_registry_ask(registry->servers, &request->question, &registry->answer,
	                       request->err);
}

static int refused(struct request *request, int status)
{
	return mq_registry_refused(request->registry->servers, &request->question, status,
	                           &request->registry->answer, request->err);
}

/* The protocol's code in an answer that is no success; 0: none. Reading writes to it, so a copy is
 * read. */
static int32_t code_of(struct request *request)
{
	struct mq_registry_refusal refusal = {0};
	struct mq_err ignored = MQ_ERR_INIT;
	struct mq_buf copy;

	mq_buf_init(&copy, ANSWER_MAX);
	if (mq_buf_append(&copy, request->registry->answer.data, request->registry->answer.len,
	                  &ignored) == 0)
		mq_registry_read_refusal(&copy, &refusal);
	mq_buf_release(&copy);
	return refusal.code;
}

/* 0, or -1 for every status that is no success. */
static int send_well(struct request *request)
{
	int status = ask_it(request);

	if (status < 0)
		return -1;
	return status < 300 ? 0 : refused(request, status);
}

/* why, unless it is not set: then whoever was told stopped it. */
static int misread(struct request *request, const struct mq_err *why)
{
	if (why->code == MQ_OK)
		return -1;
	return mq_registry_misread(request->registry->servers, &request->question, why,
	                           request->err);
}

/* --- listing ---------------------------------------------------------------------------------- */

/* Not every registry knows what a prefix is, or an offset. */
struct listing {
	const char *prefix;
	mq_registry_subject_fn *each;
	void *ctx;
	size_t n, before; /* what came, in all and before this page */
	char first[SUBJECT_TEXT];
	bool repeats; /* this page is the first one again */
};

static int pass_subject(void *ctx, const char *subject)
{
	struct listing *listing = ctx;

	if (listing->n == 0)
		snprintf(listing->first, sizeof listing->first, "%s", subject);
	listing->repeats = listing->before > 0 && listing->n == listing->before &&
	                   strncmp(listing->first, subject, sizeof listing->first - 1) == 0;
	if (listing->repeats)
		return -1;
	listing->n++;
	if (strncmp(subject, listing->prefix, strlen(listing->prefix)) != 0)
		return 0;
	return listing->each(listing->ctx, subject);
}

/* One page, from the subject number listing->n on. */
static int list_page(struct mq_registry *registry, bool deleted, struct listing *listing,
                     struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;
	struct request request;
	const char *with = "?";
	int result = -1;

	listing->before = listing->n;
	begin(&request, registry, "GET", err);
	snprintf(request.what, sizeof request.what, "the subjects");
	if (mq_buf_append_str(&request.path, "/subjects", err) < 0)
		goto out;
	if (deleted) {
		if (mq_buf_append_str(&request.path, "?deleted=true", err) < 0)
			goto out;
		with = "&";
	}
	if (*listing->prefix) {
		if (mq_buf_append_str(&request.path, with, err) < 0 ||
		    add_subject(&request, "subjectPrefix=", listing->prefix) < 0)
			goto out;
		with = "&";
	}
	if (listing->n > 0 &&
	    mq_buf_printf(&request.path, err, "%soffset=%zu", with, listing->n) < 0)
		goto out;
	if (send_well(&request) < 0)
		goto out;
	result = mq_registry_read_names(&registry->answer, pass_subject, listing, &why);
	if (result < 0 && listing->repeats)
		result = 0;
	else if (result < 0)
		misread(&request, &why);
out:
	end(&request);
	return result;
}

int mq_registry_subjects(struct mq_registry *registry, const char *prefix, bool deleted,
                         mq_registry_subject_fn *each, void *ctx, struct mq_err *err)
{
	struct listing listing = {.prefix = prefix ? prefix : "", .each = each, .ctx = ctx};

	/* Confluent's gives so many and no more (20,000 unless told otherwise), without a word. */
	do
		if (list_page(registry, deleted, &listing, err) < 0)
			return -1;
	while (!listing.repeats && listing.n - listing.before >= PAGE_LEAST);
	return 0;
}

int mq_registry_versions(struct mq_registry *registry, const char *subject, bool deleted,
                         mq_registry_version_fn *each, void *ctx, struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;
	struct request request;
	int result = -1;

	begin(&request, registry, "GET", err);
	snprintf(request.what, sizeof request.what, "subject '%.200s'", subject);
	if (add_subject(&request, "/subjects/", subject) < 0 ||
	    mq_buf_append_str(&request.path, deleted ? "/versions?deleted=true" : "/versions",
	                      err) < 0 ||
	    send_well(&request) < 0)
		goto out;
	result = mq_registry_read_numbers(&registry->answer, each, ctx, &why);
	if (result < 0)
		misread(&request, &why);
out:
	end(&request);
	return result;
}

/* --- a new schema ----------------------------------------------------------------------------- */

static int write_schema(struct request *request, const struct mq_registry_new_schema *schema)
{
	const char *const types[] = {"JSON", "AVRO", "PROTOBUF"};
	struct mq_bytes text = schema->text;
	struct mq_buf string;
	struct mq_json json;

	if (schema->kind >= MQ_SCHEMA_UNKNOWN)
		return mq_fail(request->err, MQ_USAGE,
		               "of which kind the schema is has to be known");
	if (!mq_utf8_valid(text) || memchr(text.data, '\0', text.len))
		return mq_fail(request->err, MQ_DATA,
		               "the schema is no text in UTF-8: registries take nothing else");
	mq_buf_init(&string, BODY_MAX);
	mq_json_init(&json, &request->body, request->err);
	mq_json_open(&json, NULL, '{');
	mq_json_text(&json, "schemaType", types[schema->kind]);
	mq_json_open(&json, "references", '[');
	for (size_t i = 0; i < schema->n_references; i++) {
		mq_json_open(&json, NULL, '{');
		mq_json_text(&json, "name", schema->references[i].name);
		mq_json_text(&json, "subject", schema->references[i].subject);
		mq_json_int(&json, "version", schema->references[i].version);
		mq_json_close(&json, '}');
	}
	mq_json_close(&json, ']');
	if (mq_buf_append(&string, text.data, text.len, request->err) < 0 ||
	    mq_buf_append_char(&string, '\0', request->err) < 0)
		json.failed = true;
	else
		mq_json_text(&json, "schema", string.data);
	mq_buf_release(&string);
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

int mq_registry_register(struct mq_registry *registry, const struct mq_registry_new_schema *schema,
                         int32_t *ret_id, struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;
	struct request request;
	int result = -1;

	begin(&request, registry, "POST", err);
	snprintf(request.what, sizeof request.what, "a new version of the subject '%.200s'",
	         schema->subject);
	if (add_subject(&request, "/subjects/", schema->subject) < 0 ||
	    mq_buf_append_str(&request.path, "/versions", err) < 0 ||
	    write_schema(&request, schema) < 0 || send_well(&request) < 0)
		goto out;
	result = mq_registry_read_id(&registry->answer, ret_id, &why);
	if (result < 0)
		misread(&request, &why);
	mq_registry_forget(registry);
out:
	end(&request);
	return result;
}

int mq_registry_look_up(struct mq_registry *registry, const struct mq_registry_new_schema *schema,
                        const struct mq_registered **ret, struct mq_err *err)
{
	struct mq_registered got = {.id = -1, .version = -1};
	struct mq_err why = MQ_ERR_INIT;
	struct mq_registry_entry *entry;
	struct request request;
	int status, result = -1;

	begin(&request, registry, "POST", err);
	snprintf(request.what, sizeof request.what, "a text under the subject '%.200s'",
	         schema->subject);
	if (add_subject(&request, "/subjects/", schema->subject) < 0 ||
	    write_schema(&request, schema) < 0 || (status = ask_it(&request)) < 0)
		goto out;
	if (status >= 300) {
		refused(&request, status);
		if (err->code == MQ_NOT_FOUND) {
			mq_err_clear(err);
			result = 0;
		}
		goto out;
	}
	if (mq_registry_read_schema(&registry->answer, &got, &why) < 0 ||
	    (got.subject && strcmp(got.subject, schema->subject) != 0 &&
	     mq_fail(&why, MQ_DATA, "the answer is of the subject %.200s", got.subject) < 0)) {
		misread(&request, &why);
		goto out;
	}
	entry = mq_registry_keep(&registry->memory, &got, err);
	if (entry) {
		*ret = &entry->is;
		result = 1;
	}
out:
	mq_registered_release(&got);
	end(&request);
	return result;
}

/* Asks whether it fits; version as for mq_registry_compatible(). Returns the status, or -1. */
static int ask_compatible(struct request *request, const struct mq_registry_new_schema *schema,
                          int32_t version)
{
	mq_buf_clear(&request->path);
	mq_buf_clear(&request->body);
	if (add_subject(request, "/compatibility/subjects/", schema->subject) < 0 ||
	    mq_buf_append_str(&request->path, "/versions", request->err) < 0 ||
	    (version == 0 && mq_buf_append_str(&request->path, "/latest", request->err) < 0) ||
	    (version > 0 && mq_buf_printf(&request->path, request->err, "/%d", (int)version) < 0) ||
	    mq_buf_append_str(&request->path, "?verbose=true", request->err) < 0 ||
	    write_schema(request, schema) < 0)
		return -1;
	return ask_it(request);
}

int mq_registry_compatible(struct mq_registry *registry,
                           const struct mq_registry_new_schema *schema, int32_t version,
                           int (*tell)(void *ctx, const char *reason), void *ctx,
                           struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;
	struct request request;
	int result = -1;

	begin(&request, registry, "POST", err);
	snprintf(request.what, sizeof request.what, "the compatibility with the subject '%.200s'",
	         schema->subject);
	int status = ask_compatible(&request, schema, version);
	/* Karapace and old registries can only be asked about one version; by a transitive mode
	 * Karapace compares with all of them then. */
	if (version < 0 && (status == 404 || status == 405) && code_of(&request) < CODE_LEAST)
		status = ask_compatible(&request, schema, 0);
	if (status < 0)
		goto out;
	if (status >= 300)
		refused(&request, status);
	else if ((result = mq_registry_read_compatible(&registry->answer, tell, ctx, &why)) < 0)
		misread(&request, &why);
out:
	end(&request);
	return result;
}

/* --- deleting --------------------------------------------------------------------------------- */

int mq_registry_delete(struct mq_registry *registry, const char *subject, int32_t version,
                       bool permanent, struct mq_err *err)
{
	struct request request;
	int status, result = -1;

	begin(&request, registry, "DELETE", err);
	if (version > 0)
		snprintf(request.what, sizeof request.what, "version %d of the subject '%.200s'",
		         (int)version, subject);
	else
		snprintf(request.what, sizeof request.what, "subject '%.200s'", subject);
	if (add_subject(&request, "/subjects/", subject) < 0 ||
	    (version > 0 && mq_buf_printf(&request.path, err, "/versions/%d", (int)version) < 0) ||
	    (permanent && mq_buf_append_str(&request.path, "?permanent=true", err) < 0) ||
	    (status = ask_it(&request)) < 0)
		goto out;
	result = status < 300 ? 0 : refused(&request, status);
	if (result == 0)
		mq_registry_forget(registry);
out:
	end(&request);
	return result;
}

/* --- compatibility levels --------------------------------------------------------------------- */

/* 1: appended; 0: the subject has none of its own; -1. */
static int get_level(struct mq_registry *registry, const char *subject, struct mq_buf *buf,
                     struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;
	struct request request;
	int status, result = -1;

	begin(&request, registry, "GET", err);
	snprintf(request.what, sizeof request.what, "the compatibility level");
	if (subject)
		snprintf(request.what, sizeof request.what,
		         "compatibility level of the subject '%.200s'", subject);
	if (mq_buf_append_str(&request.path, "/config", err) < 0 ||
	    (subject && add_subject(&request, "/", subject) < 0) || (status = ask_it(&request)) < 0)
		goto out;
	if (status >= 300) {
		bool none = status == 404 && subject && code_of(&request) == NO_LEVEL;
		result = none ? 0 : refused(&request, status);
		goto out;
	}
	if (mq_registry_read_level(&registry->answer, buf, &why) < 0)
		misread(&request, &why);
	else
		result = 1;
out:
	end(&request);
	return result;
}

int mq_registry_level(struct mq_registry *registry, const char *subject, struct mq_buf *buf,
                      struct mq_err *err)
{
	int own = get_level(registry, subject, buf, err);

	if (own != 0)
		return own;
	return get_level(registry, NULL, buf, err) < 0 ? -1 : 0;
}

int mq_registry_set_level(struct mq_registry *registry, const char *subject, const char *level,
                          struct mq_err *err)
{
	struct request request;
	struct mq_json json;
	int result = -1;

	begin(&request, registry, level ? "PUT" : "DELETE", err);
	snprintf(request.what, sizeof request.what, "a compatibility level%s%.200s%s",
	         subject ? " of the subject '" : "", subject ? subject : "", subject ? "'" : "");
	mq_json_init(&json, &request.body, err);
	if (level) {
		mq_json_open(&json, NULL, '{');
		mq_json_text(&json, "compatibility", level);
		mq_json_close(&json, '}');
	}
	if ((level && mq_json_end(&json) < 0) ||
	    mq_buf_append_str(&request.path, "/config", err) < 0 ||
	    (subject && add_subject(&request, "/", subject) < 0))
		goto out;
	result = send_well(&request);
out:
	end(&request);
	return result;
}
