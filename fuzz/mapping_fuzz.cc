// `--map` texts, presets, quality reports, and whole imports under them: every row is accounted
// for.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "attune/events/quality.h"
#include "attune/events/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attune::events;
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)Preset::parse(text, "fuzz");
  (void)QualityReport::from_json(text);
  // The first line maps the rest.
  const std::size_t end = text.find('\n');
  const auto mapping = parse_mapping(Kind::events, text.substr(0, end));
  if (!mapping || end == text.npos) return 0;
  auto source = ByteSource::from_memory("fuzz.csv", text.substr(end + 1));
  if (!source) return 0;
  auto records = open_records(std::move(*source), mapping->reading);
  if (!records) return 0;
  const auto sample = (*records)->sample();
  if (!sample) return 0;
  const Inference inference =
      infer_mapping(Kind::events, (*records)->columns(), **sample, *mapping);
  (void)print_inference(inference, (*records)->columns(), **sample);
  (void)print_mapping(inference.mapping);
  auto reader = EventReader::create(std::move(*records), inference.mapping, {});
  if (!reader) return 0;
  EventBatch batch;
  QualityReport report;
  while (true) {
    const auto more = reader->next(batch);
    if (!more || !*more) break;
    report.add(batch);
    for (const Event& event : batch.rows()) (void)content_hash(event);
    if (batch.rows_read() !=
        static_cast<std::int64_t>(batch.rows().size() + batch.quarantined().size()) +
            batch.ignored()) {
      std::abort();
    }
  }
  (void)report.to_json();
  return 0;
}
