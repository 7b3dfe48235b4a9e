/* Files and streams told apart: see operand.h. */
#include "cmd/schema/operand.h"

#include "cmd/replay/file.h"
#include "mqtk/address.h"

#include <sys/stat.h>

bool operand_is_address(const struct mq_invocation *invocation, const char *operand)
{
	struct mq_err ignored = MQ_ERR_INIT;
	struct mq_target target;
	struct stat st;

	if (strstr(operand, "://") || strncmp(operand, "sqlite:", 7) == 0)
		return true;
	if (file_is_named(operand) || !strchr(operand, '/') || stat(operand, &st) == 0)
		return false;
	if (mq_target_resolve(operand, invocation->config, NULL, &target, &ignored) < 0)
		return false;
	mq_target_release(&target);
	return true;
}
