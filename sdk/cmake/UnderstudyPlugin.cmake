# understudy_add_plugin(NAME sources ...): a library NAME.so that exports understudy_plugin and nothing else.
# Hidden symbols matter: two plugins must not share one another's template statics.
set(UNDERSTUDY_PLUGIN_EXPORTS ${CMAKE_CURRENT_LIST_DIR}/plugin.exports)

function(understudy_add_plugin name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE understudy_sdk)
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so"
    CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(NOT APPLE)
    target_link_options(${name} PRIVATE "LINKER:--version-script=${UNDERSTUDY_PLUGIN_EXPORTS}")
    set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS ${UNDERSTUDY_PLUGIN_EXPORTS})
  endif()
endfunction()
