#include "fences.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <string_view>

namespace rclone_store {
namespace {

constexpr std::string_view suffix = ".json";

/// The number that `text` begins with, and a dot or the end after it; both are cut off.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t out = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  const auto used = static_cast<std::size_t>(rest - text.data());
  if (error != std::errc() || (used < text.size() && *rest != '.')) return std::nullopt;
  text.remove_prefix(std::min(used + 1, text.size()));
  return out;
}

}  // namespace

void Fences::add(const std::string& name) {
  std::string_view text = name;
  if (!text.ends_with(suffix)) return;
  text.remove_suffix(suffix.size());
  const bool bare = text.find('.') == std::string_view::npos;
  const auto epoch = take_number(text);
  if (!epoch) return;
  if (!bare) {
    const auto newest = take_number(text);
    if (!newest) return;
    const Place place{*newest, std::string(text)};
    const auto [it, added] = bounds_.emplace(*epoch, place);
    if (!added) it->second = std::min(it->second, place);
  }
  names_[*epoch].insert(name);
}

bool Fences::decides(std::uint64_t epoch) const { return bounds_.upper_bound(epoch) != bounds_.end(); }

bool Fences::late(const understudy::sdk::Snapshot& snapshot) const {
  const Place place{snapshot.epoch, snapshot.id};
  return std::any_of(bounds_.upper_bound(snapshot.epoch), bounds_.end(),
                     [&](const auto& bound) { return place > bound.second; });
}

std::vector<std::string> Fences::surplus(std::size_t keep) const {
  std::vector<std::string> out;
  if (names_.size() <= keep) return out;
  const auto end = std::next(names_.begin(), static_cast<std::ptrdiff_t>(names_.size() - keep));
  for (auto it = names_.begin(); it != end; ++it) out.insert(out.end(), it->second.begin(), it->second.end());
  return out;
}

std::string Fences::name(std::uint64_t epoch) { return std::to_string(epoch) + std::string(suffix); }

std::string Fences::bound_name(std::uint64_t epoch, std::uint64_t newest_epoch, const std::string& newest_id) {
  return std::to_string(epoch) + "." + std::to_string(newest_epoch) + "." + newest_id + std::string(suffix);
}

}  // namespace rclone_store
