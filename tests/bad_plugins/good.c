/* A plugin in plain C, built from abi.h alone: pass at every check. */
#include <string.h>

#include "understudy/abi.h"

static us_port the_host;
static void call(void *ctx, us_op op, us_bytes method, us_bytes params, int64_t budget_ms) {
  static const char answer[] = "{\"outcome\": \"pass\", \"cause\": \"plain C\"}";
  (void)ctx, (void)method, (void)params, (void)budget_ms;
  the_host.complete(the_host.ctx, op, US_OK, (us_bytes){answer, sizeof answer - 1});
}
static void cancel(void *ctx, us_op op) { (void)ctx, (void)op; }
static void complete(void *ctx, us_op op, int32_t status, us_bytes result) { (void)ctx, (void)op, (void)status, (void)result; }
static void notify(void *ctx, us_bytes topic, us_bytes params) { (void)ctx, (void)topic, (void)params; }
static int32_t create(const us_port *host, us_bytes settings, us_port *out) {
  const us_port port = {sizeof(us_port), 0, NULL, call, cancel, complete, notify};
  (void)settings;
  the_host = *host;
  *out = port;
  return US_OK;
}
static void destroy(void *ctx) { (void)ctx; }

static const char manifest[] = "{\"name\": \"good\", \"version\": \"1\", \"interfaces\": {\"health\": {\"provides\": [\"health.check/1\"]}}}";
const us_plugin *understudy_plugin(void) {
  static us_plugin plugin;
  plugin.size = sizeof plugin;
  plugin.abi_major = US_ABI_MAJOR;
  plugin.manifest.data = manifest;
  plugin.manifest.len = sizeof manifest - 1;
  plugin.create = create;
  plugin.destroy = destroy;
  return &plugin;
}
