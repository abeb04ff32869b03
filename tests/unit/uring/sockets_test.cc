#include "uring/sockets.h"

#include <chrono>
#include <expected>
#include <string>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace pgring::uring {
namespace {

using namespace std::chrono_literals;

/// What the kernel says of a new socket with these settings.
int option_of_opened(const config::PgringSettings& settings, int level, int name) {
    std::expected<Descriptor, int> const opened = open_socket(AF_INET, settings);
    EXPECT_TRUE(opened.has_value());
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(opened->get(), level, name, &value, &size), 0);
    return value;
}

std::string congestion_control_of(int fd) {
    char name[16]{};
    socklen_t size = sizeof name - 1;
    EXPECT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size), 0);
    return name;
}

TEST(OpenSocket, NeverWaitsForMoreToSend) {
    EXPECT_EQ(option_of_opened({}, IPPROTO_TCP, TCP_NODELAY), 1);
}

TEST(OpenSocket, TakesTheTimesOfKeepalive) {
    config::PgringSettings settings;
    settings.tcp_keepidle = 31s;
    settings.tcp_keepintvl = 7s;
    settings.tcp_keepcnt = 3;
    EXPECT_EQ(option_of_opened(settings, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option_of_opened(settings, IPPROTO_TCP, TCP_KEEPIDLE), 31);
    EXPECT_EQ(option_of_opened(settings, IPPROTO_TCP, TCP_KEEPINTVL), 7);
    EXPECT_EQ(option_of_opened(settings, IPPROTO_TCP, TCP_KEEPCNT), 3);
}

TEST(OpenSocket, HasNoKeepaliveWhereItIsOff) {
    config::PgringSettings settings;
    settings.tcp_keepalive = false;
    EXPECT_EQ(option_of_opened(settings, SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST(OpenSocket, UserTimeoutDoesNotDependOnKeepalive) {
    config::PgringSettings settings;
    settings.tcp_user_timeout = 1500ms;
    EXPECT_EQ(option_of_opened(settings, IPPROTO_TCP, TCP_USER_TIMEOUT), 1500);
    settings.tcp_keepalive = false;
    EXPECT_EQ(option_of_opened(settings, IPPROTO_TCP, TCP_USER_TIMEOUT), 1500);
}

/// Every kernel with TCP has reno.
TEST(OpenSocket, TakesTheCongestionControl) {
    config::PgringSettings settings;
    settings.tcp_congestion_control = "reno";
    auto const opened = open_socket(AF_INET, settings);
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ(congestion_control_of(opened->get()), "reno");
}

TEST(ListenTcp, TakesTheCongestionControlOrSaysWhyNot) {
    config::PgringSettings settings;
    settings.listen_addr = {"127.0.0.1"};
    settings.listen_port = 0;
    settings.tcp_congestion_control = "reno";
    auto const listeners = listen_tcp(settings, Sharing::Alone);
    ASSERT_TRUE(listeners.has_value()) << listeners.error();
    EXPECT_EQ(congestion_control_of(listeners->front().descriptor.get()), "reno");
    settings.tcp_congestion_control = "nosuch";
    auto const refused = listen_tcp(settings, Sharing::Alone);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().substr(0, refused.error().find(':')),
              "cannot use tcp_congestion_control = \"nosuch\"");
}

TEST(ListenTcp, AcceptedSocketsInheritTheUserTimeout) {
    config::PgringSettings settings;
    settings.listen_addr = {"127.0.0.1"};
    settings.listen_port = 0;
    settings.tcp_keepalive = false;
    settings.tcp_user_timeout = 1500ms;
    auto const listeners = listen_tcp(settings, Sharing::Alone);
    ASSERT_TRUE(listeners.has_value()) << listeners.error();
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ASSERT_EQ(
        ::getsockname(listeners->front().descriptor.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    Descriptor const client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    Descriptor const accepted(::accept(listeners->front().descriptor.get(), nullptr, nullptr));
    int value = -1;
    socklen_t value_size = sizeof value;
    ASSERT_EQ(::getsockopt(accepted.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &value_size), 0);
    EXPECT_EQ(value, 1500);
}

}  // namespace
}  // namespace pgring::uring
