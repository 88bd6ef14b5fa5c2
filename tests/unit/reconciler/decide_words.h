/*
 * decide_words: manifests and specs that the tests of decide share, as text.
 */
#ifndef CLUSTERKEEPER_TEST_DECIDE_WORDS_H
#define CLUSTERKEEPER_TEST_DECIDE_WORDS_H

/* What the manifests state, and the same as the workspace has it. */
#define WANTS(image, workers, more)                                              \
    "spec: {spark_version: 15.4.x-scala2.12, node_type_id: i3.xlarge, "          \
    "num_workers: " workers ", docker_image: {url: \"" image "\"}, spark_conf: " \
    "{spark.a: \"1\"}}\n" more
#define HAS_CONF(image, workers, conf)                                  \
    "{\"cluster_name\":\"etl\",\"spark_version\":\"15.4.x-scala2.12\"," \
    "\"node_type_id\":\"i3.xlarge\",\"num_workers\":" workers           \
    ",\"docker_image\":{\"url\":\"" image "\"},\"spark_conf\":{\"spark.a\":\"" conf "\"}}"
#define HAS(image, workers) HAS_CONF(image, workers, "1")

#define V1 "acme/etl:1"
#define V2 "acme/etl:2"
#define V3 "acme/etl:3"

#define EXTRAS                                 \
    "libraries: [{pypi: {package: polars}}]\n" \
    "permissions: [{group_name: analysts, permission_level: CAN_RESTART}]\n"

#endif
