// From files to events, items and customers. Answers: what did this file say happened, and which of
// its rows say nothing that can be believed?
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/events/event.h"
#include "attune/events/mapping.h"
#include "attune/events/record.h"

namespace attune::events {

// What holds for the whole shop where a row says nothing else.
struct ShopSettings {
  TimeZone zone = TimeZone::utc();
  Currency currency;    // amounts without a currency are in this one
  std::string source;   // for rows that name no feed
  std::string channel;  // for rows that name no channel
  // What a sign of several currencies ("$") means where it can, and `currency` is not known.
  Currency reporting{};
};

// An item as of a moment. Views as in Event.
struct ItemRow {
  std::string_view id;
  std::string_view name;
  std::string_view category;  // also repeated among attributes when a cell was split
  std::string_view brand;
  std::string_view url;
  std::optional<std::int64_t> price_minor;
  Currency currency;
  std::optional<double> stock;
  std::optional<Timestamp> valid_from;  // absent: from the import on
  std::span<const Attribute> attributes;
  std::uint32_t marks = 0;
};

struct CustomerRow {
  std::string_view id;
  std::string_view anonymous;
  std::string_view previous;      // another id of the same customer, given up for `id`
  std::optional<Timestamp> time;  // when the traits held; absent: the import's time
  std::span<const Attribute> traits;
  std::uint32_t marks = 0;
};

namespace detail {
class Plan;
struct BatchState;
}  // namespace detail

// Rows of one kind with the memory they lie in: self-contained, movable, may be handed to another
// thread. Everything stays valid until the batch is refilled or destroyed. Invariant: rows_read()
// == rows().size() + quarantined().size() + ignored(), so that every row of the file is accounted
// for.
template <class Row>
class Batch {
 public:
  Batch();
  ~Batch();
  Batch(Batch&&) noexcept;
  Batch& operator=(Batch&&) noexcept;

  std::span<const Row> rows() const { return rows_; }
  std::span<Row> rows() { return rows_; }     // marks may be added
  std::int64_t line(std::size_t i) const;     // of rows()[i]
  std::string_view raw(std::size_t i) const;  // its text; empty for Parquet
  std::span<const Rejected> quarantined() const { return quarantined_; }
  std::int64_t rows_read() const { return rows_read_; }
  std::int64_t ignored() const { return ignored_; }  // rows whose type the mapping leaves out

 private:
  template <class>
  friend class Mapper;
  template <class>
  friend class Reader;
  RecordBatch& spare_records();  // the records to be read next, with the memory of the last
  std::vector<Row> rows_;
  std::vector<std::uint32_t> records_;  // record of rows()[i] in the record batch
  std::vector<Rejected> quarantined_;
  std::int64_t rows_read_ = 0;
  std::int64_t ignored_ = 0;
  std::unique_ptr<detail::BatchState> state_;
};

// Turns record batches into rows of one kind. Immutable once made: several threads may call map()
// at once, each with its own batch, so that reading stays one thread's work and mapping scales.
template <class Row>
class Mapper {
 public:
  // Decides on the sample what the mapping leaves open (time format, decimal comma, float-typed
  // ids). Errors: those of check_mapping; invalid_argument when the time column cannot be read in
  // any format, or a constant is wrong.
  static Result<Mapper> create(const Mapping& mapping, const ShopSettings& shop,
                               RecordReader& records);
  Mapper(Mapper&&) noexcept;
  Mapper& operator=(Mapper&&) noexcept;
  ~Mapper();

  // Takes the records over into `batch`: those of another batch, which has the memory of the last
  // ones of `batch` from then on, or its own. `columns`: the reader's names after it filled
  // `records`.
  void map(RecordBatch&& records, std::span<const std::string> columns, Batch<Row>& batch) const;
  std::vector<Assumption> assumptions() const;
  const Mapping& mapping() const;

 private:
  explicit Mapper(std::shared_ptr<const detail::Plan> plan);
  std::shared_ptr<const detail::Plan> plan_;
};

// Both together, for one thread.
template <class Row>
class Reader {
 public:
  static Result<Reader> create(std::unique_ptr<RecordReader> records, const Mapping& mapping,
                               const ShopSettings& shop);

  // False at the end. Errors: those of RecordReader::next.
  Result<bool> next(Batch<Row>& batch);

  const std::vector<std::string>& columns() const { return records_->columns(); }
  FileFormat format() const { return records_->format(); }
  std::vector<Assumption> assumptions() const;  // of reading and of mapping
  const Mapping& mapping() const { return mapper_.mapping(); }
  std::int64_t bytes_read() const { return records_->bytes_read(); }
  std::int64_t bytes_total() const { return records_->bytes_total(); }
  RecordReader& records() { return *records_; }

 private:
  Reader(std::unique_ptr<RecordReader> records, Mapper<Row> mapper)
      : records_(std::move(records)), mapper_(std::move(mapper)) {}
  std::unique_ptr<RecordReader> records_;
  Mapper<Row> mapper_;
};

using EventBatch = Batch<Event>;
using EventMapper = Mapper<Event>;
using EventReader = Reader<Event>;
using ItemBatch = Batch<ItemRow>;
using ItemReader = Reader<ItemRow>;
using CustomerBatch = Batch<CustomerRow>;
using CustomerReader = Reader<CustomerRow>;

}  // namespace attune::events
