/* Schemas in files: see disk.h. */
#include "schema/registry/disk.h"
#include "mqtk/report.h"
#include "schema/registry/answers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILE_MAX = 64 << 20,
	SUM_TEXT = 17, /* 16 hexadecimal digits and a line end, before the JSON */
};

static uint64_t sum_of(const char *data, size_t len)
{
	uint64_t sum = 0xcbf29ce484222325u; /* FNV-1a: against damage, not against malice */

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ (unsigned char)data[i]) * 0x100000001b3u;
	return sum;
}

int mq_registry_disk_init(struct mq_registry_disk *disk, const char *folder, const char *urls,
                          const struct mq_env *env, struct mq_err *err)
{
	*disk = (struct mq_registry_disk){.env = env};
	if (!folder)
		return 0;
	if (asprintf(&disk->folder, "%s/%016llx", folder,
	             (unsigned long long)sum_of(urls, strlen(urls))) < 0) {
		disk->folder = NULL;
		return mq_fail_memory(err);
	}
	return 0;
}

void mq_registry_disk_release(struct mq_registry_disk *disk)
{
	free(disk->folder);
	disk->folder = NULL;
}

/* A file's path; NULL: it is not kept. */
static char *path_of(const struct mq_registry_disk *disk, const char *name, const char *ending)
{
	char *path = NULL;

	if (!disk->folder || strlen(name) > MQ_REGISTRY_DISK_NAME)
		return NULL;
	return asprintf(&path, "%s/%s%s", disk->folder, name, ending) < 0 ? NULL : path;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool read_file(const char *path, struct mq_buf *buf)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = -1;
	struct stat st;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		do {
			if (mq_buf_reserve(buf, 65536, NULL) < 0) {
				n = -1;
				break;
			}
			n = read(fd, buf->data + buf->len, 65536);
			buf->len += n > 0 ? (size_t)n : 0;
		} while (n > 0 || (n < 0 && errno == EINTR));
	}
	close(fd);
	return n == 0;
}

int mq_registry_disk_load(struct mq_registry_disk *disk, const char *name,
                          struct mq_registered *ret)
{
	char *path = path_of(disk, name, ".json");
	struct mq_err ignored = MQ_ERR_INIT;
	char sum[SUM_TEXT + 1];
	struct mq_buf buf;
	int found = 0;

	mq_buf_init(&buf, FILE_MAX);
	if (path && read_file(path, &buf) && buf.len > SUM_TEXT) {
		snprintf(sum, sizeof sum, "%016llx\n",
		         (unsigned long long)sum_of(buf.data + SUM_TEXT, buf.len - SUM_TEXT));
		bool whole = memcmp(sum, buf.data, SUM_TEXT) == 0;
		mq_buf_consume(&buf, SUM_TEXT);
		if (whole && mq_registry_read_schema(&buf, ret, &ignored) == 0)
			found = 1;
		else if (whole)
			mq_registered_release(ret);
		if (!found)
			mq_log(disk->env, MQ_LEVEL_VERBOSE,
			       "%s is damaged: the registry is asked again", path);
	}
	mq_buf_release(&buf);
	free(path);
	return found;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int write_json(const struct mq_registered *registered, struct mq_buf *buf)
{
	struct mq_err ignored = MQ_ERR_INIT;
	struct mq_json json;
	char *text = strndup(registered->text.data, registered->text.len);

	/* What a C string cannot hold is not kept. */
	if (!text || strlen(text) != registered->text.len) {
		free(text);
		return -1;
	}
	mq_json_init(&json, buf, &ignored);
	mq_json_open(&json, NULL, '{');
	mq_json_known(&json, "id", registered->id, -1);
	mq_json_text(&json, "guid", registered->guid);
	mq_json_text(&json, "subject", registered->subject);
	mq_json_known(&json, "version", registered->version, -1);
	mq_json_text(&json, "schemaType", registered->type);
	mq_json_open(&json, "references", '[');
	for (size_t i = 0; i < registered->n_references; i++) {
		mq_json_open(&json, NULL, '{');
		mq_json_text(&json, "name", registered->references[i].name);
		mq_json_text(&json, "subject", registered->references[i].subject);
		mq_json_int(&json, "version", registered->references[i].version);
		mq_json_close(&json, '}');
	}
	mq_json_close(&json, ']');
	mq_json_text(&json, "schema", text);
	mq_json_close(&json, '}');
	free(text);
	return mq_json_end(&json);
}

/* The folder, and those above it that are not there. */
static int make_folders(const char *folder)
{
	char *path = strdup(folder);
	int result = 0;

	if (!path)
		return -1;
	for (char *slash = strchr(path + 1, '/'); result == 0; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		result = mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
		if (!slash)
			break;
		*slash = '/';
	}
	free(path);
	return result;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno != EINTR)
			return -1;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Through a file of our own, so that nobody reads half of one. */
static int write_file(const char *path, char *own, const char *sum, const struct mq_buf *json)
{
	int fd = mkostemp(own, O_CLOEXEC);

	if (fd < 0)
		return -1;
	int result = write_all(fd, sum, SUM_TEXT) < 0 || write_all(fd, json->data, json->len) < 0 ||
	                     fsync(fd) < 0
	                 ? -1
	                 : 0;
	int errnum = errno;
	if (close(fd) < 0 && result == 0)
		result = -1, errnum = errno;
	if (result == 0 && rename(own, path) < 0)
		result = -1, errnum = errno;
	if (result < 0)
		unlink(own);
	errno = errnum;
	return result;
}

void mq_registry_disk_store(struct mq_registry_disk *disk, const char *name,
                            const struct mq_registered *registered)
{
	char *path = path_of(disk, name, ".json"), *own = path_of(disk, name, ".XXXXXX");
	char sum[SUM_TEXT + 1];
	struct mq_buf json;

	mq_buf_init(&json, FILE_MAX - SUM_TEXT);
	if (!path || !own || write_json(registered, &json) < 0)
		goto out;
	snprintf(sum, sizeof sum, "%016llx\n", (unsigned long long)sum_of(json.data, json.len));
	if ((make_folders(disk->folder) < 0 || write_file(path, own, sum, &json) < 0) &&
	    !disk->failed) {
		mq_log(disk->env, MQ_LEVEL_WARN, "schemas cannot be kept in %s: %s", disk->folder,
		       strerror(errno));
		disk->failed = true;
	}
out:
	mq_buf_release(&json);
	free(path);
	free(own);
}
