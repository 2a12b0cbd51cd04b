/* SPDX-License-Identifier: Apache-2.0
 *
 * Understudy plugin ABI, major 1.
 *
 * The waist of the hourglass: the only thing that a plugin library and its host share. Plain C11, so that
 * a library built with another compiler, another standard library or in another language loads safely.
 * Frozen for the life of the major: fields are appended, never moved or removed; every struct begins with
 * its own size, and a reader looks at an appended field only when `size` says that it is there.
 *
 * One library exports one symbol, `understudy_plugin`. Both sides then speak the same four verbs through a
 * `us_port`: the host calls methods such as "health.check/1", the plugin calls "http.request/1".
 * What methods exist, and what they carry, is docs/plugins/methods.md.
 *
 * OWNERSHIP  every us_bytes is borrowed for the length of the call that passes it; who keeps it copies it.
 * THREADS    tagged at each function: [any thread] or [loop]. [loop] calls of one library never overlap.
 * TIME       every call has a budget in milliseconds. After destroy() returns, nothing comes either way.
 * ERRORS     nothing is thrown across; nothing longjmps across.
 */
#ifndef UNDERSTUDY_ABI_H
#define UNDERSTUDY_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define US_ABI_MAJOR 1u
#define US_ABI_MINOR 0u
#define US_PLUGIN_SYMBOL "understudy_plugin"

#if defined(__GNUC__)
#define US_EXPORT __attribute__((visibility("default")))
#else
#define US_EXPORT
#endif

/* UTF-8. Not terminated: `len` counts. Empty is {NULL or anything, 0}. */
typedef struct us_bytes {
  const char* data;
  size_t len;
} us_bytes;

/* Names one call in one direction. Chosen by the caller, never 0, never reused on the same port. */
typedef uint64_t us_op;

/* How a call ended. Every value but US_UNKNOWN promises that a failed call had no effect. What the host answers speaks
 * of its own side of the wire: a request that ended with "kind": "timeout" may have arrived (docs/plugins/host.md). */
enum us_status {
  US_OK = 0,
  US_UNSUPPORTED = 1, /* no such method, or this instance does not offer it */
  US_INVALID = 2,     /* the request or the settings are wrong; repeating will not help */
  US_DENIED = 3,      /* credentials or permissions */
  US_CONFLICT = 4,    /* an older epoch, a lost compare-and-swap, a resource that another holds */
  US_TRANSIENT = 5,   /* may work when repeated: refused, rate limited, out of capacity */
  US_CANCELLED = 6,   /* cancelled before it had any effect */
  US_UNKNOWN = 7      /* an effect is possible: observe before trying again */
};

/*
 * One side's ear. The host hands its own to create(); the plugin fills in another in return.
 *
 * call      Ask for `method` with the JSON object `params`. Exactly one complete() with the same op follows,
 *           on the other port, within budget_ms (> 0) or shortly after; it may come before call() returns.
 * cancel    Advisory: the op still completes exactly once. An unknown op is ignored.
 * complete  The answer to an op that this side called. `status` is a us_status. `result` is a JSON object: the
 *           method's reply for US_OK, else {"message": "...", "hint": "...", "retry_after_ms": n}, where
 *           only "message" is required.
 * notify    One way, may be dropped when the other side is slow. Topics: docs/plugins/methods.md.
 *
 * The host's verbs:   [any thread].
 * The plugin's verbs: [loop], and they must return at once (under 1 ms). A plugin that must block does so on a
 *                     thread of its own.
 */
typedef struct us_port {
  uint32_t size;  /* sizeof(us_port) as the writer knew it */
  uint32_t flags; /* 0 */
  void* ctx;      /* passed back as the first argument of each verb */
  void (*call)(void* ctx, us_op op, us_bytes method, us_bytes params, int64_t budget_ms);
  void (*cancel)(void* ctx, us_op op);
  void (*complete)(void* ctx, us_op op, int32_t status, us_bytes result);
  void (*notify)(void* ctx, us_bytes topic, us_bytes params);
} us_port;

/* A us_port as ABI 1.0 knew it: every writer has at least this much. */
#define US_PORT_SIZE_1_0 ((uint32_t)(offsetof(us_port, notify) + sizeof(void (*)(void))))

/* What a library offers. Static storage: valid as long as the library is loaded (it is never unloaded). */
typedef struct us_plugin {
  uint32_t size;      /* sizeof(us_plugin) as the plugin knew it */
  uint32_t abi_major; /* US_ABI_MAJOR; the host refuses another major before it calls anything */
  uint32_t abi_minor; /* US_ABI_MINOR */
  uint32_t flags;     /* 0 */
  us_bytes manifest;  /* JSON; docs/plugins/manifest.md */

  /* Makes one instance. [loop] `settings` is the envelope {"interface", "instance", "service", "target",
   * "settings"}. Does no I/O. Fills in *out and returns US_OK; or returns another us_status and leaves *out
   * alone, after a notify("create.failed", {"message": "...", "hint": "..."}) that says why. `*host` is
   * copied by whoever keeps it, as far as host->size says; host->ctx is valid until destroy() returns. out->size
   * comes as the room that is there (less than US_PORT_SIZE_1_0: that of 1.0): write no further, and leave in it
   * how far you wrote. */
  int32_t (*create)(const us_port* host, us_bytes settings, us_port* out);

  /* Ends one instance; `ctx` is out->ctx. [loop] Operations that are pending are forgotten: no verb of the
   * host's port is called after this returns. May wait for the instance's own threads. */
  void (*destroy)(void* ctx);
} us_plugin;

/* A us_plugin as ABI 1.0 knew it. */
#define US_PLUGIN_SIZE_1_0 ((uint32_t)(offsetof(us_plugin, destroy) + sizeof(void (*)(void))))

/* The only export. [any thread] Returns the same pointer at each call; runs no I/O. */
US_EXPORT const us_plugin* understudy_plugin(void);

#ifdef __cplusplus
}
#endif
#endif /* UNDERSTUDY_ABI_H */
