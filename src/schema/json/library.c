/* Documents, and where references in them lead: see library.h. What stands in a document is found
 * in library_names.c. */
#include "schema/json/library.h"

#include "schema/json/uri.h"

#include <stdlib.h>

enum {
	URI_MAX = 8192,
	DOCUMENTS_MAX = 1000,
	LARGE = 32, /* objects with more members are not searched one by one */
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
	return js_library_find(library, (uint32_t)number, err) < 0 ? -1 : number;
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

int64_t js_library_need(struct js_library *library, struct mq_bytes uri, struct mq_err *err)
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
		anchor = js_library_anchor(library, resource, fragment, false);
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
