#include "attune/engine/customers.h"

#include <algorithm>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/math/parallel.h"
#include "foreign_amounts.h"
#include "profile_folding.h"

namespace attune::engine {

using profiles::Profile;

struct Customers::Impl {
  Workspace* workspace = nullptr;
  Options options;
  catalog::CatalogSnapshot catalog;
  std::optional<ShopVocabulary> vocabulary;
  std::optional<profiles::ProfileStore> store;
  std::optional<profiles::SegmentStore> segments;
  std::optional<ProfileFolding> folding;
  profiles::ShopContext context;
  std::optional<profiles::SegmentSet> compiled;
  std::optional<ProfileFolding::Profiles> past;   // where as_of lies before the last event
  std::optional<std::vector<SegmentSize>> sizes;  // absent: membership may have changed since

  Status read_names(bool items) {
    if (folding && !items) return vocabulary->follow(workspace->state());
    // The newest word on categories and brands, whatever the moment: stored profiles rest on it.
    ATTUNE_ASSIGN_OR_RETURN(catalog, workspace->catalog().snapshot(Timestamp{INT64_MAX}));
    ATTUNE_ASSIGN_OR_RETURN(vocabulary, ShopVocabulary::open(workspace->state(), catalog));
    folding.emplace(*workspace, *store, *vocabulary, catalog);
    return {};
  }

  Status read_clock() {
    if (options.as_of) {
      context.as_of = *options.as_of;
      return {};
    }
    ATTUNE_ASSIGN_OR_RETURN(context.as_of, workspace->default_as_of());
    return {};
  }

  // What is stored holds all events; as of a moment before the last of them, it holds that moment's
  // future.
  Status read_past(Progress& progress) {
    past.reset();
    if (!options.as_of) return {};
    ATTUNE_ASSIGN_OR_RETURN(
        const auto last, workspace->history().find_int64(
                             "SELECT epoch_us(max(time)) FROM visible_rows WHERE customer <> 0"));
    if (!last || *last <= options.as_of->micros) return {};
    ATTUNE_ASSIGN_OR_RETURN(past, folding->fold_until(*options.as_of, progress));
    return {};
  }

  using Visit = std::function<Status(CustomerNumber, const profiles::ProfileAccumulator&)>;
  Status for_each(const Visit& visit) {
    if (!past) {
      return store->for_each([&](const profiles::StoredProfile& stored) {
        return visit(stored.customer, stored.accumulator);
      });
    }
    for (const auto& [customer, accumulator] : *past)
      ATTUNE_RETURN_IF_ERROR(visit(customer, accumulator));
    return {};
  }

  Result<profiles::ShopStatistics> statistics() {
    if (!past) return store->statistics();
    profiles::ShopStatistics then;
    for (const auto& [customer, accumulator] : *past)
      then.add(accumulator.state(), workspace->zone());
    return then;
  }

  // Read otherwise than the shop's own profiles are: nobody enters or leaves a segment by that.
  bool aside() const { return options != Options(); }

  Status compile() {
    sizes.reset();
    ATTUNE_ASSIGN_OR_RETURN(std::vector<profiles::Segment> saved, segments->list());
    ATTUNE_ASSIGN_OR_RETURN(
        compiled, profiles::SegmentSet::compile(std::move(saved), workspace->zone(), *vocabulary));
    return {};
  }

  Profile describe(CustomerNumber customer, const profiles::ProfileAccumulator& accumulator) const {
    Profile profile = profiles::describe(customer, accumulator.state(), context);
    std::vector<bool> members;
    compiled->evaluate(profile, *vocabulary, members);
    return profile;
  }

  // One price an item, for the bounds of price bands.
  std::vector<std::int64_t> item_prices() const {
    std::vector<std::int64_t> prices;
    for (const catalog::Item& item : catalog.items()) {
      if (item.price_minor && *item.price_minor > 0) prices.push_back(*item.price_minor);
    }
    return prices;
  }
};

Customers::Customers(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Customers::Customers(Customers&&) noexcept = default;
Customers& Customers::operator=(Customers&&) noexcept = default;
Customers::~Customers() = default;

Result<Customers> Customers::open(Workspace& workspace, const Options& options,
                                  Progress& progress) {
  ATTUNE_RETURN_IF_ERROR(options.rfm.check());
  ATTUNE_RETURN_IF_ERROR(options.lifecycle.check());
  auto impl = std::make_unique<Impl>();
  impl->workspace = &workspace;
  impl->options = options;
  ATTUNE_ASSIGN_OR_RETURN(impl->store, profiles::ProfileStore::open(
                                           workspace.state(), &workspace.vault(),
                                           profiles::FoldRules(options.weights), workspace.zone()));
  ATTUNE_ASSIGN_OR_RETURN(impl->segments, profiles::SegmentStore::open(workspace.state()));
  ATTUNE_RETURN_IF_ERROR(impl->segments->save_ready_made());
  Customers customers(std::move(impl));
  ATTUNE_RETURN_IF_ERROR(customers.catch_up({}, progress));
  ATTUNE_RETURN_IF_ERROR(customers.measure_shop());
  return customers;
}

Status Customers::catch_up(const News& news, Progress& progress) {
  ATTUNE_RETURN_IF_ERROR(impl_->read_names(news.items));
  ATTUNE_RETURN_IF_ERROR(impl_->folding->catch_up(news.people, progress));
  ATTUNE_RETURN_IF_ERROR(impl_->compile());
  ATTUNE_RETURN_IF_ERROR(impl_->read_clock());
  return impl_->read_past(progress);
}

Status Customers::measure_shop() {
  Impl& self = *impl_;
  self.sizes.reset();
  ATTUNE_RETURN_IF_ERROR(self.read_clock());
  ATTUNE_ASSIGN_OR_RETURN(profiles::ShopStatistics statistics, self.statistics());
  self.context = statistics.context(self.context.as_of, self.workspace->zone(), self.options.rfm,
                                    self.options.lifecycle, self.item_prices());
  return {};
}

Result<Profile> Customers::read(CustomerNumber customer) {
  if (impl_->past) {
    const auto then = impl_->past->find(customer);
    if (then != impl_->past->end()) return impl_->describe(customer, then->second);
    return std::unexpected(not_found(
        fmt::format("nothing was known of this customer by {}; their first event came later",
                    format_iso(as_of()))));
  }
  ATTUNE_ASSIGN_OR_RETURN(const auto stored, impl_->store->find(customer));
  if (!stored)
    return std::unexpected(not_found("nothing is known of this customer; no event names them"));
  return impl_->describe(customer, *stored);
}

Result<Profile> Customers::find(std::string_view id) {
  ATTUNE_ASSIGN_OR_RETURN(const auto number, impl_->workspace->identity().find(id));
  if (!number) {
    return std::unexpected(
        not_found(fmt::format("no customer is called '{}'; ids are matched letter by letter: "
                              "attune export profiles lists them",
                              attune::quoted(id))));
  }
  return read(*number);
}

Status Customers::for_each(const std::function<Status(const Profile&)>& visit) {
  return impl_->for_each(
      [&](CustomerNumber customer, const profiles::ProfileAccumulator& accumulator) {
        return visit(impl_->describe(customer, accumulator));
      });
}

Status Customers::for_each_between(
    CustomerNumber first, CustomerNumber last, bool segments,
    const std::function<void(const Profile&, std::size_t place)>& look,
    const std::function<void(std::span<const CustomerNumber>)>& take) {
  constexpr std::int64_t kGrain = 100;
  const auto describe = [&](const profiles::StoredProfile& stored) {
    if (segments) return impl_->describe(stored.customer, stored.accumulator);
    return profiles::describe(stored.customer, stored.accumulator.state(), impl_->context);
  };
  std::vector<CustomerNumber> customers;
  const auto of_block = [&](std::span<const profiles::StoredProfile> block) -> Status {
    math::parallel_for(
        std::ssize(block), kGrain, 0, [&](std::int64_t begin, std::int64_t end, int) {
          for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
            look(describe(block[i]), i);
        });
    customers.clear();
    for (const profiles::StoredProfile& one : block) customers.push_back(one.customer);
    take(customers);
    return {};
  };
  return impl_->store->for_each_block(first, last, of_block);
}

Result<std::vector<Profile>> Customers::all() {
  std::vector<Profile> everybody;
  ATTUNE_RETURN_IF_ERROR(for_each([&](const Profile& profile) -> Status {
    everybody.push_back(profile);
    return {};
  }));
  return everybody;
}

Result<std::int64_t> Customers::count() {
  if (impl_->past) return static_cast<std::int64_t>(impl_->past->size());
  return impl_->store->count();
}

Result<std::vector<profiles::Segment>> Customers::segments() { return impl_->segments->list(); }

Result<profiles::SegmentPreview> Customers::preview(std::string_view rule, std::size_t examples) {
  std::vector<std::string> names;
  for (const auto& segment : impl_->compiled->segments()) names.push_back(segment.name);
  ATTUNE_ASSIGN_OR_RETURN(const rules::Schema schema,
                          profiles::profile_schema(impl_->workspace->zone(), names));
  ATTUNE_ASSIGN_OR_RETURN(profiles::ProfileRule compiled,
                          profiles::ProfileRule::compile(rule, schema, *impl_->vocabulary));
  profiles::SegmentPreview preview(std::move(compiled), examples);
  ATTUNE_RETURN_IF_ERROR(for_each([&](const Profile& profile) -> Status {
    preview.offer(profile, *impl_->vocabulary);
    return {};
  }));
  return preview;
}

Status Customers::save_segment(std::string_view name, std::string_view rule,
                               std::string_view description, bool replace) {
  profiles::Segment segment;
  segment.name = name;
  segment.rule = rule;
  segment.description = description;
  segment.created = impl_->workspace->now();
  ATTUNE_RETURN_IF_ERROR(
      impl_->segments->save(segment, impl_->workspace->zone(), *impl_->vocabulary, replace));
  return impl_->compile();
}

Status Customers::remove_segment(std::string_view name) {
  ATTUNE_RETURN_IF_ERROR(impl_->segments->remove(name));
  return impl_->compile();
}

Result<std::vector<Customers::SegmentSize>> Customers::refresh_segments() {
  if (impl_->sizes) return *impl_->sizes;
  ATTUNE_ASSIGN_OR_RETURN(std::vector<Profile> everybody, all());
  if (!impl_->aside()) {
    auto changes =
        impl_->segments->refresh(*impl_->compiled, *impl_->vocabulary, everybody, as_of());
    if (!changes) return std::unexpected(changes.error());
    ATTUNE_RETURN_IF_ERROR(
        impl_->segments->full_pass_done(impl_->workspace->zone().day_number(as_of())));
  }
  std::vector<SegmentSize>& sizes = impl_->sizes.emplace();
  for (const profiles::Segment& segment : impl_->compiled->segments())
    sizes.push_back({segment, 0, 0});
  for (const Profile& profile : everybody) {
    for (SegmentSize& size : sizes) {
      if (!std::ranges::binary_search(profile.segments, size.segment.name)) continue;
      ++size.members;
      size.monetary_cents += profile.monetary_cents;
    }
  }
  return sizes;
}

Result<std::vector<Customers::Member>> Customers::members(std::string_view segment,
                                                          CustomerNumber after,
                                                          std::int64_t limit) {
  std::vector<Member> all;
  if (!impl_->aside()) {
    ATTUNE_ASSIGN_OR_RETURN(const auto stored, impl_->segments->members(segment, after, limit));
    for (const profiles::Member& member : stored)
      all.push_back({member.customer, member.entered_at});
    return all;
  }
  ATTUNE_RETURN_IF_ERROR(impl_->segments->find(segment));
  ATTUNE_RETURN_IF_ERROR(for_each([&](const Profile& profile) -> Status {
    if (profile.customer > after && std::ssize(all) < limit &&
        std::ranges::binary_search(profile.segments, segment))
      all.push_back({profile.customer, {}});
    return {};
  }));
  return all;
}

Result<profiles::Clustering> Customers::cluster(const profiles::ClusterParameters& parameters,
                                                Progress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<Profile> everybody, all());
  return profiles::cluster_customers(everybody, parameters, progress);
}

Result<std::vector<profiles::Cohort>> Customers::cohorts() {
  profiles::CohortTable table(impl_->workspace->zone());
  ATTUNE_RETURN_IF_ERROR(impl_->for_each(
      [&](CustomerNumber, const profiles::ProfileAccumulator& accumulator) -> Status {
        table.add(accumulator.state());
        return {};
      }));
  return table.cohorts();
}

Timestamp Customers::as_of() const { return impl_->context.as_of; }
const profiles::ShopContext& Customers::context() const { return impl_->context; }
const profiles::Vocabulary& Customers::names() const { return *impl_->vocabulary; }
const catalog::CatalogSnapshot& Customers::catalog() const { return impl_->catalog; }

Result<std::map<std::string, std::int64_t>> Customers::foreign_amounts() {
  return engine::foreign_amounts(*impl_->workspace, Sequence{0}, as_of());
}

}  // namespace attune::engine
