#include "attune/store/columns.h"

#include <array>
#include <cstring>
#include <limits>
#include <mutex>

#include <fmt/format.h>

#include "duck_result.h"

namespace attune::store {
namespace {

constexpr std::array<std::pair<duckdb_type, std::string_view>, 25> kTypeNames{{
    {DUCKDB_TYPE_BOOLEAN, "BOOLEAN"},
    {DUCKDB_TYPE_TINYINT, "TINYINT"},
    {DUCKDB_TYPE_SMALLINT, "SMALLINT"},
    {DUCKDB_TYPE_INTEGER, "INTEGER"},
    {DUCKDB_TYPE_BIGINT, "BIGINT"},
    {DUCKDB_TYPE_UTINYINT, "UTINYINT"},
    {DUCKDB_TYPE_USMALLINT, "USMALLINT"},
    {DUCKDB_TYPE_UINTEGER, "UINTEGER"},
    {DUCKDB_TYPE_UBIGINT, "UBIGINT"},
    {DUCKDB_TYPE_HUGEINT, "HUGEINT"},
    {DUCKDB_TYPE_FLOAT, "FLOAT"},
    {DUCKDB_TYPE_DOUBLE, "DOUBLE"},
    {DUCKDB_TYPE_DECIMAL, "DECIMAL"},
    {DUCKDB_TYPE_TIMESTAMP, "TIMESTAMP"},
    {DUCKDB_TYPE_TIMESTAMP_S, "TIMESTAMP_S"},
    {DUCKDB_TYPE_TIMESTAMP_MS, "TIMESTAMP_MS"},
    {DUCKDB_TYPE_TIMESTAMP_NS, "TIMESTAMP_NS"},
    {DUCKDB_TYPE_TIMESTAMP_TZ, "TIMESTAMP WITH TIME ZONE"},
    {DUCKDB_TYPE_DATE, "DATE"},
    {DUCKDB_TYPE_VARCHAR, "VARCHAR"},
    {DUCKDB_TYPE_BLOB, "BLOB"},
    {DUCKDB_TYPE_ENUM, "ENUM"},
    {DUCKDB_TYPE_SQLNULL, "NULL"},
    {DUCKDB_TYPE_LIST, "LIST"},
    {DUCKDB_TYPE_STRUCT, "STRUCT"},
}};

std::string type_name(duckdb_type type) {
  for (const auto& [id, shown] : kTypeNames) {
    if (id == type) return std::string(shown);
  }
  return "of another type";
}

// Widens the values of a column that holds T.
template <class T, class To>
void widen(const void* data, std::size_t rows, std::vector<To>& into) {
  const T* values = static_cast<const T*>(data);
  into.resize(rows);
  for (std::size_t i = 0; i < rows; ++i) into[i] = static_cast<To>(values[i]);
}

__int128 wide(duckdb_hugeint value) {
  return (static_cast<__int128>(value.upper) << 64) + static_cast<__int128>(value.lower);
}

template <class To>
void widen_hugeint(const void* data, std::size_t rows, std::vector<To>& into) {
  const auto* values = static_cast<const duckdb_hugeint*>(data);
  into.resize(rows);
  for (std::size_t i = 0; i < rows; ++i) into[i] = static_cast<To>(wide(values[i]));
}

// Any column of numbers as To. False for other types.
template <class To>
bool widen_numbers(duckdb_type type, const void* data, std::size_t rows, std::vector<To>& into) {
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
    case DUCKDB_TYPE_UTINYINT:
      widen<std::uint8_t>(data, rows, into);
      return true;
    case DUCKDB_TYPE_TINYINT:
      widen<std::int8_t>(data, rows, into);
      return true;
    case DUCKDB_TYPE_SMALLINT:
      widen<std::int16_t>(data, rows, into);
      return true;
    case DUCKDB_TYPE_USMALLINT:
      widen<std::uint16_t>(data, rows, into);
      return true;
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_DATE:
      widen<std::int32_t>(data, rows, into);
      return true;
    case DUCKDB_TYPE_UINTEGER:
      widen<std::uint32_t>(data, rows, into);
      return true;
    case DUCKDB_TYPE_BIGINT:
      widen<std::int64_t>(data, rows, into);
      return true;
    case DUCKDB_TYPE_UBIGINT:
      widen<std::uint64_t>(data, rows, into);
      return true;
    case DUCKDB_TYPE_HUGEINT:
      widen_hugeint(data, rows, into);
      return true;
    default:
      return false;
  }
}

bool widen_reals(const ResultColumn& column, const void* data, std::size_t rows,
                 std::vector<double>& into) {
  if (column.id == DUCKDB_TYPE_FLOAT) {
    widen<float>(data, rows, into);
    return true;
  }
  if (column.id != DUCKDB_TYPE_DECIMAL) return widen_numbers(column.id, data, rows, into);
  if (!widen_numbers(column.internal, data, rows, into)) return false;
  double unit = 1;
  for (int i = 0; i < column.scale; ++i) unit *= 10;
  for (double& value : into) value /= unit;
  return true;
}

// Floor division, so that times before 1970 round the same way as those after.
std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

bool widen_times(duckdb_type type, const void* data, std::size_t rows,
                 std::vector<Timestamp>& into) {
  const auto* ticks = static_cast<const std::int64_t*>(data);
  const auto* days = static_cast<const std::int32_t*>(data);
  into.resize(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    switch (type) {
      case DUCKDB_TYPE_TIMESTAMP_S:
        into[i].micros = ticks[i] * kMicrosPerSecond;
        break;
      case DUCKDB_TYPE_TIMESTAMP_MS:
        into[i].micros = ticks[i] * 1000;
        break;
      case DUCKDB_TYPE_TIMESTAMP_NS:
        into[i].micros = floor_div(ticks[i], 1000);
        break;
      case DUCKDB_TYPE_DATE:
        into[i].micros = days[i] * kMicrosPerDay;
        break;
      default:
        return false;
    }
  }
  return true;
}

bool bit_is_set(const std::uint64_t* mask, std::size_t row) {
  return mask == nullptr || ((mask[row / 64] >> (row % 64)) & 1) != 0;
}

// Values at missing rows are whatever the database left there: they become zero where they are
// converted, so that conversions cannot overflow.
Status check_hugeints(const Chunk::Impl& chunk, const ResultColumn& column,
                      Chunk::Impl::Column& vector) {
  auto* values = static_cast<duckdb_hugeint*>(const_cast<void*>(vector.data));
  for (std::size_t i = 0; i < chunk.rows; ++i) {
    if (!bit_is_set(vector.validity, i)) {
      values[i] = {};
      continue;
    }
    const __int128 value = wide(values[i]);
    if (value > std::numeric_limits<std::int64_t>::max() ||
        value < std::numeric_limits<std::int64_t>::min()) {
      return std::unexpected(
          out_of_range(fmt::format("a value of column '{}' does not fit 64 bits", column.name)));
    }
  }
  return {};
}

std::string_view view_of(const duckdb_string_t& text) {
  const std::uint32_t length = text.value.inlined.length;
  return {length <= sizeof text.value.inlined.inlined ? text.value.inlined.inlined
                                                      : text.value.pointer.ptr,
          length};
}

}  // namespace

bool is_readable(duckdb_type type) {
  for (const auto& [id, shown] : kTypeNames) {
    if (id == type) return id != DUCKDB_TYPE_LIST && id != DUCKDB_TYPE_STRUCT;
  }
  return false;
}

Result<std::vector<ResultColumn>> describe_columns(duckdb_result& result) {
  std::vector<ResultColumn> columns;
  for (idx_t i = 0; i < duckdb_column_count(&result); ++i) {
    const duck::LogicalType type(duckdb_column_logical_type(&result, i));
    ResultColumn column{
        duckdb_column_name(&result, i), type_name(type.id()), type.id(), type.id(), 0, {}};
    if (!is_readable(column.id)) {
      return std::unexpected(
          invalid_argument(fmt::format("column '{}' of the query is {} and cannot be read; cast it "
                                       "to VARCHAR",
                                       column.name, column.type)));
    }
    if (column.id == DUCKDB_TYPE_DECIMAL) {
      column.internal = duckdb_decimal_internal_type(type.get());
      column.scale = duckdb_decimal_scale(type.get());
    }
    if (column.id == DUCKDB_TYPE_ENUM) {
      column.internal = duckdb_enum_internal_type(type.get());
      for (idx_t word = 0; word < duckdb_enum_dictionary_size(type.get()); ++word) {
        char* text = duckdb_enum_dictionary_value(type.get(), word);
        column.words.emplace_back(text);
        duckdb_free(text);
      }
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

Chunk::Chunk(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Chunk::Chunk(Chunk&&) noexcept = default;
Chunk& Chunk::operator=(Chunk&&) noexcept = default;
Chunk::~Chunk() = default;

std::size_t Chunk::rows() const { return impl_->rows; }
std::size_t Chunk::columns() const { return impl_->columns->size(); }

bool Chunk::is_null(std::size_t column, std::size_t row) const {
  return !bit_is_set(impl_->vectors[column].validity, row) ||
         (*impl_->columns)[column].id == DUCKDB_TYPE_SQLNULL;
}

std::span<const std::int64_t> Chunk::int64(std::size_t column) const {
  if (impl_->rows == 0) return {};
  Impl::Column& vector = impl_->vectors[column];
  const duckdb_type id = (*impl_->columns)[column].id;
  if (id == DUCKDB_TYPE_BIGINT || id == DUCKDB_TYPE_TIMESTAMP) {
    return {static_cast<const std::int64_t*>(vector.data), impl_->rows};
  }
  if (vector.int64.empty()) {
    ATTUNE_CHECK(widen_numbers(id, vector.data, impl_->rows, vector.int64),
                 "the column holds integers");
  }
  return vector.int64;
}

std::span<const std::uint64_t> Chunk::uint64(std::size_t column) const {
  if (impl_->rows == 0) return {};
  ATTUNE_CHECK((*impl_->columns)[column].id == DUCKDB_TYPE_UBIGINT, "the column is UBIGINT");
  return {static_cast<const std::uint64_t*>(impl_->vectors[column].data), impl_->rows};
}

std::span<const double> Chunk::real(std::size_t column) const {
  if (impl_->rows == 0) return {};
  Impl::Column& vector = impl_->vectors[column];
  const ResultColumn& facts = (*impl_->columns)[column];
  if (facts.id == DUCKDB_TYPE_DOUBLE) {
    return {static_cast<const double*>(vector.data), impl_->rows};
  }
  if (vector.real.empty()) {
    ATTUNE_CHECK(widen_reals(facts, vector.data, impl_->rows, vector.real),
                 "the column holds numbers");
  }
  return vector.real;
}

std::span<const Timestamp> Chunk::time(std::size_t column) const {
  if (impl_->rows == 0) return {};
  static_assert(sizeof(Timestamp) == sizeof(std::int64_t));
  Impl::Column& vector = impl_->vectors[column];
  const duckdb_type id = (*impl_->columns)[column].id;
  if (id == DUCKDB_TYPE_TIMESTAMP || id == DUCKDB_TYPE_TIMESTAMP_TZ) {
    return {static_cast<const Timestamp*>(vector.data), impl_->rows};
  }
  if (vector.time.empty()) {
    ATTUNE_CHECK(widen_times(id, vector.data, impl_->rows, vector.time), "the column holds times");
  }
  return vector.time;
}

std::string_view Chunk::text(std::size_t column, std::size_t row) const {
  const ResultColumn& facts = (*impl_->columns)[column];
  if (is_null(column, row)) return {};
  const void* data = impl_->vectors[column].data;
  if (facts.id == DUCKDB_TYPE_ENUM) {
    switch (facts.internal) {
      case DUCKDB_TYPE_UTINYINT:
        return facts.words[static_cast<const std::uint8_t*>(data)[row]];
      case DUCKDB_TYPE_USMALLINT:
        return facts.words[static_cast<const std::uint16_t*>(data)[row]];
      default:
        return facts.words[static_cast<const std::uint32_t*>(data)[row]];
    }
  }
  ATTUNE_CHECK(facts.id == DUCKDB_TYPE_VARCHAR, "the column holds text");
  return view_of(static_cast<const duckdb_string_t*>(data)[row]);
}

std::string_view Chunk::blob(std::size_t column, std::size_t row) const {
  if (is_null(column, row)) return {};
  ATTUNE_CHECK((*impl_->columns)[column].id == DUCKDB_TYPE_BLOB, "the column holds blobs");
  return view_of(static_cast<const duckdb_string_t*>(impl_->vectors[column].data)[row]);
}

QueryResult::QueryResult(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
QueryResult::QueryResult(QueryResult&&) noexcept = default;
QueryResult& QueryResult::operator=(QueryResult&&) noexcept = default;
QueryResult::~QueryResult() = default;

std::size_t QueryResult::columns() const { return impl_->columns->size(); }
const std::string& QueryResult::column_name(std::size_t column) const {
  return (*impl_->columns)[column].name;
}
const std::string& QueryResult::column_type(std::size_t column) const {
  return (*impl_->columns)[column].type;
}

Result<Chunk> QueryResult::next() {
  auto chunk = std::make_unique<Chunk::Impl>();
  chunk->columns = impl_->columns;
  chunk->vectors.resize(impl_->columns->size());
  if (impl_->ended) return Chunk(std::move(chunk));
  if (impl_->connection->statements != impl_->number) {
    return std::unexpected(failed_precondition(
        "this result has ended: another statement ran on its connection; read it first, or use a "
        "second connection"));
  }
  chunk->handle = duckdb_fetch_chunk(impl_->result);
  if (chunk->handle == nullptr) {
    const char* message = duckdb_result_error(&impl_->result);
    if (message != nullptr && *message != '\0') {
      return std::unexpected(duck::error_from(message, impl_->connection->what));
    }
    impl_->ended = true;
    return Chunk(std::move(chunk));
  }
  chunk->rows = duckdb_data_chunk_get_size(chunk->handle);
  for (std::size_t i = 0; i < chunk->vectors.size(); ++i) {
    const duckdb_vector vector = duckdb_data_chunk_get_vector(chunk->handle, i);
    Chunk::Impl::Column& column = chunk->vectors[i];
    column.data = duckdb_vector_get_data(vector);
    column.validity = duckdb_vector_get_validity(vector);
    if ((*impl_->columns)[i].id == DUCKDB_TYPE_HUGEINT) {
      ATTUNE_RETURN_IF_ERROR(check_hugeints(*chunk, (*impl_->columns)[i], column));
    }
  }
  if (chunk->rows == 0) impl_->ended = true;
  return Chunk(std::move(chunk));
}

Status QueryResult::for_each(const std::function<Status(const Chunk&)>& visit) {
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const Chunk chunk, next());
    if (chunk.rows() == 0) return {};
    ATTUNE_RETURN_IF_ERROR(visit(chunk));
  }
}

namespace duck {
namespace {

duckdb_state bind(duckdb_prepared_statement statement, idx_t index, const Value& value) {
  return std::visit(
      [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return duckdb_bind_null(statement, index);
        } else if constexpr (std::is_same_v<T, bool>) {
          return duckdb_bind_boolean(statement, index, v);
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
          return duckdb_bind_int64(statement, index, v);
        } else if constexpr (std::is_same_v<T, std::uint64_t>) {
          return duckdb_bind_uint64(statement, index, v);
        } else if constexpr (std::is_same_v<T, double>) {
          return duckdb_bind_double(statement, index, v);
        } else if constexpr (std::is_same_v<T, std::string_view>) {
          return duckdb_bind_varchar_length(statement, index, v.data() ? v.data() : "", v.size());
        } else if constexpr (std::is_same_v<T, Blob>) {
          return duckdb_bind_blob(statement, index, v.bytes.data(), v.bytes.size());
        } else {
          return duckdb_bind_timestamp(statement, index, {v.micros});
        }
      },
      value);
}

// A prepared statement that is destroyed on scope exit unless released.
struct Prepared {
  duckdb_prepared_statement handle = nullptr;
  ~Prepared() {
    if (handle != nullptr) duckdb_destroy_prepare(&handle);
  }
};

Status prepare(Connection& connection, const std::string& sql, std::span<const Value> parameters,
               Prepared& statement) {
  if (duckdb_prepare(connection.handle, sql.c_str(), &statement.handle) == DuckDBError) {
    const char* message = duckdb_prepare_error(statement.handle);
    return std::unexpected(
        error_from(message != nullptr ? message : "cannot prepare the query", connection.what));
  }
  const idx_t wanted = duckdb_nparams(statement.handle);
  if (wanted != parameters.size()) {
    return std::unexpected(invalid_argument(
        fmt::format("the query has {} parameters, {} are given", wanted, parameters.size())));
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (bind(statement.handle, i + 1, parameters[i]) == DuckDBError) {
      const char* message = duckdb_prepare_error(statement.handle);
      return std::unexpected(
          error_from(message != nullptr ? message : fmt::format("cannot bind parameter {}", i + 1),
                     connection.what));
    }
  }
  return {};
}

}  // namespace

Result<QueryResult> query(const std::shared_ptr<Connection>& connection, std::string_view sql,
                          std::span<const Value> parameters) {
  ATTUNE_RETURN_IF_ERROR(mend(*connection));
  ++connection->statements;
  Prepared statement;
  ATTUNE_RETURN_IF_ERROR(prepare(*connection, std::string(sql), parameters, statement));
  const bool reads =
      duckdb_prepared_statement_type(statement.handle) == DUCKDB_STATEMENT_TYPE_SELECT;
  const GateHold hold(reads ? nullptr : connection->gate());
  auto impl = std::make_unique<QueryResult::Impl>();
  impl->connection = connection;
  impl->number = connection->statements;
  {
    std::unique_lock lock(connection->database->committing, std::defer_lock);
    const bool commits = !reads && !connection->in_transaction;
    if (commits) lock.lock();
    const Status ran = run(*connection, statement.handle, reads, impl->result);
    if (!ran && commits && harms(ran.error())) connection->database->damaged = true;
    ATTUNE_RETURN_IF_ERROR(ran);
  }
  impl->statement = std::exchange(statement.handle, nullptr);
  ATTUNE_ASSIGN_OR_RETURN(auto columns, describe_columns(impl->result));
  impl->columns = std::make_shared<const std::vector<ResultColumn>>(std::move(columns));
  return QueryResult(std::move(impl));
}

}  // namespace duck
}  // namespace attune::store
