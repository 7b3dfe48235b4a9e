/* The question before a change: see consent.h. */
#include "cmd/consent.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct mq_option consent_rows[] = {{.name = "yes",
                                          .letter = 'y',
                                          .type = MQ_OPT_FLAG,
                                          .help = "do it without asking",
                                          .field = offsetof(struct consent, yes)},
                                         {.name = "dry-run",
                                          .type = MQ_OPT_FLAG,
                                          .help = "say what would be done, and do nothing",
                                          .field = offsetof(struct consent, dry_run),
                                          .excludes = "yes"},
                                         {0}};

int consent_ask(const struct consent *consent, const struct mq_env *env, const char *what,
                struct mq_err *err)
{
	char answer[16];
	size_t fill = 0;

	if (consent->dry_run) {
		printf("would %s\n", what);
		return 0;
	}
	if (consent->yes)
		return 1;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		mq_fail(err, MQ_USAGE, "would %s, but there is no terminal to ask on", what);
		return mq_hint(err, "--yes does it without asking, --dry-run only tells");
	}
	fprintf(stderr, "%s? [y/N] ", what);
	while (fill < sizeof answer - 1) {
		if (!mq_cancel_wait(env->cancel, STDIN_FILENO, POLLIN, -1))
			return mq_fail(err, MQ_CANCELLED, "not answered");
		ssize_t n = read(STDIN_FILENO, answer + fill, 1);
		if (n <= 0 || answer[fill] == '\n')
			break;
		fill++;
	}
	answer[fill] = '\0';
	if (strcmp(answer, "y") == 0 || strcmp(answer, "Y") == 0 || strcmp(answer, "yes") == 0)
		return 1;
	fputs("not done\n", stderr);
	return 0;
}
