#include "agent_config/digest.hpp"

#include "base/text.hpp"
#include "secrets/secrets.hpp"

#include <bit>
#include <cstring>
#include <map>
#include <string>

namespace lictor {
namespace {

constexpr std::uint64_t odd = 0x9e3779b97f4a7c15ULL;

// Each bit of the result depends on each of these (the finalizer of Steele, Lea and Flood's SplitMix64).
constexpr std::uint64_t mixed(std::uint64_t bits) {
  bits = (bits ^ (bits >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  bits = (bits ^ (bits >> 27U)) * 0x94d049bb133111ebULL;
  return bits ^ (bits >> 31U);
}

template <class Word>
std::uint64_t word_at(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// All of a text of less than eight bytes, each length in its own way. One whose length is not known when this is compiled would
// be copied to a word by bytes, and the processor would wait until they are there.
std::uint64_t short_word(std::string_view text) {
  const char* const at = text.data();
  const std::size_t size = text.size();
  if (size >= 4) return word_at<std::uint32_t>(at) | word_at<std::uint32_t>(at + size - 4) << 32U;
  if (size == 0) return 0;
  return word_at<std::uint8_t>(at) | word_at<std::uint8_t>(at + size / 2) << 8U |
         word_at<std::uint8_t>(at + size - 1) << 16U;
}

std::uint64_t mixed(std::string_view text) {
  std::uint64_t bits = text.size() * odd;
  for (; text.size() >= 8; text.remove_prefix(8))
    bits = std::rotl((bits ^ word_at<std::uint64_t>(text.data())) * odd, 29);
  return mixed(bits ^ short_word(text));
}

// What is of different kinds begins differently.
enum Beginning : std::uint64_t { of_flag = 1, of_number, of_real, of_text, of_list, of_object };

constexpr std::uint64_t begun(Beginning what) { return mixed(what * odd); }

}  // namespace

bool tells_of_secrets(std::string_view key) {
  return names_a_secret(key) || lower(key) == "header" || key.find("join") != key.npos;
}

Digest::Digest(std::string_view text)
    : so_far_(begun(of_text) ^ mixed(text)),
      // A password or a token in a URL.
      secrets_(text.find("://") != text.npos && (text.find('@') != text.npos || text.find('?') != text.npos)) {}
Digest::Digest(bool flag) : so_far_(begun(of_flag) + (flag ? 1 : 0)) {}
Digest::Digest(std::int64_t number) : so_far_(begun(of_number) ^ mixed(static_cast<std::uint64_t>(number))) {}
Digest::Digest(double number) : so_far_(begun(of_real) ^ mixed(std::bit_cast<std::uint64_t>(number))) {}

Digest Digest::array() {
  Digest made;
  made.so_far_ = begun(of_list);
  return made;
}

Digest Digest::object() {
  Digest made;
  made.so_far_ = begun(of_object);
  return made;
}

void Digest::push_back(const Digest& element) {
  so_far_ = mixed(so_far_ + odd) + element.value();
  ++size_;
  secrets_ |= element.secrets_;
}

// A sum, so that the order is no matter.
void Digest::put(std::string_view key, const Digest& member) {
  so_far_ += mixed(mixed(key) + std::rotl(member.value(), 17));
  ++size_;
  secrets_ |= member.secrets_;
}

std::uint64_t Digest::value() const { return mixed(so_far_ + size_ * odd); }

namespace {

class JsonDigester {
 public:
  Digest of(const Json& value) {
    if (value.is_object()) return of_object(value);
    if (value.is_array()) {
      Digest list = Digest::array();
      for (const Json& element : value) list.push_back(of(element));
      return list;
    }
    if (value.is_string()) return Digest(std::string_view(value.get_ref<const std::string&>()));
    if (value.is_boolean()) return Digest(value.get<bool>());
    if (value.is_number_integer()) return Digest(value.get<std::int64_t>());
    if (value.is_number()) return Digest(value.get<double>());
    return {};
  }

 private:
  Digest of_object(const Json& value) {
    Digest object = Digest::object();
    for (auto at = value.begin(); at != value.end(); ++at) {
      object.put(at.key(), of(*at));
      if (secret(at.key())) object.note_secrets();
    }
    return object;
  }

  // Definitions have the same few keys over and over.
  bool secret(const std::string& key) {
    const auto known = known_.find(key);
    return known != known_.end() ? known->second : known_.emplace(key, tells_of_secrets(key)).first->second;
  }

  std::map<std::string, bool> known_;
};

}  // namespace

Digest digest_of(const Json& value) { return JsonDigester().of(value); }

}  // namespace lictor
