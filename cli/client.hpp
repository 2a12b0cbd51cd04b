// Talks to the running orchestrator: over its unix socket, with the token beside it. Blocking.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <variant>

#include <nlohmann/json.hpp>

namespace understudy::cli {

/// Nobody answers there.
struct Unreachable {
  std::string message, hint;
  bool timed_out = false;  ///< somebody listens there, and has not answered in time
};
struct Reply {
  int status = 0;
  nlohmann::json body;
  [[nodiscard]] bool ok() const noexcept { return status >= 200 && status < 300; }
};

class Client {
 public:
  explicit Client(std::filesystem::path data_dir) : data_dir_(std::move(data_dir)) {}
  [[nodiscard]] std::variant<Reply, Unreachable> request(
      const std::string& method, const std::string& path, const nlohmann::json& body = nullptr,
      std::chrono::milliseconds timeout = std::chrono::seconds(30)) const;

 private:
  std::filesystem::path data_dir_;
};

}  // namespace understudy::cli
