// Host services that answer from a cassette, under virtual time: nothing waits, nothing leaves the process.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "core/conformance/cassette.hpp"
#include "core/host/log.hpp"
#include "core/host/services.hpp"

namespace understudy::conformance {

/// On the loop. A call is answered by the first recorded one that is the same and was not used; when none is the same
/// (a signature, a time), by the first of the same method and address. Timers are virtual; the clock tells the times
/// that it told then.
class Replayer final : public host::Services {
 public:
  Replayer(boost::asio::io_context& loop, const Cassette& cassette);
  ~Replayer() override;

  Ticket start(host::ServiceCall call) override;
  void cancel(Ticket ticket) override;
  [[nodiscard]] std::vector<std::string> methods() const override;

  /// Lets virtual time pass up to what happens next. False when nothing is to come.
  bool advance();
  /// When the next thing happens, since the beginning; none when nothing is to come.
  [[nodiscard]] std::optional<std::int64_t> next_at() const;
  /// Lets it pass to `at_ms` since the beginning; what happens on the way happens.
  void advance_to(std::int64_t at_ms);
  /// Calls that the cassette does not know.
  [[nodiscard]] const std::vector<std::string>& surprises() const noexcept;
  /// Recorded calls that nobody made.
  [[nodiscard]] std::vector<std::string> unused() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Replays a whole cassette: every step must be answered as it was. Returns what differs, as sentences.
[[nodiscard]] std::vector<std::string> replay(const std::filesystem::path& library,
                                              const std::filesystem::path& program, host::Logger& log,
                                              const Cassette& cassette);

}  // namespace understudy::conformance
