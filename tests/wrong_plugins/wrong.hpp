// One compilation of a plugin for all that is wrong with it: which rule a library breaks is its name, of a file of its
// own.
#pragma once

#include <string>
#include <string_view>

#include "understudy/plugin.hpp"

extern "C" const char* const wrong_name;
inline bool wrong(std::string_view what) { return what == wrong_name; }

/// As UNDERSTUDY_PLUGIN, with a manifest that is known at run time only: of that name, and with `more` members.
#define WRONG_PLUGIN(more, ...)                                                                      \
  static const std::string wrong_manifest =                                                          \
      std::string(R"({"name": ")") + wrong_name +                                                    \
      R"(", "version": "1", "license": "Apache-2.0", "summary": "For tests only", )" + (more) + "}"; \
  UNDERSTUDY_PLUGIN(wrong_manifest, __VA_ARGS__)
