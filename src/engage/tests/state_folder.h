// A state file in a folder of its own, for tests. Private to engage.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <optional>

#include "attune/store/state.h"

namespace attune::engage {

class StateFolder {
 public:
  StateFolder() {
    char pattern[] = "/tmp/attune-engage-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    reopen();
  }
  StateFolder(const StateFolder&) = delete;
  StateFolder& operator=(const StateFolder&) = delete;
  ~StateFolder() {
    state_.reset();
    std::filesystem::remove_all(folder_);
  }
  void reopen() {
    state_.reset();
    state_.emplace(store::State::open(folder_ / "state.sqlite").value());
  }
  store::State& state() { return *state_; }

 private:
  std::filesystem::path folder_;
  std::optional<store::State> state_;
};

}  // namespace attune::engage
