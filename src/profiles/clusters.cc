#include "attune/profiles/clusters.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json.hpp>

#include "attune/learn/kmeans.h"
#include "attune/learn/scaling.h"
#include "attune/profiles/cluster_words.h"

namespace attune::profiles {
namespace {

using learn::ScalingKind;

// Without it a share that is rare in the shop (evenings, returns) makes clusters of a handful.
constexpr double kFarthest = 3;

std::vector<std::string> feature_names() {
  std::vector<std::string> names;
  names.reserve(kClusterFeatureCount);
  for (std::size_t f = 0; f < kClusterFeatureCount; ++f) {
    names.emplace_back(name(static_cast<ClusterFeature>(f)));
  }
  return names;
}

std::vector<ScalingKind> feature_scaling() {
  std::vector<ScalingKind> kinds(kClusterFeatureCount, ScalingKind::log_z_score);
  for (const ClusterFeature share : {ClusterFeature::refund_share, ClusterFeature::evening_share,
                                     ClusterFeature::weekend_share}) {
    kinds[static_cast<std::size_t>(share)] = ScalingKind::z_score;
  }
  return kinds;
}

double squared_distance(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// Simplified silhouette of one row [HruschkaEtAl2004].
double separation_of(std::span<const double> row, const math::Matrix& centres, std::int64_t own) {
  double other = std::numeric_limits<double>::infinity();
  for (std::int64_t c = 0; c < centres.rows(); ++c) {
    if (c != own) other = std::min(other, squared_distance(row, centres.row(c)));
  }
  const double a = std::sqrt(squared_distance(row, centres.row(own))), b = std::sqrt(other);
  return std::max(a, b) > 0 && std::isfinite(b) ? (b - a) / std::max(a, b) : 0;
}

// Who takes part, and their features before and after scaling.
struct Rows {
  std::vector<CustomerNumber> customers;
  std::vector<std::int64_t> money;
  math::Matrix raw, scaled;
};

Rows collect(std::span<const Profile> profiles, bool buyers_only) {
  Rows rows;
  std::vector<double> cells;
  for (const Profile& profile : profiles) {
    if (buyers_only && profile.frequency == 0) continue;
    rows.customers.push_back(profile.customer);
    rows.money.push_back(profile.monetary_cents);
    const auto features = cluster_features(profile);
    cells.insert(cells.end(), features.begin(), features.end());
  }
  const auto n = static_cast<std::int64_t>(rows.customers.size());
  rows.raw = math::Matrix(n, static_cast<std::int64_t>(kClusterFeatureCount), cells);
  return rows;
}

std::vector<ClusterSummary> summarise(const Rows& rows, const learn::KMeansModel& model) {
  std::vector<ClusterSummary> clusters(static_cast<std::size_t>(model.centres.rows()));
  for (std::int64_t i = 0; i < rows.raw.rows(); ++i) {
    const auto row = static_cast<std::size_t>(i);
    ClusterSummary& cluster = clusters[static_cast<std::size_t>(model.cluster[row])];
    ++cluster.size;
    cluster.monetary_cents += rows.money[row];
    cluster.separation += separation_of(rows.scaled.row(i), model.centres, model.cluster[row]);
    for (std::size_t f = 0; f < kClusterFeatureCount; ++f) {
      cluster.means[f] += rows.raw(i, static_cast<std::int64_t>(f));
    }
  }
  for (std::size_t c = 0; c < clusters.size(); ++c) {
    ClusterSummary& cluster = clusters[c];
    const auto size = static_cast<double>(std::max<std::int64_t>(1, cluster.size));
    cluster.share = static_cast<double>(cluster.size) / static_cast<double>(rows.raw.rows());
    cluster.separation /= size;
    for (std::size_t f = 0; f < kClusterFeatureCount; ++f) {
      cluster.means[f] /= size;
      cluster.deviations[f] =
          model.centres(static_cast<std::int64_t>(c), static_cast<std::int64_t>(f));
    }
  }
  return clusters;
}

// Largest money first; assignments follow.
void order_by_money(Clustering& result) {
  std::vector<std::size_t> order(result.clusters.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>(),
                           [&](std::size_t c) { return result.clusters[c].monetary_cents; });
  std::vector<ClusterSummary> sorted;
  std::vector<std::int32_t> place(order.size());
  for (const std::size_t c : order) {
    place[c] = static_cast<std::int32_t>(sorted.size());
    sorted.push_back(std::move(result.clusters[c]));
  }
  result.clusters = std::move(sorted);
  for (std::int32_t& a : result.assignments) a = place[static_cast<std::size_t>(a)];
}

// `taking_part`: how many of `everybody` are clustered.
Status check(const ClusterParameters& parameters, std::size_t taking_part, std::size_t everybody) {
  ClusterParameters probe;
  for (const auto& [name, value] : ClusterParameters::table().values(parameters)) {
    ATTUNE_RETURN_IF_ERROR(ClusterParameters::table().set(probe, name, value));
  }
  if (static_cast<std::size_t>(parameters.k) <= taking_part) return {};
  std::vector<std::string> remedies;
  if (taking_part > 0) remedies.push_back(fmt::format("set cluster.k={} or less", taking_part));
  if (parameters.buyers_only && static_cast<std::size_t>(parameters.k) <= everybody) {
    remedies.push_back(
        fmt::format("set cluster.buyers_only=false, which takes in the {} who have not bought",
                    everybody - taking_part));
  }
  if (remedies.empty()) remedies.emplace_back("import more events first");
  return std::unexpected(invalid_argument(fmt::format(
      "{} clusters need at least as many {}, but there are {}; {}", parameters.k,
      parameters.buyers_only ? "buyers" : "customers", taking_part, fmt::join(remedies, ", or "))));
}

}  // namespace

const ParameterTable<ClusterParameters>& ClusterParameters::table() {
  using P = ClusterParameters;
  static const ParameterTable<P> kTable = [] {
    ParameterTable<P> table;
    table.integer("k", &P::k, 1, 1000, "", "number of clusters");
    table.choice("start", &P::start, {"plus_plus", "random"},
                 "how the first centres are chosen: k-means++ or k customers at random");
    table.integer("restarts", &P::restarts, 1, 1000, "", "starts, of which the best is kept");
    table.integer("iterations_max", &P::iterations_max, 1, 100000, "", "iterations of each start");
    table.integer("seed", &P::seed, 0, 2147483647, "", "seed of the starts");
    table.flag("buyers_only", &P::buyers_only, "leave out customers without a purchase");
    return table;
  }();
  return kTable;
}

std::string_view name(ClusterFeature feature) {
  constexpr std::array<std::string_view, kClusterFeatureCount> kNames{
      "recency_days",         "frequency",           "monetary_cents",
      "average_basket_cents", "inter_purchase_days", "average_basket_lines",
      "items_bought",         "typical_price_cents", "refund_share",
      "evening_share",        "weekend_share"};
  return kNames[static_cast<std::size_t>(feature)];
}

std::array<double, kClusterFeatureCount> cluster_features(const Profile& p) {
  const auto recency = static_cast<double>(p.recency_days.value_or(0));
  return {recency,
          static_cast<double>(p.frequency),
          static_cast<double>(p.monetary_cents),
          static_cast<double>(p.average_basket_cents.value_or(0)),
          p.inter_purchase_days_mean.value_or(recency),
          p.average_basket_lines.value_or(0),
          static_cast<double>(p.items_bought),
          static_cast<double>(p.typical_price_cents.value_or(0)),
          std::clamp(p.refund_share, 0.0, 1.0),
          p.day_part_shares[static_cast<std::size_t>(DayPart::evening)],
          p.weekday_shares[5] + p.weekday_shares[6]};
}

Result<Clustering> cluster_customers(std::span<const Profile> profiles,
                                     const ClusterParameters& parameters, Progress& progress) {
  Rows rows = collect(profiles, parameters.buyers_only);
  ATTUNE_RETURN_IF_ERROR(check(parameters, rows.customers.size(), profiles.size()));
  ATTUNE_ASSIGN_OR_RETURN(const learn::Scaler scaler,
                          learn::Scaler::fit(rows.raw, feature_names(), feature_scaling()));
  ATTUNE_ASSIGN_OR_RETURN(rows.scaled, scaler.transform(rows.raw));
  for (double& cell : rows.scaled.data()) cell = std::clamp(cell, -kFarthest, kFarthest);
  learn::KMeansParameters settings;
  settings.clusters = parameters.k;
  settings.start = parameters.start == ClusterStart::random ? learn::KMeansStart::random
                                                            : learn::KMeansStart::plus_plus;
  settings.restarts = parameters.restarts;
  settings.iterations_max = parameters.iterations_max;
  learn::KMeansOptions options;
  options.seed = static_cast<std::uint64_t>(parameters.seed);
  options.progress = &progress;
  ATTUNE_ASSIGN_OR_RETURN(learn::KMeansModel model,
                          learn::fit_kmeans(rows.scaled, settings, options));
  Clustering result;
  result.clusters = summarise(rows, model);
  for (const ClusterSummary& cluster : result.clusters) {
    result.separation += cluster.separation * cluster.share;
  }
  result.customers = std::move(rows.customers);
  result.assignments = std::move(model.cluster);
  result.objective = model.objective;
  result.iterations = model.iterations;
  result.converged = model.converged;
  result.scaling = scaler.report();
  result.scaling.push_back(
      fmt::format("all: what lies beyond {:g} deviations counts as {:g}", kFarthest, kFarthest));
  order_by_money(result);
  std::vector<ClusterWords> words = put_into_words(result.clusters, /*chinese=*/false);
  for (std::size_t c = 0; c < words.size(); ++c) {
    result.clusters[c].name = std::move(words[c].name);
    result.clusters[c].description = std::move(words[c].description);
  }
  return result;
}

std::string to_json(const Clustering& clustering, bool with_assignments) {
  namespace json = boost::json;
  json::array clusters;
  for (const ClusterSummary& c : clustering.clusters) {
    json::object means, deviations;
    for (std::size_t f = 0; f < kClusterFeatureCount; ++f) {
      const std::string_view feature = name(static_cast<ClusterFeature>(f));
      means[feature] = c.means[f];
      deviations[feature] = c.deviations[f];
    }
    clusters.push_back({{"name", c.name},
                        {"description", c.description},
                        {"size", c.size},
                        {"share", c.share},
                        {"monetary_cents", c.monetary_cents},
                        {"separation", c.separation},
                        {"means", std::move(means)},
                        {"deviations", std::move(deviations)}});
  }
  json::object out{{"k", clustering.clusters.size()},
                   {"objective", clustering.objective},
                   {"separation", clustering.separation},
                   {"iterations", clustering.iterations},
                   {"converged", clustering.converged},
                   {"scaling", json::array(clustering.scaling.begin(), clustering.scaling.end())},
                   {"clusters", std::move(clusters)}};
  if (with_assignments) {
    json::array rows;
    for (std::size_t i = 0; i < clustering.customers.size(); ++i) {
      rows.push_back(
          {{"customer", clustering.customers[i].value}, {"cluster", clustering.assignments[i]}});
    }
    out["assignments"] = std::move(rows);
  }
  return json::serialize(out);
}

}  // namespace attune::profiles
