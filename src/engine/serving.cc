#include "attune/engine/serving.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <random>

#include <fmt/format.h>

#include "attune/base/random.h"
#include "attune/base/text.h"
#include "attune/decide/eligibility.h"
#include "attune/decide/policy.h"
#include "live_customers.h"
#include "published.h"
#include "reasons.h"

namespace attune::engine {
namespace {

using decide::Candidate;
using decide::ItemMask;
using recommend::HistoryEntry;
using recommend::Query;
using recommend::ScoredIndex;

constexpr std::size_t kItemsMax = 500;  // of a session, of exclusions
constexpr std::size_t kMasksMax = 64;
constexpr std::int64_t kMaskMicros = 60 * kMicrosPerSecond;  // a rule on the clock holds so long
constexpr auto kCatalogEvery = std::chrono::seconds(1);

std::uint64_t fresh_random() {
  thread_local Rng random = [] {
    std::random_device device;
    return Rng(std::uint64_t{device()} << 32 | device(), "serving");
  }();
  return random.next();
}

// What one answer is made from; never changes once it is published.
struct Shelf {
  std::shared_ptr<const Model> model;                        // null: none is trained
  std::shared_ptr<const recommend::Recommender> popularity;  // of the same interactions
  std::shared_ptr<const std::vector<std::int64_t>> buyers;
  std::shared_ptr<const catalog::CatalogSnapshot> catalog;
  std::shared_ptr<const ItemMask> on_offer;

  // Masks of rules, made when first asked for.
  struct Rules {
    std::mutex mutex;
    std::map<std::string, std::pair<Timestamp, std::shared_ptr<const ItemMask>>> masks;
  };
  std::shared_ptr<Rules> rules = std::make_shared<Rules>();

  Result<std::shared_ptr<const ItemMask>> mask(const std::string& where, Timestamp now) const {
    if (where.empty()) return on_offer;
    {
      const std::scoped_lock lock(rules->mutex);
      const auto known = rules->masks.find(where);
      if (known != rules->masks.end() && (!known->second.second->depends_on_clock() ||
                                          now.micros < known->second.first.micros + kMaskMicros))
        return known->second.second;
    }
    ATTUNE_ASSIGN_OR_RETURN(const rules::Rule rule,
                            rules::Rule::parse(where, catalog::item_schema()));
    auto made =
        std::make_shared<const ItemMask>(ItemMask::make(*catalog, model->items, &rule, now));
    const std::scoped_lock lock(rules->mutex);
    if (rules->masks.size() >= kMasksMax) rules->masks.clear();
    rules->masks.insert_or_assign(where, std::pair(now, made));
    return made;
  }
};

// The current model of the best recommender that has one; absent: none has.
Result<std::optional<ModelMeta>> best_trained(const ModelRegistry& registry) {
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<ModelMeta> all, registry.list());
  for (const std::string& name : default_recommenders()) {
    const auto found =
        std::ranges::find_if(all, [&](const ModelMeta& m) { return m.name == name && m.current; });
    if (found != all.end()) return std::optional(*found);
  }
  const auto any = std::ranges::find_if(all, &ModelMeta::current);
  return any == all.end() ? std::optional<ModelMeta>() : std::optional(*any);
}

std::string model_text(const ModelMeta& meta) {
  return fmt::format("{}/{}", meta.name, meta.version);
}

Status check(const ServeRequest& request) {
  if (request.count < 1 || request.count > Serving::kCountMax) {
    return std::unexpected(invalid_argument(
        fmt::format("count is {}; it has to be 1 to {}", request.count, Serving::kCountMax)));
  }
  if (request.language != "en" && request.language != "zh") {
    return std::unexpected(invalid_argument(
        fmt::format("reasons come in en or zh, not '{}'", attune::quoted(request.language))));
  }
  if (request.items.size() > kItemsMax || request.exclude.size() > kItemsMax) {
    return std::unexpected(
        invalid_argument(fmt::format("items and exclude hold at most {} ids each", kItemsMax)));
  }
  return {};
}

// One request on its way.
class Answering {
 public:
  // `personal`: whether whoever is named may have a personal answer.
  Answering(const Shelf& shelf, const ServeRequest& request, const std::optional<LiveCustomer>& who,
            bool personal, Timestamp now)
      : shelf_(shelf),
        model_(*shelf.model),
        request_(request),
        who_(who),
        may_personalise_(personal),
        now_(now) {}

  Result<Served> make() {
    ATTUNE_ASSIGN_OR_RETURN(policy_, decide::parse_policy(request_.policy));
    ATTUNE_ASSIGN_OR_RETURN(mask_, shelf_.mask(request_.where, now_));
    const auto wanted = static_cast<std::size_t>(request_.count);
    policy_.shortlist = policy_.kind == decide::PolicyKind::ranking
                            ? wanted
                            : std::min(std::max(policy_.shortlist, wanted), decide::kMaxShortlist);
    ATTUNE_ASSIGN_OR_RETURN(const std::vector<ScoredIndex> list, rank());
    return decide_on(list);
  }

 private:
  std::vector<ItemNumber> numbers_of(const std::vector<std::string>& ids) const {
    std::vector<ItemNumber> numbers;
    for (const std::string& id : ids) {
      if (const catalog::Item* item = shelf_.catalog->find_id(id)) numbers.push_back(item->number);
    }
    return numbers;
  }

  // Rows of the fit, events since, and what the request names.
  void gather_history() {
    const auto& matrix = model_.recommender->interactions().by_customer();
    if (who_ && may_personalise_) {
      for (const CustomerNumber number : who_->family) {
        const auto row = model_.row(number);
        if (!row) continue;
        if (number == who_->number) self_ = *row;
        const auto columns = matrix.columns_of(*row);
        const auto weights = matrix.weights_of(*row);
        for (std::size_t i = 0; i < columns.size(); ++i)
          history_.push_back({columns[i], weights[i], Timestamp{}});
        as_fitted_ = number == who_->number;
      }
      as_fitted_ = as_fitted_ && who_->family.size() == 1;
      for (const TasteEvent& event : who_->recent) {
        if (const auto column = model_.column(event.item))
          history_.push_back({*column, event.weight, event.time});
      }
      as_fitted_ = as_fitted_ && who_->recent.empty();
    }
    if (!may_personalise_) return;
    for (const ItemNumber item : numbers_of(request_.items)) {
      if (const auto column = model_.column(item)) {
        history_.push_back({*column, static_cast<float>(model_.meta.weights.cart_add), now_});
        as_fitted_ = false;
      }
    }
  }

  recommend::ListOptions list_options() const {
    recommend::ListOptions options;
    options.k = static_cast<int>(
        std::min(policy_.shortlist + request_.exclude.size(), model_.items.size()));
    options.k = std::max(options.k, 1);
    options.include_seen = request_.include_seen;
    options.filter.allowed = mask_->allowed();
    return options;
  }

  Result<std::vector<ScoredIndex>> rank() {
    used_ = model_.recommender.get();
    if (!request_.similar_to.empty()) return rank_similar();
    gather_history();
    query_ = as_fitted_ ? Query::row(self_) : Query::of(history_, self_);
    std::vector<ScoredIndex> list;
    if (!history_.empty()) {
      ATTUNE_ASSIGN_OR_RETURN(list, used_->recommend(query_, list_options()));
      personal_ = used_->capabilities().personal && !list.empty();
    }
    if (!list.empty()) return list;
    used_ = shelf_.popularity.get();
    ATTUNE_ASSIGN_OR_RETURN(list, used_->recommend(query_, list_options()));
    if (list.empty())
      notes_.emplace_back(request_.where.empty() ? "nothing is left to show"
                                                 : "nothing that the model knows passes the rule");
    else if (!may_personalise_)
      notes_.emplace_back("no consent for personalisation: popular items");
    else if (!history_.empty() && !request_.where.empty())
      notes_.emplace_back("nothing that the model would choose passes the rule: popular items");
    else
      notes_.emplace_back("nothing known that the model can use: popular items");
    return list;
  }

  Result<std::vector<ScoredIndex>> rank_similar() {
    const catalog::Item* item = shelf_.catalog->find_id(request_.similar_to);
    const auto column = item == nullptr ? std::nullopt : model_.column(item->number);
    if (!column) {
      return std::unexpected(not_found(fmt::format(
          "{} '{}'{}", item == nullptr ? "no item is called" : "the model does not know item",
          attune::quoted(request_.similar_to),
          item == nullptr ? "" : " yet: it came after the last training")));
    }
    similar_ = *column;
    recommend::ListOptions options = list_options();
    if (!request_.include_seen) {
      gather_history();
      for (const HistoryEntry& entry : history_)
        seen_.push_back(model_.items[static_cast<std::size_t>(entry.item)]);
      const std::size_t most = static_cast<std::size_t>(options.k) + seen_.size();
      options.k = static_cast<int>(std::min(most, model_.items.size()));
    }
    return used_->similar_items(*column, options);
  }

  Result<Served> decide_on(std::span<const ScoredIndex> list) {
    std::vector<Candidate> candidates;
    for (const ScoredIndex& entry : list) {
      candidates.push_back(
          {model_.items[static_cast<std::size_t>(entry.index)], static_cast<double>(entry.score)});
    }
    const std::vector<ItemNumber> excluded = numbers_of(request_.exclude);
    decide::EligibleCandidates eligible = decide::keep_eligible(
        candidates, *mask_, {.excluded = excluded, .seen = seen_}, policy_.shortlist);
    Served served;
    if (who_) {
      served.customer = who_->number;
      served.id = who_->id;
      served.found_by = who_->found_by;
    }
    decide::Decision& decision = served.decision;
    decision.time = now_;
    decision.id = decide::make_id(now_, fresh_random(), fresh_random());
    decision.surface = request_.surface;
    decision.seed = fresh_random();
    decision.policy = decide::print_policy(policy_);
    decision.model = used_->name();
    decision.model_version = model_.meta.version;
    decision.personal = personal_;
    decision.notes = std::move(notes_);
    for (std::string& note : eligible.counts.notes()) decision.notes.push_back(std::move(note));
    decision.shortlist = std::move(eligible.kept);
    decision.chosen = decide::choose(decision.shortlist, static_cast<std::size_t>(request_.count),
                                     policy_, decision.seed);
    ATTUNE_RETURN_IF_ERROR(describe(served));
    return served;
  }

  Status describe(Served& served) const {
    const ReasonWriter writer(model_, *shelf_.catalog, *shelf_.buyers, request_.language == "zh");
    for (const decide::Choice& choice : served.decision.chosen) {
      const Candidate& candidate = served.decision.shortlist[choice.candidate];
      const auto column = model_.column(candidate.item);
      ATTUNE_CHECK(column.has_value(), "candidates are columns of the model");
      RecommendedItem item =
          writer.describe({.score = static_cast<float>(candidate.score), .index = *column},
                          static_cast<int>(served.items.size()) + 1);
      if (request_.explain && similar_) {
        item.reasons.push_back(writer.likeness(*similar_));
      } else if (request_.explain) {
        ATTUNE_ASSIGN_OR_RETURN(item.reasons, writer.reasons(*used_, query_, *column));
      }
      served.items.push_back(std::move(item));
      served.probabilities.push_back(choice.probability);
    }
    return {};
  }

  const Shelf& shelf_;
  const Model& model_;
  const ServeRequest& request_;
  const std::optional<LiveCustomer>& who_;
  bool may_personalise_;
  Timestamp now_;
  decide::PolicySpec policy_;
  std::shared_ptr<const ItemMask> mask_;
  std::vector<HistoryEntry> history_;
  std::optional<std::int32_t> similar_;  // column of the item that the list is like
  std::vector<ItemNumber> seen_;         // left out of such a list
  std::int32_t self_ = -1;
  bool as_fitted_ = false;
  Query query_ = Query::of({});
  const recommend::Recommender* used_ = nullptr;
  bool personal_ = false;
  std::vector<std::string> notes_;
};

}  // namespace

struct Serving::Impl {
  LiveCustomers people;
  Published<Shelf> shelf;
  std::atomic<std::chrono::steady_clock::time_point> catalog_read;
  std::atomic<bool> catalog_stale = false;
  const Workspace* clock = nullptr;
  bool asks_consent = true;

  Result<Shelf> read_model(Workspace& workspace) const {
    Shelf read;
    const ModelRegistry registry(workspace.folder().models());
    ATTUNE_ASSIGN_OR_RETURN(const std::optional<ModelMeta> best, best_trained(registry));
    if (!best) return read;
    ATTUNE_ASSIGN_OR_RETURN(Model model, registry.load(best->name));
    const recommend::Interactions& interactions = model.recommender->interactions();
    ATTUNE_ASSIGN_OR_RETURN(std::unique_ptr<recommend::Recommender> popular,
                            recommend::make_recommender("popularity"));
    auto fitted = popular->fit(interactions);
    if (!fitted) return std::unexpected(fitted.error());
    read.buyers = std::make_shared<const std::vector<std::int64_t>>(count_buyers(interactions));
    read.popularity = std::move(popular);
    read.model = std::make_shared<const Model>(std::move(model));
    return read;
  }

  Status publish(Workspace& workspace, Shelf next) {
    const Timestamp now = workspace.now();
    ATTUNE_ASSIGN_OR_RETURN(catalog::CatalogSnapshot catalog, workspace.catalog().snapshot(now));
    next.catalog = std::make_shared<const catalog::CatalogSnapshot>(std::move(catalog));
    next.rules = std::make_shared<Shelf::Rules>();
    if (next.model != nullptr) {
      next.on_offer = std::make_shared<const ItemMask>(
          ItemMask::make(*next.catalog, next.model->items, nullptr, now));
    }
    catalog_read = std::chrono::steady_clock::now();
    catalog_stale = false;
    shelf.store(std::make_shared<const Shelf>(std::move(next)));
    return {};
  }
};

Serving::Serving(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Serving::~Serving() = default;

Result<std::unique_ptr<Serving>> Serving::open(Workspace& workspace) {
  auto serving = std::unique_ptr<Serving>(new Serving(std::make_unique<Impl>()));
  serving->impl_->clock = &workspace;
  ATTUNE_RETURN_IF_ERROR(serving->reload(workspace));
  return serving;
}

Status Serving::reload(Workspace& workspace) {
  ATTUNE_ASSIGN_OR_RETURN(Shelf shelf, impl_->read_model(workspace));
  const ModelMeta meta = shelf.model == nullptr ? ModelMeta() : shelf.model->meta;
  ATTUNE_ASSIGN_OR_RETURN(const Sequence now, workspace.event_history().cursor());
  // Without a model nothing of the past is asked for.
  ATTUNE_RETURN_IF_ERROR(
      impl_->people.load(workspace, meta.weights, shelf.model == nullptr ? now : meta.cursor));
  return impl_->publish(workspace, std::move(shelf));
}

Result<bool> Serving::serves_current_model(Workspace& workspace) const {
  const ModelRegistry registry(workspace.folder().models());
  ATTUNE_ASSIGN_OR_RETURN(const std::optional<ModelMeta> best, best_trained(registry));
  return model() == (best ? model_text(*best) : std::string());
}

Status Serving::swap_model(Workspace& workspace) {
  ATTUNE_ASSIGN_OR_RETURN(Shelf shelf, impl_->read_model(workspace));
  const bool first = impl_->shelf.load()->model == nullptr;
  const Sequence learned = shelf.model == nullptr ? Sequence{} : shelf.model->meta.cursor;
  // One that knows less than the last, or has other weights, needs events that were dropped.
  if (first || shelf.model == nullptr || learned < learned_through() ||
      shelf.model->meta.weights != impl_->shelf.load()->model->meta.weights)
    return reload(workspace);
  ATTUNE_RETURN_IF_ERROR(impl_->publish(workspace, std::move(shelf)));
  impl_->people.drop_through(learned);
  return {};
}

Status Serving::refresh(Workspace& workspace) {
  return impl_->publish(workspace, Shelf(*impl_->shelf.load()));
}

Status Serving::take_in(Workspace& workspace, const AppliedEvents& applied) {
  ATTUNE_RETURN_IF_ERROR(impl_->people.take_in(workspace, applied));
  if (applied.items_changed()) impl_->catalog_stale = true;
  return refresh_due() ? refresh(workspace) : Status{};
}

bool Serving::refresh_due() const {
  return impl_->catalog_stale &&
         std::chrono::steady_clock::now() - impl_->catalog_read.load() >= kCatalogEvery;
}

Result<Served> Serving::recommend(const ServeRequest& request) const {
  ATTUNE_RETURN_IF_ERROR(check(request));
  const std::shared_ptr<const Shelf> shelf = impl_->shelf.load();
  if (shelf->model == nullptr) {
    return std::unexpected(failed_precondition(
        "no model is trained yet; send events, then train: POST /v1/jobs {\"kind\": \"train\"}, or "
        "attune train"));
  }
  const std::optional<LiveCustomer> who = impl_->people.find(request.customer, request.anonymous);
  // A basket alone is nobody's.
  const bool named = !request.customer.empty() || !request.anonymous.empty();
  const bool allowed = who ? who->personal : !named || impl_->people.personal_unless_told();
  return Answering(*shelf, request, who, allowed || !impl_->asks_consent, impl_->clock->now())
      .make();
}

void Serving::ask_no_consent() { impl_->asks_consent = false; }

std::string Serving::model() const {
  const auto shelf = impl_->shelf.load();
  if (shelf->model == nullptr) return {};
  return model_text(shelf->model->meta);
}

Sequence Serving::learned_through() const {
  const auto shelf = impl_->shelf.load();
  return shelf->model == nullptr ? Sequence{} : shelf->model->meta.cursor;
}

std::size_t Serving::customers() const { return impl_->people.ids(); }
bool Serving::knows(std::string_view customer) const {
  const auto found = impl_->people.find(customer, {});
  return found && found->found_by == events::IdKind::customer;  // and not by a visitor's id
}
std::size_t Serving::recent_events() const { return impl_->people.recent_events(); }
std::size_t Serving::items() const { return impl_->shelf.load()->catalog->items().size(); }

}  // namespace attune::engine
