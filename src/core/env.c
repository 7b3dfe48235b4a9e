/* Log lines and clocks: see mqtk/env.h. */
#include "mqtk/env.h"
#include "mqtk/bytes.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void mq_log(const struct mq_env *env, enum mq_level level, const char *fmt, ...)
{
	if (!env || !env->log || level > env->level)
		return;
	char text[1000];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	mq_tame(text, strlen(text));
	env->log(env->log_ctx, level, text);
}

static int64_t clock_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t mq_now_monotonic_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t mq_now_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}
