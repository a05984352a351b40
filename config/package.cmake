# The packages: `cpack --config build/release/CPackConfig.cmake` makes a .deb and an .rpm in build/release/packages. The same
# binary gives the same packages, byte for byte.

set(CPACK_GENERATOR DEB RPM)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_PACKAGE_NAME lictor)
set(CPACK_PACKAGE_VENDOR "The lictor maintainers")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "attends the Consul client agent of one node")
set(DESCRIPTION
"lictor finds the address to bind to, settles the node's identity, writes the
configuration of HashiCorp Consul's client agent, launches it, registers the
node's own services, watches, and leaves the cluster when told to stop.
.
The service is installed disabled: it is of use once /etc/lictor/lictor.json
names the Consul servers.")

# No library: the binaries are static. passwd has useradd, and is there on the smallest systems, which adduser is not.
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The lictor maintainers <maintainers@lictor.invalid>")
set(CPACK_DEBIAN_PACKAGE_DEPENDS passwd)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS consul)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "${DESCRIPTION}")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA conffiles postinst prerm postrm)
list(TRANSFORM CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA PREPEND ${CMAKE_CURRENT_LIST_DIR}/debian/)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_COMPRESSION_TYPE xz)
set(CPACK_RPM_PACKAGE_LICENSE Apache-2.0)
string(REPLACE "\n.\n" "\n\n" CPACK_RPM_PACKAGE_DESCRIPTION "${DESCRIPTION}")
set(CPACK_RPM_PACKAGE_AUTOREQPROV OFF)
set(CPACK_PACKAGE_RELOCATABLE OFF)
# They make the user before any file is there that could be its own.
set(CPACK_RPM_PACKAGE_REQUIRES_PRE "/usr/sbin/useradd, /usr/sbin/groupadd, /usr/bin/getent")
set(CPACK_RPM_PRE_INSTALL_SCRIPT_FILE ${CMAKE_CURRENT_LIST_DIR}/rpm/pre)
set(CPACK_RPM_POST_INSTALL_SCRIPT_FILE ${CMAKE_CURRENT_LIST_DIR}/rpm/post)
set(CPACK_RPM_PRE_UNINSTALL_SCRIPT_FILE ${CMAKE_CURRENT_LIST_DIR}/rpm/preun)
set(CPACK_RPM_POST_UNINSTALL_SCRIPT_FILE ${CMAKE_CURRENT_LIST_DIR}/rpm/postun)
set(CPACK_RPM_USER_FILELIST "%config(noreplace) /etc/lictor/lictor.json" "%license /usr/share/licenses/lictor/LICENSE")
# Folders that are others' there, the distribution's or a shell's.
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION /etc /usr/lib/systemd /usr/lib/systemd/system /usr/lib/sysusers.d
  /usr/share/bash-completion /usr/share/bash-completion/completions /usr/share/zsh /usr/share/zsh/site-functions
  /usr/share/fish /usr/share/fish/vendor_completions.d /usr/share/licenses /usr/share/man /usr/share/man/man1
  /usr/share/man/man5 /var /var/lib)
# The files are finished: nothing is to be stripped, compressed or searched for what another package needs.
set(CPACK_RPM_SPEC_MORE_DEFINE
"%define __os_install_post %{nil}
%define debug_package %{nil}
%define _build_id_links none
%define _buildhost localhost
%define source_date_epoch_from_changelog 0
%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1")

if(CMAKE_CROSSCOMPILING)
  set(CPACK_RPM_PACKAGE_ARCHITECTURE ${CMAKE_SYSTEM_PROCESSOR})
  string(REPLACE aarch64 arm64 CPACK_DEBIAN_PACKAGE_ARCHITECTURE ${CMAKE_SYSTEM_PROCESSOR})
endif()

foreach(KIND deb rpm)
  install(CODE "set(LICTOR_SOURCE_DIR \"${PROJECT_SOURCE_DIR}\")" COMPONENT ${KIND} EXCLUDE_FROM_ALL)
endforeach()
install(SCRIPT ${CMAKE_CURRENT_LIST_DIR}/debian/install.cmake COMPONENT deb EXCLUDE_FROM_ALL)
install(SCRIPT ${CMAKE_CURRENT_LIST_DIR}/rpm/install.cmake COMPONENT rpm EXCLUDE_FROM_ALL)

# What is read anew for each of the two.
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_LIST_DIR}/cpack.cmake)
set(CPACK_LICTOR_SOURCE_DIR ${PROJECT_SOURCE_DIR})
set(CPACK_LICTOR_BINARY_DIR ${PROJECT_BINARY_DIR})
include(CPack)
