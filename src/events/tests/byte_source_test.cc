#include <zlib.h>
#include <zstd.h>

#include <random>

#include "attune/base/text.h"
#include "reading.h"
#include "text_decoder.h"

namespace attune::events {
namespace {

std::string gzip(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  return packed;
}

std::string zstd(std::string_view text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}

struct Whole {
  std::string text;
  std::string failure;
};

Whole read_all(std::string bytes, const ByteSourceOptions& options = {}, std::size_t step = 1000) {
  Whole whole;
  auto source = ByteSource::from_memory("orders.csv.gz", std::move(bytes), options);
  if (!source) return {"", source.error().message};
  std::string block(step, '\0');
  while (true) {
    const auto got = (*source)->read(block);
    if (!got) whole.failure = got.error().message;
    if (!got || *got == 0) break;
    whole.text.append(block, 0, *got);
  }
  return whole;
}

std::string long_text() {
  std::mt19937 random(7);
  std::string text;
  while (text.size() < 3'000'000) text += std::to_string(random()) + ",中文 é\n";
  return text;
}

TEST(ByteSource, UnpacksGzipAndZstdAlsoOfSeveralParts) {
  const std::string text = long_text();
  EXPECT_EQ(read_all(text).text, text);
  EXPECT_EQ(read_all(gzip(text)).text, text);
  EXPECT_EQ(read_all(zstd(text)).text, text);
  EXPECT_EQ(read_all(gzip("a,b\n") + gzip("1,2\n")).text, "a,b\n1,2\n");
  EXPECT_EQ(read_all(zstd("a,b\n") + zstd("1,2\n")).text, "a,b\n1,2\n");
  EXPECT_EQ(read_all(gzip("a,b\n") + std::string(512, '\0')).failure, "");
}

TEST(ByteSource, SaysThatPackedDataWereCutShort) {
  const std::string text = long_text();
  for (const std::string& packed : {gzip(text), zstd(text)}) {
    for (const std::size_t size :
         {packed.size() - 3, packed.size() / 2, std::size_t{1'500'000 / 4}}) {
      const Whole whole = read_all(packed.substr(0, size));
      EXPECT_NE(whole.failure.find("orders.csv.gz"), std::string::npos) << whole.failure;
      EXPECT_NE(whole.failure.find("fetch it again"), std::string::npos) << whole.failure;
    }
  }
}

TEST(ByteSource, SaysThatPackedDataAreBroken) {
  std::string packed = gzip(long_text());
  for (std::size_t i = 100'000; i < 100'100; ++i) packed[i] = '\x55';
  EXPECT_NE(read_all(packed).failure.find("broken near byte"), std::string::npos);
}

TEST(ByteSource, NamesFoldersEmptyAndAbsentFiles) {
  EXPECT_NE(ByteSource::open(testing::TempDir()).error().message.find("is a folder"),
            std::string::npos);
  EXPECT_EQ(ByteSource::open("/nowhere/x.csv").error().code, ErrorCode::not_found);
  const auto empty = ByteSource::open(temporary_file("empty.csv", ""));
  EXPECT_NE(empty.error().message.find("is empty"), std::string::npos);
  EXPECT_NE(read_all(gzip("")).failure.find("is empty"), std::string::npos);
}

struct EncodingCase {
  const char* what;
  std::string bytes;
  Encoding encoding;
  std::string text;
};
class ByteSourceEncoding : public testing::TestWithParam<EncodingCase> {};

TEST_P(ByteSourceEncoding, IsGuessedAndConverted) {
  const EncodingCase& c = GetParam();
  const auto source = ByteSource::from_memory("x.csv", c.bytes);
  ASSERT_TRUE(source.has_value());
  EXPECT_EQ((*source)->encoding(), c.encoding) << name((*source)->encoding());
  EXPECT_EQ(read_all(c.bytes).text, c.text);
}

INSTANTIATE_TEST_SUITE_P(
    All, ByteSourceEncoding,
    testing::Values(
        EncodingCase{"ascii", "a,b\n", Encoding::utf8, "a,b\n"},
        EncodingCase{"utf8", "姓名,é\n", Encoding::utf8, "姓名,é\n"},
        EncodingCase{"utf8 with mark", "\xEF\xBB\xBFid\n", Encoding::utf8, "id\n"},
        EncodingCase{"utf16le", std::string("\xFF\xFEi\0d\0\n\0\x2D\x4E", 10), Encoding::utf16_le,
                     "id\n中"},
        EncodingCase{"utf16be", std::string("\xFE\xFF\0i\0d\0\n\x4E\x2D", 10), Encoding::utf16_be,
                     "id\n中"},
        EncodingCase{"gb18030", "\xBF\xCD\xBB\xA7,\xCA\xB1\xBC\xE4\n\xD5\xC5\xC8\xFD,1\n",
                     Encoding::gb18030, "客户,时间\n张三,1\n"},
        EncodingCase{"latin1", "1,Caf\xE9 au lait\n2,Na\xEFve\n", Encoding::windows_1252,
                     "1,Café au lait\n2,Naïve\n"},
        EncodingCase{"windows", "1,\x80 5 \x93x\x94\n", Encoding::windows_1252, "1,€ 5 “x”\n"}));

TEST(ByteSource, StaysUtf8WhenAFewBytesOfManyAreBroken) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "客户" + std::to_string(i) + ",x\n";
  text += "bad\xFFrow,x\n";
  EXPECT_EQ((*ByteSource::from_memory("x", text))->encoding(), Encoding::utf8);
}

TEST(ByteSource, TakesTheEncodingThatIsStated) {
  EXPECT_EQ(read_all("\xBF\xCD", {Encoding::windows_1252}).text, "¿Í");
  EXPECT_EQ(read_all(std::string("i\0d\0", 4), {Encoding::utf16_le}).text, "id");
  EXPECT_EQ(parse_encoding("GBK").value(), Encoding::gb18030);
  EXPECT_NE(parse_encoding("latin-2").error().message.find("did you mean 'latin-1'"),
            std::string::npos);
}

TEST(ByteSource, FindsTheOrderOfUtf16) {
  const std::string little("i\0d\0\n\0", 6);
  const std::string big("\0i\0d\0\n", 6);
  for (const Encoding stated : {Encoding::utf16_le, Encoding::utf16_be}) {
    EXPECT_EQ(read_all(little, {stated}).text, "id\n");
    EXPECT_EQ(read_all(big, {stated}).text, "id\n");
    EXPECT_EQ(read_all("\xFF\xFE" + little, {stated}).text, "id\n");
    EXPECT_EQ(read_all("\xFE\xFF" + big, {stated}).text, "id\n");
  }
}

TEST(ByteSource, SaysThatAnEncodingWasStatedWrongly) {
  const auto source = ByteSource::from_memory("x.csv", "id,time\n", {Encoding::utf16_le});
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().message,
            "x.csv is not in UTF-16, as --encoding says, but seems to be in UTF-8; leave "
            "--encoding out, or say --encoding UTF-8");
}

TEST(ByteSource, SaysWhatAFileIsThatIsNoText) {
  const auto refusal = [](const std::string& bytes) {
    const auto source = ByteSource::from_memory("x.xlsx", bytes);
    return source ? std::string("read") : source.error().message;
  };
  EXPECT_EQ(refusal(std::string("PK\x03\x04\x14\0\x06\0", 8)),
            "x.xlsx is an Excel workbook (.xlsx) or another zip archive; save its table as CSV in "
            "UTF-8 and import that file");
  EXPECT_NE(refusal("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1").find("(.xls); save"), std::string::npos);
  std::string records;
  for (int i = 0; i < 100; ++i) records += std::string("ab\x01\0\0\x02\x03\0", 8);
  EXPECT_NE(refusal(records).find("300 of its first 800 bytes are NUL; save"), std::string::npos)
      << refusal(records);
  EXPECT_EQ(refusal("PAR1" + records), "read");
  EXPECT_EQ(refusal(std::string("id,time\n1,20\0", 13) + "24-05-01\n"), "read");
}

TEST(TextDecoder, DecodesTheSameWhereverTheBytesAreCut) {
  const std::string bytes =
      "\xBF\xCD\xBB\xA7,\x81\x30\x81\x30,\xC8\xFD"
      "a\xFF"
      "b";
  auto whole = TextDecoder::create(Encoding::gb18030).value();
  std::string expected;
  ASSERT_TRUE(whole->decode(bytes, true, expected));
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    auto decoder = TextDecoder::create(Encoding::gb18030).value();
    std::string text;
    ASSERT_TRUE(decoder->decode(std::string_view(bytes).substr(0, cut), false, text));
    ASSERT_TRUE(decoder->decode(std::string_view(bytes).substr(cut), true, text));
    EXPECT_EQ(text, expected) << cut;
    EXPECT_FALSE(first_invalid_utf8(text));
  }
}

}  // namespace
}  // namespace attune::events
