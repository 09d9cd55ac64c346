#include "vault/scan.hpp"

#include <algorithm>

namespace vedette::vault {

namespace {

constexpr std::int64_t ahead_of_heads = 16
                                        << 10;  // label, trailer and next head lie together: one read for each record
constexpr std::int64_t ahead_of_search = 1 << 20;
constexpr std::int64_t longest_label = 64 << 20;

}  // namespace

Scan::Scan(std::shared_ptr<File> file, std::string path, Identity identity, std::int64_t from, std::int64_t limit)
    : file_(std::move(file)), path_(std::move(path)), identity_(identity), at_(from), limit_(limit) {}

Result<std::string_view> Scan::bytes(std::int64_t offset, std::int64_t count, std::int64_t ahead) {
  const auto window_end = window_at_ + static_cast<std::int64_t>(window_.size());
  if (offset < window_at_ || offset + count > window_end) {
    window_ = VEDETTE_TRY(read_at(*file_, offset, std::max(count, ahead), path_));
    window_at_ = offset;
  }
  return std::string_view(window_).substr(static_cast<std::size_t>(offset - window_at_),
                                          static_cast<std::size_t>(count));
}

Result<std::optional<Record>> Scan::record_at(std::int64_t start) {
  if (start + 2 * block > limit_) return std::optional<Record>();
  const auto head = head_from(identity_, start, VEDETTE_TRY(bytes(start, block, ahead_of_heads)));
  if (!head || head->data_length > limit_ || head->label_length > longest_label || head->next() > limit_) {
    return std::optional<Record>();
  }
  if (head->dead) return std::optional(Record{*head, {}, {}});
  const std::string_view end = VEDETTE_TRY(bytes(head->label(), head->label_length + block, ahead_of_heads));
  if (static_cast<std::int64_t>(end.size()) < head->label_length + block) return std::optional<Record>();
  const std::string_view label = end.substr(0, static_cast<std::size_t>(head->label_length));
  const auto digest = trailer_from(identity_, *head, label, end.substr(label.size()));
  if (!digest) return std::optional<Record>();
  return std::optional(Record{*head, std::string(label), *digest});
}

Result<std::optional<Record>> Scan::search(std::int64_t from) {
  for (std::int64_t start = from; start + 2 * block <= limit_; start += block) {
    const std::string_view bytes_here = VEDETTE_TRY(bytes(start, block, ahead_of_search));
    if (!head_from(identity_, start, bytes_here)) continue;
    auto found = VEDETTE_TRY(record_at(start));
    if (found) return found;
  }
  return std::optional<Record>();
}

Result<std::optional<Record>> Scan::next() {
  auto found = VEDETTE_TRY(record_at(at_));
  if (!found) {
    found = VEDETTE_TRY(search(at_ + block));
    if (found) ++damaged_;
  }
  if (found) at_ = found->head.next();
  return found;
}

}  // namespace vedette::vault
