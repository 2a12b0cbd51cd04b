// What units look like in the file, as regular expressions for editors; units.cpp is what decides.
#pragma once

namespace understudy::config::patterns {

inline constexpr const char* duration = R"(^( *[0-9]+(\.[0-9]+)?(ms|s|min|m|h|d) *)+$)";
inline constexpr const char* size = R"(^ *[0-9]+(\.[0-9]+)? *(B|KB|kB|MB|GB|TB|KiB|MiB|GiB)? *$)";
inline constexpr const char* money = R"(^ *\$?[0-9]+(\.[0-9]+)? *(USD)?$)";
inline constexpr const char* percent = R"(^ *[0-9]+(\.[0-9]+)? *%?$)";

}  // namespace understudy::config::patterns
