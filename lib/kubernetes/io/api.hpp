// The API asked, with everything that can go wrong as an answer without status.
#pragma once

#include "kubernetes/inquiry.hpp"

#include "base/environment.hpp"

#include <chrono>
#include <cstddef>
#include <string>

namespace lictor::kubernetes {

// Where a pod has its token and the authorities' certificates.
inline constexpr const char* account_folder = "/var/run/secrets/kubernetes.io/serviceaccount";

// A larger answer is not read to its end. A node with the names of its images has some 20 kB.
constexpr std::size_t answer_limit = std::size_t{1} << 20;

// Asks why the pod of this environment is being stopped, over two connections side by side; token and certificates are read
// anew. No proxy is used, whatever the environment names. Returns by `deadline` with what is known then; a thread that still waits
// for DNS may be left behind, so that the process has to end by _exit.
Verdict ask(const Environment& environment, std::chrono::steady_clock::time_point deadline);

}  // namespace lictor::kubernetes
