// Writes the seeds of every target under the folder named: made here, nothing of them lies in the repository.
#include <archive.h>
#include <archive_entry.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "dicom/data_set.hpp"
#include "dicom/json.hpp"
#include "dicom/uids.hpp"
#include "wire/dimse_testing.hpp"

namespace fs = std::filesystem;
namespace dicom = vedette::dicom;
namespace tags = vedette::dicom::tags;
using vedette::wire::testing_::RawPeer;

namespace {

class Folder {
 public:
  Folder(const fs::path& root, const std::string& name) : path_(root / name) { fs::create_directories(path_); }
  void put(std::string_view bytes) {
    std::ofstream(path_ / std::to_string(number_++), std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

 private:
  fs::path path_;
  int number_ = 0;
};

dicom::DataSet small(int number) {
  dicom::DataSet data;
  data.set_text(tags::specific_character_set, number % 2 == 0 ? "ISO_IR 100" : "ISO_IR 192");
  data.set_text(tags::sop_class_uid, dicom::uids::ct_image_storage);
  data.set_text(tags::sop_instance_uid, "1.2.3.4." + std::to_string(number));
  data.set_text(tags::study_date, "20260102");
  data.set_text(tags::modality, "CT");
  data.set_text(tags::patient_name, "Made^Up");
  data.set_text(tags::patient_id, "1");
  data.set_text(tags::study_instance_uid, "1.2.3");
  data.set_text(tags::series_instance_uid, "1.2.3.4");
  data.set_integer(tags::instance_number, number);
  data.set_integer(tags::rows, 2);
  data.set_integer(tags::columns, 2);
  data.set_integer(tags::bits_allocated, 16);
  data.set_number(tags::rescale_slope, 1.5);
  data.set(dicom::Element{.tag = tags::number_of_frames, .vr = dicom::Vr::IS, .value = "1e15\\1.5 "});
  data.set(dicom::Element{.tag = tags::rescale_intercept, .vr = dicom::Vr::DS, .value = "1e999\\-.5 "});
  dicom::DataSet& code = data.add_item(tags::content_sequence).add_item(tags::concept_code_sequence);
  code.set_text(tags::code_value, "T1");
  data.set_bytes(tags::pixel_data, dicom::Vr::OW, std::string(8, static_cast<char>(number)));
  return data;
}

std::string deflated(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string out(bytes.size() + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// One data set in every encoding, as a file and bare.
std::vector<std::string> files() {
  std::vector<std::string> out;
  const dicom::DataSet data = small(1);
  const std::string explicit_bytes = dicom::write_data_set(data, dicom::uids::explicit_vr_little_endian).value();
  const std::string implicit_bytes = dicom::write_data_set(small(2), dicom::uids::implicit_vr_little_endian).value();
  const auto header = [](std::string_view syntax) {
    return dicom::file_header(dicom::uids::ct_image_storage, "1.2.3.4.1", syntax);
  };
  out.push_back(header(dicom::uids::explicit_vr_little_endian) + explicit_bytes);
  out.push_back(header(dicom::uids::implicit_vr_little_endian) + implicit_bytes);
  out.push_back(header("1.2.840.10008.1.2.1.99") + deflated(explicit_bytes));
  out.push_back(explicit_bytes);
  out.push_back(implicit_bytes);
  std::string encapsulated = explicit_bytes.substr(0, explicit_bytes.size() - 8 - 4);
  encapsulated += std::string("\xFF\xFF\xFF\xFF", 4) + std::string("\xFE\xFF\x00\xE0\x00\x00\x00\x00", 8) +
                  std::string(
                      "\xFE\xFF\x00\xE0\x04\x00\x00\x00"
                      "abcd",
                      12) +
                  std::string("\xFE\xFF\xDD\xE0\x00\x00\x00\x00", 8);
  out.push_back(header("1.2.840.10008.1.2.4.50") + encapsulated);
  std::string deep = "deep";
  for (int i = 0; i < 70; ++i) {
    deep = std::string("\x40\x00\x30\xA7SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF", 20) +
           (i == 0 ? "" : deep) + std::string("\xFE\xFF\x0D\xE0\0\0\0\0\xFE\xFF\xDD\xE0\0\0\0\0", 16);
  }
  out.push_back(deep);
  return out;
}

void write_data_sets(const fs::path& root) {
  Folder data_set(root, "data_set");
  Folder json(root, "json");
  for (const std::string& bytes : files()) data_set.put(bytes);
  for (int i = 1; i < 3; ++i) json.put(dicom::to_json(small(i)));
  json.put(R"({"00080018":{"vr":"UI","Value":["1.2"]},"7FE00010":{"vr":"OW","BulkDataURI":"a"}})");
  json.put(R"({"00081140":{"vr":"SQ","Value":[{},{"00080018":{"vr":"UI","Value":["1.2"]}}]}})");
  json.put(R"({"00100010":{"vr":"PN","Value":[{"Alphabetic":"A^B","Ideographic":"C","Phonetic":"D"}]},
               "00280010":{"vr":"US","Value":[1,65535]},"00720076":{"vr":"FL","Value":[1.5,"NaN"]},
               "00189074":{"vr":"DT","Value":[null]},"00201041":{"vr":"DS","Value":[1e-7,"2"]},
               "00090010":{"vr":"UN","InlineBinary":"AAAA"},"00080001":{"vr":"SV","Value":["-9223372036854775808"]}})");
}

void write_multipart(const fs::path& root) {
  Folder out(root, "multipart");
  for (const char ways : {'\0', '\1', '\2', '\4', '\7'}) {
    const std::string first = std::string(1, ways) + static_cast<char>(ways * 7);
    out.put(first +
            "multipart/related; type=\"application/dicom\"; boundary=abc\n\n"
            "x\r\n--abc\r\nContent-Type: application/dicom\r\n\r\none\r\n--abc \t\r\n\r\n\r\n--abX\r\n--abc--\r\nend");
    out.put(first +
            "multipart/form-data; boundary=\"a b'\"\n\n"
            "--a b'\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x/../y.dcm\"; "
            "filename*=UTF-8''%c3%a4.dcm\r\n\r\nDICM\r\n--a b'--");
    out.put(first + "multipart/related; boundary=b\n\n--b\nA: b\n\n\n--b--\n");
  }
}

void write_pdus(const fs::path& root) {
  Folder out(root, "pdu");
  const std::string ct = "1.2.840.10008.5.1.4.1.1.2";
  const std::string little = "1.2.840.10008.1.2.1";
  const std::string associate = RawPeer::associate("VEDETTE", ct, little);
  const std::string release = RawPeer::pdu(5, std::string(4, '\0'));
  const std::string abort = RawPeer::pdu(7, std::string(4, '\0'));
  const std::string request = RawPeer::store_request(ct, "1.2.3").encoded();
  const std::string data = vedette::wire::testing_::data_set(ct, "1.2.3", 4, 1);
  vedette::wire::Command echo;
  echo.set_uid(vedette::wire::Command::affected_class, "1.2.840.10008.1.1");
  echo.set_number(vedette::wire::Command::field, vedette::wire::Command::c_echo_rq);
  echo.set_number(vedette::wire::Command::message_id, 1);
  echo.set_number(vedette::wire::Command::data_set_type, vedette::wire::Command::no_data_set);
  out.put(associate);
  out.put(associate + release);
  out.put(associate + abort);
  out.put(associate + RawPeer::data(echo.encoded(), true, true) + release);
  out.put(associate + RawPeer::data(request, true, true) + RawPeer::data(data, false, true) + release);
  out.put(associate + RawPeer::data(request.substr(0, 20), true, false) +
          RawPeer::data(request.substr(20), true, true) + RawPeer::data(data.substr(0, 50), false, false) +
          RawPeer::data(data.substr(50), false, true) + release);
  std::string body = RawPeer::big(1, 2) + RawPeer::big(0, 2) + RawPeer::title("VEDETTE") + RawPeer::title("RAW") +
                     std::string(32, '\0') + RawPeer::item(0x10, "1.2.840.10008.3.1.1.1");
  for (char id = 1; id < 7; id = static_cast<char>(id + 2)) {
    body += RawPeer::item(0x20, std::string(1, id) + std::string(3, '\0') + RawPeer::item(0x30, ct) +
                                    RawPeer::item(0x40, little) + RawPeer::item(0x40, "1.2.840.10008.1.2"));
  }
  body += RawPeer::item(
      0x50,
      RawPeer::item(0x51, RawPeer::big(16384, 4)) + RawPeer::item(0x52, "1.2.3.9") +
          RawPeer::item(0x53, RawPeer::big(5, 2) + RawPeer::big(5, 2)) +
          RawPeer::item(0x54, RawPeer::big(ct.size(), 2) + ct + "\1\1") + RawPeer::item(0x55, "NAME") +
          RawPeer::item(0x56, RawPeer::big(ct.size(), 2) + ct + std::string("\2\0\3\0", 4)) +
          RawPeer::item(0x57, RawPeer::big(ct.size(), 2) + ct + RawPeer::big(4, 2) + "1.22" + RawPeer::big(0, 2)) +
          RawPeer::item(0x58, std::string("\1\0", 2) + RawPeer::big(2, 2) + "me" + RawPeer::big(0, 2)));
  out.put(RawPeer::pdu(1, body) + release);
}

std::string zip_of(const std::vector<std::string>& contents, bool packed) {
  std::string out(1 << 20, '\0');
  std::size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_set_format_zip(writer);
  if (!packed) archive_write_zip_set_compression_store(writer);
  archive_write_open_memory(writer, out.data(), out.size(), &used);
  int number = 0;
  for (const std::string& one : contents) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, ("folder/" + std::to_string(number++) + ".dcm").c_str());
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(one.size()));
    archive_write_header(writer, entry);
    archive_write_data(writer, one.data(), one.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

void write_zips(const fs::path& root) {
  Folder out(root, "zip");
  const std::vector<std::string> all = files();
  out.put(zip_of(all, true));
  out.put(zip_of(all, false));
  out.put(zip_of({all[0]}, true));
  out.put(zip_of({}, true));
  for (const std::string& one : all) out.put(one);
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) {
    std::cerr << "fuzz_seeds FOLDER\n";
    return 2;
  }
  const fs::path root = words[1];
  write_data_sets(root);
  write_multipart(root);
  write_pdus(root);
  write_zips(root);
  return 0;
}
