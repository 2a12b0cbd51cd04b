#include "core/journal/fault_point.hpp"

namespace understudy::journal {
void fault_point(std::string_view) noexcept {}
}  // namespace understudy::journal
