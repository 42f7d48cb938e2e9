// Shorthand of the tests: texts in, records and events out.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "attune/events/reader.h"
#include "attune/events/record.h"

namespace attune::events {

struct ReadBack {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::int64_t> lines;
  std::vector<std::string> raws;
  std::vector<std::vector<bool>> missing;
  std::vector<Rejected> rejected;
  std::string failure;
  std::vector<Assumption> assumptions;
};

inline void drain(RecordReader& reader, ReadBack& back) {
  RecordBatch batch;
  while (true) {
    const auto more = reader.next(batch);
    if (!more) back.failure = more.error().message;
    if (!more || !*more) break;
    for (std::size_t i = 0; i < batch.rows(); ++i) {
      auto& row = back.rows.emplace_back();
      auto& missing = back.missing.emplace_back();
      for (const std::string_view cell : batch.row(i)) {
        row.emplace_back(cell);
        missing.push_back(cell.data() == nullptr);
      }
      back.lines.push_back(batch.place(i).line);
      back.raws.emplace_back(batch.place(i).raw);
    }
    back.rejected.insert(back.rejected.end(), batch.rejected().begin(), batch.rejected().end());
  }
  back.columns = reader.columns();
  back.assumptions = reader.assumptions();
}

inline ReadBack read_text(std::string text, const ReadOptions& options = {},
                          std::string name = "orders.csv") {
  ReadBack back;
  auto source = ByteSource::from_memory(std::move(name), std::move(text), {options.encoding});
  if (!source) {
    back.failure = source.error().message;
    return back;
  }
  auto reader = open_records(std::move(*source), options);
  if (!reader) {
    back.failure = reader.error().message;
    return back;
  }
  drain(**reader, back);
  return back;
}

inline ShopSettings london_shop() {
  ShopSettings shop;
  shop.zone = TimeZone::find("Europe/London").value();
  shop.currency = Currency::parse("GBP").value();
  return shop;
}

// The rows of a text, kept alive with their batches.
template <class Row>
struct Rows {
  std::vector<std::unique_ptr<Batch<Row>>> batches;
  std::vector<Row> rows;
  std::vector<Rejected> refused;
  std::vector<Assumption> assumptions;
  std::int64_t rows_read = 0;
  std::int64_t ignored = 0;
  std::string failure;
};

template <class Row>
Rows<Row> read_rows(std::string text, const Mapping& mapping,
                    const ShopSettings& shop = london_shop(), std::string name = "orders.csv") {
  Rows<Row> all;
  auto source =
      ByteSource::from_memory(std::move(name), std::move(text), {mapping.reading.encoding});
  auto records = source ? open_records(std::move(*source), mapping.reading)
                        : Result<std::unique_ptr<RecordReader>>(std::unexpected(source.error()));
  auto reader = records ? Reader<Row>::create(std::move(*records), mapping, shop)
                        : Result<Reader<Row>>(std::unexpected(records.error()));
  if (!reader) {
    all.failure = reader.error().message;
    return all;
  }
  while (true) {
    auto batch = std::make_unique<Batch<Row>>();
    const auto more = reader->next(*batch);
    if (!more) all.failure = more.error().message;
    if (!more || !*more) break;
    const auto rows = std::as_const(*batch).rows();
    all.rows.insert(all.rows.end(), rows.begin(), rows.end());
    all.refused.insert(all.refused.end(), batch->quarantined().begin(), batch->quarantined().end());
    all.rows_read += batch->rows_read();
    all.ignored += batch->ignored();
    all.batches.push_back(std::move(batch));
  }
  all.assumptions = reader->assumptions();
  return all;
}

inline Rows<Event> read_events(std::string text, std::string_view map,
                               const ShopSettings& shop = london_shop()) {
  auto mapping = parse_mapping(Kind::events, map);
  if (!mapping) {
    Rows<Event> failed;
    failed.failure = mapping.error().message;
    return failed;
  }
  return read_rows<Event>(std::move(text), *mapping, shop);
}

// Folder of the research data, or empty.
inline std::filesystem::path data_folder() {
  if (const char* stated = std::getenv("ATTUNE_TEST_DATA")) return stated;
  for (const char* place : {"../shared/data", "../../shared/data"}) {
    std::error_code error;
    if (std::filesystem::is_directory(place, error)) return place;
  }
  return {};
}

inline std::filesystem::path temporary_file(std::string_view name, std::string_view bytes) {
  const auto path = std::filesystem::path(testing::TempDir()) / name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

}  // namespace attune::events
