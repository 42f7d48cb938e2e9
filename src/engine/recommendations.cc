#include "attune/engine/recommendations.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/rules/rule.h"
#include "reasons.h"
#include "table_builder.h"

namespace attune::engine {
namespace {

using recommend::HistoryEntry;
using recommend::Query;
using recommend::ScoredIndex;

// Same items and weights as the row that the model was fitted on.
bool is_row(const math::CsrMatrix& matrix, std::int32_t row,
            std::span<const HistoryEntry> history) {
  std::unordered_map<std::int32_t, double> sums;
  for (const HistoryEntry& entry : history) sums[entry.item] += entry.weight;
  std::erase_if(sums, [](const auto& sum) { return !(sum.second > 0); });
  const auto columns = matrix.columns_of(row);
  const auto weights = matrix.weights_of(row);
  if (sums.size() != columns.size()) return false;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto found = sums.find(columns[i]);
    if (found == sums.end() ||
        std::abs(found->second - weights[i]) > 1e-4 * std::max(1.0, found->second))
      return false;
  }
  return true;
}

}  // namespace

struct Recommending::Impl {
  Workspace* workspace = nullptr;
  RecommendOptions options;
  Model model;
  std::unique_ptr<recommend::Recommender> popular;  // for those of whom nothing is known
  catalog::CatalogSnapshot catalog;
  std::vector<std::uint8_t> allowed;  // by column; empty: all
  std::vector<std::int64_t> buyers;   // customers that met the item, by column

  bool chinese() const { return options.language == "zh"; }

  Status allow(std::string_view where) {
    if (where.empty()) return {};
    ATTUNE_ASSIGN_OR_RETURN(const rules::Rule rule,
                            rules::Rule::parse(where, catalog::item_schema()));
    allowed.assign(model.items.size(), 0);
    for (std::size_t i = 0; i < model.items.size(); ++i) {
      const catalog::Item* item = catalog.find(model.items[i]);
      if (item != nullptr) allowed[i] = rule.matches(*catalog::item_fields(*item), catalog.as_of());
    }
    return {};
  }

  recommend::ListOptions list_options() const {
    recommend::ListOptions list;
    list.k = options.k;
    list.include_seen = options.include_seen;
    list.filter.allowed = allowed;
    return list;
  }

  ReasonWriter writer() const { return {model, catalog, buyers, chinese()}; }

  Result<std::vector<RecommendedItem>> fill(const recommend::Recommender& recommender,
                                            const Query& query,
                                            std::span<const ScoredIndex> list) const {
    std::vector<RecommendedItem> items;
    const ReasonWriter told = writer();
    for (const ScoredIndex& entry : list) {
      RecommendedItem item = told.describe(entry, static_cast<int>(items.size()) + 1);
      if (options.explain) {
        ATTUNE_ASSIGN_OR_RETURN(item.reasons, told.reasons(recommender, query, entry.index));
      }
      items.push_back(std::move(item));
    }
    return items;
  }
};

Recommending::Recommending(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Recommending::Recommending(Recommending&&) noexcept = default;
Recommending& Recommending::operator=(Recommending&&) noexcept = default;
Recommending::~Recommending() = default;

const Model& Recommending::model() const { return impl_->model; }

namespace {

// The model that serves when none is named: the first of the default order that is trained, else
// any.
Result<std::string> choose_model(const ModelRegistry& registry) {
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<ModelMeta> models, registry.list());
  for (const std::string& name : default_recommenders()) {
    if (std::ranges::any_of(models,
                            [&](const ModelMeta& m) { return m.name == name && m.current; }))
      return name;
  }
  for (const ModelMeta& meta : models) {
    if (meta.current) return meta.name;
  }
  return std::unexpected(failed_precondition("no model is trained yet; train first: attune train"));
}

}  // namespace

Result<Recommending> Recommending::open(Workspace& workspace, const RecommendOptions& options) {
  if (options.language != "en" && options.language != "zh") {
    return std::unexpected(invalid_argument(
        fmt::format("reasons come in en or zh, not '{}'", attune::quoted(options.language))));
  }
  const ModelRegistry registry(workspace.folder().models());
  auto impl = std::make_unique<Impl>();
  impl->workspace = &workspace;
  impl->options = options;
  std::string name = options.model;
  if (name.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(name, choose_model(registry));
  }
  ATTUNE_ASSIGN_OR_RETURN(impl->model, registry.load(name));
  ATTUNE_ASSIGN_OR_RETURN(const Timestamp as_of, workspace.default_as_of());
  ATTUNE_ASSIGN_OR_RETURN(impl->catalog, workspace.catalog().snapshot(as_of));
  ATTUNE_RETURN_IF_ERROR(impl->allow(options.where));
  const recommend::Interactions& interactions = impl->model.recommender->interactions();
  impl->buyers = count_buyers(interactions);
  ATTUNE_ASSIGN_OR_RETURN(impl->popular, recommend::make_recommender("popularity"));
  auto fitted = impl->popular->fit(interactions);
  if (!fitted) return std::unexpected(fitted.error());
  return Recommending(std::move(impl));
}

Result<Recommendations> Recommending::for_customer(std::string_view id) {
  ATTUNE_ASSIGN_OR_RETURN(const auto number, impl_->workspace->identity().find(id));
  if (!number) {
    return std::unexpected(not_found(fmt::format(
        "no customer is called '{}'; ids are matched letter by letter", attune::quoted(id))));
  }
  return for_history(*number);
}

Result<Recommendations> Recommending::for_history(CustomerNumber customer) {
  const Impl& self = *impl_;
  ATTUNE_ASSIGN_OR_RETURN(
      const std::vector<HistoryEntry> history,
      read_customer_taste(*self.workspace, self.model.meta.weights, customer, self.model.items));
  Recommendations result;
  result.model = self.model.meta.name;
  result.version = self.model.meta.version;
  const recommend::Recommender* recommender = self.model.recommender.get();
  const auto row = self.model.row(customer);
  const bool same = row && is_row(recommender->interactions().by_customer(), *row, history);
  const Query query = same ? Query::row(*row) : Query::of(history);
  result.folded_in = !same && !history.empty();
  result.personal = !history.empty() && recommender->capabilities().personal;
  ATTUNE_ASSIGN_OR_RETURN(std::vector<ScoredIndex> list,
                          recommender->recommend(query, self.list_options()));
  if (history.empty() || list.empty()) {
    recommender = self.popular.get();
    result.personal = false;
    ATTUNE_ASSIGN_OR_RETURN(list, recommender->recommend(query, self.list_options()));
  }
  ATTUNE_ASSIGN_OR_RETURN(result.items, self.fill(*recommender, query, list));
  return result;
}

Result<Recommendations> Recommending::similar_to(std::string_view item_id) {
  const Impl& self = *impl_;
  const catalog::Item* item = self.catalog.find_id(item_id);
  if (item == nullptr) {
    return std::unexpected(not_found(fmt::format(
        "no item is called '{}'; attune export items lists them", attune::quoted(item_id))));
  }
  const auto column = self.model.column(item->number);
  if (!column) {
    return std::unexpected(not_found(
        fmt::format("item '{}' came after model {} was trained; train again: attune train {}",
                    attune::quoted(item_id), self.model.meta.name, self.model.meta.name)));
  }
  Recommendations result;
  result.model = self.model.meta.name;
  result.version = self.model.meta.version;
  result.personal = false;
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<ScoredIndex> list,
                          self.model.recommender->similar_items(*column, self.list_options()));
  for (const ScoredIndex& entry : list)
    result.items.push_back(
        self.writer().describe(entry, static_cast<int>(result.items.size()) + 1));
  return result;
}

Status Recommending::for_everybody(const Visitor& visit, Progress* progress) {
  const Impl& self = *impl_;
  recommend::BatchOptions batch;
  batch.list = self.list_options();
  batch.progress = progress;
  return self.model.recommender->recommend_all(
      batch, [&](std::int32_t row, std::span<const ScoredIndex> list) -> Status {
        std::vector<RecommendedItem> items;
        for (const ScoredIndex& entry : list)
          items.push_back(self.writer().describe(entry, static_cast<int>(items.size()) + 1));
        return visit(self.model.customers[static_cast<std::size_t>(row)], items);
      });
}

Result<std::int64_t> Recommending::write_all(const std::filesystem::path& file,
                                             store::TableFormat format, Progress& progress) {
  const std::vector<store::ColumnSchema> schema{{"customer_id", store::ColumnType::text},
                                                {"rank", store::ColumnType::int64},
                                                {"item_id", store::ColumnType::text},
                                                {"item_name", store::ColumnType::text},
                                                {"score", store::ColumnType::float64}};
  store::TableWriterOptions writer_options;
  writer_options.format = format;
  ATTUNE_ASSIGN_OR_RETURN(store::TableWriter writer,
                          store::TableWriter::create(file, schema, writer_options));
  TableBuilder rows(writer, schema);
  ATTUNE_RETURN_IF_ERROR(for_everybody(
      [&](CustomerNumber number, std::span<const RecommendedItem> items) -> Status {
        ATTUNE_ASSIGN_OR_RETURN(const std::string customer,
                                impl_->workspace->identity().label(number));
        for (const RecommendedItem& item : items) {
          ATTUNE_RETURN_IF_ERROR(rows.text(customer)
                                     .integer(item.rank)
                                     .text(item.item_id)
                                     .text(item.item_name)
                                     .real(item.score)
                                     .end_row());
        }
        return {};
      },
      &progress));
  ATTUNE_RETURN_IF_ERROR(rows.flush());
  ATTUNE_RETURN_IF_ERROR(writer.finish());
  return writer.rows();
}

}  // namespace attune::engine
