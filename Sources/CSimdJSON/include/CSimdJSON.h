// Reading JSON with simdjson, seen from C. Nothing here throws or allocates, except that a parser allocates
// when it is made and when a document is longer than all before it.

#ifndef CSIMDJSON_H
#define CSIMDJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma clang assume_nonnull begin

/// Reads one document at a time and keeps its memory for the next. At its address there is one for as long as the process
/// lives: when this one is destroyed, sooner or later another.
typedef struct {
    /// Moves on with each document, and when the parser is destroyed: positions of before are meaningless then.
    uint32_t generation;
    /// How many are looking at bytes of the document; the caller counts them.
    uint32_t borrowers;
    struct sj_memory *_Nullable memory;
} sj_parser;

/// Where a value lies in the document that was parsed last; meaningless after the next parse.
typedef uint32_t sj_position;

/// The UTF-8 of a string, unescaped; may hold NUL, and lives until the next parse.
typedef struct {
    const uint8_t *_Nullable bytes;
    size_t length;
} sj_text;

/// The children of a container that are yet to come.
typedef struct {
    sj_position next;
    sj_position end;
} sj_cursor;

typedef enum __attribute__((enum_extensibility(closed))) {
    sj_status_ok,
    /// No JSON text (RFC 8259) or not UTF-8, or a number that no 64-bit integer or double can hold.
    sj_status_malformed,
    sj_status_tooDeep,
    /// Longer than allowed, or than memory allows.
    sj_status_tooLong,
} sj_status;

typedef enum __attribute__((enum_extensibility(closed))) {
    sj_kind_null,
    sj_kind_false,
    sj_kind_true,
    /// An integer in the range of int64_t.
    sj_kind_int64,
    /// An integer above the range of int64_t.
    sj_kind_uint64,
    /// A number with a fraction or an exponent.
    sj_kind_double,
    sj_kind_string,
    sj_kind_array,
    sj_kind_object,
} sj_kind;

/// - maximum_length: Bytes of a document, at most 1 GiB.
/// - maximum_depth: How many containers may enclose a value.
/// Returns NULL when memory is short.
sj_parser *_Nullable sj_parser_create(size_t maximum_length, size_t maximum_depth);
void sj_parser_destroy(sj_parser *parser);

/// Reads one document from a copy of the bytes, which may be NULL where there are none; `root` is set only on success.
sj_status sj_parse(sj_parser *parser, const uint8_t *_Nullable bytes, size_t length, sj_position *root);

sj_kind sj_kind_of(const sj_parser *parser, sj_position value);

/// The value must be of the kind that the function names.
int64_t sj_int64(const sj_parser *parser, sj_position value);
uint64_t sj_uint64(const sj_parser *parser, sj_position value);
double sj_double(const sj_parser *parser, sj_position value);
sj_text sj_string(const sj_parser *parser, sj_position value);
/// Whether this is a string, and exactly that one; `text` is not null.
bool sj_equals(const sj_parser *parser, sj_position value, const uint8_t *text, size_t length);

/// Finds the last member of that name; false if there is none, or `value` is no object.
bool sj_find(const sj_parser *parser, sj_position value, const uint8_t *name, size_t length, sj_position *found);

/// The children of an array or object; none of anything else.
sj_cursor sj_children(const sj_parser *parser, sj_position value);
/// The cursor must come from an array.
bool sj_next_element(const sj_parser *parser, sj_cursor *cursor, sj_position *element);
/// The cursor must come from an object.
bool sj_next_member(const sj_parser *parser, sj_cursor *cursor, sj_text *name, sj_position *value);

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif

#endif
