#include "fault_vfs.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <sqlite3.h>

namespace attune::store {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kSector = 512;

struct FaultFile {
  sqlite3_file base;
  FaultVfs* disk;
  std::string* path;  // null for temporary files, which no crash is about
  sqlite3_file* real;
};

FaultFile* self(sqlite3_file* file) { return reinterpret_cast<FaultFile*>(file); }
sqlite3_file* real(sqlite3_file* file) { return self(file)->real; }

std::int64_t size_of(sqlite3_file* file) {
  sqlite3_int64 size = 0;
  file->pMethods->xFileSize(file, &size);
  return size;
}

// The bytes that the file holds at `offset`, at most `count`.
std::string bytes_at(sqlite3_file* file, std::int64_t offset, std::int64_t count) {
  count = std::clamp<std::int64_t>(size_of(file) - offset, 0, count);
  std::string bytes(static_cast<std::size_t>(count), '\0');
  if (count > 0) file->pMethods->xRead(file, bytes.data(), static_cast<int>(count), offset);
  return bytes;
}

int close_file(sqlite3_file* file) {
  const int code = real(file)->pMethods->xClose(real(file));
  delete self(file)->path;
  return code;
}

int read_bytes(sqlite3_file* file, void* into, int count, sqlite3_int64 offset) {
  if (self(file)->disk->crashed()) return SQLITE_IOERR_READ;
  return real(file)->pMethods->xRead(real(file), into, count, offset);
}

int write_bytes(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  FaultFile* fault = self(file);
  if (!fault->disk->step()) return SQLITE_IOERR_WRITE;
  const std::int64_t size = size_of(fault->real);
  if (!fault->disk->grow(std::max<std::int64_t>(offset + count - size, 0))) return SQLITE_FULL;
  if (fault->path != nullptr) {
    fault->disk->note(
        *fault->path,
        {offset, bytes_at(fault->real, offset, count),
         std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(count)), size});
  }
  return fault->real->pMethods->xWrite(fault->real, bytes, count, offset);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  FaultFile* fault = self(file);
  if (!fault->disk->step()) return SQLITE_IOERR_TRUNCATE;
  const std::int64_t before = size_of(fault->real);
  if (fault->path != nullptr && size < before) {
    fault->disk->note(*fault->path, {size, bytes_at(fault->real, size, before - size), "", before});
  }
  return fault->real->pMethods->xTruncate(fault->real, size);
}

int sync_file(sqlite3_file* file, int) {
  FaultFile* fault = self(file);
  if (!fault->disk->step()) return SQLITE_IOERR_FSYNC;
  if (fault->path != nullptr) fault->disk->synced(*fault->path);
  return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int lock_file(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}
int unlock_file(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int check_lock(sqlite3_file* file, int* held) {
  return real(file)->pMethods->xCheckReservedLock(real(file), held);
}
int control_file(sqlite3_file* file, int what, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), what, argument);
}
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
// No promises: neither atomic sectors nor writes in order.
int characteristics(sqlite3_file*) { return 0; }
int map_shared(sqlite3_file* file, int page, int size, int extend, void volatile** into) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, into);
}
int lock_shared(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void barrier_shared(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int unmap_shared(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

constexpr sqlite3_io_methods kMethods = {2,
                                         close_file,
                                         read_bytes,
                                         write_bytes,
                                         truncate_file,
                                         sync_file,
                                         file_size,
                                         lock_file,
                                         unlock_file,
                                         check_lock,
                                         control_file,
                                         sector_size,
                                         characteristics,
                                         map_shared,
                                         lock_shared,
                                         barrier_shared,
                                         unmap_shared,
                                         nullptr,
                                         nullptr};

sqlite3_vfs* system_vfs() { return sqlite3_vfs_find("unix"); }

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
  auto* disk = static_cast<FaultVfs*>(vfs->pAppData);
  FaultFile* fault = self(file);
  fault->base.pMethods = nullptr;
  if (disk->crashed()) return SQLITE_IOERR;
  fault->disk = disk;
  fault->path = nullptr;
  fault->real = reinterpret_cast<sqlite3_file*>(fault + 1);
  sqlite3_vfs* system = system_vfs();
  const int code = system->xOpen(system, name, fault->real, flags, out);
  if (code != SQLITE_OK) {
    if (fault->real->pMethods != nullptr) fault->real->pMethods->xClose(fault->real);
    return code;
  }
  if (name != nullptr) fault->path = new std::string(name);
  fault->base.pMethods = &kMethods;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs* vfs, const char* name, int sync) {
  auto* disk = static_cast<FaultVfs*>(vfs->pAppData);
  if (!disk->step()) return SQLITE_IOERR_DELETE;
  disk->synced(name);  // nothing of it can come back in part
  sqlite3_vfs* system = system_vfs();
  return system->xDelete(system, name, sync);
}

}  // namespace

FaultVfs::FaultVfs(std::string name) : name_(std::move(name)) {
  auto* vfs = new sqlite3_vfs(*sqlite3_vfs_find("unix"));
  vfs->szOsFile += static_cast<int>(sizeof(FaultFile));
  vfs->zName = name_.c_str();
  vfs->pAppData = this;
  vfs->pNext = nullptr;
  vfs->xOpen = open_file;
  vfs->xDelete = delete_file;
  sqlite3_vfs_register(vfs, 0);
  vfs_ = vfs;
}

FaultVfs::~FaultVfs() {
  auto* vfs = static_cast<sqlite3_vfs*>(vfs_);
  sqlite3_vfs_unregister(vfs);
  delete vfs;
}

bool FaultVfs::step() {
  const std::scoped_lock lock(mutex_);
  ++operations_;
  if (crash_at_ > 0 && operations_ >= crash_at_) crashed_ = true;
  return !crashed_;
}

bool FaultVfs::grow(std::int64_t bytes) {
  const std::scoped_lock lock(mutex_);
  if (bytes_left_ < 0) return true;
  if (bytes > bytes_left_) return false;
  bytes_left_ -= bytes;
  return true;
}

void FaultVfs::note(const std::string& path, Change change) {
  const std::scoped_lock lock(mutex_);
  unsynced_[path].push_back(std::move(change));
}

void FaultVfs::synced(const std::string& path) {
  const std::scoped_lock lock(mutex_);
  if (!lies_) unsynced_.erase(path);
}

void FaultVfs::lose_unsynced(double kept, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (auto& [path, changes] : unsynced_) {
    if (changes.empty() || !fs::exists(path)) continue;
    std::string now(fs::file_size(path), '\0');
    std::ifstream(path, std::ios::binary)
        .read(now.data(), static_cast<std::streamsize>(now.size()));
    for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
      now.resize(
          static_cast<std::size_t>(std::max<std::int64_t>(change->size_before, change->offset)),
          '\0');
      now.replace(static_cast<std::size_t>(change->offset), change->before.size(), change->before);
      now.resize(static_cast<std::size_t>(change->size_before));
    }
    for (const Change& change : changes) {
      const auto end = change.offset + static_cast<std::int64_t>(change.after.size());
      for (std::int64_t at = change.offset; at < end;) {
        const std::int64_t next = std::min((at / kSector + 1) * kSector, end);
        if (std::uniform_real_distribution<>()(random) < kept) {
          if (static_cast<std::int64_t>(now.size()) < next)
            now.resize(static_cast<std::size_t>(next), '\0');
          std::memcpy(now.data() + at, change.after.data() + (at - change.offset),
                      static_cast<std::size_t>(next - at));
        }
        at = next;
      }
    }
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(now.data(), static_cast<std::streamsize>(now.size()));
    fs::remove(path.substr(0, path.rfind("-wal")) + "-shm");
  }
  unsynced_.clear();
}

void FaultVfs::revive() {
  crashed_ = false;
  crash_at_ = 0;
  operations_ = 0;
  bytes_left_ = -1;
}

}  // namespace attune::store
