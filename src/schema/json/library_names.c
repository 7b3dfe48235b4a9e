/*
 * The names in a document of the library: the resources that $id begins, each with its dialect, and
 * the anchors in them. What a schema holds schemas in is known to dialect.c.
 */
#include "schema/json/library.h"

#include "schema/json/number.h"
#include "schema/json/uri.h"

#include <stdlib.h>

enum {
	URI_MAX = 8192,
	DEPTH_MAX = 4, /* meta-schemas of meta-schemas */
};

struct finding {
	struct js_library *library;
	uint32_t document;
	const struct js_doc *doc;
	struct mq_buf uri, fragment;
	struct mq_err *err;
};

/* Two schemas of one document have the same name. If they are the same too, as where a program has
 * copied what it refers to, that is no harm; else nobody can say which of them a reference means.
 */
static int twice(const struct finding *finding, const char *keyword, struct mq_bytes name,
                 uint32_t before, uint32_t value)
{
	struct mq_buf first, second;

	if (before == value || js_equal(finding->doc, before, finding->doc, value))
		return 0;
	mq_buf_init(&first, 4096);
	mq_buf_init(&second, 4096);
	js_pointer(finding->doc, before, &first, NULL);
	js_pointer(finding->doc, value, &second, NULL);
	mq_fail(finding->err, MQ_DATA,
	        "%s: the %s \"%.*s\" names two different schemas, at #%.*s and at #%.*s",
	        js_library_name(finding->library, finding->document), keyword, (int)name.len,
	        name.data, (int)first.len, first.data ? first.data : "", (int)second.len,
	        second.data ? second.data : "");
	mq_buf_release(&first);
	mq_buf_release(&second);
	return -1;
}

static int64_t add_resource(struct finding *finding, struct mq_bytes uri, uint32_t value,
                            struct js_dialect dialect)
{
	struct js_library *library = finding->library;
	uint32_t hash = js_index_hash(uri, 0);
	size_t place = js_index_begin(&library->by_uri, hash);
	int64_t same;

	do
		same = js_index_next(&library->by_uri, hash, &place);
	while (same >= 0 && (library->resources[same].document != finding->document ||
	                     !mq_bytes_equal(mq_bytes_str(library->resources[same].uri), uri)));
	if (same >= 0 && twice(finding, "$id", uri, library->resources[same].root, value) < 0)
		return -1;
	if (library->n_resources == library->cap_resources) {
		size_t cap = library->cap_resources ? library->cap_resources * 2 : 16;
		struct js_resource *more = realloc(library->resources, cap * sizeof *more);
		if (!more)
			return mq_fail_memory(finding->err);
		library->resources = more;
		library->cap_resources = cap;
	}
	char *text = strndup(uri.data ? uri.data : "", uri.len);
	if (!text)
		return mq_fail_memory(finding->err);
	if (js_index_add(&library->by_uri, hash, (uint32_t)library->n_resources, finding->err) <
	    0) {
		free(text);
		return -1;
	}
	library->resources[library->n_resources] = (struct js_resource){
	    .uri = text, .document = finding->document, .root = value, .dialect = dialect};
	for (uint32_t i = value; i < js_next(finding->doc, value); i++)
		library->documents[finding->document]->resource_of[i] =
		    (uint32_t)library->n_resources;
	return (int64_t)library->n_resources++;
}

int64_t js_library_anchor(const struct js_library *library, uint32_t resource, struct mq_bytes name,
                          bool only_dynamic)
{
	uint32_t hash = js_index_hash(name, resource);
	size_t place = js_index_begin(&library->by_anchor, hash);
	int64_t i;

	while ((i = js_index_next(&library->by_anchor, hash, &place)) >= 0)
		if (library->anchors[i].resource == resource &&
		    (library->anchors[i].dynamic || !only_dynamic) &&
		    mq_bytes_equal(library->anchors[i].name, name))
			return i;
	return -1;
}

static int add_anchor(struct finding *finding, struct mq_bytes name, uint32_t resource,
                      uint32_t value, bool dynamic)
{
	struct js_library *library = finding->library;
	int64_t before = js_library_anchor(library, resource, name, false);

	/* What begins with '/' can be meant by no reference: to those it is a pointer. */
	if (before >= 0 && *name.data != '/' &&
	    twice(finding, dynamic ? "$dynamicAnchor" : "anchor", name,
	          library->anchors[before].value, value) < 0)
		return -1;
	if (library->n_anchors == library->cap_anchors) {
		size_t cap = library->cap_anchors ? library->cap_anchors * 2 : 16;
		struct js_anchor *more = realloc(library->anchors, cap * sizeof *more);
		if (!more)
			return mq_fail_memory(finding->err);
		library->anchors = more;
		library->cap_anchors = cap;
	}
	if (js_index_add(&library->by_anchor, js_index_hash(name, resource),
	                 (uint32_t)library->n_anchors, finding->err) < 0)
		return -1;
	library->anchors[library->n_anchors++] = (struct js_anchor){
	    .name = name, .resource = resource, .value = value, .dynamic = dynamic};
	return 0;
}

/* A string member, or absent. */
static struct mq_bytes text_member(const struct js_doc *doc, uint32_t object, const char *key)
{
	uint32_t value = js_member(doc, object, key);

	return value && doc->values[value].type == JS_STRING ? js_text(doc, value) : MQ_ABSENT;
}

static int find_in(struct finding *finding, uint32_t value, uint32_t resource);

/* The vocabularies that a meta-schema of somebody's own asks for. */
static int read_vocabularies(struct js_library *library, struct mq_bytes uri,
                             struct js_dialect *dialect, struct mq_err *err)
{
	int64_t i = js_library_need(library, uri, err);

	if (i < 0)
		return -1;
	const struct js_resource *meta = &library->resources[i];
	const struct js_doc *doc = &library->documents[meta->document]->doc;
	uint32_t list = js_member(doc, meta->root, "$vocabulary");
	*dialect = meta->dialect;
	if (!list || doc->values[list].type != JS_OBJECT)
		return 0;
	dialect->vocabularies = JS_CORE;
	for (uint32_t key = list + 1; key < doc->values[list].at.end; key = js_next(doc, key + 1)) {
		unsigned bits = js_vocabulary_of(js_text(doc, key));
		if (bits == 0 && doc->values[key + 1].type == JS_TRUE)
			return mq_fail(err, MQ_DATA,
			               "the meta-schema %s requires the vocabulary %.*s, which is "
			               "not known here",
			               meta->uri, (int)doc->values[key].len,
			               doc->values[key].at.text);
		dialect->vocabularies |= bits;
	}
	return 0;
}

struct mq_bytes js_own_schema(const struct js_doc *doc, uint32_t value)
{
	struct mq_bytes uri = text_member(doc, value, "$schema");

	return uri.len == 0 || js_draft_any(uri) ? MQ_ABSENT : uri;
}

/* What the root of a resource says about its own dialect; otherwise *dialect stays. */
static int read_dialect(struct finding *finding, uint32_t value, struct js_dialect *dialect)
{
	struct js_library *library = finding->library;
	struct mq_bytes uri = js_own_schema(finding->doc, value);
	enum js_draft draft = JS_DRAFT_NONE;

	if (!uri.data)
		return 0;
	draft = js_draft_of(uri);
	if (draft != JS_DRAFT_NONE) {
		*dialect = (struct js_dialect){draft, JS_ALL};
		return 0;
	}
	if (js_draft_too_old(uri) >= 0) {
		mq_fail(finding->err, MQ_DATA,
		        "%s, its $schema: draft %d of JSON Schema is too old",
		        js_library_name(library, finding->document), js_draft_too_old(uri));
		return mq_hint(finding->err, "drafts 4, 6, 7, 2019-09 and 2020-12 are known");
	}
	if (library->depth >= DEPTH_MAX)
		return mq_fail(finding->err, MQ_DATA, "meta-schemas that need each other");
	struct mq_err why = MQ_ERR_INIT;
	library->depth++;
	int result = read_vocabularies(library, uri, dialect, &why);
	library->depth--;
	if (result < 0) {
		mq_fail(finding->err, why.code, "%s, its $schema: %s",
		        js_library_name(library, finding->document), why.message);
		if (*why.hint)
			mq_hint(finding->err, "%s", why.hint);
	}
	return result;
}

/* Does $id begin a resource here, and is it an anchor (before 2019-09: "#name")? Returns the
 * resource that this schema stands in, or -1. */
static int64_t read_id(struct finding *finding, uint32_t value, uint32_t resource)
{
	struct js_library *library = finding->library;
	struct js_dialect dialect = library->resources[resource].dialect;
	struct mq_bytes id, uri;

	if (value != library->resources[resource].root &&
	    read_dialect(finding, value, &dialect) < 0)
		return -1;
	id = text_member(finding->doc, value, dialect.draft == JS_DRAFT_4 ? "id" : "$id");
	/* Beside $ref everything was ignored before 2019-09. */
	if (!id.data ||
	    (dialect.draft < JS_DRAFT_2019_09 && text_member(finding->doc, value, "$ref").data))
		return resource;
	if (js_uri_split(id, &uri, &finding->fragment, finding->err) < 0)
		return -1;
	size_t fragment = finding->fragment.len;
	if (uri.len > 0) {
		const char *base = library->resources[resource].uri;
		if (js_uri_resolve(mq_bytes_str(base), uri, &finding->uri, finding->err) < 0)
			return -1;
		int64_t own = add_resource(
		    finding, mq_bytes_of(finding->uri.data, finding->uri.len), value, dialect);
		if (own < 0)
			return -1;
		resource = (uint32_t)own;
	}
	if (fragment > 0 && dialect.draft < JS_DRAFT_2019_09 &&
	    add_anchor(finding, mq_bytes_of(id.data + id.len - fragment, fragment), resource, value,
	               false) < 0)
		return -1;
	return resource;
}

static int read_anchors(struct finding *finding, uint32_t value, uint32_t resource)
{
	enum js_draft draft = finding->library->resources[resource].dialect.draft;
	struct mq_bytes name = text_member(finding->doc, value, "$anchor");
	struct mq_bytes dynamic = text_member(finding->doc, value, "$dynamicAnchor");
	uint32_t recursive = js_member(finding->doc, value, "$recursiveAnchor");

	if (draft >= JS_DRAFT_2019_09 && name.data &&
	    add_anchor(finding, name, resource, value, false) < 0)
		return -1;
	if (draft == JS_DRAFT_2020_12 && dynamic.data &&
	    add_anchor(finding, dynamic, resource, value, true) < 0)
		return -1;
	if (draft == JS_DRAFT_2019_09 && recursive &&
	    finding->doc->values[recursive].type == JS_TRUE &&
	    finding->library->resources[resource].root == value)
		finding->library->resources[resource].recursive = true;
	return 0;
}

/* The subschemas that a keyword's value holds. */
static int find_below(struct finding *finding, uint32_t value, enum js_holds holds,
                      uint32_t resource)
{
	const struct js_doc *doc = finding->doc;
	enum js_type type = (enum js_type)doc->values[value].type;
	bool many = holds == JS_HOLDS_MANY || (holds == JS_HOLDS_ONE_OR_MANY && type == JS_ARRAY);
	uint32_t step = holds == JS_HOLDS_NAMED ? 1 : 0;

	if (holds == JS_HOLDS_NOTHING || (many && type != JS_ARRAY) || (step && type != JS_OBJECT))
		return 0;
	if (!many && !step)
		return find_in(finding, value, resource);
	for (uint32_t i = value + 1; i < doc->values[value].at.end; i = js_next(doc, i + step))
		if (find_in(finding, i + step, resource) < 0)
			return -1;
	return 0;
}

static int find_in(struct finding *finding, uint32_t value, uint32_t resource)
{
	const struct js_doc *doc = finding->doc;

	if (doc->values[value].type != JS_OBJECT)
		return 0;
	int64_t own = read_id(finding, value, resource);
	if (own < 0 || read_anchors(finding, value, (uint32_t)own) < 0)
		return -1;
	struct js_dialect dialect = finding->library->resources[own].dialect;
	for (uint32_t key = value + 1; key < doc->values[value].at.end;
	     key = js_next(doc, key + 1)) {
		enum js_holds holds = JS_HOLDS_NOTHING;
		js_keyword_find(js_text(doc, key), dialect, &holds);
		if (find_below(finding, key + 1, holds, (uint32_t)own) < 0)
			return -1;
	}
	return 0;
}

int js_library_find(struct js_library *library, uint32_t document, struct mq_err *err)
{
	const struct js_doc *doc = &library->documents[document]->doc;
	struct finding finding = {.library = library, .document = document, .doc = doc, .err = err};
	struct js_dialect dialect = library->otherwise;
	int64_t root = 0;

	mq_buf_init(&finding.uri, URI_MAX);
	mq_buf_init(&finding.fragment, URI_MAX);
	if (doc->values[0].type == JS_OBJECT)
		root = read_dialect(&finding, 0, &dialect);
	if (root == 0)
		root = add_resource(&finding, mq_bytes_str(library->documents[document]->uri), 0,
		                    dialect);
	int result = root < 0 ? -1 : find_in(&finding, 0, (uint32_t)root);
	mq_buf_release(&finding.uri);
	mq_buf_release(&finding.fragment);
	return result;
}
