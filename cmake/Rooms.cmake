# A room is a folder of core/. Pure rooms see of the standard library, fmt and nlohmann/json what does no I/O; scripts/check-layers
# checks the includes, and this file sees to it that a pure room's precompiled header holds no I/O either.

# understudy_room(NAME PURE|IO [other rooms or libraries it may use ...])
function(understudy_room name kind)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  if(NOT sources)
    add_library(us_${name} INTERFACE)
    target_link_libraries(us_${name} INTERFACE understudy_flags understudy_sdk ${ARGN})
    return()
  endif()
  add_library(us_${name} STATIC ${sources})
  target_link_libraries(us_${name} PUBLIC understudy_flags understudy_sdk ${ARGN})
  if(kind STREQUAL "PURE")
    target_precompile_headers(us_${name} REUSE_FROM us_pch_pure)
  else()
    target_precompile_headers(us_${name} REUSE_FROM us_pch_io)
  endif()
endfunction()
