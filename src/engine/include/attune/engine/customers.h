// The shop's customers, kept up with its events. Answers: who is this, who is in that segment,
// which kinds of customers are there?
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/engine/workspace.h"
#include "attune/profiles/clusters.h"
#include "attune/profiles/cohorts.h"
#include "attune/profiles/context.h"
#include "attune/profiles/profile.h"
#include "attune/profiles/profile_store.h"
#include "attune/profiles/segment_store.h"
#include "attune/profiles/segments.h"
#include "attune/profiles/terms.h"

namespace attune::engine {

// Profiles of everybody, read as of one moment. Profiles are folded from the history when first
// asked for and then kept up by cursor; they are folded anew when what they depend on changed: an
// item's category or brand, bots found, the behaviour weights, the reporting currency. As of a
// moment before the last event they are folded from the events up to it, in memory: about 1.5 KB a
// customer.
// Lifetime: the Workspace outlives it. Threads: one thread at a time.
class Customers {
 public:
  struct Options {
    std::optional<Timestamp> as_of;  // absent: Workspace::default_as_of
    profiles::BehaviourWeights weights;
    profiles::RfmParameters rfm;
    profiles::LifecycleParameters lifecycle;
    friend bool operator==(const Options&, const Options&) = default;
  };

  // Opens and catches up. Errors: invalid_argument (parameters); those of the stores; cancelled.
  static Result<Customers> open(Workspace& workspace, const Options& options, Progress& progress);
  Customers(Customers&&) noexcept;
  Customers& operator=(Customers&&) noexcept;
  ~Customers();

  // Whether others changed these since this was opened or last caught up.
  struct News {
    bool items = true;   // new items, or a changed category or brand
    bool people = true;  // merges
  };
  // Folds the events that came since, moves the moment that profiles are read as of, and reads
  // segments anew. What customers are compared with (RFM bounds, price bands) stays as it was
  // measured. Cost: that of the new events, and of reading all items where `news` says so.
  Status catch_up(const News& news, Progress& progress);
  // Reads anew what customers are compared with. Cost: that of ProfileStore::statistics.
  Status measure_shop();

  // Errors: not_found when nobody is called so or nothing is known of them.
  Result<profiles::Profile> find(std::string_view id);
  Result<profiles::Profile> read(CustomerNumber customer);

  // Everybody with a profile, ascending number, with `segments` filled in.
  Status for_each(const std::function<Status(const profiles::Profile&)>& visit);
  // The same of those numbered `first` to `last`, a block at a time. `look` sees each with its
  // place in its block, below kBlock, on any thread; `take` follows in order, with the customers of
  // the block. `segments` stays empty unless asked for.
  static constexpr std::size_t kBlock = profiles::ProfileStore::kBlock;
  Status for_each_between(
      CustomerNumber first, CustomerNumber last, bool segments,
      const std::function<void(const profiles::Profile&, std::size_t place)>& look,
      const std::function<void(std::span<const CustomerNumber>)>& take);
  Result<std::vector<profiles::Profile>> all();
  Result<std::int64_t> count();

  Result<std::vector<profiles::Segment>> segments();
  Result<profiles::SegmentPreview> preview(std::string_view rule, std::size_t examples);
  Status save_segment(std::string_view name, std::string_view rule, std::string_view description,
                      bool replace);
  Status remove_segment(std::string_view name);
  // Brings membership up to date as of the moment that profiles are read as of. With a stated
  // moment or other parameters than the default nothing is written: it is looked at, and stored
  // membership stays. Result: members of each segment, by list order.
  struct SegmentSize {
    profiles::Segment segment;
    std::int64_t members = 0;
    std::int64_t monetary_cents = 0;
  };
  Result<std::vector<SegmentSize>> refresh_segments();
  struct Member {
    CustomerNumber customer;
    std::optional<Timestamp> entered_at;  // absent where membership is looked at only
  };
  // Ascending numbers above `after`, at most `limit`; of stored membership as it was last brought
  // up to date. Errors: not_found naming the nearest.
  Result<std::vector<Member>> members(std::string_view segment, CustomerNumber after,
                                      std::int64_t limit);

  Result<profiles::Clustering> cluster(const profiles::ClusterParameters& parameters,
                                       Progress& progress);
  Result<std::vector<profiles::Cohort>> cohorts();

  Timestamp as_of() const;
  const profiles::ShopContext& context() const;
  const profiles::Vocabulary& names() const;
  const catalog::CatalogSnapshot& catalog() const;
  // How many purchase and refund amounts are in another currency than the reporting one, and so in
  // no sum, by currency. Cost: one pass over the history, where there are such.
  Result<std::map<std::string, std::int64_t>> foreign_amounts();

 private:
  struct Impl;
  explicit Customers(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::engine
