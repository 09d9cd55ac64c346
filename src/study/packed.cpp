#include "study/packed.hpp"

#include <zlib.h>

#include <array>

namespace vedette::study {

namespace {

// Format 1: one byte '1', then zlib with this dictionary. The text must never change: a better one becomes format 2.
constexpr std::string_view dictionary_1 =
    R"("00400244":{"vr":"DA","Value":[""]},"00400245":{"vr":"TM"},"00400253":{"vr":"SH"},"00400254":{"vr":"LO"},"00400275":{"vr":"SQ","Value":[{"00400007")"
    R"("00321060":{"vr":"LO"},"00280106":{"vr":"SS"},"00280107":{"vr":"US"},"00281050":{"vr":"DS","Value":[40]},"00281051":{"vr":"DS","Value":[400]},)"
    R"("00281052":{"vr":"DS","Value":[-1024]},"00281053":{"vr":"DS","Value":[1]},"00281054":{"vr":"LO","Value":["HU"]},"00281055":{"vr":"LO"},"7FE00010":{"vr":"OW","BulkDataURI":"bulkdata/7FE00010"}})"
    R"("00080100":{"vr":"SH"},"00080102":{"vr":"SH","Value":["DCM"]},"00080104":{"vr":"LO"},"0040A043":{"vr":"SQ","Value":[{"00080100":)"
    R"("00081150":{"vr":"UI","Value":["1.2.840.10008.5.1.4.1.1.2"]},"00081155":{"vr":"UI","Value":["1.2.840.113619.2.1.3.6.1.4.1.14519.5.2.1.)"
    R"("00090010":{"vr":"LO"},"00090010":{"vr":"UN","InlineBinary":"","00180015":{"vr":"CS","Value":["CHEST"]},"00180050":{"vr":"DS","Value":[1.25]},"00180060":{"vr":"DS","Value":[120]},)"
    R"("00181030":{"vr":"LO"},"00181100":{"vr":"DS"},"00181151":{"vr":"IS"},"00181210":{"vr":"SH"},"00185100":{"vr":"CS","Value":["HFS"]},)"
    R"("00200010":{"vr":"SH"},"00200011":{"vr":"IS","Value":[1]},"00200012":{"vr":"IS","Value":[1]},"00200013":{"vr":"IS","Value":[1]},"00200032":{"vr":"DS","Value":[-250,-250,)"
    R"("00200037":{"vr":"DS","Value":[1,0,0,0,1,0]},"00200052":{"vr":"UI"},"00201040":{"vr":"LO"},"00201041":{"vr":"DS","Value":[)"
    R"("00280002":{"vr":"US","Value":[1]},"00280004":{"vr":"CS","Value":["MONOCHROME2"]},"00280010":{"vr":"US","Value":[512]},"00280011":{"vr":"US","Value":[512]},)"
    R"("00280030":{"vr":"DS","Value":[0.976562,0.976562]},"00280100":{"vr":"US","Value":[16]},"00280101":{"vr":"US","Value":[12]},"00280102":{"vr":"US","Value":[11]},"00280103":{"vr":"US","Value":[0]},)"
    R"("00100010":{"vr":"PN","Value":[{"Alphabetic":""}]},"00100020":{"vr":"LO","Value":[""]},"00100030":{"vr":"DA"},"00100040":{"vr":"CS","Value":["F"]},"00101010":{"vr":"AS"},)"
    R"({"00080005":{"vr":"CS","Value":["ISO_IR 100"]},"00080008":{"vr":"CS","Value":["ORIGINAL","PRIMARY","AXIAL"]},"00080016":{"vr":"UI","Value":["1.2.840.10008.5.1.4.1.1.2"]},)"
    R"("00080018":{"vr":"UI","Value":[""]},"00080020":{"vr":"DA","Value":["20"]},"00080021":{"vr":"DA"},"00080022":{"vr":"DA"},"00080023":{"vr":"DA"},"00080030":{"vr":"TM"},"00080031":{"vr":"TM"},)"
    R"("00080050":{"vr":"SH"},"00080060":{"vr":"CS","Value":["CT"]},"00080070":{"vr":"LO","Value":["SIEMENS"]},"00080080":{"vr":"LO"},"00080090":{"vr":"PN"},"00081030":{"vr":"LO"},"0008103E":{"vr":"LO"},"0020000D":{"vr":"UI","Value":["1.2.840.)"
    R"("0020000E":{"vr":"UI","Value":["1.2.840.)";

constexpr std::size_t text_limit = 256U << 20U;

Bytef* bytes_of(const char* text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text));  // NOLINT: zlib reads only
}

Error damaged() {
  return Error{Fault::internal,
               "header.damaged",
               "The stored header of an instance is damaged",
               {},
               "Run 'vedette doctor --rebuild-index'; the object itself is in the vault."};
}

/// zlib's state of a quarter of a megabyte, kept by each thread: to take and clear it anew for each instance costs more
/// than to compress a header.
struct Deflater {
  Deflater() { ready = deflateInit2(&stream, 3, Z_DEFLATED, 15, 8, Z_DEFAULT_STRATEGY) == Z_OK; }
  ~Deflater() { deflateEnd(&stream); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  z_stream stream{};
  bool ready = false;
};

}  // namespace

std::string packed(std::string_view text) {
  thread_local Deflater deflater;
  // Raw memory of zlib is the only thing that can fail here.
  if (!deflater.ready || deflateReset(&deflater.stream) != Z_OK) return "0" + std::string(text);
  z_stream& stream = deflater.stream;
  deflateSetDictionary(&stream, bytes_of(dictionary_1.data()), static_cast<uInt>(dictionary_1.size()));
  std::string out = "1";
  out.resize(1 + deflateBound(&stream, text.size()));
  stream.next_in = bytes_of(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = bytes_of(out.data() + 1);
  stream.avail_out = static_cast<uInt>(out.size() - 1);
  const int code = deflate(&stream, Z_FINISH);
  out.resize(1 + stream.total_out);
  return code == Z_STREAM_END ? out : "0" + std::string(text);
}

Result<std::string> unpacked(std::string_view bytes) {
  if (bytes.empty()) return std::string();
  if (bytes[0] == '0') return std::string(bytes.substr(1));
  if (bytes[0] != '1') return damaged();
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return Error{Fault::exhausted, "memory", "There is not enough memory"};
  stream.next_in = bytes_of(bytes.data() + 1);
  stream.avail_in = static_cast<uInt>(bytes.size() - 1);
  std::string out;
  std::array<char, 32768> buffer{};
  int code = Z_OK;
  while (code == Z_OK && out.size() < text_limit) {
    stream.next_out = bytes_of(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    code = inflate(&stream, Z_NO_FLUSH);
    if (code == Z_NEED_DICT) {
      code = inflateSetDictionary(&stream, bytes_of(dictionary_1.data()), static_cast<uInt>(dictionary_1.size()));
      continue;
    }
    out.append(buffer.data(), buffer.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (code != Z_STREAM_END) return damaged();
  return out;
}

}  // namespace vedette::study
