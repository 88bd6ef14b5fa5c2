#!/bin/bash
# Runs as root in the container on each node, before Spark starts. If it fails, so does the start.
set -euo pipefail

mkdir -p /var/lib/streaming/checkpoints
echo "node ${DB_CONTAINER_IP:-unknown} of cluster ${DB_CLUSTER_ID:-unknown} is prepared"
