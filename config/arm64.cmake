# Cross-compiling for arm64 on a Debian of another architecture (./dev build --arch arm64, docker/Dockerfile).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)

# Of all libraries but these only headers are used, which are the same for every architecture: this machine's own will do.
foreach(NAME fmt spdlog)
  set(${NAME}_DIR /usr/lib/${CMAKE_HOST_SYSTEM_PROCESSOR}-linux-gnu/cmake/${NAME})
endforeach()
# Nettle and Mbed TLS are where ./dev has put them, or installed beside this machine's own.
set(CMAKE_LIBRARY_PATH ${CMAKE_CURRENT_LIST_DIR}/../build/arm64/usr/lib/aarch64-linux-gnu /usr/lib/aarch64-linux-gnu)
