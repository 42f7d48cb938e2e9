// What every command shares. Answers: what does the program do once the command line is read?
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include <CLI/CLI.hpp>

#include "context.h"

namespace attune::cli {

// `run` is what the program does where `command` was given; its options write into `arguments`.
template <class Arguments>
void run_when_called(
    CLI::App& command, Context& context, std::shared_ptr<Arguments> arguments,
    std::type_identity_t<Status (*)(Context&, const std::shared_ptr<Arguments>&)> run) {
  command.callback([&context, arguments = std::move(arguments), run] {
    context.action = [&context, arguments, run] { return run(context, arguments); };
  });
}

}  // namespace attune::cli
