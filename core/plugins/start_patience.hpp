// How long what a plugin does at its start may take.
#pragma once

#include "core/model/time.hpp"

namespace understudy::plugins {

/// For the loading of a library, and for create(): neither may do I/O, and whoever starts a plugin waits for it.
/// A sanitizer makes the same work several times longer.
#ifdef UNDERSTUDY_SANITIZED
inline constexpr Millis start_patience{20'000};
#else
inline constexpr Millis start_patience{5'000};
#endif
inline constexpr auto start_patience_s = start_patience.count() / 1'000;  ///< for messages

}  // namespace understudy::plugins
