# What `cmake --install` does beside the binary. In it /usr stands for the prefix, and below any other prefix the
# settings are there too, which the unit then has to name. The caller sets LICTOR_SOURCE_DIR and LICTOR_BINARY_DIR.
cmake_path(SET PREFIX NORMALIZE "${CMAKE_INSTALL_PREFIX}")
if(PREFIX STREQUAL "/usr")
  set(SETTINGS /etc/lictor)
else()
  set(SETTINGS ${PREFIX}/etc/lictor)
endif()

# A folder of this run's own: two may install from one build at the same time.
string(RANDOM LENGTH 8 RUN)
set(STAGE ${LICTOR_BINARY_DIR}/install.${RUN})

# install_text(FILE FOLDER): with the paths of this prefix.
function(install_text FILE FOLDER)
  cmake_path(GET FILE FILENAME NAME)
  file(READ ${LICTOR_SOURCE_DIR}/${FILE} TEXT)
  if(NOT PREFIX STREQUAL "/usr")
    set(RUN_LINE "ExecStart=/usr/bin/lictor run")
    string(REPLACE "${RUN_LINE}" "${RUN_LINE} -c ${SETTINGS}/lictor.json" TEXT "${TEXT}")
    string(REPLACE "/usr/" "${PREFIX}/" TEXT "${TEXT}")
  endif()
  file(WRITE ${STAGE}/${NAME} "${TEXT}")
  file(INSTALL ${STAGE}/${NAME} DESTINATION ${FOLDER})
endfunction()

install_text(systemd/lictor.service ${PREFIX}/lib/systemd/system)
install_text(systemd/hardening.conf ${PREFIX}/share/doc/lictor/examples)
install_text(docs/lictor.1 ${PREFIX}/share/man/man1)
install_text(docs/lictor-kubernetes.1 ${PREFIX}/share/man/man1)
install_text(docs/lictor.json.5 ${PREFIX}/share/man/man5)
# Never over what an administrator has written.
if(NOT EXISTS "$ENV{DESTDIR}${SETTINGS}/lictor.json")
  install_text(systemd/lictor.json ${SETTINGS})
endif()
file(REMOVE_RECURSE ${STAGE})
