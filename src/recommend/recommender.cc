#include "attune/recommend/recommender.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "attune/math/parallel.h"

namespace attune::recommend {
namespace {

constexpr std::string_view kMagic = "attune-recommend";
constexpr std::uint32_t kVersion = 1;
constexpr float kRounding = 1e-6f;  // of what was added: so much left of it is nothing

void strike_out(const HistoryView& history, const ListOptions& options, std::span<float> scores) {
  if (!options.include_seen) {
    for (const std::int32_t item : history.items)
      scores[static_cast<std::size_t>(item)] = kNoEvidence;
  }
  const ItemFilter& filter = options.filter;
  for (std::size_t i = 0; i < filter.allowed.size(); ++i) {
    if (!filter.allowed[i]) scores[i] = kNoEvidence;
  }
  if (!filter.accepts) return;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!std::isnan(scores[i]) && !filter.accepts(static_cast<std::int32_t>(i)))
      scores[i] = kNoEvidence;
  }
}

}  // namespace

// A history given as entries, sorted and summed. The view points into it.
struct Recommender::OwnedHistory {
  std::vector<std::int32_t> items;
  std::vector<float> weights;
  std::vector<Timestamp> times;
};

Status Recommender::set_parameter(std::string_view parameter, std::string_view text) {
  if (fitted_) {
    return std::unexpected(failed_precondition(fmt::format(
        "{} is fitted and keeps its parameters; make a new one to fit it with another '{}'", name(),
        parameter)));
  }
  return assign_parameter(parameter, text);
}

Result<FitReport> Recommender::fit(const Interactions& interactions, const FitOptions& options) {
  if (interactions.pairs() == 0) {
    return std::unexpected(failed_precondition(fmt::format(
        "there are no interactions to fit {} on; import events with customer and item first",
        name())));
  }
  fitted_ = false;
  interactions_ = interactions;
  Result<FitReport> report = fit_model(options);
  fitted_ = report.has_value();
  if (!fitted_) return std::unexpected(report.error().within(fmt::format("fitting {}", name())));
  return report;
}

Result<HistoryView> Recommender::view(const Query& query, OwnedHistory& storage) const {
  const math::CsrMatrix& rows = interactions_.by_customer();
  if (query.customer >= 0) {
    if (query.customer >= rows.rows()) {
      return std::unexpected(out_of_range(
          fmt::format("customer row {} is unknown to {}, which was fitted on {} customers; "
                      "ask with a history instead",
                      query.customer, name(), rows.rows())));
    }
    return HistoryView{query.customer, query.customer, rows.columns_of(query.customer),
                       rows.weights_of(query.customer), rows.times_of(query.customer)};
  }
  std::vector<HistoryEntry> sorted(query.history.begin(), query.history.end());
  std::ranges::stable_sort(sorted, {}, &HistoryEntry::item);
  for (std::size_t i = 0; i < sorted.size();) {
    const std::int32_t item = sorted[i].item;
    ATTUNE_RETURN_IF_ERROR(check_item(item));
    float weight = 0, added = 0;
    Timestamp time = sorted[i].time;
    for (; i < sorted.size() && sorted[i].item == item; ++i) {
      weight += sorted[i].weight;
      added += std::max(0.0f, sorted[i].weight);
      time = std::max(time, sorted[i].time);
    }
    if (!std::isfinite(weight)) {
      return std::unexpected(
          invalid_argument(fmt::format("the history gives item {} a weight of {}", item, weight)));
    }
    if (weight <= kRounding * added) continue;
    storage.items.push_back(item);
    storage.weights.push_back(weight);
    storage.times.push_back(time);
  }
  return HistoryView{-1, query.self, storage.items, storage.weights, storage.times};
}

std::vector<ScoredIndex> Recommender::find_best(const HistoryView& history,
                                                const ListOptions& options,
                                                std::vector<float>& scratch) const {
  scratch.assign(static_cast<std::size_t>(interactions_.items()), kNoEvidence);
  score_all(history, scratch);
  strike_out(history, options, scratch);
  auto top = math::TopK::create(options.k);
  if (!top) return {};
  top->offer(scratch, 0);
  return top->best();
}

Result<std::vector<ScoredIndex>> Recommender::recommend(const Query& query,
                                                        const ListOptions& options) const {
  ATTUNE_RETURN_IF_ERROR(check_list(options));
  OwnedHistory storage;
  ATTUNE_ASSIGN_OR_RETURN(const HistoryView history, view(query, storage));
  std::vector<float> scratch;
  return find_best(history, options, scratch);
}

Recommender::BlockLists Recommender::prepare_blocks(const BatchOptions&) const { return {}; }

void Recommender::list_block(const BlockLists& lists_of, const ListOptions& options,
                             std::span<const std::int32_t> customers, std::vector<float>& scratch,
                             std::span<std::vector<ScoredIndex>> lists) const {
  std::vector<HistoryView> histories;
  for (const std::int32_t customer : customers) {
    OwnedHistory unused;  // a row needs none
    histories.push_back(*view(Query::row(customer), unused));
  }
  if (lists_of) {
    lists_of(histories, lists);
    return;
  }
  for (std::size_t i = 0; i < lists.size(); ++i)
    lists[i] = find_best(histories[i], options, scratch);
}

Status Recommender::recommend_all(const BatchOptions& options, const TakeList& take) const {
  ATTUNE_RETURN_IF_ERROR(check_list(options.list));
  for (const std::int32_t customer : options.customers) {
    OwnedHistory unused;
    ATTUNE_RETURN_IF_ERROR(view(Query::row(customer), unused));
  }
  std::vector<std::int32_t> everyone;
  if (options.customers.empty()) {
    everyone.resize(static_cast<std::size_t>(interactions_.customers()));
    std::iota(everyone.begin(), everyone.end(), 0);
  }
  const std::span<const std::int32_t> customers =
      options.customers.empty() ? std::span<const std::int32_t>(everyone) : options.customers;
  const auto count = static_cast<std::int64_t>(customers.size());
  if (options.progress) options.progress->phase("recommending", count, "customers");
  const BlockLists lists_of = count >= kBlock ? prepare_blocks(options) : BlockLists{};
  const std::int64_t grain = lists_of ? kBlock : 8;
  std::vector<std::vector<float>> scratch(
      static_cast<std::size_t>(math::thread_count(options.threads)));
  constexpr std::int64_t kBatch = 12 * kBlock;  // lists held at a time
  std::vector<std::vector<ScoredIndex>> lists(kBatch);
  for (std::int64_t first = 0; first < count; first += kBatch) {
    if (options.progress && options.progress->cancelled())
      return std::unexpected(cancelled("recommending was stopped"));
    const std::int64_t size = std::min(kBatch, count - first);
    math::parallel_for(
        size, grain, options.threads, [&](std::int64_t begin, std::int64_t end, int slot) {
          const auto from = static_cast<std::size_t>(begin),
                     width = static_cast<std::size_t>(end - begin);
          list_block(lists_of, options.list,
                     customers.subspan(static_cast<std::size_t>(first) + from, width),
                     scratch[static_cast<std::size_t>(slot)],
                     std::span(lists).subspan(from, width));
        });
    for (std::int64_t i = 0; i < size; ++i) {
      ATTUNE_RETURN_IF_ERROR(
          take(customers[static_cast<std::size_t>(first + i)], lists[static_cast<std::size_t>(i)]));
    }
    if (options.progress) options.progress->advance(first + size);
  }
  return {};
}

Result<std::vector<float>> Recommender::score(const Query& query,
                                              std::span<const std::int32_t> items) const {
  ATTUNE_RETURN_IF_ERROR(check_ready());
  for (const std::int32_t item : items) ATTUNE_RETURN_IF_ERROR(check_item(item));
  OwnedHistory storage;
  ATTUNE_ASSIGN_OR_RETURN(const HistoryView history, view(query, storage));
  std::vector<float> scores(items.size(), kNoEvidence);
  score_some(history, items, scores);
  return scores;
}

void Recommender::score_some(const HistoryView& history, std::span<const std::int32_t> items,
                             std::span<float> scores) const {
  std::vector<float> all(static_cast<std::size_t>(interactions_.items()), kNoEvidence);
  score_all(history, all);
  for (std::size_t i = 0; i < items.size(); ++i)
    scores[i] = all[static_cast<std::size_t>(items[i])];
}

Result<std::vector<ScoredIndex>> Recommender::similar_items(std::int32_t item,
                                                            const ListOptions& options) const {
  ATTUNE_RETURN_IF_ERROR(check_list(options));
  ATTUNE_RETURN_IF_ERROR(check_item(item));
  if (!capabilities().similar_items) {
    return std::unexpected(failed_precondition(
        fmt::format("{} does not know which items are alike; ask item_knn or ials", name())));
  }
  return find_similar_items(item, options.k, options.filter);
}

Result<std::vector<ScoredIndex>> Recommender::similar_customers(const Query& query, int k) const {
  ATTUNE_RETURN_IF_ERROR(check_list({.k = k}));
  if (!capabilities().similar_customers) {
    return std::unexpected(failed_precondition(
        fmt::format("{} does not know which customers are alike; ask user_knn or ials", name())));
  }
  OwnedHistory storage;
  ATTUNE_ASSIGN_OR_RETURN(const HistoryView history, view(query, storage));
  return find_similar_customers(history, k);
}

Result<Explanation> Recommender::explain(const Query& query, std::int32_t item) const {
  ATTUNE_RETURN_IF_ERROR(check_ready());
  ATTUNE_RETURN_IF_ERROR(check_item(item));
  if (!capabilities().explains) {
    return std::unexpected(
        failed_precondition(fmt::format("{} gives no reasons for its scores", name())));
  }
  OwnedHistory storage;
  ATTUNE_ASSIGN_OR_RETURN(const HistoryView history, view(query, storage));
  Explanation explanation = explain_score(history, item);
  explanation.item = item;
  explanation.score = explanation.base;
  for (const Contribution& part : explanation.contributions) explanation.score += part.amount;
  std::ranges::sort(explanation.contributions, [](const Contribution& a, const Contribution& b) {
    return a.amount != b.amount ? a.amount > b.amount : a.item < b.item;
  });
  return explanation;
}

std::vector<ScoredIndex> Recommender::find_similar_items(std::int32_t, int,
                                                         const ItemFilter&) const {
  return {};
}
std::vector<ScoredIndex> Recommender::find_similar_customers(const HistoryView&, int) const {
  return {};
}
Explanation Recommender::explain_score(const HistoryView&, std::int32_t) const { return {}; }
void Recommender::drop_customer(std::int32_t) {}

Status Recommender::forget_customer(std::int32_t customer) {
  ATTUNE_RETURN_IF_ERROR(check_ready());
  OwnedHistory unused;
  ATTUNE_RETURN_IF_ERROR(view(Query::row(std::max(customer, 0)), unused));
  if (customer < 0)
    return std::unexpected(out_of_range(fmt::format("there is no customer row {}", customer)));
  interactions_ = interactions_.without_customer(customer);
  drop_customer(customer);
  return {};
}

Status Recommender::check_ready() const {
  if (fitted_) return {};
  return std::unexpected(
      failed_precondition(fmt::format("{} is not fitted; fit it or load it first", name())));
}

Status Recommender::check_item(std::int32_t item) const {
  if (item >= 0 && item < interactions_.items()) return {};
  return std::unexpected(
      out_of_range(fmt::format("item {} is unknown to {}, which was fitted on {} items", item,
                               name(), interactions_.items())));
}

Status Recommender::check_list(const ListOptions& options) const {
  ATTUNE_RETURN_IF_ERROR(check_ready());
  const std::size_t mask = options.filter.allowed.size();
  if (mask != 0 && mask != static_cast<std::size_t>(interactions_.items())) {
    return std::unexpected(invalid_argument(
        fmt::format("the mask of allowed items has {} places, the model has {} items", mask,
                    interactions_.items())));
  }
  ATTUNE_RETURN_IF_ERROR(math::TopK::create(options.k));
  return {};
}

Status Recommender::save(const std::filesystem::path& path) const {
  ATTUNE_RETURN_IF_ERROR(check_ready());
  math::ByteWriter out;
  out.text(name());
  const auto values = parameters();
  out.value(static_cast<std::uint32_t>(values.size()));
  for (const auto& [parameter, text] : values) {
    out.text(parameter);
    out.text(text);
  }
  out.matrix(interactions_.by_customer());
  write_model(out);
  return write_checked_file(path, kMagic, kVersion, out.bytes());
}

namespace {

Result<std::unique_ptr<Recommender>> read_head(math::ByteReader& in) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string name, in.text());
  ATTUNE_ASSIGN_OR_RETURN(std::unique_ptr<Recommender> recommender, make_recommender(name));
  ATTUNE_ASSIGN_OR_RETURN(const std::uint32_t count, in.value<std::uint32_t>());
  for (std::uint32_t i = 0; i < count; ++i) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string parameter, in.text());
    ATTUNE_ASSIGN_OR_RETURN(const std::string text, in.text());
    ATTUNE_RETURN_IF_ERROR(recommender->set_parameter(parameter, text));
  }
  return recommender;
}

}  // namespace

Result<std::unique_ptr<Recommender>> read_recommender(std::string_view payload) {
  const auto read = [&]() -> Result<std::unique_ptr<Recommender>> {
    math::ByteReader in(payload);
    ATTUNE_ASSIGN_OR_RETURN(std::unique_ptr<Recommender> recommender, read_head(in));
    ATTUNE_ASSIGN_OR_RETURN(const math::CsrMatrix rows, in.csr_matrix());
    recommender->interactions_ = Interactions::from_matrix(rows);
    if (recommender->interactions_.pairs() != rows.entries()) {
      return std::unexpected(data_corruption("an interaction has a weight of 0 or less"));
    }
    ATTUNE_RETURN_IF_ERROR(recommender->read_model(in));
    ATTUNE_RETURN_IF_ERROR(in.finish());
    recommender->fitted_ = true;
    return recommender;
  };
  auto recommender = read();
  if (recommender) return recommender;
  // Whatever failed in there, a name or a parameter unknown too: the bytes are not what was
  // written.
  Error error = std::move(recommender).error();
  error.code = ErrorCode::data_corruption;
  return std::unexpected(std::move(error));
}

Result<std::unique_ptr<Recommender>> load_recommender(const std::filesystem::path& path) {
  ATTUNE_ASSIGN_OR_RETURN(const CheckedBytes file, read_checked_file(path, kMagic, kVersion));
  auto recommender = read_recommender(file.payload);
  if (recommender) return recommender;
  return std::unexpected(
      recommender.error().within(fmt::format("reading the model {}", path.string())));
}

}  // namespace attune::recommend
