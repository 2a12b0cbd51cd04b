#include "work.hpp"

#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace gcp {

void each(std::size_t count, int threads, const std::function<void(std::size_t)>& fn) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr first;
  const auto run = [&] {
    for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      try {
        fn(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!first) first = std::current_exception();
        next.store(count);
      }
    }
  };
  std::vector<std::thread> helpers;
  const auto wanted = std::min(count, static_cast<std::size_t>(std::max(1, threads)));
  helpers.reserve(wanted);
  try {
    while (helpers.size() + 1 < wanted) helpers.emplace_back(run);
  } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): no more threads to be had; fewer do it too
  }
  run();
  for (auto& helper : helpers) helper.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace gcp
