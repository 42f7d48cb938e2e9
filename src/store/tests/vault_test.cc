#include "attune/store/vault.h"

#include <set>
#include <thread>

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "attune/base/files.h"
#include "attune/store/state.h"
#include "temp_folder.h"

namespace attune::store {
namespace {

using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

std::vector<CustomerNumber> numbers(std::int64_t from, std::int64_t to) {
  std::vector<CustomerNumber> all;
  for (std::int64_t i = from; i <= to; ++i) all.push_back(CustomerNumber{i});
  return all;
}

TEST(Vault, LetsGoOfNumbersThatAnOlderJournalGivesAgain) {
  TempFolder temp;
  Vault vault = must(Vault::open(temp.path()));
  must(vault.create_keys(numbers(1, 9)));
  const std::string sealed = must(vault.seal(CustomerNumber{5}, "email", "ada@example.org"));
  must(vault.destroy(CustomerNumber{2}));
  must(vault.destroy(CustomerNumber{7}));
  must(vault.end_at(CustomerNumber{5}));
  EXPECT_EQ(must(vault.open(CustomerNumber{5}, "email", sealed)), "ada@example.org");
  EXPECT_TRUE(must(vault.is_destroyed(CustomerNumber{2})));
  EXPECT_FALSE(must(vault.is_destroyed(CustomerNumber{7})));
  EXPECT_EQ(code_of(vault.seal(CustomerNumber{8}, "email", "x")), ErrorCode::not_found);
  must(vault.create_keys(numbers(6, 9)));
  must(vault.seal(CustomerNumber{7}, "email", "x"));
}

TEST(Vault, OpensWhatItSealedAlsoAfterReopening) {
  const TempFolder temp;
  std::string sealed, id;
  {
    Vault vault = must(Vault::open(temp.path()));
    must(vault.create_keys(numbers(1, 2)));
    sealed = must(vault.seal(CustomerNumber{1}, "email", "ada@example.org"));
    EXPECT_EQ(sealed.size(), 15u + 41u);
    EXPECT_THAT(sealed, Not(HasSubstr("ada")));
    EXPECT_NE(sealed, must(vault.seal(CustomerNumber{1}, "email", "ada@example.org")));
    EXPECT_EQ(must(vault.open(CustomerNumber{1}, "email", sealed)), "ada@example.org");
    EXPECT_EQ(
        must(vault.open(CustomerNumber{2}, "x", must(vault.seal(CustomerNumber{2}, "x", "")))), "");
    id = vault.key_id();
  }
  Vault vault = must(Vault::open(temp.path(), {.key_id = id}));
  EXPECT_EQ(vault.key_id(), id);
  EXPECT_EQ(must(vault.open(CustomerNumber{1}, "email", sealed)), "ada@example.org");
}

TEST(Vault, RefusesAnotherCustomerFieldFolderOrAnyChangedByte) {
  const TempFolder temp, other;
  Vault vault = must(Vault::open(temp.path()));
  must(vault.create_keys(numbers(1, 2)));
  const std::string sealed = must(vault.seal(CustomerNumber{1}, "email", "ada"));
  EXPECT_EQ(code_of(vault.open(CustomerNumber{2}, "email", sealed)), ErrorCode::data_corruption);
  EXPECT_EQ(code_of(vault.open(CustomerNumber{1}, "phone", sealed)), ErrorCode::data_corruption);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string altered = sealed;
    altered[i] ^= 1;
    EXPECT_EQ(code_of(vault.open(CustomerNumber{1}, "email", altered)), ErrorCode::data_corruption);
    EXPECT_EQ(code_of(vault.open(CustomerNumber{1}, "email", sealed.substr(0, i))),
              ErrorCode::data_corruption);
  }
  Vault stranger = must(Vault::open(other.path()));
  must(stranger.create_keys(numbers(1, 1)));
  EXPECT_EQ(code_of(stranger.open(CustomerNumber{1}, "email", sealed)), ErrorCode::data_corruption);
}

TEST(Vault, KeepsKeysThatAreThereAndSaysWhichAreNot) {
  const TempFolder temp;
  Vault vault = must(Vault::open(temp.path()));
  EXPECT_EQ(code_of(vault.seal(CustomerNumber{1}, "f", "x")), ErrorCode::not_found);
  must(vault.create_keys(numbers(1, 3)));
  const std::string sealed = must(vault.seal(CustomerNumber{1}, "f", "x"));
  must(vault.create_keys(numbers(1, 5)));
  EXPECT_EQ(must(vault.open(CustomerNumber{1}, "f", sealed)), "x");
}

TEST(Vault, WarmsTheKeysThatAreThere) {
  const TempFolder temp;
  Vault vault = must(Vault::open(temp.path()));
  must(vault.create_keys(numbers(10, 50)));
  const std::string sealed = must(vault.seal(CustomerNumber{20}, "f", "x"));
  must(vault.destroy(CustomerNumber{30}));
  must(vault.warm({}));
  must(vault.warm(numbers(5, 60)));
  EXPECT_EQ(must(vault.open(CustomerNumber{20}, "f", sealed)), "x");
  EXPECT_EQ(code_of(vault.open(CustomerNumber{30}, "f", sealed)), ErrorCode::failed_precondition);
  EXPECT_EQ(code_of(vault.open(CustomerNumber{70}, "f", sealed)), ErrorCode::not_found);
}

// Of customers near and far apart, of whom some have no key.
TEST(Vault, OpensAfterWarmingWhoeverIsAskedFor) {
  const TempFolder temp;
  std::vector<CustomerNumber> asked;
  for (const std::int64_t i : {1, 2, 17, 18, 35, 36, 400, 401, 977, 5'000}) asked.push_back({i});
  std::vector<std::string> sealed;
  {
    Vault vault = must(Vault::open(temp.path()));
    must(vault.create_keys(numbers(1, 1'000)));
    for (const CustomerNumber one : asked)
      sealed.push_back(one.value <= 1'000 ? must(vault.seal(one, "f", "x")) : "");
  }
  Vault vault = must(Vault::open(temp.path()));
  must(vault.warm(asked));
  for (std::size_t i = 0; i + 1 < asked.size(); ++i)
    EXPECT_EQ(must(vault.open(asked[i], "f", sealed[i])), "x");
  EXPECT_EQ(code_of(vault.open(asked.back(), "f", sealed[0])), ErrorCode::not_found);
}

TEST(Vault, ForgetsForGood) {
  const TempFolder temp;
  std::string sealed;
  {
    Vault vault = must(Vault::open(temp.path()));
    must(vault.create_keys(numbers(1, 1000)));
    sealed = must(vault.seal(CustomerNumber{500}, "f", "x"));
    must(vault.destroy(CustomerNumber{500}));
    must(vault.destroy(CustomerNumber{500}));
    must(vault.destroy(CustomerNumber{2000}));  // had no key
    EXPECT_TRUE(must(vault.is_destroyed(CustomerNumber{500})));
    EXPECT_TRUE(must(vault.is_destroyed(CustomerNumber{2000})));
    EXPECT_FALSE(must(vault.is_destroyed(CustomerNumber{501})));
    EXPECT_FALSE(must(vault.is_destroyed(CustomerNumber{3000})));
    EXPECT_EQ(code_of(vault.open(CustomerNumber{500}, "f", sealed)),
              ErrorCode::failed_precondition);
    const auto again = numbers(499, 1100);
    EXPECT_EQ(code_of(vault.create_keys(again)), ErrorCode::failed_precondition);
    EXPECT_EQ(code_of(vault.seal(CustomerNumber{1050}, "f", "x")), ErrorCode::not_found);
  }
  Vault vault = must(Vault::open(temp.path()));
  EXPECT_EQ(code_of(vault.open(CustomerNumber{500}, "f", sealed)), ErrorCode::failed_precondition);
}

// The destroyed key's bytes are in none of the files, its log included, while the vault is open.
TEST(Vault, OverwritesTheKeysBytesInItsFiles) {
  const TempFolder temp;
  Vault vault = must(Vault::open(temp.path()));
  must(vault.create_keys(numbers(1, 100)));
  std::string key;
  {
    State spy = must(State::open(temp / "customers.sqlite"));
    Statement row = must(spy.prepare("SELECT key FROM keys WHERE customer = 50"));
    ASSERT_TRUE(must(row.step()));
    key = row.blob(0);
  }
  ASSERT_EQ(key.size(), 32u);
  const auto in_files = [&] {
    int found = 0;
    for (const char* name : {"customers.sqlite", "customers.sqlite-wal"}) {
      if (!fs::exists(temp / name)) continue;
      found += must(read_file(temp / name)).find(key) != std::string::npos;
    }
    return found;
  };
  EXPECT_GT(in_files(), 0);
  must(vault.destroy(CustomerNumber{50}));
  EXPECT_EQ(in_files(), 0);
}

TEST(Vault, HashesTheSameWithinADomainOnly) {
  const TempFolder temp, other;
  const Vault vault = must(Vault::open(temp.path()));
  const Vault stranger = must(Vault::open(other.path()));
  EXPECT_EQ(vault.keyed_hash("email", "ada"), vault.keyed_hash("email", "ada"));
  EXPECT_NE(vault.keyed_hash("email", "ada"), vault.keyed_hash("phone", "ada"));
  EXPECT_NE(vault.keyed_hash("email", "ada"), vault.keyed_hash("emaila", "da"));
  EXPECT_NE(vault.keyed_hash("email", "ada"), stranger.keyed_hash("email", "ada"));
}

TEST(Vault, KeepsItsFilesToTheOwner) {
  const TempFolder temp;
  {
    must(must(Vault::open(temp.path())).create_keys(numbers(1, 1)));
  }
  for (const char* name : {"master.key", "customers.sqlite"}) {
    struct stat facts{};
    ASSERT_EQ(::stat((temp / name).c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600u) << name;
  }
  ASSERT_EQ(::chmod((temp / "master.key").c_str(), 0644), 0);
  const auto refused = Vault::open(temp.path());
  EXPECT_EQ(code_of(refused), ErrorCode::permission_denied);
  EXPECT_THAT(message_of(refused), HasSubstr("chmod 600"));
}

TEST(Vault, ServesManyThreads) {
  const TempFolder temp;
  Vault vault = must(Vault::open(temp.path()));
  must(vault.create_keys(numbers(1, 100)));
  std::vector<std::thread> pool;
  for (int t = 0; t < 4; ++t) {
    pool.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const CustomerNumber customer{1 + (i * 7 + t) % 100};
        const std::string sealed = must(vault.seal(customer, "f", std::to_string(i)));
        EXPECT_EQ(must(vault.open(customer, "f", sealed)), std::to_string(i));
      }
    });
  }
  for (std::thread& thread : pool) thread.join();
}

TEST(VaultFault, SaysWhatIsMissingOrDoesNotBelongTogether) {
  const TempFolder temp, other;
  EXPECT_EQ(code_of(Vault::open(temp.path(), {.create = false})), ErrorCode::not_found);
  EXPECT_EQ(code_of(Vault::open(temp.path(), {.key_id = "0123456789abcdef"})),
            ErrorCode::failed_precondition);
  EXPECT_FALSE(fs::exists(temp / "master.key"));
  std::string id;
  {
    id = must(Vault::open(temp.path())).key_id();
  }
  {
    must(Vault::open(other.path()));
  }
  EXPECT_EQ(code_of(Vault::open(other.path(), {.key_id = id})), ErrorCode::failed_precondition);
  // Files of two folders mixed.
  fs::copy_file(other / "master.key", temp / "master.key", fs::copy_options::overwrite_existing);
  EXPECT_EQ(code_of(Vault::open(temp.path())), ErrorCode::failed_precondition);
  fs::remove(temp / "master.key");
  const auto no_master = Vault::open(temp.path());
  EXPECT_EQ(code_of(no_master), ErrorCode::failed_precondition);
  EXPECT_THAT(message_of(no_master), HasSubstr("master.key is missing"));
  const std::string other_id = must(Vault::open(other.path())).key_id();
  fs::remove(other / "customers.sqlite");
  EXPECT_EQ(code_of(Vault::open(other.path(), {.key_id = other_id})),
            ErrorCode::failed_precondition);
}

TEST(VaultFault, FindsADamagedMasterFile) {
  const TempFolder temp;
  {
    must(Vault::open(temp.path()));
  }
  const std::string bytes = must(read_file(temp / "master.key"));
  for (const std::size_t at : {std::size_t{0}, std::size_t{40}, bytes.size() - 1}) {
    std::string altered = bytes;
    altered[at] ^= 1;
    must(write_file_durably(temp / "master.key", altered, true));
    EXPECT_FALSE(Vault::open(temp.path()).has_value()) << at;
  }
  must(write_file_durably(temp / "master.key", bytes.substr(0, 20), true));
  EXPECT_EQ(code_of(Vault::open(temp.path())), ErrorCode::data_corruption);
}

TEST(Vault, CopiesBothFilesUsably) {
  const TempFolder temp, copy;
  Vault vault = must(Vault::open(temp.path()));
  must(vault.create_keys(numbers(1, 3)));
  const std::string sealed = must(vault.seal(CustomerNumber{3}, "f", "x"));
  must(vault.copy_to(copy.path()));
  Vault other = must(Vault::open(copy.path(), {.create = false, .key_id = vault.key_id()}));
  EXPECT_EQ(must(other.open(CustomerNumber{3}, "f", sealed)), "x");
}

}  // namespace
}  // namespace attune::store
