/*
 * Whether a member of a group still lives.
 *
 * A dead member is known at once on the same machine (its process, told apart from a later one of
 * the same number by its start time) and after AWAY_MS elsewhere. A stopped process is alive.
 */
#include "backend/sqlite/sqlite.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define AWAY_MS 60000

int64_t mq_sq_process_started(int64_t pid)
{
	char path[64], text[1024];
	long long started = 0;
	char state = 0;

	snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return kill((pid_t)pid, 0) < 0 && errno == ESRCH ? -1 : 0;
	size_t n = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[n] = '\0';
	/* The name in parentheses may contain anything: count fields from its end. */
	const char *rest = strrchr(text, ')');
	if (!rest || sscanf(rest,
	                    ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
	                    "%*s %*s %*s %*s %lld",
	                    &state, &started) != 2)
		return 0;
	return state == 'Z' || state == 'X' ? -1 : started;
}

void mq_sq_host_name(char *ret, size_t size)
{
	char boot[64] = "", space[64] = "";
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (file) {
		if (!fgets(boot, sizeof boot, file))
			boot[0] = '\0';
		boot[strcspn(boot, "\n")] = '\0';
		fclose(file);
	}
	ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
	space[n > 0 ? n : 0] = '\0';
	if (!boot[0] && gethostname(boot, sizeof boot - 1) < 0)
		boot[0] = '\0';
	snprintf(ret, size, "%s %s", boot, space);
}

bool mq_sq_member_alive(sqlite3_stmt *stmt, const char *here)
{
	const char *host = (const char *)sqlite3_column_text(stmt, 1);
	int64_t pid = sqlite3_column_int64(stmt, 2);
	int64_t started = sqlite3_column_int64(stmt, 3);

	if (!host || strcmp(host, here) != 0)
		return sqlite3_column_int64(stmt, 4) > mq_now_ms() - AWAY_MS;
	int64_t now = mq_sq_process_started(pid);
	return now >= 0 && (now == 0 || started == 0 || now == started);
}
