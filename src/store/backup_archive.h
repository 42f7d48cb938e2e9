// One file that holds many, checked block by block. The layout is told in README.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/base/hash.h"
#include "attune/store/backup.h"

struct ZSTD_CCtx_s;

namespace attune::store {

// Writes `path` anew. Without finish the file is of no use; who made it removes it.
class ArchiveWriter {
 public:
  static Result<ArchiveWriter> create(const std::filesystem::path& path, bool secret);

  ArchiveWriter(ArchiveWriter&&) noexcept;
  ArchiveWriter& operator=(ArchiveWriter&&) = delete;
  ~ArchiveWriter();

  // Adds the bytes of `source` under `name`. `tell` hears of each block's size and may stop the
  // work.
  using Tell = std::function<Status(std::uint64_t)>;
  Status add(std::string_view name, const std::filesystem::path& source, const Tell& tell);

  // Writes the end and syncs the file.
  Status finish(Timestamp made_at, bool has_keys);

  const std::vector<BackupMember>& members() const { return members_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  ArchiveWriter(std::filesystem::path path, int file);
  Status write(std::string_view bytes);
  Status add_block(std::string_view raw, Hash128& chain);

  std::filesystem::path path_;
  int file_;
  std::unique_ptr<ZSTD_CCtx_s, std::size_t (*)(ZSTD_CCtx_s*)> compressor_;
  std::string packed_;
  std::vector<BackupMember> members_;
  Hash128 all_;  // chain over names, sizes and sums of all members
  std::uint64_t bytes_ = 0;
};

// Who receives what an archive holds, in its order. Any error ends the reading and is returned.
class ArchiveVisitor {
 public:
  virtual ~ArchiveVisitor() = default;
  virtual Status begin(std::string_view name) = 0;
  virtual Status block(std::string_view bytes) = 0;
  virtual Status end() = 0;  // the member's sum is right
};

// Reads the whole file and checks every sum. Errors: see verify_backup.
Result<BackupContents> read_archive(const std::filesystem::path& path, ArchiveVisitor& visitor);

}  // namespace attune::store
