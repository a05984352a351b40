# Read by cpack when it runs: the date of everything in the package, so that it does not depend on when it is made.
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  execute_process(COMMAND git -c safe.directory=* -C ${CPACK_LICTOR_SOURCE_DIR} log -1 --format=%ct
    OUTPUT_VARIABLE DATE OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT DATE)
    set(DATE 1767225600)
  endif()
  set(ENV{SOURCE_DATE_EPOCH} ${DATE})
endif()
