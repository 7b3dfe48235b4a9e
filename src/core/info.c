/* The memory of what brokers tell: see mqtk/info.h. */
#include "mqtk/info.h"
#include "mqtk/message.h"

#include <stdlib.h>
#include <string.h>

void mq_stream_info_init(struct mq_stream_info *info)
{
	*info = (struct mq_stream_info){.messages = -1,
	                                .bytes = -1,
	                                .first_ts_ms = MQ_NO_TIME,
	                                .last_ts_ms = MQ_NO_TIME,
	                                .ready = -1,
	                                .unacked = -1,
	                                .consumer_count = -1};
}

static void release_bindings(struct mq_binding_info *bindings, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(bindings[i].exchange);
		free(bindings[i].key);
		free(bindings[i].arguments);
	}
	free(bindings);
}

void mq_stream_info_release(struct mq_stream_info *info)
{
	if (!info)
		return;
	free(info->name);
	free(info->type);
	free(info->error);
	for (size_t i = 0; i < info->n_partitions; i++) {
		free(info->partitions[i].replicas);
		free(info->partitions[i].isr);
		free(info->partitions[i].error);
	}
	free(info->partitions);
	for (size_t i = 0; i < info->n_config; i++) {
		free(info->config[i].name);
		free(info->config[i].value);
	}
	free(info->config);
	for (size_t i = 0; i < info->n_groups; i++) {
		free(info->groups[i].group);
		free(info->groups[i].committed_id);
	}
	free(info->groups);
	free(info->groups_left_out);
	for (size_t i = 0; i < info->n_consumers; i++) {
		free(info->consumers[i].group);
		free(info->consumers[i].name);
		free(info->consumers[i].from);
	}
	free(info->consumers);
	release_bindings(info->bindings, info->n_bindings);
	free(info->first_id);
	free(info->last_id);
	free(info->policy);
	mq_stream_info_init(info);
}

void mq_stream_list_release(struct mq_stream_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->n; i++)
		mq_stream_info_release(&list->items[i]);
	free(list->items);
	*list = (struct mq_stream_list){0};
}

void mq_dead_route_list_release(struct mq_dead_route_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].origin);
		free(list->items[i].target);
		free(list->items[i].through);
	}
	free(list->items);
	free(list->left_out);
	*list = (struct mq_dead_route_list){0};
}

void mq_broker_info_release(struct mq_broker_info *info)
{
	if (!info)
		return;
	free(info->name);
	free(info->version);
	free(info->answered_name);
	for (size_t i = 0; i < info->n_nodes; i++)
		free(info->nodes[i].host);
	free(info->nodes);
	for (size_t i = 0; i < info->n_exchanges; i++) {
		free(info->exchanges[i].name);
		free(info->exchanges[i].type);
		release_bindings(info->exchanges[i].bindings, info->exchanges[i].n_bindings);
	}
	free(info->exchanges);
	*info = (struct mq_broker_info){.controller = -1, .answered_by = -1};
}

void *mq_info_grow(void *items_ptr, size_t *n, size_t element, struct mq_err *err)
{
	void *items;

	memcpy(&items, items_ptr, sizeof items);
	/* Powers of two: *n alone tells when the room is used up. */
	if ((*n & (*n - 1)) == 0) {
		size_t room = *n ? *n * 2 : 1;
		void *grown = room > SIZE_MAX / element ? NULL : realloc(items, room * element);
		if (!grown) {
			mq_fail_memory(err);
			return NULL;
		}
		items = grown;
		memcpy(items_ptr, &items, sizeof items);
	}
	char *last = (char *)items + *n * element;
	memset(last, 0, element);
	(*n)++;
	return last;
}

unsigned mq_stream_spec_fields(const struct mq_stream_spec *spec)
{
	const struct {
		bool set;
		unsigned field;
	} fields[] = {
	    {spec->partitions >= 0, MQ_FIELD_PARTITIONS},
	    {spec->replicas >= 0, MQ_FIELD_REPLICAS},
	    {spec->retention_ms >= 0, MQ_FIELD_RETENTION},
	    {spec->max_bytes >= 0, MQ_FIELD_MAX_BYTES},
	    {spec->max_length >= 0, MQ_FIELD_MAX_LENGTH},
	    {spec->ttl_ms >= 0, MQ_FIELD_TTL},
	    {spec->type != NULL, MQ_FIELD_TYPE},
	    {spec->delivery_limit >= 0, MQ_FIELD_DELIVERY_LIMIT},
	    {spec->dead_letter_exchange || spec->dead_letter_key, MQ_FIELD_DEAD_LETTER},
	    {spec->n_bindings > 0, MQ_FIELD_BINDINGS},
	    {spec->n_config > 0, MQ_FIELD_CONFIG},
	};
	unsigned set = 0;

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (fields[i].set)
			set |= fields[i].field;
	return set;
}
