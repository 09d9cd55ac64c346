#include "intake/arrival.hpp"

#include <algorithm>

#include "base/crash_point.hpp"
#include "base/id.hpp"
#include "dicom/data_set.hpp"
#include "dicom/uids.hpp"
#include "intake/inflater.hpp"

namespace vedette::intake {

namespace {

constexpr microseconds touch_step{50'000};
constexpr std::size_t large_header = 2U << 20U;

/// One of the few places for large headers, given back at the end of the scope.
class Place {
 public:
  Place(std::counting_semaphore<>& places, bool wanted) : places_(wanted ? &places : nullptr) {
    if (places_ != nullptr) places_->acquire();
  }
  ~Place() {
    if (places_ != nullptr) places_->release();
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  std::counting_semaphore<>* places_;
};

const dicom::TransferSyntax& encoding_of(std::string_view transfer_syntax) {
  const dicom::TransferSyntax* known = dicom::find_transfer_syntax(transfer_syntax);
  // Private and future syntaxes are encapsulated ones, whose rules are explicit little endian (PS3.5 section A.4).
  return known != nullptr ? *known : *dicom::find_transfer_syntax(dicom::uids::explicit_vr_little_endian);
}

class InstanceArrival final : public Arrival {
 public:
  InstanceArrival(Core& core, Source source, Announced announced)
      : core_(core),
        source_(std::move(source)),
        announced_(std::move(announced)),
        encoding_(encoding_of(announced_.transfer_syntax)),
        scan_(encoding_.explicit_vr, encoding_.little_endian, core.scan_limits()),
        ticket_(core.enter(source_.session)) {
    if (encoding_.deflated) inflater_.emplace(core.inflated_limit());
  }
  ~InstanceArrival() override {
    if (ticket_ != 0) core_.leave(ticket_, source_.session);
  }

  Result<void> append(Bytes bytes) override {
    if (failed_) return *failed_;
    auto done = take(bytes);
    if (!done) failed_ = done.error();
    return done;
  }

  Result<Accepted> end() override {
    if (failed_) return *failed_;
    auto accepted = finish();
    writer_.reset();
    if (!accepted) failed_ = accepted.error();
    return accepted;
  }

  Accepted seen() const override {
    Accepted out;
    if (is_uid(scan_.class_uid())) out.sop_class_uid = scan_.class_uid();
    if (is_uid(scan_.instance_uid())) out.sop_instance_uid = scan_.instance_uid();
    return out;
  }

 private:
  Result<void> take(Bytes bytes);
  Result<void> scan(Bytes bytes);
  Result<void> open_writer(const std::string& class_uid, const std::string& instance_uid);
  Result<void> write(Bytes bytes);
  Result<void> check_announced(const std::string& class_uid, const std::string& instance_uid) const;
  Result<study::InstanceRecord> record() const;
  Result<Accepted> finish();

  Core& core_;
  Source source_;
  Announced announced_;
  const dicom::TransferSyntax& encoding_;
  std::optional<Inflater> inflater_;
  HeaderScan scan_;
  std::int64_t ticket_;
  std::optional<Error> failed_;
  std::string pending_;      ///< bytes before class and instance are known: this node's header goes before them
  bool discarding_ = false;  ///< it will be refused; end() says why, nothing is stored meanwhile
  std::unique_ptr<vault::Writer> writer_;
  std::string class_uid_, instance_uid_;  ///< as they stand in this node's header
  std::vector<Digest> known_;             ///< what is stored under this UID
  std::optional<Sha256> hash_;            ///< only where something is known; the vault hashes anyway
  std::uint64_t total_ = 0;
  std::int64_t data_offset_ = 0;
  microseconds touched_{0};
};

Result<void> InstanceArrival::take(Bytes bytes) {
  total_ += bytes.size();
  if (total_ > core_.object_limit()) {
    return Error{Fault::too_large,
                 "dicom.object",
                 "The object is larger than the limit of " + std::to_string(core_.object_limit()) + " bytes",
                 {},
                 "Raise the setting dicom.object_bytes if such objects are wanted here."};
  }
  const microseconds now = core_.parts().clock.steady();
  if (now - touched_ > touch_step) {
    core_.touch(source_.session);
    touched_ = now;
  }
  VEDETTE_TRY(scan(bytes));
  if (discarding_) return {};
  if (writer_) return write(bytes);
  if (!scan_.passed_uids() || scan_.unreadable()) {
    pending_.append(as_text(bytes));
    return {};
  }
  if (!is_uid(scan_.class_uid()) || !is_uid(scan_.instance_uid())) {
    discarding_ = true;
    pending_.clear();
    return {};
  }
  VEDETTE_TRY(open_writer(scan_.class_uid(), scan_.instance_uid()));
  return write(bytes);
}

Result<void> InstanceArrival::scan(Bytes bytes) {
  if (!inflater_) return scan_.append(bytes);
  return inflater_->append(bytes, [&](Bytes inflated) { return scan_.append(inflated); });
}

Result<void> InstanceArrival::check_announced(const std::string& class_uid, const std::string& instance_uid) const {
  const bool other_class = !announced_.class_uid.empty() && announced_.class_uid != class_uid;
  if (!other_class && (announced_.instance_uid.empty() || announced_.instance_uid == instance_uid)) return {};
  const dicom::Tag tag = other_class ? dicom::tags::sop_class_uid : dicom::tags::sop_instance_uid;
  return Error{Fault::refused, "instance.mismatch",
               std::string(other_class ? "The SOP Class UID" : "The SOP Instance UID") +
                   " in the data set is not the announced one",
               tag.text(), "Correct the sender: request and data set must name the same object."};
}

Result<void> InstanceArrival::open_writer(const std::string& class_uid, const std::string& instance_uid) {
  VEDETTE_TRY(check_announced(class_uid, instance_uid));
  class_uid_ = class_uid;
  instance_uid_ = instance_uid;
  const std::string header = dicom::file_header(class_uid, instance_uid, announced_.transfer_syntax);
  data_offset_ = static_cast<std::int64_t>(header.size());
  known_ = VEDETTE_TRY(core_.known(instance_uid));
  if (!known_.empty()) hash_.emplace();
  const std::uint64_t expected = announced_.bytes == 0 ? 0 : announced_.bytes + header.size();
  vault::Blobs& blobs = core_.parts().blobs;
  // What a person signed must leave the node also when the disk has no room for new images.
  const bool own = source_.kind == "tool" || source_.kind == "review";
  writer_ = VEDETTE_TRY(own ? blobs.begin_own(expected) : blobs.begin(expected));
  VEDETTE_TRY(write(as_bytes(header)));
  VEDETTE_TRY(write(as_bytes(pending_)));
  pending_.clear();
  pending_.shrink_to_fit();
  return {};
}

Result<void> InstanceArrival::write(Bytes bytes) {
  if (hash_) hash_->update(bytes);
  return writer_->append(bytes);
}

Result<study::InstanceRecord> InstanceArrival::record() const {
  dicom::ReadLimits limits;
  limits.nesting = static_cast<std::uint32_t>(core_.parts().settings.integer("dicom.nesting"));
  limits.element_bytes = core_.scan_limits().element_bytes;
  limits.elements = static_cast<std::uint64_t>(core_.parts().settings.integer("dicom.elements"));
  const std::string_view syntax = !encoding_.explicit_vr     ? dicom::uids::implicit_vr_little_endian
                                  : !encoding_.little_endian ? dicom::uids::explicit_vr_big_endian
                                                             : dicom::uids::explicit_vr_little_endian;
  dicom::DataSet header = VEDETTE_TRY(dicom::read_data_set(as_bytes(scan_.kept()), syntax, limits));
  if (header.empty()) {
    return Error{Fault::malformed, "dicom.empty", "The data set has no elements", "byte 0", "Send a DICOM object."};
  }
  std::optional<std::int64_t> pixel_offset, pixel_bytes;
  for (const HeaderScan::Left& left : scan_.left_out()) {
    dicom::Element element;
    element.tag = left.tag;
    element.vr = left.vr;
    element.encapsulated = left.encapsulated;
    element.skipped = true;
    element.skipped_bytes = left.bytes;
    element.offset = left.offset;
    if (left.tag == dicom::tags::pixel_data && !inflater_) {
      pixel_offset = static_cast<std::int64_t>(left.offset);
      pixel_bytes = static_cast<std::int64_t>(left.bytes);
    }
    header.set(std::move(element));
  }
  study::InstanceRecord out = VEDETTE_TRY(study::record_of(header, announced_.transfer_syntax));
  out.source = source_.name.empty() ? source_.kind : source_.kind + ":" + source_.name;
  out.data_offset = data_offset_;
  out.pixel_offset = pixel_offset;
  out.pixel_bytes = pixel_bytes;
  out.received_at = to_row(core_.parts().clock.now());
  return out;
}

Result<Accepted> InstanceArrival::finish() {
  if (total_ == 0)
    return Error{Fault::malformed, "dicom.empty", "The data set is empty", "byte 0", "Send a DICOM object."};
  VEDETTE_TRY(scan_.finish());
  auto found = [&] {
    const Place place(core_.large_headers(), scan_.kept().size() > large_header);
    return record();
  }();
  study::InstanceRecord r = VEDETTE_TRY(std::move(found));
  if (!source_.study_uid.empty() && r.study_uid != source_.study_uid) {
    return Error{Fault::conflict, "instance.study", "The instance belongs to another study than the request names",
                 dicom::tags::study_instance_uid.text(), "Send it to its own study, or without naming one."};
  }
  if (!writer_) {  // very short, or not understood before its end
    VEDETTE_TRY(open_writer(r.sop_class_uid, r.sop_instance_uid));
    r.data_offset = data_offset_;
  }
  if (r.sop_class_uid != class_uid_ || r.sop_instance_uid != instance_uid_) {
    return Error{Fault::malformed, "instance.uid", "The data set names its class or instance more than once",
                 dicom::tags::sop_instance_uid.text(), "Correct the sender: each element stands once."};
  }
  Accepted accepted{r.study_uid, r.series_uid, r.sop_instance_uid, r.sop_class_uid};
  if (hash_) {
    known_ = VEDETTE_TRY(core_.known(r.sop_instance_uid));
    const Digest digest = hash_->finish();
    if (std::find(known_.begin(), known_.end(), digest) != known_.end()) {
      accepted.added = study::Catalogue::Added::duplicate;
      if (!r.made_here()) core_.repeated(r.study_uid, source_.session);
      return accepted;
    }
  }
  crash_point("intake.keep");
  const vault::Stored stored = VEDETTE_TRY(writer_->keep(study::to_label(r)));
  crash_point("intake.kept");
  r.header_json.clear();
  Queued queued{std::move(r), stored};
  queued.stored.label.clear();
  accepted.added = core_.queue(std::move(queued), std::exchange(ticket_, 0), source_.session);
  crash_point("intake.queued");
  if (!known_.empty() && accepted.added == study::Catalogue::Added::stored)
    accepted.added = study::Catalogue::Added::conflict;
  return accepted;
}

/// The bytes of a file: its own header is read and dropped.
class FileArrival final : public Arrival {
 public:
  FileArrival(Core& core, Source source, std::uint64_t expected)
      : core_(core), source_(std::move(source)), expected_(expected) {}

  Result<void> append(Bytes bytes) override {
    if (inner_) return inner_->append(bytes);
    head_.append(as_text(bytes));
    if (head_.size() < wanted_) return {};
    return begin(false);
  }

  Result<Accepted> end() override {
    if (!inner_) VEDETTE_TRY(begin(true));
    return inner_->end();
  }

  Accepted seen() const override { return inner_ ? inner_->seen() : Accepted{}; }

 private:
  static constexpr std::size_t first_look = 8192;
  static constexpr std::size_t largest_header = 4U << 20U;

  Result<void> begin(bool all) {
    const auto header = dicom::read_file_header(as_bytes(head_));
    if (!header) {
      if (all || head_.size() >= largest_header) return header.error();
      wanted_ = std::min(largest_header, head_.size() * 4);
      return {};
    }
    const std::uint64_t rest = expected_ > header->data_offset ? expected_ - header->data_offset : 0;
    inner_ = make_arrival(core_, source_, {header->transfer_syntax, {}, {}, rest});
    const std::string head = std::move(head_);
    head_.clear();
    return inner_->append(as_bytes(head).subspan(header->data_offset));
  }

  Core& core_;
  Source source_;
  std::uint64_t expected_;
  std::size_t wanted_ = first_look;
  std::string head_;
  std::unique_ptr<Arrival> inner_;
};

}  // namespace

std::unique_ptr<Arrival> make_arrival(Core& core, const Source& source, Announced announced) {
  return std::make_unique<InstanceArrival>(core, source, std::move(announced));
}

std::unique_ptr<Arrival> make_file_arrival(Core& core, const Source& source, std::uint64_t expected_bytes) {
  return std::make_unique<FileArrival>(core, source, expected_bytes);
}

Result<std::unique_ptr<Arrival>> Core::begin(const Source& source, std::string_view transfer_syntax,
                                             std::string_view class_uid, std::string_view instance_uid,
                                             std::uint64_t expected_bytes) {
  VEDETTE_TRY(accepting());
  if (!is_uid(transfer_syntax)) {
    return Error{
        Fault::malformed, "instance.transfer_syntax", "The transfer syntax is no valid UID", {}, "Correct the sender."};
  }
  return make_arrival(
      *this, source, {std::string(transfer_syntax), std::string(class_uid), std::string(instance_uid), expected_bytes});
}

Result<std::unique_ptr<Arrival>> Core::begin_file(const Source& source, std::uint64_t expected_bytes) {
  VEDETTE_TRY(accepting());
  return make_file_arrival(*this, source, expected_bytes);
}

Result<Accepted> Core::file(const Source& source, Bytes bytes) {
  const auto arrival = VEDETTE_TRY(begin_file(source, bytes.size()));
  VEDETTE_TRY(arrival->append(bytes));
  return arrival->end();
}

}  // namespace vedette::intake
