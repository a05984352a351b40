// Counts what a measuring program has on the heap, and the most that it had. Replaces operator new: for one source of a program.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <new>
#include <string>

#include <malloc.h>

namespace {

std::size_t heap = 0, most_heap = 0;  // bytes

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  std::string text(static_cast<std::size_t>(in.tellg()), '\0');
  in.seekg(0).read(text.data(), static_cast<std::streamsize>(text.size()));
  return text;
}

}  // namespace

void* operator new(std::size_t size) {
  void* const made = std::malloc(size);
  if (!made) throw std::bad_alloc();
  heap += malloc_usable_size(made);
  most_heap = std::max(heap, most_heap);
  return made;
}
void operator delete(void* made) noexcept {
  heap -= malloc_usable_size(made);
  std::free(made);
}
void operator delete(void* made, std::size_t) noexcept { operator delete(made); }
