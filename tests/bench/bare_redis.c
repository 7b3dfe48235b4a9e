/*
 * What to be measured against: a Redis stream read to its end with nothing but hiredis, the value
 * of each entry's last field and a newline written through one buffer.
 *
 * Usage: bare_redis range HOST PORT KEY           XRANGE, COUNT 2000
 *        bare_redis group HOST PORT KEY GROUP     a new group; XREADGROUP, COUNT 1000; what was
 *                                                 written is acknowledged with one XACK
 */
#include <hiredis/hiredis.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 256 * 1024, GROUP_COUNT = 1000, ID_SIZE = 48 };

static char buffer[BUFFER];
static size_t fill;

static void die(const char *what)
{
	fprintf(stderr, "bare_redis: %s\n", what);
	exit(1);
}

static void flush_out(void)
{
	for (size_t done = 0; done < fill;) {
		ssize_t n = write(STDOUT_FILENO, buffer + done, fill - done);
		if (n < 0)
			die("cannot write");
		done += (size_t)n;
	}
	fill = 0;
}

/* The reply, which is never an error. */
static redisReply *command(redisContext *redis, int argc, const char **argv)
{
	redisReply *reply = redisCommandArgv(redis, argc, argv, NULL);

	if (!reply)
		die(redis->errstr);
	if (reply->type == REDIS_REPLY_ERROR)
		die(reply->str);
	return reply;
}

static void put(const redisReply *entry)
{
	const redisReply *fields = entry->element[1];
	const redisReply *value = fields->element[fields->elements - 1];

	if (value->len + 1 > BUFFER)
		die("an entry is too large");
	if (fill + value->len + 1 > BUFFER)
		flush_out();
	memcpy(buffer + fill, value->str, value->len);
	fill += value->len;
	buffer[fill++] = '\n';
}

static long long range(redisContext *redis, const char *key)
{
	char from[ID_SIZE] = "-";
	const char *argv[] = {"XRANGE", key, from, "+", "COUNT", "2000"};
	long long count = 0;

	for (;;) {
		redisReply *reply = command(redis, 6, argv);
		size_t n = reply->elements;
		for (size_t i = 0; i < n; i++)
			put(reply->element[i]);
		if (n > 0)
			snprintf(from, sizeof from, "(%s", reply->element[n - 1]->element[0]->str);
		freeReplyObject(reply);
		if (n == 0)
			break;
		count += (long long)n;
	}
	flush_out();
	return count;
}

static long long group(redisContext *redis, const char *key, const char *name)
{
	static const char *ack[3 + GROUP_COUNT];
	const char *create[] = {"XGROUP", "CREATE", key, name, "0"};
	const char *read_new[] = {"XREADGROUP", "GROUP",   name, "bare", "COUNT",
	                          "1000",       "STREAMS", key,  ">"};
	long long count = 0;

	freeReplyObject(command(redis, 5, create));
	ack[0] = "XACK";
	ack[1] = key;
	ack[2] = name;
	for (;;) {
		redisReply *reply = command(redis, 9, read_new);
		if (reply->type != REDIS_REPLY_ARRAY) {
			freeReplyObject(reply);
			break;
		}
		const redisReply *entries = reply->element[0]->element[1];
		size_t n = entries->elements;
		for (size_t i = 0; i < n; i++) {
			put(entries->element[i]);
			ack[3 + i] = entries->element[i]->element[0]->str;
		}
		flush_out();
		freeReplyObject(command(redis, (int)(3 + n), ack));
		freeReplyObject(reply);
		count += (long long)n;
	}
	return count;
}

int main(int argc, char **argv)
{
	long long count = -1;

	if (argc < 5)
		return 2;
	redisContext *redis = redisConnect(argv[2], (int)strtol(argv[3], NULL, 10));
	if (!redis || redis->err)
		die(redis ? redis->errstr : "no memory");
	if (argc == 5 && strcmp(argv[1], "range") == 0)
		count = range(redis, argv[4]);
	else if (argc == 6 && strcmp(argv[1], "group") == 0)
		count = group(redis, argv[4], argv[5]);
	redisFree(redis);
	fprintf(stderr, "%lld entries\n", count);
	return count < 0 ? 2 : 0;
}
