#include "fence.hpp"

#include <charconv>
#include <filesystem>

#include "files.hpp"
#include "snapshot/epochs.hpp"

namespace local_dir {

using namespace understudy::sdk;

std::optional<std::uint64_t> fence_from(const std::string& text) {
  std::uint64_t out = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, out);
  if (error != std::errc() || rest + 1 != end || *rest != '\n' || out > understudy::snapshot::most_epochs)
    return std::nullopt;
  return out;
}

std::uint64_t read_fence(const std::string& folder) {
  const std::string path = folder + "/fence";
  if (!std::filesystem::exists(path)) return 0;
  if (const auto epoch = fence_from(slurp(path))) return *epoch;
  throw Failure(Status::invalid, path + " is damaged: which epochs may save is not known",
                "write the epoch that runs into it, as `understudy status` shows it, and a line end");
}

void raise_fence(const std::string& folder, std::uint64_t epoch) {
  if (read_fence(folder) >= epoch) return;
  replace_file(folder, "fence", std::to_string(epoch) + "\n", true);
}

}  // namespace local_dir
