/* kcat -X list and -X dump: librdkafka's properties, all of them or those in force. */
#include "cmd/commands.h"
#include "cmd/kcat/kcat.h"
#include "mqtk/broker.h"

#include <stdlib.h>

static int dump(struct kcat *kcat, struct mq_buf *buf, struct mq_err *err)
{
	struct mq_target target = {0};
	char *address = NULL;
	int result = -1;

	/* It works without brokers too: any name does, as nobody is contacted. */
	if (!kcat->brokers) {
		kcat->brokers = strdup("localhost");
		if (!kcat->brokers)
			return mq_fail_memory(err);
	}
	address = kcat_address(kcat, NULL, err);
	if (address && mq_target_resolve(address, kcat->invocation->config,
	                                 &kcat->invocation->settings, &target, err) == 0)
		result = mq_settings_dump(&target, buf, err);
	mq_target_release(&target);
	free(address);
	return result;
}

int kcat_show_properties(struct kcat *kcat, struct mq_err *err)
{
	const struct mq_backend *kafka = mq_backend_for_scheme("kafka");
	struct mq_buf buf;
	int result;

	mq_buf_init(&buf, 1 << 24);
	result = kcat->manual ? mq_settings_manual(kafka, &buf, err) : dump(kcat, &buf, err);
	int code = result < 0 ? (int)err->code : mq_print(&buf, err);
	mq_buf_release(&buf);
	return code;
}
