// What a site that had been replaced wanted to save: kept for a person in SERVICE/aside/ID, as a snapshot would be.
// [worker]; throws sdk::Failure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace local_dir {

/// The folder of one. Names there that begin with a dot are of none: still being copied, or left by a crash.
[[nodiscard]] std::string aside_of(const std::string& folder, const std::string& id);
[[nodiscard]] bool is_aside(const std::string& folder, const std::string& id);
[[nodiscard]] std::size_t count_aside(const std::string& folder);
/// Moves a whole staged snapshot there.
void set_aside(const std::string& folder, const std::string& id, const std::string& staging, bool sync);
/// Those brought longer ago than `age_ms`, each told to `removed`; and leftovers after `leftover_age_ms`.
void prune_aside(const std::string& folder, std::int64_t now_ms, std::int64_t age_ms, std::int64_t leftover_age_ms,
                 const std::function<void(const std::string&)>& removed);

}  // namespace local_dir
