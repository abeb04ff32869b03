#include "base/chunks.h"

#include <vector>

#include <gtest/gtest.h>

namespace pgring::base {
namespace {

struct Element {
    int value = -1;
};

TEST(Chunks, ElementsStayWhereTheyAreWhileOthersAreAdded) {
    Chunks<Element> elements;
    std::vector<Element*> addresses;
    for (int i = 0; i < 1000; ++i) {
        Element& element = elements.add();
        EXPECT_EQ(element.value, -1);
        element.value = i;
        addresses.push_back(&element);
    }
    ASSERT_EQ(elements.size(), 1000U);
    for (std::uint32_t i = 0; i < elements.size(); ++i) {
        EXPECT_EQ(&elements[i], addresses[i]);
        EXPECT_EQ(elements[i].value, static_cast<int>(i));
    }
}

TEST(ChunksDeathTest, AnIndexBeyondTheEndIsABrokenContract) {
    Chunks<Element> elements;
    elements.add();
    EXPECT_DEATH(static_cast<void>(elements[1]), "index < size_");
}

}  // namespace
}  // namespace pgring::base
