/*
 * Reading the configuration: see mqtk/config.h.
 *
 * inih reads the grammar: sections, names, comments. Values pass it by: it has a line limit of 200
 * bytes compiled in where most systems package it, and it would cut a password at " ;". So the
 * reader hands it each line with the value replaced, and keeps the real one beside it.
 *
 * What a .mqtk file may say is limited, because it comes with whatever tree was checked out: it
 * replaces a profile as a whole, so that nothing of the user's (least of all a password) goes to a
 * host that the tree names, it cannot lift the user's readonly, and it cannot run programs or load
 * libraries.
 */
#include "mqtk/config.h"
#include "core/url.h"
#include "mqtk/bytes.h"
#include "mqtk/info.h"
#include "mqtk/option.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_LIMIT 65536
#define SECTION_LIMIT 49 /* inih's */
#define TEXT_LIMIT ((size_t)1 << 20)

/* One file being read. */
struct reading {
	struct mq_config *config;
	const char *path;
	char *folder; /* relative stores are meant from here; NULL: from the working directory */
	bool tree;    /* a .mqtk file */
	FILE *file;
	int line;
	char *text; /* getline's */
	size_t text_cap;
	char *value;          /* of the current line, within text */
	size_t first_profile; /* those before it come from other files */
	struct mq_err *err;
};

static int bad_line(struct reading *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int bad_line(struct reading *r, const char *fmt, ...)
{
	char what[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	return mq_fail(r->err, MQ_USAGE, "%s:%d: %s", r->path, r->line, what);
}

/* --- profiles -------------------------------------------------------------------------------- */

static void profile_release(struct mq_profile *profile)
{
	free(profile->name);
	mq_secret_free(profile->url);
	free(profile->source);
	mq_secret_free(profile->password_command);
	mq_settings_release(&profile->settings);
}

static struct mq_profile *find_profile(const struct mq_config *config, const char *name)
{
	for (size_t i = config->n_profiles; i > 0; i--)
		if (strcmp(config->profiles[i - 1].name, name) == 0)
			return &config->profiles[i - 1];
	return NULL;
}

const struct mq_profile *mq_config_profile(const struct mq_config *config, const char *name)
{
	return config ? find_profile(config, name) : NULL;
}

static char *print_text(struct mq_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static char *print_text(struct mq_err *err, const char *fmt, ...)
{
	char *text;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0) {
		text = NULL;
		mq_fail_memory(err);
	}
	va_end(args);
	return text;
}

/* The profile of a section: this file's, or a new one in place of another file's. */
static struct mq_profile *open_profile(struct reading *r, const char *name)
{
	struct mq_config *config = r->config;
	struct mq_profile *profile = find_profile(config, name);
	bool readonly = false;

	if (profile && (size_t)(profile - config->profiles) >= r->first_profile)
		return profile;
	if (profile) {
		readonly = r->tree && profile->readonly;
		size_t at = (size_t)(profile - config->profiles);
		profile_release(profile);
		memmove(profile, profile + 1, (config->n_profiles - at - 1) * sizeof *profile);
		config->n_profiles--;
		r->first_profile--;
	}
	struct mq_profile *profiles =
	    realloc(config->profiles, (config->n_profiles + 1) * sizeof *profiles);
	if (!profiles) {
		mq_fail_memory(r->err);
		return NULL;
	}
	config->profiles = profiles;
	profile = &profiles[config->n_profiles];
	*profile = (struct mq_profile){.readonly = readonly, .from_tree = r->tree};
	config->n_profiles++;
	profile->name = strdup(name);
	profile->source = print_text(r->err, "%s:%d", r->path, r->line);
	if (!profile->name)
		mq_fail_memory(r->err);
	return profile->name && profile->source ? profile : NULL;
}

/* A relative store in a file is meant from the file's folder. Returns a string of its own. */
static char *anchor_url(struct reading *r, const char *url)
{
	size_t scheme = mq_url_scheme(url);
	const char *rest = url + scheme + 1;
	struct mq_buf buf;

	if (!r->folder || scheme == 0 || strncasecmp(url, "sqlite", scheme) != 0 ||
	    rest[0] == '/' || strncmp(rest, "~/", 2) == 0 || !*rest) {
		char *copy = strdup(url);
		if (!copy)
			mq_fail_memory(r->err);
		return copy;
	}
	mq_buf_init(&buf, TEXT_LIMIT);
	int result = mq_buf_append(&buf, url, scheme + 1, r->err);
	for (const char *c = r->folder; *c && result == 0; c++)
		result = strchr("%?", *c) ? mq_buf_printf(&buf, r->err, "%%%02X", (unsigned)*c)
		                          : mq_buf_append_char(&buf, *c, r->err);
	if (result == 0)
		result = mq_buf_printf(&buf, r->err, "/%s", rest);
	if (result < 0)
		mq_buf_release(&buf);
	return buf.data;
}

static int parse_bool(struct reading *r, const char *name, const char *value, bool *ret)
{
	static const char *const yes[] = {"true", "yes", "on", "1"};
	static const char *const no[] = {"false", "no", "off", "0"};

	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
		if (strcasecmp(value, yes[i]) == 0 || strcasecmp(value, no[i]) == 0) {
			*ret = strcasecmp(value, yes[i]) == 0;
			return 0;
		}
	}
	return bad_line(r, "%s = '%s': true or false is expected", name, value);
}

/* Takes a key that may stand once. */
static int take_once(struct reading *r, const char *name, char *value, char **field)
{
	if (*field) {
		mq_secret_free(value);
		return bad_line(r, "a second '%s' in one profile", name);
	}
	*field = value;
	return value ? 0 : mq_fail_memory(r->err);
}

static int take_profile_key(struct reading *r, struct mq_profile *profile, const char *name,
                            const char *value)
{
	if (strcmp(name, "url") == 0) {
		if (mq_url_scheme(value) == 0)
			return bad_line(r, "url: a URL is expected, such as kafka://HOST:PORT");
		char *url = anchor_url(r, value);
		return url ? take_once(r, name, url, &profile->url) : -1;
	}
	if (strcmp(name, "readonly") == 0) {
		bool readonly = false;
		if (parse_bool(r, name, value, &readonly) < 0)
			return -1;
		/* Once a profile of the user's is read-only, no tree makes it writable. */
		profile->readonly = readonly || (r->tree && profile->readonly);
		return 0;
	}
	if (r->tree && (strcmp(name, "password-command") == 0 || mq_setting_runs_code(name))) {
		bad_line(r, "'%s' is honoured only in your own configuration file", name);
		return mq_hint(r->err,
		               "a .mqtk file comes with the tree and must not run programs");
	}
	/* It would write, and believe, files of the tree. */
	if (r->tree && strcmp(name, "registry.cache") == 0)
		return bad_line(r, "'%s' is honoured only in your own configuration file", name);
	if (strcmp(name, "password-command") == 0)
		return take_once(r, name, strdup(value), &profile->password_command);
	char *source = print_text(r->err, "profile %s (%s:%d)", profile->name, r->path, r->line);
	int result = source ? mq_settings_add(&profile->settings, name, value, source, r->err) : -1;
	free(source);
	return result;
}

static bool name_valid(const char *name)
{
	if (!*name)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("._-", *name) &&
		    (unsigned char)*name < 0x80)
			return false;
	return true;
}

/* --- lines ----------------------------------------------------------------------------------- */

static int take_global(struct reading *r, const char *name, const char *value)
{
	static const char *const known[] = {"default", "color", "registry", NULL};
	size_t i = 0;

	while (known[i] && strcmp(known[i], name) != 0)
		i++;
	if (!known[i]) {
		const char *nearest = mq_nearest(name, known);
		bad_line(r, "unknown key '%s'", name);
		if (nearest)
			return mq_hint(r->err, "did you mean %s?", nearest);
		return mq_hint(r->err,
		               "before the first [profile NAME] stand default, color and registry");
	}
	bool is_default = strcmp(name, "default") == 0;
	if (is_default && !*value)
		return bad_line(r, "default: the name of a profile or a URL is expected");
	char *text = is_default ? anchor_url(r, value) : strdup(value);
	char *source = print_text(r->err, "%s:%d", r->path, r->line);
	int result = -1;
	if (text && source)
		result = mq_settings_add(&r->config->globals, name, text, source, r->err);
	else
		mq_fail_memory(r->err);
	if (result == 0 && is_default)
		r->config->default_from_tree = r->tree;
	mq_secret_free(text);
	free(source);
	return result;
}

static int take_pair(struct reading *r, const char *section, const char *name, const char *value)
{
	static const char prefix[] = "profile";

	if (!*name)
		return bad_line(r, "a name is expected before '='");
	if (!*section)
		return take_global(r, name, value);
	size_t len = strlen(prefix);
	const char *profile_name = section + len;
	if (strncmp(section, prefix, len) != 0 || (*profile_name != ' ' && *profile_name != '\t')) {
		bad_line(r, "unknown section [%s]", section);
		return mq_hint(r->err, "sections are written [profile NAME]");
	}
	profile_name += strspn(profile_name, " \t");
	if (!name_valid(profile_name))
		return bad_line(r, "'%s' cannot name a profile: letters, digits, '.', '_' and '-'",
		                profile_name);
	struct mq_profile *profile = open_profile(r, profile_name);
	return profile ? take_profile_key(r, profile, name, value) : -1;
}

/* inih's handler: 1 goes on. */
static int on_pair(void *user, const char *section, const char *name, const char *value)
{
	struct reading *r = user;

	(void)value; /* the placeholder */
	return r->err->code == MQ_OK && take_pair(r, section, name, r->value ? r->value : "") == 0;
}

/* Reads a line into r->text, without its end and white space around. False at the end of the file
 * or with an error set. */
static bool read_line(struct reading *r)
{
	ssize_t n = getline(&r->text, &r->text_cap, r->file);

	if (n < 0) {
		if (ferror(r->file))
			mq_fail_errno(r->err, MQ_USAGE, errno, "%s", r->path);
		return false;
	}
	r->line++;
	if (n > LINE_LIMIT || memchr(r->text, '\0', (size_t)n)) {
		bad_line(r, n > LINE_LIMIT ? "the line is too long" : "this is no text file");
		return false;
	}
	char *start = r->text;
	if (r->line == 1 && strncmp(start, "\xef\xbb\xbf", 3) == 0)
		start += 3;
	while (isspace((unsigned char)*start))
		start++;
	char *end = r->text + n;
	while (end > start && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	memmove(r->text, start, (size_t)(end - start) + 1);
	return true;
}

/* inih's reader: one line with the value replaced. */
static char *next_line(char *ret, int size, void *user)
{
	struct reading *r = user;
	const char *placeholder = "";

	r->value = NULL;
	if (r->err->code != MQ_OK || !read_line(r))
		return NULL;
	size_t keep = strlen(r->text);
	if (keep > 0 && strchr(";#", r->text[0])) {
		keep = 1;
	} else if (r->text[0] == '[') {
		/* inih would cut a long one and take what follows an unclosed one. */
		size_t name = strcspn(r->text, "]");
		if (name < 2 || name > SECTION_LIMIT || name + 1 != keep) {
			bad_line(r, "a section is written [profile NAME], of at most %d bytes",
			         SECTION_LIMIT - 1);
			return NULL;
		}
	} else if (keep > 0) {
		size_t name = strcspn(r->text, "=:");
		if (r->text[name]) {
			r->value = r->text + name + 1;
			r->value += strspn(r->value, " \t");
			keep = name + 1;
			placeholder = "-";
		}
	}
	if (keep + 4 > (size_t)size ||
	    snprintf(ret, (size_t)size, "%.*s%s\n", (int)keep, r->text, placeholder) >= size) {
		bad_line(r, "the name is too long");
		return NULL;
	}
	return ret;
}

/* --- files ----------------------------------------------------------------------------------- */

/* Profiles of this file are complete now. */
static int check_profiles(const struct reading *r)
{
	for (size_t i = r->first_profile; i < r->config->n_profiles; i++) {
		const struct mq_profile *profile = &r->config->profiles[i];
		if (!profile->url)
			return mq_fail(r->err, MQ_USAGE, "%s: profile %s has no url",
			               profile->source, profile->name);
		if (profile->password_command && mq_settings_get(&profile->settings, "password"))
			return mq_fail(r->err, MQ_USAGE,
			               "%s: profile %s has both password and password-command",
			               profile->source, profile->name);
	}
	return 0;
}

static int add_path(char ***items, size_t *n, char *path, struct mq_err *err)
{
	char **slot = path ? mq_info_grow(items, n, sizeof *slot, err) : NULL;

	if (!slot) {
		free(path);
		return -1;
	}
	*slot = path;
	return 0;
}

/* Reads one file. A missing one is fine unless `named`. */
static int read_file(struct mq_config *config, const char *path, bool tree, bool named,
                     struct mq_err *err)
{
	struct reading r = {.config = config,
	                    .path = path,
	                    .tree = tree,
	                    .first_profile = config->n_profiles,
	                    .err = err};
	struct stat st;
	int result = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | (tree ? O_NONBLOCK : 0));

	if (fd < 0 && !named && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0) {
		mq_fail_errno(err, MQ_USAGE, errno, "cannot read the configuration %s", path);
		goto out;
	}
	if (tree && (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0))) {
		/* Somebody else's file in a shared folder must not say where our messages go. */
		char *why = print_text(err, "%s: %s", path,
		                       S_ISREG(st.st_mode) ? "it belongs to another user"
		                                           : "it is no regular file");
		result = add_path(&config->ignored, &config->n_ignored, why, err);
		goto out;
	}
	if (S_ISDIR(st.st_mode)) {
		mq_fail_errno(err, MQ_USAGE, EISDIR, "cannot read the configuration %s", path);
		goto out;
	}
	const char *slash = strrchr(path, '/');
	if (slash && S_ISREG(st.st_mode) && path[0] == '/' &&
	    !(r.folder = strndup(path, (size_t)(slash - path)))) {
		mq_fail_memory(err);
		goto out;
	}
	r.file = fdopen(fd, "r");
	if (!r.file || add_path(&config->files, &config->n_files, strdup(path), err) < 0) {
		mq_fail_memory(err);
		goto out;
	}
	int bad = ini_parse_stream(next_line, &r, on_pair, &r);
	if (err->code == MQ_OK && bad != 0) {
		mq_fail(err, MQ_USAGE, "%s:%d: expected [profile NAME] or NAME = VALUE", path, bad);
		mq_hint(err, "a comment is a line of its own that begins with '#'");
	}
	result = err->code == MQ_OK ? check_profiles(&r) : -1;
out:
	if (r.file)
		fclose(r.file);
	else if (fd >= 0)
		close(fd);
	/* All of it: a file may hold passwords, and an empty one leaves no string. */
	if (r.text)
		explicit_bzero(r.text, r.text_cap);
	free(r.text);
	free(r.folder);
	return result;
}

/* folder/name exists. */
static bool has_entry(const char *folder, const char *name, struct mq_err *err)
{
	char *path = print_text(err, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name);
	bool found = path && access(path, F_OK) == 0;

	free(path);
	return found;
}

/* The nearest .mqtk from the working directory up to the repository's root; outside of one only the
 * working directory itself is looked at, so that a stray file in /tmp governs nothing below it. */
static int read_tree_file(struct mq_config *config, struct mq_err *err)
{
	char *folder = getcwd(NULL, 0);
	char *path = NULL;
	int result = 0;

	if (!folder)
		return 0; /* the working directory is gone or hidden: no tree */
	bool inside = false;
	for (size_t len = strlen(folder); len > 0 && !inside; len--) {
		if (folder[len] != '\0' && folder[len] != '/')
			continue;
		char saved = folder[len];
		folder[len] = '\0';
		inside = has_entry(folder, ".git", err);
		folder[len] = saved;
	}
	for (;;) {
		if (has_entry(folder, ".mqtk", err)) {
			path = print_text(err, "%s/.mqtk", strcmp(folder, "/") == 0 ? "" : folder);
			result = path ? read_file(config, path, true, false, err) : -1;
			break;
		}
		char *slash = strrchr(folder, '/');
		if (!inside || has_entry(folder, ".git", err) || !slash || slash == folder)
			break;
		*slash = '\0';
	}
	free(path);
	free(folder);
	return err->code == MQ_OK ? result : -1;
}

/* $VARIABLE (absolute, as the XDG specification asks), or ~/fallback; NULL without either. */
static char *base_folder(const char *variable, const char *fallback, struct mq_err *err)
{
	const char *xdg = getenv(variable);
	const char *home = getenv("HOME");

	if (xdg && xdg[0] == '/')
		return print_text(err, "%s", xdg);
	return home && *home ? print_text(err, "%s/%s", home, fallback) : NULL;
}

/* The store that needs no set-up, unless the configuration gives the name another meaning. */
static int add_local(struct mq_config *config, struct mq_err *err)
{
	static const char built_in[] = "built in";
	struct reading r = {.config = config, .path = built_in, .err = err};

	if (find_profile(config, "local"))
		return 0;
	r.folder = base_folder("XDG_DATA_HOME", ".local/share", err);
	if (!r.folder)
		return err->code == MQ_OK ? 0 : -1;
	r.first_profile = config->n_profiles;
	struct mq_profile *profile = open_profile(&r, "local");
	int result = -1;
	if (profile) {
		free(profile->source);
		profile->source = strdup(built_in);
		profile->url = anchor_url(&r, "sqlite:mqtk/local.db");
		result = profile->source && profile->url ? 0 : mq_fail_memory(err);
	}
	free(r.folder);
	return result;
}

int mq_config_load(struct mq_config *ret_config, struct mq_err *err)
{
	const char *named = getenv("MQTK_CONFIG");
	int result;

	*ret_config = (struct mq_config){0};
	if (named && *named) {
		char *path = named[0] == '/' ? strdup(named) : NULL;
		char *folder = path ? NULL : getcwd(NULL, 0);
		if (!path)
			path = folder ? print_text(err, "%s/%s", folder, named) : strdup(named);
		result = path ? read_file(ret_config, path, false, true, err) : -1;
		free(folder);
		free(path);
	} else {
		char *base = base_folder("XDG_CONFIG_HOME", ".config", err);
		char *path = base ? print_text(err, "%s/mqtk/config", base) : NULL;
		result = path ? read_file(ret_config, path, false, false, err) : 0;
		if (result == 0)
			result = read_tree_file(ret_config, err);
		free(base);
		free(path);
	}
	if (result < 0 || err->code != MQ_OK || add_local(ret_config, err) < 0) {
		mq_config_release(ret_config);
		return mq_fail_memory(err); /* unless the reason is set already */
	}
	return 0;
}

void mq_config_release(struct mq_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->n_profiles; i++)
		profile_release(&config->profiles[i]);
	free(config->profiles);
	mq_settings_release(&config->globals);
	for (size_t i = 0; i < config->n_files; i++)
		free(config->files[i]);
	free(config->files);
	for (size_t i = 0; i < config->n_ignored; i++)
		free(config->ignored[i]);
	free(config->ignored);
	*config = (struct mq_config){0};
}
