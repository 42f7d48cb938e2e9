#include "output_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iterator>

#include <fmt/format.h>
#include <zlib.h>

#include "attune/base/files.h"

namespace attune::simulate {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 18;
constexpr int kGzipBufferBytes = 1 << 17;

}  // namespace

struct OutputFile::Handle {
  std::filesystem::path path;
  std::filesystem::path part;
  std::FILE* plain = nullptr;
  gzFile zipped = nullptr;
  std::string buffer;
  bool kept = false;

  ~Handle() {
    if (plain != nullptr) std::fclose(plain);
    if (zipped != nullptr) gzclose(zipped);
    std::error_code ignored;
    if (!kept) std::filesystem::remove(part, ignored);
  }

  Status flush() {
    const bool well = zipped != nullptr
                          ? buffer.empty() || gzwrite(zipped, buffer.data(),
                                                      static_cast<unsigned>(buffer.size())) > 0
                          : std::fwrite(buffer.data(), 1, buffer.size(), plain) == buffer.size();
    buffer.clear();
    if (!well) return std::unexpected(error_from_errno("write", part));
    return {};
  }
};

OutputFile::OutputFile(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
OutputFile::OutputFile(OutputFile&&) noexcept = default;
OutputFile& OutputFile::operator=(OutputFile&&) noexcept = default;
OutputFile::~OutputFile() = default;

Result<OutputFile> OutputFile::create(const std::filesystem::path& path, bool gzip) {
  auto handle = std::make_unique<Handle>();
  handle->path = path;
  handle->part = path;
  handle->part += ".part";
  errno = 0;
  if (gzip) {
    handle->zipped = gzopen(handle->part.c_str(), "wb6");
    if (handle->zipped != nullptr) gzbuffer(handle->zipped, kGzipBufferBytes);
  } else {
    handle->plain = std::fopen(handle->part.c_str(), "wb");
  }
  if (handle->plain == nullptr && handle->zipped == nullptr) {
    handle->kept = true;  // nothing of ours to remove
    return std::unexpected(error_from_errno("create", path));
  }
  return OutputFile(std::move(handle));
}

Status OutputFile::write(std::string_view text) {
  handle_->buffer += text;
  return handle_->buffer.size() < kBufferBytes ? Status{} : handle_->flush();
}

Status OutputFile::close() {
  ATTUNE_RETURN_IF_ERROR(handle_->flush());
  const bool well = handle_->zipped != nullptr ? gzclose(handle_->zipped) == Z_OK
                                               : std::fclose(handle_->plain) == 0;
  handle_->zipped = nullptr;
  handle_->plain = nullptr;
  if (!well) return std::unexpected(error_from_errno("write", handle_->part));
  return {};
}

Status OutputFile::keep() {
  std::error_code failed;
  std::filesystem::rename(handle_->part, handle_->path, failed);
  if (failed) {
    errno = failed.value();
    return std::unexpected(error_from_errno("name", handle_->path));
  }
  handle_->kept = true;
  return {};
}

void CsvRow::separate() {
  if (finished_) line_.clear();
  finished_ = false;
  if (begun_) line_ += ',';
  begun_ = true;
}

void CsvRow::text(std::string_view field) {
  separate();
  const auto special = [](char c) { return c == ',' || c == '"' || c == '\n' || c == '\r'; };
  if (std::ranges::none_of(field, special)) {
    line_ += field;
    return;
  }
  line_ += '"';
  for (const char c : field) {
    if (c == '"') line_ += '"';
    line_ += c;
  }
  line_ += '"';
}

void CsvRow::number(std::int64_t field) {
  separate();
  fmt::format_to(std::back_inserter(line_), "{}", field);
}

void CsvRow::real(double field) {
  separate();
  fmt::format_to(std::back_inserter(line_), "{}", field);
}

void CsvRow::amount(std::int64_t minor) {
  separate();
  fmt::format_to(std::back_inserter(line_), "{}{}.{:02}", minor < 0 ? "-" : "",
                 (minor < 0 ? -minor : minor) / 100, (minor < 0 ? -minor : minor) % 100);
}

std::string_view CsvRow::finish() {
  line_ += '\n';
  begun_ = false;
  finished_ = true;
  return line_;
}

}  // namespace attune::simulate
