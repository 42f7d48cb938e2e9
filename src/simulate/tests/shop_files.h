// Reads simulated files the simple way, for tests.
#pragma once

#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "attune/base/progress.h"
#include "attune/simulate/write_shop.h"

namespace attune::simulate {

inline constexpr const char* kAllFiles[] = {
    "events.csv", "orders.csv",      "items.csv",           "customers.csv",
    "truth.json", "truth_items.csv", "truth_customers.csv", "truth_bots.csv"};

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "attune-shop-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string unzip(const std::filesystem::path& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  std::string text, buffer(1 << 16, '\0');
  for (int n; (n = gzread(file, buffer.data(), 1 << 16)) > 0;) text.append(buffer, 0, n);
  gzclose(file);
  return text;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

inline std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') {
      if (quoted && i + 1 < line.size() && line[i + 1] == '"')
        fields.back() += line[i++];
      else
        quoted = !quoted;
    } else if (line[i] == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += line[i];
    }
  }
  return fields;
}

using NamedRow = std::map<std::string, std::string>;

// Rows by the names of `headings`; rows with another number of fields are left out.
inline std::vector<NamedRow> rows_of(const std::string& text,
                                     std::vector<std::string> headings = {}) {
  std::vector<NamedRow> rows;
  const std::vector<std::string> lines = lines_of(text);
  if (headings.empty()) headings = fields_of(lines.at(0));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string> fields = fields_of(lines[i]);
    if (fields.size() != headings.size()) continue;
    NamedRow& row = rows.emplace_back();
    for (std::size_t k = 0; k < fields.size(); ++k) row[headings[k]] = fields[k];
  }
  return rows;
}

inline ShopParameters small_shop(Language language = Language::en) {
  ShopParameters parameters;
  parameters.customers = 150;
  parameters.items = 60;
  parameters.days = 50;
  parameters.language = language;
  parameters.seed = 20261122;
  parameters.missing_share = .1;
  parameters.duplicate_share = .02;
  parameters.resent_share = .01;
  parameters.refund_share = .2;
  parameters.purchase_scale_days = 10;
  return parameters;
}

}  // namespace attune::simulate
