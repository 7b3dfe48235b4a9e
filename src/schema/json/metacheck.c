/* Meta-schemas, compiled like any other schema: see metacheck.h. */
#include "schema/json/metacheck.h"

#include "schema/json/program.h"

#include <pthread.h>
#include <stdlib.h>

struct checking {
	const struct js_library *library; /* whose schemas are checked */
	struct js_place place;            /* the schema that is checked just now */
	struct mq_err *err;
};

/* --- meta-schemas ----------------------------------------------------------------------------- */

/* One of them, compiled. */
struct meta {
	struct js_library library;
	struct js_program program;
	struct js_validator *validator;
};

/* Those of the drafts that nobody uses just now, for as long as the process lives: to compile one
 * takes longer than to check most schemas. */
static struct {
	pthread_mutex_t lock;
	struct meta *of_draft[JS_DRAFT_2020_12 + 1];
} idle = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void free_meta(struct meta *meta)
{
	if (!meta)
		return;
	js_validator_free(meta->validator);
	js_program_release(&meta->program);
	js_library_release(&meta->library);
	free(meta);
}

static struct meta *swap_idle(enum js_draft draft, struct meta *meta)
{
	pthread_mutex_lock(&idle.lock);
	struct meta *before = idle.of_draft[draft];
	idle.of_draft[draft] = meta;
	pthread_mutex_unlock(&idle.lock);
	return before;
}

static struct meta *new_meta(const struct checking *checking, struct mq_bytes uri)
{
	struct meta *meta = calloc(1, sizeof *meta);

	if (!meta) {
		mq_fail_memory(checking->err);
		return NULL;
	}
	js_library_init(&meta->library, JS_DRAFT_2020_12, checking->library->load,
	                checking->library->arg);
	int64_t i = js_library_need(&meta->library, uri, checking->err);
	struct js_place place = {0};
	if (i >= 0)
		place = (struct js_place){meta->library.resources[i].document,
		                          meta->library.resources[i].root};
	if (i >= 0 &&
	    js_program_compile(&meta->program, &meta->library, place, false, checking->err) == 0 &&
	    js_validator_new(&meta->program, &meta->validator, checking->err) == 0)
		return meta;
	free_meta(meta);
	return NULL;
}

static struct meta *take_meta(const struct checking *checking, struct mq_bytes uri)
{
	enum js_draft draft = js_draft_of(uri);
	struct meta *meta = draft == JS_DRAFT_NONE ? NULL : swap_idle(draft, NULL);

	if (draft != JS_DRAFT_NONE)
		uri = mq_bytes_str(js_draft_schema(draft));
	return meta ? meta : new_meta(checking, uri);
}

static void give_meta(struct meta *meta, struct mq_bytes uri)
{
	enum js_draft draft = js_draft_of(uri);

	free_meta(draft == JS_DRAFT_NONE ? meta : swap_idle(draft, meta));
}

/* --- checking --------------------------------------------------------------------------------- */

/* A resource that names a meta-schema of its own. The root of a document counts without. */
static struct mq_bytes own_schema(const struct js_library *library, struct js_place place)
{
	const struct js_doc *doc = &library->documents[place.document]->doc;

	return js_own_schema(doc, place.value);
}

/* Is this value within a resource that is checked by itself? */
static bool is_elsewhere(const struct checking *checking, uint32_t value)
{
	const struct js_library *library = checking->library;
	const struct js_doc *doc = &library->documents[checking->place.document]->doc;

	for (size_t i = 0; i < library->n_resources; i++) {
		const struct js_resource *inner = &library->resources[i];
		if (inner->document == checking->place.document &&
		    inner->root > checking->place.value && inner->root <= value &&
		    value < js_next(doc, inner->root) &&
		    own_schema(library, (struct js_place){inner->document, inner->root}).data)
			return true;
	}
	return false;
}

/* The first thing that is wrong. */
static int tell(void *arg, const struct js_error *error)
{
	const struct checking *checking = arg;
	const struct js_doc *doc = &checking->library->documents[checking->place.document]->doc;
	struct mq_buf pointer;

	if (is_elsewhere(checking, error->instance))
		return 0;
	mq_buf_init(&pointer, 4096);
	if (js_pointer(doc, error->instance, &pointer, NULL) < 0)
		mq_buf_clear(&pointer);
	mq_fail(checking->err, MQ_DATA, "%s, at #%.*s: %s (\"%s\" of its meta-schema)",
	        js_library_name(checking->library, checking->place.document), (int)pointer.len,
	        pointer.data ? pointer.data : "", error->words, error->keyword);
	mq_buf_release(&pointer);
	return 1;
}

/* Checks the schema at a place. */
static int check(struct checking *checking)
{
	const struct js_library *library = checking->library;
	const struct js_document *document = library->documents[checking->place.document];
	uint32_t resource = document->resource_of[checking->place.value];
	struct mq_bytes uri = own_schema(library, checking->place);
	struct meta *meta;

	if (!uri.data)
		uri = mq_bytes_str(js_draft_schema(library->resources[resource].dialect.draft));
	if (!(meta = take_meta(checking, uri)))
		return -1;
	int result = js_explain_at(meta->validator, &document->doc, checking->place.value, tell,
	                           checking, checking->err);
	give_meta(meta, uri);
	return result < 0 || checking->err->code != MQ_OK ? -1 : 0;
}

int js_metacheck(struct js_library *library, struct mq_err *err)
{
	struct mq_err own = MQ_ERR_INIT;
	struct checking checking = {.library = library, .err = &own};
	int result = 0;

	for (uint32_t i = 0; i < library->n_documents && result == 0; i++) {
		/* The drafts' own meta-schemas are as they should be. */
		if (js_metaschema(library->documents[i]->uri).data)
			continue;
		checking.place = (struct js_place){i, 0};
		result = check(&checking);
	}
	for (size_t i = 0; i < library->n_resources && result == 0; i++) {
		checking.place =
		    (struct js_place){library->resources[i].document, library->resources[i].root};
		if (checking.place.value > 0 && own_schema(library, checking.place).data)
			result = check(&checking);
	}
	if (result < 0 && err)
		*err = own;
	return result;
}
