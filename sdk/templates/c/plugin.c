/* @NAME@: a plugin for Understudy in C. The header alone is enough; rules and ownership stand in it. */
#include <stdlib.h>
#include <string.h>
#include <understudy/abi.h>

typedef struct {
  us_port host; /* copied: the one given to create() is only borrowed */
} instance;

static us_bytes text(const char* s) {
  us_bytes out = {s, strlen(s)};
  return out;
}

/* What each method answers. Fill in real work; a method that takes long belongs on a thread of its own. */
static const struct {
  const char* method;
  int32_t status;
  const char* reply;
} answers[] = {
@ANSWERS@};

static void on_call(void* ctx, us_op op, us_bytes method, us_bytes params, int64_t budget_ms) {
  instance* me = ctx;
  size_t i;
  (void)params;
  (void)budget_ms;
  for (i = 0; i < sizeof answers / sizeof answers[0]; ++i) {
    if (method.len == strlen(answers[i].method) && memcmp(method.data, answers[i].method, method.len) == 0) {
      me->host.complete(me->host.ctx, op, answers[i].status, text(answers[i].reply));
      return;
    }
  }
  me->host.complete(me->host.ctx, op, US_UNSUPPORTED, text("{\"message\": \"no such method\"}"));
}
static void on_cancel(void* ctx, us_op op) {
  (void)ctx;
  (void)op;
}
static void on_complete(void* ctx, us_op op, int32_t status, us_bytes result) {
  (void)ctx;
  (void)op;
  (void)status;
  (void)result;
}
static void on_notify(void* ctx, us_bytes topic, us_bytes params) {
  (void)ctx;
  (void)topic;
  (void)params;
}

static int32_t create(const us_port* host, us_bytes settings, us_port* out) {
  instance* me = calloc(1, sizeof *me);
  (void)settings;
  if (me == NULL) return US_TRANSIENT;
  memcpy(&me->host, host, host->size < sizeof me->host ? host->size : sizeof me->host); /* it may be an older host's */
  out->size = US_PORT_SIZE_1_0; /* all that is filled in here */
  out->flags = 0;
  out->ctx = me;
  out->call = on_call;
  out->cancel = on_cancel;
  out->complete = on_complete;
  out->notify = on_notify;
  return US_OK;
}
static void destroy(void* ctx) { free(ctx); }

static const char manifest[] =
    "{\"name\": \"@NAME@\", \"version\": \"0.1.0\", \"license\": \"\", \"summary\": \"\",@TOP_LEVEL_ESCAPED@"
    " \"interfaces\": {\"@INTERFACE@\": {\"provides\": [@PROVIDES_ESCAPED@], \"settings\": {\"type\": \"object\"}}}, \"needs\": []}";

const us_plugin* understudy_plugin(void) {
  static const us_plugin plugin = {sizeof(us_plugin), US_ABI_MAJOR, US_ABI_MINOR, 0, {manifest, sizeof manifest - 1}, create, destroy};
  return &plugin;
}
