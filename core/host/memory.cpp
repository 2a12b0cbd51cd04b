#include "core/host/memory.hpp"

#include <cstdlib>  // __GLIBC__
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace understudy::host {

void give_back_memory() noexcept {
#if defined(__GLIBC__)
  ::malloc_trim(0);
#endif
}

}  // namespace understudy::host
