/* Asking one of several servers: see servers.h. */
#include "schema/registry/servers.h"
#include "mqtk/http.h"
#include "schema/registry/answers.h"

#include <stdio.h>
#include <stdlib.h>

#define MEDIA_TYPE "application/vnd.schemaregistry.v1+json"

enum {
	SERVERS_MAX = 16,
	PAUSE_MS = 100,    /* between the first two rounds; then twice as long each time, */
	DOUBLINGS = 4,     /* but no more often than this */
	TRY_MIN_MS = 100,  /* a server has so long at least */
	TELL_MS = 1000,    /* who waits for longer is told why */
	HURRY_MS = 5000,   /* when nobody answered, questions are tried only once for so long */
	HURRIED_MS = 1000, /* and so long in all */
};

struct mq_registry_servers {
	const struct mq_env *env;
	struct mq_http *https[SERVERS_MAX];
	size_t n;
	size_t at;           /* the one that answered last */
	int64_t hurry_until; /* monotonic: nobody answered of late; 0: somebody did */
	uint32_t randomness; /* of pauses */
};

/* --- which there are -------------------------------------------------------------------------- */

static int add_server(struct mq_registry_servers *servers, const struct mq_registry_spec *spec,
                      const char *url, size_t len, struct mq_err *err)
{
	struct mq_http_spec http = {
	    .token = spec->token, .tls = spec->tls, .settings = "registry", .env = spec->env};

	if (servers->n == SERVERS_MAX)
		return mq_fail(err, MQ_USAGE, "more than %d URLs of a registry", SERVERS_MAX);
	char *copy = strndup(url, len);
	if (!copy)
		return mq_fail_memory(err);
	http.url = copy;
	int result = mq_http_new(&http, &servers->https[servers->n], err);
	explicit_bzero(copy, len); /* a password may be in it */
	free(copy);
	if (result < 0)
		return -1;
	servers->n++;
	return 0;
}

int mq_registry_servers_new(const struct mq_registry_spec *spec, struct mq_registry_servers **ret,
                            struct mq_err *err)
{
	struct mq_registry_servers *servers = calloc(1, sizeof *servers);

	if (!servers)
		return mq_fail_memory(err);
	servers->env = spec->env;
	servers->randomness = (uint32_t)mq_now_ms();
	for (const char *url = spec->urls; url;) {
		size_t len = strcspn(url, ",");
		const char *next = url[len] ? url + len + 1 : NULL;
		while (len > 0 && *url == ' ')
			url++, len--;
		while (len > 0 && url[len - 1] == ' ')
			len--;
		if (len > 0 && add_server(servers, spec, url, len, err) < 0)
			goto fail;
		url = next;
	}
	if (servers->n == 0) {
		mq_fail(err, MQ_USAGE, "the registry has no URL");
		mq_hint(err, "as in http://localhost:8081; several are separated by commas");
		goto fail;
	}
	*ret = servers;
	return 0;
fail:
	mq_registry_servers_free(servers);
	return -1;
}

void mq_registry_servers_free(struct mq_registry_servers *servers)
{
	if (!servers)
		return;
	for (size_t i = 0; i < servers->n; i++)
		mq_http_free(servers->https[i]);
	free(servers);
}

const char *mq_registry_servers_url(const struct mq_registry_servers *servers)
{
	return mq_http_url(servers->https[servers->at]);
}

int mq_registry_servers_name(const struct mq_registry_servers *servers, struct mq_buf *buf,
                             struct mq_err *err)
{
	for (size_t i = 0; i < servers->n; i++)
		if (mq_buf_printf(buf, err, "%s%s", i ? "," : "", mq_http_url(servers->https[i])) <
		    0)
			return -1;
	return 0;
}

void mq_registry_servers_forget(struct mq_registry_servers *servers)
{
	servers->hurry_until = 0;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* One question while it is asked. */
struct asking {
	struct mq_registry_servers *servers;
	const struct mq_registry_question *question;
	struct mq_buf *answer;
	int64_t end;           /* monotonic */
	int64_t asked_to_wait; /* ms, the longest of this round */
	char reasons[500];     /* of this round, one for each server */
	size_t reasons_len;
};

static int64_t left_ms(const struct asking *asking)
{
	int64_t left = asking->end - mq_now_monotonic_ms();

	return left > 0 ? left : 0;
}

static void note_reason(struct asking *asking, const char *reason)
{
	size_t room = sizeof asking->reasons - asking->reasons_len;
	int n = snprintf(asking->reasons + asking->reasons_len, room, "%s%s",
	                 asking->reasons_len ? "; " : "", reason);

	if (n > 0)
		asking->reasons_len += (size_t)n < room ? (size_t)n : room - 1;
}

static int try_one(struct asking *asking, struct mq_http *http, size_t others, struct mq_err *err)
{
	const struct mq_registry_question *question = asking->question;
	/* One that does not answer at all leaves time for those behind it. */
	int64_t left = left_ms(asking), wait = others ? left / (int64_t)(others + 2) : left;
	struct mq_http_request request = {
	    .method = question->method,
	    .path = question->path,
	    .body = question->body,
	    .content_type = question->body ? MEDIA_TYPE : NULL,
	    .accept = MEDIA_TYPE ", application/json",
	    .timeout_ms = (int)(wait > TRY_MIN_MS ? wait : TRY_MIN_MS),
	};

	mq_buf_clear(asking->answer);
	return mq_http_perform(http, &request, asking->answer, err);
}

/* What a server says in its refusal, but never a secret that it was told. */
static void read_refusal(const struct mq_http *http, struct mq_buf *answer,
                         struct mq_registry_refusal *ret)
{
	mq_registry_read_refusal(answer, ret);
	if (mq_http_is_secret_in(http, ret->message))
		ret->message[0] = '\0';
}

/* A server that cannot serve now. */
static void note_busy(struct asking *asking, struct mq_http *http, int status)
{
	struct mq_registry_refusal refusal;
	struct mq_err said = MQ_ERR_INIT;
	int64_t wait = mq_http_retry_after_ms(http);

	read_refusal(http, asking->answer, &refusal);
	mq_fail(&said, MQ_UNREACHABLE, "%s answers with status %d%s%s", mq_http_url(http), status,
	        refusal.message[0] ? ": " : "", refusal.message);
	note_reason(asking, said.message);
	if (wait > asking->asked_to_wait)
		asking->asked_to_wait = wait;
}

/* What no other try would change. Returns 0 when it is for the asker to judge. */
static int judge(const struct mq_http *http, const struct mq_registry_question *question,
                 int status, struct mq_err *err)
{
	const char *url = mq_http_url(http);

	if (status == 401 || status == 407)
		mq_fail(err, MQ_DENIED, "%s: asked for %s: status %d, it does not know us", url,
		        question->what, status);
	else if (status == 403)
		mq_fail(err, MQ_DENIED, "%s: asked for %s: status 403, not allowed", url,
		        question->what);
	if (status == 401)
		return mq_hint(err, "http://USER:PASSWORD@HOST in the URL, or -X "
		                    "registry.token=TOKEN");
	if (status == 403 || status == 407)
		return -1;
	if (status >= 200 && status < 300)
		return 0;
	if (status >= 400 && status < 500)
		return 0;
	mq_fail(err, MQ_DATA, "%s: asked for %s: status %d", url, question->what, status);
	if (status >= 300)
		mq_hint(err, "it sends us to another address, which is not followed: give that "
		             "one");
	return -1;
}

/* All servers once. Returns a status; 0: nobody could answer; -1. */
static int ask_round(struct asking *asking, struct mq_err *err)
{
	struct mq_registry_servers *servers = asking->servers;
	size_t first = servers->at;

	asking->reasons_len = 0;
	asking->asked_to_wait = 0;
	for (size_t i = 0; i < servers->n; i++) {
		size_t at = (first + i) % servers->n;
		struct mq_http *http = servers->https[at];
		struct mq_err failure = MQ_ERR_INIT;
		int status = try_one(asking, http, servers->n - 1 - i, &failure);

		if (status < 0 && !failure.retriable) {
			*err = failure;
			return -1;
		}
		if (status < 0) {
			note_reason(asking, failure.message);
		} else if (status >= 500 || status == 429 || status == 408) {
			note_busy(asking, http, status);
		} else {
			servers->at = at;
			servers->hurry_until = 0;
			return judge(http, asking->question, status, err) < 0 ? -1 : status;
		}
	}
	return 0;
}

/* Half as long to one and a half times as long, so that many clients do not come back at once. */
static int64_t pause_ms(struct mq_registry_servers *servers, unsigned round)
{
	int64_t pause = (int64_t)PAUSE_MS << (round < DOUBLINGS ? round : DOUBLINGS);

	servers->randomness = servers->randomness * 1664525 + 1013904223;
	return pause / 2 + (int64_t)(servers->randomness >> 8) % pause;
}

static int fail_down(struct mq_registry_servers *servers, const struct asking *asking,
                     unsigned tries, struct mq_err *err)
{
	if (tries > 1)
		mq_fail(err, MQ_UNREACHABLE, "no answer from the registry in %u tries: %s", tries,
		        asking->reasons);
	else
		mq_fail(err, MQ_UNREACHABLE, "no answer from the registry: %s", asking->reasons);
	if (err)
		err->retriable = true;
	servers->hurry_until = mq_now_monotonic_ms() + HURRY_MS;
	return -1;
}

int mq_registry_ask(struct mq_registry_servers *servers,
                    const struct mq_registry_question *question, struct mq_buf *answer,
                    struct mq_err *err)
{
	int64_t now = mq_now_monotonic_ms(), time = servers->env->timeout_ms;
	bool hurry = servers->hurry_until > now, told = false;
	struct asking asking = {
	    .servers = servers,
	    .question = question,
	    .answer = answer,
	    .end = now + (hurry && time > HURRIED_MS ? HURRIED_MS : time),
	};

	for (unsigned round = 0;; round++) {
		int status = ask_round(&asking, err);
		if (status != 0)
			return status;
		int64_t pause = pause_ms(servers, round);
		if (asking.asked_to_wait > pause)
			pause = asking.asked_to_wait;
		if (hurry || pause >= left_ms(&asking))
			return fail_down(servers, &asking, round + 1, err);
		if (!told && mq_now_monotonic_ms() + pause - now >= TELL_MS) {
			mq_log(servers->env, MQ_LEVEL_NOTE, "%s; trying again for up to %lld s",
			       asking.reasons, (long long)(left_ms(&asking) + 999) / 1000);
			told = true;
		} else
			mq_log(servers->env, MQ_LEVEL_VERBOSE, "%s; trying again in %lld ms",
			       asking.reasons, (long long)pause);
		mq_cancel_wait(servers->env->cancel, -1, 0, (int)pause);
		if (mq_cancel_signal(servers->env->cancel))
			return mq_fail(err, MQ_CANCELLED,
			               "interrupted while waiting for the registry");
	}
}

/* --- what was answered ------------------------------------------------------------------------ */

int mq_registry_misread(const struct mq_registry_servers *servers,
                        const struct mq_registry_question *question, const struct mq_err *why,
                        struct mq_err *err)
{
	if (why->code == MQ_INTERNAL) {
		*err = *why;
		return -1;
	}
	return mq_fail(err, MQ_DATA, "%s: asked for %s: %s", mq_registry_servers_url(servers),
	               question->what, why->message);
}

/* The protocol's codes of what it could do and would not: the mode is read-only; others refer to
 * it. What is only read is no question that no is an answer to.
 */
static enum mq_code code_of(const char *method, int status, int32_t code)
{
	if (code == 42205)
		return MQ_DENIED;
	if (strcmp(method, "GET") == 0)
		return MQ_DATA;
	return status == 409 || code == 42206 ? MQ_NEGATIVE : MQ_DATA;
}

int mq_registry_refused(const struct mq_registry_servers *servers,
                        const struct mq_registry_question *question, int status,
                        struct mq_buf *answer, struct mq_err *err)
{
	const char *url = mq_registry_servers_url(servers);
	struct mq_registry_refusal refusal;

	read_refusal(servers->https[servers->at], answer, &refusal);
	/* Those that servers say of any path that they do not know are no word of a registry. */
	bool said = refusal.code >= 1000;
	if (status == 404 && said)
		return mq_fail(err, MQ_NOT_FOUND, "%s: there is no %s: %s", url, question->what,
		               refusal.message);
	if (status == 404) {
		mq_fail(err, MQ_DATA, "%s: asked for %s: status 404, and no registry's answer", url,
		        question->what);
		if (strncmp(question->path, "/schemas/guids/", 15) == 0)
			return mq_hint(err, "Karapace and old registries know ids only, no GUIDs");
		return mq_hint(err, "is the URL complete? Apicurio's ends in /apis/ccompat/v7");
	}
	return mq_fail(err, code_of(question->method, status, refusal.code),
	               "%s: asked for %s: refused with status %d%s%s", url, question->what,
	               said ? refusal.code : status, refusal.message[0] ? ": " : "",
	               refusal.message);
}
