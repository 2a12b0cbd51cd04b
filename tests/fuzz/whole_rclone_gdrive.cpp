// The rclone plugin as a whole: what the program prints and how it ends. whole.hpp says what an input is.
#include "tests/fuzz/whole.hpp"

using namespace understudy::fuzz;

namespace {

const std::vector<Question>& questions() {
  static const Json settings = {
      {"remote", "far:shops"}, {"work_dir", (work_folder() / "rclone").string()}, {"retries", 1}, {"retry_wait", 1}};
  const std::string id = "20261120T101502.000Z-e5";
  const Json paths = {
      {{"name", "state"}, {"path", std::filesystem::path(own_file("state/file", "content")).parent_path().string()}}};
  static const std::vector<Question> all = {
      {"state", settings, "store.list/1", {{"service", "shop"}}},
      {"state", settings, "store.push/1", {{"service", "shop"}, {"id", id}, {"epoch", 5}, {"paths", paths}}},
      {"state",
       settings,
       "store.pull/1",
       {{"service", "shop"}, {"id", id}, {"staging", (work_folder() / "staging").string()}}},
      {"state", settings, "store.verify/1", {{"service", "shop"}, {"id", id}}},
      {"state",
       settings,
       "store.prune/1",
       {{"service", "shop"}, {"keep_days", 0}, {"keep_at_least", 1}, {"dry_run", false}}},
      {"state", settings, "store.fence/1", {{"service", "shop"}, {"epoch", 6}}}};
  return all;
}

}  // namespace

FUZZ(input) { ask_whole(understudy_plugin(), questions(), input); }
