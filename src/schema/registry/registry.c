/* A registry's client: what is registered under an id, a GUID, a subject. See mqtk/registry.h. */
#include "mqtk/http.h"
#include "schema/registry/answers.h"
#include "schema/registry/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { BUSY_MS = 5000 }; /* until something that nobody answered is asked again */

/* --- the client ------------------------------------------------------------------------------- */

static int open_disk(struct mq_registry *registry, const char *folder, struct mq_err *err)
{
	struct mq_buf urls;
	int result = -1;

	mq_buf_init(&urls, 1 << 20);
	if (mq_registry_servers_name(registry->servers, &urls, err) == 0 &&
	    mq_buf_append_char(&urls, '\0', err) == 0)
		result =
		    mq_registry_disk_init(&registry->disk, folder, urls.data, registry->env, err);
	mq_buf_release(&urls);
	return result;
}

int mq_registry_new(const struct mq_registry_spec *spec, struct mq_registry **ret,
                    struct mq_err *err)
{
	struct mq_registry *registry = calloc(1, sizeof *registry);

	*ret = NULL;
	if (!registry)
		return mq_fail_memory(err);
	registry->env = spec->env;
	mq_buf_init(&registry->answer, ANSWER_MAX);
	if (mq_registry_servers_new(spec, &registry->servers, err) < 0 ||
	    open_disk(registry, spec->cache, err) < 0) {
		mq_registry_free(registry);
		return -1;
	}
	*ret = registry;
	return 0;
}

void mq_registry_free(struct mq_registry *registry)
{
	if (!registry)
		return;
	mq_registry_servers_free(registry->servers);
	mq_registry_memory_release(&registry->memory);
	mq_registry_disk_release(&registry->disk);
	mq_buf_release(&registry->answer);
	free(registry);
}

void mq_registry_forget(struct mq_registry *registry)
{
	mq_registry_memory_forget(&registry->memory);
	mq_registry_servers_forget(registry->servers);
}

void mq_registered_name(const struct mq_registered *registered, char ret[MQ_REGISTERED_NAME])
{
	if (registered->subject)
		snprintf(ret, MQ_REGISTERED_NAME, "%.250s:%d", registered->subject,
		         (int)registered->version);
	else if (registered->id >= 0)
		snprintf(ret, MQ_REGISTERED_NAME, "id:%d", (int)registered->id);
	else
		snprintf(ret, MQ_REGISTERED_NAME, "guid:%.36s",
		         registered->guid ? registered->guid : "?");
}

/* --- looking up ------------------------------------------------------------------------------- */

/* What is asked for; what is not asked for is -1 or NULL. */
struct wanted {
	int32_t id;
	const char *guid;
	const char *subject;
	int32_t version; /* 0: the latest */
	const char *path;
	const char *what;
	const void *key; /* in memory */
	size_t key_len;
};

/* Takes what the answer leaves out from what was asked, and finds answers to other questions. */
static int agree(const struct wanted *wanted, struct mq_registered *got, struct mq_err *err)
{
	if (wanted->id >= 0) {
		if (got->id >= 0 && got->id != wanted->id)
			return mq_fail(err, MQ_DATA, "the answer is of id %d", (int)got->id);
		got->id = wanted->id;
	}
	if (wanted->guid) {
		if (got->guid && strcasecmp(got->guid, wanted->guid) != 0)
			return mq_fail(err, MQ_DATA, "the answer is of GUID %.40s", got->guid);
		if (!got->guid && !(got->guid = strdup(wanted->guid)))
			return mq_fail_memory(err);
	}
	if (!wanted->subject)
		return 0;
	if (got->subject && strcmp(got->subject, wanted->subject) != 0)
		return mq_fail(err, MQ_DATA, "the answer is of the subject %.200s", got->subject);
	if (!got->subject && !(got->subject = strdup(wanted->subject)))
		return mq_fail_memory(err);
	if (wanted->version > 0 && got->version >= 0 && got->version != wanted->version)
		return mq_fail(err, MQ_DATA, "the answer is of version %d", (int)got->version);
	if (wanted->version > 0)
		got->version = wanted->version;
	if (got->version < 0)
		return mq_fail(err, MQ_DATA, "the answer has no version in it");
	return 0;
}

/* Asks the registry. Returns 0 with *got filled, else -1; *got is to be released in any case. */
static int ask(struct mq_registry *registry, const struct wanted *wanted, struct mq_registered *got,
               struct mq_err *err)
{
	struct mq_registry_question question = {
	    .method = "GET", .path = wanted->path, .what = wanted->what};
	struct mq_err why = MQ_ERR_INIT;

	int status = mq_registry_ask(registry->servers, &question, &registry->answer, err);
	if (status < 0)
		return -1;
	if (status >= 300)
		return mq_registry_refused(registry->servers, &question, status, &registry->answer,
		                           err);
	if (mq_registry_read_schema(&registry->answer, got, &why) < 0 ||
	    agree(wanted, got, &why) < 0)
		return mq_registry_misread(registry->servers, &question, &why, err);
	return 0;
}

/* What the file of such a schema is called, into name; false: it changes, or is too long. */
static bool file_of(const struct wanted *wanted, struct mq_buf *name)
{
	struct mq_err ignored = MQ_ERR_INIT;
	int result;

	if (wanted->id >= 0)
		result = mq_buf_printf(name, &ignored, "id-%d", (int)wanted->id);
	else if (wanted->guid)
		result = mq_buf_printf(name, &ignored, "guid-%s", wanted->guid);
	else if (wanted->version > 0 && strlen(wanted->subject) <= MQ_REGISTRY_DISK_NAME)
		result = mq_buf_printf(name, &ignored, "version-%d-", (int)wanted->version) < 0
		             ? -1
		             : mq_http_append_segment(name, wanted->subject, &ignored);
	else
		return false;
	return result == 0 && mq_buf_append_char(name, '\0', &ignored) == 0;
}

/* A file says everything that it is asked by, else it is none of ours. */
static bool is_of(const struct wanted *wanted, const struct mq_registered *got)
{
	if (wanted->id >= 0)
		return got->id == wanted->id;
	if (wanted->guid)
		return got->guid && strcasecmp(got->guid, wanted->guid) == 0;
	return got->subject && strcmp(got->subject, wanted->subject) == 0 &&
	       got->version == wanted->version;
}

/* From the disk, or else from the registry and then onto the disk; as ask. */
static int bring(struct mq_registry *registry, const struct wanted *wanted,
                 struct mq_registered *got, struct mq_err *err)
{
	struct mq_buf name;
	int result = 0;

	mq_buf_init(&name, PATH_MAX_BYTES);
	bool kept = registry->disk.folder && file_of(wanted, &name);
	if (!kept || mq_registry_disk_load(&registry->disk, name.data, got) == 0 ||
	    !is_of(wanted, got)) {
		mq_registered_release(got);
		result = ask(registry, wanted, got, err);
		if (result == 0 && kept)
			mq_registry_disk_store(&registry->disk, name.data, got);
	}
	mq_buf_release(&name);
	return result;
}

/* A key of a subject's version, into buf. */
static int version_key(const char *subject, int32_t version, struct mq_buf *buf, struct mq_err *err)
{
	mq_buf_clear(buf);
	if (mq_buf_append_char(buf, 'v', err) < 0 ||
	    mq_buf_append(buf, &version, sizeof version, err) < 0)
		return -1;
	return mq_buf_append_str(buf, subject, err);
}

/* Keeps an answer, or finds that the same is kept already: the latest is some version too. */
static struct mq_registry_entry *keep(struct mq_registry *registry, const struct wanted *wanted,
                                      struct mq_registered *got, struct mq_err *err)
{
	struct mq_registry_entry *entry = NULL;
	struct mq_buf key;

	if (wanted->version != 0)
		return mq_registry_keep(&registry->memory, got, err);
	mq_buf_init(&key, PATH_MAX_BYTES);
	if (version_key(wanted->subject, got->version, &key, err) == 0) {
		const struct mq_registry_slot *known =
		    mq_registry_recall(&registry->memory, key.data, key.len);
		entry = known && known->entry && mq_bytes_equal(known->entry->is.text, got->text)
		            ? known->entry
		            : mq_registry_keep(&registry->memory, got, err);
		if (entry && mq_registry_remember(&registry->memory, key.data, key.len, entry,
		                                  false, err) < 0)
			entry = NULL;
	}
	mq_buf_release(&key);
	return entry;
}

/* However many messages need it, it is asked for once; what is only busy, once in a while. */
static int remember_failure(struct mq_registry *registry, const struct wanted *wanted,
                            const struct mq_err *failure, struct mq_err *err)
{
	int64_t until = 0;

	if (failure->code == MQ_UNREACHABLE)
		until = mq_now_monotonic_ms() + BUSY_MS;
	else if (failure->code != MQ_NOT_FOUND && failure->code != MQ_DATA &&
	         failure->code != MQ_DENIED)
		return 0;
	return mq_registry_remember_failure(&registry->memory, wanted->key, wanted->key_len,
	                                    failure, until, err);
}

static int look_up(struct mq_registry *registry, const struct wanted *wanted,
                   const struct mq_registered **ret, struct mq_err *err)
{
	struct mq_registered got = {.id = -1, .version = -1};
	struct mq_err failure = MQ_ERR_INIT;

	if (bring(registry, wanted, &got, &failure) < 0) {
		mq_registered_release(&got);
		if (remember_failure(registry, wanted, &failure, err) < 0)
			return -1;
		*err = failure;
		return -1;
	}
	struct mq_registry_entry *entry = keep(registry, wanted, &got, err);
	mq_registered_release(&got);
	if (!entry || mq_registry_remember(&registry->memory, wanted->key, wanted->key_len, entry,
	                                   wanted->version == 0, err) < 0)
		return -1;
	*ret = &entry->is;
	return 0;
}

/* 1: *ret, 0: nothing is known, -1: it is known why not. */
static int recall(struct mq_registry *registry, const struct wanted *wanted,
                  const struct mq_registered **ret, struct mq_err *err)
{
	const struct mq_registry_slot *slot =
	    mq_registry_recall(&registry->memory, wanted->key, wanted->key_len);

	if (!slot)
		return 0;
	if (slot->entry) {
		*ret = &slot->entry->is;
		return 1;
	}
	if (slot->until && slot->until <= mq_now_monotonic_ms())
		return 0;
	*err = *slot->failure;
	return -1;
}

int mq_registry_by_id(struct mq_registry *registry, int32_t id, const struct mq_registered **ret,
                      struct mq_err *err)
{
	char key[1 + sizeof id] = "i", path[40], what[40];
	struct wanted wanted = {
	    .id = id,
	    .version = -1,
	    .path = path,
	    .what = what,
	    .key = key,
	    .key_len = sizeof key,
	};

	if (registry->last && registry->last->is.id == id) {
		*ret = &registry->last->is;
		return 0;
	}
	memcpy(key + 1, &id, sizeof id);
	int known = recall(registry, &wanted, ret, err);
	if (known < 0)
		return -1;
	if (known == 0) {
		if (id < 0)
			return mq_fail(err, MQ_NOT_FOUND, "no registry has a schema of id %d",
			               (int)id);
		snprintf(path, sizeof path, "/schemas/ids/%d", (int)id);
		snprintf(what, sizeof what, "schema of id %d", (int)id);
		if (look_up(registry, &wanted, ret, err) < 0)
			return -1;
	}
	registry->last = (const struct mq_registry_entry *)*ret;
	return 0;
}

int mq_registry_by_guid(struct mq_registry *registry, const unsigned char guid[16],
                        const struct mq_registered **ret, struct mq_err *err)
{
	char key[17] = "g", text[MQ_GUID_TEXT], path[80], what[80];
	struct wanted wanted = {
	    .id = -1,
	    .guid = text,
	    .version = -1,
	    .path = path,
	    .what = what,
	    .key = key,
	    .key_len = sizeof key,
	};

	memcpy(key + 1, guid, 16);
	int known = recall(registry, &wanted, ret, err);
	if (known != 0)
		return known < 0 ? -1 : 0;
	mq_registry_guid_text(guid, text);
	snprintf(path, sizeof path, "/schemas/guids/%s", text);
	snprintf(what, sizeof what, "schema of GUID %s", text);
	return look_up(registry, &wanted, ret, err);
}

static int ask_version(struct mq_registry *registry, const struct wanted *wanted, bool deleted,
                       struct mq_buf *path, const struct mq_registered **ret, struct mq_err *err)
{
	char number[20] = "latest", what[300];
	struct wanted asked = *wanted;

	if (wanted->version > 0)
		snprintf(number, sizeof number, "%d", (int)wanted->version);
	if (mq_buf_append_str(path, "/subjects/", err) < 0 ||
	    mq_http_append_segment(path, wanted->subject, err) < 0 ||
	    mq_buf_printf(path, err, "/versions/%s%s", number, deleted ? "?deleted=true" : "") < 0)
		return -1;
	snprintf(what, sizeof what, "%s%s of the subject '%.200s'",
	         wanted->version > 0 ? "version " : "", number, wanted->subject);
	if (wanted->version <= 0)
		snprintf(what, sizeof what, "latest version of the subject '%.200s'",
		         wanted->subject);
	asked.path = path->data;
	asked.what = what;
	return look_up(registry, &asked, ret, err);
}

int mq_registry_version(struct mq_registry *registry, const char *subject, int32_t version,
                        bool deleted, const struct mq_registered **ret, struct mq_err *err)
{
	struct wanted wanted = {.id = -1, .subject = subject, .version = version};
	struct mq_buf key, path;
	int result = -1;

	if (version < 0)
		return mq_fail(err, MQ_NOT_FOUND, "no subject has a version %d", (int)version);
	mq_buf_init(&key, PATH_MAX_BYTES);
	mq_buf_init(&path, PATH_MAX_BYTES);
	if (version_key(subject, version, &key, err) == 0) {
		wanted.key = key.data;
		wanted.key_len = key.len;
		result = recall(registry, &wanted, ret, err);
		if (result == 0)
			result = ask_version(registry, &wanted, deleted, &path, ret, err);
	}
	mq_buf_release(&key);
	mq_buf_release(&path);
	return result < 0 ? -1 : 0;
}

int mq_registry_by_version(struct mq_registry *registry, const char *subject, int32_t version,
                           const struct mq_registered **ret, struct mq_err *err)
{
	return mq_registry_version(registry, subject, version, false, ret, err);
}
