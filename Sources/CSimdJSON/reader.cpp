// simdjson's DOM behind the C interface: values are positions on the document's tape.

#define SIMDJSON_EXCEPTIONS 0

#include "CSimdJSON.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <simdjson.h>

using simdjson::internal::tape_ref;
using simdjson::internal::tape_type;

namespace {

/// A document up to this long finds its memory ready; what a longer one needed is given back.
constexpr size_t retained_capacity = 64 * 1024;
constexpr size_t smallest_capacity = 4 * 1024;

/// The tape begins with a marker; the outermost value follows.
constexpr sj_position root_position = 1;

}  // namespace

struct sj_memory {
    size_t maximum_length;
    size_t maximum_depth;
    size_t capacity = 0;
    simdjson::dom::parser parser{};
    simdjson::dom::document document{};
    std::unique_ptr<uint8_t[]> input{};

    tape_ref at(sj_position position) const noexcept { return tape_ref(&document, position); }

    /// Makes room for a document of `length` bytes, and less than before if that was unusually much.
    simdjson::error_code reserve(size_t length) noexcept {
        const bool oversized = capacity > retained_capacity && length <= retained_capacity;
        if (length <= capacity && !oversized) { return simdjson::SUCCESS; }
        size_t wanted = smallest_capacity;
        while (wanted < length) { wanted *= 2; }
        capacity = 0;
        input.reset(new (std::nothrow) uint8_t[wanted + simdjson::SIMDJSON_PADDING]);
        if (!input) { return simdjson::MEMALLOC; }
        if (auto error = document.allocate(wanted)) { return error; }
        // simdjson counts the document itself as a level.
        if (auto error = parser.allocate(wanted, maximum_depth + 1)) { return error; }
        capacity = wanted;
        return simdjson::SUCCESS;
    }

    simdjson::error_code parse(const uint8_t *bytes, size_t length) noexcept {
        if (auto error = reserve(length)) { return error; }
        std::memcpy(input.get(), bytes, length);
        const bool reallocate = false;
        return parser.parse_into_document(document, input.get(), length, reallocate).error();
    }
};

namespace {

/// A parser that was destroyed waits here to become another one.
struct spare_parser : sj_parser {
    spare_parser *next;
};

std::mutex spares_mutex;
spare_parser *spares = nullptr;

spare_parser *take_spare() {
    const std::lock_guard lock(spares_mutex);
    spare_parser *const spare = spares;
    if (spare != nullptr) { spares = spare->next; }
    return spare;
}

tape_ref at(const sj_parser *parser, sj_position position) { return parser->memory->at(position); }

}  // namespace

sj_parser *sj_parser_create(size_t maximum_length, size_t maximum_depth) {
    auto memory = std::unique_ptr<sj_memory>(new (std::nothrow) sj_memory{maximum_length, maximum_depth});
    if (!memory) { return nullptr; }
    spare_parser *parser = take_spare();
    if (parser == nullptr) { parser = new (std::nothrow) spare_parser{}; }
    if (parser != nullptr) { parser->memory = memory.release(); }
    return parser;
}

void sj_parser_destroy(sj_parser *parser) {
    parser->generation += 1;
    delete parser->memory;
    parser->memory = nullptr;
    auto *const spare = static_cast<spare_parser *>(parser);
    const std::lock_guard lock(spares_mutex);
    spare->next = spares;
    spares = spare;
}

sj_status sj_parse(sj_parser *parser, const uint8_t *bytes, size_t length, sj_position *root) {
    parser->generation += 1;
    if (length == 0) { return sj_status_malformed; }
    if (length > parser->memory->maximum_length) { return sj_status_tooLong; }
    switch (parser->memory->parse(bytes, length)) {
    case simdjson::SUCCESS:
        *root = root_position;
        return sj_status_ok;
    case simdjson::DEPTH_ERROR:
        return sj_status_tooDeep;
    case simdjson::CAPACITY:
    case simdjson::MEMALLOC:
        return sj_status_tooLong;
    default:
        return sj_status_malformed;
    }
}

sj_kind sj_kind_of(const sj_parser *parser, sj_position value) {
    switch (at(parser, value).tape_ref_type()) {
    case tape_type::FALSE_VALUE: return sj_kind_false;
    case tape_type::TRUE_VALUE: return sj_kind_true;
    case tape_type::INT64: return sj_kind_int64;
    case tape_type::UINT64: return sj_kind_uint64;
    case tape_type::DOUBLE: return sj_kind_double;
    case tape_type::STRING: return sj_kind_string;
    case tape_type::START_ARRAY: return sj_kind_array;
    case tape_type::START_OBJECT: return sj_kind_object;
    default: return sj_kind_null;
    }
}

int64_t sj_int64(const sj_parser *parser, sj_position value) {
    return at(parser, value).next_tape_value<int64_t>();
}

uint64_t sj_uint64(const sj_parser *parser, sj_position value) {
    return at(parser, value).next_tape_value<uint64_t>();
}

double sj_double(const sj_parser *parser, sj_position value) {
    return at(parser, value).next_tape_value<double>();
}

sj_text sj_string(const sj_parser *parser, sj_position value) {
    const auto text = at(parser, value).get_string_view();
    return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

bool sj_equals(const sj_parser *parser, sj_position value, const uint8_t *text, size_t length) {
    if (sj_kind_of(parser, value) != sj_kind_string) { return false; }
    const sj_text string = sj_string(parser, value);
    return string.length == length && std::memcmp(string.bytes, text, length) == 0;
}

bool sj_find(const sj_parser *parser, sj_position value, const uint8_t *name, size_t length, sj_position *found) {
    if (sj_kind_of(parser, value) != sj_kind_object) { return false; }
    bool any = false;
    sj_cursor cursor = sj_children(parser, value);
    sj_text candidate;
    sj_position member;
    while (sj_next_member(parser, &cursor, &candidate, &member)) {
        if (candidate.length == length && std::memcmp(candidate.bytes, name, length) == 0) {
            *found = member;
            any = true;
        }
    }
    return any;
}

sj_cursor sj_children(const sj_parser *parser, sj_position value) {
    const auto kind = sj_kind_of(parser, value);
    if (kind != sj_kind_array && kind != sj_kind_object) { return {value, value}; }
    // The tape closes a container with a mark of its own.
    return {value + 1, static_cast<sj_position>(at(parser, value).after_element() - 1)};
}

bool sj_next_element(const sj_parser *parser, sj_cursor *cursor, sj_position *element) {
    if (cursor->next == cursor->end) { return false; }
    *element = cursor->next;
    cursor->next = static_cast<sj_position>(at(parser, *element).after_element());
    return true;
}

bool sj_next_member(const sj_parser *parser, sj_cursor *cursor, sj_text *name, sj_position *value) {
    if (cursor->next == cursor->end) { return false; }
    *name = sj_string(parser, cursor->next);
    *value = cursor->next + 1;
    cursor->next = static_cast<sj_position>(at(parser, *value).after_element());
    return true;
}
