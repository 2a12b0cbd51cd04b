// What the SDK does not let an author do wrong, done over the bare port.
#include <stdexcept>
#include <string_view>

#include "understudy/abi.h"

namespace {
us_port the_host;

us_bytes bytes(std::string_view text) { return {text.data(), text.size()}; }
constexpr std::string_view pass = R"({"outcome": "pass", "cause": "it is"})";
[[maybe_unused]] constexpr std::string_view error = R"({"message": "no such method, or no params"})";

void call(void*, us_op op, us_bytes method, us_bytes params, std::int64_t) {
#if defined(NEVER_COMPLETES)
  (void)op, (void)method, (void)params;
#elif defined(THROWS_ACROSS)
  (void)op, (void)method, (void)params;
  throw std::runtime_error("out of here");
#elif defined(SAYS_GARBAGE)
  (void)method, (void)params;
  the_host.complete(the_host.ctx, op, US_OK, bytes("%&/ no JSON"));
#else
  const bool known = std::string_view(method.data, method.len) == "health.check/1";
  const bool object = params.len > 0 && params.data[0] == '{' && params.data[params.len - 1] == '}';
  const auto status = !known ? US_UNSUPPORTED : !object ? US_INVALID : US_OK;
  the_host.complete(the_host.ctx, op, status, bytes(status == US_OK ? pass : error));
#if defined(COMPLETES_TWICE)
  the_host.complete(the_host.ctx, op, status, bytes(status == US_OK ? pass : error));
#endif
#endif
}
void cancel(void*, us_op) {}
void complete(void*, us_op, std::int32_t, us_bytes) {}
void notify(void*, us_bytes, us_bytes) {}

std::int32_t create(const us_port* host, us_bytes settings, us_port* out) {
  const std::string_view text(settings.data, settings.len);
  if (text.find("\"interface\":\"health\"") == std::string_view::npos) return US_INVALID;
  the_host = *host;
  *out = {sizeof(us_port), 0, nullptr, call, cancel, complete, notify};
  return US_OK;
}
void destroy(void*) {}

#if defined(LACKS_A_METHOD)
#define INTERFACE R"("target": {"provides": ["standby.observe/1"]})"
#else
#define INTERFACE R"("health": {"provides": ["health.check/1"]})"
#endif
#if defined(OLDER_ABI)
constexpr std::uint32_t major = 0;
#else
constexpr std::uint32_t major = US_ABI_MAJOR;
#endif
constexpr std::string_view manifest =
    R"({"name": ")" WRONG_NAME
    R"(", "version": "1", "license": "Apache-2.0", "summary": "For the kit's own tests", "interfaces": {)" INTERFACE
    "}}";
}  // namespace

extern "C" US_EXPORT const us_plugin* understudy_plugin(void) {
  static const us_plugin plugin = {sizeof(us_plugin), major, US_ABI_MINOR, 0, bytes(manifest), create, destroy};
  return &plugin;
}
