# What the RPM has otherwise than `cmake --install`; runs after that, on the same tree.
set(ROOT $ENV{DESTDIR})
file(MAKE_DIRECTORY ${ROOT}/usr/share/licenses/lictor ${ROOT}/usr/share/zsh/site-functions)
file(RENAME ${ROOT}/usr/share/doc/lictor/LICENSE ${ROOT}/usr/share/licenses/lictor/LICENSE)
file(RENAME ${ROOT}/usr/share/zsh/vendor-completions/_lictor ${ROOT}/usr/share/zsh/site-functions/_lictor)
file(REMOVE_RECURSE ${ROOT}/usr/share/zsh/vendor-completions)
execute_process(COMMAND gzip -9nf ${ROOT}/usr/share/man/man1/lictor.1 ${ROOT}/usr/share/man/man1/lictor-kubernetes.1
  ${ROOT}/usr/share/man/man5/lictor.json.5
  COMMAND_ERROR_IS_FATAL ANY)
# Where lictor has the agent's data, as the unit's StateDirectory= says: by it `lictor check` knows before the first start.
file(MAKE_DIRECTORY ${ROOT}/var/lib/lictor)
# Folders were made with whatever umask cpack was started with.
file(CHMOD_RECURSE ${ROOT}/etc ${ROOT}/usr ${ROOT}/var DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
