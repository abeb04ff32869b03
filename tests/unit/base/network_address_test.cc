#include "base/network_address.h"

#include <string>

#include <gtest/gtest.h>

namespace pgring::base {
namespace {

struct Spelling {
    std::string_view text;
    std::string_view canonical;
};

TEST(NetworkAddress, ReadsAddressesAndWritesThemAsTheRfcsSay) {
    for (const Spelling& address : {
             Spelling{"0.0.0.0", "0.0.0.0"},
             {"192.0.2.1", "192.0.2.1"},
             {"255.255.255.255", "255.255.255.255"},
             {"::", "::"},
             {"::1", "::1"},
             {"1::", "1::"},
             {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
             {"2001:DB8::ABCD", "2001:db8::abcd"},
             {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // one zero group is not shortened
             {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // the longest run is
             {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // the first of equals is
             {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
             {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
             {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
             {"::ffff:c000:201", "::ffff:192.0.2.1"},
             {"64:ff9b::192.0.2.1", "64:ff9b::c000:201"},
             {"1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"},
         }) {
        const auto parsed = parse_ip_address(address.text);
        ASSERT_TRUE(parsed.has_value()) << address.text;
        EXPECT_EQ(ip_to_string(*parsed), address.canonical) << address.text;
        EXPECT_EQ(parse_ip_address(ip_to_string(*parsed)), parsed) << address.text;
    }
}

TEST(NetworkAddress, RefusesEverythingElse) {
    for (const std::string_view text : {
             "",
             "1",
             "1.2.3",
             "1.2.3.4.5",
             "1.2.3.256",
             "1.2.3.",
             ".1.2.3",
             "01.2.3.4",
             "1.2.3.4 ",
             " 1.2.3.4",
             "1.2.3.-4",
             "1.2.3.4:5432",
             "1.2.3.0x4",
             "localhost",
             ":",
             ":::",
             ":1",
             "1:",
             "1::2::3",
             "1:2:3",
             "12345::",
             "::g",
             "::1%eth0",
             "[::1]",
             "::1.2.3",
             "1.2.3.4::",
             "::1.2.3.4:5",
             "1:2:3:4:5:6:7:8:9",
             "1:2:3:4:5:6:7:8::",
             "::1:2:3:4:5:6:7:8",
             "1:2:3:4:5:6:7:1.2.3.4",
             "::-1",
             "::+1",
             "::0x1",
             "1:2:3:4::5:6:7:8",
         }) {
        EXPECT_EQ(parse_ip_address(text), std::nullopt) << text;
    }
    EXPECT_EQ(parse_ip_address(std::string_view("1.2.3.4\0", 8)), std::nullopt);
}

TEST(NetworkAddress, WritesThePort) {
    NetworkAddress address = parse_ip_address("192.0.2.1").value();
    address.port = 5432;
    EXPECT_EQ(to_string(address), "192.0.2.1:5432");
    address = parse_ip_address("2001:db8::1").value();
    address.port = 65535;
    EXPECT_EQ(to_string(address), "[2001:db8::1]:65535");
    EXPECT_EQ(to_string(NetworkAddress()), "[local]");
}

TEST(NetworkAddress, UnmapsWhatADualStackSocketShows) {
    NetworkAddress mapped = parse_ip_address("::ffff:192.0.2.1").value();
    mapped.port = 7;
    NetworkAddress expected = parse_ip_address("192.0.2.1").value();
    expected.port = 7;
    EXPECT_EQ(unmapped(mapped), expected);
    for (const std::string_view other :
         {"::fffe:192.0.2.1", "1::ffff:192.0.2.1", "::192.0.2.1", "192.0.2.1"}) {
        const NetworkAddress address = parse_ip_address(other).value();
        EXPECT_EQ(unmapped(address), address) << other;
    }
}

TEST(NetworkAddress, CountsItsSignificantBytes) {
    EXPECT_EQ(NetworkAddress().significant_bytes().size(), 0U);
    EXPECT_EQ(parse_ip_address("1.2.3.4")->significant_bytes().size(), 4U);
    EXPECT_EQ(parse_ip_address("::")->significant_bytes().size(), 16U);
}

}  // namespace
}  // namespace pgring::base
