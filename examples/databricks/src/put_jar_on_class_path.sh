#!/bin/sh
# Init script: Foretable's extension of Spark, before the driver and the executors start. Upload it to the volume, with
# the jar that `foretable doctor` or any other command makes in the jars folder of a home.
set -eu
cp "$FORETABLE_VOLUME"/foretable-extension-*.jar /databricks/jars/
