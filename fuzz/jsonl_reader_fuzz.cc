// JSON texts of untrusted bytes: lines, arrays, batches, exploded arrays.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "attune/events/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attune::events;
  if (size < 2) return 0;
  ReadOptions options;
  options.format = FileFormat::jsonl;
  options.max_line_bytes = 500;
  options.max_depth = 1 + data[0] % 16;
  options.max_columns = 1 + data[1] % 32;
  options.block_bytes = 1 + data[1];
  if (data[0] & 16) options.explode = "a.b";
  if (data[0] & 32) options.encoding = Encoding::utf8;
  auto source = ByteSource::from_memory(
      "fuzz.json", std::string(reinterpret_cast<const char*>(data) + 2, size - 2),
      {options.encoding});
  if (!source) return 0;
  auto reader = open_json(std::move(*source), options);
  if (!reader) return 0;
  RecordBatch batch;
  std::size_t bytes = 0;
  while (true) {
    const auto more = (*reader)->next(batch);
    if (!more || !*more) break;
    if ((*reader)->columns().size() != batch.columns() || batch.columns() > options.max_columns)
      std::abort();
    for (std::size_t i = 0; i < batch.rows(); ++i) {
      for (const std::string_view cell : batch.row(i)) {
        for (const char c : cell) bytes += static_cast<unsigned char>(c);
      }
    }
    for (const Rejected& refused : batch.rejected()) {
      if (refused.message.empty() || refused.reason.empty() || refused.line < 1) std::abort();
    }
  }
  return bytes == 1 ? 1 : 0;
}
