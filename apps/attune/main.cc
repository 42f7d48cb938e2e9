// The one program.
#include <cstdio>

#include "program.h"

int main(int count, char** arguments) {
  attune::cli::Context context;
  const int status = attune::cli::run_program({arguments + 1, arguments + count}, context);
  std::fflush(stdout);
  return status;
}
