# The walls of the house, held by the configuration: it fails if the core knows of PostgreSQL, or if anything
# but src/pg/compat.hpp tells its versions apart.

# Fails on each line of the files that matches `pattern`, unless it matches `allowed` as well.
function(forbid files pattern allowed why)
  foreach(file IN LISTS files)
    file(STRINGS ${file} lines REGEX "${pattern}")
    list(FILTER lines EXCLUDE REGEX "${allowed}")
    if(lines)
      file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR} ${file})
      list(JOIN lines "\n  " lines)
      message(SEND_ERROR "${name}: ${why}:\n  ${lines}")
    endif()
  endforeach()
endfunction()

file(GLOB_RECURSE all_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.cpp ${PROJECT_SOURCE_DIR}/src/*.hpp)
set(core_files ${all_files})
list(FILTER core_files INCLUDE REGEX "/src/core/")
set(outside_compat ${all_files})
list(FILTER outside_compat EXCLUDE REGEX "/src/pg/compat\\.hpp$")
# A changed include is looked at by the next build, not only by the next configuration.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${all_files})

forbid("${core_files}"
  "^[ \t]*#[ \t]*include"
  "include (\"core/[a-z_]+\\.hpp\"|<[a-z_]+>|<boost/container/[a-z_/]+\\.hpp>)[ \t]*(//.*)?$"
  "the core includes only itself, the standard library and Boost.Container")
forbid("${outside_compat}" "PG_VERSION_NUM" "^$" "PostgreSQL's versions are told apart in src/pg/compat.hpp alone")
