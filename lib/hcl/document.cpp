#include "hcl/document.hpp"

#include "hcl/builder.hpp"

namespace lictor::hcl {

Json Value::json() const {
  switch (kind()) {
    case Kind::null:
      return nullptr;
    case Kind::boolean:
      return boolean();
    case Kind::integer:
      return integer();
    case Kind::real:
      return real();
    case Kind::text:
      return std::string(text());
    case Kind::list:
    case Kind::blocks: {
      Json::array_t list;
      list.reserve(size());
      for (const Value element : *this) list.push_back(element.json());
      return list;
    }
    case Kind::object:
      break;
  }
  Json::object_t object;
  for (const Value member : *this) object.emplace(member.key(), member.json());
  return object;
}

Place Document::place_of(const std::vector<std::string_view>& path) const {
  std::uint32_t at = 0;
  for (const std::string_view key : path) {
    while (nodes_[at].kind == Kind::list || nodes_[at].kind == Kind::blocks) {
      if (nodes_[at].children.count == 0) return {};
      at = nodes_[at].children.last;
    }
    if (nodes_[at].kind != Kind::object || nodes_[at].children.count == 0) return {};
    for (at = nodes_[at].children.first; at != none && slice(nodes_[at].key) != key;) at = nodes_[at].next;
    if (at == none) return {};
  }
  return nodes_[at].place;
}

Builder::Builder(std::size_t source_bytes) : limit_(2 * source_bytes + 65536) {
  // What most files need, so that nothing has to be moved.
  document_.nodes_.reserve(source_bytes / 24 + 16);
  document_.texts_.reserve(source_bytes / 2);
}

Builder::Index Builder::add(Kind kind, Place place) {
  const auto index = static_cast<Index>(document_.nodes_.size());
  Document::Node& made = document_.nodes_.emplace_back();
  made.place = place;
  made.kind = kind;
  if (kind >= Kind::list) made.children = {none, none, 0};
  return index;
}

void Builder::append(Index parent, Index child) {
  Document::Children& children = node(parent).children;
  if (children.count++ == 0) {
    children.first = child;
  } else {
    node(children.last).next = child;
  }
  children.last = child;
}

Document::Slice Builder::keep(std::string_view text) {
  const auto begin = static_cast<std::uint32_t>(document_.texts_.size());
  document_.texts_ += text;
  return {begin, static_cast<std::uint32_t>(text.size())};
}

void Builder::set_key(Index value, std::string_view key, Place place) {
  node(value).key = keep(key);
  node(value).place = place;
}

void Builder::set_boolean(Index value, bool boolean) {
  node(value).kind = Kind::boolean;
  node(value).boolean = boolean;
}

void Builder::set_integer(Index value, std::int64_t integer) {
  node(value).kind = Kind::integer;
  node(value).integer = integer;
}

void Builder::set_real(Index value, double real) {
  node(value).kind = Kind::real;
  node(value).real = real;
}

void Builder::set_text(Index value, std::string_view text) {
  node(value).kind = Kind::text;
  node(value).text = keep(text);
}

void Builder::make_empty(Index value, Kind container) {
  node(value).kind = container;
  node(value).children = {none, none, 0};
}

Builder::Index Builder::Members::find(std::string_view key) const {
  if (table_) {
    const auto found = table_->find(key);
    return found == table_->end() ? none : *found;
  }
  const Document::Children& children = builder_.node(object_).children;
  if (children.count == 0) return none;
  Index at = children.first;
  while (at != none && builder_.key(at) != key) at = builder_.node(at).next;
  return at;
}

void Builder::Members::add(Index value) {
  builder_.append(object_, value);
  const Document::Children& children = builder_.node(object_).children;
  if (children.count <= few) return;
  if (!table_) {
    table_.emplace(4 * few, Hash{&builder_}, Equal{&builder_});
    for (Index at = children.first; at != none; at = builder_.node(at).next) table_->insert(at);
  }
  table_->insert(value);
}

}  // namespace lictor::hcl
