/* Whose settings: see two_brokers.h. */
#include "cmd/two_brokers.h"

#include "mqtk/backend.h"

#include <stdlib.h>
#include <string.h>

/* Where a setting with a prefix came from: it stands for one side whatever the other knows. */
static const char for_source[] = "-X src.", for_target[] = "-X dst.";

int two_brokers_split(const struct mq_settings *given, struct mq_settings *source,
                      struct mq_settings *target, struct mq_err *err)
{
	for (size_t i = 0; i < given->n; i++) {
		const struct mq_setting_value *item = &given->items[i];
		bool src = strncmp(item->name, "src.", 4) == 0;
		bool dst = strncmp(item->name, "dst.", 4) == 0;
		const char *name = src || dst ? item->name + 4 : item->name;
		const char *origin = src ? for_source : dst ? for_target : item->source;
		if (!dst && mq_settings_add(source, name, item->value, origin, err) < 0)
			return -1;
		if (!src && mq_settings_add(target, name, item->value, origin, err) < 0)
			return -1;
	}
	return 0;
}

static bool knows(const struct mq_backend *backend, const char *name, bool passed)
{
	for (const struct mq_setting *row = backend->settings; row && row->name; row++)
		if (strcmp(row->name, name) == 0)
			return true;
	return passed && (backend->caps & MQ_CAP_PASS_SETTINGS);
}

void two_brokers_drop_foreign(struct mq_target *mine, const struct mq_backend *other,
                              const struct mq_settings *given)
{
	struct mq_settings *settings = &mine->settings;
	size_t kept = 0;

	for (size_t i = 0; i < settings->n; i++) {
		struct mq_setting_value *item = &settings->items[i];
		bool foreign = false;
		for (size_t g = 0; g < given->n && !foreign; g++)
			foreign = strcmp(given->items[g].name, item->name) == 0 &&
			          strcmp(item->source, given->items[g].source) == 0;
		foreign = foreign && strcmp(item->source, for_source) != 0 &&
		          strcmp(item->source, for_target) != 0;
		/* A library that takes anything is not asked when the other one's table has it. */
		bool here = knows(mine->backend, item->name, !knows(other, item->name, false));
		if (foreign && !here && knows(other, item->name, true)) {
			free(item->name);
			free(item->value);
			free(item->source);
			continue;
		}
		settings->items[kept++] = *item;
	}
	settings->n = kept;
}
