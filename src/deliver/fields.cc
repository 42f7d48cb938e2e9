#include "attune/deliver/fields.h"

namespace attune::deliver {
namespace {

void write_record(ByteWriter& writer, const Fields::Record& record) {
  writer.value(static_cast<std::uint64_t>(record.size()));
  for (const auto& [name, text] : record) {
    writer.text(name);
    writer.text(text);
  }
}

// Counts are not trusted: each entry needs bytes, and running out of them ends the reading.
Result<Fields::Record> read_record(ByteReader& reader) {
  Fields::Record record;
  ATTUNE_ASSIGN_OR_RETURN(const std::uint64_t count, reader.value<std::uint64_t>());
  for (std::uint64_t i = 0; i < count; ++i) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string_view name, reader.text());
    ATTUNE_ASSIGN_OR_RETURN(const std::string_view text, reader.text());
    record.emplace(name, text);
  }
  return record;
}

}  // namespace

void write(ByteWriter& writer, const Fields& fields) {
  write_record(writer, fields.texts);
  writer.value(static_cast<std::uint64_t>(fields.lists.size()));
  for (const auto& [name, records] : fields.lists) {
    writer.text(name);
    writer.value(static_cast<std::uint64_t>(records.size()));
    for (const Fields::Record& record : records) write_record(writer, record);
  }
}

Result<Fields> read_fields(ByteReader& reader) {
  Fields fields;
  ATTUNE_ASSIGN_OR_RETURN(fields.texts, read_record(reader));
  ATTUNE_ASSIGN_OR_RETURN(const std::uint64_t lists, reader.value<std::uint64_t>());
  for (std::uint64_t i = 0; i < lists; ++i) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string_view name, reader.text());
    ATTUNE_ASSIGN_OR_RETURN(const std::uint64_t count, reader.value<std::uint64_t>());
    std::vector<Fields::Record>& records = fields.lists[std::string(name)];
    for (std::uint64_t j = 0; j < count; ++j) {
      ATTUNE_ASSIGN_OR_RETURN(Fields::Record record, read_record(reader));
      records.push_back(std::move(record));
    }
  }
  return fields;
}

}  // namespace attune::deliver
