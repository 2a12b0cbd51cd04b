// process.run/1: runs a program to its end, asynchronously; past its deadline TERM, then KILL, to its whole group.
#pragma once

#include <memory>
#include <unordered_map>

#include <boost/asio/io_context.hpp>

#include "core/host/services.hpp"

namespace understudy::host {

class ProcessRun;

class ProcessRunner {
 public:
  explicit ProcessRunner(boost::asio::io_context& loop) : loop_(loop) {}
  ~ProcessRunner();  ///< kills what runs and answers `unknown`
  ProcessRunner(const ProcessRunner&) = delete;
  ProcessRunner& operator=(const ProcessRunner&) = delete;

  std::uint64_t start(ServiceCall call);
  void cancel(std::uint64_t ticket);

 private:
  boost::asio::io_context& loop_;
  std::uint64_t next_ = 1;
  std::unordered_map<std::uint64_t, std::shared_ptr<ProcessRun>> running_;
};

}  // namespace understudy::host
