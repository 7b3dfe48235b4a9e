/* Documents, resources, anchors: see library.h. */
#include "schema/json/library.h"

#include "schema/json/number.h"
#include "schema/json/uri.h"

#include <stdlib.h>

enum {
	URI_MAX = 8192,
	DOCUMENTS_MAX = 1000,
	DEPTH_MAX = 4, /* meta-schemas of meta-schemas */
	LARGE = 32,    /* objects with more members are not searched one by one */
};

void js_library_init(struct js_library *library, enum js_draft otherwise, js_load_fn *load,
                     void *arg)
{
	*library = (struct js_library){
	    .load = load,
	    .arg = arg,
	    .name = "the schema",
	    .otherwise = {otherwise ? otherwise : JS_DRAFT_2020_12, JS_ALL},
	};
}

void js_library_release(struct js_library *library)
{
	for (size_t i = 0; i < library->n_documents; i++) {
		struct js_document *document = library->documents[i];
		js_doc_release(&document->doc);
		free(document->uri);
		free(document->text);
		free(document->resource_of);
		free(document->by_member.slots);
		free(document->large.slots);
		free(document);
	}
	for (size_t i = 0; i < library->n_resources; i++)
		free(library->resources[i].uri);
	free(library->documents);
	free(library->resources);
	free(library->anchors);
	free(library->by_uri.slots);
	free(library->by_anchor.slots);
	*library = (struct js_library){0};
}

/* --- finding resources and anchors ------------------------------------------------------------ */

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

static int64_t anchor_in(const struct js_library *library, uint32_t resource, struct mq_bytes name,
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
	int64_t before = anchor_in(library, resource, name, false);

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
static int64_t need_resource(struct js_library *library, const char *uri, struct mq_err *err);

/* The resource of a meta-schema, or -1. */
static int64_t need_meta(struct js_library *library, struct mq_bytes uri, struct mq_err *err)
{
	char name[URI_MAX];

	if (uri.len > 0 && uri.data[uri.len - 1] == '#')
		uri.len--;
	if (uri.len >= sizeof name || memchr(uri.data, '\0', uri.len))
		return mq_fail(err, MQ_DATA, "a $schema of %zu bytes, which is no URI", uri.len);
	memcpy(name, uri.data, uri.len);
	name[uri.len] = '\0';
	return need_resource(library, name, err);
}

int js_library_need(struct js_library *library, struct mq_bytes uri, struct js_place *ret,
                    struct mq_err *err)
{
	int64_t i = need_meta(library, uri, err);

	if (i < 0)
		return -1;
	*ret = (struct js_place){library->resources[i].document, library->resources[i].root};
	return 0;
}

/* The vocabularies that a meta-schema of somebody's own asks for. */
static int read_vocabularies(struct js_library *library, struct mq_bytes uri,
                             struct js_dialect *dialect, struct mq_err *err)
{
	int64_t i = need_meta(library, uri, err);

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

/* --- documents -------------------------------------------------------------------------------- */

static int64_t new_document(struct js_library *library, const char *uri, struct mq_bytes text,
                            struct mq_err *err)
{
	struct js_document *document = NULL, **more;

	if (library->n_documents == DOCUMENTS_MAX)
		return mq_fail(err, MQ_DATA, "more than %d schema documents that need each other",
		               DOCUMENTS_MAX);
	more = realloc(library->documents, (library->n_documents + 1) * sizeof(*more));
	if (!more)
		return mq_fail_memory(err);
	library->documents = more;
	document = calloc(1, sizeof *document);
	if (!document)
		return mq_fail_memory(err);
	library->documents[library->n_documents] = document;
	js_doc_init(&document->doc);
	document->uri = strdup(uri);
	document->text = malloc(text.len + 1);
	int64_t number = (int64_t)library->n_documents++;
	if (!document->uri || !document->text)
		return mq_fail_memory(err);
	memcpy(document->text, text.data, text.len);
	return number;
}

const char *js_library_name(const struct js_library *library, uint32_t document)
{
	const char *uri = library->documents[document]->uri;

	return document > 0 && uri && *uri ? uri : library->name;
}

static int fail_parse(const char *name, const struct js_document *document,
                      const struct js_problem *problem, struct mq_err *err)
{
	if (problem->duplicate)
		return mq_fail(err, MQ_DATA, "%s: the member \"%.*s\" stands twice in its object",
		               name, (int)document->doc.values[problem->duplicate].len,
		               document->doc.values[problem->duplicate].at.text);
	return mq_fail(err, MQ_DATA, "%s is no JSON: %s at byte %zu", name, problem->words,
	               problem->offset + 1);
}

int64_t js_library_add(struct js_library *library, const char *uri, struct mq_bytes text,
                       struct mq_err *err)
{
	struct js_problem problem;
	int64_t number = new_document(library, uri, text, err);

	if (number < 0)
		return -1;
	struct js_document *document = library->documents[number];
	int parsed = js_parse(&document->doc, document->text, text.len, &problem, err);
	if (parsed <= 0)
		return parsed < 0 ? -1
		                  : fail_parse(js_library_name(library, (uint32_t)number), document,
		                               &problem, err);
	enum js_type type = (enum js_type)document->doc.values[0].type;
	if (type != JS_OBJECT && type != JS_TRUE && type != JS_FALSE)
		return mq_fail(err, MQ_DATA,
		               "%s is no schema: it is neither an object nor a boolean",
		               js_library_name(library, (uint32_t)number));
	document->resource_of = calloc(document->doc.n, sizeof *document->resource_of);
	if (!document->resource_of)
		return mq_fail_memory(err);

	struct finding finding = {
	    .library = library, .document = (uint32_t)number, .doc = &document->doc, .err = err};
	struct js_dialect dialect = library->otherwise;
	mq_buf_init(&finding.uri, URI_MAX);
	mq_buf_init(&finding.fragment, URI_MAX);
	int64_t root = type == JS_OBJECT ? read_dialect(&finding, 0, &dialect) : 0;
	if (root == 0)
		root = add_resource(&finding, mq_bytes_str(uri), 0, dialect);
	if (root < 0 || find_in(&finding, 0, (uint32_t)root) < 0)
		number = -1;
	mq_buf_release(&finding.uri);
	mq_buf_release(&finding.fragment);
	return number;
}

/* --- references ------------------------------------------------------------------------------- */

static int64_t resource_with(const struct js_library *library, const char *uri)
{
	uint32_t hash = js_index_hash(mq_bytes_str(uri), 0);
	size_t place = js_index_begin(&library->by_uri, hash);
	int64_t i;

	while ((i = js_index_next(&library->by_uri, hash, &place)) >= 0)
		if (strcmp(library->resources[i].uri, uri) == 0)
			return i;
	return -1;
}

/* The resource with this URI, loaded if need be; -1. */
static int64_t need_resource(struct js_library *library, const char *uri, struct mq_err *err)
{
	int64_t resource = resource_with(library, uri), added;
	struct mq_bytes known = js_metaschema(uri);
	char *text = NULL;
	size_t len = 0;
	int found = 0;

	if (resource >= 0)
		return resource;
	if (known.data) {
		added = js_library_add(library, uri, known, err);
	} else {
		found = library->load ? library->load(library->arg, uri, &text, &len, err) : 0;
		if (found < 0)
			return -1;
		if (found == 0) {
			mq_fail(err, MQ_DATA, "the schema %s, which is referred to, is not here",
			        uri);
			return mq_hint(err, "--remote-dir URLPREFIX=DIR says in which folder it "
			                    "is; --allow-remote fetches it");
		}
		added = js_library_add(library, uri, mq_bytes_of(text, len), err);
		free(text);
	}
	return added < 0 ? -1 : resource_with(library, uri);
}

int64_t js_library_dynamic(const struct js_library *library, uint32_t resource,
                           struct mq_bytes name)
{
	return anchor_in(library, resource, name, true);
}

/* Takes the members of an object into the document's index. */
static int index_members(struct js_document *document, uint32_t object, uint32_t seed)
{
	const struct js_doc *doc = &document->doc;

	for (uint32_t at = object + 1; at < doc->values[object].at.end; at = js_next(doc, at + 1))
		if (js_index_add(&document->by_member, js_index_hash(js_text(doc, at), seed), at,
		                 NULL) < 0)
			return -1;
	return js_index_add(&document->large, seed, object, NULL);
}

/* A member's value, or 0. Thousands of references may go through one object, so that large ones are
 * searched by an index. */
static uint32_t member_of(void *arg, uint32_t object, struct mq_bytes key)
{
	struct js_document *document = arg;
	const struct js_doc *doc = &document->doc;
	/* One for each object, and so are the hashes of one name in them. */
	uint32_t seed = object * 2654435761u, hash = js_index_hash(key, seed);
	size_t place = js_index_begin(&document->large, seed);
	int64_t i;

	if (doc->values[object].len <= LARGE ||
	    (js_index_next(&document->large, seed, &place) < 0 &&
	     index_members(document, object, seed) < 0))
		return js_member_bytes(doc, object, key);
	place = js_index_begin(&document->by_member, hash);
	while ((i = js_index_next(&document->by_member, hash, &place)) >= 0)
		if (mq_bytes_equal(js_text(doc, (uint32_t)i), key))
			return (uint32_t)i + 1;
	return 0;
}

static int find_place(struct js_library *library, struct mq_bytes reference, uint32_t resource,
                      struct mq_bytes fragment, struct js_place *ret, int64_t *ret_anchor,
                      struct mq_err *err)
{
	const struct js_resource *there = &library->resources[resource];
	struct js_document *document = library->documents[there->document];
	int64_t value = there->root, anchor = -1;

	if (fragment.len > 0 && fragment.data[0] == '/') {
		value = js_follow(&document->doc, there->root, fragment, member_of, document);
	} else if (fragment.len > 0) {
		anchor = anchor_in(library, resource, fragment, false);
		value = anchor < 0 ? -1 : (int64_t)library->anchors[anchor].value;
	}
	if (value < 0)
		return mq_fail(err, MQ_DATA, "the reference \"%.*s\" leads nowhere",
		               (int)reference.len, reference.data);
	*ret = (struct js_place){there->document, (uint32_t)value};
	if (ret_anchor)
		*ret_anchor = anchor;
	return 0;
}

int js_library_resolve(struct js_library *library, uint32_t resource, struct mq_bytes reference,
                       struct js_place *ret, int64_t *ret_anchor, struct mq_err *err)
{
	struct mq_buf target, fragment;
	struct mq_bytes uri;
	int64_t there = resource;
	int result = -1;

	mq_buf_init(&target, URI_MAX);
	mq_buf_init(&fragment, URI_MAX);
	if (js_uri_split(reference, &uri, &fragment, err) < 0)
		goto out;
	if (uri.len > 0) {
		if (js_uri_resolve(mq_bytes_str(library->resources[resource].uri), uri, &target,
		                   err) < 0 ||
		    mq_buf_append_char(&target, '\0', err) < 0)
			goto out;
		there = need_resource(library, target.data, err);
	}
	if (there >= 0)
		result = find_place(library, reference, (uint32_t)there,
		                    mq_bytes_of(fragment.data ? fragment.data : "", fragment.len),
		                    ret, ret_anchor, err);
out:
	mq_buf_release(&target);
	mq_buf_release(&fragment);
	return result;
}
