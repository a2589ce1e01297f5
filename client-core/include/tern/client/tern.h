/* One Tern device for programs that are not written in C++: an opaque handle, JSON in and out.
 *
 * Every call returns TERN_OK or TERN_ERROR and, where it has a `char **json`, sets *json to one JSON text in UTF-8 that
 * the caller gives back with tern_free: the result, or {"error":{"code","message","hint","field"}} with the codes of
 * the command line. A null `json` is allowed where the result is not wanted. No exception crosses a call; a null
 * argument where none is allowed is the error `usage`.
 *
 * A handle belongs to one thread at a time and starts none. One handle at a time may be open on a home, unless it only
 * looks ("read_only"). The host hands in clock, randomness and network; nothing here opens a socket.
 *
 * Symbols carry the version TERN_1 and keep their meaning; what is added later carries a later one. */
#ifndef TERN_CLIENT_TERN_H
#define TERN_CLIENT_TERN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TERN_ABI_VERSION 1

enum { TERN_OK = 0, TERN_ERROR = 1 };

typedef struct tern_client tern_client;

/* Clock and randomness of the host. Called on the caller's thread, during calls only; outlives the handle. */
typedef struct tern_environment {
  size_t size;                                            /* sizeof(tern_environment) */
  void* context;                                          /* given to each function */
  int64_t (*wall_ms)(void* context);                      /* milliseconds since 1970 UTC */
  int64_t (*boot_ms)(void* context);                      /* a clock that only goes forward, through suspend too */
  void (*boot_id)(void* context, uint8_t into[16]);       /* changes with each boot; all zero where there is none */
  void (*random)(void* context, void* into, size_t size); /* cryptographically strong bytes */
} tern_environment;

/* The answer to one HTTP request, filled by the host inside tern_transport.send. */
typedef struct tern_answer tern_answer;
/* `headers` = {"name":"value", ...} with lower-case names, or null for none. The body is copied. */
int tern_answer_set(tern_answer* answer, int status, const char* headers, const void* body, size_t body_size);

/* The network of the host: one HTTPS request, one answer; redirects are not followed, nothing is tried again. */
typedef struct tern_transport {
  size_t size; /* sizeof(tern_transport) */
  void* context;
  /* `request` = {"method","target","headers":{...}}. 0: `answer` was set. Anything else: no connection. */
  int (*send)(void* context, const char* request, const void* body, size_t body_size, tern_answer* answer);
} tern_transport;

int tern_abi_version(void);
void tern_free(char* json);

/* ---- a home ---- */

/* `options` = {"home", "server", "code", "name", "platform"?, "passphrase"?, "root_fingerprint"?, "ca_file"?}.
 * Result: as tern_identity. Without "yes": true the call only reports: {"offer":{"tenant","operator","server",
 * "root_fingerprint"}}, stores nothing, and is made again with it once a person has agreed. */
int tern_enrol(const char* options, const tern_environment* environment, const tern_transport* transport, char** json);

/* `options` = {"home", "passphrase"?, "read_only"?: bool}. On TERN_OK *client is to be closed. */
int tern_open(const char* options, const tern_environment* environment, tern_client** client, char** json);
void tern_close(tern_client* client);
/* {"tenant","operator","device","server", "device_id", "operator_id", "tenant_id", "passphrase_protected"} */
int tern_identity(tern_client* client, char** json);

/* ---- commands ----
 *
 * A change = {"intent", "ticket"?, ...}; a ticket is named as on the command line. Beside these two:
 *   create                      "fields": {"subject", "priority", "custom:NAME", "external_ref:TYPE" ...}, "text"
 *   set                         "field", "value" (null: none); names of records, or uuids
 *   describe                    "text", "base"
 *   message                     "text", "visibility": "public" | "team" (default) | "restricted"
 *                               either with "seen"?: the "version" of the ticket when its author began to write
 *   send_message                "target": a reply that is withheld; it goes to the customer
 *   edit_message delete_message "target": {"device","id"} as in a timeline's "change"; "text"
 *   log_time estimate           "minutes", "text"?          hold     "text"?, "wake_at_ms"?
 *                               log_time also "call": "answered" | "unanswered"?: a phone call
 *   attach                      "name", "content_hash": 32 bytes in hex, "media_type"?, "size_bytes"?, "text"?,
 *                               "visibility"
 *   on_site                     "text", "from_ms", "to_ms", "visibility": "public" (default) | "team", "signed_by"?,
 *                               "contact"?: name, "signature"?: a PNG image in base64
 *   resolve reopen              "text"?                     tag untag "label"
 *   assign move_queue           "to" (null: nobody, none), "reason"?
 *   watch unwatch               "to", "contact": bool       link unlink  "to", "kind"
 *   merge                       "to", "reason"?
 *   split                       "messages": [{"device","id"}, ...], "subject", "reason"?, "inherit_clock": bool? (it
 *                               is due as if it were as old as its oldest message): makes
 *                               the new ticket, too; its create comes first in the result
 *   approve_estimate reject_estimate estimate_approved estimate_rejected release  "target"
 * and nothing more for take start wait resume close put_back pin unpin delete restore. In one array, changes without a
 * ticket belong to the create before them. */

/* `changes`: an array; all are saved or none. When it returns they are on disk.
 * Result: [{"ticket", "change":{"device","id"}}, ...] */
int tern_save(tern_client* client, const char* changes, char** json);
/* Whether this device's view offers one change: rights and lifecycle. {} when it does. */
int tern_check_offered(tern_client* client, const char* change, char** json);
/* The steps of a macro on a ticket, both by name: all are saved or none. Result as of tern_save. */
int tern_apply_macro(tern_client* client, const char* ticket, const char* macro, char** json);
/* The agent has dealt with what became of this change = {"device","id"}. {} */
int tern_dismiss(tern_client* client, const char* change, char** json);
/* The same for the "notice" of tern_status. {} */
int tern_dismiss_notice(tern_client* client, char** json);
/* The agent has looked at a ticket as far as the "read_mark" of its tern_ticket; `ticket` null: at all. {} */
int tern_mark_read(tern_client* client, const char* ticket, int64_t read_mark, char** json);
/* Does one of the "follow_ups" of an entry of tern_attention, by its "id"; `reason` may be null. {"saved":[...],
 * "rest": "nothing" | "look" (at "ticket", and decide) | "sync", "ticket"} */
int tern_follow_up(tern_client* client, const char* change, const char* id, const char* reason, char** json);
/* {"uuid"}; errors `not_found`, `ambiguous` */
int tern_find_ticket(tern_client* client, const char* name, char** json);
/* `kind` = "operator", "queue", "contact", "category", "organisation" ... {"uuid"} */
int tern_find_record(tern_client* client, const char* kind, const char* name, char** json);

/* ---- views: the JSON forms of `tern --json` ---- */

/* `filter` = {"status"?, "priority"?, "queue"?, "assignee"?, "tag"?, "category"?, "colour"?, "text"?, "age"?, "sort"?,
 * "descending"?, "unread"?, "limit"?, "after"?}, or null. {"rows":[...], "next"?} */
int tern_list(tern_client* client, const char* filter, char** json);
int tern_ticket(tern_client* client, const char* name, char** json);
/* {"rows":[...], "next"?}; `after` may be null */
int tern_search(tern_client* client, const char* text, unsigned limit, const char* after, char** json);
/* [ ... ] newest first; then tickets of one's own that a late close ended, and what another copy of this device landed
 */
int tern_attention(tern_client* client, char** json);
/* [ ... ] oldest first; `name` null: on all tickets */
int tern_history(tern_client* client, const char* name, char** json);
int tern_status(tern_client* client, char** json);
/* {"unread", "tickets", "mine"}: what others wrote since somebody looked here, on how many tickets, how many of them
 * one's own */
int tern_unread(tern_client* client, char** json);
/* [ ... ] by name: what is there to answer with, what there is to do at once */
int tern_quick_replies(tern_client* client, char** json);
int tern_macros(tern_client* client, char** json);
/* [ ... ] lists that have a name, those that every desk has first; each with the "filter" that tern_list takes */
int tern_saved_views(tern_client* client, char** json);
/* [ ... ] those with the words of `text`; null: all. Then one, with its content. */
int tern_articles(tern_client* client, const char* text, char** json);
int tern_article(tern_client* client, const char* name, char** json);

/* ---- files ---- */

/* What tern_attach reads: `length` bytes of file `file` (from 0, as listed) from `offset` into `into`, and in *got how
 * many those were; fewer only at the end. 0: done. Anything else: it cannot be read. */
typedef struct tern_source {
  size_t size; /* sizeof(tern_source) */
  void* context;
  int (*read)(void* context, size_t file, uint64_t offset, void* into, size_t length, size_t* got);
} tern_source;

/* `what` = {"ticket", "files":[{"name","size"}, ...], "text"?, "visibility"?: as of a message}. The content is read a
 * mebibyte at a time and saved; the next tern_sync sends it. Result as of tern_save, a message first. */
int tern_attach(tern_client* client, const char* what, const tern_source* source, char** json);
/* [ ... ] what stands attached to a ticket, and where it is */
int tern_files(tern_client* client, const char* ticket, char** json);
/* The next tern_sync fetches it. `change` = {"device","id"} as in tern_files. {} */
int tern_want_file(tern_client* client, const char* ticket, const char* change, char** json);
/* A piece of a file that is here; *got is less than `length` only at its end. {} */
int tern_read_file(tern_client* client, const char* ticket, const char* change, uint64_t offset, void* into,
                   size_t length, size_t* got, char** json);

/* ---- sync ---- */

/* A whole round over the host's network. {"sets_sent", "changes_sent", "receipts", "amendments", "patches",
 * "exchanges", "files_sent", "files_fetched"} */
int tern_sync(tern_client* client, const tern_transport* transport, char** json);

#ifdef __cplusplus
}
#endif

#endif
