#include <cstdio>
#include <exception>

#include "cli/context.hpp"

int main(int argc, char** argv) {
  try {
    return understudy::cli::run_cli(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "understudy: %s\n", e.what());
    return understudy::cli::failed;
  }
}
