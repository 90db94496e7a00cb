// Connections that the loop makes itself: told once how they went, and connections like others from then on.

#include <doctest/doctest.h>
#include <errno.h>

#include <string>

#include "host.h"
#include "loop.h"
#include "loopback.h"
#include "scarcity.h"

namespace evio {
namespace {

bool Tells(Host* host, Token token, const std::string& expected) {
  return host->Until([&] { return host->of(token).text == expected; });
}

// Where nobody listens: the socket is bound, and not listening.
class Nowhere {
 public:
  Nowhere() {
    const SocketAddress any = LoopbackAddress();
    fd_ = Fd(socket(AF_INET, SOCK_STREAM, 0));
    REQUIRE(bind(fd_.get(), any.get(), any.length) == 0);
  }
  SocketAddress address() const { return LocalAddress(fd_.get()); }

 private:
  Fd fd_;
};

}  // namespace

TEST_CASE("dialing: a connection is told once, with both its ends, and then carries bytes both ways") {
  Host host;
  host.Listen();
  const Token token = host.Connect(host.address());
  CHECK(host.of(token).text.empty());
  host.Flush();
  const Token accepted = host.Accept();
  REQUIRE(Tells(&host, token, "connected"));
  CHECK(host.of(token).remote.port == PortOf(host.address()));
  CHECK(host.of(token).local.port == host.of(accepted).remote.port);
  host.Read(token);
  host.Read(accepted);
  host.Write(token, "question");
  host.Write(accepted, "answer");
  CHECK(host.Until([&] { return host.of(accepted).data == "question" && host.of(token).data == "answer"; }));
  CHECK(host.of(token).text == "connected data");
}

TEST_CASE("dialing: where nobody listens fails with connect ECONNREFUSED, once") {
  const Nowhere nowhere;
  Host host;
  const Token token = host.Connect(nowhere.address());
  host.Flush();
  REQUIRE(Tells(&host, token, "failed"));
  CHECK(host.of(token).failed == ECONNREFUSED);
  CHECK(host.of(token).failed_call == Call::kConnect);
  CHECK(host.Rests());
}

TEST_CASE("dialing: what fails at once is told no sooner than by the next Collect()") {
  const SocketFolder folder;
  Host host;
  const Token token = host.Connect(folder.AddressOf("nobody"));
  CHECK(host.of(token).text.empty());
  CHECK(host.loop().HasReports());
  host.Flush();
  CHECK(host.of(token).text == "failed");
  CHECK(host.of(token).failed == ENOENT);
  CHECK(host.of(token).failed_call == Call::kConnect);
}

TEST_CASE("dialing: without a descriptor fails with socket EMFILE") {
  Host host;
  host.Listen();
  Token token;
  {
    const NoDescriptors none;
    token = host.Connect(host.address());
    host.Flush();
  }
  CHECK(host.of(token).failed == EMFILE);
  CHECK(host.of(token).failed_call == Call::kSocket);
}

TEST_CASE("dialing: from an address that is not here fails with connect EADDRNOTAVAIL") {
  Host host;
  host.Listen();
  SocketAddress elsewhere;
  REQUIRE(ParseAddress(Family::kIPv4, "192.0.2.1", 0, &elsewhere).ok());
  const Token token = host.Connect(host.address(), &elsewhere);
  host.Flush();
  CHECK(host.of(token).failed == EADDRNOTAVAIL);
  CHECK(host.of(token).failed_call == Call::kConnect);
}

TEST_CASE("dialing: from a given address comes from there") {
  Host host;
  host.Listen();
  const SocketAddress here = LoopbackAddress();
  const Token token = host.Connect(host.address(), &here);
  host.Flush();
  REQUIRE(Tells(&host, token, "connected"));
  CHECK(host.of(token).local.port != 0);
}

TEST_CASE("dialing: a close before it is connected is the end of it") {
  Host host;
  host.Listen();
  const Token token = host.Connect(host.address());
  host.Close(token);
  host.Flush();
  CHECK(host.Rests());
}

TEST_CASE("dialing: a reset by the other side right after it was accepted is told behind `connected`") {
  Host host;
  host.Listen();
  const Token token = host.Connect(host.address());
  host.Flush();
  const Token accepted = host.Accept();
  host.Reset(accepted);
  host.Flush();
  REQUIRE(host.Until([&] { return host.of(token).text.find("failed") != std::string::npos; }));
  // The kernel may have told both at once, and then the connection never was.
  const bool told = host.of(token).text == "connected failed" || host.of(token).text == "failed";
  CHECK(told);
  CHECK(host.of(token).failed == ECONNRESET);
}

TEST_CASE("dialing: a unix socket is told in the next batch") {
  const SocketFolder folder;
  Host host;
  host.Listen(folder.AddressOf("socket"));
  const Token token = host.Connect(host.address());
  host.Flush();
  REQUIRE(Tells(&host, token, "connected"));
  CHECK(host.of(token).remote.family == 1);
}

TEST_CASE("dialing: many at a time are each told once") {
  Host host;
  host.Listen();
  std::vector<Token> tokens;
  for (int i = 0; i < 200; i++) tokens.push_back(host.Connect(host.address()));
  host.Flush();
  CHECK(host.Until([&] {
    for (const Token token : tokens) {
      if (host.of(token).text != "connected") return false;
    }
    return host.accepted().size() == tokens.size();
  }));
}

}  // namespace evio
