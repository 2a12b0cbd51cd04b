/* Wrong in a way that is chosen when it is compiled. */
#include <stddef.h>
#ifdef STUCK
#include <unistd.h>
/* Says that there is no more to come, and stays. */
__attribute__((constructor)) static void stuck(void) {
  close(1);
  for (;;) pause();
}
#endif

#include "understudy/abi.h"

static us_port the_host;
static void call(void *ctx, us_op op, us_bytes method, us_bytes params, int64_t budget_ms) {
  static const char ok[] = "{\"outcome\": \"pass\"}";
  static const char garbage[] = "%&/ no JSON";
  (void)ctx, (void)method, (void)params, (void)budget_ms;
#if defined(TWICE)
  the_host.complete(the_host.ctx, op, US_OK, (us_bytes){ok, sizeof ok - 1});
  (void)garbage;
#elif defined(GARBAGE)
  the_host.complete(the_host.ctx, op, US_OK, (us_bytes){garbage, sizeof garbage - 1});
  (void)ok;
  return;
#endif
  the_host.complete(the_host.ctx, op, US_OK, (us_bytes){ok, sizeof ok - 1});
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

#ifndef MAJOR
#define MAJOR US_ABI_MAJOR
#endif
#ifndef MANIFEST
#define MANIFEST "{\"name\": \"" NAME "\", \"version\": \"1\", \"interfaces\": {\"health\": {\"provides\": [\"health.check/1\"]}}, \"needs\": [" NEEDS "]}"
#endif
#ifndef NEEDS
#define NEEDS
#endif
static const char manifest[] = MANIFEST;
const us_plugin *understudy_plugin(void) {
  static us_plugin plugin;
  plugin.size = sizeof plugin;
  plugin.abi_major = MAJOR;
  plugin.manifest.data = manifest;
  plugin.manifest.len = sizeof manifest - 1;
  plugin.create = create;
  plugin.destroy = destroy;
  return &plugin;
}
