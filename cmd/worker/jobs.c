/* The messages that are worked on: see jobs.h. */
#include "cmd/worker/jobs.h"

#include "cmd/worker/copy.h"

#include <stdlib.h>

enum { TABLE_START = 256 };

/* What lanes and parts are found by: the reader, the stream, and a key or a partition. */
struct name {
	size_t reader;
	struct mq_bytes stream, key;
	int32_t partition;
};

/* The head of lanes and parts, in a table by their names. They live while they hold a job. */
struct entry {
	struct entry *next;
	uint64_t hash;
	struct name name; /* the bytes stand behind the struct */
};

struct table {
	struct entry **heads;
	size_t size, n;
};

/* Jobs of which one after the other runs. */
struct lane {
	struct entry entry;
	struct job *first, *last;
	bool busy;          /* first is being worked on */
	struct lane *ready; /* the next that may begin */
	size_t waits;       /* place in the heap of those that wait, from 1; 0: none */
};

/* A partition of one reader. */
struct part {
	struct entry entry;
	struct job *first, *last;
};

struct jobs {
	struct jobs_spec spec;
	struct table lanes, parts;
	struct lane *ready, *ready_last;
	struct lane **heap; /* of waiting lanes, the first one due on top */
	size_t heap_n, heap_cap;
	size_t count, open, bytes;
	uint64_t numbers; /* names for lanes of their own */
};

/* --- tables ----------------------------------------------------------------------------------- */

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t n)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3u; /* FNV-1a */
	return hash;
}

static uint64_t hash_name(const struct name *name)
{
	uint64_t hash = 0xcbf29ce484222325u;

	hash = hash_bytes(hash, &name->reader, sizeof name->reader);
	hash = hash_bytes(hash, &name->partition, sizeof name->partition);
	hash = hash_bytes(hash, name->stream.data, name->stream.len);
	hash = hash_bytes(hash, name->key.data, name->key.len);
	return hash ^ hash >> 32;
}

static bool same_name(const struct name *a, const struct name *b)
{
	return a->reader == b->reader && a->partition == b->partition &&
	       mq_bytes_equal(a->stream, b->stream) && mq_bytes_equal(a->key, b->key);
}

static int grow(struct table *table, struct mq_err *err)
{
	size_t size = table->size ? table->size * 2 : TABLE_START;
	struct entry **heads = calloc(size, sizeof *heads);

	if (!heads)
		return mq_fail_memory(err);
	for (size_t i = 0; i < table->size; i++)
		for (struct entry *e = table->heads[i], *next; e; e = next) {
			next = e->next;
			e->next = heads[e->hash & (size - 1)];
			heads[e->hash & (size - 1)] = e;
		}
	free(table->heads);
	table->heads = heads;
	table->size = size;
	return 0;
}

/* The entry of that name, made with `size` bytes when there is none. NULL with err set. */
static void *table_get(struct table *table, const struct name *name, size_t size,
                       struct mq_err *err)
{
	uint64_t hash = hash_name(name);

	if (table->n >= table->size && grow(table, err) < 0)
		return NULL;
	struct entry **head = &table->heads[hash & (table->size - 1)];
	for (struct entry *e = *head; e; e = e->next)
		if (e->hash == hash && same_name(&e->name, name))
			return e;
	char *block = calloc(1, size + name->stream.len + name->key.len);
	if (!block) {
		mq_fail_memory(err);
		return NULL;
	}
	struct entry *e = (struct entry *)(void *)block;
	e->hash = hash;
	e->name = *name;
	if (name->stream.data) {
		e->name.stream.data = block + size;
		if (name->stream.len > 0)
			memcpy(block + size, name->stream.data, name->stream.len);
	}
	if (name->key.data) {
		e->name.key.data = block + size + name->stream.len;
		if (name->key.len > 0)
			memcpy(block + size + name->stream.len, name->key.data, name->key.len);
	}
	e->next = *head;
	*head = e;
	table->n++;
	return e;
}

static void table_drop(struct table *table, struct entry *entry)
{
	struct entry **at = &table->heads[entry->hash & (table->size - 1)];

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	table->n--;
	free(entry);
}

/* --- lanes that may begin, and lanes that wait ------------------------------------------------ */

static void make_ready(struct jobs *jobs, struct lane *lane, bool in_front)
{
	lane->ready = NULL;
	if (!jobs->ready) {
		jobs->ready = jobs->ready_last = lane;
	} else if (in_front) {
		lane->ready = jobs->ready;
		jobs->ready = lane;
	} else {
		jobs->ready_last->ready = lane;
		jobs->ready_last = lane;
	}
}

static bool is_before(const struct lane *a, const struct lane *b)
{
	return a->first->due_ms < b->first->due_ms;
}

static void heap_put(struct jobs *jobs, size_t at, struct lane *lane)
{
	jobs->heap[at] = lane;
	lane->waits = at + 1;
}

static void heap_up(struct jobs *jobs, size_t at, struct lane *lane)
{
	while (at > 0 && is_before(lane, jobs->heap[(at - 1) / 2])) {
		heap_put(jobs, at, jobs->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_put(jobs, at, lane);
}

static struct lane *heap_pop(struct jobs *jobs)
{
	struct lane *top = jobs->heap[0], *last = jobs->heap[--jobs->heap_n];
	size_t at = 0;

	top->waits = 0;
	if (jobs->heap_n == 0)
		return top;
	for (;;) {
		size_t child = at * 2 + 1;
		if (child >= jobs->heap_n)
			break;
		if (child + 1 < jobs->heap_n && is_before(jobs->heap[child + 1], jobs->heap[child]))
			child++;
		if (!is_before(jobs->heap[child], last))
			break;
		heap_put(jobs, at, jobs->heap[child]);
		at = child;
	}
	heap_put(jobs, at, last);
	return top;
}

int64_t jobs_due(const struct jobs *jobs)
{
	return jobs->heap_n > 0 ? jobs->heap[0]->first->due_ms : INT64_MAX;
}

/* --- adding ----------------------------------------------------------------------------------- */

static struct name lane_name(struct jobs *jobs, size_t reader, const struct mq_message *message)
{
	struct name name = {.reader = reader, .stream = message->stream, .partition = -1};

	if (jobs->spec.order == JOBS_BY_PARTITION) {
		name.partition = message->partition;
	} else if (jobs->spec.order == JOBS_BY_KEY && message->key.data) {
		name.key = message->key;
	} else {
		jobs->numbers++;
		name.stream = MQ_ABSENT;
		name.key = mq_bytes_of(&jobs->numbers, sizeof jobs->numbers);
	}
	return name;
}

static void append_to_lane(struct jobs *jobs, struct lane *lane, struct job *job)
{
	job->lane = lane;
	if (lane->first) {
		lane->last->lane_next = job;
	} else {
		lane->first = job;
		make_ready(jobs, lane, false);
	}
	lane->last = job;
}

static void append_to_part(struct part *part, struct job *job)
{
	job->part = part;
	if (part->first)
		part->last->part_next = job;
	else
		part->first = job;
	part->last = job;
}

/* Its messages are settled one by one. */
static bool settles_each(const struct jobs *jobs, size_t reader)
{
	return jobs->spec.readers[reader]->conn->caps & (MQ_CAP_CLAIM | MQ_CAP_REMOVE_ONE);
}

int jobs_add(struct jobs *jobs, size_t reader, const struct mq_message *message, struct mq_err *err)
{
	struct name part_name = {
	    .reader = reader, .stream = message->stream, .partition = message->partition};
	struct name name = lane_name(jobs, reader, message);
	/* Room for every lane to wait, so that giving a job back cannot fail. */
	if (jobs->lanes.n + 1 > jobs->heap_cap) {
		size_t cap = jobs->heap_cap ? jobs->heap_cap * 2 : TABLE_START;
		struct lane **heap = realloc(jobs->heap, cap * sizeof(struct lane *));
		if (!heap)
			return mq_fail_memory(err);
		jobs->heap = heap;
		jobs->heap_cap = cap;
	}
	struct job *job = copy_message(message, err);
	struct lane *lane = job ? table_get(&jobs->lanes, &name, sizeof *lane, err) : NULL;
	struct part *part = NULL;
	bool each = settles_each(jobs, reader);
	if (lane && !each)
		part = table_get(&jobs->parts, &part_name, sizeof *part, err);
	if (!lane || (!each && !part)) {
		if (lane && !lane->first)
			table_drop(&jobs->lanes, &lane->entry);
		free(job);
		return -1;
	}
	job->reader = reader;
	if (part)
		append_to_part(part, job);
	append_to_lane(jobs, lane, job);
	jobs->count++;
	jobs->open++;
	jobs->bytes += job->bytes;
	return 0;
}

/* --- running ---------------------------------------------------------------------------------- */

struct job *jobs_begin(struct jobs *jobs, int64_t now_ms)
{
	while (jobs->heap_n > 0 && jobs->heap[0]->first->due_ms <= now_ms)
		make_ready(jobs, heap_pop(jobs), true);
	struct lane *lane = jobs->ready;
	if (!lane)
		return NULL;
	jobs->ready = lane->ready;
	lane->busy = true;
	lane->first->attempts++;
	return lane->first;
}

void jobs_again(struct jobs *jobs, struct job *job, int64_t due_ms)
{
	job->due_ms = due_ms;
	job->lane->busy = false;
	heap_up(jobs, jobs->heap_n++, job->lane);
}

void jobs_undo(struct jobs *jobs, struct job *job)
{
	job->attempts--;
	job->lane->busy = false;
	make_ready(jobs, job->lane, true);
}

/* --- done ------------------------------------------------------------------------------------- */

static void leave_lane(struct jobs *jobs, struct job *job)
{
	struct lane *lane = job->lane;

	lane->first = job->lane_next;
	lane->busy = false;
	if (lane->first)
		make_ready(jobs, lane, false);
	else
		table_drop(&jobs->lanes, &lane->entry);
	job->lane = NULL;
}

static int settle(struct jobs *jobs, struct job *job, int64_t *settled, struct mq_err *err)
{
	if (mq_settle(jobs->spec.readers[job->reader], &job->message, 1, err) < 0)
		return -1;
	++*settled;
	return 0;
}

static void forget(struct jobs *jobs, struct job *job)
{
	jobs->count--;
	jobs->bytes -= job->bytes;
	free(job);
}

int jobs_done(struct jobs *jobs, struct job *job, int64_t *settled, struct mq_err *err)
{
	struct part *part = job->part;
	int result = 0;

	leave_lane(jobs, job);
	jobs->open--;
	job->done = true;
	if (!part) {
		result = job->lost ? 0 : settle(jobs, job, settled, err);
		forget(jobs, job);
		return result;
	}
	while (part->first && part->first->done) {
		struct job *first = part->first;
		if (result == 0 && !first->lost)
			result = settle(jobs, first, settled, err);
		part->first = first->part_next;
		forget(jobs, first);
	}
	if (!part->first)
		table_drop(&jobs->parts, &part->entry);
	return result;
}

int jobs_lost(struct jobs *jobs, struct job *job, int64_t *settled, struct mq_err *err)
{
	job->lost = true;
	return jobs_done(jobs, job, settled, err);
}

/* --- beginning and end ------------------------------------------------------------------------ */

int jobs_new(const struct jobs_spec *spec, struct jobs **ret_jobs, struct mq_err *err)
{
	struct jobs *jobs = calloc(1, sizeof *jobs);

	if (!jobs)
		return mq_fail_memory(err);
	jobs->spec = *spec;
	*ret_jobs = jobs;
	return 0;
}

void jobs_free(struct jobs *jobs)
{
	if (!jobs)
		return;
	for (size_t i = 0; i < jobs->lanes.size; i++)
		for (struct entry *e = jobs->lanes.heads[i], *next; e; e = next) {
			for (struct job *job = ((struct lane *)e)->first, *later; job;
			     job = later) {
				later = job->lane_next;
				if (!job->part)
					free(job);
			}
			next = e->next;
			free(e);
		}
	for (size_t i = 0; i < jobs->parts.size; i++)
		for (struct entry *e = jobs->parts.heads[i], *next; e; e = next) {
			for (struct job *job = ((struct part *)e)->first, *later; job;
			     job = later) {
				later = job->part_next;
				free(job);
			}
			next = e->next;
			free(e);
		}
	free(jobs->lanes.heads);
	free(jobs->parts.heads);
	free(jobs->heap);
	free(jobs);
}

size_t jobs_count(const struct jobs *jobs)
{
	return jobs->count;
}

size_t jobs_open(const struct jobs *jobs)
{
	return jobs->open;
}

size_t jobs_bytes(const struct jobs *jobs)
{
	return jobs->bytes;
}
