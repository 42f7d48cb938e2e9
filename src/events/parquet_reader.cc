// Parquet files as records, by way of the store's reader.
#include <fmt/format.h>

#include "attune/events/record.h"
#include "attune/store/tables.h"

namespace attune::events {
namespace {

constexpr std::size_t kBatchRows = 8192;

class ParquetReader final : public RecordReader {
 public:
  ParquetReader(std::string name, store::ParquetFile file, store::QueryResult rows,
                std::int64_t bytes)
      : name_(std::move(name)), file_(std::move(file)), rows_(std::move(rows)), bytes_(bytes) {
    for (const store::ParquetColumn& column : file_.columns()) columns_.push_back(column.name);
  }

  const std::vector<std::string>& columns() const override { return columns_; }
  FileFormat format() const override { return FileFormat::parquet; }
  const std::string& name() const override { return name_; }
  std::vector<Assumption> assumptions() const override { return {}; }
  // In proportion to the rows: Parquet is not read from front to back.
  std::int64_t bytes_read() const override {
    const std::int64_t all = std::max<std::int64_t>(file_.row_count(), 1);
    return static_cast<std::int64_t>(static_cast<double>(bytes_) * static_cast<double>(row_) /
                                     static_cast<double>(all));
  }
  std::int64_t bytes_total() const override { return bytes_; }

 protected:
  Result<bool> read_batch(RecordBatch& batch) override {
    batch.clear(columns_.size());
    while (!ended_ && batch.rows() < kBatchRows) {
      ATTUNE_ASSIGN_OR_RETURN(const store::Chunk chunk, rows_.next());
      ended_ = chunk.rows() == 0;
      take(chunk, batch);
    }
    return batch.rows() > 0;
  }

 private:
  void take(const store::Chunk& chunk, RecordBatch& batch) {
    for (std::size_t i = 0; i < chunk.rows(); ++i) {
      for (std::size_t j = 0; j < columns_.size(); ++j) {
        batch.cells().push_back(chunk.is_null(j, i) ? std::string_view()
                                                    : batch.keep(chunk.text(j, i)));
      }
      batch.places().push_back({++row_, 0, {}});
    }
  }

  std::string name_;
  store::ParquetFile file_;
  store::QueryResult rows_;
  std::int64_t bytes_;
  std::vector<std::string> columns_;
  std::int64_t row_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<std::unique_ptr<RecordReader>> open_parquet(const std::filesystem::path& path) {
  ATTUNE_ASSIGN_OR_RETURN(store::ParquetFile file, store::ParquetFile::open(path));
  ATTUNE_ASSIGN_OR_RETURN(store::QueryResult rows, file.read_text());
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  return std::make_unique<ParquetReader>(path.string(), std::move(file), std::move(rows),
                                         error ? 0 : static_cast<std::int64_t>(bytes));
}

}  // namespace attune::events
