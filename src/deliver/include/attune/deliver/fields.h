// What a template is filled with: texts by name, and lists of records. Answers: which words go into
// this customer's message?
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/bytes.h"
#include "attune/base/error.h"

namespace attune::deliver {

// Names are letters, digits, '_', '.' and '-'. Texts are UTF-8; for a template an empty text is
// as missing as an absent one.
struct Fields {
  using Record = std::map<std::string, std::string, std::less<>>;
  Record texts;
  std::map<std::string, std::vector<Record>, std::less<>> lists;
  friend bool operator==(const Fields&, const Fields&) = default;
};

void write(ByteWriter& writer, const Fields& fields);
// Errors: data_corruption.
Result<Fields> read_fields(ByteReader& reader);

}  // namespace attune::deliver
