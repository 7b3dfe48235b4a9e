/*
 * The default name of a member: mqtk-HOST-XXXX-N.
 *
 * Redis keeps what a member was given and did not acknowledge under its name, and gives it to
 * nobody else unasked; so a program that died must find its name again. N is the smallest number
 * that no living program of this user has for the same group: each holds a lock on a file, which
 * the system lets go when it dies, however it dies. XXXX tells apart those who cannot see each
 * other's locks: other users and folders, and other spellings of the broker's address.
 */
#include "backend/redis/group.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MEMBERS_MAX = 1000 };

/* Of folder, broker, database and group: enough to tell them apart in a file's name. */
static uint64_t hash_of(const struct mq_rd_conn *conn, const char *folder, const char *group)
{
	const char *const texts[] = {folder, conn->hosts ? conn->hosts : conn->socket, group};
	uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)conn->db;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		for (const char *c = texts[i]; *c; c++)
			hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
		hash = (hash ^ 0xff) * 0x100000001b3u;
	}
	return hash;
}

/* A folder of this user alone. False when there is none. */
static bool lock_folder(char *ret, size_t size)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	const char *tmp = getenv("TMPDIR");
	struct stat st;

	if (run && *run)
		snprintf(ret, size, "%s/mqtk", run);
	else
		snprintf(ret, size, "%s/mqtk-%ld", tmp && *tmp ? tmp : "/tmp", (long)getuid());
	if (mkdir(ret, 0700) < 0 && errno != EEXIST)
		return false;
	return lstat(ret, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid() &&
	       !(st.st_mode & 022);
}

/* The number that could be locked, or 0. */
static int take_number(const char *folder, uint64_t hash, int *ret_lock)
{
	for (int number = 1; number <= MEMBERS_MAX; number++) {
		char path[4200];
		snprintf(path, sizeof path, "%s/redis-%016llx-%d", folder, (unsigned long long)hash,
		         number);
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return 0;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			*ret_lock = fd;
			return number;
		}
		close(fd);
	}
	return 0;
}

int mq_rd_member_name(const struct mq_rd_conn *conn, const char *group, char **ret_name,
                      int *ret_lock, struct mq_err *err)
{
	char host[256] = "", folder[4096], name[320];
	uint64_t hash = 0;
	int number = 0;

	*ret_lock = -1;
	if (gethostname(host, sizeof host - 1) < 0 || !host[0])
		snprintf(host, sizeof host, "host");
	if (lock_folder(folder, sizeof folder)) {
		hash = hash_of(conn, folder, group);
		number = take_number(folder, hash, ret_lock);
	}
	if (number > 0) {
		snprintf(name, sizeof name, "mqtk-%s-%04x-%d", host, (unsigned)(hash & 0xffff),
		         number);
	} else {
		snprintf(name, sizeof name, "mqtk-%s-p%ld", host, (long)getpid());
		mq_log(conn->base.env, MQ_LEVEL_WARN,
		       "no lock in %s: this member is called %s, and what it leaves pending is "
		       "not found by the next run; give it a name with --consumer",
		       folder, name);
	}
	*ret_name = strdup(name);
	return *ret_name ? 0 : mq_fail_memory(err);
}
