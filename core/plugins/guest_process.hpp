// The process of an isolated plugin: started, spoken to in frames, watched until it ends. On the loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "core/host/log.hpp"
#include "core/plugins/frame.hpp"

namespace understudy::plugins {

class GuestProcess {
 public:
  struct Spec {
    std::filesystem::path program;  ///< understudy itself
    std::filesystem::path library;
    std::map<std::string, std::string> env;  ///< its whole environment
    std::string name;                        ///< for the log
  };
  struct Listener {
    std::function<void(const Frame&)> frame;
    std::function<void(const std::string& cause)> ended;  ///< once; "signal 11 (SIGSEGV)", "exit code 3"
  };

  /// The running process, or why it could not be started.
  [[nodiscard]] static std::variant<std::unique_ptr<GuestProcess>, std::string> start(boost::asio::io_context& loop,
                                                                                      host::Logger& log,
                                                                                      const Spec& spec,
                                                                                      Listener listener);
  /// Closes the socket, so that it ends by itself; what lives on is killed a second later. Nothing is told any more.
  ~GuestProcess();
  GuestProcess(const GuestProcess&) = delete;
  GuestProcess& operator=(const GuestProcess&) = delete;

  void send(const Frame& frame);
  /// Kills it; ended() follows with `cause`.
  void kill(std::string cause);
  /// Blocks until a frame came or the time is over; for the first greeting only.
  void wait_for_frame(int timeout_ms);
  /// False once it has ended or is being killed, also before ended() was told.
  [[nodiscard]] bool alive() const noexcept;

 private:
  struct Impl;
  explicit GuestProcess(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace understudy::plugins
