/* Where letters are at home: see home.h. */
#include "cmd/dlq/home.h"

#include "cmd/replay/file.h"

#include "mqtk/backend.h"

#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

enum {
	ADDRESS_MAX = 4096, /* what is longer is no address */
	WORDS_MAX = 200,    /* bytes of one, for people */
};

int homes_init(struct homes *homes, const char *source, const struct mq_config *config,
               const struct mq_settings *settings, struct mq_err *err)
{
	*homes = (struct homes){0};
	mq_buf_init(&homes->asked, ADDRESS_MAX);
	mq_buf_init(&homes->foreign, ADDRESS_MAX + 1);
	return mq_target_resolve(source, config, settings, &homes->here, err);
}

void homes_release(struct homes *homes)
{
	mq_target_release(&homes->here);
	mq_buf_release(&homes->asked);
	mq_buf_release(&homes->foreign);
}

/* --- the same broker -------------------------------------------------------------------------- */

struct host {
	const char *name, *port;
	size_t name_len, port_len; /* no port: 0, it may be any */
};

/* The next of host[:port][,…] or [v6][:port]; false at the end. */
static bool next_host(const char **at, struct host *host)
{
	size_t len = strcspn(*at, ",");
	const char *start = *at;
	size_t bracket = start[0] == '[' ? strcspn(start, "],") : 0;

	if (len == 0)
		return false;
	size_t colon = bracket + strcspn(start + bracket, ":,");
	*host = (struct host){.name = start, .name_len = colon < len ? colon : len};
	if (colon < len) {
		host->port = start + colon + 1;
		host->port_len = len - colon - 1;
	}
	*at += len + (start[len] == ',');
	return true;
}

static bool same_host(const struct host *a, const struct host *b)
{
	if (a->name_len != b->name_len || strncasecmp(a->name, b->name, a->name_len) != 0)
		return false;
	if (a->port_len == 0 || b->port_len == 0)
		return true;
	return a->port_len == b->port_len && memcmp(a->port, b->port, a->port_len) == 0;
}

static bool share_host(const char *left, const char *right)
{
	struct host a, b;

	for (const char *at = left; next_host(&at, &a);)
		for (const char *other = right; next_host(&other, &b);)
			if (same_host(&a, &b))
				return true;
	return false;
}

static bool same_file(const char *left, const char *right)
{
	struct stat a, b;

	if (strcmp(left, right) == 0)
		return true;
	return stat(left, &a) == 0 && stat(right, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static bool same_broker(const struct mq_target *a, const struct mq_target *b)
{
	if (a->backend != b->backend)
		return false;
	if (!a->authority[0] || !b->authority[0])
		return !a->authority[0] && !b->authority[0] && same_file(a->path, b->path);
	return strcmp(a->path, b->path) == 0 && share_host(a->authority, b->authority);
}

bool homes_is_source(const struct homes *homes, const struct mq_target *target)
{
	const char *mine = homes->here.stream, *other = target->stream;

	return mine && other && strcmp(mine, other) == 0 && same_broker(&homes->here, target);
}

/* The name is part of a message: profiles and configuration are not for it. */
static bool is_here(const struct mq_target *here, const char *broker)
{
	struct mq_err ignored = MQ_ERR_INIT;
	struct mq_target there;

	if (!strchr(broker, ':') || mq_target_resolve(broker, NULL, NULL, &there, &ignored) < 0)
		return false;
	bool same = same_broker(here, &there);
	mq_target_release(&there);
	return same;
}

/* For a terminal: nothing that drives it, and not too much. */
static int keep_words(struct homes *homes, struct mq_bytes broker, struct mq_err *err)
{
	bool plain = mq_utf8_valid(broker);

	for (size_t i = 0; i < broker.len && (i < WORDS_MAX || plain); i++) {
		unsigned char c = (unsigned char)broker.data[i];
		if (i >= WORDS_MAX && (c & 0xc0) != 0x80)
			break;
		if (mq_buf_append_char(
		        &homes->foreign,
		        c < 0x20 || c == 0x7f || (c >= 0x80 && !plain) ? '?' : (char)c, err) < 0)
			return -1;
	}
	return mq_buf_append_char(&homes->foreign, '\0', err);
}

int homes_fits(struct homes *homes, struct mq_bytes broker, struct mq_err *err)
{
	if (homes->any || broker.len == 0)
		return 1;
	if (homes->known &&
	    mq_bytes_equal(mq_bytes_of(homes->asked.data, homes->asked.len), broker))
		return homes->answer;
	if (broker.len >= ADDRESS_MAX || memchr(broker.data, '\0', broker.len))
		return 0;
	mq_buf_clear(&homes->asked);
	if (mq_buf_append(&homes->asked, broker.data, broker.len, err) < 0)
		return -1;
	char *text = strndup(broker.data, broker.len);
	if (!text)
		return mq_fail_memory(err);
	homes->answer = is_here(&homes->here, text);
	homes->known = true;
	free(text);
	if (!homes->answer && homes->foreign.len == 0 && keep_words(homes, broker, err) < 0)
		return -1;
	return homes->answer;
}

/* --- places ----------------------------------------------------------------------------------- */

static int find_target(struct places *places, const char *target, bool back,
                       const struct mq_config *config, struct mq_err *err)
{
	places->home = !target;
	if (!target)
		return 0;
	places->to_words = file_path(target);
	if (file_is_named(target))
		return 0;
	if (mq_target_resolve(target, config, NULL, &places->to, err) < 0)
		return -1;
	places->named = true;
	places->to_words = places->to.shown;
	/* An exchange has bindings to say where each goes, also one that does not tell where it
	 * was. */
	bool routed = places->to.backend->caps & MQ_CAP_EXCHANGES &&
	              mq_settings_get(&places->to.settings, "exchange");
	places->home = places->homes.any = back && !places->to.stream && !routed;
	if (places->from_file)
		return 0;
	/* A broker alone is the stream of the same name there, unless an exchange is meant. */
	bool same_name = !back && !places->to.stream &&
	                 !(places->to.backend->caps & MQ_CAP_EXCHANGES) &&
	                 same_broker(&places->homes.here, &places->to);
	places->onto_itself = same_name || homes_is_source(&places->homes, &places->to);
	return 0;
}

int places_find(struct places *places, const char *source, const char *target, bool back,
                const struct mq_config *config, struct mq_err *err)
{
	*places = (struct places){.from_file = file_is_named(source)};
	places->from_words = file_path(source);
	if (places->from_file && !target) {
		mq_fail(err, MQ_USAGE, "%s is a file, and its letters may be from anywhere",
		        places->from_words);
		return mq_hint(err, "--to BROKER/ puts each back to its own stream there");
	}
	if (!places->from_file) {
		if (homes_init(&places->homes, source, config, NULL, err) < 0)
			return -1;
		places->from_words = places->homes.here.shown;
	}
	return find_target(places, target, back, config, err);
}

void places_release(struct places *places)
{
	if (!places->from_file)
		homes_release(&places->homes);
	if (places->named)
		mq_target_release(&places->to);
}
