// What a site that had been replaced wanted to save: kept for a person in SERVICE/aside/ID, as a snapshot would be.
// [worker]; throws sdk::Failure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace local_dir {

/// So many are kept; then nothing more is stored but what was under way when a newer epoch began.
constexpr std::size_t most_aside = 5;

/// The folder of one.
[[nodiscard]] std::string aside_of(const std::string& folder, const std::string& id);
[[nodiscard]] bool is_aside(const std::string& folder, const std::string& id);
[[nodiscard]] std::size_t count_aside(const std::string& folder);
/// Moves a whole staged snapshot there.
void set_aside(const std::string& folder, const std::string& id, const std::string& staging, bool sync);
/// Those brought longer ago than `age_ms`.
void prune_aside(const std::string& folder, std::int64_t now_ms, std::int64_t age_ms);

/// The answer to a push of `epoch` where `newest` is known. `fate`: what became of its data.
[[noreturn]] void refuse_old(std::uint64_t epoch, std::uint64_t newest, const std::string& fate);

}  // namespace local_dir
