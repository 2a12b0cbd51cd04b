/* Talks to the plugin as Understudy does. */
#include <stdio.h>
#include <string.h>
#include <understudy/abi.h>

static int answered, last_status;
static void on_call(void* c, us_op op, us_bytes m, us_bytes p, int64_t b) { (void)c, (void)op, (void)m, (void)p, (void)b; }
static void on_cancel(void* c, us_op op) { (void)c, (void)op; }
static void on_complete(void* c, us_op op, int32_t status, us_bytes r) {
  (void)c, (void)op, (void)r;
  ++answered;
  last_status = status;
}
static void on_notify(void* c, us_bytes t, us_bytes p) { (void)c, (void)t, (void)p; }

static int ask(us_port* plugin, const char* method) {
  const us_bytes name = {method, strlen(method)}, empty = {"{}", 2};
  static us_op last; /* never used twice */
  const int before = answered;
  plugin->call(plugin->ctx, ++last, name, empty, 1000);
  return answered == before + 1 ? last_status : -1;
}

int main(void) {
  const us_port host = {sizeof host, 0, NULL, on_call, on_cancel, on_complete, on_notify};
  const us_bytes settings = {"{}", 2};
  const us_plugin* entry = understudy_plugin();
  us_port plugin = {sizeof plugin, 0, NULL, NULL, NULL, NULL, NULL};
  if (entry->abi_major != US_ABI_MAJOR || entry->create(&host, settings, &plugin) != US_OK) return 1;
  if (ask(&plugin, "@FIRST_METHOD@") != @FIRST_STATUS@ || ask(&plugin, "no.such/1") != US_UNSUPPORTED) return 1;
  entry->destroy(plugin.ctx);
  puts("@NAME@: 1 test passed");
  return 0;
}
