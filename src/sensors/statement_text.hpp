// The text of one statement, for the record only: nothing is ever decided by it.
//
// Promise: no secret gets out. Of a statement that can hold one, and of a text around it that can't be taken apart,
// nothing is kept but that it was one.
#pragma once

#include "pg/pg.hpp"

namespace schema_guard {

// Notes where the text of the utility statement now beginning is. From the utility hook.
void note_statement_text(const Node *tree, const char *source, int location, int length);

// The text of the statement with this tree, in the current memory context; null if it must not or cannot be known.
const char *statement_text(const Node *tree);

// A statement's part of a source text, in the current memory context; of the whole text if `length` is 0.
const char *cut_statement(const char *source, int location, int length);

} // namespace schema_guard
