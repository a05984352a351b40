// What the readers of HCL and JSON make of texts, in the words that oracle.go uses.
//
// Reads from standard input, over and over: a line "FORMAT BYTES", and so many bytes. Writes a line for each: the tree, or
// "error".
//
// With arguments, files in HCL: reads and parses one after another, over and over for two seconds. Writes how many microseconds
// of the processor all of them took at best, and the most bytes of heap that were in use at a time.
#include "../counted_heap.hpp"
#include "hcl/hcl.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <limits>

using namespace lictor::hcl;

namespace {

int time_files(const std::vector<std::string>& files) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  auto best = std::numeric_limits<std::clock_t>::max();
  const std::size_t before = heap;
  most_heap = heap;
  while (std::chrono::steady_clock::now() < end) {
    const auto begin = std::clock();
    for (const std::string& file : files) {
      const std::string text = content_of(file);
      if (std::holds_alternative<SyntaxError>(parse_hcl(text))) return 1;
    }
    best = std::min(best, std::clock() - begin);
  }
  std::printf("%lld %zu\n", static_cast<long long>(best) * 1'000'000 / CLOCKS_PER_SEC, most_heap - before);
  return 0;
}

void write_text(std::string& out, std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      out += c;
    } else {
      out += '\\';
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
  out += '"';
}

void write_value(std::string& out, Value value);

void write_elements(std::string& out, Value value, char open, char close) {
  out += open;
  for (const Value element : value) {
    write_value(out, element);
    out += ',';
  }
  out += close;
}

void write_object(std::string& out, Value value) {
  std::vector<Value> members;
  for (const Value member : value) members.push_back(member);
  std::sort(members.begin(), members.end(), [](Value a, Value b) { return a.key() < b.key(); });
  out += '{';
  for (const Value member : members) {
    write_text(out, member.key());
    out += ':';
    write_value(out, member);
    out += ',';
  }
  out += '}';
}

void write_value(std::string& out, Value value) {
  char number[32];
  switch (value.kind()) {
    case Kind::null:
      out += 'n';
      break;
    case Kind::boolean:
      out += value.boolean() ? 't' : 'f';
      break;
    case Kind::integer:
      out += "i" + std::to_string(value.integer());
      break;
    case Kind::real:
      std::snprintf(number, sizeof number, "r%016llx",
                    static_cast<unsigned long long>(std::bit_cast<std::uint64_t>(value.real())));
      out += number;
      break;
    case Kind::text:
      write_text(out, value.text());
      break;
    case Kind::list:
      write_elements(out, value, '[', ']');
      break;
    case Kind::blocks:
      write_elements(out, value, '<', '>');
      break;
    case Kind::object:
      write_object(out, value);
      break;
  }
}

Parsed read(std::string_view format, std::string_view text) {
  if (format == "json") return parse_json(text);
  return parse_hcl(text, format == "hcl1.0.0" ? Library::v1_0_0 : Library::v1_0_1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) return time_files({argv + 1, argv + argc});
  std::ios::sync_with_stdio(false);
  std::string format, text, out;
  for (std::size_t bytes = 0; std::cin >> format >> bytes;) {
    std::cin.get();
    text.resize(bytes);
    std::cin.read(text.data(), static_cast<std::streamsize>(bytes));
    const Parsed parsed = read(format, text);
    out.clear();
    if (const auto* error = std::get_if<SyntaxError>(&parsed)) {
      out =
          "error " + std::to_string(error->place.line) + ":" + std::to_string(error->place.column) + " " + error->what;
    } else {
      write_value(out, std::get<Document>(parsed).root());
    }
    std::cout << out << '\n';
  }
}
