# `-DUNDERSTUDY_UNITY=ON` compiles all sources of a library as one: release takes half the time, and the presets that only look for something
# (sanitizers, the other compiler, clang-tidy) less. A file's helpers then meet those of its neighbours, so that a name that two files of
# a library give to different things keeps one of the two apart, here. A missing #include is found by debug, which compiles each by itself
# and only again what has changed, and by `scripts/lint FILE`.
if(NOT UNDERSTUDY_UNITY)
  return()
endif()

# apart(TARGET FOLDER names of files without .cpp [AND names ...] ...): these are one, and so are those after each AND, and the rest.
function(apart target folder)
  if(NOT TARGET ${target})
    return()
  endif()
  get_target_property(files ${target} SOURCES)
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
  set_source_files_properties(${files} TARGET_DIRECTORY ${target} PROPERTIES UNITY_GROUP rest)
  set(group 1)
  foreach(name ${ARGN})
    if(name STREQUAL "AND")
      math(EXPR group "${group} + 1")
    else()
      set_source_files_properties(${CMAKE_SOURCE_DIR}/${folder}/${name}.cpp TARGET_DIRECTORY ${target} PROPERTIES UNITY_GROUP apart_${group})
    endif()
  endforeach()
endfunction()

# A plugin, and the library of its files that fuzzers read with.
function(apart_in_plugin name)
  apart(plugin_${name} plugins/${name} ${ARGN})
  apart(read_${name} plugins/${name} ${ARGN})
endfunction()

apart(us_config core/config rehearsal services week)
apart(read_config_room core/config rehearsal services week)
apart(us_failover core/failover watching)
apart(us_journal core/journal past writer)
apart(us_plugins core/plugins local_instance manifest)
apart(us_rehearse core/rehearse play_plan probing render)
apart(us_runtime core/runtime drill_report orchestrator runner_effects runner_plan runner_targets)
apart_in_plugin(docker_compose tunnel)
apart_in_plugin(flyio prewarm stopping)
apart_in_plugin(gcp_cloudrun cloud_run exchange secret_manager state store)
apart_in_plugin(rclone_gdrive workshop)
apart(plugin_smtp plugins/smtp dialogue)
apart(one_smtp plugins/smtp body settings)
apart_in_plugin(telegram desk incident)
apart(plugin_webhook plugins/webhook slack)
apart(one_webhook plugins/webhook ntfy)
apart(us_simulator tests/sim site)
apart(unit_tests tests/unit failover_chaos_test failover_lease_test failover_story_test fence_offer_test
  AND drill_test prober_test property_detect_test state_keeper_test AND lease_test rooms_test AND property_alerts_test)
apart(us_conformance core/conformance cases_state AND cases_target)
