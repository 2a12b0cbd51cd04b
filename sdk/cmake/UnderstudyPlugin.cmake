# understudy_add_plugin(NAME sources ...): a library NAME.so that exports understudy_plugin and nothing else.
# Hidden symbols matter: two plugins must not share one another's template statics.
function(understudy_add_plugin name)
  set(exports ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.exports)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE understudy::sdk)
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so"
    CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(NOT APPLE)
    target_link_options(${name} PRIVATE "LINKER:--version-script=${exports}")
    set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS ${exports})
  endif()
endfunction()

# understudy_add_plugin_test(NAME sources ...): a program of the plugin's sources and its tests, run by ctest. The tests
# talk to understudy_plugin() through <understudy/testing.hpp>.
function(understudy_add_plugin_test name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE understudy::sdk)
  add_test(NAME ${name} COMMAND ${name})
endfunction()
