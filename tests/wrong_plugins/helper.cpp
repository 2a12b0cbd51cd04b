// What a library should not export.
#include "understudy/abi.h"

extern "C" US_EXPORT int helper_of_mine();
extern "C" US_EXPORT int helper_of_mine() { return 7; }
