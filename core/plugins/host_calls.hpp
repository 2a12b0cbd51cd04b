// What one plugin instance asks of its host, whichever way its messages come: calls are started with their deadlines
// and answered, notifications are logged or handed on. On the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/plugins/instance.hpp"
#include "core/plugins/log_budget.hpp"
#include "core/plugins/registry.hpp"

namespace understudy::plugins {

class HostCalls {
 public:
  using Reply = std::function<void(us_op op, std::int32_t status, const std::string& body)>;
  using Item = std::function<void(const char* topic, const std::string& body)>;

  /// `reply` and `item` carry messages to the plugin; neither is called after close().
  HostCalls(const Registry::Wiring& wiring, host::Caller caller, Reply reply, Item item);
  ~HostCalls() { close(); }
  HostCalls(const HostCalls&) = delete;
  HostCalls& operator=(const HostCalls&) = delete;

  void serve(us_op op, std::string_view method, std::string_view params, Millis budget);
  void cancel(us_op op);
  void notified(std::string_view topic, std::string_view params);
  void on_notify(Instance::OnNotify handler) { on_notify_ = std::move(handler); }
  /// Of the lines that are logged; `budget` outlives this.
  void limit_log(LogBudget& budget) { log_budget_ = &budget; }
  /// Ends what is under way. Its answers are dropped; operations of the same numbers may begin anew.
  void close();
  void reopen();

 private:
  struct State {
    host::Caller caller;
    std::unordered_map<us_op, host::Services::Ticket> tickets;
    bool open = true;
  };
  void write_log(const sdk::Json& params);

  const Registry::Wiring wiring_;
  Reply reply_;
  Item item_;
  Instance::OnNotify on_notify_;
  LogBudget* log_budget_ = nullptr;
  std::shared_ptr<State> state_;
};

}  // namespace understudy::plugins
