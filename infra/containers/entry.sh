#!/bin/sh
# The cache is a volume that may be empty; TensorFlow is part of the image.
set -eu
for part in /opt/tensorflow/*; do
  [ -e "$part" ] && ln -sfn "$part" "$CONVOY_CACHE_DIR/${part##*/}"
done
exec convoy "$@"
