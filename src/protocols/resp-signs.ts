// The first byte of a value says what it is.

export const LF = 10;
export const CR = 13;
export const BLOB_ERROR = 33; // !
export const BOOLEAN = 35; // #
export const BULK = 36; // $
export const MAP = 37; // %
export const BIG_NUMBER = 40; // (
export const ARRAY = 42; // *
export const SIMPLE = 43; // +
export const DOUBLE = 44; // ,
export const ERROR = 45; // -
export const INTEGER = 58; // :
export const VERBATIM = 61; // =
export const PUSH = 62; // >
export const QUESTION_MARK = 63; // ? instead of a length: streamed
export const NULL = 95; // _
export const ATTRIBUTE = 124; // |
export const SET = 126; // ~
