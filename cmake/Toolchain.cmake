# Warnings, sanitizers, compiler cache and linker, the same for everything of ours.
add_library(understudy_flags INTERFACE)
target_compile_options(understudy_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
  -Wcast-qual -Wformat=2)
if(UNDERSTUDY_WERROR)
  target_compile_options(understudy_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these inside std::string and nlohmann/json at -O2: known false positives (GCC bugs 105329, 105651).
  target_compile_options(understudy_flags INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-stringop-overread
    -Wno-array-bounds -Wno-dangling-pointer -Wno-free-nonheap-object)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # libstdc++ 12's own stable_sort calls what it declares deprecated.
  target_compile_options(understudy_flags INTERFACE -Wno-deprecated-declarations)
endif()
if(UNDERSTUDY_UNITY)
  # Of a neighbour file's helper; and what looks like a header's anonymous namespace.
  target_compile_options(understudy_flags INTERFACE -Wno-shadow $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()
target_compile_definitions(understudy_flags INTERFACE UNDERSTUDY_VERSION="${PROJECT_VERSION}")
target_include_directories(understudy_flags INTERFACE ${CMAKE_SOURCE_DIR})

if(UNDERSTUDY_SANITIZE)
  if(UNDERSTUDY_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)  # Asio's fences, which g++'s tsan does not model
  endif()
  add_compile_options(-fsanitize=${UNDERSTUDY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${UNDERSTUDY_SANITIZE})
  target_compile_definitions(understudy_flags INTERFACE UNDERSTUDY_SANITIZED)
  if(UNDERSTUDY_FUZZ)
    # nlohmann/json casts a float that is read as an integer, whatever its size: undefined in form, a fixed value in fact.
    add_compile_options(-fno-sanitize=float-cast-overflow)
  endif()
endif()

find_program(UNDERSTUDY_CCACHE ccache)
if(UNDERSTUDY_CCACHE)
  # The sloppiness is what lets ccache work together with precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${UNDERSTUDY_CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()

find_program(UNDERSTUDY_MOLD mold)
if(UNDERSTUDY_MOLD AND NOT APPLE)
  add_link_options(-fuse-ld=mold)
endif()
