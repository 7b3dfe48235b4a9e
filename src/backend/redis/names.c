/* Which streams there are, and which of them are meant. */
#include "backend/redis/redis.h"

#include <regex.h>
#include <stdlib.h>

enum { NAMES_MAX = 10000000 };

void mq_rd_names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts them; each is kept once. */
static void sort_names(char **names, size_t *n)
{
	size_t kept = 0;

	if (*n)
		qsort(names, *n, sizeof *names, compare_names);
	for (size_t i = 0; i < *n; i++) {
		if (kept > 0 && strcmp(names[kept - 1], names[i]) == 0)
			free(names[i]);
		else
			names[kept++] = names[i];
	}
	*n = kept;
}

/* A key is taken when it can be an address and matches. */
static int take_name(const struct mq_rd_reply *key, const regex_t *regex, char ***names, size_t *n,
                     struct mq_err *err)
{
	if (!key->text.data || key->text.len == 0 || strlen(key->text.data) != key->text.len ||
	    (regex && regexec(regex, key->text.data, 0, NULL, 0) != 0) || *n >= NAMES_MAX)
		return 0;
	char *copy = strdup(key->text.data);
	char **slot = copy ? mq_info_grow(names, n, sizeof *slot, err) : NULL;
	if (!slot) {
		free(copy);
		return mq_fail_memory(err);
	}
	*slot = copy;
	return 0;
}

int mq_rd_scan(struct mq_rd_conn *conn, size_t node, const char *pattern, char ***names, size_t *n,
               struct mq_err *err)
{
	struct mq_rd_arena arena = {0};
	const struct mq_rd_reply *reply;
	char cursor[32] = "0";
	regex_t regex;
	int result = -1;

	if (pattern && regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return mq_fail(err, MQ_USAGE, "'%s' is no regular expression", pattern);
	do {
		mq_rd_arena_clear(&arena);
		if (mq_rd_ask_node(conn, node, 0, &arena,
		                   MQ_RD_WORDS("SCAN", cursor, "COUNT", "1000", "TYPE", "stream"),
		                   &reply, err) < 0)
			goto out;
		const struct mq_rd_reply *keys = mq_rd_reply_at(reply, 1);
		if (!keys || keys->type != REDIS_REPLY_ARRAY) {
			mq_rd_fail_shape(conn, "SCAN", err);
			goto out;
		}
		for (const struct mq_rd_reply *key = keys->first; key; key = key->next)
			if (take_name(key, pattern ? &regex : NULL, names, n, err) < 0)
				goto out;
		snprintf(cursor, sizeof cursor, "%s", mq_rd_reply_text(reply->first));
	} while (strcmp(cursor, "0") != 0);
	/* A key may come twice. */
	sort_names(*names, n);
	result = 0;
out:
	if (pattern)
		regfree(&regex);
	mq_rd_arena_release(&arena);
	return result;
}

/* Scans every master. partial: what failed at one of them goes there, unless nobody answered. */
static int scan_masters(struct mq_rd_conn *conn, const char *pattern, char ***names, size_t *n,
                        struct mq_err *partial, struct mq_err *err)
{
	struct mq_err first = MQ_ERR_INIT;
	size_t answered = 0;

	for (size_t i = 0; i < conn->n_nodes; i++) {
		struct mq_err why = MQ_ERR_INIT;
		if (conn->cluster && !conn->nodes[i].master)
			continue;
		if (mq_rd_scan(conn, i, pattern, names, n, &why) == 0) {
			answered++;
			continue;
		}
		if (!first.code)
			first = why;
		if (!partial || why.code == MQ_CANCELLED || why.code == MQ_USAGE)
			return mq_rd_pass(err, &why);
	}
	if (!first.code)
		return 0;
	if (answered == 0)
		return mq_rd_pass(err, &first);
	mq_rd_pass(partial, &first);
	return 0;
}

int mq_rd_scan_all(struct mq_rd_conn *conn, const char *pattern, char ***names, size_t *n,
                   struct mq_err *err)
{
	if (mq_rd_connect(conn, err) < 0)
		return -1;
	return scan_masters(conn, pattern, names, n, NULL, err);
}

static int add_matching(struct mq_rd_conn *conn, const char *pattern, char ***names, size_t *n,
                        struct mq_err *partial, struct mq_err *err)
{
	char **found = NULL;
	size_t n_found = 0;
	int result = scan_masters(conn, pattern, &found, &n_found, partial, err);

	if (result == 0 && n_found == 0 && !partial->code)
		mq_fail(partial, MQ_NOT_FOUND, "%s: no stream matches '%s'", conn->shown, pattern);
	for (size_t i = 0; i < n_found && result == 0; i++) {
		char **slot = mq_info_grow(names, n, sizeof *slot, err);
		if (slot) {
			*slot = found[i];
			found[i] = NULL;
		} else {
			result = -1;
		}
	}
	mq_rd_names_free(found, n_found);
	return result;
}

int mq_rd_find_streams(struct mq_rd_conn *conn, const char *const *asked, size_t n_asked,
                       char ***names, size_t *n, struct mq_err *partial, struct mq_err *err)
{
	if (mq_rd_connect(conn, err) < 0)
		return -1;
	if (n_asked == 0)
		return scan_masters(conn, NULL, names, n, partial, err);
	for (size_t i = 0; i < n_asked; i++) {
		if (asked[i][0] == '^') {
			if (add_matching(conn, asked[i], names, n, partial, err) < 0)
				return -1;
			continue;
		}
		char **slot = mq_info_grow(names, n, sizeof *slot, err);
		if (!slot || !(*slot = strdup(asked[i])))
			return mq_fail_memory(err);
	}
	if (*n == 0)
		return mq_rd_pass(err, partial);
	sort_names(*names, n);
	return 0;
}
