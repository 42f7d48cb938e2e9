#include "attune/engine/recommendations.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
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

std::string reasons_text(const RecommendedItem& item) {
  std::string text;
  for (const Reason& reason : item.reasons) text += (text.empty() ? "" : "; ") + reason.text;
  return text;
}

}  // namespace

std::string_view name(ListBasis basis) {
  constexpr std::array<std::string_view, 5> kNames{"taste", "same_for_all", "nothing_known",
                                                   "nothing_near", "not_allowed"};
  return kNames[static_cast<std::size_t>(basis)];
}

struct Recommending::Impl {
  Workspace* workspace = nullptr;
  RecommendOptions options;
  Model model;
  std::unique_ptr<recommend::Recommender> popular;  // for those of whom nothing is known
  catalog::CatalogSnapshot catalog;
  std::vector<std::uint8_t> allowed;   // by column; empty: all
  std::vector<std::int64_t> buyers;    // customers that met the item, by column
  bool personal_by_default = true;     // for those who never said anything
  std::set<CustomerNumber> otherwise;  // whose consent to personalisation is not the default

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

  Status read_consent() {
    const privacy::ConsentMode mode =
        workspace->shop_consent().strictest(privacy::Purpose::personalisation);
    personal_by_default = privacy::allows(privacy::Consent::unknown, mode);
    ATTUNE_ASSIGN_OR_RETURN(const events::MergeMap merges, workspace->identity().merges());
    return workspace->consent().for_each(
        privacy::Purpose::personalisation,
        [&](CustomerNumber customer, privacy::Consent consent) -> Status {
          if (privacy::allows(consent, mode) != personal_by_default)
            otherwise.insert(merges.root(customer));
          return {};
        });
  }

  bool allows(CustomerNumber root) const { return otherwise.contains(root) != personal_by_default; }

  recommend::ListOptions list_options() const {
    recommend::ListOptions list;
    list.k = options.k;
    list.include_seen = options.include_seen;
    list.filter.allowed = allowed;
    return list;
  }

  ReasonWriter writer() const { return {model, catalog, buyers, chinese()}; }

  Query query_of(CustomerNumber customer, std::span<const HistoryEntry> history) const {
    const auto row = model.row(customer);
    if (row && is_row(model.recommender->interactions().by_customer(), *row, history))
      return Query::row(*row);
    return Query::of(history, row.value_or(-1));
  }

  // The customer's list; the popular items where there is none. `known`: the model can use
  // something of what the customer did.
  Result<Recommendations> answer(const Query& query, bool known) const {
    const recommend::Recommender* recommender = model.recommender.get();
    Recommendations result;
    result.model = model.meta.name;
    result.version = model.meta.version;
    result.folded_in = known && query.customer < 0;
    if (!known) {
      result.basis = ListBasis::nothing_known;
    } else if (!recommender->capabilities().personal) {
      result.basis = ListBasis::same_for_all;
    }
    std::vector<ScoredIndex> list;
    if (known) {
      ATTUNE_ASSIGN_OR_RETURN(list, recommender->recommend(query, list_options()));
      if (list.empty()) result.basis = ListBasis::nothing_near;
    }
    if (list.empty()) {
      recommender = popular.get();
      ATTUNE_ASSIGN_OR_RETURN(list, recommender->recommend(query, list_options()));
    }
    result.personal = result.basis == ListBasis::taste;
    ATTUNE_ASSIGN_OR_RETURN(result.items, fill(*recommender, query, list));
    return result;
  }

  // What everybody gets who does not allow personalisation: nothing of the customer is looked at.
  Result<Recommendations> unpersonal() const {
    ATTUNE_ASSIGN_OR_RETURN(Recommendations result, answer(Query::of({}), false));
    result.basis = ListBasis::not_allowed;
    return result;
  }

  // Whose history is not the row of the fit any more, ascending: those with events since, those
  // merged since, and those who are new.
  struct Since {
    std::vector<CustomerNumber> changed;
    std::vector<std::int32_t> as_fitted;   // rows of all others that hold something
    std::vector<CustomerNumber> refusing;  // personalisation; in neither of these
  };
  Result<Since> since_fit() const {
    ATTUNE_ASSIGN_OR_RETURN(const events::MergeMap merges, workspace->identity().merges());
    ATTUNE_ASSIGN_OR_RETURN(const std::vector<TasteEvent> events,
                            read_taste_since(*workspace, model.meta.weights, model.meta.cursor));
    std::set<CustomerNumber> changed;
    for (const TasteEvent& event : events) changed.insert(merges.root(event.customer));
    for (const CustomerNumber customer : model.customers) {
      if (const CustomerNumber root = merges.root(customer); root != customer) changed.insert(root);
    }
    Since since;
    for (const CustomerNumber customer : changed)
      (allows(customer) ? since.changed : since.refusing).push_back(customer);
    const math::CsrMatrix& matrix = model.recommender->interactions().by_customer();
    for (std::int32_t row = 0; row < matrix.rows(); ++row) {
      const CustomerNumber customer = model.customers[static_cast<std::size_t>(row)];
      if (merges.root(customer) != customer || changed.contains(customer) ||
          matrix.columns_of(row).empty())
        continue;
      if (allows(customer)) {
        since.as_fitted.push_back(row);
      } else {
        since.refusing.push_back(customer);
      }
    }
    return since;
  }

  // Of those whose history is their row.
  Status visit_as_fitted(std::span<const std::int32_t> rows, const Visitor& visit,
                         Progress* progress) const {
    if (rows.empty()) return {};
    recommend::BatchOptions batch;
    batch.list = list_options();
    batch.customers = rows;
    batch.progress = progress;
    return model.recommender->recommend_all(
        batch, [&](std::int32_t row, std::span<const ScoredIndex> list) -> Status {
          const CustomerNumber customer = model.customers[static_cast<std::size_t>(row)];
          if (list.empty()) {
            ATTUNE_ASSIGN_OR_RETURN(const Recommendations popular_ones,
                                    answer(Query::row(row), true));
            return visit(customer, popular_ones.items);
          }
          ATTUNE_ASSIGN_OR_RETURN(const std::vector<RecommendedItem> items,
                                  fill(*model.recommender, Query::row(row), list));
          return visit(customer, items);
        });
  }

  Status visit_changed(std::span<const CustomerNumber> customers, const Visitor& visit,
                       Progress* progress) const {
    ATTUNE_ASSIGN_OR_RETURN(
        const CustomerTastes tastes,
        read_customer_tastes(*workspace, model.meta.weights, customers, model.items));
    if (progress != nullptr && !customers.empty())
      progress->phase("folding in", std::ssize(customers), "customers");
    std::int64_t done = 0;
    for (const CustomerNumber customer : customers) {
      const std::vector<HistoryEntry>& history = tastes.at(customer);
      ATTUNE_ASSIGN_OR_RETURN(const Recommendations list,
                              answer(query_of(customer, history), !history.empty()));
      ATTUNE_RETURN_IF_ERROR(visit(customer, list.items));
      if (progress == nullptr) continue;
      progress->advance(++done);
      if (progress->cancelled()) return std::unexpected(cancelled("recommending was stopped"));
    }
    return {};
  }

  Status visit_refusing(std::span<const CustomerNumber> customers, const Visitor& visit) const {
    if (customers.empty()) return {};
    ATTUNE_ASSIGN_OR_RETURN(const Recommendations same, unpersonal());
    for (const CustomerNumber customer : customers)
      ATTUNE_RETURN_IF_ERROR(visit(customer, same.items));
    return {};
  }

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
  // What is on offer today, however old the newest event is: an item edited today is shown as it
  // is.
  ATTUNE_ASSIGN_OR_RETURN(impl->catalog, workspace.catalog().snapshot(workspace.now()));
  ATTUNE_RETURN_IF_ERROR(impl->allow(options.where));
  ATTUNE_RETURN_IF_ERROR(impl->read_consent());
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
  ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber root, self.workspace->identity().root(customer));
  if (!self.allows(root)) return self.unpersonal();
  ATTUNE_ASSIGN_OR_RETURN(
      const std::vector<HistoryEntry> history,
      read_customer_taste(*self.workspace, self.model.meta.weights, customer, self.model.items));
  return self.answer(self.query_of(customer, history), !history.empty());
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
  ATTUNE_ASSIGN_OR_RETURN(const Impl::Since since, self.since_fit());
  ATTUNE_RETURN_IF_ERROR(self.visit_as_fitted(since.as_fitted, visit, progress));
  ATTUNE_RETURN_IF_ERROR(self.visit_refusing(since.refusing, visit));
  return self.visit_changed(since.changed, visit, progress);
}

Result<std::int64_t> Recommending::write_all(const std::filesystem::path& file,
                                             store::TableFormat format, Progress& progress) {
  std::vector<store::ColumnSchema> schema{{"customer_id", store::ColumnType::text},
                                          {"rank", store::ColumnType::int64},
                                          {"item_id", store::ColumnType::text},
                                          {"item_name", store::ColumnType::text},
                                          {"score", store::ColumnType::float64}};
  const bool explain = impl_->options.explain;
  if (explain) schema.push_back({"reasons", store::ColumnType::text});
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
          rows.text(customer)
              .integer(item.rank)
              .text(item.item_id)
              .text(item.item_name)
              .real(item.score);
          if (explain) rows.text(reasons_text(item));
          ATTUNE_RETURN_IF_ERROR(rows.end_row());
        }
        return {};
      },
      &progress));
  ATTUNE_RETURN_IF_ERROR(rows.flush());
  ATTUNE_RETURN_IF_ERROR(writer.finish());
  return writer.rows();
}

}  // namespace attune::engine
