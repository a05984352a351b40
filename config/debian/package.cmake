# The Debian package: `cpack --config build/release/CPackConfig.cmake` makes it in build/release/packages. The same binary
# gives the same package, byte for byte.

# Below /usr things are where Debian has them.
set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_INSTALL_CMAKE_PROJECTS "${PROJECT_BINARY_DIR};lictor;ALL;/;${PROJECT_BINARY_DIR};lictor;debian;/")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_PACKAGE_NAME lictor)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The lictor maintainers <maintainers@lictor.invalid>")
# No library: the binary is static. passwd has useradd, and is there on the smallest systems, which adduser is not.
set(CPACK_DEBIAN_PACKAGE_DEPENDS passwd)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS consul)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "attends the Consul client agent of one node")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"lictor finds the address to bind to, settles the node's identity, writes the
configuration of HashiCorp Consul's client agent, launches it, registers the
node's own services, watches, and leaves the cluster when told to stop.
.
The service is installed disabled: it is of use once /etc/lictor/lictor.json
names the Consul servers.")
set(SCRIPTS ${CMAKE_CURRENT_LIST_DIR})
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${SCRIPTS}/conffiles ${SCRIPTS}/postinst ${SCRIPTS}/prerm ${SCRIPTS}/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

install(CODE "set(LICTOR_SOURCE_DIR \"${PROJECT_SOURCE_DIR}\")" COMPONENT debian EXCLUDE_FROM_ALL)
install(SCRIPT ${CMAKE_CURRENT_LIST_DIR}/install.cmake COMPONENT debian EXCLUDE_FROM_ALL)

# The date of all files in the package: that of the last commit, or, without git, a fixed one.
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_LIST_DIR}/date.cmake)
set(CPACK_LICTOR_SOURCE_DIR ${PROJECT_SOURCE_DIR})
include(CPack)
