#include "core/conformance/recorder.hpp"

#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/conformance/redaction.hpp"

namespace understudy::conformance {
namespace {

using Clock = std::chrono::steady_clock;
using sdk::Json;

constexpr std::uintmax_t largest_file = 256 * 1024;

/// What came to a file, for the replay to write it again. A large one would make no cassette that people read.
std::optional<std::string> arrived(const Json& params) {
  const auto path = params.value("to_file", "");  // a string, since it was written to
  std::error_code problem;
  const auto size = path.empty() ? 0 : std::filesystem::file_size(path, problem);
  if (path.empty() || problem || size > largest_file) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

std::int64_t since(Clock::time_point begin) { return std::chrono::duration_cast<Millis>(Clock::now() - begin).count(); }

}  // namespace

struct Recorder::Tape {
  std::deque<HostExchange> exchanges;  ///< references stay good
  std::map<std::string, std::string> stand_ins;
  Redaction redaction;

  void secret(const std::string& key, const std::string& value) {
    const auto chosen = stand_ins.find(key);
    redaction.add(value, chosen == stand_ins.end() ? placeholder(key) : chosen->second);
  }
  void answered(HostExchange& entry, const sdk::Result& result) {
    entry.answer = answer_json(result);
    if (!result.ok()) return;
    if (entry.method == "secret.get/1") secret(entry.params.value("key", ""), result.value.value("value", ""));
    if (entry.method != "http.request/1") return;
    redaction.look_at_answer(result.value);
    if (result.value.contains("bytes")) entry.file = arrived(entry.params);
  }
};

Recorder::Recorder(std::unique_ptr<host::Services> real, std::map<std::string, std::string> stand_ins)
    : real_(std::move(real)), tape_(std::make_shared<Tape>()) {
  tape_->stand_ins = std::move(stand_ins);
}

Recorder::Ticket Recorder::start(host::ServiceCall call) {
  auto& entry = tape_->exchanges.emplace_back();
  entry.method = call.method;
  entry.params = call.params;
  entry.after_ms = -1;
  if (call.method == "http.request/1") tape_->redaction.look_at_request(call.params);
  const auto begin = Clock::now();
  call.done = [tape = tape_, &entry, begin, done = std::move(call.done)](sdk::Result result) {
    entry.after_ms = since(begin);
    tape->answered(entry, result);
    done(std::move(result));
  };
  if (call.on_item) {
    call.on_item = [tape = tape_, &entry, begin, on_item = std::move(call.on_item)](const Json& item) {
      entry.items.push_back({since(begin), item});
      on_item(item);
    };
  }
  return real_->start(std::move(call));
}

Json Recorder::without_secrets(const Json& value) const { return tape_->redaction.cleaned(value); }

std::vector<HostExchange> Recorder::exchanges() const {
  std::vector<HostExchange> out;
  for (auto e : tape_->exchanges) {
    e.params = without_secrets(e.params);
    e.answer = without_secrets(e.answer);
    if (e.file) e.file = without_secrets(*e.file).get<std::string>();
    for (auto& item : e.items) item.item = without_secrets(item.item);
    out.push_back(std::move(e));
  }
  return out;
}

}  // namespace understudy::conformance
