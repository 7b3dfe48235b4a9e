/*
 * Copying and wiping the command line: see argv.h.
 *
 * It runs before anything is parsed, so it goes by looks and rather wipes too much: the program
 * works with the copy.
 */
#include "cmd/argv.h"
#include "mqtk/backend.h"

#include <stdlib.h>
#include <string.h>

static void wipe(char *from, const char *end)
{
	memset(from, '*', (size_t)(end - from));
}

static bool is_secret(const char *name)
{
	static const char *const prefixes[] = {"src.", "dst."};

	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			name += strlen(prefixes[i]);
	if (mq_setting_is_secret(NULL, name))
		return true;
	for (size_t i = 0; mq_backends[i]; i++)
		if (mq_backends[i]->settings &&
		    mq_setting_is_secret(mq_backends[i]->settings, name))
			return true;
	return false;
}

/* Wipes [value, end) when [name, value - 1) is the name of a secret. */
static void wipe_pair(char *name, char *value, const char *end)
{
	char equals = value[-1];

	value[-1] = '\0';
	bool secret = is_secret(name);
	value[-1] = equals;
	if (secret)
		wipe(value, end);
}

/* scheme://user:PASSWORD@host,user:PASSWORD@host/…?name=SECRET&… */
static void wipe_url(char *url)
{
	char *authority = url + strlen("://");
	char *path = authority + strcspn(authority, "/?#");
	char *query = strchr(path, '?');

	/* A password may have a raw '/' by mistake: then the last '@' is behind it. */
	char *at = strrchr(authority, '@');
	if (at && (!query || at < query)) {
		char *colon = strchr(authority, ':');
		if (colon && colon < at)
			wipe(colon + 1, at);
	}
	while (query) {
		char *name = query + 1;
		char *end = name + strcspn(name, "&");
		char *value = memchr(name, '=', (size_t)(end - name));
		if (value)
			wipe_pair(name, value + 1, end);
		query = *end ? end : NULL;
	}
}

static void wipe_argument(char *arg)
{
	char *url = strstr(arg, "://");

	if (url)
		wipe_url(url);
	/* -X name=value in its own word, or -Xname=value, perhaps behind other letters. */
	char *equals = strchr(arg, '=');
	if (!equals || (url && url < equals))
		return;
	char *name = arg;
	if (arg[0] == '-') {
		char *x = memchr(arg, 'X', (size_t)(equals - arg));
		if (!x)
			return;
		name = x + 1;
	}
	wipe_pair(name, equals + 1, equals + strlen(equals));
}

int mq_argv_take(int argc, char **argv, struct mq_argv *ret_args, struct mq_err *err)
{
	*ret_args = (struct mq_argv){.items = calloc((size_t)argc + 1, sizeof(char *))};
	if (!ret_args->items)
		return mq_fail_memory(err);
	for (int i = 0; i < argc; i++) {
		ret_args->items[i] = strdup(argv[i]);
		if (!ret_args->items[i])
			return mq_fail_memory(err);
		ret_args->n++;
	}
	for (int i = 1; i < argc; i++)
		wipe_argument(argv[i]);
	return 0;
}

void mq_argv_release(struct mq_argv *args)
{
	if (!args || !args->items)
		return;
	for (int i = 0; i < args->n; i++)
		free(args->items[i]);
	free(args->items);
	*args = (struct mq_argv){0};
}
