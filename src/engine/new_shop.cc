#include "attune/engine/new_shop.h"

#include <fmt/format.h>

#include "attune/base/money.h"
#include "attune/store/data_folder.h"

namespace attune::engine {

Status make_shop(const std::filesystem::path& folder, const NewShop& settings) {
  if (store::DataFolder::exists(folder)) {
    return std::unexpected(
        already_exists(fmt::format("{} holds a shop already; name a new folder", folder.string())));
  }
  if (!settings.currency.empty()) ATTUNE_RETURN_IF_ERROR(Currency::parse(settings.currency));
  store::FolderOptions options;
  options.command = settings.command;
  options.initial.time_zone = settings.time_zone;
  options.initial.reporting_currency = settings.currency;
  const auto made = store::DataFolder::create_or_open(folder, options);
  return made ? Status{} : std::unexpected(made.error());
}

}  // namespace attune::engine
