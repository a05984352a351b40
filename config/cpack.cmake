# Read by cpack for each package that it makes. What every host takes, and then what this kind of package has otherwise.
string(TOLOWER ${CPACK_GENERATOR} KIND)
set(CPACK_INSTALL_CMAKE_PROJECTS
  "${CPACK_LICTOR_BINARY_DIR};lictor;ALL;/;${CPACK_LICTOR_BINARY_DIR};lictor;${KIND};/")

# The date of everything in the package, that of the last commit or, without git, a fixed one: it does not depend on when the
# package is made.
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  execute_process(COMMAND git -c safe.directory=* -C ${CPACK_LICTOR_SOURCE_DIR} log -1 --format=%ct
    OUTPUT_VARIABLE DATE OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT DATE)
    set(DATE 1767225600)
  endif()
  set(ENV{SOURCE_DATE_EPOCH} ${DATE})
endif()
