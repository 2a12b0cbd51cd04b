// The lowest epoch that may still save, in the file SERVICE/fence: raised by store.fence and by each first push of an
// epoch, never lowered. [worker]; the caller holds the commit lock of `folder` around raising,
// and around reading when it acts on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace local_dir {

/// 0 when none was ever set. Throws sdk::Failure(invalid) when the file is damaged: nothing may be taken then.
[[nodiscard]] std::uint64_t read_fence(const std::string& folder);
/// On the disk when it returns, whatever `fsync` says. Nothing is written when it is there already.
void raise_fence(const std::string& folder, std::uint64_t epoch);

/// The content of the file; nothing when it is damaged. Pure.
[[nodiscard]] std::optional<std::uint64_t> fence_from(const std::string& text);

}  // namespace local_dir
