// Images for a screen (PS3.18 sections 8.3.5, 10.4.1.1.3, 10.4.1.1.6).
#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "dicom/render.hpp"
#include "dicomweb/frame_source.hpp"
#include "dicomweb/picture.hpp"

namespace vedette::dicomweb {

namespace {

constexpr std::uint32_t largest_view = 8192;
constexpr std::uint32_t thumbnail_size = 192;

struct Wish {
  std::optional<dicom::Window> window;
  std::uint32_t columns = 0, rows = 0;  ///< of the viewport; 0: as the image
  std::optional<Cut> cut;
  bool mirrored_x = false, mirrored_y = false;
  int quality = 90;
  bool png = false;
};

Error bad(std::string_view name, std::string remedy) {
  return Error{Fault::malformed, "render.parameter", "The parameter " + std::string(name) + " cannot be read",
               std::string(name), std::move(remedy)};
}

Result<std::vector<double>> numbers_of(std::string_view text, std::string_view name, const std::string& remedy) {
  std::vector<double> out;
  for (const std::string_view part : split(text, ',')) {
    const auto number =
        trimmed(part).empty() ? std::optional<double>(-1e300) : to_number(trimmed(part));  // an empty place: as it is
    if (!number || !std::isfinite(*number)) return bad(name, remedy);
    out.push_back(*number);
  }
  return out;
}

Result<void> read_window(Wish& wish, std::string_view text) {
  const std::string remedy = "Write window=centre,width,linear (or linear-exact, sigmoid).";
  const auto parts = split(text, ',');
  if (parts.size() < 2 || parts.size() > 3) return bad("window", remedy);
  const auto centre = to_number(trimmed(parts[0]));
  const auto width = to_number(trimmed(parts[1]));
  if (!centre || !width || !std::isfinite(*centre) || !std::isfinite(*width) || *width <= 0)
    return bad("window", remedy);
  dicom::Window window{*centre, *width, dicom::WindowFunction::linear};
  const std::string function = parts.size() == 3 ? lower_case(trimmed(parts[2])) : "linear";
  if (function == "linear-exact" || function == "linear_exact") {
    window.function = dicom::WindowFunction::linear_exact;
  } else if (function == "sigmoid") {
    window.function = dicom::WindowFunction::sigmoid;
  } else if (function != "linear") {
    return bad("window", remedy);
  }
  if (window.function == dicom::WindowFunction::linear && window.width < 1)
    return bad("window", "The width of a linear window is 1 or more.");
  wish.window = window;
  return {};
}

Result<void> read_viewport(Wish& wish, std::string_view text) {
  const std::string remedy = "Write viewport=width,height or viewport=width,height,x,y,w,h.";
  const std::vector<double> n = VEDETTE_TRY(numbers_of(text, "viewport", remedy));
  if ((n.size() != 2 && n.size() != 6) || n[0] < 1 || n[1] < 1 || n[0] > largest_view || n[1] > largest_view)
    return bad("viewport", remedy);
  wish.columns = static_cast<std::uint32_t>(n[0]);
  wish.rows = static_cast<std::uint32_t>(n[1]);
  if (n.size() == 2) return {};
  const auto given = [](double value) { return value > -1e299; };
  wish.cut = Cut{given(n[2]) ? n[2] : 0, given(n[3]) ? n[3] : 0, given(n[4]) ? std::abs(n[4]) : 0,
                 given(n[5]) ? std::abs(n[5]) : 0};
  wish.mirrored_x = given(n[4]) && n[4] < 0;
  wish.mirrored_y = given(n[5]) && n[5] < 0;
  if (wish.cut->x < 0 || wish.cut->y < 0) return bad("viewport", remedy);
  return {};
}

Result<Wish> wish_of(const wire::Request& request) {
  Wish wish;
  if (const auto text = request.parameter("window"); !text.empty()) VEDETTE_TRY(read_window(wish, text));
  if (const auto text = request.parameter("viewport"); !text.empty()) VEDETTE_TRY(read_viewport(wish, text));
  if (const auto text = request.parameter("quality"); !text.empty()) {
    const auto quality = to_integer(text);
    if (!quality || *quality < 1 || *quality > 100) return bad("quality", "Write a whole number from 1 to 100.");
    wish.quality = static_cast<int>(*quality);
  }
  const Accept accept = Accept::of(request);
  if (accept.mixed())
    return Error{Fault::malformed, "media.mixed", "DICOM and rendered media types stand in one Accept", "header Accept",
                 "Ask for one kind."};
  for (const MediaType& one : accept.types()) {
    if (covers(one.type, "image/jpeg")) return wish;
    if (one.type == "image/png") {
      wish.png = true;
      return wish;
    }
  }
  if (accept.absent()) return wish;
  return not_acceptable("image/jpeg or image/png");
}

void mirror(dicom::Rendered& image, bool x, bool y) {
  if (!x && !y) return;
  dicom::Rendered out = image;
  for (std::size_t row = 0; row < image.rows; ++row) {
    for (std::size_t column = 0; column < image.columns; ++column) {
      const std::size_t from =
          ((y ? image.rows - 1 - row : row) * image.columns + (x ? image.columns - 1 - column : column)) *
          image.samples;
      std::copy_n(image.pixels.begin() + static_cast<std::ptrdiff_t>(from), image.samples,
                  out.pixels.begin() + static_cast<std::ptrdiff_t>((row * image.columns + column) * image.samples));
    }
  }
  image = std::move(out);
}

/// Into the viewport without changing its proportions (PS3.18 section 8.3.5.1.3).
dicom::Rendered into_view(const dicom::Rendered& image, const Wish& wish) {
  Cut cut = wish.cut.value_or(Cut{});
  if (cut.width <= 0) cut.width = image.columns - cut.x;
  if (cut.height <= 0) cut.height = image.rows - cut.y;
  cut.x = std::clamp(cut.x, 0.0, image.columns - 1.0);
  cut.y = std::clamp(cut.y, 0.0, image.rows - 1.0);
  cut.width = std::clamp(cut.width, 1.0, image.columns - cut.x);
  cut.height = std::clamp(cut.height, 1.0, image.rows - cut.y);
  const double scale = std::min(wish.columns / cut.width, wish.rows / cut.height);
  const auto size = [&](double length) {
    return static_cast<std::uint32_t>(std::clamp(std::lround(length * scale), 1L, static_cast<long>(largest_view)));
  };
  return scaled(image, cut, size(cut.width), size(cut.height));
}

Result<wire::Response> picture(const FrameSource& source, std::uint32_t frame, const Wish& wish) {
  const dicom::DecodedFrame decoded = VEDETTE_TRY(source.decoded(frame));
  dicom::Rendered image = VEDETTE_TRY(dicom::render(source.header(), decoded, frame, wish.window));
  if (wish.columns > 0) image = into_view(image, wish);
  mirror(image, wish.mirrored_x, wish.mirrored_y);
  wire::Response out;
  out.headers.set("Content-Type", wish.png ? "image/png" : "image/jpeg");
  out.body = wish.png ? VEDETTE_TRY(to_png(image)) : VEDETTE_TRY(to_jpeg(image, wish.quality));
  return out;
}

/// The instance that stands for a study or series: the middle one of the first series with images.
const study::Instance* representative(const std::vector<study::Instance>& instances) {
  const auto has_image = [](const study::Instance& one) { return one.rows && one.columns; };
  const auto first = std::find_if(instances.begin(), instances.end(), has_image);
  if (first == instances.end()) return nullptr;
  std::vector<const study::Instance*> of_series;
  for (const study::Instance& one : instances) {
    if (one.series_uid == first->series_uid && has_image(one)) of_series.push_back(&one);
  }
  return of_series[of_series.size() / 2];
}

Result<std::uint32_t> frame_of(const guard::Call& call, const FrameSource& source) {
  const std::string& text = call.param("frames");
  if (text.empty()) return call.param("instance").empty() ? source.frames() / 2 : 0;
  const auto number = to_integer(trimmed(text));
  if (!number || *number < 1 || *number > 1'000'000'000) {
    return Error{Fault::malformed, "frame.list", "One frame is rendered at a time", "frames",
                 "Write for example /frames/1/rendered."};
  }
  return static_cast<std::uint32_t>(*number - 1);
}

Error no_image() {
  return Error{Fault::not_acceptable, "instance.pixels", "This has no image that could be shown", "instance",
               "Ask for its metadata instead."};
}

Result<wire::Response> shown(const Parts& parts, const guard::Call& call) {
  const Wish wish = VEDETTE_TRY(wish_of(call.request));
  const auto instances = VEDETTE_TRY(find(parts, VEDETTE_TRY(target_of(call))));
  const study::Instance* one = representative(instances);
  if (one == nullptr) return no_image();
  const FrameSource source = VEDETTE_TRY(FrameSource::open(parts, *one, FrameSource::Need::header));
  return picture(source, VEDETTE_TRY(frame_of(call, source)), wish);
}

/// A grey tile: for what has no image, and where the pixels themselves may name the patient.
wire::Response tile(const Wish& wish) {
  dicom::Rendered image{wish.rows, wish.columns, 1,
                        std::string(static_cast<std::size_t>(wish.rows) * wish.columns, '\x40')};
  wire::Response out;
  auto bytes = wish.png ? to_png(image) : to_jpeg(image, wish.quality);
  if (!bytes) return wire::Response::problem(bytes.error());
  out.headers.set("Content-Type", wish.png ? "image/png" : "image/jpeg");
  out.body = *std::move(bytes);
  return out;
}

Result<wire::Response> small(const Parts& parts, const guard::Call& call) {
  Wish wish = VEDETTE_TRY(wish_of(call.request));
  if (wish.columns == 0) wish.columns = wish.rows = thumbnail_size;
  wish.columns = std::min(wish.columns, 2 * thumbnail_size);
  wish.rows = std::min(wish.rows, 2 * thumbnail_size);
  const auto instances = VEDETTE_TRY(find(parts, VEDETTE_TRY(target_of(call))));
  const study::Instance* one = representative(instances);
  if (one == nullptr) return tile(wish);
  auto source = FrameSource::open(parts, *one, FrameSource::Need::header);
  if (!source) return tile(wish);
  if (source->header().text(dicom::tags::burned_in_annotation) == "YES") return tile(wish);
  const std::uint32_t frame = VEDETTE_TRY(frame_of(call, *source));
  if (frame >= source->frames()) return source->decoded(frame).error();
  auto out = picture(*source, frame, wish);
  return out ? *std::move(out) : tile(wish);
}

}  // namespace

wire::Response rendered(const Parts& parts, const guard::Call& call) {
  return answered([&] { return shown(parts, call); });
}

wire::Response thumbnail(const Parts& parts, const guard::Call& call) {
  return answered([&] { return small(parts, call); });
}

}  // namespace vedette::dicomweb
