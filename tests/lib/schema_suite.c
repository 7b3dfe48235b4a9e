/*
 * Runs the official suite of JSON Schema: schema_suite TESTS REMOTES DRAFT [EXCEPTIONS]
 *
 * TESTS has the folders draft4 …, REMOTES what is served as http://localhost:1234/. Each test is
 * asked by the pass that only says yes or no, through mqtk/schema.h, and by the one that explains.
 * What stands in optional/format is run with formats checked.
 *
 * EXCEPTIONS names tests that need not pass, a line for each: FILE, group and (or '*') test, and
 * the reason, with tabs between; '#' begins a comment. One that passes nevertheless is said.
 * Prints a line for each failure, then two with the counts, and ends with 1 when a test failed.
 */
#include "mqtk/schema.h"
#include "schema/json/program.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define REMOTE "http://localhost:1234/"

struct counts {
	unsigned passed, failed, excepted;
};

static struct {
	const char *remotes, *draft_name;
	enum mq_schema_draft draft;
	char *exceptions;
	bool assert_format;
	const char *file; /* "optional/bignum.json" */
	struct counts required, optional;
} run;

static char *slurp(const char *path, size_t *ret_len)
{
	FILE *file = fopen(path, "rb");
	char *text = NULL;
	size_t len = 0, cap = 0, got;

	if (!file)
		return NULL;
	do {
		if (len + 65536 > cap) {
			cap = 2 * (len + 65536);
			char *more = realloc(text, cap + 1);
			if (!more)
				exit(70);
			text = more;
		}
		got = fread(text + len, 1, cap - len, file);
		len += got;
	} while (got > 0);
	fclose(file);
	text[len] = '\0';
	*ret_len = len;
	return text;
}

static int load_text(const char *uri, char **ret, size_t *ret_len)
{
	char path[4096];

	if (strncmp(uri, REMOTE, strlen(REMOTE)) != 0)
		return 0;
	snprintf(path, sizeof path, "%s/%s", run.remotes, uri + strlen(REMOTE));
	*ret = slurp(path, ret_len);
	return *ret != NULL;
}

static int load(void *ctx, const char *uri, struct mq_buf *buf, struct mq_err *err)
{
	char *text;
	size_t len;

	(void)ctx;
	if (!load_text(uri, &text, &len))
		return 0;
	int result = mq_buf_append(buf, text, len, err);
	free(text);
	return result < 0 ? -1 : 1;
}

static int load_directly(void *arg, const char *uri, char **ret_text, size_t *ret_len,
                         struct mq_err *err)
{
	(void)arg, (void)err;
	return load_text(uri, ret_text, ret_len);
}

/* --- both passes ------------------------------------------------------------------------------ */

/* A schema, ready for the pass through the contract and for the explaining one. */
struct both {
	struct mq_schema *schema;
	struct js_library library;
	struct js_program program;
	struct js_validator *validator;
	struct mq_err err;
};

static bool open_both(struct both *both, struct mq_bytes text)
{
	struct mq_schema_spec spec = {.kind = MQ_SCHEMA_JSON,
	                              .text = text,
	                              .load = load,
	                              .draft = run.draft,
	                              .assert_format = run.assert_format};
	int64_t document;

	*both = (struct both){.err = MQ_ERR_INIT};
	js_library_init(&both->library, js_draft_named(run.draft_name), load_directly, NULL);
	if (mq_schema_new(&spec, &both->schema, &both->err) < 0)
		return false;
	document = js_library_add(&both->library, "", text, &both->err);
	return document >= 0 &&
	       js_program_compile(&both->program, &both->library,
	                          (struct js_place){(uint32_t)document, 0}, run.assert_format,
	                          &both->err) == 0 &&
	       js_validator_new(&both->program, &both->validator, &both->err) == 0;
}

static void close_both(struct both *both)
{
	mq_schema_free(both->schema);
	js_validator_free(both->validator);
	js_program_release(&both->program);
	js_library_release(&both->library);
}

static int count_errors(void *arg, const struct js_error *error)
{
	unsigned *n = arg;

	++*n;
	return error->words == NULL;
}

/* 1, 0; -1: a failure, or the passes disagree. */
static int ask_both(struct both *both, struct mq_bytes text)
{
	struct js_doc own;
	struct js_problem problem;
	char *copy = malloc(text.len + 1);
	unsigned told = 0;
	int explained = -1;

	if (!copy)
		exit(70);
	memcpy(copy, text.data, text.len);
	js_doc_init(&own);
	int flag = mq_schema_check_data(both->schema, text, NULL, NULL, &both->err);
	if (js_parse(&own, copy, text.len, &problem, &both->err) == 1)
		explained = js_explain(both->validator, &own, count_errors, &told, &both->err);
	js_doc_release(&own);
	free(copy);
	return flag == explained && (told > 0) == (explained == 0) ? flag : -1;
}

/* --- the suite -------------------------------------------------------------------------------- */

/* Whether a line of the exceptions names this test. */
static bool is_exception(const char *group, const char *test)
{
	char exact[4096], all[4096];

	if (!run.exceptions)
		return false;
	snprintf(exact, sizeof exact, "\ndraft%s/%s\t%s\t%s\t", run.draft_name, run.file, group,
	         test);
	snprintf(all, sizeof all, "\ndraft%s/%s\t%s\t*\t", run.draft_name, run.file, group);
	return strstr(run.exceptions, exact) || strstr(run.exceptions, all);
}

static char *text_of(const struct js_doc *doc, uint32_t string)
{
	char *text = strndup(doc->values[string].at.text, doc->values[string].len);

	if (!text)
		exit(70);
	return text;
}

static void judge(const char *group, const char *test, bool wanted, int got, const char *why)
{
	struct counts *counts =
	    strncmp(run.file, "optional/", 9) == 0 ? &run.optional : &run.required;
	bool exception = is_exception(group, test);

	if (got == (int)wanted) {
		counts->passed++;
		if (exception)
			printf("passes, though it is an exception: %s | %s | %s\n", run.file, group,
			       test);
	} else if (exception) {
		counts->excepted++;
	} else {
		counts->failed++;
		printf("FAIL draft%s/%s | %s | %s: %d instead of %d %s\n", run.draft_name, run.file,
		       group, test, got, wanted, why);
	}
}

static void run_group(const struct js_doc *doc, uint32_t group)
{
	uint32_t tests = js_member(doc, group, "tests");
	char *name = text_of(doc, js_member(doc, group, "description"));
	struct mq_buf text;
	struct both both;

	mq_buf_init(&text, SIZE_MAX);
	if (js_write(doc, js_member(doc, group, "schema"), 0, &text, NULL) < 0)
		exit(70);
	bool opened = open_both(&both, mq_bytes_of(text.data, text.len));
	for (uint32_t i = tests + 1; i < doc->values[tests].at.end; i = js_next(doc, i)) {
		uint32_t data = js_member(doc, i, "data");
		char *test = text_of(doc, js_member(doc, i, "description"));
		bool wanted = doc->values[js_member(doc, i, "valid")].type == JS_TRUE;

		mq_buf_clear(&text);
		if (js_write(doc, data, 0, &text, NULL) < 0)
			exit(70);
		int got = opened ? ask_both(&both, mq_bytes_of(text.data, text.len)) : -1;
		judge(name, test, wanted, got, both.err.message);
		free(test);
	}
	close_both(&both);
	mq_buf_release(&text);
	free(name);
}

static void run_file(const char *folder, const char *file)
{
	char path[4096];
	struct js_doc doc;
	struct js_problem problem;
	struct mq_err err = MQ_ERR_INIT;
	size_t len = 0;

	snprintf(path, sizeof path, "%s/%s", folder, file);
	char *text = slurp(path, &len);
	js_doc_init(&doc);
	if (!text || js_parse(&doc, text, len, &problem, &err) != 1) {
		printf("FAIL %s cannot be read\n", path);
		run.required.failed++;
	} else {
		run.file = file;
		run.assert_format = strncmp(file, "optional/format/", 16) == 0;
		for (uint32_t group = 1; group < doc.values[0].at.end; group = js_next(&doc, group))
			run_group(&doc, group);
	}
	js_doc_release(&doc);
	free(text);
}

static void run_folder(const char *root, const char *below)
{
	char path[4096];
	struct dirent **entries = NULL;

	snprintf(path, sizeof path, "%s/%s", root, below);
	int n = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char file[512];
		const char *name = entries[i]->d_name, *dot = strrchr(name, '.');
		snprintf(file, sizeof file, "%s%s%s", below, *below ? "/" : "", name);
		if (dot && strcmp(dot, ".json") == 0)
			run_file(root, file);
		else if (*name != '.')
			run_folder(root, file);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	char folder[4096];
	size_t len;

	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: schema_suite TESTS REMOTES DRAFT [EXCEPTIONS]\n");
		return 2;
	}
	run.remotes = argv[2];
	run.draft_name = argv[3];
	/* The drafts stand in one order in both. */
	run.draft = (enum mq_schema_draft)js_draft_named(argv[3]);
	run.exceptions = argc == 5 ? slurp(argv[4], &len) : NULL;
	snprintf(folder, sizeof folder, "%s/draft%s", argv[1], argv[3]);
	run_folder(folder, "");
	printf("required: %u passed, %u failed\n", run.required.passed, run.required.failed);
	printf("optional: %u passed, %u failed, %u exceptions\n", run.optional.passed,
	       run.optional.failed, run.optional.excepted);
	free(run.exceptions);
	return run.required.failed > 0 || run.optional.failed > 0;
}
