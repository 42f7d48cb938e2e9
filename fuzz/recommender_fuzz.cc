// Any bytes as a stored recommender, behind a right checksum: refused, or a model that answers
// every question and can be written back.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "attune/recommend/recommender.h"

namespace {

using namespace attune;
using namespace attune::recommend;

void ask(Recommender& model) {
  const std::int32_t customers = model.interactions().customers();
  const std::int32_t items = model.interactions().items();
  if (customers > 1000 || items > 1000) return;
  for (std::int32_t customer = 0; customer < std::min(customers, 3); ++customer) {
    const auto list = model.recommend(Query::row(customer));
    if (!list) std::abort();
    for (const ScoredIndex& entry : *list) {
      if (entry.index < 0 || entry.index >= items || std::isnan(entry.score)) std::abort();
      (void)model.explain(Query::row(customer), entry.index);
    }
    (void)model.similar_customers(Query::row(customer), 3);
  }
  const std::vector<HistoryEntry> history{{0, 1, {}}, {1, 2, {}}};
  (void)model.recommend(Query::of(history));
  for (std::int32_t item = 0; item < std::min(items, 3); ++item) (void)model.similar_items(item);
  if (customers > 0 && !model.forget_customer(0)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto model = read_recommender({reinterpret_cast<const char*>(data), size});
  if (model) ask(**model);
  if (!model && model.error().code != ErrorCode::data_corruption) std::abort();
  return 0;
}
