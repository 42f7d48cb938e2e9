#include "attune/store/tables.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "attune/base/files.h"
#include "temp_folder.h"

namespace attune::store {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

const std::vector<ColumnSchema> kSchema = {
    {"id", ColumnType::int64},    {"text, quoted", ColumnType::text}, {"x", ColumnType::float64},
    {"t", ColumnType::timestamp}, {"b", ColumnType::boolean},         {"raw", ColumnType::blob}};

// Three rows, of which the last misses all but its id.
struct Rows {
  std::vector<std::int64_t> id = {1, -2, 3};
  std::vector<double> x = {0.1, std::numeric_limits<double>::infinity(), 0};
  std::vector<std::int64_t> t = {0, 1'500'000, 0};
  std::vector<std::uint8_t> b = {1, 0, 0};
  std::vector<std::uint8_t> present = {1, 1, 0};
  std::string bytes = "say \"hi\", 茶\n";
  std::vector<std::uint32_t> offsets = {0, static_cast<std::uint32_t>(bytes.size()),
                                        static_cast<std::uint32_t>(bytes.size()),
                                        static_cast<std::uint32_t>(bytes.size())};
  std::vector<ColumnSpan> spans() const {
    return {ColumnSpan::int64(id),
            ColumnSpan::text(bytes, offsets).with_present(present),
            ColumnSpan::float64(x).with_present(present),
            ColumnSpan::timestamp(std::span<const std::int64_t>(t)).with_present(present),
            ColumnSpan::boolean(b).with_present(present),
            ColumnSpan::blob(bytes, offsets).with_present(present)};
  }
};

std::string written(const fs::path& path, TableFormat format) {
  TableWriter writer = must(TableWriter::create(path, kSchema, {.format = format}));
  must(writer.append(Rows().spans()));
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(writer.rows(), 3);
  must(writer.finish());
  EXPECT_FALSE(fs::exists(path.string() + ".part"));
  return must(read_file(path));
}

TEST(TableWriter, WritesCsvByRfc4180) {
  const TempFolder temp;
  EXPECT_EQ(written(temp / "t.csv", TableFormat::csv),
            "id,\"text, quoted\",x,t,b,raw\n"
            "1,\"say \"\"hi\"\", 茶\n\",0.1,1970-01-01T00:00:00Z,true,"
            "73617920226869222c20e88cb60a\n"
            "-2,\"\",,1970-01-01T00:00:01.500000Z,false,\"\"\n"
            "3,,,,,\n");
}

TEST(TableWriter, WritesJsonLines) {
  const TempFolder temp;
  EXPECT_EQ(written(temp / "t.jsonl", TableFormat::jsonl),
            "{\"id\":1,\"text, quoted\":\"say \\\"hi\\\", 茶\\n\",\"x\":0.1,"
            "\"t\":\"1970-01-01T00:00:00Z\",\"b\":true,\"raw\":\"73617920226869222c20e88cb60a\"}\n"
            "{\"id\":-2,\"text, quoted\":\"\",\"t\":\"1970-01-01T00:00:01.500000Z\",\"b\":false,"
            "\"raw\":\"\"}\n"
            "{\"id\":3}\n");
}

TEST(TableWriter, WritesParquetThatReadsBackTypedAndAsText) {
  const TempFolder temp;
  written(temp / "t.parquet", TableFormat::parquet);
  ParquetFile file = must(ParquetFile::open(temp / "t.parquet"));
  EXPECT_EQ(file.row_count(), 3);
  ASSERT_EQ(file.columns().size(), 6u);
  EXPECT_EQ(file.columns()[1].name, "text, quoted");
  EXPECT_EQ(file.columns()[3].type, "TIMESTAMP");
  {
    QueryResult typed = must(file.read_typed());
    const Chunk rows = must(typed.next());
    ASSERT_EQ(rows.rows(), 3u);
    EXPECT_EQ(rows.int64(0)[1], -2);
    EXPECT_EQ(rows.text(1, 0), "say \"hi\", 茶\n");
    EXPECT_TRUE(std::isinf(rows.real(2)[1]));
    EXPECT_EQ(rows.time(3)[1].micros, 1'500'000);
    EXPECT_TRUE(rows.is_null(1, 2));
    EXPECT_EQ(rows.blob(5, 0), "say \"hi\", 茶\n");
  }
  QueryResult text = must(file.read_text());
  const Chunk rows = must(text.next());
  EXPECT_EQ(rows.text(0, 1), "-2");
  EXPECT_EQ(rows.text(3, 1), "1970-01-01 00:00:01.5");
  EXPECT_EQ(rows.text(4, 0), "true");
  EXPECT_TRUE(rows.is_null(4, 2));
}

TEST(TableWriter, KeepsTheOrderOfManyRowsInParquet) {
  const TempFolder temp;
  const std::vector<ColumnSchema> schema = {{"n", ColumnType::int64}, {"s", ColumnType::text}};
  TableWriter writer =
      must(TableWriter::create(temp / "t.parquet", schema, {.format = TableFormat::parquet}));
  constexpr std::int64_t kBatches = 60;
  constexpr std::int64_t kRows = 5'003;
  for (std::int64_t batch = 0; batch < kBatches; ++batch) {
    // Fresh memory for each batch: a reference kept too long would show.
    std::vector<std::int64_t> n;
    std::string bytes;
    std::vector<std::uint32_t> offsets = {0};
    for (std::int64_t i = 0; i < kRows; ++i) {
      n.push_back(batch * kRows + i);
      bytes += fmt::format("text of row {:09}", n.back());
      offsets.push_back(static_cast<std::uint32_t>(bytes.size()));
    }
    const ColumnSpan columns[] = {ColumnSpan::int64(n), ColumnSpan::text(bytes, offsets)};
    must(writer.append(columns));
  }
  must(writer.finish());
  ParquetFile file = must(ParquetFile::open(temp / "t.parquet"));
  EXPECT_EQ(file.row_count(), kBatches * kRows);
  QueryResult rows = must(file.read_typed());
  std::int64_t next = 0;
  must(rows.for_each([&](const Chunk& chunk) -> Status {
    for (std::size_t i = 0; i < chunk.rows(); ++i, ++next) {
      if (chunk.int64(0)[i] != next) return std::unexpected(internal_error("out of order"));
      if (chunk.text(1, i) != fmt::format("text of row {:09}", next)) {
        return std::unexpected(internal_error("wrong text"));
      }
    }
    return {};
  }));
  EXPECT_EQ(next, kBatches * kRows);
}

TEST(TableWriter, LeavesNothingWithoutFinish) {
  const TempFolder temp;
  for (const TableFormat format : {TableFormat::csv, TableFormat::jsonl, TableFormat::parquet}) {
    must(write_file_durably(temp / "t", "old"));
    {
      TableWriter writer = must(TableWriter::create(temp / "t", kSchema, {.format = format}));
      must(writer.append(Rows().spans()));
    }
    EXPECT_EQ(must(read_file(temp / "t")), "old");
    EXPECT_FALSE(fs::exists(temp / "t.part"));
    TableWriter empty = must(TableWriter::create(temp / "e", kSchema, {.format = format}));
    must(empty.finish());
    EXPECT_EQ(code_of(empty.finish()), ErrorCode::failed_precondition);
  }
  EXPECT_EQ(must(ParquetFile::open(temp / "e")).row_count(), 0);
}

TEST(TableWriter, RefusesBadSchemasPlacesAndText) {
  const TempFolder temp;
  const std::vector<ColumnSchema> twice = {{"a", ColumnType::int64}, {"A", ColumnType::text}};
  EXPECT_EQ(code_of(TableWriter::create(temp / "t", twice)), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(TableWriter::create(temp / "t", {})), ErrorCode::invalid_argument);
  for (const TableFormat format : {TableFormat::csv, TableFormat::parquet}) {
    EXPECT_EQ(code_of(TableWriter::create(temp / "no/t", kSchema, {.format = format})),
              ErrorCode::not_found);
    EXPECT_EQ(code_of(TableWriter::create(temp.path(), kSchema, {.format = format})),
              ErrorCode::invalid_argument);
  }
  must(write_file_durably(temp / "t", "old"));
  EXPECT_EQ(code_of(TableWriter::create(temp / "t", kSchema, {.overwrite = false})),
            ErrorCode::already_exists);
  TableWriter writer = must(TableWriter::create(temp / "t", kSchema));
  Rows rows;
  rows.bytes[0] = '\xff';
  const auto refused = writer.append(rows.spans());
  EXPECT_EQ(code_of(refused), ErrorCode::invalid_argument);
  EXPECT_THAT(message_of(refused), HasSubstr("column 'text, quoted', row 0"));
  EXPECT_EQ(code_of(parse_table_format("xlsx")), ErrorCode::invalid_argument);
  EXPECT_EQ(must(parse_table_format("CSV")), TableFormat::csv);
}

TEST(TableWriterFault, ReportsAFullDisk) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const TempFolder temp;
  for (const TableFormat format : {TableFormat::csv, TableFormat::jsonl}) {
    fs::create_symlink("/dev/full", temp / "t.part");
    TableWriter writer = must(TableWriter::create(temp / "t", kSchema, {.format = format}));
    must(writer.append(Rows().spans()));
    EXPECT_EQ(code_of(writer.finish()), ErrorCode::resource_exhausted);
    EXPECT_FALSE(fs::exists(temp / "t"));
    fs::remove(temp / "t.part");
  }
}

TEST(ParquetFile, ReadsNamesThatLookLikePatternsOrHoldQuotes) {
  const TempFolder temp;
  for (const char* name : {"a*b?.parquet", "it's [1].parquet", "订单.parquet", "a{b,c}.parquet"}) {
    written(temp / name, TableFormat::parquet);
    auto file = ParquetFile::open(temp / name);
    ASSERT_TRUE(file.has_value()) << message_of(file);
    EXPECT_EQ(file->row_count(), 3) << name;
    EXPECT_EQ(must(must(file->read_text()).next()).rows(), 3u) << name;
  }
}

TEST(ParquetFileFault, SaysWhatIsWrongWithAFile) {
  const TempFolder temp;
  const std::string good = written(temp / "t.parquet", TableFormat::parquet);
  const auto open = [&](std::string_view bytes) {
    must(write_file_durably(temp / "x.parquet", bytes));
    return ParquetFile::open(temp / "x.parquet");
  };
  EXPECT_EQ(code_of(ParquetFile::open(temp / "none.parquet")), ErrorCode::not_found);
  EXPECT_EQ(code_of(ParquetFile::open(temp.path())), ErrorCode::invalid_argument);
  const std::pair<std::string, const char*> others[] = {{"", "is empty"},
                                                        {"a,b\n1,2\n", "text, perhaps CSV"},
                                                        {"PK\x03\x04...", "Excel"},
                                                        {"\x1f\x8b\x08", "gzip"},
                                                        {"P", "not a Parquet file"}};
  for (const auto& [bytes, expected] : others) {
    const auto refused = open(bytes);
    EXPECT_EQ(code_of(refused), ErrorCode::invalid_argument);
    EXPECT_THAT(message_of(refused), HasSubstr(expected));
    EXPECT_THAT(message_of(refused), HasSubstr("x.parquet"));
  }
  for (std::size_t size = 4; size < good.size(); size += 37) {
    const auto refused = open(std::string_view(good).substr(0, size));
    EXPECT_EQ(code_of(refused), ErrorCode::data_corruption) << size;
    EXPECT_THAT(message_of(refused), HasSubstr("x.parquet is cut short"));
  }
}

// Whatever byte is changed: rows, or an error that names the file; never a crash.
TEST(ParquetFileFault, SurvivesAnyChangedByte) {
  const TempFolder temp;
  const std::string good = written(temp / "t.parquet", TableFormat::parquet);
  for (std::size_t at = 4; at < good.size() - 4; at += 5) {
    std::string altered = good;
    altered[at] = static_cast<char>(altered[at] ^ 0x5f);
    must(write_file_durably(temp / "x.parquet", altered));
    auto file = ParquetFile::open(temp / "x.parquet");
    if (!file) {
      EXPECT_THAT(message_of(file), HasSubstr("x.parquet")) << at;
      continue;
    }
    auto rows = file->read_text();
    if (!rows) continue;
    (void)rows->for_each([](const Chunk&) -> Status { return {}; });
  }
}

}  // namespace
}  // namespace attune::store
