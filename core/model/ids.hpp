// Strong identifiers: a service's name cannot be passed where a target's is meant.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace understudy {

/// A name with a kind. Ordered and hashable; empty means "none".
template <class Tag>
struct Name {
  std::string value;

  Name() = default;
  explicit Name(std::string text) : value(std::move(text)) {}
  [[nodiscard]] bool empty() const noexcept { return value.empty(); }
  auto operator<=>(const Name&) const = default;
};

using ServiceId = Name<struct ServiceTag>;
using TargetId = Name<struct TargetTag>;
using SnapshotId = Name<struct SnapshotTag>;
using NotifierId = Name<struct NotifierTag>;

/// A service's fencing number: +1 at every activation, never reused. 0: never activated by us.
struct Epoch {
  std::uint64_t value = 0;
  [[nodiscard]] constexpr Epoch next() const noexcept { return {value + 1}; }
  auto operator<=>(const Epoch&) const = default;
};

}  // namespace understudy

template <class Tag>
struct std::hash<understudy::Name<Tag>> {
  std::size_t operator()(const understudy::Name<Tag>& name) const noexcept {
    return std::hash<std::string>()(name.value);
  }
};
