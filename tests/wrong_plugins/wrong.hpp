// One compilation of a plugin for all that is wrong with it: which rule a library breaks is its name, of a file of its
// own.
#pragma once

#include <string>
#include <string_view>

#include "understudy/plugin.hpp"

extern "C" const char* const wrong_name;
inline bool wrong(std::string_view what) { return what == wrong_name; }

/// As UNDERSTUDY_PLUGIN, with a manifest that is known at run time only: of that name, and with `more` members.
#define WRONG_PLUGIN(more, ...)                                                                        \
  extern "C" US_EXPORT const us_plugin* understudy_plugin(void) {                                      \
    static const std::string manifest =                                                                \
        std::string(R"({"name": ")") + wrong_name +                                                    \
        R"(", "version": "1", "license": "Apache-2.0", "summary": "For tests only", )" + (more) + "}"; \
    static const us_plugin plugin = {                                                                  \
        sizeof(us_plugin),                                                                             \
        US_ABI_MAJOR,                                                                                  \
        US_ABI_MINOR,                                                                                  \
        0,                                                                                             \
        {manifest.data(), manifest.size()},                                                            \
        [](const us_port* us_host_, us_bytes us_settings_, us_port* us_out_) -> std::int32_t {         \
          return ::understudy::sdk::detail::create(us_host_, us_settings_, us_out_, __VA_ARGS__);      \
        },                                                                                             \
        [](void* ctx) { ::understudy::sdk::detail::destroy(ctx); }};                                   \
    return &plugin;                                                                                    \
  }
