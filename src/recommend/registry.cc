#include <array>
#include <functional>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "ease.h"
#include "ials.h"
#include "knn.h"
#include "popularity.h"

namespace attune::recommend {
namespace {

struct Row {
  std::string name;
  std::function<std::unique_ptr<Recommender>()> make;
};

template <class T>
Row row() {
  return {std::string(T().name()), [] { return std::make_unique<T>(); }};
}

// Every recommender there is: a new one is a line here.
const std::vector<Row>& rows() {
  static const std::vector<Row> all = {row<Popularity>(), row<Trending>(), row<ItemKnn>(),
                                       row<UserKnn>(),    row<Ials>(),     row<Ease>()};
  return all;
}

}  // namespace

std::span<const std::string> recommender_names() {
  static const auto names = [] {
    std::vector<std::string> all;
    for (const Row& row : rows()) all.push_back(row.name);
    return all;
  }();
  return names;
}

Result<std::unique_ptr<Recommender>> make_recommender(std::string_view name) {
  for (const Row& row : rows()) {
    if (row.name == name) return row.make();
  }
  return std::unexpected(not_found(
      fmt::format("there is no recommender '{}'{}; there are {}", quoted(name),
                  did_you_mean(name, recommender_names()), fmt::join(recommender_names(), ", "))));
}

}  // namespace attune::recommend
