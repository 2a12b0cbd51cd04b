// A place where a test build can kill the process: before and after each durable commit. The shipped program links
// fault_none.cpp, where this does nothing; the crash test links fault_env.cpp.
#pragma once

#include <string_view>

namespace understudy::journal {

void fault_point(std::string_view where) noexcept;

}  // namespace understudy::journal
