# What the Debian package has otherwise than `cmake --install`; runs after that, on the same tree.
set(DOC $ENV{DESTDIR}/usr/share/doc/lictor)
file(INSTALL ${LICTOR_SOURCE_DIR}/config/debian/copyright ${LICTOR_SOURCE_DIR}/config/debian/changelog
  DESTINATION /usr/share/doc/lictor)
file(INSTALL ${LICTOR_SOURCE_DIR}/config/debian/lintian-overrides
  DESTINATION /usr/share/lintian/overrides RENAME lictor)
# The copyright file points at Debian's own copy.
file(REMOVE ${DOC}/LICENSE)
set(MAN $ENV{DESTDIR}/usr/share/man)
execute_process(COMMAND gzip -9nf ${DOC}/changelog ${MAN}/man1/lictor.1 ${MAN}/man1/lictor-kubernetes.1 ${MAN}/man5/lictor.json.5
  COMMAND_ERROR_IS_FATAL ANY)
# Where lictor has the agent's data, as the unit's StateDirectory= says: by it `lictor check` knows before the first start.
file(MAKE_DIRECTORY $ENV{DESTDIR}/var/lib/lictor)
# Folders were made with whatever umask cpack was started with.
file(CHMOD_RECURSE $ENV{DESTDIR}/etc $ENV{DESTDIR}/usr $ENV{DESTDIR}/var DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
