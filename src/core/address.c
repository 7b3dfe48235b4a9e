/*
 * Which broker an address means, and with which settings and secrets: see mqtk/address.h.
 *
 * Taking URLs apart is url.c's, the profiles are config.c's.
 */
#include "mqtk/address.h"
#include "core/secret.h"
#include "core/url.h"
#include "mqtk/backend.h"
#include "mqtk/bytes.h"
#include "mqtk/config.h"
#include "mqtk/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_LIMIT ((size_t)1 << 20)

/* An address on its way to a target. */
struct resolving {
	const struct mq_config *config;
	const struct mq_profile *profile; /* NULL: a URL */
	const char *stream;               /* raw, of an address that is no URL; or NULL */
	size_t stream_len;
	const char *query;        /* of the address itself; "" for none */
	const char *broker_text;  /* the URL of the broker or of the whole address */
	const char *broker_words; /* what gave it, for messages: "profile prod" … */
	bool whole;               /* broker_text is the whole address, with stream and query */
	bool from_tree;           /* a .mqtk file chose where this goes */
	bool past_profile;        /* what is set now is stronger than the profile */
	bool password_given;      /* by something stronger than the profile */
	struct mq_url url;
	struct mq_target *target;
	struct mq_err *err;
};

void mq_target_release(struct mq_target *target)
{
	if (!target)
		return;
	free(target->scheme);
	free(target->authority);
	free(target->user);
	free(target->user_source);
	mq_secret_free(target->password);
	free(target->password_source);
	free(target->path);
	free(target->stream);
	free(target->profile);
	free(target->shown);
	mq_settings_release(&target->settings);
	*target = (struct mq_target){0};
}

static bool texts_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool mq_target_same_broker(const struct mq_target *a, const struct mq_target *b)
{
	if (a->backend != b->backend || !texts_equal(a->scheme, b->scheme) ||
	    !texts_equal(a->authority, b->authority) || !texts_equal(a->path, b->path) ||
	    !texts_equal(a->user, b->user) || !texts_equal(a->password, b->password) ||
	    a->readonly != b->readonly || a->settings.n != b->settings.n)
		return false;
	for (size_t i = 0; i < a->settings.n; i++)
		if (!texts_equal(a->settings.items[i].name, b->settings.items[i].name) ||
		    !texts_equal(a->settings.items[i].value, b->settings.items[i].value))
			return false;
	return true;
}

/* --- which broker ---------------------------------------------------------------------------- */

static int unknown_profile(struct resolving *r, const char *name, const char *where)
{
	size_t n = r->config ? r->config->n_profiles : 0;
	const char **names = calloc(n + 1, sizeof *names);
	const char *nearest = NULL;

	if (!names)
		return mq_fail_memory(r->err);
	for (size_t i = 0; i < n; i++)
		names[i] = r->config->profiles[i].name;
	nearest = mq_nearest(name, names);
	mq_fail(r->err, MQ_USAGE, "%sthere is no profile '%s'", where, name);
	if (strcmp(name, "local") == 0)
		mq_hint(r->err, "the local store needs HOME or XDG_DATA_HOME to be set");
	else if (nearest)
		mq_hint(r->err, "did you mean %s?", nearest);
	else if (strchr(name, ':'))
		mq_hint(r->err, "a broker is written with its scheme: kafka://HOST:PORT/STREAM");
	else if (strchr(name, '.'))
		mq_hint(r->err, "a store is written sqlite:FILE/STREAM; mqtk config --profiles "
		                "lists the profiles");
	else
		mq_hint(r->err,
		        "mqtk config --profiles lists them; a '/' within a stream's name is "
		        "written %%2F");
	free(names);
	return -1;
}

static int use_profile(struct resolving *r, const char *name, const char *where)
{
	r->profile = mq_config_profile(r->config, name);
	if (!r->profile)
		return unknown_profile(r, name, where);
	r->from_tree = r->profile->from_tree;
	r->broker_text = r->profile->url;
	return 0;
}

/* A profile's name, perhaps with a '/' behind it. */
static int use_profile_of(struct resolving *r, const char *text, size_t len, const char *where)
{
	char *name = strndup(text, len);

	if (!name)
		return mq_fail_memory(r->err);
	int result = use_profile(r, name, where);
	free(name);
	return result;
}

/* The broker of an address that names none. */
static int use_default(struct resolving *r)
{
	const char *text = getenv("MQTK_BROKER");
	const char *where = "$MQTK_BROKER: ";

	r->broker_words = "$MQTK_BROKER";
	if (!text || !*text) {
		text = r->config ? mq_settings_get(&r->config->globals, "default") : NULL;
		where = "the configured default: ";
		r->broker_words = "the configured default";
		r->from_tree = r->config && r->config->default_from_tree;
	}
	if (!text) {
		text = "local";
		where = "";
	}
	if (mq_url_scheme(text) > 0) {
		r->broker_text = text;
		return 0;
	}
	size_t len = strlen(text);
	if (len > 1 && text[len - 1] == '/')
		len--;
	return use_profile_of(r, text, len, where);
}

/* Finds out what text consists of, down to the URL of its broker. */
static int find_broker(struct resolving *r, const char *text)
{
	if (mq_url_scheme(text) > 0) {
		r->broker_text = text;
		r->broker_words = "URL";
		r->whole = true;
		r->query = "";
		return 0;
	}
	r->query = mq_url_query(text);
	size_t len = (size_t)(r->query - text);
	const char *slash = len ? memchr(text, '/', len) : NULL;
	r->stream = slash ? slash + 1 : text;
	r->stream_len = len - (size_t)(r->stream - text);
	if (slash == text) {
		mq_fail(r->err, MQ_USAGE, "no broker stands before the first '/' of the address");
		return mq_hint(r->err, "a '/' within a stream's name is written %%2F");
	}
	if (!slash)
		return use_default(r);
	return use_profile_of(r, text, (size_t)(slash - text), "");
}

const struct mq_profile *mq_address_profile(const char *text, const struct mq_config *config,
                                            struct mq_err *err)
{
	struct resolving r = {.config = config, .err = err};

	return find_broker(&r, text) < 0 ? NULL : r.profile;
}

static int parse_broker(struct resolving *r)
{
	char *source = NULL;
	int result = -1;

	if (r->profile) {
		if (asprintf(&source, "profile %s (%s)", r->profile->name, r->profile->source) < 0)
			source = NULL;
	} else {
		source = strdup(r->broker_words);
	}
	if (!source)
		return mq_fail_memory(r->err);
	struct mq_err why = MQ_ERR_INIT;
	if (mq_url_parse(r->broker_text, !r->whole, source, &r->url, &why) < 0) {
		/* Who typed the URL sees it; else it has to be said where it stands. */
		mq_fail(r->err, why.code, "%s%s%s", r->whole ? "" : source, r->whole ? "" : ": ",
		        why.message);
		if (why.hint[0])
			mq_hint(r->err, "%s", why.hint);
		goto out;
	}
	result = 0;
	if (r->stream_len > 0) {
		if (memchr(r->stream, '/', r->stream_len)) {
			mq_fail(r->err, MQ_USAGE,
			        "'%.*s': one segment is expected behind the broker, the stream",
			        (int)r->stream_len, r->stream);
			mq_hint(r->err, "a '/' within a stream's name is written %%2F");
			result = -1;
		} else if (!(r->url.stream =
		                 mq_url_decode(r->stream, r->stream_len, "the stream", r->err))) {
			result = -1;
		}
	}
out:
	free(source);
	return result;
}

/* --- settings and secrets -------------------------------------------------------------------- */

static int replace(char **field, const char *value, char **source_field, const char *source,
                   struct mq_err *err)
{
	char *copy = strdup(value);
	char *source_copy = strdup(source);

	if (!copy || !source_copy) {
		mq_secret_free(copy);
		free(source_copy);
		return mq_fail_memory(err);
	}
	mq_secret_free(*field);
	free(*source_field);
	*field = copy;
	*source_field = source_copy;
	return 0;
}

static int set_user(struct resolving *r, const char *user, const char *source)
{
	return user ? replace(&r->target->user, user, &r->target->user_source, source, r->err) : 0;
}

static int set_password(struct resolving *r, const char *password, const char *source)
{
	if (!password)
		return 0;
	r->password_given = r->past_profile;
	return replace(&r->target->password, password, &r->target->password_source, source, r->err);
}

/* Appends settings to the target; user and password go to their own fields, and what is about the
 * schema registry is for others. */
static int merge(struct resolving *r, const struct mq_settings *settings)
{
	for (size_t i = 0; settings && i < settings->n; i++) {
		const struct mq_setting_value *item = &settings->items[i];
		int result = mq_setting_is_registry(item, r->err);
		if (result > 0)
			continue;
		if (result < 0)
			return -1;
		if (strcmp(item->name, "user") == 0)
			result = set_user(r, item->value, item->source);
		else if (strcmp(item->name, "password") == 0)
			result = set_password(r, item->value, item->source);
		else
			result = mq_settings_add(&r->target->settings, item->name, item->value,
			                         item->source, r->err);
		if (result < 0)
			return -1;
	}
	return 0;
}

/* What the URL says. */
static int merge_url(struct resolving *r, const char *source)
{
	return set_user(r, r->url.user, source) < 0 ||
	               set_password(r, r->url.password, source) < 0 || merge(r, &r->url.query) < 0
	           ? -1
	           : 0;
}

static int merge_environment(struct resolving *r)
{
	/* A broker that a checked-out tree names does not get the user's secrets. */
	if (r->from_tree)
		return 0;
	return set_user(r, getenv("MQTK_USER"), "$MQTK_USER") < 0 ||
	               set_password(r, getenv("MQTK_PASSWORD"), "$MQTK_PASSWORD") < 0
	           ? -1
	           : 0;
}

static int merge_address_query(struct resolving *r)
{
	struct mq_settings query;

	mq_settings_init(&query);
	int result = mq_url_parse_query(r->query, "URL", &query, r->err);
	if (result == 0)
		result = merge(r, &query);
	mq_settings_release(&query);
	return result;
}

/* Profile, environment, URL, -X: later ones win. */
static int collect_settings(struct resolving *r, const struct mq_settings *overrides)
{
	char *profile = NULL;
	char *words = NULL;
	int result = -1;

	if (r->profile &&
	    (asprintf(&profile, "profile %s (%s)", r->profile->name, r->profile->source) < 0 ||
	     asprintf(&words, "profile %s", r->profile->name) < 0))
		return mq_fail_memory(r->err);
	if (r->profile) {
		if (merge_url(r, profile) < 0 || merge(r, &r->profile->settings) < 0)
			goto out;
	} else if (!r->whole && merge_url(r, r->broker_words) < 0) {
		goto out;
	}
	r->past_profile = true;
	if (merge_environment(r) < 0 || (r->whole && merge_url(r, "URL") < 0) ||
	    merge_address_query(r) < 0 || merge(r, overrides) < 0)
		goto out;
	/* The program runs only when nothing stronger gave a password. */
	if (r->profile && r->profile->password_command && !r->password_given) {
		char *secret = mq_secret_from_command(r->profile->password_command, words, r->err);
		if (!secret) {
			mq_hint(r->err, "it stands in %s", r->profile->source);
			goto out;
		}
		result = set_password(r, secret, "password-command");
		mq_secret_free(secret);
		goto out;
	}
	result = 0;
out:
	free(profile);
	free(words);
	return result;
}

/* --- how it is shown ------------------------------------------------------------------------- */

static int append_encoded(struct mq_buf *buf, const char *text, const char *special,
                          struct mq_err *err)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		int result = c <= 0x20 || c == 0x7f || strchr(special, *text)
		                 ? mq_buf_printf(buf, err, "%%%02X", c)
		                 : mq_buf_append_char(buf, *text, err);
		if (result < 0)
			return -1;
	}
	return 0;
}

/* scheme:path or scheme://authority/path, without a '/' behind it. */
static int append_broker(struct mq_buf *buf, const struct mq_target *target, const char *path,
                         const char *user, struct mq_err *err)
{
	if (mq_buf_printf(buf, err, "%s:%s", target->scheme,
	                  path[0] == '/' && !target->authority[0] ? "//" : "") < 0)
		return -1;
	if (!target->authority[0])
		return append_encoded(buf, path, "%?", err);
	if (mq_buf_append_str(buf, "//", err) < 0 ||
	    (user && (append_encoded(buf, user, "%/@:?,", err) < 0 ||
	              mq_buf_append_char(buf, '@', err) < 0)) ||
	    mq_buf_append_str(buf, target->authority, err) < 0 ||
	    (path[0] && mq_buf_append_char(buf, '/', err) < 0))
		return -1;
	return append_encoded(buf, path, "%?", err);
}

/* An address that means the same but for the secrets. A broker alone ends in '/', so that a
 * stream's name can be put behind it. */
static int make_shown(struct resolving *r)
{
	struct mq_target *target = r->target;
	struct mq_buf buf;
	int result;

	mq_buf_init(&buf, TEXT_LIMIT);
	result = target->profile ? mq_buf_append_str(&buf, target->profile, r->err)
	                         : append_broker(&buf, target, target->path, target->user, r->err);
	if (result == 0)
		result = mq_buf_append_char(&buf, '/', r->err);
	/* A question mark stays readable in an expression, unless it would begin settings there. */
	if (result == 0 && target->stream)
		result = append_encoded(
		    &buf, target->stream,
		    target->stream[0] == '^' && !*mq_url_query(target->stream) ? "%/" : "%/?",
		    r->err);
	if (result == 0)
		result = mq_buf_append_char(&buf, '\0', r->err);
	if (result < 0)
		mq_buf_release(&buf);
	target->shown = buf.data;
	return result;
}

char *mq_target_broker(const struct mq_target *target, struct mq_err *err)
{
	char *absolute = target->authority[0] ? NULL : realpath(target->path, NULL);
	struct mq_buf buf;

	mq_buf_init(&buf, TEXT_LIMIT);
	if (append_broker(&buf, target, absolute ? absolute : target->path, NULL, err) < 0 ||
	    mq_buf_append(&buf, "/", 2, err) < 0) /* with its NUL */
		mq_buf_release(&buf);
	free(absolute);
	return buf.data;
}

int mq_target_resolve(const char *text, const struct mq_config *config,
                      const struct mq_settings *overrides, struct mq_target *ret_target,
                      struct mq_err *err)
{
	struct mq_target target = {0};
	struct resolving r = {.config = config, .target = &target, .err = err};

	*ret_target = target;
	if (find_broker(&r, text) < 0 || parse_broker(&r) < 0 ||
	    collect_settings(&r, overrides) < 0)
		goto fail;
	target.backend = mq_backend_for_scheme(r.url.scheme);
	target.readonly = r.profile && r.profile->readonly;
	if (r.profile && !(target.profile = strdup(r.profile->name))) {
		mq_fail_memory(err);
		goto fail;
	}
	target.scheme = r.url.scheme;
	target.authority = r.url.authority;
	target.path = r.url.path;
	target.stream = r.url.stream;
	r.url.scheme = r.url.authority = r.url.path = r.url.stream = NULL;
	if (make_shown(&r) < 0)
		goto fail;
	mq_url_release(&r.url);
	*ret_target = target;
	return 0;
fail:
	mq_url_release(&r.url);
	mq_target_release(&target);
	return -1;
}
