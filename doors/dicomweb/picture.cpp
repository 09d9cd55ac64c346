#include "dicomweb/picture.hpp"

#include <png.h>

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <jpeglib.h>

namespace vedette::dicomweb {

namespace {

Error failed(std::string_view what) {
  return Error{Fault::internal,
               "picture",
               "The image could not be written as " + std::string(what),
               {},
               "Retrieve the frame instead."};
}

/// Weights of source pixels along one axis for one target pixel.
struct Weights {
  std::size_t first = 0;
  std::vector<double> weights;
};

std::vector<Weights> axis(double start, double length, std::uint32_t target, std::uint32_t source) {
  std::vector<Weights> out(target);
  const double step = length / target;
  for (std::uint32_t i = 0; i < target; ++i) {
    const double centre = start + (i + 0.5) * step;
    const double reach = std::max(step, 1.0);  // a triangle: bilinear when larger, a smooth mean when smaller
    const auto from = static_cast<std::int64_t>(std::floor(centre - reach));
    const auto to = static_cast<std::int64_t>(std::ceil(centre + reach));
    Weights row;
    row.first = static_cast<std::size_t>(std::clamp<std::int64_t>(from, 0, source - 1));
    double sum = 0;
    for (std::int64_t at = static_cast<std::int64_t>(row.first); at <= std::min<std::int64_t>(to, source - 1); ++at) {
      const double weight = std::max(0.0, 1.0 - std::abs(static_cast<double>(at) + 0.5 - centre) / reach);
      row.weights.push_back(weight);
      sum += weight;
    }
    if (sum <= 0) {
      row.first = static_cast<std::size_t>(std::clamp<std::int64_t>(static_cast<std::int64_t>(centre), 0, source - 1));
      row.weights = {1.0};
      sum = 1;
    }
    for (double& weight : row.weights) weight /= sum;
    out[i] = std::move(row);
  }
  return out;
}

struct JpegError {
  jpeg_error_mgr manager;
  std::jmp_buf back;
};

void on_jpeg_error(j_common_ptr common) {
  // libjpeg's first member of the error structure is its manager.
  std::longjmp(reinterpret_cast<JpegError*>(common->err)->back, 1);
}

/// What longjmp passes must need no destructor: raw pointers only.
bool write_jpeg(const dicom::Rendered& image, int quality, unsigned char** bytes, unsigned long* size) {
  jpeg_compress_struct info{};
  JpegError error{};
  info.err = jpeg_std_error(&error.manager);
  error.manager.error_exit = on_jpeg_error;
  if (setjmp(error.back) != 0) {
    jpeg_destroy_compress(&info);
    return false;
  }
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, bytes, size);
  info.image_width = image.columns;
  info.image_height = image.rows;
  info.input_components = static_cast<int>(image.samples);
  info.in_color_space = image.samples == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  const std::size_t line = static_cast<std::size_t>(image.columns) * image.samples;
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = reinterpret_cast<JSAMPROW>(
        const_cast<char*>(image.pixels.data() + info.next_scanline * line));  // NOLINT: read only
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  return true;
}

}  // namespace

dicom::Rendered scaled(const dicom::Rendered& image, const Cut& cut, std::uint32_t columns, std::uint32_t rows) {
  const std::vector<Weights> across = axis(cut.x, cut.width, columns, image.columns);
  const std::vector<Weights> down = axis(cut.y, cut.height, rows, image.rows);
  const std::size_t samples = image.samples;
  // First across, then down: each source line is touched once.
  std::vector<float> lines(static_cast<std::size_t>(image.rows) * columns * samples);
  for (std::size_t y = 0; y < image.rows; ++y) {
    for (std::size_t x = 0; x < columns; ++x) {
      for (std::size_t s = 0; s < samples; ++s) {
        double sum = 0;
        for (std::size_t i = 0; i < across[x].weights.size(); ++i) {
          sum += across[x].weights[i] *
                 static_cast<unsigned char>(image.pixels[(y * image.columns + across[x].first + i) * samples + s]);
        }
        lines[(y * columns + x) * samples + s] = static_cast<float>(sum);
      }
    }
  }
  dicom::Rendered out{rows, columns, image.samples,
                      std::string(static_cast<std::size_t>(rows) * columns * samples, '\0')};
  for (std::size_t y = 0; y < rows; ++y) {
    for (std::size_t x = 0; x < columns * samples; ++x) {
      double sum = 0;
      for (std::size_t i = 0; i < down[y].weights.size(); ++i)
        sum += down[y].weights[i] * static_cast<double>(lines[(down[y].first + i) * columns * samples + x]);
      out.pixels[y * columns * samples + x] =
          static_cast<char>(static_cast<unsigned char>(std::clamp(sum + 0.5, 0.0, 255.0)));
    }
  }
  return out;
}

Result<std::string> to_jpeg(const dicom::Rendered& image, int quality) {
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const bool done = write_jpeg(image, quality, &bytes, &size);
  std::string out;
  if (done) out.assign(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);  // NOLINT: libjpeg's memory
  if (!done) return failed("JPEG");
  return out;
}

Result<std::string> to_png(const dicom::Rendered& image) {
  png_image info{};
  info.version = PNG_IMAGE_VERSION;
  info.width = image.columns;
  info.height = image.rows;
  info.format = image.samples == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(info);
  std::string out(size, '\0');
  if (png_image_write_to_memory(&info, out.data(), &size, 0, image.pixels.data(), 0, nullptr) == 0)
    return failed("PNG");
  out.resize(size);
  return out;
}

}  // namespace vedette::dicomweb
