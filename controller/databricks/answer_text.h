/*
 * answer_text: what an answer that is no good says, in whatever shape it came.
 *
 * Answers are untrusted text of any length. What comes out is cut, valid UTF-8, one line, and free
 * of characters that move a terminal's cursor or turn the direction of writing.
 */
#ifndef CLUSTERKEEPER_ANSWER_TEXT_H
#define CLUSTERKEEPER_ANSWER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    ANSWER_CODE_SIZE = 64,
    ANSWER_MESSAGE_SIZE = 641, /* leaves room in an error for the rest */
    ANSWER_REQUEST_SIZE = 65,
    ANSWER_READ_MAX = 256 * 1024, /* what lies behind is not looked at */
};

/* databricks-api.md 5.1 */
enum answer_shape {
    ANSWER_EMPTY,
    ANSWER_JSON,   /* an object */
    ANSWER_HTML,   /* a gateway's page */
    ANSWER_TEXT,   /* "CODE: message", or only words */
    ANSWER_BROKEN, /* JSON that is no object, or was cut: not shown, it may hold a password */
    ANSWER_BYTES,  /* not even text */
};

struct answer {
    enum answer_shape shape;
    char code[ANSWER_CODE_SIZE];       /* "" when there is none */
    char message[ANSWER_MESSAGE_SIZE]; /* "" when there is none */
    char request_id[ANSWER_REQUEST_SIZE];
};

void answer_read(const char *text, size_t len, struct answer *ret_answer);
const char *answer_shape_name(enum answer_shape shape); /* "an HTML page" */

/*
 * The text begins with a JSON object that ends where the text ends, blanks aside. Quick, and
 * enough to tell an answer from a page or from one that was cut; reading it finds the rest.
 */
bool answer_is_whole_object(const char *text, size_t len);

#endif
