/* The messages that wait for their confirmation: see writer.h. */
#include "backend/rabbitmq/writer.h"

#include <stdlib.h>

#define LOG_LIMIT ((size_t)2 << 30)

int mq_rabbit_window_init(struct mq_rabbit_window *window, int size, struct mq_err *err)
{
	window->cap = 16;
	while (window->cap < (size_t)size)
		window->cap *= 2;
	window->slots = calloc(window->cap, sizeof *window->slots);
	mq_buf_init(&window->log, LOG_LIMIT);
	return window->slots ? 0 : mq_fail_memory(err);
}

void mq_rabbit_window_release(struct mq_rabbit_window *window)
{
	free(window->slots);
	mq_buf_release(&window->log);
}

void mq_rabbit_window_add(struct mq_rabbit_window *window, uint64_t tag, size_t at)
{
	*mq_rabbit_slot(window, window->next) =
	    (struct mq_rabbit_slot){.tag = tag, .at = at, .len = window->log.len - at};
	window->next++;
	window->open++;
}

/* The log moves down when half of it belongs to nobody, so each byte moves about once. */
static void tidy(struct mq_rabbit_window *window)
{
	if (window->first == window->next) {
		mq_buf_clear(&window->log);
		window->log_head = 0;
		return;
	}
	window->log_head = mq_rabbit_slot(window, window->first)->at;
	if (window->log_head < 64 * 1024 || window->log_head < window->log.len / 2)
		return;
	for (uint64_t n = window->first; n < window->next; n++)
		mq_rabbit_slot(window, n)->at -= window->log_head;
	mq_buf_consume(&window->log, window->log_head);
	window->log_head = 0;
}

void mq_rabbit_window_settle(struct mq_rabbit_window *window, struct mq_rabbit_slot *slot)
{
	uint64_t before = window->first;

	slot->settled = true;
	window->open--;
	while (window->first < window->next && mq_rabbit_slot(window, window->first)->settled)
		window->first++;
	if (window->first != before)
		tidy(window);
}

void mq_rabbit_window_compact(struct mq_rabbit_window *window)
{
	uint64_t to = window->first;

	for (uint64_t n = window->first; n < window->next; n++) {
		struct mq_rabbit_slot slot = *mq_rabbit_slot(window, n);
		if (!slot.settled)
			*mq_rabbit_slot(window, to++) = slot;
	}
	window->next = to;
	tidy(window);
}

static uint64_t get_number(const char *from, size_t len)
{
	uint64_t number = 0;

	for (size_t i = 0; i < len; i++)
		number = number << 8 | (uint8_t)from[i];
	return number;
}

int mq_rabbit_slot_content(const struct mq_rabbit_window *window, const struct mq_rabbit_slot *slot,
                           struct mq_rabbit_memory *memory, struct mq_rabbit_content *ret_content,
                           struct mq_err *err)
{
	const char *data = mq_rabbit_slot_data(window, slot);
	int whole = 0;

	*ret_content = (struct mq_rabbit_content){0};
	for (size_t at = 0; at < slot->len && whole == 0;) {
		struct mq_rabbit_frame frame = {.type = (uint8_t)data[at],
		                                .data = data + at + 7,
		                                .len = (size_t)get_number(data + at + 3, 4)};
		if (frame.type == AMQP_FRAME_METHOD)
			frame.method = (amqp_method_number_t)get_number(frame.data, 4);
		whole = mq_rabbit_content_feed(ret_content, &frame, &memory->pool, err);
		at += frame.len + 8;
	}
	return whole < 0 ? -1 : 0;
}
