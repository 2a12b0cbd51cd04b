# understudy_add_plugin(NAME sources ...): a library NAME.so that exports understudy_plugin and nothing else.
# Hidden symbols matter: two plugins must not share one another's template statics.
function(understudy_add_plugin name)
  set(exports ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.exports)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE understudy_sdk)
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so"
    CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(NOT APPLE)
    target_link_options(${name} PRIVATE "LINKER:--version-script=${exports}")
    set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS ${exports})
  endif()
endfunction()
