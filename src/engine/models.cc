#include "attune/engine/models.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json.hpp>

#include "attune/base/bytes.h"
#include "attune/base/files.h"
#include "attune/base/text.h"

namespace attune::engine {
namespace {

namespace json = boost::json;

constexpr std::string_view kIdsMagic = "ATTUNE-IDS";
constexpr std::string_view kPartPrefix = ".part-";

std::string version_name(int version) { return fmt::format("{:06}", version); }

std::string meta_json(const ModelMeta& meta) {
  json::object parameters;
  for (const auto& [name, value] : meta.parameters) parameters[name] = value;
  json::object weights;
  for (const auto& [name, value] : InteractionWeights::table().values(meta.weights))
    weights[name] = value;
  json::array warnings(meta.warnings.begin(), meta.warnings.end());
  return json::serialize(json::object{{"name", meta.name},
                                      {"version", meta.version},
                                      {"trained_at", meta.trained_at.micros},
                                      {"cursor", meta.cursor.value},
                                      {"forgotten_through", meta.forgotten_through.value},
                                      {"seed", meta.seed},
                                      {"customers", meta.customers},
                                      {"items", meta.items},
                                      {"pairs", meta.pairs},
                                      {"fit_seconds", meta.fit_seconds},
                                      {"converged", meta.converged},
                                      {"iterations", meta.iterations},
                                      {"objective", meta.objective},
                                      {"weights", weights},
                                      {"parameters", parameters},
                                      {"warnings", warnings}});
}

Result<ModelMeta> parse_meta(std::string_view text, const std::filesystem::path& file) {
  ModelMeta meta;
  try {
    const json::value value = json::parse(text);
    const json::object& o = value.as_object();
    meta.name = std::string(o.at("name").as_string());
    meta.version = o.at("version").to_number<int>();
    meta.trained_at.micros = o.at("trained_at").to_number<std::int64_t>();
    meta.cursor.value = o.at("cursor").to_number<std::int64_t>();
    if (const json::value* through = o.if_contains("forgotten_through"))
      meta.forgotten_through.value = through->to_number<std::int64_t>();
    meta.seed = o.at("seed").to_number<std::uint64_t>();
    meta.customers = o.at("customers").to_number<std::int64_t>();
    meta.items = o.at("items").to_number<std::int64_t>();
    meta.pairs = o.at("pairs").to_number<std::int64_t>();
    meta.fit_seconds = o.at("fit_seconds").to_number<double>();
    meta.converged = o.at("converged").as_bool();
    meta.iterations = o.at("iterations").to_number<int>();
    meta.objective = o.at("objective").to_number<double>();
    for (const auto& field : o.at("weights").as_object()) {
      ATTUNE_RETURN_IF_ERROR(InteractionWeights::table().set(
          meta.weights, field.key(), std::string_view(field.value().as_string())));
    }
    for (const auto& field : o.at("parameters").as_object()) {
      meta.parameters.emplace_back(field.key(), std::string_view(field.value().as_string()));
    }
    for (const auto& warning : o.at("warnings").as_array())
      meta.warnings.emplace_back(warning.as_string());
  } catch (const std::exception& failure) {
    return std::unexpected(data_corruption(
        fmt::format("{} is not a model's description ({}); train again: attune train",
                    file.string(), failure.what())));
  }
  return meta;
}

template <class Number>
std::vector<std::int64_t> values_of(const std::vector<Number>& numbers) {
  std::vector<std::int64_t> values;
  for (const Number number : numbers) values.push_back(number.value);
  return values;
}

template <class Number>
std::vector<Number> numbers_of(const std::vector<std::int64_t>& values) {
  std::vector<Number> numbers;
  for (const std::int64_t value : values) numbers.push_back(Number{value});
  return numbers;
}

std::vector<int> versions_in(const std::filesystem::path& folder) {
  std::vector<int> versions;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    int version = 0;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), version);
    if (failure == std::errc{} && end == name.data() + name.size() && entry.is_directory())
      versions.push_back(version);
  }
  std::ranges::sort(versions);
  return versions;
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

constexpr const char* kCurrent = "current";
constexpr const char* kHeld = "held";

// The version that the file `which` of a model's folder names.
Result<int> version_named(const std::filesystem::path& folder, const char* which) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string text, read_file(folder / which));
  int version = 0;
  const std::string_view digits = trim(text);
  const auto [end, failure] =
      std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (failure != std::errc{} || end != digits.data() + digits.size()) {
    return std::unexpected(data_corruption(
        fmt::format("{} names no version; train again: attune train", (folder / which).string())));
  }
  return version;
}

template <class Number>
std::optional<std::int32_t> index_of(const std::vector<Number>& sorted, Number number) {
  const auto at = std::ranges::lower_bound(sorted, number);
  if (at == sorted.end() || *at != number) return std::nullopt;
  return static_cast<std::int32_t>(at - sorted.begin());
}

Status write_version(const std::filesystem::path& part, const recommend::Recommender& recommender,
                     const TasteData& data, const ModelMeta& meta) {
  ATTUNE_RETURN_IF_ERROR(recommender.save(part / "model.bin"));
  ByteWriter ids;
  ids.array(values_of(data.customers));
  ids.array(values_of(data.items));
  ATTUNE_RETURN_IF_ERROR(write_checked_file(part / "ids.bin", kIdsMagic, 1, ids.bytes()));
  return write_file_durably(part / "meta.json", meta_json(meta));
}

}  // namespace

std::optional<std::int32_t> Model::row(CustomerNumber customer) const {
  return index_of(customers, customer);
}
std::optional<std::int32_t> Model::column(ItemNumber item) const { return index_of(items, item); }

Result<ModelMeta> ModelRegistry::save(const recommend::Recommender& recommender,
                                      const TasteData& data, ModelMeta meta, bool make_current) {
  const std::filesystem::path family = folder_ / meta.name;
  const std::vector<int> versions = versions_in(family);
  meta.version = versions.empty() ? 1 : versions.back() + 1;
  const std::filesystem::path part =
      family / (std::string(kPartPrefix) + version_name(meta.version));
  std::error_code failure;
  std::filesystem::remove_all(part, failure);
  std::filesystem::create_directories(part, failure);
  if (failure) return std::unexpected(error_from_errno("create", part));
  Status written = write_version(part, recommender, data, meta);
  if (written) {
    std::filesystem::rename(part, family / version_name(meta.version), failure);
    if (failure) written = std::unexpected(error_from_errno("rename", part));
  }
  if (written) written = sync_path(family);
  const bool current = make_current || !std::filesystem::exists(family / kCurrent, failure);
  if (written && current) {
    std::filesystem::remove(family / kHeld, failure);
    written = write_file_durably(family / kCurrent, version_name(meta.version) + "\n");
  }
  if (!written) {
    std::filesystem::remove_all(part, failure);
    return std::unexpected(written.error().within(fmt::format("saving model {}", meta.name)));
  }
  const int oldest_kept = meta.version - kVersionsKept + 1;
  ATTUNE_ASSIGN_OR_RETURN(const int serving, version_named(family, kCurrent));
  for (const int version : versions) {
    if (version < oldest_kept && version != serving)
      std::filesystem::remove_all(family / version_name(version), failure);
  }
  meta.current = current;
  return meta;
}

Result<Model> ModelRegistry::load(std::string_view name) const {
  const std::filesystem::path family = folder_ / name;
  std::error_code failure;
  if (!std::filesystem::exists(family / kCurrent, failure)) {
    const std::vector<std::string> names = names_in(folder_);
    const std::span<const std::string> all = recommend::recommender_names();
    if (std::ranges::find(all, name) == all.end()) {
      return std::unexpected(
          not_found(fmt::format("there is no model '{}'{}; there are {}", attune::quoted(name),
                                did_you_mean(name, all), fmt::join(all, ", "))));
    }
    return std::unexpected(not_found(
        fmt::format("there is no trained model '{}'{}; train it: attune train {}{}",
                    attune::quoted(name), did_you_mean(name, names), name,
                    names.empty() ? "" : fmt::format(" (trained: {})", fmt::join(names, ", ")))));
  }
  ATTUNE_ASSIGN_OR_RETURN(const int version, version_named(family, kCurrent));
  ATTUNE_ASSIGN_OR_RETURN(Model model, read_version(family / version_name(version)));
  model.meta.current = true;
  return model;
}

Result<Model> ModelRegistry::read_version(const std::filesystem::path& folder) const {
  ATTUNE_ASSIGN_OR_RETURN(const std::string meta, read_file(folder / "meta.json"));
  Model model;
  ATTUNE_ASSIGN_OR_RETURN(model.meta, parse_meta(meta, folder / "meta.json"));
  ATTUNE_ASSIGN_OR_RETURN(model.recommender, recommend::load_recommender(folder / "model.bin"));
  ATTUNE_ASSIGN_OR_RETURN(const CheckedBytes bytes,
                          read_checked_file(folder / "ids.bin", kIdsMagic, 1));
  ByteReader in(bytes.payload);
  const auto& interactions = model.recommender->interactions();
  ATTUNE_ASSIGN_OR_RETURN(
      const auto customers,
      in.array<std::int64_t>(static_cast<std::size_t>(interactions.customers())));
  ATTUNE_ASSIGN_OR_RETURN(const auto items,
                          in.array<std::int64_t>(static_cast<std::size_t>(interactions.items())));
  ATTUNE_RETURN_IF_ERROR(in.finish());
  model.customers = numbers_of<CustomerNumber>(customers);
  model.items = numbers_of<ItemNumber>(items);
  return model;
}

Result<std::vector<ModelMeta>> ModelRegistry::list() const {
  std::vector<ModelMeta> all;
  for (const std::string& name : names_in(folder_)) {
    const std::filesystem::path family = folder_ / name;
    const auto current = version_named(family, kCurrent);
    const auto held = version_named(family, kHeld);
    std::vector<int> versions = versions_in(family);
    for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
      const std::filesystem::path file = family / version_name(*version) / "meta.json";
      const auto text = read_file(file);
      if (!text) continue;
      auto meta = parse_meta(*text, file);
      if (!meta) continue;
      meta->current = current && *current == *version;
      meta->held = meta->current && held && *held == *version;
      all.push_back(std::move(*meta));
    }
  }
  return all;
}

Status ModelRegistry::activate(std::string_view name, int version) const {
  const std::filesystem::path family = folder_ / name;
  // A name with slashes or dots is no model's: it would lead out of the folder.
  const std::vector<int> versions =
      name.find_first_of("/.") == name.npos ? versions_in(family) : std::vector<int>();
  if (std::ranges::find(versions, version) == versions.end()) {
    return std::unexpected(not_found(
        fmt::format("model '{}' has no version {}; there are {}", attune::quoted(name), version,
                    versions.empty() ? "none" : fmt::format("{}", fmt::join(versions, ", ")))));
  }
  // What is held while another is current counts for nothing: a crash in between changes nothing.
  ATTUNE_RETURN_IF_ERROR(write_file_durably(family / kHeld, version_name(version) + "\n"));
  return write_file_durably(family / kCurrent, version_name(version) + "\n");
}

Result<std::vector<std::string>> ModelRegistry::forget(
    std::span<const privacy::ForgottenNumber> customers) const {
  std::vector<std::string> rewritten;
  if (customers.empty()) return rewritten;
  const Sequence through = std::ranges::max(customers, {}, &privacy::ForgottenNumber::at).at;
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<ModelMeta> all, list());
  for (const ModelMeta& known : all) {
    const Sequence clean = std::max(known.cursor, known.forgotten_through);
    if (clean >= through) continue;
    const std::filesystem::path folder = folder_ / known.name / version_name(known.version);
    auto model = read_version(folder);
    if (!model) {
      if (model.error().code != ErrorCode::data_corruption) return std::unexpected(model.error());
      std::error_code failure;
      std::filesystem::remove_all(folder, failure);
      if (failure) return std::unexpected(error_from_errno("remove", folder));
      continue;
    }
    bool changed = false;
    for (const privacy::ForgottenNumber& customer : customers) {
      const auto row = customer.at > clean ? model->row(customer.customer) : std::nullopt;
      if (!row) continue;
      ATTUNE_RETURN_IF_ERROR(model->recommender->forget_customer(*row));
      changed = true;
    }
    if (changed) {
      ATTUNE_RETURN_IF_ERROR(model->recommender->save(folder / "model.bin"));
      rewritten.push_back(fmt::format("{}/{}", known.name, known.version));
    }
    model->meta.forgotten_through = through;
    ATTUNE_RETURN_IF_ERROR(write_file_durably(folder / "meta.json", meta_json(model->meta)));
  }
  return rewritten;
}

Result<int> ModelRegistry::remove_leftovers() const {
  int removed = 0;
  std::error_code ignored;
  for (const std::string& name : names_in(folder_)) {
    for (const std::string& entry : names_in(folder_ / name)) {
      if (!entry.starts_with(kPartPrefix)) continue;
      std::filesystem::remove_all(folder_ / name / entry, ignored);
      ++removed;
    }
  }
  return removed;
}

}  // namespace attune::engine
