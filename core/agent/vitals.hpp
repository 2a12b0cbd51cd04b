// Is the workload well? Asks its health checks in order, regularly, while it runs. On the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/model/time.hpp"
#include "core/plugins/instance.hpp"

namespace understudy::agent {

class Vitals {
 public:
  struct Verdict {
    bool well = true;
    std::string detail;
    bool after_failure = false;  ///< well by the word of a check that was asked because an earlier one failed
  };
  using OnVerdict = std::function<void(const Verdict&)>;

  Vitals(boost::asio::io_context& loop, std::vector<std::unique_ptr<plugins::Instance>> checks, Millis interval);

  [[nodiscard]] bool any() const noexcept { return !checks_.empty(); }
  /// Begins to ask; the first answer may come at once.
  void start(OnVerdict heard);
  void stop();

 private:
  void ask(std::size_t index, std::uint64_t turn, bool after_failure = false);
  void heard(std::size_t index, std::uint64_t turn, bool after_failure, const sdk::Result& result);
  void conclude(const Verdict& verdict);

  std::vector<std::unique_ptr<plugins::Instance>> checks_;
  Millis interval_;
  OnVerdict on_verdict_;
  std::uint64_t turn_ = 0;
  boost::asio::steady_timer timer_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace understudy::agent
