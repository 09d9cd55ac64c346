#include "wire/associate_request.hpp"

#include <fmt/format.h>

#include <bitset>

#include "base/text.hpp"

namespace vedette::wire {
namespace {

enum Item : std::uint8_t {
  application_context = 0x10,
  presentation_context = 0x20,
  abstract_syntax = 0x30,
  transfer_syntax = 0x40,
  user_information = 0x50,
  maximum_length = 0x51,
  implementation_class = 0x52,
  operations_window = 0x53,
  implementation_version = 0x55,
};
constexpr std::size_t item_head = 4;    ///< type, reserved, length
constexpr std::size_t first_item = 74;  ///< behind version, titles and 32 reserved bytes (PS3.8 Table 9-11)
constexpr std::size_t context_head = 4;
constexpr std::size_t longest_uid = 64;
constexpr std::size_t longest_version = 16;
constexpr std::size_t most_items = 4096;

/// Walks the items of a range of the PDU.
class Items {
 public:
  Items(Bytes pdu, std::size_t from, std::size_t to) : pdu_(pdu), at_(from), end_(to) {}

  struct One {
    std::uint8_t type = 0;
    std::size_t start = 0;  ///< of the content
    std::size_t end = 0;
  };

  bool more() const { return at_ < end_; }
  Result<One> next() {
    if (end_ - at_ < item_head) return broken("an item breaks off in its head", at_);
    One one;
    one.type = std::to_integer<std::uint8_t>(pdu_[at_]);
    one.start = at_ + item_head;
    const std::size_t length = number(at_ + 2);
    if (length > end_ - one.start) {
      return broken(fmt::format("an item says {} bytes, {} are left", length, end_ - one.start), at_);
    }
    one.end = one.start + length;
    at_ = one.end;
    return one;
  }
  Error broken(std::string_view cause, std::size_t byte) const {
    const auto type = byte < pdu_.size() ? std::to_integer<unsigned>(pdu_[byte]) : 0U;
    return {Fault::malformed, "dimse.associate", fmt::format("The association request cannot be read: {}", cause),
            fmt::format("A-ASSOCIATE-RQ, item {:02X}H at byte {}", type, byte),
            "Correct the sender: PS3.8 section 9.3.2 says what the request holds."};
  }

 private:
  std::size_t number(std::size_t at) const {
    return std::to_integer<std::size_t>(pdu_[at]) << 8U | std::to_integer<std::size_t>(pdu_[at + 1]);
  }
  Bytes pdu_;
  std::size_t at_, end_;
};

class Reading {
 public:
  Reading(Bytes pdu, std::size_t most_contexts) : pdu_(pdu), most_contexts_(most_contexts) {}

  Result<AssociateRequest> read() {
    Items items(pdu_, 0, pdu_.size());
    if (pdu_.size() < first_item) return items.broken("it is shorter than its fixed part", 0);
    if (declared() != pdu_.size() - AssociateRequest::head_bytes)
      return items.broken("its length is not that of its bytes", 0);
    if ((std::to_integer<unsigned>(pdu_[7]) & 1U) == 0)
      return items.broken("it is of no version that this node speaks", 6);
    out_.called_title = title(10);
    out_.calling_title = title(26);
    items = Items(pdu_, first_item, pdu_.size());
    while (items.more()) VEDETTE_TRY(top(items, VEDETTE_TRY(items.next())));
    if (!named_) return items.broken("it names no application context", first_item);
    if (!user_) return items.broken("it carries no user information", first_item);
    if (out_.contexts == 0) return items.broken("it proposes no presentation context", first_item);
    put_plain();
    return std::move(out_);
  }

 private:
  void put_plain() {
    std::string body("\0\1\0\0", 4);  // version, reserved
    for (std::string title : {out_.called_title, out_.calling_title}) {
      title.resize(16, ' ');  // leading spaces and zeros count for nothing
      body += title;
    }
    body += std::string(32, '\0');
    body += items_;
    body += std::string{static_cast<char>(user_information), '\0', static_cast<char>(user_items_.size() >> 8U),
                        static_cast<char>(user_items_.size() & 0xFFU)};
    body += user_items_;
    out_.plain = std::string{'\1', '\0'};
    for (unsigned shift = 32; shift > 0; shift -= 8)
      out_.plain += static_cast<char>(body.size() >> (shift - 8) & 0xFFU);
    out_.plain += body;
  }
  std::string_view whole(const Items::One& one) const {
    return as_text(pdu_.subspan(one.start - item_head, one.end - one.start + item_head));
  }
  std::size_t declared() const {
    std::size_t out = 0;
    for (std::size_t i = 2; i < AssociateRequest::head_bytes; ++i)
      out = out << 8U | std::to_integer<std::size_t>(pdu_[i]);
    return out;
  }
  /// Some makers fill up with zeros instead of spaces.
  std::string title(std::size_t at) const {
    return std::string(trimmed(as_text(pdu_.subspan(at, 16)), std::string_view(" \0", 2)));
  }

  Result<void> top(const Items& items, const Items::One& one) {
    if (++count_ > most_items) return items.broken("it holds too many items", one.start - item_head);
    switch (one.type) {
      case application_context:
        if (named_) return items.broken("the application context stands twice", one.start - item_head);
        named_ = true;
        items_ += whole(one);
        return uid(items, one);
      case presentation_context:
        return context(items, one);
      case user_information:
        if (user_) return items.broken("the user information stands twice", one.start - item_head);
        user_ = true;
        return user(one);
      default:
        return {};  // PS3.8 section 9.3.1: items of a later edition are passed over
    }
  }

  Result<void> context(const Items& outer, const Items::One& one) {
    if (++out_.contexts > most_contexts_) {
      return Error{Fault::too_large, "dimse.contexts",
                   fmt::format("The association proposes more than {} presentation contexts", most_contexts_),
                   fmt::format("A-ASSOCIATE-RQ, item 20H at byte {}", one.start - item_head),
                   "Propose fewer in one association, or raise the setting dicom.contexts."};
    }
    if (one.end - one.start < context_head) return outer.broken("it is too short", one.start - item_head);
    const auto id = std::to_integer<std::size_t>(pdu_[one.start]);
    if (ids_.test(id)) return outer.broken(fmt::format("context {} stands twice", id), one.start - item_head);
    ids_.set(id);
    std::size_t abstracts = 0;
    std::size_t transfers = 0;
    Items items(pdu_, one.start + context_head, one.end);
    while (items.more()) {
      const Items::One part = VEDETTE_TRY(items.next());
      if (part.type != abstract_syntax && part.type != transfer_syntax) continue;
      VEDETTE_TRY(uid(items, part));
      ++(part.type == abstract_syntax ? abstracts : transfers);
      if (++count_ > most_items) return items.broken("the request holds too many items", part.start - item_head);
    }
    if (abstracts != 1 || transfers == 0) {
      return outer.broken("a context has not one abstract syntax and at least one transfer syntax",
                          one.start - item_head);
    }
    items_ += whole(one);
    return {};
  }

  Result<void> user(const Items::One& one) {
    Items items(pdu_, one.start, one.end);
    while (items.more()) {
      const Items::One part = VEDETTE_TRY(items.next());
      if (++count_ > most_items) return items.broken("the request holds too many items", part.start - item_head);
      const std::size_t length = part.end - part.start;
      const bool number = part.type == maximum_length || part.type == operations_window;
      if (number && length != 4) return items.broken("it is not of four bytes", part.start - item_head);
      if (part.type == implementation_class) VEDETTE_TRY(uid(items, part));
      if (part.type == implementation_version && length > longest_version)
        return items.broken("the version name is longer than 16", part.start - item_head);
      if (number || part.type == implementation_class || part.type == implementation_version)
        user_items_ += whole(part);
    }
    return {};
  }

  static Result<void> uid(const Items& items, const Items::One& one) {
    // What stands in it decides about its context only; what is no UID is not accepted there.
    if (one.end - one.start > longest_uid) return items.broken("its UID is longer than 64", one.start - item_head);
    return {};
  }

  Bytes pdu_;
  std::size_t most_contexts_;
  AssociateRequest out_;
  std::bitset<256> ids_;
  std::string items_, user_items_;  ///< that DCMTK is to see
  std::size_t count_ = 0;
  bool named_ = false;
  bool user_ = false;
};

}  // namespace

Result<AssociateRequest> read_associate_request(Bytes pdu, std::size_t most_contexts) {
  return Reading(pdu, most_contexts).read();
}

}  // namespace vedette::wire
