/*
 * Where readers stand: groups, their places in the partitions of streams, their members; and what
 * can be changed about them.
 *
 * The values are filled by a backend and released by the caller. Unknown numbers are -1, unknown
 * texts NULL; strings are owned. A broker whose readers are not grouped (a queue) has one entry
 * without a name for each stream, and its place says what the broker knows instead of a position.
 */
#ifndef MQTK_GROUP_H
#define MQTK_GROUP_H

#include "mqtk/error.h"
#include "mqtk/position.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- looking --------------------------------------------------------------------------------- */

/* Somebody who reads. */
struct mq_group_member {
	char *name;      /* the broker's name for it: member id, consumer name, consumer tag */
	char *client;    /* the name it gave itself, or NULL */
	char *from;      /* host it is connected from, or NULL */
	char *stream;    /* where members belong to one stream of the group (Redis), else NULL */
	int64_t pending; /* delivered to it and not settled; -1 unknown or no such thing */
	int64_t idle_ms; /* since it was last heard of; -1 unknown */
};

/* A group's place in one partition. */
struct mq_place {
	char *stream;
	int32_t partition;    /* MQ_NO_PARTITION where there are none */
	int64_t committed;    /* the next offset to read; -1: no commit, or positions are ids */
	char *committed_id;   /* where positions are ids: the last one delivered; else NULL */
	int64_t begin, end;   /* offsets; -1 unknown, or positions are ids */
	char *end_id;         /* where positions are ids: the last one given; else NULL */
	int64_t lag;          /* messages not settled (a queue), not yet delivered (ids), behind the
	                       * committed offset (offsets); never negative; -1 unknown, which no
	                       * commit always is */
	int64_t unread_ts_ms; /* timestamp of the oldest unread message; MQ_NO_TIME: unknown, or
	                       * nothing is unread (lag 0) */
	int64_t added;   /* messages that the stream was ever given, where positions are ids and
	                  * the broker counts them; -1 */
	int64_t pending; /* delivered and not settled; -1 unknown or no such thing */
	int64_t oldest_idle_ms;   /* of the pending ones, since their last delivery; -1 */
	int64_t ready, unacked;   /* of a queue; -1 */
	int64_t consumers;        /* of a queue; -1 */
	double rate_in, rate_out; /* messages per second as the broker measures; < 0 unknown */
	char *member;             /* who reads it now (mq_group_member.name), or NULL */
	char *error;              /* why something of it is unknown, in the broker's words */
};

/* A group, as far as it was asked for and could be read. */
struct mq_group_info {
	char *name;           /* NULL: a stream that is read without groups */
	char *state;          /* the broker's word (Stable, Empty …), or NULL */
	char *type;           /* the broker's word (consumer, connect …), or NULL */
	int64_t member_count; /* -1 unknown */
	struct mq_group_member *members;
	size_t n_members;
	struct mq_place *places; /* sorted by stream and partition */
	size_t n_places;
	/* MQ_OK, or why the group, or a part of it, is unknown: MQ_NOT_FOUND when a group that was
	 * named does not exist, MQ_DENIED, MQ_UNREACHABLE … */
	struct mq_err err;
};

struct mq_group_list {
	struct mq_group_info *items; /* sorted by name */
	size_t n;
	/* MQ_OK, or why groups may be missing altogether (a node is down). */
	struct mq_err partial;
};

enum mq_group_want {
	MQ_GROUP_MEMBERS = 1 << 0, /* members (member_count and state come in any case if cheap) */
	MQ_GROUP_PLACES = 1 << 1,  /* committed positions */
	MQ_GROUP_ENDS = 1 << 2, /* begin, end, lag; implies places. Commits are read before ends */
	MQ_GROUP_AGES = 1 << 3, /* unread_ts_ms; implies ends */
};

struct mq_group_query {
	const char *const *groups; /* none: all */
	size_t n_groups;
	/* Only these. A stream that is named gets a place for each of its partitions, commit or
	 * not. None: every partition of each stream where the group has a commit or a member. */
	const char *const *streams;
	size_t n_streams;
	unsigned want; /* enum mq_group_want */
};

/* What one of a list owns, for who takes it out. */
void mq_group_info_release(struct mq_group_info *group);
void mq_group_list_release(struct mq_group_list *list);
/* Sorts items by name and their places by stream and partition. For backends. */
void mq_group_list_sort(struct mq_group_list *list);
/* A new element with everything unknown at the end of an array, or NULL with err set. For
 * backends. */
struct mq_group_info *mq_group_list_add(struct mq_group_list *list, const char *name,
                                        struct mq_err *err);
struct mq_place *mq_group_add_place(struct mq_group_info *group, const char *stream,
                                    int32_t partition, struct mq_err *err);
struct mq_group_member *mq_group_add_member(struct mq_group_info *group, const char *name,
                                            struct mq_err *err);

/* --- changing -------------------------------------------------------------------------------- */

/* Where a group is to stand in one partition: a position that was looked up (mq_locate), never a
 * word such as "end". */
struct mq_group_move {
	const char *stream;
	int32_t partition;
	int64_t offset;    /* the next to read; MQ_NO_OFFSET where positions are ids */
	char id[64];       /* where positions are ids: the first that is wanted next, as mq_locate
	                    * gives it (what the broker keeps instead is the backend's to work out) */
	bool delivered;    /* id counts as delivered itself, and what is behind it is wanted next:
	                    * for a place's committed_id */
	struct mq_err err; /* out: MQ_OK, or why this one was not moved */
};

struct mq_group_set {
	const char *group;
	struct mq_group_move *moves;
	size_t n;
	bool create; /* the group must not be there (on that stream); else it must */
	bool force;  /* although members are active, where the broker allows that */
};

struct mq_group_removal {
	const char *group;
	const char *const *streams; /* none: the whole group; else its positions there */
	size_t n_streams;
	const char *member; /* only this member, where members last until removed; else NULL */
	bool force;         /* although members are active, or the member holds pending messages */
};

/* --- pending messages (MQ_CAP_CLAIM) -----------------------------------------------------------
 */

/* A message that was delivered to a member and not settled. */
struct mq_pending {
	char *stream;
	char *id;
	char *member;
	int64_t idle_ms;    /* since its last delivery */
	int64_t deliveries; /* -1 unknown */
};

struct mq_pending_list {
	struct mq_pending *items; /* by id */
	size_t n;
};
void mq_pending_list_release(struct mq_pending_list *list);

struct mq_pending_query {
	const char *group;
	const char *stream;
	const char *member;  /* only its; NULL: all */
	const char *after;   /* only ids behind this one, for paging; NULL: from the oldest */
	int64_t min_idle_ms; /* 0: all */
	size_t max;          /* at most so many, > 0 */
};

/* What to do with pending messages that are named by id. */
struct mq_pending_change {
	const char *group;
	const char *stream;
	const char *to;      /* claim: the member that gets them; NULL: settle them */
	int64_t min_idle_ms; /* claim: only if still idle for so long */
	const char *const *ids;
	size_t n_ids;
};

#endif
