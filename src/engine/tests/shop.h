// A data folder of its own for each test, and files to import into it.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "attune/engine/customers.h"
#include "attune/engine/import.h"
#include "attune/engine/workspace.h"

namespace attune::engine {

class Shop : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (home() / "attune-engine-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  // In memory where there is room: no test here is about what a disk does, and real syncs would
  // only make them wait.
  static std::filesystem::path home() {
    std::error_code error;
    const auto space = std::filesystem::space("/dev/shm", error);
    const bool room = !error && space.available > (std::uintmax_t{1} << 30);
    return room ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
  }

  std::filesystem::path folder() const { return root_ / "shop"; }
  Workspace open(const std::filesystem::path& folder) const {
    WorkspaceOptions options;
    options.create = true;
    options.clock = &clock_;
    auto opened = Workspace::open(folder, options);
    if (!opened) ADD_FAILURE() << to_string(opened.error());
    return std::move(opened).value();
  }
  Workspace open() const { return open(folder()); }

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(root_ / name, std::ios::binary) << text;
    return root_ / name;
  }

  Result<ImportResult> try_import(Workspace& workspace, const std::filesystem::path& file,
                                  events::Kind kind = events::Kind::events) {
    ImportRequest request;
    request.kind = kind;
    request.files = {file};
    request.currency = "GBP";
    auto preview = preview_import(request, file);
    if (!preview) return std::unexpected(preview.error());
    return run_import(workspace, request, {preview->mapping}, quiet_);
  }
  ImportResult import(Workspace& workspace, const std::filesystem::path& file,
                      events::Kind kind = events::Kind::events) {
    auto result = try_import(workspace, file, kind);
    if (!result) ADD_FAILURE() << to_string(result.error());
    return result.value_or(ImportResult());
  }
  Customers customers(Workspace& workspace) {
    auto opened = Customers::open(workspace, {}, quiet_);
    if (!opened) ADD_FAILURE() << to_string(opened.error());
    return std::move(opened).value();
  }
  // Every profile as JSON under the customer's own id, in one text.
  std::string all_profiles(Workspace& workspace) {
    Customers everybody = customers(workspace);
    std::string text;
    const Status read = everybody.for_each([&](const profiles::Profile& p) -> Status {
      text += *workspace.identity().label(p.customer) + " " +
              profiles::to_json(p, everybody.names(), 100) + "\n";
      return {};
    });
    EXPECT_TRUE(read);
    return text;
  }

  std::filesystem::path root_;
  FixedClock clock_{Timestamp{1'780'000'000'000'000}};
  NoProgress quiet_;
};

// `rows` order lines of `customers` customers, from row `first` on: the same row has always the
// same text.
inline std::string order_lines(int first, int rows, int customers = 7) {
  std::string text = "order_id,customer_id,product_id,product_name,category,date,quantity,price\n";
  for (int i = first; i < first + rows; ++i) {
    text += std::to_string(1000 + i / 3) + ",c" + std::to_string(i / 3 % customers) + ",p" +
            std::to_string(i * 7 % 11) + ",Thing " + std::to_string(i * 7 % 11) + ",kind " +
            std::to_string(i * 7 % 3) + ",2026-0" + std::to_string(1 + i / 60 % 5) + "-" +
            (i % 28 < 9 ? "0" : "") + std::to_string(i % 28 + 1) +
            " 10:" + std::to_string(10 + i % 50) + ":00," + std::to_string(1 + i % 4) + "," +
            std::to_string(2 + i % 9) + ".5" + std::to_string(i % 10) + "\n";
  }
  return text;
}

}  // namespace attune::engine
