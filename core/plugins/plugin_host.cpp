#include "core/plugins/plugin_host.hpp"

#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <optional>

#include "core/plugins/frame.hpp"
#include "core/plugins/library.hpp"
#include "core/plugins/sandbox.hpp"

namespace understudy::plugins {
namespace {

constexpr const char* too_large_answer =
    R"({"message": "the plugin's answer is larger than 4 MiB", "hint": "this is a bug of the plugin", "kind": "too_large"})";

us_bytes bytes(std::string_view text) { return {text.data(), text.size()}; }
std::string text(us_bytes raw) { return raw.len == 0 ? std::string() : std::string(raw.data, raw.len); }

/// The core's port as the plugin sees it: every verb is a message. [any thread]
class Wire {
 public:
  explicit Wire(int fd) : fd_(fd) {}

  us_port port() noexcept { return {sizeof(us_port), 0, this, on_call, on_cancel, on_complete, on_notify}; }

  void send(const Frame& frame) noexcept {
    try {
      const std::lock_guard lock(mutex_);
      if (send_at_once(fd_, frame, no_signal)) return;
      const auto packets = encode(frame);
      for (const auto& packet : packets) {
        while (::send(fd_, packet.data(), packet.size(), no_signal) < 0) {
          if (errno != EINTR) ::_exit(0);  // the core is gone
        }
      }
    } catch (...) {
      ::_exit(70);  // no memory to answer with: the core sees the end and says so
    }
  }

  /// The next message; nothing when the core has closed the socket, or says what cannot be read.
  std::optional<Frame> receive() {
    while (true) {
      const auto n = ::recv(fd_, buffer_.data(), buffer_.size(), 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return std::nullopt;
      auto taken = reader_.take(buffer_.data(), static_cast<std::size_t>(n));
      if (auto* frame = std::get_if<Frame>(&taken)) return std::move(*frame);
      if (const auto* wrong = std::get_if<FrameReader::Broken>(&taken)) {
        broken_ = wrong->why;
        return std::nullopt;
      }
    }
  }
  /// Why receive() ended, when it was not the core that closed the socket.
  [[nodiscard]] const char* broken() const noexcept { return broken_; }

 private:
  static Wire& self(void* ctx) noexcept { return *static_cast<Wire*>(ctx); }
  static void on_call(void* ctx, us_op op, us_bytes method, us_bytes params, std::int64_t budget_ms) noexcept {
    // What is too large for a message the core refuses, in its turn on the loop: it sees no params.
    const bool fits = params.len <= largest_frame_body;
    self(ctx).send({Frame::Kind::call, op, budget_ms, text(method), fits ? text(params) : std::string()});
  }
  static void on_cancel(void* ctx, us_op op) noexcept { self(ctx).send({Frame::Kind::cancel, op, 0, {}, {}}); }
  static void on_complete(void* ctx, us_op op, std::int32_t status, us_bytes result) noexcept {
    if (result.len <= largest_frame_body) return self(ctx).send({Frame::Kind::complete, op, status, {}, text(result)});
    self(ctx).send({Frame::Kind::complete, op, US_UNKNOWN, {}, too_large_answer});
  }
  static void on_notify(void* ctx, us_bytes topic, us_bytes params) noexcept {
    if (params.len <= largest_frame_body) self(ctx).send({Frame::Kind::notify, 0, 0, text(topic), text(params)});
  }

  int fd_;
  std::mutex mutex_;
  FrameReader reader_;
  const char* broken_ = nullptr;
  std::string buffer_ = std::string(largest_packet, '\0');  // only receive(), on the one thread that reads
};

std::string error_body(const std::string& message, const std::string& hint) {
  return sdk::Json{{"message", message}, {"hint", hint}}.dump();
}

void serve(Wire& wire, const us_port& plugin) {
  while (const auto frame = wire.receive()) {
    switch (frame->kind) {
      case Frame::Kind::call:
        plugin.call(plugin.ctx, frame->op, bytes(frame->name), bytes(frame->body), frame->number);
        break;
      case Frame::Kind::cancel: plugin.cancel(plugin.ctx, frame->op); break;
      case Frame::Kind::complete:
        plugin.complete(plugin.ctx, frame->op, static_cast<std::int32_t>(frame->number), bytes(frame->body));
        break;
      case Frame::Kind::notify: plugin.notify(plugin.ctx, bytes(frame->name), bytes(frame->body)); break;
      case Frame::Kind::create:
      case Frame::Kind::created:
      case Frame::Kind::destroy: return;
    }
  }
}

}  // namespace

int run_plugin_host(const std::filesystem::path& path) {
  confine_self(host_socket + 1);
  Wire wire(host_socket);
  const auto create = wire.receive();
  if (!create || create->kind != Frame::Kind::create) return 70;
  auto loaded = load_library(path);
  if (const auto* error = std::get_if<LoadError>(&loaded)) {
    wire.send({Frame::Kind::created, 0, US_INVALID, {}, error_body(error->message, error->hint)});
    return 0;
  }
  const auto& entry = std::get<std::shared_ptr<Library>>(loaded)->entry();
  const us_port host = wire.port();
  us_port plugin{};
  plugin.size = sizeof plugin;
  const auto status = entry.create(&host, bytes(create->body), &plugin);
  if (status == US_OK &&
      (plugin.call == nullptr || plugin.cancel == nullptr || plugin.complete == nullptr || plugin.notify == nullptr)) {
    wire.send({Frame::Kind::created,
               0,
               US_INVALID,
               {},
               error_body("the plugin left a verb of its port empty", "this is a bug of the plugin")});
    return 0;
  }
  wire.send({Frame::Kind::created, 0, status, {}, {}});
  if (status != US_OK) return 0;
  serve(wire, plugin);
  entry.destroy(plugin.ctx);
  if (wire.broken() == nullptr) return 0;
  std::fprintf(stderr, "the core sent what cannot be read: %s\n", wire.broken());
  return 70;
}

int describe_plugin(const std::filesystem::path& path) {
  confine_self(host_socket);
  auto loaded = load_library(path);
  sdk::Json out;
  if (const auto* error = std::get_if<LoadError>(&loaded)) {
    out = {{"message", error->message}, {"hint", error->hint}};
  } else {
    out = {{"manifest", std::get<std::shared_ptr<Library>>(loaded)->manifest().raw}};
  }
  std::puts(out.dump(-1, ' ', false, sdk::Json::error_handler_t::replace).c_str());
  std::fflush(stdout);
  // Not by exit(): a foreign library's destructors are none of our business here.
  ::_exit(0);
}

}  // namespace understudy::plugins
