#include "knn.h"

#include <algorithm>
#include <cmath>

#include "fit_loop.h"

namespace attune::recommend {
namespace {

using math::CsrMatrix;

const ParameterTable<ItemKnnParameters>& item_table() {
  static const auto table = [] {
    ParameterTable<ItemKnnParameters> t;
    t.integer("neighbours", &ItemKnnParameters::neighbours, 1, 100'000, "items",
              "most similar items kept of each item");
    add_similarity_parameters(t);
    return t;
  }();
  return table;
}

const ParameterTable<UserKnnParameters>& user_table() {
  static const auto table = [] {
    ParameterTable<UserKnnParameters> t;
    t.integer("neighbours", &UserKnnParameters::neighbours, 1, 100'000, "customers",
              "most similar customers asked");
    add_similarity_parameters(t);
    return t;
  }();
  return table;
}

void add(float& score, float amount) { score = std::isnan(score) ? amount : score + amount; }

// Lists of neighbours as one sparse matrix.
CsrMatrix join(std::int32_t columns, const std::vector<std::vector<ScoredIndex>>& lists) {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> indices;
  std::vector<float> weights;
  for (std::vector<ScoredIndex> list : lists) {
    std::ranges::sort(list, {}, &ScoredIndex::index);
    for (const ScoredIndex& entry : list) {
      indices.push_back(entry.index);
      weights.push_back(entry.score);
    }
    offsets.push_back(static_cast<std::int64_t>(indices.size()));
  }
  auto matrix = CsrMatrix::from_parts(columns, std::move(offsets), std::move(indices),
                                      std::move(weights), {});
  ATTUNE_CHECK(matrix.has_value(), "sorted lists of finite similarities make a matrix");
  return std::move(*matrix);
}

// Contributions of nothing yet, one for each item of the history.
Explanation start_explanation(const HistoryView& history) {
  Explanation explanation;
  for (std::size_t i = 0; i < history.items.size(); ++i) {
    explanation.contributions.push_back({history.items[i], history.weights[i], 0});
  }
  return explanation;
}

}  // namespace

ItemKnn::ItemKnn() : Parameterised(item_table()) {}

Result<FitReport> ItemKnn::fit_model(const FitOptions& options) {
  const CsrMatrix& items = interactions().by_item();
  const SimilarityIndex index(items, settings());
  std::vector<std::vector<ScoredIndex>> lists(static_cast<std::size_t>(items.rows()));
  std::vector<SimilarityIndex::Scratch> scratch(
      static_cast<std::size_t>(math::thread_count(options.threads)));
  ATTUNE_RETURN_IF_ERROR(for_rows("comparing items", items.rows(), 16, options,
                                  [&](std::int64_t begin, std::int64_t end, int slot) {
                                    for (auto i = static_cast<std::int32_t>(begin); i < end; ++i) {
                                      lists[static_cast<std::size_t>(i)] =
                                          index.similar({items.columns_of(i), items.weights_of(i)},
                                                        i, settings().neighbours,
                                                        scratch[static_cast<std::size_t>(slot)]);
                                    }
                                  }));
  neighbours_ = join(items.rows(), lists);
  reached_ = neighbours_.transposed();
  FitReport report;
  if (neighbours_.entries() == 0) {
    report.warnings.push_back(
        "no two items share a customer (or pass the threshold): item_knn will recommend nothing");
  }
  return report;
}

void ItemKnn::score_all(const HistoryView& history, std::span<float> scores) const {
  for (std::size_t h = 0; h < history.items.size(); ++h) {
    const auto items = reached_.columns_of(history.items[h]);
    const auto similarities = reached_.weights_of(history.items[h]);
    for (std::size_t n = 0; n < items.size(); ++n) {
      add(scores[static_cast<std::size_t>(items[n])], similarities[n] * history.weights[h]);
    }
  }
}

std::vector<ScoredIndex> ItemKnn::find_similar_items(std::int32_t item, int k,
                                                     const ItemFilter& filter) const {
  const auto items = neighbours_.columns_of(item);
  const auto similarities = neighbours_.weights_of(item);
  auto top = math::TopK::create(k);
  if (!top) return {};
  for (std::size_t n = 0; n < items.size(); ++n) {
    if (!filter.allowed.empty() && !filter.allowed[static_cast<std::size_t>(items[n])]) continue;
    if (filter.accepts && !filter.accepts(items[n])) continue;
    const ScoredIndex entry{similarities[n], items[n]};
    top->offer(std::span(&entry, 1));
  }
  return top->best();
}

Explanation ItemKnn::explain_score(const HistoryView& history, std::int32_t item) const {
  Explanation explanation = start_explanation(history);
  for (Contribution& part : explanation.contributions) {
    part.amount = double{neighbours_.weight(item, part.item)} * part.weight;
  }
  return explanation;
}

void ItemKnn::write_model(math::ByteWriter& out) const { out.matrix(neighbours_); }

Status ItemKnn::read_model(math::ByteReader& in) {
  ATTUNE_ASSIGN_OR_RETURN(neighbours_, in.csr_matrix());
  if (neighbours_.rows() != interactions().items() ||
      neighbours_.columns() != interactions().items()) {
    return std::unexpected(data_corruption("the neighbours are those of another catalogue"));
  }
  reached_ = neighbours_.transposed();
  return {};
}

UserKnn::UserKnn() : Parameterised(user_table()) {}

Result<FitReport> UserKnn::fit_model(const FitOptions&) {
  index_ = SimilarityIndex(interactions().by_customer(), settings());
  return FitReport{};
}

std::vector<ScoredIndex> UserKnn::neighbours(const HistoryView& history, int k) const {
  SimilarityIndex::Scratch scratch;
  return index_.similar({history.items, history.weights}, history.self, k, scratch);
}

void UserKnn::score_all(const HistoryView& history, std::span<float> scores) const {
  const CsrMatrix& rows = interactions().by_customer();
  for (const ScoredIndex& neighbour : neighbours(history, settings().neighbours)) {
    const auto items = rows.columns_of(neighbour.index);
    const auto weights = rows.weights_of(neighbour.index);
    for (std::size_t i = 0; i < items.size(); ++i) {
      add(scores[static_cast<std::size_t>(items[i])], neighbour.score * weights[i]);
    }
  }
}

std::vector<ScoredIndex> UserKnn::find_similar_customers(const HistoryView& history, int k) const {
  return neighbours(history, k);
}

Explanation UserKnn::explain_score(const HistoryView& history, std::int32_t item) const {
  Explanation explanation = start_explanation(history);
  for (const ScoredIndex& neighbour : neighbours(history, settings().neighbours)) {
    const double weight = interactions().by_customer().weight(neighbour.index, item);
    if (weight == 0) continue;
    const auto shares =
        index_.shares({history.items, history.weights}, neighbour.index, neighbour.score);
    for (std::size_t i = 0; i < shares.size(); ++i)
      explanation.contributions[i].amount += shares[i] * weight;
  }
  return explanation;
}

void UserKnn::drop_customer(std::int32_t) {
  index_ = SimilarityIndex(interactions().by_customer(), settings());
}

// The weights of items can be worked out again, but they also bound the catalogue by the file's
// size: no few bytes can announce two thousand million items.
void UserKnn::write_model(math::ByteWriter& out) const { out.array(index_.idf()); }

Status UserKnn::read_model(math::ByteReader& in) {
  ATTUNE_RETURN_IF_ERROR(in.array<float>(interactions().items()));
  index_ = SimilarityIndex(interactions().by_customer(), settings());
  return {};
}

}  // namespace attune::recommend
