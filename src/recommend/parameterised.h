// A recommender whose parameters are one struct with one table. Answers: what does every
// recommender do alike about them?
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/base/parameters.h"
#include "attune/recommend/recommender.h"

namespace attune::recommend {

// `Struct` holds the values; the table is passed by the algorithm and must outlive every
// recommender (a function-local constant). Threads: as Recommender.
template <class Struct>
class Parameterised : public Recommender {
 public:
  std::span<const ParameterSpec> parameter_specs() const override { return table_->specs(); }
  std::vector<std::pair<std::string, std::string>> parameters() const override {
    return table_->values(parameters_);
  }

 protected:
  explicit Parameterised(const ParameterTable<Struct>& table) : table_(&table) {}
  Status assign_parameter(std::string_view name, std::string_view text) override {
    return table_->set(parameters_, name, text);
  }
  const Struct& settings() const { return parameters_; }

 private:
  const ParameterTable<Struct>* table_;
  Struct parameters_;
};

}  // namespace attune::recommend
