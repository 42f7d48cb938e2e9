// HTTPS, with a certificate that OpenSSL makes here and a client of OpenSSL's own.
#include <gmock/gmock.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>

#include "attune/http/server.h"
#include "client.h"

namespace attune::http {
namespace {

using testing::HasSubstr;

template <auto function>
struct Free {
  template <class T>
  void operator()(T* object) const {
    function(object);
  }
};
template <class T, auto function>
using Owned = std::unique_ptr<T, Free<function>>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;

// A certificate for "localhost" that signs itself, and its key, as two PEM files.
void write_certificate(const std::filesystem::path& certificate, const std::filesystem::path& key) {
  const Key pair(EVP_EC_gen("P-256"));
  const Owned<X509, X509_free> made(X509_new());
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  X509_set_pubkey(made.get(), pair.get());
  X509_NAME* subject = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(made.get(), subject);
  X509_sign(made.get(), pair.get(), EVP_sha256());
  const Owned<FILE, std::fclose> one(std::fopen(certificate.c_str(), "w"));
  const Owned<FILE, std::fclose> two(std::fopen(key.c_str(), "w"));
  PEM_write_X509(one.get(), made.get());
  PEM_write_PrivateKey(two.get(), pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
}

class TlsClient {
 public:
  TlsClient(std::uint16_t port, int version)
      : wire_(port),
        context_(SSL_CTX_new(TLS_client_method())),
        session_((SSL_CTX_set_max_proto_version(context_.get(), version),
                  SSL_CTX_set_min_proto_version(context_.get(), version),
                  SSL_CTX_set_security_level(context_.get(), 0), SSL_new(context_.get()))) {
    SSL_set_fd(session_.get(), wire_.handle());
    connected_ = SSL_connect(session_.get()) == 1;
  }

  bool connected() const { return connected_; }

  // What comes back up to the end of the connection.
  std::string ask(std::string_view bytes) {
    SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size()));
    std::string out;
    char part[16 << 10];
    int count = 0;
    while ((count = SSL_read(session_.get(), part, sizeof part)) > 0) {
      out.append(part, static_cast<std::size_t>(count));
    }
    ended_well_ = SSL_get_error(session_.get(), count) == SSL_ERROR_ZERO_RETURN;
    return out;
  }
  bool ended_well() const { return ended_well_; }

 private:
  Client wire_;
  Owned<SSL_CTX, SSL_CTX_free> context_;
  Owned<SSL, SSL_free> session_;
  bool connected_ = false;
  bool ended_well_ = false;
};

class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL's client writes without MSG_NOSIGNAL
    std::filesystem::create_directories(folder_);
    options_.tls_certificate = folder_ / "certificate.pem";
    options_.tls_key = folder_ / "key.pem";
    write_certificate(options_.tls_certificate, options_.tls_key);
  }
  ~TlsTest() override { std::filesystem::remove_all(folder_); }

  Result<Server> start() {
    return Server::start(
        [](const std::shared_ptr<Request>& request, const Respond& respond) {
          respond({200, "text/plain", request->path + std::string(200'000, 'x'), {}});
        },
        options_);
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("http-tls-" + std::to_string(getpid()));
  ServerOptions options_;
};

TEST_F(TlsTest, ServesSeveralRequestsAndEndsTheStream) {
  auto server = start();
  ASSERT_TRUE(server) << to_string(server.error());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(server->port(), version);
    ASSERT_TRUE(client.connected());
    const std::string all = client.ask(get("/a") + get("/b", "Connection: close\r\n"));
    EXPECT_THAT(all, HasSubstr("\r\n\r\n/ax"));
    EXPECT_THAT(all, HasSubstr("\r\n\r\n/bx"));
    EXPECT_GT(all.size(), 400'000u);
    EXPECT_TRUE(client.ended_well());
  }
}

TEST_F(TlsTest, RefusesOldVersionsAndMalformedRequests) {
  auto server = start();
  ASSERT_TRUE(server) << to_string(server.error());
  EXPECT_FALSE(TlsClient(server->port(), TLS1_1_VERSION).connected());
  TlsClient malformed(server->port(), TLS1_3_VERSION);
  EXPECT_THAT(malformed.ask("nonsense\r\n\r\n"), HasSubstr("HTTP/1.1 400"));
}

TEST_F(TlsTest, ClosesOnPlainTextAndSlowHandshakes) {
  options_.header_seconds = 1;
  auto server = start();
  ASSERT_TRUE(server) << to_string(server.error());
  Client silent(server->port());
  Client plain(server->port());
  EXPECT_EQ(plain.ask(get("/")).status, 0);
  EXPECT_TRUE(silent.ended());
}

TEST_F(TlsTest, NamesTheFileThatIsWrong) {
  std::ofstream(options_.tls_key) << "no key";
  EXPECT_THAT(start().error().message, HasSubstr("key.pem"));
  write_certificate(folder_ / "another.pem", options_.tls_key);
  EXPECT_THAT(start().error().message, HasSubstr("key.pem"));
  options_.tls_certificate = folder_ / "absent.pem";
  EXPECT_THAT(start().error().message, HasSubstr("absent.pem"));
  options_.tls_certificate.clear();
  EXPECT_THAT(start().error().message, HasSubstr("tls_certificate"));
}

}  // namespace
}  // namespace attune::http
