// What is written to stderr meanwhile: the log goes there.
#pragma once

#include <unistd.h>
#include <cstdio>
#include <string>

namespace understudy::test {

class Captured {
 public:
  Captured() : file_(std::tmpfile()), kept_(::dup(2)) { ::dup2(::fileno(file_), 2); }
  ~Captured() {
    restore();
    std::fclose(file_);
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

  /// All of it; from now on stderr is what it was.
  std::string text() {
    restore();
    std::string out;
    std::rewind(file_);
    for (int c = 0; (c = std::fgetc(file_)) != EOF;) out += static_cast<char>(c);
    return out;
  }

 private:
  void restore() {
    if (kept_ < 0) return;
    ::dup2(kept_, 2);
    ::close(kept_);
    kept_ = -1;
  }
  std::FILE* file_;
  int kept_;
};

}  // namespace understudy::test
