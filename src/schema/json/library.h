/*
 * The schema documents that a validation needs: each is parsed once, and in it every resource ($id)
 * and every anchor is found, so that references can be followed. Where documents come from is the
 * caller's business.
 */
#ifndef SCHEMA_JSON_LIBRARY_H
#define SCHEMA_JSON_LIBRARY_H

#include "schema/json/dialect.h"
#include "schema/json/index.h"

/*
 * Brings the document with this URI (absolute, without fragment): 1 and its text, which is freed
 * by the library; 0 when there is none; -1 with err set. May be NULL: there are none then but the
 * meta-schemas of the drafts, which the program has.
 */
typedef int js_load_fn(void *arg, const char *uri, char **ret_text, size_t *ret_len,
                       struct mq_err *err);

struct js_document {
	char *uri;  /* where it came from */
	char *text; /* what the values point into */
	struct js_doc doc;
	uint32_t *resource_of; /* by value: the resource that it stands in */
	/* The members of large objects that references have gone through, by name. */
	struct js_index by_member;
	struct js_index large; /* the objects that are in it */
};

struct js_resource {
	char *uri; /* absolute, without fragment; "" when nothing gives one */
	uint32_t document, root;
	struct js_dialect dialect;
	bool recursive; /* $recursiveAnchor: true */
};

struct js_anchor {
	struct mq_bytes name; /* in the document */
	uint32_t resource, value;
	bool dynamic;
};

struct js_library {
	js_load_fn *load;
	void *arg;
	const char *name;               /* of the first document, for messages; borrowed */
	struct js_dialect otherwise;    /* of documents without $schema */
	struct js_document **documents; /* by pointer: they are looked at while more come */
	size_t n_documents;
	struct js_resource *resources;
	size_t n_resources, cap_resources;
	struct js_anchor *anchors;
	size_t n_anchors, cap_anchors;
	struct js_index by_uri, by_anchor;
	unsigned depth; /* of documents that are loaded for each other */
};

void js_library_init(struct js_library *library, enum js_draft otherwise, js_load_fn *load,
                     void *arg);
void js_library_release(struct js_library *library);

/*
 * Takes in a document; text is copied. uri: where it came from, the base of its references; "" when
 * it has none. Returns its number, or -1: it is no JSON or no schema (MQ_DATA), its $schema is
 * unknown (MQ_DATA).
 */
int64_t js_library_add(struct js_library *library, const char *uri, struct mq_bytes text,
                       struct mq_err *err);

/* The URI of the meta-schema that the schema at this value names, or absent: also when it names
 * whatever draft is current. */
struct mq_bytes js_own_schema(const struct js_doc *doc, uint32_t value);

/* What messages call a document. */
const char *js_library_name(const struct js_library *library, uint32_t document);

/* A place in the library. */
struct js_place {
	uint32_t document, value;
};

/* The number of the resource with this absolute URI (a final '#' does not matter), loaded if need
 * be; -1, MQ_DATA, when there is none. */
int64_t js_library_need(struct js_library *library, struct mq_bytes uri, struct mq_err *err);

/*
 * Follows a reference that stands in a resource, loading what it needs. Returns 0, or -1: there is
 * nothing at its end (MQ_DATA). ret_anchor, unless NULL: the anchor that it names, -1 for none.
 */
int js_library_resolve(struct js_library *library, uint32_t resource, struct mq_bytes reference,
                       struct js_place *ret, int64_t *ret_anchor, struct mq_err *err);

/* The number of the anchor of this name in a resource, or of its $dynamicAnchor only; -1. */
int64_t js_library_anchor(const struct js_library *library, uint32_t resource, struct mq_bytes name,
                          bool only_dynamic);

/*
 * Within the library: finds the resources and anchors of a document that has been parsed
 * (library_names.c). MQ_DATA: one name for two different schemas, a $schema that is unknown.
 */
int js_library_find(struct js_library *library, uint32_t document, struct mq_err *err);

/* The text of a meta-schema or of one of its vocabularies, or absent (metaschemas.c). */
struct mq_bytes js_metaschema(const char *uri);

#endif
