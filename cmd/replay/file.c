/* What names a file, and the backend that its readers and writers belong to: see file.h. */
#include "cmd/replay/file_store.h"

bool file_is_named(const char *operand)
{
	static const char *const beginnings[] = {"file:", "/", "./", "../"};
	size_t len = strlen(operand);

	if (strcmp(operand, "-") == 0)
		return true;
	for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
		if (strncmp(operand, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return len > 6 && strcmp(operand + len - 6, ".jsonl") == 0 && !strstr(operand, "://");
}

const char *file_path(const char *operand)
{
	return strncmp(operand, "file:", 5) == 0 ? operand + 5 : operand;
}

const struct mq_backend file_backend = {
    .name = "file",
    .title = "a file of -J lines",
    .write = file_write,
    .writer_poll = file_writer_poll,
    .writer_flush = file_writer_flush,
    .writer_close = file_writer_close,
    .fetch = file_fetch,
    .release = file_release,
    .reader_fd = file_reader_fd,
    .reader_close = file_reader_close,
};
