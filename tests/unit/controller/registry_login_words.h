/*
 * registry_login_words: the words that the tests of logins share: a registry that wants tokens or
 * Basic, alice, and the exchanges that all of them begin with.
 */
#ifndef CLUSTERKEEPER_REGISTRY_LOGIN_WORDS_H
#define CLUSTERKEEPER_REGISTRY_LOGIN_WORDS_H

#include "registry_outcome.h"

#define AT    "https://reg.example/v2/acme/etl/manifests/1"
#define TOKEN "GET https://auth.example/token?service=reg&scope=repository%3Aacme%2Fetl%3Apull"
#define ASKS_BEARER                                                                          \
    "www-authenticate: Bearer realm=\"https://auth.example/token\",service=\"reg\",scope=\"" \
    "repository:acme/etl:pull\"\n"
#define ASKS_BEARER_ERROR(error)                                                             \
    "www-authenticate: Bearer realm=\"https://auth.example/token\",service=\"reg\",scope=\"" \
    "repository:acme/etl:pull\",error=\"" error "\"\n"
#define ASKS_BASIC   "www-authenticate: Basic realm=\"r\"\n"
#define ALICE        "Basic YWxpY2U6czNjcmV0" /* alice:s3cret */
#define GIVES(token) .status = 200, .body = "{\"token\":\"" token "\",\"expires_in\":300}"
#define IS_THERE     .status = 200, .headers = "docker-content-digest: ${index}\n"
#define IS_INDEX     .status = 200, .body = "@index"
#define UNAUTHORIZED                                  \
    {                                                 \
        "HEAD " AT, NULL, 401, .headers = ASKS_BEARER \
    }

#endif
