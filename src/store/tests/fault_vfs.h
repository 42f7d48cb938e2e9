// A disk for SQLite that loses what was not synced, fills up, or lies. For tests.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace attune::store {

// Registered with SQLite under `name` while it lives, on top of the system's VFS. Files are real;
// syncs are only noted, which makes tests fast.
//
// Use: let a workload run with `crash_at` set; once it has failed and closed everything, call
// `lose_unsynced`, `revive`, and open again.
class FaultVfs {
 public:
  explicit FaultVfs(std::string name);
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;
  ~FaultVfs();

  const std::string& name() const { return name_; }

  // From this write, truncation or sync on (counted from 1 since the last revive), that one
  // included, every operation fails. 0: never.
  void set_crash_at(std::int64_t operation) { crash_at_ = operation; }
  // Files may grow by so many bytes together; then the disk is full. Negative: no limit.
  void set_bytes_left(std::int64_t bytes) { bytes_left_ = bytes; }
  // Syncs are answered and not done.
  void set_lies(bool lies) { lies_ = lies; }

  std::int64_t operations() const { return operations_; }
  bool crashed() const { return crashed_; }

  // Takes back every write since its file's last sync, save that each 512-byte sector of them stays
  // with the chance `kept`: disks write what they like in the order they like.
  void lose_unsynced(double kept, std::uint64_t seed);
  void revive();

  // Used by the functions that SQLite calls.
  struct Change {
    std::int64_t offset;
    std::string before;  // what the file held there; shorter at its end
    std::string after;   // what was written; empty for a truncation
    std::int64_t size_before;
  };
  bool step();  // false: the disk is dead
  bool grow(std::int64_t bytes);
  void note(const std::string& path, Change change);
  void synced(const std::string& path);

 private:
  std::string name_;
  std::mutex mutex_;
  std::map<std::string, std::vector<Change>> unsynced_;
  std::int64_t crash_at_ = 0;
  std::int64_t operations_ = 0;
  std::int64_t bytes_left_ = -1;
  bool crashed_ = false;
  bool lies_ = false;
  void* vfs_ = nullptr;
};

}  // namespace attune::store
