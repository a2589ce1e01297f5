/* The C header from C: c_api_test HOME. Prints what is not as it should be. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): what getrandom asks for */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "tern/client/tern.h"

static int failures = 0;

static void expect(int condition, const char* what, const char* json) {
  if (condition) return;
  ++failures;
  fprintf(stderr, "not so: %s\n  %s\n", what, json == NULL ? "(nothing)" : json);
}

static int64_t clock_ms(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
static int64_t wall_ms(void* context) {
  (void)context;
  return clock_ms(CLOCK_REALTIME);
}
static int64_t boot_ms(void* context) {
  (void)context;
  return clock_ms(CLOCK_MONOTONIC);
}
static void boot_id(void* context, uint8_t into[16]) {
  (void)context;
  memset(into, 7, 16);
}
static void random_bytes(void* context, void* into, size_t size) {
  (void)context;
  if (getrandom(into, size, 0) != (ssize_t)size) abort();
}
static int no_network(void* context, const char* request, const void* body, size_t size, tern_answer* answer) {
  (void)body;
  (void)size;
  (void)answer;
  if (strstr(request, "\"method\":\"POST\"") != NULL) ++*(int*)context;
  return 1;
}
static int captive_portal(void* context, const char* request, const void* body, size_t size, tern_answer* answer) {
  (void)context;
  (void)request;
  (void)body;
  (void)size;
  return tern_answer_set(answer, 200, "{\"content-type\":\"text/html\"}", "<html>", 6);
}

/* The result of a call, kept until the next one. */
static char* last = NULL;
static char** next(void) {
  tern_free(last);
  last = NULL;
  return &last;
}
static int says(const char* text) {
  return last != NULL && strstr(last, text) != NULL;
}

static void looks_around(tern_client* client) {
  expect(tern_identity(client, next()) == TERN_OK && says("\"device\":\"van\""), "identity", last);
  expect(tern_list(client, NULL, next()) == TERN_OK && says("pump leaks") && says("fan hums"), "list", last);
  expect(tern_list(client, "{\"limit\":1}", next()) == TERN_OK && says("\"next\":\""), "a page", last);
  expect(tern_list(client, "{\"status\":\"x\"}", next()) == TERN_ERROR && says("\"field\":\"status\""), "bad filter",
         last);
  expect(tern_list(client, "{\"shade\":\"x\"}", next()) == TERN_ERROR && says("\"code\":\"usage\""), "odd filter",
         last);
  expect(tern_list(client, "{", next()) == TERN_ERROR && says("error"), "no JSON", last);
  expect(tern_search(client, "monday", 10, NULL, next()) == TERN_OK && says("pump leaks"), "search", last);
  expect(tern_ticket(client, "nowhere", next()) == TERN_ERROR && says("not_found"), "no such ticket", last);
  expect(tern_status(client, next()) == TERN_OK && says("\"tickets\":2"), "status", last);
  expect(tern_attention(client, next()) == TERN_OK && says("[]"), "attention", last);
  expect(tern_quick_replies(client, next()) == TERN_OK && says("[]"), "quick replies", last);
  expect(tern_macros(client, next()) == TERN_OK && says("[]"), "macros", last);
  expect(tern_saved_views(client, next()) == TERN_OK && says("\"name\":\"Overdue\""), "views", last);
  expect(tern_articles(client, NULL, next()) == TERN_OK && says("[]"), "articles", last);
  expect(tern_article(client, "x", next()) == TERN_ERROR && says("not_found"), "no such article", last);
  expect(tern_apply_macro(client, "nowhere", "x", next()) == TERN_ERROR && says("not_found"), "no such ticket", last);
  expect(tern_find_record(client, "queue", "x", next()) == TERN_ERROR && says("not_found"), "no such queue", last);
  expect(tern_find_record(client, "moon", "x", next()) == TERN_ERROR && says("usage"), "no such kind", last);
}

static void splits(tern_client* client) {
  const char* one =
      "[{\"intent\":\"create\",\"fields\":{\"subject\":\"pump and lamp\"}},"
      "{\"intent\":\"message\",\"text\":\"the lamp is dark\",\"visibility\":\"public\"}]";
  char source[64] = "", message[128] = "", split[512], made[64] = "";
  expect(tern_save(client, one, next()) == TERN_OK, "save what is split", last);
  snprintf(source, 37, "%s", strstr(last, "\"ticket\":\"") + 10);
  const char* given = strstr(strstr(last, "\"change\":") + 1, "\"change\":") + 9;
  snprintf(message, (size_t)(strchr(given, '}') - given) + 2, "%s", given);
  snprintf(split, sizeof split, "{\"intent\":\"split\",\"ticket\":\"%s\",\"messages\":[%s],\"subject\":\"Lamp\"}",
           source, message);
  char all[600];
  snprintf(all, sizeof all, "[%s]", split);
  expect(tern_save(client, all, next()) == TERN_OK, "split", last);
  snprintf(made, 37, "%s", strstr(last, "\"ticket\":\"") + 10);
  expect(strcmp(made, source) != 0, "a split makes a ticket", made);
  expect(tern_ticket(client, made, next()) == TERN_OK && says("\"subject\":\"Lamp\"") && says("the lamp is dark"),
         "the new ticket shows what it was given", last);
}

static int read_hello(void* context, size_t file, uint64_t offset, void* into, size_t length, size_t* got) {
  const char* text = file == 0 ? "hello from C" : "";
  const size_t size = strlen(text);
  ++*(int*)context;
  *got = offset >= size ? 0 : size - offset < length ? size - offset : length;
  memcpy(into, text + (offset < size ? offset : size), *got);
  return 0;
}

static void attaches(tern_client* client) {
  int reads = 0;
  const tern_source source = {sizeof source, &reads, read_hello};
  char ticket[64] = "", what[256], change[128] = "";
  expect(tern_save(client, "[{\"intent\":\"create\",\"fields\":{\"subject\":\"with a file\"}}]", next()) == TERN_OK,
         "save what gets a file", last);
  snprintf(ticket, 37, "%s", strstr(last, "\"ticket\":\"") + 10);
  expect(tern_files(client, ticket, next()) == TERN_OK && says("[]"), "no files", last);
  snprintf(what, sizeof what, "{\"ticket\":\"%s\",\"files\":[{\"name\":\"hello.txt\",\"size\":12}],\"text\":\"see\"}",
           ticket);
  expect(tern_attach(client, what, NULL, next()) == TERN_ERROR && says("usage"), "no source", last);
  expect(tern_attach(client, what, &source, next()) == TERN_OK && reads == 1, "attach", last);
  expect(
      tern_files(client, ticket, next()) == TERN_OK && says("\"name\":\"hello.txt\"") && says("\"where\":\"waiting\""),
      "a file that waits", last);
  const char* given = strstr(last, "\"change\":") + 9;
  snprintf(change, (size_t)(strchr(given, '}') - given) + 2, "%s", given);
  char bytes[32] = "";
  size_t got = 0;
  expect(tern_read_file(client, ticket, change, 6, bytes, sizeof bytes, &got, next()) == TERN_OK && got == 6 &&
             memcmp(bytes, "from C", 6) == 0,
         "what was attached is read", last);
  expect(tern_want_file(client, ticket, change, next()) == TERN_OK, "it is here", last);
  expect(tern_want_file(client, ticket,
                        "{\"device\":\"01010101-0101-0101-0101-010101010101\",\"id\":\"0101010101010101\"}",
                        next()) == TERN_ERROR &&
             says("not_found"),
         "no such file", last);
}

static void works(tern_client* client) {
  const char* both =
      "[{\"intent\":\"create\",\"fields\":{\"subject\":\"from C\",\"priority\":\"high\"}},"
      "{\"intent\":\"message\",\"text\":\"hello\"}]";
  char number[64] = "";
  expect(tern_save(client, both, next()) == TERN_OK && says("\"ticket\":\""), "save", last);
  if (says("\"ticket\":\"")) snprintf(number, 37, "%s", strstr(last, "\"ticket\":\"") + 10);
  expect(tern_ticket(client, number, next()) == TERN_OK && says("from C") && says("hello") &&
             says("\"priority\":\"high\""),
         "what was saved is shown", last);
  expect(tern_history(client, number, next()) == TERN_OK && says("saved here, not sent yet"), "history", last);
  expect(tern_check_offered(client, "{\"intent\":\"resume\",\"ticket\":\"no\"}", next()) == TERN_ERROR &&
             says("not_found"),
         "a ticket that is not here", last);
  char resume[128];
  snprintf(resume, sizeof resume, "{\"intent\":\"resume\",\"ticket\":\"%s\"}", number);
  expect(tern_check_offered(client, resume, next()) == TERN_ERROR && says("bad_transition"), "resume is not offered",
         last);
  expect(tern_save(client, "[{\"intent\":\"message\",\"text\":\"x\"}]", next()) == TERN_ERROR, "no ticket", last);
  expect(tern_save(client, "{}", next()) == TERN_ERROR && says("usage"), "no array", last);
  expect(tern_dismiss_notice(client, next()) == TERN_OK, "the notice is dealt with", last);
  expect(tern_unread(client, next()) == TERN_OK && says("\"unread\":0"), "own work is read", last);
  expect(tern_list(client, "{\"unread\":true}", next()) == TERN_OK && says("\"rows\":[]"), "no news", last);
  expect(tern_mark_read(client, number, 0, next()) == TERN_OK, "a ticket was looked at", last);
  expect(tern_mark_read(client, NULL, 0, next()) == TERN_OK, "all were looked at", last);
  expect(tern_mark_read(client, "no", 0, next()) == TERN_ERROR && says("not_found"), "no such ticket", last);
  expect(tern_follow_up(client, "{\"device\":\"01010101-0101-0101-0101-010101010101\",\"id\":\"0101010101010101\"}",
                        "keep-theirs", NULL, next()) == TERN_ERROR &&
             says("not_found"),
         "a follow-up of no change", last);
  expect(tern_dismiss(client, "{\"device\":\"x\"}", next()) == TERN_ERROR && says("error"), "no change", last);
}

static void goes_online(tern_client* client) {
  int asked = 0;
  tern_transport transport = {sizeof transport, &asked, no_network};
  expect(tern_sync(client, &transport, next()) == TERN_ERROR && says("no_connection"), "no network", last);
  expect(asked > 0, "the host's network was asked", NULL);
  tern_transport portal = {sizeof portal, NULL, captive_portal};
  expect(tern_sync(client, &portal, next()) == TERN_ERROR && says("no_connection"), "a captive portal", last);
  expect(tern_status(client, next()) == TERN_OK && says("\"saved_here\":2"), "the work is still here", last);
}

/* Each function on a client that is not there, whether its words are wanted or not. */
#define REFUSES(call)                                                                              \
  do {                                                                                             \
    char** json = NULL;                                                                            \
    expect((call) == TERN_ERROR, #call, NULL);                                                     \
    json = next();                                                                                 \
    expect((call) == TERN_ERROR && says("there is no open client") && says("usage"), #call, last); \
  } while (0)

static void refuses_no_client(void) {
  tern_transport transport = {sizeof transport, NULL, no_network};
  int reads = 0;
  const tern_source source = {sizeof source, &reads, read_hello};
  char bytes[4];
  size_t got = 0;
  REFUSES(tern_identity(NULL, json));
  REFUSES(tern_save(NULL, "[]", json));
  REFUSES(tern_check_offered(NULL, "{}", json));
  REFUSES(tern_apply_macro(NULL, "x", "y", json));
  REFUSES(tern_dismiss(NULL, "{}", json));
  REFUSES(tern_dismiss_notice(NULL, json));
  REFUSES(tern_follow_up(NULL, "{}", "x", NULL, json));
  REFUSES(tern_find_ticket(NULL, "x", json));
  REFUSES(tern_find_record(NULL, "queue", "x", json));
  REFUSES(tern_list(NULL, NULL, json));
  REFUSES(tern_ticket(NULL, "x", json));
  REFUSES(tern_search(NULL, "x", 1, NULL, json));
  REFUSES(tern_attention(NULL, json));
  REFUSES(tern_history(NULL, NULL, json));
  REFUSES(tern_status(NULL, json));
  REFUSES(tern_unread(NULL, json));
  REFUSES(tern_mark_read(NULL, "x", 0, json));
  REFUSES(tern_quick_replies(NULL, json));
  REFUSES(tern_macros(NULL, json));
  REFUSES(tern_saved_views(NULL, json));
  REFUSES(tern_articles(NULL, NULL, json));
  REFUSES(tern_article(NULL, "x", json));
  REFUSES(tern_attach(NULL, "{}", &source, json));
  REFUSES(tern_files(NULL, "x", json));
  REFUSES(tern_want_file(NULL, "x", "{}", json));
  REFUSES(tern_read_file(NULL, "x", "{}", 0, bytes, sizeof bytes, &got, json));
  REFUSES(tern_sync(NULL, &transport, json));
}

/* A host that lacks a part, or is of an older header, is told so and nothing is opened. */
static void refuses_half_a_host(const char* options, const tern_environment* whole) {
  tern_transport line = {sizeof line, NULL, no_network}, lines[2] = {line, line};
  lines[0].size = 1;
  lines[1].send = NULL;
  tern_environment hosts[5] = {*whole, *whole, *whole, *whole, *whole};
  hosts[0].size = sizeof(size_t);
  hosts[1].wall_ms = NULL;
  hosts[2].boot_ms = NULL;
  hosts[3].boot_id = NULL;
  hosts[4].random = NULL;
  tern_client* client = NULL;
  for (int i = 0; i < 5; ++i) {
    expect(tern_open(options, &hosts[i], &client, next()) == TERN_ERROR && says("usage"), "half a host", last);
    expect(tern_enrol(options, &hosts[i], &line, next()) == TERN_ERROR && says("usage"), "half a host", last);
  }
  for (int i = 0; i < 2; ++i)
    expect(tern_enrol(options, whole, &lines[i], next()) == TERN_ERROR && says("usage"), "half a network", last);
  expect(tern_enrol(options, whole, NULL, NULL) == TERN_ERROR, "no network", NULL);
  expect(tern_enrol(options, whole, &line, next()) == TERN_ERROR && says("usage"), "no server", last);
  expect(tern_enrol("[]", whole, &line, next()) == TERN_ERROR && says("usage"), "options that are no object", last);
  expect(tern_enrol("{\"home\":\"/nonexistent/h\",\"server\":\"https://x\"}", whole, &line, next()) == TERN_ERROR &&
             says("usage"),
         "no code", last);
  expect(tern_open(options, whole, NULL, NULL) == TERN_ERROR, "nowhere to put it", NULL);
  expect(tern_open("{", whole, &client, next()) == TERN_ERROR && says("error"), "no JSON", last);
  expect(client == NULL, "nothing was opened", NULL);
}

/* What is missing is as if it were empty, or is said to be missing. */
static void takes_nothing_for_something(tern_client* client) {
  expect(tern_save(client, NULL, next()) == TERN_ERROR && says("an argument is missing"), "no changes", last);
  expect(tern_check_offered(client, NULL, next()) == TERN_ERROR && says("an argument is missing"), "no change", last);
  expect(tern_dismiss(client, NULL, next()) == TERN_ERROR && says("an argument is missing"), "no change", last);
  expect(tern_follow_up(client, NULL, NULL, NULL, next()) == TERN_ERROR && says("missing"), "no change", last);
  expect(tern_follow_up(client, "{\"device\":\"01010101-0101-0101-0101-010101010101\",\"id\":\"0101010101010101\"}",
                        NULL, "why", next()) == TERN_ERROR,
         "a follow-up without a name", last);
  expect(tern_apply_macro(client, NULL, NULL, next()) == TERN_ERROR, "no ticket", last);
  expect(tern_find_ticket(client, NULL, next()) == TERN_ERROR, "no ticket", last);
  expect(tern_find_record(client, NULL, NULL, next()) == TERN_ERROR && says("usage"), "no kind", last);
  expect(tern_find_record(client, "queue", NULL, next()) == TERN_ERROR, "no name", last);
  expect(tern_ticket(client, NULL, next()) == TERN_ERROR, "no ticket", last);
  expect(tern_files(client, NULL, next()) == TERN_ERROR, "no ticket", last);
  expect(tern_article(client, NULL, next()) == TERN_ERROR, "no article", last);
  expect(tern_search(client, NULL, 5, "", next()) == TERN_ERROR && says("nothing to look for"), "no words", last);
  expect(tern_articles(client, "x", next()) == TERN_OK, "words", last);
  expect(tern_history(client, NULL, next()) == TERN_OK && says("["), "all history", last);
  expect(tern_sync(client, NULL, next()) == TERN_ERROR && says("usage"), "no network", last);
  expect(tern_list(client, "[]", next()) == TERN_ERROR && says("an object is expected"), "no object", last);
  expect(tern_list(client, "{\"tag\":1}", next()) == TERN_ERROR && says("\"field\":\"tag\""), "a tag is a text", last);
  expect(tern_list(client, "{\"limit\":-1}", next()) == TERN_ERROR && says("\"field\":\"limit\""), "less than nothing",
         last);
  expect(tern_answer_set(NULL, 200, NULL, NULL, 0) == TERN_ERROR, "no answer", NULL);
}

int main(int count, char** arguments) {
  if (count != 2) return 2;
  tern_environment host = {sizeof host, NULL, wall_ms, boot_ms, boot_id, random_bytes};
  char options[4200];
  snprintf(options, sizeof options, "{\"home\":\"%s\"}", arguments[1]);
  tern_client *client = NULL, *second = NULL;

  expect(tern_abi_version() == TERN_ABI_VERSION, "ABI version", NULL);
  expect(tern_open(NULL, &host, &client, next()) == TERN_ERROR && says("usage"), "no options", last);
  expect(tern_open(options, NULL, &client, next()) == TERN_ERROR && says("usage"), "no environment", last);
  expect(tern_open("{\"home\":\"/nonexistent/home\"}", &host, &client, next()) == TERN_ERROR && says("not_enrolled"),
         "no home", last);
  refuses_no_client();
  refuses_half_a_host(options, &host);

  if (tern_open(options, &host, &client, next()) != TERN_OK) {
    expect(0, "open", last);
    return 1;
  }
  expect(tern_open(options, &host, &second, next()) == TERN_ERROR && says("busy"), "a second handle", last);
  looks_around(client);
  takes_nothing_for_something(client);
  works(client);
  goes_online(client);
  splits(client);
  attaches(client);
  expect(tern_list(client, NULL, NULL) == TERN_OK, "a result nobody wants", NULL);
  snprintf(options, sizeof options, "{\"home\":\"%s\",\"read_only\":true}", arguments[1]);
  expect(tern_open(options, &host, &second, next()) == TERN_OK, "looking while another works", last);
  expect(tern_list(second, NULL, next()) == TERN_OK && says("from C"), "the other's view", last);
  expect(tern_save(second, "[{\"intent\":\"create\",\"fields\":{\"subject\":\"x\"}}]", next()) == TERN_ERROR &&
             says("busy"),
         "looking only", last);
  tern_close(second);
  tern_close(client);
  tern_close(NULL);
  next();
  return failures == 0 ? 0 : 1;
}
