#include "conditions.hpp"

#include <charconv>

namespace http_plugin {
namespace {

using understudy::sdk::Failure;
using understudy::sdk::Status;

std::optional<int> number(std::string_view text) {
  int out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

std::pair<int, int> range_of(const Json& one) {
  if (one.is_number_integer()) return {one.get<int>(), one.get<int>()};
  const auto text = one.is_string() ? one.get<std::string>() : std::string();
  if (text.size() == 3 && text.substr(1) == "xx" && text[0] >= '1' && text[0] <= '5')
    return {(text[0] - '0') * 100, (text[0] - '0') * 100 + 99};
  if (const auto dash = text.find('-'); dash != std::string::npos) {
    const auto from = number(text.substr(0, dash)), to = number(text.substr(dash + 1));
    if (from && to && *from <= *to) return {*from, *to};
  }
  if (const auto single = number(text)) return {*single, *single};
  throw Failure(Status::invalid, "status " + one.dump() + " cannot be read", "write 200, \"2xx\" or \"200-299\"");
}

std::string shortened(const Json& value) {
  std::string out = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (out.size() > 60) out = out.substr(0, 57) + "...";
  return out;
}

}  // namespace

StatusSet::StatusSet(const Json& setting) {
  if (setting.is_array()) {
    for (const auto& one : setting) ranges_.push_back(range_of(one));
  } else {
    ranges_.push_back(range_of(setting));
  }
}

bool StatusSet::contains(int status) const {
  for (const auto& [from, to] : ranges_) {
    if (status >= from && status <= to) return true;
  }
  return false;
}

JsonCondition::JsonCondition(const std::string& path, const Json& expected) : path_(path), value_(expected) {
  if (path.empty() || path.front() != '$')
    throw Failure(Status::invalid, "\"" + path + "\" is no JSON path",
                  "begin with $, as in $.status or $.items[0].name");
  for (std::size_t at = 1; at < path.size();) {
    if (path[at] == '.') {
      const auto end = std::min(path.find_first_of(".[", at + 1), path.size());
      steps_.emplace_back(path.substr(at + 1, end - at - 1));
      at = end;
      continue;
    }
    const auto close = path.find(']', at);
    const auto index = path[at] == '[' && close != std::string::npos
                           ? number(std::string_view(path).substr(at + 1, close - at - 1))
                           : std::nullopt;
    if (!index || *index < 0)
      throw Failure(Status::invalid, "\"" + path + "\" is no JSON path", "write it like $.items[0].name");
    steps_.emplace_back(static_cast<std::size_t>(*index));
    at = close + 1;
  }
  if (!expected.is_string()) return;
  const auto text = expected.get<std::string>();
  constexpr std::pair<std::string_view, Op> operators[] = {
      {">= ", Op::at_least}, {"<= ", Op::at_most}, {"!= ", Op::unequal},     {"== ", Op::equal},
      {"> ", Op::more},      {"< ", Op::less},     {"matches ", Op::matches}};
  if (text == "exists") op_ = Op::exists;
  for (const auto& [word, op] : operators) {
    if (text.rfind(word, 0) != 0) continue;
    op_ = op;
    const auto rest = text.substr(word.size());
    if (op == Op::matches) {
      pattern_.emplace(rest, "the pattern");
    } else {
      value_ = Json::parse(rest, nullptr, false);
      if (value_.is_discarded()) value_ = rest;
      if (op != Op::equal && op != Op::unequal && !value_.is_number())
        throw Failure(Status::invalid, "\"" + text + "\" compares with something that is no number");
    }
    return;
  }
}

std::optional<std::string> JsonCondition::problem(const Json& body) const {
  const Json* at = &body;
  for (const auto& step : steps_) {
    const auto* name = std::get_if<std::string>(&step);
    const bool there = name != nullptr ? at->is_object() && at->contains(*name)
                                       : at->is_array() && std::get<std::size_t>(step) < at->size();
    if (!there) {
      if (op_ == Op::unequal && !value_.is_null()) return std::nullopt;
      return path_ + " is missing";
    }
    at = name != nullptr ? &at->at(*name) : &at->at(std::get<std::size_t>(step));
  }
  bool holds = false;
  switch (op_) {
    case Op::exists: holds = true; break;
    case Op::equal: holds = *at == value_; break;
    case Op::unequal: holds = *at != value_; break;
    case Op::matches:
      holds = at->is_string() && pattern_->in(at->get_ref<const std::string&>()) == Pattern::Found::yes;
      break;
    case Op::less: holds = at->is_number() && *at < value_; break;
    case Op::at_most: holds = at->is_number() && *at <= value_; break;
    case Op::more: holds = at->is_number() && *at > value_; break;
    case Op::at_least: holds = at->is_number() && *at >= value_; break;
  }
  if (holds) return std::nullopt;
  static constexpr const char* words[] = {"",           "other than ", "less than ", "at most ",
                                          "more than ", "at least ",   "to match ",  "it to exist"};
  const std::string wanted = op_ == Op::matches ? "the pattern" : shortened(value_);
  return path_ + " is " + shortened(*at) + ", expected " + words[static_cast<int>(op_)] + wanted;
}

}  // namespace http_plugin
