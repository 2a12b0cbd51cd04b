/* A plugin as an author wrote it against ABI 1.0: a health source that asks the host for the time, and is "degraded" until
 * that has come. It must load for as long as the major is 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"

/* The layout that was promised. A compiler that disagrees, or a header that was edited, does not build this. */
_Static_assert(sizeof(us_bytes) == 16, "us_bytes");
_Static_assert(sizeof(us_port) == 48, "us_port");
_Static_assert(offsetof(us_port, ctx) == 8 && offsetof(us_port, call) == 16 && offsetof(us_port, cancel) == 24 &&
                   offsetof(us_port, complete) == 32 && offsetof(us_port, notify) == 40,
               "us_port's members");
_Static_assert(sizeof(us_plugin) == 48, "us_plugin");
_Static_assert(offsetof(us_plugin, manifest) == 16 && offsetof(us_plugin, create) == 32 &&
                   offsetof(us_plugin, destroy) == 40,
               "us_plugin's members");
_Static_assert(US_ABI_MAJOR == 1 && US_ABI_MINOR == 0, "the first version");
_Static_assert(US_OK == 0 && US_UNSUPPORTED == 1 && US_INVALID == 2 && US_DENIED == 3 && US_CONFLICT == 4 &&
                   US_TRANSIENT == 5 && US_CANCELLED == 6 && US_UNKNOWN == 7,
               "the statuses");

typedef struct {
  us_port host;
  us_op asked_by; /* the check that waits for the time; 0: none */
  us_op next;
} instance;

static us_bytes text(const char *s) { return (us_bytes){s, strlen(s)}; }
static int is(us_bytes a, const char *s) { return a.len == strlen(s) && memcmp(a.data, s, a.len) == 0; }

static void call(void *ctx, us_op op, us_bytes method, us_bytes params, int64_t budget_ms) {
  instance *me = ctx;
  if (!is(method, "health.check/1")) {
    me->host.complete(me->host.ctx, op, US_UNSUPPORTED, text("{\"message\": \"only health.check/1\"}"));
  } else if (params.len < 2 || params.data[0] != '{' || params.data[params.len - 1] != '}') {
    me->host.complete(me->host.ctx, op, US_INVALID, text("{\"message\": \"params are no object\"}"));
  } else if (me->asked_by != 0) {
    me->host.complete(me->host.ctx, op, US_OK,
                      text("{\"outcome\": \"degraded\", \"cause\": \"another check waits for the time\"}"));
  } else {
    me->asked_by = op;
    me->host.call(me->host.ctx, me->next++, text("clock.now/1"), text("{}"), budget_ms);
  }
}
static void cancel(void *ctx, us_op op) { (void)ctx, (void)op; }

static void complete(void *ctx, us_op op, int32_t status, us_bytes result) {
  instance *me = ctx;
  const us_op waiting = me->asked_by;
  (void)op;
  if (waiting == 0) return;
  me->asked_by = 0;
  const int told = status == US_OK && result.len > 0;
  me->host.notify(me->host.ctx, text("log"), text("{\"level\": \"info\", \"message\": \"the host told the time\"}"));
  me->host.complete(me->host.ctx, waiting, US_OK,
                    text(told ? "{\"outcome\": \"pass\", \"cause\": \"the clock runs\"}"
                              : "{\"outcome\": \"unknown\", \"cause\": \"the host told no time\"}"));
}
static void notify(void *ctx, us_bytes topic, us_bytes params) { (void)ctx, (void)topic, (void)params; }

static int32_t create(const us_port *host, us_bytes settings, us_port *out) {
  static const char wanted[] = "\"interface\":\"health\"";
  int found = 0;
  for (size_t i = 0; i + sizeof wanted - 1 <= settings.len; ++i)
    found = found || memcmp(settings.data + i, wanted, sizeof wanted - 1) == 0;
  if (!found) {
    host->notify(host->ctx, text("create.failed"), text("{\"message\": \"a health source only\"}"));
    return US_UNSUPPORTED;
  }
  instance *me = calloc(1, sizeof *me);
  if (me == NULL) return US_TRANSIENT;
  me->host = *host;
  me->next = 1;
  *out = (us_port){sizeof(us_port), 0, me, call, cancel, complete, notify};
  return US_OK;
}
static void destroy(void *ctx) { free(ctx); }

static const char manifest[] =
    "{\"name\": \"of_abi_1_0\", \"version\": \"1.0.0\", \"license\": \"Apache-2.0\", \"summary\": \"Built against the first header\","
    " \"interfaces\": {\"health\": {\"provides\": [\"health.check/1\"]}}, \"needs\": [\"clock.now/1\"]}";

const us_plugin *understudy_plugin(void) {
  static us_plugin plugin = {sizeof(us_plugin), US_ABI_MAJOR, US_ABI_MINOR, 0, {manifest, sizeof manifest - 1}, create, destroy};
  return &plugin;
}
