#include "discreet.hpp"

#include <algorithm>

namespace webhook_plugin {
namespace {

// Shorter pieces would be found in the middle of words, and are nobody's secret.
constexpr std::size_t shortest = 4, shortest_segment = 8;

}  // namespace

void Discreet::add(std::string what, std::string instead) {
  if (what.size() < shortest) return;
  known_.emplace_back(std::move(what), std::move(instead));
  std::ranges::stable_sort(known_, [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
}

void Discreet::hide(const std::string& secret) { add(secret, "[secret]"); }

void Discreet::hide_url(const std::string& url) {
  add(url, "[url]");
  const auto scheme = url.find("://");
  const auto begin = scheme == std::string::npos ? 0 : scheme + 3;
  const auto path = std::min(url.find_first_of("/?#", begin), url.size());
  std::string authority = url.substr(begin, path - begin);
  if (const auto at = authority.rfind('@'); at != std::string::npos) {
    hide(authority.substr(0, at));
    authority.erase(0, at + 1);
  }
  add(authority, "its host");
  add(authority.substr(0, authority.rfind(':')), "its host");
  add(url.substr(path), "[path]");
  for (auto from = path; from < url.size();) {
    const auto to = std::min(url.find_first_of("/?#&=", from + 1), url.size());
    if (to - from - 1 >= shortest_segment) add(url.substr(from + 1, to - from - 1), "[path]");
    from = to;
  }
}

std::string Discreet::operator()(std::string text) const {
  for (const auto& [what, instead] : known_) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + instead.size()))
      text.replace(at, what.size(), instead);
  }
  return text;
}

}  // namespace webhook_plugin
