// Times what callers of `store` wait for: store_bench [FOLDER]. Each answer is checked before its
// time is printed.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "attune/store/history.h"
#include "attune/store/journal.h"
#include "attune/store/state.h"
#include "attune/store/tables.h"
#include "attune/store/vault.h"

namespace {

namespace fs = std::filesystem;
using namespace attune;
using namespace attune::store;

template <class T>
T must(Result<T> result) {
  if (result) {
    if constexpr (std::is_void_v<T>) {
      return;
    } else {
      return std::move(*result);
    }
  }
  fmt::print("failed: {}\n", to_string(result.error()));
  std::exit(1);
}

double seconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void bench_appender(const fs::path& folder, std::int64_t rows) {
  History history = must(History::open(folder / fmt::format("append-{}.duckdb", rows)));
  must(history.execute(
      "CREATE TABLE t (a BIGINT, b BIGINT, c BIGINT, d TIMESTAMP, e SMALLINT, f UTINYINT,"
      " g BIGINT, h BIGINT, i DOUBLE, j INTEGER, k UBIGINT, l DOUBLE, note VARCHAR)"));
  constexpr std::size_t kBatch = 100'000;
  std::vector<std::int64_t> n(kBatch);
  std::vector<double> x(kBatch);
  std::vector<std::int16_t> s(kBatch, 60);
  std::vector<std::int32_t> w(kBatch, 7);
  std::vector<std::uint8_t> t(kBatch, 7), present(kBatch);
  std::vector<std::uint64_t> u(kBatch);
  std::string bytes;
  std::vector<std::uint32_t> offsets = {0};
  for (std::size_t i = 0; i < kBatch; ++i) {
    n[i] = static_cast<std::int64_t>(i * 7919 % 50021);
    x[i] = static_cast<double>(i) / 3;
    u[i] = i * 0x9E3779B97F4A7C15ull;
    present[i] = i % 10 != 0;
    bytes += fmt::format("order {}", i % 1000 == 0 ? std::string(30, 'x') : std::to_string(i));
    offsets.push_back(static_cast<std::uint32_t>(bytes.size()));
  }
  const std::vector<ColumnSpan> columns = {ColumnSpan::int64(n),
                                           ColumnSpan::int64(n),
                                           ColumnSpan::int64(n),
                                           ColumnSpan::timestamp(std::span<const std::int64_t>(n)),
                                           ColumnSpan::int16(s),
                                           ColumnSpan::uint8(t),
                                           ColumnSpan::int64(n),
                                           ColumnSpan::int64(n),
                                           ColumnSpan::float64(x),
                                           ColumnSpan::int32(w),
                                           ColumnSpan::uint64(u),
                                           ColumnSpan::float64(x).with_present(present),
                                           ColumnSpan::text(bytes, offsets)};
  for (const bool with_text : {false, true}) {
    std::vector<std::string> names = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
    if (with_text) names.push_back("note");
    const std::span<const ColumnSpan> used(columns.data(), names.size());
    const std::int64_t before = must(history.find_int64("SELECT count(*) FROM t")).value_or(0);
    const std::clock_t cpu = std::clock();
    const double time = seconds([&] {
      must(history.begin());
      Appender appender = must(history.appender("t", names));
      for (std::int64_t done = 0; done < rows; done += kBatch) must(appender.append(used));
      must(appender.finish());
      must(history.commit());
    });
    const double cpu_time = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    const std::int64_t after = must(history.find_int64("SELECT count(*) FROM t")).value_or(0);
    if (after - before != rows) std::exit(1);
    const double m = static_cast<double>(rows) / 1e6;
    fmt::print("append, 12 numeric columns{}: {} rows: {:.2f} M rows/s wall, {:.2f} M rows/CPU s\n",
               with_text ? " and a text" : "", rows, m / time, m / cpu_time);
  }
}

void bench_journal(const fs::path& folder, int threads) {
  Journal journal = must(Journal::open(folder));
  const std::string payload(300, 'e');
  std::atomic<std::int64_t> appended = 0;
  std::vector<double> waits;
  std::mutex mutex;
  const Sequence before = journal.last_sequence();
  const double time = seconds([&] {
    std::vector<std::thread> pool;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
    for (int i = 0; i < threads; ++i) {
      pool.emplace_back([&] {
        std::vector<double> mine;
        while (std::chrono::steady_clock::now() < end) {
          mine.push_back(seconds([&] { must(journal.append({1, payload, 1})); }));
          ++appended;
        }
        const std::scoped_lock lock(mutex);
        waits.insert(waits.end(), mine.begin(), mine.end());
      });
    }
    for (std::thread& thread : pool) thread.join();
  });
  if (journal.last_sequence().value - before.value != appended) std::exit(1);
  std::sort(waits.begin(), waits.end());
  fmt::print("journal, {} threads: {:.0f} appends/s, p50 {:.2f} ms, p99 {:.2f} ms\n", threads,
             static_cast<double>(appended) / time, waits[waits.size() / 2] * 1e3,
             waits[waits.size() * 99 / 100] * 1e3);
}

void bench_state(const fs::path& folder) {
  State state = must(State::open(folder / "state.sqlite"));
  must(state.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB)"));
  constexpr std::int64_t kRows = 1'000'000;
  const std::string value(100, 'v');
  const double write = seconds([&] {
    for (std::int64_t i = 0; i < kRows; i += 10'000) {
      Transaction transaction = must(state.begin());
      Statement insert = must(state.prepare("INSERT INTO t VALUES (?, ?)"));
      for (std::int64_t k = i; k < i + 10'000; ++k) must(insert.bind_all(k, Blob{value}).run());
      must(transaction.commit());
    }
  });
  std::int64_t bytes = 0;
  const double read = seconds([&] {
    for (std::int64_t i = 0; i < kRows; ++i) {
      Statement get = must(state.prepare("SELECT v FROM t WHERE k = ?"));
      must(get.bind_all(i * 7919 % kRows).step());
      bytes += static_cast<std::int64_t>(get.blob(0).size());
    }
  });
  if (bytes != kRows * 100) std::exit(1);
  fmt::print("state: {:.2f} M inserts/s (10,000 a transaction), {:.0f} k look-ups/s\n",
             kRows / write / 1e6, kRows / read / 1e3);
}

void bench_vault(const fs::path& folder, std::int64_t customers) {
  const fs::path keys = folder / fmt::format("keys-{}", customers);
  fs::create_directories(keys);
  Vault vault = must(Vault::open(keys));
  std::vector<CustomerNumber> numbers;
  for (std::int64_t i = 1; i <= customers; ++i) numbers.push_back(CustomerNumber{i});
  const double create = seconds([&] { must(vault.create_keys(numbers)); });
  const std::string email = "somebody@example.org";
  std::vector<std::string> sealed(numbers.size());
  const double seal = seconds([&] {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      sealed[i] = must(vault.seal(numbers[i], "email", email));
    }
  });
  const double open = seconds([&] {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (must(vault.open(numbers[i], "email", sealed[i])) != email) std::exit(1);
    }
  });
  const auto n = static_cast<double>(customers);
  fmt::print("vault, {} customers: {:.0f} k keys/s, {:.0f} k seals/s, {:.0f} k opens/s\n",
             customers, n / create / 1e3, n / seal / 1e3, n / open / 1e3);
}

void bench_writer(const fs::path& folder, TableFormat format, std::int64_t rows) {
  const std::vector<ColumnSchema> schema = {{"id", ColumnType::int64},
                                            {"value", ColumnType::float64},
                                            {"time", ColumnType::timestamp},
                                            {"note", ColumnType::text}};
  constexpr std::size_t kBatch = 50'000;
  std::vector<std::int64_t> n(kBatch);
  std::vector<double> x(kBatch);
  std::string bytes;
  std::vector<std::uint32_t> offsets = {0};
  for (std::size_t i = 0; i < kBatch; ++i) {
    n[i] = static_cast<std::int64_t>(i * 7919 % 50021) * 1'000'000;
    x[i] = static_cast<double>(i) / 4;
    bytes += fmt::format("note {}", i);
    offsets.push_back(static_cast<std::uint32_t>(bytes.size()));
  }
  const ColumnSpan columns[] = {ColumnSpan::int64(n), ColumnSpan::float64(x),
                                ColumnSpan::timestamp(std::span<const std::int64_t>(n)),
                                ColumnSpan::text(bytes, offsets)};
  const fs::path file = folder / fmt::format("table.{}", name(format));
  const double time = seconds([&] {
    TableWriter writer = must(TableWriter::create(file, schema, {.format = format}));
    for (std::int64_t done = 0; done < rows; done += kBatch) must(writer.append(columns));
    must(writer.finish());
  });
  fmt::print("{}: {:.2f} M rows/s of 4 columns\n", name(format),
             static_cast<double>(rows) / time / 1e6);
  if (format != TableFormat::parquet) return;
  ParquetFile parquet = must(ParquetFile::open(file));
  std::int64_t seen = 0;
  const double read = seconds([&] {
    QueryResult text = must(parquet.read_text());
    must(text.for_each([&](const Chunk& chunk) -> Status {
      seen += static_cast<std::int64_t>(chunk.rows());
      return {};
    }));
  });
  if (seen != rows) std::exit(1);
  fmt::print("parquet read as text: {:.2f} M rows/s\n", static_cast<double>(rows) / read / 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  const fs::path folder = argc > 1 ? argv[1] : fs::temp_directory_path() / "attune-store-bench";
  fs::remove_all(folder);
  fs::create_directories(folder);
  for (const std::int64_t rows : {500'000, 2'000'000, 5'000'000}) bench_appender(folder, rows);
  for (const int threads : {1, 8, 64}) {
    const fs::path journal = folder / fmt::format("journal-{}", threads);
    fs::create_directories(journal);
    bench_journal(journal, threads);
  }
  bench_state(folder);
  for (const std::int64_t customers : {10'000, 100'000, 1'000'000}) bench_vault(folder, customers);
  for (const TableFormat format : {TableFormat::csv, TableFormat::jsonl, TableFormat::parquet}) {
    bench_writer(folder, format, 1'000'000);
  }
  fs::remove_all(folder);
}
