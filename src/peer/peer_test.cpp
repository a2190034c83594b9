// The peer port over real TLS on loopback: who gets in, what an error means, how things end.
#include "peer/peer.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <set>
#include <thread>

#include "access/access.h"
#include "peer/raw_client_test.h"
#include "peer/raw_listener_test.h"
#include "world/real.h"

namespace weir::peer {
namespace {

class Peers : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/weir-peer-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    folder_ = path;
    // Each process takes a /24 of its own, so that tests of several checkouts can run at once.
    const auto pid = static_cast<unsigned>(::getpid());
    ip_ = "127." + std::to_string(64 + (pid >> 8) % 64) + "." + std::to_string(pid & 255) + ".1";
    ASSERT_TRUE(access::make_ca(*files_, folder_ + "/ca", "test", clock_->wall()));
    ASSERT_TRUE(access::make_ca(*files_, folder_ + "/strange-ca", "test", clock_->wall()));
    identity("a");
    identity("b");
    caller_ = make_caller(*clock_, identity("a"));
  }
  void TearDown() override {
    released_ = true;
    listener_.reset();
    caller_.reset();
    ASSERT_TRUE(files_->remove(folder_));
  }

  Identity identity(const std::string& name, const std::string& ca = "ca") {
    const std::string folder = folder_ + "/" + ca + "-" + name;
    EXPECT_TRUE(access::issue(*files_, folder_ + "/" + ca, folder, {name, {ip_}, 24h * 90},
                              clock_->wall(), *random_));
    return {name, folder + "/" + name + ".crt", folder + "/" + name + ".key", folder + "/ca.crt"};
  }

  void serve(Handler handler, int calls_max = 16, std::uint16_t port = 0) {
    auto listener = listen(ip_, port, identity("b"), std::move(handler), calls_max);
    ASSERT_TRUE(listener) << listener.error().what;
    listener_ = std::move(*listener);
  }
  void serve_echo(std::uint16_t port = 0) {
    serve(
        [](const Request& request) -> Result<Json> {
          return Json::object()
              .set("path", request.path)
              .set("from", request.from)
              .set("body", request.body);
        },
        16, port);
  }

  Address b() const { return {"b", ip_, listener_->port()}; }
  Result<Json> call(Caller& caller, const Address& to, const std::string& path = "/x",
                    Duration within = 5s) {
    return caller.call(to, path, Json::object().set("n", 7), clock_->within(within));
  }
  Result<Json> call(Duration within = 5s) { return call(*caller_, b(), "/x", within); }

  std::string folder_;
  std::string ip_;
  std::unique_ptr<Files> files_ = make_real_files();
  std::unique_ptr<Random> random_ = make_real_random();
  std::unique_ptr<Clock> clock_ = make_real_clock();
  std::unique_ptr<Caller> caller_;
  // What handlers touch lives longer than the listener whose threads they run on.
  std::atomic<int> handled_{0};
  std::atomic<int> running_{0};
  std::atomic<int> most_{0};
  std::atomic<bool> released_{false};
  std::unique_ptr<Listener> listener_;
};

TEST_F(Peers, ACallArrivesWithItsCallersName) {
  serve_echo();
  const auto answer = call();
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ((*answer)["from"].text(), "a");
  EXPECT_EQ((*answer)["path"].text(), "/x");
  EXPECT_EQ((*answer)["body"]["n"].integer(), 7);
}

TEST_F(Peers, AnErrorKeepsItsFailureAndItsWords) {
  for (const Failure failure :
       {Failure::conflict, Failure::held, Failure::refused, Failure::not_found, Failure::timed_out,
        Failure::outcome_unknown, Failure::unsupported, Failure::io, Failure::no_space}) {
    serve([failure](const Request&) -> Result<Json> {
      return fail(failure, "cannot do it: it is Monday", "weir wait");
    });
    const auto answer = call();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().failure, failure);
    EXPECT_EQ(answer.error().what, "cannot do it: it is Monday");
    EXPECT_EQ(answer.error().hint, "weir wait");
  }
}

TEST_F(Peers, ACallerOfAnotherCaIsDeniedAndNeverHandled) {
  serve([&](const Request&) -> Result<Json> { return Json(++handled_); });
  Identity stranger = identity("a", "strange-ca");
  stranger.ca = identity("a").ca;
  const auto caller = make_caller(*clock_, stranger);
  const auto answer = call(*caller, b());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::denied) << answer.error().what;
  EXPECT_EQ(handled_, 0);
}

TEST_F(Peers, AClientWithoutACertificateGetsNothing) {
  serve([&](const Request&) -> Result<Json> { return Json(++handled_); });
  const std::string post = "POST /x HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\n{}";
  EXPECT_EQ(RawClient(ip_, listener_->port(), nullptr).exchange(post), "");
  const Identity a = identity("a");
  EXPECT_EQ(RawClient(ip_, listener_->port(), &a).exchange(post).substr(0, 15), "HTTP/1.1 200 OK");
  EXPECT_EQ(handled_, 1);
}

TEST_F(Peers, AListenerOfAnotherNameOrCaIsNotTrusted) {
  serve([&](const Request&) -> Result<Json> { return Json(++handled_); });
  const auto wrong_name = call(*caller_, {"c", ip_, listener_->port()});
  ASSERT_FALSE(wrong_name);
  EXPECT_EQ(wrong_name.error().failure, Failure::denied) << wrong_name.error().what;
  const auto wrong_ca = make_caller(*clock_, identity("a", "strange-ca"));
  const auto answer = call(*wrong_ca, b());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::denied) << answer.error().what;
  EXPECT_EQ(handled_, 0);
}

TEST_F(Peers, AStrangerIsHeardByItsOwnHandlerAlone) {
  const Identity self = identity("b");
  auto listener = listen(
      ip_, 0, self, [&](const Request&) -> Result<Json> { return Json(++handled_); }, 16,
      [](const Request& request) -> Result<Json> {
        return Json::object().set("path", request.path).set("from", request.from);
      });
  ASSERT_TRUE(listener) << listener.error().what;
  listener_ = std::move(*listener);
  const auto verifying = make_stranger(*clock_, self.ca);
  const auto answer = call(*verifying, b(), "/join");
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ((*answer)["path"].text(), "/join");
  EXPECT_EQ((*answer)["from"].text("x"), "");
  EXPECT_EQ(handled_, 0);
  ASSERT_TRUE(call());
  EXPECT_EQ(handled_, 1) << "who has a certificate is no stranger";
  // A certificate of another CA is worse than none.
  Identity foreign = identity("a", "strange-ca");
  foreign.ca = self.ca;
  EXPECT_EQ(call(*make_caller(*clock_, foreign), b()).error().failure, Failure::denied);
  EXPECT_EQ(handled_, 1);
}

TEST_F(Peers, AStrangerBelievesNobodyOfAnotherCaUnlessItKnowsNone) {
  serve_echo();
  const auto wrong = make_stranger(*clock_, identity("a", "strange-ca").ca);
  EXPECT_EQ(call(*wrong, b()).error().failure, Failure::denied);
  // This listener admits no strangers, so even who believes anybody gets no answer.
  EXPECT_FALSE(call(*make_stranger(*clock_, {}), b()));
}

TEST_F(Peers, AStrangerMaySayLittle) {
  auto listener = listen(
      ip_, 0, identity("b"), [](const Request&) -> Result<Json> { return Json(1); }, 16,
      [&](const Request&) -> Result<Json> { return Json(++handled_); });
  ASSERT_TRUE(listener);
  listener_ = std::move(*listener);
  const auto stranger = make_stranger(*clock_, {});
  const Json large = Json::object().set("text", std::string(100u << 10, 'x'));
  EXPECT_EQ(stranger->call(b(), "/x", large, clock_->within(5s)).error().failure,
            Failure::bad_data);
  EXPECT_EQ(handled_, 0);
}

TEST_F(Peers, NobodyListensIsUnreachableAtOnce) {
  serve_echo();
  const Address gone = b();
  listener_.reset();
  const auto answer = call(*caller_, gone, "/x", 60s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::unreachable) << answer.error().what;
}

TEST_F(Peers, AnAnswerThatDoesNotComeIsOutcomeUnknownAtTheDeadline) {
  serve([&](const Request&) -> Result<Json> {
    while (!released_) clock_->sleep_for(5ms);
    return Json(1);
  });
  released_ = true;
  ASSERT_TRUE(call());  // so that a slow handshake does not take the time away
  released_ = false;
  const Instant before = clock_->now();
  const auto answer = call(500ms);
  EXPECT_GE(clock_->now() - before, 500ms);
  released_ = true;
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::outcome_unknown) << answer.error().what;
  const Address nowhere{"b", ip_, 1};
  EXPECT_EQ(call(*caller_, nowhere, "/x", -1ms).error().failure, Failure::timed_out);
}

TEST_F(Peers, ASilentPortIsTimedOutBecauseNothingWasSent) {
  const int silent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  ::inet_pton(AF_INET, ip_.c_str(), &here.sin_addr);
  ASSERT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&here), sizeof here), 0);
  ASSERT_EQ(::listen(silent, 8), 0);
  socklen_t size = sizeof here;
  ::getsockname(silent, reinterpret_cast<sockaddr*>(&here), &size);
  const auto answer = call(*caller_, {"b", ip_, ntohs(here.sin_port)}, "/x", 200ms);
  ::close(silent);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::timed_out) << answer.error().what;
}

TEST_F(Peers, AListenerThatEndsInTheMiddleIsOutcomeUnknown) {
  serve([&](const Request& request) -> Result<Json> {
    ++handled_;
    if (request.path == "/die") clock_->sleep_for(300ms);
    return Json(1);
  });
  ASSERT_TRUE(call());  // so that the fatal call goes over a reused connection
  const Address to = b();
  std::thread killer([&] {
    while (handled_ < 2) clock_->sleep_for(1ms);
    listener_.reset();
    serve_echo(to.port);
  });
  const auto answer = call(*caller_, to, "/die");
  killer.join();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::outcome_unknown) << answer.error().what;
  EXPECT_EQ(handled_, 2);
}

TEST_F(Peers, WhatMayHaveBeenHandledIsNotSentAgainByItself) {
  RawListener raw(ip_, identity("b"), 1);
  const Address to{"b", ip_, raw.port()};
  ASSERT_TRUE(call(*caller_, to));
  const auto answer = call(*caller_, to);  // over the same connection, read whole, not answered
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::outcome_unknown) << answer.error().what;
  EXPECT_EQ(raw.connections(), 1);
  EXPECT_EQ(raw.requests(), 2);
  EXPECT_TRUE(call(*caller_, to));  // the next call finds a fresh connection
  EXPECT_EQ(raw.connections(), 2);
  caller_.reset();
}

TEST_F(Peers, AConnectionIsKeptAndARestartedListenerIsReachedAgain) {
  serve_echo();
  const Address to = b();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5; ++i) {
      const auto answer = call(*caller_, to);
      ASSERT_TRUE(answer) << round << " " << answer.error().what;
    }
    listener_.reset();
    serve_echo(to.port);
  }
}

TEST_F(Peers, OneConnectionServesManyCalls) {
  serve_echo();
  // A connection that was made before the certificate was ruined serves on; a new one could not.
  Identity own = identity("a");
  const std::string copy = folder_ + "/copy.crt";
  ASSERT_TRUE(files_->write(copy, *files_->read(own.cert)));
  own.cert = copy;
  const auto caller = make_caller(*clock_, own);
  ASSERT_TRUE(call(*caller, b()));
  ASSERT_TRUE(files_->write(copy, "no certificate"));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(call(*caller, b()));
  const auto fresh = call(*make_caller(*clock_, own), b());
  ASSERT_FALSE(fresh);
  EXPECT_EQ(fresh.error().failure, Failure::denied) << fresh.error().what;
}

TEST_F(Peers, TwoHundredCallsAtOnceAreAllAnswered) {
  serve(
      [&](const Request& request) -> Result<Json> {
        const int now = ++running_;
        for (int seen = most_; now > seen && !most_.compare_exchange_weak(seen, now);) {
        }
        clock_->sleep_for(2ms);
        --running_;
        return request.body;
      },
      4);
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 200; ++i) {
    threads.emplace_back([&, i] {
      const auto answer = caller_->call(b(), "/x", Json(i), clock_->within(30s));
      if (answer && answer->integer(-1) == i) ++right;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 200);
  EXPECT_GT(most_, 1);
  EXPECT_LE(most_, 4);
}

TEST_F(Peers, ALargeBodyPassesAndATooLargeOneIsRefusedBeforeItIsHandled) {
  serve([&](const Request& request) -> Result<Json> {
    ++handled_;
    return request.body;
  });
  const std::string large(15u << 20, 'x');
  const auto echoed = caller_->call(b(), "/x", Json(large), clock_->within(120s));
  ASSERT_TRUE(echoed) << echoed.error().what;
  EXPECT_EQ(echoed->text().size(), large.size());
  const auto refused =
      caller_->call(b(), "/x", Json(std::string(17u << 20, 'x')), clock_->within(120s));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::bad_data) << refused.error().what;
  EXPECT_EQ(handled_, 1);
}

TEST_F(Peers, AnAnswerThatIsTooLargeIsBadData) {
  serve([](const Request&) -> Result<Json> { return Json(std::string(17u << 20, 'x')); });
  const auto answer = call(30s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::bad_data);
}

TEST_F(Peers, WhatIsNoRequestOfOursIsRefusedWithAReason) {
  serve([&](const Request&) -> Result<Json> { return Json(++handled_); });
  const Identity a = identity("a");
  const struct {
    const char* text;
    const char* status;
  } kRows[] = {
      {"GET /x HTTP/1.1\r\nHost: b\r\n\r\n", "HTTP/1.1 405"},
      {"nonsense\r\n\r\n", "HTTP/1.1 400"},
      {"POST /x HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\n{]}", "HTTP/1.1 400"},
      {"POST /x HTTP/1.1\r\nHost: b\r\nContent-Length: 99999999999\r\n\r\n{", "HTTP/1.1 413"},
  };
  for (const auto& row : kRows) {
    const std::string answer = RawClient(ip_, listener_->port(), &a).exchange(row.text);
    EXPECT_EQ(answer.substr(0, 12), row.status) << row.text << answer;
    EXPECT_NE(answer.find("\"failure\""), std::string::npos) << answer;
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(Peers, ATakenAddressIsHeldAndNamed) {
  serve_echo();
  const auto second = listen(ip_, listener_->port(), identity("b"),
                             [](const Request&) { return Result<Json>(Json()); });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().failure, Failure::held);
  EXPECT_NE(second.error().what.find(ip_), std::string::npos);
}

TEST_F(Peers, WhatCannotBeListenedOnIsSaid) {
  const Handler none = [](const Request&) { return Result<Json>(Json()); };
  EXPECT_EQ(listen("nowhere", 0, identity("b"), none).error().failure, Failure::bad_config);
  EXPECT_EQ(listen("192.0.2.1", 0, identity("b"), none).error().failure, Failure::bad_config);
  Identity absent = identity("b");
  absent.key = folder_ + "/absent";
  EXPECT_EQ(listen(ip_, 0, absent, none).error().failure, Failure::denied);
  Identity mixed = identity("b");
  mixed.key = identity("a").key;
  EXPECT_EQ(listen(ip_, 0, mixed, none).error().failure, Failure::denied);
}

TEST_F(Peers, AListenerEndsWithConnectionsOpenAndCallsWaiting) {
  serve(
      [&](const Request&) -> Result<Json> {
        ++handled_;
        clock_->sleep_for(100ms);
        return Json(1);
      },
      1);
  const Identity a = identity("a");
  const RawClient idle(ip_, listener_->port(), &a);
  std::vector<std::thread> threads;
  for (int i = 0; i < 5; ++i) threads.emplace_back([&, to = b()] { (void)call(*caller_, to); });
  while (handled_ == 0) clock_->sleep_for(1ms);
  listener_.reset();
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(handled_, 5);
}

TEST_F(Peers, ARenewedCertificateIsServedWithoutARestart) {
  serve_echo();
  const Identity a = identity("a");
  const std::string before = RawClient(ip_, listener_->port(), &a).serial_of_listener();
  const Identity own = identity("b");
  ASSERT_TRUE(files_->remove(own.cert));
  identity("b");
  const bool renewed = poll_until(*clock_, clock_->within(10s), 5ms, [&] {
    return RawClient(ip_, listener_->port(), &a).serial_of_listener() != before;
  });
  EXPECT_TRUE(renewed);
  EXPECT_TRUE(call());
}

TEST_F(Peers, ManyCallsWaitingAreRefusedAsNotDone) {
  serve(
      [&](const Request&) -> Result<Json> {
        while (!released_) clock_->sleep_for(1ms);
        return Json(++handled_);
      },
      1);
  // Raw clients that do not wait for their answers fill the queue without a thread each.
  const Identity a = identity("a");
  const std::string post = "POST /x HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\n{}";
  std::vector<std::unique_ptr<RawClient>> crowd;
  for (int i = 0; i < 1001; ++i) {
    crowd.push_back(std::make_unique<RawClient>(ip_, listener_->port(), &a));
    crowd.back()->send(post);
  }
  const bool full = poll_until(*clock_, clock_->within(60s), 20ms, [&] {
    const auto answer = call(1s);
    return !answer && answer.error().failure == Failure::unreachable;
  });
  released_ = true;
  EXPECT_TRUE(full);
}

}  // namespace
}  // namespace weir::peer
