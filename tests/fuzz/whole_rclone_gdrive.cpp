// The rclone plugin as a whole: what the program prints and how it ends. whole.hpp says what an input is.
#include "tests/fuzz/requests.hpp"

using namespace understudy::fuzz;

namespace {

const std::vector<Question>& questions() {
  const Json settings = {
      {"remote", "far:shops"}, {"work_dir", (work_folder() / "rclone").string()}, {"retries", 1}, {"retry_wait", 1}};
  static const auto all = of_store(settings);
  return all;
}

}  // namespace

FUZZ(input) { ask_whole(understudy_plugin(), questions(), input); }
