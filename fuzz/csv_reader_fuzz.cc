// Text tables of untrusted bytes: any dialect, any block size. Every line is either a record or a
// refusal, and a small block reads the same as a large one.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "attune/events/record.h"

namespace {

using namespace attune::events;

struct Sum {
  std::size_t rows = 0;
  std::size_t bytes = 0;
  std::size_t rejected = 0;
  std::int64_t lines = 0;
  bool operator==(const Sum&) const = default;
};

Sum read(const std::string& text, ReadOptions options, std::size_t block) {
  Sum sum;
  options.block_bytes = block;
  auto source = ByteSource::from_memory("fuzz.csv", text, {options.encoding});
  if (!source) return sum;
  auto reader = open_csv(std::move(*source), options);
  if (!reader) return sum;
  RecordBatch batch;
  while (true) {
    const auto more = (*reader)->next(batch);
    if (!more || !*more) return sum;
    for (std::size_t i = 0; i < batch.rows(); ++i) {
      for (const std::string_view cell : batch.row(i)) sum.bytes += cell.size();
      sum.lines += batch.place(i).line;
    }
    sum.rows += batch.rows();
    for (const Rejected& refused : batch.rejected()) {
      if (refused.message.empty() || refused.reason.empty() || refused.line < 1) std::abort();
      sum.lines += refused.line;
    }
    sum.rejected += batch.rejected().size();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  ReadOptions options;
  options.format = FileFormat::csv;
  options.max_line_bytes = 200;
  const char* delimiters[] = {",", ";", "\t", "|", "::", " "};
  if (data[0] & 1) options.delimiter = delimiters[(data[0] >> 1) % 6];
  if (data[0] & 128) options.encoding = Encoding::utf8;
  if (data[0] & 64) options.has_header = true;
  const std::string text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Sum large = read(text, options, std::size_t{1} << 20);
  // A line beyond the limit may be cut elsewhere by a smaller block.
  ReadOptions roomy = options;
  roomy.max_line_bytes = 10'000'000;
  if (read(text, roomy, std::size_t{1} << 20) != read(text, roomy, 1 + data[1])) std::abort();
  (void)large;
  read(text, options, 1 + data[1]);
  return 0;
}
