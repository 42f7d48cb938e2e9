// An order between threads that only a library knows of. Answers: how does a thread sanitizer learn
// that this came before that?
#pragma once

#if defined(__SANITIZE_THREAD__)
extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}
#endif

namespace attune {

// Stands at a place where a library that the sanitizer does not watch (oneTBB) passes work on: what
// happened before give() happened before what follows a later take(). It orders nothing by itself,
// and is nothing at all in other builds. Threads: from any.
class HandOver {
 public:
  void give() {
#if defined(__SANITIZE_THREAD__)
    __tsan_release(this);
#endif
  }
  void take() {
#if defined(__SANITIZE_THREAD__)
    __tsan_acquire(this);
#endif
  }

 private:
  [[maybe_unused]] char address_ = 0;
};

}  // namespace attune
