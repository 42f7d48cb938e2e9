// Any bytes as a Parquet file: refused with a message, or rows that are all accounted for. DuckDB
// reads the format; what is tested is that whatever it meets stays within our errors.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "attune/events/record.h"

namespace {

using namespace attune;

std::filesystem::path scratch_file() {
  return std::filesystem::temp_directory_path() /
         ("attune_fuzz_" + std::to_string(getpid()) + ".parquet");
}

void check(const Error& error) {
  if (error.message.empty()) std::abort();
}

void read(const std::filesystem::path& path) {
  auto reader = events::open_parquet(path);
  if (!reader) return check(reader.error());
  events::RecordBatch batch;
  std::int64_t line = 0;
  while (line < 100'000) {
    const auto more = (*reader)->next(batch);
    if (!more) return check(more.error());
    if (!*more) return;
    for (std::size_t i = 0; i < batch.rows(); ++i) {
      if (batch.row(i).size() != (*reader)->columns().size()) std::abort();
      if (batch.place(i).line != ++line) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::filesystem::path path = scratch_file();
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  read(path);
  std::filesystem::remove(path);
  return 0;
}
